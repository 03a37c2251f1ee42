"""What laws define is substituted before the solver and put back after: the same optimum, point and prices."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from official import official
from scipy import sparse

import iomodel as iom
from iomodel.economy import Economy
from iomodel.program.block import Block, Law, Values, Var
from iomodel.program.build import Program
from iomodel.program.canonical import Canonical, compiled, places
from iomodel.program.certificate import goal_gradient, judge, proof_residual
from iomodel.program.elimination import NOTHING, Definitions, definitions, reduced
from iomodel.program.interior_point import clarabel_solver
from iomodel.program.setting import Setting
from iomodel.program.solvers import CLARABEL, REFINED, RESCALED, called

ACCURATE = {**REFINED.settings, "tol_gap_abs": 1e-12, "tol_gap_rel": 1e-12, "tol_feas": 1e-10}


@pytest.mark.parametrize("policy", ["supply-only", "demand-only", "two-halves"])
def test_same_optimum_as_the_whole_program(policy: str, china: Economy) -> None:
    made = compiled(iom.build(official(policy), china))
    pairs = definitions(made.program, made.arrays, places(made))
    smaller = reduced(made.arrays, pairs)
    assert smaller.arrays.bound.size < 0.85 * made.arrays.bound.size
    one, other = called(smaller, REFINED), called(reduced(made.arrays, NOTHING), RESCALED)
    assert one.status == "Solved"
    assert other.status in ("Solved", "AlmostSolved")
    assert one.obj_val == pytest.approx(other.obj_val, abs=1e-7)
    for name in ("programme", "reform", "public_debt", "firm_debt", "household_consumption"):
        if name in places(made).variables:
            columns = places(made).variables[name]
            assert np.abs(one.x[columns] - other.x[columns]).max() < 2e-3, name
    for name in ("public_debt", "firm_debt", "consumption", "package", "closed_plant", "capacity_accumulation"):
        if name in places(made).laws:
            rows = places(made).laws[name]
            assert np.abs(one.z[rows] - other.z[rows]).max() < 2e-4, name


def test_laws_that_define_are_met_to_rounding(solved_program: Callable[..., Program]) -> None:
    program = solved_program("two-halves")
    for name in ("public_debt", "firm_debt", "closed_plant", "precaution", "consumption"):
        left, right = (np.asarray(side.value) for side in program.laws[name].constraint.args)
        assert np.abs(left - right).max() < 1e-10, name


def test_idle_plant_without_a_target_is_the_least_that_its_law_asks(solved_program: Callable[..., Program]) -> None:
    program = solved_program("demand-only")
    p, v = program.setting, program.values
    assert "idle_cut" not in program.laws
    gap = np.asarray(v["capacity"].value)[p.industry, :-1]
    gap = gap - np.asarray(v["output"].value)[p.industry] / p.base("normal_use")[p.industry, None]
    assert np.allclose(v["idle_capacity"].value, np.maximum(gap, 0.0), atol=1e-9)
    assert float(np.abs(program.laws["idle_capacity"].constraint.dual_value).max()) == 0.0


def test_a_substitution_that_would_fill_the_matrix_is_left_out(china: Economy) -> None:
    """Where households are paid interest every year's consumption hangs on all debts before."""
    economy = iom.calibrate(china.table, cards={"interest_to_households": 0.3})
    sizes = {}
    for name, own in (("without", china), ("with", economy)):
        made = compiled(iom.build(official("demand-only"), own))
        where = places(made)
        pairs = definitions(made.program, made.arrays, where)
        sizes[name] = np.isin(where.variables["public_debt"], pairs.columns).sum()
        assert reduced(made.arrays, pairs).arrays.matrix.nnz <= made.arrays.matrix.nnz
    assert sizes["without"] == 19
    assert sizes["with"] <= 1


def test_definitions_in_a_circle_are_left_out(china: Economy) -> None:
    """Each of two laws defines the other's variable by its own: nothing to substitute, and the answer stands."""

    def laws(v: Values, p: Setting) -> Iterable[Law]:
        yield Law("first", ("year",), v["one"] == 0.5 * v["two"] + 1, bound="equal", defines="one")
        yield Law("second", ("year",), v["two"] == 0.5 * v["one"] + 1, bound="equal", defines="two")

    block = Block("circle", variables=lambda _: [Var("one", ("year",), "one"), Var("two", ("year",), "one")], laws=laws)
    program = iom.build(official("demand-only"), china, [block])
    made = compiled(program)
    where = places(made)
    pairs = definitions(program, made.arrays, where)
    assert np.isin(where.variables["public_debt"], pairs.columns).all()
    assert not np.isin(where.laws["second"], pairs.rows).any()
    made.give(called(reduced(made.arrays, pairs), CLARABEL))
    assert np.allclose(program.values["one"].value, 2.0, atol=1e-6)
    assert judge(program, made.arrays, where).worst < 1e-6


def test_a_law_that_is_not_affine_is_judged_by_its_slope(china: Economy) -> None:
    """A user's own curved law binds: the verdict needs its slope, and finds a wrong price."""

    def laws(v: Values, p: Setting) -> Iterable[Law]:
        yield Law("curved", ("year",), cp.square(v["programme"]) <= 4.0)

    program = iom.build(official("demand-only"), china, [Block("curved", laws=laws)])
    made = compiled(program)
    where = places(made)
    assert "curved" not in where.laws
    made.give(called(reduced(made.arrays, definitions(program, made.arrays, where)), CLARABEL))
    price = program.laws["curved"].constraint.dual_value
    assert float(np.max(price)) > 1e-3
    assert judge(program, made.arrays, where).worst < 1e-6
    program.laws["curved"].constraint.dual_variables[0].save_value(1.5 * np.asarray(price))
    assert max(judge(program, made.arrays, where).stationarity.values()) > 1e-5


def test_slopes_are_cvxpys_own(solved_program: Callable[..., Program]) -> None:
    program = solved_program("two-halves")
    wanted = program.problem.objective.expr.grad
    found = goal_gradient(program)
    for name, slope in found.items():
        own = wanted[program.values[name]]
        full = np.asarray(own.toarray() if sparse.issparse(own) else own)
        assert np.allclose(full.reshape(slope.shape, order="F"), slope, atol=1e-12), name
    assert len(found) > 8


def test_each_condition_sees_its_own_fault(china: Economy) -> None:
    """A verdict that could not fail would be worth nothing: a wrong point or price shows where it is wrong."""
    program = iom.build(official("two-halves"), china)
    made = compiled(program)
    where = places(made)
    made.give(called(reduced(made.arrays, definitions(program, made.arrays, where)), CLARABEL))
    right = judge(program, made.arrays, where)
    assert right.worst < 1e-6
    limit = program.laws["capacity_limit"].constraint.dual_variables[0]
    kept = np.array(limit.value)
    limit.save_value(kept - 1e-3)
    assert judge(program, made.arrays, where).dual["capacity_limit"] > 1e-5
    limit.save_value(kept + 1e-3)
    wrong = judge(program, made.arrays, where)
    assert wrong.complementarity["capacity_limit"] > 1e-6
    assert wrong.stationarity["capacity"] > 1e-5
    assert wrong.primal == right.primal
    limit.save_value(kept)
    debt = program.values["public_debt"]
    debt.save_value(np.asarray(debt.value) + 1e-2 * (np.arange(19) == 7))
    assert judge(program, made.arrays, where).primal["public_debt"] > 1e-6
    debt.save_value(np.full(debt.shape, np.nan))
    assert judge(program, made.arrays, where).worst == float("inf")


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_random_programs_keep_their_optimum(seed: int) -> None:
    """Random quadratic programs with a chain of definitions, and columns that cost nothing and may grow."""
    draw = np.random.default_rng(seed)
    free, chain, idle = 5, 6, 3
    count = free + chain + idle
    rows = np.zeros((chain, count))
    rows[:, :free] = draw.normal(size=(chain, free))
    rows[:, free : free + chain] = np.eye(chain) + np.tril(draw.normal(size=(chain, chain)), -1)
    above = np.zeros((8 + 2 * idle, count))
    above[:8, : free + chain] = draw.normal(size=(8, free + chain))
    for place in range(idle):
        above[8 + 2 * place : 10 + 2 * place, : free + chain] = draw.normal(size=(2, free + chain))
        above[8 + 2 * place : 10 + 2 * place, free + chain + place] = -draw.uniform(0.5, 2, size=2)
    point = draw.normal(size=count)
    whole = Canonical(
        quadratic=sparse.csc_matrix(np.diag(np.r_[np.ones(free), np.zeros(chain + idle)])),
        linear=np.r_[draw.normal(size=free + chain), np.zeros(idle)],
        matrix=sparse.csr_matrix(np.r_[rows, above]),
        bound=np.r_[rows @ point, above @ point + draw.uniform(0, 1, size=above.shape[0])],
        equalities=chain,
        inequalities=above.shape[0],
        cones=(),
    )
    pairs = Definitions(np.arange(chain), free + np.arange(chain))
    smaller = reduced(whole, pairs)
    assert smaller.arrays.linear.size == free
    assert smaller.arrays.bound.size == 8
    answer = clarabel_solver(smaller.arrays, ACCURATE).solve()
    x, s, z = smaller.restore(np.array(answer.x), np.array(answer.z))
    direct = clarabel_solver(whole, ACCURATE).solve()
    assert str(answer.status) == str(direct.status) == "Solved"
    assert whole.cost(x) == pytest.approx(direct.obj_val, abs=1e-6)
    assert np.abs(whole.gradient(x) + whole.matrix.T @ z).max() < 1e-6
    assert np.abs(s[:chain]).max() < 1e-8
    assert s[chain:].min() > -1e-7
    assert np.abs(s * z).max() < 1e-6


def test_proofs_of_the_impossible_are_checked() -> None:
    """x ≤ −1 and x ≥ 0 has the proof (1, 1); a goal that falls along x without a floor has the direction 1."""
    narrow = Canonical(
        sparse.csc_matrix((1, 1)), np.array([0.0]), sparse.csr_matrix([[1.0], [-1.0]]), np.array([-1.0, 0.0]), 0, 2, ()
    )
    here = np.zeros(1)
    assert proof_residual(narrow, "infeasible", here, np.array([1.0, 1.0])) == 0
    assert proof_residual(narrow, "infeasible", here, np.array([1.0, 1.1])) == pytest.approx(0.1)
    assert proof_residual(narrow, "infeasible", here, np.array([0.0, 1.0])) == float("inf")
    assert proof_residual(replace(narrow, bound=np.array([1.0, 0.0])), "infeasible", here, np.ones(2)) == float("inf")
    open_goal = replace(narrow, linear=np.array([-1.0]), matrix=sparse.csr_matrix([[-1.0]]), bound=np.zeros(1))
    open_goal = replace(open_goal, inequalities=1)
    assert proof_residual(open_goal, "unbounded", np.ones(1), np.zeros(1)) == 0
    assert proof_residual(open_goal, "unbounded", -np.ones(1), np.zeros(1)) == float("inf")
    closed = replace(open_goal, matrix=sparse.csr_matrix([[1.0]]))
    assert proof_residual(closed, "unbounded", np.ones(1), np.zeros(1)) == pytest.approx(1.0)
