"""How partners answer to the home region in every variant of an ESTIMATE, as linear maps, made once and shipped.

A number of a partner on an ESTIMATE is given with its range over the variants (other starts, other pairs). The variants
themselves are not shipped; what they say about a partner is linear in what the home region buys, and nearly so in a
tariff: x = (I − A)⁻¹ f for one unit of each of the home region's bundles, and x' − x when one partner raises a stated
number of points on one group of the home region's goods, at the table's demand and its cards' elasticities (a path
under other elasticities takes its range from these).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from iomodel.calibration.bundles import bundles_of, per_output
from iomodel.cards import Cards
from iomodel.classifications.sector_maps import load_map
from iomodel.labels import positions
from iomodel.markets.shares import Array, Elasticities
from iomodel.markets.tariffs import elasticities
from iomodel.markets.world import world_under
from iomodel.spillover.home import AMOUNTS
from iomodel.table import Table

GROUPS = ("primary", "manufacturing", "services")
"""Groups of goods on which a tariff falls; one on all goods is told as the sum of the three."""


def with_responses(maps: xr.Dataset, variants: Mapping[str, Table], region: str, cards: Cards) -> xr.Dataset:
    """The `maps` of an ESTIMATE's variants with what `spillovers` needs for the range of a path.

    output_by_use (variant, use, partner, sector): money per money of the use, uses as the bundles that a path buys;
    output_by_tariff (variant, raised_by, group, partner, sector): money of the table, for tariff_points points (an
    attribute); value_added_per_output (variant, partner, sector). variants: name -> table, the estimate itself first.
    """
    sigma, points = elasticities(cards), float(cards["partner_tariff"])
    each = [_responses(table, region, sigma, points) for table in variants.values()]
    joined = xr.concat(each, xr.DataArray(list(variants), dims=["variant"], name="variant"), combine_attrs="override")
    return maps.merge(joined.astype(np.float32)).assign_attrs(maps.attrs, tariff_points=points)


def _responses(table: Table, region: str, sigma: Elasticities, points: float) -> xr.Dataset:
    """The maps of one variant."""
    abroad = [name for name in table.regions if name != region]
    output = np.asarray(table.output.values, dtype=float)
    added = table.value_added.sum("factor").transpose("to_region", "to_sector").values
    rows = positions(abroad, table.regions)
    place = {"partner": abroad, "sector": table.sectors}
    coefficient = xr.DataArray(per_output(added, output)[rows], place, ["partner", "sector"])
    return xr.Dataset(
        {
            "output_by_use": _by_use(table, region, sigma, place, rows).round(9),
            "output_by_tariff": _by_tariff(table, region, sigma, points, place, rows).round(2),
            "value_added_per_output": coefficient.round(6).assign_attrs(units="1"),
        }
    )


def _by_use(
    table: Table, region: str, sigma: Elasticities, place: Mapping[str, list[str]], rows: list[int]
) -> xr.DataArray:
    """(use, partner, sector): output of partners for one unit of each use at the base year's bundles."""
    sectors = load_map(str(table.attrs["classification"])).rows(table.sectors)
    bundles, _, _ = bundles_of(table, region, sectors, 1.0)
    bought = bundles.sel(use=list(AMOUNTS), region=table.regions, sector=table.sectors)
    final = np.asarray(bought.transpose("region", "sector", "use").values, dtype=float)
    found = world_under(table, region, (), sigma).output(final)[rows]
    labelled = xr.DataArray(np.moveaxis(found, 2, 0), {"use": list(AMOUNTS), **place}, ["use", *place])
    return labelled.assign_attrs(units=f"{table.unit} per {table.unit}")


def _by_tariff(
    table: Table, region: str, sigma: Elasticities, points: float, place: Mapping[str, list[str]], rows: list[int]
) -> xr.DataArray:
    """(raised_by, group, partner, sector): change of partners' output when one of them raises `points` on a group."""
    before = _made(table, region, (), sigma)
    found = np.array(
        [
            [_made(table, region, ((partner, group, points),), sigma)[rows] - before[rows] for group in GROUPS]
            for partner in place["partner"]
        ]
    )
    labels = {"raised_by": place["partner"], "group": list(GROUPS), **place}
    return xr.DataArray(found, labels, list(labels), attrs={"units": table.unit})


def _made(table: Table, region: str, tariffs: tuple[tuple[str, str, float], ...], sigma: Elasticities) -> Array:
    """Output (region, sector) of the world at the table's own final demand under tariffs."""
    world = world_under(table, region, tariffs, sigma)
    return world.output(world.final.sum(axis=2))
