"""What an interruption or a damaged disk left, put in order when a store is opened for writing.

Every byte is compared with its hash. What can be made again is: the files that are written once, from the grid itself.
What cannot is given up and said: the runs of a segment with a wrong file, and of a journal what is not whole; they are
then left, and done again. A segment's record goes first and its files after it, so that an interruption of the repair
leaves a store in the same kind of state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from iomodel.errors import GridError
from iomodel.grids.design.definition import Grid
from iomodel.grids.storage.contents import journals
from iomodel.grids.storage.header import SETTINGS, Header, sealed, settings_of
from iomodel.grids.storage.journal import outcomes_of
from iomodel.grids.storage.outcome import Outcome
from iomodel.grids.storage.segments import (
    RECORDS,
    TEXTS,
    ZARR,
    Encoder,
    Record,
    hashes,
    read_records,
    record_path,
    strays,
    sync,
    write_durably,
    wrong_files,
)


def fixed_files(header: Header, grid: Grid) -> dict[str, bytes]:
    """What is written once, when the store is made: settings, and the Zarr store without runs."""
    zarr = {f"{ZARR}/{key}": content for key, content in Encoder(header).metadata.items()}
    return {**zarr, SETTINGS: sealed(settings_of(grid))}


def repaired_files(folder: Path, header: Header, grid: Grid, fixed: Mapping[str, Sequence[Any]]) -> list[str]:
    """Write files anew that were written when the store was made and are not so any more; what was done.

    Raises GridError where they would not be the same.
    """
    wrong = wrong_files(folder, fixed, content=True)
    if not wrong:
        return []
    again = fixed_files(header, grid)
    if differ := [key for key in wrong if key not in again or hashes({key: again[key]})[key] != fixed[key]]:
        raise GridError(f"{folder / differ[0]} is absent or damaged and cannot be made again. Choose another folder.")
    for key in wrong:
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
    write_durably({folder / key: again[key] for key in wrong})
    return [f"{key} was absent or damaged and is written again." for key in wrong]


def checked_records(folder: Path, fixed: Iterable[str]) -> tuple[dict[int, Record], list[str]]:
    """The segments whose every file is as it was written; of the others the record is removed, then the files."""
    for name in (TEXTS, RECORDS):
        (folder / name).mkdir(exist_ok=True)
    records, damaged = read_records(folder)
    notes = [f"The record of segment {segment} was damaged: its runs are done again." for segment in damaged]
    for segment, record in list(records.items()):
        if wrong := wrong_files(folder, record.files, content=True):
            notes.append(f"{wrong[0]} is not what was written: the {len(record.runs)} runs beside it are done again.")
            damaged.append(segment)
            del records[segment]
    for segment in damaged:
        record_path(folder, segment).unlink()
    if damaged:
        sync(folder / RECORDS)
    left = strays(folder, records.values(), fixed)
    for path in left:
        path.unlink()
    if left:
        notes.append(f"Removed {len(left)} files of segments that are not whole.")
    return records, notes


def recovered(folder: Path, header: Header, stored: set[int]) -> tuple[list[Outcome], list[str]]:
    """The outcomes that are in journals only, and what was wrong with the journals."""
    found: dict[int, Outcome] = {}
    notes: list[str] = []
    for segment, path in journals(folder).items():
        outcomes, scan = outcomes_of(path, header.digest, segment)
        found |= {outcome.index: outcome for outcome in outcomes if outcome.index not in stored}
        if scan.torn:
            notes.append(f"The last record of {path.name} was torn ({scan.torn} bytes) and is cut off.")
        if scan.damaged:
            notes.append(f"{path.name} was damaged in {scan.damaged} places: runs that stood there are done again.")
    return list(found.values()), notes


def versions_of(records: Iterable[Record]) -> Iterator[dict[str, str]]:
    """The versions that the runs of these segments were solved with."""
    for record in records:
        yield from (dict(each["versions"]) for each in record.circumstances if each["versions"])
