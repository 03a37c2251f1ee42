"""Shadow prices: sign, unit and size, checked by moving a law's bound and solving again.

A price is the change of the goal for a bound raised by one unit. At regular points both one-sided differences agree
with it to one percent; at a degenerate one the price lies between the two. Each law of each policy and limit is tried
where it binds, in programs of few years so that each solve is short.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import xarray as xr
from official import official
from synthetic import exports_fall

import iomodel as iom
from iomodel.answers import one_sided
from iomodel.answers.one_sided import PriceSides, sides_of
from iomodel.economy import Economy
from iomodel.errors import ExperimentError, ProgramError, SolverError
from iomodel.experiment import Benefit, Experiment, Limit, Target
from iomodel.experiment_parts import LIMITS
from iomodel.program.block import Block, Law, Values
from iomodel.program.build import Program, assemble
from iomodel.program.diagnose import ACCOUNTING, shadow_prices
from iomodel.program.price_words import RAISED
from iomodel.program.setting import Setting
from iomodel.program.solvers import solve_program
from iomodel.program.trajectory import Trajectory


def _changed(china: Economy, exports_from_2029: float = 1.0, **cards: float) -> Economy:
    """China with other cards, also outside their ranges, or other exports in the last years."""
    economy = iom.calibrate(china.table, china.region, china.cards.unbounded(cards)) if cards else china
    factor = 1 + (exports_from_2029 - 1) * (economy.paths["year"] >= 2029)
    return dataclasses.replace(economy, exports=(economy.exports * factor).transpose("sector", "year"))


def _soon(policy: str, targets: dict[str, Target], **changes: object) -> Experiment:
    """A policy over seven years, of which five are reported."""
    benefit = None if policy == "supply-only" else Benefit(0.15, 4)
    return official(policy).replace(**{"targets": targets, "benefit": benefit, "years": 5, "beyond": 2, **changes})


def _to(value: float, by: int = 4, kind: str = "exactly", *, hard: bool = False) -> Target:
    return Target(kind, value, by, hard)


def _limited(**limits: Limit) -> Experiment:
    """The programme free, nothing stated, and limits made laws."""
    return _soon("demand-only", {}, limits=limits)


CUT, DEEP = _to(0.4, 4, "at_least"), _to(0.5, 5, "at_least")
TWO = {"package": _to(2), "idle_cut": CUT, "reform": _to(0.3)}
HARD = {name: dataclasses.replace(target, hard=True) for name, target in TWO.items()}

CASES: dict[str, tuple[Experiment, dict[str, float]]] = {
    "two": (_soon("two-halves", TWO), {}),
    "hard": (_soon("two-halves", HARD), {}),
    "less reform": (_soon("two-halves", {**TWO, "reform": _to(0.25)}), {}),
    "less package": (_soon("two-halves", {**TWO, "package": _to(1.6)}), {}),
    "demand": (_soon("demand-only", {"package": _to(2)}), {}),
    "package at least": (_soon("demand-only", {"package": _to(2, 4, "at_least")}), {}),
    "falling": (_soon("demand-only", {}), {"exports_from_2029": 1.12, "programme_ramp": 0.3}),
    "short": (_soon("demand-only", {"package": _to(2)}), {"overflow_limit": 0.0005}),
    "reform at least": (
        _soon("supply-only", {"idle_cut": DEEP, "reform": _to(0.45, 5, "at_least")}, beyond=0), {}
    ),
    "hot": (_soon("best-path", {"idle_cut": dataclasses.replace(DEEP, by=4)}), {"capacity_margin": -0.03}),
    "far": (
        _soon("best-path", {"idle_cut": dataclasses.replace(DEEP, by=4)}),
        {"capacity_margin": -0.03, "reform_limit": 0.65},
    ),
    "flat": (_soon("best-path", {"idle_cut": CUT}), {"reform_limit": 0.2}),
    "debt": (_limited(debt_ceiling=Limit(-0.22)), {}),
    "debt, soft": (_limited(debt_ceiling=Limit(-0.3, 0.02)), {}),
    "deficit": (_limited(deficit_ceiling=Limit(0.4)), {}),
    "firm debt": (_limited(firm_debt_ceiling=Limit(-0.78)), {}),
    "current account": (_limited(current_account_floor=Limit(2.6)), {}),
    "household saving": (_limited(household_saving_floor=Limit(0.3685)), {}),
}  # fmt: skip
"""Short programs in which each law binds somewhere: what is asked, and the cards that make it bind."""

REGULAR = [
    *(("two", law) for law in (
        "programme_pace", "package", "idle_cut", "idle_capacity", "retirement_pace", "asset_investment",
        "capacity_handed_over", "capacity_accumulation", "closed_handed_over", "closed_plant", "consumption",
        "precaution", "public_debt", "public_debt_handed_over", "firm_debt", "firm_debt_handed_over",
    )),
    ("hard", "package"),
    *(("less reform", law) for law in ("reform", "reform_before", "reform_pace")),
    ("less package", "package_before"),
    *(("demand", law) for law in ("unemployment", "labour_shortage")),
    ("package at least", "package"),
    ("falling", "programme_pace_down"),
    ("short", "overflow_limit"),
    ("reform at least", "reform"),
    ("hot", "capacity_limit"),
    ("far", "reform_limit"),
    ("debt", "debt_ceiling"),
    ("debt, soft", "debt_ceiling"),
    ("deficit", "deficit_ceiling"),
    ("firm debt", "firm_debt_ceiling"),
    ("current account", "current_account_floor"),
    ("household saving", "household_saving_floor"),
]  # fmt: skip

DEGENERATE = [("flat", "reform_limit"), ("flat", "reform_kept"), ("two", "reform_before"), ("two", "reform_pace")]
"""Where reform stands at one value for years, its floor and ceiling, its pace and what it was before all meet."""


@pytest.fixture(scope="module")
def case(china: Economy) -> Callable[[str], Program]:
    """Name of a case -> its program, solved."""

    @cache
    def made(name: str) -> Program:
        experiment, changes = CASES[name]
        program = iom.build(experiment, _changed(china, **changes))
        assert solve_program(program).status == "optimal"
        return program

    return made


def _dearest(program: Program, law: str) -> dict[str, str]:
    """Labels of the entry where a law costs most."""
    price = shadow_prices(program)[law]
    place = np.unravel_index(np.abs(price.values).argmax(), price.shape)
    return {str(dim): str(price[dim].values[at]) for dim, at in zip(price.dims, place, strict=True)}


def _holds(sides: PriceSides) -> None:
    """A price that binds, agrees with the central difference to one percent and is the same from both sides."""
    assert abs(sides.price) > 1e-3, f"{sides.law} does not bind: choose another case to test"
    assert sides.regular, str(sides)
    assert sides.price == pytest.approx((sides.raised + sides.lowered) / 2, rel=1e-2)


@pytest.mark.parametrize(("name", "law"), REGULAR)
def test_price_is_the_change_of_the_goal(name: str, law: str, case: Callable[[str], Program]) -> None:
    """The law has to bind, or nothing is tested."""
    program = case(name)
    _holds(sides_of(program, law, **_dearest(program, law)))


@pytest.mark.parametrize(("name", "law"), DEGENERATE)
def test_price_at_a_degenerate_point_has_two_sides(name: str, law: str, case: Callable[[str], Program]) -> None:
    """The goal is concave in a bound: a rise brings at most the price, a fall takes at least the price."""
    program = case(name)
    sides = sides_of(program, law, **_dearest(program, law))
    assert not sides.regular
    assert sides.raised < sides.lowered - 0.05
    assert sides.raised - 1e-3 <= sides.price <= sides.lowered + 1e-3
    assert "no single price" in str(sides)
    assert "raised by a unit the goal gains" in str(sides)


def test_price_of_reform_that_must_not_fall_back(solved_program: Callable[..., Program]) -> None:
    """The best path holds reform at one level for ten years, below its limit: there the floor has one price."""
    program = solved_program("best-path")
    _holds(sides_of(program, "reform_kept", year=2034))


def test_price_of_investment_held_at_zero(china: Economy) -> None:
    """Exports fall by four tenths; one sector's investment, which the market would make negative, is held at zero. Its
    other years are not held and cost nothing."""
    economy = exports_fall(china)
    free = iom.build(_soon("two-halves", TWO), economy)
    assert solve_program(free).status == "optimal"
    wanted = np.asarray(free.values["wanted_investment"].value)
    held = wanted == wanted.min()
    assert wanted.min() < -0.1
    program = assemble(dataclasses.replace(free.setting, held=held), free.blocks)
    assert solve_program(program).status == "optimal"
    price = shadow_prices(program)["investment_not_negative"]
    row, year = np.argwhere(held)[0]
    others = np.delete(price.values[0], year)
    assert np.abs(others).max() < 1e-6
    labels = {"sector": str(price["sector"].values[0]), "year": int(price["year"].values[year])}
    assert labels["sector"] == economy.table.sectors[row]
    _holds(sides_of(program, "investment_not_negative", **labels))


def test_price_of_a_good(china: Economy) -> None:
    """One unit more demanded of a good by nobody, in the plain form, whose balance is a law."""
    sides = iom.price_sides(CASES["demand"][0], "goods_balance", china, form="plain", sector="03", year=2029)
    _holds(sides)
    reduced = iom.build(CASES["demand"][0], china)
    assert solve_program(reduced).status == "optimal"
    found = shadow_prices(reduced)["goods_balance"].sel(sector="03", year=2029)
    assert float(found) == pytest.approx(sides.price, rel=1e-4)


def test_every_law_of_every_policy_and_limit_is_tried(
    solved_program: Callable[..., Program], case: Callable[[str], Program]
) -> None:
    tried = {law for _, law in (*REGULAR, *DEGENERATE)} | {"investment_not_negative", "goods_balance"}
    every = {
        law
        for policy in ("supply-only", "demand-only", "two-halves", "best-path")
        for law in solved_program(policy).laws
    }
    every |= {law for name in CASES for law in case(name).laws}
    assert set(LIMITS) <= every
    assert tried == every | {"investment_not_negative", "goods_balance"}


def test_sides_take_a_path_and_whole_laws(path_of: Callable[..., Trajectory], china: Economy) -> None:
    """Without labels the bound moves everywhere: the price is the sum, here of a package due in eleven years."""
    path = path_of("demand-only")
    whole = iom.price_sides(path, "package", china)
    assert whole.regular
    assert whole.price == pytest.approx(float(path.shadow_prices["package"].sum()), rel=1e-4)
    assert whole.price == pytest.approx((whole.raised + whole.lowered) / 2, rel=1e-2)
    assert str(whole).startswith("package (everywhere): -")
    assert whole.unit == path.shadow_prices["package"].attrs["units"]
    assert whole.meaning == path.shadow_prices["package"].attrs["meaning"]


def test_a_bound_beyond_which_no_path_is_left(china: Economy) -> None:
    """Reform at most nothing: lowered it would have to be below nothing, which it cannot; and that is said."""
    law = Block("no_reform", laws=lambda v, _: [Law("no_reform", ("year",), v["reform"] <= 0, "share of the drive")])
    program = iom.build(_soon("best-path", {"idle_cut": CUT}), china, [law])
    assert solve_program(program).status == "optimal"
    sides = sides_of(program, "no_reform", year=2028)
    assert sides.lowered == float("inf")
    assert 0 < sides.raised < 10
    assert not sides.regular
    assert "lowered no path is left" in str(sides)


@pytest.mark.parametrize(
    ("law", "labels", "text"),
    [
        ("packages", {}, r"no law 'packages' in this program; it has programme_pace, .*Did you mean package"),
        ("package", {"years": 2033}, r"law 'package' has no dim 'years'; its dims are year. Did you mean year"),
        ("package", {"year": 2030}, r"law 'package' has no year 2030; it has 2033 to 2043\.$"),
        ("package", {"year": 2050.0}, r"law 'package' has no year 2050\.0; it has 2033 to 2043\.$"),
        ("goods_balance", {}, r"It is one of the plain form: form=\"plain\""),
    ],
)
def test_sides_of_what_is_not_there(law: str, labels: dict[str, object], text: str, china: Economy) -> None:
    with pytest.raises(ProgramError, match=text):
        iom.price_sides(official("demand-only"), law, china, **labels)


def test_a_year_is_the_same_year_as_any_number(solved_program: Callable[..., Program]) -> None:
    program = solved_program("demand-only")
    whole = one_sided._where(program, "package", {"year": 2035})
    assert whole.sum() == 1
    for year in (2035.0, np.int64(2035), "2035"):
        assert np.array_equal(one_sided._where(program, "package", {"year": year}), whole)


def test_no_sides_of_a_program_that_is_not_solved_to_optimality(
    monkeypatch: pytest.MonkeyPatch, china: Economy
) -> None:
    def rough(*asked: Any) -> Any:
        program, verdict = exactly(*asked)
        return program, dataclasses.replace(verdict, status="inaccurate", law="package")

    exactly = one_sided.settled
    monkeypatch.setattr(one_sided, "settled", rough)
    with pytest.raises(SolverError, match=r"demand-only: the program ended inaccurate \(package\); the sides of its"):
        iom.price_sides(official("demand-only"), "package", china)


def test_a_simulated_path_has_no_sides(china: Economy) -> None:
    with pytest.raises(ExperimentError, match="no lever is free, so that the path is simulated and no law has a price"):
        iom.price_sides(official("business-as-usual"), "package", china)


def test_every_price_says_what_its_sign_means(solved_program: Callable[..., Program]) -> None:
    for name, price in shadow_prices(solved_program("two-halves")).items():
        said = str(price.attrs["meaning"])
        assert said.startswith("change of the goal when "), name
        assert "at given prices" in said, name
        side = {"upper": "ceiling is one unit higher", "lower": "floor is one unit higher", "equal": "one unit"}
        assert side[str(price.attrs["bound"])] in said or name in RAISED, name
    assert set(RAISED) == set(ACCOUNTING)


def test_price_of_a_slack_law_is_zero(solved_program: Callable[..., Program]) -> None:
    """Complementarity law by law: what is far from its bound costs nothing."""
    program = solved_program("two-halves")
    prices = shadow_prices(program)
    for name, law in program.laws.items():
        if law.bound == "equal":
            continue
        left, right = (np.asarray(side.value, dtype=float) for side in law.constraint.args)
        room = np.broadcast_to(right - left, prices[name].shape)
        assert float(np.abs(prices[name].values[room > 1e-3]).max(initial=0.0)) < 1e-5, name


def test_signs_follow_from_the_side_of_the_bound(solved_program: Callable[..., Program]) -> None:
    """Raising a ceiling never harms, raising a floor never helps."""
    for policy in ("supply-only", "demand-only", "two-halves", "best-path"):
        program = solved_program(policy)
        prices = shadow_prices(program)
        for name, law in program.laws.items():
            if law.bound == "upper":
                assert float(prices[name].min()) > -1e-7, (policy, name)
            if law.bound == "lower":
                assert float(prices[name].max()) < 1e-7, (policy, name)


def test_price_at_a_degenerate_point_lies_between_the_sides(china: Economy) -> None:
    """Two laws with one bound: raising either costs the whole price, lowering one alone brings nothing."""

    def laws(v: Values, p: Setting) -> list[Law]:
        floor = p.cards["frictional_unemployment"] * p.arrays.labour_force[p.window]
        return [Law("second_floor", ("year",), v["unemployed"] >= floor, "million persons", "lower")]

    def solved(by: float) -> Program:
        shift = np.zeros(18)
        shift[10] = by
        twice = iom.build(experiment, china, [Block("twice", laws=laws)], shifts={"second_floor": shift})
        assert solve_program(twice).status == "optimal"
        return twice

    step = 0.05
    experiment = official("demand-only")
    here = solved(0.0)
    prices = shadow_prices(here)
    raised = (float(solved(step).problem.value) - float(here.problem.value)) / step
    lowered = (float(here.problem.value) - float(solved(-step).problem.value)) / step
    assert raised < -1e-3
    assert lowered == pytest.approx(0, abs=1e-4)
    assert raised - 1e-4 <= float(prices["second_floor"][10]) <= lowered + 1e-4
    together = float(prices["second_floor"][10]) + float(prices["labour_shortage"][10])
    assert together == pytest.approx(raised, rel=1e-2)


@pytest.mark.parametrize("target", ["package", "reform", "idle_cut"])
def test_whole_target_is_worth_its_prices_together(
    target: str, china: Economy, solved_program: Callable[..., Program]
) -> None:
    """A target stated a little higher in all its years: a regular direction even where single years are degenerate."""
    program = solved_program("two-halves")
    prices, step = shadow_prices(program), 1e-4
    values = {name: np.asarray(value.value, dtype=float) for name, value in program.values.items()}
    setting = program.setting
    if target == "package":
        scale = {law: values["gdp"][part] / 100 for law, part in _parts(program, "package").items()}
    elif target == "reform":
        scale = {law: np.ones(part.stop - part.start) for law, part in _parts(program, "reform").items()}
    else:
        due = setting.due("idle_cut")
        plant = values["capacity"][setting.industry, :-1].sum(axis=0)[due]
        scale = {"idle_cut": -setting.reference["idle_fraction"][due] * plant}
    worth = sum(float(prices[law].values @ size) for law, size in scale.items())
    experiment = official("two-halves")
    aim = experiment.targets[target]
    goals = []
    for by in (step, -step):
        moved = official("two-halves").set(f"targets.{target}.{aim.kind}", aim.value + by)
        other = iom.build(moved, china)
        assert solve_program(other).status == "optimal"
        goals.append(float(other.problem.value))
    assert worth == pytest.approx((goals[0] - goals[1]) / (2 * step), rel=5e-3, abs=1e-5)


def _parts(program: Program, target: str) -> dict[str, slice]:
    due = program.setting.due(target)
    return {target: slice(due.start, program.setting.years), f"{target}_before": slice(0, due.start)}


def test_prices_say_their_unit_and_years(path_of: Callable[..., Trajectory]) -> None:
    prices = path_of("two-halves").shadow_prices
    for name, price in prices.items():
        assert isinstance(price, xr.DataArray)
        assert str(price.attrs["units"]).startswith("percent of base-year GDP of consumption a year per "), name
    assert prices["package"].dims == ("year",)
    assert prices["package"]["year"].values.tolist() == list(range(2033, 2044))
    assert prices["capacity_limit"].dims == ("industry", "year")
    assert str(prices["labour_shortage"].attrs["bound_units"]) == "million persons"


def test_laws_that_bind_are_named_in_words(path_of: Callable[..., Trajectory]) -> None:
    rows = iom.what_binds(path_of("demand-only"))
    assert {"package", "programme_pace", "labour_shortage"} <= {row.law for row in rows}
    assert "unemployment" not in {row.law for row in rows}  # accounting and behaviour are no limits
    text = next(row.text for row in rows if row.law == "programme_pace")
    assert "ceiling" in text
    assert "2028–2033" in text
    assert [abs(row.worth) for row in rows] == sorted((abs(row.worth) for row in rows), reverse=True)
    assert iom.what_binds(path_of("business-as-usual")) == []


def test_shift_of_a_law_that_is_not_there(china: Economy) -> None:
    with pytest.raises(ProgramError, match=r"no law 'packages' to shift.*package"):
        iom.build(official("two-halves"), china, shifts={"packages": np.zeros(1)})
