"""Totals of a draft by row and column, as the caller labels them, and cells that must stay.

A total belongs to a group of rows or columns by its dims: (region, sector) to sellers, (factor,) to value added,
(to_region, to_sector) to buyers, (to_region, category) to uses of final demand, the one dim of a plain matrix to it.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from iomodel.balancing.drafts import Draft, Floats, Group
from iomodel.errors import BalanceError
from iomodel.labels import IMPORTS

Labelled = xr.DataArray | Mapping[str, xr.DataArray] | Sequence[xr.DataArray] | xr.Dataset


@dataclass(frozen=True)
class DraftTotals:
    """Targets by row and by column of a draft (NaN: free) with the softness of each (0: hard); history: lines."""

    rows: Floats
    columns: Floats
    row_softness: Floats
    column_softness: Floats
    history: tuple[str, ...] = ()


def free_totals(draft: Draft) -> DraftTotals:
    """Totals that leave every row and column free."""
    rows, columns = draft.matrix.shape
    return DraftTotals(np.full(rows, np.nan), np.full(columns, np.nan), np.zeros(rows), np.zeros(columns))


def labelled_totals(
    draft: Draft,
    row_totals: Labelled | None,
    column_totals: Labelled | None,
    row_softness: float | Labelled,
    column_softness: float | Labelled,
) -> DraftTotals:
    """The totals that labelled arrays state; softness: one number, or arrays labelled like the totals (inf: free).

    Raises BalanceError for dims that belong to no group, labels that are not exactly the group's, NaN, negative
    softness.
    """
    told: list[Floats] = []
    for side, groups, totals, softness in (
        ("row", draft.rows, row_totals, row_softness),
        ("column", draft.columns, column_totals, column_softness),
    ):
        count = sum(len(group.labels) for group in groups)
        targets, soft = np.full(count, np.nan), np.zeros(count)
        for group, values in _matched(side, "totals", groups, totals):
            targets[group.places] = values
        if isinstance(softness, float | int | numbers.Real):
            soft[:] = float(softness)
        else:
            for group, values in _matched(side, "softness", groups, softness):
                soft[group.places] = values
        if not (soft >= 0).all():
            raise BalanceError(f"{side}_softness holds {soft[~(soft >= 0)][0]}; allowed: 0 (hard) or more.")
        targets[np.isinf(soft)] = np.nan
        told += [targets, soft]
    return DraftTotals(told[0], told[2], told[1], told[3])


def both_sides(draft: Draft, totals: DraftTotals, tolerance: float = 1e-10) -> DraftTotals:
    """Hard totals of sellers also for the buyers of the same region and sector and the other way round, if free.

    What a sector sells is what it pays: in a draft with value added both are its output. A soft total stands once: the
    identity carries it to the other side. Raises BalanceError where hard totals of the two differ by more than the
    share `tolerance`, with amounts.
    """
    rows, columns = totals.rows.copy(), totals.columns.copy()
    soft_rows, soft_columns = totals.row_softness, totals.column_softness
    told_rows, told_columns = soft_rows.copy(), soft_columns.copy()
    filled = 0
    differing: list[str] = []
    names = draft.names("row")
    for row, column in draft.identities():
        if np.isnan(rows[row]) and not np.isnan(columns[column]):
            if soft_columns[column] == 0:
                rows[row], told_rows[row] = columns[column], 0.0
                filled += 1
        elif np.isnan(columns[column]) and not np.isnan(rows[row]):
            if soft_rows[row] == 0:
                columns[column], told_columns[column] = rows[row], 0.0
                filled += 1
        elif soft_rows[row] == soft_columns[column] == 0 and abs(rows[row] - columns[column]) > tolerance * abs(
            rows[row]
        ):
            differing.append(
                f"  {names[row].removeprefix('row ')}: row {rows[row]:.10g}, column {columns[column]:.10g}"
            )
    if differing:
        more = f"\n  and {len(differing) - 8} more" if len(differing) > 8 else ""
        raise BalanceError(
            "The totals contradict each other: what a sector sells (row) is what it pays, value added included "
            f"(column), but {len(differing)} differ:\n" + "\n".join(differing[:8]) + more + "\nCorrect one side, or "
            "leave it out; allow a larger tolerance where only rounding parts them."
        )
    if not filled:
        return totals
    line = f"totals of {filled} sectors given on one side stand for both, since a sector's sales are what it pays"
    return replace(
        totals,
        rows=rows,
        columns=columns,
        row_softness=told_rows,
        column_softness=told_columns,
        history=(*totals.history, line),
    )


def fixed_cells(draft: Draft, fixed: Any) -> tuple[NDArray[np.bool_], Floats]:
    """Which cells of the matrix must stay, and the values there: a mask keeps the draft's, numbers replace them.

    fixed: a DataArray (or a Dataset or mapping of them by name) labelled exactly like an array of the draft; booleans
    mark cells that keep the draft's value, numbers are the values to hold and NaN leaves a cell free. Raises
    BalanceError where dims or labels differ.
    """
    held, values = np.zeros(draft.matrix.shape, dtype=bool), draft.matrix.copy()
    if fixed is None:
        return held, values
    for name, array in _by_array(draft, fixed):
        own = draft.arrays[name]
        what = f"fixed {name}".strip()
        if set(array.dims) != set(own.dims):
            raise BalanceError(f"{what} has the dims {array.dims}; allowed: {own.dims}.")
        aligned = array.transpose(*own.dims)
        for dim in own.dims:
            aligned = _aligned(what, aligned, str(dim), [str(label) for label in own[dim].values])
        if aligned.dtype.kind not in "bfiu" or np.isinf(aligned.values).any():
            raise BalanceError(f"{what} holds {aligned.dtype} values; allowed: a mask, or finite numbers and NaN.")
        mask = aligned if aligned.dtype.kind == "b" else aligned.notnull()
        there = draft.spread(name, mask, False)
        held |= there
        if aligned.dtype.kind != "b":
            values = np.where(there, draft.spread(name, aligned.astype(float), np.nan), values)
    return held, values


def _by_array(draft: Draft, fixed: Any) -> list[tuple[str, xr.DataArray]]:
    """The arrays of `fixed` with the names of those of the draft to which they belong."""
    if isinstance(fixed, xr.DataArray):
        for name, own in draft.arrays.items():
            if set(fixed.dims) == set(own.dims):
                return [(name, fixed)]
        allowed = "; ".join(f"{name} {own.dims}".strip() for name, own in draft.arrays.items())
        raise BalanceError(f"fixed has the dims {fixed.dims}; allowed: {allowed}.")
    named = dict(fixed.data_vars) if isinstance(fixed, xr.Dataset) else fixed
    if not isinstance(named, Mapping):
        raise BalanceError(f"fixed is a {type(fixed).__name__}; allowed: a DataArray, or a Dataset of them by name.")
    if unknown := [str(name) for name in named if name not in draft.arrays]:
        raise BalanceError(f"fixed names the arrays {unknown}; the draft has {sorted(draft.arrays)}.")
    for name, array in named.items():
        if not isinstance(array, xr.DataArray):
            raise BalanceError(
                f"fixed {name} is a {type(array).__name__}; allowed: a DataArray labelled like the draft's."
            )
    return [(str(name), array) for name, array in named.items()]


def _matched(
    side: str, what: str, groups: Sequence[Group], given: Labelled | None
) -> list[tuple[Group, NDArray[np.float64]]]:
    """Each labelled array with the group that its dims name, and its values in the order of the group."""
    if given is None:
        return []
    if isinstance(given, xr.DataArray):
        arrays = [given]
    elif isinstance(given, xr.Dataset):
        arrays = list(given.data_vars.values())
    else:
        arrays = list(
            given.values() if isinstance(given, Mapping) else given if isinstance(given, Iterable) else [given]
        )
    found: list[tuple[Group, NDArray[np.float64]]] = []
    for array in arrays:
        if not isinstance(array, xr.DataArray):
            raise BalanceError(f"{side}_{what} holds a {type(array).__name__}; allowed: labelled DataArrays.")
        group = next((group for group in groups if set(group.dims) == set(array.dims)), None)
        if group is None:
            allowed = " or ".join(str(group.dims) for group in groups)
            raise BalanceError(f"{side}_{what} have the dims {array.dims}; allowed: {allowed}.")
        if any(group is other for other, _ in found):
            raise BalanceError(f"{side}_{what} over {group.dims} are given twice; allowed: once.")
        found.append((group, _values(f"{side}_{what} over {group.dims}", array, group)))
    return found


def _values(what: str, array: xr.DataArray, group: Group) -> NDArray[np.float64]:
    """The values in the order of the group; BalanceError where labels differ or a value is no number."""
    aligned = array.transpose(*group.dims)
    for place, dim in enumerate(group.dims):
        wanted = list(dict.fromkeys(label[place] for label in group.labels))
        aligned = _aligned(what, aligned, dim, wanted)
    if aligned.dtype.kind not in "fiu":
        raise BalanceError(f"{what} hold {aligned.dtype} values; allowed: numbers.")
    values = aligned.values.astype(float).ravel()
    soft = "softness" in what
    if (bad := np.flatnonzero(np.isnan(values) if soft else ~np.isfinite(values))).size:
        label = ", ".join(group.labels[bad[0]])
        hint = "" if soft else " To leave one free, give it the softness inf."
        raise BalanceError(f"{what}: {values[bad[0]]} at {label}; allowed: a finite number for each label.{hint}")
    return values


def _aligned(what: str, array: xr.DataArray, dim: str, wanted: list[str]) -> xr.DataArray:
    """The array in the order of `wanted`; BalanceError where its labels of the dim are not exactly these."""
    if dim not in array.coords:
        raise BalanceError(f"{what}: the dim {dim} has no labels; label it like the draft.")
    labels = [str(label) for label in array[dim].values]
    missing, unknown = [x for x in wanted if x not in labels], [x for x in labels if x not in wanted]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    parts = [
        f"{word} {', '.join(which[:8])}"
        for word, which in (("missing", missing), ("not in the draft", unknown), ("more than once", twice))
        if which
    ]
    if parts:
        national = " Outputs of a national table go to its columns, over (to_region, to_sector)."
        hint = national if (dim, missing) == ("region", [IMPORTS]) else ""
        raise BalanceError(f"{what}, {dim}: {'; '.join(parts)}. Allowed: exactly the labels of the draft.{hint}")
    return array.isel({dim: [labels.index(label) for label in wanted]})
