"""What is asked: a table, a horizon, targets, free levers, limits, changed cards and tariffs.

An experiment is a small file of differences from a named baseline, closed to unknown keys: `iomodel.experiment_file`
reads it. The noun is checked whenever it is made, so that an experiment that exists can be run, and it holds plain
values only: it is hashable, and goes to TOML and back unchanged. Years in an experiment count years of policy, the
first year after those that are known being year 1, so that one file serves tables of different years.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from iomodel.errors import ExperimentError, TableError, nearest
from iomodel.frozen import Frozen
from iomodel.labels import TARIFF_GROUPS
from iomodel.program.policy import LEVERS, PAYERS
from iomodel.shipped import shipped_tables, table_card
from iomodel.values import number, one_of, refuse, text, whole

KINDS = ("exactly", "at_least")
"""A target's two kinds: a value to be met, or a floor."""

TARGETS = {
    "package": ("programme", 20.0, "points of GDP"),
    "idle_cut": ("retirement", 1.0, "as a share of the reference's idle plant"),
    "reform": ("reform", 1.0, "as a share of the investment drive"),
}
"""Target -> the lever that meets it, the largest value that makes sense, the unit."""

LIMITS = {
    "debt_ceiling": "watched_debt",
    "deficit_ceiling": "watched_deficit",
    "firm_debt_ceiling": "watched_firm_debt",
    "current_account_floor": "watched_current_account_low",
    "household_saving_floor": "watched_household_saving",
}
"""Watched quantity that a file may turn into a law -> the card that holds its margin."""

_BEYOND = (-100.0, 100.0, "points of GDP beyond the reference path")
MARGINS = {
    "debt_ceiling": _BEYOND,
    "deficit_ceiling": _BEYOND,
    "firm_debt_ceiling": _BEYOND,
    "current_account_floor": (-20.0, 20.0, "percent of GDP"),
    "household_saving_floor": (0.0, 1.0, "as a share of household income"),
}
"""Limit -> the smallest and largest margin that makes sense, and its unit."""

GROUPS = TARIFF_GROUPS

ALL = "all"

TABLE_FILES = (".nc", ".csv", ".xlsx", ".xlsm")
"""Endings by which a table is a user's own file; every other text is a shipped table's name."""


@dataclass(frozen=True)
class Horizon:
    """Reported years of policy, and the years solved beyond them so that the end does not reach into the report."""

    years: int = 10
    beyond: int = 8

    def __post_init__(self) -> None:
        whole("horizon.years", self.years, 1, 100, "years of policy")
        whole("horizon.beyond", self.beyond, 0, 100, "years after the reported ones")

    @property
    def solved(self) -> int:
        """Years of policy that are solved."""
        return self.years + self.beyond


@dataclass(frozen=True)
class Target:
    """Where to be from year `by` of the policy on: `exactly` or `at_least` `value`; `hard` allows no miss."""

    kind: str
    value: float
    by: int = 8
    hard: bool = False


@dataclass(frozen=True)
class Benefit:
    """The unemployment benefit's path: replacement times coverage, as a share of the wage, `to` in year `by`."""

    to: float = 0.15
    by: int = 8


@dataclass(frozen=True)
class Levers:
    """What the policy may move, who pays for the programme, and the benefit's path (None: it stays as it is)."""

    free: tuple[str, ...] = ()
    payer: str = "debt"
    benefit: Benefit | None = None

    def __post_init__(self) -> None:
        if isinstance(self.free, str) or not isinstance(self.free, Sequence):
            raise refuse("levers.free", self.free, f"a list of {', '.join(LEVERS)}")
        for lever in self.free:
            one_of("levers.free", lever, LEVERS)
        if len(set(self.free)) < len(self.free):
            raise refuse("levers.free", list(self.free), "each lever once")
        object.__setattr__(self, "free", tuple(lever for lever in LEVERS if lever in self.free))
        one_of("levers.payer", self.payer, PAYERS)


@dataclass(frozen=True)
class Limit:
    """A watched quantity made a law of the policy years; `margin` None takes that of its card.

    margin: for the ceilings (debt, deficit, firm debt) points of GDP beyond the reference path; for the current
    account's floor the least balance, percent of GDP of the year; for household saving's floor the least share of
    household income that is saved. `soft` None is a hard law; a number is the price of passing it, yuan of the goal per
    yuan passed.
    """

    margin: float | None = None
    soft: float | None = None


@dataclass(frozen=True)
class Tariff:
    """Points that a partner adds to its duty on the home region's goods of one sector group from a year on.

    `partner` may be "all", `points` None (the card partner_tariff), `from_year` counts years of policy;
    `iomodel.markets.tariffs.in_force` gives partners, points and calendar years.
    """

    partner: str
    group: str = "manufacturing"
    points: float | None = None
    from_year: int = 1


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
    horizon: Horizon = Horizon()
    targets: Mapping[str, Target] = field(default_factory=Frozen[Target])
    levers: Levers = Levers()
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
        targets = {key: _target(key, entry, last) for key, entry in self.targets.items()}
        limits = {key: _limit(key, entry) for key, entry in self.limits.items()}
        cards = {text("cards", key): _card(key, value, self.table, self.region) for key, value in self.cards.items()}
        object.__setattr__(self, "targets", Frozen(targets))
        object.__setattr__(self, "limits", Frozen(limits))
        object.__setattr__(self, "cards", Frozen(cards))
        _check_world(self)
        object.__setattr__(self, "tariffs", tuple(_tariff(entry, self, last) for entry in self.tariffs))
        _check_levers(self)

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
        from iomodel.experiment_file import experiment_from, experiment_to_dict  # the file form builds on this noun

        text("key", key)
        if key == "base":
            raise refuse(key, value, "the keys of an experiment that is already laid on its base",
                         " Name that experiment instead, or write a file with this base.")  # fmt: skip
        entries = experiment_to_dict(self)
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


def _target(key: str, target: Target, last: int) -> Target:
    one_of("targets", key, TARGETS)
    _, most, unit = TARGETS[key]
    kind = one_of(f"targets.{key}", target.kind, KINDS)
    if key == "idle_cut" and kind == "exactly":
        raise ExperimentError(
            "targets.idle_cut.exactly: idle plant follows from demand, and no lever can keep it from falling further; "
            "write at_least."
        )
    value = number(f"targets.{key}.{kind}", target.value, 0.0, most, unit)
    by = whole(f"targets.{key}.by", target.by, 1, last, "years of policy (the horizon's years)")
    if not isinstance(target.hard, bool):
        raise refuse(f"targets.{key}.hard", target.hard, "true or false")
    return Target(kind, value, by, target.hard)


def _limit(key: str, limit: Limit) -> Limit:
    one_of("limits", key, LIMITS)
    margin = None if limit.margin is None else number(f"limits.{key}.margin", limit.margin, *MARGINS[key])
    if key == "household_saving_floor" and margin == 1.0:
        raise refuse(f"limits.{key}.margin", limit.margin, "a share below 1", " No household lives on nothing.")
    soft = None if limit.soft is None else number(f"limits.{key}.soft", limit.soft, 0.0, 1e6)
    return Limit(margin, soft)


def _card(key: str, value: object, table: str, region: str) -> float | tuple[float, ...]:
    entries: Sequence[object] = value if isinstance(value, list | tuple) else (value,)
    numbers = [float(entry) for entry in entries if _is_number(entry)]
    if len(numbers) < len(entries) or not entries:
        raise refuse(f"cards.{key}", value, _allowed_card(key, table, region))
    return tuple(numbers) if isinstance(value, list | tuple) else numbers[0]


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _allowed_card(key: str, table: str, region: str) -> str:
    """What a card may hold, in words; its own range where there is such a card."""
    from iomodel.cards import load_cards

    cards = load_cards(table, region=region)
    if key not in cards:  # a misspelled key is said before its value
        raise ExperimentError(f"cards.{key}: there is no card of this name.{nearest(key, cards)}")
    card = cards.card(key)
    kind = "a list of numbers" if isinstance(card.value, tuple) else "a number"
    return f"{kind} from {card.low:g} to {card.high:g} {card.unit}"


def partners() -> list[str]:
    """Regions of the shipped inter-country tables, in their order."""
    cards = [table_card(name) for name in shipped_tables()]
    return list(dict.fromkeys(region for card in cards if not card["national"] for region in card["regions"]))


def known_table(key: str, table: str) -> str:
    """`table` if it is the name of a shipped one or a file that exists; TableError with the nearest names otherwise."""
    if table in shipped_tables() or (table.lower().endswith(TABLE_FILES) and Path(table).is_file()):
        return table
    names = shipped_tables()
    what = "file" if table.lower().endswith(TABLE_FILES) else "table"
    raise TableError(f"{key}: there is no {what} {table!r}; shipped: {', '.join(names)}.{nearest(table, names)}")


def _tariff(tariff: Tariff, experiment: Experiment, last: int) -> Tariff:
    key = f"tariffs.{tariff.partner}"
    # The regions of a user's own table are not known here; they are checked when the table is opened.
    if not experiment.table.lower().endswith(TABLE_FILES):
        one_of("tariffs", tariff.partner, [*partners(), ALL])
    if tariff.partner == experiment.region:
        raise refuse("tariffs", tariff.partner, "a partner, not the home region itself")
    one_of(f"{key}.group", tariff.group, GROUPS)
    points = None if tariff.points is None else number(f"{key}.points", tariff.points, -100.0, 1000.0, "points")
    start = whole(f"{key}.from", tariff.from_year, 1, last, "years of policy (the first is 1)")
    return Tariff(tariff.partner, tariff.group, points, start)


def _check_world(experiment: Experiment) -> None:
    """Deciding regions, their weights and the corridor of their external balances."""
    regions = _deciding(experiment)
    if regions and experiment.tariffs:
        raise ExperimentError(
            "tariffs change exports that are data; what deciding regions sell follows from their partners' demand. "
            "Take the tariffs out, or let one region decide."
        )
    corridor = experiment.corridor
    if corridor is not None:
        corridor = number("corridor", corridor, 0.0, 100.0, "percent of GDP")
        if not experiment.levers.free:
            raise ExperimentError("corridor: it would be a law, but no lever is free to keep it; free one, or drop it.")
    object.__setattr__(experiment, "deciding", regions)
    object.__setattr__(experiment, "weights", Frozen(_weights(experiment, regions)))
    object.__setattr__(experiment, "corridor", corridor)


def _deciding(experiment: Experiment) -> tuple[str, ...]:
    """The deciding regions, each once and known where the table is."""
    named: object = experiment.deciding
    if named == ALL:
        return (ALL,)
    if isinstance(named, str) or not isinstance(named, Sequence):
        raise refuse("deciding", named, f'"{ALL}" or a list of regions')
    regions = tuple(text("deciding", region) for region in experiment.deciding)
    if len(set(regions)) < len(regions):
        raise refuse("deciding", list(regions), "each region once")
    # The regions of a user's own table are not known here; they are checked when the table is opened.
    if regions != (ALL,) and not experiment.table.lower().endswith(TABLE_FILES):
        for region in regions:
            one_of("deciding", region, [ALL, *partners()])
    return regions


def _weights(experiment: Experiment, regions: tuple[str, ...]) -> dict[str, float]:
    """Weights of all deciding regions, or none."""
    given = experiment.weights
    if not isinstance(given, Mapping):
        raise refuse("weights", given, "a mapping such as {'USA': 0.5, 'CHN': 0.5}")
    weights = {region: number(f"weights.{region}", weight, 0.0, 1e6) for region, weight in given.items()}
    if not weights:
        return weights
    if not regions:
        raise ExperimentError('weights: one region decides, so there is nothing to weigh; write deciding = ["USA", …].')
    absent = [region for region in regions if region not in weights and region != ALL]
    if absent or not sum(weights.values()) > 0:
        said = f"none for {', '.join(absent)}" if absent else "all are zero"
        raise ExperimentError(f"weights: {said}; give every region that decides a weight, or none at all.")
    beyond = [region for region in weights if region not in regions and regions != (ALL,)]
    if beyond:
        raise refuse(f"weights.{beyond[0]}", beyond[0], f"a region that decides: {', '.join(regions)}")
    return weights


def _check_levers(experiment: Experiment) -> None:
    free, benefit = experiment.levers.free, experiment.levers.benefit
    for key in experiment.targets:
        lever = TARGETS[key][0]
        if lever not in free:
            listed = ", ".join(free) or "none"
            raise ExperimentError(
                f"targets.{key} is met by the lever {lever}, which is not free (free: {listed})."
                f' Add "{lever}" to levers.free, or take the target out.'
            )
    if experiment.limits and not free:
        listed = ", ".join(experiment.limits)
        raise ExperimentError(
            f"limits: {listed} would be a law of the program, but no lever is free to keep it: the path is simulated. "
            "Free a lever in levers.free, or take the limits out."
        )
    if benefit is not None:
        to = number("levers.benefit.to", benefit.to, 0.0, 1.0, "of the wage")
        by = whole("levers.benefit.by", benefit.by, 1, experiment.horizon.years, "years of policy")
        object.__setattr__(experiment, "levers", dataclasses.replace(experiment.levers, benefit=Benefit(to, by)))
