"""Simpler ways to a later year, for comparison: old coefficients, a national table carried over, RAS.

They are what people do who have less information or no program; the errors of an update are read beside theirs.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse
import xarray as xr
from numpy.typing import NDArray

from iomodel.balancing.entropy import fit
from iomodel.table import Table, make_table
from iomodel.updating.measures import USES, compare_embodied, embodied_of
from iomodel.updating.truth import value_added_by_region

Array = NDArray[np.float64]


def _coefficients(table: Table) -> tuple[Array, Array]:
    """Inputs per output (region, sector, to_region, to_sector) and value added per output (region, sector)."""
    safe = np.where(table.output.values > 0, table.output.values, 1.0)
    return table.flows.values / safe, table.value_added.values.sum(axis=0) / safe


def _demand(table: Table, home: str) -> Array:
    """The home region's final demand by seller, (region, sector, use)."""
    final = table.final_demand.sel(to_region=home)
    return np.stack([final.sel(category=list(names)).sum("category").values for names in USES.values()], axis=-1)


def grown_coefficients(old: Table, truth: Table, home: str) -> xr.Dataset:
    """Errors when all coefficients are old and the home region's final demand grows with its value added."""
    growth = (value_added_by_region(truth) / value_added_by_region(old)).sel(region=home)
    inputs, added = _coefficients(old)
    found = embodied_of(inputs, added, _demand(old, home) * float(growth), old.regions)
    return compare_embodied(found, truth, home)


def carried_over(old: Table, truth: Table, home: str) -> xr.Dataset:
    """Errors when the home region's columns are the true ones with old sellers' shares, all other coefficients old."""
    inputs, added = (part.copy() for part in _coefficients(old))
    place = old.regions.index(home)
    abroad = np.arange(len(old.regions)) != place
    output = truth.output.values[place]
    bought = [truth.flows.values[:, :, place].copy(), _demand(truth, home)]
    before = [old.flows.values[:, :, place], _demand(old, home)]
    product = np.maximum(np.concatenate(before, axis=2)[abroad], 0).sum(axis=2)
    product = product / np.where(product.sum(axis=0) > 0, product.sum(axis=0), 1.0)
    for part, like in zip(bought, before, strict=True):
        sold = np.maximum(like[abroad], 0)
        share = np.divide(sold, sold.sum(axis=0), out=np.broadcast_to(product[:, :, None], sold.shape).copy(),
                          where=sold.sum(axis=0) > 0)  # fmt: skip
        part[abroad] = share * part[abroad].sum(axis=0)
    inputs[:, :, place] = bought[0] / np.where(output > 0, output, 1.0)
    added[place] = _coefficients(truth)[1][place]
    return compare_embodied(embodied_of(inputs, added, bought[1], old.regions), truth, home)


def ras_with_all_margins(old: Table, truth: Table) -> Table:
    """The old table with all true margins: intermediate and final sales by seller, inputs by buyer, final demand.

    Flows and final demand are each fitted to their own row and column sums. Inventories, whose signs change between
    years, are taken from the truth, so that the rest is RAS.
    """
    stocks = truth.categories.index("inventories")
    size = truth.output.size
    kept = np.zeros_like(truth.final_demand.values)
    kept[..., stocks] = truth.final_demand.values[..., stocks]
    like = np.maximum(old.final_demand.values, 0.0)
    like[..., stocks] = 0.0
    flows = _ras(old.flows.values.reshape(size, -1), truth.flows.values.reshape(size, -1))
    final = _ras(like.reshape(size, -1), (truth.final_demand.values - kept).reshape(size, -1))
    flows, final = flows.reshape(truth.flows.shape), final.reshape(kept.shape) + kept
    output = flows.sum(axis=(2, 3)) + final.sum(axis=(2, 3))
    added = output - flows.sum(axis=(0, 1))
    factors = np.zeros_like(truth.value_added.values)
    factors[-1] = added
    return make_table(
        name=f"{old.name}-ras-{truth.year}",
        year=truth.year,
        unit=truth.unit,
        regions=truth.regions,
        sectors=truth.sector_names,
        categories=truth.categories,
        factors=truth.factors,
        flows=flows,
        final_demand=final,
        value_added=factors,
        output=output,
        national=False,
        classification=truth.attrs["classification"],
        tolerance=1e-4,
    )


def _ras(cells: Array, true: Array) -> Array:
    """The cells fitted to the row and column sums of `true`; rows and columns without any take a millionth of it."""
    empty = (cells.sum(axis=0) == 0)[None, :] | (cells.sum(axis=1) == 0)[:, None]
    cells = np.where(empty, 1e-6 * true, cells)
    rows, columns = cells.shape
    by_row = scipy.sparse.kron(scipy.sparse.eye_array(rows), np.ones((1, columns)), format="csr")
    by_column = scipy.sparse.kron(np.ones((1, rows)), scipy.sparse.eye_array(columns), format="csr")
    wanted = np.concatenate([true.sum(axis=1), true.sum(axis=0)])
    return fit(cells.ravel(), scipy.sparse.vstack([by_row, by_column]), wanted).cells.reshape(cells.shape)
