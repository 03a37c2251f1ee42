"""The laws of a program with a slack in each, as one linear program that is solved again and again.

A law whose slack has a price is kept, one whose slack is free of charge is dropped: there is a path exactly when
nothing has to be paid, and what collides is found by changing prices, from which HiGHS's primal simplex method goes on
where it was. Nothing is taken on the solver's word: a point is put into the rows, and a proof that there is none
(Farkas 1902) is added up from its multipliers, whatever is left of rounding being absorbed by a stated bound on every
variable. `second_opinion` asks the same of Clarabel, with the dropped rows taken out. A user's own laws may bring
cones; then Clarabel answers alone.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import cvxpy as cp
import highspy
import numpy as np
import numpy.typing as npt
from cvxpy.constraints.zero import Equality
from cvxpy.reductions.solvers.conic_solvers.clarabel_conif import dims_to_solver_cones
from scipy import sparse

from iomodel.errors import SolverError
from iomodel.program.build import Program

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]

_CLARABEL: Any = importlib.import_module("clarabel")  # it has no types of its own

LARGEST = 1e6
"""Bound on every variable, in its unit (percent of base-year GDP, million persons), under which a proof counts."""

TOLERANCE = 1e-6
"""Largest residual of a row, relative to its largest term, at which a point is taken for a path."""

POSSIBLE = "what is possible"
"""The rows that no law states but nobody can break: no negative output, plant or persons, nothing closed twice."""


ALWAYS = {"output_flag": False, "threads": 1, "primal_feasibility_tolerance": 1e-8,
          "dual_feasibility_tolerance": 1e-8, "simplex_iteration_limit": 20000}  # fmt: skip
COLD = {"solver": "ipm", "presolve": "on"}
"""The first question: interior point with crossover takes a third of the simplex method's time from nothing."""
WARM = {"solver": "simplex", "presolve": "off", "simplex_strategy": 4}
"""Every further one: the primal simplex method from the last basis, since other prices leave it feasible; mostly a few
hundredths of a second (the dual method takes up to thousands of iterations)."""


Said = Literal["feasible", "infeasible", "unsure"]


@dataclass(frozen=True)
class Entry:
    """The entries of one law: their places among all entries, and the year of each ("" where it has none)."""

    places: slice
    years: npt.NDArray[np.str_]


@dataclass(frozen=True)
class Relaxed:
    """Ax + s = b with s in the cones, first the equalities; every entry of every law has a slack of its own.

    rows, up, down: for each entry its row, the column that loosens it and the one that loosens an equality the other
    way (-1 where there is none). laws: name -> its entries, the last being `POSSIBLE`.
    """

    program: Program
    matrix: sparse.csc_matrix
    bound: Array
    equalities: int
    linear: int
    dims: Any
    laws: Mapping[str, Entry]
    rows: Places
    up: Places
    down: Places

    @property
    def conic(self) -> bool:
        """Whether there are rows other than equalities and inequalities."""
        return self.linear < self.bound.size

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.bound.size, self.matrix.indptr.size - 1

    @cached_property
    def slack(self) -> Mask:
        """Columns that are slacks."""
        found = np.zeros(self.size[1], dtype=bool)
        found[self.up] = True
        found[self.down[self.down >= 0]] = True
        return found

    def mask(self, *names: str) -> Mask:
        """Entries of the laws named."""
        found = np.zeros(self.rows.size, dtype=bool)
        for name in names:
            found[self.laws[name].places] = True
        return found

    def beside(self, other: Relaxed, share: float) -> Relaxed:
        """The arrays a `share` of the way from these to those of the same program with another number in it."""
        matrix = sparse.csc_matrix(self.matrix + share * (other.matrix - self.matrix))
        return replace(self, matrix=matrix, bound=self.bound + share * (other.bound - self.bound))

    def alike(self, other: Relaxed) -> bool:
        """Whether two have the same rows and columns, so that they differ in numbers only."""
        return self.size == other.size and self.equalities == other.equalities

    @cached_property
    def scale(self) -> Array:
        """Largest coefficient of each row, and its bound."""
        rows = largest_in_rows(self.matrix)
        return np.maximum(np.maximum(rows, np.abs(self.bound)), 1.0)


def largest_in_rows(matrix: Any) -> Array:
    """Largest size of an entry of each row of a sparse matrix."""
    return np.asarray(abs(matrix).max(axis=1).todense(), dtype=float).ravel()


def relax(program: Program, fixed: Collection[str]) -> Relaxed:
    """The laws of `program` with slacks in all but the `fixed`, the domain of its goal, and what is possible."""
    slacks: dict[str, tuple[cp.Variable, cp.Variable | None]] = {}
    loose: list[cp.Constraint] = []
    entries: dict[str, Entry] = {}
    for name, law in program.laws.items():
        if name in fixed:
            loose.append(law.constraint)
            continue
        left, right = law.constraint.args
        up = cp.Variable(law.constraint.shape)
        if isinstance(law.constraint, Equality):
            down = cp.Variable(law.constraint.shape)
            loose.append(left == right + up - down)
            slacks[name] = up, down
        else:
            loose.append(left <= right + up)
            slacks[name] = up, None
        entries[name] = Entry(_next(entries, up.size), _years(program, name))
    floor = _possible(program)
    up = cp.Variable(floor.shape)
    slacks[POSSIBLE] = up, None
    entries[POSSIBLE] = Entry(_next(entries, up.size), np.full(up.size, ""))
    loose += [floor + up >= 0, *program.problem.objective.args[0].domain]
    return _arrays(program, cp.Problem(cp.Minimize(0), loose), slacks, entries)


def _next(entries: Mapping[str, Entry], size: int) -> slice:
    """The places after those taken."""
    start = max((entry.places.stop for entry in entries.values()), default=0)
    return slice(start, start + size)


def _years(program: Program, name: str) -> npt.NDArray[np.str_]:
    """The year of each entry of a law, in the order in which cvxpy lays out its entries."""
    law = program.laws[name]
    shape = law.constraint.shape
    for axis, dim in enumerate(law.dims):
        if dim in ("year", "start"):
            labels = np.asarray(program.labels(law)[dim]).astype(str)
            along = labels.reshape([-1 if place == axis else 1 for place in range(len(shape))])
            return np.broadcast_to(along, shape).ravel(order="F")
    return np.full(int(np.prod(shape)), "")


def _possible(program: Program) -> cp.Expression:
    """What cannot be below zero, whichever law is dropped, in one column."""
    v, industry = program.values, program.setting.industry
    parts = [v[name] for name in ("output", "capacity", "unemployed") if name in v]
    if "overflow_imports" in v and "household_consumption" in v:
        parts.append(v["household_consumption"] - v["overflow_imports"])
    if "retirement" in program.variables and "capacity" in v:
        parts.append(v["capacity"][industry, :-1] - v["retirement"])
    if "reform" in program.variables:
        parts.append(1 - v["reform"])
    return cp.hstack([cp.vec(part, order="F") for part in parts] or [cp.Constant(np.ones(1))])


def _arrays(
    program: Program,
    problem: Any,
    slacks: Mapping[str, tuple[cp.Variable, cp.Variable | None]],
    entries: Mapping[str, Entry],
) -> Relaxed:
    """The canonical arrays; a slack's column tells which rows are its law's."""
    data, _, _ = problem.get_problem_data("CLARABEL")
    first = data["param_prob"].var_id_to_col
    matrix = sparse.csc_matrix(data["A"])
    matrix.sort_indices()
    up = np.concatenate([first[one.id] + np.arange(one.size) for one, _ in slacks.values()])
    down = np.concatenate(
        [
            np.full(one.size, -1) if other is None else first[other.id] + np.arange(other.size)
            for one, other in slacks.values()
        ]
    )
    rows = np.asarray(matrix.indices[matrix.indptr[up]], dtype=np.int64)
    if (matrix.indptr[up + 1] - matrix.indptr[up] != 1).any():
        raise SolverError("a law takes more than one row of the canonical program: its slack cannot be told")
    dims = data["dims"]
    linear = int(dims.zero + dims.nonneg)
    bound = np.asarray(data["b"], dtype=float)
    return Relaxed(program, matrix, bound, int(dims.zero), linear, dims, entries, rows, up, down)


# ---------------------------------------------------------------- one model, many questions


@dataclass(frozen=True)
class Answer:
    """Whether there is a path; the point with the smallest breach, its price, and the multipliers of the rows.

    margin: of the proof that there is none, what is left of it after rounding, as a share of it.
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
        return answered(self.relaxed, kept, np.array(solution.col_value), np.array(solution.row_dual), price)


def answered(relaxed: Relaxed, kept: Mask, point: Array, rows: Array, price: float) -> Answer | None:
    """The answer that a point and its multipliers give, None where they give none."""
    margin, proof = proof_of(relaxed, kept, rows)
    if margin > 0:
        return Answer(False, point, proof, price, margin)
    without = point.copy()
    without[relaxed.up[kept]] = 0.0
    without[relaxed.down[kept & (relaxed.down >= 0)]] = 0.0
    return Answer(True, without, rows, price, 0.0) if _off(relaxed, without) <= TOLERANCE else None


def model_of(relaxed: Relaxed, price: Array | None = None, like: Model | None = None) -> Model:
    """The model of a relaxed program; one of the same rows and columns starts from the basis of `like`."""
    base: Any = highspy.Highs.__base__
    highs = base()  # the class itself prints a banner when its callbacks are made
    for key, value in ALWAYS.items():
        highs.setOptionValue(key, value)
    price = np.ones(relaxed.rows.size) if price is None else price
    if relaxed.conic:
        return Model(relaxed, highs, price)
    linear = highspy.HighsLp()
    linear.num_row_, linear.num_col_ = relaxed.size
    linear.col_cost_ = np.zeros(linear.num_col_)
    linear.col_lower_ = np.full(linear.num_col_, -np.inf)
    linear.col_upper_ = np.full(linear.num_col_, np.inf)
    linear.row_lower_ = np.where(np.arange(relaxed.bound.size) < relaxed.equalities, relaxed.bound, -np.inf)
    linear.row_upper_ = relaxed.bound
    matrix: Any = linear.a_matrix_
    matrix.format_ = highspy.MatrixFormat.kColwise
    matrix.num_row_, matrix.num_col_ = relaxed.size
    matrix.start_, matrix.index_, matrix.value_ = relaxed.matrix.indptr, relaxed.matrix.indices, relaxed.matrix.data
    highs.passModel(linear)
    if like is not None and like.relaxed.alike(relaxed) and like.highs.getBasis().valid:
        highs.setBasis(like.highs.getBasis())
    return Model(relaxed, highs, price)


def _off(relaxed: Relaxed, point: Array) -> float:
    """Largest residual of a row at a point, relative to the row."""
    over = (relaxed.matrix @ point - relaxed.bound) / relaxed.scale
    over[: relaxed.equalities] = np.abs(over[: relaxed.equalities])
    return float(over[: relaxed.linear].max(initial=0.0))


def proof_of(relaxed: Relaxed, kept: Mask, ray: Array) -> tuple[float, Array]:
    """What is left of a proof that no point meets the rows, as a share of it, and its multipliers; zero: no proof.

    With y ≥ 0 on inequalities, Ax ≤ b and Ax = b give (A'y)x ≤ b'y. If b'y < 0 and A'y is zero, no x does; what A'y is
    off zero by can bring at most its size times the bound on every variable.
    """
    best, multipliers = 0.0, ray
    for sign in (-1.0, 1.0):
        y = sign * ray
        y[relaxed.equalities :] = np.maximum(y[relaxed.equalities :], 0.0)
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
    taken = np.ones(relaxed.bound.size, dtype=bool)
    taken[relaxed.rows[~kept]] = False
    columns = np.flatnonzero(~relaxed.slack)
    matrix = relaxed.matrix.tocsr()[np.flatnonzero(taken)][:, columns].tocsc()
    bound = relaxed.bound[taken]
    equal = int(taken[: relaxed.equalities].sum())
    above = int(taken[relaxed.equalities : relaxed.linear].sum())
    cones = [_CLARABEL.ZeroConeT(equal), _CLARABEL.NonnegativeConeT(above), *_cones(relaxed)]
    solution = _clarabel(np.zeros(matrix.shape[1]), matrix, bound, cones)
    status = str(solution.status)
    if status in ("Solved", "AlmostSolved"):
        point = np.zeros(relaxed.slack.size)
        point[columns] = solution.x
        over = (matrix @ point[columns] - bound)[: equal + above] / relaxed.scale[taken][: equal + above]
        over[:equal] = np.abs(over[:equal])
        return ("feasible" if over.max(initial=0.0) <= TOLERANCE else "unsure"), 0.0, point
    z = np.asarray(solution.z, dtype=float)
    z[equal : equal + above] = np.maximum(z[equal : equal + above], 0.0)
    given = -float(bound @ z)
    margin = 1 - LARGEST * float(np.abs(matrix.T @ z).sum()) / given if given > 0 else 0.0
    return ("infeasible" if margin > 0 and "PrimalInfeasible" in status else "unsure"), margin, np.zeros(0)


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
    answer = answered(relaxed, kept, point, rows, float(solution.obj_val))
    if answer is None and str(solution.status) == "Solved" and relaxed.conic:
        answer = Answer(False, point, rows, float(solution.obj_val), 1.0)  # a proof through cones is not added up here
    if answer is None:
        raise SolverError("the search for laws in conflict found neither a path nor a proof that there is none")
    return answer
