"""Experiments as files: a shipped name or a path, TOML closed to unknown keys.

A file names its baseline and says what differs. Reading lays the differences over the baseline entry by entry, then
makes one checked `Experiment`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iomodel.errors import ExperimentError, nearest
from iomodel.experiment import KEYS, Experiment, experiment_from
from iomodel.experiment_parts import TABLE_FILES
from iomodel.shipped import shipped_file, shipped_names
from iomodel.toml_text import read_toml
from iomodel.values import file_path, refuse

FOLDER = "experiments"
MERGED = ("horizon", "targets", "levers", "limits", "cards", "tariffs", "weights")
"""Sections that are laid over a baseline's entry by entry."""


def shipped_experiments() -> list[str]:
    """Names of the shipped experiments."""
    return shipped_names(FOLDER, ".toml")


def load_experiment(name_or_path: str | Path) -> Experiment:
    """A shipped experiment by name, or a TOML file of differences from the baseline that it names.

    Raises ExperimentError: unknown name (with the nearest), missing file, no TOML, unknown key, value not allowed,
    baselines that go in a circle. A changed card that does not exist or leaves its range is a CardError. Each names
    the file and the key.

    >>> load_experiment("two-halves").targets["package"].value
    4.0
    """
    file_path("load_experiment", name_or_path, ExperimentError)
    path = find_experiment(name_or_path, Path())
    return experiment_from(_with_baseline(path, ()), str(path), path.stem)


def find_experiment(name_or_path: str | Path, beside: Path) -> Path:
    """The file of a shipped name, or the path itself, relative to the folder `beside`."""
    named = str(name_or_path)
    shipped = shipped_experiments()
    if isinstance(name_or_path, str) and named in shipped:
        return shipped_file(FOLDER, f"{named}.toml")
    path = beside / name_or_path
    if path.is_file():
        return path
    listed = f"shipped experiments: {', '.join(shipped)}"
    if path.is_dir():
        raise ExperimentError(f"{path} is a folder, not an experiment; name a TOML file or one of the {listed}.")
    if path.suffix == ".toml" or "/" in named:
        raise ExperimentError(f"There is no file {path}; name a TOML file or one of the {listed}.")
    raise ExperimentError(f"There is no experiment {named!r}; {listed}.{nearest(named, shipped)}")


def _with_baseline(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    """The entries of a file laid over those of its baseline, and of the baseline's."""
    if path.resolve() in above:
        circle = " -> ".join(found.name for found in (*above, path))
        raise ExperimentError(f"the baselines go in a circle: {circle}. Let one of them have no base.")
    entries = read_toml(path, ExperimentError, "experiment")
    for key in entries:
        if key not in KEYS:
            raise ExperimentError(f"{path}: {refuse(key, key, ', '.join(KEYS), nearest(key, KEYS))}")
    table = entries.get("table")
    if isinstance(table, str) and table.lower().endswith(TABLE_FILES):
        entries["table"] = str(path.parent / table)  # a user's table is named from where the experiment lies
    if "base" not in entries:
        return entries
    base = entries["base"]
    if not isinstance(base, str):
        raise ExperimentError(f"{path}: {refuse('base', base, 'the name or path of an experiment')}")
    try:
        below = _with_baseline(find_experiment(base, path.parent), (*above, path.resolve()))
    except ExperimentError as error:
        raise ExperimentError(f"{path}: base: {error}") from None
    below.pop("name", None)
    return _laid_over(entries, below)


def _laid_over(entries: Mapping[str, Any], below: Mapping[str, Any]) -> dict[str, Any]:
    """Differences over a baseline: entries of sections one by one, a target, limit or partner as a whole."""
    merged = {**below, **entries}
    for section in MERGED:
        upper, lower = entries.get(section), below.get(section)
        if isinstance(upper, dict) and isinstance(lower, dict):
            merged[section] = {**lower, **upper}
    return merged
