"""Whether what an experiment says can be run: each part in its range, and all parts together.

Every check returns the value that the experiment keeps, or raises one error that names the key, what was found and what
is allowed. Regions of a user's own table are not known here; they are looked at when the table is opened.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeGuard

from iomodel.errors import ExperimentError, TableError, nearest
from iomodel.experiment_parts import (
    ALL,
    GROUPS,
    KINDS,
    LIMITS,
    MARGINS,
    TABLE_FILES,
    TARGETS,
    Benefit,
    Limit,
    Target,
    Tariff,
)
from iomodel.shipped import shipped_tables, table_card
from iomodel.values import number, one_of, refuse, text, whole


def checked_target(key: str, target: Target, last: int) -> Target:
    """A target whose kind, value and year are allowed, the last year of policy being `last`."""
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


def checked_limit(key: str, limit: Limit) -> Limit:
    """A limit whose margin and price are allowed."""
    one_of("limits", key, LIMITS)
    margin = None if limit.margin is None else number(f"limits.{key}.margin", limit.margin, *MARGINS[key])
    if key == "household_saving_floor" and margin == 1.0:
        raise refuse(f"limits.{key}.margin", limit.margin, "a share below 1", " No household lives on nothing.")
    soft = None if limit.soft is None else number(f"limits.{key}.soft", limit.soft, 0.0, 1e6)
    return Limit(margin, soft)


def checked_card(key: str, value: object, table: str, region: str) -> float | tuple[float, ...]:
    """A card's value as a number or numbers; its range is looked at when the cards are loaded."""
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


def checked_tariff(tariff: Tariff, table: str, region: str, last: int) -> Tariff:
    """A tariff whose partner, group, points and year are allowed for the home `region` of a table."""
    key = f"tariffs.{tariff.partner}"
    # The regions of a user's own table are not known here; they are checked when the table is opened.
    if not table.lower().endswith(TABLE_FILES):
        one_of("tariffs", tariff.partner, [*partners(), ALL])
    if tariff.partner == region:
        raise refuse("tariffs", tariff.partner, "a partner, not the home region itself")
    one_of(f"{key}.group", tariff.group, GROUPS)
    points = None if tariff.points is None else number(f"{key}.points", tariff.points, -100.0, 1000.0, "points")
    start = whole(f"{key}.from", tariff.from_year, 1, last, "years of policy (the first is 1)")
    return Tariff(tariff.partner, tariff.group, points, start)


def checked_deciding(named: object, table: str) -> tuple[str, ...]:
    """The deciding regions, each once and known where the table is."""
    if named == ALL:
        return (ALL,)
    if isinstance(named, str) or not isinstance(named, Sequence):
        raise refuse("deciding", named, f'"{ALL}" or a list of regions')
    regions = tuple(text("deciding", region) for region in named)
    if len(set(regions)) < len(regions):
        raise refuse("deciding", list(regions), "each region once")
    # The regions of a user's own table are not known here; they are checked when the table is opened.
    if regions != (ALL,) and not table.lower().endswith(TABLE_FILES):
        for region in regions:
            one_of("deciding", region, [ALL, *partners()])
    return regions


def checked_weights(given: object, regions: tuple[str, ...]) -> dict[str, float]:
    """Weights of all deciding regions, or none."""
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


def checked_corridor(corridor: float | None, free: Sequence[str]) -> float | None:
    """The corridor of external balances, percent of GDP; it is a law, so that a lever has to be free to keep it."""
    if corridor is None:
        return None
    corridor = number("corridor", corridor, 0.0, 100.0, "percent of GDP")
    if not free:
        raise ExperimentError("corridor: it would be a law, but no lever is free to keep it; free one, or drop it.")
    return corridor


def check_levers(free: Sequence[str], targets: Iterable[str], limits: Iterable[str]) -> None:
    """A free lever for each target, and for limits at all."""
    for key in targets:
        lever = TARGETS[key][0]
        if lever not in free:
            listed = ", ".join(free) or "none"
            raise ExperimentError(
                f"targets.{key} is met by the lever {lever}, which is not free (free: {listed})."
                f' Add "{lever}" to levers.free, or take the target out.'
            )
    listed = ", ".join(limits)
    if listed and not free:
        raise ExperimentError(
            f"limits: {listed} would be a law of the program, but no lever is free to keep it: the path is simulated. "
            "Free a lever in levers.free, or take the limits out."
        )


def checked_benefit(benefit: Benefit, last: int) -> Benefit:
    """A benefit path whose end and year are allowed."""
    to = number("levers.benefit.to", benefit.to, 0.0, 1.0, "of the wage")
    return Benefit(to, whole("levers.benefit.by", benefit.by, 1, last, "years of policy"))
