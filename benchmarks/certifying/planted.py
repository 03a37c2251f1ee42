"""Planted answers: a program whose best point and multipliers are known, and one that a known certificate makes
infeasible. Both are the product's own laws of a random economy with bounds moved.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cvxpy as cp
import numpy as np
from scipy.linalg import qr
from scipy.optimize import OptimizeResult

import iomodel as iom
from certifying.draws import Case
from certifying.lawbook import LawBook, lawbook
from certifying.proof import linear
from iomodel.program.block import Block, Law, Term, Values
from iomodel.program.build import Program
from iomodel.program.setting import Setting
from iomodel.program.simulate import Levers, step

INDEPENDENT = 0.02
"""Least part of a binding law that the laws before it do not already say."""

BINDING = 100
"""Inequalities, and variables at zero, that a planted optimum has binding at most."""

PLAIN_EVERY = 5
"""Runs divided by this have their optimum planted in the plain form, a balance row for each sector and year."""


@dataclass(frozen=True)
class Optimum:
    """A program with its known answer: point, multipliers of the laws (of the rows of `book`) and value of the goal."""

    book: LawBook
    point: np.ndarray
    multipliers: np.ndarray
    goal: float


def planted_optimum(case: Case) -> Optimum:
    """A program whose optimum is a chosen point with chosen multipliers.

    The point x* is a simulated path of random levers. Every law's bound is moved so that it holds there: equalities
    and a random part of the inequalities exactly, the others with room. Multipliers y* (of any sign for equalities,
    above zero where a law binds, μ* above zero where x*_j = 0 stands at its limit) are drawn, of laws whose rows are
    linearly independent, so that no others do. A goal term (c − ∇f(x*))'x − ½ |W (x − x*)|² with c = A'y* − μ* is added
    to the concave goal f: the gradient at x* is then A'y* − μ*, the conditions of optimality hold, and the square
    makes x* the only optimum.
    """
    rng = case.rng
    form = "plain" if case.run % PLAIN_EVERY == 0 else "reduced"
    book = lawbook(iom.build(case.experiment, case.economy, form=form))
    x = simulated_point(book, rng)
    book.put(x)
    miss, scale = book.sides()
    tight = book.equal | some(~book.equal, rng)
    at_zero = some(book.nonneg & (x == 0), rng)
    tight, at_zero = _independent(book, tight, at_zero)
    x = np.where(book.nonneg & (x == 0) & ~at_zero, rng.uniform(0.05, 0.5, x.size), x)
    book.put(x)
    miss, scale = book.sides()
    room = np.where(tight, 0.0, rng.uniform(0.02, 0.5, miss.size) * np.minimum(scale, 10.0))
    y = np.where(book.equal, rng.normal(0, 1, miss.size), rng.uniform(0.1, 1.0, miss.size) * tight)
    mu = rng.uniform(0.1, 1.0, x.size) * at_zero
    slope = book.matrix.T @ y - mu - book.slope()
    weight = rng.uniform(0.5, 2.0, x.size)
    block = _goal_block(book, x, slope, weight)
    program = iom.build(case.experiment, case.economy, [block], form=form, shifts=book.shifts(miss + room))
    made = book.moved(miss + room, program)
    made.put(x)
    return Optimum(made, x, y, float(program.problem.objective.args[0].value))


def some(among: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random part of what is marked, `BINDING` at most."""
    places = np.flatnonzero(among)
    count = min(BINDING, int(rng.uniform(0.1, 0.8) * places.size))
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


def _independent(book: LawBook, tight: np.ndarray, at_zero: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The binding rows thinned out until they are linearly independent of the equalities and of each other."""
    limits = np.flatnonzero(tight & ~book.equal)
    zeros = np.flatnonzero(at_zero)
    held, rows = (_unit(book.matrix[which].toarray()) for which in (book.equal, limits))
    candidates = np.concatenate([rows, np.eye(at_zero.size)[zeros]])
    basis, _ = qr(held.T, mode="economic")
    left = candidates - (candidates @ basis) @ basis.T
    _, size, order = qr(left.T, mode="economic", pivoting=True)
    strong = order[: size.shape[0]][np.abs(np.diag(size)) > INDEPENDENT]
    chosen = np.zeros(candidates.shape[0], dtype=bool)
    chosen[strong] = True
    tight, at_zero = book.equal.copy(), np.zeros_like(at_zero)
    tight[limits[chosen[: limits.size]]] = True
    at_zero[zeros[chosen[limits.size :]]] = True
    return tight, at_zero


def _unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length one."""
    norm = np.linalg.norm(rows, axis=1)
    return rows / np.where(norm > 0, norm, 1.0)[:, None]


def simulated_point(book: LawBook, rng: np.random.Generator) -> np.ndarray:
    """The program's variables on a simulated path of random levers; what no simulation has (misses) is drawn."""
    p = book.program.setting
    sizes, state, rows = p.sizes(), p.state, []
    levers = list(_random_levers(p, rng))
    starts = {"capacity": [state.capacity], "closed": [state.closed[p.industry]],
              "public_debt": [np.array(state.public_debt)], "firm_debt": [np.array(state.firm_debt)]}  # fmt: skip
    for year, lever in enumerate(levers):
        flow, state = step(p.arrays, p.first + year, state, lever)
        assets = [flow[f"investment_{asset}"] for asset in ("construction", "equipment", "intangible")]
        rows.append(flow | {"asset_investment": np.array(assets)})
        for name, value in (("capacity", state.capacity), ("closed", state.closed[p.industry]),
                            ("public_debt", state.public_debt), ("firm_debt", state.firm_debt)):  # fmt: skip
            starts[name].append(np.asarray(value))
    x = np.zeros(book.nonneg.size)
    for name, place in book.columns.items():
        dims = book.program.variables[name].dims
        if name in starts:
            value = np.stack(starts[name], axis=-1)
        elif name in rows[0]:
            value = np.stack([np.asarray(row[name], dtype=float) for row in rows], axis=-1)
            if "industry" in dims:
                value = value[p.industry]
        else:
            shape = tuple(sizes[dim] for dim in dims)
            value = rng.uniform(0.01, 0.3, shape) * (rng.random(shape) < 0.4)
        x[place] = np.asarray(value, dtype=float).ravel(order="F")
    return x


def _random_levers(p: Setting, rng: np.random.Generator) -> Iterable[Levers]:
    programme = reform = 0.0
    rates = p.policy.benefit_rates(p.cards["benefit_rate"], p.years)
    for year in range(p.years):
        programme += float(rng.uniform(0, 0.6)) * p.free("programme")
        reform += float(rng.uniform(0, 0.1)) * p.free("reform")
        closed = p.spread @ (rng.uniform(0, 0.03, p.industry.size) * (rng.random(p.industry.size) < 0.5))
        closed = closed * p.arrays.sector("capacity") * p.free("retirement")
        yield Levers(programme, reform, closed, float(rates[year]), p.policy.payer)


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
