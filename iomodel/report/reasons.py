"""Why the answers are what they are, in words made from the numbers: what stops a path, when it closes plant, who owes.

A cause is named only where the numbers beside it bear it out; without them the sentence says what was found, no more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from iomodel.program.trajectory import Trajectory
from iomodel.report.abroad import SHARE, TOTAL, Row, rows_of, sure_of_sign, trust
from iomodel.report.laws import limits
from iomodel.report.rows import cards_of, other_title, weight_range, years_of
from iomodel.report.words import MINUS, TOO_LITTLE, compared, listed, number, policy, region, signed, span
from iomodel.spillover.estimate import BY_VARIANT, ERROR
from iomodel.study.policies import Study

if TYPE_CHECKING:
    import xarray as xr

    from iomodel.experiment import Experiment

BOTH, BEST = "two-halves", "best-path"
LATE_YEARS = 3
"""Closings in so many years before a target's year count as put off."""


def best_words(study: Study) -> list[str]:
    """How far the best path goes with each free lever in its last year, and why it stops there."""
    path = study.paths[BEST]
    here, stated = path.data.isel(year=-1), study.paths.get(BOTH)
    size, cut = float(here["programme_share"]), 100 * float(here["reform"])
    beside = cuts = ""
    if stated is not None:
        there = stated.data.isel(year=-1)
        than = compared(size, float(there["programme_share"]), "more than", "less than", "as much as")
        beside = f" ({than} the two halves' {number(float(there['programme_share']))})"
        cuts = f" (two halves {number(100 * float(there['reform']), 1)})"
    idle, unemployed = number(float(here["idle_share"])), number(float(here["unemployment_rate"]))
    went = (
        f"In {int(here['year'])} the best path has a social programme of {number(size)} points of GDP{beside}, a "
        f"reform that takes {number(cut, 1)} percent of the investment drive before leakage{cuts}, and {idle} percent "
        f"of industrial plant idle; unemployment is {unemployed} percent."
    )
    most = [f"{limit.says} ({limit.costs} a year if 1 % {limit.change})" for limit in limits(path, 2)]
    stops = [f"What limits it most: {'; and '.join(most)}."] if most else []
    return [went, *stops, *_held(path, stated), *_over_weights(study)]


def _held(path: Trajectory, stated: Trajectory | None) -> list[str]:
    """Why a programme below the stated size is chosen: labour used up, plant at its limit, each where so."""
    if stated is None:
        return []
    if float(path.data["programme_share"][-1]) >= float(stated.data["programme_share"][-1]) - TOO_LITTLE:
        return []
    reasons = [text for text in (_labour(path), _plant(path, stated)) if text]
    if not reasons:
        return []
    return [
        f"It stops below the stated size{' for two reasons' if len(reasons) > 1 else ''}: {'; and '.join(reasons)}."
    ]


def _labour(path: Trajectory) -> str:
    """Full employment up to the last year, and what follows for a larger programme; empty without it."""
    data, floor = path.data.sel(year=path.policy_years), 100 * cards_of(path)["frictional_unemployment"]
    rates = zip(data["year"].values, data["unemployment_rate"].values, strict=True)
    years = [int(year) for year, rate in rates if rate < floor + TOO_LITTLE]
    if not years or years[-1] != int(data["year"].values[-1]):
        return ""
    return (
        f"labour is used up, unemployment being at its floor of {floor:g} percent in {span(years)}, so that more "
        "programme has to be matched by less investment or bought abroad at its full price"
    )


def _plant(path: Trajectory, stated: Trajectory) -> str:
    """Sectors whose plant is at its limit, and how much more the stated policy strains plant; empty without any."""
    found = next((limit for limit in limits(path) if limit.law == "capacity_limit"), None)
    if found is None:
        return ""
    here, there = (float(one.data["strained_output"].isel(year=-1).sum()) for one in (path, stated))
    text = f"plant of {listed(found.sectors)} is at its limit and follows demand late"
    if round(there, 3) <= round(here, 3):
        return text
    return (
        f"{text}; the stated policy, which has to reach its size, goes beyond such limits by {number(there, 3)} "
        f"percent of base-year GDP in the last year, the best path by {number(here, 3)}"
    )


def _over_weights(study: Study) -> list[str]:
    """Whether other weights of the goal carry the best path past the stated policy."""
    found = weight_range(study, "with_in_kind")
    if found is None or BOTH not in study.paths:
        return []
    stated = float(study.paths[BOTH].data["actual_individual_consumption_share"][-1])
    past = compared(found.high, stated, "further than", "less far than", "as far as")
    text = (
        f"The weights of its goal are choices: with another ({found.at_high}) it goes {past} the two halves, "
        f"{number(found.high)} against {number(stated)} percent of GDP with services in kind."
    )
    return [text]


def closing_words(paths: Mapping[str, Trajectory]) -> list[str]:
    """When plant is closed under each policy that closes some, how idle plant moves before, and why so late."""
    closing = {name: path for name, path in paths.items() if _closed(path).sum() > TOO_LITTLE}
    late = [policy(name) for name, path in closing.items() if _put_off(path)]
    why = (
        f"Under {listed(late)} most is closed in the last {LATE_YEARS} years before the cut of idle plant is due: "
        "foresight is perfect and the target has only a date, so closing waits."
    )
    return [*(_closing(name, path) for name, path in closing.items()), *([why] if late else [])]


def _put_off(path: Trajectory) -> bool:
    """Whether most closings come just before the year in which idle plant has to be cut."""
    target, first = path.experiment.targets.get("idle_cut"), years_of(path)[1]
    if target is None:
        return False
    due, closed = first + target.by - 1, _closed(path)
    late = [amount for year, amount in zip(path.policy_years, closed, strict=True) if 0 < due - int(year) <= LATE_YEARS]
    return sum(late) > 0.5 * closed.sum()


def _closed(path: Trajectory) -> np.ndarray:
    """Plant closed a year of policy, all sectors."""
    closed = path.data["retirement"].sel(year=path.policy_years).sum("sector").values
    return np.asarray(closed, dtype=float)


def _closing(name: str, path: Trajectory) -> str:
    _, first, last = years_of(path)
    closed, years = _closed(path), [int(year) for year in path.policy_years]
    told = [year for year, amount in zip(years, closed, strict=True) if amount > TOO_LITTLE * closed.sum()]
    idle = path.data["idle_share"].sel(year=[first - 1, *years])
    top = int(idle["year"].values[int(np.argmax(idle.values))])
    text = f"Under {policy(name)} plant is closed mainly in {span(told)}"
    start, high, end = (float(idle.sel(year=year)) for year in (first - 1, top, last))
    if top == last or high - start < TOO_LITTLE:
        return f"{text}. Idle plant goes from {number(start)} percent in {first - 1} to {number(end)} in {last}."
    return (
        f"{text}; idle plant first rises, from {number(start)} percent in {first - 1} to {number(high)} in {top}, and "
        f"is {number(end)} in {last}."
    )


def debts_of(row: Mapping[str, float | str]) -> tuple[float, float | None]:
    """Public debt and firms' debt of a row of outcomes, percent of GDP; None where the study holds no firms' debt."""
    firms = row.get("firm_debt")
    return float(row["debt"]), None if firms is None else float(firms)


def debts_words(row: Mapping[str, float | str]) -> str:
    """Public debt, firms' debt and the sum of both as they are rounded.

    >>> debts_words({"debt": 201.6, "firm_debt": 138.9})
    '202 + 139 = 341'
    """
    public, firms = debts_of(row)
    if firms is None:
        return number(public, 0)
    return f"{number(public, 0)} + {number(firms, 0)} = {number(round(public) + round(firms), 0)}"


def payer_words(study: Study) -> str:
    """Whether dividends lower what is owed or move it from the state to its firms."""
    payers: Mapping[str, Mapping[str, float | str]] = study.checks.get("payers", {})
    if not {"debt", "dividends"} <= payers.keys():
        return ""
    public, firms = debts_of(payers["debt"])
    paid, owed = debts_of(payers["dividends"])
    if firms is None or owed is None:
        return ""
    return _moved(public, firms, paid, owed)


def dividend_words(paths: Mapping[str, Trajectory]) -> list[str]:
    """What dividends do to both debts, for each two paths that differ in nothing but them: one paid by public debt."""

    def alike(path: Trajectory) -> Experiment:
        return path.experiment.replace(name="alike", question="", payer="debt")

    def owed(path: Trajectory) -> tuple[float, float]:
        last = path.data.isel(year=-1)
        return float(last["public_debt_share"]), float(last["firm_debt_share"])

    paid_by = {
        payer: [(name, path) for name, path in paths.items() if path.experiment.levers.payer == payer]
        for payer in ("debt", "dividends")
    }
    return [
        f"{policy(name)} and {policy(other)}: {_moved(*owed(path), *owed(paid))}"
        for name, path in paid_by["debt"]
        for other, paid in paid_by["dividends"]
        if path.experiment.levers.free and alike(path) == alike(paid)
    ]


def _moved(public: float, firms: float, paid: float, owed: float) -> str:
    """What dividends do: public debt and firms' debt without them, and with them, percent of GDP."""
    moved, apart = paid - public, (paid + owed) - (public + firms)
    if abs(apart) <= 1.0:
        if abs(moved) <= 1.0:
            return "Dividends change neither debt by more than a point."
        way = "from the state to its firms" if moved < 0 else "from firms to the state"
        word = "lower" if moved < 0 else "higher"
        return (
            f"Dividends are not free: they move debt {way}; public debt is {number(abs(moved), 0)} points {word}, the "
            "sum of both debts the same within a point."
        )
    return (
        f"Dividends move public debt by {signed(moved, 0)} points and firms' debt by {signed(owed - firms, 0)}: "
        f"together they end {number(abs(apart), 0)} points {'lower' if apart < 0 else 'higher'}."
    )


def multiplier_words(study: Study) -> str:
    """Multipliers of the instruments in words: first year and second, labour in plenty and at its limit."""
    rows = study.checks.get("multipliers", ())
    value = {(row["instrument"], row["year"], row["labour_limit"]): float(row["value"]) for row in rows}
    told = [
        f"{name} {number(value[name, 1, False], 2)} in the first year and {number(value[name, 2, False], 2)} in the "
        f"second ({number(value[name, 2, True], 2)} with the limit of labour)"
        for name in dict.fromkeys(str(row["instrument"]) for row in rows)
    ]
    if not told:
        return ""
    return f"Multipliers at given prices, without the response to welfare: a yuan a year of {'; of '.join(told)}."


def watched_words(study: Study, warnings: bool = True) -> list[tuple[str, list[str]]]:
    """Policy -> what leaves its margin on its path, and its verdict's `warnings`; only policies that have some."""
    found: list[tuple[str, list[str]]] = []
    table = next(iter(study.paths.values())).provenance["table_sha256"]
    paths = [(policy(name), path) for name, path in study.paths.items()]
    paths += [
        (policy(name) if path.provenance["table_sha256"] == table else other_title(path, name), path)
        for name, path in study.beside
    ]
    for title, path in paths:
        said = [*path.provenance.get("watched", ()), *(path.verdict.warnings if warnings else ())]
        if said:
            found.append((title, [re.sub(r"(?<=\s)-(?=\d)", MINUS, str(text)) for text in said]))
    return found


# ---------------------------------------------------------------- partners and jobs


def partner_words(partners: xr.Dataset) -> str:
    """Who gains and who loses in the last year, by value added."""
    year = int(partners["year"].values[-1])
    rows = {region(one): channels[TOTAL] for one, channels in rows_of(partners).items()}
    changes = {name: float(row[SHARE] or 0.0) for name, row in rows.items()}
    counts = [
        f"{verb} for {sum(1 for change in changes.values() if _sign(change) == sign)}"
        for verb, sign in (("rises", 1), ("falls", -1), ("does not move", 0))
        if any(_sign(change) == sign for change in changes.values())
    ]
    most, least = max(changes, key=lambda one: changes[one]), min(changes, key=lambda one: changes[one])
    small = ": next to nothing" if max(abs(change) for change in changes.values()) < 0.1 else ""
    ends = [
        f"{signed(changes[one], 2)} percent ({'; '.join(part for part in (one, _ends(rows[one])) if part)})"
        for one in (least, most)
    ]
    return (
        f"Value added in {year} {listed(counts)} of {len(changes)} partners, from {ends[0]} to {ends[1]}{small}."
        f"{_sure(partners, len(changes))}"
    )


def _ends(row: Row) -> str:
    """Range over variants and error of the rehearsal in a sentence; empty on a published table."""
    return ", ".join(part.strip("()") for part in trust(row, SHARE, 2))


def _sure(partners: xr.Dataset, count: int) -> str:
    """Of how many partners the sign is sure, where that is known."""
    if not any(str(name).endswith(BY_VARIANT) for name in partners):
        return ""
    sure = sure_of_sign(rows_of(partners))
    beyond = " and beyond the rehearsal's error" if any(str(name).endswith(ERROR) for name in partners) else ""
    return f" For {len(sure)} of {count} the sign is the same in every variant of the estimate{beyond}."


def _sign(change: float) -> int:
    """Sign of a change in percent, as it is rounded."""
    return (round(change, 2) > 0) - (round(change, 2) < 0)


def home_words(path: Trajectory, without: Trajectory) -> str:
    """What partners' tariffs do at home: the same policy with and without them."""
    years = path.policy_years

    def ends(one: Trajectory) -> tuple[float, float, float]:
        gdp, first = one.data["gdp"], int(years[0]) - 1
        growth = 100 * ((float(gdp[-1]) / float(gdp.sel(year=first))) ** (1 / len(years)) - 1)
        return float(one.data["unemployment_rate"].sel(year=years).max()), growth, float(gdp[-1])

    (peak, growth, gdp), (peak_without, growth_without, gdp_without) = ends(path), ends(without)
    change = 100 * (gdp / gdp_without - 1)
    verb = compared(change, 0.0, "gains", "loses", "keeps its GDP")
    size = "" if verb.startswith("keeps") else f" {number(abs(change))} percent of its GDP of {int(years[-1])}"
    word = compared(peak, peak_without, "higher", "lower", "no higher")
    pace = compared(growth, growth_without, "faster", "slower", "no slower")
    return (
        f"{region(path.experiment.region)} itself {verb}{size} by the tariffs: unemployment peaks {word} "
        f"({number(peak)} percent with them, {number(peak_without)} without), growth is {pace} ({number(growth)} "
        f"percent a year with, {number(growth_without)} without)."
    )


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
