"""`update`: an inter-country table brought to a later year, around official blocks and within totals and pairs.

    minimise  Σ |t0| (r ln r − r + 1) + Σ_soft (A t − b)² / (2 τ |b|),  r = t / t0,   subject to  A t = b

over the cells t of flows, final demand and value added, t0 the grown start with the official blocks laid in. After the
solve the cells that an official block counts are scaled to it, output is the row sum and value added what remains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from iomodel.balancing.entropy import Fitted, fit
from iomodel.errors import BalanceError, TableError
from iomodel.table import Table, make_table
from iomodel.updating.cells import Array, Cells, draft_of
from iomodel.updating.checks import check_contradictions, checked_pieces, checked_starts, piece_name
from iomodel.updating.constraints import System, system
from iomodel.updating.persons import where_output_is
from iomodel.updating.pieces import OfficialBlock, Pairs, Piece, Totals
from iomodel.updating.starting import grown, laid_in, mixed, seeded, settled_block, target_growth

_SHOWN = 12


def update(
    start: Table | Sequence[Table],
    pieces: Sequence[Piece],
    *,
    weights: Sequence[float] | None = None,
    accounts: Table | None = None,
    employment: Mapping[str, Array] | None = None,
    decimals: int | None = None,
    notes: Sequence[str] = (),
    name: str | None = None,
    **description: Any,
) -> Table:
    """The inter-country table of the pieces' year nearest to `start`, an ESTIMATE, with a report in its `attrs`.

    start: an inter-country table, or several in the same labels, grown to the year and averaged with `weights`.
    pieces: `OfficialBlock`, `Totals`, `Pairs`, all of one year and in the start's unit. accounts: a table in the same
    labels whose shares of factors split each sector's value added (None: the start's); an official region has its own.
    decimals: cells outside the official cells are rounded to so many, so that the table does not depend on the machine.
    notes: lines for the history. employment, name and description: as in `make_table`; persons of a sector that has no
    output in the later year are spread over its like (`persons`).

    `attrs["update"]` is the report: rows, steps, what soft rows conceded, what moved most, growth by region.
    `attrs["estimate"]` is true. Raises TableError or BalanceError for pieces that do not fit (region, sector, year,
    unit, all contradictions at once, targets where all cells of the start are zero), SolverError with the worst rows
    when the totals leave no room: there is no table then.
    Source: GRAS as an entropy program (Junius and Oosterhaven 2003; Lenzen, Wood and Gallego 2007) with soft rows
    beside hard ones; the equation is in `iomodel.balancing.entropy`.

    >>> from iomodel.aggregation import aggregate
    >>> from iomodel.table import load_table
    >>> start = aggregate(load_table("world-2011"), "broad3", "world15_to_world4")
    >>> before = start.value_added.sum(["factor", "to_sector"]).rename(to_region="region")
    >>> later = update(start, [Totals("value_added", 1.1 * before, year=2012, unit="million USD")])
    >>> later.year, later.is_estimate, round(float(later.output.sum() / start.output.sum()), 6)
    (2012, True, 1.1)
    """
    starts = checked_starts(start)
    first = starts[0]
    year = checked_pieces(first, pieces)
    official = [piece for piece in pieces if isinstance(piece, OfficialBlock)]
    totals = [piece for piece in pieces if isinstance(piece, Totals)]
    pairs = [piece for piece in pieces if isinstance(piece, Pairs)]
    blocks = [settled_block(piece, first) for piece in official]
    check_contradictions(first, blocks, totals, pairs)
    wanted = target_growth(first, totals, blocks)
    share = _weights(weights, starts)
    draft = mixed([grown(one, wanted) for one in starts], share)
    seeds: list[str] = []
    for piece, block in zip(official, blocks, strict=True):
        draft, said = laid_in(draft, block, _shares(piece, starts, share), piece.seed)
        seeds += said
    draft, said = seeded(draft, pairs)
    seeds += said
    laws = system(draft, blocks, totals, pairs)
    _start_has(laws)
    fitted, found = _fitted(draft, laws, blocks, decimals)
    made = dict(zip(first.regions, found.output(), strict=True))
    persons, moved = where_output_is(employment or {}, made, first.sectors, str(first.attrs.get("classification")))
    text = {
        "history": [*_history(starts, weights, pieces, seeds, accounts, decimals), *notes, *moved],
        "employment": persons or None,
        "update": _report(laws, fitted, draft, found, starts, wanted),
        "estimate": True,
        **_described(first),
        **description,
    }
    return _table(found, first, blocks, accounts or first, year, name or f"{first.name}-{year}", text)


def _fitted(draft: Cells, laws: System, blocks: Sequence[xr.Dataset], decimals: int | None) -> tuple[Fitted, Cells]:
    """The solution of the entropy program and the draft that it makes, with the official cells as they are."""
    cells = draft.vector()
    fitted = fit(cells[laws.free], laws.matrix, laws.targets, laws.softness, names=[row.name for row in laws.rows])
    cells[laws.free] = fitted.cells
    found = draft.with_cells(cells if decimals is None else np.round(cells, decimals))
    for block in blocks:
        found = _official_again(found, block)
    return fitted, found


def _weights(weights: Sequence[float] | None, starts: Sequence[Table]) -> Sequence[float]:
    found = [1.0] * len(starts) if weights is None else list(weights)
    if len(found) != len(starts) or not all(np.isfinite(found)) or min(found) < 0 or sum(found) <= 0:
        raise TableError(f"weights are {weights}; allowed: one of zero or more for each of {len(starts)} starts.")
    return found


def _shares(piece: OfficialBlock, starts: Sequence[Table], weights: Sequence[float]) -> Cells:
    """Where the sellers' shares in the official imports come from: as they are there, without growth."""
    start = starts[0]
    if piece.shares is None:
        return mixed([draft_of(one) for one in starts], weights)
    for what in ("regions", "sectors", "categories"):
        if getattr(piece.shares, what) != getattr(start, what):
            raise TableError(
                f"The shares of {piece.shares.name} have other {what} than {start.name}: {getattr(piece.shares, what)} "
                f"and {getattr(start, what)}. Aggregate it to the same labels first."
            )
    return draft_of(piece.shares)


def _start_has(laws: System) -> None:
    """Soft rows whose cells are all zero would be missed in silence: refuse them."""
    touched = np.diff(laws.matrix.indptr) > 0
    bad = [
        f"{row.name} {row.target:,.6g}"
        for row, some, target in zip(laws.rows, touched, laws.targets, strict=True)
        if not some and target != 0 and row.tau > 0
    ]
    if bad:
        raise BalanceError(
            f"Targets for which all cells of the start are zero: {'; '.join(bad[:_SHOWN])}. Leave them out, or give a "
            "start that has cells there."
        )


def _official_again(draft: Cells, block: xr.Dataset) -> Cells:
    """The block's own cells as they are, and its imports by product and use and exports by product summing to them.

    What the fit or rounding left over goes to the largest cell of each sum.
    """
    home = draft.where(block.attrs["region"])
    others = np.flatnonzero(np.arange(len(draft.regions)) != home)
    flows, final = draft.flows.copy(), draft.final.copy()
    flows[home, :, home], final[home, :, home] = block.domestic_flows.values, block.domestic_final.values
    for part, wanted in ((flows, block.imported_flows.values), (final, block.imported_final.values)):
        bought = part[others][:, :, home]
        fitted = _summing_to(wanted, bought)
        for row, seller in enumerate(others):
            part[seller, :, home] = fitted[row]
    cut = flows.shape[3]
    sold = np.concatenate([flows[home][:, others], final[home][:, others]], axis=2)
    fitted = _summing_to(block.exports.values, sold.reshape(len(sold), -1).T).T.reshape(sold.shape)
    flows[home][:, others], final[home][:, others] = fitted[:, :, :cut], fitted[:, :, cut:]
    return replace(draft, flows=flows, final=final)


def _summing_to(wanted: Array, cells: Array) -> Array:
    """The cells with the largest along the first axis changed so that they sum to `wanted`."""
    largest = np.abs(cells).argmax(axis=0)[None]
    rest = cells.copy()
    np.put_along_axis(rest, largest, 0.0, axis=0)
    fitted = rest.copy()
    np.put_along_axis(fitted, largest, (wanted - rest.sum(axis=0))[None], axis=0)
    return fitted


def _table(
    draft: Cells,
    start: Table,
    blocks: Sequence[xr.Dataset],
    accounts: Table,
    year: int,
    name: str,
    text: dict[str, Any],
) -> Table:
    output = draft.output()
    added = output - draft.flows.sum(axis=(0, 1))
    shares = _factor_shares(accounts, start)
    factors = shares * added
    for block in blocks:
        home = draft.where(block.attrs["region"])
        factors[:, home] = block.value_added.values
    return make_table(
        name=name,
        year=year,
        unit=start.unit,
        regions=start.regions,
        sectors=start.sector_names,
        categories=start.categories,
        factors=start.factors,
        flows=draft.flows,
        final_demand=draft.final,
        value_added=factors,
        output=output,
        national=False,
        **text,
    )


def _factor_shares(accounts: Table, start: Table) -> Array:
    """Each factor's share of value added, (factor, region, sector); where there is none the region's mean."""
    for what in ("regions", "sectors", "factors"):
        if getattr(accounts, what) != getattr(start, what):
            raise TableError(
                f"The accounts of {accounts.name} have other {what} than {start.name}; aggregate it to the same labels."
            )
    added = accounts.value_added.values
    whole = added.sum(axis=0)
    mean = added.sum(axis=2) / whole.sum(axis=1)
    return np.divide(added, whole, out=np.broadcast_to(mean[:, :, None], added.shape).copy(), where=whole > 0)


def _described(start: Table) -> dict[str, Any]:
    keys = ("currency", "price_basis", "classification", "region_names")
    return {key: start.attrs[key] for key in keys if key in start.attrs}


def _history(
    starts: Sequence[Table],
    weights: Sequence[float] | None,
    pieces: Sequence[Piece],
    seeds: Sequence[str],
    accounts: Table | None,
    decimals: int | None,
) -> list[str]:
    named = " and ".join(f"{one.name} ({one.year})" for one in starts)
    shared = "" if len(starts) == 1 else f", weights {', '.join(f'{w:g}' for w in weights or [1] * len(starts))}"
    said = [
        (
            f"start: {named}{shared}; domestic cells x growth of value added, cells across borders x geometric mean of"
            " growth of seller and buyer"
        ),
        "entropy program: nearest to the start in Σ|t0|(r ln r − r + 1), signs and zeros kept, row sum = column sum",
    ]
    for piece in pieces:
        if isinstance(piece, OfficialBlock):
            split = "the start" if piece.shares is None else piece.shares.name
            said.append(
                f"official block of {piece.region}: {piece.block.name}, {piece.per_unit:g} of its currency for one;"
                " domestic cells, value added, exports by product and imports by product and use exact, re-exports left"
                f" out on both sides; start of the sellers' shares in the imports: {split}"
            )
        else:
            hardness = "hard" if piece.hard else f"tau {piece.tau:g}"
            what = "all sectors" if piece.sectors is None else f"{len(piece.sectors)} sectors"
            said.append(f"{piece_name(piece)}: {what}, {hardness}")
    said += seeds
    if decimals is not None:
        said.append(f"cells outside the official ones rounded to {decimals} decimals; value added is what remains")
    split = "the start" if accounts is None else accounts.name
    said.append(f"value added by factor: shares of {split}; official regions: their own")
    return said


def _report(
    laws: System, fitted: Fitted, draft: Cells, found: Cells, starts: Sequence[Table], wanted: Array
) -> dict[str, Any]:
    """Plain values: rows, steps, largest residuals, what soft rows conceded and which sales moved most."""
    hard = laws.softness == 0
    soft = np.flatnonzero(~hard)
    worst = soft[np.argsort(-np.abs(fitted.residuals[soft]))][:_SHOWN]
    before, after = draft.sales(), found.sales()
    change = np.abs(after - before)
    most = [np.unravel_index(place, change.shape) for place in np.argsort(-change, axis=None)[:_SHOWN]]
    output = found.output()
    missed = np.abs(output - found.flows.sum(axis=(0, 1)) - found.added) / np.maximum(output, output.sum() * 1e-9)
    return {
        "rows": len(laws.rows),
        "soft_rows": len(soft),
        "steps": int(fitted.steps),
        "largest_hard_residual": float(np.abs(fitted.residuals[hard]).max(initial=0.0)),
        "largest_balance_miss": float(missed.max()),
        "conceded": {laws.rows[row].name: round(float(fitted.residuals[row]), 6) for row in worst},
        "moved_most": {
            f"{draft.regions[r]} {draft.sectors[s]} to {draft.regions[d]}": [float(f"{before[r, s, d]:.6g}"),
                                                                             float(f"{after[r, s, d]:.6g}")]
            for r, s, d in most
        },
        "growth": {
            region: round(float(value), 4)
            for region, value in zip(draft.regions, wanted / draft_of(starts[0]).added.sum(axis=1), strict=True)
            if np.isfinite(value)
        },
    }  # fmt: skip
