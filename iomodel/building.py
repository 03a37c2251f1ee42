"""The command that makes every shipped table from a folder of publishers' files.

Running it again gives the same content, which the hash on each table's card shows. What is split, aggregated or assumed
is written on the card beside the table.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import xarray as xr

from iomodel.aggregation import aggregate, with_employment
from iomodel.calibration.jobs import jobs_by_sector
from iomodel.cards import load_cards
from iomodel.classifications.concordance import Concordance
from iomodel.classifications.concordance_files import concordance_text, load_concordance
from iomodel.classifications.nesting import DETAILED, detailed_map
from iomodel.classifications.sector_maps import load_map
from iomodel.errors import TableError
from iomodel.facts import fact_files
from iomodel.files import write_text, write_whole
from iomodel.readers.cells import read_grid
from iomodel.readers.nbs import read_nbs
from iomodel.readers.nbs_detail import read_nbs_detail
from iomodel.readers.us_imports import read_imports, weighted_by_imports
from iomodel.readers.wiod import read_wiod
from iomodel.readers.world28 import WORLD, read_world28
from iomodel.shipped import shipped_file
from iomodel.spillover.responses import with_responses
from iomodel.summed_map import summed_map
from iomodel.table import Table, save_table
from iomodel.toml_text import toml_value
from iomodel.updating.ranges import save_variants
from iomodel.updating.shipping import Shipped, shipped_estimate

COMMAND = "make tables SOURCE=<folder of the publishers' files>"
GOODS = ("hs2", "naics3")
"""Classifications of goods whose concordances take their weights from imports."""


def build_tables(source: str | Path, out: str | Path) -> dict[str, Path]:
    """Make the shipped tables, their cards, facts, concordances and the map of the products; files by name.

    They come from `source` and go into `out`.

    All sources are read and every file is made before the first is written, each whole or not at all: a source that is
    missing or wrong leaves `out` as it was. Raises TableError when a file is missing or not what its publisher made,
    ResultError when `out` cannot be written.
    """
    source, out = Path(source), Path(out)
    if not source.is_dir():
        raise TableError(f"There is no folder {source}. Give the folder that holds china_nbs/ and wiod2013/.")
    china, detail = build_china(source), build_china_detail(source)
    concordances = build_concordances(source, china, detail)
    tables = [china, detail, build_china_world_sectors(detail, concordances), build_world(source)]
    estimate = shipped_estimate(source, {table.name: table for table in tables})
    tables.append(estimate.table)
    maps = _maps_of(estimate)
    facts, products = fact_files(source), detailed_map()
    world_sectors = summed_map(load_map(DETAILED), detail, concordances[f"{DETAILED}_to_{WORLD}"])
    made: dict[str, Path] = {}
    with TemporaryDirectory() as folder:
        ready = {table.name: _saved(table, Path(folder)) for table in tables}
        cards = {table.name: card_text(table, ready[table.name].stat().st_size) for table in tables}
        cards[estimate.table.name] += further_text(estimate.card)
        for name, file in ready.items():
            made[name] = write_whole(out / file.name, partial(_copy, file))
            made[f"{name} card"] = write_text(out / f"{name}.toml", cards[name])
    variants = out / "variants" / f"{estimate.table.name}.nc"
    made[f"{estimate.table.name} variants"] = save_variants(maps, variants)
    for name, text in facts.items():
        made[Path(name).stem] = write_text(out / "facts" / name, text)
    for name, concordance in concordances.items():
        made[name] = write_text(out / "concordances" / f"{name}.csv", concordance_text(concordance))
    made[f"{WORLD} map"] = write_text(out / "maps" / f"{WORLD}.csv", world_sectors)
    made[f"{DETAILED} map"] = write_text(out / "maps" / f"{DETAILED}.csv", products)
    return made


def _maps_of(estimate: Shipped) -> xr.Dataset:
    """The maps of the estimate's variants, with those that give a path its range."""
    if not estimate.variants:
        return estimate.maps
    return with_responses(estimate.maps, estimate.variants, estimate.home, load_cards(estimate.table.name))


def build_china(source: Path) -> Table:
    """`china-2020`: the official 42-sector table of 2020, consumption split with the 153-product table."""
    folder = source / "china_nbs"
    return read_nbs(folder / "china_2020_42.csv", folder / "china_2020_153.csv", name="china-2020", year=2020)


def build_china_detail(source: Path) -> Table:
    """`china-2020-153`: the official table of 2020 by 153 products, imports split with the 42-sector table."""
    folder = source / "china_nbs"
    return read_nbs_detail(
        folder / "china_2020_42.csv", folder / "china_2020_153.csv", name="china-2020-153", year=2020
    )


def build_concordances(source: Path, china: Table, detail: Table) -> dict[str, Concordance]:
    """The concordances to the 28 sectors by name: from the project's list in `source`, and of goods by imports."""
    output = dict(zip(detail.sectors, detail.output.values[0].tolist(), strict=True))
    listed = read_world28(source / "concordances" / "world28.csv", output, china.sector_names)
    imports = read_imports(source / "us_tariffs_2025" / "us_imports_2024_hs6_by_partner.parquet")
    goods = [weighted_by_imports(load_concordance(f"{name}_to_{WORLD}"), imports) for name in GOODS]
    return listed | {concordance.title: concordance for concordance in goods}


def build_china_world_sectors(detail: Table, concordances: dict[str, Concordance]) -> Table:
    """`china-2020-28`: the table of 153 products at the 28 sectors that world tables share, 8 of the 42 split by it.

    Its employment is that of the products, summed, in whole persons.
    """
    products = load_map(DETAILED).rows(detail.sectors)
    paid = detail.value_added.sel(factor="compensation", to_region=detail.home).values
    persons = np.round(1e6 * jobs_by_sector(detail, detail.home, products, paid))
    small = aggregate(detail, concordances[f"{DETAILED}_to_{WORLD}"], name="china-2020-28")
    place = {sector: row for row, sector in enumerate(small.sectors)}
    employed = np.zeros(len(place))
    for product, count in zip(detail.sectors, persons, strict=True):
        employed[place[concordances[f"{DETAILED}_to_{WORLD}"].mapping[product]]] += count
    said = (
        "employment: persons of 2018 by sector of the 42, inside agriculture, industry with construction and services"
        " scaled to 2020, spread over products by compensation and summed: National Bureau of Statistics of China"
    )
    return with_employment(small, {detail.home: employed / 1000.0}, said)


def build_world(source: Path) -> Table:
    """`world-2011`: WIOD 2011 summed into the regions of `tables/maps/wiod_regions.csv`."""
    regions = read_grid(shipped_file("tables", "maps", "wiod_regions.csv")).cells[1:]
    return read_wiod(
        source / "wiod2013" / "wiod11.rda",
        source / "wiod2013_sea" / "wiod_sea_2013release.csv.gz",
        regions={country: region for country, region, _ in regions},
        region_names={region: name for _, region, name in regions},
        depreciation_share=load_cards("world-2011")["depreciation_share"],
        name="world-2011",
    )


def _saved(table: Table, folder: Path) -> Path:
    return save_table(table, folder / f"{table.name}.nc", estimate_ok=True)


def _copy(file: Path, part: Path) -> None:
    shutil.copyfile(file, part)


def card_text(table: Table, size: int) -> str:
    """The card of a shipped table as TOML: where it is from, what it holds and how it was made."""
    described = table.attrs
    employed = [] if table.employment is None else [str(region) for region in table.employment["region"].values]
    plain = ("source", "licence", "edition", "year", "unit", "currency", "price_basis", "classification")
    lines = [f"name = {toml_value(table.name)}"]
    lines += [f"{key} = {toml_value(described[key])}" for key in plain]
    lines += [
        *(["estimate = true"] if table.is_estimate else []),
        f"national = {toml_value(table.is_national)}",
        f"regions = {toml_value(table.regions)}",
        f"sectors = {len(table.sectors)}",
        f"categories = {toml_value(table.categories)}",
        f"factors = {toml_value(table.factors)}",
        f"employment = {toml_value(employed)}",
        f"command = {toml_value(COMMAND)}",
        f"sha256 = {toml_value(table.sha256)}",
        f"bytes = {size}",
        "made = [",
        *(f"    {toml_value(step)}," for step in described["history"]),
        "]",
        "",
        "[sector_names]",
        *(f"{toml_value(code)} = {toml_value(name)}" for code, name in table.sector_names.items()),
    ]
    return "\n".join(lines) + "\n"


def further_text(entries: Mapping[str, Any], above: str = "") -> str:
    """Entries of an estimate's card beyond those of `card_text`, as TOML: tables of numbers, texts and lists."""
    plain = [
        f"{toml_value(key)} = {toml_value(value)}" for key, value in entries.items() if not isinstance(value, Mapping)
    ]
    text = "\n".join([f"\n[{above}]", *plain]) + "\n" if above and plain else ""
    for key, value in entries.items():
        if isinstance(value, Mapping):
            text += further_text(value, f"{above}.{key}" if above else key)
    return text
