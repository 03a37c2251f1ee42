"""Plant and what is invested in it: capital from depreciation, and how a table's investment falls to its sectors.

Investment by using industry is published nowhere: real estate takes its share, every other sector in proportion to what
its plant needs to grow and to make good its wear.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from iomodel.cards import Cards
from iomodel.classifications.sector_maps import SectorRows

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Plant:
    """Arrays by sector. output and capital in one unit of money; decay and growth of capacity, per year.

    there: whether a sector has plant of its own.
    """

    output: Array
    capital: Array
    decay: Array
    growth: Array
    there: npt.NDArray[np.bool_]
    real_estate: npt.NDArray[np.bool_]

    @property
    def need(self) -> Array:
        """Capital that has to be added in a year: (growth + decay) × capital."""
        need: Array = (self.growth + self.decay) * self.capital
        return need

    def invested(self, total: float, cards: Cards) -> Array:
        """Investment by using sector that adds up to `total`."""
        need = self.need
        built, other = float((need * self.real_estate).sum()), float((need * ~self.real_estate).sum())
        share = cards["real_estate_investment_share"] if built > 0 and other > 0 else float(built > 0)
        parts = (1 - share) * need * ~self.real_estate / (other or 1.0)
        found: Array = total * (parts + share * need * self.real_estate / (built or 1.0))
        return found


def plant_of(output: Array, depreciation: Array, rows: SectorRows, cards: Cards) -> Plant:
    """The plant of a region: capital is depreciation over its rate; a sector without output or capital has none."""
    real_estate = np.asarray(rows.capital == "real_estate")
    rate = np.select(
        [real_estate, rows.capital == "infrastructure"],
        [cards["capital_depreciation_real_estate"], cards["capital_depreciation_infrastructure"]],
        cards["capital_depreciation_plant"],
    )
    decay = np.where(real_estate, cards["capacity_depreciation_real_estate"], cards["capacity_depreciation"])
    capital = depreciation / rate
    there = (output > 0) & (capital > 0)
    decay, growth = np.where(there, decay, 0.0), np.where(there, cards["capacity_growth"], 0.0)
    return Plant(output, capital, decay, growth, there, real_estate)


def drive_shares(rows: SectorRows, cards: Cards) -> Array:
    """(n,) part of each sector's investment that belongs to the state-led drive."""
    names = ("manufacturing", "infrastructure", "real_estate", "elsewhere")
    shares: Array = np.select([rows.drive == name for name in names], [cards[f"drive_share_{n}"] for n in names], 0.0)
    return shares
