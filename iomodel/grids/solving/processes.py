"""A worker in a process of its own, and the other end of it: one run is asked for at a time, and an answer comes.

The child is this Python, started anew, so that numpy, BLAS and the solver read from its environment that they have one
thread, and nothing of the caller's script is run again. Requests and answers are pickles through its standard input
and output. It leaves as soon as its input ends, that is when whoever asks is gone, however that came about; it does not
hear Ctrl-C, which is the driver's business. A child that dies, is killed or does not answer in time is replaced.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import site
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from threadpoolctl import threadpool_limits

from iomodel.errors import GridError, IOModelError
from iomodel.grids.solving.worker import Shared, Task, TooLongError, Worker, solve_run
from iomodel.grids.storage.outcome import Outcome

ONE_THREAD = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS", "RAYON_NUM_THREADS",
)  # fmt: skip
"""Environment that keeps numerical libraries to one thread; they read it when they are loaded."""

MEMORY = 1_500_000_000
"""Bytes that a worker's process may hold: beyond, it forgets what it kept, and where that is not enough it is replaced
after the run."""

COMMAND = "from iomodel.grids.solving.processes import serve; serve()"
"""What a child runs."""

TRIES = 3
"""Processes that a run may lose before it is called failed."""

STARTING = 120.0
"""Seconds that a process may take to load the package and the grid."""


class Process:
    """A child that solves runs; started when first asked. Not for several threads at once, but `kill`."""

    def __init__(self, shared: bytes, limit: float, memory: int = MEMORY) -> None:
        """shared: the pickled `Shared`. limit: seconds that one run may take."""
        self._shared, self._limit, self._memory = shared, limit, memory
        self._child: subprocess.Popen[bytes] | None = None
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._killed = False

    @property
    def pid(self) -> int | None:
        """The child's process, if there is one."""
        return None if self._child is None else self._child.pid

    def solve(self, task: Task) -> Outcome | None:
        """The outcome of a run, by another process where this one is lost; None when it was killed by `kill`.

        Raises GridError when processes do not start, and what they refuse (a table that is not the grid's).
        """
        for _ in range(TRIES):
            self._start()
            answer = "lost" if self._killed else self._asked(task)
            if self._killed:
                return None
            if isinstance(answer, Outcome):
                return answer
            if answer == "late":
                return Outcome(task.index, "failed", seconds=self._limit, explanation=str(TooLongError(self._limit)))
        return Outcome(
            task.index, "failed",
            explanation=f"its worker was lost {TRIES} times, killed from outside or by the system for want of memory",
        )  # fmt: skip

    def kill(self) -> None:
        """End the child at once, and for good."""
        self._killed = True
        self._end()

    def _start(self) -> None:
        """Have a child that is ready; one that is killed before it is gets a few successors."""
        answer: object = "ready"
        for _ in range(TRIES):
            if self._child is not None or self._killed:
                return
            answer, code = self._begun()
            if answer == "ready" or self._killed:
                return
            self._end()
            if isinstance(answer, IOModelError):
                raise answer
            if code is not None and code > 0:  # it ended by itself: another would, too
                raise GridError(f"A worker's process ended with code {code} before its first run; see what it said.")
        raise GridError(
            f"{TRIES} processes of a worker were lost before their first run, killed from outside or by the system for "
            "want of memory. Use fewer workers."
        )

    def _begun(self) -> tuple[object, int | None]:
        """What a new child answers, and its code where it has ended."""
        self._answers = queue.SimpleQueue()
        self._child = child = subprocess.Popen(
            [sys.executable, "-P", "-c", COMMAND],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), start_new_session=True,
        )  # fmt: skip
        if self._killed:  # while it was made
            self._end()
        assert child.stdout is not None
        threading.Thread(target=_read, args=(child.stdout, self._answers), daemon=True).start()
        self._send((self._memory, self._shared))
        try:
            answer = self._answers.get(timeout=STARTING)
        except queue.Empty:
            return "late", None
        if answer != "lost":
            return answer, None
        return answer, child.wait()

    def _asked(self, task: Task) -> Outcome | str:
        """The child's answer; "late" or "lost" when there is none, and then no child."""
        self._send(task)
        try:
            answer = self._answers.get(timeout=self._limit)
        except queue.Empty:
            answer = "late"
        if answer == "lost" or answer == "late":
            self._end()
            return answer
        outcome, stays = answer
        if not stays:
            self._end()
        return outcome

    def _send(self, message: object) -> None:
        child = self._child
        if child is not None and child.stdin is not None:
            with contextlib.suppress(OSError, ValueError):  # a child that is gone is noticed by its silence
                pickle.dump(message, child.stdin)
                child.stdin.flush()

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        if child.stdin is not None:
            with contextlib.suppress(OSError, ValueError):
                child.stdin.close()


def environment() -> Mapping[str, str]:
    """The environment of a child: one thread, and this package where it was found, unless it is installed."""
    home = str(Path(__file__).resolve().parents[2])
    installed = home in (*site.getsitepackages(), site.getusersitepackages())
    paths = [*([] if installed else [home]), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, **dict.fromkeys(ONE_THREAD, "1"), "PYTHONPATH": os.pathsep.join(paths)}


def _read(stream: IO[bytes], answers: queue.SimpleQueue[Any]) -> None:
    """Put what a child says into a queue, and "lost" when it says no more."""
    with stream:
        while True:
            try:
                answers.put(pickle.load(stream))
            except Exception:  # noqa: BLE001 - whatever a dying child leaves behind, it is lost
                answers.put("lost")
                return


# ---------------------------------------------------------------- in the child


def serve() -> None:
    """What a child does: be told the grid, then solve what is asked for until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no answer
    requests = os.fdopen(os.dup(0), "rb")

    def say(message: object) -> None:
        pickle.dump(message, answers)
        answers.flush()

    memory, shared = pickle.load(requests)
    try:
        worker = Worker(_unpacked(shared))
    except IOModelError as error:
        say(error)
        return
    threadpool_limits(1)  # should the environment not have reached a library
    asked: queue.SimpleQueue[Task] = queue.SimpleQueue()
    threading.Thread(target=_hear, args=(requests, asked), daemon=True).start()
    say("ready")
    while True:
        outcome = solve_run(worker, asked.get())
        if held() > memory:
            worker.forget()
        stays = held() <= memory
        say((outcome, stays))


def _unpacked(shared: bytes) -> Shared:
    found = pickle.loads(shared)
    assert isinstance(found, Shared)
    return found


def _hear(requests: IO[bytes], asked: queue.SimpleQueue[Task]) -> None:
    """Take requests, and leave at once, even in the middle of a run, when there is nobody who asks."""
    while True:
        try:
            asked.put(pickle.load(requests))
        except Exception:  # noqa: BLE001 - the end of the input, or half a request: whoever asks is gone
            os._exit(0)


def held() -> int:
    """Bytes that this process holds in memory; the most that it ever held where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, IndexError):
        try:
            import resource
        except ImportError:  # Windows: not told
            return 0
        factor = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * factor
    return pages * os.sysconf("SC_PAGE_SIZE")
