"""What a grid keeps of each run: variables, years and shadow prices, each known before the first run.

All runs of a grid go into one box, so that what is kept has the same years and sectors in every run: where an axis
changes the table or the horizon, the file names years that all of them report.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from iomodel.cards import load_cards
from iomodel.errors import ExperimentError
from iomodel.experiment import Experiment
from iomodel.grids.design.axes import listed
from iomodel.grids.design.definition import Axis, Keep
from iomodel.grids.design.tables import Facts
from iomodel.values import one_of, refuse
from iomodel.vocabulary import LAWS, VARIABLES
from iomodel.yearly import YEARS_AHEAD, yearly_paths

ENTRIES = ("variables", "years", "prices")

HEADLINE = (
    "household_consumption_share",
    "actual_individual_consumption_share",
    "household_consumption",
    "gdp",
    "growth",
    "investment_share",
    "social_spending_share",
    "idle_share",
    "unemployment_rate",
    "public_debt_share",
    "current_account_share",
)
"""Variables that are kept where a file names none: those by which a policy is judged."""

TAKEN = (
    "year", "sector", "region", "industry", "asset", "start", "run", "status", "seconds", "solver_seconds",
    "worst_residual", "explanation", "remedies",
)  # fmt: skip
"""Names in the opened box that no axis may have."""


def read_keep(
    entry: object, axes: Iterable[Axis], experiments: Mapping[str, Experiment], tables: Mapping[str, Facts]
) -> Keep:
    """The [keep] of a file.

    experiments: the runs in whose years and sectors the grid's may differ, by what tells them apart. Raises
    ExperimentError for unknown variables, laws and years, an axis named like what is kept, and for what some runs do
    not have.
    """
    if not isinstance(entry, Mapping):
        raise refuse("keep", entry, f"a table with {', '.join(ENTRIES)}")
    for key in entry:
        one_of("keep", key, ENTRIES)
    variables = _names("keep.variables", entry.get("variables", list(HEADLINE)), VARIABLES, "variables")
    prices = _names("keep.prices", entry["prices"], LAWS, "laws") if entry.get("prices") else ()
    for axis in axes:
        if axis.name in (*variables, *TAKEN):
            raise refuse(f"axes.{axis.name}", axis.name, "a name that neither a kept variable nor the box itself has",
                         " Rename the axis, or keep other variables.")  # fmt: skip
    reported = {name: _reported(experiment, tables) for name, experiment in experiments.items()}
    _same_sectors(variables, experiments, tables)
    return Keep(variables, _years(entry, reported), prices)


def years_kept(keep: Keep, experiment: Experiment, facts: Facts) -> tuple[int, ...]:
    """Calendar years that are kept of a run."""
    return keep.years if keep.years is not None else _reported(experiment, {experiment.table: facts})


def _names(where: str, value: object, known: Iterable[str], what: str) -> tuple[str, ...]:
    names = listed(where, value)
    for name in names:
        one_of(where, name, known)
    if len(set(names)) < len(names):
        raise refuse(where, names, f"{what}, each once")
    return tuple(names)


def _years(entry: Mapping[str, Any], reported: Mapping[str, tuple[int, ...]]) -> tuple[int, ...] | None:
    """The years named, which all runs report; without any, all runs report the same."""
    if "years" not in entry:
        first = next(iter(reported.values()))
        for name, years in reported.items():
            if years != first:
                raise ExperimentError(
                    f"keep.years: the runs report different years ({name}: {years[0]} to {years[-1]}, others "
                    f"{first[0]} to {first[-1]}); name years that all of them report."
                )
        return None
    years = listed("keep.years", entry["years"])
    for name, known in reported.items():
        for year in years:
            if isinstance(year, bool) or year not in known:
                raise refuse("keep.years", year, f"calendar years that every run reports, {name} those from {known[0]} "
                             f"to {known[-1]}")  # fmt: skip
    if len(set(years)) < len(years):
        raise refuse("keep.years", years, "each year once")
    return tuple(sorted(years))


def _same_sectors(variables: Iterable[str], experiments: Mapping[str, Experiment], tables: Mapping[str, Facts]) -> None:
    """ExperimentError where a variable by sector is kept of tables whose sectors differ."""
    used = sorted({experiment.table for experiment in experiments.values()})
    by_sector = [name for name in variables if "sector" in VARIABLES[name].dims]
    if by_sector and len({tables[name].sectors for name in used}) > 1:
        raise ExperimentError(
            f"keep.variables: {by_sector[0]} is by sector, and the axes change the table ({', '.join(used)}), whose "
            "sectors differ. Keep totals, or make one grid a table."
        )


def _reported(experiment: Experiment, tables: Mapping[str, Facts]) -> tuple[int, ...]:
    """Calendar years that a run reports: from the table's to the last reported year of policy."""
    cards = load_cards(experiment.table, dict(experiment.cards), experiment.region)
    paths = yearly_paths(tables[experiment.table].year, cards)
    first = int(paths["known"].values.nonzero()[0].max()) + 1
    if first + experiment.horizon.solved > YEARS_AHEAD:
        raise ExperimentError(
            f"horizon: {experiment.horizon.solved} solved years go beyond the yearly paths; allowed are "
            f"{YEARS_AHEAD - first}."
        )
    return tuple(int(year) for year in paths["year"].values[: first + experiment.horizon.years])
