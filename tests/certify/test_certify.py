"""Sixty runs of `benchmarks/certify.py`, and that its judges see what is wrong: a judge who cannot is worth nothing."""

from __future__ import annotations

import importlib.util
import json
import warnings
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from iomodel.program.certificate import Verdict
from iomodel.program.solvers import MOREAU, solve_program

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def _benchmark() -> ModuleType:
    """The benchmark as a module, by its path."""
    spec = importlib.util.spec_from_file_location("certify_benchmark", BENCHMARKS / "certify.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


certify = _benchmark()  # puts its folder in the search path

from certifying import lies, planted, proof, trials  # noqa: E402
from certifying.draws import KINDS, drawn  # noqa: E402
from certifying.lawbook import LawBook, lawbook  # noqa: E402

INACCURATE: dict[int, str] = {51: "rationing is used as a lever"}
"""Runs of the sixty that end inaccurate, with what the product says."""

OPTIMUM, COLLISION = 1, 8


@pytest.mark.slow
@pytest.mark.parametrize("run", range(60))
def test_a_run_is_right(run: int) -> None:
    report = trials.trial(run)
    assert report.wrong == []
    assert report.uncertified == []
    if run in INACCURATE:
        assert [INACCURATE[run] in reason for reason in report.inaccurate] == [True]
    else:
        assert report.inaccurate == []
    assert report.kind == KINDS[run % 3]
    if report.kind == "infeasible":
        assert (report.verdict, report.facts["own proof"]) == ("infeasible", "holds")
        assert report.facts["proven"] > 0.5 * report.facts["gap"]


def test_a_run_follows_from_its_number() -> None:
    one, same, other = drawn(7, 0), drawn(7, 0), drawn(7, 1)
    assert one.experiment == same.experiment
    assert one.economy.table.sha256 == same.economy.table.sha256
    assert one.rng.random() == same.rng.random()
    assert one.economy.table.sha256 != other.economy.table.sha256


# ---------------------------------------------------------------- the judges see what is wrong


@cache
def _optimum() -> planted.Optimum:
    """A planted optimum, its program holding the known point and multipliers."""
    known = planted.planted_optimum(drawn(OPTIMUM, 0))
    _hold(known, known.point, known.multipliers)
    return known


def _hold(known: planted.Optimum, point: np.ndarray, multipliers: np.ndarray) -> None:
    known.book.put(point)
    for name, place in known.book.rows.items():
        constraint = known.book.program.laws[name].constraint
        constraint.dual_variables[0].save_value(multipliers[place].reshape(constraint.shape, order="F"))


def test_the_planted_point_is_an_optimum_to_rounding() -> None:
    known = _optimum()
    _hold(known, known.point, known.multipliers)
    assert max(proof.doubts(known.book).values()) < 1e-12


@pytest.mark.parametrize("part", ["point", "multipliers", "signs", "elsewhere"])
def test_a_spoiled_answer_is_doubted(part: str) -> None:
    known, rng = _optimum(), np.random.default_rng(0)
    x, y = known.point.copy(), known.multipliers.copy()
    if part == "point":
        place = int(rng.integers(x.size))
        x[place] += 1e-4 * max(1.0, abs(x[place]))
    elif part == "multipliers":
        y[int(np.flatnonzero(y)[3])] *= 1 + 1e-4
    elif part == "signs":
        y = -y
    else:
        x = np.maximum(0.99 * x, 0.0)
    _hold(known, x, y)
    assert max(proof.doubts(known.book).values()) > proof.TOLERANCE


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
    assert bool(report.uncertified) == (status == "optimal")


@pytest.mark.parametrize("lie", lies.LIES)
def test_who_believes_a_lie_is_caught(lie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A verdict function that takes the solver's word believes every lie."""
    program = _optimum().book.program

    def word(program: Any, _: str | None = None) -> Verdict:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program.problem.solve(solver="CLARABEL", warm_start=False)
        return Verdict(str(program.problem.status), solver="Clarabel")

    monkeypatch.setattr(trials, "solve_program", word)
    assert trials.believed(program, lie, np.random.default_rng(1))


@pytest.mark.parametrize("lie", lies.LIES)
def test_the_product_believes_no_lie(lie: str) -> None:
    assert trials.believed(_optimum().book.program, lie, np.random.default_rng(1)) == []


@pytest.mark.skipif(not MOREAU.installed, reason="without a second solver nothing is left to ask")
def test_a_lie_is_mended_by_an_honest_solver() -> None:
    """The remedies: whoever lies is not believed, and the next solver finds the planted point."""
    known = _optimum()
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
    known = _optimum()
    _hold(known, known.point, known.multipliers)
    values = known.book.program.values
    for name, amount in (("forced_saving", 0.0), ("overflow_imports", 0.0), ("unemployed", 1e3)):
        values[name].save_value(np.full(values[name].shape, amount))
    before = trials.beyond_the_simulation(known.book.program)
    assert "idle" not in before
    assert "rationing" not in before
    values["forced_saving"].save_value(np.full(values["forced_saving"].shape, 1.0))
    after = trials.beyond_the_simulation(known.book.program)
    assert "rationing while labour is idle, rationing before overflow is at its limit" in after
    _hold(known, known.point, known.multipliers)


# ---------------------------------------------------------------- certificates of infeasibility


@cache
def _collision() -> planted.Collision:
    return planted.planted_collision(drawn(COLLISION, 0))


def test_a_certificate_proves_its_gap_and_no_more() -> None:
    known = _collision()
    margin = proof.farkas_margin(known.book, proof.shortened(known.certificate), known.most)
    assert isinstance(margin, Fraction)
    assert 0.9 * known.gap < margin < 1.1 * known.gap


def test_no_certificate_proves_what_is_feasible() -> None:
    """Of the twin with room neither the planted certificate nor any random one is a proof."""
    known, rng = _collision(), np.random.default_rng(0)
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
    from scipy import sparse

    rows, columns = matrix.shape
    free = np.zeros(columns, dtype=bool)
    return LawBook(sparse.csr_matrix(matrix), bound, np.zeros(rows, dtype=bool), free, {}, {}, _optimum().book.program)


def test_rows_that_are_not_the_laws_are_refused() -> None:
    book = _optimum().book
    with pytest.raises(AssertionError, match="apart"):
        replace(book, bound=book.bound + 1e-3).moved(np.zeros(book.bound.size), book.program)


def test_a_floor_falls_when_its_row_loosens() -> None:
    """`shifts` moves bounds the way that `bound` moves: the rows of the moved program are the moved rows."""
    import iomodel as iom

    case = drawn(OPTIMUM, 0)
    book = lawbook(iom.build(case.experiment, case.economy))
    by = np.random.default_rng(0).uniform(-1, 1, book.bound.size)
    moved = lawbook(iom.build(case.experiment, case.economy, shifts=book.shifts(by)))
    assert any(law.bound == "lower" for law in book.program.laws.values())
    assert np.allclose(moved.bound, book.bound + by, rtol=0, atol=1e-12)
    assert abs(moved.matrix - book.matrix).max() < 1e-14


# ---------------------------------------------------------------- the command


def _row(run: int, **found: list[str]) -> dict[str, Any]:
    empty: dict[str, list[str]] = {"wrong": [], "uncertified": [], "inaccurate": []}
    said = {"run": run, "kind": KINDS[run % 3], "seed": 0, "table": "t", "policy": "p", "verdict": "optimal"}
    return {**said, **empty, **found, "facts": {}, "seconds": 0.0}


def test_a_run_in_the_file_is_not_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    def one(run: int, seed: int) -> dict[str, Any]:
        if run == 3 and len(made) < 4:
            made.append(run)
            raise KeyboardInterrupt
        made.append(run)
        return _row(run, inaccurate=["flat"] if run == 1 else [])

    monkeypatch.setattr(certify, "one", one)
    out = tmp_path / "runs.jsonl"
    command = ["--runs", "5", "--workers", "1", "--out", str(out)]
    assert certify.main(command) == 130
    with out.open("a", encoding="utf-8") as file:
        file.write('{"run": 3, "seed"')  # cut short
    assert "goes on" in capsys.readouterr().out
    assert certify.main(command) == 0
    assert made == [0, 1, 2, 3, 3, 4]
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == "certify: runs=5 wrong=0 uncertified=0 inaccurate=1"
    assert "run 1 (optimum, p, t) inaccurate: flat" in printed
    assert certify.main([*command, "--seed", "1"]) == 0, "runs of another seed are other runs"
    assert len(made) == 11


@pytest.mark.parametrize(("found", "code"), [("wrong", 1), ("uncertified", 1), ("inaccurate", 0)])
def test_the_exit_code_says_whether_all_is_right(
    found: str, code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certify, "one", lambda run, _: _row(run, **{found: ["reason"]}))
    assert certify.main(["--runs", "2", "--workers", "1"]) == code
    assert f"{found}=2" in capsys.readouterr().out.splitlines()[-1]


def test_a_run_that_stops_with_an_error_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(run: int, seed: int) -> None:
        raise ValueError("no such thing")

    monkeypatch.setattr(trials, "trial", broken)
    assert certify.one(4, 0)["wrong"] == ["stopped with ValueError: no such thing"]
    assert json.dumps(certify.one(4, 0))
