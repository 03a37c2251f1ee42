"""Which run a worker is given next: one of the structure whose program it holds, as long as there are any.

Runs that share a structure are handed to the same worker until no other structure is left that nobody holds; then the
workers share what remains. Which worker solves a run has no part in its result, only in how long it takes.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable

from iomodel.grids.solving.worker import Task


class Allotment:
    """Runs that are left, by structure; several threads may take from it."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._left: dict[str, deque[Task]] = {}
        for task in tasks:
            self._left.setdefault(task.key, deque()).append(task)
        self._holders: dict[str, int] = {}
        self._stopped = False
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Runs that nobody has taken."""
        with self._lock:
            return sum(map(len, self._left.values()))

    @property
    def stopped(self) -> bool:
        """Whether nothing more is given."""
        return self._stopped

    def stop(self) -> None:
        """Give nothing more."""
        self._stopped = True

    def take(self, held: str | None = None) -> Task | None:
        """The next run for a worker that holds the program of structure `held`; None when there is nothing to do."""
        with self._lock:
            if self._stopped:
                return None
            if held is not None and held not in self._left:
                self._leave(held)
            key = held if held in self._left else self._free()
            if key is None:
                return None
            if key != held:
                self._holders[key] = self._holders.get(key, 0) + 1
            waiting = self._left[key]
            task = waiting.popleft()
            if not waiting:
                del self._left[key]
            return task

    def _leave(self, held: str) -> None:
        self._holders.pop(held, None)

    def _free(self) -> str | None:
        """The first structure that nobody holds, else the one with most runs for each who holds it."""
        for key in self._left:
            if not self._holders.get(key):
                return key
        return max(self._left, key=lambda key: len(self._left[key]) / self._holders[key], default=None)
