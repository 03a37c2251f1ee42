"""Experiments as files: a shipped name or a path, TOML closed to unknown keys.

A file names its baseline and says what differs. Reading lays the differences over the baseline entry by entry, then
makes one checked `Experiment`. Mistakes in single entries are all said at once: what one is found in is taken out, and
the rest is checked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iomodel.errors import CardError, ExperimentError, IOModelError, nearest
from iomodel.experiment import KEYS, Experiment, experiment_from
from iomodel.experiment_parts import TABLE_FILES
from iomodel.program.policy import LEVERS
from iomodel.shipped import shipped_file, shipped_names
from iomodel.toml_text import read_toml
from iomodel.values import file_path, refuse

FOLDER = "experiments"
MERGED = ("horizon", "targets", "levers", "limits", "cards", "tariffs", "weights")
"""Sections that are laid over a baseline's entry by entry."""

STAND_IN: dict[tuple[str, str], Any] = {("levers", "free"): list(LEVERS), ("horizon", "years"): 100}
"""What stands in for a wrong entry that others lean on, so that nothing is held against them that is not theirs."""


def shipped_experiments() -> list[str]:
    """Names of the shipped experiments."""
    return shipped_names(FOLDER, ".toml")


def load_experiment(name_or_path: str | Path) -> Experiment:
    """A shipped experiment by name, or a TOML file of differences from the baseline that it names.

    Raises ExperimentError: unknown name (with the nearest), missing file, no TOML, unknown key, value not allowed,
    baselines that go in a circle. A changed card that does not exist or leaves its range is a CardError. Each names
    the file and the key; several mistakes of one file are one error, of the kind of the first, with a line each.

    >>> load_experiment("two-halves").targets["package"].value
    4.0
    """
    file_path("load_experiment", name_or_path, ExperimentError)
    path = find_experiment(name_or_path, Path())
    mistakes: list[IOModelError] = []
    entries: dict[str, Any] | None = _with_baseline(path, (), mistakes)
    while entries is not None:
        try:
            experiment = experiment_from(entries, "", path.stem)
        except IOModelError as error:
            if mistakes and not _of_one_entry(error):
                break  # it may follow from what was taken out
            if not isinstance(error, ExperimentError | CardError):
                raise  # about a file, which it names itself
            mistakes.append(error)
            entries = _without(entries, error, path.stem)
        else:
            if not mistakes:
                return experiment
            break
    if len(mistakes) == 1:
        raise type(mistakes[0])(f"{path}: {mistakes[0]}")
    listed = "\n".join(f"  {mistake}" for mistake in mistakes)
    raise type(mistakes[0])(f"{path}: {len(mistakes)} mistakes\n{listed}")


def _of_one_entry(error: IOModelError) -> bool:
    """Whether an error is about one key or value alone, and not about how several go together."""
    if isinstance(error, ExperimentError):
        return ": found " in str(error) or str(error).startswith("cards.")
    return isinstance(error, CardError)


def _without(entries: Mapping[str, Any], error: IOModelError, name: str) -> dict[str, Any] | None:
    """The entries without the one that an error is about, or with what lets all others be checked in its place; None
    where no single entry is found."""
    for section, value in entries.items():
        for key in value if isinstance(value, dict) else (None,):
            if (section if key is None else str(key)) not in str(error):
                continue
            rest = {other: entry for other, entry in entries.items() if other != section}
            if key is not None:
                kept = {other: entry for other, entry in value.items() if other != key}
                rest[section] = kept | ({key: STAND_IN[section, key]} if (section, key) in STAND_IN else {})
            try:
                experiment_from(rest, "", name)
            except IOModelError as other_error:
                if str(other_error) == str(error):
                    continue
            return rest
    return None


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


def _with_baseline(path: Path, above: tuple[Path, ...], mistakes: list[IOModelError]) -> dict[str, Any]:
    """The entries of a file laid over those of its baseline, and of the baseline's; unknown keys of a file that is no
    baseline are taken out and added to its mistakes."""
    if path.resolve() in above:
        circle = " -> ".join(found.name for found in (*above, path))
        raise ExperimentError(f"the baselines go in a circle: {circle}. Let one of them have no base.")
    entries = read_toml(path, ExperimentError, "experiment")
    unknown = [refuse(key, key, ", ".join(KEYS), nearest(key, KEYS)) for key in entries if key not in KEYS]
    if unknown and above:
        raise ExperimentError(f"{path}: {unknown[0]}")
    mistakes += unknown
    entries = {key: entry for key, entry in entries.items() if key in KEYS}
    table = entries.get("table")
    if isinstance(table, str) and table.lower().endswith(TABLE_FILES):
        entries["table"] = str(path.parent / table)  # a user's table is named from where the experiment lies
    if "base" not in entries:
        return entries
    base = entries["base"]
    if not isinstance(base, str):
        raise ExperimentError(f"{path}: {refuse('base', base, 'the name or path of an experiment')}")
    try:
        below = _with_baseline(find_experiment(base, path.parent), (*above, path.resolve()), mistakes)
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
