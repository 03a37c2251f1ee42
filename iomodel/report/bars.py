"""The tables of the page by sector, institution and partner: plant closed, jobs lost and found, who gains abroad."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import xarray as xr

from iomodel.program.trajectory import Trajectory
from iomodel.report.abroad import MONEY, PERSONS, SHARE, TOTAL, Row, rows_of, trust
from iomodel.report.words import TOO_LITTLE, number, policy, region, short_names, signed
from iomodel.study.policies import Study

CHANNELS = {TOTAL: "in all, %", "demand": "by home demand, %", "barriers": "by tariffs, %"}
"""Channel -> word."""


@dataclass(frozen=True)
class Bar:
    """A bar from zero: where it starts and how wide it is, both in percent of its cell, with its number.

    more: lines that stand beneath the number, such as its range.
    """

    start: float
    width: float
    text: str
    value: float
    more: tuple[str, ...] = ()

    @property
    def side(self) -> str:
        """Which side of zero it is on."""
        return "loss" if self.value < 0 else "gain"


@dataclass(frozen=True)
class Cell:
    """A plain cell: its text, and lines beneath it."""

    text: str
    more: tuple[str, ...] = ()


@dataclass(frozen=True)
class BarRow:
    """A named row of bars and plain cells; `title` is the whole name where `name` is a short one."""

    name: str
    bars: tuple[Bar, ...]
    cells: tuple[Cell, ...] = ()
    title: str = ""


@dataclass(frozen=True)
class BarTable:
    """Rows of bars on one scale: caption, headings of the bars and of the plain columns."""

    caption: str
    heads: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[BarRow, ...]

    @property
    def told(self) -> bool:
        """Whether some number has lines beneath it, for which every row leaves room: the bars keep one scale."""
        return any(bar.more for row in self.rows for bar in row.bars)


def bars_on_one_scale(
    values: list[list[float]], digits: int, sign: bool = True, ends: tuple[float, float] = (0.0, 0.0)
) -> list[tuple[Bar, ...]]:
    """Bars of rows of values, zero at one place for all; `ends`: the least and most that the scale has to hold.

    >>> bars_on_one_scale([[1.0], [-1.0]], 1)[1][0]
    Bar(start=0.0, width=50.0, text='−1.0', value=-1.0, more=())
    """
    flat = [value for row in values for value in row]
    low, high = min([*ends, *flat]), max([*ends, *flat])
    span = high - low or 1.0

    def bar(value: float) -> Bar:
        start, width = 100 * (min(value, 0.0) - low) / span, 100 * abs(value) / span
        return Bar(round(start, 2), round(width, 2), signed(value, digits) if sign else number(value, digits), value)

    return [tuple(bar(value) for value in row) for row in values]


def closed_plant(paths: Mapping[str, Trajectory], most: int = 10) -> BarTable | None:
    """Plant closed over the years of policy by sector under each path that closes some; None where none does.

    Sectors in order of the most that any of the paths closes; the number in brackets is the share of the sector's plant
    at the start of the policy.
    """
    closed: dict[str, xr.DataArray] = {}
    for name, path in paths.items():
        total = path.data["retirement"].sel(year=path.policy_years).sum("year")
        if float(total.sum()) > TOO_LITTLE:
            closed[name] = total
    if not closed:
        return None
    some = next(iter(paths.values()))
    first, last = int(some.policy_years[0]), int(some.policy_years[-1])
    largest = xr.concat(list(closed.values()), "policy").max("policy")
    order = [str(code) for code in largest.sortby(largest, ascending=False)["sector"].values]
    kept = [code for code in order if float(largest.sel(sector=code)) > TOO_LITTLE][:most]
    values = [[float(total.sel(sector=code)) for total in closed.values()] for code in kept]
    shares = [
        [
            100 * float(total.sel(sector=code) / paths[name].data["capacity"].sel(sector=code, year=first))
            for name, total in closed.items()
        ]
        for code in kept
    ]
    bars = bars_on_one_scale(values, 1, sign=False)
    rows = [
        _sector_row(some, code, tuple(_with_share(bar, share) for bar, share in zip(row, part, strict=True)))
        for code, row, part in zip(kept, bars, shares, strict=True)
    ]
    base = int(some.data.attrs["base_year"])
    caption = (
        f"Plant closed {first}–{last}: output a year at full use, percent of the GDP of {base} (in brackets percent of "
        f"the sector's plant of {first})"
    )
    heads = tuple(f"{policy(name)}, {number(float(total.sum()))} in all" for name, total in closed.items())
    return BarTable(caption, heads, (), tuple(rows))


def _with_share(bar: Bar, share: float) -> Bar:
    return replace(bar, text=f"{bar.text} ({number(share, 0)})") if bar.value > TOO_LITTLE else replace(bar, text="–")


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
        _sector_row(path, code, bar, (Cell(number(float(there.sel(sector=code)), 1)),))
        for code, bar in zip(kept, bars, strict=True)
    )
    last = int(path.data["year"].values[-1])
    caption = f"Jobs in {last}, {policy(path.experiment.name)} against {policy(usual.experiment.name)}"
    return BarTable(caption, ("change, million persons",), ("as usual, million",), rows)


def partners_table(
    name: str,
    partners: xr.Dataset,
    ends: tuple[float, float] = (0.0, 0.0),
    channels: Sequence[str] | None = None,
) -> BarTable:
    """Who gains and who loses value added abroad in the last year, in all and by channel; jobs where they are known.

    ends: the least and most that the scale has to hold, percent; channels: those shown, None for those that move
    something. Tables that have both in common can be compared by eye.
    """
    year = int(partners["year"].values[-1])
    by = rows_of(partners)
    shown = channels or channels_of({name: partners})
    order = sorted(by, key=lambda one: -_share(by[one][TOTAL]))
    bars = bars_on_one_scale([[_share(by[one][channel]) for channel in shown] for one in order], 2, ends=ends)
    table = tuple(
        BarRow(region(one), _with_trust(row, [by[one][channel] for channel in shown]), _partner_cells(by[one][TOTAL]))
        for one, row in zip(order, bars, strict=True)
    )
    unit = str(partners["value_added_change"].attrs["units"]).replace("million", "bn")
    mark = " (ESTIMATE)" if "estimate" in partners.attrs else ""
    against = f"{policy(name)} against business as usual, percent of their own"
    caption = f"Value added of partners in {year}{mark}, {against}"
    columns = (f"in all, {unit}", "jobs, thousand")
    return BarTable(caption, tuple(CHANNELS.get(one, one) for one in shown), columns, table)


def partners_ends(partners: Mapping[str, xr.Dataset]) -> tuple[float, float]:
    """The least and most of every bar of several partners' tables, percent, zero among them."""
    values = [_share(row[channel]) for data in partners.values() for row in rows_of(data).values() for channel in row]
    return min([0.0, *values]), max([0.0, *values])


def channels_of(partners: Mapping[str, xr.Dataset]) -> list[str]:
    """The channels that move something in any of the tables, and their sum before them where there are several."""
    moved: list[str] = []
    for data in partners.values():
        rows = [row for by in rows_of(data).values() for row in by.values()]
        names = [str(one) for one in data["channel"].values]
        some = [one for one in names if any(row["channel"] == one and row["value_added_change"] for row in rows)]
        moved += [one for one in some if one not in moved]
    return [TOTAL, *moved] if len(moved) > 1 else moved or [TOTAL]


def _share(row: Row) -> float:
    return float(row[SHARE] or 0.0)


def _with_trust(bars: Sequence[Bar], rows: Sequence[Row]) -> tuple[Bar, ...]:
    """Bars with range and error beneath their numbers, where these are known."""
    return tuple(replace(bar, more=trust(row, SHARE, 2)) for bar, row in zip(bars, rows, strict=True))


def _partner_cells(row: Row) -> tuple[Cell, ...]:
    jobs_change = row.get(PERSONS)
    money = Cell(signed(float(row[MONEY] or 0.0) / 1000, 1), trust(row, MONEY, 1, 1e-3))
    if jobs_change is None:
        return money, Cell("not known")
    return money, Cell(signed(float(jobs_change), 0), trust(row, PERSONS, 0))


def _sector_row(path: Trajectory, code: str, bars: tuple[Bar, ...], cells: tuple[Cell, ...] = ()) -> BarRow:
    """A sector's row under its short name."""
    name, title = _named(path, code)
    return BarRow(name, bars, cells, title)


def _named(path: Trajectory, code: str) -> tuple[str, str]:
    """Short and whole name of a sector."""
    names: Mapping[str, str] = path.provenance.get("sectors", {})
    return short_names(names).get(code, code), names.get(code, code)


def sector_tables(study: Study) -> list[BarTable]:
    """Plant closed under the policies that close some, and jobs of the two halves against business as usual."""
    paths = study.paths
    closed = closed_plant(paths)
    tables = [closed] if closed is not None else []
    names = list(paths)
    if "business-as-usual" in names and len(names) > 1:
        path = paths.get("two-halves") or paths[names[-1]]
        tables.append(jobs(path, paths["business-as-usual"]))
    return tables
