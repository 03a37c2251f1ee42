"""Axes as a file gives them: lists, ranges, zipped lists and variants, each read into labels and settings.

Which keys there are and which values they take is not known here: every point is laid over the base experiment
(`iomodel.grids.design.load`), so that its errors are those of an experiment.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from iomodel.cards import Cards
from iomodel.errors import ExperimentError, nearest
from iomodel.experiment import KEYS
from iomodel.experiment_file import MERGED, find_experiment, load_experiment
from iomodel.experiment_parts import KINDS, MARGINS, TABLE_FILES, TARGETS
from iomodel.grids.design.definition import EXPERIMENT, Axis, Label, Settings
from iomodel.values import number, one_of, refuse, text, whole

ENTRIES = ("key", "keys", "values", "rows", "from", "to", "step", "points", "variants", "samples", "labels", "unit")
"""What an axis's table may hold."""

FORMS = {
    "values": 'key = "cards.precaution" with values = [0, 0.63]',
    "rows": 'keys = ["targets.package.exactly", "targets.reform.exactly"] with rows = [[2, 0.3], [4, 0.6]]',
    "from": 'key = "targets.package.exactly" with from = 0, to = 6 and step = 1 (or points = 7)',
    "variants": 'variants = ["two-halves", "demand-only"]',
    "samples": 'samples = {method = "latin_hypercube", cards = ["precaution"], points = 128, seed = 1}',
}
"""The entry that tells the form of an axis -> the form by example."""

MOST_POINTS = 10_000_000
"""Points of one axis, and of the box of all, beyond which a file is taken for a slip."""

UNSET = ("name", "question", "base")
"""Keys of an experiment that no axis sets: they are no assumptions."""


def read_axis(name: str, entry: Mapping[str, Any], folder: Path, cards: Cards) -> Axis:
    """An axis of one of the forms without samples.

    folder: of the grid's file, from which paths in it go. cards: of the base, for units. Raises ExperimentError for an
    entry that there is none of, no form or two, an empty axis and one that repeats a label or a setting.
    """
    where = f"axes.{name}"
    form = _form(where, entry)
    labels, settings = _READ[form](where, entry, folder)
    if "labels" in entry:
        labels = tuple(_label(f"{where}.labels", label) for label in listed(f"{where}.labels", entry["labels"]))
        if len(labels) != len(settings):
            raise refuse(f"{where}.labels", list(labels), f"one label for each of the {len(settings)} points")
    keys = tuple(dict.fromkeys(key for point in settings for key in point))
    for key in keys:
        if key == EXPERIMENT and form != "variants":
            raise refuse(f"{where}.key", key, "a key inside an experiment", f" Whole ones are {FORMS['variants']}.")
        if key.split(".")[0] in UNSET:
            raise refuse(f"{where}.key", key, "a key of an experiment that changes what is asked, such as "
                         "targets.package.exactly, cards.precaution, levers.payer, table or horizon.years")  # fmt: skip
    _each_once(where, labels, settings)
    named = any(isinstance(label, str) for label in labels)  # a name has no unit
    unit = text(f"{where}.unit", entry["unit"]) if "unit" in entry else "" if named else _unit(keys, cards)
    kind = {"values": "list", "rows": "zipped", "from": "range", "variants": "variants"}[form]
    return Axis(name, _of_one_type(labels), settings, unit, kind)


def differences(where: str, entry: object, folder: Path) -> Settings:
    """Inline differences, written as an experiment's file, as settings laid over the base as that file would be.

    A section is taken entry by entry, a target, a limit or a partner's tariffs as a whole; `base` names another
    experiment below them.
    """
    if not isinstance(entry, Mapping):
        raise refuse(
            where, entry, "the name or path of an experiment, or differences such as {cards = {precaution = 0}}"
        )
    found: dict[str, object] = {}
    for key, value in entry.items():
        one_of(where, key, [known for known in KEYS if known != "question"])
        if key == "base":
            found[EXPERIMENT] = load_experiment(find_experiment(text(f"{where}.base", value), folder))
        elif key in MERGED:
            if not isinstance(value, Mapping):
                raise refuse(f"{where}.{key}", value, f"a table such as {{{key} = {{… = …}}}}")
            found.update({f"{key}.{inner}": given for inner, given in value.items()})
        else:
            found[key] = table_beside(value, folder) if key == "table" else value
    return found


def table_beside(value: object, folder: Path) -> object:
    """A user's own table by its path from the grid's file; every other value as it is."""
    if isinstance(value, str) and value.lower().endswith(TABLE_FILES):
        return str(folder / value)
    return value


def listed(where: str, value: object) -> list[Any]:
    """A list that is not empty."""
    if not isinstance(value, list):
        raise refuse(where, value, "a list")
    if not value:
        raise refuse(where, value, "at least one entry")
    return list(value)


def _form(where: str, entry: object) -> str:
    """Which form an axis has."""
    forms = "; or ".join(FORMS.values())
    if not isinstance(entry, Mapping) or not entry:
        raise refuse(where, entry, f"an axis: {forms}")
    for key in entry:
        if key not in ENTRIES:
            raise refuse(f"{where}.{key}", key, ", ".join(ENTRIES), nearest(str(key), ENTRIES))
    found = [form for form in FORMS if form in entry]
    if len(found) != 1:
        said = " and ".join(found) or "none of them"
        raise ExperimentError(f"{where}: found {said}; allowed: one form: {forms}.")
    allowed = {
        "values": ("key",), "rows": ("keys",), "from": ("key", "to", "step", "points"), "variants": (), "samples": (),
    }[found[0]]  # fmt: skip
    own = () if found[0] == "samples" else ("labels", "unit")
    for key in entry:
        if key not in (found[0], *allowed, *own):
            raise refuse(f"{where}.{key}", key, f"with {found[0]}: {', '.join((*allowed, *own)) or 'nothing else'}")
    return found[0]


def _list(where: str, entry: Mapping[str, Any], folder: Path) -> tuple[tuple[Label, ...], tuple[Settings, ...]]:
    key = _key(where, entry)
    values = [
        table_beside(value, folder) if key == "table" else value for value in listed(f"{where}.values", entry["values"])
    ]
    return tuple(_shown(value) for value in entry["values"]), tuple({key: value} for value in values)


def _range(where: str, entry: Mapping[str, Any], _: Path) -> tuple[tuple[Label, ...], tuple[Settings, ...]]:
    """Points computed in decimals, so that 0.1 three times is 0.3."""
    key = _key(where, entry)
    ends = [_decimal(f"{where}.{name}", entry.get(name)) for name in ("from", "to")]
    low, high = ends
    if ("step" in entry) == ("points" in entry):
        raise ExperimentError(f"{where}: a range has either step or points beside from and to; found {_names(entry)}.")
    if "points" in entry:
        count = whole(f"{where}.points", entry["points"], 1, MOST_POINTS, "points")
        if (count == 1) != (low == high):
            raise refuse(f"{where}.points", count, "at least 2, or from and to the same for one point")
        step = (high - low) / (count - 1) if count > 1 else Decimal(0)
    else:
        step = _decimal(f"{where}.step", entry["step"])
        if step == 0 or (high - low) / step < 0:
            raise refuse(f"{where}.step", entry["step"], f"a step that leads from {low} to {high}")
        steps = (high - low) / step
        if steps != steps.to_integral_value():
            last = low + step * int(steps)
            raise ExperimentError(
                f"{where}.step: found {entry['step']}, which does not end at to = {high}; "
                f"the last point before it is {last}. Write that as `to`, or points = … instead of step."
            )
        count = int(steps) + 1
    if count > MOST_POINTS:
        raise refuse(f"{where}.step", entry.get("step"), f"at most {MOST_POINTS:,} points, here {count:,}")
    in_whole = all(isinstance(entry.get(name, 0), int) for name in ("from", "to", "step")) and "points" not in entry
    values = [int(low + step * place) if in_whole else _short(low + step * place) for place in range(count)]
    return tuple(values), tuple({key: value} for value in values)


def _zipped(where: str, entry: Mapping[str, Any], folder: Path) -> tuple[tuple[Label, ...], tuple[Settings, ...]]:
    keys = [text(f"{where}.keys", key) for key in listed(f"{where}.keys", entry.get("keys"))]
    if len(set(keys)) < len(keys):
        raise refuse(f"{where}.keys", keys, "each key once")
    settings: list[Settings] = []
    for number_, row in enumerate(listed(f"{where}.rows", entry["rows"])):
        if not isinstance(row, list) or len(row) != len(keys):
            raise refuse(f"{where}.rows[{number_}]", row, f"a value for each of the {len(keys)} keys {', '.join(keys)}")
        pairs = zip(keys, row, strict=True)
        settings.append({key: table_beside(value, folder) if key == "table" else value for key, value in pairs})
    labels = tuple(" / ".join(str(_shown(value)) for value in row) for row in entry["rows"])
    return labels, tuple(settings)


def _variants(where: str, entry: Mapping[str, Any], folder: Path) -> tuple[tuple[Label, ...], tuple[Settings, ...]]:
    given = entry["variants"]
    if isinstance(given, list):
        pairs = [(_variant_name(f"{where}.variants", one), one) for one in listed(f"{where}.variants", given)]
    elif isinstance(given, Mapping) and given:
        pairs = list(given.items())
    else:
        raise refuse(f"{where}.variants", given, "a list of experiments' names or paths, or a table of name = variant")
    settings: list[Settings] = []
    for name, one in pairs:
        at = f"{where}.variants.{name}"
        try:
            if isinstance(one, str):
                settings.append({EXPERIMENT: load_experiment(find_experiment(one, folder))})
            else:
                inner = {key: value for key, value in one.items() if key != "name"} if isinstance(one, Mapping) else one
                settings.append(differences(at, inner, folder))
        except ExperimentError as error:
            raise error if str(error).startswith(where) else ExperimentError(f"{at}: {error}") from None
    return tuple(name for name, _ in pairs), tuple(settings)


_READ: dict[str, Callable[[str, Mapping[str, Any], Path], tuple[tuple[Label, ...], tuple[Settings, ...]]]] = {
    "values": _list,
    "rows": _zipped,
    "from": _range,
    "variants": _variants,
}


def _variant_name(where: str, one: object) -> str:
    """The label of a variant in a list."""
    if isinstance(one, str) and one.strip():
        return Path(one).stem if one.endswith(".toml") else one
    if isinstance(one, Mapping) and isinstance(one.get("name"), str):
        return text(f"{where}.name", one["name"])
    raise refuse(where, one, "an experiment's name or path, or differences with a name = … of their own")


def _key(where: str, entry: Mapping[str, Any]) -> str:
    if "key" not in entry:
        raise refuse(f"{where}.key", None, 'the key of an experiment that the axis sets, such as "cards.precaution"')
    return text(f"{where}.key", entry["key"])


def _decimal(where: str, value: object) -> Decimal:
    """A number of a file as the decimal that was written."""
    number(where, value, -1e15, 1e15)
    return Decimal(repr(value))


def _short(value: Decimal) -> float:
    """A point of a range as the float of its first fifteen digits."""
    return float(f"{value:.15g}")


def _names(entry: Mapping[str, Any]) -> str:
    return ", ".join(key for key in ("from", "to", "step", "points") if key in entry)


def _shown(value: object) -> Label:
    """A value as a label: numbers and texts as they are, everything else as it is written."""
    if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value) or "none"
    return json.dumps(value, ensure_ascii=False, default=str)


def _label(where: str, value: object) -> Label:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise refuse(where, value, "a number or text")
    return value


def _of_one_type(labels: Sequence[Label]) -> tuple[Label, ...]:
    """Labels as one coordinate holds them: all numbers of one kind, or all texts."""
    if all(isinstance(label, int) for label in labels):
        return tuple(labels)
    if not any(isinstance(label, str) for label in labels):
        return tuple(float(label) for label in labels)
    return tuple(str(label) for label in labels)


def _each_once(where: str, labels: Sequence[Label], settings: Sequence[Settings]) -> None:
    """ExperimentError where a label or a setting stands twice."""
    seen: set[object] = set()
    for label in _of_one_type(labels):
        if label in seen:
            raise refuse(where, label, "each value once", f" {label} stands there twice.")
        seen.add(label)
    known: dict[str, Label] = {}
    for label, point in zip(labels, settings, strict=True):
        written = json.dumps(point, sort_keys=True, default=lambda value: repr(value))
        if written in known:
            raise refuse(where, label, "each value once", f" {label} and {known[written]} set the same.")
        known[written] = label


def _unit(keys: Sequence[str], cards: Cards) -> str:
    """The unit of what an axis of one key sets, "" where there is none or are several."""
    parts = keys[0].split(".") if len(keys) == 1 else [""]
    if len(parts) == 3 and parts[0] == "targets" and parts[1] in TARGETS and parts[2] in KINDS:
        return TARGETS[parts[1]][2].removeprefix("as a ")
    if len(parts) == 3 and parts[0] == "limits" and parts[1] in MARGINS and parts[2] == "margin":
        return MARGINS[parts[1]][2].removeprefix("as a ")
    if len(parts) == 2 and parts[0] == "cards" and parts[1] in cards:
        return cards.card(parts[1]).unit
    if parts == ["levers", "benefit", "to"]:
        return "share of the mean wage"
    return "years" if parts[0] == "horizon" or parts[-1] == "by" else ""
