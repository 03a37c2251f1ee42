"""Remedies: the smallest change of one thing that a user states with which an experiment has a path.

Tried are the values, years and hardness of the targets, the margins of the limits and the cards of pace and limit that
take part in a collision. A change counts when the experiment is solved with it, stops and valves of the simulation
included. The linear program of the laws, which knows of none but those of the program without a path, gives the first
guess: its arrays are a straight line in one number, so that halving takes hundredths of a second a step. Where the
solve disagrees, the guess is made again under the stops at which it ended, and then halved by solves. Numbers have
three digits; with one unit of the third less the experiment is not solved. Where nothing helps alone, one thing of each
collision is changed together.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from iomodel.course import course_of, policy_of, setting_of
from iomodel.economy import Economy
from iomodel.errors import InfeasibleError, IOModelError, SolverError
from iomodel.experiment import Experiment
from iomodel.experiment_parts import MARGINS, TARGETS
from iomodel.program.build import Program, assemble
from iomodel.program.conflicts import CARDS, STATED_LAWS, Collision, path_exists
from iomodel.program.diagnose import ACCOUNTING
from iomodel.program.relaxed import Relaxed, relax
from iomodel.program.wording import MARGIN_UNITS, TARGET_UNITS
from iomodel.solving import replayed, settled

CLOSE = 2e-4
"""Part of the way at which halving ends: less than a unit of the third digit."""

GUESSES = 4
"""Guesses that the linear program gives, each under the stops at which the solve of the last one ended."""

COMBINED = 4
"""Combinations of one thing of each collision that are tried, where nothing helps alone, until one does."""


@dataclass(frozen=True)
class Knob:
    """A thing that a user states: its dotted key, what it is now, how far it may go (nearest end first).

    kind: "number", "year" or "switch". name, unit: for the text.
    """

    key: str
    now: float
    ends: tuple[float, ...]
    kind: str
    name: str
    unit: str = ""

    def value(self, at: float) -> float | int | bool:
        """A value as the experiment takes it."""
        if self.key.endswith(".hard"):
            return bool(at)
        return round(at) if self.kind == "year" else float(at)

    def said(self, at: float, calendar: Sequence[int]) -> str:
        """A change in words."""
        if self.kind == "switch":
            return self.name
        more = at > self.now
        if self.kind == "year":
            return f"{self.name} by year {at:.0f} of policy ({calendar[round(at) - 1]}) or later (by = {at:.0f})"
        return f"{self.name} {'≥' if more else '≤'} {at:.6g} {self.unit} (now {self.now:g})"


Changes = Mapping[Knob, float]
"""Things changed -> their values."""


@dataclass(frozen=True)
class Remedy:
    """A change with which the experiment is solved: what to set, and in words."""

    changes: Mapping[str, float | int | bool]
    text: str


@dataclass(frozen=True)
class Remedies:
    """What helps alone; where nothing does, what helps together; and what does not help however far it goes."""

    alone: tuple[Remedy, ...]
    together: tuple[Remedy, ...]
    helpless: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """An experiment without a path, its economy, and the program that has none."""

    experiment: Experiment
    economy: Economy
    program: Program

    def changed(self, changes: Changes) -> Experiment:
        """The experiment with other values."""
        one = self.experiment
        for knob, at in changes.items():
            one = one.set(knob.key, knob.value(at))
        return one

    def relaxed(self, changes: Changes, like: Program | None = None) -> Relaxed:
        """Its linear program, with the blocks of the program that has no path and the stops of it or of `like`."""
        course = course_of(self.changed(changes), self.economy)
        own = (like or self.program).setting
        setting = replace(setting_of(course, own.form), **own.masks)
        return relax(assemble(setting, self.program.blocks), ACCOUNTING)

    def solved(self, changes: Changes) -> Tried:
        """Whether the experiment is solved with these values, to the same standard as by `solve`."""
        try:
            course = course_of(self.changed(changes), self.economy)
            program = assemble(setting_of(course, "reduced"), self.program.blocks)
            path = replayed(course, *settled(course, program, explained=False))
        except InfeasibleError as error:
            return Tried(False, error.program)
        except IOModelError:  # a value that is refused is no remedy either
            return Tried(False, None)
        return Tried(path.verdict.status == "optimal", None, path.verdict.warnings)


@dataclass(frozen=True)
class Tried:
    """Whether a change is a remedy; if not, the program that had no path; if so, what is said of its path."""

    good: bool
    program: Program | None
    said: tuple[str, ...] = ()


def remedies_of(case: Case, collision: Collision) -> Remedies:
    """The smallest changes that mend a collision, each checked by solving with it."""
    sets = [list(_knobs(case, sorted(conflict.laws))) for conflict in collision.conflicts]
    alone: list[Remedy] = []
    helpless: list[str] = []
    everywhere = [knob for knob in sets[0] if all(knob in knobs for knobs in sets)]  # no other mends all collisions
    for knob in everywhere:
        end = _end(case, knob, {})
        if end is not None:
            alone.append(_remedy(case, {knob: _smallest(case, knob, end, {})}))
        elif knob.kind != "switch":
            helpless.append(_farthest(knob))
    return Remedies(tuple(alone), () if alone else tuple(_together(case, sets)), tuple(helpless))


# ---------------------------------------------------------------- what may be changed


def _knobs(case: Case, laws: Sequence[str]) -> Iterator[Knob]:
    """What a user states of the laws: targets first, then limits, then cards."""
    experiment = case.experiment
    targets = dict.fromkeys(STATED_LAWS[law] for law in laws if STATED_LAWS.get(law) in experiment.targets)
    for key in targets:
        yield from _target_knobs(experiment, key)
    for law in laws:
        if law in experiment.limits:
            yield from _limit_knobs(case, law)
    cards = case.program.setting.cards
    for key in dict.fromkeys(CARDS[law] for law in laws if law in CARDS):
        card = cards.card(key)
        ends = tuple(end for end in (card.high, card.low) if end != cards[key])
        yield Knob(f"cards.{key}", cards[key], ends, "number", f"cards.{key}", card.unit)


def _target_knobs(experiment: Experiment, key: str) -> Iterator[Knob]:
    target, most = experiment.targets[key], TARGETS[key][1]
    ends = (0.0, most) if target.kind == "exactly" else (0.0,)
    name, unit = f"targets.{key}", TARGET_UNITS[key]
    yield Knob(f"{name}.{target.kind}", target.value, tuple(end for end in ends if end != target.value), "number",
               f"{name}.{target.kind}", unit)  # fmt: skip
    if target.by < experiment.horizon.years:
        yield Knob(f"{name}.by", target.by, (experiment.horizon.years,), "year", name)
    if target.hard:
        yield Knob(f"{name}.hard", 1.0, (0.0,), "switch", f"{name} not hard (hard = false)")


def _limit_knobs(case: Case, law: str) -> Iterator[Knob]:
    low, high, _ = MARGINS[law]
    margin = policy_of(case.experiment, case.economy).limits[law].margin
    end = high if law.endswith("_ceiling") else low
    if margin != end:
        yield Knob(f"limits.{law}.margin", margin, (end,), "number", f"limits.{law}.margin", MARGIN_UNITS[law])
    if case.experiment.limits[law].soft is None:
        yield Knob(f"limits.{law}.soft", 0.0, (1.0,), "switch", f"limits.{law} with a price (soft = 1)")


# ---------------------------------------------------------------- how far it has to go


def _end(case: Case, knob: Knob, others: Changes) -> float | None:
    """The end at which the experiment is solved, None where it is at none."""
    return next((end for end in knob.ends if case.solved({**others, knob: end}).good), None)


def _smallest(case: Case, knob: Knob, end: float, others: Changes) -> float:
    """The smallest change with which the experiment is solved, `others` being changed, too."""
    if knob.kind == "switch":
        return end
    if knob.kind == "year":
        years = range(round(knob.now) + 1, round(end))
        return next((year for year in years if case.solved({**others, knob: year}).good), end)
    bad, good, like = knob.now, end, None
    for _ in range(GUESSES):
        guess = _guessed(case, knob, end, others, like)
        if guess is None or not _between(bad, guess, good):
            break
        tried = case.solved({**others, knob: guess})
        if tried.good:
            good = guess
            less = _notch(guess, bad)
            if less == bad or not case.solved({**others, knob: less}).good:
                return guess
            good = less
            break
        bad, like = guess, tried.program or like
    while abs(good - bad) > 1.5 * _unit(good):
        middle = _rounded((bad + good) / 2, good)
        if not _between(bad, middle, good):
            break
        bad, good = (bad, middle) if case.solved({**others, knob: middle}).good else (middle, good)
    return good


def _between(one: float, at: float, other: float) -> bool:
    """Whether a value lies strictly between two, or is the second."""
    return min(one, other) < at < max(one, other) or at == other


def _guessed(case: Case, knob: Knob, end: float, others: Changes, like: Program | None) -> float | None:
    """Where on the way from now to `end` a path of the linear program begins, to three digits, from the safe side.

    None where its arrays are no straight line of the same rows, or have a path already now or none at the end.
    """
    try:
        return _line(case, knob, end, others, like)
    except SolverError:  # a guess that cannot be decided is none; the answers are found by solving
        return None


def _line(case: Case, knob: Knob, end: float, others: Changes, like: Program | None) -> float | None:
    """The guess, where every question that it asks is answered."""
    near, far = case.relaxed(others, like), case.relaxed({**others, knob: end}, like)
    if not near.alike(far) or path_exists(near)[0]:
        return None
    exists, model = path_exists(far)
    if not exists:
        return None
    without, within = 0.0, 1.0
    least = CLOSE * max(abs(knob.now), abs(end))
    while (within - without) * abs(end - knob.now) > max(CLOSE * abs(_at(knob, end, within)), 1e-3 * least):
        share = (without + within) / 2
        exists, model = path_exists(near.beside(far, share), model)
        without, within = (without, share) if exists else (share, within)
    return _rounded(_at(knob, end, within), end)


def _at(knob: Knob, end: float, share: float) -> float:
    """The value a share of the way to an end."""
    return knob.now + share * (end - knob.now)


def _unit(at: float) -> float:
    """One unit of the third digit."""
    return 10.0 ** (math.floor(math.log10(abs(at))) - 2) if at else 1e-3


def _rounded(at: float, end: float) -> float:
    """To three digits, towards the end at which there is a path.

    >>> _rounded(4.8239, 0.0), _rounded(0.71234, 1.0)
    (4.82, 0.713)
    """
    unit = _unit(at)
    whole = math.floor(at / unit + 1e-9) if end < at else math.ceil(at / unit - 1e-9)
    found = float(f"{whole * unit:.6g}")
    return max(found, end) if end < at else min(found, end)


def _notch(at: float, towards: float) -> float:
    """A value one unit of the third digit nearer to another."""
    step = min(_unit(at), abs(towards - at))
    return float(f"{at + math.copysign(step, towards - at):.6g}")


# ---------------------------------------------------------------- in words


def _remedy(case: Case, changes: Changes) -> Remedy:
    """A change that the experiment is solved with, in words, with what is then missed or passed."""
    calendar = [int(year) for year in case.program.setting.calendar]
    told = " together with ".join(knob.said(at, calendar) for knob, at in changes.items())
    switched = [knob.key.split(".")[1] for knob in changes if knob.kind == "switch"]
    spent = case.solved(changes).said if switched else ()
    said = [text for name in switched for text in spent if text.startswith(f"{name} is ")]
    return Remedy({knob.key: knob.value(at) for knob, at in changes.items()}, "; ".join([told, *said]))


def _farthest(knob: Knob) -> str:
    """In words, how far a thing that does not help was moved."""
    if knob.kind == "year":
        return f"{knob.name} by year {knob.ends[0]:.0f}"
    return (
        f"{knob.name} {'from ' if len(knob.ends) > 1 else ''}{' to '.join(f'{end:g}' for end in reversed(knob.ends))}"
    )


def _together(case: Case, sets: Sequence[Sequence[Knob]]) -> Iterator[Remedy]:
    """One thing of each collision, changed together, each as little as will do given the others."""
    if len(sets) < 2:
        return
    for combination in itertools.islice(itertools.product(*(knobs[:2] for knobs in sets)), COMBINED):
        knobs = list(dict.fromkeys(combination))
        reach = (dict(zip(knobs, found, strict=True)) for found in itertools.product(*(knob.ends for knob in knobs)))
        ends = next((found for found in reach if case.solved(found).good), None)
        if ends is None:
            continue
        changes = dict(ends)
        for knob in knobs:
            others = {other: at for other, at in changes.items() if other is not knob}
            changes[knob] = _smallest(case, knob, ends[knob], others)
        yield _remedy(case, changes)
        return
