"""The course of an experiment: what all its paths share, from the economy and the known years to the labelled result.

The known years are simulated without levers; from the state that they hand over the reference path, a rule, a replay
and a program all start. Verbs that users call are in `iomodel.run`; here is what they have in common.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from iomodel.calibration.calibrating import calibrate
from iomodel.economy import Economy
from iomodel.errors import ExperimentError
from iomodel.experiment import Experiment, experiment_required
from iomodel.experiment_parts import LIMITS, TABLE_FILES
from iomodel.markets.tariffs import exports_under_tariffs, in_force
from iomodel.program.arrays import Arrays, arrays_of
from iomodel.program.blocks.debts import CORRIDOR
from iomodel.program.certificate import Verdict
from iomodel.program.policy import Policy, StatedLimit, StatedTarget
from iomodel.program.reach import first_balance
from iomodel.program.setting import Setting
from iomodel.program.simulate import Flows, Levers, State, base_state, no_levers, step
from iomodel.program.trajectory import Trajectory, dataset_of
from iomodel.readers.template import read_table
from iomodel.table import Table, load_table
from iomodel.values import one_of, refuse
from iomodel.watch import watch
from iomodel.yearly import YEARS_AHEAD

Array = npt.NDArray[np.float64]

FORMS = ("reduced", "plain")
"""Output eliminated, or a balance row for each sector and year."""

REFORM = "reform"
"""Lever and target that are about the investment drive."""


@dataclass(frozen=True)
class Course:
    """What every path of an experiment shares: arrays, the first policy year, the state there and the reference path.

    arrays hold the exports that remain under the experiment's tariffs, usual those without.
    """

    experiment: Experiment
    arrays: Arrays
    usual: Arrays
    first: int
    state: State
    past: tuple[list[Flows], list[Levers]]
    reference: list[Flows]
    """Flows of the path without levers, base year first, to the end of the solved years."""

    @property
    def solved(self) -> int:
        """Policy years that are solved."""
        return self.experiment.horizon.solved

    @property
    def reported(self) -> int:
        """Policy years that are reported."""
        return self.experiment.horizon.years

    def ahead(self, name: str) -> Array:
        """(…, years) a variable of the reference path over the solved years."""
        return np.stack([np.asarray(flow[name], dtype=float) for flow in self.reference[self.first :]], axis=-1)


def economy_of(experiment: Experiment) -> Economy:
    """The economy that an experiment names: its table, region and cards."""
    return calibrate(table_of(experiment), region=experiment.region, cards=dict(experiment.cards))


def table_of(experiment: Experiment) -> Table:
    """The table of an experiment: a shipped one by name, a saved one, or a user's own in the template's layout."""
    name = experiment.table
    foreign = Path(name).suffix.lower() in TABLE_FILES and not name.lower().endswith(".nc")
    return read_table(name) if foreign else load_table(name)


def without_drive(experiment: Experiment, economy: Economy) -> str:
    """Says that reform is left out where the economy has no investment drive for it to act on; empty elsewhere."""
    if REFORM not in experiment.levers.free or economy.sectors["drive_investment"].values.any():
        return ""
    return (
        f"{economy.region} has no investment drive (cards drive_share_…): reform has nothing to act on and is left out"
    )


def policy_of(experiment: Experiment, economy: Economy) -> Policy:
    """The experiment's targets, levers and limits in the program's words; without reform where there is no drive.

    Raises ExperimentError where that leaves no lever free, and for a hard reform beyond the limit that its card sets.
    """
    absent = without_drive(experiment, economy)
    reform = experiment.targets.get(REFORM)
    if reform is not None and reform.hard and reform.value > economy.cards["reform_limit"]:
        raise refuse(
            f"targets.reform.{reform.kind}", reform.value,
            f"at most {economy.cards['reform_limit']:g} of the drive, the card reform_limit, since hard = true",
            " Ask for less, change the card, or let it be missed.",
        )  # fmt: skip
    free = tuple(lever for lever in experiment.levers.free if not (absent and lever == REFORM))
    if absent and not free:
        raise ExperimentError(f"the experiment {experiment.name!r} frees nothing but reform, but {absent}.")
    benefit = experiment.levers.benefit
    return Policy(
        targets={
            name: StatedTarget(target.value, target.by, target.kind == "exactly", target.hard)
            for name, target in experiment.targets.items()
            if not (absent and name == REFORM)
        },
        free=free,
        benefit=None if benefit is None else (benefit.to, benefit.by),
        payer=experiment.levers.payer,
        limits={
            name: StatedLimit(economy.cards[LIMITS[name]] if limit.margin is None else limit.margin, limit.soft)
            for name, limit in experiment.limits.items()
        }
        | ({} if experiment.corridor is None else {CORRIDOR: StatedLimit(experiment.corridor)}),
    )


def course_of(experiment: Experiment, economy: Economy | None) -> Course:
    """Known years and the reference path of an experiment; tariffs change the exports of the path alone.

    Raises ExperimentError for what is no experiment, for a horizon beyond the yearly paths and for an economy of
    another table or region.
    """
    if experiment_required(experiment).deciding:
        raise ExperimentError(
            f"several regions decide in {experiment.name!r}, and this asks about one; take deciding out and set region,"
            " or use solve, build or simulate, which take several."
        )
    economy = economy_of(experiment) if economy is None else _same(experiment, economy)
    arrays = arrays_of(economy)
    own = arrays if not experiment.tariffs else arrays_of(_with_tariffs(experiment, economy))
    first = economy.known_until - economy.year + 1
    last = first + experiment.horizon.solved
    if last > YEARS_AHEAD:
        raise ExperimentError(
            f"horizon: {experiment.horizon.solved} solved years from {economy.year + first} go beyond the yearly "
            f"paths, which end in {economy.year + YEARS_AHEAD}; allowed are {YEARS_AHEAD - first}"
        )
    state, flows, levers, handed = base_state(arrays), [], [], None
    usual = no_levers(arrays)
    for t in range(last):
        if t == first:
            handed = state
        flow, state = step(arrays, t, state, usual)
        flows.append(flow)
        levers.append(usual)
    assert handed is not None
    return Course(experiment, own, arrays, first, handed, (flows[:first], levers[:first]), flows)


def _same(experiment: Experiment, economy: Economy) -> Economy:
    """The economy handed over, if it is the one that the experiment means."""
    shipped = economy.table.name
    if experiment.table != shipped and not Path(experiment.table).suffix:
        raise ExperimentError(
            f"the experiment {experiment.name!r} is on table {experiment.table!r}, the economy handed over on "
            f"{shipped!r}; use experiment.replace(table={shipped!r}) or the other economy"
        )
    if economy.region != experiment.region:
        raise ExperimentError(
            f"the experiment {experiment.name!r} is for region {experiment.region!r}, the economy for "
            f"{economy.region!r}"
        )
    changes = {key: value for key, value in experiment.cards.items() if economy.cards.changed.get(key) != value}
    if not changes:
        return economy
    return calibrate(economy.table, economy.region, economy.cards.replace(changes))


def _with_tariffs(experiment: Experiment, economy: Economy) -> Economy:
    """The economy with the exports that remain under the experiment's tariffs."""
    if economy.table.is_national:
        raise ExperimentError(
            f"tariffs need trading partners, but the table {economy.table.name!r} is "
            'national: all partners are its one row IMPORTS. Use table = "world-2011", or take the tariffs out.'
        )
    duties = in_force(experiment.tariffs, economy.table, economy.region, economy.cards, economy.known_until + 1)
    years = [int(year) for year in economy.paths["year"].values]
    factor = exports_under_tariffs(economy.table, economy.region, duties, economy.cards, years)
    with xr.set_options(arithmetic_join="exact"):
        left = economy.exports * factor
    return replace(economy, exports=left.transpose("sector", "year"))


def setting_of(course: Course, form: str, forms: Sequence[str] = FORMS) -> Setting:
    """The numbers of the program over the solved years.

    Raises ExperimentError for an unknown form, and for a bound that the first year already cannot meet.
    """
    one_of("form", form, forms)
    plant = course.ahead("capacity")[course.arrays.industry].sum(axis=0)
    gdp = course.ahead("gdp")
    reference = {
        "gdp": gdp,
        "idle_fraction": course.ahead("idle_capacity").sum(axis=0) / plant,
        "public_debt_fraction": course.ahead("public_debt_end") / gdp,
        "firm_debt_fraction": course.ahead("firm_debt_end") / gdp,
        "deficit_fraction": course.ahead("deficit") / gdp,
        "current_account_fraction": -course.ahead("foreign_saving") / gdp,
    }
    policy = policy_of(course.experiment, course.arrays.economy)
    setting = Setting(course.arrays, course.first, course.solved, course.state, reference, policy, form)
    _check_reach(setting)
    return setting


def _check_reach(setting: Setting) -> None:
    """Whether some path can meet a hard floor of the current account in the first year."""
    floor = setting.policy.limits.get("current_account_floor")
    if floor is None or floor.soft is not None:
        return
    most = first_balance(setting, floor.margin)
    if most is not None and floor.margin > most:
        raise refuse(
            "limits.current_account_floor.margin", floor.margin,
            f"at most {most:.4g} percent of GDP, the balance of {setting.calendar[0]} if households bought nothing",
            " Lower the floor, or give it a price with soft.",
        )  # fmt: skip


def flows_of(course: Course, levers: Sequence[Levers]) -> list[Flows]:
    """Simulate levers from the first policy year on."""
    state, flows = course.state, []
    for year, lever in enumerate(levers):
        flow, state = step(course.arrays, course.first + year, state, lever)
        flows.append(flow)
    return flows


def trajectory_of(
    course: Course,
    flows: Sequence[Flows],
    levers: Sequence[Levers],
    verdict: Verdict,
    prices: Mapping[str, xr.DataArray],
) -> Trajectory:
    """Label the reported years of a path beside its reference."""
    past_flows, past_levers = course.past
    kept = course.reported
    data = dataset_of(course.arrays, [*past_flows, *flows[:kept]], [*past_levers, *levers[:kept]], course.first)
    until = course.first + kept
    nothing = [no_levers(course.usual)] * until
    reference = dataset_of(course.usual, course.reference[:until], nothing, course.first)
    absent = without_drive(course.experiment, course.arrays.economy)
    if absent:
        verdict = replace(verdict, warnings=(*verdict.warnings, absent))
    provenance = _provenance(course) | {"watched": watch(data, reference, course.arrays.economy.cards)}
    return Trajectory(data, prices, verdict, course.experiment, provenance, reference)


def _provenance(course: Course) -> dict[str, Any]:
    """Where a result comes from: versions, table and its hash, changed cards, counts of cards by kind."""
    economy = course.arrays.economy
    return {
        "table": economy.table.name,
        "table_sha256": economy.table.sha256,
        **({"estimate": True} if economy.table.is_estimate else {}),
        "table_source": str(economy.table.attrs.get("source", "")),
        "year": economy.year,
        "unit": economy.unit,
        "gdp": economy.gdp,
        "gdp_unit": economy.table.unit,
        "sectors": {str(code): str(name) for code, name in economy.table.sector_names.items()},
        "cards_changed": dict(economy.cards.changed),
        "cards_by_kind": dict(economy.cards.count()),
        "cards_missing": list(economy.missing_cards),
        "cards_computed": economy.cards.computed,
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide the numbers of a path."""
    packages = ("iomodel", "numpy", "scipy", "xarray", "cvxpy", "clarabel")
    return {"python": platform.python_version()} | {name: _version(name) for name in packages}


@cache
def _version(package: str) -> str:
    """Installed version of a package, or "source" where it runs from a checkout that is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "source"
