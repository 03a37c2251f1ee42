"""Series of the World Bank by country and year, summed into regions: gross domestic product, manufacturing.

Taiwan is in no country's row but in the world's total (World Bank, help desk, article 114933); where its figures are
given they count for its region, and what is left of the world for the rest of the world.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr

from iomodel.errors import TableError
from iomodel.readers.wiod import ISO_CODES

WORLD = "WLD"
"""The World Bank's code of the world."""


def read_gdp(
    path: str | Path,
    *,
    year: int,
    regions: Mapping[str, str],
    missing: Mapping[str, float] | None = None,
    rest: str = "ROW",
) -> xr.DataArray:
    """Gross domestic product by region in million USD from the long file (Country Code, Year, Value in USD).

    regions: country -> region; `missing` gives million USD for countries that the file lacks; `rest` is the world less
    all others. Raises TableError for a missing file, column, country or year.
    """
    values: dict[str, float] = {}
    for row in _rows(Path(path), ("Country Code", "Year", "Value")):
        if row["Year"] == str(year) and row["Value"]:
            values[row["Country Code"]] = float(row["Value"]) / 1e6
    return _by_region(values, Path(path).name, year, regions, missing or {}, rest)


def read_manufacturing(path: str | Path, *, year: int, regions: Mapping[str, str], rest: str = "ROW") -> xr.DataArray:
    """Manufacturing value added by region in million USD from the wide file (Country Code, one column a year, USD).

    NaN for a region with a member that lacks the year, and for `rest`, whose members are not all in the file. A member
    that the file has in no year is left out of its region: use ratios between years. Large values have three digits.
    Raises TableError for a missing file or column.
    """
    order = list(dict.fromkeys(regions.values()))
    sums = dict.fromkeys(order, 0.0)
    rows = {row["Country Code"]: row for row in _rows(Path(path), ("Country Code", str(year)))}
    counted = dict.fromkeys(order, 0)
    for country, region in regions.items():
        row = rows.get(ISO_CODES.get(country, country), {})
        if any(row.get(key) for key in row if key.isdigit()):
            sums[region] += float(row[str(year)] or np.nan) / 1e6
            counted[region] += 1
    known = [np.nan if region == rest or not counted[region] else sums[region] for region in order]
    return xr.DataArray(np.array(known), {"region": order}, ["region"], attrs={"units": "million USD", "year": year})


def _rows(path: Path, needed: tuple[str, ...]) -> list[dict[str, str]]:
    if not path.is_file():
        raise TableError(f"There is no file {path}.")
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        rows = list(reader)
    lacking = [column for column in needed if column not in (reader.fieldnames or [])]
    if lacking:
        raise TableError(f"{path.name} lacks the column {', '.join(lacking)}; it has {(reader.fieldnames or [])[:8]}.")
    return rows


def _by_region(
    values: Mapping[str, float],
    file: str,
    year: int,
    regions: Mapping[str, str],
    missing: Mapping[str, float],
    rest: str,
) -> xr.DataArray:
    order = list(dict.fromkeys(regions.values()))
    sums = dict.fromkeys(order, 0.0)
    absent: list[str] = []
    for country, region in regions.items():
        if region == rest:
            continue
        value = missing.get(country, values.get(ISO_CODES.get(country, country)))
        if value is None:
            absent.append(country)
        else:
            sums[region] += value
    if WORLD not in values:
        absent.append(WORLD)
    if absent:
        raise TableError(f"{file} has no value in {year} for {', '.join(absent)}; give it, or another year.")
    if rest in sums:
        sums[rest] = values[WORLD] - sum(value for region, value in sums.items() if region != rest)
    return xr.DataArray(
        np.array(list(sums.values())), {"region": order}, ["region"], attrs={"units": "million USD", "year": year}
    )
