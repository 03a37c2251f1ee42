"""The economy: one home region of a table with the accounts, plant, labour and yearly data that the model needs.

`Economy` only holds data. `iomodel.calibrate` makes one from a table and cards; the program, the simulation and the
spillovers read it. Money is in percent of the base year's GDP, persons in millions, so that every number that reaches a
solver is of order one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from iomodel.cards import CALENDAR_CARDS, COUNTRY, Cards, Value
from iomodel.errors import TableError
from iomodel.table import Table

USES = (
    "household",
    "household_fixed",
    "overflow",
    "government_individual",
    "government_collective",
    "construction",
    "equipment",
    "intangible",
    "inventories",
    "exports",
)
"""Final uses of the bundles: shares per unit of the use, but levels for household_fixed, inventories and exports."""


OFF = 2.0
"""Points by which a figure may be off the published one: what utilisation may in tables/facts/comparison.csv."""

FEW = 5
"""Stated defaults up to which they are counted, not listed, where an economy is told in short."""


@dataclass(frozen=True)
class Finding:
    """One figure that calibration hit or missed: what it is, the value here, the published value and its source.

    plausible: whether a derived figure is in its plausible range; None of one that has no range.
    """

    title: str
    value: float
    published: float | None
    unit: str
    source: str
    plausible: bool | None = None

    @property
    def checked(self) -> bool:
        """Whether there is anything to hold the figure to."""
        return self.published is not None or self.plausible is not None

    @property
    def off(self) -> bool:
        """Whether it is more than `OFF` from what was published, or not plausible."""
        far = self.published is not None and abs(self.value - self.published) > OFF
        return far or self.plausible is False

    def __str__(self) -> str:
        """In words."""
        beside = "" if self.published is None else f", published {self.published:.1f}"
        return f"{self.title}: {self.value:.2f} {self.unit}{beside} ({self.source})"


@dataclass(frozen=True)
class Economy:
    """A table and the accounts of its home region.

    table, region, cards: what it was made of. year: the base year. gdp: GDP of the base year in the table's unit.
    sectors: Dataset over `sector` (output, capacity, utilisation, normal_use, shares of value added, jobs …).
    coefficients: Dataset with `domestic` and `imported` (sector, to_sector), both per unit of output. bundles:
    (region, sector, use), what a use buys by seller; `bundle_taxes`: (use,), its net product taxes. accounts: Dataset
    of scalars (percent of base-year GDP, rates, persons). paths: Dataset over `year`, base year first. exports:
    (sector, year), home goods and `re_exports` (sector, year), levels in percent of base-year GDP. findings: what
    calibration hit and missed.
    """

    table: Table
    region: str
    cards: Cards
    year: int
    gdp: float
    sectors: xr.Dataset
    coefficients: xr.Dataset
    bundles: xr.DataArray
    bundle_taxes: xr.DataArray
    accounts: xr.Dataset
    paths: xr.Dataset
    exports: xr.DataArray
    re_exports: xr.DataArray
    findings: tuple[Finding, ...]

    def __post_init__(self) -> None:
        """The program reads these arrays by position: TableError where one has other labels or another order, or holds
        a number that is not finite."""
        sectors, years = self.table.sectors, [int(year) for year in self.paths["year"].values]
        expected: dict[str, list[tuple[str, list[str] | list[int]]]] = {
            "sectors": [("sector", sectors)],
            "coefficients": [("sector", sectors), ("to_sector", sectors)],
            "bundles": [("sector", sectors), ("use", list(USES))],
            "bundle_taxes": [("use", list(USES))],
            "exports": [("sector", sectors), ("year", years)],
            "re_exports": [("sector", sectors), ("year", years)],
        }
        for name, dims in expected.items():
            for dim, labels in dims:
                _same_labels(self, name, dim, labels)
        for name in (*expected, "accounts", "paths"):
            _finite(self, name)
        sellers = [str(label) for label in self.bundles["region"].values]
        abroad = [str(label) for label in self.table.flows["region"].values if label != self.region]
        if sellers != [self.region, *abroad]:
            raise TableError(
                f"economy of {self.region}, array bundles: the sellers are {', '.join(sellers)}; the home region comes "
                f"first, then those of the table: {', '.join([self.region, *abroad])}."
            )

    def __str__(self) -> str:
        """What calibration hit and missed, and how many cards are read, derived, fitted, assumed, default."""
        lines = [self._heading, *(f"  {finding}" for finding in self.findings)]
        counts = ", ".join(f"{count} {kind}" for kind, count in self.cards.count().items() if count)
        lines.append(f"  cards: {counts}")
        return "\n".join([*lines, *self._cards_told(0)])

    def in_short(self) -> str:
        """How many checks of calibration hold, in a line; beneath it what does not, what was changed, and cards at
        stated defaults where these are more than `FEW`."""
        off = [finding for finding in self.findings if finding.off]
        count = sum(finding.checked for finding in self.findings)
        wrong = f"{len(off)} of {count} checks of calibration {'is' if len(off) == 1 else 'are'} off"
        said = wrong if off else f"all {count} checks of calibration hold"
        return "\n".join([f"{self._heading}; {said}", *(f"  {finding}" for finding in off), *self._cards_told(FEW)])

    @property
    def _heading(self) -> str:
        mark = " (ESTIMATE)" if self.table.is_estimate else ""
        return f"{self.region} in {self.year}, table {self.table.name}{mark}: GDP {self.gdp:,.0f} {self.table.unit}"

    def _cards_told(self, few: int) -> list[str]:
        """Lines about missing and changed cards, and about those at stated defaults where they are more than `few`."""
        lines = [f"  {self.missing_words}"] if self.missing_cards else []
        changed = self.cards.changed
        if changed:
            lines.append(f"  changed: {', '.join(f'{key} = {_shown(value)}' for key, value in changed.items())}")
        defaults = [card.key for card in self.cards.of_kind("default") if card.key not in self.cards.given]
        if len(defaults) > few:
            lines.append(f"  stated defaults, for want of a figure of this country and year: {', '.join(defaults)}")
        return lines

    @property
    def missing_cards(self) -> tuple[str, ...]:
        """Cards that belong to one country and year and that nobody supplied; none of China, whose own are shipped."""
        if self.region == COUNTRY:
            return ()
        return tuple(key for key in CALENDAR_CARDS if key not in self.cards.given)

    @property
    def missing_words(self) -> str:
        """How many of the cards of a country and year stand at defaults."""
        return f"{len(self.missing_cards)} of {len(CALENDAR_CARDS)} cards that belong to a country and year are missing"

    @property
    def unit(self) -> str:
        """Unit of every amount of money."""
        return f"percent of GDP of {self.year}"

    @property
    def known_until(self) -> int:
        """Last year whose data are known; the base year where none is."""
        known = self.paths["known"].values
        return int(self.paths["year"].values[known.nonzero()[0].max()])


def _finite(economy: Economy, name: str) -> None:
    """TableError that names the first number of an array that is NaN or infinite."""
    array: xr.Dataset | xr.DataArray = getattr(economy, name)
    parts = {str(key): part for key, part in array.items()} if isinstance(array, xr.Dataset) else {name: array}
    for key, part in parts.items():
        if part.dtype.kind != "f" or np.isfinite(part.values).all():
            continue
        place = tuple(np.argwhere(~np.isfinite(part.values))[0])
        where = ", ".join(f"{dim} {part[dim].values[at]}" for dim, at in zip(part.dims, place, strict=True))
        raise TableError(
            f"economy of {economy.region}, array {key}: found {float(part.values[place])}"
            f"{f' at {where}' if where else ''}; every number of an economy has to be finite."
        )


def _same_labels(economy: Economy, name: str, dim: str, labels: list[str] | list[int]) -> None:
    """TableError unless an array has exactly these labels in this order along `dim`."""
    array: xr.Dataset | xr.DataArray = getattr(economy, name)
    before = f"economy of {economy.region}, array {name}"
    if dim not in array.dims or dim not in array.coords:
        raise TableError(
            f"{before}: it has no labels of the dimension {dim}; it has {', '.join(map(str, array.dims))}."
        )
    found = array[dim].values.tolist()
    if found == labels:
        return
    if sorted(map(str, found)) == sorted(map(str, labels)):
        place = next(place for place, label in enumerate(labels) if found[place] != label)
        said = f"another order, first at place {place + 1}: {found[place]!r} where {labels[place]!r} belongs"
    else:
        only = [label for label in found if label not in labels], [label for label in labels if label not in found]
        said = " and ".join(f"{what} {labels}" for what, labels in zip(("has beyond them", "lacks"), only, strict=True))
    raise TableError(f"{before}: its labels along {dim} are not those of the economy: {said}. Align it before.")


def _shown(value: Value) -> str:
    return " ".join(f"{entry:g}" for entry in value) if isinstance(value, tuple) else f"{value:g}"
