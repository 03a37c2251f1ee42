"""The tables of the page by sector, institution and partner: plant closed, jobs lost and found, who gains abroad."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import xarray as xr

from iomodel.program.trajectory import Trajectory
from iomodel.report.words import number, policy, region, signed
from iomodel.spillover import summary
from iomodel.study import Study

CHANNELS = {"demand": "home demand", "barriers": "tariffs"}
"""Channel -> word."""


@dataclass(frozen=True)
class Bar:
    """A bar from zero: where it starts and how wide it is, both in percent of its cell, with its number."""

    start: float
    width: float
    text: str
    value: float

    @property
    def side(self) -> str:
        """Which side of zero it is on."""
        return "loss" if self.value < 0 else "gain"


@dataclass(frozen=True)
class BarRow:
    """A named row of bars and plain cells."""

    name: str
    bars: tuple[Bar, ...]
    cells: tuple[str, ...] = ()


@dataclass(frozen=True)
class BarTable:
    """Rows of bars on one scale: caption, headings of the bars and of the plain columns."""

    caption: str
    heads: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[BarRow, ...]


def bars_on_one_scale(values: list[list[float]], digits: int, sign: bool = True) -> list[tuple[Bar, ...]]:
    """Bars of rows of values, zero at one place for all.

    >>> bars_on_one_scale([[1.0], [-1.0]], 1)[1][0]
    Bar(start=0.0, width=50.0, text='−1.0', value=-1.0)
    """
    flat = [value for row in values for value in row]
    low, high = min([0.0, *flat]), max([0.0, *flat])
    span = high - low or 1.0
    found: list[tuple[Bar, ...]] = []
    for row in values:
        found.append(
            tuple(
                Bar(
                    round(100 * (min(value, 0.0) - low) / span, 2),
                    round(100 * abs(value) / span, 2),
                    signed(value, digits) if sign else number(value, digits),
                    value,
                )
                for value in row
            )
        )
    return found


def closed_plant(path: Trajectory, most: int = 8) -> BarTable | None:
    """Plant closed over the years of policy by sector, the most first; None where none is closed."""
    data = path.data.sel(year=path.policy_years)
    closed = data["retirement"].sum("year")
    share = 100 * closed / data["capacity"].isel(year=0)
    total = float(closed.sum())
    if total < 5e-3:
        return None
    order = [str(code) for code in closed.sortby(closed, ascending=False)["sector"].values]
    kept = [code for code in order if float(closed.sel(sector=code)) > max(0.005 * total, 5e-3)][:most]
    bars = bars_on_one_scale([[float(closed.sel(sector=code))] for code in kept], 2, sign=False)
    rows = tuple(
        BarRow(_sector(path, code), bar, (f"{number(float(share.sel(sector=code)), 0)} %",))
        for code, bar in zip(kept, bars, strict=True)
    )
    rest = total - sum(row.bars[0].value for row in rows)
    first, last = int(path.policy_years[0]), int(path.policy_years[-1])
    caption = (
        f"Plant closed {first}–{last}, {policy(path.experiment.name)}: {number(total, 1)} in all"
        f"{f', {number(rest, 2)} in other sectors' if rest >= 5e-3 else ''}"
    )
    unit = f"output a year at full use, % of GDP of {int(path.data.attrs['base_year'])}"
    return BarTable(caption, (unit,), (f"of the sector's plant of {first}",), rows)


def jobs(path: Trajectory, usual: Trajectory, most: int = 9) -> BarTable:
    """Jobs by sector in the last year against business as usual, in persons: the largest losses, then gains."""
    here, there = path.data["employment"].isel(year=-1), usual.data["employment"].isel(year=-1)
    change = here - there
    order = [str(code) for code in change.sortby(change)["sector"].values]
    moved = {code: float(change.sel(sector=code)) for code in order if abs(float(change.sel(sector=code))) >= 0.05}
    lost = [code for code in moved if moved[code] < 0][:most]
    found = [code for code in moved if moved[code] > 0][-most:]
    kept = [*lost, *found]
    bars = bars_on_one_scale([[moved[code]] for code in kept], 1)
    rows = tuple(
        BarRow(_sector(path, code), bar, (number(float(there.sel(sector=code)), 1),))
        for code, bar in zip(kept, bars, strict=True)
    )
    last = int(path.data["year"].values[-1])
    caption = f"Jobs in {last}, {policy(path.experiment.name)} against {policy(usual.experiment.name)}"
    return BarTable(caption, ("change, million persons",), ("as usual, million",), rows)


def partners_table(name: str, partners: xr.Dataset) -> BarTable:
    """Who gains and who loses value added abroad in the last year, by channel; jobs where the table knows them."""
    year = int(partners["year"].values[-1])
    rows = summary(partners, year)
    channels = [str(one) for one in partners["channel"].values]
    moved = [one for one in channels if any(row["channel"] == one and row["value_added_change"] for row in rows)]
    by: dict[str, dict[str, Mapping[str, str | int | float | None]]] = {}
    for row in rows:
        by.setdefault(str(row["partner"]), {})[str(row["channel"])] = row
    order = sorted(by, key=lambda one: -_share(by[one]["total"]))
    bars = bars_on_one_scale([[_share(by[one][channel]) for channel in moved] for one in order], 2)
    table = tuple(
        BarRow(region(one), bar, _partner_cells(by[one]["total"], len(moved) > 1))
        for one, bar in zip(order, bars, strict=True)
    )
    unit = str(partners["value_added_change"].attrs["units"]).replace("million", "bn")
    columns = (*(("together, %",) if len(moved) > 1 else ()), f"value added, {unit}", "jobs, thousand")
    heads = tuple(f"by {CHANNELS.get(channel, channel)}, %" for channel in moved)
    caption = f"Value added of partners in {year}, {policy(name)} against business as usual, % of the partner's own"
    return BarTable(caption, heads, columns, table)


def _share(row: Mapping[str, str | int | float | None]) -> float:
    return float(row["value_added_change_share"] or 0.0)


def _partner_cells(row: Mapping[str, str | int | float | None], together: bool) -> tuple[str, ...]:
    jobs_change = row.get("employment_change")
    cells = (
        signed(float(row["value_added_change"] or 0.0) / 1000, 1),
        "not known" if jobs_change is None else signed(float(jobs_change), 0),
    )
    return (signed(_share(row), 2), *cells) if together else cells


def _sector(path: Trajectory, code: str) -> str:
    names: Mapping[str, str] = path.provenance.get("sectors", {})
    return names.get(code, code)


def sector_tables(study: Study) -> list[BarTable]:
    """Plant closed under each policy that closes some, and jobs of the two halves against business as usual."""
    paths = study.paths
    tables = [table for path in paths.values() if (table := closed_plant(path)) is not None]
    names = list(paths)
    if "business-as-usual" in names and len(names) > 1:
        path = paths.get("two-halves") or paths[names[-1]]
        tables.append(jobs(path, paths["business-as-usual"]))
    return tables
