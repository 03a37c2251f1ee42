"""Row and column totals of one matrix, and what can be wrong with them before anything is scaled.

The same checks as `rows`, on the matrix itself: a table of six million cells needs no constraint matrix for them. A
total of NaN leaves its row or column free.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from iomodel.balancing.rows import Rows, impossible_text
from iomodel.errors import BalanceError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Margins:
    """A matrix and its totals: start (rows, columns), rows and columns (NaN: free), the names of both or None."""

    start: Floats
    rows: Floats
    columns: Floats
    row_names: Sequence[str] | None = None
    column_names: Sequence[str] | None = None

    @property
    def names(self) -> list[str]:
        """Names of rows, then columns."""
        rows = self.row_names or [f"row {place}" for place in range(len(self.rows))]
        columns = self.column_names or [f"column {place}" for place in range(len(self.columns))]
        return [*rows, *columns]

    def as_rows(self) -> Rows:
        """The same totals as linear constraints on the cells, row after row; free totals are left out."""
        count, width = self.start.shape
        across = scipy.sparse.kron(scipy.sparse.eye_array(count), np.ones((1, width)))
        down = scipy.sparse.kron(np.ones((1, count)), scipy.sparse.eye_array(width))
        matrix = scipy.sparse.csr_array(scipy.sparse.vstack([across, down]))
        targets = np.concatenate([self.rows, self.columns])
        told = np.isfinite(targets)
        names = [name for name, tells in zip(self.names, told, strict=True) if tells]
        return Rows(self.start.ravel(), matrix[told], targets[told], np.zeros(int(told.sum())), names)


def checked_margins(margins: Margins, tolerance: float) -> Margins:
    """The margins with cells that a total of zero empties set to zero.

    tolerance: the share by which totals may be missed, and so by which rows may add up to something else than columns.
    Raises BalanceError where shapes differ, a cell is not finite, a total asks for what signs and zeros forbid, or the
    rows add up to something else than the columns.
    """
    start, rows, columns = margins.start, margins.rows, margins.columns
    if start.ndim != 2 or start.shape != (len(rows), len(columns)):
        raise BalanceError(
            f"The matrix has the shape {start.shape}, with {len(rows)} row totals and {len(columns)} column totals; "
            "allowed: one total a row and one a column."
        )
    if not np.isfinite(start).all():
        row, column = (int(place) for place in np.argwhere(~np.isfinite(start))[0])
        names = margins.names
        raise BalanceError(
            f"The cell at {names[row]}, {names[len(rows) + column]} is {start[row, column]}; allowed: finite numbers."
        )
    if np.isinf(rows).any() or np.isinf(columns).any():
        place = int(np.flatnonzero(np.isinf(np.concatenate([rows, columns])))[0])
        raise BalanceError(f"The total of {margins.names[place]} is infinite; allowed: a finite number.")
    kept = _without_emptied(start, rows, columns)
    _possible(margins, kept)
    _same_sum(margins, tolerance)
    return Margins(kept, rows, columns, margins.row_names, margins.column_names)


def _reach(start: Floats, axis: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether each row (axis 1) or column (axis 0) holds a positive and a negative cell."""
    return start.max(axis=axis, initial=0.0) > 0, start.min(axis=axis, initial=0.0) < 0


def _without_emptied(start: Floats, rows: Floats, columns: Floats) -> Floats:
    """The start with the cells at zero that a total of zero over cells of one sign forces there."""
    while True:
        up, down = _reach(start, 1)
        left, right = _reach(start, 0)
        empty_rows, empty_columns = (rows == 0) & (up ^ down), (columns == 0) & (left ^ right)
        if not (empty_rows.any() or empty_columns.any()):
            return start
        start = start.copy()
        start[empty_rows] = 0.0
        start[:, empty_columns] = 0.0


def _possible(margins: Margins, kept: Floats) -> None:
    """BalanceError that names every total which signs and zeros forbid on their own."""
    targets = np.concatenate([margins.rows, margins.columns])
    up, down = (np.concatenate(pair) for pair in zip(_reach(kept, 1), _reach(kept, 0), strict=True))
    bad = ((targets > 0) & ~up) | ((targets < 0) & ~down)
    if bad.any():
        raise BalanceError(impossible_text(bad, up, down, targets, margins.names))


def _same_sum(margins: Margins, tolerance: float) -> None:
    """BalanceError where all totals are told and rows and columns add up to different amounts."""
    rows, columns = margins.rows, margins.columns
    if np.isnan(rows).any() or np.isnan(columns).any():
        return
    across, down = float(rows.sum()), float(columns.sum())
    if abs(across - down) <= tolerance * max(np.abs(rows).sum(), np.abs(columns).sum()):
        return
    raise BalanceError(
        f"The totals contradict each other: the rows add up to {across:.10g}, the columns to {down:.10g}, a difference "
        f"of {across - down:.6g}. Correct one side, leave one of its totals free, make totals soft (entropy, kras), or "
        "allow a larger tolerance where only rounding parts them."
    )
