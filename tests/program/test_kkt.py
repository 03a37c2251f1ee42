"""Conditions of optimality of every solve, by code that knows the canonical arrays and nothing of the product."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kkt import residuals
from synthetic import random_economy, random_experiment

import iomodel as iom
from iomodel.program.build import Program
from iomodel.program.canonical import compiled, places
from iomodel.program.elimination import definitions, reduced
from iomodel.program.solvers import CLARABEL, called, solve_program

POLICIES = ("supply-only", "demand-only", "two-halves", "best-path")
TOLERANCE = 1e-7


def _point(program: Program) -> dict[str, Any]:
    """Arrays and point of a solved program; the point is the one that its variables hold."""
    held = [np.array(variable.value) for variable in program.problem.variables()]
    made = compiled(program)
    pairs = definitions(program, made.arrays, places(made))
    assert pairs.rows.size > 100, "nothing is substituted: the test would not see a wrong substitution"
    answer = called(reduced(made.arrays, pairs), CLARABEL)
    made.give(answer)
    for before, variable in zip(held, program.problem.variables(), strict=True):
        assert np.array_equal(before, variable.value), f"{variable.name()} is not at the point that is certified"
    whole = made.arrays
    return {
        "quadratic": whole.quadratic, "linear": whole.linear, "matrix": whole.matrix, "bound": whole.bound,
        "zero": whole.equalities, "positive": whole.inequalities, "cones": whole.cones, "x": answer.x, "z": answer.z,
    }  # fmt: skip


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_is_optimal_by_the_arrays(policy: str, solved_program: Callable[..., Program]) -> None:
    point = _point(solved_program(policy))
    found = residuals(**point)
    assert max(found.values()) < TOLERANCE, found


def test_a_random_economy_is_optimal_by_the_arrays(tmp_path: Path) -> None:
    program = iom.build(random_experiment(), random_economy(7, tmp_path))
    assert solve_program(program).status == "optimal"
    found = residuals(**_point(program))
    assert max(found.values()) < TOLERANCE, found


def test_the_check_refuses_other_points(solved_program: Callable[..., Program]) -> None:
    """A feasible point that is not best, multipliers that are off, and a point that breaks a law."""
    point = _point(solved_program("demand-only"))
    x, z = point["x"], point["z"]
    assert residuals(**{**point, "z": np.zeros_like(z)})["stationarity"] > 1e-3
    assert residuals(**{**point, "z": -z})["dual"] > 1e-3
    assert residuals(**{**point, "x": x * 1.001})["primal"] > 1e-5
    shift = np.zeros_like(z)
    shift[point["zero"]] = 1.0
    assert residuals(**{**point, "z": z + shift})["stationarity"] > 1e-3
    assert residuals(**{**point, "linear": point["linear"] * 1.001})["gap"] > 1e-5


@pytest.mark.parametrize("policy", POLICIES)
def test_the_verdict_agrees(policy: str, path_of: Callable[..., Any], solved_program: Callable[..., Program]) -> None:
    """The product's own figures are of the same order, and its goal is the sum of its named terms at the point."""
    verdict, program = path_of(policy).verdict, solved_program(policy)
    assert verdict.status == "optimal"
    assert max(verdict.stationarity, verdict.complementarity, verdict.gap, verdict.worst_residual) < TOLERANCE
    assert verdict.replay_distance < 1e-6
    total = sum(float(term.expression.value) for term in program.terms.values())
    assert verdict.objective == pytest.approx(total, abs=1e-7)


def test_the_goal_is_what_the_model_says(solved_program: Callable[..., Program]) -> None:
    """The goal of the best path computed once more from the variables' values with numpy."""
    program = solved_program("best-path")
    p, v = program.setting, {name: np.asarray(value.value, dtype=float) for name, value in program.values.items()}
    cards, years = p.cards, p.years
    weight = cards["discount"] ** np.arange(1, years + 1)
    share = weight / weight.sum()
    power = 1 - cards["curvature"]

    def utility(amount: np.ndarray, base: float) -> np.ndarray:
        return base * ((amount / base) ** power - 1) / power

    consumption, kind = p.account("household_consumption"), p.account("in_kind_spending")
    good = share @ utility(v["household_consumption"], consumption)
    good += cards["weight_in_kind"] * (share @ utility(v["in_kind_spending"], kind))
    without = v["unemployed"] / p.arrays.labour_force[p.window] - cards["frictional_unemployment"]
    bad = consumption * cards["weight_unemployment"] * (share @ without**2)
    scrapped = p.base("capital_cost")[p.industry] @ v["retirement"]
    bad += cards["weight_overflow"] * (share @ v["overflow_imports"]) + cards["weight_closing"] * (share @ scrapped)
    dear = v["forced_saving"] + v["strained_output"].sum(axis=0) + v["missed_idle"]
    bad += cards["weight_missed"] * (share @ dear)
    end = p.trend[-1] ** -cards["curvature"] * weight[-1] / weight.sum()
    owed = v["public_debt"][-1] + v["firm_debt"][-1] + cards["creditor_loss"] * scrapped.sum()
    bad += cards["weight_debt"] * end * owed
    levers = (v["programme"] / 100) ** 2 + v["reform"] ** 2
    tie = levers.sum() + ((v["retirement"] / p.base("capacity")[p.industry][:, None]) ** 2).sum()
    bad += cards["weight_levers"] * consumption * tie / weight.sum()
    assert float(program.problem.value) == pytest.approx(good - bad, abs=1e-6)
