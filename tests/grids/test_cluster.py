"""A grid on a Dask cluster: a scheduler and two workers, started as a user starts them, talking over loopback."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import xarray as xr

import iomodel as iom
from tests.grids.boxes import box, box_file
from tests.grids.drivers import ENVIRONMENT, done, driving, finished, wait_for
from tests.grids.test_drive import TIMES
from tests.grids.test_faults import BASE, TEXT

pytestmark = pytest.mark.slow


@dataclass
class Cluster:
    """Processes of a scheduler and its workers, and the scheduler's address."""

    address: str
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]]


def dask(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """A command of Dask, in a folder that knows nothing of this package but where it is installed."""
    code = "import sys; from dask.__main__ import main; sys.argv[0] = 'dask'; main()"
    command = [sys.executable, "-c", code, *arguments, "--no-dashboard"]
    with (folder / f"{arguments[0]}.log").open("ab") as log:
        return subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stdout=log, stderr=log)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    scheduler = dask(folder, "scheduler", "--host", "127.0.0.1", "--port", str(port))
    workers = [
        dask(folder, "worker", address, "--nthreads", "1", "--no-nanny", "--local-directory", str(folder / f"{number}"))
        for number in range(2)
    ]
    try:
        yield Cluster(address, scheduler, workers)
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    folder = tmp_path_factory.mktemp("alone")
    iom.run_grid(box(folder, TEXT, BASE), folder / "out", workers=0)
    return iom.open_results(folder / "out").load()


def agrees(out: Path, alone: xr.Dataset) -> None:
    found = iom.open_results(out).load()
    assert (found["status"] == alone["status"]).all()
    plain = [each.drop_vars((*TIMES, "status")) for each in (found, alone)]
    xr.testing.assert_allclose(*plain, rtol=1e-9, atol=1e-9)


def test_two_workers_agree_with_one_process_although_one_is_killed(
    cluster: Cluster, tmp_path: Path, alone: xr.Dataset
) -> None:
    out = tmp_path / "out"
    with driving(box_file(tmp_path, TEXT, BASE), out, "--scheduler", cluster.address) as driver:
        wait_for(lambda: done(out) >= 4)
        cluster.workers[0].send_signal(signal.SIGKILL)
        code, said, complained = finished(driver)
    assert code == 0, complained
    assert said.startswith("12 of 12 done: 12 optimal; 0 left; 12 in ")
    agrees(out, alone)


def test_when_the_scheduler_is_killed_the_driver_says_so_and_is_gone_on_with(
    cluster: Cluster, tmp_path: Path, alone: xr.Dataset
) -> None:
    out, file = tmp_path / "out", box_file(tmp_path, TEXT, BASE)
    with driving(file, out, "--scheduler", cluster.address) as driver:
        wait_for(lambda: done(out) >= 2)
        cluster.scheduler.send_signal(signal.SIGKILL)
        code, _, complained = finished(driver)
    assert code == 4
    last = complained.splitlines()[-1]
    assert last.startswith(f"iomodel: The scheduler at {cluster.address} is gone (")
    assert last.endswith("; what was stored is kept. Start it and its workers again and run the same command to go on.")
    assert sum("iomodel:" in line for line in complained.splitlines()) == 1
    assert "Traceback" not in complained, complained
    assert 2 <= done(out) < 12
    iom.run_grid(iom.load_grid(file), out, workers=0)
    agrees(out, alone)
