"""Assumptions: every number that a path rests on and that can be moved, cards and groups of table coefficients alike.

Each says its value and range and makes the economy in which it has another value, so that what is asked of cards can be
asked of the table.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from iomodel.calibration.calibrating import calibrate
from iomodel.cards import Card, Cards
from iomodel.coefficients import coefficient_groups, shifted, spread
from iomodel.economy import Economy

_WHOLE = "calendar year"


@dataclass(frozen=True)
class Ranged:
    """A number with its range: key, title, unit, kind, value between low and high."""

    key: str
    title: str
    unit: str
    kind: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Assumption(Ranged):
    """One number of an economy with its range; `economy` makes the economy of another value.

    A card with one number a year is moved as a whole: its value is the mean, its range what a uniform shift allows. A
    group of coefficients has the kind "table", the value 0 and the relative change as its unit. size: what one percent
    of elasticities refers to; NaN where a percent of the card means nothing. `economy` raises CardError for a value
    outside the range, CardError or TableError where nothing can be calibrated.
    """

    size: float
    economy: Callable[[float], Economy]


def assumptions_of(economy: Economy) -> list[Assumption]:
    """All assumptions of an economy: its cards in their order, without calendar years, then its table's groups.

    >>> import iomodel as iom
    >>> found = assumptions_of(iom.calibrate(iom.load_table("china-2020")))
    >>> found[0].key, found[-1].kind
    ('propensity_market_income', 'table')
    """
    left = left_out(economy.cards)
    cards = [_card(economy, economy.cards.card(key)) for key in economy.cards if key not in left]
    return cards + [_group(economy, key, title) for key, title in coefficient_groups(economy).items()]


def left_out(cards: Cards) -> list[str]:
    """Keys of the cards that are calendar years, which no small step moves.

    >>> import iomodel as iom
    >>> "paths_year" in left_out(iom.load_cards("china-2020"))
    True
    """
    return [key for key in cards if cards.card(key).unit == _WHOLE]


def _card(economy: Economy, card: Card) -> Assumption:
    """A card as an assumption."""
    entries = card.value if isinstance(card.value, tuple) else (card.value,)
    mean = sum(entries) / len(entries)

    def moved(value: float) -> Economy:
        numbers = tuple(_held(card, entry + value - mean) for entry in entries)
        change = numbers if isinstance(card.value, tuple) else numbers[0]
        return calibrate(economy.table, economy.region, economy.cards.replace({card.key: change}))

    return Assumption(
        card.key,
        card.title,
        card.unit,
        card.kind,
        mean,
        mean + card.low - min(entries),
        mean + card.high - max(entries),
        math.nan if isinstance(card.value, tuple) else mean,
        moved,
    )


def _held(card: Card, value: float) -> float:
    """`value`, or the end of the card's range that it misses by rounding alone."""
    rounding = 1e-12 * max(abs(card.low), abs(card.high))
    for end in (card.low, card.high):
        if abs(value - end) <= rounding:
            return end
    return value


def _group(economy: Economy, key: str, title: str) -> Assumption:
    """A group of coefficients as an assumption; its range is a convention."""
    unit = "relative change"
    return Assumption(key, title, unit, "table", 0.0, -spread(), spread(), 1.0, lambda by: shifted(economy, key, by))
