"""Spillovers on an ESTIMATE: partners by broad sector, with the range over variants and the error of a rehearsal.

Single cells of an ESTIMATE are off by a fifth and more, so single sectors are not told. Two things say how far the rest
can be trusted. The range: what the path's changes would do in every variant of the estimate (other starts or pairs),
by the shipped maps of `iomodel.spillover.responses`. The error: how far the method was off, by partner and use of home
demand, in a year whose truth is known, on the change of each use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from iomodel.classifications.sector_maps import load_map
from iomodel.economy import Economy
from iomodel.errors import TableError
from iomodel.markets.shares import Array
from iomodel.markets.tariffs import Regime
from iomodel.shipped import shipped_tables, table_card
from iomodel.spillover.home import AMOUNTS
from iomodel.spillover.responses import GROUPS
from iomodel.table import Table
from iomodel.updating.ranges import load_variants

MEASURES = ("output", "value_added", "employment")
BY_VARIANT, ERROR = "_by_variant", "_error"
"""What is put behind the name of a change: its value in every variant, and what the rehearsal's errors amount to."""

REHEARSED = {
    "household": ("household", "overflow"),
    "government": ("government_individual", "government_collective"),
    "investment": ("construction", "equipment", "intangible"),
}
"""Use of the rehearsal -> uses of the bundles."""


@dataclass(frozen=True)
class Moved:
    """What moves partners on a path against its reference.

    amounts: (use, year), change of what the home region buys, money of the table; tariffs: in force by year on the path
    and on its reference; growth: (year,), partners' demand over that of the table's year.
    """

    economy: Economy
    years: Sequence[int]
    amounts: xr.DataArray
    tariffs: tuple[Sequence[Regime], Sequence[Regime]]
    growth: Array


def amounts_of(economy: Economy, path: xr.Dataset, reference: xr.Dataset) -> xr.DataArray:
    """Change of what the home region buys by use and year, money of the table, from the variables of two paths."""
    changes = [(path[name] - reference[name]).transpose("year").values for name in AMOUNTS.values()]
    years = [int(year) for year in path["year"].values]
    return xr.DataArray(np.array(changes) * economy.gdp / 100, {"use": list(AMOUNTS), "year": years}, ["use", "year"])


def told_of_estimate(found: xr.Dataset, moved: Moved) -> xr.Dataset:
    """`found` by broad sector, with range and error beside every change where they are known.

    NAME_change_by_variant (variant, partner, sector, year, channel), the first variant being the estimate itself;
    NAME_change_error (partner, sector, year, channel), an amount. Attributes estimate, ranges and errors say what they
    are, or that there are none.
    """
    table = moved.economy.table
    broad = _broad_of(table)
    notes = {
        "estimate": f"{table.name} is an ESTIMATE: totals by broad sector with their ranges, no single sector",
        "ranges": "not known: this table has no maps of its variants for this region",
        "errors": "not known: no rehearsal of this table for this region",
    }
    maps = _maps(table, moved.economy.region)
    if maps is None:
        return _summed(found, broad).assign_attrs(notes)
    change = by_variant(maps, moved)
    found = found.assign({f"{name}_change{BY_VARIANT}": _shifted(found, maps, change, name) for name in _told(found)})
    notes["ranges"] = "least and most over the variants of the estimate, which differ in start and in pairs of trade"
    rehearsed = _rehearsed(table, found)
    if rehearsed is not None:
        found = found.assign({f"{name}_change{ERROR}": _error(found, maps, moved, rehearsed, name)
                              for name in _told(found)})  # fmt: skip
        validated = table_card(table.name).get("validation", {})
        notes["rehearsal"] = " to ".join(str(year) for year in validated.get("rehearsal_years", ()))
        notes["errors"] = (
            "amounts: change by use of home demand times the rehearsal's error of the partner in that use (its mean "
            "error over spans of years where that is larger), added up; "
            "under tariffs the partner's mean error over uses"
        )
    return _summed(found, broad).assign_attrs(notes)


def _told(found: xr.Dataset) -> list[str]:
    return [name for name in MEASURES if f"{name}_change" in found]


def _broad_of(table: Table) -> list[str]:
    """Broad sector of each sector."""
    return [str(name) for name in load_map(str(table.attrs["classification"])).rows(table.sectors).broad]


def _summed(found: xr.Dataset, broad: Sequence[str]) -> xr.Dataset:
    """Every variable summed into broad sectors."""
    parts: dict[str, xr.DataArray] = {}
    for name, values in found.data_vars.items():
        summed = [values.isel(sector=np.flatnonzero(np.array(broad) == group)).sum("sector", skipna=False)
                  for group in GROUPS]  # fmt: skip
        together = xr.concat(summed, xr.DataArray(list(GROUPS), dims=["sector"], name="sector"))
        parts[str(name)] = together.transpose(*values.dims).assign_attrs(values.attrs)
    return xr.Dataset(parts, attrs=found.attrs)


def _maps(table: Table, region: str) -> xr.Dataset | None:
    """The shipped maps of the table's variants; None where there are none for this very table and region."""
    if not _shipped(table):
        return None
    try:
        maps = load_variants(table.name)
    except TableError:
        return None
    return maps if maps.attrs["home"] == region and "output_by_use" in maps else None


def _shipped(table: Table) -> bool:
    return table.name in shipped_tables() and table_card(table.name)["sha256"] == table.sha256


def by_variant(maps: xr.Dataset, moved: Moved) -> xr.DataArray:
    """(variant, partner, sector, year, channel): output by channel as every variant's maps have it."""
    demand = xr.dot(maps["output_by_use"].astype(float), moved.amounts, dim="use")
    path, reference = (_tariff_points(maps, moved, regimes) for regimes in moved.tariffs)
    barriers = xr.dot(maps["output_by_tariff"].astype(float), path - reference, dim=["raised_by", "group"])
    channels = xr.DataArray(["demand", "barriers"], dims=["channel"], name="channel")
    return xr.concat([demand, barriers], channels).transpose("variant", "partner", "sector", "year", "channel")


def _tariff_points(maps: xr.Dataset, moved: Moved, regimes: Sequence[Regime]) -> xr.DataArray:
    """(raised_by, group, year): tariffs in units of the maps' points, times the growth of partners' demand."""
    partners, groups = ([str(one) for one in maps[dim].values] for dim in ("raised_by", "group"))
    points = np.zeros((len(partners), len(groups), len(moved.years)))
    for column, regime in enumerate(regimes):
        for partner, group, size in regime:
            on = range(len(groups)) if group == "all" else [groups.index(group)]
            for place in on:
                points[partners.index(partner), place, column] += size / float(maps.attrs["tariff_points"])
    labels = {"raised_by": partners, "group": groups, "year": list(moved.years)}
    return xr.DataArray(points * moved.growth, labels, list(labels))


def _per_output(found: xr.Dataset, maps: xr.Dataset, name: str) -> xr.DataArray | float:
    """What one unit of output is of a measure: (variant, partner, sector), (partner, sector) or one."""
    if name == "output":
        return 1.0
    if name == "value_added":
        return maps["value_added_per_output"].astype(float)
    made = found["output_reference"].isel(year=0)
    return (
        (found["employment_reference"].isel(year=0) / made.where(made > 0))
        .fillna(0.0)
        .where(found["employment_reference"].isel(year=0).notnull())
    )


def _shifted(found: xr.Dataset, maps: xr.Dataset, change: xr.DataArray, name: str) -> xr.DataArray:
    """The change itself, moved by what each variant's maps have more or less than the estimate's own."""
    central = found[f"{name}_change"]
    each = change * _per_output(found, maps, name)
    moved = central + (each - each.isel(variant=0, drop=True))
    title = f"{central.attrs['long_name']}, in every variant of the estimate"
    return moved.transpose("variant", *central.dims).assign_attrs(central.attrs, long_name=title)


def _rehearsed(table: Table, found: xr.Dataset) -> xr.DataArray | None:
    """(rehearsed, partner): the rehearsal's error of partners' value added in home demand, fraction of the truth.

    One rehearsal is one draw, and may be right by chance: where the mean error over spans is larger, it stands instead.
    """
    card = table_card(table.name) if _shipped(table) else {}
    said, spans = card.get("rehearsal", {}), card.get("gaps", {})
    if not set(REHEARSED) <= set(said):
        return None
    partners = [str(one) for one in found["partner"].values]
    errors = [
        [max(abs(float(said[use][partner])), float(spans.get(use, {}).get(partner, 0.0))) / 100 for partner in partners]
        for use in REHEARSED
    ]
    return xr.DataArray(errors, {"rehearsed": list(REHEARSED), "partner": partners}, ["rehearsed", "partner"])


def _error(found: xr.Dataset, maps: xr.Dataset, moved: Moved, errors: xr.DataArray, name: str) -> xr.DataArray:
    """The amount by which the rehearsal's errors would move a change: Σ over uses |part of the use| · error."""
    central = found[f"{name}_change"]
    own = maps.isel(variant=0, drop=True)
    unit = _per_output(found, own, name)
    bought, amounts = own["output_by_use"].astype(float), moved.amounts
    parts: list[xr.DataArray] = [
        abs(xr.dot(bought.sel(use=list(uses)), amounts.sel(use=list(uses)), dim="use")) for uses in REHEARSED.values()
    ]
    by_use: xr.DataArray = xr.concat(parts, errors["rehearsed"]) * unit
    demand: xr.DataArray = (by_use * errors).sum("rehearsed", skipna=False)
    barriers: xr.DataArray = abs(central.sel(channel="barriers", drop=True)) * errors.mean("rehearsed")
    channels = xr.DataArray(["demand", "barriers"], dims=["channel"], name="channel")
    amount = xr.concat([demand, barriers], channels).transpose(*central.dims)
    title = f"error of the rehearsal on {central.attrs['long_name']}, up and down"
    return amount.assign_attrs(central.attrs, long_name=title)
