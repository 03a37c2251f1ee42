"""A solver object that is used again answers as a fresh one does, to the last digit, and only where it fits."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from official import official

import iomodel as iom
from iomodel.economy import Economy
from iomodel.program.build import Program
from iomodel.program.interior_point import HeldSolver, clarabel_answer
from iomodel.program.solvers import CLARABEL, RESCALED, solve_program


@pytest.fixture
def program(china: Economy) -> Program:
    built = iom.build(official("two-halves").replace(years=8, beyond=1), china)
    assert solve_program(built).status == "optimal"
    return built


def same(one: Any, other: Any) -> bool:
    parts = ("x", "z", "s", "obj_val", "iterations")
    return all(np.array_equal(np.array(getattr(one, part)), np.array(getattr(other, part))) for part in parts)


def test_the_answer_is_that_of_a_fresh_object(program: Program) -> None:
    held: HeldSolver = program.memo["solver"]
    taken, targets = 0, program.setting.targets
    for step in range(6):
        before, target = held.solver, list(targets.values())[step % len(targets)]
        target.value = np.array(target.value) * (0.93 if step < 4 else 1.04)
        assert solve_program(program).status == "optimal"
        taken += held.solver is before
        arrays = program.memo["reduced"].arrays
        kept, fresh = clarabel_answer(arrays, CLARABEL.settings, held), clarabel_answer(arrays, CLARABEL.settings)
        assert same(kept, fresh)
    assert taken >= 4  # the test would not see an object that is made anew every time


def test_bounds_costs_rows_and_squares_are_put_in(program: Program) -> None:
    arrays = program.memo["reduced"].arrays
    quadratic, matrix = arrays.quadratic.copy(), arrays.matrix.copy()
    assert quadratic.nnz
    quadratic.data *= 1.1
    matrix.data *= 1.0 + 1e-3 * np.random.default_rng(0).random(matrix.nnz)
    others = {
        "quadratic": replace(arrays, quadratic=quadratic),
        "matrix": replace(arrays, matrix=matrix),
        "linear": replace(arrays, linear=1.1 * arrays.linear),
        "bound": replace(arrays, bound=1.001 * arrays.bound),
    }
    for part, other in others.items():
        held = HeldSolver()
        first = clarabel_answer(arrays, CLARABEL.settings, held)
        solver = held.solver
        again = clarabel_answer(other, CLARABEL.settings, held)
        assert held.solver is solver, part
        assert same(again, clarabel_answer(other, CLARABEL.settings)), part
        assert not same(again, first), part


def test_what_does_not_fit_is_made_anew(program: Program) -> None:
    arrays = program.memo["reduced"].arrays
    fewer = arrays.matrix.copy()
    fewer.data[0] = 0.0
    fewer.eliminate_zeros()
    for other in (replace(arrays, matrix=fewer), replace(arrays, equalities=arrays.equalities - 1,
                  inequalities=arrays.inequalities + 1)):  # fmt: skip
        held = HeldSolver()
        clarabel_answer(arrays, CLARABEL.settings, held)
        assert held.take(other, CLARABEL.settings) is None
        assert held.solver is None
    held = HeldSolver()
    clarabel_answer(arrays, CLARABEL.settings, held)
    assert held.take(arrays, {**CLARABEL.settings, "max_iter": 7}) is None


def test_one_that_rescales_or_ended_without_a_point_is_not_held(program: Program) -> None:
    arrays = program.memo["reduced"].arrays
    held = HeldSolver()
    clarabel_answer(arrays, RESCALED.settings, held)
    assert held.solver is None
    clarabel_answer(arrays, {**CLARABEL.settings, "max_iter": 3}, held)
    assert held.solver is None


def test_another_process_gets_an_empty_place(program: Program) -> None:
    held: HeldSolver = program.memo["solver"]
    assert held.solver is not None
    again = pickle.loads(pickle.dumps(held))
    assert again.solver is None
    assert again.arrays is None
