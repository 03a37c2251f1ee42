"""Linear constraints on the cells of a table as every method of this package takes them, and what is wrong with them.

Rows are numbered inside and named in errors. A row that cannot be met whatever the other rows say (it touches only
zeros, or asks cells of one sign for the other) is found before any method starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from iomodel.errors import BalanceError

_SHOWN = 8
"""Rows that an error lists."""


@dataclass(frozen=True)
class Rows:
    """Checked constraints: start (cells,), matrix (rows, cells) in CSR, targets and softness τ (rows,), names."""

    start: NDArray[np.float64]
    matrix: Any
    targets: NDArray[np.float64]
    softness: NDArray[np.float64]
    names: Sequence[str] | None

    def name(self, row: int) -> str:
        """What an error calls the row."""
        return f"row {row}" if self.names is None else self.names[row]

    def give(self) -> NDArray[np.float64]:
        """τ|b| by row, with the turnover of the start where b is zero."""
        if not self.softness.any():
            return np.zeros_like(self.targets)
        scale = np.abs(self.targets)
        return self.softness * np.where(scale > 0, scale, abs(self.matrix) @ np.abs(self.start))

    def residuals(self, cells: NDArray[np.float64]) -> NDArray[np.float64]:
        """A t − b as a share of the larger of |b| and the turnover |A||t|."""
        scale = np.maximum(np.abs(self.targets), abs(self.matrix) @ np.abs(cells))
        return (self.matrix @ cells - self.targets) / np.where(scale > 0, scale, 1.0)

    def reach(self, free: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Whether each row can be raised above and lowered below zero by the cells marked `free`."""
        sign = self.matrix.sign()
        net, touched = sign @ (np.sign(self.start) * free), abs(sign) @ np.abs(np.sign(self.start) * free)
        return net > -touched, net < touched

    def emptied(self) -> NDArray[np.bool_]:
        """Cells that a hard target of zero over cells of one sign forces to zero, followed through the rows."""
        empty = np.zeros(len(self.start), dtype=bool)
        wanted = (self.targets == 0) & (self.softness == 0)
        while True:
            free = (self.start != 0) & ~empty
            up, down = self.reach(free)
            touched = np.asarray(abs(self.matrix)[wanted & (up ^ down)].sum(axis=0)).ravel() > 0
            if not np.any(touched & free):
                return empty
            empty |= touched & free


def checked_rows(
    start: NDArray[np.float64],
    constraints: Any,
    targets: NDArray[np.float64],
    softness: NDArray[np.float64] | None,
    names: Sequence[str] | None,
) -> Rows:
    """The constraints as `Rows`; BalanceError where shapes differ, a number is not finite or a softness negative."""
    start, targets = np.asarray(start, dtype=float), np.asarray(targets, dtype=float)
    matrix = scipy.sparse.csr_array(constraints, dtype=float)
    soft = np.zeros(len(targets)) if softness is None else np.asarray(softness, dtype=float)
    if matrix.shape != (len(targets), len(start)) or soft.shape != targets.shape or start.ndim != 1:
        raise BalanceError(
            f"The constraints have the shape {matrix.shape}, with {targets.shape} targets, {soft.shape} softnesses and "
            f"{start.shape} cells of the start; allowed: (rows, cells), (rows,), (rows,) and (cells,)."
        )
    if names is not None and len(names) != len(targets):
        raise BalanceError(f"There are {len(names)} names for {len(targets)} rows; allowed: one a row.")
    rows = Rows(start, matrix, targets, soft, names)
    for what, bad in (("target", ~np.isfinite(targets)), ("softness", ~(np.isfinite(soft) & (soft >= 0)))):
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            found = (targets if what == "target" else soft)[row]
            raise BalanceError(
                f"The {what} of {rows.name(row)} is {found}; allowed: a finite number"
                f"{'' if what == 'target' else ', 0 for a hard row or more'}."
            )
    if not np.isfinite(start).all():
        cell = int(np.flatnonzero(~np.isfinite(start))[0])
        raise BalanceError(f"Cell {cell} of the start is {start[cell]}; allowed: finite numbers.")
    if not np.isfinite(matrix.data).all():
        raise BalanceError("The constraints hold a coefficient that is not finite; allowed: finite numbers.")
    return rows


def impossible_rows(rows: Rows) -> None:
    """BalanceError that names every hard row which no table with the start's signs and zeros can meet on its own."""
    up, down = rows.reach((rows.start != 0) & ~rows.emptied())
    bad = (rows.softness == 0) & (((rows.targets > 0) & ~up) | ((rows.targets < 0) & ~down))
    if bad.any():
        names = [rows.name(row) for row in range(len(rows.targets))]
        raise BalanceError(impossible_text(bad, up, down, rows.targets, names))


def impossible_text(
    bad: NDArray[np.bool_],
    up: NDArray[np.bool_],
    down: NDArray[np.bool_],
    targets: NDArray[np.float64],
    names: Sequence[str],
) -> str:
    """The text of an error: targets that signs and zeros forbid, with what their cells can do."""
    lines = []
    for row in np.flatnonzero(bad)[:_SHOWN]:
        one_way = f"cells that add {'upwards' if up[row] else 'downwards'}"
        only = one_way if up[row] or down[row] else "cells of zero"
        lines.append(f"  {names[row]}: target {targets[row]:.6g}, but it touches only {only}")
    more = f"\n  and {bad.sum() - _SHOWN} more" if bad.sum() > _SHOWN else ""
    return (
        f"{bad.sum()} of {len(targets)} targets cannot be met, since signs and zeros of the start are kept:\n"
        + "\n".join(lines)
        + more
        + "\nCorrect the targets, seed the cells of zero, or make these rows soft."
    )


def worst_rows(rows: Rows, cells: NDArray[np.float64], steps: int, tolerance: float) -> str:
    """The text of an error: not converged, with the hard rows that miss most."""
    hard = rows.softness == 0
    names = [rows.name(int(row)) for row in np.flatnonzero(hard)]
    turnover = abs(rows.matrix) @ np.abs(cells)
    return worst_text(names, rows.targets[hard], (rows.matrix @ cells)[hard], turnover[hard], steps, tolerance)


def worst_text(
    names: Sequence[str],
    targets: NDArray[np.float64],
    reached: NDArray[np.float64],
    turnover: NDArray[np.float64],
    steps: int,
    tolerance: float,
) -> str:
    """The text of an error: not converged, with the targets (NaN: free) that are missed most, as shares of turnover."""
    scale = np.maximum(np.abs(targets), turnover)
    misses = np.nan_to_num((reached - targets) / np.where(scale > 0, scale, 1.0))
    lines = [
        f"  {names[row]}: target {targets[row]:.6g}, reached {reached[row]:.6g} ({misses[row]:+.2e})"
        for row in np.argsort(-np.abs(misses))[:_SHOWN]
        if misses[row] != 0
    ]
    return (
        f"Not converged to {tolerance:g} after {steps} steps; there is no table. The rows that miss most:\n"
        + "\n".join(lines)
        + "\nCorrect these targets, make some soft, seed cells of zero, or allow a larger tolerance."
    )
