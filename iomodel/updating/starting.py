"""The start of an update: an older table grown to the year, with the official blocks laid into it.

Domestic flows grow with the region's value added, flows across a border with the geometric mean of seller and buyer. An
official block replaces what its region buys at home and adds; its imports are split over sellers by shares by product
and use; its exports keep the start's destinations. Cells that the start lacks are seeded only where a piece says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import xarray as xr

from iomodel.errors import BalanceError, TableError
from iomodel.labels import positions
from iomodel.national import national_block
from iomodel.table import Table
from iomodel.updating.cells import Array, Cells, draft_of
from iomodel.updating.pieces import OfficialBlock, Pairs, Totals

STOCKS = "inventories"


def grown(start: Table, targets: Array) -> Cells:
    """The start with each region's value added at `targets` (region; NaN: as it is) and its flows grown likewise.

    Domestic: × g_r; from r to d: × √(g_r g_d), g = target / value added of the start.
    """
    draft = draft_of(start)
    had = draft.added.sum(axis=1)
    growth = np.where(np.isfinite(targets) & (had > 0), targets / np.where(had > 0, had, 1.0), 1.0)
    mean = np.sqrt(np.outer(growth, growth))
    return replace(
        draft,
        flows=draft.flows * mean[:, None, :, None],
        final=draft.final * mean[:, None, :, None],
        added=draft.added * growth[:, None],
    )


def mixed(drafts: Sequence[Cells], weights: Sequence[float]) -> Cells:
    """The weighted mean of drafts in the same labels."""
    share = np.asarray(weights, dtype=float) / np.sum(weights)
    first = drafts[0]
    parts = [(one.flows, one.final, one.added) for one in drafts]
    flows, final, added = (
        sum(weight * part[place] for weight, part in zip(share, parts, strict=True)) for place in range(3)
    )
    return replace(first, flows=np.asarray(flows), final=np.asarray(final), added=np.asarray(added))


def target_growth(start: Table, totals: Sequence[Totals], blocks: Sequence[xr.Dataset]) -> Array:
    """Value added by region of the later year as far as the pieces say, NaN elsewhere."""
    wanted = np.full(len(start.regions), np.nan)
    for one in totals:
        if one.measure == "value_added" and one.sectors is None:
            for region, value in zip(one.values["region"].values, one.values.values, strict=True):
                wanted[start.regions.index(str(region))] = value
    for block in blocks:
        wanted[start.regions.index(block.attrs["region"])] = float(block.value_added.sum())
    return wanted


def settled_block(piece: OfficialBlock, start: Table) -> xr.Dataset:
    """The cells of the official block in the start's unit, sectors and categories; TableError where they do not fit."""
    own = piece.block
    if own.home not in start.regions:
        raise TableError(
            f"The official block {own.name} is of {own.home}; {start.name} has {', '.join(start.regions)}."
        )
    lacking = [code for code in start.sectors if code not in own.sectors]
    beyond = [code for code in own.sectors if code not in start.sectors]
    if lacking or beyond:
        raise TableError(
            f"The official block {own.name} ({own.attrs['classification']}) does not cover the sectors of {start.name} "
            f"({start.attrs['classification']}): it lacks {', '.join(lacking) or 'none'}; only it has "
            f"{', '.join(beyond) or 'none'}. Give sectors=, a concordance to {start.attrs['classification']}."
        )
    same = str(own.attrs.get("currency")) == str(start.attrs.get("currency"))
    if same != (piece.per_unit == 1.0):
        remedy = "leave per_unit at 1" if same else "give per_unit, its currency for one of the start's"
        raise TableError(
            f"The official block {own.name} is in {own.unit}, {start.name} in {start.unit}, and per_unit is "
            f"{piece.per_unit:g}: {remedy}."
        )
    unknown = [category for category in own.categories if category not in (*start.categories, "exports")]
    if unknown:
        raise TableError(
            f"The official block {own.name} has final demand by {', '.join(unknown)}; {start.name} has "
            f"{', '.join(start.categories)}."
        )
    block = national_block(own, per_unit=piece.per_unit, unit=start.unit)
    block = block.reindex(category=start.categories, fill_value=0.0).reindex(factor=start.factors, fill_value=0.0)
    return block.sel(sector=start.sectors, to_sector=start.sectors)


def laid_in(draft: Cells, block: xr.Dataset, shares: Cells, seed: bool) -> tuple[Cells, list[str]]:
    """The draft with the official block, and what was seeded for it, in words: domestic cells and value added as they
    are, imports split by `shares`.

    An import cell of product i and use u is the official one × the seller's share in `shares` of what the region
    imports of i for u. Inventories, whose signs change, and uses without imports take the shares in all uses of i; a
    product that nobody sold is refused, or with `seed` takes the sellers' shares in all products.
    """
    home = draft.where(block.attrs["region"])
    abroad = [place for place in range(len(draft.regions)) if place != home]
    flows, final, added = draft.flows.copy(), draft.final.copy(), draft.added.copy()
    flows[home, :, home], final[home, :, home] = block.domestic_flows.values, block.domestic_final.values
    added[home] = block.value_added.values.sum(axis=0)
    used = np.maximum(np.concatenate([shares.flows[abroad][:, :, home], shares.final[abroad][:, :, home]], axis=2), 0.0)
    wanted = np.concatenate([block.imported_flows.values, block.imported_final.values], axis=1)
    product, said = _product_shares(used.sum(axis=2), np.abs(wanted).sum(axis=1), draft, block, seed)
    split = np.divide(used, used.sum(axis=0), out=np.broadcast_to(product[:, :, None], used.shape).copy(),
                      where=used.sum(axis=0) > 0)  # fmt: skip
    if STOCKS in draft.categories:
        split[:, :, len(draft.sectors) + list(draft.categories).index(STOCKS)] = product
    bought = split * wanted
    cut = len(draft.sectors)
    for row, seller in enumerate(abroad):
        flows[seller, :, home], final[seller, :, home] = bought[row, :, :cut], bought[row, :, cut:]
    said += _exports(flows, final, home, block, draft, seed)
    return replace(draft, flows=flows, final=final, added=added), said


def _product_shares(sold: Array, wanted: Array, draft: Cells, block: xr.Dataset, seed: bool) -> tuple[Array, list[str]]:
    """Sellers' shares in the imports of each product, (seller, sector), and what was seeded."""
    total = sold.sum(axis=0)
    empty = (total <= 0) & (wanted > 0)
    said = _seeded_or_refused(empty, wanted, seed, draft, f"imports of {block.attrs['region']}")
    everywhere = sold.sum(axis=1) / sold.sum()
    return np.divide(sold, total, out=np.broadcast_to(everywhere[:, None], sold.shape).copy(), where=total > 0), said


def _exports(flows: Array, final: Array, home: int, block: xr.Dataset, draft: Cells, seed: bool) -> list[str]:
    """The home region's sales abroad scaled to its official exports by product, in place; what was seeded."""
    wanted = block.exports.values
    abroad = np.arange(len(draft.regions)) != home
    to_flows, to_final = flows[home][:, abroad], final[home][:, abroad]
    sold = to_flows.sum(axis=(1, 2)) + to_final.sum(axis=(1, 2))
    empty = (sold <= 0) & (wanted > 0)
    said = _seeded_or_refused(empty, wanted, seed, draft, f"exports of {block.attrs['region']}")
    scale = np.divide(wanted, sold, out=np.zeros_like(sold), where=sold > 0)
    pattern = np.maximum(to_flows, 0).sum(axis=0), np.maximum(to_final, 0).sum(axis=0)
    whole = pattern[0].sum() + pattern[1].sum()
    to_flows, to_final = to_flows * scale[:, None, None], to_final * scale[:, None, None]
    for place in np.flatnonzero(empty):
        to_flows[place], to_final[place] = (part / whole * wanted[place] for part in pattern)
    flows[home][:, abroad], final[home][:, abroad] = to_flows, to_final
    return said


def _seeded_or_refused(empty: np.ndarray, wanted: Array, seed: bool, draft: Cells, what: str) -> list[str]:
    """What is seeded, in words; BalanceError where the official block does not ask for it."""
    listed = ", ".join(f"{draft.sectors[place]} {wanted[place]:,.6g}" for place in np.flatnonzero(empty).tolist())
    if empty.any() and not seed:
        raise BalanceError(
            f"The {what} have targets where all cells of the start are zero: {listed}. Give a start that has them, or "
            "say seed=True in the official block: they then take the shares of all products."
        )
    return [f"{what}: zero cells of the start seeded with the shares of all products: {listed}"] if listed else []


def seeded(draft: Cells, pairs: Sequence[Pairs]) -> tuple[Cells, list[str]]:
    """The draft with cells where a pair has a target and the start none, and a line for the history for each piece."""
    said: list[str] = []
    for piece in pairs:
        filled: list[str] = []
        for seller, buyer, rows, target in wanted_pairs(draft, piece):
            cells = draft.flows[seller, rows, buyer], draft.final[seller, rows, buyer]
            if target == 0 or any(np.any(part > 0) for part in cells):
                continue
            if not piece.seed:
                raise BalanceError(
                    f"{piece.name}: {draft.regions[seller]} to {draft.regions[buyer]} has the target {target:,.6g}, "
                    "but all its cells of the start are zero. Leave it out (NaN), or say seed=True."
                )
            others = np.arange(len(draft.regions)) != buyer
            like = [np.maximum(part[others][:, rows, buyer], 0).sum(axis=0) for part in (draft.flows, draft.final)]
            if (whole := like[0].sum() + like[1].sum()) > 0:
                flows, final = draft.flows.copy(), draft.final.copy()
                flows[seller, rows, buyer] = like[0] * target / whole
                final[seller, rows, buyer] = like[1] * target / whole
                draft = replace(draft, flows=flows, final=final)
                filled.append(f"{draft.regions[seller]} to {draft.regions[buyer]}")
        if filled:
            said.append(f"{piece.name}: zero cells of the start seeded with what others sell: {', '.join(filled)}")
    return draft, said


def wanted_pairs(draft: Cells, piece: Pairs) -> list[tuple[int, int, list[int], float]]:
    """Places of seller and buyer, the sectors' places and the target of each pair that is known."""
    rows = sector_places(draft, piece.sectors)
    sellers = positions([str(label) for label in piece.values["region"].values], draft.regions)
    buyers = positions([str(label) for label in piece.values["to_region"].values], draft.regions)
    found = []
    for row, seller in enumerate(sellers):
        for column, buyer in enumerate(buyers):
            target = float(piece.values.values[row, column])
            if seller != buyer and np.isfinite(target):
                found.append((seller, buyer, rows, target))
    return found


def sector_places(draft: Cells, sectors: Sequence[str] | None) -> list[int]:
    """Places of the sectors, all where None are named."""
    return list(range(len(draft.sectors))) if sectors is None else positions(sectors, draft.sectors)
