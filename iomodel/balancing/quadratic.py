"""The quadratic program: a second, independent way to the same table, by a conic solver.

    minimise  ½ Σ (t − t0)² / |t0| + Σ_soft (A t − b)² / (2 τ |b|)   subject to   A t = b on hard rows,  t / t0 ≥ 0.

It is the entropy program to second order, since r ln r − r + 1 = (r − 1)²/2 + O((r − 1)³): for small changes both give
the same table, and where they differ the choice of the distance matters. Unlike the entropy a cell may end at zero.

Sources: Friedlander (1961); Harrigan and Buchanan (1984), Journal of Regional Science 24, 339–358.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cvxpy as cp
import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from iomodel.balancing.contradictions import refuse_contradiction
from iomodel.balancing.entropy import Fitted
from iomodel.balancing.rows import Rows, checked_rows, impossible_rows, worst_rows
from iomodel.errors import SolverError

_OPTIMAL = 1e-6
"""Largest projected gradient of the Lagrangian, as a share of the start, that counts as optimal."""


def quadratic(
    start: NDArray[np.float64],
    constraints: Any,
    targets: NDArray[np.float64],
    softness: NDArray[np.float64] | None = None,
    *,
    tolerance: float = 1e-7,
    names: Sequence[str] | None = None,
) -> Fitted:
    """The cells nearest to `start` in weighted squares that meet `constraints` @ cells = `targets`, signs kept.

    Arguments as `entropy.fit`; tolerance: the largest miss of a hard row, as a share of its turnover, that is accepted
    from the solver. Raises BalanceError where targets contradict each other, SolverError where the solver fails.

    >>> sums = np.array([[1.0, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [0, 1, 0, 1]])
    >>> quadratic(np.array([4.0, 3, -1, 2]), sums, np.array([8.0, 2, 3, 7])).cells.round(2)
    array([ 3.92,  4.08, -0.92,  2.92])
    """
    rows = checked_rows(start, constraints, targets, softness, names)
    impossible_rows(rows)
    cells, status, steps = _solve(rows)
    if cells is not None:
        misses = np.where(rows.softness > 0, 0.0, rows.residuals(cells))
        if float(np.max(np.abs(misses), initial=0.0)) <= tolerance:
            return Fitted(cells, np.zeros(len(rows.targets)), rows.residuals(cells), steps)
    refuse_contradiction(rows)
    if cells is None:
        raise SolverError(f"The quadratic program ended {status}; there is no table. Try method entropy.")
    raise SolverError(worst_rows(rows, cells, steps, tolerance))


def _off(problem: cp.Problem, size: cp.Variable, root: NDArray[np.float64]) -> float:
    """How far the answer is from the conditions of optimality, whatever the solver calls it: the gradient of the
    Lagrangian, projected on t / t0 ≥ 0, as a share of the start. With it both conditions are seen at once."""
    lagrangian = problem.objective.expr + sum(
        cp.sum(cp.multiply(law.dual_value, law.expr)) for law in problem.constraints
    )
    gradient = np.asarray(lagrangian.grad[size].toarray()).ravel()
    left = size.value - np.maximum(size.value - gradient, 0.0)
    return float(np.linalg.norm(left) / np.linalg.norm(root))


def _solve(rows: Rows) -> tuple[NDArray[np.float64] | None, str, int]:
    """The cells, or None, with the solver's status and steps; solved for t / √|t0| in units of the largest cell."""
    moving = rows.start != 0
    unit = max(float(np.max(np.abs(rows.start), initial=0.0)), 1e-300)
    root = np.sqrt(np.abs(rows.start[moving]) / unit)
    sign = np.sign(rows.start[moving])
    held: Any = rows.matrix[:, np.flatnonzero(moving)]
    signed = scipy.sparse.csr_array(held.multiply((sign * root)[None, :]))
    aim, hard, give = rows.targets / unit, rows.softness == 0, rows.give() / unit
    scale = 1.0 / np.sqrt(np.maximum(np.asarray(signed.power(2).sum(axis=1)).ravel(), 1e-300))
    size = cp.Variable(int(moving.sum()), nonneg=True)
    cost = 0.5 * cp.sum_squares(size - root)
    laws: list[Any] = []
    if (at := np.flatnonzero(hard & (abs(signed).sum(axis=1) > 0))).size:
        laws.append(scipy.sparse.csr_array(signed[at].multiply(scale[at, None])) @ size == scale[at] * aim[at])
    if (at := np.flatnonzero(~hard & (give > 0))).size:
        weight = 1.0 / np.sqrt(give[at])
        miss = scipy.sparse.csr_array(signed[at].multiply(weight[:, None])) @ size - weight * aim[at]
        cost = cost + 0.5 * cp.sum_squares(miss)
    problem = cp.Problem(cp.Minimize(cost), laws)
    try:
        problem.solve(solver=cp.CLARABEL, tol_feas=1e-11, tol_gap_abs=1e-11, tol_gap_rel=1e-11)
    except cp.SolverError as error:
        return None, str(error), 0
    if size.value is None or problem.status not in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE):
        return None, str(problem.status), 0
    if (off := _off(problem, size, root)) > _OPTIMAL:
        return None, f"{problem.status} with a gradient of {off:.1e}", 0
    cells = np.zeros_like(rows.start)
    cells[moving] = unit * sign * root * np.maximum(np.asarray(size.value), 0.0)
    return cells, str(problem.status), int(problem.solver_stats.num_iters or 0)
