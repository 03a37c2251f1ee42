"""Sentences made from numbers: every word that says more, less or the same is chosen by the numbers beside it.

What a reader sees rounded is compared rounded, so that a sentence never contradicts its own figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from iomodel.program.trajectory import Trajectory
from iomodel.report.laws import limits
from iomodel.report.rows import Row, gain_explained, headline_rows, weight_range, years_of
from iomodel.report.words import compared, listed, number, policy, region, signed
from iomodel.spillover import summary
from iomodel.study import Study

if TYPE_CHECKING:
    import xarray as xr

USUAL, SUPPLY, DEMAND, BOTH, BEST = "business-as-usual", "supply-only", "demand-only", "two-halves", "best-path"

OWN, KIND, DEBT = "consumption, % of GDP", "with in-kind, % of GDP", "public debt, % of GDP"
PEAK, PERSONS, GROWTH = "unemployed peak, %", "unemployed peak, mn", "growth, % a year"


def answer(study: Study) -> list[str]:
    """The answer in three sentences (of the five policies), or one sentence a path (of any others, at most three)."""
    rows = {row.name: row for row in headline_rows(study.paths)}
    if {USUAL, SUPPLY, DEMAND, BOTH} <= rows.keys():
        return [_consumption(study, rows), _cost(rows), _hangs_on(study, rows)]
    return [_alone(path, row) for path, row in list(zip(study.paths.values(), rows.values(), strict=True))[:3]]


def _last(study: Study) -> int:
    return years_of(next(iter(study.paths.values())))[2]


def _consumption(study: Study, rows: Mapping[str, Row]) -> str:
    both, usual = rows[BOTH].values, rows[USUAL].values
    apart = [rows[name].values[KIND] for name in (SUPPLY, DEMAND)]
    move = _moved(usual[OWN], both[OWN])
    more = compared(both[KIND], max(apart), "more than either half alone", "less than the better half alone",
                    "as much as the better half alone")  # fmt: skip
    return (
        f"In {_last(study)} the two halves together {move} of GDP, and with education, health and social services in "
        f"kind {_from_to(usual[KIND], both[KIND])}, {more} (supply only {number(apart[0])}, demand only "
        f"{number(apart[1])})."
    )


def _moved(before: float, after: float) -> str:
    verb = compared(after, before, "raise", "lower", "leave")
    return f"{verb} household consumption {_from_to(before, after)} percent"


def _from_to(before: float, after: float) -> str:
    same = number(before) == number(after)
    return f"at {number(after)}" if same else f"from {number(before)} to {number(after)}"


def _cost(rows: Mapping[str, Row]) -> str:
    both, usual, supply, demand = (rows[name].values for name in (BOTH, USUAL, SUPPLY, DEMAND))
    peak = compared(both[PEAK], usual[PEAK], "higher than", "lower than", "as high as")
    growth = compared(both[GROWTH], usual[GROWTH], "faster", "slower", "the same")
    debt = compared(both[DEBT], usual[DEBT], "higher", "lower", "at the same level", 0)
    return (
        f"Unemployment peaks {peak} under business as usual ({number(both[PEAK])} percent or "
        f"{number(both[PERSONS], 0)} million persons, against {number(usual[PEAK])}; supply only "
        f"{number(supply[PEAK])}), growth is {growth} ({number(both[GROWTH])} percent a year against "
        f"{number(usual[GROWTH])}), and public debt ends {debt} "
        f"({number(both[DEBT], 0)} percent of GDP against {number(usual[DEBT], 0)}; demand only "
        f"{number(demand[DEBT], 0)})."
    )


def _hangs_on(study: Study, rows: Mapping[str, Row]) -> str:
    parts: list[str] = [_together(study, rows)]
    explained = gain_explained(study)
    if explained is not None:
        gain, rest, share = explained
        alone = gain_explained(study, "consumption")
        own = f", and {number(100 * alone[2], 0)} percent of that of consumption alone" if alone is not None else ""
        parts.append(
            f"{number(100 * share, 0)} percent of the change with services in kind ({signed(gain)} points, without it "
            f"{signed(rest)}){own} rests on the assumption that households save less when welfare is better"
        )
    if BEST in rows:
        best, both = rows[BEST].values, rows[BOTH].values
        word = compared(best[KIND], both[KIND], "above", "below", "level with")
        weights = weight_range(study, "with_in_kind")
        over = f", {number(weights.low)} to {number(weights.high)} over the weights of its goal" if weights else ""
        parts.append(
            f"the best path, its levers free, comes to {number(best[KIND])} percent with services in kind{over}, "
            f"{word} the stated two halves"
        )
    text = "; ".join(part for part in parts if part)
    return f"{_capital(text)}." if text else "What the numbers hang on was not checked in this run."


def _together(study: Study, rows: Mapping[str, Row]) -> str:
    """Whether the halves together give more or less than apart: levels and share of GDP, no claim from one of them."""
    found = study.checks.get("interaction")
    if not found:
        return ""
    pairs = {
        key: (found[f"{key}_joint"], found[f"{key}_supply"] + found[f"{key}_demand"])
        for key in ("consumption", "with_in_kind")
    }
    pairs["share"] = share_gains(rows)
    words = {key: compared(joint, apart, "help", "hinder", "neither") for key, (joint, apart) in pairs.items()}
    told = {key: f"{signed(joint)} together, {signed(apart)} apart" for key, (joint, apart) in pairs.items()}
    base = years_of(next(iter(study.paths.values())))[0]
    kind = f", with services in kind {told['with_in_kind']}" if words["with_in_kind"] != words["consumption"] else ""
    counts = (
        f"level of consumption {told['consumption']}{kind}, percent of the GDP of {base}; share of GDP with "
        f"services in kind {told['share']}"
    )
    if len(set(words.values())) > 1:
        return f"whether the halves help each other depends on what is counted ({counts})"
    verb = {"help": "help each other", "hinder": "hinder each other", "neither": "neither help nor hinder each other"}
    return f"the halves {verb[words['share']]}, whatever is counted ({counts})"


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


# ---------------------------------------------------------------- the best path, partners, jobs


def best_words(study: Study) -> str:
    """How far the best path goes with each free lever in its last year, and what limits it most."""
    path = study.paths[BEST]
    here = path.data.isel(year=-1)
    size = float(here["programme_share"])
    beside = ""
    if BOTH in study.paths:
        stated = float(study.paths[BOTH].data["programme_share"][-1])
        than = compared(size, stated, "more than", "less than", "as much as")
        beside = f" ({than} the two halves' {number(stated)})"
    most = limits(path, 1)
    stops = f" What limits it most: {most[0].says}." if most else ""
    cut = number(100 * float(here["reform"]), 0)
    idle, unemployed = number(float(here["idle_share"])), number(float(here["unemployment_rate"]))
    return (
        f"In {int(here['year'])} the best path has a social programme of {number(size)} points of GDP{beside}, a "
        f"reform that takes {cut} percent of the investment drive before leakage, and {idle} percent of industrial "
        f"plant idle; unemployment is {unemployed} percent.{stops}"
    )


def partner_words(partners: xr.Dataset) -> str:
    """Who gains and who loses in the last year, by value added."""
    year = int(partners["year"].values[-1])
    rows = [row for row in summary(partners, year) if row["channel"] == "total"]
    changes = {region(str(row["partner"])): float(row["value_added_change_share"] or 0.0) for row in rows}
    counts = [
        f"{verb} for {sum(1 for change in changes.values() if _sign(change) == sign)}"
        for verb, sign in (("rises", 1), ("falls", -1), ("does not move", 0))
        if any(_sign(change) == sign for change in changes.values())
    ]
    most, least = max(changes, key=lambda one: changes[one]), min(changes, key=lambda one: changes[one])
    small = ": next to nothing" if max(abs(change) for change in changes.values()) < 0.1 else ""
    return (
        f"Value added in {year} {listed(counts)} of {len(changes)} partners, from "
        f"{signed(changes[least], 2)} percent ({least}) to {signed(changes[most], 2)} percent ({most}){small}."
    )


def _capital(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"


def _sign(change: float) -> int:
    """Sign of a change in percent, as it is rounded."""
    return (round(change, 2) > 0) - (round(change, 2) < 0)


def jobs_words(path: Trajectory, usual: Trajectory) -> str:
    """Jobs lost and found by sector in the last year against business as usual, in persons."""
    change = path.data["employment"].isel(year=-1) - usual.data["employment"].isel(year=-1)
    lost, found = -float(change.where(change < 0).sum()), float(change.where(change > 0).sum())
    net = compared(found, lost, "more jobs are found than lost", "more jobs are lost than found",
                   "as many jobs are found as lost")  # fmt: skip
    return (
        f"By {int(path.data['year'].values[-1])}, {policy(path.experiment.name)} has {number(lost)} million fewer jobs "
        f"than business as usual in the sectors that shrink and {number(found)} million more in those that grow: {net}."
    )
