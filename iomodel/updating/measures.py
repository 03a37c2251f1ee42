"""How far an estimated table is from the true one, by what is read off it.

Errors are weighted absolute percentage errors, 100 Σ|estimate − truth| / Σ|truth|: large cells count as large.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from iomodel.errors import TableError
from iomodel.table import Table, table_required

Array = NDArray[np.float64]

USES = {
    "household": ("household",),
    "government": ("government_individual", "government_collective"),
    "investment": ("fixed_capital",),
}
"""Uses of final demand by which embodied value added is compared."""


def table_errors(estimate: Table, truth: Table, home: str = "CHN") -> xr.Dataset:
    """Errors of an inter-country `estimate` against `truth`: Σ|estimate − truth| / Σ|truth|, in percent unless said.

    cells, cross_border_cells: intermediate flows, all and those across borders. bilateral: sales by pair of regions.
    embodied (use), embodied_by_partner (use, partner): value added of partners in `home`'s final demand, v'Lf; by
    partner as (estimate − truth)/truth. multipliers: output multipliers by region and sector, mean absolute error.
    ratio (partner, which): value added of a partner per unit of investment over that per unit of household consumption.
    foreign_share (use, which): value added of all partners in percent of the use.

    Raises TableError where the labels or units differ or `home` is not a region.
    Source: weighted absolute percentage error, as Temurshoev, Webb and Yamano (2011) compare updates of tables by it.

    >>> from iomodel.aggregation import aggregate
    >>> from iomodel.table import load_table
    >>> world = aggregate(load_table("world-2011"), "broad3")
    >>> float(table_errors(world, world).cells), table_errors(world, world).embodied.attrs["units"]
    (0.0, 'percent')
    """
    _comparable(estimate, truth, home)
    across = ~np.eye(len(truth.regions), dtype=bool)
    pairs = [table.flows.values.sum((1, 3)) + table.final_demand.values.sum((1, 3)) for table in (estimate, truth)]
    flows = [np.moveaxis(table.flows.values, 2, 1) for table in (estimate, truth)]
    growth = _multipliers(estimate), _multipliers(truth)
    data = {
        "cells": _percent(_error(flows[0], flows[1])),
        "cross_border_cells": _percent(_error(flows[0][across], flows[1][across])),
        "bilateral": _percent(_error(pairs[0][across], pairs[1][across])),
        "multipliers": _percent(_error(growth[0], growth[1])),
    }
    compared = compare_embodied(embodied(estimate, home), truth, home)
    return compared.assign(data).assign_attrs(estimate=estimate.name)


def compare_embodied(found: xr.DataArray, truth: Table, home: str) -> xr.Dataset:
    """The part of `table_errors` that `embodied` of an estimate is enough for."""
    true = embodied(truth, home)
    partners = [region for region in truth.regions if region != home]
    abroad = true.sel(region=partners)
    gap: xr.DataArray = abs(found.sel(region=partners) - abroad).sum("region")
    which = xr.DataArray(["estimate", "truth"], dims=["which"], name="which")
    shares = [100 * one.sel(region=partners).sum("region") / one.attrs["demand"] for one in (found, true)]
    data = {
        "embodied": 100 * gap / abroad.sum("region"),
        "embodied_by_partner": (100 * (found.sel(region=partners) / abroad - 1)).rename(region="partner"),
        "ratio": xr.concat([_ratio(one, partners) for one in (found, true)], which),
        "foreign_share": xr.concat(shares, which),
    }
    for name, array in data.items():
        array.attrs = {"units": "1" if name == "ratio" else "percent"}
    return xr.Dataset(data, attrs={"truth": truth.name, "home": home})


def embodied(table: Table, home: str) -> xr.DataArray:
    """Value added of each region in the home region's final demand by use: v'(I − A)⁻¹ f, (region, use), table's unit.

    attrs["demand"]: final demand by use.
    """
    output = np.where(table.output.values > 0, table.output.values, 1.0)
    final = table.final_demand.sel(to_region=home)
    named = [[name for name in names if name in table.categories] for names in USES.values()]
    demand = np.stack([final.sel(category=names).sum("category").values for names in named], axis=-1)
    added = table.value_added.values.sum(axis=0) / output
    return embodied_of(table.flows.values / output, added, demand, table.regions).assign_attrs(units=table.unit)


def embodied_of(inputs: Array, added: Array, demand: Array, regions: Sequence[str]) -> xr.DataArray:
    """As `embodied`, from inputs per output (region, sector, to_region, to_sector), value added per output and demand.

    demand (region, sector, use) by seller.
    """
    size = added.size
    produced = np.linalg.solve(np.eye(size) - inputs.reshape(size, size), demand.reshape(size, -1))
    by_region = (added.reshape(size, 1) * produced).reshape(len(regions), -1, len(USES)).sum(axis=1)
    uses = list(USES)
    total = xr.DataArray(demand.sum(axis=(0, 1)), {"use": uses}, ["use"])
    labels = {"region": list(regions), "use": uses}
    return xr.DataArray(by_region, labels, ["region", "use"], attrs={"demand": total})


def _error(found: Array, true: Array) -> float:
    return float(100 * np.abs(found - true).sum() / np.abs(true).sum())


def _percent(value: float) -> xr.DataArray:
    return xr.DataArray(value, attrs={"units": "percent"})


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
    estimate, truth = table_required(estimate), table_required(truth)
    for what in ("regions", "sectors", "categories", "unit"):
        ours, theirs = getattr(estimate, what), getattr(truth, what)
        if ours != theirs:
            raise TableError(
                f"{estimate.name} and {truth.name} differ in {what}: {ours} and {theirs}. Aggregate them to the same "
                "labels, or convert one."
            )
    if estimate.is_national or home not in truth.regions:
        raise TableError(f"{truth.name} has no region {home!r} with partners; it has {', '.join(truth.regions)}.")
