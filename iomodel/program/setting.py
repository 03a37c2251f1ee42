"""The setting of one program: an economy's arrays, the years that decide, the state handed over and what is asked.

Blocks read numbers only from here: `p.base(name)` by sector, `p.path(name)` by year, `p.cards[key]`, the reference path
and what is stated. Targets, margins and prices of limits and the path of benefits are cvxpy parameters, so that other
values of theirs re-solve without a rebuild.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import cvxpy as cp
import numpy as np
import numpy.typing as npt
import xarray as xr

from iomodel.cards import Cards
from iomodel.errors import ProgramError, nearest
from iomodel.labels import ASSETS, positions
from iomodel.program.arrays import Arrays
from iomodel.program.policy import Policy
from iomodel.program.simulate import State

Array = npt.NDArray[np.float64]

SAVING_FLOOR = "household_saving_floor"
"""The limit whose margin is no parameter."""


MASKS = ("stopped", "held", "shut", "full", "served")
"""The fields that are found by solving: where behaviour is what the simulation does and no convex law can say."""


@dataclass(frozen=True)
class Setting:
    """arrays: the economy. first, years: path index of the first solved year, and how many are solved.

    state: handed over by the known years. reference: name -> (years,) of the path without levers. policy: what is
    asked. form: "reduced" (output eliminated) or "plain" (a balance row for each sector and year).
    stopped: (n, years) where the market's investment stops at zero, since it cannot be less than nothing.
    held: (n, years) where a law keeps it at or above zero, because stopping it there and not would take turns.
    shut: (years,) where overflow imports are shut: labour is not short, and they would cool a product instead.
    full: (years,) where a law keeps labour fully used, because overflow imports would leave some of it idle.
    served: (years,) where nobody is rationed: labour is idle or more could be bought abroad.
    fixed_prices: whether prices of limits are numbers instead of parameters: a program that weighs its terms by
    parameters of its own would multiply parameters with each other.
    """

    arrays: Arrays
    first: int
    years: int
    state: State
    reference: Mapping[str, Array]
    policy: Policy
    form: str = "reduced"
    stopped: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros((1, 1), dtype=bool))
    held: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros((1, 1), dtype=bool))
    shut: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(1, dtype=bool))
    full: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(1, dtype=bool))
    served: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(1, dtype=bool))
    fixed_prices: bool = False

    @property
    def masks(self) -> dict[str, npt.NDArray[np.bool_]]:
        """What a solve found out about sectors and years, by the name of its field: to lay another program alike."""
        return {name: getattr(self, name) for name in MASKS}

    @property
    def cards(self) -> Cards:
        """The cards of the economy."""
        return self.arrays.cards

    @cached_property
    def window(self) -> slice:
        """Path years that are solved."""
        return slice(self.first, self.first + self.years)

    @cached_property
    def calendar(self) -> npt.NDArray[np.int64]:
        """The solved years."""
        return np.asarray(self.arrays.economy.paths["year"].values[self.window], dtype=np.int64)

    def base(self, name: str) -> Array:
        """(n,) an array by sector of the economy; ProgramError with the nearest names where there is none such."""
        try:
            return self.arrays.sector(name)
        except (KeyError, TypeError):
            raise _unknown("base", "array by sector", name, self.arrays.economy.sectors) from None

    def path(self, name: str) -> Array:
        """(years,) a yearly path over the solved years; ProgramError with the nearest names if there is none such."""
        try:
            return self.arrays.path(name)[self.window]
        except (KeyError, TypeError):
            raise _unknown("path", "yearly path", name, self.arrays.economy.paths) from None

    def account(self, name: str) -> float:
        """A scalar of the base year's accounts; ProgramError with the nearest names where there is none such."""
        try:
            return self.arrays.account(name)
        except (KeyError, TypeError):
            raise _unknown("account", "account of the base year", name, self.arrays.economy.accounts) from None

    def place(self, sector: str) -> int:
        """Row of a sector; ProgramError with the nearest codes where the table has none of this name."""
        table = self.arrays.economy.table
        if sector not in table.sectors:
            text = "" if isinstance(sector, str) else " (codes are text)"
            meant = nearest(str(sector), table.sectors, table.sector_names)
            raise ProgramError(
                f"the table {table.name} has no sector {sector!r}{text}; its {len(table.sectors)} sectors are "
                f"{', '.join(table.sectors[:3])} … {table.sectors[-1]}.{meant}"
            )
        return positions([sector], table.sectors)[0]

    @cached_property
    def trend(self) -> Array:
        """(years,) g_t."""
        return self.path("trend")

    @cached_property
    def trend_before(self) -> Array:
        """(years,) g_{t−1}."""
        return self.arrays.path("trend")[self.first - 1 : self.first - 1 + self.years]

    @cached_property
    def industry(self) -> npt.NDArray[np.int64]:
        """Rows of the industrial sectors."""
        return np.flatnonzero(self.arrays.industry)

    @cached_property
    def spread(self) -> Array:
        """(n, industries) puts an array by industry in the rows of its sectors."""
        return np.eye(self.arrays.industry.size)[:, self.industry]

    @cached_property
    def targets(self) -> dict[str, cp.Parameter]:
        """Stated targets as parameters."""
        return {
            name: cp.Parameter(nonneg=True, value=target.value, name=name)
            for name, target in self.policy.targets.items()
        }

    @cached_property
    def margins(self) -> dict[str, cp.Parameter]:
        """Margins of the stated limits as parameters, but that of household saving: it multiplies an income in which
        the benefit is a parameter."""
        limits = self.policy.limits.items()
        return {name: cp.Parameter(value=limit.margin, name=name) for name, limit in limits if name != SAVING_FLOOR}

    @cached_property
    def prices(self) -> dict[str, cp.Parameter | cp.Constant]:
        """What passing a limit costs, where that has a price: parameters, or numbers where prices are fixed."""
        soft = {name: limit.soft for name, limit in self.policy.limits.items() if limit.soft is not None}
        if self.fixed_prices:
            return {name: cp.Constant(price) for name, price in soft.items()}
        return {name: cp.Parameter(nonneg=True, value=price, name=f"soft_{name}") for name, price in soft.items()}

    @cached_property
    def benefit(self) -> cp.Parameter:
        """(years,) replacement times coverage of the unemployment benefit, as a parameter."""
        rates = self.policy.benefit_rates(self.cards["benefit_rate"], self.years)
        return cp.Parameter(self.years, nonneg=True, value=rates, name="benefit_rate")

    @property
    def parameters(self) -> dict[str, cp.Parameter]:
        """All that a built program takes other values of, by the key of the experiment's file."""
        return {
            **{f"targets.{name}": parameter for name, parameter in self.targets.items()},
            **{f"limits.{name}.margin": parameter for name, parameter in self.margins.items()},
            **{f"limits.{name}.soft": price for name, price in self.prices.items() if isinstance(price, cp.Parameter)},
            "levers.benefit": self.benefit,
        }

    def due(self, target: str) -> slice:
        """Solved years from the one in which a target is due."""
        return slice(self.policy.targets[target].by - 1, self.years)

    @cached_property
    def discount(self) -> Array:
        """(years,) β^t / Σ β^t, t the year of policy."""
        weight = self.cards["discount"] ** np.arange(1, self.years + 1)
        return weight / weight.sum()

    @cached_property
    def tie(self) -> float:
        """w_0 C_0 / Σ β^t: the weight that settles levers which nothing else settles."""
        weight = self.cards["discount"] ** np.arange(1, self.years + 1)
        return self.cards["weight_levers"] * self.account("household_consumption") / float(weight.sum())

    def free(self, lever: str) -> bool:
        """Whether the program decides a lever; the others stay at zero."""
        return lever in self.policy.free

    def sizes(self) -> dict[str, int]:
        """Length of each dim."""
        return {
            "sector": self.arrays.industry.size,
            "industry": self.industry.size,
            "asset": len(ASSETS),
            "year": self.years,
            "start": self.years + 1,
        }

    def labels(self) -> dict[str, npt.NDArray[np.str_] | npt.NDArray[np.int64]]:
        """Labels of each dim; `start` is the year at whose beginning a stock stands."""
        sectors = np.array(self.arrays.economy.table.sectors)
        return {
            "sector": sectors,
            "industry": sectors[self.industry],
            "asset": np.array(ASSETS),
            "year": self.calendar,
            "start": np.append(self.calendar, self.calendar[-1] + 1),
        }


def _unknown(method: str, kind: str, name: object, known: xr.Dataset) -> ProgramError:
    """The error for a name that the economy does not have: what there is, and the nearest."""
    names = sorted(map(str, known.data_vars))
    return ProgramError(
        f"p.{method}({name!r}): the economy has no {kind} of this name; there are {', '.join(names)}."
        f"{nearest(str(name), names)}"
    )
