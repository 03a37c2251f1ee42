"""Jobs by sector in the base year: a table's own where it has them, China's published ones for its official tables.

The statistical office counts employed persons by industry to 2018 and by branch of the economy in every year; both are
joined. It knows no products below the 42 sectors: the persons of a sector are spread over its products by compensation
of employees, so that everybody in a sector is paid the same.
"""

from __future__ import annotations

import csv

import numpy as np
import numpy.typing as npt

from iomodel.classifications.nesting import DETAILED, nesting
from iomodel.classifications.sector_maps import SectorRows
from iomodel.economy import Finding
from iomodel.errors import TableError
from iomodel.shipped import shipped_file
from iomodel.table import Table

Array = npt.NDArray[np.float64]

HOME = "CHN"
"""The country whose jobs are shipped."""


def jobs_by_sector(table: Table, region: str, rows: SectorRows, compensation: Array) -> Array:
    """Employed persons by sector, in millions; `compensation` of employees by sector in any unit.

    A table's own jobs where it has them; of a region without any the jobs per output of the others; for China's
    official classifications the shares of 2018 inside agriculture, industry with construction, and services, scaled to
    the employed persons of the table's year. Raises TableError where there is none of these.
    """
    if table.employment is not None and region in table.employment["region"].values:
        return np.asarray(table.employment.sel(region=region).values, dtype=float) / 1000.0
    if table.employment is not None and not table.is_national:
        return _as_elsewhere(table, region) / 1000.0
    parents = nesting(str(table.attrs["classification"]))
    if region != HOME or not parents:
        raise TableError(f"table {table.name!r} has no jobs by sector of region {region!r}: add them as employment")
    with shipped_file("tables", "facts", "china_employment_2018.csv").open(encoding="utf-8", newline="") as file:
        persons = {row["sector"]: float(row["thousand_persons"]) / 1000.0 for row in csv.DictReader(file)}
    jobs = _spread(persons, [parents[sector] for sector in table.sectors], compensation)
    broad = {"agriculture": "primary", "services": "tertiary"}
    branch = np.array([broad.get(group, "secondary") for group in rows.group])
    for name, employed in _employed(table.year).items():
        jobs[branch == name] *= employed / jobs[branch == name].sum()
    return jobs


def jobs_finding(table: Table, region: str, millions: float) -> tuple[Finding, ...]:
    """Says that the jobs are no figures of this region and its sectors, where they are none."""
    if table.employment is None:
        if table.attrs["classification"] != DETAILED:
            return ()
        source = "stated default: persons of each of the 42 sectors, spread over its products by compensation"
    elif region not in table.employment["region"].values:
        others = table.employment.sizes["region"]
        source = f"stated default: jobs per output by sector of the table's {others} other regions"
    else:
        return ()
    return (Finding("jobs by sector", millions, None, "million persons", source),)


def _as_elsewhere(table: Table, region: str) -> Array:
    """Thousand jobs by sector of a region without any: jobs per output of the regions that have them, by sector.

    A sector that makes nothing in all of those takes their jobs per output of all sectors; one without output has none.
    """
    assert table.employment is not None
    known = [name for name in table.employment["region"].values if name != region]
    jobs = table.employment.sel(region=known).sum("region").values
    made = table.output.sel(region=known).sum("region").values
    mean = np.divide(jobs, made, out=np.full_like(jobs, jobs.sum() / made.sum()), where=made > 0)
    found: Array = mean * table.output.sel(region=region).values
    return found


def _spread(persons: dict[str, float], parents: list[str], compensation: Array) -> Array:
    """Persons of each sector over its products by compensation of employees."""
    paid: dict[str, float] = dict.fromkeys(parents, 0.0)
    for parent, amount in zip(parents, compensation, strict=True):
        paid[parent] += float(amount)
    shares = [
        float(amount) / paid[parent] if paid[parent] > 0 else 1 / parents.count(parent)
        for parent, amount in zip(parents, compensation, strict=True)
    ]
    return np.array([persons[parent] * share for parent, share in zip(parents, shares, strict=True)])


def _employed(year: int) -> dict[str, float]:
    """Employed persons of China by branch in `year`, in millions (statistical office)."""
    with shipped_file("tables", "facts", "china_facts.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["period"] == str(year)]
    names = ("primary", "secondary", "tertiary")
    return {
        name: float(next(row["value"] for row in rows if row["key"] == f"employed_persons.{name}")) for name in names
    }
