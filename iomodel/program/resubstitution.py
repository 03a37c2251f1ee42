"""Substitution done again for other values of parameters: what they leave as it was is kept.

A target, a margin or a price moves bounds, costs and a few rows; what laws define hangs on hardly any of them. Rows
that are as before are not multiplied out anew. The arrays that a solver is given are those of a fresh substitution to
the last digit, so that no result hangs on what was solved before it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse

from iomodel.program.canonical import Canonical, Indices
from iomodel.program.elimination import NEGLIGIBLE, Reduced, Substituted, handed, in_turn

Matrix = sparse.csr_matrix


def reduced_again(before: Reduced, whole: Canonical) -> Reduced | None:
    """The reduced program of the same structure with other numbers; None where what was kept does not fit any more: an
    entry has appeared or gone, a definition in a chain has changed, or other columns are idle."""
    old = before.whole
    if not (_same_pattern(whole.matrix, old.matrix) and _same(whole.quadratic, old.quadratic)):
        return None
    turned = replace(before.turned, linear=whole.linear, bound=np.asarray(before.turn @ whole.bound))
    made = before.made
    changed = _rows_of(whole.matrix, np.flatnonzero(whole.matrix.data != old.matrix.data))
    if changed.size:
        if before.pairs.carried[0].size:  # changed rows would have to be turned again
            return None
        turned = replace(turned, matrix=whole.matrix)
        found = _changed(before, turned.matrix, changed)
        if found is None:
            return None
        made = found
    fixed = in_turn(made.steps, turned.bound[before.pairs.rows] / made.pivot)
    bound = turned.bound[made.rows] - made.through @ fixed
    made = replace(made, fixed=fixed, bound=bound)
    linear = turned.linear[made.columns] - made.moves.T @ turned.linear[before.pairs.columns]
    part = replace(before.arrays, linear=linear, matrix=made.matrix, bound=bound)
    inner = handed(part, before.rows, before.columns)
    if (
        not np.array_equal(made.matrix.data < 0, before.made.matrix.data < 0)
        or not np.array_equal(inner.linear == 0, before.arrays.linear == 0)
        or linear[before.idle].any()
    ):
        return None
    return replace(before, arrays=inner, whole=whole, turned=turned, made=made)


def _changed(before: Reduced, matrix: Matrix, changed: Indices) -> Substituted | None:
    """What follows from changed rows; definitions among them must be of variables that define no others."""
    made, pairs = before.made, before.pairs
    place = np.full(matrix.indptr.size - 1, -1, dtype=np.intp)
    place[pairs.rows] = np.arange(pairs.rows.size)
    defining = np.sort(place[changed])
    defining = defining[defining >= 0]
    if defining.size:
        found = _defined_anew(made, matrix[pairs.rows[defining]], pairs.columns, defining)
        if found is None:
            return None
        made = found
    place[:] = -1
    place[made.rows] = np.arange(made.rows.size)
    own = place[changed]
    own = own[own >= 0]
    hit = np.zeros(pairs.columns.size, dtype=bool)
    hit[defining] = True
    rows = np.union1d(own, _rows_of(made.through, np.flatnonzero(hit[made.through.indices])))
    left = matrix[made.rows[rows]]
    through = left[:, pairs.columns]
    new = Matrix(left[:, made.columns] - through @ made.moves)
    new.data[np.abs(new.data) < NEGLIGIBLE] = 0.0
    new.eliminate_zeros()
    kept = _replaced(made.matrix, rows, new)
    passed = _replaced(made.through, rows, through)
    return None if kept is None or passed is None else replace(made, matrix=kept, through=passed)


def _defined_anew(made: Substituted, own: Matrix, columns: Indices, defining: Indices) -> Substituted | None:
    """Moves of some definitions, from their rows of the program; they define nothing and are defined by nothing."""
    system = own[:, columns]
    if system.nnz > defining.size or any(np.isin(step.indices, defining).any() for step in made.steps[:1]):
        return None
    pivot = np.asarray(system[np.arange(defining.size), defining], dtype=np.float64).ravel()
    moves = _replaced(made.moves, defining, Matrix(sparse.diags_array(1 / pivot) @ own[:, made.columns]))
    if moves is None:
        return None
    pivots = made.pivot.copy()
    pivots[defining] = pivot
    return replace(made, pivot=pivots, moves=moves)


def _replaced(matrix: Matrix, rows: Indices, new: Matrix) -> Matrix | None:
    """The matrix with other numbers in some rows, in rising order; None where they stand in other places."""
    new.sort_indices()
    counts = np.diff(matrix.indptr)
    chosen = np.zeros(counts.size, dtype=np.bool_)
    chosen[rows] = True
    entries = np.flatnonzero(np.repeat(chosen, counts))
    same = np.array_equal(np.diff(new.indptr), counts[rows]) and np.array_equal(matrix.indices[entries], new.indices)
    if not same:
        return None
    data: Any = matrix.data.copy()
    data[entries] = new.data
    return Matrix((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def _rows_of(matrix: Any, entries: Indices) -> Indices:
    """The rows, each once, in which stored entries stand."""
    return np.unique(np.searchsorted(matrix.indptr, entries, side="right") - 1)


def _same_pattern(one: Any, other: Any) -> bool:
    return np.array_equal(one.indptr, other.indptr) and np.array_equal(one.indices, other.indices)


def _same(one: Any, other: Any) -> bool:
    return _same_pattern(one, other) and np.array_equal(one.data, other.data)
