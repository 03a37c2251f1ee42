"""Whether the pieces of an update fit the start and each other, before anything is solved."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from iomodel.errors import BalanceError, TableError, nearest
from iomodel.table import Table, table_required
from iomodel.updating.pieces import OfficialBlock, Pairs, Piece, Totals

_ROUNDED = 1e-6
"""Share by which a hard total may miss the official table of its region, which then stands for it."""
_APART = 1e-10
"""Share by which other hard totals may be apart: the tolerance of the fit, which cannot meet both beyond it."""


def checked_starts(start: Table | Sequence[Table]) -> list[Table]:
    """The starts as a list; TableError unless all are inter-country tables with the same labels and unit."""
    if isinstance(start, Sequence) and not isinstance(start, str):
        starts = [table_required(one) for one in start]
    else:
        starts = [table_required(start)]
    if not starts:
        raise TableError("update needs a start: an inter-country table, or a sequence of some with weights.")
    first = starts[0]
    for start in starts:
        if start.is_national:
            raise TableError(
                f"update needs an inter-country table to start from; {start.name} is national. To bring a national "
                "table to new totals use balance."
            )
        for what in ("regions", "sectors", "categories", "factors", "unit"):
            if getattr(start, what) != getattr(first, what):
                raise TableError(
                    f"The starts {first.name} and {start.name} differ in {what}: {getattr(first, what)} and "
                    f"{getattr(start, what)}. Aggregate them to the same labels first."
                )
    return starts


def checked_pieces(start: Table, pieces: Sequence[Piece]) -> int:
    """The year of the pieces; TableError or BalanceError where year, unit, region or sector do not fit."""
    given = pieces if isinstance(pieces, Sequence) and not isinstance(pieces, str) else [pieces]
    if wrong := [piece for piece in given if not isinstance(piece, OfficialBlock | Totals | Pairs)]:
        raise TableError(
            f"update takes pieces, found {str(wrong[0])[:60]!r} of type {type(wrong[0]).__name__}; allowed: a list of "
            "OfficialBlock, Totals and Pairs."
        )
    if not isinstance(pieces, Sequence):
        raise TableError(
            f"update takes a list of pieces, found one: write update(start, [{type(pieces).__name__}(...)])."
        )
    if not pieces:
        raise TableError("update needs pieces: an OfficialBlock, Totals or Pairs of the later year; found none.")
    years = {f"{getattr(piece, 'name', '') or piece_name(piece)}": piece.year for piece in pieces}
    if len(set(years.values())) > 1:
        said = ", ".join(f"{name} {year}" for name, year in years.items())
        raise BalanceError(f"The pieces are of different years: {said}. All have to be of the year of the update.")
    homes = [piece.region for piece in pieces if isinstance(piece, OfficialBlock)]
    if twice := sorted({home for home in homes if homes.count(home) > 1}):
        raise TableError(f"There is more than one official block for {', '.join(twice)}; give one.")
    for piece in pieces:
        if isinstance(piece, OfficialBlock):
            continue
        if piece.unit != start.unit:
            raise BalanceError(
                f"{piece.name} is in {piece.unit}, {start.name} in {start.unit}. Convert it: currency and unit have to "
                "be the start's."
            )
        for dim in piece.values.dims:
            _known(piece, [str(label) for label in piece.values[dim].values], start.regions, str(dim))
        _known(piece, list(piece.sectors or []), start.sectors, "sector")
    return next(iter(years.values()))


def piece_name(piece: Piece) -> str:
    """What a piece is called in messages."""
    return piece.block.name if isinstance(piece, OfficialBlock) else piece.name


def _known(piece: Totals | Pairs, labels: Sequence[str], allowed: Sequence[str], what: str) -> None:
    if unknown := [label for label in labels if label not in allowed]:
        raise BalanceError(
            f"{piece.name}: {what} {', '.join(unknown)} is not in the start, which has {', '.join(allowed)}."
            f"{nearest(unknown[0], allowed)}"
        )


def check_contradictions(
    start: Table, blocks: Sequence[xr.Dataset], totals: Sequence[Totals], pairs: Sequence[Pairs]
) -> None:
    """BalanceError that names every contradiction between hard pieces, with the amounts."""
    found = [
        *_with_blocks(blocks, totals),
        *_world(start, blocks, totals),
        *_parts(totals),
        *_pair_sums(start, blocks, totals, pairs),
    ]
    if found:
        raise BalanceError(
            "Totals contradict each other:\n  " + "\n  ".join(found) + "\nCorrect them, or make one soft (tau > 0; "
            "1e-4 where only rounding parts them)."
        )


def _by_region(piece: Totals) -> dict[str, float]:
    pairs = zip(piece.values["region"].values, piece.values.values, strict=True)
    return {str(region): float(value) for region, value in pairs if np.isfinite(value)}


def _settled(piece: Totals, blocks: Sequence[xr.Dataset]) -> dict[str, float]:
    """Amounts by region, those of an official region from its table."""
    found = _by_region(piece)
    own = {str(block.attrs["region"]): block for block in blocks}
    return found | {
        region: _block_total(own[region], piece.measure, piece.sectors) for region in found if region in own
    }


def _same(one: Sequence[str] | None, other: Sequence[str] | None) -> bool:
    """Whether two pieces are about the same sectors, in whatever order they name them."""
    return one == other or (one is not None and other is not None and set(one) == set(other))


def _block_total(block: xr.Dataset, measure: str, sectors: Sequence[str] | None) -> float:
    rows = list(sectors) if sectors is not None else [str(code) for code in block["sector"].values]
    if measure == "value_added":
        return float(block.value_added.sel(to_sector=rows).sum())
    if measure == "exports":
        return float(block.exports.sel(sector=rows).sum())
    return float(block.imported_flows.sel(sector=rows).sum() + block.imported_final.sel(sector=rows).sum())


def _with_blocks(blocks: Sequence[xr.Dataset], totals: Sequence[Totals]) -> list[str]:
    found = []
    for piece in totals:
        for block in blocks:
            region = str(block.attrs["region"])
            stated = _by_region(piece).get(region)
            own = _block_total(block, piece.measure, piece.sectors)
            if piece.hard and stated is not None and abs(stated - own) > _ROUNDED * max(abs(own), abs(stated)):
                apart = f" ({100 * (stated / own - 1):+.3g} percent)" if own else ""
                found.append(f"{piece.name}, {region}: {stated:,.10g}, but its official table has {own:,.10g}{apart}")
    return found


def _world(start: Table, blocks: Sequence[xr.Dataset], totals: Sequence[Totals]) -> list[str]:
    """What all regions export is what all import."""
    hard = [piece for piece in totals if piece.hard]
    found = []
    for sold in (piece for piece in hard if piece.measure == "exports"):
        for bought in (piece for piece in hard if piece.measure == "imports" and _same(piece.sectors, sold.sectors)):
            amounts = _settled(sold, blocks), _settled(bought, blocks)
            if all(set(part) == set(start.regions) for part in amounts):
                exports, imports = (sum(part.values()) for part in amounts)
                if abs(exports - imports) > _APART * exports:
                    found.append(
                        f"{sold.name} of all regions sum to {exports:,.10g}, {bought.name} to {imports:,.10g} "
                        f"({exports - imports:+,.6g})"
                    )
    return found


def _parts(totals: Sequence[Totals]) -> list[str]:
    """A part is not more than its whole, and the same total is not stated twice."""
    found = []
    hard = [piece for piece in totals if piece.hard]
    for place, whole in enumerate(hard):
        for other, part in enumerate(hard):
            if (
                whole.measure != part.measure
                or place == other
                or (_same(whole.sectors, part.sectors) and other < place)
            ):
                continue
            if whole.sectors is not None and not set(part.sectors or ["all"]) <= set(whole.sectors):
                continue
            for region, amount in _by_region(part).items():
                limit = _by_region(whole).get(region)
                same = _same(whole.sectors, part.sectors)
                apart = limit is not None and (abs(amount - limit) if same else amount - limit)
                if limit is not None and apart > _APART * max(limit, amount):
                    words = "and" if same else "is a part, but more than"
                    found.append(f"{part.name}, {region}: {amount:,.10g} {words} {whole.name} {limit:,.10g}")
    return found


def _pair_sums(
    start: Table, blocks: Sequence[xr.Dataset], totals: Sequence[Totals], pairs: Sequence[Pairs]
) -> list[str]:
    """Hard pairs of one region sum to no more than its exports or imports, and to all of them if all are known."""
    limits = [
        (piece.name, piece.measure, piece.sectors, _settled(piece, blocks))
        for piece in totals
        if piece.hard and piece.measure != "value_added"
    ]
    found = []
    for piece in (one for one in pairs if one.hard):
        known = piece.values.fillna(0.0)
        for measure, dim in (("exports", "region"), ("imports", "to_region")):
            other = "to_region" if dim == "region" else "region"
            for region in map(str, piece.values[dim].values):
                own = piece.values.sel({dim: region})
                mine = [str(label) for label in own[other].values if str(label) != region]
                amount = float(known.sel({dim: region, other: mine}).sum())
                whole = set(mine) | {region} == set(start.regions) and bool(own.sel({other: mine}).notnull().all())
                stated = [(name, amounts[region]) for name, kind, sectors, amounts in limits
                          if kind == measure and _same(sectors, piece.sectors) and region in amounts]  # fmt: skip
                stated += [(f"the official {measure}", _block_total(block, measure, piece.sectors))
                           for block in blocks if block.attrs["region"] == region]  # fmt: skip
                for name, limit in stated:
                    if amount - limit > _APART * limit or (whole and limit - amount > _APART * limit):
                        found.append(f"{piece.name}, {measure} of {region}: {amount:,.10g}, {name}: {limit:,.10g}")
    return found
