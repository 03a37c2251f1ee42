"""Bare solver processes: fresh Clarabel objects on the arrays of a grid's runs, and nothing besides.

python -m benchmarks.gridding.bare FILE PART PARTS     # solves its part when a line comes in, tells when each ended
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

Calls = list[list[tuple[Any, Any]]]
"""For each run the arrays and settings of its calls of the solver; more than one where it was solved again."""


def recorded(grid: Any, file: Path) -> tuple[float, float, float]:
    """Solve a grid's runs in this process and write what the solver was called with; seconds in all, in the solver, and
    of processor time in all."""
    from iomodel.grids.solving.drive import tasks_of
    from iomodel.grids.solving.layout import template_for
    from iomodel.grids.solving.worker import Shared, Worker, solve_run
    from iomodel.program import solvers

    calls: Calls = []
    inside = [0.0]
    answered = solvers.clarabel_answer

    def recording(arrays: Any, settings: Any, held: Any = None) -> Any:
        calls[-1].append((arrays, dict(settings)))
        started = time.perf_counter()
        answer = answered(arrays, settings, held)
        inside[0] += time.perf_counter() - started
        return answer

    worker = Worker(Shared(grid, template_for(grid)))
    tasks = tasks_of(grid)
    solve_run(worker, tasks[0])  # compiles
    solvers.clarabel_answer = recording
    started, busy = time.perf_counter(), time.process_time()
    try:
        for task in tasks:
            calls.append([])
            solve_run(worker, task)
    finally:
        solvers.clarabel_answer = answered
    spent, busy = time.perf_counter() - started, time.process_time() - busy
    file.write_bytes(pickle.dumps(calls))
    return spent, inside[0], busy


def rate(file: Path, processes: int) -> float:
    """Runs a second of so many bare processes that share the runs."""
    command = [sys.executable, "-m", "benchmarks.gridding.bare", str(file)]
    children = [
        subprocess.Popen(
            [*command, str(part), str(processes)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for part in range(processes)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    started = time.monotonic()
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    ended = sorted(float(line) for child in children for line in child.communicate()[0].splitlines())
    return len(ended) / (ended[-1] - started)


def main() -> None:
    """Solve one part."""
    from iomodel.program.interior_point import clarabel_solver

    file, part, parts = sys.argv[1:]
    calls: Calls = pickle.loads(Path(file).read_bytes())[int(part) :: int(parts)]
    clarabel_solver(*calls[0][0]).solve()
    print("ready", flush=True)
    sys.stdin.readline()
    ended: list[float] = []
    for run in calls:
        for arrays, settings in run:
            clarabel_solver(arrays, settings).solve()
        ended.append(time.monotonic())
    print("\n".join(map(str, ended)))


if __name__ == "__main__":
    main()
