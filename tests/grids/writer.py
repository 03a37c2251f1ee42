"""A driver in a process of its own, to be killed, locked out or left without room; its arguments say what it does.

python writer.py FOLDER put FIRST LAST    store the runs from FIRST to LAST, say each when it is stored, and wait
python writer.py FOLDER fork              store a run, fork a child that lives on, wait
python writer.py FOLDER limited BYTES     store all runs while no file may grow beyond BYTES; say how it ended
python writer.py FOLDER full              the same on a small disk of its own, mounted on FOLDER; then with room
python writer.py FOLDER read-only         read, and try to write, on a disk that takes nothing
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import stored
import xarray as xr

import iomodel as iom
from iomodel.errors import GridError
from iomodel.grids.storage.contents import read_counts
from iomodel.grids.storage.store import Store, create_store, holds_store, open_store

SHAPE = (20, 30)


def opened(folder: Path) -> Store:
    grid = stored.grid(SHAPE)
    return open_store(folder, grid) if holds_store(folder) else create_store(folder, grid, stored.template())


def put_all(store: Store, last: int, said: bool = False) -> None:
    for index in range(last + 1):
        if index not in store.done():
            store.put(stored.outcome(index))
            if said:
                say(index)


def until_full(folder: Path, last: int) -> int:
    """Put runs until there is no room; how many are stored, which results that are opened then agree with."""
    try:
        with opened(folder) as store:
            put_all(store, last)
    except GridError as error:
        say(error)
        box = iom.open_results(folder)
        assert int((box.status != "left").sum()) == read_counts(folder).done
        where = box.status == "optimal"
        xr.testing.assert_equal(box.gdp.notnull().all("year"), where)
        return read_counts(folder).done
    raise AssertionError("the disk was never full")


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def main(folder: Path, what: str, *rest: str) -> None:
    last = SHAPE[0] * SHAPE[1] - 1
    if what == "put":
        with opened(folder) as store:
            say("open", *store.notes)
            put_all(store, int(rest[1]), said=True)
            say("end")
            time.sleep(60)
    elif what == "fork":
        with opened(folder) as store:
            put_all(store, 0)
            if os.fork() == 0:
                say(os.getpid())
                time.sleep(60)
                os._exit(0)
            time.sleep(60)
    elif what == "limited":
        opened(folder).close()
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(rest[0]), resource.RLIM_INFINITY))
        say(until_full(folder, last))
    elif what == "full":
        mount("-t", "tmpfs", "-o", "size=200k", "none", str(folder))
        before = until_full(folder / "store", last)
        say(before)
        say(until_full(folder / "store", last) >= before)  # a second try on the full disk
        mount("-o", "remount,size=8m", str(folder))
        with opened(folder / "store") as store:
            put_all(store, last)
            say(store.counts())
        iom.open_results(folder / "store").load().to_netcdf(folder.parent / "finished.nc", engine="h5netcdf")
    elif what == "read-only":
        mount("--bind", str(folder), str(folder))
        mount("-o", "remount,bind,ro", str(folder))
        try:
            opened(folder / "store")
        except GridError as error:
            say(error)
        say(int((iom.open_results(folder / "store").status != "left").sum()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
