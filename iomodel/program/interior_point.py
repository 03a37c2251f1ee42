"""Clarabel on canonical arrays, by a fresh solver object or by the last one with other numbers put into it.

Ordering and symbolic factorisation hang on where the entries stand, not on their numbers: a program that is solved
again with other parameters needs them once. An object whose last solve ended at a point and that does not rescale
starts from nothing again, so that its answer is that of a fresh object to the last digit (tested): no result hangs on
what was solved before it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from iomodel.program.canonical import Canonical


@dataclass
class HeldSolver:
    """A place for one solver object with the arrays and settings that it was made for; empty at first.

    One object is held where solves of one program follow each other, in one thread.
    """

    solver: Any = None
    arrays: Canonical | None = None
    settings: Mapping[str, Any] | None = None

    def __reduce__(self) -> tuple[type[HeldSolver], tuple[()]]:
        """Empty in another process: the object is the solver's own memory."""
        return HeldSolver, ()

    def take(self, arrays: Canonical, settings: Mapping[str, Any]) -> Any:
        """The held object with the numbers of these arrays, which is held no longer; None where it does not fit."""
        solver, old, self.solver = self.solver, self.arrays, None
        if solver is None or old is None or self.settings != settings or not _same_structure(arrays, old):
            return None
        if not _same_numbers(arrays.quadratic, old.quadratic):
            solver.update(P=arrays.quadratic)
        if not _same_numbers(arrays.matrix, old.matrix):
            solver.update(A=sparse.csc_matrix(arrays.matrix))
        solver.update(q=arrays.linear, b=arrays.bound)
        return solver

    def keep(self, solver: Any, arrays: Canonical, settings: Mapping[str, Any]) -> None:
        """Hold an object that has ended at a point; one that rescales would keep the scales of the old numbers."""
        if not settings.get("equilibrate_enable", True) and solver.is_data_update_allowed():
            self.solver, self.arrays, self.settings = solver, arrays, settings


def clarabel_answer(arrays: Canonical, settings: Mapping[str, Any], held: HeldSolver | None = None) -> Any:
    """Clarabel's answer to canonical arrays: x, z, s, status, obj_val, solve_time, iterations.

    held: a solver object of the same structure is taken from there, and put back.
    """
    solver = held.take(arrays, settings) if held is not None else None
    if solver is None:
        solver = clarabel_solver(arrays, settings)
    answer = solver.solve()
    if held is not None and str(answer.status) == "Solved":
        held.keep(solver, arrays, settings)
    return answer


def clarabel_solver(arrays: Canonical, settings: Mapping[str, Any]) -> Any:
    """A fresh Clarabel object on canonical arrays; its `solve()` gives the answer."""
    clarabel: Any = importlib.import_module("clarabel")  # it has no types of its own

    chosen = clarabel.DefaultSettings()
    chosen.verbose = False
    for key, value in settings.items():
        setattr(chosen, key, value)
    cones: list[Any] = [clarabel.ZeroConeT(arrays.equalities), clarabel.NonnegativeConeT(arrays.inequalities)]
    cones += [clarabel.SecondOrderConeT(size) for size in arrays.cones]
    return clarabel.DefaultSolver(
        arrays.quadratic, arrays.linear, sparse.csc_matrix(arrays.matrix), arrays.bound, cones, chosen
    )


def _same_structure(one: Canonical, other: Canonical) -> bool:
    """Whether entries stand in the same places and rows belong to the same cones."""
    rows = (one.equalities, one.inequalities, tuple(one.cones)) == (
        other.equalities, other.inequalities, tuple(other.cones),
    )  # fmt: skip
    return rows and all(
        a.shape == b.shape and np.array_equal(a.indptr, b.indptr) and np.array_equal(a.indices, b.indices)
        for a, b in ((one.matrix, other.matrix), (one.quadratic, other.quadratic))
    )


def _same_numbers(one: Any, other: Any) -> bool:
    return np.array_equal(one.data, other.data)
