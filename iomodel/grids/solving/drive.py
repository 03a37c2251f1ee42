"""The driver: it hands the runs of a grid to workers and puts what comes back into the store, and nobody else does.

It may be interrupted at any moment. Ctrl-C once: nothing more is handed out, runs in flight are finished and stored;
twice: it stops at once. A run is stored whole or not at all, so that the same call goes on where the last one ended,
whatever ended it.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import xarray as xr

from iomodel.course import table_of
from iomodel.errors import ExperimentError, GridError
from iomodel.experiment import Experiment
from iomodel.experiment_parts import TABLE_FILES
from iomodel.grids.design.definition import Grid
from iomodel.grids.design.runs import runs
from iomodel.grids.solving.allotment import Allotment
from iomodel.grids.solving.executors import Executor, in_processes, in_this_process
from iomodel.grids.solving.layout import template_for
from iomodel.grids.solving.processes import MEMORY
from iomodel.grids.solving.progress import Meter, Tell, duration
from iomodel.grids.solving.worker import Shared, Task
from iomodel.grids.storage.contents import Counts
from iomodel.grids.storage.outcome import WITH_NUMBERS, Outcome
from iomodel.grids.storage.store import Store, create_store, holds_store, open_store
from iomodel.table import Table
from iomodel.values import file_path, text, whole


@dataclass(frozen=True)
class Summary:
    """How a grid stands. folder: where its results are. counts: how many of its runs ended how. runs, seconds: of this
    call. stopped_by: the run that ended it, where it was to stop at the first without numbers."""

    folder: Path
    counts: Counts
    runs: int
    seconds: float
    stopped_by: Outcome | None = None

    def __str__(self) -> str:
        return f"{self.counts}; {self.runs:,} in {duration(self.seconds)}"


def run_grid(
    grid: Grid,
    out: str | Path,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    fail_fast: bool = False,
    explain: bool = False,
    progress: Tell | None = None,
) -> Summary:
    """Solve the runs of a grid that are not stored yet in the folder `out`, and store each as it ends.

    workers: processes of this machine, all cores if None; 0 solves in this process. scheduler: address of a Dask
    scheduler, whose workers solve instead. fail_fast: stop at the first run that is infeasible, inaccurate or failed.
    explain: look for the laws that collide in each infeasible run, which takes longer than a solve. progress: is told
    after each run (`iomodel.grids.solving.progress.Shown` prints). The results open with `open_results(out)`.

    Raises ExperimentError and GridError for what cannot be before anything is written: another grid's results in `out`,
    a folder that another driver writes to, a scheduler that does not answer (SchedulerError). KeyboardInterrupt after
    Ctrl-C. Runs that are infeasible or fail are results and raise nothing.

    >>> import tempfile
    >>> from iomodel.grids.design.load import load_grid
    >>> lines = 'base = "demand-only"', "[axes.package]", 'key = "targets.package.exactly"', "values = [1, 2, 3]"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "three.toml")
    ...     _ = file.write_text("\\n".join(lines))
    ...     print(run_grid(load_grid(file), Path(folder, "results"), workers=0).counts)
    3 of 3 done: 3 optimal; 0 left
    """
    if not isinstance(grid, Grid):
        raise ExperimentError(
            f"run_grid takes a grid, found {str(grid)[:60]!r} of type {type(grid).__name__}; load one: load_grid(FILE)."
        )
    started, tell = time.monotonic(), progress or _silent
    folder = file_path("out", out, GridError)
    with _executor(workers, scheduler, tell) as executor:
        template = template_for(grid)
        with _opened(folder, grid, template) as store:
            for note in store.notes:
                tell(note)
            before = store.done()
            allotment = Allotment(task for task in tasks_of(grid) if task.index not in before)
            shared = Shared(grid, template, own_tables(grid), explain)
            meter = Meter(store.counts())
            stopped_by = None
            with _interruptible(allotment, tell) as interrupted, closing(executor(shared, allotment)) as outcomes:
                for outcome in outcomes:
                    if outcome is None:
                        store.flush()
                        continue
                    store.put(outcome)
                    tell(meter.ended(outcome.status))
                    if fail_fast and outcome.status not in WITH_NUMBERS:
                        stopped_by = outcome
                        break
            counts = store.counts()
    if interrupted():
        raise KeyboardInterrupt
    return Summary(folder, counts, counts.done - len(before), time.monotonic() - started, stopped_by)


def tasks_of(grid: Grid) -> list[Task]:
    """The runs of a grid for workers: each with the middle run of its structure, whatever is done already.

    At the ends of axes numbers are often zero, and a program compiled there lacks what the others have.
    """
    every = runs(grid)
    members: dict[str, list[int]] = {}
    for run in every:
        members.setdefault(run.experiment_key, []).append(run.index)
    base = {key: sorted(indices)[len(indices) // 2] for key, indices in members.items()}
    return [Task(run.index, run.experiment_key, base[run.experiment_key]) for run in every]


def own_tables(grid: Grid) -> dict[str, Table]:
    """The tables of a grid that are a user's own, by the name that experiments call them: workers are sent them."""
    names = [name for name in grid.tables if name.lower().endswith(TABLE_FILES)]
    return {name: table_of(Experiment("table", table=name)) for name in names}


def _silent(_: object) -> None:
    """Nothing is said."""


def _opened(folder: Path, grid: Grid, template: xr.Dataset) -> Store:
    """The store in a folder, made if there is none."""
    return open_store(folder, grid) if holds_store(folder) else create_store(folder, grid, template)


def _executor(workers: int | None, scheduler: str | None, tell: Tell) -> AbstractContextManager[Executor]:
    """What solves the runs."""
    if scheduler is not None:
        if workers is not None:
            raise ExperimentError(
                "workers and scheduler: found both; workers are processes of this machine, a scheduler has its own. "
                "Leave one out."
            )
        try:
            from iomodel.grids.solving.cluster import on_cluster
        except ModuleNotFoundError as error:
            raise ExperimentError(
                f"A scheduler needs the package {error.name}, which is not installed: pip install 'iomodel[cluster]'."
            ) from None
        return on_cluster(text("scheduler", scheduler), MEMORY, tell)
    if workers is None:
        return in_processes(cores(), MEMORY)
    count = whole("workers", workers, 0, 1024, "processes")
    return in_processes(count, MEMORY) if count else in_this_process()


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def _interruptible(allotment: Allotment, tell: Tell) -> Generator[Callable[[], bool]]:
    """Let the first Ctrl-C end the handing out of runs and the second everything; whether there was one.

    In another thread than the main one Python hears no Ctrl-C, and nothing is changed.
    """
    heard: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return

    def hear(number: int, _frame: FrameType | None) -> None:
        heard.append(number)
        if len(heard) > 1:
            raise KeyboardInterrupt
        allotment.stop()
        tell("interrupted: runs in flight are finished; Ctrl-C again stops at once")

    before = signal.signal(signal.SIGINT, hear)
    try:
        yield lambda: bool(heard)
    finally:
        signal.signal(signal.SIGINT, before)
