"""Cards: the numbers that the model needs and no table holds, each with its unit, range and source.

A card says where its value comes from and how far it may be moved; code holds no such number of its own. One file is
common to all tables, one file for each shipped table says what differs, and the user's changes come last, checked
against the range. What a classification needs, sector by sector, is in `iomodel.classifications.sector_maps`.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from iomodel.errors import CardError, nearest
from iomodel.shipped import shipped_file, shipped_names, shipped_tables

KINDS = ("read", "derived", "fitted", "assumed", "default", "preference")
"""Where a value comes from: seen in its source, computed from figures seen, chosen so that a published figure is met,
assumed for a stated reason, taken over from another country or year, or a stated preference."""

Value = float | tuple[float, ...]
"""What a card holds: one number, or one number a year (the last of which goes on)."""

CALENDAR_CARDS = (
    "cash_transfers",
    "consumption_income_ratio",
    "firm_debt",
    "household_primary_income",
    "household_tax",
    "housing_investment",
    "land_revenue_base",
    "net_income_abroad",
    "pandemic_shortfall",
    "profit_tax",
    "public_debt",
    "public_investment",
    "state_dividends",
    "state_property_income",
    "support_drive",
    "unemployment_rate",
)
"""Cards that belong to one country and year: of another country than China they stand at defaults until given."""

_FIELDS = ("title", "unit", "value", "low", "high", "kind", "source")
_RANGE = ("low", "high")
_WHOLE = "calendar year"

COMPUTED = "computed"
"""Beginning of the source of a card that is computed from a country's own table."""

COUNTRY = "CHN"
"""The country whose cards, utilisation, yearly paths and published figures are shipped."""


@dataclass(frozen=True)
class Card:
    """One parameter: `value` in `unit`, allowed between `low` and `high`; `source` says where it comes from or why."""

    key: str
    title: str
    unit: str
    value: Value
    low: float
    high: float
    kind: str
    source: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise CardError(f"Card {self.key}: kind is {self.kind!r}; allowed are {', '.join(KINDS)}.")
        object.__setattr__(self, "value", _checked_value(self, self.value))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _checked_value(card: Card, value: object) -> Value:
    """`value` as a float or a tuple of floats inside the card's range; CardError otherwise."""
    many = isinstance(value, list | tuple)
    entries: list[object] = list(value) if isinstance(value, list | tuple) else [value]
    if many != isinstance(card.value, list | tuple) or not entries:
        wanted = "a list of numbers" if isinstance(card.value, list | tuple) else "one number"
        raise CardError(f"Card {card.key} ({card.title}) is {wanted}, found {value!r}.")
    numbers: list[float] = []
    for entry in entries:
        if not isinstance(entry, int | float) or not _is_number(entry):
            raise CardError(f"Card {card.key} ({card.title}) takes numbers in {card.unit}, found {entry!r}.")
        if not card.low <= entry <= card.high:
            raise CardError(
                f"Card {card.key} ({card.title}): {entry:g} {card.unit} is outside its range "
                f"{card.low:g} to {card.high:g}. Choose a value inside it."
            )
        if card.unit == _WHOLE and entry != int(entry):
            raise CardError(f"Card {card.key} ({card.title}) is a whole year, found {entry!r}.")
        numbers.append(float(entry))
    return tuple(numbers) if many else numbers[0]


@dataclass(frozen=True)
class Cards(Mapping[str, float]):
    """All cards of a table by key. `cards["precaution"]` is a value, `cards.card("precaution")` the whole card.

    Nothing is changed in place: `replace` gives new cards. `shipped` keeps the values that the files hold, so that
    `changed` can say what a user moved; `given` are the keys that a user set, to whatever value.

    >>> cards = load_cards("china-2020")
    >>> cards["capacity_margin"]
    0.04
    >>> cards.replace({"precaution": 0}).changed
    {'precaution': 0.0}
    """

    cards: Mapping[str, Card]
    table: str | None = None
    shipped: Mapping[str, Value] = field(default_factory=dict)
    given: frozenset[str] = field(default=frozenset(), compare=False)

    def __post_init__(self) -> None:
        if not self.shipped:
            object.__setattr__(self, "shipped", {key: card.value for key, card in self.cards.items()})

    def card(self, key: str) -> Card:
        """The whole card; CardError offers the nearest keys when there is none of this name."""
        if key not in self.cards:
            raise CardError(f"There is no card {key!r}.{nearest(key, self.cards)} `iomodel cards` lists all of them.")
        return self.cards[key]

    def __getitem__(self, key: str) -> float:
        value = self.card(key).value
        if isinstance(value, tuple):
            raise CardError(f"Card {key} is one number a year: read it with series({key!r}).")
        return value

    def series(self, key: str, years: int | None = None) -> tuple[float, ...]:
        """The values of a card that has one a year, for `years` years (its last value goes on), or as it stands."""
        value = self.card(key).value
        values = value if isinstance(value, tuple) else (value,)
        if years is None:
            return values
        return tuple(values[min(year, len(values) - 1)] for year in range(years))

    def __iter__(self) -> Iterator[str]:
        return iter(self.cards)

    def __len__(self) -> int:
        return len(self.cards)

    def __contains__(self, key: object) -> bool:
        return key in self.cards

    def __hash__(self) -> int:
        return hash((self.table, tuple((key, card.value) for key, card in self.cards.items())))

    def replace(self, changes: Mapping[str, Value]) -> Cards:
        """New cards in which `changes` (key -> value) replace the values; CardError for a key or value not allowed."""
        changed = dict(self.cards)
        for key, value in changes.items():
            card = self.card(key)
            changed[key] = replace(card, value=_checked_value(card, value))
        return Cards(changed, self.table, self.shipped, self.given | set(changes))

    def unbounded(self, changes: Mapping[str, Value]) -> Cards:
        """As `replace`, without looking at ranges: for tests that loosen the model on purpose."""
        changed = dict(self.cards)
        for key, value in changes.items():
            numbers = value if isinstance(value, tuple) else (value,)
            card = self.card(key)
            low, high = min(card.low, *numbers), max(card.high, *numbers)
            changed[key] = replace(card, value=value, low=low, high=high)
        return Cards(changed, self.table, self.shipped, self.given | set(changes))

    @property
    def changed(self) -> dict[str, Value]:
        """Key -> value of the cards whose value differs from the shipped one."""
        return {key: card.value for key, card in self.cards.items() if card.value != self.shipped[key]}

    @property
    def computed(self) -> dict[str, Value]:
        """Key -> value of the cards that stand at a default computed from a country's own table."""
        return {
            key: card.value
            for key, card in self.cards.items()
            if key not in self.given and card.kind == "default" and card.source.startswith(COMPUTED)
        }

    def with_computed(self, values: Mapping[str, Value]) -> Cards:
        """New cards with computed defaults: they count as shipped, so that nothing is changed, and keep their range."""
        kept, shipped = dict(self.cards), dict(self.shipped)
        for key, value in values.items():
            card = self.card(key)
            number = value if isinstance(value, tuple) else float(min(max(value, card.low), card.high))
            kept[key] = replace(card, value=number)
            shipped[key] = kept[key].value
        return Cards(kept, self.table, shipped, self.given)

    def count(self) -> dict[str, int]:
        """How many cards are read, derived, fitted, assumed, default, preference."""
        found = Counter(card.kind for card in self.cards.values())
        return {kind: found[kind] for kind in KINDS}

    def of_kind(self, kind: str) -> list[Card]:
        """The cards of one kind, in the order of the files."""
        return [card for card in self.cards.values() if card.kind == kind]


def load_cards(table: str | None = None, changes: Mapping[str, Value] | None = None, region: str = COUNTRY) -> Cards:
    """Cards for a table: the common ones, those of the shipped table of this name over them, then `changes`.

    A table of another name (the user's own) gets the common cards; those that belong to a country and a year are of
    the kind "default" there. A region other than China gets those of `elsewhere`. Raises CardError for an unknown key,
    a value of the wrong type or outside its range, or a card file that is malformed.

    >>> load_cards("china-2020", {"precaution": 0.3}).card("precaution").value
    0.3
    """
    common = _read(shipped_file("tables", "cards", "common.toml"))
    own_file = shipped_file("tables", "cards", f"{table}.toml")
    own = _own(str(table)) if region == COUNTRY and table in shipped_tables() and own_file.is_file() else {}
    unknown = [key for key in own if key not in common]
    if unknown:
        raise CardError(f"{own_file.name}: there is no common card {unknown[0]!r}.{nearest(unknown[0], common)}")
    loaded = Cards({key: _card(key, {**entry, **own.get(key, {})}) for key, entry in common.items()}, table)
    loaded = loaded if region == COUNTRY else elsewhere(loaded)
    return loaded.replace(changes) if changes else loaded


@cache
def rules() -> Cards:
    """Numbers of rules that are no parameters of a path (tables/cards/rules.toml), with range and source as cards.

    >>> rules()["housing_part"]
    0.3
    """
    entries = _read(shipped_file("tables", "cards", "rules.toml"))
    return Cards({key: _card(key, entry) for key, entry in entries.items()})


def too_few(missing: Collection[str]) -> bool:
    """Whether more than half of the cards that belong to a country and its year are missing: what stands on their
    defaults is an example, no answer.

    >>> too_few(CALENDAR_CARDS), too_few(CALENDAR_CARDS[:8])
    (True, False)
    """
    return 2 * len(missing) > len(CALENDAR_CARDS)


def elsewhere(cards: Cards) -> Cards:
    """The cards for a country of which none are shipped: what was found for China stands there as a stated default.

    Institutions of China alone are absent, and ranges are as wide as other countries need (the file is
    tables/cards/elsewhere.toml); what a user gave is kept.

    >>> load_cards("world-2011", region="USA")["drive_share_manufacturing"]
    0.0
    """
    differs = _read(shipped_file("tables", "cards", "elsewhere.toml"))
    kept: dict[str, Card] = {}
    for key, card in cards.cards.items():
        own = key in cards.given
        entry = {name: value for name, value in differs.get(key, {}).items() if not own or name in _RANGE}
        whole = _card(key, {**{name: getattr(card, name) for name in _FIELDS}, **entry})
        kept[key] = replace(whole, kind="default") if whole.kind in ("read", "derived", "fitted") else whole
    shipped = {key: card.value if key not in cards.given else cards.shipped[key] for key, card in kept.items()}
    return Cards(kept, cards.table, shipped, cards.given)


def _own(table: str, standing: str = "") -> Mapping[str, Mapping[str, object]]:
    """What the cards of a shipped table say: its own file, laid over the one that its `base` names.

    standing: the table whose file named this one as its base, which may not have a base of its own.
    """
    path = shipped_file("tables", "cards", f"{table}.toml")
    entries: dict[str, Any] = dict(_read(path))
    base = entries.pop("base", None)
    if base is None:
        return entries
    if standing:
        raise CardError(f"{standing}.toml stands on {path.name}, which stands on {base!r}: name that one as its base.")
    names = [name for name in shipped_names("tables", ".nc") if name != table]
    if base not in names:
        raise CardError(
            f"{path.name}: base is {base!r}; allowed is another shipped table: {', '.join(names)}."
            f"{nearest(str(base), names)}"
        )
    below = _own(base, table)
    return {key: {**below.get(key, {}), **entries.get(key, {})} for key in (*below, *entries)}


def _read(path: Path) -> Mapping[str, Mapping[str, object]]:
    """The tables of a card file; CardError when it is absent or no TOML."""
    try:
        stand = path.stat()
    except FileNotFoundError:
        raise CardError(f"The card file {path} is missing.") from None
    return _parsed(path, stand.st_mtime_ns, stand.st_size)


@lru_cache(maxsize=32)
def _parsed(path: Path, _changed: int, _size: int) -> Mapping[str, Mapping[str, object]]:
    """The tables of a card file as it stands: parsed once, since every experiment is checked against its cards."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise CardError(f"The card file {path} is not TOML: {error}.") from None


def _card(key: str, entry: Mapping[str, object]) -> Card:
    """A card from its entry in a file, closed to unknown fields and complete."""
    missing = [name for name in _FIELDS if name not in entry]
    unknown = [name for name in entry if name not in _FIELDS]
    if missing or unknown:
        found = f"lacks {', '.join(missing)}" if missing else f"has an unknown field {unknown[0]!r}"
        raise CardError(f"Card {key} {found}; a card has {', '.join(_FIELDS)}.")
    low, high, value = entry["low"], entry["high"], entry["value"]
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        raise CardError(f"Card {key}: low and high are numbers, found {low!r} and {high!r}.")
    if isinstance(value, list):
        value = tuple(value)
    if not isinstance(value, int | float | tuple):
        raise CardError(f"Card {key}: value is a number or a list of numbers, found {value!r}.")
    texts = [str(entry[name]) for name in ("title", "unit", "kind", "source")]
    return Card(key, texts[0], texts[1], value, float(low), float(high), texts[2], texts[3])
