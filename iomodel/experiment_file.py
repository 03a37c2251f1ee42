"""Experiments as files: TOML in, TOML out, closed to unknown keys.

A file names its baseline and says what differs. Reading lays the differences over the baseline entry by entry, then
makes one checked `Experiment`; writing gives the whole of it, without a baseline, so that what was run can be run
again whatever becomes of the baseline.
"""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from iomodel.cards import load_cards
from iomodel.errors import CardError, ExperimentError, nearest
from iomodel.experiment import Benefit, Experiment, Horizon, Levers, Limit, Target, Tariff
from iomodel.experiment_parts import ALL, KINDS, LIMITS, TABLE_FILES, TARGETS
from iomodel.shipped import shipped_file, shipped_names
from iomodel.values import file_path, one_of, refuse

FOLDER = "experiments"
KEYS = (
    "name", "base", "question", "table", "region", "solver", "horizon", "targets", "levers", "limits", "cards",
    "tariffs", "deciding", "weights", "corridor",
)  # fmt: skip
NONE = "none"
"""What stands in a file or in --set for a target or limit of the baseline that is to be dropped."""
MERGED = ("horizon", "targets", "levers", "limits", "cards", "tariffs", "weights")
"""Sections that are laid over a baseline's entry by entry."""


def shipped_experiments() -> list[str]:
    """Names of the shipped experiments."""
    return shipped_names(FOLDER, ".toml")


def read_experiment(name_or_path: str | Path) -> Experiment:
    """A shipped experiment by name, or a file; see `iomodel.load_experiment`."""
    file_path("load_experiment", name_or_path, ExperimentError)
    path = find_experiment(name_or_path, Path())
    entries = _with_baseline(path, ())
    return experiment_from(entries, str(path), path.stem)


def experiment_from(entries: Mapping[str, Any], source: str, name: str) -> Experiment:
    """An `Experiment` from nested plain values as a file holds them (baseline already laid below).

    `source` ("" for none) is put in front of every error; `name` is taken where the entries give none. Changed cards
    are checked against the cards of the experiment's table.
    """
    before = f"{source}: " if source else ""
    try:
        experiment = experiment_of(entries, name)
        load_cards(experiment.table, dict(experiment.cards), experiment.region)
    except ExperimentError as error:
        raise ExperimentError(f"{before}{error}") from None
    except CardError as error:
        raise CardError(f"{before}cards: {error}") from None
    return experiment


def experiment_to_dict(experiment: Experiment) -> dict[str, Any]:
    """The experiment as nested plain values, as a file holds them: `experiment_from` makes an equal one."""
    whole: dict[str, Any] = {
        "name": experiment.name,
        "question": experiment.question,
        "table": experiment.table,
        "region": experiment.region,
        "horizon": dataclasses.asdict(experiment.horizon),
        "targets": {
            key: {target.kind: target.value, "by": target.by, "hard": target.hard}
            for key, target in experiment.targets.items()
        },
        "levers": {"free": list(experiment.levers.free), "payer": experiment.levers.payer},
        "limits": {key: _given(dataclasses.asdict(limit)) for key, limit in experiment.limits.items()},
        "cards": {key: list(v) if isinstance(v, tuple) else v for key, v in experiment.cards.items()},
        "tariffs": {},
    }
    if experiment.solver is not None:
        whole["solver"] = experiment.solver
    if experiment.deciding:
        whole["deciding"] = ALL if experiment.deciding == (ALL,) else list(experiment.deciding)
        whole["weights"] = dict(experiment.weights)
    if experiment.corridor is not None:
        whole["corridor"] = experiment.corridor
    if experiment.levers.benefit is not None:
        whole["levers"]["benefit"] = dataclasses.asdict(experiment.levers.benefit)
    for tariff in experiment.tariffs:
        entry = _given({"group": tariff.group, "points": tariff.points, "from": tariff.from_year})
        whole["tariffs"].setdefault(tariff.partner, []).append(entry)
    return whole


def experiment_to_toml(experiment: Experiment) -> str:
    """The experiment as TOML; see `Experiment.to_toml`."""
    entries = experiment_to_dict(experiment)
    origin = f"# {experiment.name}, with all that it takes from {experiment.base}\n" if experiment.base else ""
    lines = [f"{_key(key)} = {_toml(value)}" for key, value in entries.items() if not isinstance(value, dict)]
    for key, value in entries.items():
        if isinstance(value, dict) and value:
            lines += ["", f"[{key}]"]
            lines += [f"{_key(inner)} = {_toml(entry)}" for inner, entry in value.items()]
    return origin + "\n".join(lines) + "\n"


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


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ExperimentError(f"{path}: this is not TOML ({error}). See a shipped experiment for the form.") from None
    except OSError as error:
        raise ExperimentError(f"{path}: cannot be read ({error.strerror}).") from None


def _with_baseline(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    """The entries of a file laid over those of its baseline, and of the baseline's."""
    if path.resolve() in above:
        circle = " -> ".join(found.name for found in (*above, path))
        raise ExperimentError(f"the baselines go in a circle: {circle}. Let one of them have no base.")
    entries = _read(path)
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


def experiment_of(entries: Mapping[str, Any], name: str = "experiment") -> Experiment:
    """As `experiment_from`, without looking at the ranges of cards and without a source in its errors."""
    _closed("", entries, KEYS)
    horizon = _section(entries, "horizon", ("years", "beyond"))
    levers = _section(entries, "levers", ("free", "payer", "benefit"))
    benefit = levers.get("benefit")
    if benefit is not None:
        levers["benefit"] = Benefit(**_closed("levers.benefit", benefit, ("to", "by")))
    names = ("question", "table", "region", "solver", "base", "deciding", "corridor")
    plain = {key: entries[key] for key in names if key in entries}
    targets = _section(entries, "targets", None)
    limits = _section(entries, "limits", None)
    for section, names, allowed in (("targets", targets, TARGETS), ("limits", limits, LIMITS)):
        for key in names:  # a misspelled name is said before what stands under it
            one_of(section, key, allowed)
    targets = {key: entry for key, entry in targets.items() if entry not in (NONE, {})}
    limits = {key: entry for key, entry in limits.items() if entry != NONE}  # {} is one with the margin of its card
    return Experiment(
        name=entries.get("name", name),
        horizon=Horizon(**horizon),
        targets={key: _target(key, entry) for key, entry in targets.items()},
        levers=Levers(**levers),
        limits={key: Limit(**_closed(f"limits.{key}", entry, ("margin", "soft"))) for key, entry in limits.items()},
        cards=_section(entries, "cards", None),
        weights=_section(entries, "weights", None),
        tariffs=_tariffs(_section(entries, "tariffs", None)),
        **plain,
    )


def _closed(where: str, entry: object, allowed: Sequence[str]) -> dict[str, Any]:
    """`entry` as a dict whose keys are all allowed."""
    if not isinstance(entry, Mapping):
        raise refuse(where, entry, f"a table such as {{{allowed[0]} = …}} with the keys {', '.join(allowed)}")
    for key in entry:
        if key not in allowed:
            raise refuse(f"{where}.{key}".lstrip("."), key, ", ".join(allowed), nearest(str(key), allowed))
    return dict(entry)


def _section(entries: Mapping[str, Any], name: str, allowed: Sequence[str] | None) -> dict[str, Any]:
    entry = entries.get(name, {})
    if allowed is not None:
        return _closed(name, entry, allowed)
    if not isinstance(entry, Mapping):
        raise refuse(name, entry, f"a section [{name}]")
    return dict(entry)


def _target(key: str, entry: object) -> Target:
    where = f"targets.{key}"
    fields = _closed(where, entry, (*KINDS, "by", "hard"))
    kinds = [kind for kind in KINDS if kind in fields]
    if len(kinds) != 1:
        found = " and ".join(kinds) or "neither"
        raise refuse(where, found, "one of exactly and at_least")
    value = fields.pop(kinds[0])
    return Target(kinds[0], value, **fields)


def _tariffs(section: Mapping[str, Any]) -> tuple[Tariff, ...]:
    """Tariffs from partner -> one entry or a list of them."""
    found: list[Tariff] = []
    for partner, entry in section.items():
        for one in entry if isinstance(entry, list) else [entry]:
            fields = _closed(f"tariffs.{partner}", one, ("group", "points", "from"))
            if "from" in fields:
                fields["from_year"] = fields.pop("from")
            found.append(Tariff(partner, **fields))
    return tuple(found)


def _given(entries: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entries.items() if value is not None}


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else json.dumps(key)


def _toml(value: Any) -> str:
    """A plain value as TOML; strings as JSON, whose escapes TOML shares."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)} = {_toml(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(entry) for entry in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)
