"""Blocks of a user's own under the verdict: kinks, spare variables, scales, laws of one number, what is no law."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cvxpy as cp
import numpy as np
import pytest
from official import official

import iomodel as iom
from iomodel.economy import Economy
from iomodel.errors import ProgramError, SolverError
from iomodel.experiment import Experiment
from iomodel.program.block import Block, Law, Term, Var
from iomodel.program.canonical import compiled
from iomodel.program.certificate import judge
from iomodel.program.solvers import solve_program


@pytest.fixture(scope="module")
def short() -> Experiment:
    return official("demand-only").replace(years=8, beyond=2)


KINKS: dict[str, Block] = {
    "a smooth programme": Block("own", goal=lambda v, _: [Term("own", -0.5 * cp.norm1(cp.diff(v["programme"])))]),
    "what is beyond two": Block("own", goal=lambda v, _: [Term("own", -cp.sum(cp.pos(v["programme"] - 2.0)))]),
    "the largest of all": Block("own", laws=lambda v, _: [Law("own", (), cp.max(v["programme"]) <= 3.0)]),
    "a root at zero": Block(
        "own",
        variables=lambda _: [Var("rest", (), "one")],
        laws=lambda v, _: [Law("own", (), v["rest"] <= 0)],
        goal=lambda v, _: [Term("own", cp.sqrt(v["rest"]))],
    ),
}


@pytest.mark.parametrize("kink", KINKS)
def test_an_optimum_at_a_kink_is_optimal(kink: str, short: Experiment, china: Economy) -> None:
    """One slope says nothing at a kink; the multipliers of the rows by which it is written do."""
    program = iom.build(short, china, [KINKS[kink]])
    assert solve_program(program).status == "optimal"


def test_a_wrong_point_at_a_kink_is_not_optimal(
    short: Experiment, china: Economy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped early the same programs are not called optimal: the second look is no open door."""
    from dataclasses import replace

    from iomodel.program import solvers

    early = replace(solvers.CLARABEL, settings={**solvers.CLARABEL.settings, "max_iter": 8})
    for kink in ("a smooth programme", "the largest of all"):
        program = iom.build(short, china, [KINKS[kink]])
        assert solvers._once(program, early).status in ("inaccurate", "failed")


def test_a_variable_that_stands_nowhere_does_no_harm(short: Experiment, china: Economy) -> None:
    spare = Block("own", variables=lambda _: [Var("spare", ("year",), "one", nonneg=True)],
                  laws=lambda v, _: [Law("own", ("year",), v["programme"] >= -1, bound="lower")])  # fmt: skip
    assert solve_program(iom.build(short, china, [spare])).status == "optimal"


def test_terms_that_cancel_hide_no_miss(short: Experiment, china: Economy) -> None:
    """Seven left out of ten is seen, however large the numbers beside it are that cancel."""

    def laws(v: Any, p: Any) -> list[Law]:
        return [
            Law("same", (), v["one"] == v["other"], bound="equal"),
            Law("fixed", (), v["one"] <= 1e3),
            Law("most", (), v["left"] <= 10),
        ]

    block = Block(
        "own",
        variables=lambda _: [Var("one", (), "u"), Var("other", (), "u"), Var("left", (), "u", nonneg=True)],
        laws=laws,
        goal=lambda v, _: [Term("own", 1e6 * v["one"] - (1e6 - 1) * v["other"] + v["left"])],
    )
    program = iom.build(short, china, [block])
    assert solve_program(program).status == "optimal"
    assert float(program.values["left"].value) == pytest.approx(10)
    program.values["left"].value = np.array(3.0)
    assert judge(program, compiled(program).arrays, program.memo["places"]).worst > 1e-3


def test_a_price_of_the_wrong_sign_is_seen_beside_a_large_one(short: Experiment, china: Economy) -> None:
    """A law written in ten-millionths has a price of ten million; it lends none of that to another law."""

    def laws(v: Any, p: Any) -> list[Law]:
        return [
            Law("tiny", (), 1e-7 * v["one"] <= 1e-7),
            Law("most", (), v["other"] <= 1),
            Law("least", (), v["other"] >= -10, bound="lower"),
        ]

    block = Block("own", variables=lambda _: [Var("one", (), "u"), Var("other", (), "u")], laws=laws,
                  goal=lambda v, _: [Term("own", v["one"] - 0.5 * v["other"])])  # fmt: skip
    program = iom.build(short, china, [block])
    assert solve_program(program).status == "optimal"
    program.values["other"].value = np.array(1.0)
    program.laws["most"].constraint.dual_variables[0].save_value(np.array(-0.5))
    program.laws["least"].constraint.dual_variables[0].save_value(np.array(0.0))
    assert judge(program, compiled(program).arrays, program.memo["places"]).dual["most"] > 1e-3


def test_what_a_second_solver_finds_a_path_for_is_not_called_infeasible(short: Experiment, china: Economy) -> None:
    """A law in billionths asks for an amount of a billion: beyond what a proof rules out."""
    block = Block("own", variables=lambda _: [Var("vast", (), "u")],
                  laws=lambda v, _: [Law("own", (), 1e-9 * v["vast"] >= 1, bound="lower")],
                  goal=lambda v, _: [Term("own", -1e-9 * v["vast"])])  # fmt: skip
    with pytest.raises(SolverError, match="no path was found"):
        iom.solve(short, china, [block])


def test_a_law_of_one_number_is_said(short: Experiment, china: Economy) -> None:
    block = Block("own", laws=lambda v, _: [Law("sum_of_programmes", (), cp.sum(v["programme"]) <= 20)])
    path = iom.solve(short, china, [block])
    [row] = [row for row in iom.what_binds(path) if row.law == "sum_of_programmes"]
    assert row.labels == ()
    assert "sum of programmes: a ceiling that binds. " in row.text


@pytest.mark.parametrize(
    ("constraint", "said"),
    [
        (lambda v: cp.NonNeg(v["programme"]), "law 'own' is a NonNeg; write it as a comparison"),
        (lambda v: v["programme"][:0] <= 1, "law 'own' has no entries"),
    ],
)
def test_what_cannot_be_a_law(constraint: Callable[[Any], Any], said: str, short: Experiment, china: Economy) -> None:
    dims = {"where": {"year": np.array([], dtype=np.int64)}} if "entries" in said else {}
    block = Block("own", laws=lambda v, _: [Law("own", ("year",), constraint(v), **dims)])
    with pytest.raises(ProgramError, match=said):
        iom.build(short, china, [block])
