"""The verdict: our own judgement of a solved program, from the returned point and multipliers.

A solver's word is not taken: primal residuals are computed law by law in the laws' own scale, and stationarity,
complementarity and the gap from the canonical arrays P, q, A, b and the cones. Only when the worst is below the
tolerance is a path called optimal.
"""

from __future__ import annotations

from dataclasses import dataclass

import cvxpy as cp
import numpy as np
import numpy.typing as npt
from cvxpy.constraints.zero import Equality
from scipy import sparse

from iomodel.program.build import Program

Array = npt.NDArray[np.float64]

TOLERANCE = 1e-6
"""Largest residual of a law, relative to its scale, and of the conditions of optimality, that is called optimal."""


@dataclass(frozen=True)
class Verdict:
    """How a path was found.

    status: optimal, simulated, inaccurate, infeasible, unbounded or failed. worst_residual: the largest primal residual
    over the laws, relative to the law's scale, and `law` where it is. stationarity, complementarity, gap, cones:
    relative residuals of the optimality conditions (cones: of the multipliers and slacks), None where the solver does
    not hand out its point. replay_distance: largest difference between the solver's and the simulated
    path, percent of base-year GDP. remedies: what was tried after a first answer that was not good enough.
    """

    status: str
    worst_residual: float = 0.0
    law: str = ""
    stationarity: float | None = None
    complementarity: float | None = None
    gap: float | None = None
    cones: float | None = None
    replay_distance: float = 0.0
    objective: float = 0.0
    solver: str = ""
    iterations: int = 0
    seconds: float = 0.0
    remedies: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "remedies", tuple(self.remedies))
        object.__setattr__(self, "warnings", tuple(self.warnings))

    def __str__(self) -> str:
        """One line for the screen."""
        if self.status == "simulated":
            return "; ".join(["simulated", *self.warnings])
        law = self.law.replace("_", " ") or "none"
        line = f"{self.status}: largest residual of a law {self.worst_residual:.0e} ({law})"
        if self.stationarity is not None and self.gap is not None:
            line += f", stationarity {self.stationarity:.0e}, gap {self.gap:.0e}"
        line += (
            f", replay within {self.replay_distance:.0e} percent of GDP; {self.solver}, {self.iterations} iterations, "
            f"{self.seconds:.2f} s"
        )
        if self.remedies:
            line += f"; after {', then '.join(self.remedies)}"
        return "; ".join([line, *self.warnings])


def primal_residuals(program: Program) -> dict[str, float]:
    """Largest residual of each law at the program's point, relative to the law's scale (its largest side, at least
    1)."""
    found = {name: _residual(law.constraint) for name, law in program.laws.items()}
    for name, var in program.variables.items():
        if var.nonneg:
            below = np.asarray(program.values[name].value, dtype=float)
            found[f"{name}_not_negative"] = max(-float(below.min(initial=0.0)), 0.0)
    return found


def _residual(constraint: cp.Constraint) -> float:
    left, right = (np.asarray(side.value, dtype=float) for side in constraint.args)
    if left.size == 0:
        return 0.0
    miss = left - right
    worst = float(np.abs(miss).max()) if isinstance(constraint, Equality) else float(miss.max())
    scale = max(1.0, float(np.abs(left).max()), float(np.abs(right).max()))
    return max(worst, 0.0) / scale


@dataclass(frozen=True)
class Canonical:
    """A canonical program: minimise ½ x'Px + q'x subject to Ax + s = b, s in K, and a point (x, s, z) of it."""

    quadratic: sparse.csc_matrix
    linear: Array
    matrix: sparse.csc_matrix
    bound: Array
    equalities: int
    cones: tuple[int, ...]
    """Sizes of the second-order cones, after equalities and inequalities."""
    x: Array
    s: Array
    z: Array


def optimality(point: Canonical) -> tuple[float, float, float, float]:
    """Relative stationarity, complementarity, duality gap, and distance of slacks and multipliers from their cones.

    Px + q + A'z = 0;  s'z = 0;  x'Px + q'x + b'z = 0 (Boyd and Vandenberghe 2004, section 5.5).
    """
    quadratic = point.quadratic @ point.x
    dual = point.matrix.T @ point.z
    scale = 1 + max(float(np.abs(part).max(initial=0.0)) for part in (quadratic, point.linear, dual))
    stationary = float(np.abs(quadratic + point.linear + dual).max()) / scale
    curve, cost = float(point.x @ quadratic), float(point.linear @ point.x)
    value = 1 + abs(0.5 * curve + cost)
    inside = slice(point.equalities, None)
    complementary = abs(float(point.s[inside] @ point.z[inside])) / value
    gap = abs(curve + cost + float(point.bound @ point.z)) / value
    outside = max(
        _outside(point, point.s) / (1 + float(np.abs(point.bound).max(initial=0.0))), _outside(point, point.z)
    )
    return stationary, complementary, gap, outside


def _outside(point: Canonical, vector: Array) -> float:
    """How far slacks or multipliers are outside: below zero, or beyond a second-order cone (both are self-dual)."""
    first = vector.size - sum(point.cones)
    worst = max(0.0, -float(vector[point.equalities : first].min(initial=0.0)))
    for size in point.cones:
        worst = max(worst, float(np.linalg.norm(vector[first + 1 : first + size]) - vector[first]))
        first += size
    return worst
