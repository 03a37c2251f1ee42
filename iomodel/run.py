"""The verbs: what one does with an experiment. Build it, solve it, simulate it, replay its levers, say what binds.

Each takes an `Experiment` (and an `Economy`, made from its table and cards when not given) and returns values; the
program below knows only blocks and numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from iomodel.course import Course, course_of, flows_of, policy_of, setting_of, trajectory_of
from iomodel.economy import Economy
from iomodel.errors import ExperimentError, InfeasibleError, SolverError
from iomodel.experiment import Experiment
from iomodel.program.block import Block, value_of
from iomodel.program.blocks import CORE
from iomodel.program.build import Program, assemble
from iomodel.program.certificate import Verdict
from iomodel.program.diagnose import Binding, binding, collisions, describe, shadow_prices
from iomodel.program.policy import LEVERS
from iomodel.program.rule import Rule
from iomodel.program.simulate import Flows, Levers, no_levers
from iomodel.program.solvers import solve_program
from iomodel.program.trajectory import Trajectory

if TYPE_CHECKING:
    pass

Array = npt.NDArray[np.float64]

REPLAY_TOLERANCE = 1e-6
"""Distance between solved and replayed path, percent of base-year GDP, above which overflow is used as a lever."""

REPLAY_LIMIT = 1e-3
"""Distance, percent of base-year GDP, above which a path is inaccurate: what is reported is not what was solved."""

MISS_SHOWN = 1e-6
"""Miss of a stated target from which it is said."""

STOP_ROUNDS = 8
"""Solves at most to find the sectors and years in which market investment stops at zero."""


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
    return assemble(setting_of(course_of(experiment, economy), form), (*core, *blocks), shifts)


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
    course = course_of(experiment, economy)
    if not experiment.levers.free:
        return trajectory_of(course, *_ahead_without_levers(course), Verdict("simulated"), {})
    return _solved(course, assemble(setting_of(course, "reduced"), (*core, *blocks)), (*core, *blocks))


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
    return _solved(course_of(asked, economy), program, None)


def simulate(experiment: Experiment, economy: Economy | None = None) -> Trajectory:
    """The path of an experiment by simulation alone: the reference path, or a stated policy carried out by rule.

    Programme and reform rise on straight lines to what is stated and plant is closed in proportion to idle plant; who
    has no free lever gets the path without levers. Raises ExperimentError where a free lever has no stated value.

    >>> import iomodel as iom
    >>> usual = iom.simulate(iom.load_experiment("business-as-usual"))
    >>> usual.verdict.status
    'simulated'
    """
    course = course_of(experiment, economy)
    if not experiment.levers.free:
        return trajectory_of(course, *_ahead_without_levers(course), Verdict("simulated"), {})
    plant = course.ahead("idle_capacity")
    fraction = plant.sum(axis=0) / course.ahead("capacity")[course.arrays.industry].sum(axis=0)
    policy = policy_of(experiment, course.arrays.economy)
    rule = Rule(course.arrays, course.first, course.solved, policy, fraction, plant)
    return trajectory_of(course, *rule.run(course.state), Verdict("simulated"), {})


def replay(path: Trajectory, economy: Economy | None = None, keep: Sequence[str] = LEVERS) -> Trajectory:
    """The levers of `path` simulated again, only those in `keep` (the benefit path goes with the programme)."""
    course = course_of(path.experiment, economy)
    levers = _kept_levers(path, course, keep)
    return trajectory_of(course, flows_of(course, levers), levers, Verdict("simulated"), {})


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
    course = course_of(path.experiment.replace(cards={}), economy)
    last = flows_of(course, _kept_levers(path, course, LEVERS))[-1]
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
    flows = flows_of(course, levers)
    distance = _distance(program, flows)
    warned = [*verdict.warnings, *_missed(program)]
    if distance > REPLAY_TOLERANCE:
        warned.append(f"replay is off by {distance:.1e} percent of GDP: {_why_off(program)}")
    if any(float(flow["forced_saving"]) > 1e-6 for flow in flows[: course.reported]):
        warned.append("overheated: consumption is rationed")
    status = "inaccurate" if distance > REPLAY_LIMIT and verdict.status == "optimal" else verdict.status
    verdict = replace(verdict, status=status, replay_distance=distance, warnings=tuple(warned))
    return trajectory_of(course, flows, levers, verdict, shadow_prices(program))


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


def _missed(program: Program) -> list[str]:
    """What the path misses of its stated targets, in the target's own unit."""
    found: list[str] = []
    for target, name, scale in (
        ("package", "missed_package", 100 / value_of(program.values["gdp"])),
        ("idle_cut", "missed_idle", np.ones(program.setting.years)),
        ("reform", "missed_reform", np.ones(program.setting.years)),
    ):
        if name not in program.values:
            continue
        missed = value_of(program.values[name])[program.setting.due(target)] * scale[program.setting.due(target)]
        if missed.max(initial=0.0) > MISS_SHOWN:
            unit = {"package": "points of GDP", "idle_cut": program.variables[name].unit, "reform": "of the drive"}[
                target
            ]
            years = program.setting.calendar[program.setting.due(target)]
            found.append(f"{target} is missed by up to {missed.max():.3g} {unit} ({years[int(missed.argmax())]})")
    return found


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


def _ahead_without_levers(course: Course) -> tuple[list[Flows], list[Levers]]:
    """The policy years when nothing is done but the benefit path."""
    rates = policy_of(course.experiment, course.arrays.economy).benefit_rates(
        course.arrays.cards["benefit_rate"], course.solved
    )
    usual = no_levers(course.arrays)
    levers = [replace(usual, benefit_rate=float(rate)) for rate in rates]
    return flows_of(course, levers), levers
