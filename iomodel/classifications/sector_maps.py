"""Sector maps: how each sector of a classification is treated, one line a sector, each with its reason.

A map does for a classification what the cards do for the economy: it says which sectors are industry, whose plant a
drive builds, what households buy more of as they grow richer. The shipped maps are CSV files in tables/maps, beside a
README that explains their columns; a user's own map is a file of the same columns, checked cell by cell.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from iomodel.errors import CardError, nearest
from iomodel.labels import positions
from iomodel.shipped import shipped_file, shipped_names

GROUPS = ("agriculture", "mining", "manufacturing", "utilities", "construction", "services")
INDUSTRY = ("mining", "manufacturing", "utilities")
"""The groups whose utilisation is published: there capacity is counted, elsewhere plant is always in normal use."""

_CHOICES = {
    "group": GROUPS,
    "asset": ("construction", "equipment", "intangible"),
    "capital": ("plant", "infrastructure", "real_estate"),
    "drive": ("manufacturing", "infrastructure", "real_estate", "elsewhere"),
    "normal": ("published", "base", ""),
    "broad": ("primary", "manufacturing", "services"),
}
_FLAGS = ("favoured", "public", "overflow", "individual_government")
_NUMBERS = ("engel", "displacement")
MAP_COLUMNS = (
    "sector", "name", "group", "engel", "asset", "capital", "drive", "favoured", "public", "overflow",
    "displacement", "individual_government", "utilisation", "normal", "broad", "reason",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class SectorRows:
    """How each sector is treated: arrays by sector, in the order of `sectors` (meanings: tables/maps/README.md).

    Texts are arrays of str, `engel` and `displacement` floats (dimensionless), the flags booleans.
    """

    classification: str
    sectors: tuple[str, ...]
    name: np.ndarray
    group: np.ndarray
    engel: np.ndarray
    asset: np.ndarray
    capital: np.ndarray
    drive: np.ndarray
    favoured: np.ndarray
    public: np.ndarray
    overflow: np.ndarray
    displacement: np.ndarray
    individual_government: np.ndarray
    utilisation: np.ndarray
    normal: np.ndarray
    broad: np.ndarray
    reason: np.ndarray

    @property
    def industry(self) -> np.ndarray:
        """True for mining, manufacturing and utilities."""
        return np.isin(self.group, INDUSTRY)

    def rows(self, sectors: Iterable[str]) -> SectorRows:
        """The same map for `sectors`, in their order; CardError names the sectors that have no line."""
        wanted = tuple(sectors)
        missing = [sector for sector in wanted if sector not in self.sectors]
        if missing:
            raise CardError(
                f"The map {self.classification} has no line for {len(missing)} of {len(wanted)} sectors: "
                f"{', '.join(missing[:10])}{' …' if len(missing) > 10 else ''}.{nearest(missing[0], self.sectors)} "
                "Add a line for each, with the columns that tables/maps/README.md explains."
            )
        order = positions(wanted, self.sectors)
        columns = [column for column in MAP_COLUMNS if column != "sector"]
        return replace(self, sectors=wanted, **{column: getattr(self, column)[order] for column in columns})


def load_map(classification: str | Path) -> SectorRows:
    """The map of a shipped classification ("nbs42", "wiod35") or of the user's own, given as the path of its CSV.

    Raises CardError when there is none, and one with a line for each thing that is wrong with it: a column that is
    missing or unknown, a sector that stands twice, a cell that holds what is not allowed, named by line and column.

    >>> load_map("nbs42").rows(["06", "02"]).engel.tolist()
    [0.6, 1.0]
    """
    rows, faults = _read_map(classification)
    if faults or rows is None:
        raise CardError("\n".join(faults))
    return rows


def map_faults(classification: str | Path, sectors: Sequence[str]) -> list[str]:
    """All that keeps a map from being used for `sectors`, a sentence each; none for a map that can be used.

    >>> map_faults("nbs42", ["01", "02"])
    []
    """
    rows, faults = _read_map(classification)
    if rows is None:
        return faults
    try:
        rows.rows(sectors)
    except CardError as error:
        faults.append(str(error))
    return faults


def _read_map(classification: str | Path) -> tuple[SectorRows | None, list[str]]:
    """The rows of a map, None where it has no lines to speak of, and all that is wrong with it.

    A cell that is not allowed leaves a value of no meaning in the rows: they are for looking at sectors alone.
    """
    shipped = shipped_file("tables", "maps", f"{classification}.csv")
    path = shipped if shipped.is_file() else Path(classification)
    if not path.is_file():
        names = shipped_maps()
        said = (
            f"There is no sector map {str(classification)!r}; shipped are {', '.join(names)}."
            f"{nearest(str(classification), names)} For a classification of your own give the path of a CSV with the "
            f"columns {', '.join(MAP_COLUMNS)} (tables/maps/README.md explains them)."
        )
        return None, [said]
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restkey="beyond the last column")
            lines = list(reader)
            heading = list(reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        return None, [f"{path.name} is no UTF-8 CSV file ({error}). Save it as CSV UTF-8."]
    faults = list(_column_faults(path, heading))
    columns: dict[str, list[str | float | bool]] = {column: [] for column in MAP_COLUMNS}
    for place, line in enumerate(lines, start=2):
        for column in MAP_COLUMNS:
            if column in heading:
                try:
                    columns[column].append(_cell(path, place, column, line[column]))
                except CardError as error:
                    faults.append(str(error))
                    columns[column].append("")
        if line.get("beyond the last column"):
            faults.append(f"{path.name}, line {place}: it goes on beyond the last column.")
    if "sector" not in heading:
        return None, faults
    sectors = tuple(str(sector) for sector in columns.pop("sector"))
    faults += [f"{path.name}: sector {sector} stands twice." for sector, n in Counter(sectors).items() if n > 1]
    if not sectors:
        faults.append(f"{path.name}: there is no sector.")
    blank = [""] * len(sectors)
    name = path.stem if path == shipped else path.name
    arrays = {column: np.array(cells or blank) for column, cells in columns.items()}
    return SectorRows(name, sectors, **arrays), faults


def shipped_maps() -> list[str]:
    """Names of the classifications with a shipped sector map (other files lie in that folder, too)."""
    names = shipped_names("tables/maps", ".csv")
    heads = [shipped_file("tables", "maps", f"{name}.csv").read_text(encoding="utf-8") for name in names]
    return [name for name, text in zip(names, heads, strict=True) if text.startswith(",".join(MAP_COLUMNS))]


def _column_faults(path: Path, found: Sequence[str]) -> Iterator[str]:
    for column in MAP_COLUMNS:
        if column not in found:
            yield f"{path.name} lacks the column {column!r}; a sector map has {', '.join(MAP_COLUMNS)}."
    for column in found:
        if column not in MAP_COLUMNS:
            hint = nearest(str(column), MAP_COLUMNS)
            yield f"{path.name} has an unknown column {column!r}; a sector map has {', '.join(MAP_COLUMNS)}.{hint}"


def _cell(path: Path, line: int, column: str, text: str | None) -> str | float | bool:
    """One cell of a map, checked and converted."""
    where = f"{path.name}, line {line}, column {column}"
    if text is None:
        raise CardError(f"{where}: the line ends before it.")
    if column in _FLAGS:
        if text not in ("0", "1"):
            raise CardError(f"{where}: found {text!r}, allowed are 0 and 1.")
        return text == "1"
    if column in _NUMBERS:
        try:
            number = float(text)
        except ValueError:
            raise CardError(f"{where}: found {text!r}, which is no number.") from None
        if not 0 < number < 10:
            raise CardError(f"{where}: {number:g} is outside 0 to 10.")
        return number
    if column in _CHOICES and text not in _CHOICES[column]:
        raise CardError(f"{where}: found {text!r}, allowed are {', '.join(_CHOICES[column])}."
                        f"{nearest(text, _CHOICES[column])}")  # fmt: skip
    return text
