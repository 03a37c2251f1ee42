"""Is there a path that keeps some of the laws? One model that is asked again and again with other laws dropped.

What collides is found by changing the prices of slacks, from which HiGHS's primal simplex method goes on where it was.
Nothing is taken on the solver's word: a point is put into the rows, and a proof that there is none (Farkas 1902) is
added up from its multipliers, whatever is left of rounding being absorbed by a stated bound on every variable. They
carry a solver's tolerance; where laws collide by little they are made exact (`iomodel.program.farkas`).
`second_opinion` asks the same of Clarabel, with the dropped rows taken out. A user's own laws may bring cones; then
Clarabel answers alone. Points and proofs are looked at through second-order cones, too; through any other kind there is
no proof but the solver's word, and the margin of one is zero.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import highspy
import numpy as np
from cvxpy.reductions.solvers.conic_solvers.clarabel_conif import dims_to_solver_cones
from scipy import sparse

from iomodel.errors import SolverError
from iomodel.program.canonical import Canonical
from iomodel.program.farkas import exact_proof
from iomodel.program.linear import highs_quiet, linear_program
from iomodel.program.relaxed import POSSIBLE, Array, Mask, Places, Relaxed

_CLARABEL: Any = importlib.import_module("clarabel")  # it has no types of its own

LARGEST = 1e6
"""Bound on every variable, in its unit (percent of base-year GDP, million persons), under which a proof counts."""

TOLERANCE = 1e-6
"""Largest residual of a row, relative to its largest term, at which a point is taken for a path."""

ALWAYS = {"threads": 1, "primal_feasibility_tolerance": 1e-8,
          "dual_feasibility_tolerance": 1e-8, "simplex_iteration_limit": 20000}  # fmt: skip
COLD = {"solver": "ipm", "presolve": "on"}
"""The first question: interior point with crossover takes a third of the simplex method's time from nothing."""
WARM = {"solver": "simplex", "presolve": "off", "simplex_strategy": 4}
"""Every further one: the primal simplex method from the last basis, since other prices leave it feasible; mostly a few
hundredths of a second (the dual method takes up to thousands of iterations)."""


Said = Literal["feasible", "infeasible", "unsure"]


@dataclass(frozen=True)
class Answer:
    """Whether there is a path; the point with the smallest breach, its price, and the multipliers of the rows.

    margin: of the proof that there is none, what is left of it after rounding, as a share of it; zero where there is a
    path, and where that there is none rests on the solver's word.
    """

    feasible: bool
    point: Array
    rows: Array
    price: float
    margin: float


@dataclass(frozen=True)
class Model:
    """The relaxed program inside HiGHS, which keeps its last basis. price: of a unit of each entry's slack."""

    relaxed: Relaxed
    highs: Any
    price: Array

    def ask(self, kept: Mask) -> Answer:
        """Whether a path keeps the entries in `kept`, and if not the smallest breach of them; the others are dropped.

        Raises SolverError where neither a path nor a proof that there is none stands.
        """
        if self.relaxed.conic:
            return _by_clarabel(self, kept)
        self._set(kept)
        last = self.highs.getBasis()
        for key, value in (WARM if last.valid else COLD).items():
            self.highs.setOptionValue(key, value)
        self.highs.run()
        answer = self._read(kept) or _by_clarabel(self, kept)
        if answer.feasible and last.valid:
            self.highs.setBasis(last)  # a filter goes on from where there was no path
        return answer

    def charged(self, kept: Mask) -> tuple[Array, Array]:
        """Price and upper bound of every column: what is possible is never broken, only left out."""
        relaxed, columns = self.relaxed, self.relaxed.size[1]
        possible = relaxed.mask(POSSIBLE)
        cost, upper = np.zeros(columns), np.full(columns, np.inf)
        cost[relaxed.up] = np.where(kept & ~possible, self.price, 0.0)
        upper[relaxed.up] = np.where(kept & possible, 0.0, np.inf)
        both = relaxed.down >= 0
        cost[relaxed.down[both]] = cost[relaxed.up[both]]
        return cost, upper

    def _set(self, kept: Mask) -> None:
        cost, upper = self.charged(kept)
        every = np.arange(cost.size, dtype=np.int32)
        self.highs.changeColsBounds(cost.size, every, np.where(self.relaxed.slack, 0.0, -np.inf), upper)
        self.highs.changeColsCost(cost.size, every, cost)

    def _read(self, kept: Mask) -> Answer | None:
        """The answer of the last run, if it stands up to our own arithmetic."""
        if self.highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        solution = self.highs.getSolution()
        price = float(self.highs.getInfo().objective_function_value)
        point, rows = np.array(solution.col_value), -np.array(solution.row_dual)  # HiGHS's sign is that of the cost
        return answered(self.relaxed, kept, point, rows, price) or _by_exact(self.relaxed, kept, point, rows, price)


def answered(relaxed: Relaxed, kept: Mask, point: Array, rows: Array, price: float) -> Answer | None:
    """The answer that a point and its multipliers give, None where they give none."""
    margin, proof = proof_of(relaxed, kept, rows)
    if margin > 0:
        return Answer(False, point, proof, price, margin)
    without = point.copy()
    without[relaxed.up[kept]] = 0.0
    without[relaxed.down[kept & (relaxed.down >= 0)]] = 0.0
    return Answer(True, without, rows, price, 0.0) if _off(relaxed, without) <= TOLERANCE else None


def _by_exact(relaxed: Relaxed, kept: Mask, point: Array, rows: Array, price: float) -> Answer | None:
    """A breach so small that the tolerance of its multipliers hides it, proven by exact ones; None where that fails."""
    if relaxed.other or not price > TOLERANCE:
        return None
    margin, proof = proof_of(relaxed, kept, _exact(relaxed, kept, rows))
    return Answer(False, point, proof, price, margin) if margin > 0 else None


def model_of(relaxed: Relaxed, price: Array | None = None, like: Model | None = None) -> Model:
    """The model of a relaxed program; one of the same rows and columns starts from the basis of `like`."""
    highs = highs_quiet()
    for key, value in ALWAYS.items():
        highs.setOptionValue(key, value)
    price = np.ones(relaxed.rows.size) if price is None else price
    if relaxed.conic:
        return Model(relaxed, highs, price)
    lower = np.where(np.arange(relaxed.bound.size) < relaxed.equalities, relaxed.bound, -np.inf)
    linear = linear_program(relaxed.matrix, lower, relaxed.bound, np.zeros(relaxed.size[1]))
    highs.passModel(linear)
    if like is not None and like.relaxed.alike(relaxed) and like.highs.getBasis().valid:
        highs.setBasis(like.highs.getBasis())
    return Model(relaxed, highs, price)


def _off(relaxed: Relaxed, point: Array) -> float:
    """Largest residual of a row at a point, relative to the row."""
    over = (relaxed.matrix @ point - relaxed.bound) / relaxed.scale
    over[: relaxed.equalities] = np.abs(over[: relaxed.equalities])
    curved = _beyond(relaxed.curved, relaxed.bound - relaxed.matrix @ point, relaxed.scale, relaxed.linear)
    return max(float(over[: relaxed.linear].max(initial=0.0)), curved)


def _parts(curved: tuple[int, ...], first: int) -> Iterator[slice]:
    """Places of second-order cones that begin at row `first`."""
    for size in curved:
        yield slice(first, first + size)
        first += size


def _beyond(curved: tuple[int, ...], rows: Array, scale: Array, first: int) -> float:
    """How far the rows of second-order cones are outside them at most, relative to the largest scale of a cone."""
    return max(
        (
            float(np.linalg.norm(rows[part][1:]) - rows[part][0]) / float(scale[part].max())
            for part in _parts(curved, first)
        ),
        default=0.0,
    )


def _lifted(curved: tuple[int, ...], rows: Array, first: int) -> None:
    """Put multipliers of second-order cones, which are their own duals, inside them."""
    for part in _parts(curved, first):
        rows[part.start] = max(float(rows[part.start]), float(np.linalg.norm(rows[part][1:])))


def proof_of(relaxed: Relaxed, kept: Mask, ray: Array) -> tuple[float, Array]:
    """What is left of a proof that no point meets the rows, as a share of it, and its multipliers; zero: no proof.

    With y ≥ 0 on inequalities, Ax ≤ b and Ax = b give (A'y)x ≤ b'y. If b'y < 0 and A'y is zero, no x does; what A'y is
    off zero by can bring at most its size times the bound on every variable. On a second-order cone y is in the cone.
    """
    best, multipliers = 0.0, ray
    if relaxed.other:
        return best, multipliers
    for sign in (-1.0, 1.0):
        y = sign * ray
        flat = slice(relaxed.equalities, relaxed.linear)
        y[flat] = np.maximum(y[flat], 0.0)
        _lifted(relaxed.curved, y, relaxed.linear)
        given = -float(relaxed.bound @ y)
        if given <= 0:
            continue
        left = np.asarray(relaxed.matrix.T @ y)
        brought = np.abs(left)
        brought[relaxed.up] = np.where(kept, 0.0, np.maximum(-left[relaxed.up], 0.0))
        both = relaxed.down >= 0
        brought[relaxed.down[both]] = np.where(kept[both], 0.0, np.maximum(-left[relaxed.down[both]], 0.0))
        margin = 1 - LARGEST * float(brought.sum()) / given
        if margin > best:
            best, multipliers = margin, y / given
    return best, multipliers


# ---------------------------------------------------------------- the second opinion


def second_opinion(relaxed: Relaxed, kept: Mask) -> tuple[Said, float, Array]:
    """What Clarabel says of the rows in `kept`, the others taken out; the margin of its proof; its point.

    The margin is added up here from the multipliers: how much of the proof is left when every variable may be as large
    as `LARGEST`; "infeasible" is only said where something is left, "feasible" where the point meets the rows.
    """
    taken, columns, part = _kept_rows(relaxed, kept)
    matrix, bound, equal, above = sparse.csc_matrix(part.matrix), part.bound, part.equalities, part.inequalities
    cones = [_CLARABEL.ZeroConeT(equal), _CLARABEL.NonnegativeConeT(above), *_cones(relaxed)]
    solution = _clarabel(np.zeros(columns.size), matrix, bound, cones)
    status = str(solution.status)
    if status in ("Solved", "AlmostSolved"):
        point = np.zeros(relaxed.slack.size)
        point[columns] = solution.x
        over = (matrix @ point[columns] - bound)[: equal + above] / relaxed.scale[taken][: equal + above]
        over[:equal] = np.abs(over[:equal])
        outside = _beyond(relaxed.curved, bound - matrix @ point[columns], relaxed.scale[taken], equal + above)
        return ("feasible" if max(over.max(initial=0.0), outside) <= TOLERANCE else "unsure"), 0.0, point
    z = np.asarray(solution.z, dtype=float)
    if not relaxed.other:
        z = exact_proof(part, z)[0]
    z[equal : equal + above] = np.maximum(z[equal : equal + above], 0.0)
    _lifted(relaxed.curved, z, equal + above)
    given = 0.0 if relaxed.other else -float(bound @ z)
    margin = 1 - LARGEST * float(np.abs(matrix.T @ z).sum()) / given if given > 0 else 0.0
    return ("infeasible" if margin > 0 and "PrimalInfeasible" in status else "unsure"), margin, np.zeros(0)


def _kept_rows(relaxed: Relaxed, kept: Mask) -> tuple[Mask, Places, Canonical]:
    """The rows in `kept` and those of no law, without slacks: which rows and columns these are, and their arrays."""
    taken = np.ones(relaxed.bound.size, dtype=bool)
    taken[relaxed.rows[~kept]] = False
    columns = np.flatnonzero(~relaxed.slack)
    matrix = sparse.csr_matrix(relaxed.matrix.tocsr()[np.flatnonzero(taken)][:, columns])
    equal, above = int(taken[: relaxed.equalities].sum()), int(taken[relaxed.equalities : relaxed.linear].sum())
    free = sparse.csc_matrix((columns.size, columns.size))
    part = Canonical(free, np.zeros(columns.size), matrix, relaxed.bound[taken], equal, above, relaxed.curved)
    return taken, columns, part


def _exact(relaxed: Relaxed, kept: Mask, rows: Array) -> Array:
    """Multipliers of a proof without the solver's tolerance, which `LARGEST` would blow up to the size of the proof."""
    taken, _, part = _kept_rows(relaxed, kept)
    found = np.zeros(rows.size)
    found[taken] = exact_proof(part, rows[taken], thorough=not relaxed.conic)[0]
    return found


def _cones(relaxed: Relaxed) -> list[Any]:
    """The cones after equalities and inequalities."""
    return list(dims_to_solver_cones(relaxed.dims))[int(relaxed.dims.zero > 0) + int(relaxed.dims.nonneg > 0) :]


def _clarabel(cost: Array, matrix: sparse.csc_matrix, bound: Array, cones: list[Any]) -> Any:
    settings: Any = _CLARABEL.DefaultSettings()
    settings.verbose = False
    settings.direct_solve_method = "qdldl"
    settings.tol_infeas_abs = settings.tol_infeas_rel = 1e-12
    settings.max_iter = 500
    empty = sparse.csc_matrix((cost.size, cost.size))
    return _CLARABEL.DefaultSolver(empty, cost, matrix, bound, cones, settings).solve()


def _by_clarabel(model: Model, kept: Mask) -> Answer:
    """The same question to Clarabel: where there are cones, or where HiGHS gave no answer that stands."""
    relaxed = model.relaxed
    price, upper = model.charged(kept)
    columns = np.flatnonzero(upper > 0)
    slack = np.flatnonzero(relaxed.slack[columns])
    floor = sparse.csc_matrix((-np.ones(slack.size), (np.arange(slack.size), slack)), (slack.size, columns.size))
    matrix = sparse.csr_matrix(relaxed.matrix[:, columns])
    stacked = sparse.csc_matrix(sparse.vstack([matrix[: relaxed.linear], floor, matrix[relaxed.linear :]]))
    bound = np.concatenate([relaxed.bound[: relaxed.linear], np.zeros(slack.size), relaxed.bound[relaxed.linear :]])
    cones = [_CLARABEL.ZeroConeT(relaxed.equalities),
             _CLARABEL.NonnegativeConeT(relaxed.linear - relaxed.equalities + slack.size),
             *_cones(relaxed)]  # fmt: skip
    solution = _clarabel(price[columns], stacked, bound, cones)
    rows = np.delete(np.asarray(solution.z, dtype=float), np.s_[relaxed.linear : relaxed.linear + slack.size])
    point = np.zeros(price.size)
    point[columns] = solution.x
    broken = float(solution.obj_val)
    if relaxed.conic and not relaxed.other and broken > TOLERANCE:
        rows = _exact(relaxed, kept, rows)
    answer = answered(relaxed, kept, point, rows, broken) or _by_exact(relaxed, kept, point, rows, broken)
    if answer is None and relaxed.conic and min(broken, float(solution.obj_val_dual)) > TOLERANCE:
        answer = Answer(False, point, rows, broken, 0.0)  # no proof stands: on the solver's word
    if answer is None:
        raise SolverError("the search for laws in conflict found neither a path nor a proof that there is none")
    return answer
