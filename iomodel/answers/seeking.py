"""The best value of an outcome under a steered program: a fractional programme, solved by Dinkelbach's iteration.

The largest ratio N/D of a concave amount to a positive affine one is the root λ of max (N − λ D) = 0; each solve gives
the next λ, and the sequence converges faster than linearly (Dinkelbach 1967; Schaible 1976). Only numbers change
between solves, so that nothing is rebuilt. A level needs one solve.

A ratio needs one, too, where the guess is good. After a step s = λ' − λ the root is above λ' by s (D/D* − 1), D* being
what stands below the line at the best point: F(λ) = max (N − λ D) is at least N* − λ D* and equal to s D. How fast D
answers to λ is seen where a search takes two solves, and the next search is told (`pace`); so what a point may still
lack is judged, with a margin of four, before another solve is paid for it.

The multipliers of a steered program are changes of what is sought, not of the experiment's goal, and its terms are
weighted by dials. So the path of a point has no shadow prices (the level's own is kept beside it), its costs are those
of the terms as the experiment's own blocks lay them, and its objective is the experiment's own goal there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from iomodel.course import Course, setting_of
from iomodel.program.block import Block, value_of
from iomodel.program.build import Program, assemble
from iomodel.program.certificate import Verdict
from iomodel.program.outcomes import Outcome, at_point
from iomodel.program.steering import (
    BEYOND,
    LEVEL_LAW,
    MISSES,
    Sought,
    Steering,
    charged,
    hardened,
    plain_terms,
    sought,
    steered,
)
from iomodel.program.trajectory import Trajectory
from iomodel.solving import replayed, settled

ROUNDS = 8
"""Solves at most for one outcome; two or three are usual."""

CONVERGED = 1e-6
"""What the best ratio may lack, as a share, and be the answer."""

PACE_MARGIN = 4.0
"""Times the fastest pace seen at which what stands below the line is taken to answer to the ratio."""

TIE = 1e-4
"""Weight of the experiment's own goal as the tie breaker, beside an outcome at weight one."""


@dataclass(frozen=True)
class Search:
    """A steered program of an experiment, with the dials of every outcome that it can seek; plain: the blocks that it
    was laid of, before their goals were put on dials."""

    course: Course
    program: Program
    plain: tuple[Block, ...]
    steering: Steering
    dials: Mapping[str, Sought]
    weight: float = 1.0
    """Of the outcome in the program's objective; with it all is scaled, so that only the multipliers change."""

    @property
    def prices(self) -> float:
        """The weight of what is charged: the year's outcome counts as the goal counts a yuan of that year."""
        return self.weight / float(self.program.setting.discount[self.steering.year])


@dataclass(frozen=True)
class Found:
    """What a search found, in plain numbers, since the program moves on to its next point.

    path: the replayed path, without shadow prices. ratio: the outcome less what is charged, where the search ended. at:
    outcome -> its ratio and what stands below the line. charged: what is paid beyond the own path, money of the year.
    goal: the experiment's own goal. level_price: change of what is sought, money of the year, for a level raised by a
    unit; NaN where none is held. solves: how many it took. lacks: what the ratio may lack of the best. pace: relative
    change of what stands below the line for a ratio higher by one, the fastest seen (infinite where none was).
    """

    path: Trajectory
    ratio: float
    at: Mapping[str, tuple[float, float]]
    charged: float
    goal: float
    level_price: float
    solves: int
    lacks: float = 0.0
    pace: float = math.inf


def search(
    course: Course,
    blocks: Sequence[Block],
    year: int,
    outcomes: Iterable[Outcome],
    paid: Mapping[str, float],
    *,
    level_of: Outcome | None = None,
    holds_goal: bool = False,
) -> Search:
    """Lay the blocks of an experiment's program so that it can be steered in one year (0 the first solved one)."""
    setting = setting_of(course, "reduced")
    setting = replace(setting, policy=hardened(setting.policy, paid), fixed_prices=True)  # the dials are parameters
    met = {MISSES[name] for name, target in setting.policy.targets.items() if target.hard}
    paid = {name: amount for name, amount in paid.items() if name not in met}
    dials = {outcome.name: sought(outcome, outcome.name) for outcome in outcomes}
    steering = Steering(year, tuple(dials.values()), paid, level_of, holds_goal)
    program = assemble(setting, steered(steering, blocks))
    return Search(course, program, tuple(blocks), steering, dials)


def seek(
    search: Search,
    name: str,
    sign: float,
    guess: float = 0.0,
    beside: Mapping[str, tuple[float, float]] | None = None,
    pace: float = math.inf,
) -> Found:
    """The path with the highest (sign +1) or lowest (−1) value of an outcome under the search's laws.

    guess: a ratio to start from. beside: outcome -> (weight, ratio) of what is sought beside it, money for money. pace:
    the one that searches for the same outcome found before.
    Raises InfeasibleError and SolverError as `iomodel.solve`.
    """
    dial, steering = search.dials[name], search.steering
    outcome, money = dial.outcome, dial.outcome.money(search.program.setting)
    steering.weigh(search.prices, TIE * search.prices)
    for other in search.dials.values():
        share, at = (beside or {}).get(other.outcome.name, (0.0, 0.0))
        other.set(search.weight * share, at)
    ratio, solves = (0.0 if outcome.below is None else guess), 0
    step, before, seen = 0.0, math.nan, -math.inf
    while True:
        dial.set(search.weight * sign, ratio)
        program, verdict = settled(search.course, search.program, explained=False)
        solves += 1
        _, below = at_point(outcome, program.values, program.setting, steering.year)
        if solves > 1:
            seen = max(seen, abs(below / before - 1) / abs(step))
        step, before = sign * verdict.objective / (search.weight * money * below), below
        ratio += step
        known = max(seen, pace) if math.isfinite(pace) else (seen if solves > 1 else math.inf)
        lacks = 0.0 if outcome.below is None else abs(step) * min(1.0, PACE_MARGIN * known * abs(step))
        if lacks < CONVERGED:
            return replace(_found(search, program, verdict, ratio, solves), lacks=lacks, pace=known)
        if solves == ROUNDS:
            return _found(search, program, _unsettled(verdict, outcome, step), ratio, solves)


def _unsettled(verdict: Verdict, outcome: Outcome, step: float) -> Verdict:
    """The verdict with the warning that the search for the best ratio was not at its end."""
    said = (
        f"the search for the best {outcome.name} ended after {ROUNDS} solves, the last of which still moved it by "
        f"{abs(outcome.factor * step):.1e} (allowed {outcome.factor * CONVERGED:.0e}): it is not the best"
    )
    return replace(verdict, warnings=(*verdict.warnings, said))


def _level_price(program: Program) -> float:
    """Change of the steered goal for a level raised by a unit; NaN where none is held."""
    law = program.laws.get(LEVEL_LAW)
    if law is None:
        return float("nan")
    dual = float(str(law.constraint.dual_value))
    return -dual if law.bound == "lower" else dual


def _found(search: Search, program: Program, verdict: Verdict, ratio: float, solves: int) -> Found:
    """The numbers of a point."""
    v, p, t = program.values, program.setting, search.steering.year
    terms = plain_terms(search.plain, v, p)
    goal = sum(float(value_of(term.expression)) for term in terms.values())
    at = {name: at_point(dial.outcome, v, p, t) for name, dial in search.dials.items()}
    price = _level_price(program) / search.weight
    brought = {key: one for key, one in program.own.items() if not key.startswith(f"{BEYOND}_")}  # by the user
    own = replace(program, terms=terms, own=brought)  # what a miss costs, it costs in the experiment's goal
    path = replayed(search.course, own, replace(verdict, objective=goal))
    path = replace(path, shadow_prices={})
    return Found(path, ratio, at, charged(program) / search.weight, goal, price, solves)
