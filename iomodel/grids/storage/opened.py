"""The results of a grid as one labelled box: a dim per axis, before the dims of each variable; read when asked for.

`open_results` reads which runs are stored and where, not their numbers. A number is read when it is used: of the
variable asked for only, and of its segments only those that hold the runs asked for. Every file is compared with the
hash in its segment's record before its numbers are used. A run without a path is NaN in every variable, as is one that
is left or left out by a filter; `status` tells them apart. The box is the store at one moment: what is put later is in
the box that is opened later.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from iomodel.errors import GridError
from iomodel.grids.storage.contents import Contents, read_contents
from iomodel.grids.storage.header import OF_A_RUN, Header
from iomodel.grids.storage.outcome import STATUSES, WITH_NUMBERS
from iomodel.grids.storage.segments import ZARR, damaged_file, wrong_files
from iomodel.values import file_path

Places = npt.NDArray[np.int64]
LEFT_OUT = STATUSES.index("left out")


def open_results(folder: str | Path) -> xr.Dataset:
    """The results of a grid as one lazy Dataset.

    Each kept variable has a dim per axis of the grid, in their order, and then its own dims; beside them stand `status`
    (how each run ended; `left`: not yet run, `left out`: dropped by a filter), `seconds`, `solver_seconds` and
    `worst_residual`. Numbers are those of runs that ended optimal or simulated, NaN elsewhere. The attributes hold the
    grid's name, question and digest, and of a sampled one how it was drawn (JSON). It may be opened in mid-run.

    Raises GridError: no such folder, no results in it, another version, or a damaged file (when its numbers are used).

    >>> import iomodel as iom
    >>> iom.open_results("nothing")
    Traceback (most recent call last):
    iomodel.errors.GridError: There is no folder nothing; name one that `iomodel grid --out` wrote.
    """
    contents = read_contents(file_path("open_results", folder, GridError))
    header = contents.header
    axes = tuple(axis["name"] for axis in header.axes)
    stored = _stored(contents)
    made: dict[Hashable, Any] = {"status": (axes, _lazy(Statuses(stored)), {"long_name": "how the run ended"})}
    for name in OF_A_RUN:
        attrs = {"units": "s" if name.endswith("seconds") else "1"}
        made[name] = (axes, _lazy(Numbers(stored, name, (), STATUSES)), attrs)
    for name, form in header.variables.items():
        data = _lazy(Numbers(stored, name, header.shape_of(name), WITH_NUMBERS))
        made[name] = ((*axes, *form["dims"]), data, dict(form["attrs"]))
    return xr.Dataset(made, coords=_coords(header), attrs=_attrs(header))


@dataclass(frozen=True)
class Stored:
    """Where the runs of a store are.

    runs: indices, rising; rows: of each its place in the arrays of `runs.zarr`, or behind their end the one among the
    recent runs; codes: of each how it ended.
    """

    contents: Contents
    runs: Places
    rows: Places
    codes: npt.NDArray[np.int8]

    def found(self, indices: Places) -> tuple[Places, npt.NDArray[np.int8]]:
        """Row (-1: none) and end of the runs with these indices."""
        rows = np.full(indices.shape, -1, dtype=np.int64)
        codes = np.zeros(indices.shape, dtype=np.int8)
        if len(self.runs):
            at = np.minimum(np.searchsorted(self.runs, indices), len(self.runs) - 1)
            here = self.runs[at] == indices
            rows[here], codes[here] = self.rows[at[here]], self.codes[at[here]]
        return rows, codes


class Statuses(BackendArray):
    """How each run of the box ended, as xarray asks for it."""

    def __init__(self, stored: Stored) -> None:
        self.stored = stored
        self.shape = stored.contents.header.shape
        self.dtype = np.dtype(f"<U{max(map(len, STATUSES))}")

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> Any:
        places, dropped = _places(key, self.shape)
        indices = _indices(places, self.shape)
        _, codes = self.stored.found(indices.ravel())
        wanted = self.stored.contents.header.indices()
        at = np.minimum(np.searchsorted(wanted, indices.ravel()), max(len(wanted) - 1, 0))
        codes[wanted[at] != indices.ravel()] = LEFT_OUT
        return np.array(STATUSES, dtype=self.dtype)[codes].reshape(indices.shape)[dropped]


class Numbers(BackendArray):
    """One variable of all runs of the box, as xarray asks for it; NaN where a run did not end in one of `ends`."""

    def __init__(self, stored: Stored, name: str, inner: tuple[int, ...], ends: Sequence[str]) -> None:
        self.stored, self.name, self.inner = stored, name, inner
        self.codes = [STATUSES.index(status) for status in ends]
        self.box = stored.contents.header.shape
        self.shape = (*self.box, *inner)
        self.dtype = np.dtype(np.float64)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> Any:
        places, dropped = _places(key, self.shape)
        of_box, of_inner = places[: len(self.box)], places[len(self.box) :]
        indices = _indices(of_box, self.box)
        rows, codes = self.stored.found(indices.ravel())
        rows[~np.isin(codes, self.codes)] = -1
        out = np.full((rows.size, *map(len, of_inner)), np.nan)
        each = self.stored.contents.header.segment_runs
        segments = np.unique(rows[rows >= 0] // each).tolist()
        array = self._array() if segments and segments[0] < self.stored.contents.header.segments else None
        for segment in segments:
            here = np.flatnonzero(rows // each == segment)
            block = self._block(segment, array)
            out[here] = block[np.ix_(rows[here] - segment * each, *of_inner)]
        return out.reshape((*indices.shape, *out.shape[1:]))[dropped]

    def _array(self) -> Any:
        """The variable in the Zarr store."""
        contents = self.stored.contents
        _check(contents.folder, f"{ZARR}/{self.name}/zarr.json", contents.fixed)
        import zarr

        return zarr.open_array(contents.folder / ZARR / self.name, mode="r")

    def _block(self, segment: int, array: Any) -> npt.NDArray[np.float64]:
        """The numbers of all runs of a segment, or of the recent ones."""
        contents = self.stored.contents
        if segment >= contents.header.segments:
            first = (segment - contents.header.segments) * contents.header.segment_runs
            recent = contents.recent[first : first + contents.header.segment_runs]
            return np.stack([self._of(outcome) for outcome in recent])
        first = segment * contents.header.segment_runs
        files = contents.records[segment].files
        _check(contents.folder, next(key for key in files if key.startswith(f"{ZARR}/{self.name}/")), files)
        return np.asarray(array[first : first + contents.header.room(segment)])

    def _of(self, outcome: Any) -> npt.NDArray[np.float64]:
        """The numbers of one recent run."""
        if self.name in OF_A_RUN:
            return np.asarray(getattr(outcome, self.name), dtype=np.float64)
        return outcome.arrays.get(self.name, np.full(self.inner, np.nan))


def _stored(contents: Contents) -> Stored:
    header = contents.header
    runs, rows, codes = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0, np.int8)]
    for segment, record in contents.records.items():
        runs.append(np.array(record.runs, dtype=np.int64))
        rows.append(segment * header.segment_runs + np.arange(len(record.runs)))
        codes.append(np.array(record.statuses, dtype=np.int8))
    runs.append(np.array([outcome.index for outcome in contents.recent], dtype=np.int64))
    rows.append(header.segments * header.segment_runs + np.arange(len(contents.recent)))
    codes.append(np.array([STATUSES.index(outcome.status) for outcome in contents.recent], dtype=np.int8))
    order = np.argsort(np.concatenate(runs))
    return Stored(contents, np.concatenate(runs)[order], np.concatenate(rows)[order], np.concatenate(codes)[order])


def _check(folder: Path, key: str, files: Mapping[str, Sequence[Any]]) -> None:
    """GridError when a file is not what was written."""
    if wrong_files(folder, {key: files[key]}, content=True):
        raise damaged_file(folder / key)


def _places(key: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[list[Places], tuple[Any, ...]]:
    """Places along each dim that a key asks for, and what takes the dims of single places away."""
    places = [np.atleast_1d(np.arange(length)[part]) for part, length in zip(key, shape, strict=True)]
    return places, tuple(0 if isinstance(part, int | np.integer) else slice(None) for part in key)


def _indices(places: Sequence[Places], box: tuple[int, ...]) -> Places:
    """Indices of the runs at these places of the box."""
    return np.asarray(np.ravel_multi_index(np.ix_(*places), box), dtype=np.int64)


def _lazy(array: BackendArray) -> Any:
    """As xarray wraps what it opens: read when used, kept when the whole was read, never written into."""
    lazy: Any = indexing.LazilyIndexedArray(array)
    return indexing.MemoryCachedArray(indexing.CopyOnWriteArray(lazy))


def _coords(header: Header) -> dict[Hashable, Any]:
    found: dict[Hashable, Any] = {dim: np.array(labels) for dim, labels in header.labels.items()}
    for axis in header.axes:
        name, labels = axis["name"], axis["labels"]
        text = any(isinstance(label, str) for label in labels)
        attrs = {"units": axis["unit"]} if axis["unit"] else {}
        found[name] = (name, np.array(list(map(str, labels)) if text else labels), attrs)
        for group, values in axis["inputs"].items():
            found[f"{name}_{group}"] = (name, np.array(values), {"long_name": f"place of {group} in its range"})
    return found


def _attrs(header: Header) -> dict[str, Any]:
    attrs: dict[str, Any] = {"grid": header.name, "question": header.question, "digest": header.digest}
    if header.sampled is not None:
        attrs["sampled"] = json.dumps(header.sampled, ensure_ascii=False)
    return attrs
