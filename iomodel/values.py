"""Plain values as a user hands them over: each is what it should be, or one message says what was found and allowed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

from iomodel.errors import ExperimentError, IOModelError, nearest

LONGEST = 80
"""Letters that an object which is no plain value may take in a message."""


def refuse(key: str, found: object, allowed: str, advice: str = "") -> ExperimentError:
    """The one form of these errors: key, what was found, what is allowed, what to do."""
    return ExperimentError(f"{key}: found {shown(found)}; allowed: {allowed.rstrip()}.{advice}")


def shown(found: object) -> str:
    """A plain value as it is written, a large object of the model by its kind."""
    written = repr(found)
    plain = found is None or isinstance(found, str | int | float | list | tuple | dict | Path)
    return written if plain or len(written) <= LONGEST else f"an object of type {type(found).__name__}"


def number(key: str, value: object, low: float, high: float, unit: str = "") -> float:
    """`value` as a float between `low` and `high`; ExperimentError otherwise."""
    allowed = f"a number from {low:g} to {high:g} {unit}".rstrip()
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise refuse(key, value, allowed)
    if not low <= value <= high:
        raise refuse(key, value, allowed)
    return float(value)


def whole(key: str, value: object, low: int, high: int, unit: str) -> int:
    """`value` as a whole number between `low` and `high`; ExperimentError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise refuse(key, value, f"a whole number from {low} to {high} {unit}")
    return value


def one_of(key: str, value: object, allowed: Iterable[str]) -> str:
    """`value` if it is one of the allowed words; ExperimentError with the nearest ones otherwise."""
    words = tuple(allowed)
    if not isinstance(value, str) or value not in words:
        raise refuse(key, value, ", ".join(words), nearest(str(value), words))
    return value


def text(key: str, value: object) -> str:
    """`value` if it is text that is not empty; ExperimentError otherwise."""
    if not isinstance(value, str) or not value.strip():
        raise refuse(key, value, "text that is not empty")
    return value


def file_path(key: str, value: object, error: type[IOModelError]) -> Path:
    """`value` as a path if it is one or text that is not empty; an `error` otherwise.

    >>> file_path("file", "path.nc", IOModelError).suffix
    '.nc'
    """
    if not isinstance(value, str | Path) or not str(value).strip():
        raise error(f"{key}: found {value!r}; allowed: the path of a file or folder, as text.")
    return Path(value)


def not_text(key: str, value: object, advice: str, error: type[IOModelError]) -> None:
    """An `error` with `advice` where a name, a path or nothing stands for an object of the model."""
    if value is None or isinstance(value, str | Path):
        raise error(f"{key}: found {value!r}; {advice}.")
