"""Several deciding regions: what they sell one another follows from what they make and use, instead of being data.

Blocks are laid once for each region, in percent of its own base-year GDP; one law binds them together, the world's
balance of goods: x_r = A_rr x_r + b_rr z_r + data + Σ_s (A_rs x_s + b_rs z_s + data_s) (Isard 1951; Miller and Blair
2009, section 3.3), at the base year's coefficients and shares. It is written solved for output, which stays a variable:
x = x̄ + L f z holds what each unit of final demand anywhere calls forth, by one factorisation of the world's I − A. A
sector that makes nothing sells nothing: its row reads x = 0. The goal is a weighted sum of the regions' own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

import cvxpy as cp
import numpy as np
import numpy.typing as npt
from scipy.linalg import lu_factor, lu_solve

from iomodel.program.arrays import DIRECTIONS, Arrays
from iomodel.program.block import Block, Law, Term, Var
from iomodel.program.blocks import CORE
from iomodel.program.build import Laid, Program, checked, lay
from iomodel.program.setting import Setting

Array = npt.NDArray[np.float64]

FORM = "world"
BALANCE = "goods_balance"

TOTALS = ("unemployment", "consumption", "current_account_corridor", "current_account_corridor_floor")
"""Laws on totals of output, put in terms of final demand before a solver sees them."""


@dataclass(frozen=True)
class Trade:
    """What deciding regions sell one another, each seller's goods in percent of its own base-year GDP.

    regions: in order; n sectors each. intermediate: (R n, R n), goods bought per unit of output of the buyer, zero
    within a region. directions: (R n, R k), goods bought per unit of each direction of the buyer's final demand. data:
    (R n, t) sold for uses that are data: the buyers' fixed consumption, what moves with their trends, and all that
    regions buy which do not decide.
    """

    regions: tuple[str, ...]
    arrays: tuple[Arrays, ...]
    intermediate: Array
    directions: Array
    data: Array

    @property
    def sectors(self) -> int:
        """Sectors of a region."""
        return self.data.shape[0] // len(self.regions)

    def rows(self, place: int) -> slice:
        """Rows of a region's sectors."""
        return slice(place * self.sectors, (place + 1) * self.sectors)

    def sold(self, output: Array, amounts: Array, t: int) -> Array:
        """(R, n) exports by seller when regions make `output` (R, n) and use `amounts` (R, k) in path year t."""
        found = self.intermediate @ output.ravel() + self.directions @ amounts.ravel() + self.data[:, t]
        return found.reshape(output.shape)

    def output(self, amounts: Array, t: int) -> Array:
        """(R, n) what regions have to make when they use `amounts` (R, k) in path year t."""
        made = self.output_data[:, t] + self.form_directions @ amounts.ravel()
        return made.reshape(len(self.regions), -1)

    @cached_property
    def form_directions(self) -> Array:
        """(R n, R k) output that a unit of each region's directions calls forth in the world."""
        demand = self.directions.copy()
        count = demand.shape[1] // len(self.regions)
        for place, arrays in enumerate(self.arrays):
            demand[self.rows(place), place * count : (place + 1) * count] += arrays.home_directions
        return self.called_forth(demand)

    @cached_property
    def output_data(self) -> Array:
        """(R n, t) output for the uses that are data, at home and abroad."""
        return self.called_forth(self.data + np.concatenate([arrays.home_data for arrays in self.arrays]))

    def called_forth(self, demand: Array) -> Array:
        """Output that demand by seller calls forth in the deciding regions: (I − A)⁻¹ demand."""
        return np.asarray(lu_solve(self._factor, demand))

    def prices(self, worth: Array) -> Array:
        """(R n, …) prices of goods demanded from what a unit of output is worth: (I − A)'⁻¹ worth."""
        return np.asarray(lu_solve(self._factor, worth, trans=1))

    @cached_property
    def _factor(self) -> tuple[Array, npt.NDArray[np.int32]]:
        """LU of I − A of the deciding regions together."""
        leontief = np.eye(self.data.shape[0]) - self.intermediate
        for place, arrays in enumerate(self.arrays):
            leontief[self.rows(place), self.rows(place)] -= arrays.domestic
        return lu_factor(leontief)


def trade_of(arrays: Sequence[Arrays]) -> Trade:
    """What the regions of `arrays`, all of one inter-country table, sell one another."""
    regions = tuple(one.economy.region for one in arrays)
    count, sectors, years = len(regions), arrays[0].domestic.shape[0], arrays[0].exports.shape[1]
    intermediate = np.zeros((count, sectors, count, sectors))
    directions = np.zeros((count, sectors, count, len(DIRECTIONS)))
    data = np.zeros((count, sectors, years))
    for place, seller in enumerate(arrays):
        data[place] = np.outer(_sold_to_others(seller, regions), seller.path("export_volume"))
        for other, buyer in enumerate(arrays):
            if other == place:
                continue
            size = buyer.economy.gdp / seller.economy.gdp
            intermediate[place, :, other] = size * _coefficients(buyer, seller)
            bundles = buyer.economy.bundles.sel(region=seller.economy.region)
            directions[place, :, other] = size * bundles.sel(use=list(DIRECTIONS)).values
            on_trend = buyer.account("collective_consumption") * bundles.sel(use="government_collective").values
            on_trend = on_trend + bundles.sel(use="inventories").values
            fixed = bundles.sel(use="household_fixed").values
            data[place] += size * (fixed[:, None] + np.outer(on_trend, buyer.path("trend")))
    rows = count * sectors
    return Trade(
        regions,
        tuple(arrays),
        intermediate.reshape(rows, rows),
        directions.reshape(rows, -1),
        data.reshape(rows, years),
    )


def _coefficients(buyer: Arrays, seller: Arrays) -> Array:
    """(n, n) goods of the seller per unit of the buyer's output."""
    table = buyer.economy.table
    bought = table.flows.sel(region=seller.economy.region, to_region=buyer.economy.region).values
    output = table.output.sel(region=buyer.economy.region).values
    return np.divide(bought, output, out=np.zeros(bought.shape), where=np.broadcast_to(output > 0, bought.shape))


def _sold_to_others(seller: Arrays, regions: Sequence[str]) -> Array:
    """(n,) base-year sales to regions that do not decide, percent of the seller's GDP."""
    table = seller.economy.table
    others = [region for region in table.regions if region not in regions]
    used = table.flows.sel(region=seller.economy.region, to_region=others).sum(("to_region", "to_sector"))
    final = table.final_demand.sel(region=seller.economy.region, to_region=others).sum(("to_region", "category"))
    return np.asarray((used + final).values, dtype=float) * 100.0 / seller.economy.gdp


@dataclass(frozen=True)
class World:
    """The program of several regions, not solved.

    whole: one `Program` for solvers, in which every name has its region behind it ("output of USA"). parts: region ->
    its part as a `Program` of its own, with plain names, sharing variables and laws with the whole. factors: region ->
    what a unit of its own goal counts in the whole's.
    """

    whole: Program
    parts: Mapping[str, Program]
    factors: Mapping[str, float]
    trade: Trade


def world_factors(arrays: Sequence[Arrays], weights: Mapping[str, float]) -> dict[str, float]:
    """Region -> factor of its goal: W = C Σ ω_r goal_r / C_r with Σ ω = 1 and C = Σ ω_r C_r.

    A region's goal is in percent of its own GDP; over its consumption C_r it is a share of what its households live
    on. ω are `weights`, scaled to one, and without any the shares of base-year consumption, which makes a dollar
    of consumption count the same everywhere. With one region W is its goal.
    """
    consumption = {one.economy.region: one.account("household_consumption") for one in arrays}
    given = dict(weights) or {one.economy.region: one.economy.gdp * consumption[one.economy.region] for one in arrays}
    omega = {region: given[region] / sum(given[name] for name in consumption) for region in consumption}
    mean = sum(omega[region] * consumption[region] for region in consumption)
    return {region: mean * omega[region] / consumption[region] for region in consumption}


def assemble_world(
    settings: Sequence[Setting], trade: Trade, weights: Mapping[str, float], blocks: Sequence[Block] = CORE
) -> World:
    """Lay `blocks` once for each region and bind them by the world's balance of goods.

    settings: one a region, in the order of `trade`, of the form "world". Raises ProgramError as `assemble`.
    """
    factors = world_factors([setting.arrays for setting in settings], weights)
    laid = [lay(setting, blocks) for setting in settings]
    balances = _balances(settings, laid, trade)
    laws = [{**one.laws, BALANCE: balance} for one, balance in zip(laid, balances, strict=True)]
    terms = [
        {name: Term(name, factors[region] * term.expression) for name, term in one.terms.items()}
        for region, one in zip(trade.regions, laid, strict=True)
    ]
    goal = cp.Maximize(sum(term.expression for own in terms for term in own.values()))
    problem = checked(cp.Problem(goal, [law.constraint for own in laws for law in own.values()]))
    variables: dict[str, Var] = {}
    values: dict[str, cp.Expression] = {}
    every: dict[str, Law] = {}
    worth: dict[str, Term] = {}
    for region, one, own, goals in zip(trade.regions, laid, laws, terms, strict=True):
        variables |= {of(name, region): var for name, var in one.variables.items()}
        values |= {of(name, region): value for name, value in one.values.items()}
        every |= {of(name, region): _within(law, region) for name, law in own.items()}
        worth |= {of(name, region): term for name, term in goals.items()}
    whole = Program(problem, settings[0], variables, values, every, worth, laid[0].blocks)
    parts = {
        region: Program(problem, setting, one.variables, one.values, own, goals, one.blocks, own=one.own)
        for region, setting, one, own, goals in zip(trade.regions, settings, laid, laws, terms, strict=True)
    }
    return World(whole, parts, factors, trade)


def of(name: str, region: str) -> str:
    """The name of a region's variable or law in the whole program."""
    return f"{name} of {region}"


def _within(law: Law, region: str) -> Law:
    """A region's law in the whole program: what it defines has the region behind its name, too."""
    if not law.defines:
        return law
    return replace(law, defines=of(law.defines, region), carried=tuple(of(name, region) for name in law.carried))


def _balances(settings: Sequence[Setting], laid: Sequence[Laid], trade: Trade) -> list[Law]:
    """The world's balance of goods solved for output, one law a region (sector, year): x = x̄ + Σ_s (L f_s) z_s."""
    amounts = cast(cp.Expression, cp.vstack([one.values["direction_amounts"] for one in laid]))
    found: list[Law] = []
    for place, (setting, one) in enumerate(zip(settings, laid, strict=True)):
        rows = trade.rows(place)
        made = trade.output_data[rows, setting.window] + trade.form_directions[rows] @ amounts
        # Outside industry no limit holds output, so that it is substituted; in industry the totals are freed of it.
        outside = np.repeat(~setting.arrays.industry[:, None], setting.years, axis=1)
        found.append(Law(BALANCE, ("sector", "year"), one.values["output"] == made, bound="equal", defines="output",
                         defined=outside, carried=TOTALS))  # fmt: skip
    return found
