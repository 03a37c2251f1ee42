"""The verbs: what one does with an experiment. Build it, solve it, simulate it, replay its levers, say what binds.

Each takes an `Experiment` (and an `Economy`, made from its table and cards when not given) and returns values; the
program below knows only blocks and numbers.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from iomodel.changes import changed, refuse_another
from iomodel.course import Course, course_of, flows_of, policy_of, setting_of, trajectory_of
from iomodel.economy import Economy
from iomodel.errors import ExperimentError, ProgramError
from iomodel.experiment import Experiment, experiment_required
from iomodel.program.block import Block
from iomodel.program.blocks import CORE
from iomodel.program.build import Program, assemble
from iomodel.program.certificate import Verdict
from iomodel.program.checks import own_blocks
from iomodel.program.diagnose import Binding, binding
from iomodel.program.policy import LEVERS, Policy
from iomodel.program.rule import Rule
from iomodel.program.simulate import Flows, Levers, no_levers
from iomodel.program.trajectory import Trajectory
from iomodel.regions import by_region
from iomodel.reopened import path_required
from iomodel.solving import solved
from iomodel.world import build_world, solve_world

Array = npt.NDArray[np.float64]

WHOLE = "the goal of all regions together is"
"""What a price is of where several regions decide: not the region's own goal."""


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
    blocks = own_blocks(blocks)
    if experiment_required(experiment).deciding:
        if form != "reduced" or shifts:
            raise ExperimentError(
                f"build: several regions decide in {experiment.name!r}, whose program has a form of its own and takes "
                "no form= and no shifts=; leave them out, or build the program of one region (take deciding out)."
            )
        return build_world(experiment, _nobody(economy), blocks, core=core).whole
    course = course_of(experiment, economy)
    program = assemble(setting_of(course, form), (*core, *blocks), shifts)
    program.memo["course"] = course  # the known years and the reference path, which other parameters do not change
    return program


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
    with the verdict "inaccurate". Where several regions decide (`Experiment.deciding`) the data have the dimension
    region, and the economies are those of the experiment's table.

    >>> import iomodel as iom
    >>> path = iom.solve(iom.load_experiment("two-halves"))
    >>> path.verdict.status
    'optimal'
    """
    blocks = own_blocks(blocks)
    if experiment_required(experiment).deciding:
        path = solve_world(experiment, _nobody(economy), blocks, core=core)
        said = path.verdict.warnings + _idle_blocks(experiment, blocks)
        return replace(path, verdict=replace(path.verdict, warnings=said))
    course = course_of(experiment, economy)
    if not experiment.levers.free:
        verdict = Verdict("simulated", warnings=_idle_blocks(experiment, blocks))
        return trajectory_of(course, *without_levers(course), verdict, {})
    return solved(course, assemble(setting_of(course, "reduced"), (*core, *blocks)))


def _idle_blocks(experiment: Experiment, blocks: Sequence[Block]) -> tuple[str, ...]:
    """A warning where blocks are handed over for a path that no program decides."""
    if experiment.levers.free or not blocks:
        return ()
    names = ", ".join(block.name for block in blocks)
    return (f"no lever is free, so that the path is simulated and blocks do nothing: {names}",)


def _nobody(economy: Economy | None) -> None:
    """One economy is no answer to what several regions have."""
    if economy is not None:
        raise ExperimentError(
            "several regions decide, and one economy was handed over: leave it out, or use "
            "iomodel.world.solve_world(experiment, economies)."
        )


def resolve(program: Program, experiment: Experiment, economy: Economy, changes: Mapping[str, object]) -> Trajectory:
    """Solve a built program again with other values of its parameters, without building it anew.

    changes: by keys of the experiment's file, "targets.package.exactly" (or "package" alone),
    "limits.debt_ceiling.soft", "levers.benefit.to". The program keeps the values that it was built with; its variables
    hold the new point. Raises ExperimentError for a value that is not allowed and for a setting that needs a rebuild,
    with the reason, among the changes or in an experiment that is not the one that the program was built from;
    ProgramError when the program was built for another economy.

    >>> import iomodel as iom
    >>> experiment = iom.load_experiment("demand-only")
    >>> economy = iom.calibrate(iom.load_table(experiment.table))
    >>> program = iom.build(experiment, economy)
    >>> path = iom.resolve(program, experiment, economy, {"package": 2, "levers.benefit.to": 0.1})
    >>> round(path.data["programme_share"].values[-1].item(), 6)
    2.0
    """
    built = program.setting.arrays.economy
    if (built.table.sha256, built.region, built.cards) != (economy.table.sha256, economy.region, economy.cards):
        raise ProgramError("the program was built for another economy; build it for the one handed over")
    asked = changed(experiment, changes, program.setting.parameters)
    course = _course_again(program, asked, economy)
    refuse_another(policy_of(asked, economy), course.solved, course.arrays.economy, program.setting)
    with other_values(program, policy_of(asked, economy)):
        return solved(course, program)


@contextmanager
def other_values(program: Program, policy: Policy) -> Generator[None]:
    """Let the parameters of a built program hold what a policy states, for a while."""
    other = replace(program.setting, policy=policy).parameters
    held = {key: parameter.value for key, parameter in program.setting.parameters.items()}
    try:
        for key, parameter in program.setting.parameters.items():
            parameter.value = other[key].value
        yield
    finally:
        for key, parameter in program.setting.parameters.items():
            parameter.value = held[key]


def _course_again(program: Program, asked: Experiment, economy: Economy) -> Course:
    """The course of an experiment, that of the built program where nothing in it has changed."""
    known: Course | None = program.memo.get("course")
    parts = ("table", "region", "horizon", "cards", "tariffs")
    if known is None or any(getattr(known.experiment, part) != getattr(asked, part) for part in parts):
        return course_of(asked, economy)
    return replace(known, experiment=asked)


def simulate(experiment: Experiment, economy: Economy | None = None) -> Trajectory:
    """The path of an experiment by simulation alone: the reference path, or a stated policy carried out by rule.

    Programme and reform rise on straight lines to what is stated and plant is closed in proportion to idle plant; who
    has no free lever gets the path without levers. What the rule cannot keep (a target out of reach, the pace of
    programme or reform) is said in the verdict's warnings. Raises ExperimentError where a free lever has no stated
    value, and for an experiment with limits: they are laws of the program, which no rule keeps.

    >>> import iomodel as iom
    >>> usual = iom.simulate(iom.load_experiment("business-as-usual"))
    >>> usual.verdict.status
    'simulated'
    """
    if experiment_required(experiment).deciding:
        if experiment.levers.free:
            raise ExperimentError("no rule is announced for several deciding regions: solve it, or free no lever.")
        return solve_world(experiment, _nobody(economy))
    course = course_of(experiment, economy)
    if not experiment.levers.free:
        return trajectory_of(course, *without_levers(course), Verdict("simulated"), {})
    plant = course.ahead("idle_capacity")
    fraction = plant.sum(axis=0) / course.ahead("capacity")[course.arrays.industry].sum(axis=0)
    policy = policy_of(experiment, course.arrays.economy)
    rule = Rule(course.arrays, course.first, course.solved, policy, fraction, plant, course.ahead("gdp"))
    flows, levers, warned = rule.run(course.state)
    return trajectory_of(course, flows, levers, Verdict("simulated", warnings=tuple(warned)), {})


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
    course = course_of(replace(path.experiment, cards={}), economy)
    last = flows_of(course, _kept_levers(path, course, LEVERS))[-1]
    usual = course.reference[course.first + course.reported - 1]

    def share(flow: Flows) -> float:
        return 100 * (float(flow["household_consumption"]) + float(flow["in_kind_spending"])) / float(flow["gdp"])

    return share(last) - share(usual)


def what_binds(path: Trajectory) -> list[Binding]:
    """The laws that limit a solved path, the costliest first; empty for a simulated one. Where several regions decide,
    each is named with its region, and its price is of the goal of all regions together.

    >>> import iomodel as iom
    >>> "package" in {row.law for row in iom.what_binds(iom.solve(iom.load_experiment("demand-only")))}
    True
    """
    parts = by_region(path_required("what_binds", path))
    if len(parts) == 1:
        return binding(path.shadow_prices, names=path.provenance.get("sectors"))
    rows = [
        replace(row, text=f"{region}: {row.text.replace('the goal is', WHOLE)}")
        for region, own in parts.items()
        for row in binding(own.shadow_prices, names=own.provenance.get("sectors"))
    ]
    return sorted(rows, key=lambda row: -abs(row.worth))


def without_levers(course: Course) -> tuple[list[Flows], list[Levers]]:
    """The policy years when nothing is done but the benefit path."""
    rates = policy_of(course.experiment, course.arrays.economy).benefit_rates(
        course.arrays.cards["benefit_rate"], course.solved
    )
    usual = no_levers(course.arrays)
    levers = [replace(usual, benefit_rate=float(rate)) for rate in rates]
    return flows_of(course, levers), levers
