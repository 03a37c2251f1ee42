"""The paths of several regions as one, with a dimension for the region, and each region's path out of it again.

What asks about one region takes the path that `by_region` gives: labelled as if the region had decided alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from iomodel.experiment import Experiment
from iomodel.program.certificate import Verdict
from iomodel.program.trajectory import Trajectory


def alone(experiment: Experiment, region: str) -> Experiment:
    """The experiment of one of the deciding regions."""
    return replace(experiment, name=f"{experiment.name}-{region}", region=region, deciding=(), weights={})


def joined(experiment: Experiment, paths: Mapping[str, Trajectory], verdict: Verdict) -> Trajectory:
    """The paths of several regions as one, with the dimension region in front of the data and the shadow prices.

    A law that a region does not have in some row has the price zero there. `one_percent` of a price is one number a
    region. What own blocks do not have in a region (an industry of another one) is missing (NaN) there.
    """
    each = list(paths.values())
    prices: dict[str, xr.DataArray] = {}
    for law in dict.fromkeys(name for path in each for name in path.shadow_prices):
        own = {region: path.shadow_prices[law] for region, path in paths.items() if law in path.shadow_prices}
        parts = [price.expand_dims(region=[region]) for region, price in own.items()]
        laid = xr.concat(parts, "region", join="outer", fill_value=0.0, combine_attrs="override")
        worth = [float(price.attrs["one_percent"]) for price in own.values()]
        prices[law] = laid.assign_attrs({**parts[0].attrs, "one_percent": worth})
    own = [path.own.expand_dims(region=[region]) for region, path in paths.items() if path.own.data_vars]
    said = said_together({region: path.verdict.warnings for region, path in paths.items()})
    provenance: dict[str, Any] = {
        **each[0].provenance,
        "used": [use for path in each for use in path.provenance.get("used", ())],
        "regions": {
            region: {**path.provenance, "warnings": list(path.verdict.warnings)} for region, path in paths.items()
        },
    }
    title = {"title": f"{len(each)} deciding regions, {each[0].provenance['table']}"}
    return Trajectory(
        data=_side_by_side([path.data for path in each]).assign_attrs(title),
        shadow_prices=prices,
        verdict=replace(verdict, warnings=(*verdict.warnings, *said)),
        experiment=experiment,
        provenance=provenance,
        reference=_side_by_side([path.reference for path in each if path.reference is not None]).assign_attrs(title),
        own=xr.concat(own, "region", join="outer", combine_attrs="override") if own else xr.Dataset(),
    )


def said_together(warnings: Mapping[str, Sequence[str]]) -> list[str]:
    """Warnings of regions, each text once with the regions that it is about in front.

    >>> said_together({"USA": ["USA has no drive"], "EU": ["EU has no drive", "overheated"]})
    ['USA, EU have no drive', 'EU: overheated']
    """
    found: dict[str, list[str]] = {}
    for region, texts in warnings.items():
        for text in texts:
            found.setdefault(text.removeprefix(f"{region} "), []).append(region)
    said: list[str] = []
    for text, regions in found.items():
        named = ", ".join(regions)
        verb = "has" if len(regions) == 1 else "have"
        said.append(f"{named} {verb} {text.removeprefix('has ')}" if text.startswith("has ") else f"{named}: {text}")
    return said


def _side_by_side(data: Sequence[xr.Dataset]) -> xr.Dataset:
    """Datasets of regions as one with the dimension region."""
    return xr.concat(list(data), "region", join="exact", combine_attrs="override")


def by_region(path: Trajectory) -> dict[str, Trajectory]:
    """The path of each region of one with several; a path of one region stands for itself."""
    if "region" not in path.data.dims:
        return {path.experiment.region: path}
    found: dict[str, Trajectory] = {}
    for region in map(str, path.data["region"].values):
        own = path.provenance["regions"][region]
        title = {"title": f"{region}, {own['table']}"}
        found[region] = Trajectory(
            data=path.data.sel(region=region).assign_attrs(title),
            shadow_prices={law: _of_region(price, region) for law, price in path.shadow_prices.items()
                           if region in price["region"].values},
            verdict=replace(path.verdict, warnings=tuple(own.get("warnings", path.verdict.warnings))),
            experiment=alone(path.experiment, region),
            provenance={**own, "part_of": path.experiment.name},
            reference=None if path.reference is None else path.reference.sel(region=region).assign_attrs(title),
            own=path.own.sel(region=region, drop=True) if path.own.data_vars else path.own,
        )  # fmt: skip
    return found


def _of_region(price: xr.DataArray, region: str) -> xr.DataArray:
    """A region's shadow prices of a law."""
    place = list(map(str, price["region"].values)).index(region)
    worth = np.atleast_1d(np.asarray(price.attrs["one_percent"], dtype=float))
    return price.isel(region=place).assign_attrs({**price.attrs, "one_percent": float(worth[place])})
