"""The trajectory: a path's variables by year, its shadow prices, its verdict and where it comes from.

What is reported is the simulation's replay of the levers that a solver returned, so that every identity holds to
rounding; the distance between the two is part of the verdict. (Methods that return one call it `path`.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from iomodel.errors import ExperimentError, nearest
from iomodel.program.arrays import Arrays
from iomodel.program.certificate import Verdict
from iomodel.program.simulate import Flows, Levers
from iomodel.vocabulary import VARIABLES

if TYPE_CHECKING:
    from iomodel.experiment import Experiment  # a layer above: only its name stands here

Array = npt.NDArray[np.float64]


class ByLaw(dict[str, xr.DataArray]):
    """Prices by law; a law that has none is answered with the names that may have been meant."""

    def __missing__(self, law: str) -> xr.DataArray:
        """ExperimentError: there is no such law."""
        told = nearest(str(law), self) or f" They are {', '.join(sorted(self))}."
        raise ExperimentError(f"no law {law!r} has a shadow price on this path.{told}")


@dataclass(frozen=True)
class Trajectory:
    """A path of one experiment.

    data: variables of the vocabulary over `year` (base year, known years, reported years of policy) and `sector`, units
    on each. shadow_prices: law -> (dims of the law), change of the goal per unit of the law's bound. verdict: whether
    and how it was solved. experiment: what was asked. provenance: versions, table and its hash, changed cards.
    reference: the same variables of the path without levers, or None where the path is that one. own: variables and
    named expressions of blocks of one's own over `year` (the reported years of policy) or `start`, units on each; they
    are the program's numbers, which no simulation replays, and may have a name that `data` has, too.
    """

    data: xr.Dataset
    shadow_prices: Mapping[str, xr.DataArray]
    verdict: Verdict
    experiment: Experiment
    provenance: Mapping[str, Any]
    reference: xr.Dataset | None = None
    own: xr.Dataset = field(default_factory=xr.Dataset)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shadow_prices", ByLaw(self.shadow_prices))

    def __repr__(self) -> str:
        """Name, table, years and verdict; the data stand in `data`."""
        years = self.data["year"].values
        return f"Trajectory({self.experiment.name} on {self.experiment.table}, {years[0]}–{years[-1]}, {self.verdict})"

    @property
    def policy_years(self) -> npt.NDArray[np.int64]:
        """Years of policy that are reported."""
        years = np.asarray(self.data["year"].values, dtype=np.int64)
        return years[years >= int(self.data.attrs["first_policy_year"])]


def dataset_of(arrays: Arrays, flows: Sequence[Flows], levers: Sequence[Levers], first: int) -> xr.Dataset:
    """The flows of consecutive years from the base year on as a labelled dataset.

    first: path index of the first year of policy, kept in the attribute `first_policy_year`.
    """
    economy = arrays.economy
    years = np.asarray(economy.paths["year"].values[: len(flows)], dtype=np.int64)
    found = variables_of(arrays, flows, levers)
    made = {
        name: (entry.dims, found[name], {"units": entry.unit(economy.year), "long_name": entry.definition})
        for name, entry in VARIABLES.items()
    }
    coords = {"year": years, "sector": np.array(economy.table.sectors), "region": economy.region}
    attrs = {
        "title": f"{economy.region}, {economy.table.name}",
        "base_year": economy.year,
        "last_known_year": economy.known_until,
        "first_policy_year": int(economy.paths["year"].values[first]),
    }
    return xr.Dataset(made, coords=coords, attrs=attrs)


def variables_of(arrays: Arrays, flows: Sequence[Flows], levers: Sequence[Levers]) -> dict[str, Array]:
    """Every variable of the vocabulary, in its dims, from the flows of consecutive years, the base year first."""
    economy, count = arrays.economy, len(flows)
    found: dict[str, Array] = {}
    for name in VARIABLES:
        if name in flows[0]:
            found[name] = np.stack([np.asarray(flow[name], dtype=float) for flow in flows], axis=-1)
    found["exports"] = economy.exports.transpose("sector", "year").values[:, :count]
    found["trend"] = arrays.path("trend")[:count]
    found["employment"] = np.stack([np.asarray(flow["jobs"]) for flow in flows], axis=-1)
    found["benefit_rate"] = np.array([lever.benefit_rate for lever in levers])
    return found | _shares(arrays, found)


def _shares(arrays: Arrays, found: Mapping[str, Array]) -> dict[str, Array]:
    """Headline shares and rates from the levels."""
    gdp = found["gdp"]
    industry = arrays.industry
    made = industry & (arrays.sector("manufacturing") > 0)
    output, capacity = found["output"], found["capacity"]
    consumption, in_kind = found["household_consumption"], found["in_kind_spending"]
    of_gdp = {
        "household_consumption_share": consumption,
        "actual_individual_consumption_share": consumption + in_kind,
        "final_consumption_share": consumption + in_kind + found["collective_consumption"],
        "investment_share": found["investment"] + found["stock_change"],
        "social_spending_share": found["social_spending"],
        "programme_share": found["programme"],
        "public_debt_share": found["public_debt_end"],
        "firm_debt_share": found["firm_debt_end"],
        "deficit_share": found["deficit"],
        "current_account_share": -found["foreign_saving"],
        "saving_share": found["household_saving"] + found["firm_saving"] + found["government_saving"],
    }
    use = np.divide(output, capacity, out=np.ones_like(output), where=capacity > 0)
    return {name: 100 * amount / gdp for name, amount in of_gdp.items()} | {
        "utilisation": 100 * np.where(industry[:, None], use, 1.0),
        "idle_share": 100 * found["idle_capacity"].sum(axis=0) / capacity[industry].sum(axis=0),
        "manufacturing_utilisation": 100 * output[made].sum(axis=0) / capacity[made].sum(axis=0),
        "industry_utilisation": 100 * output[industry].sum(axis=0) / capacity[industry].sum(axis=0),
        "unemployment_rate": 100 * found["unemployed"] / found["labour_force"],
        "household_saving_rate": 100 * found["household_saving"] / found["household_income"],
        "growth": np.append(0.0, 100 * (gdp[1:] / gdp[:-1] - 1)),
    }
