"""A small grid and outcomes made up for it, by which the store is tested: no run is solved."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

import iomodel as iom
from iomodel.grids.design.definition import Axis, Grid, Keep
from iomodel.grids.storage.outcome import Outcome

YEARS = (2025, 2030, 2035)
SECTORS = ("01", "02")
VERSIONS = {"iomodel": "0.1.0", "clarabel": "0.11.1"}
TABLE = "f" * 64


def grid(shape: tuple[int, ...] = (3, 4), filters: tuple[str, ...] = (), tables: dict[str, str] | None = None) -> Grid:
    axes = tuple(
        Axis(name, tuple(range(count)), tuple({f"cards.{name}": at} for at in range(count)), "percent")
        for name, count in zip(("package", "waste", "households"), shape, strict=False)
    )
    keep = Keep(("gdp", "output"), YEARS, ("capacity_limit",))
    base = iom.Experiment(name="base", table="china-2020")
    return Grid("made-up", "Does it come back?", base, axes, keep, filters, tables=tables or {"china-2020": TABLE})


def template() -> xr.Dataset:
    units = {"units": "percent of GDP of 2020"}
    return xr.Dataset(
        {
            "gdp": ("year", np.zeros(3), units),
            "output": (("sector", "year"), np.zeros((2, 3)), units),
            "shadow_price_capacity_limit": (("industry", "year"), np.zeros((1, 3)), units),
        },
        coords={"year": list(YEARS), "sector": list(SECTORS), "industry": ["02"]},
    )


def outcome(index: int, status: str | None = None, **other: Any) -> Outcome:
    """Every fifth run is infeasible and every seventh failed, unless `status` says else; numbers from the index."""
    status = status or ("infeasible" if index % 5 == 4 else "failed" if index % 7 == 6 else "optimal")
    numbers = np.random.default_rng(index)
    arrays: dict[str, Any] = {}
    if status == "optimal":
        values = {"gdp": numbers.standard_normal(3), "output": numbers.standard_normal((2, 3))}
        arrays = {"values": values, "prices": {"capacity_limit": numbers.standard_normal((1, 3))}}
    else:
        arrays["explanation"] = f"In run {index} the laws “capacity” and “reform” collide."
        arrays["remedies"] = ("Clarabel: inaccurate",)
    known: dict[str, Any] = {"seconds": 0.1 + index, "solver_seconds": 0.05, "worst_residual": 1e-9}
    known |= {"versions": VERSIONS, "table_sha256": TABLE}
    return Outcome(index, status, **{**arrays, **known, **other})


def same(one: Outcome, other: Outcome) -> bool:
    """Equal, the numbers bit for bit."""
    plain = ("index", "status", "seconds", "solver_seconds", "worst_residual", "explanation", "remedies")
    return (
        all(getattr(one, name) == getattr(other, name) for name in plain)
        and one.table_sha256 == other.table_sha256
        and dict(one.versions) == dict(other.versions)
        and one.arrays.keys() == other.arrays.keys()
        and all(one.arrays[name].tobytes() == other.arrays[name].tobytes() for name in one.arrays)
    )
