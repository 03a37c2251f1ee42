"""Verdicts that do not look, lies and proofs that miss are caught; and the product falls for none of them."""

from __future__ import annotations

import warnings
from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest
from answers import COLLISION, OPTIMUM, hold, known_collision, optimum
from certifying import lies, proof, regret, trials
from certifying.draws import drawn
from certifying.lawbook import LawBook, lawbook
from scipy import sparse

import iomodel as iom
from iomodel.program.build import Program
from iomodel.program.certificate import Verdict
from iomodel.program.solvers import MOREAU, solve_program


def _always(status: str) -> Any:
    """A verdict function that does not look."""

    def verdict(program: Any, _: str | None = None) -> Verdict:
        for variable in program.problem.variables():
            variable.save_value(np.ones(variable.shape))
        for law in program.laws.values():
            law.constraint.dual_variables[0].save_value(np.zeros(law.constraint.shape))
        return Verdict(status, solver="Clarabel")

    return verdict


@pytest.mark.parametrize(
    ("run", "status", "found"),
    [
        (OPTIMUM, "infeasible", "its optimum is known"),
        (OPTIMUM, "unbounded", "its optimum is known"),
        (OPTIMUM, "optimal", "from the planted one"),
        (COLLISION, "optimal", "a certificate says that it is infeasible"),
        (COLLISION, "infeasible", "twin with room is called infeasible"),
    ],
)
def test_a_verdict_that_does_not_look_is_caught(
    run: int, status: str, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "solve_program", _always(status))
    report = trials.trial(run)
    assert found in "; ".join(report.wrong)
    assert bool(report.uncertified) == (status == "optimal" or run == COLLISION)


@pytest.mark.parametrize("status", ["inaccurate", "failed"])
@pytest.mark.parametrize("run", [OPTIMUM, COLLISION])
def test_no_verdict_on_a_planted_answer_is_wrong(run: int, status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "solve_program", _always(status))
    report = trials.trial(run)
    assert report.wrong[0].startswith(
        f"pinned optimum whose optimum is known: {status}"
        if run == OPTIMUM
        else f"collision that a certificate proves: {status}"
    )
    assert report.inaccurate == []


@pytest.mark.parametrize(("given", "said"), [(np.zeros, "misses by 0.0e+00"), (lambda _: None, "none given")])
def test_a_proof_that_misses_is_uncertified(given: Any, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Infeasible by multipliers that prove nothing, and without any."""
    known, verdicts = known_collision(), trials.solve_program
    monkeypatch.setattr(trials, "planted_collision", lambda _: known)

    def spoiled(program: Any, solver: str | None = None) -> Verdict:
        verdict = verdicts(program, solver)
        for law in program.laws.values():
            law.constraint.dual_variables[0].save_value(given(law.constraint.shape))
        return verdict

    monkeypatch.setattr(trials, "solve_program", spoiled)
    report = trials.trial(COLLISION)
    assert report.facts["own proof"] == said
    assert report.uncertified[0] == f"infeasible: the product's own proof: {said}"


def _word(program: Any, _: str | None = None) -> Verdict:
    """A verdict function that takes the solver's word."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program.problem.solve(solver="CLARABEL", warm_start=False)
    return Verdict(str(program.problem.status), solver="Clarabel")


@cache
def _lied_about(lie: str) -> Program:
    """The program of a hidden lie, or a planted one."""
    case = drawn(OPTIMUM, 0)
    hiding = lie in lies.HIDDEN
    return iom.build(case.experiment, case.economy, [lies.hiding_block(lie)]) if hiding else optimum().book.program


@pytest.mark.parametrize("lie", lies.LIES)
def test_who_believes_a_lie_is_caught(lie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A verdict function that takes the solver's word believes every lie."""
    monkeypatch.setattr(trials, "solve_program", _word)
    assert trials.believed(_lied_about(lie), lie, np.random.default_rng(1))


@pytest.mark.parametrize("lie", lies.LIES)
def test_the_product_believes_no_lie(lie: str) -> None:
    assert trials.believed(_lied_about(lie), lie, np.random.default_rng(1)) == []


@pytest.mark.parametrize("lie", lies.HIDDEN)
def test_the_judge_believes_no_hidden_lie(lie: str) -> None:
    """At 3, where 7.25 is best, and at 1.375 with a price of the wrong sign, where −10.625 is; the honest answer of the
    same program is certified."""
    program = _lied_about(lie)
    book = lawbook(program)
    assert solve_program(program).status == "optimal"
    assert max(regret.doubts(book).values()) < regret.TOLERANCE
    with lies.lying(lie, np.random.default_rng(1)):
        _word(program)
    found = regret.doubts(book)
    told = float(program.values["told"].value)
    lost = lies.MOST - told if lie == lies.HIDDEN[0] else lies.SLOPE * min(1 + told, told + lies.FLOOR)
    assert found["regret"] * regret.money_of(book) >= min(lost, 1 + told) - 1e-4
    assert found["regret"] > 100 * regret.TOLERANCE
    assert found["laws"] < regret.TOLERANCE
    assert (found["signs"] > regret.TOLERANCE) == (lie == lies.HIDDEN[1])


@pytest.mark.skipif(not MOREAU.installed, reason="without a second solver nothing is left to ask")
def test_a_lie_is_mended_by_an_honest_solver() -> None:
    """The remedies: whoever lies is not believed, and the next solver finds the planted point."""
    known = optimum()
    with lies.lying("prices turned", np.random.default_rng(1)):
        verdict = solve_program(known.book.program)
    assert (verdict.status, verdict.solver) == ("optimal", "moreau")
    assert verdict.remedies
    assert all(remedy.startswith("Clarabel") for remedy in verdict.remedies)
    assert np.abs(known.book.point() - known.point).max() < 1e-3 * np.abs(known.point).max()


def test_a_lie_ends_with_its_block() -> None:
    import clarabel

    honest = clarabel.DefaultSolver
    with lies.lying("prices turned", np.random.default_rng(0)):
        assert clarabel.DefaultSolver is not honest
    assert clarabel.DefaultSolver is honest


def test_what_no_simulation_does_is_seen() -> None:
    """The planted point, a simulated path, does nothing of the kind but where it is made to."""
    known = optimum()
    hold(known, known.point, known.multipliers)
    values = known.book.program.values
    for name, amount in (("forced_saving", 0.0), ("overflow_imports", 0.0), ("unemployed", 1e3)):
        values[name].save_value(np.full(values[name].shape, amount))
    before = trials.beyond_the_simulation(known.book.program)
    assert "idle" not in before
    assert "rationing" not in before
    values["forced_saving"].save_value(np.full(values["forced_saving"].shape, 1.0))
    after = trials.beyond_the_simulation(known.book.program)
    assert "rationing while labour is idle, rationing before overflow is at its limit" in after
    hold(known, known.point, known.multipliers)


# ---------------------------------------------------------------- certificates of infeasibility


def test_a_certificate_proves_its_gap_and_no_more() -> None:
    known = known_collision()
    margin = proof.farkas_margin(known.book, proof.shortened(known.certificate), known.most)
    assert isinstance(margin, Fraction)
    assert 0.9 * known.gap < margin < 1.1 * known.gap


def test_no_certificate_proves_what_is_feasible() -> None:
    """Of the twin with room neither the planted certificate nor any random one is a proof."""
    known, rng = known_collision(), np.random.default_rng(0)
    certificates = [known.certificate, *(rng.normal(size=known.certificate.size) for _ in range(3))]
    assert all(proof.farkas_margin(known.twin, proof.shortened(y), known.most) <= 0 for y in certificates)
    assert proof.infeasible_by_highs(known.twin) is False
    assert proof.infeasible_by_highs(known.book) is True


def test_the_margin_is_exact_where_floating_point_is_not() -> None:
    """x ≤ 1 and −x ≤ −1 − 2⁻⁵² collide by 2⁻⁵²; with the bound of 2⁵³ on the residual they do not."""
    book = _two_rows(np.array([[1.0], [-1.0]]), np.array([1.0, -1.0 - 2.0**-52]))
    assert proof.farkas_margin(book, np.ones(2), np.ones(1)) == Fraction(1, 2**52)
    off = _two_rows(np.array([[1.0], [-1.0 + 2.0**-53]]), np.array([1.0, -1.0 - 2.0**-52]))
    assert proof.farkas_margin(off, np.ones(2), np.array([2.0])) == 0
    assert proof.farkas_margin(off, np.ones(2), np.array([1.0])) == Fraction(1, 2**53)


def test_multipliers_of_inequalities_below_zero_prove_nothing() -> None:
    book = _two_rows(np.array([[1.0], [-1.0]]), np.array([1.0, 3.0]))
    assert proof.farkas_margin(book, np.array([-1.0, -1.0]), np.ones(1)) <= 0
    equal = replace(book, equal=np.array([True, True]))
    assert proof.farkas_margin(equal, np.array([-1.0, -1.0]), np.ones(1)) == 4


def _two_rows(matrix: np.ndarray, bound: np.ndarray) -> LawBook:
    rows, columns = matrix.shape
    free = np.zeros(columns, dtype=bool)
    return LawBook(sparse.csr_matrix(matrix), bound, np.zeros(rows, dtype=bool), free, {}, {}, optimum().book.program)
