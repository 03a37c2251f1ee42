"""Which assumption explains how much of the spread: sensitivity indices of an opened grid.

Of Saltelli's design, Sobol's first-order index S_i = Var(E[y|x_i]) / Var(y) and the total index
T_i = E[Var(y|x_~i)] / Var(y), by the estimators of Saltelli et al. (2010) and Jansen (1999). Of a whole box of lists
and ranges the same two, exactly, since every point is known. Of other runs S_i by random balance designs (RBD-FAST;
Tarantola, Gatelli and Mara 2006, bias as in Tissot and Prieur 2012). Of both kinds besides, delta, half the mean
distance between the densities of y with and without x_i known (Borgonovo 2007; Plischke, Borgonovo and Smith 2013),
and standardised coefficients of a linear regression.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from iomodel.errors import GridError, nearest
from iomodel.grids.design.samples import SALTELLI
from iomodel.grids.estimators import LEVEL, Array, decomposition, delta, random_balance, regression, saltelli, varies
from iomodel.grids.storage.outcome import PRICE, WITH_NUMBERS
from iomodel.values import number, whole

FEWEST_BASE, FEWEST_RUNS = 32, 64
"""Base points of Saltelli's design, and runs of other designs, below which indices would be noise."""

OF_RUNS = ("first_order", "delta", "regression")
INDICES = {
    kind: tuple(key for name in names for key in (name, f"{name}_interval"))
    for kind, names in {
        SALTELLI: ("first_order", "total"),
        "samples": OF_RUNS,
        "box": ("first_order", "total", "delta", "regression"),
    }.items()
}
"""Kind of design -> the variables of its answer."""

METHODS = {
    SALTELLI: "Sobol indices from Saltelli's design",
    "samples": "RBD-FAST, delta, standardised regression",
    "box": "decomposition of the whole box (RBD-FAST where runs are missing), delta, standardised regression",
}
UNITS = {"spread": "that of the outcome", "used": "1", "lost": "1"}
"""What stands beside the indices of an outcome."""

RULE = "never filled in: of Saltelli's design the whole base point goes, of other designs the run"

Mask = npt.NDArray[np.bool_]


def sensitivity(
    box: xr.Dataset,
    outcomes: Sequence[str] | Mapping[str, xr.DataArray] | None = None,
    *,
    year: int | None = None,
    most_lost: float = 0.05,
    resamples: int = 100,
    seed: int = 1,
) -> xr.Dataset:
    """Indices of each outcome for each assumption, with half the width of their 95 percent intervals (`…_interval`).

    box: as `iom.open_results` gives it. outcomes: names of its variables (taken in `year`, the last one if None; all
    kept yearly ones where nothing is named), or name -> array over the axes. Assumptions are the groups of a sampled
    axis, and the other axes stay dims of the answer; without one, all axes are assumptions. Variables by method:
    first_order, total, delta, regression (standardised coefficients; NaN for an axis of more than two texts); beside
    them `spread` (standard deviation), `used` and `lost` (base points or runs). An outcome that does not vary has NaN.

    Runs without numbers are never filled in: of Saltelli's design the whole base point goes if one of its runs has
    none, of other designs the run. Raises GridError: more than the share `most_lost` went, too few are left, runs are
    still to be done, an outcome that there is none of or that has other dims, a sampled axis that was cut.
    Sources: Sobol' indices after Saltelli et al. (2010), RBD-FAST after Tarantola, Gatelli and Mara (2006), delta after
    Borgonovo (2007).

    A box as `open_results` gives it, of four runs whose outcome is 3 a + b: a explains 9 of 10 parts of its variance.

    >>> points = {"a": [0.0, 1.0], "b": [0.0, 1.0]}
    >>> box = xr.Dataset({"status": (("a", "b"), np.full((2, 2), "optimal"))}, coords=points)
    >>> found = sensitivity(box, {"y": 3 * box.a + box.b})
    >>> found.first_order.sel(outcome="y").values.round(3).tolist()
    [0.9, 0.1]
    """
    most_lost = number("most_lost", most_lost, 0.0, 1.0, "of base points or runs")
    resamples = whole("resamples", resamples, 10, 100_000, "resamples")
    seed = whole("seed", seed, 1, 2**31 - 1, "as seed")
    axes = _axes(box)
    design = _design(box, axes)
    wanted = (box["status"] != "left out").load()
    rows = [
        _indices(name, outcome, wanted, design, most_lost, resamples, seed)
        for name, outcome in _outcomes(box, axes, outcomes, year)
    ]
    found = xr.concat(rows, dim="outcome", data_vars="minimal", coords="minimal", compat="override", join="exact")
    found.attrs = {"method": METHODS[design.kind], "runs_without_numbers": RULE, "confidence": LEVEL}
    return found


@dataclass(frozen=True)
class Design:
    """How the runs of a box lie.

    kind: "saltelli", "samples" or "box" (lists and ranges alone). along: dims whose points are taken together; beside:
    dims that stay. inputs: assumption -> a number for each point along, flat. texts: assumptions of more than two
    texts, which have no order. base: base points of Saltelli's design.
    """

    kind: str
    along: tuple[str, ...]
    beside: tuple[str, ...]
    inputs: Mapping[str, Array]
    texts: frozenset[str] = frozenset()
    base: int = 0


def _axes(box: object) -> tuple[str, ...]:
    """The axes of an opened box."""
    if not isinstance(box, xr.Dataset) or "status" not in box:
        raise GridError(
            f"sensitivity takes the box that iom.open_results gives, found {type(box).__name__} without `status`. Give "
            "the box, and what is asked of it as outcomes."
        )
    if not box["status"].dims:
        raise GridError("sensitivity: the box is a single run; take one with an axis.")
    if bool((box["status"] == "left").any()):
        left = int((box["status"] == "left").sum())
        raise GridError(f"sensitivity: {left:,} runs are still to be done; run the grid to its end first.")
    return tuple(str(dim) for dim in box["status"].dims)


def _design(box: xr.Dataset, axes: tuple[str, ...]) -> Design:
    """How the runs of a box lie."""
    said: dict[str, Any] = json.loads(box.attrs.get("sampled", "null")) or {}
    axis = said.get("axis")
    if axis not in axes:
        varied = tuple(name for name in axes if box.sizes[name] > 1)
        if not varied:
            raise GridError("sensitivity: every axis has a single point; nothing varies.")
        mesh = np.meshgrid(*(_coded(box[name].values) for name in axes), indexing="ij")
        inputs = {name: codes.ravel() for name, codes in zip(axes, mesh, strict=True) if name in varied}
        texts = frozenset(name for name in varied if box[name].dtype.kind not in "iuf" and box.sizes[name] > 2)
        return Design("box", axes, (), inputs, texts)
    inputs = {group: np.asarray(box[f"{axis}_{group}"].values, dtype=float) for group in said["groups"]}
    beside = tuple(name for name in axes if name != axis)
    if said["method"] != SALTELLI:
        return Design("samples", (axis,), beside, inputs)
    wanted = said["points"] * (len(inputs) + 2)
    if not np.array_equal(box[axis].values, np.arange(wanted)):
        raise GridError(
            f"sensitivity: {axis} has {box.sizes[axis]:,} of the {wanted:,} samples of Saltelli's design, or in "
            "another order; its indices need all of them as they were drawn. Select along other axes only."
        )
    return Design(SALTELLI, (axis,), beside, inputs, base=int(said["points"]))


def _coded(labels: npt.NDArray[Any]) -> Array:
    """Numbers as they are, texts by their place."""
    return np.asarray(labels, dtype=float) if labels.dtype.kind in "iuf" else np.arange(len(labels), dtype=float)


def _outcomes(
    box: xr.Dataset, axes: tuple[str, ...], asked: Sequence[str] | Mapping[str, xr.DataArray] | None, year: int | None
) -> Iterator[tuple[str, xr.DataArray]]:
    """Each outcome over the axes, without a number where the run has none."""
    ended = box["status"].isin(WITH_NUMBERS)
    if isinstance(asked, Mapping):
        arrays = dict(asked)
    elif isinstance(asked, str):
        raise GridError(f"outcomes: found {asked!r}; give a list of names, or name -> array over the axes.")
    else:
        arrays = {str(name): _in_year(box, str(name), year) for name in (asked or _yearly(box, axes))}
    if not arrays:
        raise GridError("sensitivity: the box has no yearly variable; name outcomes as name -> array over the axes.")
    for name, array in arrays.items():
        if not isinstance(array, xr.DataArray) or set(array.dims) != set(axes):
            dims = ", ".join(map(str, array.dims)) if isinstance(array, xr.DataArray) else type(array).__name__
            raise GridError(
                f"outcomes: {name} has {dims or 'no dims'}; allowed: one number a run, over {', '.join(axes)}. Take it "
                f'in a year, or reduce it: {{"{name}": box.{name}.max("year")}}.'
            )
        with xr.set_options(arithmetic_join="exact", keep_attrs=True):
            yield str(name), array.where(ended).transpose(*axes)


def _yearly(box: xr.Dataset, axes: tuple[str, ...]) -> list[str]:
    """Variables by year alone, without shadow prices: these stand in the years of their law only."""
    yearly = [str(name) for name, data in box.data_vars.items() if set(data.dims) == {*axes, "year"}]
    return [name for name in yearly if not name.startswith(PRICE)]


def _in_year(box: xr.Dataset, name: str, year: int | None) -> xr.DataArray:
    """A variable in a year, the last one if None."""
    if name not in box.data_vars:
        raise GridError(f"outcomes: the box has no variable {name!r}.{nearest(name, map(str, box.data_vars))}")
    data = box[name]
    if "year" not in data.dims:
        return data
    years = [int(one) for one in box["year"].values]
    if year is not None and year not in years:
        raise GridError(f"year: found {year}; allowed: the kept years {', '.join(map(str, years))}.")
    return data.sel(year=years[-1] if year is None else year, drop=True)


def _indices(
    name: str, outcome: xr.DataArray, wanted: xr.DataArray, design: Design, most_lost: float, resamples: int, seed: int
) -> xr.Dataset:
    """The indices of one outcome, at each point of the axes beside."""
    sizes = [outcome.sizes[dim] for dim in design.beside]
    names = list(design.inputs)
    made = {key: np.full((*sizes, len(names)), np.nan) for key in INDICES[design.kind]}
    counts = {key: np.full(sizes, np.nan) for key in UNITS}
    for place in product(*map(range, sizes)):
        at = dict(zip(design.beside, place, strict=True))
        told = ", ".join([name, *(f"{dim} = {outcome[dim].values[number]}" for dim, number in at.items())])
        values, asked = (np.asarray(array.isel(at).values) for array in (outcome, wanted))
        kept = _kept(told, values.ravel(), asked.ravel(), design, most_lost)
        asked_rows = asked.reshape(kept.size, -1).any(axis=1)
        counts["used"][place], counts["lost"][place] = kept.sum(), asked_rows.sum() - kept.sum()
        numbers = values.reshape(kept.size, -1)[kept].ravel()
        if not numbers.size:
            continue
        counts["spread"][place] = numbers.std()
        if varies(numbers):
            for key, found in _estimated(values, kept, design, resamples, seed).items():
                made[key][place] = found
    dims = ("outcome", *design.beside)
    data = {key: ((*dims, "assumption"), array[None], {"units": "1"}) for key, array in made.items()}
    data |= {key: (dims, array[None], {"units": UNITS[key]}) for key, array in counts.items()}
    coords = {"assumption": names, "outcome": [name], "unit": ("outcome", [str(outcome.attrs.get("units", ""))])}
    return xr.Dataset(data, coords={**coords, **{dim: outcome[dim].values for dim in design.beside}})


def _kept(told: str, values: Array, asked: npt.NDArray[np.bool_], design: Design, most_lost: float) -> Mask:
    """Which base points, or runs, are used: those with all their numbers."""
    rows = design.base or values.size
    kept = np.all(np.isfinite(values).reshape(rows, -1), axis=1)
    wanted = int(asked.reshape(rows, -1).any(axis=1).sum())
    if not wanted:
        return np.zeros(rows, dtype=bool)  # filters leave nothing at this point of the other axes
    lost, what = wanted - int(kept.sum()), "base points" if design.base else "runs"
    if lost > most_lost * wanted:
        raise GridError(
            f"sensitivity of {told}: {lost:,} of {wanted:,} {what} have no numbers, more than {100 * most_lost:g} "
            "percent. Runs do not fail at random, so that indices of the rest would be of another box: narrow the "
            "ranges until they end well, or raise most_lost if you know why they fail."
        )
    fewest = FEWEST_BASE if design.base else FEWEST_RUNS
    if kept.sum() < fewest and not (design.kind == "box" and kept.all()):
        raise GridError(f"sensitivity of {told}: {kept.sum():,} {what} have numbers; indices need at least {fewest}.")
    return kept


def _estimated(values: Array, kept: Mask, design: Design, resamples: int, seed: int) -> dict[str, Array]:
    """Indices by the methods of the design."""
    names = list(design.inputs)
    if design.kind == SALTELLI:
        return saltelli(values.reshape(design.base, -1)[kept].ravel(), names, resamples, seed)
    inputs, numbers = np.stack(list(design.inputs.values()), axis=-1)[kept], values.ravel()[kept]
    found = regression(numbers, inputs)
    nameless = [place for place, name in enumerate(names) if name in design.texts]
    for key in found:
        found[key][nameless] = np.nan  # texts have no order that a line could follow
    if kept.sum() >= FEWEST_RUNS:
        found |= delta(numbers, inputs, names, resamples, seed)
    if design.kind == "box" and kept.all():
        return found | decomposition(values[tuple(0 if size == 1 else slice(None) for size in values.shape)])
    return found | random_balance(numbers, inputs, names, resamples, seed)
