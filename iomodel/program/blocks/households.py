"""Households: consumption out of market income and transfers, and the precautionary saving that welfare releases.

C = C̄ g + pan + c_Y (Y − T − UB − N) + c_T (T + UB + N) + h − z, an equality of behaviour; h rises to p times the
programme at the speed λ; z, rationing when labour is short and overflow at its limit, is dear and reported as forced
saving. In years in which the program would ration although labour is idle (`Setting.served`, found by solving again) it
moves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

import cvxpy as cp
import numpy as np

from iomodel.program.block import Block, Law, Term, Values, Var
from iomodel.program.setting import Setting

MONEY = "percent of base-year GDP"


def variables(p: Setting) -> Iterable[Var]:
    """Consumption, precautionary saving released, rationing."""
    yield Var("household_consumption", ("year",), MONEY)
    yield Var("precaution", ("year",), MONEY)
    yield Var("forced_saving", ("year",), MONEY, nonneg=True)


def laws(v: Values, p: Setting) -> Iterable[Law]:
    """Behaviour of consumption and of precaution."""
    cards = p.cards
    market, transfer = cards["propensity_market_income"], cards["propensity_transfers"]
    own = p.account("autonomous_consumption") * p.trend + p.path("pandemic")
    wanted = own + market * (v["household_income"] - v["transfers"]) + transfer * v["transfers"] + v["precaution"]
    rationed = cp.multiply(~p.served, v["forced_saving"]) if p.served.any() else v["forced_saving"]
    yield Law("consumption", ("year",), v["household_consumption"] == wanted - rationed, MONEY, "equal",
              defines="forced_saving")  # fmt: skip
    speed = cards["precaution_speed"]
    before = cp.hstack([np.array([p.state.precaution]), v["precaution"][:-1]])
    released = (1 - speed) * before + speed * cards["precaution"] * v["programme"]
    yield Law("precaution", ("year",), v["precaution"] == released, MONEY, "equal", defines="precaution")


def goal(v: Values, p: Setting) -> Iterable[Term]:
    """Constant relative risk aversion in consumption, worth a yuan at the base year's level; rationing is dear."""
    base, power = p.account("household_consumption"), 1 - p.cards["curvature"]
    worth = (cp.power(v["household_consumption"] / base, power) - 1) / power
    yield Term("household_consumption", base * (p.discount @ worth))
    yield Term("forced_saving", -p.cards["weight_missed"] * (p.discount @ v["forced_saving"]))


HOUSEHOLDS = Block("households", variables, laws=laws, goal=goal)
