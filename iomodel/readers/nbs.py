"""The 42-sector tables of the National Bureau of Statistics of China with domestic and imported flows apart.

The 42-sector table merges households and government in one column (TC); the detailed table of the same year, whose 153
products nest exactly in the 42, has them apart. Its shares by product split the column, for domestic and imported
purchases alike. Government purchases of education, health and social work are individual consumption, all others
collective.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from iomodel.classifications.nesting import DETAILED, nesting
from iomodel.errors import TableError
from iomodel.readers.cells import Grid, read_grid
from iomodel.table import Table, make_table

FACTOR_ROWS = {
    "compensation": "VA001",
    "production_taxes": "VA002",
    "depreciation": "VA003",
    "operating_surplus": "VA004",
}
"""Factor of value added -> code of its row in the source."""
CATEGORIES = (
    "household",
    "government_individual",
    "government_collective",
    "fixed_capital",
    "inventories",
    "exports",
)
USES = ("TC", "FU201", "FU202", "EX")
"""Columns of final use: consumption of households and government, fixed capital, inventories, exports."""
INDIVIDUAL = ("39", "40")
"""Education; health care and social work: the 42-sector products of individual government consumption."""
PER_MILLION = 100.0
"""The source counts in 10,000 yuan; the table in million yuan."""


@dataclass(frozen=True, eq=False)
class Official:
    """The numbers of a table with domestic and imported flows apart, in 10,000 yuan, first axis the origin of the two.

    flows: (origin, product, buying product). final: (origin, product, use of `USES`). output: by product. added:
    (factor, product).
    """

    codes: tuple[str, ...]
    flows: np.ndarray
    final: np.ndarray
    output: np.ndarray
    added: np.ndarray


def read_nbs(path: str | Path, detail: str | Path, *, name: str | None = None, year: int | None = None) -> Table:
    """The official Chinese table at `path`, its final consumption split by the detailed table at `detail`.

    Returns a national `Table` of CHN, 42 sectors, million CNY, current producers' prices. The year is taken from the
    file's name (china_YYYY_42.csv) unless given. Raises TableError for a missing row, column or number, a detailed
    table that does not nest, or flows that miss balance. Source: National Bureau of Statistics of China.
    """
    table, fine = read_grid(path), read_grid(detail)
    year = year_of(table) if year is None else year
    read = official(table)
    codes, final = list(read.codes), read.final
    government = _government_share(fine, codes, final[:, :, 0].sum(axis=0), table.source)
    individual = np.array([code in INDIVIDUAL for code in codes])
    consumption = final[:, :, 0]
    shares = (1 - government, government * individual, government * ~individual)
    split = np.stack([*(consumption * share for share in shares), *(final[:, :, place] for place in (1, 2, 3))], axis=2)
    return make_table(
        name=name or f"china-{year}",
        year=year,
        unit="million CNY",
        regions=["CHN"],
        sectors=_column(table, codes, "Description"),
        categories=CATEGORIES,
        factors=tuple(FACTOR_ROWS),
        flows=read.flows[:, :, None, :] / PER_MILLION,
        final_demand=split[:, :, None, :] / PER_MILLION,
        value_added=read.added[:, None, :] / PER_MILLION,
        output=read.output[None, :] / PER_MILLION,
        national=True,
        **_description(table, codes, year),
    )


def official(table: Grid) -> Official:
    """The numbers of a table with domestic and imported flows apart; TableError for one that is missing or wrong."""
    codes = [table.cells[row][table.column("Code")] for row in table.rows(Origin="Domestic")]
    sectors = [table.column(code) for code in codes]
    uses = [table.column(code) for code in USES]
    sellers = [[table.row(Code=code, Origin=origin) for code in codes] for origin in ("Domestic", "Imports")]
    flows = np.stack([table.numbers(rows, sectors) for rows in sellers])
    final = np.stack([table.numbers(rows, uses) for rows in sellers])
    output, imported = (table.numbers(rows, [table.column("GO")])[:, 0] for rows in sellers)
    _check_imports(table, flows[1].sum(axis=1) + final[1].sum(axis=1), imported)
    added = table.numbers([table.row(Code=code) for code in FACTOR_ROWS.values()], sectors)
    return Official(tuple(codes), flows, final, output, added)


def _description(table: Grid, codes: list[str], year: int) -> dict[str, Any]:
    return {
        "currency": "CNY",
        "price_basis": "current producers' prices, imports c.i.f. plus duty",
        "source": f"National Bureau of Statistics of China, input-output table {year}, {len(codes)} sectors",
        "licence": "quotation permitted with the National Bureau of Statistics of China named as source, undistorted",
        "edition": "domestic and imported flows apart; final consumption split with the detailed table of the year",
        "classification": f"nbs{len(codes)}",
        "region_names": {"CHN": "China", "IMPORTS": "rest of the world, as seller"},
        "sector_names_local": _column(table, codes, "DescriptionInChinese"),
        "history": [
            "10,000 yuan divided by 100: million yuan",
            (
                "final consumption (TC) split into household, government individual and government collective with the"
                " shares of the 153-product table of the same year, by product, domestic and imported alike"
            ),
            f"government individual: products {', '.join(INDIVIDUAL)} (education; health care and social work)",
            "re-exports stay as IMPORTS x exports; no product taxes on final users in the source: zeros",
        ],
    }


def year_of(table: Grid) -> int:
    """The year in the name of a publisher's file; TableError where there is none."""
    found = re.search(r"(?<!\d)(19|20)\d\d(?!\d)", table.source)
    if found is None:
        raise TableError(f"{table.source}: the year is absent from the file's name; pass year=.")
    return int(found.group())


def _column(table: Grid, codes: list[str], heading: str) -> dict[str, str]:
    column = table.column(heading)
    return {code: table.cells[table.row(Code=code, Origin="Domestic")][column] for code in codes}


def _check_imports(table: Grid, used: np.ndarray, stated: np.ndarray) -> None:
    miss = np.abs(used - stated)
    if (miss > 1e-6 * np.maximum(stated, 1e-6 * stated.sum())).any():
        worst = int(miss.argmax())
        raise TableError(
            f"{table.source}: the row of imported product {worst + 1} sums to {used[worst]:.6g} but GO says"
            f" {stated[worst]:.6g}; they must be equal. Check the row against the source."
        )


def _government_share(fine: Grid, codes: list[str], consumption: np.ndarray, source: str) -> np.ndarray:
    """Government's share of final consumption by 42-sector product, from the detailed table."""
    parents = {code: parent for code, parent in nesting(DETAILED).items() if parent in codes}
    rows = [fine.row(Code=code) for code in parents]
    columns = [fine.column("THC"), fine.column("FU103")]
    sums = np.zeros((len(codes), 2))
    for parent, values in zip(parents.values(), fine.numbers(rows, columns), strict=True):
        sums[codes.index(parent)] += values
    total = sums.sum(axis=1)
    apart = np.abs(total - consumption)
    if (apart > 1e-6 * np.maximum(consumption, 1e-6 * consumption.sum())).any():
        worst = int(apart.argmax())
        raise TableError(
            f"{fine.source} does not nest in {source}: final consumption of product {codes[worst]} is"
            f" {total[worst]:.6g} there and {consumption[worst]:.6g} here; both must be of the same year and edition."
        )
    return np.divide(sums[:, 1], total, out=np.zeros(len(codes)), where=total != 0)
