"""A national table as the block of one region in a table of the world: the same cells in another currency.

Re-exports are imports that leave again; a table of the world has them on neither side, since the seller sells to the
buyer. They stand apart here, so that what is left balances: output = uses at home + exports of what is made at home.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from iomodel.errors import TableError
from iomodel.labels import IMPORTS
from iomodel.table import Table, table_required

EXPORTS = "exports"


def national_block(table: Table, *, per_unit: float, unit: str) -> xr.Dataset:
    """The cells of a national `table` divided by `per_unit` (its currency for one of the other), in `unit`.

    domestic_flows and imported_flows (sector, to_sector); domestic_final and imported_final (sector, category) without
    exports; exports and re_exports (sector): what is made at home and what is only passed on; value_added (factor,
    to_sector); output (sector); product_taxes (category). Output is the sum of the domestic uses and exports, and that
    of all inputs and value added. attrs: region, year, classification, source, unit, per_unit. Raises TableError for
    an inter-country table or a rate that is no positive number.

    >>> from iomodel.table import load_table
    >>> block = national_block(load_table("china-2020"), per_unit=6.8976, unit="million USD")
    >>> block.attrs["region"], round(float(block.re_exports.sum()))
    ('CHN', 52518)
    """
    table = table_required(table)
    if not (np.isfinite(per_unit) and per_unit > 0):
        raise TableError(f"{table.name}: the rate per_unit is {per_unit!r}; allowed: a positive number ({table.unit}).")
    home = table.home
    flows = table.flows.sel(to_region=home)
    final = table.final_demand.sel(to_region=home)
    inside = [category for category in table.categories if category != EXPORTS]
    sold = final.sel(category=EXPORTS) if EXPORTS in table.categories else final.isel(category=0) * 0.0
    arrays = {
        "domestic_flows": flows.sel(region=home),
        "imported_flows": flows.sel(region=IMPORTS),
        "domestic_final": final.sel(region=home, category=inside),
        "imported_final": final.sel(region=IMPORTS, category=inside),
        "exports": sold.sel(region=home),
        "re_exports": sold.sel(region=IMPORTS),
        "value_added": table.value_added.sel(to_region=home),
        "output": table.output.sel(region=home),
        "product_taxes": table.product_taxes.sel(to_region=home, category=inside),
    }
    return xr.Dataset(
        {name: (array.reset_coords(drop=True) / per_unit).assign_attrs(units=unit) for name, array in arrays.items()},
        attrs={
            "region": home,
            "year": table.year,
            "classification": table.attrs["classification"],
            "source": table.attrs.get("source", table.name),
            "unit": unit,
            "per_unit": float(per_unit),
        },
    )
