"""Findings: what calibration hit and missed, printed with every economy.

Some figures of the base year were published and did not enter: they are shown beside the model's. Others are derived so
that the year closes; one outside its plausible range says which cards to look at.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from iomodel.calibration.utilisation import published_rates
from iomodel.classifications.sector_maps import SectorRows
from iomodel.economy import Finding
from iomodel.facts import published
from iomodel.shipped import shipped_file

Array = npt.NDArray[np.float64]

BEFORE_CENSUS = "before the 2023 census revision"
"""The vintage of published figures that belongs to the table of 2020, which the census did not revise."""


@dataclass(frozen=True)
class Plausible:
    """The range in which a derived figure is plausible, the cards that most move it, and why (tables/cards)."""

    unit: str
    low: float
    high: float
    cards: str
    reason: str


def plausible_ranges() -> dict[str, Plausible]:
    """Derived figure -> its plausible range, from tables/cards/plausible.csv.

    >>> plausible_ranges()["household_surplus_share"].high
    100.0
    """
    with shipped_file("tables", "cards", "plausible.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["figure"]: Plausible(row["unit"], float(row["low"]), float(row["high"]), row["cards"], row["reason"])
            for row in csv.DictReader(file)
        }


def findings_of(
    accounts: xr.Dataset, sectors: xr.Dataset, rows: SectorRows, year: int, home: bool
) -> tuple[Finding, ...]:
    """Figures of the base year beside published ones that did not enter, and those derived so that it closes.

    `home`: whether it is China, whose published figures are at hand; elsewhere its utilisation is a stated default.
    """
    return (*_compared(accounts, sectors, year, home), *_derived(accounts), *_yields(sectors, rows, home))


def _compared(accounts: xr.Dataset, sectors: xr.Dataset, year: int, home: bool) -> Iterator[Finding]:
    """Figures of the table beside China's published ones, where it is China's table."""
    industry = sectors["industry"].values > 0
    made = (sectors["manufacturing"].values > 0) & industry
    output, capacity = sectors["output"].values, sectors["capacity"].values
    pay = published("compensation_share", BEFORE_CENSUS)
    when, rates = published_rates(year)
    default = "China's rates by industry as stated default, column utilisation of the map"
    flow_of_funds = f"China: NBS flow of funds {pay.period}, {pay.unit}"
    wages = float(accounts["wages"])
    used, whole = _use(output, capacity, made), _use(output, capacity, industry)
    making, all_industry = rates["manufacturing"], rates["industry_total"]
    shown = (
        ("compensation of employees", wages, pay.value, "percent of GDP", flow_of_funds, "the table's"),
        ("utilisation of manufacturing", used, making, "percent", f"China: NBS {when}, used", default),
        ("utilisation of industry", whole, all_industry, "percent", f"China: NBS {when}, not used", default),
    )
    for title, value, beside, unit, source, elsewhere in shown:
        yield Finding(title, value, beside if home else None, unit, source if home else elsewhere)


def _use(output: Array, capacity: Array, rows: npt.NDArray[np.bool_]) -> float:
    return 100 * float(output[rows].sum() / capacity[rows].sum())


_DERIVED = {
    "household_surplus_share": "households' part of operating surplus",
    "wage_tax_rate": "taxes and contributions on wages",
    "household_saving": "household saving",
    "public_debt": "public debt at the start of the base year",
}
"""Figures that are derived so that the base year closes -> their titles."""


def _derived(accounts: xr.Dataset) -> Iterator[Finding]:
    """What follows from table and cards so that the base year closes, and whether it is plausible."""
    values = {
        "household_surplus_share": 100 * accounts["household_surplus_share"],
        "wage_tax_rate": 100 * accounts["wage_tax_rate"],
        "household_saving": accounts["household_income"] - accounts["household_consumption"],
        "public_debt": accounts["public_debt"],
    }
    ranges = plausible_ranges()
    for figure, title in _DERIVED.items():
        value, allowed = float(values[figure]), ranges[figure]
        doubt, plausible = "", allowed.low <= value <= allowed.high
        if not plausible:
            doubt = f"; not plausible, {allowed.low:g} to {allowed.high:g} would be: see the cards {allowed.cards}"
        yield Finding(title, value, None, allowed.unit, f"derived so that the base year closes{doubt}", plausible)


def _yields(sectors: xr.Dataset, rows: SectorRows, home: bool) -> Iterator[Finding]:
    """Capital built by a unit of investment: the two numbers that the table and the cards identify."""
    rates, invested = sectors["yield"].values, sectors["investment"].values > 0
    real_estate = rates[(rows.capital == "real_estate") & invested]
    unit = "yuan per yuan" if home else "of capital per unit invested"
    derived = "derived so that the base year closes"
    yield Finding("yield of investment, median sector", float(np.median(rates[invested])), None, unit, derived)
    if real_estate.size:
        yield Finding("yield of investment, real estate", float(real_estate.min()), None, unit, derived)
