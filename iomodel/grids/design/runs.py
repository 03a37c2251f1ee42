"""The runs of a grid, in an order in which those stand together that share one compiled program.

Targets' values, margins and prices of limits and the path of benefits are parameters of a built program; another value
of anything else needs a rebuild (`iomodel.changes` says why). What a run needs built is known from its settings alone,
so that no experiment is made to order the runs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from iomodel.experiment import Experiment, experiment_to_dict
from iomodel.experiment_parts import KINDS
from iomodel.grids.design.definition import EXPERIMENT, Axis, Drawn, Grid, Run, Settings
from iomodel.program.setting import SAVING_FLOOR

NUMBER = "a number"
"""What stands in a structure for a value that is a parameter of the program."""

LATE = ("targets", "limits", "levers")
"""Sections whose other values need another program, but neither another calibration nor another reference path."""


def structure(experiment: Experiment) -> str:
    """A digest of all that a built program depends on: experiments that share it differ in parameters only.

    Where several regions decide there are no parameters, and every value counts. The solver counts, too: it needs no
    rebuild, but the form in which it takes the program is compiled for it.

    >>> from iomodel.experiment_file import load_experiment
    >>> two = load_experiment("two-halves")
    >>> structure(two) == structure(two.set("targets.package.exactly", 3))
    True
    >>> structure(two) == structure(two.set("cards.precaution", 0.3))
    False
    """
    entries = {key: value for key, value in experiment_to_dict(experiment).items() if key not in ("name", "question")}
    if not experiment.deciding:
        entries = {key: _without_numbers(key, value) for key, value in entries.items()}
    return _digest(entries)


def runs(grid: Grid) -> tuple[Run, ...]:
    """All runs that the filters keep: those of one structure together, structures in the order of the box.

    Axes that change the table, the region, cards or the horizon lead, so that a worker keeps its calibration and its
    reference path as long as it can. Runs of one key share `structure`; their key depends on nothing else of the grid
    than what the structure depends on.
    """
    indices = grid.indices
    places = np.unravel_index(indices, grid.shape)
    whole = _numbers_count(grid)
    groups = [_groups(axis, whole) for axis in grid.axes]
    combined = np.zeros(len(indices), dtype=np.int64)
    for number in sorted(range(len(groups)), key=lambda number: _is_late(grid.axes[number])):
        codes, texts = groups[number]
        combined = combined * len(texts) + codes[places[number]]
    order = np.argsort(combined, kind="stable")
    base = structure(grid.base)
    found: list[Run] = []
    last, key = -1, ""
    for at in order:
        if combined[at] != last:
            last = int(combined[at])
            parts = [texts[codes[place[at]]] for (codes, texts), place in zip(groups, places, strict=True)]
            key = _digest([base, *parts])
        found.append(Run(int(indices[at]), key))
    return tuple(found)


def structures(grid: Grid) -> int:
    """How many structures the runs have."""
    return len({run.experiment_key for run in runs(grid)})


def _groups(axis: Axis, whole: bool) -> tuple[npt.NDArray[np.int64], list[str]]:
    """(points,) the group of each point of an axis, and what each group has built, as text."""
    if isinstance(axis.settings, Drawn) and (whole or not any(_is_parameter(key) for key in axis.settings.keys)):
        rows = axis.settings.values
        distinct, codes = np.unique(rows, axis=0, return_inverse=True)
        return _by_appearance(codes.ravel(), [row.tobytes().hex() for row in distinct])
    found: dict[str, int] = {}
    codes = np.empty(len(axis), dtype=np.int64)
    for at, settings in enumerate(axis.settings):
        text = json.dumps(built(settings, whole), sort_keys=True)
        codes[at] = found.setdefault(text, len(found))
    return codes, list(found)


def _by_appearance(codes: npt.NDArray[Any], texts: list[str]) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Groups numbered as they first appear."""
    _, first = np.unique(codes, return_index=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank[codes], [texts[at] for at in order]


def built(settings: Settings, whole: bool = False) -> dict[str, object]:
    """Settings as a program's structure depends on them; with `whole` numbers of parameters count."""
    found: dict[str, object] = {}
    for key, value in settings.items():
        if key == EXPERIMENT:
            assert isinstance(value, Experiment)
            found[key] = structure(value)
        elif key.startswith("levers.benefit") and not whole:
            continue
        else:
            found[key] = value if whole else _without_numbers(key, value)
    return found


def _without_numbers(key: str, value: object) -> object:
    """An entry with parameters of the program replaced by a word; keys of mappings go on the key."""
    if _is_parameter(key):
        return NUMBER
    if isinstance(value, Mapping):
        inner = {name: _without_numbers(f"{key}.{name}", entry) for name, entry in value.items()}
        if key == "levers":
            inner.pop("benefit", None)  # a parameter where the experiment says nothing of it, too
        if key.startswith("limits.") and key != f"limits.{SAVING_FLOOR}":
            inner["margin"] = NUMBER  # of its card where none is stated
        return dict(sorted(inner.items()))
    return value


def _is_parameter(key: str) -> bool:
    """Whether a dotted key is a parameter of the program."""
    parts = key.split(".")
    if len(parts) != 3:
        return False
    section, name, last = parts
    return (
        (section == "targets" and last in KINDS)
        or (section == "limits" and (last == "soft" or (last == "margin" and name != SAVING_FLOOR)))
        or (section == "levers" and name == "benefit")
    )


def _numbers_count(grid: Grid) -> bool:
    """Whether some run has several deciding regions, whose program has no parameters."""
    wholes = [
        value for axis in grid.axes if not isinstance(axis.settings, Drawn)
        for point in axis.settings for key, value in point.items() if key == EXPERIMENT
    ]  # fmt: skip
    decided = any(isinstance(value, Experiment) and value.deciding for value in (grid.base, *wholes))
    return decided or any(key == "deciding" for axis in grid.axes for key in axis.keys)


def _is_late(axis: Axis) -> bool:
    """Whether an axis leaves calibration and reference path as they are."""
    return all(key.split(".")[0] in LATE for key in axis.keys)


def _digest(value: object) -> str:
    """The first half of a sha256, which is enough to tell structures apart."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]
