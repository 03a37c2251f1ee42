"""Why a program has no path: the smallest total breach of its laws, and the laws and years that collide.

The smallest breach is that of an elastic program in which each law that somebody sets may be broken, counted in units
of its own size. What collides is found by a deletion filter (Chinneck 2008, chapter 7): laws, then years, are dropped
for good as long as there is still no path; what is left is irreducible, every member of it is needed. Behaviour,
accounting and what is possible at all are never dropped: no remedy lies there. Where a set is not the only one, others
are looked for that lack one of its laws.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from iomodel.errors import SolverError
from iomodel.program.build import Program
from iomodel.program.diagnose import ACCOUNTING
from iomodel.program.feasibility import Answer, Model, model_of, proof_of, second_opinion
from iomodel.program.relaxed import OF_GDP, POSSIBLE, Relaxed, largest_in_rows, relax

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

MOST_CONFLICTS = 4
"""Sets of laws that are looked for; a program with more has to be mended step by step."""

SMALL = 1e-6
"""Breach, relative to the law's size, below which a law is kept."""

STATED_LAWS = {"package": "package", "package_before": "package", "idle_cut": "idle_cut", "reform": "reform",
               "reform_before": "reform"}  # fmt: skip
"""Law -> the target that states it."""

CARDS = {
    "programme_pace": "programme_ramp",
    "programme_pace_down": "programme_ramp",
    "reform_pace": "reform_pace",
    "reform_limit": "reform_limit",
    "retirement_pace": "retirement_pace",
    "overflow_limit": "overflow_limit",
}
"""Law -> the card that sets its bound."""


@dataclass(frozen=True)
class Member:
    """A law of a conflict, in the years in which it is needed (empty for a law without years)."""

    law: str
    years: tuple[str, ...]


@dataclass(frozen=True)
class Conflict:
    """Laws and years that no path meets together, each of which is needed.

    margin: what is left of the proof that there is none, as a share of it, when every variable may be as large as
    `feasibility.LARGEST`; second, second_margin: the same from another solver and other arrays. needed: the law-years
    without which, one at a time, there is a path; all of them, or the filter is wrong.
    """

    members: tuple[Member, ...]
    margin: float
    second: str
    second_margin: float
    needed: int
    entries: int

    @property
    def laws(self) -> frozenset[str]:
        """Names of its laws."""
        return frozenset(member.law for member in self.members)

    @property
    def confirmed(self) -> bool:
        """Whether each member is needed and a second solver agrees that the whole has no path."""
        return self.needed == self.entries and self.margin > 0 and self.second == "infeasible"


@dataclass(frozen=True)
class Breach:
    """A law that the smallest total breach breaks: where, by how much at most, in its unit, of a limit the one in which
    it is stated (points of GDP of the year)."""

    law: str
    years: tuple[str, ...]
    amount: float
    unit: str


@dataclass(frozen=True)
class Collision:
    """Why a program has no path.

    conflicts: irreducible sets. breaches: the smallest total breach, each law in units of its size, the largest share
    of its size first. alone: laws without which, one at a time, there is a path.
    """

    conflicts: tuple[Conflict, ...]
    breaches: tuple[Breach, ...]
    alone: tuple[str, ...]


def collision_of(program: Program) -> Collision | None:
    """What collides in `program`; None where it has a path.

    Raises SolverError where neither a path nor a proof that there is none is found.
    """
    relaxed = relax(program, ACCOUNTING)
    every = np.ones(relaxed.rows.size, dtype=bool)
    named = every & ~relaxed.mask(POSSIBLE)
    rough = model_of(relaxed)
    sizes = _sizes(relaxed, rough.ask(named))
    model = replace(rough, price=1 / sizes)
    broken = model.ask(named)
    if broken.feasible:
        return None
    start = every if not _feasible(model, every) else named
    weight = _weights(relaxed, broken, sizes)
    first = _conflict(model, start, weight)
    conflicts, alone = [first], []
    for member in first.members:
        without = start & ~relaxed.mask(member.law)
        if any(member.law not in found.laws for found in conflicts):
            continue
        answer = _asked(model, without)
        if answer is not None and answer.feasible:
            alone.append(member.law)
        elif answer is not None and len(conflicts) < MOST_CONFLICTS:
            conflicts.append(_conflict(model, without, weight))
    return Collision(tuple(conflicts), _breaches(relaxed, broken, sizes), tuple(alone))


def proofs(program: Program) -> tuple[float, float]:
    """Margins of two proofs that a program has no path: by HiGHS with a slack in each law, by Clarabel without.

    Zero stands for no proof.

    Each is added up from its multipliers by our own arithmetic: what is left, as a share of it, when every variable may
    be as large as `feasibility.LARGEST`. Where both are zero the program has a path, or nothing is known of it.
    """
    relaxed = relax(program, ACCOUNTING)
    laws = ~relaxed.mask(POSSIBLE)
    said, margin, _ = second_opinion(relaxed, laws)
    return model_of(relaxed).ask(laws).margin, margin if said == "infeasible" else 0.0


def path_exists(relaxed: Relaxed, like: Model | None = None) -> tuple[bool, Model]:
    """Whether the laws of a relaxed program surely have a path, and the model asked, from which one alike may start."""
    model = model_of(relaxed, like=like)
    answer = _asked(model, ~relaxed.mask(POSSIBLE))
    return answer is not None and answer.feasible, model


def _feasible(model: Model, kept: Mask) -> bool:
    """Whether a path keeps these entries, or no proof stands that none does."""
    answer = _asked(model, kept)
    return answer is None or answer.feasible


def _asked(model: Model, kept: Mask) -> Answer | None:
    """The answer, None where neither a path nor a proof that there is none stands: laws without which a collision is
    not decided are kept in it."""
    try:
        return model.ask(kept)
    except SolverError:
        return None


# ---------------------------------------------------------------- the smallest breach


def _sizes(relaxed: Relaxed, answer: Answer) -> Array:
    """The size of each entry's law: its largest term on the path that breaks the laws least in their own units."""
    terms = abs(relaxed.matrix).multiply(np.where(relaxed.slack, 0.0, np.abs(answer.point))[None, :])
    size = np.maximum(largest_in_rows(terms.tocsr()), np.abs(relaxed.bound))[relaxed.rows]
    for name, entry in relaxed.laws.items():
        unit = "" if name == POSSIBLE else relaxed.program.laws[name].unit
        floor = 0.01 if unit.startswith("share") else 1.0
        size[entry.places] = max(float(size[entry.places].max(initial=0.0)), floor)
    return size


def _amounts(relaxed: Relaxed, answer: Answer) -> Array:
    """By how much each entry is broken."""
    other = np.where(relaxed.down >= 0, answer.point[relaxed.down], 0.0)
    return np.maximum(answer.point[relaxed.up], other)


def _breaches(relaxed: Relaxed, answer: Answer, sizes: Array) -> tuple[Breach, ...]:
    """Broken laws, the largest share of its size first."""
    amounts, found = _amounts(relaxed, answer), []
    for name, entry in relaxed.laws.items():
        share = amounts[entry.places] / sizes[entry.places]
        if name != POSSIBLE and share.max(initial=0.0) > SMALL:
            years = _sorted(entry.years[share > SMALL])
            amount, unit = amounts[entry.places], relaxed.program.laws[name].unit
            if name in OF_GDP:  # in the unit in which it is stated and mended
                gdp = answer.point[[relaxed.gdp[str(year)] for year in entry.years]]
                amount, unit = 100 * amount / gdp, "points of GDP"
            found.append((float(share.max()), Breach(name, years, float(amount.max()), unit)))
    return tuple(row for _, row in sorted(found, key=lambda pair: -pair[0]))


def _weights(relaxed: Relaxed, answer: Answer, sizes: Array) -> dict[str, float]:
    """Law -> how much it takes part in the elastic program's multipliers, in units of its size."""
    multipliers = np.abs(answer.rows[relaxed.rows]) * sizes
    return {name: float(multipliers[entry.places].sum()) for name, entry in relaxed.laws.items()}


# ---------------------------------------------------------------- the deletion filter


def _conflict(model: Model, kept: Mask, weight: dict[str, float]) -> Conflict:
    """An irreducible part of the laws in `kept`, which have no path.

    Laws that nobody states are dropped first, among them those that weigh least; stated ones last, so that what is left
    speaks of what was asked. Years are dropped from the last, so that what is left are the first that collide.
    """
    relaxed, whole = model.relaxed, kept
    kept = _support(relaxed, kept, model.ask(kept))
    order = sorted((name for name in relaxed.laws if name != POSSIBLE), key=lambda name: (_rank(name), weight[name]))
    for name in order:
        kept = _tried(model, kept, kept & ~relaxed.mask(name))
    left = [name for name in relaxed.laws if kept[relaxed.laws[name].places].any()]
    kept = _until(model, whole & relaxed.mask(*left))
    for name in order:
        if kept[relaxed.laws[name].places].any():
            kept = _without_years(model, kept, name, _years_in(relaxed, kept, name))
    return _checked(model, kept, order)


def _tried(model: Model, kept: Mask, fewer: Mask) -> Mask:
    """What of `fewer` a proof needs, where there is still no path; else `kept`."""
    if (fewer == kept).all():
        return kept
    answer = _asked(model, fewer)
    return kept if answer is None or answer.feasible else _support(model.relaxed, fewer, answer)


def _until(model: Model, kept: Mask) -> Mask:
    """`kept` up to the first year with which it has no path."""
    relaxed = model.relaxed
    every = sorted({year for name in relaxed.laws for year in _years_in(relaxed, kept, name) if year})
    early, late = 0, len(every)  # none of the first `early` years suffice, the first `late` do
    while late - early > 1:
        middle = (early + late) // 2
        early, late = (
            (early, middle) if not _feasible(model, kept & ~_after(relaxed, every[middle - 1])) else (middle, late)
        )
    return kept & ~_after(relaxed, every[late - 1]) if every else kept


def _after(relaxed: Relaxed, year: str) -> Mask:
    """Entries of the years after one."""
    found = np.zeros(relaxed.rows.size, dtype=bool)
    for entry in relaxed.laws.values():
        found[entry.places] = entry.years > year
    return found


def _support(relaxed: Relaxed, kept: Mask, answer: Answer) -> Mask:
    """The law-years that a proof needs, where it holds without the others; else `kept`."""
    multipliers = np.abs(answer.rows[relaxed.rows])
    used = kept & ((multipliers > 1e-12 * multipliers.max(initial=0.0)) | relaxed.mask(POSSIBLE))
    for entry in relaxed.laws.values():  # whole years: one sector's entry alone is no member
        years = set(entry.years[used[entry.places]])
        used[entry.places] = kept[entry.places] & np.isin(entry.years, list(years))
    return used if proof_of(relaxed, used, answer.rows)[0] > 0 else kept


def _rank(name: str) -> int:
    """Whether a law is stated by a target or limit (2), set by a card (1) or neither (0)."""
    return 2 if name in STATED_LAWS or name.endswith(("_ceiling", "_floor")) else 1 if name in CARDS else 0


def _years_in(relaxed: Relaxed, kept: Mask, name: str) -> list[str]:
    entry = relaxed.laws[name]
    return list(_sorted(entry.years[kept[entry.places]]))


def _of_years(relaxed: Relaxed, name: str, years: Iterable[str]) -> Mask:
    """The entries of a law in some years."""
    found = np.zeros(relaxed.rows.size, dtype=bool)
    entry = relaxed.laws[name]
    found[entry.places] = np.isin(entry.years, list(years))
    return found


def _without_years(model: Model, kept: Mask, name: str, years: list[str]) -> Mask:
    """`kept` without the years of a law that are not needed: all at once where that is possible, else halves."""
    fewer = kept & ~_of_years(model.relaxed, name, years)
    left = _tried(model, kept, fewer)
    if left is not kept or (fewer == kept).all() or len(years) == 1:
        return left
    half = len(years) // 2
    kept = _without_years(model, kept, name, years[half:])
    return _without_years(model, kept, name, years[:half])


def _checked(model: Model, kept: Mask, order: list[str]) -> Conflict:
    """The conflict, with the proofs that it has no path and that each of its law-years is needed."""
    relaxed = model.relaxed
    whole = model.ask(kept)
    members = [Member(name, tuple(_years_in(relaxed, kept, name))) for name in reversed(order)]
    members = [member for member in members if kept[relaxed.laws[member.law].places].any()]
    each = [(member.law, year) for member in members for year in member.years]
    others = (_asked(model, kept & ~_of_years(relaxed, law, [year])) for law, year in each)
    needed = sum(answer is not None and answer.feasible for answer in others)
    second, second_margin, _ = second_opinion(relaxed, kept)
    members = [Member(one.law, tuple(year for year in one.years if year)) for one in members]
    return Conflict(tuple(members), 0.0 if whole.feasible else whole.margin, second, second_margin, needed, len(each))


def _sorted(years: npt.NDArray[np.str_]) -> tuple[str, ...]:
    return tuple(sorted({str(year) for year in years}))
