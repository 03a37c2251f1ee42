"""Drivers as real processes, which tests watch, kill and start again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from iomodel.errors import GridError
from iomodel.grids.storage.contents import read_counts

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 90.0
"""Seconds after which a test gives up waiting."""

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}


def wait_for(what: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until something is so."""
    last = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < last, "waited in vain"
        time.sleep(0.02)


def started(file: Path, out: Path, *options: str) -> subprocess.Popen[str]:
    """`iomodel grid` in a process of its own, not of this one's group."""
    command = [sys.executable, "-m", "iomodel", "grid", str(file), "--out", str(out), *options]
    return subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


@contextmanager
def driving(file: Path, out: Path, *options: str) -> Generator[subprocess.Popen[str]]:
    """A driver that is gone in the end."""
    driver = started(file, out, *options)
    try:
        yield driver
    finally:
        workers = workers_of(driver)
        if driver.poll() is None:
            driver.kill()
        for worker in workers:  # one that is stopped would not hear that its driver is gone
            with suppress(psutil.NoSuchProcess):
                worker.kill()
        driver.communicate()


def finished(driver: subprocess.Popen[str], seconds: float = PATIENCE) -> tuple[int, str, str]:
    """Code, output and errors of a driver that ends."""
    said, complained = driver.communicate(timeout=seconds)
    return driver.returncode, said, complained


def done(out: Path) -> int:
    """Runs that are stored."""
    try:
        return read_counts(out).done
    except GridError:  # not yet there, or just being renamed
        return 0


def workers_of(driver: subprocess.Popen[str]) -> list[psutil.Process]:
    """The processes in which a driver's runs are solved."""
    try:
        children = psutil.Process(driver.pid).children()
        return [child for child in children if "serve()" in " ".join(child.cmdline())]
    except psutil.Error:
        return []


def busy(driver: subprocess.Popen[str]) -> psutil.Process:
    """A worker in the middle of a run."""
    found: list[psutil.Process] = []

    def look() -> bool:
        found[:] = [child for child in workers_of(driver) if child.status() == psutil.STATUS_RUNNING]
        return bool(found)

    wait_for(look)
    return found[0]


def killed(process: psutil.Process) -> None:
    """Killed by -9, and gone."""
    process.send_signal(signal.SIGKILL)
    wait_for(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)
