"""The laws of a program with a slack in each, as the arrays of one linear program.

A law whose slack has a price is kept, one whose slack is free of charge is dropped: there is a path exactly when
nothing has to be paid. What is asked of these arrays and what counts as an answer: `iomodel.program.feasibility`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import cvxpy as cp
import numpy as np
import numpy.typing as npt
from cvxpy.constraints.zero import Equality
from scipy import sparse

from iomodel.errors import SolverError
from iomodel.program.build import Program

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]

POSSIBLE = "what is possible"
"""The rows that no law states but nobody can break: no negative output, plant or persons, nothing closed twice."""

OF_GDP = ("debt_ceiling", "deficit_ceiling", "firm_debt_ceiling", "current_account_floor")
"""Laws whose bound is stated as a share of the year's GDP."""


@dataclass(frozen=True)
class Entry:
    """The entries of one law: their places among all entries, and the year of each ("" where it has none)."""

    places: slice
    years: npt.NDArray[np.str_]


@dataclass(frozen=True)
class Relaxed:
    """Ax + s = b with s in the cones, first the equalities; every entry of every law has a slack of its own.

    rows, up, down: for each entry its row, the column that loosens it and the one that loosens an equality the other
    way (-1 where there is none). laws: name -> its entries, the last being `POSSIBLE`. gdp: year -> the column of its
    GDP, where a law is a share of it, else empty.
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
    gdp: Mapping[str, int]

    @property
    def conic(self) -> bool:
        """Whether there are rows other than equalities and inequalities."""
        return self.linear < self.bound.size

    @property
    def curved(self) -> tuple[int, ...]:
        """Sizes of the second-order cones, whose rows follow the linear ones."""
        return tuple(int(size) for size in self.dims.soc)

    @property
    def other(self) -> bool:
        """Whether there are cones of yet another kind, of which nothing can be added up here."""
        return self.linear + sum(self.curved) < self.bound.size

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
    gdp: cp.Variable | None = None
    if any(name in OF_GDP for name in program.laws):
        gdp = cp.Variable(program.values["gdp"].shape)
        loose.append(gdp == program.values["gdp"])
    return _arrays(program, cp.Problem(cp.Minimize(0), loose), slacks, entries, gdp)


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
    gdp: cp.Variable | None,
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
    at: dict[str, int] = {}
    if gdp is not None:
        at = {str(year): int(first[gdp.id]) + place for place, year in enumerate(program.setting.calendar)}
    return Relaxed(program, matrix, bound, int(dims.zero), linear, dims, entries, rows, up, down, at)
