"""From a recipe and the folder of raw files to the start tables and pieces of an update."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from iomodel.aggregation import aggregate
from iomodel.cards import load_cards
from iomodel.classifications.concordance_files import load_concordance
from iomodel.errors import CardError, TableError, nearest
from iomodel.readers.baci import read_baci
from iomodel.readers.cells import read_grid
from iomodel.readers.wiod import read_wiod
from iomodel.readers.wiot_estimate import read_wiot_estimate
from iomodel.readers.world_bank import read_gdp, read_manufacturing
from iomodel.shipped import shipped_file, shipped_tables
from iomodel.table import Table, load_table
from iomodel.updating.between import between, on_table_basis
from iomodel.updating.pieces import OfficialBlock, Pairs, Piece, Totals
from iomodel.updating.recipe import Recipe
from iomodel.updating.truth import goods_pairs, value_added_by_region


@dataclass(frozen=True, eq=False)
class Inputs:
    """What a recipe needs, read: start tables with weights, pieces, accounts, persons employed."""

    starts: list[Table]
    weights: list[float]
    pieces: list[Piece]
    accounts: Table | None
    employment: dict[str, np.ndarray] | None


@dataclass(frozen=True, eq=False)
class Sources:
    """The raw files in `folder` and what `recipe` makes of them; each table is read once, `given` ones not at all.

    Raises TableError for a file that is missing or wrong, CardError for an entry that names what there is not.
    """

    recipe: Recipe
    folder: Path
    given: Mapping[str, Table]

    @cached_property
    def groups(self) -> dict[str, str]:
        """Country -> region."""
        return {country: region for country, region, _ in self._regions}

    @cached_property
    def region_names(self) -> dict[str, str]:
        """Region -> name."""
        return {region: name for _, region, name in self._regions}

    @cached_property
    def _regions(self) -> list[tuple[str, str, str]]:
        named = self.recipe.regions
        shipped = shipped_file("tables", "maps", f"{named}.csv")
        grid = read_grid(shipped if shipped.is_file() else self.recipe.folder / named)
        country, region, name = (grid.column(heading) for heading in ("country", "region", "name"))
        return [(row[country], row[region], row[name]) for row in grid.cells[1:]]

    @cached_property
    def tables(self) -> dict[str, Table]:
        """Tables in the recipe's sectors, read so far, by name: a cache that is filled as they are asked for."""
        return {name: self._settled(table) for name, table in self.given.items()}

    def start(self, entry: Mapping[str, Any]) -> Table:
        """The start table of an entry, in the recipe's regions and sectors."""
        if entry["read"] == "table":
            return self.table(self._key(entry, "table", "start"))
        file = self.folder / self._key(entry, "file", "start")
        share = entry.get("depreciation_share", load_cards("world-2011")["depreciation_share"])
        key = f"{entry['read']} {file}"
        if key not in self.tables:
            if entry["read"] == "wiod":
                table = aggregate(read_wiod(file, None, regions=self.groups), self.recipe.classification)
            else:
                table = read_wiot_estimate(
                    file,
                    regions=self.groups,
                    sectors=load_concordance(f"wiod56_to_{self.recipe.classification}"),
                    depreciation_share=share,
                    region_names=self.region_names,
                )
            self.tables[key] = table
        return self.tables[key]

    def table(self, name: str) -> Table:
        """A shipped table by name, or a NetCDF file beside the recipe, in the recipe's sectors."""
        if name not in self.tables:
            path = self.recipe.folder / name
            self.tables[name] = self._settled(load_table(name if name in shipped_tables() else path))
        return self.tables[name]

    def _settled(self, table: Table) -> Table:
        same = table.attrs["classification"] == self.recipe.classification
        return table if same else aggregate(table, self.recipe.classification)

    def named(self, name: str) -> Table:
        """A table that an entry refers to: a shipped one, or one of the starts by its table's name."""
        if name in self.tables or name in shipped_tables():
            return self.table(name)
        for entry in self.recipe.start:
            if (table := self.start(entry)).name == name:
                return table
        raise CardError(f"{self.recipe.name}: {name!r} is neither a shipped table nor one of the starts.")

    def inputs(self, recipe: Recipe) -> Inputs:
        """Everything that the recipe, or a variant of it, asks for."""
        official = [self._official(entry) for entry in recipe.official]
        starts = [self.start(entry) for entry in recipe.start]
        if recipe.home not in starts[0].regions:
            raise CardError(
                f"{recipe.name}: home is {recipe.home!r}; allowed: {', '.join(starts[0].regions)}."
                f"{nearest(recipe.home, starts[0].regions)}"
            )
        pieces: list[Piece] = [*official, *(self._totals(entry) for entry in recipe.totals)]
        pieces += [self._pairs(entry, official) for entry in recipe.pairs]
        accounts = None if recipe.accounts is None else self.table(recipe.accounts)
        return Inputs(
            starts,
            [float(entry.get("weight", 1.0)) for entry in recipe.start],
            pieces,
            accounts,
            self._employment(recipe, official),
        )

    def _employment(self, recipe: Recipe, official: list[OfficialBlock]) -> dict[str, np.ndarray] | None:
        known: dict[str, np.ndarray] = {}
        if recipe.employment is not None and (persons := self.table(recipe.employment).employment) is not None:
            known |= {str(region): persons.sel(region=region).values for region in persons["region"].values}
        for block in official:
            if (persons := block.block.employment) is not None:
                known |= {str(region): persons.sel(region=region).values for region in persons["region"].values}
        return known or None

    def _official(self, entry: Mapping[str, Any]) -> OfficialBlock:
        shares = entry.get("shares")
        return OfficialBlock(
            self.table(entry["table"]),
            per_unit=float(entry.get("per_unit", 1.0)),
            shares=None if shares is None else self.named(shares),
            seed=bool(entry.get("seed", False)),
        )

    def _totals(self, entry: Mapping[str, Any]) -> Totals:
        sectors = entry.get("sectors")
        values = self._series(entry, self.recipe.year)
        ratios: list[xr.DataArray] = []
        for name in entry.get("scaled_by", []):
            table = self.named(name)
            stated = self._series(entry, table.year)
            ratios.append(value_added_by_region(table, sectors).sel(region=stated["region"]) / stated)
        if ratios:
            mean: xr.DataArray = xr.concat(ratios, "table").mean("table")
            values = values * mean
        own = [] if entry["read"] == "csv" else [self.table(str(one["table"])).home for one in self.recipe.official]
        kept = [region for region in map(str, values["region"].values) if region not in own]
        return Totals(
            entry["measure"],
            values.sel(region=kept),
            year=self.recipe.year,
            unit=self.recipe.unit,
            sectors=sectors,
            tau=float(entry.get("tau", 0.0)),
            name=entry["name"],
        )

    def _series(self, entry: Mapping[str, Any], year: int) -> xr.DataArray:
        if entry["read"] == "csv":
            return _by_region(self.recipe.folder / self._key(entry, "file", "totals"))
        file = self.folder / self._key(entry, "file", "totals")
        if entry["read"] == "world_bank_manufacturing":
            return read_manufacturing(file, year=year, regions=self.groups)
        facts = self._facts(entry["facts"]) if "facts" in entry else {}
        missing = {key.split(".")[1]: value for key, value in facts.items() if re.fullmatch(rf"gdp\.\w+\.{year}", key)}
        return read_gdp(file, year=year, regions=self.groups, missing=missing)

    def _facts(self, name: str) -> dict[str, float]:
        shipped = shipped_file("tables", "facts", f"{name}.csv")
        path = shipped if shipped.is_file() else self.recipe.folder / name
        if not path.is_file():
            raise CardError(f"There are no facts {name!r}: no shipped file of this name and no file {path}.")
        grid = read_grid(path)
        keys = [row[grid.column("key")] for row in grid.cells[1:]]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise CardError(f"{path.name}: {', '.join(twice)} stands more than once; allowed: once.")
        values = grid.numbers(list(range(1, len(grid.cells))), [grid.column("value")])[:, 0]
        return dict(zip(keys, values.tolist(), strict=True))

    def _pairs(self, entry: Mapping[str, Any], official: list[OfficialBlock]) -> Pairs:
        sectors = entry.get("sectors")
        if entry["read"] == "csv":
            values = _by_pair(self.recipe.folder / self._key(entry, "file", "pairs"))
        elif entry["read"] == "facts":
            facts = self._facts(self._key(entry, "facts", "pairs"))
            values = on_table_basis(facts, self.recipe.year, list(self.region_names), official, sectors)
        else:
            facts = self._facts(entry["facts"]) if "facts" in entry else {}
            known = on_table_basis(facts, self.recipe.year, list(self.region_names), official, sectors)
            last = read_baci(
                self.folder / self._key(entry, "file", "pairs"),
                self.folder / self._key(entry, "countries", "pairs"),
                regions=self.groups,
            )
            first = goods_pairs(self.named(self._key(entry, "first", "pairs")), sectors)
            values = between(first, last, float(entry.get("weight", 1.0)), known, entry.get("leave_out", []),
                             official, sectors)  # fmt: skip
        return Pairs(
            values,
            year=self.recipe.year,
            unit=self.recipe.unit,
            sectors=sectors,
            tau=float(entry.get("tau", 0.1)),
            seed=bool(entry.get("seed", False)),
            name=entry["name"],
        )

    def _key(self, entry: Mapping[str, Any], key: str, section: str) -> str:
        if key not in entry:
            raise CardError(
                f"{self.recipe.name}, {section} {entry.get('name', '')}: read = {entry['read']!r} needs {key}."
            )
        return str(entry[key])


def _by_region(path: Path) -> xr.DataArray:
    grid = read_grid(path)
    regions = [row[grid.column("region")] for row in grid.cells[1:]]
    values = grid.numbers(list(range(1, len(grid.cells))), [grid.column("value")])[:, 0]
    return xr.DataArray(values, {"region": regions}, ["region"])


def _by_pair(path: Path) -> xr.DataArray:
    grid = read_grid(path)
    columns = grid.column("region"), grid.column("to_region")
    rows = grid.cells[1:]
    values = grid.numbers(list(range(1, len(grid.cells))), [grid.column("value")])[:, 0]
    order = list(dict.fromkeys(row[column] for row in rows for column in columns))
    matrix = np.full((len(order), len(order)), np.nan)
    for row, value in zip(rows, values, strict=True):
        place = order.index(row[columns[0]]), order.index(row[columns[1]])
        if np.isfinite(matrix[place]):
            raise TableError(
                f"{path.name}: the pair {row[columns[0]]} to {row[columns[1]]} stands twice; once is allowed."
            )
        matrix[place] = value
    return xr.DataArray(matrix, {"region": order, "to_region": order}, ["region", "to_region"])
