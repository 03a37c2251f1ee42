"""What is asked: a table, a horizon, targets, free levers, limits, changed cards and tariffs.

An experiment is a small file of differences from a named baseline, closed to unknown keys: `iomodel.experiment_file`
reads it. The noun is checked whenever it is made, so that an experiment that exists can be run, and it holds plain
values only: it is hashable, and goes to the entries of a file and back unchanged. Written, it is whole, without its
baseline, so that what was run can be run again whatever becomes of that. Years in an experiment count years of policy,
the first year after those that are known being year 1, so that one file serves tables of different years.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iomodel.cards import load_cards
from iomodel.errors import CardError, ExperimentError, nearest
from iomodel.experiment_checks import (
    check_levers,
    checked_benefit,
    checked_card,
    checked_corridor,
    checked_deciding,
    checked_limit,
    checked_target,
    checked_tariff,
    checked_weights,
)
from iomodel.experiment_parts import ALL, KINDS, LIMITS, TARGETS, Benefit, Horizon, Levers, Limit, Target, Tariff
from iomodel.frozen import Frozen
from iomodel.toml_text import toml_of
from iomodel.values import one_of, refuse, text

# The nouns from which a script makes an experiment, all found here.
__all__ = ["Benefit", "Experiment", "Horizon", "Levers", "Limit", "Target", "Tariff",
           "experiment_required"]  # fmt: skip

KEYS = (
    "name", "base", "question", "table", "region", "solver", "horizon", "targets", "levers", "limits", "cards",
    "tariffs", "deciding", "weights", "corridor",
)  # fmt: skip
NONE = "none"
"""What stands in a file or in --set for a target or limit of the baseline that is to be dropped."""


@dataclass(frozen=True)
class Experiment:
    """What is asked of the model; plain, checked, hashable, equal to another that asks the same.

    `deciding` are the regions that decide together, ("all",) every one of the table, none the `region` alone;
    `weights` what each region's goal counts (none: its share of base-year consumption), `corridor` how far a region's
    current account may leave the reference path's, percent of its GDP (None: as far as it likes). Raises
    ExperimentError for a value that is not allowed, a target whose lever is not free, or a year beyond the horizon.
    `base` only says where it came from and takes no part in comparison.

    >>> Experiment("mine", targets={"package": Target("exactly", 4.0)}, levers=Levers(("programme",))).horizon.years
    10
    """

    name: str
    question: str = ""
    table: str = "china-2020"
    region: str = "CHN"
    horizon: Horizon = field(default_factory=Horizon)
    targets: Mapping[str, Target] = field(default_factory=Frozen[Target])
    levers: Levers = field(default_factory=Levers)
    limits: Mapping[str, Limit] = field(default_factory=Frozen[Limit])
    cards: Mapping[str, float | tuple[float, ...]] = field(default_factory=Frozen[float | tuple[float, ...]])
    tariffs: tuple[Tariff, ...] = ()
    solver: str | None = None
    base: str | None = field(default=None, compare=False)
    deciding: tuple[str, ...] = ()
    weights: Mapping[str, float] = field(default_factory=Frozen[float])
    corridor: float | None = None

    def __post_init__(self) -> None:
        for key in ("name", "table", "region"):
            text(key, getattr(self, key))
        if any(sign in self.name for sign in "/\\") or self.name.startswith("."):
            raise refuse("name", self.name, "text without / and \\ that does not begin with a dot: it names a folder")
        if not isinstance(self.question, str):
            raise refuse("question", self.question, "text")
        if self.solver is not None:
            object.__setattr__(self, "solver", text("solver", self.solver).lower())
        _check_kinds(self)
        last = self.horizon.years
        targets = {key: checked_target(key, entry, last) for key, entry in self.targets.items()}
        limits = {key: checked_limit(key, entry) for key, entry in self.limits.items()}
        cards = {
            text("cards", key): checked_card(key, value, self.table, self.region) for key, value in self.cards.items()
        }
        object.__setattr__(self, "targets", Frozen(targets))
        object.__setattr__(self, "limits", Frozen(limits))
        object.__setattr__(self, "cards", Frozen(cards))
        _set_world(self)
        tariffs = tuple(checked_tariff(entry, self.table, self.region, last) for entry in self.tariffs)
        object.__setattr__(self, "tariffs", tariffs)
        check_levers(self.levers.free, self.targets, self.limits)
        if self.levers.benefit is not None:
            benefit = checked_benefit(self.levers.benefit, last)
            object.__setattr__(self, "levers", dataclasses.replace(self.levers, benefit=benefit))

    def replace(self, **changes: Any) -> Experiment:
        """A new experiment with some fields changed, checked as a whole.

        Any field; also `free`, `payer` and `benefit` of the levers, and `years` and `beyond` of the horizon. `cards`
        are laid over the cards already changed; every other field is replaced.

        >>> Experiment("mine").replace(table="world-2011", payer="dividends").levers.payer
        'dividends'
        """
        parts = {"levers": ("free", "payer", "benefit"), "horizon": ("years", "beyond")}
        for part, names in parts.items():
            inner = {name: changes.pop(name) for name in names if name in changes}
            if inner:
                changes[part] = dataclasses.replace(changes.get(part, getattr(self, part)), **inner)
        if isinstance(changes.get("cards"), Mapping):
            changes["cards"] = {**self.cards, **changes["cards"]}
        allowed = [entry.name for entry in dataclasses.fields(self)]
        for name in changes:
            one_of("Experiment.replace", name, [*allowed, *(name for names in parts.values() for name in names)])
        return dataclasses.replace(self, **changes)

    def set(self, key: str, value: object) -> Experiment:
        """A new experiment with the entry at a dotted key changed, as `--set` does: `set("cards.precaution", 0.3)`.

        A key is written as in a file; setting one kind of a target drops the other. ExperimentError names a key that
        does not exist and a value that is not allowed.

        >>> Experiment("mine").set("horizon.years", 12).horizon.years
        12
        """
        return self.set_all({key: value})

    def set_all(self, changes: Mapping[str, object]) -> Experiment:
        """As `set`, for several keys at once, in their order; what they make together is checked once.

        >>> Experiment("mine").set_all({"horizon.years": 12, "cards.precaution": 0.3}).cards["precaution"]
        0.3
        """
        entries = experiment_to_dict(self)
        for key, value in changes.items():
            _put(entries, key, value)
        return dataclasses.replace(experiment_from(entries, "", self.name), base=self.base)

    def to_toml(self) -> str:
        """The whole experiment as TOML, from which `load_experiment` makes an equal one."""
        origin = f"# {self.name}, with all that it takes from {self.base}\n" if self.base else ""
        return origin + toml_of(experiment_to_dict(self))


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


def experiment_required(experiment: object) -> Experiment:
    """`experiment` if it is one; ExperimentError says how to come from a name or a file to one.

    >>> experiment_required(Experiment("mine")).name
    'mine'
    """
    if isinstance(experiment, Experiment):
        return experiment
    advice = "load one with load_experiment, or make an Experiment"
    if isinstance(experiment, str | Path):
        advice = f"load it first: load_experiment({str(experiment)!r})"
    raise ExperimentError(
        f"An experiment is needed, found {str(experiment)[:60]!r} of type {type(experiment).__name__}; {advice}."
    )


def _put(entries: dict[str, Any], key: str, value: object) -> None:
    """Change the entry at a dotted key, in place."""
    text("key", key)
    if key == "base":
        raise refuse(key, value, "the keys of an experiment that is already laid on its base",
                     " Name that experiment instead, or write a file with this base.")  # fmt: skip
    *folders, last = key.split(".")
    inside = entries
    for folder in folders:
        inside = inside.setdefault(folder, {})
        if not isinstance(inside, dict):
            raise refuse(key, folder, "a key that has entries below it")
    if last in KINDS:
        for kind in KINDS:
            inside.pop(kind, None)
    inside[last] = value


_ENTRIES: dict[str, type] = {"targets": Target, "limits": Limit, "tariffs": Tariff}


def _check_kinds(experiment: Experiment) -> None:
    """What a script hands over is of the kinds that a file would make."""
    for key, wanted in (("horizon", Horizon), ("levers", Levers)):
        if not isinstance(getattr(experiment, key), wanted):
            raise refuse(key, getattr(experiment, key), f"a {wanted.__name__}")
    for key in ("targets", "limits", "cards"):
        if not isinstance(getattr(experiment, key), Mapping):
            example = "{'precaution': 0.3}" if key == "cards" else f"{{name: {_ENTRIES[key].__name__}(…)}}"
            raise refuse(key, getattr(experiment, key), f"a mapping such as {example}")
    if isinstance(experiment.tariffs, str) or not isinstance(experiment.tariffs, Sequence):
        raise refuse("tariffs", experiment.tariffs, "a list of Tariff")
    for key, wanted in _ENTRIES.items():
        entries = getattr(experiment, key)
        for name, entry in entries.items() if isinstance(entries, Mapping) else enumerate(entries):
            if not isinstance(entry, wanted):
                raise refuse(f"{key}.{name}", entry, f"a {wanted.__name__}")


def _set_world(experiment: Experiment) -> None:
    """Deciding regions, their weights and the corridor of their external balances, checked."""
    regions = checked_deciding(experiment.deciding, experiment.table)
    if regions and experiment.tariffs:
        raise ExperimentError(
            "tariffs change exports that are data; what deciding regions sell follows from their partners' demand. "
            "Take the tariffs out, or let one region decide."
        )
    corridor = checked_corridor(experiment.corridor, experiment.levers.free)
    object.__setattr__(experiment, "deciding", regions)
    object.__setattr__(experiment, "weights", Frozen(checked_weights(experiment.weights, regions)))
    object.__setattr__(experiment, "corridor", corridor)


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
