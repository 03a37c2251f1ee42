"""What the home region buys along a path, by seller: its bundles times the amounts that the path chooses.

Only final demand is handed to the world here. What home industries buy abroad follows from home output, which the
whole-world solve determines together with the partners'.
"""

from __future__ import annotations

import xarray as xr

from iomodel.economy import Economy
from iomodel.errors import ResultError

AMOUNTS = {
    "household": "household_consumption",
    "overflow": "overflow_imports",
    "government_individual": "in_kind_spending",
    "government_collective": "collective_consumption",
    "construction": "investment_construction",
    "equipment": "investment_equipment",
    "intangible": "investment_intangible",
}
"""Use of the bundles -> variable of the path that buys it."""


def home_final_demand(economy: Economy, data: xr.Dataset) -> xr.DataArray:
    """f_{ri,t} = γ + β C_t − b^q q_t (+ b^q q_t abroad) + b^S S_t + b^G G_t + Σ_k b^k I^k_t + s_0 g_t by seller r.

    Exports are no part of it: what partners buy follows from their own output and demand.

    Parameters
    ----------
    economy : bundles (region, sector, use)
    data : variables of a path over `year` (percent of base-year GDP) and `trend`

    Returns
    -------
    DataArray (region, sector, year), money unit of the table, base-year prices.
    """
    wanted = [*AMOUNTS.values(), "trend"]
    absent = [name for name in wanted if name not in data]
    if absent:
        raise ResultError(f"The path lacks {', '.join(absent)}, which home final demand is made of; solve it again.")
    bundles = economy.bundles
    with xr.set_options(arithmetic_join="exact"):  # a label that only one side has would silently drop out
        total = bundles.sel(use="household_fixed", drop=True)
        total = total + bundles.sel(use="inventories", drop=True) * data["trend"]
        for use, variable in AMOUNTS.items():
            total = total + bundles.sel(use=use, drop=True) * data[variable]
    money = total.drop_vars([name for name in total.coords if name not in total.dims])
    money = money.transpose("region", "sector", "year") * (economy.gdp / 100)
    return money.assign_attrs(units=economy.table.unit, long_name="home final demand by seller")
