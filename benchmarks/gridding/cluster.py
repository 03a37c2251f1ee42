"""A Dask scheduler and two workers on this machine, started by the commands that a user starts them with."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

DASK = "import sys; from dask.__main__ import main; sys.argv[0] = 'dask'; main()"


@contextmanager
def cluster(folder: Path, workers: int = 2) -> Generator[str]:
    """The address of a scheduler with workers, which end with it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    commands = [["scheduler", "--host", "127.0.0.1", "--port", address.rpartition(":")[2]]]
    commands += [
        ["worker", address, "--nthreads", "1", "--no-nanny", "--local-directory", str(folder / f"worker-{number}")]
        for number in range(workers)
    ]
    with (folder / "dask.log").open("ab") as log:
        started = [
            subprocess.Popen([sys.executable, "-c", DASK, *command, "--no-dashboard"], stdout=log, stderr=log)
            for command in commands
        ]
    try:
        yield address
    finally:
        for process in reversed(started):
            process.kill()
            process.wait()
