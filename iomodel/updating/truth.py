"""What an estimate would have been given to know, taken from a table whose truth is known.

An inter-country table holds its regions' national tables, totals and pairs; taken out of it they are the pieces of an
update that is then compared with the table itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from iomodel.table import Table, make_table
from iomodel.trade import trade_pairs


def national_view(table: Table, region: str) -> Table:
    """The national table of one region of an inter-country table: its block, all other sellers as IMPORTS.

    What it sells to other regions, for whatever use, is exports; there are no re-exports and no product taxes.
    """
    home = table.regions.index(region)
    others = np.arange(len(table.regions)) != home
    flows, final = table.flows.values[:, :, home], table.final_demand.values[:, :, home]
    sold = table.flows.values[home].sum(axis=2) + table.final_demand.values[home].sum(axis=2)
    exports = sold[:, others].sum(axis=1)
    uses = np.stack([final[home], final[others].sum(axis=0)])
    uses = np.concatenate([uses, np.stack([exports, np.zeros_like(exports)])[:, :, None]], axis=2)
    kept = ("currency", "price_basis", "classification", "source", "licence", "edition", "estimate")
    return make_table(
        name=f"{table.name}-{region}",
        year=table.year,
        unit=table.unit,
        regions=[region],
        sectors=table.sector_names,
        categories=[*table.categories, "exports"],
        factors=table.factors,
        flows=np.stack([flows[home], flows[others].sum(axis=0)])[:, :, None, :],
        final_demand=uses[:, :, None, :],
        value_added=table.value_added.values[:, [home]],
        output=table.output.values[[home]],
        national=True,
        history=[f"block of {region} in {table.name}"],
        **{key: table.attrs[key] for key in kept if key in table.attrs},
    )


def value_added_by_region(table: Table, sectors: Sequence[str] | None = None) -> xr.DataArray:
    """Value added (region), of all sectors or of some."""
    added = table.value_added.sum("factor")
    added = added if sectors is None else added.sel(to_sector=list(sectors))
    return added.sum("to_sector").rename(to_region="region")


def goods_pairs(table: Table, sectors: Sequence[str] | None = None) -> xr.DataArray:
    """Sales across borders (region, to_region), of all sectors or of some; zero from a region to itself."""
    pairs = trade_pairs(table)
    pairs = pairs if sectors is None else pairs.sel(sector=list(sectors))
    return pairs.sum("sector")
