"""How a solved program moves when its numbers do: the goal by its multipliers, the point by the optimality conditions.

minimise ½ x'Px + q'x subject to Ax + s = b, s in K. At a point with multipliers z the goal's derivative is that of the
Lagrangian at fixed x and z (envelope theorem; Milgrom and Segal 2002). The point's solves the conditions of optimality
differentiated: one factorisation, one right-hand side for each assumption (Amos and Kolter 2017; for cones Agrawal and
others 2019). Laws that bind keep binding and slack ones stay slack; where that leaves no answer, the motion is said to
be not regular and the program has to be solved again. Levers that hardly anything settles (the timing of closures) move
by what the last digits of the multipliers say: the solver's point is therefore first taken to rounding by Newton steps
on the same system.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import cvxpy as cp
import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.linalg import SuperLU, splu

from iomodel.errors import SolverError
from iomodel.program.build import Program

Array = npt.NDArray[np.float64]

_SOLVER = "CLARABEL"
_SETTINGS = {"tol_gap_abs": 1e-12, "tol_gap_rel": 1e-12, "tol_feas": 1e-12, "direct_solve_method": "qdldl"}
_ACCEPTED = 1e-7
"""Largest relative residual of the conditions of optimality from which a motion is found."""

_SHIFT = 1e-8
"""Diagonal shift that makes the system factorable where laws repeat each other; refinement takes it out again."""

_REFINED, _ROUNDS, _SOLVED = 1e-14, 40, 1e-7
"""Residual at which refinement ends, its rounds at most, and the residual from which there is no solution."""

_NEWTON, _ROUNDING = 8, 1e-11
"""Newton steps at most, and the residual, relative to the bounds, at which they have arrived."""

_NEAR, _SMALL, _TINY = 100.0, 1e-6, 1e-12
"""A slack and its multiplier that are both small and within this factor of each other: the law is in doubt."""

_ENDED = ("Solved", "AlmostSolved", "InsufficientProgress")


@dataclass(frozen=True)
class Arrays:
    """The canonical arrays of a program: minimise ½ x'Px + q'x + offset subject to b − Ax in K."""

    quadratic: sparse.csc_matrix
    linear: Array
    matrix: sparse.csc_matrix
    bound: Array
    offset: float
    zero: int
    positive: int
    cones: tuple[int, ...]

    def like(self, other: Arrays) -> bool:
        """Whether both have the same rows, columns and cones."""
        mine, its = ((one.linear.size, one.bound.size, one.zero, one.positive, one.cones) for one in (self, other))
        return mine == its


@dataclass(frozen=True)
class Motion:
    """Derivatives by one assumption.

    goal: of the goal, percent of base-year GDP of consumption a year. values: of each variable, by name, shaped as the
    variable; empty where they are not to be had. regular: whether the conditions of optimality determine them.
    """

    goal: float
    values: Mapping[str, Array]
    regular: bool


@dataclass(frozen=True)
class _Face:
    """Where on the cone a point lies, and the factored system of it.

    rows: for each rotated row of K, 0 where it binds, 1 where it is slack, between on the edge of a curved cone.
    """

    rows: Array
    rotation: sparse.csr_matrix
    system: sparse.csc_matrix
    factor: SuperLU

    @property
    def binds(self) -> npt.NDArray[np.int64]:
        """Rows that are in the system."""
        return np.flatnonzero(self.rows < 1)


@dataclass(frozen=True)
class Point:
    """A program's optimum with what is needed to move it: canonical arrays, point, multipliers and the factor."""

    program: Program
    arrays: Arrays
    x: Array
    z: Array
    face: _Face
    settled: bool
    """Whether every lever has one value only, and every law binds or is slack without doubt."""
    _invert: Callable[[Array], Mapping[int, Any]]

    @property
    def goal(self) -> float:
        """The goal, percent of base-year GDP of consumption a year."""
        half = 0.5 * float(self.x @ (self.arrays.quadratic @ self.x))
        return -(half + float(self.arrays.linear @ self.x) + self.arrays.offset)

    def values(self) -> dict[str, Array]:
        """Variables by name at the point."""
        return self._named(self.x)

    def along(self, direction: Array) -> dict[str, Array]:
        """The part of a canonical direction that falls on each variable, by name."""
        # The way back sets what is below zero to zero where a variable must not be: go along it from far above.
        high = np.full_like(direction, 2 * float(np.abs(direction).max(initial=0.0)))
        there, here = self._named(high + direction), self._named(high)
        return {name: there[name] - here[name] for name in there}

    def _named(self, x: Array) -> dict[str, Array]:
        found = self._invert(x)
        return {
            name: np.asarray(found[_variable(self.program, name).id], dtype=float) for name in self.program.variables
        }

    def hold(self) -> None:
        """Give the program's variables the values of the point."""
        for name, value in self.values().items():
            _variable(self.program, name).value = value


def _variable(program: Program, name: str) -> cp.Variable:
    """The cvxpy variable of a name."""
    variable = program.values[name]
    assert isinstance(variable, cp.Variable)
    return variable


def point_of(program: Program, levers: tuple[str, ...] = ()) -> Point:
    """The optimum of `program`, solved once more and taken to rounding, ready to be moved; `levers`: variables that
    have to be unique for a motion to be regular.

    Raises SolverError where the solver returns no point that meets the conditions of optimality to 1e-7.
    """
    problem: Any = program.problem
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the answer is judged below
        data, chain, inverse = problem.get_problem_data(_SOLVER, solver_opts=dict(_SETTINGS))
        raw = chain.solve_via_data(problem, data, solver_opts=dict(_SETTINGS))
    arrays = _arrays(data, inverse)
    x, s, z = (np.asarray(getattr(raw, part), dtype=float) for part in ("x", "s", "z"))
    missed = _missed(arrays, x, s, z) if str(raw.status) in _ENDED else 1.0
    if missed > _ACCEPTED:
        raise SolverError(
            f"the optimum cannot be moved: Clarabel ends {raw.status} and the conditions of optimality are missed by "
            f"{missed:.1e}, allowed is {_ACCEPTED:.0e}"
        )

    def invert(at: Array) -> Mapping[int, Any]:
        kept = SimpleNamespace(x=at, z=z, status="Solved", obj_val=0.0, obj_val_dual=0.0, solve_time=0.0, iterations=0)
        found: Mapping[int, Any] = chain.invert(kept, inverse).primal_vars
        return found

    x, z, exact = _taken_to_rounding(arrays, x, z)
    s = arrays.bound - arrays.matrix @ x
    point = Point(program, arrays, x, z, _face(arrays, s - z), exact and not _doubtful(arrays, s, z), invert)
    return point if not point.settled or _unique(point, levers) else replace(point, settled=False)


def _arrays(data: Mapping[str, Any], inverse: Any) -> Arrays:
    """The arrays that cvxpy hands to Clarabel, and the constant of the objective, which it keeps for the way back."""
    matrix = sparse.csc_matrix(data["A"])
    columns = int(matrix.shape[1])  # pyright: ignore[reportOptionalSubscript]
    given = data.get("P")
    quadratic = sparse.csc_matrix((columns, columns)) if given is None else sparse.csc_matrix(given)
    if abs(sparse.tril(quadratic, -1)).sum() == 0:
        quadratic = sparse.csc_matrix(quadratic + sparse.triu(quadratic, 1).T)
    dims = data["dims"]
    cones = tuple(int(size) for size in dims.soc)
    linear, bound = np.asarray(data["c"], dtype=float), np.asarray(data["b"], dtype=float)
    if dims.zero + dims.nonneg + sum(cones) != bound.size:
        raise SolverError("the program has cones that are neither linear nor of second order: it cannot be moved")
    offset = next(float(part["offset"]) for part in reversed(inverse) if hasattr(part, "get") and "offset" in part)
    return Arrays(quadratic, linear, matrix, bound, offset, int(dims.zero), int(dims.nonneg), cones)


def _missed(arrays: Arrays, x: Array, s: Array, z: Array) -> float:
    """The worst of primal residual, stationarity and gap, each relative to its own size."""
    push, pull = arrays.quadratic @ x + arrays.linear, arrays.matrix.T @ z
    taken = arrays.matrix @ x
    value = float(x @ (arrays.quadratic @ x) + arrays.linear @ x)
    pairs = (
        (np.abs(taken + s - arrays.bound).max(), np.abs(taken).max()),
        (np.abs(push + pull).max(), np.abs(pull).max()),
        (abs(value + float(arrays.bound @ z)), abs(value)),
    )
    return max(float(miss) / (1 + float(size)) for miss, size in pairs)


def _taken_to_rounding(arrays: Arrays, x: Array, z: Array) -> tuple[Array, Array, bool]:
    """Newton steps on Px + q + A'z = 0 and s = Π(s − z), s = b − Ax, Π the projection on K; whether they arrived."""
    size = 1 + float(np.abs(arrays.bound).max(initial=0.0))
    best, left = (x, z), np.inf
    for _ in range(_NEWTON):
        s = arrays.bound - arrays.matrix @ x
        push = arrays.quadratic @ x + arrays.linear + arrays.matrix.T @ z
        off = s - _projected(arrays, s - z)
        missed = max(float(np.abs(push).max()), float(np.abs(off).max(initial=0.0)))
        if missed < left:
            best, left = (x, z), missed
        if missed <= _ROUNDING * size:
            break
        face = _face(arrays, s - z)
        turned = face.rotation @ off
        binds = face.binds
        by = np.where(face.rows < 1, 0.0, -turned)
        push = push + arrays.matrix.T @ (face.rotation.T @ by)
        found, _ = _solve(face, np.concatenate([-push, turned[binds] / (1 - face.rows[binds])]))
        by[binds] = found[x.size :]
        x, z = x + found[: x.size], z + face.rotation.T @ by
    return best[0], best[1], left <= _ROUNDING * size


def _blocks(arrays: Arrays) -> Iterator[slice]:
    """Places of the second-order cones."""
    first = arrays.zero + arrays.positive
    for size in arrays.cones:
        yield slice(first, first + size)
        first += size


def _projected(arrays: Arrays, vector: Array) -> Array:
    """Π(vector): nothing in {0}, the positive part, and on each second-order cone its nearest point."""
    found = np.zeros_like(vector)
    flat = slice(arrays.zero, arrays.zero + arrays.positive)
    found[flat] = np.maximum(vector[flat], 0.0)
    for part in _blocks(arrays):
        top, rest = float(vector[part][0]), vector[part][1:]
        length = float(np.linalg.norm(rest))
        if length <= top:
            found[part] = vector[part]
        elif length > -top:
            found[part] = 0.5 * (1 + top / length) * np.concatenate([[length], rest])
    return found


def _doubtful(arrays: Arrays, s: Array, z: Array) -> bool:
    """Whether some law can neither be said to bind nor to be slack: slack and multiplier are about as small."""
    flat = slice(arrays.zero, arrays.zero + arrays.positive)
    ratio = np.maximum(s[flat], _TINY) / np.maximum(z[flat], _TINY)
    near = (ratio > 1 / _NEAR) & (ratio < _NEAR) & (np.maximum(s[flat], z[flat]) < _SMALL)
    tips = [max(np.abs(s[part]).max(), np.abs(z[part]).max()) < _SMALL for part in _blocks(arrays)]
    return bool(near.any() or any(tips))


def _face(arrays: Arrays, vector: Array) -> _Face:
    """Derivative of the projection of `vector` on K, as eigenvalues d and the rotation that makes it diagonal, and
    [[P, A'], [A, −W]] over the rows that bind, W = d / (1 − d), factored."""
    flat = arrays.zero + arrays.positive
    rows = [np.zeros(arrays.zero), (vector[arrays.zero : flat] > 0).astype(float)]
    turned: list[Any] = [sparse.eye(flat)]
    for part in _blocks(arrays):
        eigenvalues, vectors = np.linalg.eigh(_projection(vector[part]))
        rows.append(np.where(eigenvalues > 1 - 1e-9, 1.0, np.where(eigenvalues < 1e-9, 0.0, eigenvalues)))
        turned.append(sparse.csc_matrix(vectors.T))
    d, rotation = np.concatenate(rows), sparse.csr_matrix(sparse.block_diag(turned))
    binds = np.flatnonzero(d < 1)
    matrix = sparse.csr_matrix(rotation @ arrays.matrix)[binds]
    weight = sparse.diags(d[binds] / (1 - d[binds]))
    system = sparse.csc_matrix(sparse.bmat([[arrays.quadratic, matrix.T], [matrix, -weight]]))
    shift = np.concatenate([np.full(arrays.linear.size, _SHIFT), np.full(binds.size, -_SHIFT)])
    factor = splu(
        sparse.csc_matrix(system + sparse.diags(shift)),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    return _Face(d, rotation, system, factor)


def _projection(vector: Array) -> Array:
    """Derivative of the projection on the second-order cone (Kanzow, Ferenczi and Fukushima 2009, lemma 2.5)."""
    size, top, rest = vector.size, float(vector[0]), vector[1:]
    length = float(np.linalg.norm(rest))
    if length <= top:
        return np.eye(size)
    if length <= -top:
        return np.zeros((size, size))
    unit = rest / length
    made = np.empty((size, size))
    made[0, 0], made[0, 1:], made[1:, 0] = 1.0, unit, unit
    made[1:, 1:] = (1 + top / length) * np.eye(size - 1) - top / length * np.outer(unit, unit)
    return 0.5 * made


def _solve(face: _Face, right: Array) -> tuple[Array, bool]:
    """The system solved with refinement, and whether it has a solution."""
    found, left = np.zeros_like(right), right
    size = last = float(np.abs(right).max(initial=0.0))
    for _ in range(_ROUNDS):
        nearer = found + face.factor.solve(left)
        rest = right - face.system @ nearer
        missed = float(np.abs(rest).max(initial=0.0))
        if missed >= last and last <= _SOLVED * size:  # rounding: nothing is gained any more
            break
        found, left, last = nearer, rest, missed
        if missed <= _REFINED * size:
            break
    return found, last <= _SOLVED * size


def _unique(point: Point, levers: tuple[str, ...]) -> bool:
    """Whether the system fixes the levers: a vector that it maps is found again in them."""
    drawn = np.random.default_rng(0).normal(size=point.face.system.shape[0])  # pyright: ignore[reportOptionalSubscript]
    found, solved = _solve(point.face, point.face.system @ drawn)
    size = point.x.size
    off = point.along(drawn[:size] - found[:size])
    return solved and all(float(np.abs(off[name]).max()) < 1e-3 for name in levers)


def motion(point: Point, other: Program, step: float) -> Motion:
    """Derivatives at `point` towards `other`, the same program laid with one assumption moved by `step`.

    Not regular where the moved program has other cones or an exponent that its cones only approximate, where binding
    laws cannot all keep binding, or where the point is in doubt.
    """
    if _approximate(other):
        return Motion(float("nan"), {}, False)
    problem: Any = other.problem
    data, _, inverse = problem.get_problem_data(_SOLVER, solver_opts=dict(_SETTINGS))
    here, there = point.arrays, _arrays(data, inverse)
    if not here.like(there):
        return Motion(float("nan"), {}, False)
    x, z = point.x, point.z
    linear, bound = (there.linear - here.linear) / step, (there.bound - here.bound) / step
    bent, taken = (there.quadratic - here.quadratic) @ x / step, (there.matrix - here.matrix) @ x / step
    pulled = (there.matrix - here.matrix).T @ z / step
    moved = float(linear @ x) + 0.5 * float(x @ bent) + (there.offset - here.offset) / step
    goal = -(moved + float(z @ (taken - bound)))
    if not point.settled:
        return Motion(goal, {}, False)
    face = point.face
    right = np.concatenate([-(linear + bent + pulled), (face.rotation @ (bound - taken))[face.binds]])
    found, solved = _solve(face, right)
    return Motion(goal, point.along(found[: x.size]), solved)


def _approximate(program: Program) -> bool:
    """Whether an exponent of the program is written as the nearest fraction, so that a small step moves nothing."""
    asked: list[Any] = [program.problem.objective, *program.problem.constraints]
    while asked:
        part = asked.pop()
        if getattr(part, "approx_error", 0.0):
            return True
        asked.extend(part.args)
    return False
