"""The program with one law loosened: the back doors through which a planner would cheat if the law were an inequality.

Each is a core of blocks in which one block is replaced, so that everything else is the product's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import cvxpy as cp
import numpy as np
from scipy.linalg import lu_factor, lu_solve

from iomodel.program.block import Block, Law, Values, Var, by_row
from iomodel.program.blocks import ACCOUNTS, CAPACITY, CORE, GOODS, WELFARE
from iomodel.program.setting import Setting

MONEY = "percent of base-year GDP"


def _instead(old: Block, new: Block) -> tuple[Block, ...]:
    """The core with one block replaced."""
    return tuple(new if block is old else block for block in CORE)


def _with_variables(old: Block, *extra: Var) -> Callable[[Setting], Iterable[Var]]:
    def variables(p: Setting) -> Iterable[Var]:
        yield from old.variables(p)
        yield from extra

    return variables


def _with_expressions(
    old: Block, change: Callable[[str, cp.Expression, Values, Setting], cp.Expression]
) -> Callable[[Values, Setting], Iterable[tuple[str, cp.Expression]]]:
    def expressions(v: Values, p: Setting) -> Iterable[tuple[str, cp.Expression]]:
        for name, expression in old.expressions(v, p):
            yield name, change(name, expression, v, p)

    return expressions


def benefit_at_least() -> tuple[Block, ...]:
    """UB ≥ rb w̄ U instead of "=": what is paid beyond the rule is a variable."""

    def change(name: str, expression: cp.Expression, v: Values, p: Setting) -> cp.Expression:
        return expression + v["benefit_beyond"] if name == "unemployment_benefit" else expression

    loose = replace(
        WELFARE,
        variables=_with_variables(WELFARE, Var("benefit_beyond", ("year",), MONEY, nonneg=True)),
        expressions=_with_expressions(WELFARE, change),
    )
    return _instead(WELFARE, loose)


def kinds_apart() -> tuple[Block, ...]:
    """S and T as separate levers: what is moved from cash to kind is a variable, neither below zero."""

    def change(name: str, expression: cp.Expression, v: Values, p: Setting) -> cp.Expression:
        sign = {"in_kind_spending": 1, "cash_transfers": -1}.get(name, 0)
        return expression + sign * v["moved_to_kind"] if sign else expression

    def laws(v: Values, p: Setting) -> Iterable[Law]:
        yield from WELFARE.laws(v, p)
        yield Law("cash_left", ("year",), v["cash_transfers"] >= 0, MONEY, "lower")

    loose = replace(
        WELFARE,
        variables=_with_variables(WELFARE, Var("moved_to_kind", ("year",), MONEY)),
        expressions=_with_expressions(WELFARE, change),
        laws=laws,
    )
    return _instead(WELFARE, loose)


def capacity_to(share: float) -> tuple[Block, ...]:
    """Output up to `share` of plant instead of normal use and a margin."""

    def laws(v: Values, p: Setting) -> Iterable[Law]:
        for law in CAPACITY.laws(v, p):
            if law.name != "capacity_limit":
                yield law
                continue
            plant = v["capacity"][:, :-1][p.industry]
            limit = by_row(np.full(p.industry.size, share), plant) + v["strained_output"]
            yield replace(law, constraint=v["output"][p.industry] <= limit)

    return _instead(CAPACITY, replace(CAPACITY, laws=laws))


def _in_each_row(by_year: cp.Expression, p: Setting) -> cp.Expression:
    return np.ones((p.arrays.industry.size, 1)) @ cp.reshape(by_year, (1, p.years), order="C")


def export_band(width: float) -> tuple[Block, ...]:
    """Exports of each year free within ± `width` of their data, all goods alike (one direction a year)."""

    def sold(p: Setting) -> np.ndarray:
        return p.arrays.economy.exports.transpose("sector", "year").values[:, p.window]

    def goods(v: Values, p: Setting) -> Iterable[tuple[str, cp.Expression]]:
        factor = lu_factor(np.eye(p.arrays.industry.size) - p.arrays.domestic)
        more = cp.multiply(lu_solve(factor, sold(p)), _in_each_row(v["band"], p))
        added = {
            "output": more,
            "imports_total": p.arrays.imported.sum(axis=0) @ more,
            "gdp": p.arrays.value_added_share @ more,
        }
        for name, expression in GOODS.expressions(v, p):
            yield name, expression + added[name] if name in added else expression
        yield "exports_beyond", cp.multiply(sold(p).sum(axis=0), v["band"])

    def accounts(name: str, expression: cp.Expression, v: Values, p: Setting) -> cp.Expression:
        return expression + v["exports_beyond"] if name == "current_account" else expression

    def laws(v: Values, p: Setting) -> Iterable[Law]:
        yield from GOODS.laws(v, p)
        yield Law("export_ceiling", ("year",), v["band"] <= width, "share of exports")
        yield Law("export_floor", ("year",), v["band"] >= -width, "share of exports", "lower")

    loose = replace(
        GOODS,
        variables=_with_variables(GOODS, Var("band", ("year",), "share of exports")),
        expressions=goods,
        laws=laws,
    )
    core = _instead(GOODS, loose)
    return tuple(
        replace(block, expressions=_with_expressions(block, accounts)) if block is ACCOUNTS else block for block in core
    )
