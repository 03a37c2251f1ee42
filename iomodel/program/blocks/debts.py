"""Debts: what firms and the state owe at the start of each year, in prices of the base year, and limits on them.

Public debt is augmented: the vehicles of local governments are inside. Closing plant wipes out a part of firms' debt at
the creditors' loss and moves a part to the state. The goal weighs both debts alike, and write-offs with them, or
closures and transfers between the two would erase debt.
"""

from __future__ import annotations

from collections.abc import Iterable

import cvxpy as cp
import numpy as np

from iomodel.program.block import Block, Law, Term, Values, Var, by_year, total
from iomodel.program.setting import Setting

MONEY = "percent of base-year GDP"

CORRIDOR = "current_account_corridor"
"""Limit that keeps the current account near the reference path's, above and below."""


def variables(p: Setting) -> Iterable[Var]:
    """The two debts, and what a limit with a price lets through."""
    yield Var("public_debt", ("start",), MONEY)
    yield Var("firm_debt", ("start",), MONEY)
    for name, limit in p.policy.limits.items():
        if limit.soft is not None:
            yield Var(f"beyond_{name}", ("year",), MONEY, nonneg=True)


def expressions(v: Values, p: Setting) -> Iterable[tuple[str, cp.Expression]]:
    """Sales of land and the deficit (year)."""
    land = by_year(p.path("land_share") * p.cards["land_share_kept"], v["gdp"])
    yield "land_sales", land
    yield "deficit", v["state_investment"] - land - v["government_saving"]


def laws(v: Values, p: Setting) -> Iterable[Law]:
    """Both debts year by year, and the limits that the file makes laws."""
    public, firm, cards = v["public_debt"], v["firm_debt"], p.cards
    held = 1 - p.path("inflation")
    yield Law("public_debt_handed_over", ("start",), public[:1] == np.array([p.state.public_debt]), MONEY, "equal",
              {"start": p.calendar[:1]}, defines="public_debt")  # fmt: skip
    yield Law("firm_debt_handed_over", ("start",), firm[:1] == np.array([p.state.firm_debt]), MONEY, "equal",
              {"start": p.calendar[:1]}, defines="firm_debt")  # fmt: skip
    owed = by_year(held, public[:-1]) + v["deficit"] + cards["state_takeover"] * v["scrapped"]
    yield Law("public_debt", ("year",), public[1:] == owed, MONEY, "equal", defines="public_debt")
    own = v["investment"] - v["state_investment"] + p.arrays.stock_total * p.trend
    borrowed = own - cards["housing_investment"] * p.trend + v["land_sales"] - v["firm_saving"]
    borrowed = borrowed + cards["financial_assets"] / 100 * v["gdp"]
    loss = cards["creditor_loss"] + cards["state_takeover"]
    yield Law("firm_debt", ("year",), firm[1:] == by_year(held, firm[:-1]) + borrowed - loss * v["scrapped"], MONEY,
              "equal", defines="firm_debt")  # fmt: skip
    yield from _limits(v, p)


def _limits(v: Values, p: Setting) -> Iterable[Law]:
    """Ceilings of debts and deficit beyond the reference path's shares of GDP, floors of what is earned and saved."""
    ceilings = {
        "debt_ceiling": ("public_debt_fraction", v["public_debt"][1:]),
        "deficit_ceiling": ("deficit_fraction", v["deficit"]),
        "firm_debt_ceiling": ("firm_debt_fraction", v["firm_debt"][1:]),
    }
    for name, limit in p.policy.limits.items():
        slack = v[f"beyond_{name}"] if limit.soft is not None else np.zeros(p.years)
        if name in ceilings:
            share, amount = ceilings[name]
            bound = cp.multiply(p.reference[share] + p.margins[name] / 100, v["gdp"])
            yield Law(name, ("year",), amount <= bound + slack, MONEY)
        elif name == CORRIDOR:
            share, margin, balance = (
                p.reference["current_account_fraction"],
                p.margins[name] / 100,
                v["current_account"],
            )
            most, least = cp.multiply(share + margin, v["gdp"]), cp.multiply(share - margin, v["gdp"])
            yield Law(name, ("year",), balance <= most + slack, MONEY)
            yield Law(f"{name}_floor", ("year",), balance + slack >= least, MONEY, "lower")
        elif name == "current_account_floor":
            floor = p.margins[name] / 100 * v["gdp"]
            yield Law(name, ("year",), v["current_account"] + slack >= floor, MONEY, "lower")
        else:
            floor = limit.margin * v["household_income"]
            yield Law(name, ("year",), v["household_saving"] + slack >= floor, MONEY, "lower")


def goal(v: Values, p: Setting) -> Iterable[Term]:
    """Debt left at the end and write-offs, at what a yuan of consumption is worth then; limits broken at their
    price."""
    cards, decay = p.cards, p.cards["discount"] ** np.arange(1, p.years + 1)
    worth = p.trend[-1] ** -cards["curvature"] * decay[-1] / decay.sum()
    left = v["public_debt"][p.years] + v["firm_debt"][p.years] + cards["creditor_loss"] * total(v["scrapped"])
    yield Term("debts", -cards["weight_debt"] * worth * left)
    for name, limit in p.policy.limits.items():
        if limit.soft is not None:
            yield Term(f"beyond_{name}", -p.prices[name] * (p.discount @ v[f"beyond_{name}"]))


DEBTS = Block("debts", variables, expressions, laws, goal)
