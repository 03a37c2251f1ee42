"""The reference path beside what happened: every known year against published figures, with misses and tolerances.

Which series is compared, how far the path may be off, and which years were used to choose a card ("fitted") is data in
`tables/facts/comparison.csv`; years from 2024 on only judge. A path is a projection under its cards: this table stands
beside every headline that is made from it.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace

from iomodel.program.trajectory import Trajectory
from iomodel.shipped import shipped_file


@dataclass(frozen=True)
class Miss:
    """One figure of one year: the path's value, the published one, the difference and whether it is within tolerance.

    use: "fitted" where the figure chose a card, else "tested".
    """

    variable: str
    title: str
    year: int
    value: float
    published: float
    tolerance: float
    use: str
    source: str

    @property
    def miss(self) -> float:
        """Value less published."""
        return self.value - self.published

    @property
    def within(self) -> bool:
        """Whether the miss is inside the tolerance."""
        return abs(self.miss) <= self.tolerance


def misses(path: Trajectory) -> list[Miss]:
    """The known years of `path` against published figures; empty where no year is known.

    >>> import iomodel as iom
    >>> usual = iom.simulate(iom.load_experiment("business-as-usual"))
    >>> {row.year for row in misses(usual)} == {2021, 2022, 2023, 2024, 2025}
    True
    """
    facts, years = _read("china_facts.csv"), _known(path)
    rows: list[Miss] = []
    for line in _read("comparison.csv") if years else []:
        for year in years:
            fact = _fact(facts, line, year)
            if fact is None:
                continue
            entry = path.data[line["variable"]]
            rows.append(
                Miss(
                    variable=line["variable"],
                    title=str(entry.attrs["long_name"]),
                    year=year,
                    value=float(entry.sel(year=year)),
                    published=float(fact["value"]),
                    tolerance=float(line["tolerance"]),
                    use="fitted" if str(year) in line["fitted_years"].split() else "tested",
                    source=fact["source"],
                )
            )
        if line["mean_tolerance"]:
            rows.append(_mean([row for row in rows if row.variable == line["variable"]], float(line["mean_tolerance"])))
    return rows


def _mean(rows: list[Miss], tolerance: float) -> Miss:
    """The mean of a variable's compared years, as a row of the last of them with a tolerance of its own."""
    count, last = len(rows), rows[-1]
    title = f"{last.title}, mean of {rows[0].year}–{last.year}"
    value, published = sum(row.value for row in rows) / count, sum(row.published for row in rows) / count
    return replace(last, title=title, value=value, published=published, tolerance=tolerance)


def warnings_of(path: Trajectory) -> list[str]:
    """What has to stand above a headline: known years in which the path leaves a band or its tolerances."""
    years = _known(path)
    found: list[str] = []
    for line in _read("comparison.csv"):
        for year in years if line["low"] else ():
            value = float(path.data[line["variable"]].sel(year=year))
            if not float(line["low"]) <= value <= float(line["high"]):
                name = line["variable"].replace("_", " ")
                found.append(f"{name} of {year} is {value:.1f}, outside {line['low']} to {line['high']}")
    return found + [
        f"{row.variable.replace('_', ' ')} of {row.year} is {row.value:.1f}, published {row.published:.1f} "
        f"(tolerance {row.tolerance:g})"
        for row in misses(path)
        if not row.within
    ]


def _known(path: Trajectory) -> range:
    """The known years of a path; none where no figure of its region is published here."""
    first, last = int(path.data.attrs["base_year"]) + 1, int(path.data.attrs["last_known_year"])
    return range(first, last + 1) if str(path.data["region"].values) == "CHN" else range(0)


def _read(name: str) -> list[dict[str, str]]:
    with shipped_file("tables", "facts", name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _fact(facts: list[dict[str, str]], line: dict[str, str], year: int) -> dict[str, str] | None:
    """The published figure of a year, of the vintage that the line names; a projection where no actual is read."""
    for period in (str(year), f"{year} projection"):
        for fact in facts:
            if fact["key"] == line["fact"] and fact["period"] == period and line["source_contains"] in fact["source"]:
                return fact
    return None
