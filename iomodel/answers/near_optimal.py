"""Near-optimal alternatives and flat directions: what else an experiment's goal would put up with.

A flat optimum hides choices: paths that differ much may be worth almost the same (modelling to generate alternatives;
Brill, Chang and Hopkins 1982; DeCarolis 2011; Neumann and Brown 2021). The goal is concave, so "the goal at least its
best less a slack" is a convex law, carried by second-order cones as the goal itself; under it and all laws an outcome
is made as low and as high as can be, and both paths are replayed by simulation.

The slack is a share of the base year's household consumption: 0.01 is what one percent of it, every year, is worth. A
share of the goal's own value would mean nothing, since the zero of a utility is arbitrary. What the goal makes dear is
held through the goal; over and above that targets which the best path meets may not be missed, and overflow imports and
rationing cost a third of their price once more (iomodel.program.steering), since as levers they do what the simulation
does not. Where they still are, they are taken out as in any solve (iomodel.solving).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from iomodel.answers.frontiers import year_of
from iomodel.answers.seeking import Search, search, seek
from iomodel.course import Course, course_of, setting_of
from iomodel.economy import Economy
from iomodel.errors import ExperimentError
from iomodel.experiment import Experiment, experiment_required
from iomodel.program.block import Block, Values, total, value_of
from iomodel.program.blocks import CORE
from iomodel.program.build import Program, assemble
from iomodel.program.checks import own_blocks
from iomodel.program.outcomes import OUTCOMES, Outcome, at_point, from_below, outcome_named, unit_money
from iomodel.program.setting import Setting
from iomodel.program.steering import MISSES, paid_on
from iomodel.program.trajectory import Trajectory
from iomodel.reopened import path_required, refuse_another_program, solved_path
from iomodel.solving import replayed, settled
from iomodel.values import number

Array = npt.NDArray[np.float64]

SMALLEST_SLACK = 1e-6
"""Smallest slack that is taken: measured on the best path, outcomes are there the same to 1e-5 points whatever the
scale, and the verdict optimal; below it the law that holds the goal has hardly more room than solvers are accurate."""

SCALE = 0.05
"""Weight of what is sought, by the root of the slack: it keeps the multiplier of the goal's law near one, since what a
slack allows grows with its root where the goal is curved. Measured: half the iterations, and no answer inaccurate."""

TINY = 1e-5
"""Slack at which what still moves much is called flat: a thousandth of a percent of base-year consumption a year."""

UNUSED = 1e-4
"""Amount of a lever, in its unit, that is as good as none."""

MUCH = 0.05
"""Part of a lever (of its largest year, or of all plant closed) that has to move to be called flat."""


@dataclass(frozen=True)
class Alternatives:
    """The best path and the two that differ most from it in an outcome of a year, each replayed.

    given_up: what the lowest and the highest give up of the goal, percent of base-year GDP of consumption a year; at
    most `slack` times the base year's household consumption. The objective in their verdicts is the experiment's own
    goal; they have no shadow prices, since what they are best in is not that goal.
    """

    lowest: Trajectory
    best: Trajectory
    highest: Trajectory
    outcome: str
    year: int
    slack: float
    given_up: tuple[float, float]

    @property
    def values(self) -> tuple[float, float, float]:
        """The outcome on the lowest, the best and the highest path, in its unit."""
        paths = (self.lowest, self.best, self.highest)
        low, best, high = (float(path.data[self.outcome].sel(year=self.year)) for path in paths)
        return low, best, high

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is not certified: each path that is not optimal, and what is said of the two that were searched for."""
        named = {"lowest": self.lowest, "best": self.best, "highest": self.highest}
        said = [
            f"the {name} path is {path.verdict.status} ({path.verdict.law.replace('_', ' ')})"
            + (": what the others give up is counted from it" if name == "best" else "")
            for name, path in named.items()
            if path.verdict.status != "optimal"
        ]
        searched = {text: None for name in ("lowest", "highest") for text in named[name].verdict.warnings}
        return (*said, *searched)

    def __str__(self) -> str:
        """One sentence, and what is not certified."""
        low, best, high = self.values
        unit = self.best.data[self.outcome].attrs["units"]
        return (
            f"{self.outcome.replace('_', ' ')} of {self.year} is {best:.4g} at the optimum, and from {low:.4g} to "
            f"{high:.4g} ({unit}) on paths worth at most {100 * self.slack:.3g} percent of base-year consumption less"
            + "".join(f"; {text}" for text in self.warnings)
        )


def alternatives(
    experiment_or_path: Experiment | Trajectory,
    outcome: str = "public_debt_share",
    slack: float = 0.01,
    year: int | None = None,
    *,
    economy: Economy | None = None,
    blocks: Sequence[Block] = (),
) -> Alternatives:
    """The paths with the lowest and the highest outcome among those whose goal is within `slack` of the best.

    slack: share of base-year household consumption a year that may be given up, 1e-6 to 1. outcome: of `year` (the last
    reported if None). The highest idle plant is no convex question: what is found there is at least so high. Raises
    ExperimentError for an unknown outcome (with the nearest names), a slack or year that is not allowed and an
    experiment without free levers; ResultError for a path by rule and one that another economy or other blocks made;
    InfeasibleError and SolverError as `iomodel.solve`.

    >>> import iomodel as iom
    >>> asked = iom.load_experiment("demand-only").replace(table="china-2020")
    >>> found = iom.alternatives(asked, slack=0.001)
    >>> [round(value, 1) for value in found.values]
    [217.8, 218.0, 218.5]
    """
    given = solved_path("alternatives", experiment_or_path) if isinstance(experiment_or_path, Trajectory) else None
    experiment = experiment_required(experiment_or_path) if given is None else given.experiment
    sought = outcome_named("outcome", outcome)
    number("slack", slack, SMALLEST_SLACK, 1.0, "of base-year household consumption")
    own_blocks(blocks)
    if not experiment.levers.free:
        raise ExperimentError(f"{experiment.name} has no free lever: there is one path, and no other. Free a lever.")
    course = course_of(experiment, economy)
    when, t = year_of(experiment, int(course.arrays.economy.paths["year"].values[course.first]), year, (sought,))
    near = _near(course, (*CORE, *blocks), t, lambda program: _both(sought, program, t), slack, given)
    low = seek(near.search, sought.name, -1.0, near.start[sought.name])
    upper = list(near.search.dials)[-1]
    high = seek(near.search, upper, 1.0, near.start[upper])
    given_up = (near.goal - low.goal, near.goal - high.goal)
    return Alternatives(low.path, near.best, high.path, sought.name, when, slack, given_up)


# ---------------------------------------------------------------- flat directions


@dataclass(frozen=True)
class FlatDirection:
    """What can move at almost no cost: a lever, how far (as a part of the most that it is), where, and a sentence."""

    lever: str
    kind: str
    """ "timing" or "sectors"."""
    share: float
    text: str


def flat_directions(
    path: Trajectory,
    economy: Economy | None = None,
    *,
    tolerance: float = TINY,
    blocks: Sequence[Block] = (),
) -> list[FlatDirection]:
    """The levers of a solved path that can be moved while the goal loses at most `tolerance` (share of base-year
    household consumption a year), the flattest first; empty for a path without free levers.

    Each free lever is moved as early and as late as can be, and plant is closed as far away as can be from the sectors
    in which most of it is closed (hop, skip and jump; Brill, Chang and Hopkins 1982). Reported is what moves by at
    least a twentieth. economy, blocks: those that the path was solved with, where they are not the experiment's own.
    Raises as `alternatives`.

    >>> import iomodel as iom
    >>> closing = iom.load_experiment("business-as-usual").replace(free=["retirement"], years=5, beyond=1)
    >>> path = iom.solve(closing.set("targets.idle_cut", {"at_least": 0.3, "by": 5}))
    >>> [row.text.split(":")[0] for row in iom.flat_directions(path) if row.kind == "timing"]
    ['retirement can come earlier or later']
    """
    path = solved_path("flat_directions", path_required("flat_directions", path))
    number("tolerance", tolerance, SMALLEST_SLACK, 1.0, "of base-year household consumption")
    experiment = path.experiment
    levers = experiment.levers.free
    if not levers:
        return []
    course = course_of(experiment, economy)
    last = experiment.horizon.years - 1

    def moves(program: Program) -> list[Outcome]:
        plain = [_timing(lever, last + 1) for lever in levers]
        return [*plain, _elsewhere(program, last + 1)] if "retirement" in levers else plain

    near = _near(course, (*CORE, *blocks), last, moves, tolerance, path)
    found: list[FlatDirection] = []
    for lever in levers:
        early, late = (seek(near.search, f"{lever}_timing", sign).path for sign in (1.0, -1.0))
        found.append(_of_timing(lever, near.best, early, late, tolerance))
    if "retirement" in levers:
        found.append(_of_sectors(near.best, seek(near.search, "retirement_elsewhere", 1.0).path, tolerance))
    return sorted((row for row in found if row.share >= MUCH), key=lambda row: -row.share)


def _timing(lever: str, years: int) -> Outcome:
    """A lever's amounts over the reported years, early ones for and late ones against."""
    early = np.linspace(1.0, -1.0, years)

    def above(v: Values, _: Setting, __: int) -> Any:
        amounts = total(v[lever], axis=0) if lever == "retirement" else v[lever]
        return early @ amounts[:years]

    return Outcome(
        f"{lever}_timing", "high", above, money=OUTCOMES["reform"].money if lever == "reform" else unit_money
    )


def _elsewhere(program: Program, years: int) -> Outcome:
    """Plant closed, in sectors where little is closed for and where most is closed against."""
    closed = value_of(program.values["retirement"])[:, :years].sum(axis=1)
    side = np.where(closed > closed.mean(), -1.0, 1.0)

    def above(v: Values, _: Setting, __: int) -> Any:
        return side @ total(v["retirement"][:, :years], axis=1)

    return Outcome("retirement_elsewhere", "high", above)


def _yearly(path: Trajectory, lever: str) -> Array:
    """A lever of the reported years of policy, plant over all sectors."""
    data = path.data[lever].sel(year=path.policy_years)
    return np.asarray(data.sum("sector") if "sector" in data.dims else data, dtype=float)


def _cost(tolerance: float) -> str:
    return f"the goal loses at most {100 * tolerance:.3g} percent of base-year consumption"


def _part(moved: float, most: float) -> float:
    """What is moved as a part of the most that any of the paths has; none of a lever that all leave alone."""
    return moved / most if most > UNUSED else 0.0


def _of_timing(lever: str, best: Trajectory, early: Trajectory, late: Trajectory, tolerance: float) -> FlatDirection:
    """How far a lever can come earlier or later."""
    own, first, second = (_yearly(path, lever) for path in (best, early, late))
    spread = np.abs(first - second)
    at = int(spread.argmax())
    share = _part(float(spread[at]), max(float(amounts.max()) for amounts in (own, first, second)))
    low, high = sorted((float(first[at]), float(second[at])))
    unit = best.data[lever].attrs["units"]
    text = (
        f"{lever} can come earlier or later: in {best.policy_years[at]} anything from {low:.3g} to {high:.3g} "
        f"(best {own[at]:.3g}; {unit}); {_cost(tolerance)}"
    )
    return FlatDirection(lever, "timing", share, text)


def _of_sectors(best: Trajectory, other: Trajectory, tolerance: float) -> FlatDirection:
    """How much plant can be closed in other sectors."""
    own, away = (path.data["retirement"].sel(year=path.policy_years).sum("year") for path in (best, other))
    change = away - own
    moved = min(float(change.clip(min=0).sum()), -float(change.clip(max=0).sum()))
    share = _part(moved, max(float(own.sum()), float(away.sum())))
    names = best.provenance["sectors"]
    order = [str(code) for code in change["sector"].values[np.argsort(change.values)]]
    less, more = (" and ".join(names.get(code, code) for code in codes) for codes in (order[:2], order[:-3:-1]))
    text = (
        f"retirement by sector can be shifted: {moved:.3g} of the {float(own.sum()):.3g} closed by "
        f"{best.policy_years[-1]} ({best.data['retirement'].attrs['units']}), less in {less}, more in {more}; "
        f"{_cost(tolerance)}"
    )
    return FlatDirection("retirement", "sectors", share, text)


# ---------------------------------------------------------------- a goal held near its best


@dataclass(frozen=True)
class _Near:
    """A steered program that holds the goal near its best; the best path, its goal and its outcomes as ratios."""

    search: Search
    best: Trajectory
    goal: float
    start: Mapping[str, float]


def _both(outcome: Outcome, program: Program, t: int) -> list[Outcome]:
    """An outcome, and what stands for it where it is made as high as can be."""
    upper = from_below(outcome, program.values, program.setting, t)
    return list({one.name: one for one in (outcome, upper)}.values())


def _near(
    course: Course,
    blocks: Sequence[Block],
    t: int,
    outcomes: Callable[[Program], Sequence[Outcome]],
    slack: float,
    path: Trajectory | None,
) -> _Near:
    """Solve an experiment, and lay its program anew with its goal held within `slack` of the best; ResultError where
    this is not the program of `path`."""
    program, verdict = settled(course, assemble(setting_of(course, "reduced"), blocks))
    if path is not None:
        refuse_another_program(path, verdict.objective)
    best = replayed(course, program, verdict)
    asked = outcomes(program)
    start = {one.name: at_point(one, program.values, program.setting, t)[0] for one in asked}
    paid = paid_on(program, MISSES.values())
    found = search(course, blocks, t, asked, paid, holds_goal=True)
    found.steering.hold_goal(verdict.objective - slack * program.setting.account("household_consumption"))
    return _Near(replace(found, weight=SCALE * slack**0.5), best, verdict.objective, start)
