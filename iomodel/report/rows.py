"""What the text and the page show, as plain rows: the headline, what each policy states, the misses, the ranges.

Rows are read off the paths and the study's checks; nothing is computed here that is not a difference or a ratio of
numbers found there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from iomodel.answers.headline import compare
from iomodel.cards import Cards, load_cards
from iomodel.errors import CardError
from iomodel.experiment import Experiment, Limit, Target
from iomodel.experiment_parts import TARGETS
from iomodel.program.trajectory import Trajectory
from iomodel.report.words import LEVERS, PAYERS, TABLES, listed, number, policy, region, share_cut
from iomodel.study.policies import Study, outcomes


@dataclass(frozen=True)
class Row:
    """One policy of the headline: its name, what it states, and the outcomes of `iomodel.compare` by column."""

    name: str
    states: str
    values: Mapping[str, float]

    @property
    def title(self) -> str:
        """The name as it is read."""
        return policy(self.name)


def headline_rows(paths: Mapping[str, Trajectory]) -> list[Row]:
    """One row a path, in the order given."""
    asked = {name: path.experiment for name, path in paths.items()}
    rows: list[Row] = []
    for name, path in paths.items():
        values = compare([path]).iloc[0]
        rows.append(Row(name, states(path, asked), {str(key): float(value) for key, value in values.items()}))
    return rows


def years_of(path: Trajectory) -> tuple[int, int, int]:
    """Base year, first year of policy, last reported year."""
    return (
        int(path.data.attrs["base_year"]),
        int(path.data.attrs["first_policy_year"]),
        int(path.data["year"].values[-1]),
    )


def cards_of(path: Trajectory) -> Cards:
    """The cards under which a path was made."""
    provenance = path.provenance
    cards = load_cards(str(provenance["table"]), dict(path.experiment.cards), path.experiment.region)
    return cards.with_computed(provenance.get("cards_computed", {}))


def whole_of(study: Study) -> str:
    """The experiment whose deciding regions the paths of a study are; empty where they are others."""
    names = {str(path.provenance.get("part_of", "")) for path in study.paths.values()}
    return names.pop() if len(names) == 1 else ""


def title_of(study: Study, made_by_study: bool) -> str:
    """The title of a page: the region and what is shown of it, or the regions that decide together."""
    whole, path = whole_of(study), next(iter(study.paths.values()))
    if whole:
        name, count = policy(whole), len(study.paths)
        return f"{name[:1].upper()}{name[1:]}: {count} region{'' if count == 1 else 's'}"
    return f"{region(path.experiment.region)}: {'rebalancing, two halves' if made_by_study else 'paths'}"


def where_from(path: Trajectory, regions: int = 1) -> str:
    """Region (or how many), table and its size, as a heading says them."""
    table, year = str(path.provenance["table"]), int(path.provenance["year"])
    called = TABLES.get(table, f"table {table}")
    where = region(path.experiment.region) if regions == 1 else f"{regions} regions"
    return f"{where}, {called} {year}, {path.data.sizes['sector']} sectors"


ESTIMATED = (
    "ESTIMATE: the world table of {year} is put together by this project around the official Chinese one. The Chinese "
    "economy is that of the official table by {sectors} sectors; everything about partners is estimated."
)


def estimate_words(paths: Iterable[Trajectory]) -> str:
    """What has to be said of the first of the paths that stands on an ESTIMATE; empty where none does."""
    for path in paths:
        if path.provenance.get("estimate"):
            return ESTIMATED.format(year=path.provenance["year"], sectors=path.data.sizes["sector"])
    return ""


def other_title(path: Trajectory, name: str | None = None) -> str:
    """A policy on another table than the headline's: its name, the table and the year, where that is another."""
    table, year, count = str(path.provenance["table"]), path.provenance["year"], path.data.sizes["sector"]
    called = TABLES.get(table, f"table {table}")
    where = (
        f"{called} of {count} sectors" if called == "official table" else f"table of {year}, year {years_of(path)[2]}"
    )
    return f"{policy(name or path.experiment.name)}, {where}"


def beside_rows(study: Study) -> list[Row]:
    """The paths beside the headline: those carried abroad under their own name, others with their table."""
    abroad = {name: path for name, path in study.world.items() if path is not study.paths.get(name)}
    rows = headline_rows(abroad) if same_table(study) else []
    return [*rows, *other_rows(study)]


def other_rows(study: Study) -> list[Row]:
    """The two halves on other tables, each under its policy's and its table's name."""
    found = [(path, headline_rows({path.experiment.name: path})[0]) for path in study.others.values()]
    return [replace(row, name=other_title(path), states="") for path, row in found]


def same_table(study: Study) -> bool:
    """Whether what is carried abroad stands on the table of the headline."""
    tables = {path.provenance["table_sha256"] for path in (*study.paths.values(), *study.world.values())}
    return len(tables) == 1


# ---------------------------------------------------------------- what a policy states


def states(path: Trajectory, others: Mapping[str, Experiment] | None = None) -> str:
    """What a policy states, in words made from its targets, levers, payer, tariffs and cards; "" without any."""
    experiment = path.experiment
    first = years_of(path)[1]
    if others and _is_both(experiment, others.values()):
        return "both"
    parts = [_free(experiment), *_targets(experiment, cards_of(path), first)]
    if experiment.levers.free and experiment.levers.payer != "debt":
        parts.append(f"paid by {PAYERS[experiment.levers.payer]}")
    parts += [_tariff(tariff, path, first) for tariff in experiment.tariffs]
    parts += [_limit(name, limit) for name, limit in experiment.limits.items()]
    parts += [f"card {key} = {_value(value)}" for key, value in experiment.cards.items()]
    return "; ".join(part for part in parts if part)


def _limit(name: str, limit: Limit) -> str:
    """A limit that is a law, or one that may be passed at a price."""
    return f"{name.replace('_', ' ')} {'a law' if limit.soft is None else f'at a price of {limit.soft:g}'}"


def _is_both(experiment: Experiment, others: Iterable[Experiment]) -> bool:
    """Whether the targets and the benefit are those of two others together, and nothing else differs from them."""
    parts = [
        one
        for one in others
        if one.targets
        and (one.cards, one.tariffs, one.limits) == (experiment.cards, experiment.tariffs, experiment.limits)
    ]
    for one, other in combinations(parts, 2):
        disjoint = not set(one.targets) & set(other.targets)
        benefit = one.levers.benefit or other.levers.benefit
        if disjoint and {**one.targets, **other.targets} == dict(experiment.targets) == _aimed(experiment):
            return benefit == experiment.levers.benefit
    return False


def _aimed(experiment: Experiment) -> dict[str, Target]:
    """The targets of an experiment all of whose free levers have a stated size; empty otherwise."""
    return {} if _unstated(experiment) else dict(experiment.targets)


def _unstated(experiment: Experiment) -> list[str]:
    """Free levers whose size no target states."""
    aimed = {TARGETS[key][0] for key in experiment.targets}
    return [lever for lever in experiment.levers.free if lever not in aimed]


def _free(experiment: Experiment) -> str:
    """Which levers are free, where at least one has no stated size."""
    if not _unstated(experiment):
        return ""
    floors = {TARGETS[key][0] for key, target in experiment.targets.items() if target.kind == "at_least"}
    free = [word for lever, word in LEVERS.items() if lever in _unstated(experiment) or lever in floors]
    return f"how far could one go with {listed(free)} free within their pace"


def _targets(experiment: Experiment, cards: Cards, first: int) -> list[str]:
    """The stated targets, those of one year together."""
    by: dict[int, list[str]] = {}
    order = [key for key in ("reform", "idle_cut", "package") if key in experiment.targets]
    for key in order:
        target = experiment.targets[key]
        words = {
            "reform": lambda value: f"investment drive {share_cut((1 - cards['reform_leakage']) * value)}",
            "idle_cut": lambda value: f"idle plant {share_cut(value)}",
            "package": lambda value: f"social programme of {value:g} points of GDP",
        }[key](target.value)
        if target.kind == "at_least":
            words = words.replace("halved", "at least halved").replace("cut by", "cut by at least")
            words = words.replace("programme of", "programme of at least")
        by.setdefault(first + target.by - 1, []).append(words)
    benefit = experiment.levers.benefit
    if benefit is not None:
        words = f"unemployment benefit at {100 * benefit.to:g} percent of the wage"
        by.setdefault(first + benefit.by - 1, []).append(words)
    return [f"by {year}: {', '.join(words)}" for year, words in by.items()]


def _tariff(tariff: Any, path: Trajectory, first: int) -> str:
    who = "partners'" if tariff.partner == "all" else f"{region(tariff.partner)}'s"
    goods = "all goods" if tariff.group == "all" else tariff.group
    points = cards_of(path)["partner_tariff"] if tariff.points is None else tariff.points
    return f"{who} tariffs on {goods} {points:g} points higher from {first + tariff.from_year - 1}"


def _value(value: float | Sequence[float]) -> str:
    return f"{value:g}" if isinstance(value, int | float) else ", ".join(f"{entry:g}" for entry in value)


# ---------------------------------------------------------------- what stands beside the headline


@dataclass(frozen=True)
class MissRow:
    """A variable beside published figures: year -> (model, published, fitted, within the tolerance)."""

    title: str
    tolerance: float
    cells: Mapping[int, tuple[float, float, bool, bool]]


def miss_rows(misses: Iterable[Mapping[str, Any]]) -> list[MissRow]:
    """Misses as a study keeps them by variable, in their order; a mean over years is a row of its own."""
    found: dict[tuple[str, bool], tuple[float, dict[int, tuple[float, float, bool, bool]]]] = {}
    titles: dict[tuple[str, bool], str] = {}
    for miss in misses:
        mean = "mean of" in miss["title"]
        key = (miss["variable"], mean)
        words = str(miss["variable"]).replace("_", " ")
        titles[key] = f"{words}, {miss['title'].rpartition(', ')[2]}" if mean else words
        cell = (float(miss["value"]), float(miss["published"]), miss["use"] == "fitted", bool(miss["within"]))
        found.setdefault(key, (float(miss["tolerance"]), {}))[1][int(miss["year"])] = cell
    return [MissRow(titles[key], tolerance, cells) for key, (tolerance, cells) in found.items()]


def known_table(study: Study) -> str:
    """The table that the reference path beside what happened is on, where it is not the headline's; else empty."""
    said = study.checks.get("misses_table")
    if not said or said["name"] == next(iter(study.paths.values())).provenance["table"]:
        return ""
    return f"table of {said['sectors']} sectors"


def gain_explained(
    study: Study, outcome: str = "with_in_kind", name: str = "two-halves"
) -> tuple[float, float, float] | None:
    """(gain of an outcome, the same without the response to welfare, share that the response explains).

    outcome: "consumption" or "with_in_kind". Points of GDP in the last year against business as usual; None where the
    check was not made.
    """
    without = study.checks.get("without_precaution", {}).get(name)
    if without is None or name not in study.paths:
        return None
    gain = float(outcomes(study.paths[name])[f"{outcome}_gain"])
    rest = float(without[f"{outcome}_gain"])
    return gain, rest, 1 - rest / gain if gain else 0.0


@dataclass(frozen=True)
class Range:
    """Lowest and highest of an outcome, and what makes it so."""

    low: float
    high: float
    at_low: str
    at_high: str


def weight_range(study: Study, outcome: str) -> Range | None:
    """The best path's range over the weights of its goal, one at a time; the default weights are among them."""
    rows: list[Mapping[str, Any]] = list(study.checks.get("weights", ()))
    if not rows or "best-path" not in study.paths:
        return None
    base = float(outcomes(study.paths["best-path"])[outcome])
    ends = [(base, "the stated weights"), *((float(row[outcome]), weight_words(row)) for row in rows)]
    low, high = min(ends, key=lambda end: end[0]), max(ends, key=lambda end: end[0])
    return Range(low[0], high[0], low[1], high[1])


def weight_words(row: Mapping[str, Any]) -> str:
    """A weight by its card's title, cut short, and its value."""
    title = re.split(r" \(|, ", str(row["title"]))[0]
    return f"{title[:1].lower()}{title[1:]} at {float(row['value']):g}"


def spread_rows(study: Study) -> list[tuple[str, str, float, float]]:
    """(title, range of the card, gain at its low end, at its high end) of the cards that move two halves most."""
    rows: list[tuple[str, str, float, float]] = []
    for row in study.checks.get("spread", ()):
        ends = f"{float(row['low']):g} to {float(row['high']):g}"
        gains = [float(row[end]["with_in_kind_gain"]) for end in ("at_low", "at_high")]
        rows.append((str(row["title"]), ends, gains[0], gains[1]))
    return rows


@dataclass(frozen=True)
class Variant:
    """A policy under another assumption: its outcomes in the last year, percent of GDP and percent."""

    title: str
    consumption: float
    with_in_kind: float
    unemployment: float
    debt: float
    idle: float
    firm_debt: float | None = None
    first: bool = False

    @property
    def debts(self) -> float | None:
        """Public debt and firms' debt together, as they are rounded; None where the study holds no firms' debt."""
        return None if self.firm_debt is None else float(round(self.debt) + round(self.firm_debt))


def variants(study: Study) -> list[Variant]:
    """Two halves and best path as stated and under other assumptions, grouped; `first` begins a group."""
    checks, paths = study.checks, study.paths
    if "payers" not in checks or not {"two-halves", "best-path"} <= set(paths):
        return []
    best = outcomes(paths["best-path"])
    without = checks["without_precaution"]
    usual = outcomes(paths["business-as-usual"]) if "business-as-usual" in paths else best
    payer = paths["two-halves"].experiment.levers.payer
    return [
        _variant("business as usual", usual, first=True),
        _variant("two halves as stated", outcomes(paths["two-halves"]), first=True),
        _variant("without the assumed response to welfare", without["two-halves"]),
        *(_variant(f"paid by {PAYERS[one]}", row) for one, row in checks["payers"].items() if one != payer),
        _variant("programme all in cash", checks["mix"]["0.0"]),
        _variant("programme all in kind", checks["mix"]["1.0"]),
        _variant("demand only as stated", outcomes(paths["demand-only"]), first=True),
        _variant("without the assumed response to welfare", without["demand-only"]),
        _variant("best path as stated", best, first=True),
        _variant("without the assumed response to welfare", without["best-path"]),
        _variant("without its idle target", checks["best_without_target"]),
    ]


def _variant(title: str, row: Mapping[str, Any], first: bool = False) -> Variant:
    keys = ("consumption", "with_in_kind", "unemployment", "debt", "idle")
    firms = row.get("firm_debt")  # a study of before firms' debt was kept has none
    owed = None if firms is None else float(firms)
    return Variant(title, *(float(row[key]) for key in keys), firm_debt=owed, first=first)


def precaution_of(study: Study) -> float | None:
    """The card that says how much consumption answers to welfare; None where the cards hold no such number."""
    path = next(iter(study.paths.values()))
    try:
        return cards_of(path)["precaution"]
    except CardError:
        return None


def points(value: float) -> str:
    """A distance in points of GDP."""
    return f"{number(abs(value))} point{'' if number(abs(value)) == '1.0' else 's'}"
