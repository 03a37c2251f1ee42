"""Investment: nobody's free choice. The local drive, public works, and the market's answer to short plant.

I = I^m + I^d + I^g by using sector; reform ρ cuts the drive, of which a part leaks, and public works with it; the
market part follows the trend and last year's gap between wanted and installed capacity (accelerator). Nobody invests
less than nothing: the sectors and years in which the answer stops at zero (`Setting.stopped`) are found by solving
again, so that the rule is met exactly and no price for it opens a back door.
"""

from __future__ import annotations

from collections.abc import Iterable

import cvxpy as cp
import numpy as np

from iomodel.program.block import Block, Law, Term, Values, Var, by_row, total
from iomodel.program.setting import Setting


def variables(p: Setting) -> Iterable[Var]:
    """Investment by asset, reform where it is free, and what it misses of a stated reform."""
    yield Var("asset_investment", ("asset", "year"), "percent of base-year GDP")
    if p.free("reform"):
        yield Var("reform", ("year",), "share of the drive", nonneg=True)
    if _soft(p):
        yield Var("missed_reform", ("year",), "share of the drive", nonneg=True)


def expressions(v: Values, p: Setting) -> Iterable[tuple[str, cp.Expression]]:
    """Gap of capacity (sector, year), investment by motive (sector, year), state investment and total (year)."""
    reform = v["reform"] if p.free("reform") else cp.Constant(np.zeros(p.years))
    gap = by_row(1 / p.base("normal_use"), v["output"]) - v["capacity"][:, :-1]
    if p.free("retirement"):
        gap = gap - (1 - p.cards["rebuilding"]) * (p.spread @ v["closed"][:, :-1])
    answer = gap[:, :-1] - np.outer(p.arrays.gap_base, p.trend[:-1])
    handed = cp.Constant(p.state.gap.reshape(-1, 1))
    last_year = cp.hstack([handed, answer]) if p.years > 1 else handed
    market = np.outer(p.base("market_investment"), p.trend)
    market = market + by_row(p.base("accelerator") * p.base("capital_cost"), last_year)
    yield "wanted_investment", market
    if p.stopped.any():
        market = cp.multiply(~p.stopped, market)
    full_drive = p.arrays.drive_trend[:, p.window]
    drive = full_drive - cp.multiply((1 - p.cards["reform_leakage"]) * full_drive, _each_sector(reform, p))
    full_public = np.outer(p.base("public_investment"), p.trend)
    public = full_public - cp.multiply(p.cards["reform_public"] * full_public, _each_sector(reform, p))
    yield "reform", reform
    yield "gap", gap
    yield "market_investment", market
    yield "drive_investment", drive
    yield "public_investment", public
    yield "investment", total(v["asset_investment"], axis=0)
    yield "state_investment", total(public, axis=0) + p.cards["vehicles_share"] * total(drive, axis=0)


def laws(v: Values, p: Setting) -> Iterable[Law]:
    """Assets bought for investment, and reform: never undone, at its pace, up to its limit or as stated."""
    mix = p.base("asset_mix")
    total = v["market_investment"] + v["drive_investment"] + v["public_investment"]
    # In the first year all but a reform is handed over.
    given = np.zeros((mix.shape[0], p.years), dtype=bool)
    given[:, 0] = not p.free("reform")
    yield Law("asset_investment", ("asset", "year"), v["asset_investment"] == mix @ total, bound="equal",
              defines="asset_investment", defined=given)  # fmt: skip
    if p.held.any():
        rows = np.flatnonzero(p.held.any(axis=1))
        kept = cp.multiply(p.held[rows].astype(float), v["wanted_investment"][rows])
        where = {"sector": p.labels()["sector"][rows]}
        # Years that are not held say 0 ≥ −1, far from binding: as 0 ≥ 0 they would have prices without meaning.
        floor = np.where(p.held[rows], 0.0, -1.0)
        yield Law("investment_not_negative", ("sector", "year"), kept >= floor, bound="lower", where=where)
    if not p.free("reform"):
        return
    reform = v["reform"]
    change = reform - cp.hstack([np.zeros(1), reform[:-1]])
    unit = "share of the drive"
    # Where reform is stated exactly the law that states it holds it: a second law would only split its price.
    stated = "reform" in p.targets and p.policy.targets["reform"].exactly
    open_years = slice(0, p.due("reform").start if stated else p.years)
    if p.calendar[open_years].size:
        yield Law("reform_kept", ("year",), change[open_years] >= 0, unit, "lower", {"year": p.calendar[open_years]})
    yield Law("reform_pace", ("year",), change <= p.cards["reform_pace"], unit)
    yield Law("reform_limit", ("year",), reform <= p.cards["reform_limit"], unit)
    if "reform" not in p.targets:
        return
    target, due = p.policy.targets["reform"], p.due("reform")
    where = {"year": p.calendar[due]}
    reached = reform + v["missed_reform"] if _soft(p) else reform
    if not target.exactly:
        yield Law("reform", ("year",), reached[due] >= p.targets["reform"], unit, "lower", where)
        return
    yield Law("reform", ("year",), reached[due] == p.targets["reform"], unit, "equal", where,
              defines="missed_reform" if _soft(p) else "")  # fmt: skip
    if due.start > 0:
        early = slice(0, due.start)
        yield Law("reform_before", ("year",), reform[early] <= p.targets["reform"], unit,
                  where={"year": p.calendar[early]})  # fmt: skip


def goal(v: Values, p: Setting) -> Iterable[Term]:
    """A missed reform is as dear as the investment that it leaves standing."""
    if _soft(p):
        left = (1 - p.cards["reform_leakage"]) * p.arrays.drive_trend[:, p.window].sum(axis=0)
        yield Term("missed_reform", -p.cards["weight_missed"] * ((p.discount * left) @ v["missed_reform"]))
    if p.free("reform"):
        yield Term("reform_tie", -p.tie * cp.sum_squares(v["reform"]))


def _each_sector(reform: cp.Expression, p: Setting) -> cp.Expression:
    """Reform of the year in the row of every sector (sector, year)."""
    return np.ones((p.arrays.industry.size, 1)) @ cp.reshape(reform, (1, p.years), order="C")


def _soft(p: Setting) -> bool:
    """Whether a reform is stated that may be missed at a price."""
    return "reform" in p.policy.targets and not p.policy.targets["reform"].hard


INVESTMENT = Block("investment", variables, expressions, laws, goal)
