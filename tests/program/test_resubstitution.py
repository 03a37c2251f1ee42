"""A program that is solved again keeps what its parameters leave as it was, and is handed over to the last digit as a
fresh one is: no result hangs on what was solved before it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from official import official

import iomodel as iom
from iomodel.economy import Economy
from iomodel.experiment import Limit
from iomodel.program.build import Program
from iomodel.program.canonical import compiled
from iomodel.program.certificate import goal_gradient
from iomodel.program.elimination import reduced
from iomodel.program.gradients import slopes
from iomodel.program.resubstitution import reduced_again
from iomodel.program.solvers import solve_program


@pytest.fixture(scope="module")
def program(china: Economy) -> Program:
    limits = {"debt_ceiling": Limit(35.0, 0.5), "deficit_ceiling": Limit(6.0)}
    experiment = official("two-halves").replace(years=8, beyond=1, limits=limits)
    built = iom.build(experiment, china)
    assert solve_program(built).status == "optimal"
    return built


KEPT = ("targets.package", "targets.idle_cut", "targets.reform", "limits.debt_ceiling.margin",
        "limits.debt_ceiling.soft", "limits.deficit_ceiling.margin")  # fmt: skip


def test_what_is_kept_gives_the_same_arrays_and_the_same_way_back(program: Program) -> None:
    before, pairs = program.memo["reduced"], program.memo["definitions"]
    random = np.random.default_rng(0)
    x, z = random.normal(size=before.columns.size), random.normal(size=before.rows.size)
    taken = []
    for key, parameter in program.setting.parameters.items():
        held = np.array(parameter.value)
        for factor in (0.0, 0.9):
            parameter.value = factor * held
            arrays = compiled(program).arrays
            again, fresh = reduced_again(before, arrays), reduced(arrays, pairs)
            if again is None:
                continue
            taken += [key] if factor else []
            one, other = again.arrays, fresh.arrays
            assert abs(one.matrix - other.matrix).nnz == 0, key
            assert np.array_equal(one.bound, other.bound), key
            assert np.array_equal(one.linear, other.linear), key
            assert abs(one.quadratic - other.quadratic).nnz == 0, key
            for part, same in zip(again.restore(x, z), fresh.restore(x, z), strict=True):
                assert np.array_equal(part, same), key
            if key == "targets.idle_cut":  # the test would not see an update that does nothing
                assert abs(one.matrix - before.arrays.matrix).nnz > 0
        parameter.value = held
    assert set(KEPT) <= set(taken)


def test_what_does_not_fit_is_substituted_anew(program: Program) -> None:
    before = program.memo["reduced"]
    parameter = program.setting.parameters["levers.benefit"]  # in a chain of definitions
    held = np.array(parameter.value)
    parameter.value = 0.9 * held
    assert reduced_again(before, compiled(program).arrays) is None
    parameter.value = held
    arrays = compiled(program).arrays
    assert reduced_again(before, arrays) is not None
    smaller = arrays.matrix.copy()
    smaller.data[0] = 0.0
    smaller.eliminate_zeros()
    assert reduced_again(before, replace(arrays, matrix=smaller)) is None


def test_the_answer_is_that_of_a_program_solved_for_the_first_time(program: Program, china: Economy) -> None:
    target = program.setting.parameters["targets.package"]
    held = np.array(target.value)
    target.value = 0.9 * held
    again = solve_program(program).objective
    target.value = held
    limits = {"debt_ceiling": Limit(35.0, 0.5), "deficit_ceiling": Limit(6.0)}
    experiment = official("two-halves").replace(years=8, beyond=1, limits=limits)
    package = experiment.targets["package"]
    other = iom.build(experiment.set("targets.package.exactly", 0.9 * float(package.value)), china)
    assert solve_program(other).objective == again
    assert solve_program(program).objective != again


def test_the_slope_of_the_goal_is_that_of_its_terms(program: Program) -> None:
    """By vectors from the outside in, and by matrices from the inside out."""
    found = goal_gradient(program)
    summed = {name: np.zeros(value.shape) for name, value in found.items()}
    for term in program.terms.values():
        for name, slope in slopes(program, term.expression).items():
            summed[name] += np.asarray(slope.todense()).reshape(summed[name].shape, order="F")
    for name, value in found.items():
        assert value == pytest.approx(summed[name], abs=1e-14), name
