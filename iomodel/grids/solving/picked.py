"""What is kept of one run: numbers of its path and shadow prices, in the shape of the template.

The numbers come from the flows of the simulation by the function that also makes a labelled path
(`iomodel.program.trajectory.variables_of`), but no labelled path is made of each run: where a label stands in the
template is the same for all runs of one economy and horizon, and is looked up once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from iomodel.course import Course
from iomodel.program.simulate import Flows, Levers
from iomodel.program.trajectory import variables_of
from iomodel.vocabulary import VARIABLES

Array = npt.NDArray[np.float64]
Open = tuple[npt.NDArray[np.intp], ...]


@dataclass(frozen=True)
class Place:
    """Where the numbers of one variable go in its array of the template, and which of its own numbers these are."""

    shape: tuple[int, ...]
    into: Open
    out_of: Open

    def laid(self, values: Array) -> Array:
        """The variable's numbers in the shape of the template, NaN where the run has no such label."""
        found = np.full(self.shape, np.nan)
        found[self.into] = values[self.out_of]
        return found


def places_of(template: xr.Dataset, names: Sequence[str], course: Course) -> dict[str, Place]:
    """Variable -> its place, for the paths of a course."""
    economy = course.arrays.economy
    years = np.asarray(economy.paths["year"].values[: course.first + course.reported], dtype=np.int64)
    labels: Mapping[str, Any] = {"year": years, "sector": np.array(economy.table.sectors)}
    found: dict[str, Place] = {}
    for name in names:
        form = template[name]
        at = [form.get_index(dim).get_indexer(labels[dim]) for dim in VARIABLES[name].dims]
        known = [np.flatnonzero(places >= 0) for places in at]
        into = np.ix_(*(places[own] for places, own in zip(at, known, strict=True)))
        found[name] = Place(form.shape, into, np.ix_(*known))
    return found


def picked(
    places: Mapping[str, Place], course: Course, flows: Sequence[Flows], levers: Sequence[Levers]
) -> dict[str, Array]:
    """The kept variables of a simulated path, from the base year to the last reported one."""
    past_flows, past_levers = course.past
    reported = course.reported
    values = variables_of(course.arrays, [*past_flows, *flows[:reported]], [*past_levers, *levers[:reported]])
    return {name: place.laid(values[name]) for name, place in places.items()}
