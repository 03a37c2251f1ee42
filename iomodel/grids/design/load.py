"""Grids as files: TOML in, one checked `Grid` out, before the first run.

Whatever can be known to be wrong is said here, in one message that names file and key: every point of every axis is
laid over the base experiment and checked as an experiment is; with few enough combinations, each of them. What only a
run can find out (a policy that no path meets, a card that the calibration refuses) is a result of the grid.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from iomodel.cards import load_cards
from iomodel.errors import CardError, ExperimentError, IOModelError, TableError, nearest
from iomodel.experiment import Experiment
from iomodel.experiment_file import find_experiment, load_experiment
from iomodel.experiment_parts import KINDS
from iomodel.frozen import Frozen
from iomodel.grids.design.axes import MOST_POINTS, differences, listed, read_axis
from iomodel.grids.design.definition import EXPERIMENT, Axis, Drawn, Grid, Keep
from iomodel.grids.design.filters import axes_named
from iomodel.grids.design.kept import read_keep
from iomodel.grids.design.samples import SALTELLI, read_samples
from iomodel.grids.design.tables import Facts, facts_of
from iomodel.shipped import shipped_file, shipped_names
from iomodel.table import producer_required
from iomodel.toml_text import read_toml
from iomodel.values import file_path, number, refuse, text

FOLDER = "experiments/grids"
KEYS = ("name", "base", "question", "changes", "axes", "filters", "keep", "limit_seconds")
LIMIT_SECONDS = 300.0
"""What one run may take where a file does not say: a hundred times what most take."""

MOST_CHECKED = 1_000
"""Combinations of axes up to which each is checked before the first run; beyond it, each point once."""


def shipped_grids() -> list[str]:
    """Names of the shipped grids."""
    return shipped_names(FOLDER, ".toml")


def load_grid(name_or_path: str | Path) -> Grid:
    """A shipped grid by name, or a TOML file of a base experiment and axes.

    Raises ExperimentError that names file and key: unknown name (with the nearest), no TOML, a key that no experiment
    has, an empty axis, one that repeats a value, two on the same key, a value that an experiment refuses, samples
    outside a card's range, filters that drop everything, variables, years or laws that no run has. A card that does
    not exist is a CardError, a table a TableError.

    >>> grid = load_grid("package-by-reform")
    >>> grid.dims, grid.experiment(0).targets["package"].value
    (('package', 'drive_cut'), 0.0)
    """
    path = _find(name_or_path)
    entries = read_toml(path, ExperimentError, "grid")
    try:
        return _grid(entries, path)
    except (ExperimentError, CardError, TableError) as error:
        raise type(error)(f"{path}: {error}") from None


def _find(name_or_path: str | Path) -> Path:
    """The file of a shipped grid's name, or the path itself."""
    path = file_path("load_grid", name_or_path, ExperimentError)
    shipped = shipped_grids()
    if isinstance(name_or_path, str) and name_or_path in shipped:
        return shipped_file(*FOLDER.split("/"), f"{name_or_path}.toml")
    if path.is_file():
        return path
    what = "is a folder, not a grid" if path.is_dir() else "does not exist"
    advice = nearest(str(name_or_path), shipped)
    raise ExperimentError(f"{path} {what}; name a TOML file or one of the shipped grids: {', '.join(shipped)}.{advice}")


def _grid(entries: Mapping[str, Any], path: Path) -> Grid:
    """The grid of a file's entries."""
    for key in entries:
        if key not in KEYS:
            raise refuse(key, key, ", ".join(KEYS), nearest(key, KEYS))
    base = _base(entries, path.parent)
    question = entries.get("question", base.question)
    if not isinstance(question, str):
        raise refuse("question", question, "text")
    axes, sampled = _axes(entries, path.parent, base)
    grid = Grid(
        name=_name(entries.get("name", path.stem)),
        question=question,
        base=base,
        axes=axes,
        keep=Keep(()),
        filters=_filters(entries, axes, sampled),
        limit_seconds=number("limit_seconds", entries.get("limit_seconds", LIMIT_SECONDS), 0.01, 1e6, "seconds a run"),
        sampled=sampled,
    )
    told_apart = _checked(grid)
    tables: dict[str, Facts] = {}
    for experiment in told_apart.values():
        if experiment.table not in tables:
            tables[experiment.table] = facts_of(experiment)
    _check_regions(told_apart, tables)
    _check_drawn(grid, told_apart)
    keep = read_keep(entries.get("keep", {}), axes, told_apart, tables)
    hashes = Frozen({name: facts.sha256 for name, facts in tables.items()})
    return Grid(grid.name, question, base, axes, keep, grid.filters, grid.limit_seconds, grid.sampled, hashes)


def _name(name: object) -> str:
    """The grid's name, which names files."""
    if any(sign in text("name", name) for sign in "/\\"):
        raise refuse("name", name, "text without / and \\")
    return str(name)


def _base(entries: Mapping[str, Any], folder: Path) -> Experiment:
    """The base experiment with the file's changes laid over it."""
    if "base" not in entries:
        raise refuse("base", None, 'the name or path of an experiment, such as base = "two-halves"')
    base = load_experiment(find_experiment(text("base", entries["base"]), folder))
    changes = dict(differences("changes", entries.get("changes", {}), folder))
    if EXPERIMENT in changes:
        raise refuse("changes.base", entries["changes"]["base"], "changes of the grid's base; name that one in `base`")
    return base.set_all(changes) if changes else base


def _axes(entries: Mapping[str, Any], folder: Path, base: Experiment) -> tuple[tuple[Axis, ...], dict[str, Any] | None]:
    """All axes, and how one of them was drawn."""
    given = entries.get("axes")
    if not isinstance(given, Mapping) or not given:
        raise refuse("axes", given, "at least one table [axes.NAME]")
    cards = load_cards(base.table, dict(base.cards), base.region)
    axes: list[Axis] = []
    sampled: dict[str, Any] | None = None
    for name, entry in given.items():
        if not name.isidentifier():
            raise refuse(f"axes.{name}", name, "a name of letters, digits and _, as filters write it")
        if isinstance(entry, Mapping) and set(entry) == {"samples"}:
            if sampled is not None:
                raise refuse(f"axes.{name}.samples", name, "one sampled axis a grid",
                             f" {sampled['axis']} is one already; name all cards there.")  # fmt: skip
            axis, sampled = read_samples(name, entry["samples"], cards)
        else:
            axis = read_axis(name, entry, folder, cards)
        axes.append(axis)
    _each_key_once(axes)
    size = math.prod(len(axis) for axis in axes)
    if size > MOST_POINTS:
        shape = " × ".join(f"{axis.name} {len(axis)}" for axis in axes)
        raise refuse("axes", f"{size:,} combinations ({shape})", f"at most {MOST_POINTS:,}, before filters")
    return tuple(axes), sampled


def _each_key_once(axes: list[Axis]) -> None:
    """ExperimentError where two axes set the same entry, or one of them an entry inside the other's."""
    home: dict[str, str] = {}
    for axis in axes:
        for key in axis.keys:
            for known, other in home.items():
                if same_entry(key, known):
                    raise ExperimentError(
                        f"axes.{axis.name} sets {key}, and axes.{other} sets {known}: two axes on the same key. Leave "
                        "one of them out, or zip both in one axis with keys = […] and rows = […]."
                    )
        home.update(dict.fromkeys(axis.keys, axis.name))


def same_entry(one: str, other: str) -> bool:
    """Whether two keys set one entry: one is the other or above it, or both are kinds of one target."""
    parts, others = one.split("."), other.split(".")
    shorter = min(len(parts), len(others))
    kinds = parts[0] == "targets" and parts[:2] == others[:2] and {parts[-1], others[-1]} <= set(KINDS)
    return parts[:shorter] == others[:shorter] or kinds


def _filters(entries: Mapping[str, Any], axes: tuple[Axis, ...], sampled: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The filters; what they keep is seen when the grid is laid out."""
    if "filters" not in entries:
        return ()
    filters = tuple(text("filters", one) for one in listed("filters", entries["filters"]))
    labels = {axis.name: axis.labels for axis in axes}
    for one in filters:
        named = axes_named(one, labels)
        if sampled is not None and sampled["method"] == SALTELLI and sampled["axis"] in named:
            raise refuse("filters", one, "filters on other axes than that of a Saltelli design",
                         f" Its indices need all of {sampled['axis']}.")  # fmt: skip
    return filters


def _checked(grid: Grid) -> dict[str, Experiment]:
    """Experiments whose years or sectors may differ, by what tells them apart, after a check of each combination, or
    where these are too many of each point, of all axes but a sampled one."""
    indices = grid.indices
    places = np.stack(np.unravel_index(indices, grid.shape), axis=1)
    plain = [number for number, axis in enumerate(grid.axes) if not isinstance(axis.settings, Drawn)]
    wanted = [indices[:1]]
    if plain and math.prod(len(grid.axes[number]) for number in plain) <= MOST_CHECKED:
        _, first = np.unique(places[:, plain], axis=0, return_index=True)
        wanted.append(indices[first])
    else:
        wanted += [indices[np.unique(places[:, number], return_index=True)[1]] for number in plain]
    found: dict[tuple[object, ...], tuple[str, Experiment]] = {}
    for index in np.unique(np.concatenate(wanted)).tolist():
        experiment = _experiment(grid, index)
        apart = (experiment.table, experiment.region, experiment.horizon, experiment.cards.get("paths_year"))
        found.setdefault(apart, (_told(grid, index), experiment))
    return dict(found.values())


def _experiment(grid: Grid, index: int) -> Experiment:
    """The experiment of a run; an error says of which."""
    try:
        return grid.experiment(index)
    except IOModelError as error:
        raise type(error)(f"axes, at {_told(grid, index)}: {error}") from None


def _told(grid: Grid, index: int) -> str:
    return ", ".join(f"{name} = {label}" for name, label in grid.coordinates(index).items())


def _check_regions(experiments: Mapping[str, Experiment], tables: Mapping[str, Facts]) -> None:
    """TableError where a run's home region is none of its table's, in the words of a calibration."""
    for told, experiment in experiments.items():
        try:
            producer_required(experiment.region, experiment.table, tables[experiment.table].regions)
        except TableError as error:
            raise TableError(f"axes, at {told}: {error}") from None


def _check_drawn(grid: Grid, experiments: Mapping[str, Experiment]) -> None:
    """ExperimentError where cards are drawn outside the range that they have on another table than the base's."""
    drawn = [(axis.name, axis.settings) for axis in grid.axes if isinstance(axis.settings, Drawn)]
    for name, settings in drawn:
        at = 0
        for key, width in zip(settings.keys, settings.widths, strict=True):
            values = settings.values[:, at : at + (width or 1)]
            at += width or 1
            for told, experiment in experiments.items():
                card = load_cards(experiment.table, region=experiment.region).card(key.removeprefix("cards."))
                if values.min() < card.low or values.max() > card.high:
                    low, high = f"{values.min():g}", f"{values.max():g}"
                    raise refuse(f"axes.{name}.samples.{card.key}", f"samples from {low} to {high}",
                                 f"{card.low:g} to {card.high:g} {card.unit}, its range at {told}",
                                 f" Narrow it with ranges = {{{card.key} = […]}}.")  # fmt: skip
