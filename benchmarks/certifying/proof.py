"""Proofs of infeasibility that do not rest on the product: in rational arithmetic, and the opinion of an LP solver of
another kind.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from scipy import sparse
from scipy.optimize import OptimizeResult, linprog

from certifying.lawbook import LawBook

ACCURATE = {"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9}

BLAMED = 1e-8
"""Multipliers of a solver's proof of infeasibility that count, relative to its largest."""


def linear(book: LawBook, cost: np.ndarray, bound: np.ndarray | None = None) -> OptimizeResult:
    """Minimise cost'x over the laws with HiGHS, a simplex method with presolve; status 0 solved, 2 infeasible."""
    at = book.bound if bound is None else bound
    ranges = np.where(book.nonneg[:, None], [0.0, np.inf], [-np.inf, np.inf])
    return linprog(
        cost, book.matrix[~book.equal], at[~book.equal], book.matrix[book.equal], at[book.equal], ranges,
        method="highs-ds", options=ACCURATE,
    )  # fmt: skip


def infeasible_by_highs(book: LawBook) -> bool | None:
    """Whether HiGHS finds that no point meets the laws; None when it cannot say."""
    return {0: False, 2: True, 3: False}.get(linear(book, np.zeros(book.nonneg.size)).status)


def farkas_margin(book: LawBook, y: np.ndarray, most: np.ndarray) -> Fraction:
    """By how much the laws, weighted by y, contradict themselves: above zero, no point with |x_j| ≤ most_j meets them.

    Whoever meets A x ≤ b (or =) has y'A x ≤ y'b for y ≥ 0 on inequalities. Inside the stated bounds y'A x is at least
    −Σ_j |(A'y)_j| most_j, where (A'y)_j ≥ 0 counts nothing if x_j ≥ 0. All numbers are the binary rationals that the
    arrays hold; nothing is rounded (Farkas 1902; the residual is absorbed by the bounds as in Neumaier and Shcherbina
    2004). Multipliers below zero of inequalities count as zero.
    """
    kept = np.where(book.equal, y, np.maximum(y, 0.0))
    active = np.flatnonzero(kept)
    weights = {int(row): Fraction(float(kept[row])) for row in active}
    total = -sum((weight * Fraction(float(book.bound[row])) for row, weight in weights.items()), Fraction(0))
    residual: dict[int, Fraction] = {}
    part = sparse.csr_matrix(book.matrix[active])
    for place, row in enumerate(active):
        weight = weights[int(row)]
        for entry in range(part.indptr[place], part.indptr[place + 1]):
            column = int(part.indices[entry])
            residual[column] = residual.get(column, Fraction(0)) + weight * Fraction(float(part.data[entry]))
    for column, value in residual.items():
        if not (book.nonneg[column] and value >= 0):
            total -= abs(value) * Fraction(float(most[column]))
    return total


def shortened(y: np.ndarray) -> np.ndarray:
    """Multipliers with 40 binary digits after the largest's, so that the rational arithmetic stays quick."""
    if not y.any():
        return y
    step = 2.0 ** (np.floor(np.log2(np.abs(y).max())) - 40)
    return np.round(y / step) * step


def repaired(book: LawBook, y: np.ndarray) -> np.ndarray:
    """A proof of infeasibility by the rows that a solver blames alone: its own multipliers carry its tolerance, so that
    exact ones are sought among these rows (b'y least, A'y = 0, ≥ 0 where x_j ≥ 0, y ≥ 0 on inequalities, |y| ≤ 1).
    """
    blamed = np.flatnonzero(np.abs(y) > BLAMED * np.abs(y).max(initial=0.0))
    if not blamed.size:
        return np.zeros(y.size)
    pull = book.matrix[blamed].T.tocsr()
    ranges = np.where(book.equal[blamed, None], [-1.0, 1.0], [0.0, 1.0])
    found = linprog(
        book.bound[blamed], -pull[book.nonneg], np.zeros(book.nonneg.sum()), pull[~book.nonneg],
        np.zeros((~book.nonneg).sum()), ranges, method="highs-ds", options=ACCURATE,
    )  # fmt: skip
    proof = np.zeros(y.size)
    if found.status == 0:
        proof[blamed] = found.x
    return proof
