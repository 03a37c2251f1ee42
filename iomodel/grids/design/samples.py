"""Samples over parameter cards: Latin hypercube or Saltelli's design, inside each card's range.

The cards of a group move together: one coordinate u from 0 to 1, uniform, stands for all of them, and each card is
low + u · (high - low) of its own range (high - u · (high - low) where its name has a minus in front). A card that has
one number a year is shifted as a whole, by s = s_low + u · (s_high - s_low), the most that keeps every year inside the
range: the form of its path stays. Designs: McKay, Beckman and Conover (1979); Saltelli, Annoni, Azzini, Campolongo,
Ratto and Tarantola (2010, Computer Physics Communications 181), without the rows that serve second-order indices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from iomodel.cards import Card, Cards
from iomodel.errors import CardError, ExperimentError, nearest
from iomodel.frozen import Frozen
from iomodel.grids.design.definition import Axis, Drawn
from iomodel.values import number, one_of, refuse, text, whole

Array = npt.NDArray[np.float64]

LATIN, SALTELLI = "latin_hypercube", "saltelli"
METHODS = (LATIN, SALTELLI)
ENTRIES = ("method", "cards", "groups", "points", "seed", "ranges")
MOST_GROUPS = 10
"""Groups of a Saltelli design: each costs as many runs again as there are base points."""

MOST_BASE = 2**20
CALENDAR = "calendar year"


@dataclass(frozen=True)
class Range:
    """Where one card is drawn: from `start` at u = 0 to `end` at u = 1 (a shift of all years where `form` is not
    empty)."""

    card: str
    start: float
    end: float
    form: tuple[float, ...] = ()

    def at(self, u: Array) -> Array:
        """(points, numbers) values of the card where its group stands at `u`; never beyond the ends by rounding."""
        drawn = self.start + u * (self.end - self.start)
        drawn = np.clip(drawn, min(self.start, self.end), max(self.start, self.end))[:, None]
        return drawn + np.array(self.form) if self.form else drawn


def read_samples(name: str, entry: object, cards: Cards) -> tuple[Axis, dict[str, Any]]:
    """A sampled axis, and how it was drawn as plain values (method, groups, points, seed, ranges).

    cards: of the base experiment. Raises ExperimentError or CardError: unknown method, card or entry, a card twice, a
    range outside the card's, more than ten groups, base points that are no power of two.
    """
    where = f"axes.{name}.samples"
    if not isinstance(entry, Mapping):
        raise refuse(where, entry, f"a table with {', '.join(ENTRIES)}")
    for key in entry:
        one_of(where, key, ENTRIES)
    method = one_of(f"{where}.method", entry.get("method"), METHODS)
    ranges = _ranges(where, entry, cards)
    groups = _groups(where, entry, cards, ranges)
    if method == SALTELLI and len(groups) > MOST_GROUPS:
        raise refuse(f"{where}.groups", f"{len(groups)} groups", f"at most {MOST_GROUPS} groups of cards with saltelli",
                     " Let cards move together, or use latin_hypercube.")  # fmt: skip
    points = _points(where, entry.get("points"), method)
    seed = whole(f"{where}.seed", entry.get("seed", 1), 0, 2**31 - 1, "as seed")
    design = _saltelli(len(groups), points, seed) if method == SALTELLI else _latin(len(groups), points, seed)
    members = [(place, member) for place, group in enumerate(groups.values()) for member in group]
    values = np.concatenate([member.at(design[:, place]) for place, member in members], axis=1)
    drawn = Drawn([f"cards.{member.card}" for _, member in members], values, [len(m.form) for _, m in members])
    inputs = Frozen({group: tuple(design[:, place].tolist()) for place, group in enumerate(groups)})
    said = {
        "axis": name,
        "method": method,
        "points": points,
        "seed": seed,
        "groups": {group: [_described(member) for member in ranges_] for group, ranges_ in groups.items()},
    }
    return Axis(name, tuple(range(len(design))), drawn, "", "samples", inputs), said


def _described(member: Range) -> dict[str, Any]:
    """A card's range as plain values; `shift` where all years move by as much."""
    return {"card": member.card, "from": member.start, "to": member.end, "shift": bool(member.form)}


def _points(where: str, points: object, method: str) -> int:
    """How many points, or base points."""
    if method == LATIN:
        return whole(f"{where}.points", points, 2, MOST_BASE, "points")
    points = whole(f"{where}.points", points, 2, MOST_BASE, "base points")
    if points & (points - 1):
        below = 1 << (points.bit_length() - 1)
        raise refuse(f"{where}.points", points, "a power of two with saltelli: Sobol's sequence is balanced only there",
                     f" The nearest are {below} and {2 * below}.")  # fmt: skip
    return points


def _ranges(where: str, entry: Mapping[str, Any], cards: Cards) -> dict[str, tuple[float, float]]:
    """Ranges narrower than the cards' that the file asks for."""
    given = entry.get("ranges", {})
    if not isinstance(given, Mapping):
        raise refuse(f"{where}.ranges", given, "a table of card = [low, high]")
    found: dict[str, tuple[float, float]] = {}
    for key, ends in given.items():
        card = _card(f"{where}.ranges", key, cards)
        allowed = f"[low, high] inside the card's range {card.low:g} to {card.high:g} {card.unit}"
        if not isinstance(ends, list) or len(ends) != 2:
            raise refuse(f"{where}.ranges.{key}", ends, allowed)
        low, high = (number(f"{where}.ranges.{key}", end, card.low, card.high, card.unit) for end in ends)
        if not low < high:
            raise refuse(f"{where}.ranges.{key}", ends, allowed)
        found[key] = (low, high)
    return found


def _groups(
    where: str, entry: Mapping[str, Any], cards: Cards, ranges: Mapping[str, tuple[float, float]]
) -> dict[str, list[Range]]:
    """Group -> the ranges of its cards; a card listed alone is a group of its own."""
    if ("cards" in entry) == ("groups" in entry):
        raise refuse(where, ", ".join(entry), 'either cards = ["precaution", …] or groups = {name = ["precaution", …]}')
    if "cards" in entry:
        named = {str(card).lstrip("-"): [card] for card in _words(f"{where}.cards", entry["cards"])}
        if len(named) < len(entry["cards"]):
            raise refuse(f"{where}.cards", entry["cards"], "each card once")
    else:
        given = entry["groups"]
        if not isinstance(given, Mapping) or not given:
            raise refuse(f"{where}.groups", given, 'a table of name = [cards], such as {households = ["precaution"]}')
        named = {group: _words(f"{where}.groups.{group}", members) for group, members in given.items()}
    home: dict[str, str] = {}
    found: dict[str, list[Range]] = {}
    for group, members in named.items():
        at = f"{where}.groups.{group}" if "groups" in entry else f"{where}.cards"
        if not group.replace("_", "").isalnum():
            raise refuse(at, group, "a name of letters, digits and _")
        for member in members:
            key = member.removeprefix("-")
            if key in home:
                raise refuse(at, key, "each card once", f" It is in {home[key]} already.")
            home[key] = group
        found[group] = [_range(at, member, cards, ranges) for member in members]
    unused = [key for key in ranges if key not in home]
    if unused:
        raise refuse(f"{where}.ranges", unused[0], f"cards that are drawn: {', '.join(home)}", nearest(unused[0], home))
    return found


def _words(where: str, value: object) -> list[str]:
    if not isinstance(value, list) or not value:
        raise refuse(where, value, "a list of at least one card")
    return [text(where, card) for card in value]


def _range(where: str, member: str, cards: Cards, ranges: Mapping[str, tuple[float, float]]) -> Range:
    """Where a card is drawn; a minus in front of its name turns it round."""
    key = member.removeprefix("-")
    card = _card(where, key, cards)
    low, high = ranges.get(key, (card.low, card.high))
    form = card.value if isinstance(card.value, tuple) else ()
    if form:
        if key in ranges and not (low <= min(form) and max(form) <= high):
            raise refuse(f"{where}.{key}", [low, high], f"a range that holds its values {min(form):g} to {max(form):g}")
        low, high = low - min(form), high - max(form)
    return Range(key, high, low, form) if member.startswith("-") else Range(key, low, high, form)


def _card(where: str, key: str, cards: Cards) -> Card:
    """The card of a name that may be drawn."""
    if key not in cards:
        raise CardError(f"{where}: there is no card {key!r}.{nearest(key, cards)} `iomodel cards` lists all of them.")
    card = cards.card(key)
    if card.unit == CALENDAR:
        raise ExperimentError(
            f"{where}: the card {key} is a calendar year, which is not drawn; list its values in an axis of its own: "
            f'key = "cards.{key}", values = […].'
        )
    return card


def _latin(dims: int, points: int, seed: int) -> Array:
    """(points, dims) a Latin hypercube on [0, 1]."""
    from SALib.sample import latin

    return np.asarray(latin.sample(_problem(dims), points, seed=seed), dtype=float)


def _saltelli(dims: int, points: int, seed: int) -> Array:
    """(points · (dims + 2), dims) Saltelli's design on [0, 1] for first and total order, base point by base point."""
    from SALib.sample import sobol

    design = sobol.sample(_problem(dims), points, calc_second_order=False, seed=seed)
    return np.asarray(design, dtype=float)


def _problem(dims: int) -> dict[str, Any]:
    """`dims` inputs on [0, 1] in the words of SALib."""
    return {"num_vars": dims, "names": [f"u{place}" for place in range(dims)], "bounds": [[0.0, 1.0]] * dims}
