"""The World Input-Output Database, release 2013: inter-country tables of 41 regions by 35 industries.

The tables are whole millions without rows of value added. Regions are summed into groups first, output is rebuilt as
the row sum, and value added is what remains of it. The database's socio-economic accounts split the remainder:
compensation of employees of the table's year where it is published, else its share of the latest year before; the
excess over value added at basic prices is net product taxes and margins on inputs; the rest is gross surplus, of which
a stated share is depreciation. A region outside the accounts takes the mean shares of the others.
"""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from iomodel.aggregation import group_order, sum_groups
from iomodel.errors import TableError
from iomodel.labels import CATEGORIES, FACTORS
from iomodel.readers.wiod_industries import INDUSTRIES, industry_code
from iomodel.table import Table, make_table

_CATEGORIES = tuple(name for name in CATEGORIES if name != "exports")
INDIVIDUAL = ("M", "N")
"""Education; health and social work: the products of individual government consumption."""
ISO_CODES = {"ROM": "ROU"}
"""Countries that this release calls otherwise than the international standard, which other sources use."""
_COLUMNS = 5
"""Households, non-profit institutions, government, fixed capital formation, inventories: the source's final uses."""


@dataclass(frozen=True)
class _World:
    """One year's arrays as the source has them: region by industry, and the year."""

    countries: list[str]
    flows: np.ndarray
    final: np.ndarray
    year: int


def read_wiod(
    path: str | Path,
    accounts: str | Path | None,
    *,
    depreciation_share: float = 0.0,
    regions: Mapping[str, str] | None = None,
    region_names: Mapping[str, str] | None = None,
    name: str | None = None,
) -> Table:
    """The inter-country table in the R file at `path`, value added split by the accounts (CSV, gzip or plain).

    `regions` groups countries (country -> group; each its own by default); `depreciation_share` is depreciation as a
    share of gross operating surplus, by assumption, since the source has none. Without accounts (None) all value added
    is operating surplus and there is no employment. Million USD, current basic prices. Needs
    the extra package `rdata`. Raises TableError when the files do not hold what the release holds, or when a region's
    row sums to less than zero (Luxembourg by itself in 2011: sold from stocks more than was used). Source: Timmer,
    Dietzenbacher, Los, Stehrer, de Vries (2015), Review of International Economics 23.
    """
    if not 0 <= depreciation_share < 1:
        raise TableError(f"depreciation_share is {depreciation_share}; it needs to be in [0, 1).")
    world = _read_world(Path(path))
    groups = dict(regions) if regions else {country: country for country in world.countries}
    order = group_order(world.countries, groups)
    flows, final = world.flows, world.final
    for axis in (0, 2):
        flows = sum_groups(flows, world.countries, groups, axis)
        final = sum_groups(final, world.countries, groups, axis)
    demand = _split_government(final)
    output = flows.sum(axis=(2, 3)) + demand.sum(axis=(2, 3))
    employment, shares = None, np.zeros((2, *output.shape))
    if accounts is not None:
        book = _read_accounts(Path(accounts))
        country_output = world.flows.sum(axis=(2, 3)) + world.final.sum(axis=(2, 3))
        shares = _shares(book, world, country_output, groups)
        employment = _employment(book, world, country_output, groups, order)
    added = _value_added(output - flows.sum(axis=(0, 1)), shares, depreciation_share)
    return make_table(
        name=name or f"wiod-{world.year}",
        year=world.year,
        unit="million USD",
        regions=order,
        sectors={code: title for code, title, _ in INDUSTRIES},
        categories=_CATEGORIES,
        factors=FACTORS,
        flows=flows,
        final_demand=demand,
        value_added=added,
        output=output,
        employment=employment,
        national=False,
        region_names=dict(region_names or {}),
        **_description(world.year, groups, depreciation_share, accounts is not None),
    )


def _description(year: int, groups: Mapping[str, str], depreciation_share: float, split: bool) -> dict[str, Any]:
    members = {group: [country for country, of in groups.items() if of == group] for group in groups.values()}
    joined = [f"{group} = {' '.join(of)}" for group, of in members.items() if len(of) > 1]
    plain = ["value added = output less inputs, all of it operating surplus: read without accounts"]
    accounts = [
        (
            "value added = output less inputs; value added at basic prices = output x VA/GO of the accounts; the"
            " remainder, net product taxes and margins on inputs, is production_taxes (other taxes on production"
            " stay in the surplus)"
        ),
        (
            "compensation = value added at basic prices x COMP/VA of the accounts, of the table's year if"
            " published, else of the latest year before; cells without usable accounts (the rest of the world"
            " among them): mean share of the other regions by industry"
        ),
        f"depreciation = {depreciation_share:g} of gross operating surplus where that is positive (assumed)",
        "employment: persons engaged (EMP), regions whose members all publish it",
    ]
    return {
        "currency": "USD",
        "price_basis": "current basic prices",
        "source": f"World Input-Output Database, release 2013, table {year}, and its socio-economic accounts;"
        " Timmer, Dietzenbacher, Los, Stehrer, de Vries (2015), Review of International Economics 23",
        "licence": "CC BY 4.0",
        "edition": "release 2013 (November 2013); accounts of July 2014",
        "classification": "wiod35",
        "history": [
            *(f"regions summed: {text}" for text in joined),
            "output rebuilt as the row sum after summing regions (the source is in whole millions)",
            (
                f"government individual = government column x products {' and '.join(INDIVIDUAL)} (education; health"
                " and social work), the rest collective"
            ),
            *(accounts if split else plain),
            "final users' net product taxes are not in the source: zeros",
        ],
    }


def _read_world(path: Path) -> _World:
    try:
        import rdata
    except ImportError as error:
        raise TableError("Reading R files needs the package rdata: pip install rdata.") from error
    if not path.is_file():
        raise TableError(f"There is no file {path}.")
    try:
        objects = rdata.read_rda(path)
    except Exception as error:  # the parser raises many kinds on a file that is no R file
        raise TableError(f"{path.name} is no readable R data file ({error}).") from error
    found = [match.group(1) for key in objects if (match := re.fullmatch(r"inter(\d\d)", key))]
    if len(found) != 1 or f"final{found[0]}" not in objects or "countries" not in objects:
        raise TableError(
            f"{path.name} holds {', '.join(sorted(objects))}; a WIOD file holds interYY, finalYY, outputYY, countries"
            " and industries of one year YY."
        )
    suffix = found[0]
    countries = [str(country) for country in np.asarray(objects["countries"])]
    regions, industries = len(countries), len(INDUSTRIES)
    flows = np.asarray(objects[f"inter{suffix}"], dtype=float)
    final = np.asarray(objects[f"final{suffix}"], dtype=float)
    size = regions * industries
    if flows.shape != (size, size) or final.shape != (size, regions * _COLUMNS):
        raise TableError(
            f"{path.name}: flows {flows.shape} and final demand {final.shape} do not fit {regions} regions by"
            f" {industries} industries; expected {(size, size)} and {(size, regions * _COLUMNS)}."
        )
    year = int(suffix) + (1900 if int(suffix) > 90 else 2000)
    countries = ["ROW" if country == "RoW" else country for country in countries]
    return _World(
        countries,
        flows.reshape(regions, industries, regions, industries),
        final.reshape(regions, industries, regions, _COLUMNS),
        year,
    )


def _split_government(final: np.ndarray) -> np.ndarray:
    individual = np.array([code in INDIVIDUAL for code, _, _ in INDUSTRIES])[None, :, None]
    household, non_profit, government, capital, stocks = np.moveaxis(final, -1, 0)
    return np.stack(
        [household, non_profit, government * individual, government * ~individual, capital, stocks], axis=-1
    )


Accounts = dict[str, dict[str, dict[str, dict[int, float]]]]
"""country -> variable -> industry code -> year -> value; a cell that is not published is absent."""


def _read_accounts(path: Path) -> Accounts:
    if not path.is_file():
        raise TableError(f"There is no file {path} with the socio-economic accounts.")
    book: Accounts = {}
    wanted = {"GO", "VA", "COMP", "EMP"}
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as stream:
        reader = csv.reader(stream)
        header = next(reader, [])
        if header[:3] != ["country", "variable", "industry"]:
            raise TableError(f"{path.name} starts with {header[:3]}; expected country, variable, industry and years.")
        years = [int(text) for text in header[3:]]
        for line, (country, variable, industry, *cells) in enumerate(reader, start=2):
            if variable not in wanted or industry == "total industries":
                continue
            code = industry_code(industry, f"{path.name}, row {line}")
            try:
                values = {year: float(text) for year, text in zip(years, cells, strict=True) if text.strip()}
            except ValueError as error:
                raise TableError(f"{path.name}, row {line} ({country} {variable} {industry}): {error}.") from error
            book.setdefault(country, {}).setdefault(variable, {})[code] = values
    return book


def _series(book: Accounts, world: _World, variable: str, year: int) -> np.ndarray:
    """Values of one variable and year, (country, industry), NaN where the accounts have none."""
    values = np.full((len(world.countries), len(INDUSTRIES)), np.nan)
    for row, country in enumerate(world.countries):
        for column, (code, _, _) in enumerate(INDUSTRIES):
            values[row, column] = book.get(country, {}).get(variable, {}).get(code, {}).get(year, np.nan)
    return values


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    return np.divide(top, bottom, out=np.full(top.shape, np.nan), where=np.nan_to_num(bottom) > 0)


def _compensation_share(book: Accounts, world: _World) -> np.ndarray:
    """COMP/VA of the latest year up to the table's in which a country publishes compensation."""
    share = np.full((len(world.countries), len(INDUSTRIES)), np.nan)
    for year in range(world.year, 1994, -1):
        compensation = _series(book, world, "COMP", year)
        published = np.isfinite(compensation).sum(axis=1) >= len(INDUSTRIES) // 2
        fresh = published & ~np.isfinite(share).any(axis=1)
        share[fresh] = _ratio(compensation, _series(book, world, "VA", year))[fresh]
    return share


def _shares(book: Accounts, world: _World, output: np.ndarray, groups: Mapping[str, str]) -> np.ndarray:
    """Shares of residual value added that are compensation and net product taxes, (2, group, industry)."""
    residual = output - world.flows.sum(axis=(0, 1))
    basic = output * _ratio(_series(book, world, "VA", world.year), _series(book, world, "GO", world.year))
    parts = np.stack([basic * _compensation_share(book, world), residual - basic])
    usable = np.isfinite(parts).all(axis=0) & (residual > 0)
    known = sum_groups(np.where(usable, parts, 0.0), world.countries, groups, 1)
    weight = sum_groups(np.where(usable, residual, 0.0), world.countries, groups, 0)
    share = np.divide(known, weight, out=np.full(known.shape, np.nan), where=weight > 0)
    have = np.isfinite(share)
    counts = have.sum(axis=1, keepdims=True)
    mean = np.where(have, share, 0.0).sum(axis=1, keepdims=True) / np.maximum(counts, 1)
    return np.where(have, share, mean)


def _value_added(residual: np.ndarray, shares: np.ndarray, depreciation_share: float) -> np.ndarray:
    """Value added by factor, (factor, region, industry), that sums to `residual` exactly."""
    compensation, taxes = shares * residual
    gross = residual - compensation - taxes
    depreciation = depreciation_share * np.maximum(gross, 0.0)
    return np.stack([compensation, taxes, depreciation, gross - depreciation])


def _employment(
    book: Accounts, world: _World, output: np.ndarray, groups: Mapping[str, str], order: list[str]
) -> dict[str, np.ndarray]:
    """Thousand persons engaged by industry for the groups whose members all publish them."""
    persons = _series(book, world, "EMP", world.year)
    missing = np.isnan(persons) & (output > 0)
    without = {groups[world.countries[row]] for row in np.flatnonzero(missing.any(axis=1))}
    summed = sum_groups(np.nan_to_num(persons), world.countries, groups, 0)
    return {group: summed[place] for place, group in enumerate(order) if group not in without}
