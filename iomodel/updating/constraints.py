"""The linear constraints that pieces put on the cells of a draft: A t = b, with a softness and a name for each row.

Hard always: what an official region imports of each product for each use, its exports by product, and row sum = column
sum of every other region and sector. Totals and pairs are as hard as they say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
import xarray as xr

from iomodel.labels import positions
from iomodel.updating.cells import Array, Cells, Places
from iomodel.updating.pieces import Pairs, Totals
from iomodel.updating.starting import sector_places, wanted_pairs


@dataclass(frozen=True, eq=False)
class Row:
    """One constraint: Σ sign · cell over `places` = target."""

    name: str
    places: Places
    signs: Array | None
    target: float
    tau: float


@dataclass(frozen=True, eq=False)
class System:
    """All constraints of an update on the cells that can move.

    free: places of those cells in the draft's vector; matrix (rows, free); targets less what fixed cells supply.
    """

    rows: Sequence[Row]
    free: Places
    matrix: Any
    targets: Array
    softness: Array


def system(draft: Cells, blocks: Sequence[xr.Dataset], totals: Sequence[Totals], pairs: Sequence[Pairs]) -> System:
    """The constraints of the pieces on the draft; rows that touch fixed cells alone are left out."""
    official = {draft.where(block.attrs["region"]): block for block in blocks}
    rows = [
        *_official_rows(draft, official),
        *_balances(draft, official),
        *_totals(draft, totals, official),
        *_pairs(draft, pairs),
    ]
    cells = draft.vector()
    fixed = np.zeros(len(cells), dtype=bool)
    flows, final, added = draft.places()
    for home in official:
        fixed[flows[home, :, home]] = fixed[final[home, :, home]] = fixed[added[home]] = True
    free = np.flatnonzero(~fixed & (cells != 0))
    columns = np.concatenate([row.places for row in rows])
    data = np.concatenate([np.ones(len(row.places)) if row.signs is None else row.signs for row in rows])
    counts = np.repeat(np.arange(len(rows)), [len(row.places) for row in rows])
    matrix = scipy.sparse.csr_array((data, (counts, columns)), shape=(len(rows), len(cells)))
    targets = np.array([row.target for row in rows]) - matrix @ np.where(fixed, cells, 0.0)
    matrix = matrix[:, free]
    touched = np.diff(matrix.indptr) > 0
    empty = ~touched & (np.abs(targets) <= 1e-9 * np.abs(cells).sum() / len(cells))
    kept = np.flatnonzero(~empty)
    return System(
        [rows[place] for place in kept],
        free,
        matrix[kept],
        targets[kept],
        np.array([rows[place].tau for place in kept]),
    )


def _official_rows(draft: Cells, official: dict[int, xr.Dataset]) -> Iterator[Row]:
    flows, final, _ = draft.places()
    for home, block in official.items():
        region = draft.regions[home]
        others = np.arange(len(draft.regions)) != home
        wanted = np.concatenate([block.imported_flows.values, block.imported_final.values], axis=1)
        bought = np.concatenate([flows[others][:, :, home], final[others][:, :, home]], axis=2)
        uses = [*draft.sectors, *draft.categories]
        for product, code in enumerate(draft.sectors):
            for place, use in enumerate(uses):
                name = f"imports of {region}: {code} for {use}"
                yield Row(name, bought[:, product, place], None, float(wanted[product, place]), 0.0)
            sold = np.concatenate([flows[home, product][others].ravel(), final[home, product][others].ravel()])
            yield Row(f"exports of {region}: {code}", sold, None, float(block.exports.values[product]), 0.0)


def _balances(draft: Cells, official: dict[int, xr.Dataset]) -> Iterator[Row]:
    flows, final, added = draft.places()
    for region, label in enumerate(draft.regions):
        if region in official:
            continue
        for sector, code in enumerate(draft.sectors):
            row = np.concatenate([flows[region, sector].ravel(), final[region, sector].ravel()])
            column = np.append(flows[:, :, region, sector].ravel(), added[region, sector])
            signs = np.concatenate([np.ones(len(row)), -np.ones(len(column))])
            yield Row(f"balance of {label} {code}", np.concatenate([row, column]), signs, 0.0, 0.0)


def _totals(draft: Cells, totals: Sequence[Totals], official: dict[int, xr.Dataset]) -> Iterator[Row]:
    flows, final, added = draft.places()
    for piece in totals:
        sectors = sector_places(draft, piece.sectors)
        regions = positions([str(label) for label in piece.values["region"].values], draft.regions)
        for region, target in zip(regions, piece.values.values, strict=True):
            if not np.isfinite(target) or (region in official and (piece.hard or piece.measure == "value_added")):
                continue  # the official table says it, to more digits
            others = np.arange(len(draft.regions)) != region
            if piece.measure == "value_added":
                places = added[region][sectors]
            elif piece.measure == "exports":
                sold = flows[region][sectors][:, others], final[region][sectors][:, others]
                places = np.concatenate([part.ravel() for part in sold])
            else:
                bought = flows[others][:, sectors, region], final[others][:, sectors, region]
                places = np.concatenate([part.ravel() for part in bought])
            yield Row(f"{piece.name}: {draft.regions[region]}", places.ravel(), None, float(target), piece.tau)


def _pairs(draft: Cells, pairs: Sequence[Pairs]) -> Iterator[Row]:
    flows, final, _ = draft.places()
    for piece in pairs:
        for seller, buyer, sectors, target in wanted_pairs(draft, piece):
            places = np.concatenate([part[seller, sectors, buyer].ravel() for part in (flows, final)])
            name = f"{piece.name}: {draft.regions[seller]} to {draft.regions[buyer]}"
            yield Row(name, places, None, target, piece.tau)
