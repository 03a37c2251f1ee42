"""The headline as it is printed: warnings above it, the table, and beneath it what each of its numbers hangs on."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from iomodel.program.trajectory import Trajectory
from iomodel.regions import said_together
from iomodel.report.abroad import partner_lines
from iomodel.report.known import known_years, warnings_among
from iomodel.report.reasons import debts_words, multiplier_words, payer_words, watched_words
from iomodel.report.rows import (
    Row,
    beside_rows,
    estimate_words,
    gain_explained,
    headline_rows,
    known_table,
    miss_rows,
    precaution_of,
    spread_rows,
    weight_range,
    where_from,
    years_of,
)
from iomodel.report.sentences import share_gains
from iomodel.report.words import PAYERS, number, signed
from iomodel.study.policies import Study, outcomes

WIDTH = 108
LABEL = 42
COLUMNS = (
    ("consumption", "% of GDP", "consumption, % of GDP", 10),
    ("", "% over as usual", "consumption, % over as usual", 16),
    ("with in-kind", "% of GDP", "with in-kind, % of GDP", 14),
    ("growth", "% a year", "growth, % a year", 10),
    ("investment", "% of GDP", "investment, % of GDP", 12),
    ("idle plant*", "%", "idle plant, %", 13),
    ("social", "% of GDP", "social, % of GDP", 10),
    ("unemployed", "peak %, mn", "unemployed", 13),
    ("public debt", "% of GDP", "public debt, % of GDP", 11),
)
"""Heading, unit beneath it, column of `iomodel.compare`, width."""

TABLE_WIDTH = LABEL + sum(width for *_, width in COLUMNS)

INVESTMENT = "investment: gross capital formation, stocks among it"
FOOTNOTE = f"* industrial capacity beyond normal use, share of all; {INVESTMENT}"


def headline_text(study: Study) -> str:
    """The printed headline of a study: warnings, table, and what stands beside it."""
    warnings = [f"Warning: {text}" for text in warnings_of_study(study)]
    above = [line for text in warnings for line in _prose(text)]
    return "\n".join([*above, *([""] if above else []), *_table(study), "", *_beside(study)])


def known_text(paths: Sequence[Trajectory], whole: bool = True) -> tuple[str, str]:
    """What stands above and beneath a headline of any paths: warnings, and each reference beside what happened.

    Both are empty for paths without known years; a reference that several paths share is told once, and in a line
    where it is nowhere outside and not `whole`.
    """
    found = known_years((path.experiment.name, path) for path in paths)
    above = [line for text in warnings_among(found) for line in _prose(f"Warning: {text}")]
    beneath = [
        "\n".join(_misses(one.misses, one.names)) if whole or one.warnings else _within(one.misses, one.names)
        for one in found
    ]
    return "\n".join(above), "\n\n".join(beneath)


def _within(misses: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    """In a line that the reference path is within its tolerances of what happened."""
    years = sorted({int(miss["year"]) for miss in misses})
    whose = f" of {', '.join(names)}" if names else ""
    return (
        f"Reference path{whose} beside what happened {years[0]}–{years[-1]}: all {len(misses)} published figures are "
        "within their tolerance (--verbose shows them)"
    )


def warnings_of_study(study: Study) -> list[str]:
    """What has to stand above the headline: the reference path's misses, then each path's own warnings."""
    found = [str(text) for text in study.checks.get("warnings", ())]
    for paths, table in (
        (list(study.paths.items()), ""),
        (_abroad_only(study), " on the inter-country table"),
        *(([(path.experiment.name, path)], f" on {table}") for table, path in study.others.items()),
    ):
        parts: dict[str, dict[str, tuple[str, ...]]] = {}
        for name, path in paths:
            if "part_of" in path.provenance:
                own = parts.setdefault(path.provenance["part_of"], {})
                own[path.experiment.region] = path.verdict.warnings
                if path.verdict.status not in ("optimal", "simulated") and len(own) == 1:
                    found.append(f"{path.provenance['part_of']}{table} is {path.verdict.status}")
                continue
            found += [f"{name}{table}: {text}" for text in path.verdict.warnings]
            if path.verdict.status not in ("optimal", "simulated"):
                found.append(f"{name}{table} is {path.verdict.status}")
        found += [f"{whole}{table}: {text}" for whole, own in parts.items() for text in said_together(own)]
    return found


def _abroad_only(study: Study) -> list[tuple[str, Trajectory]]:
    """What is carried abroad and is not of the headline."""
    return [(name, path) for name, path in study.world.items() if path is not study.paths.get(name)]


def cell(row: Row, column: str) -> str:
    """One cell of the headline table, rounded to what it bears."""
    if column == "unemployed":
        return f"{number(row.values['unemployed peak, %'])}, {number(row.values['unemployed peak, mn'], 0)}"
    value = row.values[column]
    if column == "consumption, % over as usual":
        return signed(value)
    return number(value, 0 if "debt" in column else 1)


def _table(study: Study) -> Iterator[str]:
    paths = list(study.paths.values())
    _, first, last = years_of(paths[0])
    yield _placed(f"{where_from(paths[0])};", [head for head, *_ in COLUMNS])
    yield _placed(f"policy {first}–{last}, year {last}", [unit for _, unit, *_ in COLUMNS])
    for row in (*headline_rows(study.paths), *beside_rows(study)):
        yield _placed(row.title, [cell(row, key) for _, _, key, _ in COLUMNS])
        if row.states:
            yield from textwrap.wrap(f"({row.states})", TABLE_WIDTH, initial_indent="   ", subsequent_indent="    ")
    yield FOOTNOTE
    yield from _prose(estimate_words(paths), rest="  ")


def _placed(label: str, cells: Sequence[str]) -> str:
    """A line with each cell at its column's place; an empty one leaves its room to the cell before it."""
    line, place = label, LABEL
    for found, (*_, width) in zip(cells, COLUMNS, strict=True):
        line = line.ljust(place) + found if found else line
        place += width
    return line


# ---------------------------------------------------------------- beneath the table


def _beside(study: Study) -> Iterator[str]:
    found = list(partner_lines(study))
    yield from [*found, ""] if found else []
    yield from _misses(study.checks.get("misses", ()), table=known_table(study))
    for text in _notes(study):
        yield from _prose(text, first="- ", rest="  ")


def _misses(misses: Sequence[Mapping[str, Any]], names: Sequence[str] = (), table: str = "") -> Iterator[str]:
    """The reference path beside what happened, a line a variable.

    names: the paths that it is of; table: what table it is on; both only where said.
    """
    rows = miss_rows(misses)
    if not rows:
        return
    years = sorted({year for row in rows for year in row.cells})
    span = f"{years[0]}–{years[-1]}"
    whose = f" of {', '.join(names)}" if names else ""
    yield f"Reference path{whose} beside what happened {span} (model/published; f fitted, else tested; ! outside)"
    yield "  " + table.ljust(26) + "tolerance".ljust(10) + "".join(str(year).ljust(15) for year in years).rstrip()
    for row in rows:
        cells = "".join(_miss(row.cells.get(year)).ljust(15) for year in years)
        yield f"  {row.title.removesuffix(' share'):26}{f'± {row.tolerance:g}':10}{cells}".rstrip()


def _miss(found: tuple[float, float, bool, bool] | None) -> str:
    if found is None:
        return "–"
    value, published, fitted, within = found
    return f"{number(value)}/{number(published)}{' f' if fitted else ''}{'' if within else ' !'}"


def _notes(study: Study) -> Iterator[str]:
    """One note a check, each only where the check was made."""
    checks = study.checks
    last = years_of(next(iter(study.paths.values())))[2]
    both = outcomes(study.paths["two-halves"]) if "two-halves" in study.paths else {}
    yield from _welfare(study)
    if "payers" in checks:
        yield (
            f"Two halves in {last} by who pays: "
            + "; ".join(
                f"{PAYERS[payer]} {_pair(row)}, debts {debts_words(row)}" for payer, row in checks["payers"].items()
            )
            + f" (consumption, with in-kind, public + firms' debt, % of GDP). {payer_words(study)}".rstrip()
        )
    if "mix" in checks and both:
        cash, kind = checks["mix"]["0.0"], checks["mix"]["1.0"]
        yield f"Two halves all in cash {_pair(cash)}; all in kind {_pair(kind)}; as stated {_pair(both)}."
    yield from _best(study)
    if "interaction" in checks:
        yield interaction_words(
            checks["interaction"], share_gains({row.name: row for row in headline_rows(study.paths)})
        )
    if checks.get("spread"):
        yield _spread(study, float(both["with_in_kind_gain"]))
    if "announced_rule" in checks:
        off = max(abs(row["with_in_kind"]) for row in checks["announced_rule"].values())
        yield (
            "Carried out by the announced rule instead of by the program, consumption with in-kind of the stated "
            f"policies differs by at most {number(off, 2)} points."
        )
    if "multipliers" in checks:
        yield multiplier_words(study)
    for name, said in watched_words(study, warnings=False):
        yield f"Watched, {name}: {'; '.join(said)}."


def _welfare(study: Study) -> Iterator[str]:
    """What the assumed response to welfare explains of the gains, where it was left out."""
    explained, alone = gain_explained(study), gain_explained(study, "consumption")
    if explained is not None and alone is not None:
        gain, rest, share = explained
        yield (
            f"Response to welfare (card precaution: a yuan of programme releases {precaution_of(study) or 0:g} yuan of "
            f"saving): without it two halves gain {signed(rest)} points of consumption with in-kind instead of "
            f"{signed(gain)}, and of consumption alone {signed(alone[1])} instead of {signed(alone[0])}; the "
            f"assumption explains {number(100 * share, 0)} and {number(100 * alone[2], 0)} percent of the gains."
        )


def _spread(study: Study, stated: float) -> str:
    """How far the gain of two halves moves over the cards that move it most; `stated` is the gain as it is."""
    rows = spread_rows(study)
    return (
        "Gain of two halves (with in-kind, points of GDP) over the "
        f"{len(rows)} cards that move it most: "
        + "; ".join(f"{title} ({ends}) {signed(low)} to {signed(high)}" for title, ends, low, high in rows)
        + f". As stated {signed(stated)}."
    )


def _best(study: Study) -> Iterator[str]:
    kind, own = weight_range(study, "with_in_kind"), weight_range(study, "consumption")
    if kind is not None and own is not None:
        yield (
            f"Best path over the weights of its goal, one at a time: consumption {number(own.low)} to "
            f"{number(own.high)}, with in-kind {number(kind.low)} ({kind.at_low}) to {number(kind.high)} "
            f"({kind.at_high}) % of GDP."
        )
    without = study.checks.get("best_without_target")
    if without is not None and "best-path" in study.paths:
        best = outcomes(study.paths["best-path"])
        yield (
            f"Best path without its idle target: {_pair(without)}, idle plant {number(without['idle'])} %; "
            f"with it {_pair(best)}, idle plant {number(float(best['idle']))} %."
        )


def interaction_words(found: Mapping[str, float], shares: tuple[float, float]) -> str:
    """The halves together and apart: levels of consumption and with in-kind, and the share of GDP that they gain."""
    parts: list[str] = []
    for key, title in (("consumption", "consumption"), ("with_in_kind", "with in-kind")):
        parts.append(
            f"{title} {signed(found[f'{key}_joint'])} together, {signed(found[f'{key}_supply'])} and "
            f"{signed(found[f'{key}_demand'])} apart, interaction {signed(found[f'{key}_interaction'])}"
        )
    share = "with_in_kind_share"
    apart = (
        f", {signed(found[f'{share}_supply'])} and {signed(found[f'{share}_demand'])} apart, interaction "
        f"{signed(found[f'{share}_interaction'])}"
        if f"{share}_interaction" in found
        else ""
    )
    return (
        f"Interaction of the halves (level, % of base-year GDP): {'; '.join(parts)}; as a share of the year's GDP, "
        f"with in-kind {signed(shares[0])} together{apart}; the two policies solved alone sum to {signed(shares[1])}."
    )


def _pair(row: Mapping[str, Any]) -> str:
    return f"{number(float(row['consumption']))}, {number(float(row['with_in_kind']))}"


def _prose(text: str, first: str = "", rest: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False)
