"""Sentences made from numbers: every word that says more, less or the same is chosen by the numbers beside it.

What a reader sees rounded is compared rounded, so that a sentence never contradicts its own figures.
"""

from __future__ import annotations

from collections.abc import Mapping

from iomodel.program.trajectory import Trajectory
from iomodel.report.rows import Row, gain_explained, headline_rows, years_of
from iomodel.report.words import compared, number, policy, signed
from iomodel.study.policies import Study

USUAL, SUPPLY, DEMAND, BOTH, BEST = "business-as-usual", "supply-only", "demand-only", "two-halves", "best-path"

OWN, KIND, DEBT = "consumption, % of GDP", "with in-kind, % of GDP", "public debt, % of GDP"
PEAK, PERSONS, GROWTH = "unemployed peak, %", "unemployed peak, mn", "growth, % a year"
LEVEL, IDLE = "consumption, % over as usual", "idle plant, %"

ALIKE = 0.5
"""Two policies whose shares (points of GDP) and levels (percent) are nearer than this are told as hardly different."""


def answer(study: Study) -> list[str]:
    """The answer in three sentences (of the five policies), or one sentence a path (of any others, at most three)."""
    rows = {row.name: row for row in headline_rows(study.paths)}
    if {USUAL, SUPPLY, DEMAND, BOTH} <= rows.keys():
        return [_consumption(study, rows), _cost(study, rows), _hangs_on(study, rows)]
    return [_alone(path, row) for path, row in list(zip(study.paths.values(), rows.values(), strict=True))[:3]]


def _consumption(study: Study, rows: Mapping[str, Row]) -> str:
    """Consumption and idle plant: against business as usual, against the better half alone and against today."""
    both, usual = rows[BOTH].values, rows[USUAL].values
    better = max((SUPPLY, DEMAND), key=lambda name: rows[name].values[KIND])
    half = rows[better].values
    _, first, last = years_of(study.paths[BOTH])
    before = float(study.paths[BOTH].data["idle_share"].sel(year=first - 1))
    return (
        f"In {last} two halves {_moved(usual[KIND], both[KIND])} and "
        f"{_level(both[LEVEL], usual[KIND], both[KIND])}, "
        f"{_beside(both, half)} {policy(better)} ({number(half[KIND])}, {signed(half[LEVEL])}); idle plant is "
        f"{number(both[IDLE])} percent: {_idle(both[IDLE], usual[IDLE], before, first - 1)}."
    )


def _moved(before: float, after: float) -> str:
    verb = compared(after, before, "raise", "lower", "leave")
    same = number(before) == number(after)
    ends = f"at {number(after)}" if same else f"from {number(before)} to {number(after)}"
    return f"{verb} consumption with services in kind {ends} percent of GDP"


def _level(level: float, before: float, after: float) -> str:
    """The level of consumption against business as usual; the verb only where it differs from the share's."""
    verb = compared(level, 0.0, "raise", "lower", "leave")
    again = "" if verb == compared(after, before, "raise", "lower", "leave") else f"{verb} "
    size = "as high as usual" if verb == "leave" else f"by {number(abs(level))} percent"
    return f"{again}household consumption {size}"


def _beside(both: Mapping[str, float], half: Mapping[str, float]) -> str:
    """How two halves compare with the better half: share and level are both looked at."""
    share, level = (round(both[key], 1) - round(half[key], 1) for key in (KIND, LEVEL))
    if max(abs(share), abs(level)) < ALIKE:
        return "hardly different from"
    if share * level < 0:
        return "more share, less level than" if share > 0 else "less share, more level than"
    return "more than" if share + level > 0 else "less than"


def _idle(here: float, usual: float, before: float, year: int) -> str:
    """Idle plant against what it would be and against what it was."""
    against = compared(here, usual, "above", "below", "level with")
    since = compared(here, before, "above", "below", "level with")
    joint = "and" if against == since else "but"
    return f"{against} usual ({number(usual)}) {joint} {since} {year} ({number(before)})"


def _cost(study: Study, rows: Mapping[str, Row]) -> str:
    both, usual = rows[BOTH].values, rows[USUAL].values
    peak = compared(both[PEAK], usual[PEAK], "higher than", "lower than", "as high as")
    growth = compared(both[GROWTH], usual[GROWTH], "faster", "slower", "the same")
    debt = compared(both[DEBT], usual[DEBT], "higher", "lower", "level", 0)
    firms, before = (float(study.paths[name].data["firm_debt_share"][-1]) for name in (BOTH, USUAL))
    owed = compared(firms, before, "higher", "lower", "level", 0)
    return (
        f"Unemployment peaks {peak} under business as usual ({number(both[PEAK])} percent or "
        f"{number(both[PERSONS], 0)} million, against {number(usual[PEAK])}), growth is {growth} "
        f"({number(both[GROWTH])} percent a year against {number(usual[GROWTH])}), public debt ends {debt} "
        f"({number(both[DEBT], 0)} percent of GDP against {number(usual[DEBT], 0)}), firms' debt {owed} "
        f"({number(firms, 0)} against {number(before, 0)})."
    )


def _hangs_on(study: Study, rows: Mapping[str, Row]) -> str:
    parts: list[str] = []
    explained, alone = gain_explained(study), gain_explained(study, "consumption")
    if explained is not None and alone is not None:
        parts.append(
            f"the assumption that better welfare lowers saving explains {number(100 * explained[2], 0)} percent of the "
            f"gain with services in kind ({number(100 * alone[2], 0)} of consumption's alone)"
        )
    parts.append(_together(study, rows))
    if BEST in rows:
        best, both = rows[BEST].values, rows[BOTH].values
        word = compared(best[KIND], both[KIND], "above", "below", "level with")
        parts.append(f"the best path, its levers free, ends {word} the stated one ({number(best[KIND])} percent)")
    text = "; ".join(part for part in parts if part)
    return f"{_capital(text)}." if text else "What the numbers hang on was not checked in this run."


def _together(study: Study, rows: Mapping[str, Row]) -> str:
    """Whether the halves together give more or less than apart: levels and share of GDP, no claim from one of them."""
    found = study.checks.get("interaction")
    if not found:
        return ""
    pairs = [
        (found[f"{key}_joint"], found[f"{key}_supply"] + found[f"{key}_demand"])
        for key in ("consumption", "with_in_kind")
    ]
    pairs.append(share_apart(found) or share_gains(rows))
    words = {compared(joint, apart, "help", "hinder", "neither help nor hinder") for joint, apart in pairs}
    if len(words) > 1:
        return "whether the halves help each other depends on the measure"
    return f"the halves {words.pop()} each other by every measure"


def share_apart(found: Mapping[str, float]) -> tuple[float, float] | None:
    """Points of GDP that consumption with services in kind gains by the joint path's own levers: together, and the sum
    of both apart; None where the study holds none."""
    keys = [f"with_in_kind_share_{part}" for part in ("joint", "supply", "demand")]
    if not set(keys) <= found.keys():
        return None
    joint, supply, demand = (found[key] for key in keys)
    return joint, supply + demand


def share_gains(rows: Mapping[str, Row]) -> tuple[float, float]:
    """Points of GDP that consumption with services in kind gains: the two halves, and the sum of the halves alone."""
    usual = rows[USUAL].values[KIND]
    apart = sum(rows[name].values[KIND] - usual for name in (SUPPLY, DEMAND))
    return rows[BOTH].values[KIND] - usual, apart


def share_words(rows: Mapping[str, Row]) -> list[str]:
    """Policies under which the share of consumption and its level move in opposite directions."""
    found: list[str] = []
    for row in rows.values():
        share = round(row.values[OWN] - rows[USUAL].values[OWN], 1) if USUAL in rows else 0.0
        level = round(row.values["consumption, % over as usual"], 1)
        if share * level < 0:
            up, down = ("rises", "falls") if share > 0 else ("falls", "rises")
            gdp = "GDP falls by more" if share > 0 else "GDP rises by more"
            found.append(
                f"Under {row.title} the share of consumption in GDP {up} ({signed(share)} points) while its level "
                f"{down} ({signed(level)} percent): {gdp}."
            )
    return found


def _alone(path: Trajectory, row: Row) -> str:
    """One path beside its own reference."""
    values = row.values
    last = years_of(path)[2]
    if path.reference is None:
        return f"{row.title.capitalize()}: household consumption is {number(values[OWN])} percent of GDP in {last}."
    usual = path.reference.sel(year=last)
    own = compared(values[OWN], float(usual["household_consumption_share"]), "above", "below", "level with")
    debt = compared(values[DEBT], float(usual["public_debt_share"]), "above", "below", "level with", 0)
    return (
        f"{row.title.capitalize()}: in {last} household consumption is {number(values[OWN])} percent of GDP, {own} its "
        f"reference path ({number(float(usual['household_consumption_share']))}), and {number(values[KIND])} with "
        f"services in kind ({number(float(usual['actual_individual_consumption_share']))}); unemployment peaks at "
        f"{number(values[PEAK])} percent; public debt ends at {number(values[DEBT], 0)} percent of GDP, {debt} the "
        f"reference ({number(float(usual['public_debt_share']), 0)})."
    )


def _capital(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"
