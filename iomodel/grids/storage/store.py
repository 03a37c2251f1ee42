"""The store of a grid's results as its one driver writes it: a run is in it whole or not at all, once, and stays.

An outcome goes first into the journal (`iomodel.grids.storage.journal`), behind the others, and is safe from a killed
process when `put` returns, from a power cut when the disk has it, within a second. When the journal holds a segment of
runs (some hundred), they are laid out as chunks of a Zarr store (`iomodel.grids.storage.segments`); the journal is
dropped when the disk has all of them. So nothing is ever changed in place: a file is complete, or no record names it
and it counts for nothing. Journal and segments agree by construction: a run is in a segment whose record is there, or
in the journal, or not done.

    results/pbr/grid.json            which grid, axes, labels
    results/pbr/settings.json        what each run was asked
    results/pbr/fixed.json           hash of each file that never changes
    results/pbr/journal-00012.log    runs not yet in a segment
    results/pbr/runs.zarr/           numbers: one array a variable, one chunk a segment
    results/pbr/texts/00011.json     explanations, remedies
    results/pbr/segments/00011.json  record: runs, how they ended, hash of each file
    results/pbr/lock                 who writes

Why not write each run into Zarr at once: a chunk a run is a file a run and variable (3 million files for 100,000 runs
of thirty variables), and a chunk of many runs would be read and written anew with each of them, which no rename makes
safe against losing its other runs. Why not one NetCDF file a chunk: HDF5 has the same chunks inside one file, and loses
the file when it is interrupted. Why in the order of arrival: runs that share a program stand together, not in the order
of the box; in the box's order most chunks would be complete only at the end, and the journal would hold all.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
from collections import Counter
from collections.abc import Generator, Iterable
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

import numpy as np
import xarray as xr

from iomodel.errors import GridError
from iomodel.files import output_folder
from iomodel.grids.design.definition import Grid
from iomodel.grids.storage.contents import JOURNAL, Counts, journals, read_fixed
from iomodel.grids.storage.header import (
    FILE,
    Header,
    check_same,
    header_of,
    read_header,
    sealed,
)
from iomodel.grids.storage.journal import Log, belonging, framed, written
from iomodel.grids.storage.lock import Lock
from iomodel.grids.storage.outcome import STATUSES, WITH_NUMBERS, Outcome
from iomodel.grids.storage.repairs import checked_records, fixed_files, recovered, repaired_files, versions_of
from iomodel.grids.storage.segments import (
    FIXED,
    RECORDS,
    TEXTS,
    Encoder,
    hashes,
    sync,
    write_durably,
    write_segment,
)
from iomodel.values import file_path

SYNC_SECONDS = 1.0
"""A power cut loses at most what came in within this time."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def holds_store(folder: str | Path) -> bool:
    """Whether `folder` holds results of a grid, or what once was a store of one."""
    return (Path(folder) / FILE).is_file()


def create_store(folder: str | Path, grid: Grid, template: xr.Dataset) -> Store:
    """Make the store of `grid` in `folder`, which is absent or empty, and open it for writing.

    template: labels, dims and units of what is kept of a run (`outcome.template_of`). The store is made beside its
    place and renamed: it is there whole or not at all. Raises GridError: the folder holds something, or two things
    in the results would have one name; ResultError: it cannot be written.
    """
    path = file_path("out", folder, GridError)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        found = ", ".join(sorted(entry.name for entry in path.iterdir())[:5]) if path.is_dir() else "a file"
        raise GridError(f"{path} holds something already: found {found}. Name a new or an empty folder.")
    header = header_of(grid, template)
    with output_folder(path.parent):
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with _told(path, "Nothing was written."):
                _fill(part, header, grid)
                if os.name == "nt" and path.is_dir():
                    path.rmdir()
                part.rename(path)
                sync(path.parent)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return open_store(path, grid)


def open_store(folder: str | Path, grid: Grid) -> Store:
    """Open the store of `grid` in `folder` for writing: lock it, check every byte of it, repair what can be.

    What was repaired stands in `Store.notes`: a torn end of the journal is cut off, a segment with a damaged file is
    given up and its runs are to be done again, what an interruption left is removed. Raises GridError: no store,
    another version, grid or table, another driver, or a folder that cannot be written.
    """
    path = file_path("out", folder, GridError)
    header = read_header(path)
    check_same(header, grid, path)
    with _told(path, "Nothing was changed."):
        lock = Lock(path)
    try:
        with _told(path, "What is stored can be read. Make room and run again."):
            fixed = read_fixed(path)
            notes = repaired_files(path, header, grid, fixed)
            return Store(path, header, lock, fixed, notes)
    except BaseException:
        lock.release()
        raise


class Store:
    """A store open for writing: the one thing of a grid that changes. Leave it by `close` or as a context."""

    def __init__(self, folder: Path, header: Header, lock: Lock, fixed: Iterable[str], repaired: Iterable[str]) -> None:
        """Use `create_store` or `open_store`."""
        self.folder, self.header, self._lock = folder, header, lock
        self._encoder: Encoder | None = None
        self._records, notes = checked_records(folder, fixed)
        self._ended = {run: code for record in self._records.values()
                       for run, code in zip(record.runs, record.statuses, strict=True)}  # fmt: skip
        self._wanted = frozenset(header.indices().tolist())
        self._versions = next(versions_of(self._records.values()), None)
        self._recent, found = recovered(folder, header, set(self._ended))
        self.notes: tuple[str, ...] = (*lock.notes, *repaired, *notes, *found)
        """What was taken over or repaired when the store was opened, as sentences."""
        for outcome in self._recent:
            self._remember(outcome)
        self._log = self._fresh_log()
        _remove_others(folder, self._log.path)
        self._synced = time.monotonic()
        self._unsynced = False
        try:
            self._lay_out()
        except BaseException:
            self._log.close()
            raise

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def done(self) -> frozenset[int]:
        """Indices of the runs that are stored, however they ended."""
        return frozenset(self._ended)

    def counts(self) -> Counts:
        """How many runs ended how."""
        return Counts(self.header.size, **Counter(STATUSES[code] for code in self._ended.values()))

    def put(self, outcome: Outcome) -> None:
        """Store an outcome, whole and once.

        Raises GridError: a run that the grid does not have or that is stored already, arrays of another shape, other
        versions than the store's other runs have, a table that is not the grid's, or a disk that is full. In the last
        case all that was stored before is as it was, and `put` may be called again.
        """
        self._check(outcome)
        advice = f"{len(self._ended)} runs are stored and can be read. Make room and run again."
        with _told(self.folder, advice):
            self._log.append(written(outcome))
        self._unsynced = True
        self._remember(outcome)
        self._recent.append(outcome)
        with _told(self.folder, advice):
            if time.monotonic() - self._synced >= SYNC_SECONDS:
                self._sync()
            self._lay_out()

    def flush(self) -> None:
        """Return when the disk has all that was put; call it at least once a second while nothing is put."""
        if self._unsynced:
            with _told(self.folder, "What is stored can be read. Make room and run again."):
                self._sync()

    def close(self) -> None:
        """Write out what is open and give the lock back."""
        try:
            self.flush()
        finally:
            self._log.close()
            self._lock.release()

    def _sync(self) -> None:
        self._log.sync()
        self._synced, self._unsynced = time.monotonic(), False

    def _remember(self, outcome: Outcome) -> None:
        self._ended[outcome.index] = STATUSES.index(outcome.status)
        if outcome.versions and self._versions is None:
            self._versions = dict(outcome.versions)

    def _check(self, outcome: Outcome) -> None:
        """GridError when an outcome has no place in this store."""
        which = f"Run {outcome.index} of {self.header.name}"
        if outcome.index not in self._wanted:
            raise GridError(f"{which} is not among its {self.header.size} runs.")
        if outcome.index in self._ended:
            raise GridError(
                f"{which} is stored already ({STATUSES[self._ended[outcome.index]]}); a run is stored once."
            )
        if outcome.status in WITH_NUMBERS:
            arrays = outcome.arrays
            for name in {*self.header.variables, *arrays}:
                found = np.shape(arrays[name]) if name in arrays else "nothing"
                wanted = self.header.shape_of(name) if name in self.header.variables else "nothing"
                if found != wanted:
                    raise GridError(f"{which}: of {name} found the shape {found}, expected {wanted}.")
        if outcome.versions and self._versions is not None and dict(outcome.versions) != self._versions:
            other = [
                f"{name} {outcome.versions.get(name, 'absent')} instead of {self._versions.get(name, 'absent')}"
                for name in sorted({*outcome.versions, *self._versions})
                if outcome.versions.get(name) != self._versions.get(name)
            ]
            raise GridError(f"{which} was solved with {', '.join(other)}: all runs of a store use the same versions.")
        tables = self.header.tables.values()
        if outcome.table_sha256 and tables and outcome.table_sha256 not in tables:
            raise GridError(f"{which} was solved on a table {outcome.table_sha256[:12]} that is not the grid's.")

    def _lay_out(self) -> None:
        """Lay the journal's runs out as segments while they fill one, or when they are the last."""
        moved = False
        while (free := self._free()) is not None and len(self._recent) >= self.header.room(free):
            room = self.header.room(free)
            self._encoder = self._encoder or Encoder(self.header)
            self._records[free] = write_segment(self.folder, self._encoder, free, self._recent[:room])
            del self._recent[:room]
            moved = True
        if moved:
            old, self._log = self._log, self._fresh_log()
            old.close()
            _remove_others(self.folder, self._log.path)

    def _free(self) -> int | None:
        """The first segment that is not there; None when all are."""
        return next((segment for segment in range(self.header.segments) if segment not in self._records), None)

    def _fresh_log(self) -> Log:
        """A journal that holds the recent runs and nothing else, open for more."""
        segment = self._free()
        segment = self.header.segments if segment is None else segment
        path = self.folder / JOURNAL.format(segment)
        contents = [belonging(self.header.digest, segment), *map(written, self._recent)]
        whole = b"".join(map(framed, contents))
        found = path.read_bytes() if path.is_file() else b""
        if found.startswith(whole):
            os.truncate(path, len(whole))  # a torn end goes without asking a full disk for room
        else:
            write_durably({path: whole})
        return Log(path)


def _fill(part: Path, header: Header, grid: Grid) -> None:
    """The files of a store without runs."""
    files = fixed_files(header, grid)
    for folder in {TEXTS, RECORDS, *(str(Path(key).parent) for key in files)}:
        (part / folder).mkdir(parents=True, exist_ok=True)
    files |= {FIXED: sealed(hashes(files)), FILE: sealed(asdict(header))}
    write_durably({part / key: content for key, content in files.items()})


def _remove_others(folder: Path, journal: Path) -> None:
    """Journals whose runs are in segments or in `journal` by now."""
    for path in journals(folder).values():
        if path != journal:
            path.unlink()


@contextlib.contextmanager
def _told(folder: Path, advice: str) -> Generator[None]:
    """What the system says of a file as one error that names the folder and tells what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise GridError(f"No room to write to {folder}: {error.strerror}. {advice}") from error
        raise GridError(f"Cannot write to {folder}: {error.strerror or error}. {advice}") from error
