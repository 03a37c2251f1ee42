"""How far a grid is: runs done and left, how they ended, the rate, and the time that is left at this rate."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TextIO

from iomodel.grids.storage.contents import Counts

WINDOW = 60.0
"""Seconds over which the rate is taken."""

EVERY = 15.0
"""Seconds between two lines where no terminal shows them."""


@dataclass(frozen=True)
class Progress:
    """counts: runs that are stored, by how they ended. rate: runs a second, lately; None before it can be told."""

    counts: Counts
    rate: float | None

    @property
    def remaining(self) -> float | None:
        """Seconds until all are done, at this rate."""
        return self.counts.left / self.rate if self.rate else None

    def __str__(self) -> str:
        said = str(self.counts)
        if self.rate:
            said += f"; {self.rate:.3g} a second"
        if self.remaining and self.counts.left:
            said += f", {duration(self.remaining)} to go"
        return said


Tell = Callable[[Progress | str], None]
"""Is told how far a grid is, after each run, and in words what happens besides."""


class Meter:
    """Counts runs as they end and takes the rate over the last minute."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._recent: deque[float] = deque([time.monotonic()])

    def ended(self, status: str) -> Progress:
        """One run more has ended."""
        self._counts = replace(self._counts, **{status: getattr(self._counts, status) + 1})
        now = time.monotonic()
        self._recent.append(now)
        while len(self._recent) > 2 and now - self._recent[0] > WINDOW:
            self._recent.popleft()
        span = now - self._recent[0]
        return Progress(self._counts, (len(self._recent) - 1) / span if span > 0 else None)


class Shown:
    """Progress on a screen: one line that is written anew on a terminal, plain lines now and then elsewhere."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._last = float("-inf")
        self._open = False

    def __call__(self, news: Progress | str) -> None:
        """Show how far a grid is, or say something."""
        if isinstance(news, str):
            self.end()
            self._write(f"{news}\n")
        elif self._terminal:
            if time.monotonic() - self._last > 0.1 or not news.counts.left:
                self._last = time.monotonic()
                self._open = True
                self._write(f"\r\x1b[K{news}")
        elif time.monotonic() - self._last > EVERY or not news.counts.left:
            self._last = time.monotonic()
            self._write(f"{news}\n")

    def end(self) -> None:
        """Leave the line as it is."""
        if self._open:
            self._open = False
            self._write("\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def duration(seconds: float) -> str:
    """Seconds in words, as exact as one wants to know.

    >>> duration(42.4), duration(160), duration(5400)
    ('42 s', '3 min', '1 h 30 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
