"""The page: one file with its style, figures and data inside, which opens offline and on a phone."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from iomodel.answers.headline import refusal, refusals
from iomodel.cards import KINDS, Card, load_cards
from iomodel.errors import ResultError
from iomodel.files import write_text
from iomodel.program.trajectory import Trajectory
from iomodel.regions import by_region
from iomodel.report import reasons, rows, sentences, text
from iomodel.report.abroad import trust_words
from iomodel.report.bars import channels_of, partners_ends, partners_table, sector_tables
from iomodel.report.known import known_years, warnings_among
from iomodel.report.laws import NARROW, limits
from iomodel.report.plots import policy_panels, saving_panels, svg
from iomodel.report.words import TABLES, number, policy, signed
from iomodel.shipped import shipped_tables, table_card
from iomodel.spillover.estimate import ERROR
from iomodel.study.files import partners_csv, study_files
from iomodel.study.policies import Study

FIRMS = ("firms' debt", "% of GDP", "firms' debt, % of GDP")
"""Heading, unit and column of `iomodel.compare` of what stands beside public debt: dividends move debt to firms."""

KIND_WORDS = {
    "read": "read in their sources",
    "derived": "derived from figures read",
    "fitted": "fitted so that a published figure is met",
    "assumed": "assumed, each for a stated reason",
    "default": "defaults taken over from another country or year",
    "preference": "stated preferences",
}
"""Kind of a card -> what it means, after a number."""


REHEARSED = (
    "The method was rehearsed on a year whose truth is known, with the statistics office's own table and trade by pair "
    "from other years. The error by partner and use of home demand (the mean over spans of years where that is larger) "
    "is taken on the part of the change that goes through that use, and the parts added up, whatever their sign. Under "
    "tariffs it is the partner's mean error."
)
"""What the rehearsal's error beside a number is."""


def write_report(study: Study | Sequence[Trajectory], file: str | Path) -> Path:
    """Write the page of a study, or of any solved paths, as one HTML file; returns it.

    Raises ResultError when the file cannot be written or there is no path.

    >>> import iomodel as iom
    >>> usual = iom.simulate(iom.load_experiment("business-as-usual"))
    >>> page = iom.write_report([usual], getfixture("tmp_path") / "report.html")
    >>> "business as usual" in page.read_text(encoding="utf-8")
    True
    """
    whole = study if isinstance(study, Study) else study_of(study)
    return write_text(file, page_html(whole, made_by_study=isinstance(study, Study)))


def study_of(paths: Sequence[Trajectory]) -> Study:
    """Single paths as a study: those on the first one's table are the headline, others stand beside it."""
    if not paths:
        raise ResultError("There is no path to report; give at least one trajectory.")
    paths = [one for path in paths for one in by_region(path).values()]
    first = paths[0].provenance["table_sha256"]
    home = _named([path for path in paths if path.provenance["table_sha256"] == first])
    other = _named([path for path in paths if path.provenance["table_sha256"] != first])
    known = known_years([*home.items(), *other.items()])
    if not known:
        return Study(home, other, {}, {})
    checks: dict[str, Any] = {"misses": known[0].misses, "warnings": warnings_among(known)}
    if any(one.names for one in known):  # paths under other cards or on other tables have another reference, or none
        checks["references"] = [{"paths": list(one.names), "misses": one.misses} for one in known]
    return Study(home, other, {}, checks)


def _named(paths: Sequence[Trajectory]) -> dict[str, Trajectory]:
    """Paths by name, business as usual first; a name that comes twice is counted."""
    found: dict[str, Trajectory] = {}
    for path in sorted(paths, key=lambda one: one.experiment.name != "business-as-usual"):
        name, count = path.experiment.name, 2
        while name in found:
            name, count = f"{path.experiment.name} ({count})", count + 1
        found[name] = path
    return found


def page_html(study: Study, made_by_study: bool = True) -> str:
    """The page as text."""
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {"number": number, "signed": signed, "policy": policy, "card": _card_value}
    template = environment.from_string(_packed("page.html"))
    return template.render(_context(study, made_by_study))


@cache
def _packed(name: str) -> str:
    return files("iomodel.report").joinpath(name).read_text(encoding="utf-8")


def _context(study: Study, made_by_study: bool) -> dict[str, Any]:
    """Everything that the template shows."""
    paths = list(study.paths.values())
    base, first, last = rows.years_of(paths[0])
    kept = _with_headline(study)
    headline = rows.headline_rows(kept.paths) if kept.paths else []
    binding = {name: limits(path) for name, path in study.paths.items()}
    return {
        "style": Markup(_packed("style.css")),
        "title": rows.title_of(study, made_by_study),
        "estimated": rows.estimate_words(paths),
        "known_table": rows.known_table(study),
        "others": [(row.name, _cells(row)) for row in rows.other_rows(study)],
        "where": rows.where_from(paths[0], len(paths) if rows.whole_of(study) else 1),
        "base": base,
        "first": first,
        "last": last,
        "known": range(base + 1, first),
        "warnings": text.warnings_of_study(study),
        "answer": [*refusals(study.paths.values()), *(sentences.answer(kept) if kept.paths else [])],
        "rows": [(row, _cells(row)) for row in headline],
        "columns": [*((head, unit) for head, unit, _, _ in text.COLUMNS), FIRMS[:2]],
        "footnote": text.FOOTNOTE,
        "dividends": reasons.dividend_words(kept.paths),
        "shares": sentences.share_words({row.name: row for row in headline}),
        "panels": _drawn(policy_panels(study), "path"),
        "saving": _drawn(saving_panels(study.paths), "saving"),
        "sectors": sector_tables(study),
        "jobs": _jobs(study),
        "closing": reasons.closing_words(study.paths),
        **_abroad(study),
        **_world(study),
        "binding": {name: found for name, found in binding.items() if found},
        "narrow": NARROW if any(limit.narrow for found in binding.values() for limit in found) else "",
        "best": reasons.best_words(study) if "best-path" in study.paths else [],
        "watched": reasons.watched_words(study),
        **_beside(study),
        "debt": _debt(study),
        "elasticity": _elasticity(study),
        "cards": _cards(study),
        "kind_words": KIND_WORDS,
        "sources": _sources(study),
        "verdicts": [(policy(name), str(path.verdict)) for name, path in study.paths.items()]
        + [(f"{policy(name)}, {path.provenance['table']}", str(path.verdict)) for name, path in study.beside],
        "versions": paths[0].provenance.get("versions", {}),
        "headline_csv": _data(headline_csv(study)),
        "paths_csv": _data(paths_csv(study)),
        "partners_csv": _data(partners_csv(study.partners)) if study.partners else "",
        "files": study_files(study) if made_by_study else {},
    }


def _cells(row: rows.Row) -> list[str]:
    """The cells of a headline's row: those of the text, and firms' debt, for which the page has room."""
    return [text.cell(row, key) for key in (*(key for _, _, key, _ in text.COLUMNS), FIRMS[2])]


def _with_headline(study: Study) -> Study:
    """The study with the paths that may have a headline."""
    return replace(study, paths={name: path for name, path in study.paths.items() if not refusal(path)})


def _drawn(panels: Sequence[Any], key: str) -> list[tuple[Any, Markup]]:
    return [(panel, Markup(svg(panel, f"{key}{place}"))) for place, panel in enumerate(panels)]


def _jobs(study: Study) -> str:
    usual, both = study.paths.get("business-as-usual"), study.paths.get("two-halves")
    return reasons.jobs_words(both, usual) if usual and both else ""


def _abroad(study: Study) -> dict[str, Any]:
    """Partners of each policy, their bars on one scale, and what tariffs do at home."""
    (low, high), channels = partners_ends(study.partners), channels_of(study.partners)
    tables: list[tuple[str, str, list[str], Any]] = []
    for name, data in study.partners.items():
        words = [reasons.partner_words(data)]
        path, without = study.world.get(name), study.world.get("two-halves")
        if path is not None and without is not None and path.experiment.tariffs and path is not without:
            words.append(reasons.home_words(path, without))
        tables.append((name, _stated_abroad(study, name), words, partners_table(name, data, (low, high), channels)))
    first = next(iter(study.partners.values()), None)
    estimated = first is not None and "estimate" in first.attrs
    return {
        "partners": tables,
        "scale": (signed(low, 2), signed(high, 2)),
        "estimated_abroad": estimated,
        "trusted": trust_words(first) if first is not None else "",
        "rehearsed": REHEARSED if first is not None and any(str(name).endswith(ERROR) for name in first) else "",
        "other_table": not rows.same_table(study),
    }


def _world(study: Study) -> dict[str, Any]:
    """The headline of the paths on the other table, and which table and years it is."""
    found = rows.headline_rows(study.world)
    path = next(iter(study.world.values()), None)
    return {
        "world": [(row.title, _cells(row)) for row in found],
        "world_from": "" if path is None else _table_words(path),
        "defaults": 0 if path is None else rows.cards_of(path).count()["default"],
        "world_years": () if path is None else rows.years_of(path),
    }


def _table_words(path: Trajectory) -> str:
    table, year = str(path.provenance["table"]), int(path.provenance["year"])
    return f"{TABLES.get(table, f'table {table}')} of {year}, {path.data.sizes['sector']} sectors"


def _stated_abroad(study: Study, name: str) -> str:
    """What a policy states on the inter-country table."""
    return rows.states(study.world[name]) if name in study.world else ""


def _debt(study: Study) -> tuple[float, float]:
    """The reference path's public debt at the end and before the policy, percent of GDP."""
    path = next(iter(study.paths.values()))
    data = path.data if path.reference is None else path.reference
    debt = data["public_debt_share"]
    return float(debt[-1]), float(debt.sel(year=rows.years_of(path)[1] - 1))


def _elasticity(study: Study) -> str:
    if not study.world:
        return ""
    return f"{rows.cards_of(next(iter(study.world.values())))['elasticity_imports']:g}"


def _card_value(value: float | Sequence[float]) -> str:
    return f"{value:g}" if isinstance(value, int | float) else ", ".join(f"{entry:g}" for entry in value)


def _beside(study: Study) -> dict[str, Any]:
    """What stands beside the headline, each part only where it was made."""
    checks = study.checks
    return {
        "happened": _happened(checks),
        "explained": rows.gain_explained(study),
        "explained_alone": rows.gain_explained(study, "consumption"),
        "precaution": rows.precaution_of(study),
        "variants": rows.variants(study),
        "payers": reasons.payer_words(study),
        "together": ""
        if "interaction" not in checks
        else text.interaction_words(
            checks["interaction"], sentences.share_gains({row.name: row for row in rows.headline_rows(study.paths)})
        ),
        "weights": rows.weight_range(study, "with_in_kind"),
        "own_weights": rows.weight_range(study, "consumption"),
        "spread": rows.spread_rows(study),
        "rule": checks.get("announced_rule"),
        "multipliers": reasons.multiplier_words(study),
        "findings": checks.get("findings", ()),
    }


def _happened(checks: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each reference path beside what happened: the paths that it is of, where there are several, rows and counts."""
    alone = [{"paths": [], "misses": checks.get("misses", ())}]
    found: list[dict[str, Any]] = []
    for one in checks.get("references", alone):
        misses = rows.miss_rows(one["misses"])
        cells = [cell for row in misses for cell in row.cells.values()]
        if cells:
            found.append(
                {
                    "names": [policy(name) for name in one["paths"]],
                    "rows": misses,
                    "years": sorted({year for row in misses for year in row.cells}),
                    "outside": sum(not within for *_, within in cells),
                    "compared": len(cells),
                    "tested": sum(not fitted for _, _, fitted, _ in cells),
                }
            )
    return found


# ---------------------------------------------------------------- assumptions and sources


def _cards(study: Study) -> list[tuple[str, int, list[tuple[str, list[Card]]]]]:
    """(table, number of cards, kind -> cards) of each table and region that the study stands on."""
    paths = (*study.paths.values(), *(path for _, path in study.beside))
    first = {(str(path.provenance["table"]), path.experiment.region): path for path in reversed(paths)}
    found: list[tuple[str, int, list[tuple[str, list[Card]]]]] = []
    for path in reversed(first.values()):
        table = str(path.provenance["table"])
        cards = load_cards(table, region=path.experiment.region)
        cards = cards.with_computed(path.provenance.get("cards_computed", {}))
        found.append((table, len(cards), [(kind, cards.of_kind(kind)) for kind in KINDS if cards.of_kind(kind)]))
    return found


def _sources(study: Study) -> list[dict[str, Any]]:
    """Each table with its source, licence and hash."""
    found: dict[str, dict[str, Any]] = {}
    for path in (*study.paths.values(), *(path for _, path in study.beside)):
        provenance = path.provenance
        name = str(provenance["table"])
        more = table_card(name) if name in shipped_tables() else {}
        found[name] = {
            "name": name,
            "source": provenance.get("table_source") or more.get("source", ""),
            "licence": more.get("licence", "") if more.get("sha256") == provenance["table_sha256"] else "",
            "year": provenance["year"],
            "estimate": bool(provenance.get("estimate")),
            "sha256": provenance["table_sha256"],
        }
    return list(found.values())


# ---------------------------------------------------------------- data


def headline_csv(study: Study) -> str:
    """The headline table as CSV, full precision; without a line where no path may have one."""
    kept = _with_headline(study).paths
    out = io.StringIO()
    if not kept:
        return ""
    found = rows.headline_rows(kept)
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["policy", *found[0].values])
    writer.writerows([row.name, *(repr(value) for value in row.values.values())] for row in found)
    return out.getvalue()


def paths_csv(study: Study) -> str:
    """The paths over years as CSV in long form: table, policy, year, variable, unit, value."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["table", "policy", "year", "variable", "unit", "value"])
    for name, path in (*study.paths.items(), *study.beside):
        table = str(path.provenance["table"])
        for key, variable in path.data.data_vars.items():
            if variable.dims != ("year",):
                continue
            for year, value in zip(path.data["year"].values, variable.values, strict=True):
                writer.writerow([table, name, int(year), key, variable.attrs["units"], f"{float(value):.8g}"])
    return out.getvalue()


def _data(content: str) -> Markup:
    return Markup("data:text/csv;charset=utf-8,") + quote(content)
