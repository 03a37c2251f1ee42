"""The estimate of a 2014 inter-country table in the classification of WIOD's 2016 release: 44 regions by 56 industries.

The file (NumPy's .npz) is no published table: domestic flows, imports by use and final demand are published figures,
the sellers of imported inputs and all intermediate trade of the rest of the world are fitted, with one share of each
seller in all uses of a product. Regions and industries are summed at once, since the whole table has 6 million cells.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from iomodel.aggregation import group_order, sum_groups
from iomodel.concordance import Concordance, rows_for
from iomodel.errors import TableError
from iomodel.labels import CATEGORIES, FACTORS
from iomodel.table import Table, make_table

_KEYS = ("Z", "F", "x", "tls", "itm", "lab", "countries", "industries", "fd")
_CATEGORIES = tuple(name for name in CATEGORIES if name != "exports")
_OWN_NAMES = {"ROU": "ROM", "RoW": "ROW"}
"""Countries that the file calls otherwise than WIOD's release of 2013."""
_INDIVIDUAL = ("52", "53")
"""Education; human health and social work: the products of individual government consumption."""


def read_wiot_estimate(
    path: str | Path,
    *,
    regions: Mapping[str, str],
    sectors: Concordance,
    depreciation_share: float,
    rest: str = "ROW",
    region_names: Mapping[str, str] | None = None,
    name: str = "wiot-2014-estimate",
) -> Table:
    """The 2014 estimate summed into `regions` (country -> region) and the targets of `sectors`, million USD.

    Countries that `regions` does not name go to `rest`. Value added is output less inputs: labour compensation and net
    product taxes with margins as the file has them, `depreciation_share` of the remainder where that is positive.
    Raises TableError when the file is not what it should be or the concordance does not cover its industries.
    """
    data = _read(Path(path))
    countries = [_OWN_NAMES.get(str(country), str(country)) for country in data["countries"]]
    industries = [str(place) for place in range(1, len(data["industries"]) + 1)]
    joined = sorted(set(countries) - set(regions))
    groups = {country: region for country, region in regions.items() if country in countries}
    groups |= dict.fromkeys(joined, rest)
    order = [region for region in dict.fromkeys(regions.values()) if region in groups.values()]
    group_order(countries, groups)
    weights = rows_for(sectors, industries, f"the industries of {Path(path).name}")
    size = (len(countries), len(industries))

    def regional(values: np.ndarray, *axes: int) -> np.ndarray:
        for axis in axes:
            summed = sum_groups(values, countries, groups, axis)
            places = [group_order(countries, groups).index(region) for region in order]
            values = np.take(summed, places, axis=axis)
        return values

    flows = data["Z"].astype(float).reshape(*size, *size)
    final = data["F"].reshape(*size, size[0], -1)
    individual = np.isin(industries, _INDIVIDUAL)[None, :, None]
    household, non_profit, government, capital, stocks = np.moveaxis(regional(final, 0, 2), -1, 0)
    demand = np.stack(
        [household, non_profit, government * individual, government * ~individual, capital, stocks], axis=-1
    )
    flows = np.einsum("risj,ib->rbsj", regional(flows, 0, 2), weights, optimize=True)
    flows = np.einsum("rbsj,jc->rbsc", flows, weights, optimize=True)
    demand = np.einsum("risf,ib->rbsf", demand, weights, optimize=True)
    parts = [np.nan_to_num(regional(data[key], 0)) @ weights for key in ("lab", "tls", "itm")]
    output = flows.sum(axis=(2, 3)) + demand.sum(axis=(2, 3))
    added = output - flows.sum(axis=(0, 1))
    surplus = added - sum(parts)
    depreciation = depreciation_share * np.maximum(surplus, 0.0)
    return make_table(
        name=name,
        year=2014,
        unit="million USD",
        regions=order,
        sectors=dict(sectors.target_names),
        categories=_CATEGORIES,
        factors=FACTORS,
        flows=flows,
        final_demand=demand,
        value_added=np.stack([parts[0], parts[1] + parts[2], depreciation, surplus - depreciation]),
        output=output,
        national=False,
        currency="USD",
        price_basis="current basic prices",
        classification=sectors.target,
        source="estimate of a 2014 inter-country table, from published national figures of WIOD, release 2016",
        licence="CC BY 4.0 for the figures of WIOD; the split of imports over sellers is fitted, not published",
        edition="estimate",
        estimate=True,
        region_names=dict(region_names or {}),
        history=[
            f"joined to {rest}: {', '.join(joined)}",
            "one share of each seller in all uses of an imported product (fitted); output rebuilt as the row sum",
            (
                "compensation = labour compensation, self-employed included; production taxes = taxes less subsidies on"
                f" products and margins; depreciation = {depreciation_share:g} of the rest where positive (assumed)"
            ),
        ],
    )


def _read(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise TableError(f"There is no file {path}.")
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [key for key in _KEYS if key not in file]
            if missing:
                raise TableError(f"{path.name} lacks {', '.join(missing)}; it holds {', '.join(file)}.")
            return {key: file[key] for key in _KEYS}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise TableError(f"{path.name} is no readable .npz file ({error}).") from error
