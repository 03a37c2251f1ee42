"""The shipped estimate: its table, the maps of its variants, and what its card says beyond that of other tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from iomodel.classifications.sector_maps import load_map
from iomodel.table import Table
from iomodel.updating.making import sources_of, table_of
from iomodel.updating.measures import embodied
from iomodel.updating.ranges import variant_maps
from iomodel.updating.recipe import load_recipe
from iomodel.updating.validation import STALE, Validation, mean_errors, partner_errors, validate

RECIPE = "world-2020"


@dataclass(frozen=True, eq=False)
class Shipped:
    """The estimate, the maps of all variants (the first is the estimate), the card's further entries, and the variants.

    home: the region around whose official table the estimate is made.
    """

    table: Table
    maps: xr.Dataset
    card: Mapping[str, Any]
    variants: Mapping[str, Table] = field(default_factory=dict[str, Table])
    home: str = "CHN"


def shipped_estimate(source: Path, tables: Mapping[str, Table]) -> Shipped:
    """The estimate of the shipped recipe from the raw files in `source`; `tables` stand for shipped ones by name."""
    sources = sources_of(load_recipe(RECIPE), source, tables)
    recipe = sources.recipe
    table = table_of(sources)
    others = {name: table_of(sources, name) for name in list(recipe.variants)[1:]}
    each = {next(iter(recipe.variants)): table, **others}
    titles = {name: str(one.get("title", name)) for name, one in recipe.variants.items()}
    found = validate(sources, ladder=False, kinds=(STALE,))
    card = {"controls": controls(each, recipe.home), **validated(found)}
    return Shipped(table, variant_maps(each, recipe.home, titles), card, each, recipe.home)


def controls(tables: Mapping[str, Table], home: str) -> dict[str, Any]:
    """What can be held against other sources, in percent with its range over the tables: [value, low, high].

    Foreign value added in the home region's final demand by use and partner, the home region's share of the world's
    manufacturing value added; besides the world's value added.
    """
    found = [embodied(table, home) for table in tables.values()]
    first = next(iter(tables.values()))
    partners = [region for region in first.regions if region != home]
    by_use = np.array([(100 * one.sel(region=partners).sum("region") / one.attrs["demand"]).values for one in found])
    by_partner = np.array(
        [(100 * one.sel(region=partners).sum("use") / float(one.attrs["demand"].sum())).values for one in found]
    )
    uses = [str(use) for use in found[0]["use"].values]
    made = [table.value_added.sum("factor") for table in tables.values()]
    works = load_map(str(first.attrs["classification"])).rows(first.sectors).broad == "manufacturing"
    by_region = [added.isel(to_sector=works).sum("to_sector") for added in made]
    share = np.array([[100 * float(one.sel(to_region=home) / one.sum())] for one in by_region])
    return {
        "share_of_world_manufacturing": _ranges([home], share),
        "foreign_value_added_by_use": _ranges(uses, by_use),
        "foreign_value_added_by_partner": _ranges(partners, by_partner),
        "world_value_added_million": round(float(made[0].sum())),
    }


def validated(found: Validation) -> dict[str, Any]:
    """Errors in percent: of the rehearsal and of the gaps with stale pairs, by use and partner, and in all by use.

    rehearsal (use, partner): (estimate − truth)/truth, one case; gaps (use, partner): mean absolute error.
    """
    uses = [str(use) for use in found.rehearsal["use"].values]
    partners = [str(partner) for partner in found.rehearsal["partner"].values]

    def by_partner(errors: xr.DataArray) -> dict[str, dict[str, float]]:
        rows = errors.transpose("use", "partner").values.round(1).tolist()
        return {use: dict(zip(partners, row, strict=True)) for use, row in zip(uses, rows, strict=True)}

    return {
        "rehearsal": by_partner(found.rehearsal["embodied_by_partner"]),
        "gaps": by_partner(partner_errors(found.gaps, STALE)),
        "validation": {
            "rehearsal_years": list(found.rehearsal_years),
            "rehearsal": dict(zip(uses, found.rehearsal["embodied"].values.round(1).tolist(), strict=True)),
            "gaps": dict(zip(uses, mean_errors(found.gaps, STALE).round(1).tolist(), strict=True)),
        },
    }


def _ranges(names: list[str], values: np.ndarray) -> dict[str, list[float]]:
    return {
        name: [round(float(column[0]), 3), round(float(column.min()), 3), round(float(column.max()), 3)]
        for name, column in zip(names, values.T, strict=True)
    }
