"""How far an estimated table is from the true one, by what is read off it.

Errors are weighted absolute percentage errors, 100 Σ|estimate − truth| / Σ|truth|: large cells count as large.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from iomodel.errors import TableError
from iomodel.table import Table

Array = NDArray[np.float64]

USES = {
    "household": ("household",),
    "government": ("government_individual", "government_collective"),
    "investment": ("fixed_capital",),
}
"""Uses of final demand by which embodied value added is compared."""


def table_errors(estimate: Table, truth: Table, home: str = "CHN") -> xr.Dataset:
    """Errors of an inter-country `estimate` against `truth`, in percent unless said.

    cells, cross_border_cells: intermediate flows, all and those across borders. bilateral: sales by pair of regions.
    embodied (use), embodied_by_partner (use, partner): value added of partners in `home`'s final demand, v'Lf; by
    partner as (estimate − truth)/truth. multipliers: output multipliers by region and sector, mean absolute error.
    ratio (partner, which): value added of a partner per unit of investment over that per unit of household consumption.
    foreign_share (use, which): value added of all partners in percent of the use.

    Raises TableError where the labels or units differ or `home` is not a region.
    """
    _comparable(estimate, truth, home)
    found, true = embodied(estimate, home), embodied(truth, home)
    partners = [region for region in truth.regions if region != home]
    abroad = true.sel(region=partners)
    gap: xr.DataArray = abs(found.sel(region=partners) - abroad).sum("region")
    across = ~np.eye(len(truth.regions), dtype=bool)
    pairs = [table.flows.values.sum((1, 3)) + table.final_demand.values.sum((1, 3)) for table in (estimate, truth)]
    flows = [np.moveaxis(table.flows.values, 2, 1) for table in (estimate, truth)]
    growth = _multipliers(estimate), _multipliers(truth)
    by_use = {"use": list(USES)}
    which = ["estimate", "truth"]
    data = {
        "cells": _scalar(_error(flows[0], flows[1])),
        "cross_border_cells": _scalar(_error(flows[0][across], flows[1][across])),
        "bilateral": _scalar(_error(pairs[0][across], pairs[1][across])),
        "multipliers": _scalar(_error(growth[0], growth[1])),
        "embodied": xr.DataArray(100 * (gap / abroad.sum("region")).values, by_use, ["use"]),
        "embodied_by_partner": (100 * (found.sel(region=partners) / abroad - 1)).rename(region="partner"),
        "ratio": xr.concat([_ratio(one, partners) for one in (found, true)], "which").assign_coords(which=which),
        "foreign_share": xr.concat(
            [100 * one.sel(region=partners).sum("region") / one.attrs["demand"] for one in (found, true)], "which"
        ).assign_coords(which=which),
    }
    for name, array in data.items():
        array.attrs = {"units": "1" if name == "ratio" else "percent"}
    return xr.Dataset(data, attrs={"estimate": estimate.name, "truth": truth.name, "home": home})


def embodied(table: Table, home: str) -> xr.DataArray:
    """Value added of each region in the home region's final demand by use: v'(I − A)⁻¹ f, (region, use), table's unit.

    attrs["demand"]: final demand by use.
    """
    output = table.output.values.ravel()
    size = output.size
    inputs = table.flows.values.reshape(size, size)
    safe = np.where(output > 0, output, 1.0)
    final = table.final_demand.sel(to_region=home)
    demand = np.stack(
        [final.sel(category=[name for name in names if name in table.categories]).sum("category").values.ravel()
         for names in USES.values()], axis=1)  # fmt: skip
    produced = np.linalg.solve(np.eye(size) - inputs / safe, demand)
    share = table.value_added.values.sum(axis=0).ravel() / safe
    by_region = (share[:, None] * produced).reshape(len(table.regions), -1, len(USES)).sum(axis=1)
    total = xr.DataArray(demand.sum(axis=0), {"use": list(USES)}, ["use"])
    return xr.DataArray(
        by_region,
        {"region": table.regions, "use": list(USES)},
        ["region", "use"],
        attrs={"units": table.unit, "demand": total},
    )


def _error(found: Array, true: Array) -> float:
    return float(100 * np.abs(found - true).sum() / np.abs(true).sum())


def _scalar(value: float) -> xr.DataArray:
    return xr.DataArray(value)


def _multipliers(table: Table) -> Array:
    """Output multipliers by region and sector, 1'(I − A)⁻¹."""
    output = table.output.values.ravel()
    inputs = table.flows.values.reshape(output.size, output.size) / np.where(output > 0, output, 1.0)
    found = np.linalg.solve(np.eye(output.size) - inputs.T, np.ones(output.size))
    return found.astype(np.float64)


def _ratio(found: xr.DataArray, partners: list[str]) -> xr.DataArray:
    """Partner's value added per unit of investment over that per unit of household consumption."""
    per_unit = found.sel(region=partners) / found.attrs["demand"]
    return (per_unit.sel(use="investment", drop=True) / per_unit.sel(use="household", drop=True)).rename(
        region="partner"
    )


def _comparable(estimate: Table, truth: Table, home: str) -> None:
    for what in ("regions", "sectors", "categories", "unit"):
        ours, theirs = getattr(estimate, what), getattr(truth, what)
        if ours != theirs:
            raise TableError(
                f"{estimate.name} and {truth.name} differ in {what}: {ours} and {theirs}. Aggregate them to the same "
                "labels, or convert one."
            )
    if estimate.is_national or home not in truth.regions:
        raise TableError(f"{truth.name} has no region {home!r} with partners; it has {', '.join(truth.regions)}.")
