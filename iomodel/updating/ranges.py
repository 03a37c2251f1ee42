"""What a home region's demand does to partners in every variant of an estimate, as one linear map a variant.

For final demand in a direction (a bundle of the base year) the whole world is solved: x = (I − A)⁻¹ f. For home output
by sector partners alone are solved, with home output given: x_P = (I − A_PP)⁻¹ A_PH, what home industries buy abroad.
A number on a path is the sum of map × amount; its range over variants is what the choice of start and pairs leaves
open.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from iomodel.classifications.sector_maps import load_map
from iomodel.errors import TableError
from iomodel.files import write_whole
from iomodel.labels import ASSETS
from iomodel.shipped import shipped_file
from iomodel.table import Table

Array = NDArray[np.float64]
FOLDER = "tables/variants"
_CONSUMPTION = ("household", "government_individual", "government_collective")
_DIGITS = 7
"""Decimals of the stored map, money per unit of money."""


def directions(table: Table, home: str) -> xr.DataArray:
    """Bundles of one unit of each final use of the home region, (region, sector, direction); they sum to one.

    Directions: household (with non-profit), individual and collective government, fixed capital by asset (by the
    products that the sector map counts as that asset).
    """
    final = table.final_demand.sel(to_region=home, drop=True)
    asset = np.array(load_map(str(table.attrs["classification"])).rows(table.sectors).asset)
    own = {name: final.sel(category=[name]).sum("category") for name in table.categories}
    bought = {name: own[name] for name in _CONSUMPTION if name in own}
    if "non_profit" in own:
        bought["household"] = bought["household"] + own["non_profit"]
    bought |= {name: own["fixed_capital"] * xr.DataArray(asset == name, dims=["sector"]) for name in ASSETS}
    units = [amount / amount.sum() if float(amount.sum()) else amount for amount in bought.values()]
    return xr.concat(units, xr.DataArray(list(bought), dims=["direction"], name="direction")).transpose(
        "region", "sector", "direction"
    )


def partner_map(table: Table, home: str) -> xr.Dataset:
    """Partners' output and value added per unit of each home direction, and per unit of home output by sector.

    output, value_added (direction, partner, sector): whole world solved. output_by_home_output,
    value_added_by_home_output (home_sector, partner, sector): home output given. Money per unit of money.
    """
    output = table.output.values.ravel()
    size, sectors = output.size, len(table.sectors)
    inputs = table.flows.values.reshape(size, size) / np.where(output > 0, output, 1.0)
    added = np.divide(table.value_added.values.sum(axis=0).ravel(), output, out=np.zeros_like(output), where=output > 0)
    place = table.regions.index(home)
    own = np.zeros(size, dtype=bool)
    own[place * sectors : (place + 1) * sectors] = True
    bundles = directions(table, home)
    whole = np.linalg.solve(np.eye(size) - inputs, bundles.values.reshape(size, -1))[~own].astype(np.float64)
    abroad = inputs[np.ix_(~own, ~own)]
    given = np.linalg.solve(np.eye(len(abroad)) - abroad, inputs[np.ix_(~own, own)]).astype(np.float64)
    partners = [region for region in table.regions if region != home]

    def laid(values: Array, dim: str) -> xr.DataArray:
        shaped = values.T.reshape(-1, len(partners), sectors)
        return xr.DataArray(shaped, dims=[dim, "partner", "sector"], attrs={"units": "per unit"})

    share = added[~own][:, None]
    return xr.Dataset(
        {
            "output": laid(whole, "direction"),
            "value_added": laid(whole * share, "direction"),
            "output_by_home_output": laid(given, "home_sector"),
            "value_added_by_home_output": laid(given * share, "home_sector"),
        },
        coords={
            "direction": bundles["direction"].values,
            "home_sector": table.sectors,
            "partner": partners,
            "sector": table.sectors,
        },
        attrs={"home": home, "unit": table.unit},
    )


def variant_maps(tables: Mapping[str, Table], home: str, titles: Mapping[str, str]) -> xr.Dataset:
    """`partner_map` of every variant, with the dimension variant in front; the first is the estimate itself."""
    each = [partner_map(table, home) for table in tables.values()]
    joined = xr.concat(each, xr.DataArray(list(tables), dims=["variant"], name="variant"), combine_attrs="override")
    joined = joined.round(_DIGITS).astype(np.float32)
    joined["title"] = ("variant", [titles.get(name, name) for name in tables])
    return joined.assign_attrs(estimate=next(iter(tables.values())).name)


def save_variants(maps: xr.Dataset, path: Path) -> Path:
    """Write the maps as one compressed NetCDF file."""
    encoding = {name: {"zlib": True, "complevel": 9, "shuffle": True} for name in maps.data_vars if name != "title"}
    return write_whole(path, lambda part: maps.to_netcdf(part, engine="h5netcdf", encoding=encoding))


def load_variants(name: str) -> xr.Dataset:
    """The maps of the shipped ESTIMATE `name`, as `variant_maps` makes them; TableError where there are none.

    >>> maps = load_variants("world-2020-estimate")
    >>> str(maps["variant"].values[0]), maps.sizes["partner"]
    ('central', 14)
    """
    path = shipped_file(*FOLDER.split("/"), f"{name}.nc")
    if not path.is_file():
        raise TableError(
            f"There are no variants of {name!r}: only shipped estimates have some, one file each in {FOLDER}."
        )
    with xr.open_dataset(path, engine="h5netcdf") as dataset:
        return dataset.load()


def partner_ranges(maps: xr.Dataset, amounts: Mapping[str, float] | xr.DataArray) -> xr.Dataset:
    """Low, central and high value added and output by partner of amounts by direction, over the variants.

    amounts: direction -> money; (partner) in the same money. The central value is that of the first variant.

    >>> found = partner_ranges(load_variants("world-2020-estimate"), {"household": 100.0})
    >>> bool((found["value_added_low"] <= found["value_added"]).all())
    True
    """
    wanted = amounts if isinstance(amounts, xr.DataArray) else xr.DataArray(
        list(amounts.values()), {"direction": list(amounts)}, ["direction"])  # fmt: skip
    unknown = [str(name) for name in wanted["direction"].values if name not in maps["direction"].values]
    if unknown:
        raise TableError(
            f"There is no direction {', '.join(unknown)}; there are {', '.join(maps['direction'].values)}."
        )
    data: dict[str, xr.DataArray] = {}
    for name in ("output", "value_added"):
        each = (maps[name].astype(float).sum("sector").sel(direction=wanted["direction"]) * wanted).sum("direction")
        data |= {
            name: each.isel(variant=0, drop=True),
            f"{name}_low": each.min("variant"),
            f"{name}_high": each.max("variant"),
        }
    return xr.Dataset(data, attrs={"units": "the money of the amounts", "variants": int(maps.sizes["variant"])})
