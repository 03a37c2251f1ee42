"""What a store says of itself: which grid it holds, its axes and labels, how it is laid out; written once, when made.

`grid.json` is small and is all that opening needs to know the shape of the results; `settings.json` beside it holds the
whole of what every run was asked, so that a result can be read without the file of the grid. Both are sealed: the
sha256 of their content stands in them.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from iomodel import __version__
from iomodel.errors import GridError
from iomodel.experiment import experiment_to_dict
from iomodel.grids.design.definition import Grid, plain

FORMAT = "iomodel grid results"
VERSION = 1
FILE, SETTINGS = "grid.json", "settings.json"

RUN_DIM = "run"
OF_A_RUN = ("seconds", "solver_seconds", "worst_residual")
"""Numbers of every run, whatever its end."""

FEWEST, MOST, BYTES = 256, 4096, 1 << 26
"""Runs in a segment, at least and at most, and how many bytes of numbers it may hold."""


@dataclass(frozen=True)
class Header:
    """What stands in `grid.json`.

    axes: name, labels, unit and inputs of each. kept: first and last index of each stretch of runs that no filter
    drops. size: their number. variables: name -> dims and attributes; labels: dim -> labels, of what is kept of a run.
    segment_runs: runs of a full segment. iomodel: the version that made the store.
    """

    name: str
    question: str
    digest: str
    tables: Mapping[str, str]
    axes: Sequence[Mapping[str, Any]]
    filters: Sequence[str]
    sampled: Mapping[str, Any] | None
    kept: Sequence[Sequence[int]]
    size: int
    variables: Mapping[str, Mapping[str, Any]]
    labels: Mapping[str, Sequence[Any]]
    segment_runs: int
    iomodel: str = __version__
    format: str = FORMAT
    version: int = VERSION

    @property
    def shape(self) -> tuple[int, ...]:
        """Points of each axis."""
        return tuple(len(axis["labels"]) for axis in self.axes)

    @property
    def segments(self) -> int:
        """Number of segments when all runs are done."""
        return math.ceil(self.size / self.segment_runs)

    def room(self, segment: int) -> int:
        """Runs that a segment holds: the last one the rest."""
        return min(self.segment_runs, self.size - segment * self.segment_runs)

    def shape_of(self, variable: str) -> tuple[int, ...]:
        """Shape of what is kept of one run."""
        return tuple(len(self.labels[dim]) for dim in self.variables[variable]["dims"])

    def indices(self) -> npt.NDArray[np.int64]:
        """Indices of the runs, rising."""
        return np.concatenate([np.arange(first, last + 1) for first, last in self.kept]).astype(np.int64)

    def coordinates(self, index: int) -> dict[str, Any]:
        """Axis -> label of the run with this index."""
        places = np.unravel_index(index, self.shape)
        return {axis["name"]: axis["labels"][int(at)] for axis, at in zip(self.axes, places, strict=True)}


def header_of(grid: Grid, template: xr.Dataset) -> Header:
    """What a store of `grid` will say of itself.

    Raises GridError: an axis bears the name of something else in the results.
    """
    variables = {
        str(name): {"dims": list(map(str, array.dims)), "attrs": dict(array.attrs)}
        for name, array in template.data_vars.items()
    }
    labels = {str(dim): _labels(template, dim) for dim in template.dims}
    _check_names(grid, {*variables, *labels, *OF_A_RUN, "status", RUN_DIM})
    count = sum(int(array.size) for array in template.data_vars.values())
    return Header(
        name=grid.name,
        question=grid.question,
        digest=grid.digest,
        tables=dict(grid.tables),
        axes=[
            {"name": axis.name, "labels": list(axis.labels), "unit": axis.unit, "kind": axis.kind}
            | {"inputs": {name: list(values) for name, values in axis.inputs.items()}}
            for axis in grid.axes
        ],
        filters=list(grid.filters),
        sampled=None if grid.sampled is None else dict(grid.sampled),
        kept=_stretches(grid.indices),
        size=grid.size,
        variables=variables,
        labels=labels,
        segment_runs=segment_runs(grid.size, 8 * count),
    )


def segment_runs(size: int, run_bytes: int) -> int:
    """Runs of a segment: a sixty-fourth of the grid, within limits of number and of memory.

    Few files (at most 64 a variable up to 260,000 runs), a journal that stays below 64 MB, and the driver, which hands
    out no run while it lays out a segment, seldom busy with it.

    >>> segment_runs(30, 10_000), segment_runs(100_000, 10_000), segment_runs(1_000_000, 10_000)
    (256, 1563, 4096)
    """
    return max(1, min(max(FEWEST, math.ceil(size / 64)), MOST, BYTES // max(run_bytes, 1)))


def settings_of(grid: Grid) -> dict[str, Any]:
    """The whole of what the runs are asked: the base, and what each point of each axis sets."""
    return {
        "base": experiment_to_dict(grid.base),
        "limit_seconds": grid.limit_seconds,
        "keep": asdict(grid.keep),
        "axes": {axis.name: [{key: plain(value) for key, value in at.items()} for at in axis.settings]
                 for axis in grid.axes},
    }  # fmt: skip


def sealed(content: Mapping[str, Any]) -> bytes:
    """`content` as a JSON text of three lines, which holds the sha256 of its second line in the first."""
    text = json.dumps(content, ensure_ascii=False).encode()
    return b"%s\n%s\n}\n" % (_head(text), text)


def unsealed(path: Path) -> dict[str, Any]:
    """The content of a sealed file; ValueError when it is not as it was written, OSError when it cannot be read."""
    head, _, rest = path.read_bytes().partition(b"\n")
    text, _, end = rest.partition(b"\n")
    if (head, end) != (_head(text), b"}\n"):
        raise ValueError("its content is not what its sha256 says")
    return json.loads(text)


def _head(text: bytes) -> bytes:
    return b'{"sha256": "%s", "content":' % hashlib.sha256(text).hexdigest().encode()


def read_header(folder: Path) -> Header:
    """What the store in `folder` says of itself.

    Raises GridError: no such folder, no store in it, one of another version, or a header that is damaged.
    """
    path = folder / FILE
    if not folder.exists():
        raise GridError(f"There is no folder {folder}; name one that `iomodel grid --out` wrote.")
    if not path.is_file():
        found = ", ".join(sorted(entry.name for entry in folder.iterdir())[:5]) if folder.is_dir() else "a file"
        raise GridError(f"{folder} holds no results of a grid; found {found or 'nothing'}. Name another folder.")
    try:
        content = unsealed(path)
    except (OSError, ValueError) as error:
        raise GridError(f"{path} is damaged or of another kind ({error}). Choose another folder.") from error
    if content.get("format") != FORMAT or content.get("version") != VERSION:
        found = f"{content.get('format')} {content.get('version')}"
        raise GridError(
            f"{path} was written by another version: found {found}; allowed: {FORMAT} {VERSION}. "
            "Read it with the iomodel that wrote it, or choose another folder."
        )
    return Header(**content)


def check_same(header: Header, grid: Grid, folder: Path) -> None:
    """GridError when the store in `folder` is not one that `grid` can go on with; it names what differs."""
    other = [
        f"{name} has the content {header.tables[name][:12]} there and {digest[:12]} now"
        for name, digest in grid.tables.items()
        if name in header.tables and header.tables[name] != digest
    ]
    if other:
        raise GridError(f"{folder} holds runs on another table: {'; '.join(other)}. Choose another folder.")
    if header.digest != grid.digest:
        raise GridError(
            f"{folder} holds another grid: found {header.name} with digest {header.digest[:12]}, asked for {grid.name} "
            f"with {grid.digest[:12]} (base, axes, filters, what is kept or tables differ). Choose another folder."
        )
    if header.iomodel != __version__:
        raise GridError(
            f"{folder} was begun by iomodel {header.iomodel}; this is {__version__}, whose numbers may differ. "
            "Go on with that version, or choose another folder."
        )


def _labels(template: xr.Dataset, dim: Hashable) -> list[Any]:
    if dim not in template.coords:
        raise GridError(f"The dim {dim} of what is kept has no labels.")
    return template[dim].values.tolist()


def _check_names(grid: Grid, taken: set[str]) -> None:
    for axis in grid.axes:
        names = {axis.name, *(f"{axis.name}_{name}" for name in axis.inputs)}
        for name in sorted(names & taken):
            raise GridError(
                f"The axis {axis.name} of {grid.name} and something kept of each run are both called {name}; "
                "give the axis another name."
            )


def _stretches(indices: npt.NDArray[np.int64]) -> list[list[int]]:
    """Rising numbers as first and last of each stretch without gap.

    >>> _stretches(np.array([0, 1, 2, 5, 7, 8]))
    [[0, 2], [5, 5], [7, 8]]
    """
    cuts = np.flatnonzero(np.diff(indices) > 1)
    firsts, lasts = np.r_[indices[:1], indices[cuts + 1]], np.r_[indices[cuts], indices[-1:]]
    return np.stack([firsts, lasts], axis=1).tolist()
