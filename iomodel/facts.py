"""Published figures and yearly paths beside the tables: which of them ship, and how they are made from their sources.

Only figures that were read or derived ship, never one from memory and never one whose source forbids redistribution;
only the keys that cards or the comparison with what happened use.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from iomodel.errors import TableError
from iomodel.readers.cells import Grid, read_grid
from iomodel.shipped import shipped_file

FACT_KEYS = (
    "budget_expenditure",
    "budget_revenue",
    "capacity_utilisation",
    "capital_formation_share.china",
    "capacity_cut_achieved",
    "capacity_cut_target",
    "cash_social_insurance_share",
    "compensation_share",
    "consumption_of_fixed_capital.china",
    "current_account.china",
    "debt.augmented",
    "deficit.augmented",
    "employed_persons",
    "exports_share.china",
    "final_consumption_share.china",
    "fixed_asset_investment_growth",
    "flow_of_funds",
    "gdp.china",
    "gdp_deflator_change.china",
    "gdp_growth.china",
    "goods_exports_to",
    "government_consumption.china",
    "government_consumption_share.china",
    "gross_saving.china",
    "gross_saving_implied.china",
    "household_consumption.china",
    "household_consumption_share.china",
    "household_saving_share_of_income",
    "imports_share.china",
    "industrial_profit.margin",
    "insured.unemployment",
    "io_table_share",
    "land_related_spending",
    "land_sale_revenue",
    "land_sale_revenue_share",
    "medical_insurance_share",
    "migrant_wage",
    "net_financial_investment",
    "net_production_tax_share",
    "resettled_workers",
    "resettlement_expected",
    "resettlement_fund",
    "severance_per_worker",
    "social_fund",
    "social_insurance_spending_share",
    "social_transfers_in_kind.china",
    "tariff",
    "unemployment_benefit",
    "urban_unemployment.china",
    "value_added_share",
    "workers.coal_and_steel",
)
"""Keys, or first words of keys before a full stop, that cards or the comparison use."""

_CLOSED = ("not for redistribution", "private research", "do not redistribute", "from memory")
"""Words of a source that keep a figure back: it may not be passed on, or it leans on a number nobody looked up."""

EMPLOYMENT_INDUSTRIES: Mapping[str, tuple[str, ...]] = {
    "01": ("A",),
    "02": ("B01",),
    "03": ("B02",),
    "04": ("B03", "B04"),
    "05": ("B05", "B06", "B07"),
    "06": ("C01", "C02", "C03", "C04"),
    "07": ("C05",),
    "08": ("C06", "C07"),
    "09": ("C08", "C09"),
    "10": ("C10", "C11", "C12"),
    "11": ("C13",),
    "12": ("C14", "C15", "C16", "C17"),
    "13": ("C18",),
    "14": ("C19", "C20"),
    "15": ("C21",),
    "16": ("C22",),
    "17": ("C23",),
    "18": ("C24", "C25"),
    "19": ("C26",),
    "20": ("C27",),
    "21": ("C28",),
    "22": ("C29", "C30"),
    "23": ("C31",),
    "24": ("D01",),
    "25": ("D02",),
    "26": ("D03",),
    "27": ("E",),
    "28": ("F",),
    "29": ("G",),
    "30": ("H",),
    "31": ("I",),
    "32": ("J",),
    "33": ("K",),
    "34": ("L",),
    "35": ("M01",),
    "36": ("M02", "M03"),
    "37": ("N",),
    "38": ("O",),
    "39": ("P",),
    "40": ("Q",),
    "41": ("R",),
    "42": ("S", "T"),
}
"""Employment industries (GB/T 4754) by product of the 42: whole industries, none is shared by two products."""


@dataclass(frozen=True)
class Fact:
    """One published figure of the shipped facts."""

    value: float
    unit: str
    period: str
    source: str


def published(key: str, words: str = "") -> Fact:
    """The shipped figure of a key, the first whose source has `words` where there are several; TableError if none.

    >>> published("compensation_share", "before the 2023 census").value
    52.05
    """
    file = shipped_file("tables", "facts", "china_facts.csv")
    with file.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if row["key"] == key and words in row["source"]:
                return Fact(float(row["value"]), row["unit"], row["period"], row["source"])
    raise TableError(f"{file.name} has no figure {key!r} whose source has {words!r}; make it anew with `make tables`.")


def fact_files(source: Path) -> dict[str, str]:
    """The shipped facts from the folder `source`: file name -> CSV text. TableError for a source that is not so."""
    nbs = source / "china_nbs"
    tables = {
        "china_facts.csv": _china_facts(read_grid(source / "china_facts.csv")),
        "china_paths.csv": _copied(read_grid(source / "china_paths.csv")),
        "china_utilisation.csv": _copied(read_grid(nbs / "nbs_capacity_utilisation.csv")),
        "china_employment_2018.csv": _employment(read_grid(nbs / "china_employment.csv")),
        "us_tariffs_china.csv": _tariffs(read_grid(source / "us_tariffs_2025" / "country-by-time.csv")),
    }
    return {name: _csv(header, rows) for name, (header, rows) in tables.items()}


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue()


def _copied(grid: Grid) -> tuple[list[str], list[tuple[str, ...]]]:
    return grid.header, list(grid.cells[1:])


def _china_facts(grid: Grid) -> tuple[list[str], list[tuple[str, ...]]]:
    key, origin, read = (grid.column(name) for name in ("key", "source", "read"))
    kept = [row for row in grid.cells[1:] if fact_ships(row[key], row[origin], row[read])]
    return grid.header, [(*row[:origin], _source(row[origin]), *row[origin + 1 :]) for row in kept]


def _source(text: str) -> str:
    """A source without where its file lay and who did the sum.

    >>> _source("table 2012 in shared/data/china_nbs, share of GDP (computed by this helper)")
    'table 2012, share of GDP (computed from it)'
    """
    return text.replace(" in shared/data/china_nbs", "").replace("computed by this helper", "computed from it")


def fact_ships(key: str, source: str, read: str) -> bool:
    """Whether a figure ships: its key is used, it was read or derived, and nothing in its source forbids it.

    >>> fact_ships("gdp_growth.china", "NBS", "yes"), fact_ships("gdp_growth.china", "NBS", "no")
    (True, False)
    """
    used = any(key == name or key.startswith(f"{name}.") for name in FACT_KEYS)
    return used and read in ("yes", "derived") and not any(words in source.lower() for words in _CLOSED)


def _employment(grid: Grid) -> tuple[list[str], list[list[str]]]:
    """Thousand persons of 2018 by product of the 42; the source counts in 10,000."""
    nesting = read_grid(shipped_file("tables", "concordances", "nbs153_to_nbs42.csv"))
    names = {row[1]: row[3] for row in nesting.cells[1:]}
    year, title = grid.column("2018"), grid.column("Description")
    lines: list[list[str]] = []
    for sector, industries in EMPLOYMENT_INDUSTRIES.items():
        rows = [grid.row(Code=industry) for industry in industries]
        persons = 10 * float(grid.numbers(rows, [year]).sum())
        called = [grid.cells[row][title] for row in rows]
        if industries == ("K",):  # the source repeats the code where the name should be
            called = ["Real estate"]
        reason = f"industry {' + '.join(industries)}: {'; '.join(called)}"
        lines.append([sector, names[sector], f"{persons:.10g}", reason])
    total = float(grid.numbers([grid.row(Code="TOT")], [year])[0, 0]) * 10
    mapped = sum(float(line[2]) for line in lines)
    if abs(mapped - total) > 1e-3 * total:
        raise TableError(
            f"{grid.source}: the industries sum to {mapped:.6g} thousand persons in 2018, the total says {total:.6g}."
        )
    return ["sector", "name", "thousand_persons", "reason"], lines


def _tariffs(grid: Grid) -> tuple[list[str], list[list[str]]]:
    """United States tariffs on China by date: the source's increase over 2024 and the level that it makes."""
    rows = grid.rows(country_name="CHINA")
    columns = [grid.column(name) for name in ("effective tariff", "2024 tariff")]
    date = grid.column("date")
    values = grid.numbers(rows, columns)
    header = ["date", "partner", "increase_over_2024", "tariff_2024", "level"]
    lines = [
        [grid.cells[row][date], "USA", f"{rise:.6g}", f"{before:.6g}", f"{rise + before:.6g}"]
        for row, (rise, before) in zip(rows, values, strict=True)
    ]
    return header, lines
