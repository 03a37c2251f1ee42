"""Runs a second of grids, beside as many bare solver processes on the same arrays.

    python benchmarks/grid.py             # some ten minutes on two cores that do nothing else
    python benchmarks/grid.py --quick     # a few runs of each, to see that it works

1. The two halves at 42 sectors and 18 solved years, given prices and a shared reference path: one after another in one
process, and on two worker processes; in the same minutes bare processes on the same arrays, a fresh Clarabel object for
each call, set-up included. Rates are taken after every process has solved its first run; medians of rounds. Beside it a
grid whose every run has other cards, so that calibration, reference path and program are made anew.
2. A thousand runs of the cheapest program (the programme alone is free, four solved years) in their order, on two
processes, shuffled with a worker that forgets, and on a cluster: the same bits, on the cluster within 1e-9.
3. Ten thousand runs of it: killed with -9 in the middle, resumed, opened.
4. What handing out costs: runs that do nothing, on two processes and on a cluster of two workers on this machine.
The last line is `grid: …`.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")  # before numpy is loaded, which the functions below do
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))

TIMES = ("seconds", "solver_seconds")
NOTHING = """
import iomodel.grids.solving.processes as processes
from iomodel.grids.storage.outcome import Outcome
processes.solve_run = lambda worker, task: Outcome(task.index, "failed", explanation="nothing was done")
processes.serve()
"""
"""A worker's process that does nothing for a run."""


def say(text: str) -> None:
    """A line, at once."""
    print(text, flush=True)


def driven(grid: Any, out: Path, **given: Any) -> tuple[float, Any]:
    """Runs a second of `run_grid` once every worker has its program, and its summary."""
    import iomodel as iom
    from iomodel.grids.solving.progress import Progress

    ended: list[float] = []

    def note(news: Any) -> None:
        if isinstance(news, Progress):
            ended.append(time.monotonic())

    summary = iom.run_grid(grid, out, progress=note, **given)
    first = 2 * max(given.get("workers") or 2, 1)
    return (len(ended) - first) / (ended[-1] - ended[first - 1]), summary


def bytes_of(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def rates(folder: Path, runs: int, rounds: int) -> dict[str, float]:
    """Print and return runs a second of the two halves, of bare solvers, and what goes with them."""
    from benchmarks.gridding.bare import rate, recorded
    from benchmarks.gridding.grids import halves

    grid = halves(runs)
    calls = folder / "calls.pickle"
    spent, inside, _ = recorded(grid, calls)
    found: dict[str, list[float]] = {"one": [], "bare": [], "two": [], "bare_two": []}
    for number in range(rounds):
        found["one"].append(driven(grid, folder / f"one-{number}", workers=0)[0])
        found["bare"].append(rate(calls, 1))
        found["two"].append(driven(grid, folder / f"two-{number}", workers=2)[0])
        if number == 0:
            memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        found["bare_two"].append(rate(calls, 2))
    best = {name: statistics.median(values) for name, values in found.items()}
    say(
        f"two halves, 42 × 18, {grid.size} runs, one program: {best['one']:.2f} runs a second one after another, "
        f"{best['two']:.2f} on 2 processes ({best['two'] / best['one']:.2f} ×); bare solver processes "
        f"{best['bare']:.2f} and {best['bare_two']:.2f} ({best['bare_two'] / best['bare']:.2f} ×): "
        f"{best['one'] / best['bare']:.1%} and {best['two'] / best['bare_two']:.1%} of theirs"
    )
    say(
        f"  {inside / spent:.1%} of a worker's time is the solver's, "
        f"{1000 * (spent - inside) / grid.size:.1f} ms a run are not; "
        f"{bytes_of(folder / 'two-0') / grid.size:,.0f} bytes a run on disk; "
        f"a worker's process held {memory:.0f} MB at most"
    )
    return best


def cards_line(folder: Path, runs: int) -> None:
    """Print runs a second where every run has other cards."""
    from benchmarks.gridding.grids import CARDS, cards

    grid = cards(runs)
    one, _ = driven(grid, folder / "cards-one", workers=0)
    two, summary = driven(grid, folder / "cards-two", workers=2)
    said = f"{one:.2f} runs a second, {two:.2f} on 2 processes ({summary.counts})"
    say(f"{CARDS}, {grid.size} runs, a program each: {said}")


def same_bits(folder: Path, package: int, benefit: int) -> None:
    """Print whether order and layout leave the bits as they are."""
    import numpy as np

    import iomodel as iom
    from benchmarks.gridding.cluster import cluster
    from benchmarks.gridding.grids import short
    from iomodel.grids.solving.drive import tasks_of
    from iomodel.grids.solving.layout import template_for
    from iomodel.grids.solving.worker import Shared, Worker, solve_run

    grid = short(package, benefit)
    iom.run_grid(grid, folder / "here", workers=0)
    iom.run_grid(grid, folder / "processes", workers=2)
    here = iom.open_results(folder / "here").load().drop_vars(TIMES)
    same = iom.open_results(folder / "processes").load().drop_vars(TIMES).identical(here)
    worker, tasks, chance = Worker(Shared(grid, template_for(grid))), tasks_of(grid), random.Random(1)
    chance.shuffle(tasks)
    shuffled = 0
    for task in tasks:
        if chance.random() < 0.02:
            worker.forget()
        outcome = solve_run(worker, task)
        place = dict(zip(grid.dims, grid.places(task.index), strict=True))
        mine = {name: here[name].isel(place).values for name in outcome.values}
        shuffled += all(np.array_equal(values, mine[name], equal_nan=True) for name, values in outcome.values.items())
    with cluster(folder) as address:
        iom.run_grid(grid, folder / "cluster", scheduler=address)
    there = iom.open_results(folder / "cluster").load()
    off = max(float(abs(there[name] - here[name]).max()) for name in here.data_vars if here[name].dtype.kind == "f")
    bits = "the same" if same else "OTHER"
    say(
        f"{grid.size} runs of the programme alone, 4 solved years: on 2 processes {bits} bits as one after another; "
        f"shuffled, by a worker that forgets, the same bits in {shuffled} of {grid.size}; on a cluster within {off:.0e}"
    )


def big(folder: Path, package: int, benefit: int) -> None:
    """Print how a large grid completes after a kill, and how it opens."""
    import iomodel as iom
    from benchmarks.gridding.grids import short_text
    from iomodel.grids.storage.contents import read_counts
    from iomodel.grids.storage.store import holds_store

    file, out, size = folder / "big.toml", folder / "big", package * benefit
    file.write_text(short_text(package, benefit), encoding="utf-8")
    command = [sys.executable, "-m", "iomodel", "grid", str(file), "--out", str(out), "--workers", "2"]
    started = time.monotonic()
    driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not holds_store(out) or read_counts(out).done < size // 2:
        time.sleep(0.5)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    before = read_counts(out).done
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    spent = time.monotonic() - started
    opening = time.monotonic()
    found = iom.open_results(out)
    opened = time.monotonic() - opening
    mean = float(found["household_consumption_share"].isel(year=-1).mean())
    read = time.monotonic() - opening
    say(
        f"{size:,} runs of the programme alone, 4 solved years, on 2 processes: driver killed at {before:,}, resumed: "
        f"{again.stdout.splitlines()[0]}; {size / spent:.1f} runs a second with both starts; "
        f"{bytes_of(out) / size:,.0f} bytes a run; opens in {opened:.2f} s, with the mean of a variable "
        f"({mean:.3f}) in {read:.2f} s"
    )


def overhead(folder: Path, package: int, benefit: int) -> None:
    """Print what a run costs beside its solving."""
    from benchmarks.gridding import cluster as clusters
    from benchmarks.gridding.grids import short
    from iomodel.grids.solving import cluster, processes

    grid = short(package, benefit)
    kept = processes.COMMAND
    processes.COMMAND = NOTHING
    local, _ = driven(grid, folder / "nothing-local", workers=2)
    processes.COMMAND = kept

    class Idle(cluster.Solving):
        """A Dask worker whose processes do nothing."""

        def setup(self, worker: Any) -> None:
            """Be ready on a worker."""
            from iomodel.grids.solving import processes

            processes.COMMAND = NOTHING
            super().setup(worker)

    solving, cluster.Solving = cluster.Solving, Idle
    with clusters.cluster(folder) as address:
        there, _ = driven(grid, folder / "nothing-cluster", scheduler=address)
    cluster.Solving = solving
    say(
        f"{grid.size} runs that do nothing, driver and workers on the same two cores: {1000 / local:.2f} ms a run on 2 "
        f"processes, {1000 / there:.2f} ms on a Dask cluster of 2 workers, handing out, answer and storage included"
    )


def main() -> None:
    """Measure all parts and print the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few runs of each")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        best = rates(folder, 16 if quick else 144, 1 if quick else 3)
        cards_line(folder, 8 if quick else 48)
        same_bits(folder, *((8, 5) if quick else (40, 25)))
        big(folder, *((20, 10) if quick else (100, 100)))
        overhead(folder, *((20, 10) if quick else (50, 40)))
    say(
        f"grid: runs_per_second={best['one']:.2f} vs_bare_solver={best['one'] / best['bare']:.3f} "
        f"speedup_2={best['two'] / best['one']:.2f} speedup_2_bare={best['bare_two'] / best['bare']:.2f}"
    )


if __name__ == "__main__":
    main()
