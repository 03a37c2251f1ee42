"""The laws of a built program as rows of numbers, by name: what a judge needs who does not use the product's own.

Rows come from the laws alone, without goal and solver, and are checked against the laws' own sides at a random point.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import cvxpy as cp
import numpy as np
from cvxpy.constraints.zero import Equality
from scipy import sparse

from iomodel.program.build import Program


@dataclass(frozen=True)
class LawBook:
    """matrix @ x ≤ bound, where `equal` ==, and x ≥ 0 where `nonneg`.

    rows: law -> its rows; columns: variable -> its columns; an array is laid out with its first index running fastest.
    bent: laws that are not affine, which have no rows.
    """

    matrix: sparse.csr_matrix
    bound: np.ndarray
    equal: np.ndarray
    nonneg: np.ndarray
    rows: Mapping[str, slice]
    columns: Mapping[str, slice]
    program: Program
    bent: tuple[str, ...] = ()

    def point(self) -> np.ndarray:
        """The point that the program's variables hold."""
        x = np.zeros(self.nonneg.size)
        for name, place in self.columns.items():
            x[place] = np.asarray(self.program.values[name].value, dtype=float).ravel(order="F")
        return x

    def put(self, x: np.ndarray) -> None:
        """Set the program's variables to a point."""
        for name, place in self.columns.items():
            variable = self.program.values[name]
            variable.save_value(x[place].reshape(variable.shape, order="F"))

    def moved(self, by: np.ndarray, program: Program) -> LawBook:
        """The rows of the same laws with their bounds moved, checked at a random point as all are."""
        book = replace(self, bound=self.bound + by, program=program)
        _check(book)
        return book

    def multipliers(self) -> np.ndarray:
        """The multipliers that the laws hold; those of an equality are of (its left side − its right side)."""
        y = np.zeros(self.bound.size)
        for name, place in self.rows.items():
            y[place] = np.asarray(self.program.laws[name].constraint.dual_value, dtype=float).ravel(order="F")
        return y

    def shifts(self, by: np.ndarray) -> dict[str, np.ndarray]:
        """Amounts to move the laws' bounds by, such that `bound` grows by `by`: a floor falls when its row loosens."""
        found = {}
        for name, place in self.rows.items():
            law = self.program.laws[name]
            sign = -1.0 if law.bound == "lower" else 1.0
            found[name] = sign * by[place].reshape(law.constraint.shape, order="F")
        return found

    def sides(self) -> tuple[np.ndarray, np.ndarray]:
        """Left less right side of every row at the program's point, and its scale: the larger side of this row alone,
        at least one."""
        miss, scale = np.zeros(self.bound.size), np.ones(self.bound.size)
        for name, place in self.rows.items():
            miss[place], scale[place] = sides(self.program.laws[name].constraint)
        return miss, scale

    def slope(self) -> np.ndarray:
        """Gradient of the smooth part of the goal at the program's point."""
        gradient = np.zeros(self.nonneg.size)
        for term in smooth(self.program):
            by_id = {variable.id: part for variable, part in term.grad.items()}
            for name, place in self.columns.items():
                part = by_id.get(self.program.values[name].id)
                if part is not None:
                    dense = part.toarray() if sparse.issparse(part) else np.asarray(part)
                    gradient[place] += dense.ravel(order="F")
        return gradient


def sides(constraint: cp.Constraint) -> tuple[np.ndarray, np.ndarray]:
    """Left less right side of each row of a law, and the larger of the two, at least one."""
    left, right = (
        np.broadcast_to(np.asarray(part.value, dtype=float), constraint.shape).ravel(order="F")
        for part in constraint.args
    )
    return left - right, np.maximum(1.0, np.maximum(np.abs(left), np.abs(right)))


def kinked(program: Program) -> list[cp.Expression]:
    """Terms of the goal that are piecewise linear but not affine: they have kinks."""
    terms = [term.expression for term in program.terms.values()]
    return [term for term in terms if term.is_pwl() and not term.is_affine()]


def smooth(program: Program) -> list[cp.Expression]:
    """The other terms of the goal."""
    bent = {id(term) for term in kinked(program)}
    return [term.expression for term in program.terms.values() if id(term.expression) not in bent]


def lawbook(program: Program) -> LawBook:
    """The affine laws of a program as rows, checked at a random point, and the names of the others."""
    straight = {
        name: law.constraint
        for name, law in program.laws.items()
        if all(side.is_affine() for side in law.constraint.args)
    }
    bare: Any = cp.Problem(cp.Minimize(0), list(straight.values()))
    data, _, _ = bare.get_problem_data(cp.CLARABEL)
    cone = data["param_prob"]
    zero, rows, kept, equal = data["dims"].zero, {}, [], []
    # Rows stand in the laws' order, equalities first; those of variables that are not negative come before the others'.
    start = {True: 0, False: data["A"].shape[0]}
    laws = {name: (constraint.size, isinstance(constraint, Equality)) for name, constraint in straight.items()}
    start[False] -= sum(size for size, is_equal in laws.values() if not is_equal)
    for name, (size, is_equal) in laws.items():
        taken = sum(part.size for part in kept)
        rows[name] = slice(taken, taken + size)
        kept.append(np.arange(start[is_equal], start[is_equal] + size))
        equal.append(np.full(size, is_equal))
        start[is_equal] += size
    by_name = {variable.name(): variable for variable in cone.variables}
    columns, nonneg = {}, np.zeros(data["A"].shape[1], dtype=bool)
    for name, var in program.variables.items():
        first = cone.var_id_to_col[by_name[name].id]
        columns[name] = slice(first, first + by_name[name].size)
        nonneg[columns[name]] = var.nonneg
    covered = sum(place.stop - place.start for place in columns.values())
    if covered != nonneg.size or start[True] != zero or start[False] != data["A"].shape[0]:
        raise AssertionError("the rows do not cover the program's laws and variables")
    matrix = sparse.csr_matrix(data["A"])[np.concatenate(kept)]
    bent = tuple(name for name in program.laws if name not in straight)
    book = LawBook(
        matrix, np.asarray(data["b"])[np.concatenate(kept)], np.concatenate(equal), nonneg, rows, columns, program, bent
    )
    _check(book)
    return book


def _check(book: LawBook) -> None:
    """The rows say what the laws say, at a point of random numbers."""
    held = {name: book.program.values[name].value for name in book.columns}
    x = np.random.default_rng(0).uniform(0.5, 2.0, book.nonneg.size)
    book.put(x)
    miss, scale = book.sides()
    apart = np.abs(miss - (book.matrix @ x - book.bound)) / scale
    for name, value in held.items():
        book.program.values[name].save_value(value)
    if apart.max() > 1e-10:
        raise AssertionError(f"rows and laws are {apart.max():.1e} apart")
