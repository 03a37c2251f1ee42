"""Shadow prices: sign, unit and size, checked by moving a law's bound and solving again.

A price is the change of the goal for a bound raised by one unit. At regular points both one-sided differences agree
with it; at a degenerate one the price lies between the two.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

import iomodel as iom
from iomodel.economy import Economy
from iomodel.errors import ProgramError
from iomodel.program.block import Block, Law, Values
from iomodel.program.build import Program
from iomodel.program.diagnose import shadow_prices
from iomodel.program.setting import Setting
from iomodel.program.solvers import solve_program
from iomodel.program.trajectory import Trajectory

STEP = 1e-3


def _goal(policy: str, economy: Economy, shifts: dict[str, np.ndarray]) -> float:
    program = iom.build(iom.load_experiment(policy), economy, shifts=shifts)
    assert solve_program(program).status == "optimal"
    return float(program.problem.value)


def _differences(policy: str, law: str, program: Program, economy: Economy, where: object) -> tuple[float, float]:
    """One-sided differences of the goal, per unit of the bound: raised, lowered."""
    step = STEP * (0.1 if program.laws[law].unit.startswith("share") else 1.0)
    shift = np.zeros(program.laws[law].constraint.shape)
    shift[where] = step
    here = float(program.problem.value)
    raised = (_goal(policy, economy, {law: shift}) - here) / step
    lowered = (here - _goal(policy, economy, {law: -shift})) / step
    return raised, lowered


REGULAR = [
    ("two-halves", "package", +1),
    ("two-halves", "idle_cut", +1),
    ("two-halves", "programme_pace", +1),
    ("two-halves", "capacity_limit", +1),
    ("two-halves", "labour_shortage", -1),
    ("demand-only", "package", -1),
    ("supply-only", "retirement_pace", +1),
    ("supply-only", "reform", -1),
]


@pytest.mark.parametrize(("policy", "law", "sign"), REGULAR)
def test_price_is_the_change_of_the_goal(
    policy: str, law: str, sign: int, solved_program: Callable[..., Program], china: Economy
) -> None:
    """Two-sided at regular points; the law has to bind, or nothing is tested."""
    program = solved_program(policy)
    price = shadow_prices(program)[law].values
    where = np.unravel_index(np.abs(price).argmax(), price.shape)
    assert abs(price[where]) > 1e-3, f"{law} does not bind in {policy}: choose another law to test"
    assert np.sign(price[where]) == sign
    raised, lowered = _differences(policy, law, program, china, where)
    assert raised == pytest.approx(lowered, rel=2e-3)
    assert price[where] == pytest.approx((raised + lowered) / 2, rel=1e-3)


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
    experiment = iom.load_experiment("demand-only")
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
    experiment = iom.load_experiment("two-halves")
    aim = experiment.targets[target]
    goals = []
    for by in (step, -step):
        moved = iom.load_experiment("two-halves").set(f"targets.{target}.{aim.kind}", aim.value + by)
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
        iom.build(iom.load_experiment("two-halves"), china, shifts={"packages": np.zeros(1)})
