"""Capacity: plant that investment builds, wear and closing take away, and demand leaves idle.

K' = (1 − δ) K + Σ (yield / cost) I − R, an equality, so that plant leaves only through R and with its workers; output
in industry up to a limit above normal use, beyond which it is reported as strained; idle plant Z ≥ K − x / u*.
"""

from __future__ import annotations

from collections.abc import Iterable

import cvxpy as cp
import numpy as np

from iomodel.program.block import Block, Law, Term, Values, Var, by_row, total
from iomodel.program.setting import Setting

PLANT = "output a year at full use, percent of base-year GDP"


def variables(p: Setting) -> Iterable[Var]:
    """Plant, idle plant, strained output; closing plant and the stock of closed plant where closing is free."""
    yield Var("capacity", ("sector", "start"), PLANT)
    yield Var("idle_capacity", ("industry", "year"), PLANT, nonneg=True)
    yield Var("strained_output", ("industry", "year"), PLANT, nonneg=True)
    if p.free("retirement"):
        yield Var("retirement", ("industry", "year"), PLANT, nonneg=True)
        yield Var("closed", ("industry", "start"), PLANT)
    if _soft(p):
        yield Var("missed_idle", ("year",), PLANT, nonneg=True)


def expressions(v: Values, p: Setting) -> Iterable[tuple[str, cp.Expression]]:
    """Capital cost of the plant closed (year)."""
    if p.free("retirement"):
        yield "scrapped", p.base("capital_cost")[p.industry] @ v["retirement"]
    else:
        yield "scrapped", cp.Constant(np.zeros(p.years))


def laws(v: Values, p: Setting) -> Iterable[Law]:
    """Accumulation, the limit of plant, idle plant and its stated cut, and the pace of closing."""
    capacity = v["capacity"]
    start, end = capacity[:, :-1], capacity[:, 1:]
    rows, normal = p.industry, p.base("normal_use")[p.industry]
    decay = p.base("capacity_depreciation")
    market, drive, public = (
        by_row(p.arrays.built_per_yuan[m], v[f"{m}_investment"]) for m in ("market", "drive", "public")
    )
    first = {"start": p.calendar[:1]}
    yield Law("capacity_handed_over", ("sector", "start"), capacity[:, :1] == p.state.capacity.reshape(-1, 1), PLANT,
              "equal", first, defines="capacity")  # fmt: skip
    change = by_row(1 - decay, start) + market + drive + public
    if p.free("retirement"):
        change = change - p.spread @ v["retirement"]
    # Plant outside industry stands in no other law: it is substituted. In industry that would fill the limits.
    outside = np.repeat(~p.arrays.industry[:, None], p.years, axis=1)
    yield Law("capacity_accumulation", ("sector", "year"), end == change, PLANT, "equal", defines="capacity",
              defined=outside)  # fmt: skip
    limit = by_row(normal + p.cards["capacity_margin"], start[rows])
    yield Law("capacity_limit", ("industry", "year"), v["output"][rows] <= limit + v["strained_output"], PLANT)
    used = by_row(1 / normal, v["output"][rows])
    yield Law("idle_capacity", ("industry", "year"), v["idle_capacity"] >= start[rows] - used, PLANT, "lower")
    if p.free("retirement"):
        yield from _closing(v, p, start[rows], decay[rows])
    if "idle_cut" in p.targets:
        yield _idle_cut(v, p, start[rows])


def _closing(v: Values, p: Setting, start: cp.Expression, decay: np.ndarray) -> Iterable[Law]:
    """The pace of closing, and the stock of closed plant."""
    closed = v["closed"]
    pace = p.cards["retirement_pace"]
    yield Law("retirement_pace", ("industry", "year"), v["retirement"] <= pace * start, PLANT)
    handed = p.state.closed[p.industry].reshape(-1, 1)
    yield Law("closed_handed_over", ("industry", "start"), closed[:, :1] == handed, PLANT, "equal",
              {"start": p.calendar[:1]}, defines="closed")  # fmt: skip
    kept = by_row(1 - decay, closed[:, :-1]) + v["retirement"]
    yield Law("closed_plant", ("industry", "year"), closed[:, 1:] == kept, PLANT, "equal",
              defines="retirement")  # fmt: skip


def _idle_cut(v: Values, p: Setting, start: cp.Expression) -> Law:
    """Σ Z ≤ (1 − cut) · reference's idle share · Σ K + missed, from the year in which it is due."""
    due = p.due("idle_cut")
    allowed = cp.multiply((1 - p.targets["idle_cut"]) * p.reference["idle_fraction"][due], total(start, axis=0)[due])
    if _soft(p):
        allowed = allowed + v["missed_idle"][due]
    idle = total(v["idle_capacity"], axis=0)[due]
    return Law("idle_cut", ("year",), idle <= allowed, PLANT, where={"year": p.calendar[due]})


def goal(v: Values, p: Setting) -> Iterable[Term]:
    """Closing costs the plant's capital; strained output and a missed cut are dear."""
    yield Term("closing", -p.cards["weight_closing"] * (p.discount @ v["scrapped"]))
    yield Term("strained", -p.cards["weight_missed"] * (p.discount @ total(v["strained_output"], axis=0)))
    if _soft(p):
        yield Term("missed_idle", -p.cards["weight_missed"] * (p.discount @ v["missed_idle"]))
    if p.free("retirement"):
        share = by_row(1 / p.base("capacity")[p.industry], v["retirement"])
        yield Term("closing_tie", -p.tie * cp.sum_squares(share))


def _soft(p: Setting) -> bool:
    """Whether a cut of idle plant is stated that may be missed at a price."""
    return "idle_cut" in p.policy.targets and not p.policy.targets["idle_cut"].hard


CAPACITY = Block("capacity", variables, expressions, laws, goal)
