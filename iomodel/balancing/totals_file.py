"""Totals of a draft in a CSV file: side, region, sector, value, hardness; one line a total.

side: row or column; region and sector: the labels of the row or column (for value added no region and the factor as
sector, for a use of final demand its category as sector, in a plain matrix no region); hardness: hard (or empty), free,
or the softness of the total, above zero. A group of which one total is given needs all.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from iomodel.balancing.drafts import Draft, Group
from iomodel.balancing.totals import DraftTotals
from iomodel.errors import BalanceError, nearest

COLUMNS = ("side", "region", "sector", "value", "hardness")


@dataclass(frozen=True)
class _Line:
    """One total as the file has it: line number, side, label, value (NaN: free) and softness."""

    number: int
    side: str
    label: tuple[str, ...]
    value: float
    softness: float


def read_totals(path: str | Path, draft: Draft) -> DraftTotals:
    """The totals in a CSV file, for the rows and columns of `draft` and in its unit.

    Raises BalanceError that names the file, the line and the column: unknown columns, labels, sides or hardness, a
    value that is no number, a total given twice, a group of which totals are missing.
    """
    where = {
        (group.side, tuple(label for label in labels)): (group, group.first + place)
        for group in (*draft.rows, *draft.columns)
        for place, labels in enumerate(group.labels)
    }
    count, width = draft.matrix.shape
    targets = {"row": np.full(count, np.nan), "column": np.full(width, np.nan)}
    soft = {"row": np.zeros(count), "column": np.zeros(width)}
    seen: dict[tuple[str, tuple[str, ...]], int] = {}
    for line in _lines(Path(path)):
        key = (line.side, line.label)
        if key not in where:
            raise _unknown(path, line, [group for group in (*draft.rows, *draft.columns) if group.side == line.side])
        if key in seen:
            raise BalanceError(
                f"{path}, line {line.number}: {line.side} {', '.join(line.label)} stands in line {seen[key]} already; "
                "allowed: once."
            )
        seen[key] = line.number
        place = where[key][1]
        targets[line.side][place], soft[line.side][place] = line.value, line.softness
    for group in (*draft.rows, *draft.columns):
        _complete(path, group, set(seen))
    return DraftTotals(targets["row"], targets["column"], soft["row"], soft["column"])


def _unknown(path: str | Path, line: _Line, groups: Sequence[Group]) -> BalanceError:
    """What is said of a label that no total of this side has."""
    said = ", ".join(line.label)
    kinds = "; ".join(f"({', '.join(group.dims)}), such as {', '.join(group.labels[0])}" for group in groups)
    hint = nearest(said, [", ".join(label) for group in groups for label in group.labels])
    return BalanceError(f"{path}, line {line.number}: the draft has no {line.side} {said}; allowed: {kinds}.{hint}")


def _complete(path: str | Path, group: Group, seen: set[tuple[str, tuple[str, ...]]]) -> None:
    """BalanceError where some totals of a group are given and others are not."""
    missing = [", ".join(label) for label in group.labels if (group.side, label) not in seen]
    if missing and len(missing) < len(group.labels):
        more = f" and {len(missing) - 8} more" if len(missing) > 8 else ""
        raise BalanceError(
            f"{path}: of the {group.side}s over ({', '.join(group.dims)}), {len(missing)} of {len(group.labels)} have "
            f"no total: {'; '.join(missing[:8])}{more}. Give every one, with hardness free where it shall not bind."
        )


def _lines(path: Path) -> list[_Line]:
    """The lines of the file, each value checked."""
    if not path.is_file():
        raise BalanceError(f"There is no file {path}; name a CSV with the columns {', '.join(COLUMNS)}.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            header = tuple(name.strip() for name in reader.fieldnames or ())
            reader.fieldnames = list(header)
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BalanceError(f"{path} is no readable CSV file ({error}).") from error
    if missing := [name for name in COLUMNS[:4] if name not in header]:
        raise BalanceError(f"{path}: no column {', '.join(missing)}; allowed: {', '.join(COLUMNS)}.")
    if unknown := [name for name in header if name not in COLUMNS]:
        hint = nearest(unknown[0], COLUMNS)
        raise BalanceError(f"{path}: unknown column {unknown[0]!r}; allowed: {', '.join(COLUMNS)}.{hint}")
    if not rows:
        raise BalanceError(f"{path} holds no total; allowed: one line a total.")
    return [_line(path, number, row) for number, row in rows]


def _line(path: Path, number: int, row: Mapping[str | None, Any]) -> _Line:
    cells = {name: (row.get(name) or "").strip() for name in COLUMNS}
    at = f"{path}, line {number}"
    if None in row:
        raise BalanceError(f"{at}: more cells than columns; allowed: {', '.join(COLUMNS)}.")
    if cells["side"] not in ("row", "column"):
        raise BalanceError(f"{at}, column side: found {cells['side']!r}; allowed: row or column.")
    softness = _softness(at, cells["hardness"])
    value = math.nan if math.isinf(softness) else _number(at, cells["value"])
    label = tuple(text for text in (cells["region"], cells["sector"]) if text)
    return _Line(number, cells["side"], label, value, softness)


def _number(at: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BalanceError(f"{at}, column value: found {text!r}; allowed: a finite number.")
    return value


def _softness(at: str, text: str) -> float:
    if text in ("", "hard"):
        return 0.0
    if text == "free":
        return math.inf
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise BalanceError(
            f"{at}, column hardness: found {text!r}; allowed: hard, free, or a softness above 0 such as 0.1."
        )
    return value
