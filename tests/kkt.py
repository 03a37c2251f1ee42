"""Conditions of optimality of a cone program from its arrays alone: numpy and scipy, nothing of the product.

minimise ½ x'Px + q'x subject to b − Ax ∈ K = {0}^z × R₊^l × second-order cones; multipliers in the dual cone, where
that of {0}^z is free and the others are their own (Boyd and Vandenberghe 2004, sections 5.5 and 5.9).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import sparse


def _pieces(zero: int, positive: int, cones: Sequence[int]) -> Iterator[slice]:
    """Places of each second-order cone."""
    start = zero + positive
    for size in cones:
        yield slice(start, start + size)
        start += size


def _outside(vector: np.ndarray, zero: int, positive: int, cones: Sequence[int], *, dual: bool) -> float:
    """How far a vector is outside the cone (or its dual, which does not restrict the part of {0})."""
    far = 0.0 if dual or not zero else float(np.abs(vector[:zero]).max())
    if positive:
        far = max(far, float(-vector[zero : zero + positive].min()))
    for piece in _pieces(zero, positive, cones):
        far = max(far, float(np.linalg.norm(vector[piece][1:]) - vector[piece][0]))
    return max(far, 0.0)


def _full(quadratic: sparse.csc_array) -> sparse.csc_array:
    """The whole symmetric matrix, whether a half of it or all was given."""
    if abs(sparse.tril(quadratic, -1)).sum() == 0:
        return quadratic + sparse.triu(quadratic, 1).T
    assert abs(quadratic - quadratic.T).max() < 1e-14
    return quadratic


def residuals(
    quadratic: sparse.csc_array, linear: np.ndarray, matrix: sparse.csc_array, bound: np.ndarray,
    zero: int, positive: int, cones: Sequence[int], x: np.ndarray, z: np.ndarray,
) -> dict[str, float]:  # fmt: skip
    """Residuals by condition, each relative to the size of what it is made of."""
    assert zero + positive + sum(cones) == bound.size == z.size
    full = _full(quadratic)
    slack = bound - matrix @ x
    size = 1 + max(float(np.abs(part).max()) for part in (matrix @ x, bound))
    pushed, pulled = full @ x + linear, matrix.T @ z
    force = 1 + max(float(np.abs(part).max()) for part in (pushed, pulled))
    value = 0.5 * float(x @ (full @ x)) + float(linear @ x)
    dual_value = -0.5 * float(x @ (full @ x)) - float(bound @ z)
    worth = 1 + abs(value)
    products = [float(np.abs(slack[zero : zero + positive] * z[zero : zero + positive]).max(initial=0.0))]
    products += [abs(float(slack[piece] @ z[piece])) for piece in _pieces(zero, positive, cones)]
    return {
        "primal": _outside(slack, zero, positive, cones, dual=False) / size,
        "dual": _outside(z, zero, positive, cones, dual=True) / force,
        "stationarity": float(np.abs(pushed + pulled).max()) / force,
        "complementarity": max(products) / worth,
        "gap": abs(value - dual_value) / worth,
    }
