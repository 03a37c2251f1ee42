"""Goods trade by pair of countries from BACI (CEPII), as a square file, summed into regions."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr

from iomodel.errors import TableError
from iomodel.readers.wiod import ISO_CODES


def read_baci(
    path: str | Path, countries: str | Path, *, regions: Mapping[str, str], rest: str = "ROW"
) -> xr.DataArray:
    """Goods trade (region, to_region) in million USD: rows exporters, columns importers, in thousand USD.

    countries: the file with the column iso3 in the order of rows and columns. regions: country -> region, all others
    go to `rest`; a country without a row has no trade here. What stays inside a region is on the diagonal. Raises
    TableError for files that are missing or do not fit.
    """
    path, countries = Path(path), Path(countries)
    for file in (path, countries):
        if not file.is_file():
            raise TableError(f"There is no file {file}.")
    with countries.open(encoding="utf-8-sig", newline="") as stream:
        codes = [row.get("iso3", "") for row in csv.DictReader(stream)]
    with path.open(encoding="utf-8-sig", newline="") as stream:
        lines = list(csv.reader(stream))[1:]
    size = len(codes)
    if not all(codes) or len(lines) != size or any(len(line) < size for line in lines):
        raise TableError(
            f"{path.name} has {len(lines)} rows of {len(lines[0]) if lines else 0} columns for the {size} countries of "
            f"{countries.name}; one row and column for each is needed, and the codes in its column iso3."
        )
    values = np.array([[float(cell or 0) for cell in line[:size]] for line in lines]) / 1e3
    named = {ISO_CODES.get(country, country): region for country, region in regions.items()}
    order = list(dict.fromkeys(regions.values()))
    member = np.array([[named.get(code, rest) == region for region in order] for code in codes], dtype=float)
    return xr.DataArray(
        member.T @ values @ member,
        {"region": order, "to_region": order},
        ["region", "to_region"],
        attrs={"units": "million USD"},
    )
