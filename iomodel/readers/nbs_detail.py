"""The detailed tables of the National Bureau of Statistics of China, their one column of imports split over the uses.

The detailed table has the total of every purchase and the imports of every product. The 42-sector table of the same
year has domestic and imported flows apart, and its sectors are sums of whole products. So the imports of each product
are known, the imports of each use are known by sector, and no use imports more than it buys: the odds of being imported
are taken to be a factor of the product times a factor of the use, the one such split that meets all of these sums.
Summed into the 42 sectors the table is theirs in every flow.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from iomodel.classifications.nesting import DETAILED, nesting
from iomodel.errors import TableError
from iomodel.readers.cells import Grid, read_grid
from iomodel.readers.nbs import CATEGORIES, FACTOR_ROWS, INDIVIDUAL, PER_MILLION, Official, official, year_of
from iomodel.table import Table, make_table

Array = npt.NDArray[np.float64]

_YUAN = 6
"""Decimals of a million yuan to which imports are rounded, so that the split does not depend on the machine."""
_ROUNDING = 1e-8
"""Share of the imports by which sums of a source may be apart; a split at the edge of what is bought ends there."""
_CONSUMPTION, _CAPITAL, _STOCKS, _EXPORTS = range(4)


@dataclass(frozen=True, eq=False)
class Detail:
    """The detailed table in 10,000 yuan: flows (product, buying product), final (product, use), by product the rest.

    The uses are consumption, fixed capital, inventories, exports. government: its share of consumption. parent: place
    of the sector that a product belongs to.
    """

    codes: tuple[str, ...]
    parent: npt.NDArray[np.intp]
    flows: Array
    final: Array
    government: Array
    imports: Array
    output: Array
    added: Array


def read_nbs_detail(path: str | Path, detail: str | Path, *, name: str | None = None, year: int | None = None) -> Table:
    """The detailed official table at `detail`, imports split with the help of the 42-sector table at `path`.

    Returns a national `Table` of CHN, 153 products, million CNY, current producers' prices; household is rural and
    urban together. Raises TableError for a missing row, column or number, or tables that do not nest. Source: National
    Bureau of Statistics of China; the split after Deming and Stephan (1940).
    """
    table, fine = read_grid(path), read_grid(detail)
    year = year_of(fine) if year is None else year
    coarse = official(table)
    read = _read(fine, coarse.codes)
    _check_nesting(read, coarse, fine.source, table.source)
    flows, final = imported(read, coarse)
    individual = np.isin([coarse.codes[place] for place in read.parent], INDIVIDUAL)
    shares = np.stack([1 - read.government, read.government * individual, read.government * ~individual], axis=1)

    def split(uses: Array) -> Array:
        return np.concatenate([uses[:, :1] * shares, uses[:, 1:]], axis=1) / PER_MILLION

    bought = read.flows / PER_MILLION
    abroad = np.minimum(np.round(flows / PER_MILLION, _YUAN), bought)
    used, used_abroad = split(read.final), np.round(split(final), _YUAN)
    return make_table(
        name=name or f"china-{year}-{len(read.codes)}",
        year=year,
        unit="million CNY",
        regions=["CHN"],
        sectors=_column(fine, read.codes, "Description"),
        categories=CATEGORIES,
        factors=tuple(FACTOR_ROWS),
        flows=np.stack([bought - abroad, abroad])[:, :, None, :],
        final_demand=np.stack([used - used_abroad, used_abroad])[:, :, None, :],
        value_added=read.added[:, None, :] / PER_MILLION,
        output=read.output[None, :] / PER_MILLION,
        national=True,
        **_description(fine, read.codes, year),
    )


def _read(fine: Grid, sectors: tuple[str, ...]) -> Detail:
    parents = {code: parent for code, parent in nesting(DETAILED).items() if parent in sectors}
    codes = tuple(parents)
    rows, columns = [fine.row(Code=code) for code in codes], [fine.column(code) for code in codes]
    uses = ("TC", "FU201", "FU202", "EX", "FU103", "IM", "GO")
    known = fine.numbers(rows, [fine.column(use) for use in uses])
    government = np.divide(known[:, 4], known[:, 0], out=np.zeros(len(codes)), where=known[:, 0] != 0)
    added = fine.numbers([fine.row(Code=code) for code in FACTOR_ROWS.values()], columns)
    parent = np.array([sectors.index(parent) for parent in parents.values()], dtype=np.intp)
    flows = fine.numbers(rows, columns)
    return Detail(codes, parent, flows, known[:, :4], government, known[:, 5], known[:, 6], added)


def _sums(values: Array, parent: npt.NDArray[np.intp], axis: int = 0) -> Array:
    """`values` summed over the products of each sector along `axis`."""
    moved = np.moveaxis(values, axis, 0)
    summed = np.zeros((int(parent.max()) + 1, *moved.shape[1:]))
    np.add.at(summed, parent, moved)
    return np.moveaxis(summed, 0, axis)


def _check_nesting(read: Detail, coarse: Official, fine: str, table: str) -> None:
    """TableError unless purchases, output and value added sum to those of the 42 sectors, imports to theirs."""
    parent = read.parent
    whole = coarse.flows.sum(axis=0), coarse.final.sum(axis=0)
    imports = coarse.flows[1].sum(axis=1) + coarse.final[1].sum(axis=1)
    for what, found, stated in (
        ("intermediate purchases", _sums(_sums(read.flows, parent), parent, axis=1), whole[0]),
        ("final purchases", _sums(read.final, parent), whole[1]),
        ("imports", _sums(read.imports, parent), imports),
        ("output", _sums(read.output, parent), coarse.output),
        ("value added", _sums(read.added, parent, axis=1).T, coarse.added.T),
    ):
        missed = np.abs(found - stated) > 1e-6 * np.maximum(np.abs(stated), 1e-6 * np.abs(stated).sum())
        if missed.any():
            place = tuple(np.argwhere(missed)[0])
            raise TableError(
                f"{fine} does not nest in {table}: {what} of product {coarse.codes[place[0]]} are {found[place]:.6g} "
                f"there and {stated[place]:.6g} here; both must be of the same year and edition."
            )


def imported(read: Detail, coarse: Official) -> tuple[Array, Array]:
    """Imports in each flow and in each final use, sector by sector, in the units of the two tables.

    What a sector imports into stocks is spread by the products' imports. In its other uses (each buying sector,
    consumption, fixed capital, re-exports) see `odds_split`. Inside a buying sector all products import alike.
    """
    sectors = len(coarse.codes)
    flows, final = np.zeros_like(read.flows), np.zeros_like(read.final)
    others = np.array([_CONSUMPTION, _CAPITAL, _EXPORTS])
    blocks = _sums(read.flows, read.parent, axis=1)
    for place, code in enumerate(coarse.codes):
        members = np.flatnonzero(read.parent == place)
        imports = read.imports[members]
        stocks = coarse.final[1, place, _STOCKS]
        spread = stocks * imports / (imports.sum() or 1.0)
        use = np.concatenate([blocks[members], read.final[np.ix_(members, others)]], axis=1)
        wanted = np.concatenate([coarse.flows[1, place], coarse.final[1, place, others]])
        try:
            split = odds_split(use, imports - spread, wanted)
        except ValueError as error:
            raise TableError(f"The imports of sector {code} cannot be split over its products: {error}.") from error
        share = np.divide(split, use, out=np.zeros_like(use), where=use > 0)
        flows[members] = read.flows[members] * share[:, :sectors][:, read.parent]
        final[members, _STOCKS] = spread
        final[np.ix_(members, others)] = split[:, sectors:]
    return flows, final


def odds_split(use: Array, by_product: Array, by_use: Array) -> Array:
    """Imports m_iu = T_iu / (1 + exp(−a_i − b_u)) in the uses T_iu with Σ_u m_iu and Σ_i m_iu as given.

    Newton's method on the convex function Σ T ln(1 + exp(a + b)) − Σ a p − Σ b q, whose gradient is what the sums
    miss; the two totals may differ by rounding. ValueError where no a and b meet the sums. The limit of iterative
    proportional fitting of imported and domestic together: Deming and Stephan (1940), Annals of Mathematical
    Statistics 11.

    >>> odds_split(np.array([[4.0, 4.0], [4.0, 4.0]]), np.array([2.0, 2.0]), np.array([2.0, 2.0])).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    total, split = float(by_product.sum()), np.zeros_like(use)
    rows, columns = by_product > 0, by_use > 0
    if not (rows.any() or columns.any()):
        return split
    part, p, q = use[np.ix_(rows, columns)] / total, by_product[rows] / total, by_use[columns] / by_use.sum()
    held = part.sum(axis=0)
    if (q > held * (1 + _ROUNDING)).any() or (p > part.sum(axis=1) * (1 + _ROUNDING)).any():
        raise ValueError("a product or a use would import more than it is bought")
    start = np.clip(np.divide(q, held, out=np.zeros_like(q), where=held > 0), 1e-9, 1 - 1e-9)
    z = np.concatenate([np.zeros(p.size), np.log(start / (1 - start))])
    for remaining in reversed(range(100)):
        share = 1 / (1 + np.exp(-np.add.outer(z[: p.size], z[p.size :])))
        missed = np.concatenate([(part * share).sum(axis=1) - p, (part * share).sum(axis=0) - q])
        if np.abs(missed).max() < (1e-12 if remaining else _ROUNDING):
            split[np.ix_(rows, columns)] = part * share * total
            return split
        bend = part * share * (1 - share)
        curvature = np.block([[np.diag(bend.sum(axis=1)), bend], [bend.T, np.diag(bend.sum(axis=0))]])
        step: Array = -np.linalg.lstsq(curvature, missed, rcond=None)[0].astype(float)
        z = _stepped(z, step, missed, part, p, q)
    raise ValueError("no odds by product and by use meet the sums")


def _stepped(z: Array, step: Array, slope: Array, part: Array, p: Array, q: Array) -> Array:
    """Newton's step, halved until the function falls enough."""

    def value(at: Array) -> float:
        odds = np.add.outer(at[: p.size], at[p.size :])
        return float((part * np.logaddexp(0.0, odds)).sum() - p @ at[: p.size] - q @ at[p.size :])

    before, size = value(z), 1.0
    while size > 1e-6 and value(z + size * step) > before + 1e-4 * size * float(slope @ step) + 1e-15:
        size /= 2
    return z + size * step


def _column(fine: Grid, codes: tuple[str, ...], heading: str) -> dict[str, str]:
    column = fine.column(heading)
    return {code: fine.cells[fine.row(Code=code)][column] for code in codes}


def _description(fine: Grid, codes: tuple[str, ...], year: int) -> dict[str, Any]:
    return {
        "currency": "CNY",
        "price_basis": "current producers' prices, imports c.i.f. plus duty",
        "source": f"National Bureau of Statistics of China, input-output table {year}, {len(codes)} products",
        "licence": "quotation permitted with the National Bureau of Statistics of China named as source, undistorted",
        "edition": "total flows and imports by product; imports split over uses with the 42-sector table of the year",
        "classification": f"nbs{len(codes)}",
        "region_names": {"CHN": "China", "IMPORTS": "rest of the world, as seller"},
        "sector_names_local": _column(fine, codes, "DescriptionInChinese"),
        "history": [
            "10,000 yuan divided by 100: million yuan",
            (
                "imports of a product split over its uses so that they meet its column of imports and, summed into the"
                " 42 sectors, the imported flows of the 42-sector table: odds of being imported are a factor of the"
                " product times a factor of the use (buying sector of the 42, consumption, fixed capital, re-exports);"
                " imports into stocks are spread by the products' imports; alike inside each use; whole yuan"
            ),
            (
                "household is rural and urban together; government individual: products 144, 145, 146 (education;"
                " health care; social work); a product's consumption has one import share for all who consume"
            ),
            "re-exports stay as IMPORTS x exports; no product taxes on final users in the source: zeros",
        ],
    }
