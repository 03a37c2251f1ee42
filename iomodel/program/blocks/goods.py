"""Goods: output meets final and intermediate demand, imports follow at base-year shares, GDP is the income side's.

x = A^D x + γ + β C − b^q q + b^G G + b^S S + Σ_k b^k I^k + s + e (Leontief 1936; the demand system is Stone's, 1954).
In the reduced form output is the affine expression that solves this; in the plain form it is a variable and this is a
law. Where several regions decide it is a variable, too, and what is sold abroad is what is left of it: the law that it
meets the partners' demand is the world's (`iomodel.program.world`). Overflow imports are for years in which labour is
short; where the program would cool a product with them instead (`Setting.shut`, found by solving again) they move
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

import cvxpy as cp
import numpy as np

from iomodel.program.block import Block, Law, Term, Values, Var
from iomodel.program.setting import Setting


def variables(p: Setting) -> Iterable[Var]:
    """Overflow imports, and output in the plain form."""
    yield Var("overflow_imports", ("year",), "percent of base-year GDP", nonneg=True)
    if p.form != "reduced":
        yield Var("output", ("sector", "year"), "percent of base-year GDP")


def expressions(v: Values, p: Setting) -> Iterable[tuple[str, cp.Expression]]:
    """Amounts of the directions of final demand (k, year), output, imports, product taxes and GDP."""
    overflow = cp.multiply(~p.shut, v["overflow_imports"]) if p.shut.any() else v["overflow_imports"]
    scalar = [v["household_consumption"], v["in_kind_spending"], overflow]
    amounts = cp.vstack([*scalar, v["asset_investment"]])
    sold: cp.Expression = cp.Constant(p.arrays.export_total[p.window])
    if p.form != "reduced":
        output = v["output"]
        if p.form == "world":
            kept = 1 - p.arrays.domestic.sum(axis=0)
            sold = kept @ output - p.arrays.home_directions.sum(axis=0) @ amounts
            sold = sold - p.arrays.home_data[:, p.window].sum(axis=0)
    else:
        output = p.arrays.output_data[:, p.window] + p.arrays.form_directions @ amounts
    taxes = p.arrays.direction_taxes @ amounts + p.arrays.data_taxes[p.window]
    bought = p.arrays.direction_imports.sum(axis=0) @ amounts + p.arrays.data_imports[:, p.window].sum(axis=0)
    yield "direction_amounts", amounts
    yield "output", output
    yield "product_taxes", taxes
    yield "exports_total", sold
    yield "imports_total", p.arrays.imported.sum(axis=0) @ output + bought
    yield "gdp", p.arrays.value_added_share @ output + taxes


def laws(v: Values, p: Setting) -> Iterable[Law]:
    """The limit of overflow imports, and the balance of goods in the plain form."""
    limit = p.cards["overflow_limit"]
    yield Law("overflow_limit", ("year",), v["overflow_imports"] <= limit * v["household_consumption"])
    if p.form == "plain":
        leontief = np.eye(p.arrays.domestic.shape[0]) - p.arrays.domestic
        demand = leontief @ p.arrays.output_data[:, p.window] + p.arrays.home_directions @ v["direction_amounts"]
        yield Law("goods_balance", ("sector", "year"), leontief @ v["output"] == demand, bound="equal")


def goal(v: Values, p: Setting) -> Iterable[Term]:
    """Overflow imports cost what they buy, or they would be a lever; any price keeps those that are shut at zero."""
    price = p.cards["weight_overflow"] * p.discount + np.where(p.shut, p.discount, 0.0)
    yield Term("overflow_imports", -(price @ v["overflow_imports"]))


GOODS = Block("goods", variables, expressions, laws, goal)
