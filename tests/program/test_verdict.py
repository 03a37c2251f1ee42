"""The verdict is ours: computed from the point, retried when it is not good enough, and said when it stays so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cvxpy as cp
import numpy as np
import pytest
from official import official

import iomodel as iom
from iomodel.economy import Economy
from iomodel.errors import ExperimentError, SolverError
from iomodel.program import solvers
from iomodel.program.block import Block, Term, Var
from iomodel.program.build import Program
from iomodel.program.certificate import primal_residuals
from iomodel.program.solvers import (
    CLARABEL,
    MOREAU,
    QOCO,
    REFINED,
    RESCALED,
    SCALED,
    Solver,
    solve_program,
    solver_named,
)
from iomodel.program.trajectory import Trajectory


def test_a_good_answer_is_not_retried(path_of: Callable[..., Trajectory]) -> None:
    for policy in ("supply-only", "demand-only", "two-halves", "best-path"):
        verdict = path_of(policy).verdict
        assert verdict.status == "optimal"
        assert verdict.remedies == ()
        assert verdict.solver == "Clarabel"
        assert "optimal" in str(verdict)


def test_what_misses_the_tolerance_is_retried_and_said(china: Economy, monkeypatch: pytest.MonkeyPatch) -> None:
    """No point meets a tolerance of zero: the whole chain is tried, and the answer is called inaccurate."""
    monkeypatch.setattr(solvers, "TOLERANCE", 0.0)
    program = iom.build(official("demand-only"), china)
    verdict = solve_program(program)
    assert verdict.status == "inaccurate"
    tried = {*verdict.remedies, f"{verdict.solver}: inaccurate"}
    chain = [CLARABEL, REFINED, RESCALED, SCALED, *(other for other in (MOREAU, QOCO) if other.installed)]
    assert {f"{solver.label}: inaccurate" for solver in chain} <= tried
    assert len(tried) == len(chain)


@pytest.mark.parametrize("solver", [MOREAU, QOCO], ids=lambda solver: solver.label)
@pytest.mark.parametrize("policy", ["supply-only", "two-halves", "best-path"])
def test_a_second_opinion_finds_the_same(solver: Solver, policy: str) -> None:
    if not solver.installed:
        pytest.skip(f"{solver.label} is not installed")
    first, second = (iom.build(iom.load_experiment(policy)) for _ in range(2))
    one, other = solve_program(first), solve_program(second, solver.name.lower())
    assert (other.status, other.solver) == ("optimal", solver.label)
    assert other.objective == pytest.approx(one.objective, rel=1e-6)


def test_the_best_of_several_inaccurate_answers_is_kept(china: Economy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later try that is worse does not take the place of an earlier one: its point goes back to the variables."""
    early = replace(CLARABEL, settings={**CLARABEL.settings, "max_iter": 6}, label="stopped early")
    monkeypatch.setattr(solvers, "TOLERANCE", 0.0)
    monkeypatch.setattr(solvers, "ALONE", (CLARABEL, early, early, early, early))
    program = iom.build(official("demand-only"), china)
    verdict = solve_program(program)
    assert verdict.solver == "Clarabel"
    assert verdict.remedies == ("stopped early: inaccurate",) * 4
    assert max(primal_residuals(program).values()) < 1e-9


def test_an_inaccurate_path_says_so(china: Economy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solvers, "TOLERANCE", 0.0)
    path = iom.solve(official("demand-only"), china)
    assert path.verdict.status == "inaccurate"
    assert str(path.verdict).startswith("inaccurate")


def test_residuals_are_of_each_law_in_its_own_scale(solved_program: Callable[..., Program], china: Economy) -> None:
    program = iom.build(official("demand-only"), china)
    assert solve_program(program).status == "optimal"
    found = primal_residuals(program)
    signs = {f"{name}_not_negative" for name, variable in program.variables.items() if variable.nonneg}
    assert set(found) == set(program.laws) | signs
    assert max(found.values()) < 1e-9
    held = program.values["unemployed"].value
    program.values["unemployed"].value = np.asarray(held) + 0.4
    worse = primal_residuals(program)
    assert worse["unemployment"] == pytest.approx(0.4 / np.abs(held + 0.4).max(), rel=1e-2)
    assert worse["programme_pace"] == found["programme_pace"]
    programme = program.values["programme"]
    programme.save_value(np.asarray(programme.value) - 0.5)  # past cvxpy's own check, as a solver's point is
    assert primal_residuals(program)["programme_not_negative"] > 0.05


@pytest.mark.skipif(not MOREAU.installed, reason="moreau is not installed here")
def test_a_second_solver_finds_the_same_optimum(china: Economy, path_of: Callable[..., Trajectory]) -> None:
    experiment = official("two-halves").replace(solver="moreau")
    path = iom.solve(experiment, china)
    first = path_of("two-halves")
    assert path.verdict.solver == "moreau"
    assert path.verdict.status == "optimal"
    assert path.verdict.objective == pytest.approx(first.verdict.objective, abs=1e-5)
    for name in ("household_consumption", "programme", "unemployment_rate"):
        assert float(abs(path.data[name] - first.data[name]).max()) < 1e-2, name


def test_a_solver_that_is_not_there() -> None:
    with pytest.raises(ExperimentError, match=r"solver 'clarabell' is not installed; use one of clarabel"):
        solver_named("clarabell")
    with pytest.raises(ExperimentError, match="is not installed"):
        iom.solve(official("demand-only").replace(solver="mosek"))


def test_a_goal_without_end(china: Economy) -> None:
    """An unbounded program gives no path, and says why."""
    endless = Block(
        "endless",
        variables=lambda _: [Var("wish", ("year",), "anything", nonneg=True)],
        goal=lambda v, p: [Term("wish", p.discount @ v["wish"])],
    )
    with pytest.raises(SolverError, match=r"the program is unbounded\. wish rises without end"):
        iom.solve(official("demand-only"), china, [endless])


def test_a_price_of_no_law_names_the_nearest(path_of: Callable[[str], iom.Trajectory]) -> None:
    prices = path_of("demand-only").shadow_prices
    with pytest.raises(ExperimentError, match="Did you mean package"):
        prices["packge"]
    assert "packge" not in prices


def test_no_best_path_ends_the_command_as_no_path_does() -> None:
    assert SolverError("it runs away", "unbounded").exit_code == 3
    assert SolverError("it failed").exit_code == 4


def test_a_named_solver_that_fails_is_said_with_those_to_try(china: Economy, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise cp.SolverError(
            "Solver 'QOCO' failed. Try another solver, or solve with verbose=True for more information."
        )

    monkeypatch.setattr("iomodel.program.solvers._by_cvxpy", fails)
    with pytest.raises(SolverError) as said:
        iom.solve(official("demand-only").replace(solver="moreau"), china)
    text = str(said.value)
    assert text.startswith(
        "demand-only: no path was found; the solver moreau says failed (no answer). A solver that is "
    )
    assert "verbose" not in text
    assert "tried alone, without the remedies" in text
    others = text.rpartition("try another: ")[2].rstrip(".").split(", ")
    assert "clarabel" in others
    assert "moreau" not in others
