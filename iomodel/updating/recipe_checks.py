"""What is wrong with the entries of a recipe: keys that are not known, values of another kind, names of nothing.

Whether the pieces that a recipe makes fit each other is the business of `checks`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from iomodel.errors import CardError, nearest

_TEXTS = ("name", "title", "unit", "currency", "price_basis", "home", "classification", "regions", "source", "licence",
          "edition", "accounts", "employment", "read", "table", "file", "facts", "measure", "countries", "first",
          "shares")  # fmt: skip
_LISTS = ("notes", "sectors", "scaled_by", "leave_out")
_WHOLE = ("year", "decimals")
_FLAGS = ("seed", "variants_only")
_NUMBERS = {"tau": 1e6, "weight": 1e6, "per_unit": 1e9, "depreciation_share": 1.0}
"""Keys whose values are numbers from zero to this."""


def closed(where: str, given: object, needed: Sequence[str], allowed: Sequence[str]) -> None:
    """CardError unless `given` is a mapping with the needed keys, and none but the allowed ones."""
    if not isinstance(given, Mapping):
        raise CardError(f"{where}: found {given!r:.60}; allowed: a table of {', '.join(allowed)}.")
    for key in given:
        if key not in allowed:
            raise CardError(
                f"{where}: there is no key {key!r}; allowed: {', '.join(allowed)}.{nearest(str(key), allowed)}"
            )
    if missing := [key for key in needed if key not in given]:
        raise CardError(f"{where}: lacks {', '.join(missing)}; needed are {', '.join(needed)}.")


def kinds(where: str, entry: Mapping[str, Any]) -> None:
    """CardError for a value of the wrong kind; keys that hold entries of their own are left out."""
    for key, value in entry.items():
        if key in _TEXTS and not (isinstance(value, str) and value):
            allowed = "a text"
        elif key in _LISTS and not _texts(value):
            allowed = 'a list of texts such as ["a", "b"]'
        elif key in _WHOLE and not _whole(value):
            allowed = "a whole number such as 2020" if key == "year" else "a whole number such as 2"
        elif key in _FLAGS and not isinstance(value, bool):
            allowed = "true or false"
        elif key in _NUMBERS and not _number(value, _NUMBERS[key]):
            allowed = f"a number from 0 to {_NUMBERS[key]:g}"
        else:
            continue
        raise CardError(f"{where}: {key} is {value!r:.60}; allowed: {allowed}.")


def named_once(where: str, said: Mapping[str, Any]) -> None:
    """CardError where two totals, or two pairs, have one name: a variant could not tell them apart."""
    for section in ("totals", "pairs"):
        names = Counter(entry["name"] for entry in said.get(section, []))
        if twice := [name for name, count in names.items() if count > 1]:
            raise CardError(f"{where}: {section} {', '.join(map(repr, twice))} stands twice; allowed: once.")


def scaling(where: str, entry: Mapping[str, Any]) -> None:
    """CardError where a ratio of value added to a series is asked of what is no series of value added."""
    if entry.get("scaled_by") and (entry["read"] == "csv" or entry["measure"] != "value_added"):
        raise CardError(
            f"{where}: scaled_by is {entry['scaled_by']}, but read is {entry['read']!r} and measure "
            f"{entry['measure']!r}; allowed: with a series of value added that has the years of these tables."
        )


def variant(where: str, changed: Mapping[str, Any], said: Mapping[str, Any]) -> None:
    """CardError where a variant names pieces that there are not, or does not weigh every start."""
    for section in ("pairs", "totals"):
        if not _texts(changed.get(section, [])):
            raise CardError(f"{where}: {section} is {changed[section]!r:.60}; allowed: a list of names.")
        _known(where, section, changed.get(section, []), said)
    weights = changed.get("weights", {})
    if not isinstance(weights, Mapping) or not all(_number(weight, 1e6) for weight in weights.values()):
        raise CardError(f"{where}: weights is {weights!r:.60}; allowed: names of pairs with a number from 0.")
    _known(where, "pairs", list(weights), said)
    if "start" not in changed:
        return
    start, count = changed["start"], len(said["start"])
    if not isinstance(start, list) or not all(_number(weight, 1e6) for weight in start) or not any(start):
        raise CardError(f"{where}: start is {start!r:.60}; allowed: a list of weights from 0, not all 0.")
    if len(start) != count:
        raise CardError(f"{where}: start has {len(start)} weights for {count} starts.")


def validation(where: str, asked: object) -> None:
    """CardError where the section [validation] has other keys than it may, or years that are none."""
    closed(where, asked, (), ("tables", "first", "last", "gap", "ladder", "rehearsal"))
    assert isinstance(asked, Mapping)
    for key in ("first", "last", "gap"):
        if key in asked and not _whole(asked[key]):
            raise CardError(f"{where}: {key} is {asked[key]!r:.60}; allowed: a whole number.")
    spans = asked.get("ladder", [])
    if not isinstance(spans, list) or not all(
        isinstance(span, list) and len(span) == 2 and all(map(_whole, span)) for span in spans
    ):
        raise CardError(f"{where}: ladder is {spans!r:.60}; allowed: a list of spans such as [[2005, 2011]].")
    if "rehearsal" not in asked:
        return
    needed = ("start", "year", "pairs", "table", "concordance", "per_unit")
    closed(f"{where}, rehearsal", asked["rehearsal"], needed, needed)
    for key in needed[:3]:
        if not _whole(asked["rehearsal"][key]):
            raise CardError(
                f"{where}, rehearsal: {key} is {asked['rehearsal'][key]!r:.60}; allowed: a year such as 2007."
            )
    kinds(f"{where}, rehearsal", {key: asked["rehearsal"][key] for key in ("table", "per_unit")})


def _known(where: str, section: str, names: Sequence[str], said: Mapping[str, Any]) -> None:
    known = [entry["name"] for entry in said.get(section, [])]
    for name in names:
        if name not in known:
            raise CardError(
                f"{where}: there are no {section} {name!r}; there are {', '.join(known)}.{nearest(name, known)}"
            )


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _number(value: object, high: float) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and 0 <= value <= high < math.inf
