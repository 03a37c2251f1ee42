"""Planted optima: a program whose best point, multipliers and goal are known. It is the product's own laws of a random
economy with bounds moved and a term added to the goal, in one of four shapes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import cvxpy as cp
import numpy as np
from scipy.linalg import qr

import iomodel as iom
from certifying.draws import KINDS, Case
from certifying.kinks import Kink, bent_law, bent_term, drawn_kinks
from certifying.lawbook import LawBook, lawbook
from certifying.simulated import simulated_point
from iomodel.program.block import Block, Law, Term, Values
from iomodel.program.setting import Setting

SHAPES = ("pinned", "flat", "degenerate", "kinked")
"""A square on every variable makes the point the only one; on half of them only; with limits that are stated twice or
bind at no price; with kinks of the goal and of laws at the point. The runs of planted optima take turns."""

INDEPENDENT = 0.02
"""Least part of a binding law that the laws before it do not already say."""

BINDING = {"pinned": 100, "flat": 100, "degenerate": 100, "kinked": 20}
"""Inequalities, and variables at zero, that a planted optimum has binding at most."""

FREE = 0.5
"""Part of the variables of a flat optimum that no square holds."""

COPIES = 6
"""Limits that a degenerate optimum states twice, at most."""

UNPRICED = 0.3
"""Part of its binding limits, and of its variables at zero, that bind at no price."""

PLAIN_EVERY = 5
"""Runs divided by this have their optimum planted in the plain form, a balance row for each sector and year."""


@dataclass(frozen=True)
class Optimum:
    """A program with its known answer.

    point, multipliers (of the laws, by the rows of `book`) and value of the goal. pinned: variables of which the point
    is the only best value. copies: law that repeats a row -> that row; the sum of the two multipliers is known alone.
    bent: law with a kink at the point -> its multiplier.
    """

    book: LawBook
    point: np.ndarray
    multipliers: np.ndarray
    goal: float
    shape: str
    pinned: np.ndarray
    copies: Mapping[str, int] = field(default_factory=dict)
    bent: Mapping[str, float] = field(default_factory=dict)

    def apart(self) -> dict[str, float]:
        """How far the answer that the program holds is from the known one: goal and multipliers relative to one plus
        the size of the largest, the point to one or its own size."""
        laws = self.book.program.laws
        prices = self.book.multipliers()
        for name, row in self.copies.items():
            prices[row] += float(laws[name].constraint.dual_value)
            prices[self.book.rows[name]] = 0.0
        found = [float(laws[name].constraint.dual_value) for name in self.bent]
        off = np.append(prices - self.multipliers, np.array(found) - np.array(list(self.bent.values())))
        goal = float(self.book.program.problem.objective.args[0].value)
        point = np.abs(self.book.point() - self.point) / np.maximum(1, np.abs(self.point))
        return {
            "goal": abs(goal - self.goal) / (1 + abs(self.goal)),
            "point": float(point[self.pinned].max()),
            "multipliers": float(np.abs(off).max()) / (1 + float(np.abs(self.multipliers).max())),
        }

    def drift(self) -> float:
        """How far the point is from the known one where it need not be the same; relative as the point."""
        off = np.abs(self.book.point() - self.point) / np.maximum(1, np.abs(self.point))
        return float(off[~self.pinned].max(initial=0.0))


def shape_of(run: int) -> str:
    """The shape of a run's planted optimum."""
    return SHAPES[run // len(KINDS) % len(SHAPES)]


def planted_optimum(case: Case) -> Optimum:
    """A program whose optimum is a chosen point with chosen multipliers.

    The point x* is a simulated path of random levers. Every law's bound is moved so that it holds there: equalities
    and a random part of the inequalities exactly, the others with room. Multipliers y* (of any sign for equalities,
    above zero where a law binds, μ* above zero where x*_j = 0 stands at its limit) are drawn, of laws whose rows are
    linearly independent, so that no others do. A goal term (c − ∇f(x*))'x − ½ |W (x − x*)|² with c = A'y* − μ* is added
    to the concave goal f: the gradient at x* is then A'y* − μ*, the conditions of optimality hold, and the square
    makes x* the only optimum in the variables that it holds; the multipliers are those of every other optimum, too.
    Kinks at x* have slopes of a whole interval; c leaves room for one inside (Rockafellar 1970, theorem 28.3).
    """
    rng, shape = case.rng, shape_of(case.run)
    form = "plain" if case.run % PLAIN_EVERY == 0 else "reduced"
    book = lawbook(iom.build(case.experiment, case.economy, form=form))
    x = simulated_point(book, rng)
    book.put(x)
    tight = book.equal | some(~book.equal, BINDING[shape], rng)
    at_zero = some(book.nonneg & (x == 0), BINDING[shape], rng)
    x = np.where(book.nonneg & (x == 0) & ~at_zero, rng.uniform(0.05, 0.5, x.size), x)
    bendable = some(~at_zero, 2 * BINDING[shape], rng) & (shape == "kinked")
    tight, single = independent(book, tight, at_zero | bendable)
    x = np.where(at_zero & ~single, rng.uniform(0.05, 0.5, x.size), x)
    at_zero, bendable = at_zero & single, bendable & single
    book.put(x)
    miss, scale = book.sides()
    by = miss + np.where(tight, 0.0, rng.uniform(0.02, 0.5, miss.size) * np.minimum(scale, 10.0))
    priced, dear = (rng.random(size) >= UNPRICED * (shape == "degenerate") for size in (miss.size, x.size))
    y = np.where(book.equal, rng.normal(0, 1, miss.size), rng.uniform(0.1, 1.0, miss.size) * (tight & priced))
    mu = rng.uniform(0.1, 1.0, x.size) * (at_zero & dear)
    kinks = drawn_kinks(np.flatnonzero(bendable), rng)
    slope = book.matrix.T @ y - mu - book.slope()
    for kink in kinks:
        slope[kink.places] += kink.price * kink.slopes if kink.law else kink.slopes
        if kink.law:
            slope[kink.carrier] += kink.price
    pinned = rng.random(x.size) >= FREE * (shape == "flat")
    weight = rng.uniform(0.5, 2.0, x.size) * pinned
    blocks = [_goal_block(book, x, slope, weight), _kink_block(book, x, kinks)]
    copies = _copied(tight & ~book.equal, rng) if shape == "degenerate" else {}
    blocks += [_copy_block(book, book.bound + by, copies)] if copies else []
    program = iom.build(case.experiment, case.economy, blocks, form=form, shifts=book.shifts(by))
    made = book.moved(by, program)
    if copies:  # they have rows of their own
        whole = lawbook(program)
        if any(whole.rows[name] != rows for name, rows in book.rows.items()) or whole.columns != book.columns:
            raise AssertionError("the rows of the copies do not come last")
        made, y = whole, np.append(y, np.zeros(whole.bound.size - y.size))
    made = replace(made, bent=tuple(kink.name for kink in kinks if kink.law))
    made.put(x)
    bent = {kink.name: kink.price for kink in kinks if kink.law}
    return Optimum(made, x, y, float(program.problem.objective.args[0].value), shape, pinned, copies, bent)


def some(among: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """A random part of what is marked, `most` at most."""
    places = np.flatnonzero(among)
    count = min(most, int(rng.uniform(0.1, 0.8) * places.size))
    chosen = np.zeros(among.size, dtype=bool)
    chosen[rng.choice(places, size=count, replace=False)] = True
    return chosen


def _goal_block(book: LawBook, x: np.ndarray, slope: np.ndarray, weight: np.ndarray) -> Block:
    """The added goal term as a block of one's own."""
    shapes = {name: book.program.values[name].shape for name in book.columns}

    def goal(v: Values, _: Setting) -> Iterable[Term]:
        for name, place in book.columns.items():
            shape = shapes[name]
            pull, pinned, stiff = (array[place].reshape(shape, order="F") for array in (slope, x, np.sqrt(weight)))
            apart = cp.multiply(stiff, v[name] - pinned)
            yield Term(f"planted_{name}", cp.sum(cp.multiply(pull, v[name])) - 0.5 * cp.sum_squares(apart))

    return Block("planted", goal=goal)


def _kink_block(book: LawBook, x: np.ndarray, kinks: list[Kink]) -> Block:
    """Kinked terms of the goal and kinked laws as a block of one's own."""

    def goal(v: Values, _: Setting) -> Iterable[Term]:
        return [Term(kink.name, bent_term(kink, v, book.columns, x)) for kink in kinks if not kink.law]

    def laws(v: Values, _: Setting) -> Iterable[Law]:
        return [Law(kink.name, (), bent_law(kink, v, book.columns, x)) for kink in kinks if kink.law]

    return Block("kinks", goal=goal, laws=laws)


def _copied(limits: np.ndarray, rng: np.random.Generator) -> dict[str, int]:
    """Names of laws that repeat rows, and the rows."""
    rows = np.flatnonzero(limits)
    chosen = rng.choice(rows, size=min(COPIES, rows.size), replace=False)
    return {f"copy_{row}": int(row) for row in chosen}


def _copy_block(book: LawBook, bound: np.ndarray, copies: Mapping[str, int]) -> Block:
    """Laws that say again what rows say."""

    def laws(v: Values, _: Setting) -> Iterable[Law]:
        for name, row in copies.items():
            whole = book.matrix[[row]].toarray().ravel()
            parts = [
                cp.sum(cp.multiply(whole[place].reshape(v[variable].shape, order="F"), v[variable]))
                for variable, place in book.columns.items()
                if whole[place].any()
            ]
            yield Law(name, (), sum(parts[1:], parts[0]) <= float(bound[row]))

    return Block("copies", laws=laws)


def independent(book: LawBook, tight: np.ndarray, single: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The binding rows, and single variables that are held, thinned out until they are linearly independent of the
    equalities and of each other."""
    limits = np.flatnonzero(tight & ~book.equal)
    alone = np.flatnonzero(single)
    held, rows = (_unit(book.matrix[which].toarray()) for which in (book.equal, limits))
    candidates = np.concatenate([rows, np.eye(single.size)[alone]])
    basis, _ = qr(held.T, mode="economic")
    left = candidates - (candidates @ basis) @ basis.T
    _, size, order = qr(left.T, mode="economic", pivoting=True)
    strong = order[: size.shape[0]][np.abs(np.diag(size)) > INDEPENDENT]
    chosen = np.zeros(candidates.shape[0], dtype=bool)
    chosen[strong] = True
    tight, single = book.equal.copy(), np.zeros_like(single)
    tight[limits[chosen[: limits.size]]] = True
    single[alone[chosen[limits.size :]]] = True
    return tight, single


def _unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length one."""
    norm = np.linalg.norm(rows, axis=1)
    return rows / np.where(norm > 0, norm, 1.0)[:, None]
