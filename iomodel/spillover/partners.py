"""Spillovers: the whole world solved for a path and for its reference, and the difference told by channel.

Channels of this version, at given prices: `demand`, the home region's final demand moves with import shares fixed (home
industries' purchases abroad follow home output); `barriers`, partners' tariffs move import shares, diversion to other
sellers included. Each is the mean over both orders of switching. `competition` (home prices) and `cost` (partners'
prices and real incomes) need the price loop and are absent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from iomodel.calibration.bundles import per_output
from iomodel.calibration.calibrating import calibrate
from iomodel.economy import Economy
from iomodel.errors import ResultError, TableError
from iomodel.labels import positions
from iomodel.markets.shares import Array
from iomodel.markets.tariffs import Regime, elasticities, in_force, regime
from iomodel.markets.world import World, world_under
from iomodel.spillover.channels import shapley
from iomodel.spillover.estimate import Moved, amounts_of, told_of_estimate
from iomodel.spillover.home import home_final_demand
from iomodel.table import Table, load_table
from iomodel.values import not_text

if TYPE_CHECKING:
    from iomodel.program.trajectory import Trajectory

CHANNELS = ("demand", "barriers")
ABSENT_CHANNELS = ("competition", "cost")
DIMS = ("partner", "sector", "year", "channel")


def spillovers(path: Trajectory, reference: Trajectory, economy: Economy | None = None) -> xr.Dataset:
    """What `path` does to each trading partner, against `reference`.

    x = (I − A')⁻¹ (home final demand by seller + partners' final demand by seller), with A' and the partners' demand by
    seller rebuilt from import shares under the tariffs in force; the partners' own demand grows by the card
    partner_growth from the base year. Home final demand is the path's; home output is solved here with the partners'.
    In the program it follows from exports that are data (scaled for tariffs at the partners' given demand); here
    exports answer to what partners produce, so that the two differ by the rounds through partners. The difference to
    the reference by both is in the result (`home_output_change`, `home_output_change_program`). In the program's path
    home incomes answer to lost exports: that part of a tariff reaches partners through the channel `demand`.

    Parameters
    ----------
    path, reference : trajectories on one inter-country table, with the same region and years
    economy : the economy of both, before the cards that their experiments change; None calibrates it again from the
        table, region and cards that each experiment names; elasticities and partners' growth are those of the path

    Returns
    -------
    Dataset (partner, sector, year, channel): output_change, value_added_change (table's money unit, base-year prices,
    flow of a year), employment_change (thousand persons at the base year's jobs per output; only where the table has
    persons, NaN for partners without), and *_share: percent of the partner's reference total over all sectors, so that
    shares add over sectors and channels. (partner, sector, year): the reference values, `*_reference`.
    On an ESTIMATE the sectors are the three broad ones, and beside every change stand `*_change_by_variant` (variant
    first) and `*_change_error`, the amount by which a rehearsal on a known year was off, where they are known
    (`iomodel.spillover.estimate`).

    Raises
    ------
    TableError : the table is national
    ResultError : path and reference differ in table, region or years, or lack variables

    Source: Miller and Blair (2009), chapter 3 (many regions); shares after Armington (1969), channels after Shapley.

    >>> import iomodel as iom
    >>> usual = iom.simulate(iom.load_experiment("business-as-usual").replace(table="world-2011"))
    >>> tariffs = iom.load_experiment("two-halves-tariffs").tariffs
    >>> partners = iom.spillovers(iom.simulate(usual.experiment.replace(tariffs=tariffs)), reference=usual)
    >>> bool(partners["output_change"].sel(partner="USA", year=2015, channel="barriers").sum() > 0)
    True
    """
    _comparable(path, reference)
    own = _economy(path, economy)
    if own.table.is_national:
        raise TableError(
            f"Spillovers need trading partners, but the table {own.table.name} is national: all partners are "
            'its one row IMPORTS. Run path and reference with table="world-2011".'
        )
    other = own if _same_cards(path, reference) else _economy(reference, economy)
    years = [int(year) for year in path.data["year"].values]
    tariffs = {True: _regimes(own, path, years), False: _regimes(other, reference, years)}
    sigma = elasticities(own.cards)
    cases = _Cases(
        table=own.table,
        economy=own,
        years=years,
        home={True: _aligned(own, path), False: _aligned(other, reference)},
        tariffs=tariffs,
        worlds={now: world_under(own.table, own.region, now, sigma) for now in {*tariffs[True], *tariffs[False]}},
    )
    found = _dataset(cases, path, reference)
    if not own.table.is_estimate:
        return found
    amounts = amounts_of(own, path.data, reference.data)
    return told_of_estimate(found, Moved(own, years, amounts, (tariffs[True], tariffs[False]), cases.growth))


@dataclass(frozen=True)
class _Cases:
    """What is compared: home demand and tariffs, each of the path (True) or the reference (False), and their worlds."""

    table: Table
    economy: Economy
    years: list[int]
    home: dict[bool, Array]
    tariffs: dict[bool, list[Regime]]
    worlds: dict[Regime, World]

    @property
    def growth(self) -> Array:
        """Partners' own demand over that of the table's year, by year."""
        return (1 + float(self.economy.cards["partner_growth"])) ** (np.array(self.years) - self.economy.year)

    def output(self, switched: frozenset[str]) -> Array:
        """Output (region, sector, year) of the whole world with the channels in `switched` at the path's values."""
        home, tariffs = self.home["demand" in switched], self.tariffs["barriers" in switched]
        result = np.empty_like(home)
        for now in set(tariffs):
            columns = [place for place, found in enumerate(tariffs) if found == now]
            world = self.worlds[now]
            abroad = [name != self.economy.region for name in world.regions]
            partners = world.final[:, :, abroad].sum(axis=2)
            # all years are solved each time: an equal number of right-hand sides rounds equally, so that years
            # without a change differ by nothing at all
            result[:, :, columns] = world.output(home + partners[:, :, None] * self.growth)[:, :, columns]
        return result


def _dataset(cases: _Cases, path: Trajectory, reference: Trajectory) -> xr.Dataset:
    """The four solves as a labelled dataset."""
    before = cases.output(frozenset())
    parts = shapley(cases.output, CHANNELS)
    change = np.stack([parts[channel] for channel in CHANNELS], axis=3)
    table, home = cases.table, cases.economy.region
    regions = table.regions
    abroad = [place for place, name in enumerate(regions) if name != home]
    data: dict[str, xr.DataArray] = {}
    for name, title, unit, intensity in _measures(table):
        data |= _variables(name, title, unit, intensity[abroad], change[abroad], before[abroad])
    program = (path.data["output"] - reference.data["output"]).transpose("sector", "year").values
    changes = {
        "home_output_change": (change[regions.index(home)].sum(axis=2), "whole-world solve"),
        "home_output_change_program": (program * cases.economy.gdp / 100, "program"),
    }
    for name, (values, method) in changes.items():
        data[name] = _labelled(values, ("sector", "year"), table.unit, f"change of output of {home}, {method}")
    coords = {
        "partner": [regions[place] for place in abroad],
        "sector": table.sectors,
        "year": cases.years,
        "channel": list(CHANNELS),
    }
    return xr.Dataset(data, coords=coords, attrs=_notes(cases, path, reference))


def _measures(table: Table) -> list[tuple[str, str, str, Array]]:
    """(name, title, unit, amount per unit of output (region, sector)) of output, value added and jobs."""
    output = np.asarray(table.output.values, dtype=float)
    added = table.value_added.sum("factor").transpose("to_region", "to_sector").values
    money = table.unit
    measures = [
        ("output", "output", money, np.ones_like(output)),
        ("value_added", "value added", money, per_output(added, output)),
    ]
    if table.employment is not None:
        jobs = _employment(table)
        measures.append(("employment", "employed persons", "thousand persons", per_output(jobs, output)))
    return measures


def _employment(table: Table) -> Array:
    """Employed persons (region, sector); NaN for regions for which the table has none."""
    assert table.employment is not None
    found = table.employment.reindex(region=table.output["region"], sector=table.output["sector"])
    return np.asarray(found.transpose("region", "sector").values, dtype=float)


def _variables(
    name: str, title: str, unit: str, intensity: Array, change: Array, before: Array
) -> dict[str, xr.DataArray]:
    """Change, its share of the partner's reference total, and the reference itself, of one measure."""
    moved = intensity[:, :, None, None] * change
    level = intensity[:, :, None] * before
    share = 100 * moved / level.sum(axis=1)[:, None, :, None]
    return {
        f"{name}_change": _labelled(moved, DIMS, unit, f"change of partners' {title} against the reference"),
        f"{name}_change_share": _labelled(
            share, DIMS, "percent", f"change of partners' {title} in percent of the partner's reference, all sectors"
        ),
        f"{name}_reference": _labelled(level, DIMS[:3], unit, f"partners' {title} in the reference"),
    }


def _labelled(values: Array, dims: tuple[str, ...], unit: str, title: str) -> xr.DataArray:
    return xr.DataArray(values, dims=dims, attrs={"units": unit, "long_name": title})


def _notes(cases: _Cases, path: Trajectory, reference: Trajectory) -> dict[str, str]:
    """What a reader of the dataset has to know, as plain text attributes."""
    table = cases.table
    missing = []
    if table.employment is not None:
        jobs = _employment(table)
        regions = table.regions
        missing = [name for name, row in zip(regions, jobs, strict=True) if np.isnan(row).any()]
    persons = "absent: the table has no persons" if table.employment is None else "at the base year's jobs per output"
    return {
        "home": cases.economy.region,
        "path": str(path.experiment.name),
        "reference": str(reference.experiment.name),
        "table": table.name,
        "table_sha256": table.sha256,
        "price_basis": f"prices of {cases.economy.year}; no price answers",
        "absent_channels": ", ".join(ABSENT_CHANNELS) + ": they need the price loop",
        "value_added": "at the base year's value added per output; under tariffs the world's sum rises by what buyers "
        "waste on dearer mixes (excess burden), which only the channel cost would take back",
        "employment": persons,
        "partners_without_employment": ", ".join(missing),
        "attribution": "mean over the orders in which the channels are switched on",
    }


def _regimes(economy: Economy, path: Trajectory, years: list[int]) -> list[Regime]:
    """The tariffs in force in each year of `path`."""
    first = economy.known_until + 1
    duties = in_force(path.experiment.tariffs, economy.table, economy.region, economy.cards, first)
    return [regime(duties, year) for year in years]


def _aligned(economy: Economy, path: Trajectory) -> Array:
    """Home final demand (region, sector, year) of `path` in the table's order of labels."""
    demand = home_final_demand(economy, path.data)
    rows = positions(economy.table.regions, map(str, demand["region"].values))
    goods = positions(economy.table.sectors, map(str, demand["sector"].values))
    return np.asarray(demand.values, dtype=float)[np.ix_(rows, goods)]


def _economy(path: Trajectory, given: Economy | None) -> Economy:
    """The economy that a path was solved on: its table (with proof that it is the same), region and changed cards."""
    asked = path.experiment
    table = load_table(asked.table) if given is None else given.table
    _same_table(path, table)
    if given is None:
        return calibrate(table, region=asked.region, cards=dict(asked.cards))
    if given.region != asked.region:
        raise ResultError(
            f"The path {asked.name} is of region {asked.region}, the economy of {given.region}; pass the path's own."
        )
    changes = {key: value for key, value in asked.cards.items() if given.cards.changed.get(key) != value}
    return calibrate(table, given.region, given.cards.replace(changes)) if changes else given


def _same_table(path: Trajectory, table: Table) -> None:
    found = str(path.provenance["table_sha256"])
    if table.sha256 != found:
        raise ResultError(
            f"The path {path.experiment.name} was solved on a table with hash {found[:12]}; {table.name} has "
            f"{table.sha256[:12]}. Solve it again, or pass the economy that it was solved on as economy=."
        )


def _same_cards(path: Trajectory, reference: Trajectory) -> bool:
    return dict(path.experiment.cards) == dict(reference.experiment.cards)


def _comparable(path: Trajectory, reference: Trajectory) -> None:
    """Refuse two paths whose difference would mean nothing."""
    for key, given in (("path", path), ("reference", reference)):
        not_text(f"spillovers, {key}", given, "give a path of solve, simulate or load_trajectory", ResultError)
    tables = path.provenance["table_sha256"], reference.provenance["table_sha256"]
    if tables[0] != tables[1]:
        raise ResultError(
            f"Path and reference stand on different tables: {path.experiment.table} ({tables[0][:12]}) and "
            f"{reference.experiment.table} ({tables[1][:12]}). Simulate the reference on the table of the path."
        )
    if path.experiment.region != reference.experiment.region:
        raise ResultError(
            f"Path and reference have different home regions: {path.experiment.region} and "
            f"{reference.experiment.region}. Simulate the reference for the region of the path."
        )
    years = [[int(year) for year in found.data["year"].values] for found in (path, reference)]
    if years[0] != years[1]:
        spans = [f"{found[0]}-{found[-1]}" for found in years]
        raise ResultError(
            f"Path and reference have different years: {spans[0]} and {spans[1]}. Give both experiments one horizon."
        )
