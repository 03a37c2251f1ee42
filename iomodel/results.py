"""Paths as files: one NetCDF for a trajectory, which plain `xarray.open_dataset` reads.

The variables of the path stand at the root of the file with their units; the reference path and the shadow prices are
its groups `reference` and `shadow_prices` (`xarray.open_dataset(file, group="reference")`), beside `own` where blocks
of one's own brought variables; experiment, verdict and provenance are one JSON text in the attribute `iomodel`, since
NetCDF has no place for nested values. What is read back equals what was saved, labels and dtypes included.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from iomodel.errors import IOModelError, ResultError
from iomodel.experiment import experiment_of, experiment_to_dict
from iomodel.files import write_text, write_whole
from iomodel.program.certificate import Verdict
from iomodel.program.trajectory import Trajectory
from iomodel.values import file_path, not_text

if TYPE_CHECKING:
    import pandas as pd

FORMAT = "iomodel trajectory"
VERSION = 1
ATTRIBUTE = "iomodel"
ENGINE = "h5netcdf"
REFERENCE, SHADOW_PRICES, OWN = "reference", "shadow_prices", "own"
"""Groups of the file beside its root; the last one where there is something in it."""

OF = "__of__"


def save(path: Trajectory, file: str | Path) -> Path:
    """Write a trajectory as NetCDF, whole or not at all; returns the file.

    Raises ResultError: the folder cannot be written, or a variable has no unit.

    >>> import tempfile
    >>> import iomodel as iom
    >>> usual = iom.simulate(iom.load_experiment("business-as-usual"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     iom.load_trajectory(iom.save(usual, f"{folder}/usual.nc")).data.equals(usual.data)
    True
    """
    not_text("save", path, "give a path of solve, simulate or load_trajectory", ResultError)
    data = path.data.copy(deep=False)
    data.attrs = {ATTRIBUTE: json.dumps(_settings(path), ensure_ascii=False, default=_plain)}
    groups = {None: data, SHADOW_PRICES: _side_by_side(path.shadow_prices)}
    if path.reference is not None:
        groups[REFERENCE] = path.reference.drop_attrs(deep=False)  # its attributes are in the settings too
    if path.own.data_vars:
        groups[OWN] = path.own
    for dataset in groups.values():
        without = [str(name) for name, variable in dataset.data_vars.items() if not variable.attrs.get("units")]
        if without:
            raise ResultError(f"Every variable of a result has a unit; without one: {', '.join(without)}.")

    def write(part: Path) -> None:
        for group, dataset in groups.items():
            dataset.to_netcdf(part, mode="a" if group else "w", group=group, engine=ENGINE)

    return write_whole(file, write)


def load_trajectory(file: str | Path) -> Trajectory:
    """Read what `save` wrote.

    Raises ResultError: no such file, no readable NetCDF, not a trajectory, or one of another version of the form.

    >>> import iomodel as iom
    >>> iom.load_trajectory("nothing.nc")
    Traceback (most recent call last):
    iomodel.errors.ResultError: There is no file nothing.nc; name a .nc file that iomodel.save or `iomodel run` wrote.
    """
    path = file_path("load_trajectory", file, ResultError)
    data = _opened(path, None)
    settings = _checked_settings(path, data)
    try:
        beside = settings[REFERENCE]
        experiment = experiment_of(settings["experiment"])
        return Trajectory(
            data=data.drop_attrs(deep=False).assign_attrs(settings["attrs"]),
            shadow_prices=_apart(_opened(path, SHADOW_PRICES)),
            verdict=Verdict(**settings["verdict"]),
            experiment=dataclasses.replace(experiment, base=settings["base"]),
            provenance=settings["provenance"],
            reference=None if beside is None else _opened(path, REFERENCE).assign_attrs(beside),
            own=_opened(path, OWN) if settings.get(OWN) else xr.Dataset(),
        )
    except (KeyError, TypeError, ValueError, IOModelError) as error:
        raise ResultError(f"{path} does not hold a whole trajectory ({error}). Run its experiment again.") from error


def save_headline(headline: pd.DataFrame, file: str | Path) -> Path:
    """Write the table of `compare` as CSV (UTF-8, full precision), whole or not at all; ResultError as `save`."""
    return write_text(file, headline.to_csv(lineterminator="\n"))


def _settings(path: Trajectory) -> dict[str, Any]:
    """All of a trajectory that is no array, as plain values."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "experiment": experiment_to_dict(path.experiment),
        "base": path.experiment.base,
        "verdict": dataclasses.asdict(path.verdict),
        "provenance": dict(path.provenance),
        "attrs": path.data.attrs,
        REFERENCE: None if path.reference is None else path.reference.attrs,
        OWN: bool(path.own.data_vars),
    }


def _checked_settings(path: Path, data: xr.Dataset) -> dict[str, Any]:
    """The settings in a file's attribute; ResultError when they are not those of a trajectory of this version."""
    try:
        settings = json.loads(data.attrs.get(ATTRIBUTE, "null"))
    except (ValueError, TypeError):
        settings = None
    if not isinstance(settings, dict) or settings.get("format") != FORMAT:
        raise ResultError(f"{path} is NetCDF but no trajectory of iomodel; name a file that iomodel.save wrote.")
    if settings.get("version") != VERSION:
        found = settings.get("version")
        raise ResultError(f"{path} has version {found} of the form; allowed: {VERSION}. Run its experiment again.")
    return settings


def _opened(path: Path, group: str | None) -> xr.Dataset:
    """One group of a file, in memory, text as text; ResultError when it cannot be read."""
    if not path.is_file():
        raise ResultError(f"There is no file {path}; name a .nc file that iomodel.save or `iomodel run` wrote.")
    try:
        with xr.open_dataset(path, group=group, engine=ENGINE) as opened:
            dataset = opened.load()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ResultError(f"{path} is no readable NetCDF file ({error}); it is broken or another kind.") from error
    for name, variable in dataset.variables.items():
        if variable.dtype == object:  # text of any length, as HDF5 stores it
            dataset[name] = dataset[name].astype(str)
    return dataset


def _side_by_side(prices: Mapping[str, xr.DataArray]) -> xr.Dataset:
    """Arrays as one dataset. Laws hold for different years: a dim with other labels is stored under the law's name."""
    shared: dict[Hashable, xr.DataArray] = {}
    stored: dict[str, xr.DataArray] = {}
    for name, price in prices.items():
        own: dict[Hashable, str] = {}
        for dim in price.dims:
            if not shared.setdefault(dim, price[dim]).identical(price[dim]):
                own[dim] = f"{dim}{OF}{name}"
        stored[name] = price.rename(own)
    return xr.Dataset(stored)


def _apart(dataset: xr.Dataset) -> dict[str, xr.DataArray]:
    """The arrays that `_side_by_side` laid together, each with its own dims."""
    found: dict[str, xr.DataArray] = {}
    for name in map(str, dataset.data_vars):
        price = dataset[name]
        found[name] = price.rename({dim: str(dim).removesuffix(f"{OF}{name}") for dim in price.dims})
    return found


def _plain(value: Any) -> Any:
    """numpy's scalars and arrays as plain numbers, for JSON; TypeError for what has no plain form."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} {value!r} has no place in a result's settings")
