"""GRAS: a signed matrix scaled to its row and column totals.

With A = P − N (positive and negative cells), r and s the factors of rows and columns,

    t_ij = r_i P_ij s_j − N_ij / (r_i s_j),      r_i² p_i(s) − u_i r_i − n_i(s) = 0,      s_j likewise,

where p_i(s) = Σ_j P_ij s_j and n_i(s) = Σ_j N_ij / s_j. Rows and columns are scaled in turn until both totals are met.
The positive root is taken in the form that does not cancel for negative totals; it is then −n_i/u_i for a row without
positive cells, as it should be. The result minimises Σ |t0| (r ln r − r + 1), the distance of `entropy`, whose target
the original paper missed by a constant factor e.

Sources: Junius and Oosterhaven (2003), Economic Systems Research 15, 87–96; Lenzen, Wood and Gallego (2007), 19,
461–465 (the factor); Temurshoev, Miller and Bouwmeester (2013), 25, 361–367 (rows without positive cells).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from iomodel.balancing.contradictions import contradiction
from iomodel.balancing.entropy import solved
from iomodel.balancing.margins import Floats, Margins, checked_margins
from iomodel.balancing.rows import worst_text
from iomodel.errors import BalanceError, SolverError

_PATIENCE = 60
"""Sweeps without halving the largest residual after which the totals are examined."""
_EXAMINED = 1_000_000
"""Nonzero cells up to which totals that are not met are examined, and solved by Newton's method."""


@dataclass(frozen=True)
class Scaled:
    """A matrix scaled to its totals.

    cells (rows, columns); row_factors and column_factors: r and s; residual: the largest miss of a total as a share of
    the larger of the total and the turnover of its row or column; sweeps: over rows and columns.
    """

    cells: Floats
    row_factors: Floats
    column_factors: Floats
    residual: float
    sweeps: int


def gras(
    start: Floats,
    row_totals: Floats,
    column_totals: Floats,
    *,
    tolerance: float = 1e-10,
    sweeps: int = 2000,
    row_names: Sequence[str] | None = None,
    column_names: Sequence[str] | None = None,
) -> Scaled:
    """The matrix nearest to `start` with these totals; signs and zeros are kept.

    start (rows, columns), row_totals (rows,), column_totals (columns,), all in one unit; NaN: this total is free.
    Raises BalanceError where totals contradict each other or the signs and zeros of the start (which, by how much),
    SolverError with the totals that miss most where `sweeps` do not suffice.

    The example of Junius and Oosterhaven (2003), solved after Lenzen, Wood and Gallego (2007):

    >>> old = np.array([[7.0, 3, 5, -3], [2, 9, 8, 1], [-2, 0, 2, 1]])
    >>> gras(old, np.array([15.0, 26, -1]), np.array([9.0, 16, 17, -2])).cells.round(2)
    array([[ 8.98,  3.74,  5.72, -3.44],
           [ 2.8 , 12.26,  9.99,  0.95],
           [-2.78,  0.  ,  1.29,  0.49]])
    """
    given = Margins(
        np.asarray(start, dtype=float),
        np.asarray(row_totals, dtype=float),
        np.asarray(column_totals, dtype=float),
        row_names,
        column_names,
    )
    margins = checked_margins(given, tolerance)
    found = _swept(margins, tolerance, sweeps)
    if isinstance(found, Scaled):
        return found
    return _examined(margins, found, tolerance)


def _swept(margins: Margins, tolerance: float, sweeps: int) -> Scaled | tuple[Floats, int]:
    """Rows and columns scaled in turn; the cells reached and the sweeps taken where that leads nowhere."""
    start, rows, columns = margins.start, margins.rows, margins.columns
    positive, negative = np.maximum(start, 0.0), _negative(start)
    free_rows, free_columns = np.isnan(rows), np.isnan(columns)
    r, s = np.ones(len(rows)), np.ones(len(columns))
    best, since, sweep = np.inf, 0, 0
    while True:
        sweep += 1
        r = _factors(rows, positive @ s, negative @ (1 / s), free_rows)
        p, n = r @ positive, negative.T @ (1 / r)
        plus, minus = s * p, n / s
        scale = np.maximum(np.abs(columns), plus + minus)
        miss = np.abs(plus - minus - columns)[~free_columns] / np.where(scale > 0, scale, 1.0)[~free_columns]
        residual = float(np.max(miss, initial=0.0))
        if residual <= tolerance:
            return Scaled(_cells(positive, negative, r, s), r, s, residual, sweep)
        best, since = (residual, 0) if residual < 0.5 * best else (best, since + 1)
        if sweep >= sweeps or since > _PATIENCE:
            return _cells(positive, negative, r, s), sweep
        s = _factors(columns, p, n, free_columns)


def _negative(start: Floats) -> Any:
    """The sizes of the negative cells, sparse: few cells of a table are negative."""
    row, column = np.nonzero(start < 0)
    return scipy.sparse.csr_array((-start[row, column], (row, column)), shape=start.shape)


def _factors(totals: Floats, p: Floats, n: Floats, free: NDArray[np.bool_]) -> Floats:
    """The positive root of p x² − u x − n = 0, and one where a total is free or there is nothing to scale."""
    idle = free | ((p == 0) & (n == 0))
    u = np.where(idle, 1.0, totals)
    root = np.sqrt(u**2 + 4 * p * n)
    above, below = np.where(u >= 0, u + root, 2 * n), np.where(u >= 0, 2 * p, root - u)
    return np.where(idle, 1.0, above / np.where(idle, 1.0, below))


def _cells(positive: Floats, negative: Any, r: Floats, s: Floats) -> Floats:
    cells = positive * r[:, None]
    cells *= s[None, :]
    held: Any = scipy.sparse.coo_array(negative)
    row, column = held.coords
    cells[row, column] = -held.data / (r[row] * s[column])
    return cells


def _examined(margins: Margins, reached: tuple[Floats, int], tolerance: float) -> Scaled:
    """What sweeps do not meet: the contradiction is named, or Newton's method goes on to cells that vanish."""
    cells, sweeps = reached
    if np.count_nonzero(margins.start) <= _EXAMINED:
        rows = margins.as_rows()
        if (text := contradiction(rows)) is not None:
            raise BalanceError(text)
        fitted = solved(rows, tolerance)
        told = np.isfinite(np.concatenate([margins.rows, margins.columns]))
        factors = np.zeros(len(told))
        factors[told] = fitted.multipliers
        r, s = np.exp(factors[: len(margins.rows)]), np.exp(factors[len(margins.rows) :])
        miss = float(np.max(np.abs(fitted.residuals), initial=0.0))
        return Scaled(fitted.cells.reshape(margins.start.shape), r, s, miss, sweeps + fitted.steps)
    sums = np.concatenate([cells.sum(axis=1), cells.sum(axis=0)])
    turnover = np.concatenate([np.abs(cells).sum(axis=1), np.abs(cells).sum(axis=0)])
    targets = np.concatenate([margins.rows, margins.columns])
    raise SolverError(worst_text(margins.names, targets, sums, turnover, sweeps, tolerance))
