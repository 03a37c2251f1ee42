"""The program with one law loosened: the back doors through which a planner would cheat if the law were an inequality.

Each is a core of blocks in which one block is replaced, so that everything else is the product's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import cvxpy as cp
import numpy as np
from scipy.linalg import lu_factor, lu_solve

from iomodel.program.block import Block, Law, Term, Values, Var, by_row, total
from iomodel.program.blocks import (
    ACCOUNTS,
    CAPACITY,
    CORE,
    DEBTS,
    GOODS,
    HOUSEHOLDS,
    INVESTMENT,
    LABOUR,
    WELFARE,
)
from iomodel.program.setting import Setting

Core = tuple[Block, ...]
MONEY = "percent of base-year GDP"


def _instead(old: Block, new: Block, core: Core = CORE) -> Core:
    """The core with one block replaced."""
    return tuple(new if block is old else block for block in core)


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


def _with_laws(
    old: Block,
    change: Callable[[Law, Values, Setting], Law | None],
    extra: Callable[[Values, Setting], Iterable[Law]] = lambda _v, _p: (),
) -> Callable[[Values, Setting], Iterable[Law]]:
    """The block's laws, each changed (None: taken out), and more."""

    def laws(v: Values, p: Setting) -> Iterable[Law]:
        changed = (change(law, v, p) for law in old.laws(v, p))
        yield from (law for law in changed if law is not None)
        yield from extra(v, p)

    return laws


def _with_terms(
    old: Block, change: Callable[[Term, Values, Setting], Term | None]
) -> Callable[[Values, Setting], Iterable[Term]]:
    """The block's goal terms, each changed (None: taken out)."""

    def goal(v: Values, p: Setting) -> Iterable[Term]:
        changed = (change(term, v, p) for term in old.goal(v, p))
        yield from (term for term in changed if term is not None)

    return goal


def without(block: Block, *laws: str) -> Core:
    """The core without some laws of one block."""
    return _instead(
        block, replace(block, laws=_with_laws(block, lambda law, _v, _p: None if law.name in laws else law))
    )


def priced(block: Block, term: str, weight: float, per: Callable[[Setting], float]) -> Core:
    """The core with one term of the goal at `weight` instead of `per` of the setting."""

    def change(found: Term, _: Values, p: Setting) -> Term:
        return replace(found, expression=weight / per(p) * found.expression) if found.name == term else found

    return _instead(block, replace(block, goal=_with_terms(block, change)))


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


def _moved(block: Block, variable: Var, signs: dict[str, int], core: Core = CORE) -> Core:
    """The core in which a new variable is added to (or taken from) expressions of one block, by their signs."""

    def change(name: str, expression: cp.Expression, v: Values, _: Setting) -> cp.Expression:
        return expression + signs[name] * v[variable.name] if name in signs else expression

    own = next(found for found in core if found.name == block.name)
    variables, expressions = _with_variables(own, variable), _with_expressions(own, change)
    return _instead(own, replace(own, variables=variables, expressions=expressions), core)


def _within(name: str, bound: float, core: Core) -> Core:
    """A block more that keeps a variable by year within ± `bound`."""

    def laws(v: Values, _: Setting) -> Iterable[Law]:
        yield Law(f"{name}_ceiling", ("year",), v[name] <= bound, MONEY)
        yield Law(f"{name}_floor", ("year",), v[name] >= -bound, MONEY, "lower")

    return (*core, Block(f"{name}_band", laws=laws))


def tax_as_lever() -> Core:
    """The household tax is a variable: what it departs from its trend is the planner's."""
    signs = {"household_income": -1, "household_saving": -1, "government_saving": 1}
    return _moved(ACCOUNTS, Var("tax_change", ("year",), MONEY), signs)


def dividends_as_lever(bound: float, core: Core = CORE) -> Core:
    """Dividends of state firms are a variable within ± `bound` of their rule: the state's debt becomes firms'."""
    signs = {"government_saving": 1, "firm_saving": -1}
    return _within("dividend_change", bound, _moved(ACCOUNTS, Var("dividend_change", ("year",), MONEY), signs, core))


def land_as_lever(bound: float, core: Core = CORE) -> Core:
    """Sales of land are a variable within ± `bound` of their rule: firms pay them out of debt."""
    changed = _moved(DEBTS, Var("land_change", ("year",), MONEY), {"land_sales": 1, "deficit": -1}, core)
    return _within("land_change", bound, changed)


def _debts_weighed(core: Core, change: Callable[[Term, Values, Setting], Term]) -> Core:
    own = next(found for found in core if found.name == DEBTS.name)
    return _instead(own, replace(own, goal=_with_terms(own, change)), core)


def _worth(p: Setting, richer: bool = True) -> float:
    """Weight of a yuan of debt at the end; `richer`: at what a yuan of consumption is worth then."""
    decay = p.cards["discount"] ** np.arange(1, p.years + 1)
    at_the_end = p.trend[-1] ** -p.cards["curvature"] if richer else 1.0
    return float(p.cards["weight_debt"] * at_the_end * decay[-1] / decay.sum())


def only_public_debt_weighed(core: Core = CORE) -> Core:
    """w_D on D alone: neither firms' debt nor what their creditors lose counts."""

    def change(term: Term, v: Values, p: Setting) -> Term:
        return replace(term, expression=-_worth(p) * v["public_debt"][p.years]) if term.name == "debts" else term

    return _debts_weighed(core, change)


def write_offs_not_weighed() -> Core:
    """w_D on D and B, and not on what creditors lose when plant is closed."""

    def change(term: Term, v: Values, p: Setting) -> Term:
        left = v["public_debt"][p.years] + v["firm_debt"][p.years]
        return replace(term, expression=-_worth(p) * left) if term.name == "debts" else term

    return _debts_weighed(CORE, change)


def debt_at_todays_worth() -> Core:
    """u'(1) instead of u'(g_T): a yuan of debt in a richer year counts as a yuan of consumption today."""

    def change(term: Term, _: Values, p: Setting) -> Term:
        times = _worth(p, richer=False) / _worth(p)
        return replace(term, expression=times * term.expression) if term.name == "debts" else term

    return _debts_weighed(CORE, change)


def strained_at(weight: float) -> Core:
    """Output beyond the limit of plant at `weight` instead of the price of a miss."""
    return priced(CAPACITY, "strained", weight, lambda p: p.cards["weight_missed"])


def rationing_at(weight: float) -> Core:
    """Forced saving at `weight` instead of the price of a miss."""
    return priced(HOUSEHOLDS, "forced_saving", weight, lambda p: p.cards["weight_missed"])


def _as_inequality(block: Block, name: str, bound: str) -> Core:
    """One equality of a block as "upper" (left ≤ right) or "lower" (left ≥ right)."""

    def change(law: Law, _v: Values, _p: Setting) -> Law:
        if law.name != name:
            return law
        left, right = law.constraint.args
        return replace(law, constraint=left <= right if bound == "upper" else left >= right, bound=bound)

    return _instead(block, replace(block, laws=_with_laws(block, change)))


def plant_may_vanish() -> Core:
    """K' ≤ … instead of "=": plant leaves through the slack, without closing it and free of layoffs."""
    return _as_inequality(CAPACITY, "capacity_accumulation", "upper")


def consumption_at_least() -> Core:
    """C ≥ … instead of "=": households are told to consume more than they would."""
    return _as_inequality(HOUSEHOLDS, "consumption", "lower")


def precaution_at_least() -> Core:
    """h ≥ … instead of "=": precaution falls by itself."""
    return _as_inequality(HOUSEHOLDS, "precaution", "lower")


def unemployed_at_least() -> Core:
    """U ≥ Lf − Σn instead of "=": persons are declared unemployed and draw the benefit."""
    return _as_inequality(LABOUR, "unemployment", "lower")


def unemployed_at_most() -> Core:
    """U ≤ Lf − Σn instead of "=": the unemployed are not counted."""
    return _as_inequality(LABOUR, "unemployment", "upper")


def _turnover(core: Core) -> Core:
    """Hires and layoffs by sector as variables: n = (1 − at) n₋₁ + hired − laid off, laid off at least by closing and
    nobody more than once a year."""
    variables = [Var(name, ("sector", "year"), "million persons", nonneg=True) for name in ("laid_off", "hired")]

    def laws(v: Values, p: Setting) -> Iterable[Law]:
        left = p.arrays.jobs_per_output[:, p.window]
        jobs = cp.multiply(left, by_row(p.arrays.persons_output, v["output"])) + cp.multiply(
            left, by_row(p.arrays.persons_capacity, v["capacity"][:, :-1])
        )
        jobs = jobs + left * p.arrays.persons_trend[:, p.window]
        before = cp.hstack([p.state.jobs.reshape(-1, 1), jobs[:, :-1]])
        moved = (1 - p.cards["attrition"]) * before + v["hired"] - v["laid_off"]
        yield Law("turnover", ("sector", "year"), jobs == moved, "million persons", "equal")
        once = (1 - p.cards["attrition"]) * before
        yield Law("laid_off_once", ("sector", "year"), v["laid_off"] <= once, "million persons")
        if p.free("retirement"):
            closing = (p.base("displacement") * p.base("utilisation"))[:, None] * left
            least = cp.multiply(closing, p.spread @ v["retirement"])
            yield Law("laid_off_by_closing", ("sector", "year"), v["laid_off"] >= least, "million persons", "lower")

    return (*core, Block("turnover", variables=lambda _: variables, laws=laws))


def severance_on_layoffs() -> Core:
    """N on all who are laid off, hires and layoffs being variables: workers are churned for it."""

    def change(name: str, expression: cp.Expression, v: Values, p: Setting) -> cp.Expression:
        if name != "severance":
            return expression
        pay = p.cards["severance_years"] * p.arrays.wage[p.window]
        return cp.multiply(pay, total(v["laid_off"], axis=0))

    return _turnover(_instead(WELFARE, replace(WELFARE, expressions=_with_expressions(WELFARE, change))))


def benefit_on_layoffs() -> Core:
    """UB on all who are laid off in the year instead of the unemployed."""

    def change(name: str, expression: cp.Expression, v: Values, p: Setting) -> cp.Expression:
        if name != "unemployment_benefit":
            return expression
        rate = p.policy.benefit_rates(p.cards["benefit_rate"], p.years)
        return cp.multiply(rate * p.arrays.wage[p.window], total(v["laid_off"], axis=0))

    return _turnover(_instead(WELFARE, replace(WELFARE, expressions=_with_expressions(WELFARE, change))))


def investment_propped(weight: float) -> Core:
    """Market investment kept at or above zero by a variable with a price instead of the exact stop."""

    def change(name: str, expression: cp.Expression, v: Values, _: Setting) -> cp.Expression:
        return expression + v["propped"] if name == "market_investment" else expression

    def floor(v: Values, _: Setting) -> Iterable[Law]:
        yield Law("market_not_negative", ("sector", "year"), v["market_investment"] >= 0, MONEY, "lower")

    def goal(v: Values, p: Setting) -> Iterable[Term]:
        yield from INVESTMENT.goal(v, p)
        yield Term("propped", -weight * (p.discount @ total(v["propped"], axis=0)))

    loose = replace(
        INVESTMENT,
        variables=_with_variables(INVESTMENT, Var("propped", ("sector", "year"), MONEY, nonneg=True)),
        expressions=_with_expressions(INVESTMENT, change),
        laws=_with_laws(INVESTMENT, lambda law, _v, _p: law, floor),
        goal=goal,
    )
    return _instead(INVESTMENT, loose)
