"""A file as a grid of text cells that know where they stand, so that an error can name the cell.

Labels are never converted: "01", "NA" and "06.10" stay text. A number is read only where a number is asked for, and a
cell without one is an error that names file, row, column and what was found.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from iomodel.errors import TableError


@dataclass(frozen=True)
class Grid:
    """The text of every cell of one sheet, ragged rows filled with empty text."""

    source: str
    cells: tuple[tuple[str, ...], ...]
    typed: frozenset[tuple[int, int]] = frozenset()
    """Cells that a spreadsheet holds as numbers, so that their text may have lost leading or trailing zeros."""

    @property
    def header(self) -> list[str]:
        """The cells of the first row."""
        return list(self.cells[0]) if self.cells else []

    def column(self, name: str) -> int:
        """Position of the column headed `name`; TableError lists the headings when it is absent or double."""
        places = [place for place, text in enumerate(self.header) if text == name]
        if len(places) != 1:
            found = "no column" if not places else f"{len(places)} columns"
            raise TableError(f"{self.source} has {found} {name!r}; it needs one. Headings: {', '.join(self.header)}.")
        return places[0]

    def rows(self, **wanted: str) -> list[int]:
        """Positions of the rows whose named columns hold the wanted text."""
        columns = {self.column(name): text for name, text in wanted.items()}
        return [
            row
            for row in range(1, len(self.cells))
            if all(self.cells[row][column] == text for column, text in columns.items())
        ]

    def row(self, **wanted: str) -> int:
        """Position of the one row that matches; TableError when there is none or more than one."""
        rows = self.rows(**wanted)
        if len(rows) != 1:
            asked = ", ".join(f"{name} = {text}" for name, text in wanted.items())
            raise TableError(f"{self.source} has {len(rows)} rows with {asked}; it needs exactly one.")
        return rows[0]

    def where(self, row: int, column: int) -> str:
        """Name of a cell for messages, such as `china.csv, cell F12 (row 12, column 6)`."""
        return f"{self.source}, cell {column_letters(column)}{row + 1} (row {row + 1}, column {column + 1})"

    def problem(self, row: int, column: int) -> str:
        """What keeps a cell from being a finite number, or "" when it is one."""
        text = self.cells[row][column]
        if not text.strip():
            return f"{self.where(row, column)} is empty; write the number, and 0 only where the source says zero"
        try:
            value = float(text.replace("_", "?"))  # Python alone reads 1_000 as a number
        except ValueError:
            return f"{self.where(row, column)} holds {text!r}, which is no number; use digits with a point for decimals"
        if not math.isfinite(value):
            return f"{self.where(row, column)} holds {text!r}; it needs a finite number"
        return ""

    def numbers(self, rows: Sequence[int], columns: Sequence[int]) -> np.ndarray:
        """The block of numbers at `rows` and `columns`; TableError names the first cells that hold none."""
        problems = [text for row in rows for column in columns if (text := self.problem(row, column))]
        if problems:
            more = f" ({len(problems) - 3} more cells)" if len(problems) > 3 else ""
            raise TableError(f"{'; '.join(problems[:3])}{more}.")
        values = [[float(self.cells[row][column]) for column in columns] for row in rows]
        return np.array(values, dtype=float).reshape(len(rows), len(columns))


def column_letters(column: int) -> str:
    """A zero-based column as a spreadsheet names it.

    >>> column_letters(0), column_letters(27)
    ('A', 'AB')
    """
    letters = ""
    place = column + 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def read_grid(path: str | Path) -> Grid:
    """A UTF-8 CSV file as a `Grid`; TableError when it is absent, empty or not text."""
    path = Path(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.reader(stream))
    except FileNotFoundError as error:
        raise TableError(f"There is no file {path}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"{path} is no UTF-8 CSV file ({error}). Save it as CSV UTF-8.") from error
    except OSError as error:
        raise TableError(f"{path} cannot be read: {error}.") from error
    return grid(path.name, rows)


def grid(source: str, rows: Sequence[Sequence[str]], typed: Iterable[tuple[int, int]] = ()) -> Grid:
    """Rows of text as a `Grid`; empty rows at the end are dropped."""
    kept = [list(row) for row in rows]
    while kept and not any(text.strip() for text in kept[-1]):
        kept.pop()
    if not kept:
        raise TableError(f"{source} is empty; it needs a heading and rows.")
    width = max(len(row) for row in kept)
    return Grid(source, tuple(tuple(row + [""] * (width - len(row))) for row in kept), frozenset(typed))
