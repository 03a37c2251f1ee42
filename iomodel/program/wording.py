"""Laws and collisions in words: which entry of an experiment or which card states a law, when, and what was found.

A law is named by its own name and by what sets its bound, written as a file or `--set` writes it, so that a reader
knows what to change.
"""

from __future__ import annotations

from collections.abc import Sequence

from iomodel.program.build import Program
from iomodel.program.conflicts import CARDS, STATED_LAWS, Breach, Collision, Conflict
from iomodel.program.diagnose import span, words

TARGET_UNITS = {
    "package": "points of GDP",
    "idle_cut": "of the reference's idle plant",
    "reform": "of the drive",
}
"""Target -> its unit, as it stands behind a number."""

MARGIN_UNITS = {
    "debt_ceiling": "points of GDP beyond the reference path",
    "deficit_ceiling": "points of GDP beyond the reference path",
    "firm_debt_ceiling": "points of GDP beyond the reference path",
    "current_account_floor": "percent of GDP",
    "household_saving_floor": "of household income",
}
"""Limit -> the unit of its margin, as it stands behind a number."""

SAID = {
    "capacity_limit": "plant in use",
    "investment_not_negative": "nobody invests less than nothing",
    "labour_shortage": "unemployment not below cards.frictional_unemployment",
    "reform_kept": "a reform is not taken back",
}
"""Law that nothing in a file states -> what it says."""


SECOND = {
    "unsure": "a second solver stopped without a path or a proof of its own: this rests on the first proof alone",
    "feasible": "a second solver found a path within its tolerance: these laws collide by a hair, if at all",
}
"""What a second solver said of laws of which the first proves that they collide -> what that means."""


def stated(program: Program, law: str) -> str:
    """What states a law, in the words of a file: a target, a limit or a card; empty where nothing does."""
    policy, cards = program.setting.policy, program.setting.cards
    target = STATED_LAWS.get(law, "")
    if target in policy.targets:
        found = policy.targets[target]
        value = float(str(program.setting.targets[target].value))
        kind = "exactly" if found.exactly else "at least"
        year = program.setting.calendar[found.by - 1]
        hard = ", hard" if found.hard else ", may be missed, not exceeded" if found.exactly else ", may be missed"
        return f"targets.{target}: {kind} {value:g} {TARGET_UNITS[target]} from {year} on{hard}"
    if law in policy.limits:
        margins = program.setting.margins
        margin = float(str(margins[law].value)) if law in margins else policy.limits[law].margin
        return f"limits.{law}: margin {margin:g} {MARGIN_UNITS[law]}"
    if law in CARDS:
        return f"cards.{CARDS[law]} = {cards[CARDS[law]]:g} {cards.card(CARDS[law]).unit}"
    return SAID.get(law, "")


def law_in_words(program: Program, law: str, years: tuple[str, ...]) -> str:
    """A law with its years and what states it."""
    by = stated(program, law)
    return f"{words(law)}{_in(years)}" + (f" ({by})" if by else "")


def _in(years: tuple[str, ...]) -> str:
    """Years in words; nothing of a law that has none, whose label is empty."""
    named = tuple(year for year in years if year)
    return f" in {span(named)}" if named else ""


def described(program: Program, collision: Collision, behaviour: Sequence[str] = ()) -> str:
    """A collision in words: what collides, and the smallest breach. behaviour: sentences on what the simulation does,
    where that and not the laws alone leave no path; they stand first, since the laws would mislead without them."""
    lines = ["No path meets all laws.", *behaviour]
    many = len(collision.conflicts) > 1
    for place, conflict in enumerate(collision.conflicts, start=1):
        each = ", each part of it needed" if conflict.needed == conflict.entries else ""
        lines.append(f"{f'Collision {place}' if many else 'What collides'}{each}:")
        lines += [f"  {law_in_words(program, member.law, member.years)}" for member in conflict.members]
        lines += _doubt(conflict)
    lines.append("The smallest breach, each law in units of its size:")
    lines += [f"  {_broken(breach)}" for breach in collision.breaches]
    return "\n".join(lines)


def _broken(breach: Breach) -> str:
    where = _in(breach.years)
    return f"{words(breach.law)}{where}: by up to {breach.amount:.3g} {breach.unit}"


def _doubt(conflict: Conflict) -> list[str]:
    """What is said of a conflict that its checks do not confirm; nothing where they do."""
    found: list[str] = []
    if conflict.margin <= 0:
        found.append("  (not confirmed: no proof that it has no path stands, only the solver's word)")
    if conflict.needed < conflict.entries:
        found.append(f"  (of its {conflict.entries} law-years {conflict.needed} were found to be needed)")
    if conflict.second != "infeasible":
        found.append(f"  ({SECOND[conflict.second]})")
    return found
