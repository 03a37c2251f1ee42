"""Solvers behind one interface: what each is called with, and the chain of remedies when an answer is not good enough.

Clarabel is given the program with what its laws define substituted (`iomodel.program.elimination`), not rescaled and
with the qdldl factorisation: chosen by measurement on these programs. A point that misses the tolerance is tried again
refined, rescaled and on the whole program, then by independent interior-point methods where they are installed; a proof
that there is no point is made exact. What was tried is kept in the verdict.
"""

from __future__ import annotations

import importlib.util
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import cvxpy as cp
import numpy as np
from cvxpy.atoms.affine.affine_atom import AffAtom
from cvxpy.atoms.elementwise.power import Power
from cvxpy.atoms.quad_over_lin import quad_over_lin
from cvxpy.constraints.second_order import SOC
from cvxpy.error import SolverError as CvxpySolverError
from cvxpy.reductions.solvers.defines import SOLVER_MAP_CONIC
from scipy import sparse

from iomodel.errors import ExperimentError, nearest
from iomodel.program.block import value_of
from iomodel.program.build import Program
from iomodel.program.canonical import Canonical, Compiled, compiled, places
from iomodel.program.certificate import (
    EXACT,
    TOLERANCE,
    Conditions,
    Verdict,
    goal_value,
    judge,
    judge_arrays,
    proof_residual,
)
from iomodel.program.elimination import NOTHING, Definitions, Reduced, definitions, reduced, still_defined
from iomodel.program.farkas import exact_proof
from iomodel.program.interior_point import HeldSolver, clarabel_answer
from iomodel.program.linear import highs_quiet, linear_program
from iomodel.program.resubstitution import reduced_again


@dataclass(frozen=True)
class Solver:
    """One back end: its name in cvxpy, the module that carries it, its settings, what it is called on screen.

    substituted: it is given the program with what laws define substituted. cones: it takes second-order cones.
    """

    name: str
    module: str
    settings: Mapping[str, Any]
    label: str
    substituted: bool = False
    cones: bool = True

    @property
    def installed(self) -> bool:
        """Whether the module can be imported and cvxpy offers it."""
        return importlib.util.find_spec(self.module) is not None and self.name in cp.installed_solvers()


# A curved utility is carried by cones, where slopes are accurate to the root of the gap only: the gap is made small.
_ACCURATE = {"tol_gap_abs": 1e-11, "tol_gap_rel": 1e-11, "tol_feas": 1e-9, "direct_solve_method": "qdldl"}
CLARABEL = Solver(
    "CLARABEL",
    "clarabel",
    {**_ACCURATE, "equilibrate_enable": False, "iterative_refinement_enable": False},
    "Clarabel",
    substituted=True,
)
_TIGHT = {**_ACCURATE, "tol_gap_abs": 1e-13, "tol_gap_rel": 1e-13, "tol_feas": 1e-11}
# Near-degenerate optima lose their last digits in tiny pivots: more regularisation, taken out again by refinement,
# brings them back (on 1,000 random programs it mended every one that the usual amount with refinement did not).
REFINED = Solver(
    "CLARABEL",
    "clarabel",
    {**_TIGHT, "equilibrate_enable": False, "static_regularization_constant": 1e-7},
    "Clarabel, refined",
    substituted=True,
)
RESCALED = Solver(
    "CLARABEL",
    "clarabel",
    {**_ACCURATE, "tol_gap_abs": 1e-10, "tol_gap_rel": 1e-10, "equilibrate_max_iter": 50, "max_iter": 500},
    "Clarabel, rescaled, on the whole program",
)
SCALED = Solver("CLARABEL", "clarabel", _TIGHT, "Clarabel, rescaled", substituted=True)
MOREAU = Solver("MOREAU", "moreau", {"device": "cpu", "ipm_settings": _ACCURATE}, "moreau")
# QOCO's own regularisation is so small that its first iterations end in NaN on most of these programs.
QOCO = Solver(
    "QOCO",
    "qoco",
    {"abstol": 1e-9, "reltol": 1e-9, "kkt_static_reg": 1e-8, "kkt_dynamic_reg": 1e-8, "ruiz_iters": 10},
    "QOCO",
)
HIGHS = Solver("HIGHS", "highspy", {}, "HiGHS", cones=False)
BOUND = Solver(
    "CLARABEL",
    "clarabel",
    {
        **_ACCURATE,
        "direct_solve_method": "faer",
        "static_regularization_constant": 1e-7,
        "max_iter": 100,
        "max_threads": 1,
        "iterative_refinement_enable": False,
    },
    "Clarabel, supernodal",
    substituted=True,
)
PROVEN = 1e-6
"""What a proof that there is no path may miss: it then rules out all whose amounts are below its inverse."""

NEAR = TOLERANCE / 2
"""Residual of an optimum above which another try may bring a better one."""

SMOOTH = (AffAtom, Power, quad_over_lin)
"""Parts of an expression that have a slope everywhere; sums of squares are quad_over_lin by a constant."""

ALONE = (CLARABEL, REFINED, RESCALED, SCALED, MOREAU, QOCO)
"""What is tried where one region decides."""
_STEADY = {"static_regularization_constant": 1e-6, "iterative_refinement_enable": True}
SEVERAL = (BOUND, replace(BOUND, settings={**BOUND.settings, **_STEADY}, label="Clarabel, supernodal, refined"))
"""What is tried where several do: their directions of final demand make a dense core, on which the supernodal
factorisation is nine times faster than qdldl; pivots of output need more regularisation than the default."""
SOLVERS = {"clarabel": CLARABEL, "moreau": MOREAU, "qoco": QOCO, "highs": HIGHS}
"""Solvers by the names that an experiment may give; others that cvxpy knows are taken by their own names."""


def usable_solvers(*, cones: bool = True) -> list[str]:
    """Names of the installed solvers that can solve a program (with second-order cones or without), by the names that
    an experiment may give."""
    known = {solver.lower() for solver in cp.installed_solvers() if not cones or _takes_cones(solver)}
    mine = {key for key, value in SOLVERS.items() if value.installed and (value.cones or not cones)}
    return sorted(mine | known)


def _takes_cones(solver: str) -> bool:
    """Whether cvxpy can hand second-order cones, which the program has, to a solver."""
    conic = SOLVER_MAP_CONIC.get(solver)
    return conic is not None and SOC in conic.SUPPORTED_CONSTRAINTS


def solver_named(name: str | None, *, cones: bool = True) -> Solver:
    """The solver of a name; ExperimentError when it is unknown, not installed or for other programs, with those that
    can be used. cones: whether the program has second-order cones, as every program of the core has."""
    if name is None:
        return CLARABEL
    usable = usable_solvers(cones=cones)
    if name in usable:
        return SOLVERS.get(name) or Solver(name.upper(), "cvxpy", {}, name.upper())
    known = {solver.lower() for solver in cp.installed_solvers()}
    why = "cannot solve this program, which has second-order cones" if name in known else "is not installed"
    raise ExperimentError(f"solver {name!r} {why}; use one of {', '.join(usable)}.{nearest(name, usable)}")


def solve_program(program: Program, name: str | None = None) -> Verdict:
    """Solve in place of cvxpy's own `solve`, judge the answer, and try remedies until it is optimal.

    The point and multipliers stay in the program's variables and laws. Returns the verdict of the first try that is
    good enough, of the best where none is; an answer short of the solver's own tolerance or near ours is tried to be
    made better.
    """
    only = [solver_named(name, cones=not _is_linear(program))] if name else None
    tried: list[str] = []
    started = time.perf_counter()
    best: tuple[float, Verdict, dict[Any, Any]] | None = None
    verdict = Verdict("failed", law="no solver ran")
    for solver in only or (SEVERAL if program.setting.form == "world" else ALONE):
        if only is None and verdict.solver and not solver.installed:
            continue
        verdict = _once(program, solver)
        verdict = replace(verdict, remedies=(*tried, *verdict.remedies))
        short, good = _short(program, solver, verdict), verdict.status == "optimal"
        better = best is None or _miss(verdict) < best[0]
        if verdict.status in ("infeasible", "unbounded") or (good and better and not short):
            return replace(verdict, seconds=time.perf_counter() - started)
        tried.append(f"{solver.label}: {short or ('no better' if good else verdict.status)}")
        if verdict.status in ("optimal", "inaccurate") and better:
            best = _miss(verdict), verdict, _held(program)
        if best is not None and best[1].status == "optimal" and not short and (best[0] <= NEAR or solver != REFINED):
            break
    if best is not None:
        verdict = replace(
            best[1], remedies=tuple(entry for entry in tried if not entry.startswith(best[1].solver + ":"))
        )
        _put_back(best[2])
    return replace(verdict, seconds=time.perf_counter() - started)


def _short(program: Program, solver: Solver, verdict: Verdict) -> str:
    """Why an answer that is good enough is made better where that costs one try, in a word; empty where it is not."""
    if verdict.status != "optimal" or solver not in (CLARABEL, REFINED):
        return ""
    if _miss(verdict) > NEAR:
        return "near the tolerance"
    inaccurate = program.problem.status == cp.OPTIMAL_INACCURATE and solver is CLARABEL
    return "short of its own tolerance" if inaccurate else ""


def _smooth(program: Program) -> bool:
    """Whether goal and laws have a slope at the point: affine parts, powers, squares and sums of squares of such."""
    parts: list[Any] = [term.expression for term in program.terms.values()]
    parts += [side for law in program.laws.values() for side in law.constraint.args]
    while parts:
        part = parts.pop()
        if part.is_affine():
            continue
        if not isinstance(part, SMOOTH):
            return False
        if isinstance(part, Power) and value_of(part.p) < 1 and not (value_of(part.args[0]) > 1e-9).all():
            return False  # a root at zero
        parts += part.args
    return True


def _is_linear(program: Program) -> bool:
    """Whether goal and laws are affine, so that a solver of linear programs will do."""
    laws = all(side.is_affine() for law in program.laws.values() for side in law.constraint.args)
    return laws and all(term.expression.is_affine() for term in program.terms.values())


def _miss(verdict: Verdict) -> float:
    """The worst residual of a verdict."""
    parts = (verdict.dual, verdict.stationarity, verdict.complementarity, verdict.gap, verdict.loss)
    numbers = [verdict.worst_residual, *(part for part in parts if part is not None)]
    return max(numbers) if np.isfinite(numbers).all() else float("inf")


def _held(program: Program) -> dict[Any, Any]:
    """The values that variables and multipliers hold."""
    problem = program.problem
    leaves = [*problem.variables(), *(dual for law in problem.constraints for dual in law.dual_variables)]
    return {leaf: np.array(leaf.value) for leaf in leaves if leaf.value is not None}


def _put_back(held: Mapping[Any, Any]) -> None:
    for leaf, value in held.items():
        leaf.save_value(value)


def _once(program: Program, solver: Solver) -> Verdict:
    """One call of one solver, judged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "inaccurate" is judged below, not by a warning
        try:
            made = _by_clarabel(program, solver) if solver.name == CLARABEL.name else _by_cvxpy(program, solver)
        except CvxpySolverError as error:
            return Verdict("failed", law=_without_advice(str(error).splitlines()[0]), solver=solver.label)
    status, stats = str(program.problem.status), program.problem.solver_stats
    named: dict[str, Any] = {"solver": solver.label, "iterations": int(stats.num_iters or 0) if stats else 0}
    if status in ("infeasible", "unbounded"):
        proof = program.memo.get("proof", float("nan")) if solver.name == CLARABEL.name else float("nan")
        if proof > PROVEN:
            return Verdict("failed", law=f"{status}, by a proof that misses {proof:.0e}", **named)
        told = () if proof <= PROVEN else (f"{status} on the word of {solver.label}",)
        missed = program.memo["missed"] if solver.name == CLARABEL.name else 0.0
        made_exact = (f"{solver.label}: a proof that missed {missed:.0e}, {EXACT}",) if missed else ()
        return Verdict(status, worst_residual=0.0 if told else proof, warnings=told, remedies=made_exact, **named)
    if status == "infeasible_or_unbounded" or any(value.value is None for value in program.problem.variables()):
        return Verdict("failed", law=status, **named)
    with np.errstate(
        invalid="ignore", divide="ignore"
    ):  # a point where a power is not defined is no optimum: NaN says so
        conditions = judge(program, made.arrays, program.memo["places"])
        goal = goal_value(program)
    if conditions.worst > TOLERANCE and solver.name == CLARABEL.name and not _smooth(program):
        conditions = min(
            (conditions, judge_arrays(program, made.arrays, *program.memo["point"])), key=lambda found: found.worst
        )
    return Verdict(
        "optimal" if conditions.worst <= TOLERANCE else "inaccurate",
        worst_residual=conditions.primal[conditions.law],
        law=conditions.law,
        objective=goal,
        **_parts(conditions),
        **named,
    )


def _without_advice(text: str) -> str:
    """What cvxpy says of a solver that failed, without its own advice, which is for those who call it themselves.

    >>> _without_advice("Solver 'QOCO' failed. Try another solver, or solve with verbose=True for more information.")
    'no answer'
    """
    return "no answer" if " failed. Try another solver" in text else text


def _parts(conditions: Conditions) -> dict[str, float]:
    """The largest residual of each condition that is not primal."""
    return {
        "dual": max(conditions.dual.values(), default=0.0),
        "complementarity": max(conditions.complementarity.values(), default=0.0),
        "stationarity": max(conditions.stationarity.values(), default=0.0),
        "gap": conditions.gap,
        "loss": conditions.loss,
    }


def _compiled(program: Program) -> Compiled:
    """Arrays of a program, with the places of its laws in the memo."""
    made = compiled(program)
    if "places" not in program.memo:
        program.memo["places"] = places(made)
    return made


def _by_cvxpy(program: Program, solver: Solver) -> Compiled:
    """Let cvxpy call a solver; the point and multipliers go to the variables and laws."""
    problem: Any = program.problem
    data, chain, inverse = problem.get_problem_data(solver.name, solver_opts=dict(solver.settings))
    call = _quiet_highs if solver.name == HIGHS.name else chain.solve_via_data
    raw = call(problem, data, solver_opts=dict(solver.settings))
    problem.unpack_results(raw, chain, inverse)
    status, value, stats = problem._status, problem._value, problem._solver_stats
    held = _held(program)
    made = _compiled(program)  # compiling for other arrays forgets what was solved
    problem._status, problem._value, problem._solver_stats = status, value, stats
    _put_back(held)
    return made


def _quiet_highs(_problem: Any, data: Mapping[str, Any], solver_opts: Mapping[str, Any]) -> dict[str, Any]:
    """HiGHS's answer to cvxpy's arrays, in the form that cvxpy reads; its own call prints a banner on stdout."""
    highs = highs_quiet()
    for key, value in solver_opts.items():
        highs.setOptionValue(key, value)
    dims, bound = data["dims"], np.asarray(data["b"], dtype=float)
    matrix = sparse.csc_matrix(data["A"])
    equal = np.arange(bound.size) < dims.zero
    highs.passModel(linear_program(matrix, np.where(equal, bound, -np.inf), bound, np.asarray(data["c"], dtype=float)))
    highs.run()
    return {
        "solution": highs.getSolution(),
        "basis": highs.getBasis(),
        "info": highs.getInfo(),
        "model_status": highs.getModelStatus().name,
        "run_time": highs.getRunTime(),
    }


def _by_clarabel(program: Program, solver: Solver) -> Compiled:
    """Call Clarabel on the arrays, substituted where the solver is so called."""
    made = _compiled(program)
    if solver.substituted and "definitions" not in program.memo:
        program.memo["definitions"] = definitions(program, made.arrays, program.memo["places"])
    pairs = program.memo["definitions"] if solver.substituted else NOTHING
    if not still_defined(made.arrays, pairs):  # a parameter took a coefficient away
        pairs = program.memo["definitions"] = definitions(program, made.arrays, program.memo["places"])
    smaller = _substituted(program, made.arrays, pairs)
    held = program.memo.setdefault("solver", HeldSolver()) if solver is CLARABEL else None
    answer = called(smaller, solver, held)
    missed = 0.0
    if answer.status == "PrimalInfeasible" and answer.proof > PROVEN:
        missed = answer.proof
        answer.z, answer.proof = exact_proof(made.arrays, answer.z)
    program.memo.update(proof=answer.proof, missed=missed, point=(answer.x, answer.z))
    made.give(answer)
    return made


def _substituted(program: Program, arrays: Canonical, pairs: Definitions) -> Reduced:
    """The reduced program; that of the last call, with the numbers that have changed, where it fits."""
    if pairs is NOTHING:
        return reduced(arrays, pairs)
    before: Reduced | None = program.memo.get("reduced")
    again = reduced_again(before, arrays) if before is not None and before.pairs is pairs else None
    program.memo["reduced"] = found = again or reduced(arrays, pairs)
    return found


def called(smaller: Reduced, solver: Solver, held: HeldSolver | None = None) -> SimpleNamespace:
    """Clarabel's answer to a reduced program, in terms of the whole one: x, s, z, status, obj_val, solve_time,
    iterations; proof: what the proof misses where there is no point, else NaN."""
    answer = clarabel_answer(smaller.arrays, solver.settings, held)
    inner, price = np.asarray(answer.x, dtype=float), np.asarray(answer.z, dtype=float)
    status = str(answer.status)
    proven = {"PrimalInfeasible": "infeasible", "DualInfeasible": "unbounded"}.get(status)
    x, s, z = smaller.restore(inner, price, proof=proven == "infeasible")
    proof = float("nan")
    if proven == "infeasible":
        proof = proof_residual(smaller.whole, proven, x, z)
    elif proven:
        proof = proof_residual(smaller.arrays, proven, inner, price)
    return SimpleNamespace(
        x=x, s=s, z=z, status=status, obj_val=smaller.whole.cost(x), solve_time=answer.solve_time,
        iterations=answer.iterations, proof=proof,
    )  # fmt: skip
