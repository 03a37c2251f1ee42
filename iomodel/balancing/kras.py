"""KRAS: conflicting totals of stated reliability, over any linear combination of cells.

Each constraint in turn is met by scaling its cells, t_j ← t_j exp(λ_i g_ij sign(t_j)) with λ_i such that Σ g_ij t_j =
c_i: the step of GRAS for coefficients g of any size. Where a sweep over all constraints no longer brings them closer,
they conflict, and each uncertain total gives way by at most a share α of its standard deviation σ_i:

    c_i ← c_i − sign(c_i − Σ g_ij t_j) · min(|c_i − Σ g_ij t_j|, α σ_i).

So an official total stays and a survey's total moves. The result depends on the order of the constraints a little;
`entropy` with soft rows is the program with one answer, and faster where there are many rows.

Source: Lenzen, Gallego and Wood (2009), Matrix balancing under conflicting information, Economic Systems Research 21,
23–44.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from iomodel.balancing.contradictions import refuse_contradiction
from iomodel.balancing.entropy import Fitted
from iomodel.balancing.rows import Rows, checked_rows, impossible_rows, worst_rows
from iomodel.errors import SolverError

_SHARE = 0.1
"""α: the share of its standard deviation by which an uncertain total gives way after a sweep that brought nothing."""
_PROGRESS = 0.9
_PATIENCE = 300


def kras(
    start: NDArray[np.float64],
    constraints: Any,
    targets: NDArray[np.float64],
    softness: NDArray[np.float64] | None = None,
    *,
    tolerance: float = 1e-9,
    sweeps: int = 5000,
    names: Sequence[str] | None = None,
) -> Fitted:
    """Cells near `start` that meet hard constraints exactly and give way on uncertain ones by their reliability.

    Arguments as `entropy.fit`, but for softness (rows,): the standard deviation of a total as a share of its size, 0 =
    hard. The residuals of the result say by how much each total gave way. Raises BalanceError where hard targets
    contradict each other, SolverError with the worst rows where the sweeps run out.

    Two reports of one cell, the first ten times as reliable:

    >>> kras(np.array([10.0]), np.ones((2, 1)), np.array([9.0, 12]), np.array([0.01, 0.1])).cells.round(1)
    array([9.2])
    """
    rows = checked_rows(start, constraints, targets, softness, names)
    impossible_rows(rows)
    blocks = [_Block.of(rows, block) for block in _disjoint(rows.matrix)]
    spread = rows.give()
    cells, wanted = np.where(rows.emptied(), 0.0, rows.start), rows.targets.copy()
    before, best, since, sweep, giving = np.inf, np.inf, 0, 0, False
    while sweep < sweeps and since <= _PATIENCE:
        sweep, miss = sweep + 1, 0.0
        for block in blocks:
            sums, turnover = block.sums(cells)
            short = wanted[block.rows] - sums
            scale = np.maximum(np.abs(wanted[block.rows]), turnover)
            miss = max(miss, float(np.max(np.abs(short) / np.where(scale > 0, scale, 1.0), initial=0.0)))
            if giving:
                wanted[block.rows] -= np.sign(short) * np.minimum(np.abs(short), _SHARE * spread[block.rows])
            cells = block.scaled(cells, wanted)
        if miss <= tolerance:
            return Fitted(cells, np.zeros(len(wanted)), rows.residuals(cells), sweep)
        giving = miss > _PROGRESS * before
        before = miss
        best, since = (miss, 0) if miss < 0.5 * best else (best, since + 1)
    refuse_contradiction(rows)
    raise SolverError(worst_rows(rows, cells, sweep, tolerance))


def _disjoint(matrix: Any) -> list[NDArray[np.int_]]:
    """Consecutive rows in groups that share no cell, so that a group can be scaled at once."""
    groups: list[list[int]] = [[]]
    taken = np.zeros(matrix.shape[1], dtype=bool)
    for row in range(matrix.shape[0]):
        touched = matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]
        if taken[touched].any():
            groups.append([])
            taken[:] = False
        taken[touched] = True
        groups[-1].append(row)
    return [np.array(group, dtype=int) for group in groups if group]


@dataclass(frozen=True)
class _Block:
    """Rows without a cell in common: their numbers, and of each of their entries row in the block, cell and weight."""

    rows: NDArray[np.int_]
    row: NDArray[np.int_]
    cell: NDArray[np.int_]
    weight: NDArray[np.float64]

    @classmethod
    def of(cls, rows: Rows, block: NDArray[np.int_]) -> _Block:
        """The rows numbered `block` of the constraints, without cells of zero."""
        part: Any = scipy.sparse.coo_array(rows.matrix[block])
        row, cell = part.coords
        kept = (rows.start[cell] != 0) & (part.data != 0)
        return cls(block, row[kept], cell[kept], part.data[kept])

    def sums(self, cells: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Sum and turnover of each row of the block."""
        parts = self.weight * cells[self.cell]
        count = len(self.rows)
        sums = np.bincount(self.row, parts, count).astype(float)
        return sums, np.bincount(self.row, np.abs(parts), count).astype(float)

    def scaled(self, cells: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
        """The cells scaled so that each row of the block meets its target, by Newton's method on λ, row by row."""
        power = self.weight * np.sign(cells[self.cell])
        size = np.abs(cells[self.cell])
        target, count = wanted[self.rows], len(self.rows)
        factor = np.zeros(count)
        for _ in range(50):
            moved = size * np.exp(np.clip(power * factor[self.row], -500, 500))
            short = target - np.bincount(self.row, power * moved, count)
            slope = np.bincount(self.row, power**2 * moved, count)
            step = np.clip(short / np.where(slope > 0, slope, 1.0), -1.0, 1.0) * (slope > 0)
            factor += step
            if np.all(np.abs(step) <= 1e-13 * (1 + np.abs(factor))):
                break
        answer = cells.copy()
        answer[self.cell] *= np.exp(np.clip(power * factor[self.row], -500, 500))
        return answer
