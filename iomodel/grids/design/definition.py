"""A grid: a base experiment, axes along which it differs, what is kept of each run; and the experiment at each place.

A run's index is its place in the whole box of the axes, in the order of a C array, before filters: an index means the
same experiment whatever is filtered out. A place along an axis is settings: dotted keys of an experiment's file and
their values. Nothing here holds an experiment for each run, so that a hundred thousand runs cost a few megabytes.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from iomodel.errors import ExperimentError
from iomodel.experiment import Experiment, experiment_to_dict
from iomodel.frozen import Frozen
from iomodel.grids.design.filters import kept

Label = str | int | float
Settings = Mapping[str, object]

KINDS = ("list", "range", "zipped", "variants", "samples")
"""How an axis is given in a file."""

EXPERIMENT = "experiment"
"""The key of a setting whose value is a whole Experiment, under which the other settings are laid."""


class Drawn(Sequence[Settings]):
    """Settings of a sampled axis: one row of numbers a point, as a matrix instead of a mapping each.

    keys: dotted keys. values: (points, keys), or (points, numbers) where `widths` says how many numbers a key takes
    (0: one number, else a list of that many, as a card with one number a year has).
    """

    __slots__ = ("keys", "values", "widths")

    def __init__(self, keys: Sequence[str], values: npt.NDArray[np.float64], widths: Sequence[int] = ()) -> None:
        self.keys = tuple(keys)
        self.widths = tuple(widths) or (0,) * len(self.keys)
        self.values = np.array(values, dtype=float)
        self.values.setflags(write=False)

    @overload
    def __getitem__(self, place: int) -> Settings: ...
    @overload
    def __getitem__(self, place: slice) -> Drawn: ...
    def __getitem__(self, place: int | slice) -> Settings | Drawn:
        if isinstance(place, slice):
            return Drawn(self.keys, self.values[place], self.widths)
        row, at, found = self.values[place].tolist(), 0, {}
        for key, width in zip(self.keys, self.widths, strict=True):
            found[key] = row[at : at + width] if width else row[at]
            at += width or 1
        return found

    def __len__(self) -> int:
        return len(self.values)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Drawn)
            and (self.keys, self.widths) == (other.keys, other.widths)
            and np.array_equal(self.values, other.values)
        )

    def __hash__(self) -> int:
        return hash((self.keys, self.widths, self.values.tobytes()))

    def __reduce__(self) -> tuple[type[Drawn], tuple[Any, ...]]:
        return Drawn, (self.keys, self.values, self.widths)


@dataclass(frozen=True)
class Axis:
    """One dim of a grid: `labels` are its coordinates, `settings` what is set at each of them.

    A setting's key is dotted as in an experiment's file ("targets.package.exactly", "cards.precaution", "table"); the
    key "experiment" holds a whole Experiment, which takes the base's place. unit: of the labels, "" where they have
    none. kind: one of KINDS. inputs: numbers that stand beside the labels, one a point: of a sampled axis the place
    of each group in its range, from 0 to 1.
    """

    name: str
    labels: tuple[Label, ...]
    settings: Sequence[Settings]
    unit: str = ""
    kind: str = "list"
    inputs: Mapping[str, tuple[float, ...]] = field(default_factory=Frozen[tuple[float, ...]])

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """All keys that some point of the axis sets."""
        if isinstance(self.settings, Drawn):
            return self.settings.keys
        return tuple(dict.fromkeys(key for point in self.settings for key in point))


@dataclass(frozen=True)
class Keep:
    """What is kept of each run: variables of a path's data, calendar years (None: all that are reported), and laws
    whose shadow prices are kept."""

    variables: tuple[str, ...]
    years: tuple[int, ...] | None = None
    prices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """One run: its index in the box, and a key that runs share whose experiments differ in numbers only."""

    index: int
    experiment_key: str


@dataclass(frozen=True)
class Grid:
    """A grid as it is run.

    base: the experiment below all settings. axes: dims of the box, the last the fastest. filters: texts as in the
    file. limit_seconds: what one run may take. sampled: how a sampled axis was drawn (axis, method, groups, seed,
    points), as plain values that JSON holds; None where there is none. tables: name -> content hash of every table
    that some run uses.
    """

    name: str
    question: str
    base: Experiment
    axes: tuple[Axis, ...]
    keep: Keep
    filters: tuple[str, ...] = ()
    limit_seconds: float = 300.0
    sampled: Mapping[str, Any] | None = field(default=None, compare=False)
    tables: Mapping[str, str] = field(default_factory=Frozen[str])

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the axes."""
        return tuple(axis.name for axis in self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Points of each axis."""
        return tuple(len(axis) for axis in self.axes)

    @property
    def size(self) -> int:
        """Runs after filters."""
        return len(self.indices)

    @cached_property
    def indices(self) -> npt.NDArray[np.int64]:
        """Indices of the runs that the filters keep, rising."""
        if not self.filters:
            return np.arange(math.prod(self.shape), dtype=np.int64)
        whole = kept({axis.name: axis.labels for axis in self.axes}, self.filters)
        return np.flatnonzero(whole).astype(np.int64)

    def places(self, index: int) -> tuple[int, ...]:
        """Place along each axis of a run; ExperimentError for an index outside the box."""
        if not 0 <= index < math.prod(self.shape):
            raise ExperimentError(f"The grid {self.name} has runs 0 to {math.prod(self.shape) - 1}, found {index}.")
        return tuple(int(place) for place in np.unravel_index(index, self.shape))

    def coordinates(self, index: int) -> dict[str, Label]:
        """Axis -> label of a run."""
        return {axis.name: axis.labels[at] for axis, at in zip(self.axes, self.places(index), strict=True)}

    def settings(self, index: int) -> dict[str, object]:
        """All settings of a run, a whole experiment first, then in the order of the axes."""
        found: dict[str, object] = {}
        for axis, at in zip(self.axes, self.places(index), strict=True):
            found.update(axis.settings[at])
        whole = {EXPERIMENT: found.pop(EXPERIMENT)} if EXPERIMENT in found else {}
        return {**whole, **found}

    def experiment(self, index: int) -> Experiment:
        """The experiment of a run, checked as a file's is; its name tells the coordinates.

        Raises ExperimentError or CardError for what does not go together.
        """
        return self.experiment_with(self.settings(index))

    def experiment_with(self, settings: Settings) -> Experiment:
        """The base with settings laid over it."""
        rest = dict(settings)
        whole = rest.pop(EXPERIMENT, self.base)
        assert isinstance(whole, Experiment)
        return whole.set_all(rest) if rest else whole

    @cached_property
    def digest(self) -> str:
        """sha256 over all that decides the results: base, axes, filters, what is kept, the tables' content."""
        said = {
            "base": _asked(self.base),
            "axes": [list(_canonical(axis)) for axis in self.axes],
            "filters": self.filters,
            "keep": [self.keep.variables, self.keep.years, self.keep.prices],
            "tables": dict(sorted(self.tables.items())),
        }
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _canonical(axis: Axis) -> Iterator[object]:
    """An axis as plain values; the matrix of a sampled one by its bytes."""
    yield axis.name
    yield axis.labels
    if isinstance(axis.settings, Drawn):
        yield [axis.settings.keys, axis.settings.widths]
        yield hashlib.sha256(axis.settings.values.astype("<f8").tobytes()).hexdigest()
    else:
        yield [{key: plain(value) for key, value in point.items()} for point in axis.settings]


def plain(value: object) -> object:
    """A setting's value for JSON: a whole experiment as its entries."""
    return _asked(value) if isinstance(value, Experiment) else value


def _asked(experiment: Experiment) -> dict[str, Any]:
    """What an experiment asks, without its name and question."""
    entries = experiment_to_dict(experiment)
    return {key: value for key, value in entries.items() if key not in ("name", "question")}
