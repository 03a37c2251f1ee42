"""Seconds of each step from import to a second solve, at 42 sectors and 18 solved years, beside the bare solver.

    python benchmarks/program.py

Each step is timed three times (imports once) and its best time printed; the bare solver is Clarabel called on the
same arrays, set-up included; the plain form, a balance row for each sector and year, is the named alternative of the
same run. The last line is `program: …`.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
from collections.abc import Callable
from typing import Any

REPEATS = 3


def best(call: Callable[[], Any]) -> tuple[Any, float]:
    """Result and best seconds of a few calls."""
    seconds, result = [], None
    for _ in range(REPEATS):
        started = time.perf_counter()
        result = call()
        seconds.append(time.perf_counter() - started)
    return result, min(seconds)


def bare(problem: Any) -> float:
    """Best seconds of a fresh Clarabel object on the program's own arrays."""
    import clarabel
    import cvxpy as cp
    from cvxpy.reductions.solvers.conic_solvers.clarabel_conif import dims_to_solver_cones
    from scipy import sparse

    data, _, _ = problem.get_problem_data(cp.CLARABEL)
    quadratic = (
        sparse.triu(data["P"]).tocsc() if data.get("P") is not None else sparse.csc_matrix((len(data["c"]),) * 2)
    )
    settings = clarabel.DefaultSettings()
    settings.verbose, settings.direct_solve_method = False, "qdldl"
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-9
    cones = dims_to_solver_cones(data["dims"])
    return best(lambda: clarabel.DefaultSolver(quadratic, data["c"], data["A"], data["b"], cones, settings).solve())[1]


def main() -> None:
    """Time every step and print a line each."""
    started = time.perf_counter()
    import cvxpy as cp

    import iomodel as iom
    from iomodel import run

    assert callable(iom.solve)  # names are found when first used: this loads what they need
    took = {"import": time.perf_counter() - started}
    table, took["load"] = best(lambda: iom.load_table("china-2020"))
    economy, took["calibrate"] = best(lambda: iom.calibrate(table))
    took["reference"] = best(lambda: iom.simulate(iom.load_experiment("business-as-usual"), economy))[1]
    rows = []
    for name in ("supply-only", "demand-only", "two-halves"):
        experiment = iom.load_experiment(name)
        program, build = best(lambda experiment=experiment: iom.build(experiment, economy))
        compile_ = (
            best(lambda experiment=experiment: iom.build(experiment, economy).problem.get_problem_data(cp.CLARABEL))[1]
            - build
        )
        path, solve = best(lambda experiment=experiment: iom.solve(experiment, economy))
        target = next(iter(experiment.targets))
        changed = {target: experiment.targets[target].value * 0.95}
        program.problem.get_problem_data(cp.CLARABEL)
        again, resolve = best(lambda p=program, e=experiment, c=changed: run.resolve(p, e, economy, c))
        solver = bare(program.problem)
        plain = iom.build(experiment, economy, form="plain")
        plain.problem.get_problem_data(cp.CLARABEL)
        plain_solver = bare(plain.problem)
        rows.append((name, build, compile_, solve, resolve, solver, plain_solver))
        print(
            f"{name:13} 42 × {program.setting.years}: build {build:.3f} s, compile {compile_:.3f} s, solve and replay "
            f"{solve:.3f} s ({path.verdict.status}), again with {target} changed {resolve:.3f} s "
            f"({again.verdict.status}), bare solver {solver:.3f} s = {solver / solve:.0%} of the solve; plain form in "
            f"the bare solver {plain_solver:.3f} s"
        )
    for step, seconds in took.items():
        print(f"{step:10} {seconds:.3f} s")
    worst = max(row[4] / row[5] for row in rows)
    plain = min(row[6] / row[5] for row in rows)
    halves = rows[-1]
    print(
        f"program: import={took['import']:.2f} load={took['load']:.3f} calibrate={took['calibrate']:.3f} "
        f"build={halves[1]:.3f} compile={halves[2]:.3f} solve={halves[3]:.3f} resolve={halves[4]:.3f} "
        f"bare={halves[5]:.3f} worst_resolve_over_bare={worst:.2f} least_plain_over_reduced={plain:.1f}"
    )


if __name__ == "__main__":
    main()
