"""Welfare: one lever, the social programme E in a stated mix, its pace, and benefits that follow unemployment by rule.

S = S_0 g + mix E and T = T_0 g + (1 − mix) E, so that kinds of spending are not traded against each other; the
benefit is an equality, since as a floor it would be a transfer without pace or cap.
"""

from __future__ import annotations

from collections.abc import Iterable

import cvxpy as cp
import numpy as np

from iomodel.program.block import Block, Law, Term, Values, Var
from iomodel.program.setting import Setting


def variables(p: Setting) -> Iterable[Var]:
    """The programme where it is free, and what it misses of a stated package."""
    if p.free("programme"):
        yield Var("programme", ("year",), "percent of base-year GDP", nonneg=True)
    if _soft(p):
        yield Var("missed_package", ("year",), "percent of base-year GDP", nonneg=True)


def expressions(v: Values, p: Setting) -> Iterable[tuple[str, cp.Expression]]:
    """Spending in kind and in cash, benefits, severance."""
    programme = v["programme"] if p.free("programme") else cp.Constant(np.zeros(p.years))
    yield "programme", programme
    mix = p.cards["programme_in_kind_share"]
    yield "in_kind_spending", p.account("in_kind_spending") * p.trend + mix * programme
    yield "cash_transfers", p.account("cash_transfers") * p.trend + (1 - mix) * programme
    wage = p.arrays.wage[p.window]
    yield "unemployment_benefit", cp.multiply(cp.multiply(wage, p.benefit), v["unemployed"])
    if p.free("retirement"):
        jobs = (p.base("displacement") * p.base("jobs_per_output") * p.base("utilisation"))[p.industry]
        pay = p.cards["severance_years"] * wage * np.exp(-p.path("efficiency"))
        yield "severance", cp.multiply(pay, jobs @ v["retirement"])
    else:
        yield "severance", cp.Constant(np.zeros(p.years))


def laws(v: Values, p: Setting) -> Iterable[Law]:
    """The pace of the programme, and the stated package."""
    if not p.free("programme"):
        return
    programme = v["programme"]
    before = cp.hstack([np.zeros(1), programme[:-1]])
    change = programme - cp.multiply(p.trend / p.trend_before, before)
    pace = p.cards["programme_ramp"] / 100 * p.reference["gdp"]
    yield Law("programme_pace", ("year",), change <= pace)
    yield Law("programme_pace_down", ("year",), -change <= pace)
    if "package" not in p.targets:
        return
    target, due = p.policy.targets["package"], p.due("package")
    wanted = p.targets["package"] / 100 * v["gdp"]
    reached = programme + v["missed_package"] if _soft(p) else programme
    where = {"year": p.calendar[due]}
    if not target.exactly:
        yield Law("package", ("year",), reached[due] >= wanted[due], bound="lower", where=where)
        return
    yield Law("package", ("year",), reached[due] == wanted[due], bound="equal", where=where,
              defines="missed_package" if _soft(p) else "")  # fmt: skip
    if due.start > 0:
        early = slice(0, due.start)
        yield Law("package_before", ("year",), programme[early] <= wanted[early], where={"year": p.calendar[early]})


def goal(v: Values, p: Setting) -> Iterable[Term]:
    """Spending in kind is worth as much as own consumption of the same shape; a missed package is dear."""
    base, power = p.account("in_kind_spending"), 1 - p.cards["curvature"]
    if base > 0:
        worth = (cp.power(v["in_kind_spending"] / base, power) - 1) / power
        yield Term("in_kind_spending", p.cards["weight_in_kind"] * base * (p.discount @ worth))
    if _soft(p):
        yield Term("missed_package", -p.cards["weight_missed"] * (p.discount @ v["missed_package"]))
    if p.free("programme"):
        yield Term("programme_tie", -p.tie * cp.sum_squares(v["programme"] / 100))


def _soft(p: Setting) -> bool:
    """Whether a package is stated that may be missed at a price."""
    return "package" in p.policy.targets and not p.policy.targets["package"].hard


WELFARE = Block("welfare", variables, expressions, laws, goal)
