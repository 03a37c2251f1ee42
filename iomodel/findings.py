"""Findings: what calibration hit and missed, printed with every economy.

Some figures of the base year were published and did not enter: they are shown beside the model's. Others are derived so
that the year closes; one outside its plausible range says which cards to look at.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import xarray as xr

from iomodel.cards import SectorRows
from iomodel.economy import Finding

Array = npt.NDArray[np.float64]

_PLAUSIBLE = {
    "households' part of operating surplus": ("percent", 0.0, 100.0, "household_primary_income"),
    "taxes and contributions on wages": (
        "percent of wages", 0.0, 60.0, "consumption_income_ratio, household_primary_income",
    ),
    "household saving": ("percent of GDP", 0.0, 40.0, "consumption_income_ratio"),
    "public debt at the start of the base year": ("percent of GDP", 0.0, 300.0, "public_debt, public_investment"),
}  # fmt: skip
"""Derived figure -> its unit, the range in which it is plausible, and the cards that most move it."""


def findings_of(accounts: xr.Dataset, sectors: xr.Dataset, rows: SectorRows, home: bool) -> tuple[Finding, ...]:
    """Figures of the base year beside published ones that did not enter, and those derived so that it closes.

    `home`: whether it is China, whose published figures are at hand; elsewhere its utilisation is a stated default.
    """
    return (*_compared(accounts, sectors, home), *_derived(accounts), *_yields(sectors, rows, home))


def _compared(accounts: xr.Dataset, sectors: xr.Dataset, home: bool) -> Iterator[Finding]:
    """Figures of the table beside China's published ones, where it is China's table."""
    industry = sectors["industry"].values > 0
    made = (sectors["manufacturing"].values > 0) & industry
    output, capacity = sectors["output"].values, sectors["capacity"].values
    flow_of_funds = "China: NBS flow of funds 2019, percent of value added"
    default = "China's rates by industry as stated default, column utilisation of the map"
    shown = (
        ("compensation of employees", float(accounts["wages"]), 52.05, "percent of GDP", flow_of_funds, "the table's"),
        (
            "utilisation of manufacturing",
            _use(output, capacity, made),
            74.9,
            "percent",
            "China: NBS 2020, used",
            default,
        ),
        (
            "utilisation of industry",
            _use(output, capacity, industry),
            74.5,
            "percent",
            "China: NBS 2020, not used",
            default,
        ),
    )
    for title, value, published, unit, source, elsewhere in shown:
        yield Finding(title, value, published if home else None, unit, source if home else elsewhere)


def _use(output: Array, capacity: Array, rows: npt.NDArray[np.bool_]) -> float:
    return 100 * float(output[rows].sum() / capacity[rows].sum())


def _derived(accounts: xr.Dataset) -> Iterator[Finding]:
    """What follows from table and cards so that the base year closes, and whether it is plausible."""
    saving = accounts["household_income"] - accounts["household_consumption"]
    values = (
        100 * accounts["household_surplus_share"],
        100 * accounts["wage_tax_rate"],
        saving,
        accounts["public_debt"],
    )
    for (title, (unit, low, high, keys)), value in zip(_PLAUSIBLE.items(), map(float, values), strict=True):
        doubt = "" if low <= value <= high else f"; not plausible, {low:g} to {high:g} would be: see the cards {keys}"
        yield Finding(title, value, None, unit, f"derived so that the base year closes{doubt}")


def _yields(sectors: xr.Dataset, rows: SectorRows, home: bool) -> Iterator[Finding]:
    """Capital built by a unit of investment: the two numbers that the table and the cards identify."""
    rates, invested = sectors["yield"].values, sectors["investment"].values > 0
    real_estate = rates[(rows.capital == "real_estate") & invested]
    unit = "yuan per yuan" if home else "of capital per unit invested"
    derived = "derived so that the base year closes"
    yield Finding("yield of investment, median sector", float(np.median(rates[invested])), None, unit, derived)
    if real_estate.size:
        yield Finding("yield of investment, real estate", float(real_estate.min()), None, unit, derived)
