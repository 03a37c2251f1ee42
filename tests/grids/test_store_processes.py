"""Stores and processes: a driver killed at once, a second driver, a disk without room. Each in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
import stored
import writer
import xarray as xr

import iomodel as iom
from iomodel.errors import GridError
from iomodel.grids.storage.contents import read_contents
from iomodel.grids.storage.lock import is_gone
from iomodel.grids.storage.store import create_store, open_store

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals, flock and mounts of Unix")

GRID = stored.grid(writer.SHAPE)
SIZE = GRID.size


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    """The results of an undisturbed grid."""
    folder = tmp_path_factory.mktemp("whole") / "store"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        with create_store(folder, GRID, stored.template()) as store:
            writer.put_all(store, SIZE - 1)
    return iom.open_results(folder).load()


def command(*words: str | Path) -> list[str]:
    return [sys.executable, str(Path(writer.__file__)), *map(str, words)]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), str(Path(writer.__file__).parent)])}


@contextlib.contextmanager
def started(*words: str | Path) -> Generator[subprocess.Popen[str]]:
    process = subprocess.Popen(command(*words), stdout=subprocess.PIPE, text=True, env=environment())
    with process:
        try:
            yield process
        finally:
            process.kill()


def lines(process: subprocess.Popen[str]) -> Generator[str]:
    assert process.stdout is not None
    for line in process.stdout:
        yield line.strip()


def in_namespace(*words: str | Path) -> list[str]:
    """What the writer says, run where it may mount; skipped, and said, where that is not allowed."""
    tried = subprocess.run(["unshare", "-rm", "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"no private mount namespace here ({tried.stderr.strip()}): see the test with a file-size limit")
    done = subprocess.run(
        ["unshare", "-rm", *command(*words)], capture_output=True, text=True, env=environment(), check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_driver_killed_at_any_moment_leaves_a_store_to_go_on_with(tmp_path: Path, whole: xr.Dataset) -> None:
    folder = tmp_path / "store"
    chance = random.Random(2)
    stops = sorted(chance.sample(range(SIZE), 3))
    for stop in stops:
        with started(folder, "put", "0", str(SIZE - 1)) as process:
            said = lines(process)
            opening = next(said)
            assert opening == "open" or "Took over from process" in opening
            acknowledged = [int(line) for line in said if not stop_here(process, line, stop)]
        done = set(read_contents(folder).statuses())
        assert set(range(max(acknowledged) + 1)) <= done
        assert done == set(range(len(done))), "runs were stored out of order, or lost"
    with open_store(folder, GRID) as store:
        writer.put_all(store, SIZE - 1)
    xr.testing.assert_identical(iom.open_results(folder).load(), whole)


def test_results_are_read_while_another_process_writes_them(tmp_path: Path, whole: xr.Dataset) -> None:
    folder = tmp_path / "store"
    with started(folder, "put", "0", str(SIZE - 1)) as process:
        said = lines(process)
        next(said)
        before = -1
        while before < SIZE:
            box = iom.open_results(folder).load()
            there = box.status != "left"
            xr.testing.assert_identical(box.where(there), whole.where(there))
            assert int(there.sum()) >= before
            before = int(there.sum())


def stop_here(process: subprocess.Popen[str], line: str, stop: int) -> bool:
    """Kill the process when it says a run behind `stop`."""
    if int(line) >= stop:
        process.send_signal(signal.SIGKILL)
    return False


def test_a_second_driver_is_refused_by_name_of_the_first(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    with started(folder, "put", "0", "3") as first:
        said = lines(first)
        assert [next(said) for _ in range(5)] == ["open", "0", "1", "2", "3"]
        who = rf"process {first.pid} of \S+ on {socket.gethostname()}, since 20\d\d-"
        with pytest.raises(GridError, match=rf"store is being written by {who}.* Wait for it, or stop it"):
            open_store(folder, GRID)
        assert int((iom.open_results(folder).status != "left").sum()) == 4  # who reads is not refused
        assert not is_gone(folder)
        first.kill()
        first.wait()
        assert is_gone(folder)
        with open_store(folder, GRID) as store:
            assert len(store.notes) == 1
            assert f"Took over from process {first.pid} of" in store.notes[0]
            with pytest.raises(GridError, match=rf"being written by process {os.getpid()} of"):
                open_store(folder, GRID)
            assert not is_gone(folder)
    assert not is_gone(folder)  # nobody left it
    with open_store(folder, GRID) as store:
        assert store.notes == ()


def test_a_worker_that_outlives_its_driver_does_not_hold_the_lock(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    with started(folder, "fork") as driver:
        child = int(next(lines(driver)))
        try:
            with pytest.raises(GridError, match="is being written by"):
                open_store(folder, GRID)
            driver.kill()
            driver.wait()
            os.kill(child, 0)  # it lives
            with open_store(folder, GRID) as store:
                assert store.done() == {0}
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_lock_of_another_host_is_not_taken_over(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    create_store(folder, GRID, stored.template()).close()
    other = {"host": "elsewhere", "pid": 7, "user": "anna", "since": "2026-01-01T00:00:00+00:00"}
    (folder / "lock").write_text(json.dumps(other), encoding="utf-8")
    with pytest.raises(GridError, match=r"by process 7 of anna on elsewhere, since 2026.* remove .*lock and run"):
        open_store(folder, GRID)
    (folder / "lock").unlink()
    open_store(folder, GRID).close()


def test_a_disk_without_room_is_said_and_the_store_goes_on_when_there_is(tmp_path: Path, whole: xr.Dataset) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    error, stored_runs, again, more, counts = in_namespace(disk, "full")
    for said in (error, again):
        assert said.startswith(f"No room to write to {disk}/store: No space left on device.")
        assert "can be read. Make room and run again." in said
    assert (64 < int(stored_runs) < SIZE, more, counts) == (True, "True", str(counts_of(whole)))
    with xr.open_dataset(tmp_path / "finished.nc", engine="h5netcdf") as finished:
        xr.testing.assert_equal(finished.load(), whole)


def counts_of(box: xr.Dataset) -> str:
    ends, numbers = np.unique(box.status.values, return_counts=True)
    by_end = dict(zip(ends.tolist(), numbers.tolist(), strict=True))
    said = ", ".join(f"{by_end[end]} {end}" for end in ("optimal", "infeasible", "failed"))
    return f"{SIZE} of {SIZE} done: {said}; 0 left"


def test_a_limit_on_the_size_of_files_is_said(tmp_path: Path, whole: xr.Dataset) -> None:
    folder = tmp_path / "store"
    done = subprocess.run(
        command(folder, "limited", "10000"), capture_output=True, text=True, env=environment(), check=False
    )
    assert done.returncode == 0, done.stderr
    error, stored_runs = done.stdout.splitlines()
    assert error.startswith(f"No room to write to {folder}: File too large.")
    with open_store(folder, GRID) as store:
        assert len(store.done()) == int(stored_runs) > 0
        writer.put_all(store, SIZE - 1)
    xr.testing.assert_identical(iom.open_results(folder).load(), whole)


def test_a_store_that_cannot_be_written_is_read_and_refused_to_a_driver(tmp_path: Path) -> None:
    with create_store(tmp_path / "store", GRID, stored.template()) as store:
        writer.put_all(store, 2)
    error, number = in_namespace(tmp_path, "read-only")
    assert error == f"Cannot write to {tmp_path}/store: Read-only file system. Nothing was changed."
    assert number == "3"
