"""The frontier: how much of one outcome can be had for how much of another, along an experiment's own laws and targets.

A point is the best `y` in a year among the paths that keep all laws and targets of the experiment and whose `x` is no
worse than a level. Both are affine in the program's unknowns or ratios of such amounts, so that the level is a linear
law and the best ratio is found exactly (Dinkelbach 1967; iomodel.answers.seeking); one built program serves all points,
its levels and ratios being parameters.

What a planner told to raise one number would do instead of policy is closed in three ways. (1) Everything that the
experiment's goal makes dear stays at its price, relative to a yuan of `y` as in the goal relative to a yuan of that
year's consumption (iomodel.program.steering): targets that the own path meets may not be missed, overflow imports and
rationing are charged in full, strained output, closed plant, unemployment and the prices of a user's own blocks as far
as a path pays more for them than the experiment's own path does. With all prices charged in full the own path would lie
above its own frontier, since it pays for benefits in every year and is credited with one; with hard caps in place of
prices the laws would have no interior where the own path pays nothing. `charged` says what a point pays so, in units of
`y`; `net`, which is `y` less that, is monotone in the level, and concave where both outcomes are affine. (2) The goal
itself, at a weight of 1e-4, decides what `y` leaves open. (3) Every point is replayed by simulation: what is reported
is the replay, and a replay that is off says so.

The range goes from the level at which `x` is best, itself net of what is charged, to the one at which `y` is. `x` may
also be a setting of the experiment by its dotted key; each point is then the experiment solved with that setting, a
target's value without building anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import xarray as xr

from iomodel.answers.frontier_points import Point, dataset_of_points, own_verdict, told, value_in
from iomodel.answers.seeking import Found, Search, search, seek
from iomodel.course import course_of, economy_of, setting_of
from iomodel.economy import Economy
from iomodel.errors import ExperimentError, InfeasibleError, SolverError
from iomodel.experiment import Experiment, experiment_required
from iomodel.program.block import Block
from iomodel.program.blocks import CORE
from iomodel.program.build import assemble
from iomodel.program.checks import own_blocks
from iomodel.program.outcomes import LOW, Outcome, at_point, outcome_named
from iomodel.program.steering import paid_on
from iomodel.program.trajectory import Trajectory
from iomodel.run import build, resolve, solve
from iomodel.solving import replayed, settled
from iomodel.values import number, whole
from iomodel.vocabulary import VARIABLES, in_words, named

Array = npt.NDArray[np.float64]
Progress = Callable[[str], None]

BESIDE = 1e-3
"""Weight of the other outcome at the two ends, money for money: it decides what one outcome alone leaves open."""

INSIDE = 1e-3
"""Part of the range by which the first point is looser than the tightest level, at which a law would have no room."""

SAME = 1e-6
"""Range of x, as a share or a plain number, below which there is no trade-off."""

OUT_OF_REACH = "out of reach"


def frontier(
    experiment: Experiment,
    x: str = "public_debt_share",
    y: str = "actual_individual_consumption_share",
    points: int = 25,
    year: int | None = None,
    *,
    economy: Economy | None = None,
    blocks: Sequence[Block] = (),
    low: float | None = None,
    high: float | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """The best `y` for each level of `x`, all laws and targets of the experiment kept; both of `year` (the last
    reported if None).

    x: an outcome, whose range is found unless `low` or `high` is given, or a setting by its dotted key
    ("targets.package.exactly") from `low` to `high`. Returns a dataset over `point`, the tightest level first: `level`,
    `x` and `y` and the headline outcomes by name as replayed, `slope` (of y by the level, from its shadow price; for a
    setting from neighbours; 0 where no level is held and y is best), `charged` and `lacks` (units of y: what the goal's
    prices take, and what y may be short of its best), `dominated` (1 where another point or the own path is as good in
    x and net and better in one), `status`, `replay_distance`, `solves`; attributes `own_x` and `own_y` are the
    experiment's own path, `own_status` its verdict, `own_said` its warnings, since what is charged is counted from it.
    A level that no path meets has status "out of reach" or "infeasible" and NaN.
    Raises ExperimentError for an unknown outcome or key (with the nearest names), a year outside the reported ones, and
    for an experiment without free levers.

    Source: the ε-constraint method (Haimes, Lasdon and Wismer 1971), ratios by Dinkelbach (1967).

    >>> import iomodel as iom
    >>> demand = iom.load_experiment("demand-only")
    >>> found = iom.frontier(demand, x="targets.package.exactly", low=1, high=3, points=3)
    >>> [round(float(share), 1) for share in found["programme_share"]]
    [1.0, 2.0, 3.0]
    """
    asked = experiment_required(experiment)
    whole("points", points, 2, 1000, "points")
    outcome = outcome_named("y", y)
    tell = progress or _silent
    own_blocks(blocks)
    if not asked.levers.free:
        raise ExperimentError(f"{asked.name} has no free lever: there is one path, and no frontier. Free a lever.")
    if isinstance(x, str) and "." in x:
        return _over_setting(asked, x, outcome, points, year, economy, blocks, (low, high), tell)
    return _over_outcome(asked, outcome_named("x", x), outcome, points, year, economy, blocks, (low, high), tell)


def _silent(_: str) -> None:
    """Nothing is said."""


# ---------------------------------------------------------------- over an outcome


def _over_outcome(
    experiment: Experiment, x: Outcome, y: Outcome, points: int, year: int | None, economy: Economy | None,
    blocks: Sequence[Block], bounds: tuple[float | None, float | None], tell: Progress,
) -> xr.Dataset:  # fmt: skip
    """Levels from the tightest end to the loosest."""
    if x.name == y.name:
        raise ExperimentError(f"x and y are both {x.name}; a frontier needs two outcomes.")
    for key, bound in zip(("low", "high"), bounds, strict=True):
        if bound is not None:
            number(key, bound, -1e6, 1e6, VARIABLES[x.name].kind)
    low, high = bounds
    if low is not None and high is not None and low > high:
        raise ExperimentError(f"low and high: found low = {low:g} above high = {high:g}; low is at most high.")
    course = course_of(experiment, economy)
    when = year_of(experiment, int(course.arrays.economy.paths["year"].values[course.first]), year, (x, y))
    laid = (*CORE, *blocks)
    program, verdict = settled(course, assemble(setting_of(course, "reduced"), laid))
    own = replayed(course, program, verdict)
    tell(f"own path: {told(own, when[0], x, y, named)}")
    found = search(course, laid, when[1], (x, y), paid_on(program), level_of=x)
    start = [at_point(one, program.values, program.setting, when[1])[0] for one in (x, y)]
    ends = _ends(found, x, y, (start[0], start[1]))
    tell(f"{in_words(x.name)} from {x.factor * ends.first:.5g} to {x.factor * ends.last:.5g} in {ends.solves} solves")
    if ends.alone:
        tell(_alone(x, y, ends))
    levels = _levels(x, ends, bounds, points)
    rows: list[Point] = []
    for place, level in enumerate(levels):
        rows.append(_at_level(found, x, y, float(level), ends, rows))
        path = rows[-1].path
        text = rows[-1].said if path is None else told(path, when[0], x, y)
        tell(f"{place + 1}/{len(levels)}  level {x.factor * level:.4g}: {text}")
    attrs = {
        **own_verdict(own),
        "own_x": value_in(own, x.name, when[0]),
        "own_y": value_in(own, y.name, when[0]),
        "solves_for_ends": ends.solves,
        "direction": "at most" if x.good == LOW else "at least",
    }
    return dataset_of_points(own, x.name, y.name, when[0], rows, attrs)


def year_of(experiment: Experiment, first: int, year: int | None, outcomes: Sequence[Outcome] = ()) -> tuple[int, int]:
    """A calendar year and its place among the years of policy; ExperimentError outside the reported ones."""
    last = first + experiment.horizon.years - 1
    begin = first + max((outcome.earliest for outcome in outcomes), default=0)
    asked = last if year is None else whole("year", year, begin, last, "(the reported years of policy)")
    return asked, asked - first


def _open(x: Outcome, value: float) -> float:
    """A level that holds nothing back: far on the costless side of a value."""
    return value - x.sign * (10 + 10 * abs(value))


@dataclass(frozen=True)
class _Ends:
    """The levels of the first and last point and the tightest that can be reached, as ratios; the ratio of y, net of
    what is charged, where x is best; the point where y is best; and the solves that it took to find them."""

    first: float
    last: float
    reach: float
    tight: float
    loose: Found
    solves: int

    @property
    def alone(self) -> bool:
        """Whether x and y are best at once, so that there is nothing to trade."""
        return self.first == self.last


def _ends(found: Search, x: Outcome, y: Outcome, own: tuple[float, float]) -> _Ends:
    """Where x is best, and where y is; each end is the one that is kinder to the other outcome."""
    found.steering.hold(_open(x, own[0]))
    tight = seek(found, x.name, x.sign, own[0], {y.name: (y.sign * BESIDE, own[1])})
    loose = seek(found, y.name, y.sign, own[1], {x.name: (x.sign * BESIDE, own[0])})
    best, last = tight.at[x.name][0], loose.at[x.name][0]
    if x.sign * (best - last) <= SAME:
        best = last
    above, below = tight.at[y.name]
    net = above - y.sign * tight.charged / (y.money(found.program.setting) * below)
    reach = best if x.sign * (best - own[0]) > 0 else own[0]  # where the own path is, a level can be met
    return _Ends(best + INSIDE * (last - best), last, reach, net, loose, tight.solves + loose.solves)


def _alone(x: Outcome, y: Outcome, ends: _Ends) -> str:
    """That there is no trade-off, in words."""
    return (
        f"net of what is charged, {in_words(x.name)} is {x.factor * ends.last:.5g} both where it is best and where "
        f"{in_words(y.name)} is: there is nothing to trade, and one point"
    )


def _levels(x: Outcome, ends: _Ends, bounds: tuple[float | None, float | None], points: int) -> Array:
    """Levels from the tightest to the loosest, evenly, between the ends or the bounds that are given."""
    low, high = (None if bound is None else bound / x.factor for bound in bounds)
    first, last = (low, high) if x.good == LOW else (high, low)
    first, last = ends.first if first is None else first, ends.last if last is None else last
    if x.sign * (first - last) < 0:
        raise ExperimentError(
            f"low and high leave no range of {x.name}: found {x.factor * first:.6g} as the tightest and "
            f"{x.factor * last:.6g} as the loosest level; without them it is {x.factor * ends.first:.6g} to "
            f"{x.factor * ends.last:.6g}."
        )
    return np.array([last]) if first == last else np.linspace(first, last, points)


def _at_level(found: Search, x: Outcome, y: Outcome, level: float, ends: _Ends, before: Sequence[Point]) -> Point:
    """The best y where x is no worse than a level."""
    shown = x.factor * level
    if x.sign * (level - ends.reach) > SAME:  # tighter only by what the goal makes dearer than it is worth
        return Point(shown, None, solves=0, said=f"{OUT_OF_REACH}: the tightest level is {x.factor * ends.reach:.6g}")
    alone = ends.alone and x.sign * (level - ends.last) <= SAME
    if not ends.alone and x.sign * (level - ends.last) <= 0:  # no tighter than where y is best: it is that point
        return _point(found, x, y, shown, replace(ends.loose, level_price=0.0, solves=0), "")
    found.steering.hold(_open(x, level) if alone else level)
    pace = next((row.pace for row in reversed(before) if row.path is not None), ends.loose.pace)
    try:
        best = seek(found, y.name, y.sign, _guess(y, x, level, ends, before), pace=pace)
    except InfeasibleError as error:
        return Point(shown, None, said=f"infeasible: {str(error).splitlines()[0]}")
    if alone:
        return _point(found, x, y, shown, replace(best, level_price=float("nan")), _alone(x, y, ends))
    return _point(found, x, y, shown, best, "")


def _point(found: Search, x: Outcome, y: Outcome, shown: float, best: Found, alone: str) -> Point:
    """What a search found, as a point."""
    said = "; ".join((*((alone,) if alone else ()), *best.path.verdict.warnings))
    money = y.money(found.program.setting)
    charged = y.factor * best.charged / (money * best.at[y.name][1])
    slope = _slope(best, x, y, money)
    return Point(shown, best.path, slope, charged, best.ratio, best.solves, said, y.factor * best.lacks, best.pace)


def _guess(y: Outcome, x: Outcome, level: float, ends: _Ends, before: Sequence[Point]) -> float:
    """Where the point before leads along its slope, as a ratio."""
    last = next((row for row in reversed(before) if row.path is not None), None)
    if last is None or not np.isfinite(last.slope):
        return ends.loose.ratio if ends.alone else ends.tight
    return last.ratio + last.slope * (level - last.level / x.factor) * x.factor / y.factor


def _slope(best: Found, x: Outcome, y: Outcome, money: float) -> float:
    """Change of y for a level higher by one, both in their units: the level's shadow price, by the envelope theorem."""
    return y.sign * best.level_price * best.at[x.name][1] / (money * best.at[y.name][1]) * y.factor / x.factor


# ---------------------------------------------------------------- over a setting


def _over_setting(
    experiment: Experiment, key: str, y: Outcome, points: int, year: int | None, economy: Economy | None,
    blocks: Sequence[Block], bounds: tuple[float | None, float | None], tell: Progress,
) -> xr.Dataset:  # fmt: skip
    """The experiment solved with each value of one of its settings."""
    low, high = _between(key, bounds)
    for end in (low, high):  # an end that is not allowed is named before a value between
        experiment.set(key, _plain(end))
    values = [_plain(value) for value in np.linspace(low, high, points)]
    asked = [experiment.set(key, value) for value in values]  # all that is not allowed is said before any solve
    if year is not None:
        year_of(experiment, (economy_of(experiment) if economy is None else economy).known_until + 1, year, (y,))
    if economy is None and not key.startswith(("cards.", "table", "region")):
        economy = economy_of(experiment)
    own = solve(experiment, economy, blocks)
    when = year_of(experiment, int(own.policy_years[0]), year, (y,))
    tell(f"own path: {named(y.name)} {value_in(own, y.name, when[0]):.4g}")
    one = _solver_of(experiment, key, economy, blocks)
    rows: list[Point] = []
    for value, changed in zip(values, asked, strict=True):
        try:
            path = one(changed)
            rows.append(Point(value, path, said="; ".join(path.verdict.warnings)))
            tell(f"{len(rows)}/{points}  {key} {value:.4g}: {in_words(y.name)} {value_in(path, y.name, when[0]):.5g}")
        except (InfeasibleError, SolverError) as error:
            word = "infeasible" if isinstance(error, InfeasibleError) else "failed"
            rows.append(Point(value, None, said=f"{word}: {str(error).splitlines()[0]}"))
            tell(f"{len(rows)}/{points}  {key} {value:.4g}: {rows[-1].said}")
    found = dataset_of_points(own, key, y.name, when[0], rows,
                     {**own_verdict(own), "own_y": value_in(own, y.name, when[0]), "direction": "set to"})  # fmt: skip
    return found.assign(slope=("point", _gradient(found["level"].values, found[y.name].values), found["slope"].attrs))


def _between(key: str, bounds: tuple[float | None, float | None]) -> tuple[float, float]:
    """The values between which a setting goes; ExperimentError where they are not two in their order."""
    missing = [f"{name}=" for name, bound in zip(("low", "high"), bounds, strict=True) if bound is None]
    low, high = bounds
    if low is None or high is None:
        raise ExperimentError(
            f"x = {key!r} is a setting of the experiment: low= and high= are needed, the values between which it goes; "
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not given."
        )
    low, high = number("low", low, -1e6, 1e6), number("high", high, -1e6, 1e6)
    if not low < high:
        raise ExperimentError(f"low and high: found low = {low:g}, high = {high:g}; low is below high.")
    return low, high


def _plain(value: float) -> float | int:
    """A whole number as one, so that it can stand for years."""
    return int(value) if float(value).is_integer() else float(value)


def _solver_of(
    experiment: Experiment, key: str, economy: Economy | None, blocks: Sequence[Block]
) -> Callable[[Experiment], Trajectory]:
    """How to solve the experiment with another value of a key: a stated target again, anything else anew."""
    name, _, kind = key.removeprefix("targets.").partition(".")
    target = experiment.targets.get(name)
    if economy is None or target is None or key != f"targets.{name}.{kind}" or kind != target.kind:
        return lambda changed: solve(changed, economy, blocks)
    program = build(experiment, economy, blocks)
    return lambda changed: resolve(program, experiment, economy, {name: changed.targets[name].value})


def _gradient(x: Array, y: Array) -> Array:
    """Slope from neighbours where there are any."""
    slope, known = np.full(x.size, np.nan), np.flatnonzero(np.isfinite(y))
    if known.size > 1:
        slope[known] = np.gradient(y[known], x[known])
    return slope
