"""Older detailed tables of the National Bureau of Statistics of China: one column of imports, one of errors.

Domestic and imported purchases are not told apart there. The imports of a product are spread over what is bought of it
at home, inputs, consumption and fixed capital alike in proportion; exports and inventories are taken to be domestic.
The column of errors belongs to the balance of rows and is put with inventories. Products are summed at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from iomodel.classifications.concordance import Concordance, rows_for
from iomodel.errors import TableError
from iomodel.readers.cells import read_grid
from iomodel.readers.nbs import CATEGORIES, FACTOR_ROWS, PER_MILLION, year_of
from iomodel.table import Table, make_table

_USES = ("THC", "FU103", "FU201", "FU202", "EX", "IM", "ERR", "GO")
INDIVIDUAL = ("EDU", "HEA")
"""Education; health and social work of the 28 sectors: the products of individual government consumption."""


def read_nbs_merged(
    path: str | Path, sectors: Concordance, *, name: str | None = None, year: int | None = None
) -> Table:
    """The official table at `path` summed into the targets of `sectors`, million CNY, producers' prices.

    The products that `sectors` leads to EDU and HEA are the individual consumption of government. Raises TableError for
    a missing row, column or number, and for a product of which more is imported than bought at home.
    """
    grid = read_grid(path)
    year = year_of(grid) if year is None else year
    codes = sectors.sectors
    rows, columns = [grid.row(Code=code) for code in codes], [grid.column(code) for code in codes]
    flows = grid.numbers(rows, columns) / PER_MILLION
    household, government, capital, stocks, exports, imports, errors, output = (
        grid.numbers(rows, [grid.column(use) for use in _USES]).T / PER_MILLION
    )
    added = grid.numbers([grid.row(Code=code) for code in FACTOR_ROWS.values()], columns) / PER_MILLION
    share = _imported_share(flows.sum(axis=1) + household + government + capital, imports, codes, grid.source)
    weights = rows_for(sectors, codes, f"the products of {grid.source}")
    individual = weights @ np.isin(sectors.targets, INDIVIDUAL)
    uses = np.stack([household, government * individual, government * (1 - individual), capital], axis=1)
    kept = np.stack([stocks + errors, exports], axis=1)
    final = [np.concatenate([uses * (1 - share)[:, None], kept], axis=1)]
    final.append(np.concatenate([uses * share[:, None], np.zeros_like(kept)], axis=1))
    parts = [flows * (1 - share)[:, None], flows * share[:, None]]
    return make_table(
        name=name or f"china-{year}-{len(sectors.targets)}",
        year=year,
        unit="million CNY",
        regions=["CHN"],
        sectors=dict(sectors.target_names),
        categories=CATEGORIES,
        factors=tuple(FACTOR_ROWS),
        flows=np.stack([weights.T @ part @ weights for part in parts])[:, :, None, :],
        final_demand=np.stack([weights.T @ part for part in final])[:, :, None, :],
        value_added=(added @ weights)[:, None, :],
        output=(output @ weights)[None, :],
        national=True,
        **_description(sectors.target, len(codes), year),
    )


def _imported_share(bought: np.ndarray, imports: np.ndarray, codes: list[str], source: str) -> np.ndarray:
    """Imports of each product over what is bought of it at home."""
    share = np.divide(imports, bought, out=np.zeros_like(imports), where=bought > 0)
    if (bad := (share > 1) | ((bought <= 0) & (imports > 0))).any():
        place = int(bad.argmax())
        raise TableError(
            f"{source}: product {codes[place]} is imported for {imports[place]:,.6g} million and bought at home "
            f"for {bought[place]:,.6g}; imports need to be less. Check the column IM."
        )
    return share


def _description(classification: str, products: int, year: int) -> dict[str, Any]:
    return {
        "currency": "CNY",
        "price_basis": "current producers' prices, imports c.i.f. plus duty",
        "classification": classification,
        "source": f"National Bureau of Statistics of China, input-output table {year}, {products} products",
        "licence": "quotation permitted with the National Bureau of Statistics of China named as source, undistorted",
        "edition": "total flows, one column of imports and one of errors",
        "history": [
            "10,000 yuan divided by 100: million yuan",
            "imports of a product spread over inputs, consumption and fixed capital in proportion",
            "errors of the rows put with inventories",
            f"products summed into {classification}",
        ],
    }
