"""What matters: the assumptions that a solved path hangs on, the largest first.

Every numeric card and every group of table coefficients is moved by a hair: the economy is calibrated anew, known years
and reference path are simulated again, and the program is laid with the new numbers but not solved. Its multipliers
give the derivative of the goal, its conditions of optimality that of the levers (`iomodel.program.sensitivity`), and
the moved levers are simulated to what a path reports. Over a card's range this is a straight line; the assumptions that
move the headline most are solved again at both ends of their range.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from iomodel.answers.matter import AGAIN, GOAL, HEADLINE, LINE, OUTCOMES, Matter
from iomodel.assumptions import Assumption, assumptions_of
from iomodel.course import Course, course_of, economy_of, flows_of, policy_of, setting_of
from iomodel.economy import Economy
from iomodel.errors import CardError, InfeasibleError, IOModelError, ResultError, SolverError, TableError, nearest
from iomodel.experiment import Experiment
from iomodel.program.block import Block
from iomodel.program.blocks import CORE
from iomodel.program.build import Program, assemble
from iomodel.program.checks import own_blocks
from iomodel.program.sensitivity import Point, motion, point_of
from iomodel.program.simulate import Levers, no_levers
from iomodel.program.trajectory import Trajectory, dataset_of
from iomodel.reopened import HAND_OVER, path_required, solved_path
from iomodel.solving import levers_of, settled

Array = npt.NDArray[np.float64]
logger = logging.getLogger(__name__)

STEP = 1e-5
"""Step of a difference, as a share of the card's range."""

COARSE = 1e-2
"""The same where the program has to be solved again."""

SAME = 1e-3
"""Largest distance of the path handed over from the one found here: its economy and blocks must be these."""


@dataclass(frozen=True)
class _Base:
    """The path to be moved: its course, program at the optimum (None where nothing is decided), levers, outcomes."""

    experiment: Experiment
    blocks: tuple[Block, ...]
    course: Course
    point: Point | None
    levers: list[Levers]
    year: int
    outcomes: Mapping[str, float]


def what_matters(
    path: Trajectory,
    economy: Economy | None = None,
    year: int | None = None,
    *,
    by: str = HEADLINE,
    ends: int = 10,
    only: str | Sequence[str] | None = None,
    blocks: Sequence[Block] = (),
    progress: Callable[[str], None] = logger.info,
) -> list[Matter]:
    """The assumptions that a path hangs on: every numeric card and group of table coefficients, the largest first.

    Order: the larger change of outcome `by` (one of `OUTCOMES`) in `year` (the last reported one if None) over the
    card's range, first on straight lines, then for the first `ends` of them by solving again at both ends. only: these
    keys, or this one, alone. economy,
    blocks: those that the path was solved with, where they are not the experiment's own. Cards that are calendar years
    are left out (`iomodel.assumptions.left_out`).

    Derivatives of the goal by the envelope theorem, of outcomes from the differentiated conditions of optimality
    (`iomodel.program.sensitivity`); by solving again where these do not determine them. Raises ResultError for a year
    or an outcome that there is not, for a path by rule, and for one that another economy or other blocks made.

    >>> import iomodel as iom
    >>> usual = iom.simulate(iom.load_experiment("business-as-usual"))
    >>> rows = iom.what_matters(usual, only=["interest_rate", "export_growth"])
    >>> [row.key for row in rows]
    ['export_growth', 'interest_rate']
    """
    path = solved_path("what_matters", path_required("what_matters", path))
    economy = economy_of(path.experiment) if economy is None else economy
    when = _year(path, year)
    asked = _asked(economy, by, only)
    base = _base(path, economy, when, own_blocks(blocks))
    rows: list[Matter] = []
    for count, assumption in enumerate(asked, start=1):
        progress(f"{count} of {len(asked)}: {assumption.key}")
        rows.append(_matter(base, assumption, by))
    rows.sort(key=lambda row: -row.effect)
    known = {assumption.key: assumption for assumption in asked}
    for place, row in enumerate(rows[:ends]):
        progress(f"{row.key} from {row.low:g} to {row.high:g}: solved again")
        rows[place] = _solved_ends(base, known[row.key], row)
    return sorted(rows[:ends], key=lambda row: -row.effect) + rows[ends:]


def check_asked(
    experiment: Experiment, economy: Economy, year: int | None, by: str, only: str | Sequence[str] | None
) -> None:
    """What `what_matters` would refuse of these, before the path is solved; raises ResultError."""
    first = economy.known_until + 1
    _year_within(experiment.name, first, first + experiment.horizon.years - 1, year)
    _asked(economy, by, only)


def _asked(economy: Economy, by: str, only: str | Sequence[str] | None) -> list[Assumption]:
    """The assumptions to ask for; ResultError for an outcome or a key that there is not."""
    if by not in OUTCOMES:
        raise ResultError(f"there is no outcome {by!r}; there are {', '.join(OUTCOMES)}.{nearest(str(by), OUTCOMES)}")
    known, only = assumptions_of(economy), (only,) if isinstance(only, str) else only
    keys = [assumption.key for assumption in known]
    for key in only or ():
        if key not in keys:
            raise ResultError(f"there is no assumption {key!r} that could be moved.{nearest(str(key), keys)}")
    return [assumption for assumption in known if only is None or assumption.key in only]


def _year(path: Trajectory, year: int | None) -> int:
    """The year that is asked for."""
    first, last = int(path.policy_years[0]), int(path.policy_years[-1])
    return _year_within(path.experiment.name, first, last, year)


def _year_within(name: str, first: int, last: int, year: int | None) -> int:
    """The year that is asked for, the last reported one if None; ResultError outside the reported ones."""
    if year is not None and (not isinstance(year, int) or not first <= year <= last):
        raise ResultError(f"{name} reports policy from {first} to {last}, not {year}")
    return last if year is None else year


def _base(path: Trajectory, economy: Economy | None, year: int, blocks: tuple[Block, ...]) -> _Base:
    """The path solved once more, so that its program, multipliers and factor are at hand."""
    experiment = path.experiment
    course = course_of(experiment, economy_of(experiment) if economy is None else economy)
    experiment = experiment.replace(cards={})  # they are in the economy now, and would undo a moved one
    if not experiment.levers.free:
        levers = _without_levers(course)
        base = _Base(experiment, blocks, course, None, levers, year, _outcomes(course, levers, year))
    else:
        program, _ = settled(course, assemble(setting_of(course, "reduced"), (*CORE, *blocks)))
        point = point_of(program, experiment.levers.free)
        point.hold()
        levers = levers_of(program)
        found = _outcomes(course, levers, year) | {GOAL: point.goal}
        base = _Base(experiment, blocks, course, point, levers, year, found)
    here, told = base.outcomes[HEADLINE], float(path.data[HEADLINE].sel(year=year))
    if not abs(here - told) < SAME:
        raise ResultError(
            f"{experiment.name} has {HEADLINE} of {told:.4f} in {year}, but with this economy and these blocks it is "
            f"{here:.4f}; {HAND_OVER}"
        )
    return base


def _without_levers(course: Course) -> list[Levers]:
    """The levers of a path on which nothing is decided but the benefit."""
    cards = course.arrays.cards
    rates = policy_of(course.experiment, course.arrays.economy).benefit_rates(cards["benefit_rate"], course.solved)
    usual = no_levers(course.arrays)
    return [replace(usual, benefit_rate=float(rate)) for rate in rates]


def _outcomes(course: Course, levers: Sequence[Levers], year: int) -> dict[str, float]:
    """The outcomes of simulated levers in one year; the goal is no outcome of a simulation and stands as NaN."""
    past_flows, past_levers = course.past
    until = year - course.arrays.economy.year - course.first + 1
    flows = [*past_flows, *flows_of(course, levers[:until])]
    data = dataset_of(course.arrays, flows, [*past_levers, *levers[:until]], course.first)
    usual = float(course.reference[len(flows) - 1]["household_consumption"])
    gdp = data["gdp"].values
    found = {name: float(data[name].values[-1]) for name in OUTCOMES if name in data}
    found["consumption_over_usual"] = 100 * (float(data["household_consumption"].values[-1]) / usual - 1)
    found["mean_growth"] = 100 * (float(gdp[-1] / gdp[course.first - 1]) ** (1 / until) - 1)
    return {name: found.get(name, math.nan) for name in OUTCOMES}


def _matter(base: _Base, assumption: Assumption, by: str) -> Matter:
    """One assumption: derivatives, elasticities and the changes over its range on a straight line."""
    slopes, method = _derivatives(base, assumption)
    here = base.outcomes
    elasticities = {
        name: None if name == GOAL else slope * assumption.size / here[name] if here[name] else math.nan
        for name, slope in slopes.items()
    }
    a = assumption
    at_low = {name: slope * (a.low - a.value) for name, slope in slopes.items()}
    at_high = {name: slope * (a.high - a.value) for name, slope in slopes.items()}
    ends = (LINE, LINE)
    return Matter(
        a.key, a.title, a.unit, a.kind, a.value, a.low, a.high, slopes, elasticities, at_low, at_high, method, ends,
        by, base.year,
    )  # fmt: skip


def _derivatives(base: _Base, assumption: Assumption) -> tuple[dict[str, float], str]:
    """Outcome -> derivative, and how it was found."""
    for step in _steps(assumption, STEP):
        try:
            course = _moved_course(base, assumption, step)
        except (CardError, TableError):
            continue
        if base.point is None:
            there = _outcomes(course, _without_levers(course), base.year)
            return _slopes(base.outcomes, there, step), "simulated"
        found = motion(base.point, _laid(base, course), step)
        if not found.regular:
            return _by_solving(base, assumption, found.goal)
        levers = _moved_levers(base, course, found.values, step)
        slopes = _slopes(base.outcomes, _outcomes(course, levers, base.year), step)
        return slopes | {GOAL: found.goal}, "differentiated"
    return dict.fromkeys(OUTCOMES, math.nan), "no economy beside this value"


def _steps(assumption: Assumption, share: float) -> list[float]:
    """The steps to try, first away from the nearer end of the range."""
    size = (assumption.high - assumption.low) or abs(assumption.value) or 1.0
    up = assumption.value + share * size <= assumption.high
    return [share * size, -share * size] if up else [-share * size, share * size]


def _slopes(here: Mapping[str, float], there: Mapping[str, float], step: float) -> dict[str, float]:
    return {name: (there[name] - here[name]) / step for name in OUTCOMES if name in here and name in there}


def _moved_course(base: _Base, assumption: Assumption, step: float) -> Course:
    """Known years and reference path with the assumption moved by `step`."""
    return course_of(base.experiment, assumption.economy(assumption.value + step))


def _laid(base: _Base, course: Course) -> Program:
    """The program of a moved course, with stops and valves where the solved one has them; not solved."""
    assert base.point is not None
    setting = replace(setting_of(course, "reduced"), **base.point.program.setting.masks)
    return assemble(setting, (*CORE, *base.blocks))


def _moved_levers(base: _Base, course: Course, gone: Mapping[str, Array], step: float) -> list[Levers]:
    """The path's levers a step away along their derivatives."""
    zero = np.zeros(course.solved)
    programme, reform = (step * gone.get(name, zero) for name in ("programme", "reform"))
    spread = np.zeros((course.arrays.industry.size, course.solved))
    if "retirement" in gone:
        spread[course.arrays.industry] = step * gone["retirement"]
    usual = _without_levers(course)
    return [
        replace(
            lever,
            programme=lever.programme + float(programme[t]),
            reform=lever.reform + float(reform[t]),
            retirement=lever.retirement + spread[:, t],
            benefit_rate=usual[t].benefit_rate,
        )
        for t, lever in enumerate(base.levers)
    ]


def _by_solving(base: _Base, assumption: Assumption, goal: float) -> tuple[dict[str, float], str]:
    """Derivatives from the program solved on both sides, or on the one that there is; the goal's from the multipliers
    where they give it."""
    sides: list[tuple[float, Mapping[str, float]]] = []
    for step in _steps(assumption, COARSE):
        if assumption.low <= assumption.value + step <= assumption.high:
            try:
                sides.append((step, _solved(base, assumption, step)))
            except IOModelError:
                continue
    if not sides:
        return dict.fromkeys(OUTCOMES, math.nan), "no path beside this value"
    (first, there), (last, here) = sides[0], sides[1] if len(sides) > 1 else (0.0, base.outcomes)
    slopes = _slopes(here, there, first - last)
    return slopes if math.isnan(goal) else slopes | {GOAL: goal}, "solved again"


def _solved(base: _Base, assumption: Assumption, step: float) -> dict[str, float]:
    """Outcomes of the path that is best with the assumption moved by `step`."""
    course = _moved_course(base, assumption, step)
    if base.point is None:
        return _outcomes(course, _without_levers(course), base.year)
    program, verdict = settled(course, assemble(setting_of(course, "reduced"), (*CORE, *base.blocks)))
    if verdict.status != "optimal":
        raise SolverError(f"{base.experiment.name} with {assumption.key} moved is {verdict.status}")
    return _outcomes(course, levers_of(program), base.year) | {GOAL: float(verdict.objective)}


def _solved_ends(base: _Base, assumption: Assumption, row: Matter) -> Matter:
    """The row with its changes at both ends solved again."""
    found: list[tuple[Mapping[str, float], str]] = []
    for end, line in ((row.low, row.at_low), (row.high, row.at_high)):
        if end == row.value:
            found.append((line, LINE))
            continue
        try:
            there = _solved(base, assumption, end - row.value)
            found.append((_slopes(base.outcomes, there, 1.0), AGAIN))
        except IOModelError as error:
            found.append((dict.fromkeys(line, math.nan), _none(error)))
    (low, how_low), (high, how_high) = found
    return replace(row, at_low=low, at_high=high, ends=(how_low, how_high))


def _none(error: IOModelError) -> str:
    """Why there is no path at an end of the range."""
    if isinstance(error, InfeasibleError):
        return "no path that meets all laws"
    return "no path that the solver certifies" if isinstance(error, SolverError) else "no economy that closes"
