"""Runs on a Dask cluster: `dask scheduler` and `dask worker` started by whoever owns the hosts, this is their client.

The workers need this package and nothing else. What all runs share, the tables that are no shipped ones among it, is
handed to each worker once, those that join later included, and each checks that its tables are the grid's by content
hash. In a Dask worker every thread keeps a process of its own that solves (`iomodel.grids.solving.processes`), so that
the limits of time and memory and the one thread for each solver hold there, too, whatever Dask was told. Dask decides
where a run is done again when a worker is lost; the client only says which worker holds its program.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import pickle
import queue
import threading
import time
import uuid
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

from distributed import Client, Worker, WorkerPlugin, get_worker
from distributed.comm.core import connect

from iomodel.errors import IOModelError, SchedulerError
from iomodel.grids.solving.allotment import Allotment
from iomodel.grids.solving.executors import Executor
from iomodel.grids.solving.processes import MEMORY, Process
from iomodel.grids.solving.worker import Shared, Task
from iomodel.grids.storage.outcome import Outcome

ANSWERING = 10.0
"""Seconds in which a scheduler has to answer."""

SILENT = 60.0
"""Seconds without an answer after which a scheduler whose connection stands is gone, too: it may only be busy."""

AHEAD = 2
"""Parcels of runs that each thread of a worker has been given, so that it does not wait for the next."""

PARCEL_SECONDS, PARCEL = 1.0, 64
"""Short runs are handed out in parcels that take about so long, at most so many: Dask's part of each is the same."""

LOOK = 0.5
"""Seconds between looks at whether the scheduler is still there and at which workers there are."""

TALKATIVE = ("distributed", "tornado", "asyncio")
"""Loggers that tell at length of a scheduler that is gone; some of those below them have a level of their own."""

Say = Callable[[str], None]


class Solving(WorkerPlugin):
    """What a Dask worker has of a grid: processes that solve its runs."""

    def __init__(self, shared: bytes, limit: float, memory: int) -> None:
        self._given = (shared, limit, memory)

    def setup(self, worker: Worker) -> None:  # noqa: ARG002 - Dask names it
        """Be ready on a worker; processes are started when asked."""
        self._idle: queue.LifoQueue[Process] = queue.LifoQueue()
        self._every: list[Process] = []

    def teardown(self, worker: Worker) -> None:  # noqa: ARG002 - Dask names it
        """End the processes."""
        for process in self._every:
            process.kill()

    def solve(self, task: Task) -> Outcome | None:
        """The outcome of a run, solved by an idle process."""
        try:
            process = self._idle.get_nowait()
        except queue.Empty:
            process = Process(*self._given)
            self._every.append(process)
        try:
            return process.solve(task)
        finally:
            self._idle.put(process)


def _solve_on_worker(name: str, tasks: Sequence[Task]) -> list[Outcome | None]:
    plugin = get_worker().plugins[name]
    assert isinstance(plugin, Solving)
    return [plugin.solve(task) for task in tasks]


@contextmanager
def on_cluster(address: str, memory: int = MEMORY, say: Say = lambda _: None) -> Generator[Executor]:
    """Solve on the workers of the Dask scheduler at `address`.

    Raises SchedulerError, with what to try, when it does not answer within 10 s. The executor raises it when the
    scheduler goes away, and what the workers refuse.
    """
    with _quiet(), _connected(address) as client:

        def outcomes(shared: Shared, allotment: Allotment) -> Generator[Outcome | None]:
            name = f"iomodel-{shared.grid.name}-{uuid.uuid4().hex[:12]}"
            _registered(client, address, Solving(pickle.dumps(shared), shared.grid.limit_seconds, memory), name)
            crew = _Crew(client, address, name, allotment, say)
            try:
                yield from crew.outcomes()
            finally:
                crew.dismiss()

        yield outcomes


@contextmanager
def _quiet() -> Generator[None]:
    """Let Dask and what it stands on not fill the screen with what is said in one line here."""
    known = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] in TALKATIVE]
    loggers = [logging.getLogger(name) for name in {*known, *TALKATIVE}]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        gc.collect()  # tasks that a lost scheduler left behind complain when they are collected
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


@contextmanager
def _connected(address: str) -> Generator[Client]:
    try:
        _within(lambda: asyncio.run(_greeted(address)), ANSWERING + 1)
        client = Client(address, timeout=ANSWERING, set_as_default=False, name="iomodel-grid")
    except Exception as error:  # noqa: BLE001 - whatever answers there may send whatever
        raise SchedulerError(
            f"No scheduler answers at {address!r} within {ANSWERING:g} s ({_first_line(error)}). Start one with `dask "
            "scheduler` and workers with `dask worker tcp://HOST:8786 --nthreads 1`; check host, port and that no "
            "firewall is in between; or leave --scheduler out to run on this machine."
        ) from None
    try:
        yield client
    finally:
        with contextlib.suppress(Exception):  # a scheduler that is gone does not hear goodbye
            client.close(timeout=2)


async def _greeted(address: str) -> None:
    """Shake hands with what answers: a client that finds no scheduler would be a while in going away again."""
    comm = await connect(address, timeout=ANSWERING)
    await comm.close()


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _registered(client: Client, address: str, plugin: Solving, name: str) -> None:
    try:
        client.register_plugin(plugin, name=name)
    except (OSError, TimeoutError) as error:
        raise _gone(address, _first_line(error)) from None


def _gone(address: str, why: str) -> SchedulerError:
    return SchedulerError(
        f"The scheduler at {address} is gone ({why}); what was stored is kept. Start it and its workers again and run "
        "the same command to go on."
    )


class _Crew:
    """The runs that are with Dask, and the threads of its workers that they were given to."""

    def __init__(self, client: Client, address: str, name: str, allotment: Allotment, say: Say) -> None:
        self._client, self._address, self._name, self._allotment, self._say = client, address, name, allotment, say
        self._done: queue.Queue[Any] = queue.Queue()
        self._with: dict[Any, tuple[Any, list[Task], str]] = {}
        """By key of the future: itself, its runs, the worker that they were given to."""
        self._seconds = PARCEL_SECONDS
        """What a run takes, lately."""
        self._held: dict[str, str] = {}
        self._threads: dict[str, int] = {}
        self._heard = time.monotonic()

    def outcomes(self) -> Generator[Outcome | None]:
        """Outcomes as they come."""
        looked, said = 0.0, False
        while True:
            if time.monotonic() - looked > LOOK:
                self._look()
                looked = time.monotonic()
                if not self._threads and not said:
                    self._say(f"the scheduler at {self._address} has no workers yet: waiting for some")
                    said = True
            self._hand_out()
            if not self._with and (self._allotment.stopped or not len(self._allotment)):
                return
            try:
                future = self._done.get(timeout=LOOK)
            except queue.Empty:
                yield None
                continue
            _, tasks, worker = self._with.pop(future.key)
            outcomes = self._answers(future, tasks)
            self._hand_out(worker)
            for outcome in outcomes:
                self._seconds += 0.1 * (outcome.seconds - self._seconds)
                yield outcome

    def dismiss(self) -> None:
        """Give up what is still with Dask, and let the workers forget the grid."""
        with contextlib.suppress(Exception):
            if self._client.status == "running":
                self._client.cancel([future for future, _, _ in self._with.values()], force=True)
                self._client.unregister_worker_plugin(self._name)

    def _look(self) -> None:
        """Which workers there are; SchedulerError when there is no scheduler."""
        if self._client.status != "running":
            raise _gone(self._address, "the connection is lost")
        try:
            self._threads = _within(self._client.nthreads, ANSWERING)
            self._heard = time.monotonic()
        except TimeoutError:
            if time.monotonic() - self._heard > SILENT:
                raise _gone(self._address, f"no answer for {SILENT:g} s") from None
        except Exception as error:  # noqa: BLE001 - a scheduler that goes away makes many kinds of error
            raise _gone(self._address, _first_line(error)) from None

    def _hand_out(self, first: str | None = None) -> None:
        """Give every thread what it lacks, the worker `first` before others."""
        load = dict.fromkeys(self._threads, 0)
        for _, _, worker in self._with.values():
            load[worker] = load.get(worker, 0) + 1
        for worker in sorted(self._threads, key=lambda worker: worker != first):
            for _ in range(AHEAD * self._threads[worker] - load[worker]):
                tasks = self._parcel(worker)
                if not tasks:
                    return
                future = self._client.submit(
                    _solve_on_worker, self._name, tasks, key=f"{self._name}-{tasks[0].index}", pure=False,
                    workers=[worker], allow_other_workers=True,
                )  # fmt: skip
                self._with[future.key] = (future, tasks, worker)
                future.add_done_callback(self._done.put)

    def _parcel(self, worker: str) -> list[Task]:
        """The next runs for a worker: as many as take a second, and towards the end so few that all have some."""
        share = len(self._allotment) // (2 * AHEAD * sum(self._threads.values()))
        count = min(int(PARCEL_SECONDS / max(self._seconds, 1e-3)), PARCEL, share)
        tasks: list[Task] = []
        while len(tasks) < max(count, 1) and (task := self._allotment.take(self._held.get(worker))) is not None:
            self._held[worker] = task.key
            tasks.append(task)
        return tasks

    def _answers(self, future: Any, tasks: Sequence[Task]) -> list[Outcome]:
        """The outcomes that a future holds."""
        if future.status == "cancelled":
            raise _gone(self._address, "runs were cancelled")
        if future.status == "error":
            error = future.exception(timeout=ANSWERING)
            if isinstance(error, IOModelError):
                raise error
            said = f"{type(error).__name__}: {error}"
            return [Outcome(task.index, "failed", explanation=said) for task in tasks]
        try:
            outcomes = future.result(timeout=ANSWERING)
        except Exception as error:  # noqa: BLE001 - the connection broke between the news and the answer
            raise _gone(self._address, _first_line(error)) from None
        if None in outcomes:
            raise _gone(self._address, "its worker was told to stop")
        return outcomes


def _within(call: Callable[[], Any], seconds: float) -> Any:
    """What a call returns or raises; TimeoutError when it takes longer."""
    found: queue.SimpleQueue[tuple[Any, Exception | None]] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found.put((call(), None))
        except Exception as error:  # noqa: BLE001 - it is raised by the one who waits
            found.put((None, error))

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer, error = found.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no answer within {seconds:g} s") from None
    if error is not None:
        raise error
    return answer
