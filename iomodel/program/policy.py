"""What a program is asked for: targets, free levers, the path of benefits, who pays and which limits are laws.

A plain description below the experiment's file, so that the program knows nothing of files and names of policies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

LEVERS = ("programme", "reform", "retirement")
PAYERS = ("debt", "dividends", "household_tax")


@dataclass(frozen=True)
class StatedTarget:
    """A value to reach in the `by`-th year of policy and to hold; `exactly` or at least; `hard` allows no miss."""

    value: float
    by: int
    exactly: bool = True
    hard: bool = False


@dataclass(frozen=True)
class StatedLimit:
    """A bound; `soft` is its price in yuan per yuan, None forbids.

    margin: percent of GDP beyond the reference path for the ceilings, percent of GDP for the current account's floor,
    share of household income for household saving's.
    """

    margin: float
    soft: float | None = None


@dataclass(frozen=True)
class Policy:
    """targets by name (package, idle_cut, reform), free levers, benefit path (to, by) or None, payer, limits by
    name."""

    targets: Mapping[str, StatedTarget] = field(default_factory=dict)
    free: tuple[str, ...] = ()
    benefit: tuple[float, int] | None = None
    payer: str = "debt"
    limits: Mapping[str, StatedLimit] = field(default_factory=dict)

    def benefit_rates(self, base: float, years: int) -> npt.NDArray[np.float64]:
        """(years,) replacement × coverage: a straight line from `base` to its end, then held."""
        if self.benefit is None:
            return np.full(years, base)
        end, by = self.benefit
        return base + (end - base) * np.minimum(np.arange(1, years + 1) / by, 1.0)
