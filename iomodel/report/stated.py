"""Targets and limits of an experiment beside its path: what was stated, what the path has, met or missed by how much.

Everything is read off the path as it is reported, the simulation's replay, and not off the program: a target that the
program missed at a price is missed here, a limit that does not bind says by how much it is slack. A target is due from
its year on, a limit in every year of policy; the year that is told is the one nearest to a breach, or deepest in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import xarray as xr

from iomodel.experiment import Limit, Target
from iomodel.experiment_parts import LIMITS
from iomodel.program.trajectory import Trajectory
from iomodel.report.rows import cards_of, years_of
from iomodel.report.words import MINUS

SAME = 1e-4
"""Distance, in the unit of what is stated, up to which a bound is met exactly."""

LEFT = 1e-6
"""What a solver may leave of nothing."""

TITLES = {
    "package": ("social programme beyond trend", "points of GDP"),
    "idle_cut": ("cut of idle plant", "of the reference path's share"),
    "reform": ("cut of the investment drive before leakage", "of the drive"),
    "debt_ceiling": ("public debt above the reference path's", "points of GDP"),
    "deficit_ceiling": ("public deficit above the reference path's", "points of GDP"),
    "firm_debt_ceiling": ("firms' debt above the reference path's", "points of GDP"),
    "current_account_floor": ("current account", "percent of GDP"),
    "household_saving_floor": ("household saving", "of household income"),
    "corridor": ("current account's distance from the reference path's", "percent of GDP"),
}
"""Target or limit -> what of the path it is about, and its unit."""

_OF_REFERENCE = {
    "debt_ceiling": "public_debt_share",
    "deficit_ceiling": "deficit_share",
    "firm_debt_ceiling": "firm_debt_share",
}


@dataclass(frozen=True)
class Stated:
    """One target or limit in a year: key of the file, kind of bound, bound, what the path has there, and its unit.

    kind: "exactly", "at least" or "at most". years: those in which it is due, first and last reported. year: the one
    that is nearest to a breach or deepest in it. price: what a yuan passed costs, of a limit that may be passed.
    """

    key: str
    kind: str
    bound: float
    value: float
    year: int
    years: tuple[int, int]
    title: str
    unit: str
    price: float | None = None

    @property
    def slack(self) -> float:
        """How far the path is inside its bound; below zero outside of it. Never above zero where it is exact."""
        inside = self.value - self.bound if self.kind == "at least" else self.bound - self.value
        return -abs(inside) if self.kind == "exactly" else inside

    @property
    def text(self) -> str:
        """In words.

        >>> Stated("targets.package", "at least", 2.0, 2.5, 2033, (2033, 2035), "programme", "points").text
        'targets.package, programme: at least 2 points from 2033 on; has 2.5 in 2033: met, slack by 0.5 points'
        """
        first, last = self.years
        when = f"from {first} on" if self.key.startswith("targets.") else f"in {first}–{last}"
        when = f"in {first}" if first == last else when
        price = "" if self.price is None else f", beyond it at a price of {self.price:g}"
        stated = f"{self.key}, {self.title}: {self.kind} {_figure(self.bound)} {self.unit} {when}{price}"
        return f"{stated}; has {_figure(self.value)} in {self.year}: {self._verdict}"

    @property
    def _verdict(self) -> str:
        if self.slack < -SAME:
            verb = "missed" if self.key.startswith("targets.") else "passed"
            return f"{verb} by {_figure(-self.slack)} {self.unit}"
        return "met" if self.slack <= SAME else f"met, slack by {_figure(self.slack)} {self.unit}"


def stated_of(path: Trajectory) -> list[Stated]:
    """Every target and limit of a path's experiment, beside the path; of one region, none where nothing is stated."""
    return [*_targets(path), *_limits(path)]


def stated_text(paths: list[Trajectory]) -> str:
    """The targets and limits of paths, a line each, under the path's name where there are several; "" without any."""
    lines: list[str] = []
    for path in paths:
        found = stated_of(path)
        if found and len(paths) > 1:
            lines.append(f"  {path.experiment.name}")
        lines += [f"  - {one.text}" for one in found]
    return "\n".join(["Targets and limits, on the path as simulated", *lines]) if lines else ""


def _targets(path: Trajectory) -> Iterator[Stated]:
    _, first, last = years_of(path)
    for key, target in path.experiment.targets.items():
        due = first + target.by - 1
        amount = _aimed_at(path, key).sel(year=slice(due, last))
        yield _nearest(f"targets.{key}", _kind(target), target.value, amount, (due, last))


def _kind(target: Target) -> str:
    return target.kind.replace("_", " ")


def _aimed_at(path: Trajectory, key: str) -> xr.DataArray:
    """(year,) what a target is about, in its unit."""
    if key == "package":
        return path.data["programme_share"]
    if key == "reform":
        return path.data["reform"]
    usual = _usual(path)["idle_share"]
    return 1 - path.data["idle_share"] / usual.where(usual > 0, 1.0)


def _limits(path: Trajectory) -> Iterator[Stated]:
    _, first, last = years_of(path)
    for key, limit in path.experiment.limits.items():
        floor = key.endswith("_floor")
        amount = _limited(path, key).sel(year=slice(first, last))
        yield _nearest(f"limits.{key}", "at least" if floor else "at most", _margin(path, key, limit), amount,
                       (first, last), limit.soft)  # fmt: skip
    if path.experiment.corridor is not None:
        account = path.data["current_account_share"]
        amount = abs(account - _usual(path)["current_account_share"]).sel(year=slice(first, last))
        yield _nearest("corridor", "at most", path.experiment.corridor, amount, (first, last))


def _margin(path: Trajectory, key: str, limit: Limit) -> float:
    """A limit's margin, that of its card where the file gives none."""
    return cards_of(path)[LIMITS[key]] if limit.margin is None else limit.margin


def _limited(path: Trajectory, key: str) -> xr.DataArray:
    """(year,) what a limit is about, in its unit."""
    if key in _OF_REFERENCE:
        name = _OF_REFERENCE[key]
        return path.data[name] - _usual(path)[name]
    if key == "current_account_floor":
        return path.data["current_account_share"]
    return path.data["household_saving_rate"] / 100


def _usual(path: Trajectory) -> xr.Dataset:
    return path.data if path.reference is None else path.reference


def _nearest(
    key: str, kind: str, bound: float, amount: xr.DataArray, years: tuple[int, int], price: float | None = None
) -> Stated:
    """A bound beside the year of its amounts that has the least slack; the first of those that are equal."""
    title, unit = TITLES[key.rpartition(".")[2]]
    found = [
        Stated(key, kind, bound, float(value), int(year), years, title, unit, price)
        for year, value in zip(amount["year"].values, amount.values, strict=True)
    ]
    least = min(one.slack for one in found)
    return next(one for one in found if one.slack <= least + SAME)


def _figure(value: float) -> str:
    """Three digits, with a true minus sign; what the solver leaves of nothing is nothing."""
    if abs(value) < LEFT:
        return "0"
    return f"{MINUS if value < 0 else ''}{abs(value):.3g}"
