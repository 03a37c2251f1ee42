"""Segments: some hundred runs at a time as chunks of a Zarr store, written once and then never touched.

`runs.zarr` is a Zarr store of format 3: one array a variable over (run, …), in the order in which the runs came in, one
chunk a segment. Any reader of Zarr can open it; numbers of runs without a path are NaN. Beside it stand, for each
segment, `texts/<segment>.json` (explanations and remedies) and `segments/<segment>.json`, the record: which runs it
holds, how they ended, size and sha256 of each of its files. A segment is there when its record is, and the record is
written when all its files are on the disk. What no record names is left from an interruption and counts for nothing.

Zarr encodes and decodes; the bytes are put on the disk here. Its LocalStore writes to a temporary name and renames (not
in all its versions), but does not wait for the disk, which is what a power cut asks for; and an absent chunk reads as
fill values, which would pass for runs without numbers: hence records with hashes. Shards are not used: a shard is
written anew whenever a part of it changes, and segments are large enough to keep files few. Nor is consolidated
metadata, which the format does not know yet: opening reads `grid.json`. Nor is dask needed: a box is read by indexing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from iomodel.errors import GridError
from iomodel.grids.storage.header import OF_A_RUN, RUN_DIM, Header, sealed, unsealed
from iomodel.grids.storage.outcome import STATUSES, Outcome

if TYPE_CHECKING:
    import zarr

ZARR, RECORDS, TEXTS = "runs.zarr", "segments", "texts"
FIXED = "fixed.json"
"""Size and sha256 of the files that are written once, when the store is made: settings, and Zarr's own."""
PART = ".part"
"""How a file ends that is being written."""
THREADS = 16


@dataclass(frozen=True)
class Record:
    """What is known of a segment: its runs in their order, their ends (codes), its files, and what they ran with.

    files: path below the store's folder -> size and sha256. circumstances: versions and table hashes that occur; of
    each run the place among them.
    """

    segment: int
    runs: Sequence[int]
    statuses: Sequence[int]
    files: Mapping[str, Sequence[Any]]
    circumstances: Sequence[Mapping[str, Any]]
    circumstance_of: Sequence[int]


class Encoder:
    """The Zarr store of a grid in memory: it turns outcomes into the bytes of a segment's chunks."""

    def __init__(self, header: Header) -> None:
        import zarr
        from zarr.storage import MemoryStore

        self._header = header
        self._bytes: dict[str, Any] = {}
        self._group = zarr.create_group(MemoryStore(self._bytes), zarr_format=3, attributes=_attributes(header))
        _create(self._group, header)
        self.metadata = self._taken()
        """Files of the store without runs: path below `runs.zarr` -> bytes."""

    def chunks(self, segment: int, outcomes: Sequence[Outcome]) -> dict[str, bytes]:
        """The files of a segment. Decoded again, they are what they were made of, bit for bit."""
        first = segment * self._header.segment_runs
        stretch = slice(first, first + len(outcomes))
        for name, numbers in _columns(self._header, outcomes).items():
            array = self._array(name)
            array[stretch] = numbers
            back = np.asarray(array[stretch])
            if back.tobytes() != numbers.tobytes():
                raise GridError(f"Zarr does not give back what it was given for {name}: a fault of its installation.")
        return self._taken()

    def _array(self, name: str) -> zarr.Array[Any]:
        import zarr

        array = self._group[name]
        assert isinstance(array, zarr.Array)
        return array

    def _taken(self) -> dict[str, bytes]:
        """What was written since the last time, chunks out of memory."""
        found = {key: value.to_bytes() for key, value in self._bytes.items()}
        if hasattr(self, "metadata"):
            found = {key: value for key, value in found.items() if key not in self.metadata}
            for key in found:
                del self._bytes[key]
        return found


def write_segment(folder: Path, encoder: Encoder, segment: int, outcomes: Sequence[Outcome]) -> Record:
    """Put a segment on the disk: chunks, texts, and last its record. OSError leaves none of them."""
    files = {f"{ZARR}/{key}": content for key, content in encoder.chunks(segment, outcomes).items()}
    files[f"{TEXTS}/{segment:05d}.json"] = sealed(_texts(outcomes))
    circumstances: dict[str, dict[str, Any]] = {}
    of_run = []
    for outcome in outcomes:
        with_what = {"versions": dict(outcome.versions), "table_sha256": outcome.table_sha256}
        circumstances.setdefault(repr(with_what), with_what)
        of_run.append(list(circumstances).index(repr(with_what)))
    record = Record(
        segment=segment,
        runs=[outcome.index for outcome in outcomes],
        statuses=[STATUSES.index(outcome.status) for outcome in outcomes],
        files=hashes(files),
        circumstances=list(circumstances.values()),
        circumstance_of=of_run,
    )
    try:
        write_durably({folder / key: content for key, content in files.items()})
        write_durably({record_path(folder, segment): sealed(asdict(record))})
    except OSError:
        if not record_path(folder, segment).exists():
            for key in files:
                (folder / key).unlink(missing_ok=True)
        raise
    return record


def hashes(files: Mapping[str, bytes]) -> dict[str, list[Any]]:
    """File -> size and sha256."""
    return {key: [len(content), hashlib.sha256(content).hexdigest()] for key, content in files.items()}


def write_durably(files: Mapping[Path, bytes]) -> None:
    """Write files whole: under temporary names, then renamed; return when the disk has them and their names.

    The disk is waited for in several threads, since it takes the same time for many files as for one. OSError leaves no
    file under a temporary name.
    """
    parts = {path: path.with_name(path.name + PART) for path in files}
    try:
        for path, content in files.items():
            parts[path].write_bytes(content)
        _synced(parts.values())
        for path, part in parts.items():
            part.replace(path)
    except BaseException:
        for part in parts.values():
            part.unlink(missing_ok=True)
        raise
    _synced({path.parent for path in files})


def _synced(paths: Iterable[Path]) -> None:
    """Return when the disk has these files, or the names in these folders."""
    several = list(paths)
    if len(several) == 1:
        sync(several[0])
        return
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(sync, several))


def sync(path: Path) -> None:
    """Return when the disk has a file, or the names in a folder (of which Windows knows nothing)."""
    if os.name == "nt" and path.is_dir():
        return
    opened = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def record_path(folder: Path, segment: int) -> Path:
    """Where a segment's record stands."""
    return folder / RECORDS / f"{segment:05d}.json"


def read_records(folder: Path) -> tuple[dict[int, Record], list[int]]:
    """The records of a store by segment, and the segments whose record is damaged."""
    records: dict[int, Record] = {}
    damaged: list[int] = []
    for path in sorted((folder / RECORDS).glob("*.json")):
        try:
            records[int(path.stem)] = Record(**unsealed(path))
        except (OSError, ValueError, TypeError):
            damaged.append(int(path.stem))
    return records, damaged


def wrong_files(folder: Path, files: Mapping[str, Sequence[Any]], *, content: bool) -> list[str]:
    """The files that are absent, of another size or (`content`) of other content than was written."""
    return [key for key, (size, sha256) in files.items() if not _right(folder / key, size, sha256 if content else None)]


def _right(path: Path, size: int, sha256: str | None) -> bool:
    if not path.is_file() or path.stat().st_size != size:
        return False
    return sha256 is None or hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def strays(folder: Path, records: Iterable[Record], fixed: Iterable[str]) -> list[Path]:
    """Files that an interruption left: of no segment that is there, or under a temporary name."""
    named = {folder / key for record in records for key in (*record.files, f"{RECORDS}/{record.segment:05d}.json")}
    named |= {folder / key for key in fixed}
    below = [path for part in (ZARR, TEXTS, RECORDS) for path in (folder / part).rglob("*") if path.is_file()]
    return sorted({*below, *folder.glob(f"*{PART}")} - named)


def read_texts(folder: Path, record: Record) -> dict[str, Any]:
    """Explanations and remedies of a segment: index as text -> [explanation, remedies]; GridError when damaged."""
    path = folder / TEXTS / f"{record.segment:05d}.json"
    try:
        return unsealed(path)
    except (OSError, ValueError) as error:
        raise damaged_file(path) from error


def damaged_file(path: Path) -> GridError:
    """The one error for a file that is not what was written."""
    return GridError(
        f"{path} is absent or not what was written. Run the grid again with the same folder: it checks all files, says "
        "which runs are lost and does them again."
    )


def _texts(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    return {
        str(outcome.index): [outcome.explanation, list(outcome.remedies)]
        for outcome in outcomes
        if outcome.explanation or outcome.remedies
    }


def _columns(header: Header, outcomes: Sequence[Outcome]) -> dict[str, npt.NDArray[Any]]:
    """Variable -> its numbers of these runs, one after another; NaN where a run has none."""
    found: dict[str, npt.NDArray[Any]] = {
        RUN_DIM: np.array([outcome.index for outcome in outcomes], dtype=np.int64),
        "status": np.array([STATUSES.index(outcome.status) for outcome in outcomes], dtype=np.int8),
    }
    for name in OF_A_RUN:
        found[name] = np.array([getattr(outcome, name) for outcome in outcomes], dtype=np.float64)
    arrays = [outcome.arrays for outcome in outcomes]
    for name in header.variables:
        absent = np.full(header.shape_of(name), np.nan)
        found[name] = np.stack([np.asarray(of_run.get(name, absent), dtype=np.float64) for of_run in arrays])
    return found


def _create(group: zarr.Group, header: Header) -> None:
    """The arrays of the store, without runs."""
    from zarr.codecs import BloscCodec, Crc32cCodec

    def create(name: str, dims: Sequence[str], dtype: str, fill: Any, attrs: Mapping[str, Any]) -> None:
        inner = tuple(len(header.labels[dim]) for dim in dims)
        group.create_array(
            name,
            shape=(header.size, *inner),
            chunks=(header.segment_runs, *(max(length, 1) for length in inner)),
            dtype=dtype,
            fill_value=fill,
            compressors=[BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle"), Crc32cCodec()],
            dimension_names=(RUN_DIM, *dims),
            attributes=dict(attrs),
            chunk_key_encoding={"name": "default", "separator": "."},
            config={"write_empty_chunks": True},  # an absent file must never be a segment without paths
        )

    create(RUN_DIM, (), "int64", -1, {"long_name": "index of the run in the box of the axes, in C order"})
    meanings = " ".join(status.replace(" ", "_") for status in STATUSES)
    flags = {"flag_values": list(range(len(STATUSES))), "flag_meanings": meanings}
    create("status", (), "int8", 0, flags)
    for name in OF_A_RUN:
        create(name, (), "float64", np.nan, {"units": "s" if name.endswith("seconds") else "1"})
    for name, form in header.variables.items():
        create(name, form["dims"], "float64", np.nan, form["attrs"])
    for dim, labels in header.labels.items():
        if all(isinstance(label, int | float) for label in labels):
            group.create_array(dim, data=np.array(labels), dimension_names=(dim,))


def _attributes(header: Header) -> dict[str, Any]:
    """What a reader of the Zarr store alone needs to know."""
    return {
        "title": f"runs of the grid {header.name}",
        "grid": header.name,
        "question": header.question,
        "digest": header.digest,
        "axes": [{"name": axis["name"], "labels": list(axis["labels"])} for axis in header.axes],
        "labels": {dim: list(labels) for dim, labels in header.labels.items()},
    }
