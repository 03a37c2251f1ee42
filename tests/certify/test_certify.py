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

import iomodel as iom
from iomodel.program.build import Program
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

from certifying import collision, kinks, lies, planted, proof, regret, trials  # noqa: E402
from certifying.draws import KINDS, drawn  # noqa: E402
from certifying.lawbook import LawBook, lawbook  # noqa: E402

OPTIMUM, COLLISION = 1, 8
SHAPED = {"pinned": 1, "flat": 4, "degenerate": 7, "kinked": 22}
"""A run of each shape of planted optimum."""


@pytest.mark.slow
@pytest.mark.parametrize("run", range(60))
def test_a_run_is_right(run: int) -> None:
    report = trials.trial(run)
    assert report.wrong == []
    assert report.uncertified == []
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
def _planted(shape: str) -> planted.Optimum:
    """A planted optimum, its program holding the known point and multipliers."""
    known = planted.planted_optimum(drawn(SHAPED[shape], 0))
    assert known.shape == shape == planted.shape_of(SHAPED[shape])
    return known


def _optimum() -> planted.Optimum:
    return _planted("pinned")


def _hold(known: planted.Optimum, point: np.ndarray, multipliers: np.ndarray) -> None:
    known.book.put(point)
    laws = known.book.program.laws
    for name, place in known.book.rows.items():
        constraint = laws[name].constraint
        constraint.dual_variables[0].save_value(multipliers[place].reshape(constraint.shape, order="F"))
    for name, price in known.bent.items():
        laws[name].constraint.dual_variables[0].save_value(np.array(price))


@pytest.mark.parametrize("shape", planted.SHAPES)
def test_the_planted_point_is_an_optimum_to_rounding(shape: str) -> None:
    known = _planted(shape)
    _hold(known, known.point, known.multipliers)
    assert max(regret.doubts(known.book).values()) < 1e-12
    assert max(known.apart().values()) < 1e-12


def test_the_shapes_take_turns_and_are_what_they_say() -> None:
    assert [planted.shape_of(run) for run in range(1, 15, 3)] == [*planted.SHAPES, "pinned"]
    pinned, flat, double, kinked = (_planted(shape) for shape in planted.SHAPES)
    assert pinned.pinned.all()
    assert 0.3 < flat.pinned.mean() < 0.7
    assert len(double.copies) == planted.COPIES
    terms = [name for name in kinked.book.program.terms if name.startswith("goal_")]
    assert {name.split("_")[1] for name in [*terms, *kinked.bent]} == set(kinks.SIZES)
    assert kinked.book.bent == tuple(kinked.bent) != ()


def test_a_flat_optimum_has_others() -> None:
    """Along a direction that no square and no binding law holds the judge sees no loss, nor is the answer apart."""
    known = _planted("flat")
    _hold(known, known.point, known.multipliers)
    miss, _ = known.book.sides()
    moving = ~known.pinned & ~(known.book.nonneg & (known.point == 0)) & (_curved(known) == 0)
    binding = known.book.matrix[np.abs(miss) < 1e-9][:, moving].toarray()
    directions = np.linalg.svd(binding)[2][np.linalg.matrix_rank(binding) :]
    assert len(directions)
    step = np.zeros(known.point.size)
    step[moving] = directions[0]
    slack = known.book.bound - known.book.matrix @ known.point
    rise = known.book.matrix @ step
    inside = ~known.book.equal & (np.abs(slack) > 1e-9) & (rise > 1e-12)
    room = [
        *(slack[inside] / rise[inside]),
        *(-known.point[known.book.nonneg & (step < 0)] / step[known.book.nonneg & (step < 0)]),
    ]
    there = known.point + 0.5 * min(room, default=1.0) * step
    _hold(known, there, known.multipliers)
    assert known.drift() > 1e-3
    assert max(regret.doubts(known.book).values()) < 1e-9
    assert max(known.apart().values()) < 1e-9


def _curved(known: planted.Optimum) -> np.ndarray:
    """What the slope of the goal changes by where a point moves: zero where the goal is straight."""
    _hold(known, known.point + 1e-3, known.multipliers)
    there = known.book.slope()
    _hold(known, known.point, known.multipliers)
    return np.where(np.abs(there - known.book.slope()) > 1e-12, 1.0, 0.0)


def test_of_two_copies_the_sum_of_prices_is_known() -> None:
    """The whole price may stand at either law: neither the judge nor the comparison minds, but for a wrong sum both."""
    known = _planted("degenerate")
    name, row = next((name, row) for name, row in known.copies.items() if known.multipliers[row] > 0)
    copy = known.book.rows[name].start
    for share in (0.0, 0.3, 1.0, 1.5):
        y = known.multipliers.copy()
        y[row], y[copy] = share * y[row], min(1.0 - share, 0.0) * y[row] if share > 1 else (1.0 - share) * y[row]
        _hold(known, known.point, y)
        assert (max(regret.doubts(known.book).values()) < 1e-12) == (share <= 1)
        assert known.apart()["multipliers"] < 1e-12
    y = known.multipliers.copy()
    y[copy] = 0.1
    _hold(known, known.point, y)
    assert known.apart()["multipliers"] > 1e-3
    assert max(regret.doubts(known.book).values()) > regret.TOLERANCE


def test_a_limit_that_binds_at_no_price_is_among_the_degenerate() -> None:
    known = _planted("degenerate")
    _hold(known, known.point, known.multipliers)
    miss, _ = known.book.sides()
    binds = ~known.book.equal & (np.abs(miss) < 1e-9)
    binds[[known.book.rows[name].start for name in known.copies]] = False
    assert 0 < (known.multipliers[binds] == 0).sum() < binds.sum()


@pytest.mark.parametrize("part", ["point", "price", "goal"])
def test_a_spoiled_kink_is_doubted(part: str) -> None:
    """Off the kink, or at it with a price that leaves no slope inside its interval, the point is no optimum."""
    known = _planted("kinked")
    _hold(known, known.point, known.multipliers)
    book = known.book
    if part == "price":
        name, price = next(iter(known.bent.items()))
        book.program.laws[name].constraint.dual_variables[0].save_value(np.array(price + 1e-3))
    elif part == "goal":
        terms = {name: term for name, term in book.program.terms.items() if not name.startswith("goal_abs")}
        assert len(terms) < len(book.program.terms)
        book = replace(book, program=replace(book.program, terms=terms))
    else:
        touched = next(law for name, law in book.program.laws.items() if name in known.bent).constraint.variables()[0]
        touched.save_value(touched.value + 1e-4)
    assert max(regret.doubts(book).values()) > regret.TOLERANCE
    _hold(known, known.point, known.multipliers)


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
    assert max(regret.doubts(known.book).values()) > regret.TOLERANCE


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
    known, verdicts = _collision(), trials.solve_program
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
    return iom.build(case.experiment, case.economy, [lies.hiding_block(lie)]) if hiding else _optimum().book.program


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
    money = 1 + float(program.setting.account("household_consumption"))
    assert found["regret"] * money >= min(lost, 1 + told) - 1e-4
    assert found["laws"] < regret.TOLERANCE
    assert (found["signs"] > regret.TOLERANCE) == (lie == lies.HIDDEN[1])


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
def _collision() -> collision.Collision:
    return collision.planted_collision(drawn(COLLISION, 0))


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
    monkeypatch.setattr(certify, "version", lambda _: "another")
    assert certify.main(command) == 0, "runs of other sources are made again"
    assert len(made) == 16


def test_the_version_is_that_of_what_runs_follow_from(tmp_path: Path) -> None:
    """A changed byte, a renamed file and a new one are another version."""
    files = certify.sources()
    names = {path.name for path in files}
    assert {"certify.py", "regret.py", "certificate.py", "world-2011.nc"} <= names
    assert any(path.parent.name == "cards" for path in files)
    assert certify.version(files) == certify.version(certify.sources())
    one, other = tmp_path / "one.py", tmp_path / "other.py"
    one.write_text("x = 1\n")
    other.write_text("x = 1\n")
    found = [certify.version([one]), certify.version([other]), certify.version([one, other])]
    one.write_text("x = 2\n")
    assert len({*found, certify.version([one])}) == 4


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
