"""Groups of a table's coefficients, moved together so that the table stays balanced.

Every other coefficient stays: final demand is what it was, output follows from it by the Leontief quantity model
(x = (I − A)⁻¹ f; Leontief 1936), purchases, value added and jobs follow output, and the operating surplus takes up what
the moved column gains or loses. What comes out is a table like any other, checked and calibrated as one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import xarray as xr

from iomodel.calibration.bundles import per_output
from iomodel.calibration.calibrating import calibrate
from iomodel.cards import rules
from iomodel.classifications.sector_maps import GROUPS, SectorRows, load_map
from iomodel.economy import Economy
from iomodel.errors import TableError, nearest
from iomodel.labels import OUTPUT_DIMS
from iomodel.table import Table

Array = npt.NDArray[np.float64]

_BUYERS = {
    "household": ("household", "non_profit"),
    "government": ("government_individual", "government_collective"),
    "investment": ("fixed_capital",),
}
_KINDS = {
    "inputs": "Inputs of {group} per unit of its output, home and foreign",
    "imports": "Imported over home inputs of {group}",
    "wages": "Wages of {group} per unit of its output",
    "jobs": "Jobs of {group} per unit of its output",
}
_FINAL = {
    "imports_household": "Imported over home goods in what households buy",
    "imports_government": "Imported over home goods in what the government buys",
    "imports_investment": "Imported over home goods in fixed investment",
    "services_household": "Services over goods in what households buy",
    "construction_investment": "Construction over other goods in fixed investment",
}


@dataclass(frozen=True)
class _Flows:
    """What moves: per unit of output of the buyer, (seller, product, buying product) of the home region; and final use
    (seller, product, category)."""

    inputs: Array
    added: Array
    jobs: Array
    final: Array


def spread() -> float:
    """Range over which a group is shown, up and down, as a share: a convention (tables/cards/rules.toml).

    >>> spread()
    0.05
    """
    return rules()["coefficient_spread"]


def coefficient_groups(economy: Economy) -> dict[str, str]:
    """Key -> title of the groups of coefficients that can be moved in the economy's table.

    By broad group of the producing sectors: inputs, imported over home inputs, wages, jobs; and the bundles of
    households, government and investment.

    >>> import iomodel as iom
    >>> economy = iom.calibrate(iom.load_table("china-2020"))
    >>> coefficient_groups(economy)["wages_services"]
    'Wages of services per unit of its output'
    """
    return _groups(economy, _rows(economy))


def shifted(economy: Economy, key: str, by: float) -> Economy:
    """The economy calibrated anew on its table with the coefficients of group `key` moved by the share `by`.

    inputs_, wages_, jobs_ and a broad group: these coefficients times 1 + by; imports_…, services_household and
    construction_investment: the one over the other times 1 + by, their sum as it was. Raises TableError for an
    unknown group, and for a move after which there is no table or none that can be calibrated.

    >>> import iomodel as iom
    >>> economy = iom.calibrate(iom.load_table("china-2020"))
    >>> more = shifted(economy, "jobs_services", 0.01)
    >>> round(float(more.sectors["jobs"].sum() / economy.sectors["jobs"].sum()), 4)
    1.0048
    """
    rows = _rows(economy)
    groups = _groups(economy, rows)
    if key not in groups:
        raise TableError(f"there is no group of coefficients {key!r}.{nearest(key, groups)}")
    moved = _moved(_flows(economy), key, by, rows, economy.table)
    return calibrate(_balanced(economy, moved), economy.region, economy.cards)


def _groups(economy: Economy, rows: SectorRows) -> dict[str, str]:
    """Key -> title, the broad groups that produce nothing left out."""
    there = set(rows.group[economy.sectors["output"].values > 0])
    by_group = {
        f"{kind}_{group}": title.format(group=group)
        for kind, title in _KINDS.items()
        for group in GROUPS
        if group in there
    }
    return by_group | _FINAL


def _rows(economy: Economy) -> SectorRows:
    return load_map(str(economy.table.attrs["classification"])).rows(economy.table.sectors)


def _flows(economy: Economy) -> _Flows:
    """The coefficients and final purchases of the home region, the home seller first."""
    table, region = economy.table, economy.region
    sellers = _sellers(economy)
    output = table.output.sel(region=region).values
    bought = table.flows.sel(to_region=region, region=sellers).transpose("region", "sector", "to_sector").values
    added = table.value_added.sel(to_region=region).transpose("factor", "to_sector").values
    final = table.final_demand.sel(to_region=region, region=sellers).transpose("region", "sector", "category").values
    jobs = economy.sectors["jobs"].values * 1000.0
    return _Flows(per_output(bought, output), per_output(added, output), per_output(jobs, output), final)


def _sellers(economy: Economy) -> list[str]:
    return [economy.region, *[str(x) for x in economy.table.flows["region"].values if x != economy.region]]


def _moved(flows: _Flows, key: str, by: float, rows: SectorRows, table: Table) -> _Flows:
    """Coefficients and final purchases with one group moved."""
    kind, _, name = key.partition("_")
    if key in _FINAL:
        return replace(flows, final=_final(flows.final, kind, name, by, rows, table))
    here = rows.group == name
    if kind == "jobs":
        return replace(flows, jobs=np.where(here, (1 + by) * flows.jobs, flows.jobs))
    added, inputs = flows.added.copy(), flows.inputs.copy()
    closing = _closing(table)
    if kind == "wages":
        paid = by * np.where(here, added[table.factors.index("compensation")], 0.0)
        added[table.factors.index("compensation")] += paid
        added[closing] -= paid
    elif kind == "inputs":
        more = by * np.where(here, inputs, 0.0)
        inputs += more
        added[closing] -= more.sum(axis=(0, 1))
    else:
        inputs[:, :, here] = _odds(inputs[:, :, here], by)
    return replace(flows, inputs=inputs, added=added)


def _closing(table: Table) -> int:
    """The factor that takes up what a column gains or loses."""
    for name in ("operating_surplus", "depreciation"):
        if name in table.factors:
            return table.factors.index(name)
    raise TableError(f"table {table.name!r} has no surplus that could close a moved column")


def _odds(amounts: Array, by: float) -> Array:
    """Imported over home amounts of a product times 1 + by, their sum as it was; where both are bought at all."""
    home, abroad = amounts[0], amounts[1:].sum(axis=0)
    both = (home > 0) & (abroad > 0) & (amounts >= 0).all(axis=0)
    scale = np.divide(home + abroad, home + (1 + by) * abroad, out=np.ones_like(home), where=both)
    return np.concatenate([(home * scale)[None], amounts[1:] * np.where(both, (1 + by) * scale, 1.0)])


def _final(final: Array, kind: str, name: str, by: float, rows: SectorRows, table: Table) -> Array:
    """Final purchases with one bundle moved; the total of each category stays."""
    moved = final.copy()
    chosen = {"services": rows.group == "services", "construction": rows.asset == "construction"}
    for place in (table.categories.index(one) for one in _BUYERS[name] if one in table.categories):
        column = final[:, :, place]
        if kind == "imports":
            moved[:, :, place] = _odds(column, by)
            continue
        more = np.where(chosen[kind], 1 + by, 1.0) * column
        moved[:, :, place] = more * (column.sum() / more.sum() if more.sum() else 1.0)
    return moved


def _balanced(economy: Economy, moved: _Flows) -> Table:
    """The table that has the moved coefficients of the home region and otherwise its own, output solved anew."""
    table, region = economy.table, economy.region
    sellers, producers = _sellers(economy), table.regions
    flows, final = table.flows.copy(deep=True), table.final_demand.copy(deep=True)
    coefficients = xr.zeros_like(flows)
    old = {name: table.output.sel(region=name).values for name in producers}
    for name in producers:
        coefficients.loc[{"to_region": name}] = per_output(flows.sel(to_region=name).values, old[name])
    place = {"region": sellers, "to_region": region}
    coefficients.loc[place] = moved.inputs
    final.loc[place] = moved.final
    output = _output(coefficients, final, producers, len(table.sectors))
    for name in producers:
        flows.loc[{"to_region": name}] = coefficients.sel(to_region=name).values * output[name]
    added = table.value_added.copy(deep=True)
    for name in producers:
        own = moved.added if name == region else per_output(added.sel(to_region=name).values, old[name])
        added.loc[{"to_region": name}] = own * output[name]
    made = table.output.copy(deep=True)
    for name in producers:
        made.loc[{"region": name}] = output[name]
    return replace(
        table,
        flows=flows,
        final_demand=final,
        value_added=added,
        output=made,
        employment=_employment(economy, moved.jobs, output, old),
        attrs={key: value for key, value in table.attrs.items() if key not in ("sha256", "tolerance")},
        tolerance=float(table.attrs.get("tolerance", 1e-6)),
    )


def _output(coefficients: xr.DataArray, final: xr.DataArray, producers: list[str], size: int) -> dict[str, Array]:
    """Output by region that meets final demand at these coefficients."""
    order = ("region", "sector", "to_region", "to_sector")
    count = len(producers) * size
    matrix = coefficients.sel(region=producers).transpose(*order).values.reshape(count, count)
    demand = final.sel(region=producers).sum(("to_region", "category")).transpose("region", "sector").values
    output = np.asarray(np.linalg.solve(np.eye(count) - matrix, demand.reshape(count)), dtype=np.float64)
    return {name: output[place * size : (place + 1) * size] for place, name in enumerate(producers)}


def _employment(economy: Economy, jobs: Array, output: Mapping[str, Array], old: Mapping[str, Array]) -> xr.DataArray:
    """Thousand persons by region and sector: jobs per unit of output as they were, those of the home region as
    moved."""
    given = economy.table.employment
    known = [] if given is None else [str(name) for name in given["region"].values]
    regions = [*known, *([] if economy.region in known else [economy.region])]

    def rate(name: str) -> Array:
        if name == economy.region or given is None:
            return jobs
        return per_output(given.sel(region=name).values, old[name])

    persons = np.stack([rate(name) * output[name] for name in regions])
    return xr.DataArray(persons, coords={"region": regions, "sector": economy.table.sectors}, dims=OUTPUT_DIMS)
