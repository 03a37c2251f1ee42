"""`iomodel grid`: all runs of a box of assumptions, on this machine or on a cluster, interruptible at any moment."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from iomodel.commands.options import Command, folder_of, whole_or_text
from iomodel.commands.output import STATUS_CODES, say
from iomodel.errors import ExperimentError, GridError

if TYPE_CHECKING:
    from iomodel.grids.design.definition import Grid
    from iomodel.grids.solving.drive import Summary

LISTED = 10
"""Runs without numbers that are listed; all of them stand in the results."""


def add(command: Command) -> None:
    """`iomodel grid NAME|FILE`."""
    parser = command("grid", _grid, "solve a box of assumptions, run by run; the same command goes on where it stopped")
    parser.add_argument("name", metavar="NAME|FILE", help="a shipped grid or a TOML file")
    parser.add_argument("--out", metavar="DIR", help="folder for the results (results/NAME)")
    text = "processes of this machine (all cores); 0 solves in this one"
    parser.add_argument("--workers", metavar="N", type=whole_or_text, help=text)
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="solve on the workers of a Dask scheduler: tcp://HOST:8786"
    )
    text = "how many runs, what varies, a guess of time and disk; nothing is solved"
    parser.add_argument("--dry-run", action="store_true", help=text)
    text = "how many runs of the results are done, failed, infeasible, left; nothing is solved"
    parser.add_argument("--status", action="store_true", help=text)
    text = "stop at the first run that is infeasible, inaccurate or failed, and end with its code"
    parser.add_argument("--fail-fast", action="store_true", help=text)
    text = "look for the laws that collide in each infeasible run, which takes longer than solving it"
    parser.add_argument("--explain", action="store_true", help=text)


def _grid(asked: argparse.Namespace) -> int:
    from iomodel.grids.design.load import load_grid

    if asked.dry_run and asked.status:
        raise ExperimentError("--dry-run and --status: found both; ask for one.")
    grid = load_grid(asked.name)
    folder = folder_of("--out", asked.out, f"results/{grid.name}")
    if asked.status:
        return _status(grid, folder)
    if asked.dry_run:
        return _dry_run(grid, folder, asked)
    return _solve(grid, folder, asked)


def _solve(grid: Grid, folder: Path, asked: argparse.Namespace) -> int:
    from iomodel.grids.solving.drive import run_grid
    from iomodel.grids.solving.progress import Shown
    from iomodel.grids.storage.store import holds_store

    shown = Shown()
    try:
        summary = run_grid(
            grid, folder, workers=asked.workers, scheduler=asked.scheduler, fail_fast=asked.fail_fast,
            explain=asked.explain, progress=shown,
        )  # fmt: skip
    except KeyboardInterrupt:
        shown.end()
        if holds_store(folder):
            _status(grid, folder)
            say("the same command goes on from here")
        raise
    finally:
        shown.end()
    return _told(grid, summary, folder)


def _told(grid: Grid, summary: Summary, folder: Path) -> int:
    """What came out, what may be said of it, where it is and how to open it; the exit code."""
    from iomodel.grids.describe import examples

    say(str(summary))
    _list_without_path(folder)
    for sentence in examples(grid):
        say(sentence)
    say(f"results in {folder}; in Python: iomodel.open_results({str(folder)!r})")
    stopped = summary.stopped_by
    if stopped is None:
        return 0
    say(f"stopped at run {stopped.index}, which is {stopped.status}: {stopped.explanation}")
    return STATUS_CODES.get(stopped.status, 4)


def _status(grid: Grid, folder: Path) -> int:
    from iomodel.grids.storage.contents import read_counts
    from iomodel.grids.storage.lock import holder_of, is_gone

    say(f"{folder}: {read_counts(folder)}")
    if other := _other(grid, folder):
        say(f"these are not runs of {grid.name} as its file stands now: {other}")
    holder = holder_of(folder)
    if holder is not None and is_gone(folder):
        say(f"was being written by {holder}, which is gone; the same command goes on from here")
    elif holder is not None:
        say(f"being written by {holder}")
    _list_without_path(folder)
    return 0


def _other(grid: Grid, folder: Path) -> str:
    """Why this grid cannot go on with the results in the folder, "" where it can."""
    from iomodel.grids.storage.header import check_same, read_header

    try:
        check_same(read_header(folder), grid, folder)
    except GridError as error:
        return str(error)
    return ""


def _list_without_path(folder: Path) -> None:
    """The first runs that ended without numbers."""
    from iomodel.grids.storage.contents import without_path

    found = without_path(folder)
    for run in found[:LISTED]:
        say(f"  {run}")
    if len(found) > LISTED:
        everyone = "iomodel.grids.storage.contents.without_path lists all"
        say(f"  … and {len(found) - LISTED:,} more without numbers: {everyone}")


def _dry_run(grid: Grid, folder: Path, asked: argparse.Namespace) -> int:
    from iomodel.grids.describe import describe
    from iomodel.grids.solving.drive import cores
    from iomodel.grids.storage.contents import read_counts
    from iomodel.grids.storage.opened import open_results
    from iomodel.grids.storage.store import holds_store
    from iomodel.values import whole

    workers = cores() if asked.workers is None else whole("workers", asked.workers, 0, 1024, "processes")
    done, seconds, other = 0, None, _other(grid, folder) if holds_store(folder) else ""
    if holds_store(folder) and not other:
        done = read_counts(folder).done
        seconds = float(open_results(folder)["seconds"].mean()) if done else None
    say(describe(grid, seconds).text(max(workers, 1), done))
    if done:
        say(f"  {done:,} of them are done in {folder}")
    if other:
        say(f"  it cannot run there: {other}")
    return 0
