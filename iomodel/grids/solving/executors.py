"""Where runs are solved: in this process, in processes of this machine, or on a Dask cluster, behind one interface.

An executor is a function from what all runs share and the runs that are to be done to their outcomes, as they come. It
ends when nothing is left or when the allotment is stopped, after the runs in flight; closed before, it ends its workers
at once. Each comes as a context, which a cluster needs to connect before anything is written.
"""

from __future__ import annotations

import pickle
import queue
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

from threadpoolctl import threadpool_limits

from iomodel.grids.solving.allotment import Allotment
from iomodel.grids.solving.processes import MEMORY, Process
from iomodel.grids.solving.worker import Shared, TooLongError, Worker, solve_run
from iomodel.grids.storage.outcome import Outcome

Executor = Callable[[Shared, Allotment], Generator[Outcome | None]]
"""None now and then while nothing ends."""


@contextmanager
def in_this_process() -> Generator[Executor]:
    """Solve here, one run after another.

    A run that takes longer than its limit is stopped when the solver comes back from its work, which its own limit of
    iterations sees to; what never comes back can only be stopped in a process of its own. Where signals are not to be
    had (another thread than the main one, Windows) there is no limit.
    """
    yield _solved_here


def _solved_here(shared: Shared, allotment: Allotment) -> Generator[Outcome | None]:
    with threadpool_limits(1):
        worker = Worker(shared)
        held: str | None = None
        while (task := allotment.take(held)) is not None:
            held = task.key
            with _limited(shared.grid.limit_seconds):
                outcome = solve_run(worker, task)
            yield outcome


@contextmanager
def _limited(seconds: float) -> Generator[None]:
    """Raise TooLongError in what is done after so many seconds, where the system has an alarm clock for this thread."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise TooLongError(seconds)

    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def in_processes(workers: int, memory: int = MEMORY) -> Generator[Executor]:
    """Solve in so many processes of this machine, each with one thread and at most `memory` bytes."""

    def outcomes(shared: Shared, allotment: Allotment) -> Generator[Outcome | None]:
        packed, limit = pickle.dumps(shared), shared.grid.limit_seconds
        processes = [Process(packed, limit, memory) for _ in range(min(workers, len(allotment)))]
        answers: queue.Queue[Outcome | Exception | None] = queue.Queue()
        threads = [threading.Thread(target=_serve, args=(one, allotment, answers), daemon=True) for one in processes]
        for thread in threads:
            thread.start()
        try:
            working = len(threads)
            while working:
                try:
                    found = answers.get(timeout=1.0)  # so that Ctrl-C is heard on every system
                except queue.Empty:
                    yield None
                    continue
                if isinstance(found, Exception):
                    raise found
                if found is None:
                    working -= 1
                else:
                    yield found
        finally:
            allotment.stop()
            for process in processes:
                process.kill()
            for thread in threads:
                thread.join()

    yield outcomes


def _serve(process: Process, allotment: Allotment, answers: queue.Queue[Outcome | Exception | None]) -> None:
    """Give one process its runs until none are left for it."""
    held: str | None = None
    try:
        while (task := allotment.take(held)) is not None:
            held = task.key
            outcome = process.solve(task)
            if outcome is not None:
                answers.put(outcome)
        answers.put(None)
    except Exception as error:  # noqa: BLE001 - it is raised where the outcomes are taken
        answers.put(error)
    finally:
        process.kill()
