"""Prices of goods: the multipliers of the balance, and the Leontief price system where theory says that they agree.

λ_i is what one unit more demanded of good i does to the goal. Demand of good i calls forth the outputs L e_i, so that
λ is L' r with r_j what a unit of output j does. Where output does nothing but use a primary input at one price κ,
r = −κ v with v that input per unit of output, and λ = −κ p with p = A'p + v: the price system, in which a good costs
the primary input that is in it (Leontief 1951; Miller and Blair 2009, section 2.6). In the whole program output also
earns income, fills plant and steers investment, and the two are not the same.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cvxpy as cp
import numpy as np
import pytest
from official import official
from synthetic import random_economy

import iomodel as iom
from iomodel.economy import Economy
from iomodel.errors import ProgramError
from iomodel.experiment import Experiment, Horizon, Levers
from iomodel.program.block import Block, Law, Term, Values, Var
from iomodel.program.build import Program
from iomodel.program.diagnose import shadow_prices
from iomodel.program.goods_prices import goods_prices, worth_of_output
from iomodel.program.setting import Setting
from iomodel.program.solvers import solve_program

ALONE = {
    "propensity_market_income": 0.0, "propensity_transfers": 0.0, "precaution": 0.0, "weight_debt": 0.0,
    "capacity_margin": 10.0, "overflow_limit": 0.0, "overhead_jobs": 0.0, "trend_jobs": 0.0,
}  # fmt: skip
"""Output earns nobody's consumption, nobody minds debt, plant never binds, nothing is bought abroad in its place and
all jobs follow output: what is left of output in the program is the work that it takes."""


def _alone(economy: Economy, **cards: float) -> Economy:
    return iom.calibrate(economy.table, economy.region, economy.cards.unbounded({**ALONE, **cards}))


def _one_year(economy: Economy) -> Experiment:
    """The programme free in a single year."""
    return Experiment("alone", table=economy.table.name, region=economy.region, horizon=Horizon(1, 0),
                      levers=Levers(("programme",)))  # fmt: skip


def _solved(economy: Economy, *blocks: Block, form: str = "reduced") -> Program:
    program = iom.build(_one_year(economy), economy, blocks, form=form)
    assert solve_program(program).status == "optimal"
    return program


def _price_system(economy: Economy, primary: np.ndarray) -> np.ndarray:
    """p = A'p + v, from the table's coefficients alone."""
    home = economy.coefficients["domestic"].values
    return np.linalg.solve(np.eye(primary.size) - home.T, primary)


@pytest.fixture(params=["china", "random", "idle"])
def economy(request: pytest.FixtureRequest, china: Economy, tmp_path: Path) -> Economy:
    """The official table, a random one, and one with a sector that makes nothing."""
    if request.param == "china":
        return china
    return random_economy(4, tmp_path, idle_sector=request.param == "idle")


@pytest.mark.parametrize("form", ["reduced", "plain"])
def test_goods_cost_the_work_in_them_where_only_work_is_short(form: str, economy: Economy) -> None:
    """Labour is the one primary input with a price: prices of goods are labour values times the price of a person."""
    economy = _alone(economy)
    program = _solved(economy, form=form)
    prices = shadow_prices(program)
    person = float(prices["unemployment"].item())
    setting = program.setting
    work = setting.arrays.jobs_per_output[:, setting.first]
    assert abs(person) > 1e-6
    found = prices["goods_balance"].values[:, 0]
    np.testing.assert_allclose(found, -person * _price_system(economy, work), rtol=0, atol=1e-6 * np.abs(found).max())


def _primary_cost(price: float, *, imports: bool) -> Block:
    """Value added, and imported inputs with it, at a uniform price in the goal."""

    def goal(v: Values, p: Setting) -> list[Term]:
        primary = p.arrays.value_added_share + (p.arrays.imported.sum(axis=0) if imports else 0.0)
        return [Term("primary_cost", -price * cp.sum(primary @ v["output"]))]

    return Block("primary_cost", goal=goal)


@pytest.mark.parametrize("form", ["reduced", "plain"])
def test_goods_cost_their_primary_inputs(form: str, economy: Economy) -> None:
    """Value added at one price: λ = −κ p with p = A'p + v. With imported inputs priced, too, every good costs one, as
    in any table of its own year's prices."""
    economy = _alone(economy, weight_unemployment=0.0, frictional_unemployment=-1.0)
    share = np.array([economy.sectors[f"{name}_share"].values for name in ("wage", "surplus", "tax")]).sum(axis=0)
    made = economy.sectors["output"].values > 0
    found = shadow_prices(_solved(economy, _primary_cost(0.3, imports=False), form=form))["goods_balance"].values[:, 0]
    np.testing.assert_allclose(found, -0.3 * _price_system(economy, share), atol=1e-7)
    every = shadow_prices(_solved(economy, _primary_cost(0.3, imports=True), form=form))["goods_balance"].values[:, 0]
    np.testing.assert_allclose(every[made], -0.3, atol=1e-7)
    np.testing.assert_allclose(every[~made], 0.0, atol=1e-7)


def test_prices_of_the_whole_program_are_not_the_price_system(solved_program: Callable[..., Program]) -> None:
    """Where output earns income, fills plant and steers investment, goods have prices of both signs."""
    prices = shadow_prices(solved_program("two-halves"))["goods_balance"]
    assert float(prices.min()) < -1e-2
    assert float(prices.max()) > 1e-2


def test_prices_count_a_users_own_laws_and_goals(china: Economy) -> None:
    """A law of one's own on output, and a curved term in the goal, are in the prices as in the plain form's duals."""

    def goal(v: Values, p: Setting) -> list[Term]:
        return [Term("steel_is_dirty", -1e-3 * cp.sum_squares(v["output"][p.place("14")]))]

    def laws(v: Values, p: Setting) -> list[Law]:
        limit = 1.2 * float(p.base("output")[p.place("12")])
        return [Law("chemicals", ("year",), v["output"][p.place("12")] <= limit + v["chemicals_beyond"])]

    def variables(_: Setting) -> list[Var]:
        return [Var("chemicals_beyond", ("year",), "percent of base-year GDP", nonneg=True)]

    def dear(v: Values, p: Setting) -> list[Term]:
        return [*goal(v, p), Term("chemicals_beyond", -0.05 * (p.discount @ v["chemicals_beyond"]))]

    own = Block("own", variables=variables, laws=laws, goal=dear)
    asked = official("demand-only").set("targets.package.by", 3).replace(years=3, beyond=1, benefit=None)
    found = []
    for form in ("reduced", "plain"):
        program = iom.build(asked, china, [own], form=form)
        assert solve_program(program).status == "optimal"
        found.append(shadow_prices(program)["goods_balance"])
    assert float(found[0].sel(sector="14").min()) < -0.05
    np.testing.assert_allclose(found[0].values, found[1].values, atol=2e-5)
    assert found[0].attrs["units"] == found[1].attrs["units"]


def test_prices_of_goods_are_on_every_solved_path(path_of: Callable[..., iom.Trajectory], china: Economy) -> None:
    price = path_of("demand-only").shadow_prices["goods_balance"]
    assert price.dims == ("sector", "year")
    assert price["sector"].values.tolist() == list(china.table.sectors)
    assert "demanded by nobody" in price.attrs["meaning"]
    assert "goods_balance" not in {row.law for row in iom.what_binds(path_of("demand-only"))}


def test_a_program_that_is_not_solved_has_no_prices(china: Economy) -> None:
    program = iom.build(official("demand-only"), china)
    with pytest.raises(ProgramError, match="solve it before"):
        goods_prices(program)
    with pytest.raises(ProgramError, match="solve it before"):
        worth_of_output(program)
