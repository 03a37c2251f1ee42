"""Outcomes of a year as the program knows them: an affine amount, or the ratio of two, with the direction that is good.

What a path reports as a share of GDP is in the program the ratio of two affine expressions of its unknowns; a law on
such a share is linear once its level is given, and its best value is a fractional programme (Dinkelbach 1967). One
registry says for each outcome what stands above and below the line, so that frontier and alternatives speak the words
of the results.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import cvxpy as cp
import numpy as np

from iomodel.errors import ExperimentError, nearest
from iomodel.program.block import Values, total, value_of
from iomodel.program.setting import Setting
from iomodel.values import shown
from iomodel.vocabulary import VARIABLES

Amount = Callable[[Values, Setting, int], cp.Expression]

HIGH, LOW = "high", "low"


def unit_money(_: Setting) -> float:
    """A yuan is a yuan."""
    return 1.0


@dataclass(frozen=True)
class Outcome:
    """An outcome of one year: factor × above / below (below None: a level).

    good: "high" or "low", the direction that is wanted and therefore costs; money: what one unit of `above` is worth in
    percent of base-year GDP, so that it can stand beside prices. convex: `above` is no equality but bounded from below
    (idle plant), so that only the lowest value is a convex question. earliest: the first year of policy that has it.
    """

    name: str
    good: str
    above: Amount
    below: Amount | None = None
    factor: float = 1.0
    money: Callable[[Setting], float] = unit_money
    convex: bool = False
    earliest: int = 0

    @property
    def sign(self) -> float:
        """+1 where high is good, −1 where low is."""
        return 1.0 if self.good == HIGH else -1.0


def _at(name: str, later: int = 0) -> Amount:
    """The value of a program's expression in the year (of a stock `later` starts on)."""
    return lambda v, _, t: v[name][t + later]


def _gdp(v: Values, _: Setting, t: int) -> cp.Expression:
    return v["gdp"][t]


def _sum(*names: str) -> Amount:
    return lambda v, _, t: cast(cp.Expression, sum(v[name][t] for name in names))


def _final(v: Values, p: Setting, t: int) -> cp.Expression:
    return v["household_consumption"][t] + v["in_kind_spending"][t] + _collective(p, t)


def _collective(p: Setting, t: int) -> float:
    return p.account("collective_consumption") * float(p.trend[t])


def _formation(v: Values, p: Setting, t: int) -> cp.Expression:
    return v["investment"][t] + p.arrays.stock_total * float(p.trend[t])


def _use(rows: Callable[[Setting], np.ndarray]) -> tuple[Amount, Amount]:
    """Output and plant of some sectors, whose ratio is their utilisation."""
    return (
        lambda v, p, t: total(v["output"][rows(p), t]),
        lambda v, p, t: total(v["capacity"][rows(p), t]),
    )


def _industry(p: Setting) -> np.ndarray:
    return p.industry


def _manufacturing(p: Setting) -> np.ndarray:
    return np.flatnonzero(p.arrays.industry & (p.base("manufacturing") > 0))


def _wage(p: Setting) -> float:
    return p.account("wage")


def _drive(p: Setting) -> float:
    return float(p.base("drive_investment").sum())


_LEVELS: tuple[Outcome, ...] = (
    *(
        Outcome(name, HIGH, _at(name))
        for name in (
            "gdp", "household_consumption", "in_kind_spending", "investment", "state_investment", "wages",
            "operating_surplus", "household_income", "household_saving", "firm_saving", "government_saving",
            "land_sales", "precaution",
        )
    ),
    *(
        Outcome(name, LOW, _at(name))
        for name in ("deficit", "programme", "cash_transfers", "unemployment_benefit", "severance", "scrapped")
    ),
    *(Outcome(name, LOW, _at(name), earliest=1) for name in ("public_debt", "firm_debt")),
    Outcome("reform", LOW, _at("reform"), money=_drive),
    Outcome("unemployed", LOW, _at("unemployed"), money=_wage),
    Outcome("public_debt_end", LOW, _at("public_debt", 1)),
    Outcome("firm_debt_end", LOW, _at("firm_debt", 1)),
    Outcome("social_spending", LOW, _sum("in_kind_spending", "transfers")),
    Outcome("foreign_saving", LOW, lambda v, _, t: -v["current_account"][t]),
)  # fmt: skip

_RATIOS: tuple[Outcome, ...] = (
    *(
        Outcome(name, good, above, _gdp, 100.0)
        for name, good, above in (
            ("household_consumption_share", HIGH, _at("household_consumption")),
            ("actual_individual_consumption_share", HIGH, _sum("household_consumption", "in_kind_spending")),
            ("final_consumption_share", HIGH, _final),
            ("investment_share", HIGH, _formation),
            ("social_spending_share", LOW, _sum("in_kind_spending", "transfers")),
            ("programme_share", LOW, _at("programme")),
            ("public_debt_share", LOW, _at("public_debt", 1)),
            ("firm_debt_share", LOW, _at("firm_debt", 1)),
            ("deficit_share", LOW, _at("deficit")),
            ("current_account_share", HIGH, _at("current_account")),
            ("saving_share", HIGH, _sum("household_saving", "firm_saving", "government_saving")),
        )
    ),
    Outcome("idle_share", LOW, lambda v, _, t: total(v["idle_capacity"][:, t]), _use(_industry)[1], 100.0, convex=True),
    Outcome("manufacturing_utilisation", HIGH, *_use(_manufacturing), 100.0),
    Outcome("industry_utilisation", HIGH, *_use(_industry), 100.0),
    Outcome("unemployment_rate", LOW, _at("unemployed"),
            lambda _, p, t: cp.Constant(p.arrays.labour_force[p.window][t]), 100.0, _wage),
    Outcome("household_saving_rate", HIGH, _at("household_saving"), _at("household_income"), 100.0),
    Outcome("growth", HIGH, lambda v, _, t: v["gdp"][t] - v["gdp"][t - 1], _at("gdp", -1), 100.0, earliest=1),
)  # fmt: skip

IDLE = 1e-6
"""Plant from which a sector counts as idle, output a year in percent of base-year GDP."""

OUTCOMES: dict[str, Outcome] = {outcome.name: outcome for outcome in (*_LEVELS, *_RATIOS)}
"""Name -> outcome: what of a year a frontier can draw and alternatives can differ in."""


def at_point(outcome: Outcome, v: Values, p: Setting, t: int) -> tuple[float, float]:
    """An outcome at the program's point, as a plain ratio (not in percent), and what stands below the line."""
    below = 1.0 if outcome.below is None else float(value_of(outcome.below(v, p, t)))
    above = float(_idle(v, p, t).sum()) if outcome.convex else float(value_of(outcome.above(v, p, t)))
    return above / below, below


def _idle(v: Values, p: Setting, t: int) -> np.ndarray:
    """(industries,) plant beyond normal use, of which the program's own variable is only bounded from below."""
    rows = p.industry
    plant, output = (value_of(v[name])[rows, t] for name in ("capacity", "output"))
    return np.maximum(plant - output / p.base("normal_use")[rows], 0.0)


def from_below(outcome: Outcome, v: Values, p: Setting, t: int) -> Outcome:
    """An outcome whose highest value is no convex question, replaced by the plant that is idle at the program's point:
    an affine bound from below that is exact there, so that what is found is at least so high."""
    if not outcome.convex:
        return outcome
    rows = p.industry[_idle(v, p, t) > IDLE]
    normal = p.base("normal_use")[rows]

    def above(v: Values, _: Setting, t: int) -> cp.Expression:
        return total(v["capacity"][rows, t]) - (1 / normal) @ v["output"][rows, t]

    return replace(outcome, name=f"{outcome.name}, from below", above=above, convex=False)


def outcome_named(key: str, name: object) -> Outcome:
    """The outcome of a name; ExperimentError with the nearest names, or with why a reported variable is none.

    >>> outcome_named("x", "public_debt_share").good
    'low'
    """
    if isinstance(name, str) and name in OUTCOMES:
        return OUTCOMES[name]
    if isinstance(name, str) and name in VARIABLES:
        by_sector = VARIABLES[name].dims != ("year",)
        what = "has a row for each sector" if by_sector else "is data or a valve, not an outcome"
        raise ExperimentError(f"{key}: {name} {what}; allowed: {', '.join(OUTCOMES)}.")
    raise ExperimentError(
        f"{key}: there is no outcome {shown(name)}; allowed: {', '.join(OUTCOMES)}.{nearest(str(name), OUTCOMES)}"
    )
