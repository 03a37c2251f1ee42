"""Shadow prices from both sides: a law's bound is raised and lowered a little and the program solved again each time.

The goal of a convex program is concave in the bound of a law, so that what a rise brings is at most the price, and what
a fall takes is at least the price. At a regular point the two agree and the price holds both ways. Where they do not,
more laws bind than settle the answer (a second ceiling at the same place, say): the point is degenerate, the solver's
price is one of many between the two sides, and only the sides themselves are an answer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from iomodel.course import course_of, setting_of
from iomodel.economy import Economy
from iomodel.errors import ExperimentError, ProgramError, ResultError, SolverError, nearest
from iomodel.experiment import Experiment, experiment_required
from iomodel.frozen import Frozen
from iomodel.program.block import Block
from iomodel.program.blocks import CORE
from iomodel.program.build import Program, assemble
from iomodel.program.certificate import goal_value
from iomodel.program.checks import own_blocks
from iomodel.program.diagnose import shadow_prices
from iomodel.program.price_words import GOAL, meaning
from iomodel.program.solvers import solve_program
from iomodel.program.trajectory import Trajectory
from iomodel.reopened import HAND_OVER, refuse_another_program, solved_path
from iomodel.solving import settled

Array = npt.NDArray[np.float64]

STEPS = (1e-3, 1e-4)
"""Steps of a bound in its unit, the second where the sides of the first do not agree; of shares a tenth of it."""

AGREE = 0.01
"""Relative difference of the two sides up to which a point is called regular."""

FOUND = ("full_employment", "investment_not_negative")
"""Laws that the core lays only once a solve has found where they are needed."""

ROUNDING = 2e-8
"""Accuracy of the goal that a solver is trusted with; divided by the step it is what differences cannot tell apart."""


@dataclass(frozen=True)
class PriceSides:
    """What a law's bound is worth, from both sides.

    law, labels: whose bound was moved, and where (no label of a dim: everywhere along it). price: the multiplier, the
    change of the goal for a bound raised by one unit. raised: what the goal gains for a unit when the bound is raised.
    lowered: what it loses for a unit when the bound is lowered. Both in `unit`; minus or plus infinity where no path is
    left. step: by how much the bound was moved. regular: whether the two agree. meaning: what the sign says.
    """

    law: str
    price: float
    raised: float
    lowered: float
    unit: str
    step: float
    regular: bool
    labels: Mapping[str, str] = field(default_factory=Frozen[str])
    meaning: str = ""

    def __str__(self) -> str:
        """Both sides in words."""
        where = ", ".join(f"{dim} {label}" for dim, label in self.labels.items()) or "everywhere"
        law = self.law.replace("_", " ")
        if self.regular:
            return f"{law} ({where}): {self.price:+.4g} {self.unit}, raised or lowered alike"
        sides = f"{_side(self.raised, 'raised')}; {_side(self.lowered, 'lowered')}"
        return f"{law} ({where}): no single price. {sides} ({self.unit}; the solver's price is {self.price:+.4g})"


def price_sides(
    path: Trajectory | Experiment,
    law: str,
    economy: Economy | None = None,
    blocks: Sequence[Block] = (),
    *,
    core: Sequence[Block] = CORE,
    form: str = "reduced",
    **labels: object,
) -> PriceSides:
    """The shadow price of a law from both sides, each by moving its bound and solving again.

    path: a solved path or its experiment. law: its name, as in `path.shadow_prices`. labels: where the bound is moved,
    as `year=2033`; a dim that is left out is moved along as a whole, and the price is then the sum. economy, blocks,
    core: those that the path was solved with, where they were handed to `solve`. form: "plain" for the balance of
    goods, which is no law of the reduced form. Three to five solves; prices are at given prices.

    Raises ProgramError for a law or label that the program does not have, ExperimentError where no lever is free,
    SolverError where the program itself or a moved one is not solved to optimality: differences of goals that are not
    the best ones say nothing; ResultError for a path by rule and one that another economy or other blocks made.

    >>> import iomodel as iom
    >>> sides = iom.price_sides(iom.load_experiment("demand-only"), "programme_pace", year=2030)
    >>> sides.regular, sides.raised > 0
    (True, True)
    """
    given = solved_path("price_sides", path) if isinstance(path, Trajectory) else None
    experiment = experiment_required(path) if given is None else given.experiment
    course = course_of(experiment, economy)
    if not experiment.levers.free:
        raise ExperimentError(
            f"{experiment.name}: no lever is free, so that the path is simulated and no law has a price. "
            "Free a lever in levers.free."
        )
    built = assemble(setting_of(course, form), (*core, *own_blocks(blocks)))
    if given is not None and law in given.shadow_prices and law not in (*built.laws, *FOUND, "goods_balance"):
        raise ResultError(
            f"{law!r} is a law of {experiment.name}, but none of the core's: a block of one's own laid it; {HAND_OVER}"
        )
    if law in built.laws or law not in FOUND:
        _where(built, law, labels)  # a name that is not there is said before anything is solved
    program, verdict = settled(course, built)
    if verdict.status != "optimal":
        raise SolverError(
            f"{experiment.name}: the program ended {verdict.status} ({verdict.law}); the sides of its prices are not "
            "known, since they are differences from its best goal"
        )
    if given is not None:
        refuse_another_program(given, verdict.objective)
    return sides_of(program, law, experiment.solver, **labels)


def sides_of(program: Program, law: str, solver: str | None = None, **labels: object) -> PriceSides:
    """The same for a program that is built and solved to optimality; it keeps its point, the moved ones are built
    beside it."""
    moved = _where(program, law, labels).astype(np.float64)
    here = goal_value(program)
    price = float((shadow_prices(program)[law].values * moved).sum())
    raised = lowered = step = 0.0
    regular = False
    for size in STEPS:
        step = size * (0.1 if program.laws[law].unit.startswith("share") else 1.0)
        raised = (_goal(program, law, step * moved, solver) - here) / step
        lowered = (here - _goal(program, law, -step * moved, solver)) / step
        larger = max(abs(raised), abs(lowered), abs(price))
        regular = math.isfinite(larger) and abs(raised - lowered) <= AGREE * larger + ROUNDING * (1 + abs(here)) / step
        if regular:
            break
    bound, unit = program.laws[law].bound, f"{GOAL} per {program.laws[law].unit}"
    said = Frozen({dim: str(label) for dim, label in labels.items()})
    return PriceSides(law, price, raised, lowered, unit, step, regular, said, meaning(law, bound))


def _goal(program: Program, law: str, by: Array, solver: str | None) -> float:
    """The goal when a law's bound is moved; minus infinity when no path is left."""
    before = program.shifts.get(law, np.zeros(by.shape))
    moved = assemble(program.setting, program.blocks, {**program.shifts, law: np.asarray(before + by)})
    verdict = solve_program(moved, solver)
    if verdict.status == "infeasible":
        return -math.inf
    if verdict.status != "optimal":
        raise SolverError(
            f"the program with the bound of {law} moved by {np.abs(by).max():g} ended {verdict.status} "
            f"({verdict.law}); its sides are not known"
        )
    return goal_value(moved)


def _where(program: Program, law: str, labels: Mapping[str, object]) -> npt.NDArray[np.bool_]:
    """The entries of a law that are moved; ProgramError for what is not there."""
    if law not in program.laws:
        advice = ' It is one of the plain form: form="plain".' if law == "goods_balance" else nearest(law, program.laws)
        raise ProgramError(f"there is no law {law!r} in this program; it has {', '.join(program.laws)}.{advice}")
    every = program.labels(program.laws[law])
    moved = np.ones(program.laws[law].constraint.shape, dtype=bool)
    for dim, label in labels.items():
        if dim not in every:
            dims = ", ".join(every)
            raise ProgramError(f"law {law!r} has no dim {dim!r}; its dims are {dims}.{nearest(dim, every)}")
        known = [str(entry) for entry in every[dim]]
        numbers = np.issubdtype(every[dim].dtype, np.integer)
        asked = _whole(label) if numbers else str(label)
        if asked not in known:
            span = f"{known[0]} to {known[-1]}" if len(known) > 1 else known[0]
            advice = "" if numbers else nearest(asked, known)
            raise ProgramError(f"law {law!r} has no {dim} {label!r}; it has {span}.{advice}")
        chosen = np.array([entry == asked for entry in known])
        moved &= np.expand_dims(chosen, tuple(axis for axis, name in enumerate(every) if name != dim))
    return moved


def _whole(label: object) -> str:
    """A year as its labels are written, whatever kind of number it is; other things as they are."""
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)


def _side(value: float, word: str) -> str:
    """One side in words."""
    if math.isinf(value):
        return f"{word} no path is left"
    effect = "the goal gains" if word == "raised" else "it loses"
    return f"{word} by a unit {effect} {value:+.4g}"
