"""A proof that there is no path, made exact: the multipliers of an interior-point method carry its tolerance.

Where laws contradict each other by little, that tolerance is as large as the contradiction, and the proof proves
nothing. The rows that the solver blames are right all the same: among them alone exact multipliers are a small linear
program, for the simplex method. Where rounding has lost one of them none are exact; among all rows they are then found
at the price of a larger program.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from iomodel.program.canonical import Array, Canonical
from iomodel.program.certificate import cones_of, proof_residual
from iomodel.program.linear import highs_quiet, linear_program

BLAMED = (1e-8, 1e-12)
"""Multipliers that count, relative to the largest: the few that stand out, and where these do not do all but zeros."""

ALL = -1.0
"""Below every multiplier: with it no row is left out."""

ENOUGH = 1e-9
"""What a proof may miss, at which no better one is looked for."""

EXACT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10, "threads": 1}


def exact_proof(arrays: Canonical, z: Array, *, thorough: bool = False) -> tuple[Array, float]:
    """Multipliers of the rows that z blames, and what the proof by them misses; z and its own miss where no others are
    better. thorough: look among all rows, too, where those blamed do not do.

    Least b'y with A'y = 0, y ≥ 0 on inequalities and |y| ≤ 1 (Farkas 1902); of a cone only multiples of what z says of
    it are looked for, which stay inside.
    """
    best, missed = z, proof_residual(arrays, "infeasible", z, z)
    size = float(np.abs(z).max(initial=0.0))
    if not np.isfinite(size) or size == 0:
        return best, missed
    for least in (*BLAMED, ALL) if thorough else BLAMED:
        if missed <= ENOUGH:
            break
        better = _among(arrays, z / size, least)
        left = np.inf if better is None else proof_residual(arrays, "infeasible", better, better)
        if better is not None and left < missed:
            best, missed = better, left
    return best, missed


def _among(arrays: Canonical, z: Array, least: float) -> Array | None:
    """Exact multipliers among the rows on which those of z, at most 1, are larger than `least`; None if none were
    found."""
    blamed = np.flatnonzero(np.abs(z[: arrays.linear_rows]) > least)
    parts = [sparse.csc_array((np.ones(blamed.size), (blamed, np.arange(blamed.size))), (z.size, blamed.size))]
    for cone in cones_of(arrays):
        rows = np.arange(cone.start, cone.stop)
        if np.abs(z[rows]).max() > least:
            parts.append(sparse.csc_array((z[rows], (rows, np.zeros(rows.size, dtype=int))), (z.size, 1)))
    ways = sparse.csc_matrix(sparse.hstack(parts))
    pull = sparse.csc_matrix(arrays.matrix.T @ ways)
    still, gain = np.zeros(arrays.linear.size), np.asarray(ways.T @ arrays.bound)
    program = linear_program(pull, still, still, gain)
    program.col_lower_ = np.where(np.arange(gain.size) < np.sum(blamed < arrays.equalities), -1.0, 0.0)
    program.col_upper_ = np.ones(gain.size)
    highs = highs_quiet()
    for key, value in EXACT.items():
        highs.setOptionValue(key, value)
    highs.passModel(program)
    highs.run()
    if highs.getModelStatus().name != "kOptimal":
        return None
    return np.asarray(ways @ np.asarray(highs.getSolution().col_value))
