"""What is shown of a grid that runs: one line on a terminal, few lines elsewhere."""

from __future__ import annotations

import io

import pytest

from iomodel.grids.solving.progress import Meter, Progress, Shown
from iomodel.grids.storage.contents import Counts


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def at(optimal: int, failed: int = 0) -> Progress:
    return Progress(Counts(100, optimal=optimal, failed=failed), 2.0)


def test_rate_and_time_to_go_are_told() -> None:
    assert str(at(38, 2)) == "40 of 100 done: 38 optimal, 2 failed; 60 left; 2 a second, 30 s to go"
    assert str(Progress(Counts(100, optimal=100), 2.0)) == "100 of 100 done: 100 optimal; 0 left; 2 a second"
    assert Progress(Counts(10), None).remaining is None


def test_the_rate_is_that_of_the_last_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("iomodel.grids.solving.progress.time.monotonic", lambda: now[0])
    meter = Meter(Counts(1000, optimal=10))
    for _ in range(10):
        now[0] += 10.0  # slow at first: it starts up
        meter.ended("optimal")
    for _ in range(100):
        now[0] += 1.0
        meter.ended("infeasible")
    now[0] += 1.0
    found = meter.ended("infeasible")
    assert found.rate == pytest.approx(1.0)
    assert (found.counts.optimal, found.counts.infeasible) == (20, 101)


def test_a_terminal_has_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("iomodel.grids.solving.progress.time.monotonic", lambda: now[0])
    screen = Terminal()
    shown = Shown(screen)
    for done in range(5):
        now[0] += 1.0
        shown(at(done))
    shown("interrupted")
    shown.end()
    assert screen.getvalue().count("\n") == 2  # the line is left as it is, and what is said has its own
    assert screen.getvalue().count("\r") == 5


def test_elsewhere_there_are_few_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("iomodel.grids.solving.progress.time.monotonic", lambda: now[0])
    file = io.StringIO()
    shown = Shown(file)
    for done in range(101):
        now[0] += 1.0
        shown(at(done))
    lines = file.getvalue().splitlines()
    assert len(lines) == 8
    assert "\r" not in file.getvalue()
    assert lines[-1].startswith("100 of 100 done")
