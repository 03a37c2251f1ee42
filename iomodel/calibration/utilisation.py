"""Utilisation of industry by sector: what is used in the table's year, and what use is normal.

The statistical office publishes rates for three groups (mining, manufacturing, utilities) and for some industries in
them. A sector takes its own column where there is one; the others of its group share the residual rate that makes the
group's published total come out, every plant weighted by its capacity. Normal use is the mean of ordinary years, and
manufacturing as a whole is scaled to one card. Outside industry nothing is published: plant is in normal use there.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from iomodel.cards import Cards
from iomodel.classifications.sector_maps import SectorRows, load_map
from iomodel.errors import CardError, nearest
from iomodel.shipped import shipped_file

Array = npt.NDArray[np.float64]

GROUP_COLUMNS = {
    "mining": "mining",
    "manufacturing": "manufacturing",
    "utilities": "electricity_heat_gas_water",
}
"""Group of a sector map -> its column in the file of published rates."""

_FACTS = {
    "food_manufacturing": "food",
    "nonmetallic_minerals": "non_metallic_minerals",
    "nonferrous_metals": "non_ferrous_metals",
    "automobiles": "motor_vehicles",
    "computers_electronics": "computers_communication_electronics",
}
"""Column of published rates -> name of the same industry in the file of facts, where the two differ."""

_QUARTERS = ("Q1", "Q2", "Q3", "Q4")


@dataclass(frozen=True, eq=False)
class Utilisation:
    """Use of capacity by sector, shares of one: `base` in the table's year, `normal`; `origin` says how each was found.

    `year` is the year of the published rates: another than the table's where none are published for that one.
    """

    sectors: tuple[str, ...]
    base: Array
    normal: Array
    origin: tuple[str, ...]
    normal_origin: tuple[str, ...]
    year: int


def published_utilisation(
    classification: str | Path, sectors: Sequence[str], capital_weights: Array, cards: Cards, year: int
) -> tuple[Array, Array]:
    """Use of capacity in the table's year and normal use, both by sector, shares of one (1 outside industry).

    `capital_weights` is output by sector: capacity is output over use. Raises CardError as `utilisation_by_sector`.
    Source: National Bureau of Statistics of China, quarterly releases on the utilisation of industrial capacity.
    """
    found = utilisation_by_sector(load_map(classification).rows(sectors), capital_weights, cards, year)
    return found.base, found.normal


def utilisation_by_sector(
    rows: SectorRows, output: Array, cards: Cards, year: int, folder: Path | None = None
) -> Utilisation:
    """As `published_utilisation`, with the origin of every rate; `folder` holds other files of published rates.

    Raises CardError when a column of the map is unknown, no year has rates, or the published rates of a group leave
    no possible rate for the rest of it.
    """
    folder = folder or shipped_file("tables", "facts")
    rates = _rates(folder / "china_utilisation.csv", year, cards["quarters_to_year"])
    _check_cells(rows, rates.columns)
    means = _normal_rates(folder / "china_facts.csv", [int(when) for when in cards.series("normal_years")])
    base, origin = _base(rows, np.asarray(output, dtype=float), rates)
    normal, normal_origin = _normal(rows, output, base, rates, means, cards["normal_use"])
    return Utilisation(rows.sectors, base, normal, origin, normal_origin, rates.year)


def published_rates(year: int) -> tuple[int, dict[str, float]]:
    """Published yearly utilisation by column, percent, of `year` or the nearest year that has one; and which year.

    >>> published_rates(2020)[1]["industry_total"]
    74.5
    """
    rates = _rates(shipped_file("tables", "facts", "china_utilisation.csv"), year, 0.0)
    return rates.year, {name: 100 * rate for name, rate in rates.rate.items() if rates.how[name].startswith("publ")}


def yearly_columns(year: int) -> set[str]:
    """Columns of the published file that give a rate for `year`: published for it, or by all of its quarters.

    >>> "automobiles" in yearly_columns(2020), "chemical_fibres" in yearly_columns(2020)
    (True, False)
    """
    return set(_rates(shipped_file("tables", "facts", "china_utilisation.csv"), year, 0.0).rate)


@dataclass(frozen=True)
class _Rates:
    """Published rates of one year by column, shares of one, and how the yearly rate was found."""

    year: int
    columns: frozenset[str]
    rate: dict[str, float]
    how: dict[str, str]


def _lines(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))
    except FileNotFoundError:
        raise CardError(f"The file of published utilisation {path} is missing.") from None


def _rates(path: Path, year: int, quarters_to_year: float) -> _Rates:
    """Rates of `year`, or of the nearest year for which all groups have one.

    The yearly rate as published; else the mean of four quarters plus `quarters_to_year`; with fewer quarters none.
    """
    lines = {line["period"]: line for line in _lines(path)}
    groups = GROUP_COLUMNS.values()
    complete = [int(when[:-1]) for when, line in lines.items() if when.endswith("A") and all(map(line.get, groups))]
    if not complete:
        raise CardError(f"{path.name}: no year has rates of {', '.join(groups)}.")
    found = min(complete, key=lambda when: abs(when - year))
    columns = [name for name in lines[f"{found}A"] if name not in ("period", "where_read")]
    rate: dict[str, float] = {}
    how: dict[str, str] = {}
    for name in columns:
        annual = lines[f"{found}A"][name]
        quarters = [lines.get(f"{found}{quarter}", {}).get(name) or "" for quarter in _QUARTERS]
        if annual:
            rate[name], how[name] = float(annual) / 100, "published for the year"
        elif all(quarters):
            rate[name] = float(np.mean([float(quarter) for quarter in quarters])) / 100 + quarters_to_year
            how[name] = "mean of four quarters"
    return _Rates(found, frozenset(columns), rate, how)


def _normal_rates(path: Path, years: Sequence[int]) -> dict[str, float]:
    """Mean of the published yearly rates of `years` by column, shares of one, for the columns that have any."""
    prefix = "capacity_utilisation."
    known = {fact: column for column, fact in _FACTS.items()}
    read: dict[str, list[float]] = {}
    for line in _lines(path):
        if line["key"].startswith(prefix) and line["period"] in map(str, years) and line["read"] != "no":
            fact = line["key"].removeprefix(prefix)
            read.setdefault(known.get(fact, fact), []).append(float(line["value"]) / 100)
    return {column: float(np.mean(values)) for column, values in read.items()}


def _stated(rows: SectorRows, place: int) -> float | None:
    """The rate that the map states as a number for a sector, share of one; None where it names columns."""
    text = str(rows.utilisation[place])
    try:
        rate = float(text)
    except ValueError:
        return None
    if not 0 < rate <= 1:
        raise CardError(
            f"Map {rows.classification}, sector {rows.sectors[place]}: utilisation is {text}; a rate is a share of one "
            "above 0, such as 0.81."
        )
    return rate


def _parts(rows: SectorRows, place: int, columns: Iterable[str]) -> list[tuple[str, float]]:
    """Columns of one sector with their weights in output: [] for the residual of its group and for a stated rate."""
    text = str(rows.utilisation[place])
    if not text or text in GROUP_COLUMNS or _stated(rows, place) is not None:
        return []
    parts: list[tuple[str, float]] = []
    for part in text.split("+"):
        name, _, weight = part.strip().partition(":")
        if name not in columns:
            raise CardError(
                f"Map {rows.classification}, sector {rows.sectors[place]}: there is no column {name!r} of published "
                f"utilisation; there are {', '.join(sorted(columns))}.{nearest(name, columns)}"
            )
        parts.append((name, float(weight or 1)))
    return parts


def _check_cells(rows: SectorRows, columns: Iterable[str]) -> None:
    """One CardError for all cells `utilisation` of industry that name no column and are no rate."""
    faults: list[str] = []
    for place in np.flatnonzero(rows.industry):
        try:
            _parts(rows, int(place), columns)
        except CardError as error:
            faults.append(str(error))
    if faults:
        raise CardError("\n".join(faults))


def _blend(parts: Sequence[tuple[str, float]], rate: dict[str, float]) -> float:
    """Rate of several columns together: output over capacity, u = Σ w / Σ (w / u)."""
    return sum(weight for _, weight in parts) / sum(weight / rate[name] for name, weight in parts)


def _base(rows: SectorRows, output: Array, rates: _Rates) -> tuple[Array, tuple[str, ...]]:
    """Rates of the year by sector, and where each comes from; groups hit their published totals."""
    base = np.ones(len(rows.sectors))
    origin = ["not industry"] * len(rows.sectors)
    for group, column in GROUP_COLUMNS.items():
        members = np.flatnonzero(rows.group == group)
        stated = {int(place): rate for place in members if (rate := _stated(rows, int(place))) is not None}
        for place, rate in stated.items():  # a country's own rates stand outside the published total
            base[place], origin[place] = rate, "stated in the map"
        members = np.array([place for place in members if place not in stated], dtype=np.intp)
        left: list[int] = []
        for place in members:
            parts = _parts(rows, int(place), rates.columns)
            if parts and all(name in rates.rate for name, _ in parts):
                base[place] = _blend(parts, rates.rate)
                origin[place] = ", ".join(f"{name}: {rates.how[name]}" for name, _ in parts)
            else:
                left.append(int(place))
                origin[place] = f"residual of {group}"
        if left:
            base[left] = _residual(group, rates.rate[column], output, base, members, left)
    return base, tuple(origin)


def _residual(
    group: str, total: float, output: Array, base: Array, members: npt.NDArray[np.intp], left: Sequence[int]
) -> float:
    """One rate for the sectors `left` of a group: u = X_left / (X / u_total − Σ x_j / u_j over the others)."""
    others = [place for place in members if place not in left]
    made = float(output[list(left)].sum())
    if made <= 0 or not others:
        return total
    capacity = float(output[members].sum()) / total - float((output[others] / base[others]).sum())
    if not made <= capacity:
        raise CardError(
            f"Published utilisation of {group} ({total:.1%}) cannot be met: its industries with rates of their own "
            f"leave capacity {capacity:.4g} for an output of {made:.4g}. Check the rates or the map."
        )
    return made / capacity


def _normal(
    rows: SectorRows, output: Array, base: Array, rates: _Rates, means: dict[str, float], normal_use: float
) -> tuple[Array, tuple[str, ...]]:
    """Normal use by sector: ordinary years, the year's own rate, or in proportion to it; manufacturing to the card."""
    normal = base.copy()
    origin = ["not industry"] * len(rows.sectors)
    for place in np.flatnonzero(rows.industry):
        column = GROUP_COLUMNS[str(rows.group[place])]
        parts = _parts(rows, int(place), rates.columns)
        if rows.normal[place] == "base":
            origin[place] = "as in the table's year"
        elif parts and all(name in means for name, _ in parts):
            normal[place], origin[place] = _blend(parts, means), "mean of ordinary years"
        else:
            normal[place] *= means[column] / rates.rate[column]
            origin[place] = "in proportion to the table's year"
    capacity = np.asarray(output, dtype=float) / base
    making = rows.group == "manufacturing"
    scaled = making & (rows.normal != "base")
    if capacity[scaled].sum() > 0:
        wanted = normal_use * capacity[making].sum() - (capacity * normal)[making & ~scaled].sum()
        normal[scaled] *= wanted / (capacity * normal)[scaled].sum()
    _check_normal(rows, normal, origin, normal_use)
    return normal, tuple(origin)


def _check_normal(rows: SectorRows, normal: Array, origin: Sequence[str], normal_use: float) -> None:
    """Normal use is a share of plant: CardError where the card and the map make it more than all of it."""
    beyond = [int(place) for place in np.flatnonzero(normal > 1 + 1e-12)]
    if beyond:
        named = "; ".join(f"{rows.sectors[place]}: {normal[place]:.3f} ({origin[place]})" for place in beyond)
        raise CardError(
            f"Normal use of plant is above 1 in sectors of the map {rows.classification}: {named}. Lower the card "
            f"normal_use ({normal_use:g}), or write `base` in the map's column normal for them."
        )
