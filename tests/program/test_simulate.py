"""Simulation and program are the same laws: simulated values put into the program meet every one of its laws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cvxpy as cp
import numpy as np
import pytest
from by_hand import ByHand
from official import official
from synthetic import random_economy, random_experiment

import iomodel as iom
from iomodel.economy import Economy
from iomodel.experiment import Experiment
from iomodel.program.arrays import arrays_of
from iomodel.program.build import Program
from iomodel.program.simulate import base_state, no_levers, step
from iomodel.program.solvers import solve_program
from iomodel.program.trajectory import Trajectory

YEARS = 10
OF_SCALE = 1e-7


def _filled(program: Program, path: Trajectory, economy: Economy) -> Program:
    """The program with every variable at the simulated value; `path` reports one year more than is solved."""
    hand, first = ByHand(economy, path.data), int(path.data["year"].values.searchsorted(path.policy_years[0]))
    years, start = slice(first, first + program.setting.years), slice(first, first + program.setting.years + 1)
    rows = program.setting.industry
    assets = np.stack([hand.path(f"investment_{asset}") for asset in ("construction", "equipment", "intangible")])
    values = {
        "capacity": hand.path("capacity")[:, start],
        "closed": hand.closed[rows][:, start],
        "retirement": hand.path("retirement")[rows][:, years],
        "idle_capacity": hand.path("idle_capacity")[rows][:, years],
        "strained_output": hand.path("strained_output")[rows][:, years],
        "asset_investment": assets[:, years],
        "public_debt": hand.path("public_debt")[start],
        "firm_debt": hand.path("firm_debt")[start],
        "output": hand.path("output")[:, years],
    }
    for name in program.variables:
        variable = program.values[name]
        assert isinstance(variable, cp.Variable)
        if name.startswith("missed_"):
            variable.value = np.zeros(variable.shape)
        else:
            variable.value = values[name] if name in values else hand.path(name)[years]
    return program


def _misses(program: Program) -> dict[str, float]:
    """Law -> how far it is broken, relative to its own scale."""
    found: dict[str, float] = {}
    for name, law in program.laws.items():
        left, right = (np.asarray(side.value, dtype=float) for side in law.constraint.args)
        over = left - right
        miss = np.abs(over) if isinstance(law.constraint, cp.constraints.Equality) else np.maximum(over, 0)
        scale = max(float(np.abs(left).max()), float(np.abs(right).max()), 1e-3)
        found[name] = float(miss.max()) / scale
    return found


def _both(experiment: Experiment, economy: Economy, form: str = "reduced", years: int = YEARS) -> Program:
    program = iom.build(experiment.replace(years=years, beyond=0), economy, form=form)
    path = iom.simulate(experiment.replace(years=years + 1, beyond=0), economy)
    return _filled(program, path, economy)


@pytest.mark.parametrize("form", ["reduced", "plain"])
@pytest.mark.parametrize("name", ["business-as-usual", "two-halves", "supply-only", "demand-only"])
def test_simulation_meets_every_law_of_the_program(name: str, form: str, china: Economy) -> None:
    """The reference path and the rule's paths; idle plant is the larger of two, so that it may exceed its floor."""
    missed = _misses(_both(official(name), china, form))
    assert max(missed.values()) < OF_SCALE, {law: miss for law, miss in missed.items() if miss >= OF_SCALE}
    assert len(missed) >= 14


def test_simulation_meets_every_law_on_the_world_table(economy_named: Callable[[str], Economy]) -> None:
    experiment = iom.load_experiment("two-halves").replace(table="world-2011")
    assert max(_misses(_both(experiment, economy_named("world-2011"))).values()) < OF_SCALE


@pytest.mark.parametrize("form", ["reduced", "plain"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_simulation_meets_every_law_on_random_economies(seed: int, form: str, tmp_path: Path) -> None:
    """With taxes, re-exports and the cards that are zero by default (rebuilding, interest of households) moved."""
    economy = random_economy(seed, tmp_path)
    assert economy.cards["rebuilding"] > 0
    assert economy.cards["interest_to_households"] > 0
    missed = _misses(_both(random_experiment(), economy, form, years=6))
    assert max(missed.values()) < OF_SCALE, {law: miss for law, miss in missed.items() if miss >= OF_SCALE}


@pytest.mark.parametrize("payer", ["dividends", "household_tax"])
def test_simulation_meets_every_law_under_each_payer(payer: str, china: Economy) -> None:
    missed = _misses(_both(official("two-halves").replace(payer=payer), china))
    assert max(missed.values()) < OF_SCALE


@pytest.mark.parametrize(
    ("variable", "law"),
    [
        ("household_consumption", "consumption"),
        ("capacity", "capacity_accumulation"),
        ("unemployed", "unemployment"),
        ("public_debt", "public_debt"),
        ("firm_debt", "firm_debt"),
        ("precaution", "precaution"),
        ("asset_investment", "asset_investment"),
        ("closed", "closed_plant"),
        ("programme", "package"),
    ],
)
def test_a_value_that_is_off_breaks_its_law(variable: str, law: str, china: Economy) -> None:
    program = _both(official("two-halves"), china)
    held = np.array(program.values[variable].value)
    program.values[variable].value = held + 1e-4 * np.abs(held).max()
    assert _misses(program)[law] > OF_SCALE


def test_the_reference_path_is_the_path_without_levers(usual: Trajectory, china: Economy) -> None:
    """The public path is the plain repetition of one year's step, and has no lever in it."""
    arrays = arrays_of(china)
    state, gdp = base_state(arrays), []
    for year in range(usual.data.sizes["year"]):
        flow, state = step(arrays, year, state, no_levers(arrays))
        gdp.append(flow["gdp"])
    assert np.array_equal(usual.data["gdp"].values, np.array(gdp))
    for lever in ("programme", "reform", "retirement", "severance", "precaution"):
        assert float(abs(usual.data[lever]).max()) == 0, lever


def test_overflow_comes_before_rationing(china: Economy) -> None:
    """A labour force too small: purchases move abroad up to the limit, then consumption is rationed and it is said."""
    arrays = arrays_of(china)
    state = base_state(arrays)
    _, state = step(arrays, 0, state, no_levers(arrays))
    shrunk = []
    for part in (1.0, 0.99, 0.98, 0.94):
        force = part * china.accounts["labour_force"]
        small = replace(arrays, economy=replace(china, accounts=china.accounts.assign(labour_force=force)))
        flow, _ = step(small, 1, state, no_levers(small))
        floor = 0.045 * float(flow["labour_force"])
        assert float(flow["unemployed"]) >= floor - 1e-9
        shrunk.append(
            (float(flow["overflow_imports"]), float(flow["forced_saving"]), float(flow["unemployed"]) - floor)
        )
        assert flow["overflow_imports"] <= 0.1 * float(flow["household_consumption"]) + 1e-9
        if flow["forced_saving"] > 0:
            assert float(flow["overflow_imports"]) == pytest.approx(0.1 * float(flow["household_consumption"]))
    enough, short, tight, overheated = shrunk
    assert enough[0] == enough[1] == 0
    assert enough[2] > 0
    assert short[0] > 0
    assert short[1] == 0
    assert tight[0] > short[0]
    assert overheated[1] > 0
    for overflow, _, slack in shrunk[1:]:
        assert overflow > 0
        assert slack == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("part", [0.985, 0.965])
def test_the_program_rations_as_the_simulation_does(part: float, china: Economy) -> None:
    """With too few hands the solved program buys abroad up to the limit and rations the rest, as simulation does."""
    force = part * china.accounts["labour_force"]
    short = replace(china, accounts=china.accounts.assign(labour_force=force))
    experiment = official("business-as-usual").replace(years=4, beyond=0)
    program, path = iom.build(experiment, short), iom.simulate(experiment, short)
    assert solve_program(program).status == "optimal"
    late = path.data.sel(year=path.policy_years)
    for name in ("household_consumption", "overflow_imports", "forced_saving", "unemployed"):
        assert np.allclose(program.values[name].value, late[name], rtol=0, atol=1e-5), name
    assert float(late["overflow_imports"].max()) > 0.1
    at_limit = late["overflow_imports"] / late["household_consumption"] > 0.1 - 1e-9
    assert bool(at_limit.any()) == bool((late["forced_saving"] > 0).any()) == (part < 0.97)
