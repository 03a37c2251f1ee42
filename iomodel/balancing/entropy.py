"""The entropy program: the table nearest to a start that meets any linear constraints, hard or soft.

    minimise  Σ |t0| (r ln r − r + 1) + Σ_soft (A t − b)² / (2 τ |b|),   r = t / t0,   subject to  A t = b on hard rows.

The first term is the distance that RAS and GRAS minimise, so a cell keeps its sign and a zero stays zero; with row and
column totals alone the solution is that of GRAS. The program is solved through its dual: t = t0 · exp(sign(t0) · A'λ)
with one multiplier a row, and Newton's method on λ with the Hessian A diag|t| A' + diag(τ|b|). Rows that say the same
twice (row and column totals of one table) leave the Hessian singular along a direction that changes no cell; a
little added to its scaled diagonal holds that direction still, and more of it where a step does not help.

Sources: Junius and Oosterhaven (2003), Economic Systems Research 15, 87–96; Lenzen, Wood and Gallego (2007), 19,
461–465; for entropy programs with linear constraints Censor and Zenios (1997), Parallel Optimization, ch. 9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse
from numpy.typing import NDArray

from iomodel.balancing.contradictions import refuse_contradiction
from iomodel.balancing.rows import Rows, checked_rows, impossible_rows, worst_rows
from iomodel.errors import SolverError

_CAP = 3.0
"""Largest change of a cell's exponent in one step: a factor of twenty."""
_HOLD = 1e-14
"""Least share of the scaled diagonal that is added to it; redundant rows make the Hessian singular."""
_PATIENCE = 25
"""Steps without halving the largest residual after which the totals are taken to contradict each other."""
_HALVINGS = 40


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
    steps: int = 200,
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


def solved(rows: Rows, tolerance: float = 1e-10, steps: int = 200) -> Fitted:
    """`fit` for constraints that are checked already; raises as `fit` does."""
    dual = _Dual.of(rows)
    walk = _newton(dual, tolerance, steps)
    cells = dual.cells(walk.multipliers)
    if walk.converged:
        return Fitted(cells, walk.multipliers, rows.residuals(cells), walk.steps)
    if not walk.examined:
        refuse_contradiction(rows)
    raise SolverError(worst_rows(rows, cells, walk.steps, tolerance))


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


@dataclass(frozen=True)
class _Walk:
    """Where Newton's method stands: multipliers, the cells' exponents B'λ, the hold on the diagonal, steps taken, the
    smallest residual met and the steps since, whether it is below the tolerance, and whether the targets were examined
    for contradictions."""

    multipliers: NDArray[np.float64]
    exponents: NDArray[np.float64]
    hold: float = _HOLD
    steps: int = 0
    best: float = np.inf
    since: int = 0
    converged: bool = False
    examined: bool = False


def _newton(dual: _Dual, tolerance: float, steps: int) -> _Walk:
    """Steps until the gradient vanishes, none helps any more, or they run out.

    Raises BalanceError when no progress for a while turns out to be a contradiction.
    """
    walk = _Walk(np.zeros(len(dual.rows.targets)), np.zeros(len(dual.size)))
    while True:
        sizes = dual.sizes(walk.exponents)
        gradient = dual.gradient(sizes, walk.multipliers)
        miss = dual.miss(gradient, sizes)
        best, since = (miss, 0) if miss < 0.5 * walk.best else (walk.best, walk.since + 1)
        walk = replace(walk, best=best, since=since, converged=miss <= tolerance)
        if walk.converged or walk.steps >= steps:
            return walk
        if since > _PATIENCE and not walk.examined:
            refuse_contradiction(dual.rows)
            walk = replace(walk, examined=True)
        moved = _step(dual, walk, sizes, gradient)
        if moved is None:
            return walk
        walk = moved


def _step(dual: _Dual, walk: _Walk, sizes: NDArray[np.float64], gradient: NDArray[np.float64]) -> _Walk | None:
    """One step; where no length of it lowers the dual, the hold on the diagonal grows. None if that does not help."""
    scaled, scale = _scaled(dual.hessian(sizes))
    hold = walk.hold
    while hold < 1e3:
        direction = _direction(scaled, scale, gradient, hold)
        if direction is not None:
            change = dual.by_cell @ direction
            length = _length(dual, sizes, gradient, direction, change)
            if length > 0:
                return replace(
                    walk,
                    multipliers=walk.multipliers + length * direction,
                    exponents=walk.exponents + length * change,
                    hold=max(0.1 * hold, _HOLD),
                    steps=walk.steps + 1,
                )
        hold *= 10.0
    return None


def _scaled(hessian: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The Hessian scaled to a unit diagonal, in place, and the scale."""
    diagonal = np.diagonal(hessian)
    scale = 1.0 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    hessian *= scale[:, None]
    hessian *= scale[None, :]
    return hessian, scale


def _direction(
    scaled: NDArray[np.float64], scale: NDArray[np.float64], gradient: NDArray[np.float64], hold: float
) -> NDArray[np.float64] | None:
    """−H⁻¹g by Cholesky with `hold` added to the unit diagonal; None where that is not positive definite."""
    at = np.diag_indices_from(scaled)
    diagonal = scaled[at].copy()
    scaled[at] += hold
    try:
        factor = scipy.linalg.cho_factor(scaled, lower=True, check_finite=False)
    except scipy.linalg.LinAlgError:
        return None
    finally:
        scaled[at] = diagonal
    return -scale * scipy.linalg.cho_solve(factor, scale * gradient, check_finite=False)


def _length(
    dual: _Dual,
    sizes: NDArray[np.float64],
    gradient: NDArray[np.float64],
    direction: NDArray[np.float64],
    change: NDArray[np.float64],
) -> float:
    """The first of the halved lengths that lowers the dual enough; 0 where none does.

    The fall is summed as g'd + Σ|t|(e^δ − 1 − δ) + ½ d'Σd: the dual itself is too large a number to show it.
    """
    slope, own = float(np.dot(gradient, direction)), 0.5 * float(np.dot(dual.give, direction**2))
    if not slope < 0:
        return 0.0
    length = min(1.0, _CAP / max(float(np.max(np.abs(change), initial=0.0)), 1e-300))
    for _ in range(_HALVINGS):
        moved = length * change
        bend = np.where(np.abs(moved) < 1e-5, 0.5 * moved**2, np.expm1(moved) - moved)
        if length * slope + float(np.dot(sizes, bend)) + length**2 * own <= 1e-4 * length * slope:
            return length
        length *= 0.5
    return 0.0
