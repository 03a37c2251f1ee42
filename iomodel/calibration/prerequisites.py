"""What calibration asks of a table and its sector map beyond a sound table, said all at once.

A table can balance and still not describe an economy that invests, pays wages and runs plant. What has a rule is dealt
with by it (`value_added` here, the rest in `iomodel.calibration.calibrating`); what has none is refused before anything
else.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from iomodel.cards import Cards
from iomodel.classifications.sector_maps import SectorRows
from iomodel.errors import TableError
from iomodel.labels import ASSETS
from iomodel.table import Table

Array = npt.NDArray[np.float64]


def require(table: Table, region: str, rows: SectorRows, added: Array) -> None:
    """TableError with everything that keeps `region` of `table` from being calibrated; nothing where all is there.

    `added`: compensation, production taxes, depreciation and surplus by sector, in the table's unit.
    """
    found = [
        *_totals(table, region, added),
        *_capital(table, region, rows, added),
        *_sectors(table, region, rows, added),
        *_jobs(table, region),
    ]
    if found:
        raise TableError("\n".join(f"table {table.name!r}, region {region}: {text}" for text in found))


def value_added(table: Table, region: str, cards: Cards) -> Array:
    """(4, n) compensation, production taxes, depreciation and net surplus of `region`, in the table's unit.

    Taxes that the table lacks are zero. Where it has no depreciation, the card `depreciation_share` of each sector's
    surplus is; a sector with a loss has none.
    """
    here = table.value_added.sel(to_region=region, drop=True)
    zero = np.zeros(len(table.sectors))
    names = ("compensation", "production_taxes", "depreciation", "operating_surplus")
    amounts = {name: here.sel(factor=name).values if name in table.factors else zero for name in names}
    if "depreciation" not in table.factors:
        amounts["depreciation"] = cards["depreciation_share"] * np.maximum(amounts["operating_surplus"], 0.0)
        amounts["operating_surplus"] = amounts["operating_surplus"] - amounts["depreciation"]
    return np.stack([amounts[name] for name in names])


def bought(table: Table, region: str, *categories: str) -> Array:
    """(n,) what final uses of `region` buy by product, home and foreign; absent categories buy nothing."""
    here = [name for name in categories if name in table.categories]
    found: Array = table.final_demand.sel(to_region=region, category=here).sum(("region", "category")).values
    return found


def _totals(table: Table, region: str, added: Array) -> Iterator[str]:
    compensation, _, depreciation, surplus = added
    if not compensation.sum() > 0:
        yield "it has no compensation of employees, from which households live; add the row compensation"
    if not (depreciation + surplus).sum() > 0:
        yield "it has no gross operating surplus; add the rows depreciation and operating_surplus"
    if not bought(table, region, "household", "non_profit").sum() > 0:
        yield "households buy nothing; add the column household"


def _capital(table: Table, region: str, rows: SectorRows, added: Array) -> Iterator[str]:
    formed = bought(table, region, "fixed_capital")
    if not formed.sum() > 0:
        yield "there is no fixed capital formation; add the column fixed_capital"
        return
    for asset in ASSETS:
        amount = float(formed[rows.asset == asset].sum())
        if amount < 0:
            codes = ", ".join(rows.sectors[place] for place in np.flatnonzero((rows.asset == asset) & (formed < 0)))
            yield (
                f"investment in {asset} is below zero ({amount:.6g}, products {codes}); give these products the asset "
                "of those with which they are traded in the sector map"
            )
    depreciation = added[2]
    for place in np.flatnonzero(depreciation < 0):
        yield f"sector {rows.sectors[place]} has depreciation below zero ({depreciation[place]:.6g}); correct it"
    if not depreciation.sum() > 0 and (depreciation + added[3]).sum() > 0:
        yield "no sector has depreciation, from which capital is found; correct the row, or leave it out for the card"


def _sectors(table: Table, region: str, rows: SectorRows, added: Array) -> Iterator[str]:
    output = table.output.sel(region=region).values
    if not output[rows.group == "manufacturing"].sum() > 0:
        yield (
            f"the map {rows.classification} has no sector of manufacturing with output, whose plant the model is "
            "about; set manufacturing in its column group"
        )
    if added[2].sum() > 0:
        for place in np.flatnonzero(rows.industry & (output > 0) & (added[2] == 0)):
            yield f"sector {rows.sectors[place]} is industry without depreciation: its plant cannot be found; add it"
    for place in np.flatnonzero((output == 0) & (np.abs(added).sum(axis=0) > 0)):
        yield f"sector {rows.sectors[place]} has value added but no output; set both or none"


def _jobs(table: Table, region: str) -> Iterator[str]:
    if table.employment is None or region not in table.employment["region"].values:
        return
    jobs = table.employment.sel(region=region).values
    output = table.output.sel(region=region).values
    if not jobs.sum() > 0:
        yield "there are no jobs; give thousand persons by sector in the row employment"
    for place in np.flatnonzero(jobs < 0):
        yield f"sector {table.sectors[place]} has jobs below zero ({jobs[place]:.6g}); correct the row employment"
    for place in np.flatnonzero((output == 0) & (jobs > 0)):
        yield f"sector {table.sectors[place]} has {jobs[place]:.6g} thousand jobs but no output; set both or none"
