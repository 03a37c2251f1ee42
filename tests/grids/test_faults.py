"""What may happen to a grid that runs, done to it: killed workers and drivers, Ctrl-C, hanging runs, a second driver.

All with real processes. Whatever was done, the finished results are those of a grid that nobody disturbed, bit by bit.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import xarray as xr

import iomodel as iom
from iomodel.cli import main
from iomodel.errors import GridError, TableError
from iomodel.grids.solving import processes
from iomodel.grids.solving.worker import Task
from iomodel.grids.storage.contents import read_counts, without_path
from iomodel.grids.storage.lock import holder_of
from tests.grids.boxes import box, box_file
from tests.grids.drivers import busy, done, driving, finished, killed, wait_for, workers_of
from tests.grids.test_drive import same

pytestmark = pytest.mark.slow

TEXT = """
[axes.package]
key = "targets.package.exactly"
values = [1, 2, 3, 4]
[axes.reform]
key = "targets.reform.exactly"
values = [0.2, 0.4, 0.6]
[keep]
variables = ["household_consumption_share", "output"]
"""
BASE = 'base = "two-halves"\n[changes]\ntable = "china-2020"\n[changes.horizon]\nyears = 8\nbeyond = 4\n'
"""Twelve runs of a good tenth of a second, so that a signal comes in the middle of one."""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    folder = tmp_path_factory.mktemp("undisturbed")
    iom.run_grid(box(folder, TEXT, BASE), folder / "out", workers=0)
    return iom.open_results(folder / "out").load()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return box_file(tmp_path, TEXT, BASE)


def test_killed_workers_are_replaced_and_their_runs_done_again(
    file: Path, tmp_path: Path, undisturbed: xr.Dataset
) -> None:
    out = tmp_path / "out"
    with driving(file, out, "--workers", "2") as driver:
        wait_for(lambda: workers_of(driver))
        killed(workers_of(driver)[0])  # while it starts
        for least in (1, 5):
            wait_for(lambda least=least: done(out) >= least)
            killed(busy(driver))
        code, said, complained = finished(driver)
    assert code == 0, complained
    assert said.startswith("12 of 12 done: 12 optimal; 0 left; 12 in ")
    same(iom.open_results(out).load(), undisturbed)


def test_a_killed_driver_leaves_no_worker_and_is_gone_on_with(
    file: Path, tmp_path: Path, undisturbed: xr.Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    with driving(file, out, "--workers", "2") as driver:
        wait_for(lambda: done(out) >= 3)
        workers = workers_of(driver)
        assert len(workers) == 2
        for worker in workers:
            worker.suspend()  # in the middle of a run, however long the rest takes here
        # meanwhile nobody else may write there, and is told who does
        assert main(["grid", str(file), "--out", str(out), "--workers", "0"]) == 2
        assert f"{out} is being written by process {driver.pid} of " in capsys.readouterr().err
        assert main(["grid", str(file), "--out", str(out), "--status"]) == 0
        assert f"being written by process {driver.pid} of " in capsys.readouterr().out
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        for worker in workers:
            worker.resume()
        wait_for(lambda: not any(worker.is_running() for worker in workers), 10)
    before = done(out)
    assert 3 <= before < 12
    assert main(["grid", str(file), "--out", str(out), "--status"]) == 0
    assert f"was being written by process {driver.pid} of " in capsys.readouterr().out
    part = iom.open_results(out).load()
    left = part["status"] == "left"
    assert int(left.sum()) == 12 - before
    assert np.isnan(part["output"].where(left, drop=True)).all()
    assert main(["grid", str(file), "--out", str(out), "--workers", "2"]) == 0
    assert f"12 of 12 done: 12 optimal; 0 left; {12 - before} in " in capsys.readouterr().out
    whole = iom.open_results(out).load()
    same(whole, undisturbed)
    stored = whole[["seconds"]].where(~left)  # a run that was stored was not done again: even its seconds are the same
    np.testing.assert_array_equal(stored["seconds"].values, part["seconds"].where(~left).values)


def test_ctrl_c_once_finishes_runs_in_flight_and_twice_stops_at_once(
    file: Path, tmp_path: Path, undisturbed: xr.Dataset
) -> None:
    out = tmp_path / "out"
    with driving(file, out, "--workers", "2") as driver:
        wait_for(lambda: done(out) >= 2)
        busy(driver)
        driver.send_signal(signal.SIGINT)
        code, said, complained = finished(driver)
    first = done(out)
    assert code == 130
    assert "interrupted: runs in flight are finished; Ctrl-C again stops at once" in complained
    assert complained.rstrip().endswith("iomodel: interrupted")
    assert f"{out}: {first} of 12 done" in said
    assert "the same command goes on from here" in said
    assert 3 <= first <= 8  # at least the run in flight besides those before, and little was begun after
    assert holder_of(out) is None
    with driving(file, out, "--workers", "1") as driver:
        wait_for(lambda: done(out) >= first + 1)
        worker = busy(driver)
        worker.send_signal(signal.SIGSTOP)  # its run would never end
        driver.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert driver.poll() is None
        driver.send_signal(signal.SIGINT)
        code, said, complained = finished(driver, 20)
        wait_for(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE, 10)
    assert code == 130
    assert first < done(out) < 12
    assert main(["grid", str(file), "--out", str(out), "--workers", "0"]) == 0
    same(iom.open_results(out).load(), undisturbed)


def test_a_run_that_hangs_is_failed_after_its_limit_and_the_others_are_done(
    tmp_path: Path, undisturbed: xr.Dataset
) -> None:
    out = tmp_path / "out"
    file = box_file(tmp_path, TEXT, f"limit_seconds = 6\n{BASE}")
    with driving(file, out, "--workers", "1") as driver:
        wait_for(lambda: done(out) >= 1)
        busy(driver).send_signal(signal.SIGSTOP)
        code, said, complained = finished(driver)
    assert code == 0, complained
    assert "12 of 12 done: 11 optimal, 1 failed; 0 left" in said
    (hung,) = without_path(out)
    assert hung.explanation == "not done within the time limit of 6 s for one run"
    assert hung.explanation in said
    found = iom.open_results(out).load()
    there = found["status"] == "optimal"
    same(found.where(there).drop_vars("status"), undisturbed.where(there).drop_vars("status"))


def test_one_run_that_kills_every_worker_is_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that may hold no memory at all is replaced after each run, and each run is solved all the same; a
    process that ends before its answer, three times, is said."""
    file = box_file(tmp_path, TEXT.replace("[1, 2, 3, 4]", "[1, 2]").replace("[0.2, 0.4, 0.6]", "[0.2]"), BASE)
    monkeypatch.setattr("iomodel.grids.solving.drive.MEMORY", 1)
    summary = iom.run_grid(iom.load_grid(file), tmp_path / "small", workers=1)
    assert summary.counts.optimal == 2
    monkeypatch.setattr("iomodel.grids.solving.processes.COMMAND", "import sys; sys.exit(7)")
    with pytest.raises(GridError, match="A worker's process ended with code 7 before its first run; see what it said"):
        iom.run_grid(iom.load_grid(file), tmp_path / "dead", workers=1)
    assert read_counts(tmp_path / "dead").done == 0


def test_a_worker_with_another_table_refuses_and_the_grid_ends(tmp_path: Path) -> None:
    grid = box(tmp_path, TEXT, BASE)
    other = replace(grid, tables={"china-2020": "0" * 64})
    with pytest.raises(TableError, match="The table china-2020 is another one here than where the grid was loaded"):
        iom.run_grid(other, tmp_path / "out", workers=2)
    assert read_counts(tmp_path / "out").done == 0


def test_a_process_that_is_ended_while_it_starts_answers_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "COMMAND", "import time; time.sleep(600)")
    process = processes.Process(b"", 300.0)
    threading.Timer(1.0, process.kill).start()
    began = time.monotonic()
    assert process.solve(Task(0, "", 0)) is None
    assert time.monotonic() - began < 10
    assert process.pid is None
    assert process.solve(Task(0, "", 0)) is None  # and it is not started again


def test_a_child_has_one_thread_and_finds_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("PYTHONPATH", "mine")
    environment = processes.environment()
    assert {environment[name] for name in processes.ONE_THREAD} == {"1"}
    assert environment["PYTHONPATH"].split(os.pathsep)[-1] == "mine"
