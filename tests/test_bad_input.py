"""Bad input is one clear error before any solve: what was found, what is allowed, the nearest names.

No test here may reach a solver: each compiled program is a failure. What files refuse is in `test_experiment`, what
blocks refuse in `program/test_block`, what the command line says in `test_cli`; here is what a script hands over.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cvxpy as cp
import numpy as np
import pytest
from official import official
from small_country import TABLE, write_small

import iomodel as iom
from iomodel.economy import Economy
from iomodel.errors import CardError, ExperimentError, IOModelError, ProgramError, TableError
from iomodel.experiment import Benefit, Experiment, Horizon, Limit, Target, Tariff
from iomodel.program.block import Block, Law, Term
from iomodel.run import resolve

NAN = float("nan")


@pytest.fixture(autouse=True)
def _no_program_is_handed_to_a_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        pytest.fail("a program went to a solver")

    monkeypatch.setattr(cp.Problem, "get_problem_data", refuse)
    monkeypatch.setattr(cp.Problem, "solve", refuse)


@pytest.fixture(scope="module")
def china() -> Economy:
    return iom.calibrate(iom.load_table("china-2020"), region="CHN")


@pytest.fixture(scope="module")
def demand() -> Experiment:
    return official("demand-only")


@pytest.fixture(scope="module")
def supply() -> Experiment:
    return official("supply-only")


# ---------------------------------------------------------------- bounds that no value can meet


def test_a_household_that_saves_all_its_income(demand: Experiment) -> None:
    with pytest.raises(
        ExperimentError,
        match=r"limits\.household_saving_floor\.margin: found 1\.0; allowed: a share below 1\. No household lives",
    ):
        demand.replace(limits={"household_saving_floor": Limit(1.0)})


def test_a_current_account_that_no_first_year_reaches(demand: Experiment, china: Economy) -> None:
    """Even if households bought nothing; below that it is the program's to say, and at a price it is no bound."""
    asked = demand.replace(limits={"current_account_floor": Limit(20.0)})
    text = (
        r"limits\.current_account_floor\.margin: found 20\.0; allowed: at most 1\d\.\d+ percent of GDP, the balance of "
        r"2026 if households bought nothing\. Lower the floor, or give it a price with soft"
    )
    for verb in (iom.solve, iom.build):
        with pytest.raises(ExperimentError, match=text):
            verb(asked, china)
    for limit in (Limit(9.0), Limit(20.0, soft=1.0), Limit(-20.0)):
        iom.build(demand.replace(limits={"current_account_floor": limit}), china)


def test_a_hard_reform_beyond_the_limit_of_its_card(supply: Experiment) -> None:
    economy = iom.calibrate(iom.load_table("china-2020"), cards={"reform_limit": 0.8})
    changed = supply.replace(cards={"reform_limit": 0.8})
    for kind in ("exactly", "at_least"):
        asked = changed.replace(targets={"reform": Target(kind, 0.9, 10, hard=True)})
        with pytest.raises(
            ExperimentError,
            match=rf"targets\.reform\.{kind}: found 0\.9; allowed: at most 0\.8 of the drive, the card reform_limit",
        ):
            iom.solve(asked, economy)
    iom.build(changed.replace(targets={"reform": Target("exactly", 0.9, 10)}), economy)  # a soft one is missed and said
    iom.build(changed.replace(targets={"reform": Target("exactly", 0.8, 10, hard=True)}), economy)


# ---------------------------------------------------------------- horizon, years and forms


@pytest.mark.parametrize("years", [0, -1, 101, 10.0, NAN, "10", True])
def test_a_horizon_of_nothing(years: object) -> None:
    with pytest.raises(ExperimentError, match=r"horizon\.years: found .*; allowed: a whole number from 1 to 100 years"):
        Horizon(years)  # type: ignore[arg-type]


def test_years_outside_the_horizon(demand: Experiment, china: Economy) -> None:
    asks: list[tuple[Callable[[], object], str]] = [
        (lambda: demand.replace(targets={"package": Target("exactly", 4.0, 11)}), r"package\.by: found 11; .* 1 to 10"),
        (lambda: demand.replace(benefit=Benefit(0.15, 11)), r"levers\.benefit\.by: found 11; .* from 1 to 10 years"),
        (lambda: demand.replace(years=5), r"targets\.package\.by: found 8; .* from 1 to 5 years"),
        (
            lambda: demand.replace(table="world-2011", tariffs=(Tariff("USA", from_year=11),)),
            r"tariffs\.USA\.from: found 11; .* from 1 to 10 years",
        ),
    ]
    for ask, text in asks:
        with pytest.raises(ExperimentError, match=text):
            ask()
    with pytest.raises(ExperimentError, match=r"horizon: 98 solved years from 2026 go beyond the yearly paths"):
        iom.build(demand.replace(years=90), china)


def test_an_unknown_form(demand: Experiment, china: Economy) -> None:
    with pytest.raises(ExperimentError, match=r"form: found 'reducd'; allowed: reduced, plain\. Did you mean reduced"):
        iom.build(demand, china, form="reducd")


# ---------------------------------------------------------------- names


def test_unknown_names_offer_the_nearest(demand: Experiment, china: Economy) -> None:
    asks: list[tuple[Callable[[], object], str]] = [
        (lambda: iom.load_experiment("demand-onyl"), "Did you mean demand-only"),
        (lambda: demand.set("targets.pakage.exactly", 3), "Did you mean package"),
        (lambda: demand.set("limits.debt_celing.margin", 3), "Did you mean debt_ceiling"),
        (lambda: demand.set("cards.precauton", 0.3), "Did you mean precaution"),
        (lambda: demand.set("horizn.years", 3), "Did you mean horizon"),
        (lambda: demand.replace(table="world-2011", tariffs=(Tariff("USB"),)), "Did you mean USA"),
        (lambda: demand.replace(free=("reforms",)), "Did you mean reform"),
        (lambda: demand.replace(payer="household_taxes"), "Did you mean household_tax"),
        (lambda: iom.calibrate(china.table, "CHM"), "Did you mean CHN"),
        (lambda: iom.build(demand.replace(table="china-2021")), "Did you mean china-2020"),
        (lambda: iom.solve(demand.replace(solver="clarabell"), china), "Did you mean clarabel"),
        (lambda: iom.build(demand, china, shifts={"pakage": np.zeros(11)}), "Did you mean package"),
        (
            lambda: iom.build(demand, china, [_block(lambda p: p.place("140"))]),
            "Did you mean 40 (Health",
        ),
    ]
    for ask, text in asks:
        with pytest.raises(IOModelError) as caught:
            ask()
        assert text in str(caught.value)


def _block(ask: Callable[[Any], object]) -> Block:
    return Block("mine", laws=lambda _v, p: [ask(p)])  # type: ignore[list-item]


# ---------------------------------------------------------------- curvature


def test_the_guilty_term_is_named(demand: Experiment, china: Economy) -> None:
    def built(**parts: Any) -> None:
        iom.build(demand, china, [Block("mine", **parts)])

    with pytest.raises(ProgramError, match=r"block 'mine': goal term 'more' is one number and convex; a term"):
        built(goal=lambda v, _: [Term("more", cp.sum_squares(v["programme"]))])
    with pytest.raises(ProgramError, match=r"block 'mine': law 'both' is not convex"):
        built(laws=lambda v, _: [Law("both", ("year",), cp.multiply(v["programme"], v["gdp"]) <= 1)])
    for ask, said in (
        (
            lambda v: cp.square(v["programme"]) >= 1,
            "smaller is a constant, the side that is to be larger is convex; allowed is convex <= concave",
        ),
        (
            lambda v: cp.square(v["programme"]) == 1,
            "its left side is convex, its right side a constant; allowed is affine",
        ),
        (lambda v: cp.multiply(v["programme"], v["gdp"]) <= 1, "smaller is neither convex nor concave"),
    ):
        with pytest.raises(ProgramError, match=said):
            built(laws=lambda v, _, ask=ask: [Law("bent", ("year",), ask(v))])
    with pytest.raises(ProgramError, match=r"goal term 'many' is an array of shape \(\d+,\) and affine"):
        built(goal=lambda v, _: [Term("many", v["programme"])])
    with pytest.raises(
        ProgramError, match=r"for every value of its targets: law 'twice' multiplies unknowns or targets"
    ):
        built(
            laws=lambda v, p: [
                Law("twice", ("year",), p.targets["package"] * p.targets["package"] * v["programme"] <= 1e5)
            ]
        )


# ---------------------------------------------------------------- numbers that are none


@pytest.mark.parametrize("number", [NAN, math.inf])
def test_a_number_that_is_none(number: float, demand: Experiment, china: Economy) -> None:
    asks: list[tuple[Callable[[], object], type[IOModelError], str]] = [
        (lambda: demand.set("targets.package.exactly", number), ExperimentError, r"targets\.package\.exactly: found"),
        (lambda: resolve(iom.build(demand, china), demand, china, {"package": number}), ExperimentError, "package"),
        (lambda: demand.replace(limits={"debt_ceiling": Limit(number)}), ExperimentError, r"debt_ceiling\.margin"),
        (lambda: demand.replace(limits={"debt_ceiling": Limit(3.0, number)}), ExperimentError, r"debt_ceiling\.soft"),
        (lambda: demand.replace(benefit=Benefit(number, 8)), ExperimentError, r"levers\.benefit\.to: found"),
        (lambda: demand.replace(cards={"precaution": number}), ExperimentError, r"cards\.precaution: found"),
        (lambda: demand.replace(cards={"pandemic_path": (0.0, number)}), ExperimentError, r"cards\.pandemic_path"),
        (
            lambda: demand.replace(table="world-2011", tariffs=(Tariff("USA", points=number),)),
            ExperimentError,
            r"tariffs\.USA\.points: found",
        ),
        (
            lambda: iom.calibrate(china.table, china.region, {"precaution": number}),
            CardError,
            r"Card precaution .* is outside its range 0 to 1\.03",
        ),
        (
            lambda: iom.build(demand, china, shifts={"package": np.full(11, number)}),
            ProgramError,
            r"the shift of law 'package' holds a number that is not finite",
        ),
        (
            lambda: dataclasses.replace(china, exports=china.exports.where(china.exports["year"] != 2027, number)),
            TableError,
            r"economy of CHN, array exports: found (nan|inf) at sector 01, year 2027; every number of an economy",
        ),
        (
            lambda: dataclasses.replace(china, sectors=china.sectors.assign(output=number * china.sectors["output"])),
            TableError,
            r"economy of CHN, array output: found (nan|inf) at sector 01",
        ),
        (
            lambda: iom.build(demand, china, [Block("mine", goal=lambda v, _: [Term("x", number * v["gdp"][0])])]),
            ProgramError,
            r"block 'mine': goal term 'x' holds a number that is not finite",
        ),
    ]
    for ask, error, text in asks:
        with pytest.raises(error, match=text):
            ask()


@pytest.mark.parametrize("cell", ["nan", "NaN", "inf", ""])
def test_a_cell_that_is_no_number(cell: str, tmp_path: Path) -> None:
    """One cell of a user's own table; an empty one among them, since a missing number is no zero."""
    own = TABLE.replace("domestic,M,Manufacturing,15,60,", f"domestic,M,Manufacturing,15,{cell},")
    assert own != TABLE
    with pytest.raises(TableError) as caught:
        iom.read_table(write_small(tmp_path, own))
    assert "M" in str(caught.value)


def test_a_card_outside_its_range(demand: Experiment, china: Economy) -> None:
    with pytest.raises(CardError, match=r"Card precaution .*: 1\.5 .* outside its range 0 to 1\.03"):
        iom.build(demand.replace(cards={"precaution": 1.5}))
    with pytest.raises(CardError, match=r"outside its range 0\.05 to 0\.2"):
        iom.build(demand.replace(cards={"reform_pace": 0.3}), china)


@pytest.mark.parametrize("by", [1.0, np.zeros(3), np.zeros((11, 1)), np.zeros(18)])
def test_a_shift_of_another_shape(by: Any, demand: Experiment, china: Economy) -> None:
    """Never broadcast: an amount for each entry of the law."""
    with pytest.raises(ProgramError, match=r"the shift of law 'package' has shape .*, the law \(11,\), by year; give"):
        iom.build(demand, china, shifts={"package": by})
