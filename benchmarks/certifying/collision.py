"""Planted infeasibility: the product's own laws of a random economy, with bounds moved until they contradict each other
by a known gap, and the certificate that says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import OptimizeResult

import iomodel as iom
from certifying.draws import Case
from certifying.lawbook import LawBook, lawbook
from certifying.proof import linear
from iomodel.program.block import Block, Law, Values
from iomodel.program.build import Program
from iomodel.program.setting import Setting


@dataclass(frozen=True)
class Collision:
    """A program that a certificate makes infeasible, and its twin with room instead.

    certificate: multipliers of the rows of `book`; most: stated bound of every variable; gap: by how much the bounds
    that collide are apart; laws: their names.
    """

    book: LawBook
    certificate: np.ndarray
    most: np.ndarray
    gap: float
    laws: tuple[str, ...]
    twin: LawBook
    shifts: dict[str, np.ndarray]
    blocks: tuple[Block, ...]


MOST = 2000.0
"""Stated bound of every variable: percent of base-year GDP, million persons, shares."""


def bounds_block(program: Program) -> Block:
    """Stated bounds −M ≤ x ≤ M of every variable, and consumption above a tenth of the base year's, as laws."""
    dims = {name: var.dims for name, var in program.variables.items()}

    def laws(v: Values, p: Setting) -> Iterable[Law]:
        for name, of in dims.items():
            yield Law(f"most_{name}", of, v[name] <= MOST)
            yield Law(f"least_{name}", of, v[name] >= -MOST, bound="lower")
        least = 0.1 * p.account("household_consumption")
        yield Law("some_consumption", ("year",), v["household_consumption"] >= least, bound="lower")

    return Block("stated_bounds", laws=laws)


def stated_bounds(book: LawBook) -> np.ndarray:
    """The bound of every variable, read off the rows that state it."""
    most = np.zeros(book.nonneg.size)
    for name, place in book.columns.items():
        for sign, side in ((1, "most"), (-1, "least")):
            rows = book.rows[f"{side}_{name}"]
            part = book.matrix[rows]
            if part.nnz != part.shape[0] or (part[:, place].diagonal() != sign).any():
                raise AssertionError(f"the law {side}_{name} does not bound its variable alone")
            most[place] = np.maximum(most[place], book.bound[rows])
    return most


def _least(book: LawBook, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, OptimizeResult]:
    """One to three rows of inequalities, laws chosen alike, with weights, and the least that the laws leave of their
    weighted sum, well inside the stated bounds."""
    laws = [
        place
        for name, place in book.rows.items()
        if not name.startswith(("most_", "least_")) and not book.equal[place].any()
    ]
    for _ in range(200):
        picked = rng.choice(len(laws), size=int(rng.choice([1, 1, 2, 3])))
        chosen = np.unique([rng.integers(laws[law].start, laws[law].stop) for law in picked])
        weight = np.zeros(book.bound.size)
        weight[chosen] = rng.uniform(0.2, 1.0, chosen.size)
        least = linear(book, book.matrix.T @ weight)
        if least.status == 0 and abs(least.fun) < 0.2 * MOST:
            return chosen, weight, least
    raise RuntimeError("no row of the laws has a least value inside the stated bounds")


def planted_collision(case: Case) -> Collision:
    """A program that is infeasible by a chosen gap, with a certificate.

    A few rows g_k of the laws are weighted by w_k > 0; v is the least Σ w_k g_k'x that the laws allow (an LP, by
    HiGHS), and its multipliers say why it is no less. The bounds of these rows are moved until they ask for
    Σ w_k g_k'x ≤ v − gap: the multipliers and w together are the certificate. Moved to v + gap, there is room.
    """
    rng = case.rng
    first = iom.build(case.experiment, case.economy)
    block = bounds_block(first)
    program = iom.build(case.experiment, case.economy, [block])
    book = lawbook(program)
    chosen, weight, least = _least(book, rng)
    certificate = weight.copy()
    certificate[~book.equal] -= least.ineqlin.marginals
    certificate[book.equal] -= least.eqlin.marginals
    gap = float(10 ** rng.uniform(-2.5, 0.0))
    asked = np.zeros(book.bound.size)
    asked[chosen] = (book.matrix @ least.x - book.bound)[chosen]
    closer = np.zeros(book.bound.size)
    closer[chosen] = gap / weight[chosen].sum()
    shifts = book.shifts(asked - closer)
    made = lawbook(iom.build(case.experiment, case.economy, [block], shifts=shifts))
    roomy = asked + closer
    twin = book.moved(roomy, iom.build(case.experiment, case.economy, [block], shifts=book.shifts(roomy)))
    laws = tuple(name for name, place in book.rows.items() if weight[place].any())
    return Collision(made, certificate, stated_bounds(made), gap, laws, twin, shifts, (block,))
