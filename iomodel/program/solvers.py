"""Solvers behind one interface: what each is called with, and the chain of remedies when an answer is not good enough.

Clarabel with the qdldl factorisation is the default, chosen by measurement on these programs (its automatic choice is
3 to 20 times slower on them); a point that misses the tolerance is tried again rescaled and tighter, then by moreau, an
independent interior-point method, where it is installed. What was tried is kept in the verdict.
"""

from __future__ import annotations

import importlib.util
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import cvxpy as cp
import numpy as np
from cvxpy.constraints.second_order import SOC
from cvxpy.error import SolverError as CvxpySolverError
from cvxpy.reductions.solvers.defines import SOLVER_MAP_CONIC
from scipy import sparse

from iomodel.errors import ExperimentError, nearest
from iomodel.program.build import Program
from iomodel.program.certificate import TOLERANCE, Canonical, Verdict, optimality, primal_residuals


@dataclass(frozen=True)
class Solver:
    """One back end: its name in cvxpy, the module that carries it and its settings."""

    name: str
    module: str
    settings: Mapping[str, Any]
    label: str

    @property
    def installed(self) -> bool:
        """Whether the module can be imported and cvxpy offers it."""
        return importlib.util.find_spec(self.module) is not None and self.name in cp.installed_solvers()


_ACCURATE = {"tol_gap_abs": 1e-9, "tol_gap_rel": 1e-9, "tol_feas": 1e-9, "direct_solve_method": "qdldl"}
CLARABEL = Solver("CLARABEL", "clarabel", _ACCURATE, "Clarabel")
RESCALED = Solver(
    "CLARABEL",
    "clarabel",
    {**_ACCURATE, "equilibrate_max_iter": 50, "static_regularization_constant": 1e-9, "max_iter": 500},
    "Clarabel, rescaled",
)
MOREAU = Solver("MOREAU", "moreau", {}, "moreau")
SOLVERS = {"clarabel": CLARABEL, "moreau": MOREAU, "qoco": Solver("QOCO", "qoco", {}, "QOCO")}
"""Solvers by the names that an experiment may give; others that cvxpy knows are taken by their own names."""


def usable_solvers() -> list[str]:
    """Names of the installed solvers that can solve this program, by the names that an experiment may give."""
    known = {solver.lower() for solver in cp.installed_solvers() if _takes_cones(solver)}
    return sorted({key for key, value in SOLVERS.items() if value.installed} | known)


def _takes_cones(solver: str) -> bool:
    """Whether cvxpy can hand second-order cones, which the program has, to a solver."""
    conic = SOLVER_MAP_CONIC.get(solver)
    return conic is not None and SOC in conic.SUPPORTED_CONSTRAINTS


def solver_named(name: str | None) -> Solver:
    """The solver of a name; ExperimentError when it is unknown, not installed or for other programs, with those that
    can be used."""
    if name is None:
        return CLARABEL
    usable = usable_solvers()
    if name in usable:
        return SOLVERS.get(name) or Solver(name.upper(), "cvxpy", {}, name.upper())
    known = {solver.lower() for solver in cp.installed_solvers()}
    why = "cannot solve this program, which has second-order cones" if name in known else "is not installed"
    raise ExperimentError(f"solver {name!r} {why}; use one of {', '.join(usable)}.{nearest(name, usable)}")


def solve_program(program: Program, name: str | None = None) -> Verdict:
    """Solve in place of cvxpy's own `solve`, judge the answer, and try remedies until it is optimal.

    The point and multipliers stay in the program's variables and laws. Returns the verdict of the last try.
    """
    first = solver_named(name)
    chain = [first] if name else [CLARABEL, RESCALED, *([MOREAU] if MOREAU.installed else [])]
    tried: list[str] = []
    started = time.perf_counter()
    verdict = Verdict("failed", law="no solver ran")
    for solver in chain:
        verdict = replace(_once(program, solver), remedies=tuple(tried))
        if verdict.status in ("optimal", "infeasible", "unbounded"):
            break
        tried.append(f"{solver.label}: {verdict.status}")
    return replace(verdict, seconds=time.perf_counter() - started)


def _once(program: Program, solver: Solver) -> Verdict:
    """One call of one solver, judged."""
    problem: Any = program.problem
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "inaccurate" is judged below, not by a warning
        try:
            data, chain, inverse = problem.get_problem_data(solver.name, solver_opts=dict(solver.settings))
            raw = chain.solve_via_data(problem, data, solver_opts=dict(solver.settings))
            problem.unpack_results(raw, chain, inverse)
        except CvxpySolverError as error:
            return Verdict("failed", law=str(error).splitlines()[0], solver=solver.label)
    status = str(problem.status)
    stats = problem.solver_stats
    named: dict[str, Any] = {"solver": solver.label, "iterations": int(stats.num_iters or 0) if stats else 0}
    for word, meaning in (
        ("infeasible_or_unbounded", "failed"),
        ("infeasible", "infeasible"),
        ("unbounded", "unbounded"),
    ):
        if status == word:
            return Verdict(meaning, **named)
    if problem.variables()[0].value is None:
        return Verdict("failed", law=status, **named)
    residuals = primal_residuals(program)
    law = max(residuals, key=lambda key: residuals[key])
    warned: tuple[str, ...] = ()
    if solver.name == CLARABEL.name:
        stationary, complementary, gap, outside = optimality(canonical(data, raw))
        conditions = max(stationary, complementary, gap, outside)
        named |= {"stationarity": stationary, "complementarity": complementary, "gap": gap, "cones": outside}
    else:
        # Other back ends take bounds and cones in forms of their own; their word stands for the multipliers.
        conditions = 0.0 if status == cp.OPTIMAL else 1.0
        warned = (f"conditions of optimality as {solver.label} reports them",)
    worst = max(residuals[law], conditions)
    return Verdict(
        "optimal" if worst <= TOLERANCE else "inaccurate",
        worst_residual=residuals[law],
        law=law,
        objective=float(problem.value),
        warnings=warned,
        **named,
    )


def canonical(data: Mapping[str, Any], raw: Any) -> Canonical:
    """The canonical arrays that cvxpy handed to Clarabel, and the point that came back."""
    x, s, z = (np.asarray(getattr(raw, part), dtype=float) for part in ("x", "s", "z"))
    quadratic = sparse.csc_matrix(data["P"]) if data.get("P") is not None else sparse.csc_matrix((x.size, x.size))
    if abs(sparse.tril(quadratic, -1)).sum() == 0:
        quadratic = quadratic + sparse.triu(quadratic, 1).T
    return Canonical(
        quadratic,
        np.asarray(data["c"]),
        sparse.csc_matrix(data["A"]),
        np.asarray(data["b"]),
        data["dims"].zero,
        tuple(int(size) for size in data["dims"].soc),
        x,
        s,
        z,
    )
