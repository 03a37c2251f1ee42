"""The estimate of a 2014 inter-country table in the classification of WIOD's 2016 release: 44 regions by 56 industries.

The file (NumPy's .npz) is no published table: domestic flows, imports by use and final demand are published figures,
the sellers of imported inputs and all intermediate trade of the rest of the world are fitted, with one share of each
seller in all uses of a product. Regions and industries are summed at once, since the whole table has 6 million cells.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from iomodel.classifications.concordance import Concordance, rows_for
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
    summed = _Sums.of(data, regions, sectors, rest, Path(path).name)
    flows, demand = summed.flows(data["Z"]), summed.demand(data["F"])
    output = flows.sum(axis=(2, 3)) + demand.sum(axis=(2, 3))
    labour, taxes, margins = (summed.by_industry(data[key]) for key in ("lab", "tls", "itm"))
    surplus = output - flows.sum(axis=(0, 1)) - labour - taxes - margins
    depreciation = depreciation_share * np.maximum(surplus, 0.0)
    return make_table(
        name=name,
        year=2014,
        unit="million USD",
        regions=summed.order,
        sectors=dict(sectors.target_names),
        categories=_CATEGORIES,
        factors=FACTORS,
        flows=flows,
        final_demand=demand,
        value_added=np.stack([labour, taxes + margins, depreciation, surplus - depreciation]),
        output=output,
        national=False,
        region_names=dict(region_names or {}),
        **_description(sectors.target, rest, summed.joined, depreciation_share),
    )


@dataclass(frozen=True, eq=False)
class _Sums:
    """How the file's countries and industries are summed: 0/1 and shares (country, region), (industry, sector)."""

    order: list[str]
    joined: list[str]
    by_region: np.ndarray
    by_sector: np.ndarray
    individual: np.ndarray

    @classmethod
    def of(
        cls, data: Mapping[str, np.ndarray], regions: Mapping[str, str], sectors: Concordance, rest: str, file: str
    ) -> _Sums:
        """The sums into `regions`, all other countries into `rest`, and into the targets of `sectors`."""
        countries = [_OWN_NAMES.get(str(country), str(country)) for country in data["countries"]]
        industries = [str(place) for place in range(1, len(data["industries"]) + 1)]
        groups = {country: regions.get(country, rest) for country in countries}
        order = [region for region in dict.fromkeys(regions.values()) if region in groups.values()]
        member = np.array([[groups[country] == region for region in order] for country in countries], dtype=float)
        return cls(
            order,
            sorted(set(countries) - set(regions)),
            member,
            rows_for(sectors, industries, f"the industries of {file}"),
            np.isin(industries, _INDIVIDUAL),
        )

    def flows(self, values: np.ndarray) -> np.ndarray:
        """(region, sector, region, sector) of flows between all industries of all countries."""
        countries, industries = len(self.by_region), len(self.by_sector)
        whole = values.astype(float).reshape(countries, industries, countries, industries)
        whole = np.einsum("risj,ra,sb->aibj", whole, self.by_region, self.by_region, optimize=True)
        return np.einsum("aibj,ic,jd->acbd", whole, self.by_sector, self.by_sector, optimize=True)

    def demand(self, values: np.ndarray) -> np.ndarray:
        """(region, sector, region, category), government by what its products are."""
        countries, industries = len(self.by_region), len(self.by_sector)
        whole = values.reshape(countries, industries, countries, -1)
        whole = np.einsum("risf,ra,sb->aibf", whole, self.by_region, self.by_region, optimize=True)
        household, non_profit, government, capital, stocks = np.moveaxis(whole, -1, 0)
        individual = self.individual[None, :, None]
        parts = [household, non_profit, government * individual, government * ~individual, capital, stocks]
        return np.einsum("aibf,ic->acbf", np.stack(parts, axis=-1), self.by_sector, optimize=True)

    def by_industry(self, values: np.ndarray) -> np.ndarray:
        """(region, sector) of amounts by country and industry; nothing where the file has none."""
        return self.by_region.T @ np.nan_to_num(values) @ self.by_sector


def _description(classification: str, rest: str, joined: list[str], depreciation_share: float) -> dict[str, Any]:
    return {
        "currency": "USD",
        "price_basis": "current basic prices",
        "classification": classification,
        "source": "estimate of a 2014 inter-country table, from published national figures of WIOD, release 2016",
        "licence": "CC BY 4.0 for the figures of WIOD; the split of imports over sellers is fitted, not published",
        "edition": "estimate",
        "estimate": True,
        "history": [
            f"joined to {rest}: {', '.join(joined)}",
            "one share of each seller in all uses of an imported product (fitted); output rebuilt as the row sum",
            (
                "compensation = labour compensation, self-employed included; production taxes = taxes less subsidies on"
                f" products and margins; depreciation = {depreciation_share:g} of the rest where positive (assumed)"
            ),
        ],
    }


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
