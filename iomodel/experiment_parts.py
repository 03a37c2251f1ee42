"""What an experiment is made of: horizon, targets, levers, limits, tariffs; which there are, and their allowed values.

Each part is a plain frozen noun. What has to agree among them, and with a table, is checked when the experiment is made
(`iomodel.experiment_checks`). Years count years of policy, the first year after those that are known being year 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from iomodel.labels import TARIFF_GROUPS
from iomodel.program.policy import LEVERS, PAYERS
from iomodel.values import one_of, refuse, whole

KINDS = ("exactly", "at_least")
"""A target's two kinds: a value to be met, or a floor."""

TARGETS = {
    "package": ("programme", 20.0, "points of GDP"),
    "idle_cut": ("retirement", 1.0, "as a share of the reference's idle plant"),
    "reform": ("reform", 1.0, "as a share of the investment drive"),
}
"""Target -> the lever that meets it, the largest value that makes sense, the unit."""

LIMITS = {
    "debt_ceiling": "watched_debt",
    "deficit_ceiling": "watched_deficit",
    "firm_debt_ceiling": "watched_firm_debt",
    "current_account_floor": "watched_current_account_low",
    "household_saving_floor": "watched_household_saving",
}
"""Watched quantity that a file may turn into a law -> the card that holds its margin."""

_BEYOND = (-100.0, 100.0, "points of GDP beyond the reference path")
MARGINS = {
    "debt_ceiling": _BEYOND,
    "deficit_ceiling": _BEYOND,
    "firm_debt_ceiling": _BEYOND,
    "current_account_floor": (-20.0, 20.0, "percent of GDP"),
    "household_saving_floor": (0.0, 1.0, "as a share of household income"),
}
"""Limit -> the smallest and largest margin that makes sense, and its unit."""

GROUPS = TARIFF_GROUPS

ALL = "all"

TABLE_FILES = (".nc", ".csv", ".xlsx", ".xlsm")
"""Endings by which a table is a user's own file; every other text is a shipped table's name."""


@dataclass(frozen=True)
class Horizon:
    """Reported years of policy, and the years solved beyond them so that the end does not reach into the report."""

    years: int = 10
    beyond: int = 8

    def __post_init__(self) -> None:
        whole("horizon.years", self.years, 1, 100, "years of policy")
        whole("horizon.beyond", self.beyond, 0, 100, "years after the reported ones")

    @property
    def solved(self) -> int:
        """Years of policy that are solved."""
        return self.years + self.beyond


@dataclass(frozen=True)
class Target:
    """Where to be from year `by` of the policy on: `exactly` or `at_least` `value`; `hard` allows no miss."""

    kind: str
    value: float
    by: int = 8
    hard: bool = False


@dataclass(frozen=True)
class Benefit:
    """The unemployment benefit's path: replacement times coverage, as a share of the wage, `to` in year `by`."""

    to: float = 0.15
    by: int = 8


@dataclass(frozen=True)
class Levers:
    """What the policy may move, who pays for the programme, and the benefit's path (None: it stays as it is)."""

    free: tuple[str, ...] = ()
    payer: str = "debt"
    benefit: Benefit | None = None

    def __post_init__(self) -> None:
        if isinstance(self.free, str) or not isinstance(self.free, Sequence):
            raise refuse("levers.free", self.free, f"a list of {', '.join(LEVERS)}")
        for lever in self.free:
            one_of("levers.free", lever, LEVERS)
        if len(set(self.free)) < len(self.free):
            raise refuse("levers.free", list(self.free), "each lever once")
        object.__setattr__(self, "free", tuple(lever for lever in LEVERS if lever in self.free))
        one_of("levers.payer", self.payer, PAYERS)


@dataclass(frozen=True)
class Limit:
    """A watched quantity made a law of the policy years; `margin` None takes that of its card.

    margin: for the ceilings (debt, deficit, firm debt) points of GDP beyond the reference path; for the current
    account's floor the least balance, percent of GDP of the year; for household saving's floor the least share of
    household income that is saved. `soft` None is a hard law; a number is the price of passing it: yuan of consumption,
    each worth what one more was worth in the base year, per yuan passed in a year.
    """

    margin: float | None = None
    soft: float | None = None


@dataclass(frozen=True)
class Tariff:
    """Points that a partner adds to its duty on the home region's goods of one sector group from a year on.

    `partner` may be "all", `points` None (the card partner_tariff), `from_year` counts years of policy;
    `iomodel.markets.tariffs.in_force` gives partners, points and calendar years.
    """

    partner: str
    group: str = "manufacturing"
    points: float | None = None
    from_year: int = 1
