"""The verbs: what one does with an experiment. Build it, solve it, simulate it, compare paths, say what binds.

Each takes an `Experiment` (and an `Economy`, made from its table and cards when not given) and returns values; the
program below knows only blocks and numbers.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from iomodel.calibration import calibrate
from iomodel.economy import Economy
from iomodel.errors import ExperimentError, InfeasibleError, ResultError, SolverError
from iomodel.experiment import LIMITS, Experiment
from iomodel.markets.tariffs import exports_under_tariffs, in_force
from iomodel.program.arrays import Arrays, arrays_of
from iomodel.program.block import Block
from iomodel.program.blocks import CORE
from iomodel.program.build import Program, assemble
from iomodel.program.certificate import Verdict
from iomodel.program.diagnose import Binding, binding, collisions, describe, shadow_prices
from iomodel.program.policy import LEVERS, Policy, StatedLimit, StatedTarget
from iomodel.program.rule import Rule
from iomodel.program.setting import Setting
from iomodel.program.simulate import Flows, Levers, State, base_state, no_levers, step
from iomodel.program.solvers import solve_program
from iomodel.program.trajectory import Trajectory, dataset_of
from iomodel.readers.template import read_table
from iomodel.table import Table, load_table
from iomodel.watch import watch
from iomodel.yearly import YEARS_AHEAD

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[np.float64]

REPLAY_TOLERANCE = 1e-6
"""Distance between solved and replayed path, percent of base-year GDP, above which overflow is used as a lever."""

REPLAY_LIMIT = 1e-3
"""Distance, percent of base-year GDP, above which a path is inaccurate: what is reported is not what was solved."""

STOP_ROUNDS = 8
"""Solves at most to find the sectors and years in which market investment stops at zero."""


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
    return calibrate(_table(experiment.table), region=experiment.region, cards=dict(experiment.cards))


def _table(name: str) -> Table:
    """A shipped table by name, a saved one, or a user's own in the template's layout."""
    return read_table(name) if Path(name).suffix.lower() in (".csv", ".xlsx") else load_table(name)


def policy_of(experiment: Experiment, economy: Economy) -> Policy:
    """The experiment's targets, levers and limits in the program's words."""
    benefit = experiment.levers.benefit
    return Policy(
        targets={
            name: StatedTarget(target.value, target.by, target.kind == "exactly", target.hard)
            for name, target in experiment.targets.items()
        },
        free=experiment.levers.free,
        benefit=None if benefit is None else (benefit.to, benefit.by),
        payer=experiment.levers.payer,
        limits={
            name: StatedLimit(economy.cards[LIMITS[name]] if limit.margin is None else limit.margin, limit.soft)
            for name, limit in experiment.limits.items()
        },
    )


def build(
    experiment: Experiment,
    economy: Economy | None = None,
    blocks: Sequence[Block] = (),
    *,
    core: Sequence[Block] = CORE,
    form: str = "reduced",
    shifts: Mapping[str, Array] | None = None,
) -> Program:
    """The convex program of an experiment, built and not solved; its `problem` is the cvxpy problem.

    blocks: a user's own, laid beside the core's. form: "reduced", or "plain" with a balance row for each sector and
    year. shifts: amounts by which bounds of laws are moved. Raises ProgramError for a malformed block, ExperimentError
    for a horizon beyond the yearly paths.

    >>> import iomodel as iom
    >>> program = iom.build(iom.load_experiment("supply-only"))
    >>> program.problem.is_dcp()
    True
    """
    return assemble(_setting(_course(experiment, economy), form), (*core, *blocks), shifts)


def solve(
    experiment: Experiment,
    economy: Economy | None = None,
    blocks: Sequence[Block] = (),
    *,
    core: Sequence[Block] = CORE,
) -> Trajectory:
    """The best path of an experiment under its targets: solved, judged, and replayed by simulation.

    What is reported is the replay; its distance from the solver's point stands in the verdict. Raises InfeasibleError
    with the laws in conflict, SolverError when no solver returns a point; a point that misses the tolerance is returned
    with the verdict "inaccurate".

    >>> import iomodel as iom
    >>> path = iom.solve(iom.load_experiment("two-halves"))
    >>> path.verdict.status
    'optimal'
    """
    course = _course(experiment, economy)
    if not experiment.levers.free:
        return _trajectory(course, *_ahead_without_levers(course), Verdict("simulated"), {})
    return _solved(course, assemble(_setting(course, "reduced"), (*core, *blocks)), (*core, *blocks))


def resolve(program: Program, experiment: Experiment, economy: Economy, targets: Mapping[str, float]) -> Trajectory:
    """Solve a built program again with other values of the targets that it states, without building it anew.

    Raises ExperimentError for a target that the program does not state.
    """
    for name, value in targets.items():
        if name not in program.setting.targets:
            stated = ", ".join(program.setting.targets) or "none"
            raise ExperimentError(f"target {name!r} is not stated in this program (stated: {stated}); build it with it")
        program.setting.targets[name].value = value
    changed = {name: replace(experiment.targets[name], value=value) for name, value in targets.items()}
    asked = experiment.replace(targets={**experiment.targets, **changed})
    return _solved(_course(asked, economy), program, None)


def simulate(experiment: Experiment, economy: Economy | None = None) -> Trajectory:
    """The path of an experiment by simulation alone: the reference path, or a stated policy carried out by rule.

    Programme and reform rise on straight lines to what is stated and plant is closed in proportion to idle plant; who
    has no free lever gets the path without levers. Raises ExperimentError where a free lever has no stated value.

    >>> import iomodel as iom
    >>> usual = iom.simulate(iom.load_experiment("business-as-usual"))
    >>> usual.verdict.status
    'simulated'
    """
    course = _course(experiment, economy)
    if not experiment.levers.free:
        return _trajectory(course, *_ahead_without_levers(course), Verdict("simulated"), {})
    plant = course.ahead("idle_capacity")
    fraction = plant.sum(axis=0) / course.ahead("capacity")[course.arrays.industry].sum(axis=0)
    policy = policy_of(experiment, course.arrays.economy)
    rule = Rule(course.arrays, course.first, course.solved, policy, fraction, plant)
    return _trajectory(course, *rule.run(course.state), Verdict("simulated"), {})


def replay(path: Trajectory, economy: Economy | None = None, keep: Sequence[str] = LEVERS) -> Trajectory:
    """The levers of `path` simulated again, only those in `keep` (the benefit path goes with the programme)."""
    course = _course(path.experiment, economy)
    levers = _kept_levers(path, course, keep)
    return _trajectory(course, _run(course, levers), levers, Verdict("simulated"), {})


def _kept_levers(path: Trajectory, course: Course, keep: Sequence[str]) -> list[Levers]:
    """The levers of a path in its reported years, those not kept at zero."""
    data = path.data.sel(year=path.policy_years)
    base = no_levers(course.arrays)
    programme, reform, rate = (data[name].values for name in ("programme", "reform", "benefit_rate"))
    closed = data["retirement"].transpose("sector", "year").values
    return [
        Levers(
            float(programme[year]) if "programme" in keep else 0.0,
            float(reform[year]) if "reform" in keep else 0.0,
            closed[:, year] if "retirement" in keep else base.retirement,
            float(rate[year]) if "programme" in keep else base.benefit_rate,
            path.experiment.levers.payer,
        )
        for year in range(data.sizes["year"])
    ]


def replayed_gain(path: Trajectory, economy: Economy) -> float:
    """Gain of consumption with in-kind spending over the reference, points of GDP in the last reported year, when the
    levers of `path` are simulated in another economy."""
    course = _course(path.experiment.replace(cards={}), economy)
    last = _run(course, _kept_levers(path, course, LEVERS))[-1]
    usual = course.reference[course.first + course.reported - 1]

    def share(flow: Flows) -> float:
        return 100 * (float(flow["household_consumption"]) + float(flow["in_kind_spending"])) / float(flow["gdp"])

    return share(last) - share(usual)


def what_binds(path: Trajectory) -> list[Binding]:
    """The laws that limit a solved path, the costliest first; empty for a simulated one.

    >>> import iomodel as iom
    >>> "package" in {row.law for row in iom.what_binds(iom.solve(iom.load_experiment("demand-only")))}
    True
    """
    return binding(dict(path.shadow_prices))


def explain_infeasible(experiment: Experiment, economy: Economy | None = None) -> str:
    """Which laws of an infeasible experiment collide, when and by how much, in words."""
    program = build(experiment, economy)
    return describe(collisions(program, experiment.solver))


def compare(paths: Sequence[Trajectory], year: int | None = None) -> pd.DataFrame:
    """The headline outcomes of paths side by side, one row a path, in `year` (the last reported one if None).

    Raises ResultError when a path does not report the year.

    >>> import iomodel as iom
    >>> usual = iom.simulate(iom.load_experiment("business-as-usual"))
    >>> float(iom.compare([usual])["consumption, % over as usual"].iloc[0])
    0.0
    """
    import pandas as pd

    rows = {path.experiment.name: _headline(path, year) for path in paths}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("policy")


def _headline(path: Trajectory, year: int | None) -> dict[str, float]:
    """The outcomes of one path in the words of the table."""
    data = path.data
    when = int(data["year"].values[-1]) if year is None else year
    if when not in data["year"].values:
        raise ResultError(
            f"{path.experiment.name} reports {int(data['year'].values[0])} to {int(data['year'].values[-1])}, "
            f"not {when}"
        )
    here = data.sel(year=when)
    usual = (path.reference if path.reference is not None else data).sel(year=when)
    policy = data.sel(year=[one for one in path.policy_years if one <= when])
    before = float(data["gdp"].sel(year=int(path.policy_years[0]) - 1))
    years = max(policy.sizes["year"], 1)
    peak = policy["unemployment_rate"] if policy.sizes["year"] else here["unemployment_rate"]
    persons = policy["unemployed"] if policy.sizes["year"] else here["unemployed"]
    return {
        "consumption, % of GDP": float(here["household_consumption_share"]),
        "consumption, % over as usual": 100
        * (float(here["household_consumption"]) / float(usual["household_consumption"]) - 1),
        "with in-kind, % of GDP": float(here["actual_individual_consumption_share"]),
        "growth, % a year": 100 * ((float(here["gdp"]) / before) ** (1 / years) - 1),
        "investment, % of GDP": float(here["investment_share"]),
        "idle plant, %": float(here["idle_share"]),
        "social, % of GDP": float(here["social_spending_share"]),
        "unemployed peak, %": float(peak.max()),
        "unemployed peak, mn": float(persons.max()),
        "public debt, % of GDP": float(here["public_debt_share"]),
    }


def _course(experiment: Experiment, economy: Economy | None) -> Course:
    """Known years and the reference path of an experiment; tariffs change the exports of the path alone."""
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
    duties = in_force(experiment.tariffs, economy.table, economy.region, economy.cards, economy.known_until + 1)
    years = [int(year) for year in economy.paths["year"].values]
    factor = exports_under_tariffs(economy.table, economy.region, duties, economy.cards, years)
    return replace(economy, exports=(economy.exports * factor).transpose("sector", "year"))


def _setting(course: Course, form: str) -> Setting:
    """The numbers of the program over the solved years."""
    plant = course.ahead("capacity")[course.arrays.industry].sum(axis=0)
    gdp = course.ahead("gdp")
    reference = {
        "gdp": gdp,
        "idle_fraction": course.ahead("idle_capacity").sum(axis=0) / plant,
        "public_debt_fraction": course.ahead("public_debt_end") / gdp,
        "firm_debt_fraction": course.ahead("firm_debt_end") / gdp,
        "deficit_fraction": course.ahead("deficit") / gdp,
    }
    policy = policy_of(course.experiment, course.arrays.economy)
    return Setting(course.arrays, course.first, course.solved, course.state, reference, policy, form)


def _solved(course: Course, program: Program, blocks: Sequence[Block] | None) -> Trajectory:
    """Solve, judge, replay and label; where market investment would fall below zero, again with a stop at zero."""
    verdict = _judged(course, program)
    for _ in range(STOP_ROUNDS if blocks is not None else 0):
        below = _below_zero(program)
        if (below == program.setting.stopped).all():
            break
        program = assemble(replace(program.setting, stopped=below), blocks or CORE)
        names = [course.arrays.economy.table.sectors[row] for row in np.flatnonzero(below.any(axis=1))]
        remedies = (*verdict.remedies, f"investment stopped at zero in {int(below.sum())} years of {', '.join(names)}")
        verdict = replace(_judged(course, program), remedies=remedies)
    levers = _levers_of(program)
    flows = _run(course, levers)
    distance = _distance(program, flows)
    warned = list(verdict.warnings)
    if distance > REPLAY_TOLERANCE:
        warned.append(f"replay is off by {distance:.1e} percent of GDP: {_why_off(program)}")
    if any(float(flow["forced_saving"]) > 1e-6 for flow in flows[: course.reported]):
        warned.append("overheated: consumption is rationed")
    status = "inaccurate" if distance > REPLAY_LIMIT and verdict.status == "optimal" else verdict.status
    verdict = replace(verdict, status=status, replay_distance=distance, warnings=tuple(warned))
    return _trajectory(course, flows, levers, verdict, shadow_prices(program))


def _judged(course: Course, program: Program) -> Verdict:
    """The verdict of a solve that returned a point; raises where none did."""
    verdict = solve_program(program, course.experiment.solver)
    name = course.experiment.name
    if verdict.status == "infeasible":
        raise InfeasibleError(f"{name}: {describe(collisions(program))}")
    if verdict.status in ("failed", "unbounded"):
        raise SolverError(
            f"{name}: no path was found; the solver {verdict.solver} says {verdict.status} ({verdict.law})"
        )
    return verdict


def _below_zero(program: Program) -> npt.NDArray[np.bool_]:
    """(n, years) where the market would invest less than nothing."""
    return np.asarray(program.values["wanted_investment"].value, dtype=float) < -1e-7


def _why_off(program: Program) -> str:
    """What the program does that the simulation would not."""
    if (_below_zero(program) != program.setting.stopped).any():
        return "market investment is negative in the program, zero in the simulation"
    return "overflow imports are used as a lever"


def _levers_of(program: Program) -> list[Levers]:
    """The levers at the program's point, in the ranges that they have."""
    p, v = program.setting, program.values
    rates = p.policy.benefit_rates(p.cards["benefit_rate"], p.years)
    programme = np.maximum(np.asarray(v["programme"].value, dtype=float), 0.0)
    reform = np.maximum(np.asarray(v["reform"].value, dtype=float), 0.0)
    closed = np.zeros((p.arrays.industry.size, p.years))
    if p.free("retirement"):
        closed = p.spread @ np.maximum(np.asarray(v["retirement"].value, dtype=float), 0.0)
    return [
        Levers(float(programme[t]), float(reform[t]), closed[:, t], float(rates[t]), p.policy.payer)
        for t in range(p.years)
    ]


def _distance(program: Program, flows: Sequence[Flows]) -> float:
    """Largest difference between the program's point and its replay over output, plant, consumption, jobs and debts."""
    v = program.values
    pairs = {
        "household_consumption": v["household_consumption"],
        "unemployed": v["unemployed"],
        "output": v["output"],
        "capacity": v["capacity"][:, :-1],
        "overflow_imports": v["overflow_imports"],
        "public_debt_end": v["public_debt"][1:],
        "firm_debt_end": v["firm_debt"][1:],
    }
    worst = 0.0
    for name, solved in pairs.items():
        replayed = np.stack([np.asarray(flow[name], dtype=float) for flow in flows], axis=-1)
        worst = max(worst, float(np.abs(replayed - np.asarray(solved.value)).max()))
    return worst


def _run(course: Course, levers: Sequence[Levers]) -> list[Flows]:
    """Simulate levers from the first policy year on."""
    state, flows = course.state, []
    for year, lever in enumerate(levers):
        flow, state = step(course.arrays, course.first + year, state, lever)
        flows.append(flow)
    return flows


def _ahead_without_levers(course: Course) -> tuple[list[Flows], list[Levers]]:
    """The policy years when nothing is done but the benefit path."""
    rates = policy_of(course.experiment, course.arrays.economy).benefit_rates(
        course.arrays.cards["benefit_rate"], course.solved
    )
    usual = no_levers(course.arrays)
    levers = [replace(usual, benefit_rate=float(rate)) for rate in rates]
    return _run(course, levers), levers


def _trajectory(
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
    provenance = _provenance(course) | {"watched": watch(data, reference, course.arrays.economy.cards)}
    return Trajectory(data, prices, verdict, course.experiment, provenance, reference)


def _provenance(course: Course) -> dict[str, Any]:
    """Where a result comes from: versions, table and its hash, changed cards, counts of cards by kind."""
    economy = course.arrays.economy
    packages = ("iomodel", "numpy", "scipy", "xarray", "cvxpy", "clarabel")
    return {
        "table": economy.table.name,
        "table_sha256": economy.table.sha256,
        "table_source": str(economy.table.attrs.get("source", "")),
        "year": economy.year,
        "unit": economy.unit,
        "gdp": economy.gdp,
        "gdp_unit": economy.table.unit,
        "sectors": {str(code): str(name) for code, name in economy.table.sector_names.items()},
        "cards_changed": dict(economy.cards.changed),
        "cards_by_kind": dict(economy.cards.count()),
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in packages},
    }


def _version(package: str) -> str:
    """Installed version of a package, or "source" where it runs from a checkout that is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "source"
