"""The entropy program: the table nearest to a start that meets any linear constraints, hard or soft.

    minimise  Σ |t0| (r ln r − r + 1) + Σ_soft (A t − b)² / (2 τ |b|),   r = t / t0,   subject to  A t = b on hard rows.

The first term is the distance that RAS and GRAS minimise, so a cell keeps its sign and a zero stays zero; with row and
column totals alone the solution is that of GRAS. The program is solved through its dual: t = t0 · exp(sign(t0) · A'λ)
with one multiplier a row, and Newton's method on λ with the Hessian A diag|t| A' + diag(τ|b|). Rows that say the same
twice (row and column totals of one table) leave the Hessian singular along a direction that changes no cell; a
relative 1e-11 on its scaled diagonal holds that direction still.

Sources: Junius and Oosterhaven (2003), Economic Systems Research 15, 87–96; Lenzen, Wood and Gallego (2007), 19,
461–465; for entropy programs with linear constraints Censor and Zenios (1997), Parallel Optimization, ch. 9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse
from numpy.typing import NDArray

from iomodel.balancing.contradictions import contradiction
from iomodel.balancing.rows import Rows, checked_rows, impossible_rows, worst_rows
from iomodel.errors import BalanceError, SolverError

_CAP = 3.0
"""Largest change of a cell's exponent in one step: a factor of twenty."""
_HOLD = 1e-11
"""Share of the scaled diagonal that keeps redundant rows from making the Hessian singular."""
_PATIENCE = 25
"""Steps without halving the largest residual after which the totals are taken to contradict each other."""
_HALVINGS = 40
_EXAMINED = 1_000_000
"""Nonzero cells up to which constraints that are not met are examined for contradictions."""


@dataclass(frozen=True)
class Fitted:
    """A solved balancing problem.

    cells: the fitted cells; multipliers: λ by row (zeros from the methods that have none); residuals: A t − b by row as
    a share of the larger of |b| and the row's turnover |A||t| (about zero on hard rows, what was conceded on soft
    ones); steps: Newton steps or sweeps. `converged` is always true: what does not converge raises.
    """

    cells: NDArray[np.float64]
    multipliers: NDArray[np.float64]
    residuals: NDArray[np.float64]
    steps: int
    converged: bool = True


def fit(
    start: NDArray[np.float64],
    constraints: Any,
    targets: NDArray[np.float64],
    softness: NDArray[np.float64] | None = None,
    *,
    tolerance: float = 1e-10,
    steps: int = 100,
    names: Sequence[str] | None = None,
) -> Fitted:
    """The cells nearest to `start` in entropy that meet `constraints` @ cells = `targets`.

    start (cells,); constraints (rows, cells), sparse; targets (rows,) in the unit of the start; softness (rows,): τ,
    0 = hard (None: all hard). A soft row costs (A t − b)²/(2 τ |b|), where b = 0 in place of |b| the turnover |A||t0|.
    tolerance: largest residual of the optimality conditions as a share of the row's turnover. names: what an error
    calls the rows. A hard target of zero over cells of one sign makes them zero.

    Raises BalanceError before the solve for rows that cannot be met whatever the other rows say, and after it for
    targets that contradict each other (which, and the smallest change that helps); SolverError with the rows that miss
    most where the steps run out.

    >>> import scipy.sparse
    >>> sums = scipy.sparse.csr_array([[1.0, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [0, 1, 0, 1]])
    >>> fit(np.array([4.0, 3, -1, 2]), sums, np.array([8.0, 2, 3, 7])).cells.round(3)
    array([ 3.937,  4.063, -0.937,  2.937])
    """
    rows = checked_rows(start, constraints, targets, softness, names)
    impossible_rows(rows)
    return solved(rows, tolerance, steps)


def solved(rows: Rows, tolerance: float = 1e-10, steps: int = 100) -> Fitted:
    """`fit` for constraints that are checked already; raises as `fit` does."""
    dual = _Dual.of(rows)
    multipliers, taken, converged = _newton(dual, tolerance, steps)
    cells = dual.cells(multipliers)
    if converged:
        return Fitted(cells, multipliers, rows.residuals(cells), taken)
    examined = np.count_nonzero(rows.start) <= _EXAMINED
    if examined and (text := contradiction(rows)) is not None:
        raise BalanceError(text)
    raise SolverError(worst_rows(rows, cells, taken, tolerance))


@dataclass(frozen=True)
class _Dual:
    """The dual over the cells that can move: minimise Σ |t0| (exp(B'λ) − 1) − b'λ + ½ λ'Σλ with B = A diag(sign t0)."""

    rows: Rows
    moving: NDArray[np.bool_]
    size: NDArray[np.float64]
    signed: Any
    by_cell: Any
    gross: Any
    give: NDArray[np.float64]

    @classmethod
    def of(cls, rows: Rows) -> _Dual:
        """The dual of a checked problem; cells that a zero target empties do not move."""
        moving = (rows.start != 0) & ~rows.emptied()
        signed = scipy.sparse.csr_array(rows.matrix[:, moving].multiply(np.sign(rows.start[moving])[None, :]))
        return cls(
            rows, moving, np.abs(rows.start[moving]), signed, scipy.sparse.csr_array(signed.T), abs(signed), rows.give()
        )

    def cells(self, multipliers: NDArray[np.float64]) -> NDArray[np.float64]:
        """All cells at these multipliers."""
        cells = np.zeros_like(self.rows.start)
        cells[self.moving] = np.sign(self.rows.start[self.moving]) * self.sizes(self.by_cell @ multipliers)
        return cells

    def sizes(self, exponents: NDArray[np.float64]) -> NDArray[np.float64]:
        """|t| at these exponents."""
        return self.size * np.exp(np.minimum(exponents, 700.0))

    def value(self, sizes: NDArray[np.float64], multipliers: NDArray[np.float64]) -> float:
        """D, up to a constant."""
        own = 0.5 * np.dot(self.give, multipliers**2) - np.dot(self.rows.targets, multipliers)
        return float(sizes.sum() + own)

    def gradient(self, sizes: NDArray[np.float64], multipliers: NDArray[np.float64]) -> NDArray[np.float64]:
        """B|t| − b + Σλ, by row."""
        return self.signed @ sizes - self.rows.targets + self.give * multipliers

    def miss(self, gradient: NDArray[np.float64], sizes: NDArray[np.float64]) -> float:
        """The largest gradient as a share of its row's turnover."""
        scale = np.maximum(np.abs(self.rows.targets), self.gross @ sizes)
        return float(np.max(np.abs(gradient) / np.where(scale > 0, scale, 1.0), initial=0.0))

    def hessian(self, sizes: NDArray[np.float64]) -> NDArray[np.float64]:
        """B diag|t| B' + Σ, dense."""
        weighted = self.by_cell.multiply(sizes[:, None])
        full = (self.signed @ scipy.sparse.csr_array(weighted)).toarray()
        full[np.diag_indices_from(full)] += self.give
        return full


def _newton(dual: _Dual, tolerance: float, steps: int) -> tuple[NDArray[np.float64], int, bool]:
    """Multipliers, the steps they took, and whether the gradient vanishes there."""
    multipliers = np.zeros(len(dual.rows.targets))
    exponents = np.zeros(len(dual.size))
    sizes = dual.size.copy()
    best, since, step = np.inf, 0, 0
    while True:
        gradient = dual.gradient(sizes, multipliers)
        miss = dual.miss(gradient, sizes)
        if miss <= tolerance:
            return multipliers, step, True
        best, since = (miss, 0) if miss < 0.5 * best else (best, since + 1)
        if step >= steps or since > _PATIENCE:
            break
        direction = _direction(dual.hessian(sizes), gradient)
        moved = _search(dual, multipliers, exponents, direction, gradient)
        if moved is None:
            break
        multipliers, exponents = moved
        sizes = dual.sizes(exponents)
        step += 1
    return multipliers, step, False


def _direction(hessian: NDArray[np.float64], gradient: NDArray[np.float64]) -> NDArray[np.float64]:
    """−H⁻¹g by Cholesky of the matrix scaled to a unit diagonal; the hold grows until it succeeds."""
    diagonal = np.diagonal(hessian).copy()
    scale = 1.0 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    hessian *= scale[:, None]
    hessian *= scale[None, :]
    at = np.diag_indices_from(hessian)
    ones = hessian[at].copy()
    hold = _HOLD
    while hold < 1.0:
        hessian[at] = ones + hold
        try:
            factor = scipy.linalg.cho_factor(hessian, lower=True, check_finite=False)
        except scipy.linalg.LinAlgError:
            hold *= 100.0
            continue
        return -scale * scipy.linalg.cho_solve(factor, scale * gradient, check_finite=False)
    return -gradient * scale**2


def _search(
    dual: _Dual,
    multipliers: NDArray[np.float64],
    exponents: NDArray[np.float64],
    direction: NDArray[np.float64],
    gradient: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """The first of the halved steps that lowers the dual, or near the solution the residual; None if none does."""
    change = dual.by_cell @ direction
    length = min(1.0, _CAP / max(float(np.max(np.abs(change), initial=0.0)), 1e-300))
    sizes = dual.sizes(exponents)
    before, miss = dual.value(sizes, multipliers), dual.miss(gradient, sizes)
    slope = float(np.dot(gradient, direction))
    for _ in range(_HALVINGS):
        tried, moved = multipliers + length * direction, exponents + length * change
        sizes = dual.sizes(moved)
        if dual.value(sizes, tried) <= before + 1e-4 * length * slope:
            return tried, moved
        # So near the solution the value no longer resolves the step; the residual still does.
        if dual.miss(dual.gradient(sizes, tried), sizes) < 0.9 * miss:
            return tried, moved
        length *= 0.5
    return None
