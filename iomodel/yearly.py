"""Yearly data of the model: trend, exports, prices, land, labour force and the pace of the investment drive.

Known years come from the shipped paths of China; after the last row its rates hold. A table of another year takes the
rows from the one that the card `paths_year` names, as a stated default, and has no known year. Where the card is 0, as
it is of other countries, nothing of China's is taken: demand grows steadily as capacity does, prices as in the base
year.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from iomodel.cards import Cards
from iomodel.shipped import shipped_file

YEARS_AHEAD = 50
"""Years after the base year for which paths are made; horizons beyond it are refused."""


@dataclass(frozen=True)
class _Row:
    """Rates of one year: fractions of one."""

    trend: float
    exports: float
    inflation: float
    land: float
    known: bool


def yearly_paths(year: int, cards: Cards) -> xr.Dataset:
    """Yearly data from the base year `year` on, dims (year,).

    trend: index of autonomous demand, one in the base year. export_volume: index. efficiency: cumulated log growth of
    output per job. inflation: GDP deflator, fraction. land_share: sales of land, fraction of GDP. pandemic: consumption
    come back since the base year, percent of base-year GDP. labour_force: index. drive_favoured and drive_elsewhere:
    index of the investment drive. known: whether the year is history.
    """
    first = int(cards["paths_year"])
    rows = _rows(first, first == year + 1, cards) if first > 0 else _steady(cards)
    trend = np.cumprod([1.0] + [1 + row.trend for row in rows])
    force_growth = cards["labour_force_growth"]
    efficiency = np.cumsum([0.0] + [np.log1p(row.trend) - force_growth for row in rows])
    years = np.arange(year, year + YEARS_AHEAD + 1)
    named = {
        "trend": trend,
        "export_volume": np.cumprod([1.0] + [1 + row.exports for row in rows]),
        "efficiency": efficiency,
        "inflation": np.array([cards["inflation_base"]] + [row.inflation for row in rows]),
        "land_share": np.array([cards["land_revenue_base"] / 100] + [row.land for row in rows]),
        "pandemic": cards["pandemic_shortfall"] * _pandemic(cards) * trend,
        "labour_force": (1 + force_growth) ** np.arange(YEARS_AHEAD + 1.0),
    }
    for name in ("favoured", "elsewhere"):
        pace = [
            cards[f"drive_pace_{name}"] if when <= cards["drive_last_year"] else row.trend
            for when, row in zip(years[1:], rows, strict=True)
        ]
        named[f"drive_{name}"] = np.cumprod([1.0] + [1 + rate for rate in pace])
    made = {key: ("year", np.asarray(value, dtype=float)) for key, value in named.items()}
    known = np.array([True] + [row.known for row in rows])
    return xr.Dataset({**made, "known": ("year", known)}, coords={"year": years})


def _rows(first: int, calendar: bool, cards: Cards) -> list[_Row]:
    """Rates of the years ahead; exports follow the card where no actual volume of the same calendar year is known."""
    with shipped_file("tables", "facts", "china_paths.csv").open(encoding="utf-8", newline="") as file:
        read = {int(row["year"]): row for row in csv.DictReader(file)}
    rows: list[_Row] = []
    for ahead in range(YEARS_AHEAD):
        row = read[min(first + ahead, max(read))]
        known = calendar and first + ahead <= max(read) and row["kind"].startswith("actual")
        rows.append(
            _Row(
                trend=float(row["trend_growth"]) / 100,
                exports=float(row["export_volume_growth"]) / 100 if known else cards["export_growth"],
                inflation=float(row["gdp_deflator_change"]) / 100,
                land=float(row["land_revenue_share"]) / 100,
                known=known,
            )
        )
    return rows


def _steady(cards: Cards) -> list[_Row]:
    """Rates of a country without paths of its own, the same in every year."""
    row = _Row(
        trend=cards["capacity_growth"],
        exports=cards["export_growth"],
        inflation=cards["inflation_base"],
        land=cards["land_revenue_base"] / 100,
        known=False,
    )
    return [row] * YEARS_AHEAD


def _pandemic(cards: Cards) -> npt.NDArray[np.float64]:
    """Part of the base year's shortfall of consumption that is back, by year; the last entry holds."""
    listed = list(cards.series("pandemic_path"))
    path = [0.0, *listed, *[listed[-1]] * YEARS_AHEAD]
    return np.array(path[: YEARS_AHEAD + 1])
