"""What a store holds at one moment: segments whose records are there, and the runs that are in the journal only.

Reading needs no lock and changes nothing, so that results can be looked at while a driver writes. The journal is read
before the records: a run that moves from one to the other in between is then met twice, which is seen, and never
missed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iomodel.errors import GridError
from iomodel.grids.storage.header import Header, read_header, unsealed
from iomodel.grids.storage.journal import outcomes_of
from iomodel.grids.storage.outcome import STATUSES, WITH_NUMBERS, Outcome
from iomodel.grids.storage.segments import (
    FIXED,
    Record,
    damaged_file,
    read_records,
    read_texts,
    record_path,
    wrong_files,
)

JOURNAL = "journal-{:05d}.log"
TRIES = 5


@dataclass(frozen=True)
class Counts:
    """How many runs a grid has and how they ended."""

    wanted: int
    optimal: int = 0
    simulated: int = 0
    inaccurate: int = 0
    infeasible: int = 0
    unbounded: int = 0
    failed: int = 0

    @property
    def done(self) -> int:
        """Runs that ended, however."""
        return self.optimal + self.simulated + self.inaccurate + self.infeasible + self.unbounded + self.failed

    @property
    def left(self) -> int:
        """Runs still to be done."""
        return self.wanted - self.done

    def __str__(self) -> str:
        """One line for the screen.

        >>> print(Counts(100, optimal=90, infeasible=4, failed=1))
        95 of 100 done: 90 optimal, 4 infeasible, 1 failed; 5 left
        """
        ends = {status: getattr(self, status) for status in STATUSES[1:-1]}
        said = ", ".join(f"{number} {status}" for status, number in ends.items() if number) or "none"
        return f"{self.done} of {self.wanted} done: {said}; {self.left} left"


@dataclass(frozen=True)
class Contents:
    """A store as it was read.

    records: of the segments, by number. recent: outcomes that are in the journal only, in their order. fixed: size and
    sha256 of the files that never change. notes: what was found wrong and left out of it.
    """

    folder: Path
    header: Header
    records: Mapping[int, Record]
    recent: tuple[Outcome, ...]
    fixed: Mapping[str, Sequence[Any]]
    notes: tuple[str, ...] = ()

    def statuses(self) -> dict[int, int]:
        """Index of each run that is stored -> code of its end."""
        found = {run: code for record in self.records.values()
                 for run, code in zip(record.runs, record.statuses, strict=True)}  # fmt: skip
        found.update({outcome.index: STATUSES.index(outcome.status) for outcome in self.recent})
        return found

    def counts(self) -> Counts:
        """How many runs ended how."""
        ended = Counter(STATUSES[code] for code in self.statuses().values())
        return Counts(self.header.size, **ended)


@dataclass(frozen=True)
class WithoutPath:
    """A run that has no numbers: which, where it stands, how it ended and why."""

    index: int
    coordinates: Mapping[str, Any]
    status: str
    explanation: str
    remedies: tuple[str, ...]

    def __str__(self) -> str:
        """Coordinates, end, explanation; further lines of an explanation stand under the first."""
        where = ", ".join(f"{name} {label}" for name, label in self.coordinates.items())
        tried = f" (tried: {', '.join(self.remedies)})" if self.remedies else ""
        explanation = self.explanation.replace("\n", "\n    ")
        return f"{where}: {self.status}. {explanation}{tried}".rstrip()


def read_contents(folder: Path) -> Contents:
    """Read the store in `folder`; what is damaged stands in the notes and not in the contents.

    Files of segments are looked at for presence and size; their content is checked when it is read. Raises GridError:
    no store, another version, a journal of another grid, a file of a segment absent or of another size.
    """
    header = read_header(folder)
    for _ in range(TRIES):
        try:
            found = [outcomes_of(path, header.digest, segment) for segment, path in journals(folder).items()]
        except FileNotFoundError:  # a driver has just laid its runs out
            continue
        except OSError as error:
            raise GridError(f"Cannot read {folder}: {error.strerror or error}.") from error
        break
    else:
        raise GridError(f"{folder} changes faster than it can be read; try again.")
    fixed = read_fixed(folder)
    records, damaged = read_records(folder)
    for files in (fixed, *(record.files for record in records.values())):
        if wrong := wrong_files(folder, files, content=False):
            raise damaged_file(folder / wrong[0])
    stored = {run for record in records.values() for run in record.runs}
    recent: dict[int, Outcome] = {}
    for outcomes, _ in found:
        recent |= {outcome.index: outcome for outcome in outcomes if outcome.index not in stored}
    notes = [f"{record_path(folder, segment).name} is damaged: its runs are left out." for segment in damaged]
    return Contents(folder, header, records, tuple(recent.values()), fixed, tuple(notes))


def journals(folder: Path) -> dict[int, Path]:
    """The journals of a store by the segment that they will be."""
    return {int(path.stem.rpartition("-")[2]): path for path in sorted(folder.glob("journal-*.log"))}


def read_fixed(folder: Path) -> dict[str, list[Any]]:
    """Size and sha256 of the files that never change; GridError when the list is damaged."""
    try:
        return unsealed(folder / FIXED)
    except (OSError, ValueError) as error:
        raise GridError(f"{folder / FIXED} is absent or damaged ({error}). Choose another folder.") from error


def read_counts(folder: str | Path) -> Counts:
    """How many runs of the store in `folder` ended how, whether or not a driver is writing; GridError as
    `read_contents`."""
    return read_contents(Path(folder)).counts()


def without_path(folder: str | Path) -> tuple[WithoutPath, ...]:
    """The runs of a store that ended without numbers, in the order of their indices, each with its explanation.

    Raises GridError as `read_contents`, or when a text is damaged.
    """
    return tuple(sorted(_without_path(read_contents(Path(folder))), key=lambda run: run.index))


def _without_path(contents: Contents) -> Iterator[WithoutPath]:
    at = contents.header.coordinates
    with_numbers = {STATUSES.index(status) for status in WITH_NUMBERS}
    for record in contents.records.values():
        ended = {run: code for run, code in zip(record.runs, record.statuses, strict=True) if code not in with_numbers}
        texts = read_texts(contents.folder, record) if ended else {}
        for run, code in ended.items():
            explanation, remedies = texts.get(str(run), ("", ()))
            yield WithoutPath(run, at(run), STATUSES[code], explanation, tuple(remedies))
    for outcome in contents.recent:
        if outcome.status not in WITH_NUMBERS:
            yield WithoutPath(
                outcome.index, at(outcome.index), outcome.status, outcome.explanation, tuple(outcome.remedies)
            )
