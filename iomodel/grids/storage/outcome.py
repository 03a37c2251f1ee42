"""The outcome of one run of a grid: what a worker sends to the driver, and what is stored of it.

It holds plain numbers and text only, so that it travels between processes and hosts and means the same there. Numbers
of the path are in it only when the run ended as it should; of any other run it tells why it did not. Labels are not in
it either: they are the same for all runs, so they are written once, in the template (`template_of`), on which each
run's arrays are laid (`laid_out`).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from iomodel.errors import GridError

if TYPE_CHECKING:
    from iomodel.grids.design.definition import Keep

Array = npt.NDArray[np.float64]

STATUSES = ("left", "optimal", "simulated", "inaccurate", "infeasible", "unbounded", "failed", "left out")
"""How a run may have ended; the place is its code in the store. `left`: not yet run; `left out`: dropped by filters."""

WITH_NUMBERS = ("optimal", "simulated")
"""The only ends after which a run has numbers. Simulated: all its levers were fixed and nothing was to be found."""

PRICE = "shadow_price_"
"""What stands before a law's name where its shadow price is a variable beside those of the path."""


@dataclass(frozen=True)
class Outcome:
    """What one run of a grid found.

    index: the run's place in the whole box, counted in C order. status: one of `STATUSES`. values, prices: variables
    and shadow prices by name, in the shape of the template; empty unless status is one of `WITH_NUMBERS`. seconds: from
    the start of the run to its end; solver_seconds: the solver's part. worst_residual: the largest of the certificate.
    explanation: why there is no path, empty where there is one. remedies: what was tried. versions: of Python and the
    packages that solved it. table_sha256: of the table solved.

    Raises GridError: an unknown status, numbers where there is no path, or none where there is one.
    """

    index: int
    status: str
    values: Mapping[str, Array] = field(default_factory=dict)
    prices: Mapping[str, Array] = field(default_factory=dict)
    seconds: float = 0.0
    solver_seconds: float = 0.0
    worst_residual: float = 0.0
    explanation: str = ""
    remedies: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    table_sha256: str = ""

    def __post_init__(self) -> None:
        if self.status not in STATUSES[1:-1]:
            allowed = ", ".join(STATUSES[1:-1])
            raise GridError(f"Run {self.index}: found the status {self.status!r}; allowed: {allowed}.")
        if self.arrays and self.status not in WITH_NUMBERS:
            raise GridError(f"Run {self.index} is {self.status} and has no numbers; found {', '.join(self.arrays)}.")

    @property
    def arrays(self) -> dict[str, Array]:
        """Variables, and shadow prices under their names in the store."""
        return {**self.values, **{f"{PRICE}{law}": price for law, price in self.prices.items()}}


def template_of(data: Iterable[xr.Dataset], prices: Iterable[Mapping[str, xr.DataArray]], keep: Keep) -> xr.Dataset:
    """Labels, dims and units of all that is kept of a run, without numbers.

    data, prices: `Trajectory.data` and `.shadow_prices` of one run, or of several where tables or regions differ: then
    the labels of all, in the order in which they are met, and all units ("percent of GDP of 2020 or percent of GDP of
    2011"). Raises GridError: a variable or law that is nowhere, or that has other dims in another run.
    """
    found: dict[str, xr.DataArray] = {}
    labels: dict[Hashable, dict[Any, None]] = {}
    units: dict[str, dict[str, None]] = {}
    for dataset, laws in zip(data, prices, strict=True):
        wanted: dict[str, xr.DataArray] = {name: dataset[name] for name in keep.variables if name in dataset}
        wanted |= {f"{PRICE}{law}": laws[law] for law in keep.prices if law in laws}
        years = set(dataset["year"].values.tolist() if keep.years is None else keep.years)
        for name, array in wanted.items():
            first = found.setdefault(name, array)
            if first.dims != array.dims:
                raise GridError(f"{name} has the dims {first.dims} in one run and {array.dims} in another.")
            units.setdefault(name, {})[str(array.attrs.get("units", "1"))] = None
            for dim in array.dims:
                own = array[dim].values.tolist()
                labels.setdefault(dim, {}).update(
                    dict.fromkeys(label for label in own if dim != "year" or label in years)
                )
    missing = [name for name in [*keep.variables, *(f"{PRICE}{law}" for law in keep.prices)] if name not in found]
    if missing:
        raise GridError(f"To be kept, but in no run of the grid: {', '.join(missing)}.")
    if "year" in labels:
        labels["year"] = dict.fromkeys(sorted(labels["year"]))
    coords = {dim: np.array(list(of_dim)) for dim, of_dim in labels.items()}
    return xr.Dataset(
        {name: _empty(array, coords, " or ".join(units[name])) for name, array in found.items()}, coords=coords
    )


def laid_out(arrays: Mapping[str, xr.DataArray], template: xr.Dataset, before: str = "") -> dict[str, Array]:
    """A run's arrays in the shape of the template, NaN where the run has no such label.

    arrays: variables of a path, or shadow prices by law with `before` = "shadow_price_"; what the template does not
    hold is left out. Years that the template does not hold are left out, too. Raises GridError where another label is
    not in the template: its number would be lost.
    """
    kept = {name: f"{before}{name}" for name in arrays if f"{before}{name}" in template}
    return {name: _laid(arrays[name], template[form]) for name, form in kept.items()}


def _laid(array: xr.DataArray, form: xr.DataArray) -> Array:
    if array.dims != form.dims:
        raise GridError(f"{form.name} has the dims {array.dims} in this run; the store holds {form.dims}.")
    values = np.asarray(array.values, dtype=np.float64)
    into: list[npt.NDArray[np.intp]] = []
    out_of: list[npt.NDArray[np.intp]] = []
    for dim in form.dims:
        place = form.get_index(dim).get_indexer(array.get_index(dim))
        if dim != "year" and (place < 0).any():
            lost = ", ".join(map(str, array[dim].values[place < 0][:5]))
            raise GridError(f"{form.name} has {dim} {lost} in this run; the store of the grid has no place for it.")
        out_of.append(np.flatnonzero(place >= 0))
        into.append(place[place >= 0])
    laid = np.full(form.shape, np.nan)
    laid[np.ix_(*into)] = values[np.ix_(*out_of)]
    return laid


def _empty(array: xr.DataArray, coords: Mapping[Hashable, npt.NDArray[Any]], units: str) -> xr.DataArray:
    """No numbers, but dims, labels, and of the attributes those that hold for every run."""
    shape = tuple(len(coords[dim]) for dim in array.dims)
    attrs = {key: array.attrs[key] for key in ("long_name", "meaning", "bound") if key in array.attrs}
    return xr.DataArray(np.full(shape, np.nan), dims=array.dims, attrs={"units": units, **attrs})
