"""Accounts: income and saving of households, firms, government and abroad, each from its own rows, none a residual.

That their saving adds up to investment is therefore an identity that the results can be held to, not an assumption
(institutions after SNA 2008). Who pays for the programme is a rule, no lever: debt, dividends or a household tax.
"""

from __future__ import annotations

from collections.abc import Iterable

import cvxpy as cp
import numpy as np

from iomodel.program.block import Block, Values, by_year, total
from iomodel.program.setting import Setting


def expressions(v: Values, p: Setting) -> Iterable[tuple[str, cp.Expression]]:
    """Wages, surplus, taxes, transfers and the four savings (year)."""
    output, gross_wage = v["output"], p.base("wage_share")
    fixed = gross_wage @ p.arrays.persons_trend[:, p.window]
    wages = (gross_wage * p.arrays.persons_output) @ output + fixed
    wages = wages + (gross_wage * p.arrays.persons_capacity) @ v["capacity"][:, :-1]
    surplus = (gross_wage + p.base("surplus_share")) @ output - wages
    taxes = p.base("tax_share") @ output + v["product_taxes"]
    interest = p.cards["interest_rate"] * v["public_debt"][:-1]
    transfers = v["cash_transfers"] + v["unemployment_benefit"] + v["severance"]
    own = {
        payer: v["programme"] if p.policy.payer == payer else cp.Constant(np.zeros(p.years))
        for payer in ("household_tax", "dividends")
    }
    tax = p.account("household_tax") * p.trend + own["household_tax"]
    dividends = p.account("dividends") * p.trend + own["dividends"]
    beyond_trend = v["drive_investment"] - np.outer(p.base("drive_investment"), p.trend)
    support = p.account("drive_support_rate") * total(beyond_trend, axis=0)
    yield "wages", wages
    yield "operating_surplus", surplus
    yield "transfers", transfers
    yield from _institutions(v, p, wages, surplus, taxes, interest, transfers, tax, dividends, support)


def _institutions(
    v: Values, p: Setting, wages: cp.Expression, surplus: cp.Expression, taxes: cp.Expression,
    interest: cp.Expression, transfers: cp.Expression, tax: cp.Expression, dividends: cp.Expression,
    support: cp.Expression,
) -> Iterable[tuple[str, cp.Expression]]:  # fmt: skip
    """Income of households and the savings, from the rows above."""
    theta, wage_tax = p.account("household_surplus_share"), p.account("wage_tax_rate")
    state_part = p.account("profit_tax_rate") + p.account("property_income_rate")
    to_households = p.cards["interest_to_households"]
    abroad_income = p.cards["net_income_abroad"] * p.trend
    income = (1 - wage_tax) * wages + theta * surplus + to_households * interest + transfers - tax
    firms = (1 - theta - state_part) * surplus + (1 - to_households) * interest + support - dividends - abroad_income
    revenue = taxes + wage_tax * wages + state_part * surplus + tax + dividends
    spent = v["in_kind_spending"] + transfers + support + interest + p.account("collective_consumption") * p.trend
    yield "household_income", income
    yield "household_saving", income - v["household_consumption"]
    yield "firm_saving", firms
    yield "government_saving", revenue - spent
    yield (
        "current_account",
        by_year(np.ones(p.years), v["exports_total"] - v["imports_total"] - abroad_income),
    )


ACCOUNTS = Block("accounts", expressions=expressions)
