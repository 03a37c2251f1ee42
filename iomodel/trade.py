"""Trade between the regions of an inter-country table: what crosses a border, and nothing that stays inside one."""

from __future__ import annotations

import numpy as np
import xarray as xr

from iomodel.errors import TableError
from iomodel.table import Table, table_required


def trade_pairs(table: Table) -> xr.DataArray:
    """Sales by seller, product and buying region (region, sector, to_region) that cross a border, in the table's unit.

    All uses together; a region's sales to itself, such as those inside the European Union, are zero here: exports are
    the sum over to_region, imports that over region. Raises TableError for a national table.

    >>> from iomodel.table import load_table
    >>> pairs = trade_pairs(load_table("world-2011"))
    >>> float(pairs.sel(region="EU", to_region="EU").sum()), float(pairs.sel(region="CHN").sum()) > 1e6
    (0.0, True)
    """
    table = table_required(table)
    if table.is_national:
        raise TableError(f"{table.name} is national: its imports have no partners; use an inter-country table.")
    sales = table.flows.sum("to_sector") + table.final_demand.sum("category")
    values = sales.transpose("region", "sector", "to_region").values.copy()
    places = np.arange(len(table.regions))
    values[places, :, places] = 0.0
    return xr.DataArray(
        values,
        coords={"region": table.regions, "sector": table.sectors, "to_region": table.regions},
        dims=("region", "sector", "to_region"),
        name="trade_pairs",
        attrs={"units": table.unit, "long_name": "sales across borders"},
    )
