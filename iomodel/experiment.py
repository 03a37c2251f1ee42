"""What is asked: a table, a horizon, targets, free levers, limits, changed cards and tariffs.

An experiment is a small file of differences from a named baseline, closed to unknown keys: `iomodel.experiment_file`
reads it. The noun is checked whenever it is made, so that an experiment that exists can be run, and it holds plain
values only: it is hashable, and goes to TOML and back unchanged. Years in an experiment count years of policy, the
first year after those that are known being year 1, so that one file serves tables of different years.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iomodel.errors import ExperimentError
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
from iomodel.experiment_parts import KINDS, Benefit, Horizon, Levers, Limit, Target, Tariff
from iomodel.frozen import Frozen
from iomodel.values import one_of, refuse, text

# The nouns from which a script makes an experiment, all found here.
__all__ = ["Benefit", "Experiment", "Horizon", "Levers", "Limit", "Target", "Tariff", "experiment_required",
           "load_experiment"]  # fmt: skip


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
        from iomodel.experiment_file import experiment_from, experiment_to_dict  # the file form builds on this noun

        entries = experiment_to_dict(self)
        for key, value in changes.items():
            _put(entries, key, value)
        return dataclasses.replace(experiment_from(entries, "", self.name), base=self.base)

    def to_toml(self) -> str:
        """The whole experiment as TOML, from which `load_experiment` makes an equal one."""
        from iomodel.experiment_file import experiment_to_toml

        return experiment_to_toml(self)


def load_experiment(name_or_path: str | Path) -> Experiment:
    """A shipped experiment by name, or a TOML file of differences from the baseline that it names.

    Raises ExperimentError: unknown name (with the nearest), missing file, no TOML, unknown key, value not allowed,
    baselines that go in a circle. A changed card that does not exist or leaves its range is a CardError. Each names
    the file and the key.

    >>> load_experiment("two-halves").targets["package"].value
    4.0
    """
    from iomodel.experiment_file import read_experiment

    return read_experiment(name_or_path)


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
