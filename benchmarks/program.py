"""Seconds of each step of the program, beside the bare solver and beside the program written the plain way.

    python benchmarks/program.py             # all sizes
    python benchmarks/program.py --quick     # 42 sectors only

Every line is measured in a process of its own, whose peak memory is its own: build (blocks to one program), compile
(program to arrays, what is substituted), first solve, re-solve with another value of the first target, each judged, and
the same with its replay and labels (`iom.resolve`). The bare solver is a fresh Clarabel object, set-up included, on the
arrays as cvxpy compiles them and on the arrays with the definitions substituted; the ratio is of the re-solve to the
faster of the two. The plain form has a balance of goods for each sector and year and nothing substituted; its time is
that of the fastest of the solvers and factorisations tried, bare, that ends with the same goal; where none does within
a limit, the ratio is at least that of the limit, and is counted so. Years are solved years. The last line is
`program: …`.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
from typing import Any

from timing import best

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")  # before numpy is loaded, which the functions below do

POLICIES = ("supply-only", "demand-only", "two-halves", "best-path")
SIZES = {
    "42 × 18": ("china-2020", 18, POLICIES),
    "42 × 28": ("china-2020", 28, POLICIES),
    "153 × 18": ("china-2020-153", 18, POLICIES),
    "153 × 38": ("china-2020-153", 38, ("two-halves",)),
}
_FAER = {"direct_solve_method": "faer", "max_threads": 1}
PLAIN = {
    "faer": _FAER,
    "faer, not rescaled": {**_FAER, "equilibrate_enable": False},
    "faer, not rescaled, regularised": {
        **_FAER,
        "equilibrate_enable": False,
        "static_regularization_constant": 1e-7,
    },
    "qdldl": {"direct_solve_method": "qdldl"},
    "qdldl, not rescaled": {"direct_solve_method": "qdldl", "equilibrate_enable": False},
    "moreau": None,
    "qoco": None,
}
LIMIT = 60.0
"""Seconds in the solver after which a plain form is given up; it counts in the mean as if it had ended then."""

STARTING = 15.0
"""Seconds that a process may need before it solves."""


def experiment_of(policy: str, table: str, years: int) -> Any:
    """A shipped policy on a table, over so many solved years."""
    import iomodel as iom

    asked = iom.load_experiment(policy).replace(table=table)
    return asked.replace(beyond=years - asked.horizon.years)


def measure(policy: str, table: str, years: int) -> dict[str, Any]:
    """Seconds of every step of one policy in this process."""
    import iomodel as iom
    from iomodel.program.canonical import compiled, places
    from iomodel.program.elimination import definitions, reduced
    from iomodel.program.interior_point import clarabel_solver
    from iomodel.program.solvers import CLARABEL, solve_program

    economy = iom.calibrate(iom.load_table(table))
    asked = experiment_of(policy, table, years)
    program, build = best(lambda: iom.build(asked, economy), 1)
    made, compile_ = best(lambda: compiled(program), 1)
    pairs, substitute = best(lambda: definitions(program, made.arrays, places(made)), 1)
    times = 3 if build + compile_ < 0.4 else 2
    verdict, solve = best(lambda: solve_program(program), 1)
    target = next(iter(program.setting.targets.values()))
    stated = float(target.value)

    def again() -> Any:
        target.value = 0.95 * stated if target.value == stated else stated
        return solve_program(program)

    resolved, resolve = best(again, 2 * times)
    key = next(iter(program.setting.targets))
    iom.resolve(program, asked, economy, {key: 0.95 * stated})
    path = best(lambda: iom.resolve(program, asked, economy, {key: 0.95 * stated}), times)[1]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    target.value = stated
    arrays = compiled(program).arrays
    inner = reduced(arrays, pairs).arrays
    bare = best(lambda: clarabel_solver(inner, CLARABEL.settings).solve(), times)[1]
    whole = best(lambda: clarabel_solver(arrays, CLARABEL.settings).solve(), times)[1]
    return {
        "build": build, "compile": compile_ + substitute, "solve": solve, "resolve": resolve, "path": path,
        "bare": bare, "whole": whole, "memory": memory, "status": verdict.status, "again": resolved.status,
        "goal": verdict.objective, "iterations": verdict.iterations, "rows": int(arrays.bound.size),
        "rows_left": int(inner.bound.size),
    }  # fmt: skip


def measure_plain(policy: str, table: str, years: int, method: str) -> dict[str, Any]:
    """Seconds of the bare solver on the plain form, and the goal that it ends with."""
    import iomodel as iom
    from iomodel.program.canonical import compiled
    from iomodel.program.certificate import goal_value
    from iomodel.program.interior_point import clarabel_solver
    from iomodel.program.solvers import SOLVERS

    economy = iom.calibrate(iom.load_table(table))
    program = iom.build(experiment_of(policy, table, years), economy, form="plain")
    accurate = {"tol_gap_abs": 1e-9, "tol_gap_rel": 1e-9, "tol_feas": 1e-9}
    settings, problem = PLAIN[method], program.problem
    if settings is not None:
        made = compiled(program)
        answer, seconds = best(lambda: clarabel_solver(made.arrays, {**accurate, **settings}).solve(), 1)
        made.give(answer)
    else:
        solver = SOLVERS[method]
        data, chain, inverse = problem.get_problem_data(solver.name, solver_opts=dict(solver.settings))
        raw, seconds = best(lambda: chain.solve_via_data(problem, data, solver_opts=dict(solver.settings)), 1)
        problem.unpack_results(raw, chain, inverse)
    return {"seconds": seconds, "goal": goal_value(program)}


def measure_world() -> dict[str, Any]:
    """Seconds of every step of the program in which all regions of the world table decide, in this process."""
    import iomodel as iom
    from iomodel.program.canonical import compiled
    from iomodel.program.elimination import reduced
    from iomodel.program.interior_point import clarabel_solver
    from iomodel.program.solvers import BOUND, solve_program
    from iomodel.world import build_world

    asked = iom.load_experiment("world")
    world, build = best(lambda: build_world(asked), 1)
    made, compile_ = best(lambda: compiled(world.whole), 1)
    verdict, solve = best(lambda: solve_program(world.whole), 1)
    resolve = best(lambda: solve_program(world.whole), 1)[1]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    inner = reduced(made.arrays, world.whole.memo["definitions"]).arrays
    bare = best(lambda: clarabel_solver(inner, BOUND.settings).solve(), 1)[1]
    return {
        "build": build, "compile": compile_, "solve": solve, "resolve": resolve, "bare": bare, "memory": memory,
        "status": verdict.status, "iterations": verdict.iterations, "regions": len(world.parts),
        "years": asked.horizon.solved, "rows": int(made.arrays.bound.size), "rows_left": int(inner.bound.size),
    }  # fmt: skip


def in_process(*arguments: str, limit: float | None = None) -> dict[str, Any] | None:
    """One measurement in a process of its own; None where it takes longer than `limit` or fails."""
    command = [sys.executable, __file__, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        print(f"  {' '.join(arguments)}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.strip().splitlines()[-1])


def plain_of(policy: str, table: str, years: int, goal: float) -> tuple[str, float] | None:
    """The fastest way to solve the plain form that ends with the goal, and its seconds."""
    ended: list[tuple[float, str]] = []
    for method in PLAIN:
        limit = (min(ended)[0] if ended else LIMIT) + STARTING  # who takes longer than the fastest is not the fastest
        found = in_process("--plain", policy, table, str(years), method, limit=limit)
        if found and abs(found["goal"] - goal) <= 1e-5 * (1 + abs(goal)):
            ended.append((found["seconds"], method))
    return (min(ended)[1], min(ended)[0]) if ended else None


def line_of(policy: str, size: str, table: str, years: int) -> tuple[float, float]:
    """Measure and print one policy; ratio of the re-solve to the bare solver, and speed-up over the plain form (the
    least that it can be where the plain form did not end)."""
    found = in_process("--case", policy, table, str(years))
    if found is None:
        raise SystemExit(f"{policy} at {size} could not be measured")
    faster = min(found["bare"], found["whole"])
    print(
        f"{policy:12} {size:9} build {found['build']:.2f}, compile {found['compile']:.2f}, solve {found['solve']:.3f} "
        f"({found['status']}, {found['iterations']} iterations), re-solve {found['resolve']:.3f} ({found['again']}), "
        f"replayed and labelled {found['path']:.3f}; "
        f"bare solver {found['whole']:.3f} on {found['rows']} rows, {found['bare']:.3f} on the {found['rows_left']} "
        f"left; re-solve = {found['resolve'] / faster:.2f} × bare; {found['memory']:.0f} MB",
        flush=True,
    )
    beside = plain_of(policy, table, years, found["goal"])
    told = f"{beside[1]:.2f} s ({beside[0]})" if beside else f"no end within {LIMIT:.0f} s with the same goal"
    gain = (beside[1] if beside else LIMIT) / found["resolve"]
    print(
        f"{'':12} {'':9} plain form, bare, at its best: {told}{' =' if beside else ', at least'} {gain:.1f} × the "
        "re-solve",
        flush=True,
    )
    return found["resolve"] / faster, gain


def world_line() -> None:
    """Measure and print the program in which all regions decide."""
    found = in_process("--world")
    if found is None:
        raise SystemExit("the world could not be measured")
    size = f"{found['regions']}x35x{found['years']}"
    print(
        f"world_{size}={found['resolve']:.1f} s re-solve; build {found['build']:.1f}, compile {found['compile']:.1f}, "
        f"solve {found['solve']:.1f} ({found['status']}, {found['iterations']} iterations); bare solver "
        f"{found['bare']:.1f} on the {found['rows_left']} rows left of {found['rows']}; re-solve = "
        f"{found['resolve'] / found['bare']:.2f} × bare; {found['memory']:.0f} MB",
        flush=True,
    )


def mean(values: list[float]) -> float:
    """Geometric mean."""
    return math.exp(sum(math.log(value) for value in values) / len(values))


def main() -> None:
    """Measure every size and print the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="42 sectors and 18 years only")
    parser.add_argument("--case", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--plain", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--world", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.case:
        print(json.dumps(measure(asked.case[0], asked.case[1], int(asked.case[2]))))
        return
    if asked.plain:
        print(json.dumps(measure_plain(asked.plain[0], asked.plain[1], int(asked.plain[2]), asked.plain[3])))
        return
    if asked.world:
        print(json.dumps(measure_world()))
        return
    ratios: list[float] = []
    gains: dict[str, list[float]] = {}
    for size, (table, years, policies) in list(SIZES.items())[: 1 if asked.quick else None]:
        for policy in policies:
            ratio, gain = line_of(policy, size, table, years)
            ratios.append(ratio)
            gains.setdefault(size, []).append(gain)
    line = f"program: worst_ratio_to_solver={max(ratios):.2f} speedup_over_plain_42x18={mean(gains['42 × 18']):.1f}"
    if not asked.quick:
        world_line()
        line += f" speedup_over_plain_153x18={mean(gains['153 × 18']):.1f}"
    print(line)


if __name__ == "__main__":
    main()
