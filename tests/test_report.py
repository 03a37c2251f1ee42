"""What people see: words that turn with the numbers, numbers that equal the data, a page that fetches nothing."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iomodel.cards import load_cards
from iomodel.cli import main
from iomodel.errors import ResultError
from iomodel.experiment import Benefit, Experiment, Limit, Target, Tariff, load_experiment
from iomodel.experiment_parts import LIMITS
from iomodel.headline import compare
from iomodel.history import misses, warnings_of
from iomodel.program.diagnose import ACCOUNTING
from iomodel.program.trajectory import Trajectory
from iomodel.report import headline_text, known_text, main_figure, write_report
from iomodel.report.bars import closed_plant, jobs, partners_ends, partners_table
from iomodel.report.figure import main as draw_figure
from iomodel.report.laws import WORDS, limits, money, says
from iomodel.report.page import headline_csv, page_html, paths_csv, study_of
from iomodel.report.plots import MAIN, PANELS, drawn_figure, policy_panels, saving_panels, spread_apart, svg
from iomodel.report.reasons import (
    best_words,
    closing_words,
    debts_words,
    home_words,
    jobs_words,
    multiplier_words,
    partner_words,
    payer_words,
    watched_words,
)
from iomodel.report.rows import cards_of, headline_rows, states, weight_words
from iomodel.report.sentences import answer, share_gains, share_words
from iomodel.report.text import COLUMNS, LABEL
from iomodel.report.words import REGIONS, number, short_names, signed, span
from iomodel.run import build, simulate, what_binds
from iomodel.spillover import summary
from iomodel.study import OUTCOMES, Study, outcomes, run_study
from iomodel.study_files import save_study

FOOTNOTE = "* industrial capacity beyond normal use, share of all; investment: gross capital formation, stocks among it"
HEADER = (
    "China, official table 2020, 42 sectors;   consumption               with in-kind  growth    investment  "
    "idle plant*  social    unemployed   public debt\n"
    "policy 2026–2035, year 2035               % of GDP  % over as usual % of GDP      % a year  % of GDP    "
    "%            % of GDP  peak %, mn   % of GDP"
)


def checks_of(study: Study) -> dict[str, Any]:
    """Checks with made-up numbers, in the form that `run_study` gives."""
    both, best = outcomes(study.paths["two-halves"]), outcomes(study.paths["best-path"])

    def moved(row: dict[str, Any], by: float) -> dict[str, Any]:
        return {key: value + by if isinstance(value, float) else value for key, value in row.items()}

    parts = {"supply": -1.0, "demand": 5.0, "joint": 4.5, "interaction": 0.5}
    payers = {"debt": 0.0, "dividends": 0.1, "household_tax": -1.0}
    return {
        **study.checks,
        "announced_rule": {"two-halves": dict.fromkeys(OUTCOMES, 0.05)},
        "interaction": {f"{key}_{part}": parts[part] for key in ("consumption", "with_in_kind") for part in parts},
        "without_precaution": {name: moved(both, -2.0) for name in ("demand-only", "two-halves", "best-path")},
        "payers": {payer: moved(both, by) for payer, by in payers.items()},
        "mix": {"0.0": moved(both, -0.5), "1.0": moved(both, 0.25)},
        "best_without_target": moved(best, 0.3),
        "weights": [
            {"card": "weight_debt", "title": "Weight of debt", "value": value, **moved(best, by)}
            for value, by in ((0.0, 1.25), (1.0, -1.5))
        ],
        "spread": [
            {"card": "precaution", "title": "Response", "unit": "yuan", "low": 0.0, "high": 1.0,
             "at_low": moved(both, -1.0), "at_high": moved(both, 1.0)}
        ],
    }  # fmt: skip


@pytest.fixture(scope="session")
def study() -> Study:
    """The five policies and the partners, solved, with made-up numbers for what stands beside them."""
    solved = run_study(full=False)
    return replace(solved, checks=checks_of(solved))


@pytest.fixture(scope="session")
def page(study: Study) -> str:
    return page_html(study)


@pytest.fixture(scope="session")
def saved(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study as a folder: results/main below what is returned."""
    root = tmp_path_factory.mktemp("saved")
    save_study(study, root / "results" / "main")
    return root


def with_data(study: Study, name: str, **changes: float | np.ndarray) -> Study:
    """A study in which variables of one path are moved by an amount in all years of policy."""
    path = study.paths[name]
    policy = path.data["year"] >= int(path.data.attrs["first_policy_year"])
    data = path.data.assign({key: path.data[key] + by * policy for key, by in changes.items()})
    return replace(study, paths={**study.paths, name: replace(path, data=data)})


def with_interaction(study: Study, consumption: float, kind: float) -> Study:
    found = dict(study.checks["interaction"])
    for key, value in (("consumption", consumption), ("with_in_kind", kind)):
        found[f"{key}_joint"] = found[f"{key}_supply"] + found[f"{key}_demand"] + value
        found[f"{key}_interaction"] = value
    return replace(study, checks={**study.checks, "interaction": found})


# ---------------------------------------------------------------- the printed headline


def test_the_table_has_the_layout_and_the_numbers(study: Study) -> None:
    text = headline_text(study)
    assert text.startswith(HEADER)
    lines = text.splitlines()
    table = compare(list(study.paths.values()))
    for name, values in table.iterrows():
        line = next(line for line in lines if line.startswith(f"{str(name).replace('-', ' '):{LABEL}}"))
        cells, place = [], LABEL
        for *_, width in COLUMNS:
            cells.append(line[place : place + width].strip())
            place += width
        peak = f"{number(values['unemployed peak, %'])}, {number(values['unemployed peak, mn'], 0)}"
        expected = [
            number(values["consumption, % of GDP"]),
            signed(values["consumption, % over as usual"]),
            *(number(values[f"{key}"]) for key in ("with in-kind, % of GDP", "growth, % a year")),
            *(number(values[f"{key}"]) for key in ("investment, % of GDP", "idle plant, %", "social, % of GDP")),
            peak,
            number(values["public debt, % of GDP"], 0),
        ]
        assert cells == expected
    assert FOOTNOTE in lines
    assert "stocks among it" in study.paths["two-halves"].data["investment_share"].attrs["long_name"]


def test_prose_is_narrow_and_says_every_check(study: Study) -> None:
    lines = headline_text(study).splitlines()
    below = lines[lines.index(FOOTNOTE) + 1 :]
    assert max(map(len, below)) < 110
    for words in (
        "Reference path beside what happened", "Response to welfare", "by who pays", "all in cash", "all in kind",
        "over the weights", "without its idle target", "Interaction of the halves", "cards that move it most",
        "announced rule",
    ):  # fmt: skip
        assert any(words in line for line in below), words


def test_misses_outside_the_tolerance_are_marked_and_warned_of(study: Study) -> None:
    rows = [dict(row) for row in study.checks["misses"]]
    assert "!" not in "".join(headline_text(study).splitlines()[:2])
    rows[0] |= {"value": rows[0]["published"] + 9.0, "within": False}
    missed = replace(study, checks={**study.checks, "misses": rows, "warnings": ["utilisation is off"]})
    text = headline_text(missed)
    assert text.splitlines()[0] == "Warning: utilisation is off"
    assert f"{number(rows[0]['value'])}/{number(rows[0]['published'])} f !" in text
    html = page_html(missed)
    assert "utilisation is off" in html
    assert 'class="out"' in html


def test_a_study_without_checks_prints_its_table(study: Study) -> None:
    bare = replace(study, checks={})
    assert headline_text(bare).startswith(HEADER)
    assert "Response to welfare" not in headline_text(bare)
    assert "was not checked" not in headline_text(bare)


# ---------------------------------------------------------------- what a policy states


def test_the_brackets_come_from_the_targets(study: Study) -> None:
    asked = {name: path.experiment for name, path in study.paths.items()}
    found = {name: states(path, asked) for name, path in study.paths.items()}
    assert found["business-as-usual"] == ""
    assert found["supply-only"] == "by 2033: investment drive halved, idle plant at least halved"
    assert found["demand-only"].startswith("by 2033: social programme of 4 points of GDP, unemployment benefit at 15")
    assert found["two-halves"] == "both"
    assert found["best-path"].startswith(
        "how far could one go with reform, closures and programme free within their pace"
    )


def test_other_targets_make_other_brackets(study: Study) -> None:
    both = study.paths["two-halves"]
    changed = both.experiment.replace(
        targets={"reform": Target("exactly", 0.5, 5), "package": Target("at_least", 2.5, 8)},
        benefit=Benefit(0.2, 5),
        payer="dividends",
        cards={"precaution": 0.0},
        limits={"debt_ceiling": Limit()},
        free=("programme", "reform"),
    )
    assert states(replace(both, experiment=changed)) == (
        "by 2030: investment drive cut by 40 percent, unemployment benefit at 20 percent of the wage; by 2033: social "
        "programme of at least 2.5 points of GDP; paid by dividends of state firms; debt ceiling a law; card "
        "precaution = 0"
    )


def test_tariffs_are_stated(study: Study) -> None:
    path = study.world["two-halves-tariffs"]
    assert states(path).endswith("partners' tariffs on manufacturing 10.3 points higher from 2012")
    one = path.experiment.replace(tariffs=(Tariff("USA", "all", 25.0, 3),))
    assert states(replace(path, experiment=one)).endswith(
        "United States's tariffs on all goods 25 points higher from 2014"
    )


# ---------------------------------------------------------------- words turn with the numbers


def test_the_words_of_the_answer_turn(study: Study) -> None:
    lower = with_data(study, "two-halves", household_consumption_share=-9.0, actual_individual_consumption_share=-9.0)
    assert " raise consumption with services in kind from " in answer(study)[0]
    assert "hardly different from demand only (" in answer(study)[0]
    assert " lower consumption with services in kind from " in answer(lower)[0]
    assert "less share, more level than" not in answer(lower)[0]
    share = "actual_individual_consumption_share"
    usual, here = (study.paths[name].data[share].values[-1] for name in ("business-as-usual", "two-halves"))
    same = with_data(study, "two-halves", **{share: usual - here})
    assert (
        f" leave consumption with services in kind at {number(usual)} percent of GDP and raise household"
        in (answer(same)[0])
    )


@pytest.mark.parametrize(
    ("share", "level", "words"),
    [
        (2.0, 9.0, "more than demand only"),
        (-2.0, -9.0, "less than demand only"),
        (2.0, -9.0, "more share, less level than demand only"),
        (-2.0, 9.0, "less share, more level than demand only"),
        (0.0, -40.0, "and lower household consumption by "),
    ],
)
def test_two_halves_are_compared_with_the_better_half(study: Study, share: float, level: float, words: str) -> None:
    moved = with_data(study, "two-halves", actual_individual_consumption_share=share, household_consumption=level)
    assert words in answer(moved)[0]


@pytest.mark.parametrize(
    ("by", "words"),
    [
        (0.0, "below usual (12.1) but above 2025 (2.2)"),
        (9.0, "above usual (12.1) and above 2025 (2.2)"),
        (-4.0, "below usual (12.1) and below 2025 (2.2)"),
    ],
)
def test_idle_plant_is_compared_with_usual_and_with_today(study: Study, by: float, words: str) -> None:
    assert words in answer(with_data(study, "two-halves", idle_share=by))[0]


def test_three_plain_sentences(study: Study) -> None:
    for changed in (study, with_data(study, "two-halves", household_consumption=-40.0, idle_share=20.0)):
        sentences = answer(changed)
        assert len(sentences) == 3
        assert max(len(sentence.split()) for sentence in sentences) <= 45


@pytest.mark.parametrize(
    ("variable", "by", "words"),
    [
        ("public_debt_share", 40.0, "public debt ends higher"),
        ("public_debt_share", -40.0, "public debt ends lower"),
        ("unemployment_rate", 9.0, "Unemployment peaks higher than under business as usual"),
        ("unemployment_rate", -3.0, "Unemployment peaks lower than under business as usual"),
        ("gdp", 60.0, "growth is faster"),
        ("gdp", -60.0, "growth is slower"),
    ],
)
def test_the_words_of_the_cost_turn(study: Study, variable: str, by: float, words: str) -> None:
    assert words in answer(with_data(study, "two-halves", **{variable: by}))[1]


def test_whether_the_halves_help_each_other_turns(study: Study) -> None:
    rows = {row.name: row for row in headline_rows(study.paths)}
    joint, apart = share_gains(rows)
    share = "actual_individual_consumption_share"
    more, less, same = (with_data(study, "two-halves", **{share: apart - joint + by}) for by in (1.0, -1.0, 0.0))
    assert "; the halves help each other by every measure" in answer(with_interaction(more, 0.5, 0.7))[2]
    assert "; the halves hinder each other by every measure" in answer(with_interaction(less, -0.5, -0.7))[2]
    assert "; the halves neither help nor hinder each other by" in answer(with_interaction(same, 0.0, 0.01))[2]
    for mixed in (
        with_interaction(more, -0.5, 0.7),
        with_interaction(less, 0.5, 0.7),
        with_interaction(same, 0.5, 0.5),
    ):
        assert "; whether the halves help each other depends on the measure" in answer(mixed)[2]
    counted = {
        f"with_in_kind_share_{part}": value
        for part, value in zip(("joint", "supply", "demand"), (5, 3, 3), strict=True)
    }
    own = with_interaction(more, 0.5, 0.7)
    own = replace(own, checks={**own.checks, "interaction": {**own.checks["interaction"], **counted}})
    assert "depends on the measure" in answer(own)[2]


def test_a_share_that_rises_while_the_level_falls_is_said(study: Study) -> None:
    rows = {row.name: row for row in headline_rows(study.paths)}
    supply = dict(rows["supply-only"].values)
    for share, level, words in (
        (1.0, -2.0, "rises (+1.0 points) while its level falls (−2.0 percent): GDP falls by more"),
        (-1.0, 2.0, "falls (−1.0 points) while its level rises (+2.0 percent): GDP rises by more"),
    ):
        supply["consumption, % of GDP"] = rows["business-as-usual"].values["consumption, % of GDP"] + share
        supply["consumption, % over as usual"] = level
        changed = {**rows, "supply-only": replace(rows["supply-only"], values=supply)}
        assert any(words in text and "supply only" in text for text in share_words(changed))
        supply["consumption, % over as usual"] = -level
        same = {**rows, "supply-only": replace(rows["supply-only"], values=supply)}
        assert not any("supply only" in text for text in share_words(same))


def test_the_best_path_is_compared(study: Study) -> None:
    up = with_data(study, "best-path", actual_individual_consumption_share=9.0)
    down = with_data(study, "best-path", actual_individual_consumption_share=-9.0)
    assert "ends above the stated one" in answer(up)[2]
    assert "(more than the two halves' " in best_words(with_data(study, "best-path", programme_share=9.0))[0]
    assert "(less than the two halves' " in best_words(with_data(study, "best-path", programme_share=-2.0))[0]
    assert "ends below the stated one" in answer(down)[2]


def test_why_the_best_path_stops_is_said_where_the_numbers_bear_it_out(study: Study) -> None:
    floor = 100 * cards_of(study.paths["best-path"])["frictional_unemployment"]
    labour, plant = "labour is used up", "plant of gas supply and water supply is at its limit"
    rate = study.paths["best-path"].data["unemployment_rate"].values[-1]
    full = with_data(study, "best-path", unemployment_rate=floor - rate, programme_share=-1.0)
    assert labour in " ".join(best_words(full))
    assert labour not in " ".join(best_words(with_data(full, "best-path", unemployment_rate=1.0)))
    larger = " ".join(best_words(with_data(full, "best-path", programme_share=9.0)))
    assert labour not in larger
    assert plant not in larger
    assert plant in " ".join(best_words(full))
    both = replace(full.paths["best-path"], shadow_prices={})
    assert plant not in " ".join(best_words(replace(full, paths={**full.paths, "best-path": both})))
    assert "it goes further than the two halves" in " ".join(
        best_words(with_data(study, "two-halves", actual_individual_consumption_share=-9.0))
    )
    assert "it goes less far than the two halves" in " ".join(
        best_words(with_data(study, "two-halves", actual_individual_consumption_share=9.0))
    )


def test_when_plant_is_closed_is_said(study: Study) -> None:
    said = closing_words(study.paths)
    assert len(said) == 1 + sum(float(path.data["retirement"].sum()) > 0.05 for path in study.paths.values())
    both = next(text for text in said if text.startswith("Under two halves "))
    assert "idle plant first rises, from " in both
    assert "two halves" in said[-1]
    assert "foresight is perfect and the target has only a date" in said[-1]
    path = study.paths["two-halves"]
    early = path.data["retirement"].copy()
    early.values[...] = np.where(early["year"] == 2026, 0.1, 0.0)
    idle = path.data["idle_share"].copy(data=-np.arange(path.data.sizes["year"], dtype=float))
    moved = replace(path, data=path.data.assign(retirement=early, idle_share=idle))
    [text] = closing_words({"two-halves": moved})
    assert text.startswith("Under two halves plant is closed mainly in 2026. Idle plant goes from −5.0 percent in 2025")


def test_what_dividends_do_to_debts_turns(study: Study) -> None:
    def paid(public: float, firms: float | None) -> Study:
        stated = {"debt": 200.0, "firm_debt": 140.0}
        row = {"debt": public} if firms is None else {"debt": public, "firm_debt": firms}
        return replace(study, checks={"payers": {"debt": stated, "dividends": row}})

    assert "they move debt from the state to its firms; public debt is 27 points lower" in payer_words(paid(173, 167))
    assert "they move debt from firms to the state; public debt is 10 points higher" in payer_words(paid(210, 130))
    assert payer_words(paid(200, 140)) == "Dividends change neither debt by more than a point."
    assert payer_words(paid(170, 150)).endswith("together they end 20 points lower.")
    assert payer_words(paid(190, 170)).endswith("together they end 20 points higher.")
    assert payer_words(paid(170, None)) == ""
    assert debts_words({"debt": 200.4, "firm_debt": 140.4}) == "200 + 140 = 340"
    assert debts_words({"debt": 200.4}) == "200"


def test_what_tariffs_do_at_home_turns(study: Study) -> None:
    path, without = study.world["two-halves-tariffs"], study.world["two-halves"]
    assert "China itself loses " in home_words(path, without)
    assert "unemployment peaks higher (" in home_words(path, without)
    assert "growth is slower (" in home_words(path, without)
    assert "China itself gains " in home_words(without, path)
    assert "unemployment peaks lower (" in home_words(without, path)
    assert home_words(path, path).startswith("China itself keeps its GDP by the tariffs")
    assert home_words(path, without) in " ".join(read(page_html(study)).text)


def test_what_leaves_its_margin_is_said_for_each_policy(study: Study) -> None:
    path = study.paths["two-halves"]
    provenance = {**path.provenance, "watched": ["debt of firms is high"]}
    warned = replace(path, provenance=provenance, verdict=replace(path.verdict, warnings=("pace not kept",)))
    changed = replace(study, paths={**study.paths, "two-halves": warned})
    assert ("two halves", ["debt of firms is high", "pace not kept"]) in watched_words(changed)
    assert ("two halves", ["debt of firms is high"]) in watched_words(changed, warnings=False)
    assert "two halves: debt of firms is high; pace not kept." in " ".join(read(page_html(changed)).text)
    assert "- Watched, two halves: debt of firms is high." in headline_text(changed)


def test_a_weight_is_named_by_its_title() -> None:
    row = {"card": "weight_missed", "title": "Price of what is missed (package, idle plant)", "value": 20.0}
    assert weight_words(row) == "price of what is missed at 20"


def test_words_abroad_turn(study: Study) -> None:
    partners = study.partners["two-halves-tariffs"]
    rows = [row for row in summary(partners, 2021) if row["channel"] == "total"]
    gains = sum(round(float(row["value_added_change_share"] or 0), 2) > 0 for row in rows)
    assert f"rises for {gains}" in partner_words(partners)
    turned = partners.map(lambda values: -values, keep_attrs=True)
    assert f"falls for {gains}" in partner_words(turned)
    flat = partners.map(lambda values: 0 * values, keep_attrs=True)
    assert partner_words(flat) == (
        "Value added in 2021 does not move for 14 of 14 partners, from 0.00 percent (United States) to 0.00 percent "
        "(United States): next to nothing."
    )


def test_words_of_jobs_turn(study: Study) -> None:
    usual = study.paths["business-as-usual"]
    for by, words in ((1.0, "more jobs are found than lost"), (-1.0, "more jobs are lost than found")):
        assert words in jobs_words(with_data(study, "two-halves", employment=by).paths["two-halves"], usual)


# ---------------------------------------------------------------- every figure equals the data


def figures(text: str) -> set[str]:
    return set(re.findall(r"[+−]?\d[\d,]*(?:\.\d+)?", text))


def test_every_figure_of_the_answer_is_in_the_data(study: Study, page: str) -> None:
    known = {"2020", "2035"}
    for name in study.paths:
        path = study.paths[name]
        last, policy = path.data.isel(year=-1), path.data.sel(year=path.policy_years)
        known |= {number(float(last[key])) for key in OUTCOMES.values()}
        known |= {number(float(last["public_debt_share"]), 0), number(float(policy["unemployment_rate"].max()))}
        known.add(number(float(policy["unemployed"].max()), 0))
        before = float(path.data["gdp"].sel(year=int(path.policy_years[0]) - 1))
        known.add(number(100 * ((float(last["gdp"]) / before) ** (1 / policy.sizes["year"]) - 1)))
    both, demand = (compare([study.paths[name]]).iloc[0] for name in ("two-halves", "demand-only"))
    known |= {number(both["consumption, % over as usual"]), signed(demand["consumption, % over as usual"])}
    known |= {number(float(study.paths[name].data["firm_debt_share"][-1]), 0) for name in study.paths}
    known |= {"2025", number(float(study.paths["two-halves"].data["idle_share"].sel(year=2025)))}
    gain = float(outcomes(study.paths["two-halves"])["with_in_kind_gain"])
    rest = study.checks["without_precaution"]["two-halves"]["with_in_kind_gain"]
    known.add(number(100 * (1 - rest / gain), 0))
    alone = float(outcomes(study.paths["two-halves"])["consumption_gain"])
    left = study.checks["without_precaution"]["two-halves"]["consumption_gain"]
    known.add(number(100 * (1 - left / alone), 0))
    text = " ".join(answer(study))
    assert figures(text) <= known
    assert len(figures(text)) > 15
    assert all(sentence in read(page).text for sentence in answer(study))


class Reader(HTMLParser):
    """Checks that what is opened is closed, and keeps ids, addresses, cells and links."""

    VOID = ("meta", "link", "br", "img", "input", "hr")

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[tuple[str, str, str]] = []
        self.tags: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in self.VOID:
            self.stack.append(tag)
        self._keep(tag, attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._keep(tag, attrs)

    def _keep(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        assert len(found) == len(attrs), f"an attribute of {tag} comes twice"
        self.ids += [found["id"]] if "id" in found else []
        self.addresses += [
            (tag, name, found[name]) for name in ("src", "href", "srcset", "data", "action") if name in found
        ]

    def handle_endtag(self, tag: str) -> None:
        assert self.stack, f"{tag} is closed and was not opened"
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert not reader.stack
    return reader


def test_the_page_is_well_formed_and_small(page: str) -> None:
    reader = read(page)
    assert len(reader.ids) == len(set(reader.ids))
    assert len(page.encode()) < 3_000_000
    assert page.count("<svg") == page.count("</svg>") >= 12
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page


def test_the_page_fetches_nothing(page: str) -> None:
    reader = read(page)
    for tag, name, address in reader.addresses:
        assert address.startswith(("#", "data:")), (tag, name, address[:80])
    assert not {"script", "iframe", "img", "object", "embed"} & set(reader.tags)
    assert "@import" not in page
    assert all(address.startswith("#") for address in re.findall(r"url\(([^)]*)\)", page))
    inside = {address for _, _, address in reader.addresses if address.startswith("#")}
    assert {address[1:] for address in inside} <= set(reader.ids)


class Tables(HTMLParser):
    """The tables of one section: table -> row -> cell, the parts of a cell with a space between them."""

    def __init__(self, section: str) -> None:
        super().__init__()
        self.section, self.inside = section, False
        self.tables: list[list[list[str]]] = []
        self.parts: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "section":
            self.inside = dict(attrs).get("id") == self.section
        elif self.inside and tag == "table":
            self.tables.append([])
        elif self.inside and tag == "tr":
            self.tables[-1].append([])
        elif self.inside and tag in ("td", "th"):
            self.parts = []

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self.parts is not None:
            self.tables[-1][-1].append(" ".join(self.parts))
            self.parts = None

    def handle_data(self, data: str) -> None:
        if self.parts is not None and data.strip():
            self.parts.append(data.strip())


def tables_of(html: str, section: str) -> list[list[list[str]]]:
    """The tables of a section of the page, without their headings."""
    reader = Tables(section)
    reader.feed(html)
    return [table[1:] for table in reader.tables]


def headline_cells(path: Trajectory) -> list[str]:
    """The nine columns of a headline, from `compare` alone."""
    values = compare([path]).iloc[0]
    return [
        number(values["consumption, % of GDP"]),
        signed(values["consumption, % over as usual"]),
        number(values["with in-kind, % of GDP"]),
        number(values["growth, % a year"]),
        number(values["investment, % of GDP"]),
        number(values["idle plant, %"]),
        number(values["social, % of GDP"]),
        f"{number(values['unemployed peak, %'])}, {number(values['unemployed peak, mn'], 0)}",
        number(values["public debt, % of GDP"], 0),
    ]


def test_all_columns_of_the_headline_on_the_page_equal_compare(study: Study, page: str) -> None:
    [table] = tables_of(page, "headline")
    rows = [row for row in table if len(row) == 10]
    assert rows == [[name.replace("-", " "), *headline_cells(path)] for name, path in study.paths.items()]
    assert FOOTNOTE in " ".join(read(page).text)


def test_the_home_economy_on_the_other_table_equals_compare(study: Study, page: str) -> None:
    *_, home = tables_of(page, "partners")
    names = ["business as usual", "two halves", "two halves under tariffs"]
    assert home == [[name, *headline_cells(path)] for name, path in zip(names, study.world.values(), strict=True)]


def test_partners_on_the_page_equal_the_spillovers(study: Study, page: str) -> None:
    *tables, _ = tables_of(page, "partners")
    assert len(tables) == len(study.partners) == 2
    for table, partners in zip(tables, study.partners.values(), strict=True):
        last = partners.isel(year=-1)
        share = last["value_added_change_share"].sum("sector")
        order = share.sum("channel").sortby(share.sum("channel"), ascending=False)["partner"].values
        expected = []
        for code in order:
            here = last.sel(partner=code)
            persons = float(here["employment_change"].sum(skipna=False))
            expected.append([
                REGIONS[str(code)],
                signed(float(share.sel(partner=code).sum()), 2),
                *(signed(float(share.sel(partner=code, channel=one)), 2) for one in ("demand", "barriers")),
                signed(float(here["value_added_change"].sum()) / 1000),
                "not known" if np.isnan(persons) else signed(persons, 0),
            ])  # fmt: skip
        assert table == expected


def test_closed_plant_and_jobs_on_the_page_equal_the_paths(study: Study, page: str) -> None:
    plant, moved = tables_of(page, "sectors")
    both, usual = study.paths["two-halves"], study.paths["business-as-usual"]
    names = short_names(both.provenance["sectors"])
    code_of = {name: code for code, name in names.items()}
    closing = [path for path in study.paths.values() if float(path.data["retirement"].sum()) > 0.05]
    assert len(plant) == 10
    for name, *cells in plant:
        for path, text in zip(closing, cells, strict=True):
            closed = float(path.data["retirement"].sel(sector=code_of[name], year=path.policy_years).sum())
            stock = float(path.data["capacity"].sel(sector=code_of[name], year=2026))
            assert text == (f"{number(closed)} ({number(100 * closed / stock, 0)})" if closed > 0.05 else "–")
    here, there = (path.data["employment"].isel(year=-1) for path in (both, usual))
    change = {str(code): float((here - there).sel(sector=code)) for code in here["sector"].values}
    shown = [code_of[name] for name, *_ in moved]
    assert shown == sorted(shown, key=lambda code: change[code])
    assert min(change, key=lambda code: change[code]) == shown[0]
    assert max(change, key=lambda code: change[code]) == shown[-1]
    for code, row in zip(shown, moved, strict=True):
        assert row == [names[code], signed(change[code]), number(float(there.sel(sector=code)))]


def test_limits_on_the_page_equal_what_binds(study: Study, page: str) -> None:
    [table] = tables_of(page, "limits")
    found: dict[str, list[list[str]]] = {}
    for row in table:
        if len(row) == 1:
            group = found.setdefault(row[0], [])
        else:
            group.append(row)
    solved = {name: what_binds(path) for name, path in study.paths.items() if path.shadow_prices}
    assert list(found) == [name.replace("-", " ") for name in solved]
    for name, binding in solved.items():
        path = study.paths[name]
        billion = float(path.provenance["gdp"]) / 1000 / 100
        expected = []
        for row in [row for row in binding if abs(row.worth) >= 5e-4][:5]:
            worth, years = row.worth * billion, [int(label) for label in row.labels if label.isdigit()]
            change = "larger" if path.shadow_prices[row.law].attrs["bound"] == "equal" else "looser"
            text = f"{signed(worth, 0 if abs(worth) >= 10 else 1)} bn yuan if 1 % {change}"
            expected.append((says(row.law, cards_of(path)), text, span(years)))
        shown = found[name.replace("-", " ")]
        assert len(shown) == len(expected)
        for law, costs, years in expected:
            assert any(row[0].startswith(law) and row[1:] == [costs, years] for row in shown), law


def test_what_the_headline_hangs_on_equals_the_checks(study: Study, page: str) -> None:
    hangs, spread = tables_of(page, "beside")
    checks, stated = study.checks, {name: outcomes(path) for name, path in study.paths.items()}
    expected = [
        ("business as usual", stated["business-as-usual"]),
        ("two halves as stated", stated["two-halves"]),
        ("without the assumed response to welfare", checks["without_precaution"]["two-halves"]),
        ("paid by dividends of state firms", checks["payers"]["dividends"]),
        ("paid by a tax on households", checks["payers"]["household_tax"]),
        ("programme all in cash", checks["mix"]["0.0"]),
        ("programme all in kind", checks["mix"]["1.0"]),
        ("demand only as stated", stated["demand-only"]),
        ("without the assumed response to welfare", checks["without_precaution"]["demand-only"]),
        ("best path as stated", stated["best-path"]),
        ("without the assumed response to welfare", checks["without_precaution"]["best-path"]),
        ("without its idle target", checks["best_without_target"]),
    ]
    assert len(hangs) == len(expected)
    for row, (title, values) in zip(hangs, expected, strict=True):
        public, firms = float(values["debt"]), float(values["firm_debt"])
        assert row == [
            title,
            *(number(float(values[key])) for key in ("consumption", "with_in_kind", "unemployment", "idle")),
            *(number(debt, 0) for debt in (public, firms, round(public) + round(firms))),
        ]
    assert spread == [
        [
            row["title"],
            f"{row['low']:g} to {row['high']:g}",
            *(signed(row[end]["with_in_kind_gain"]) for end in ("at_low", "at_high")),
        ]
        for row in checks["spread"]
    ]


def test_what_happened_on_the_page_equals_the_misses(study: Study, page: str) -> None:
    [table] = tables_of(page, "happened")
    rows = misses(study.paths["business-as-usual"])
    years = sorted({row.year for row in rows})
    shown = {
        (row[0], year): (row[1], cell)
        for row in table
        for year, cell in zip(years, row[2:], strict=True)
        if cell != "–"
    }
    expected = {}
    for row in rows:
        title = row.variable.replace("_", " ") + (", mean of 2021–2025" if "mean of" in row.title else "")
        cell = f"{number(row.value)} / {number(row.published)}{' f' * (row.use == 'fitted')}{' !' * (not row.within)}"
        expected[title, row.year] = (f"± {row.tolerance}", cell)
    assert shown == expected
    outside, tested = sum(not row.within for row in rows), sum(row.use == "tested" for row in rows)
    said = f"{len(rows)} figures are compared, {tested} of them not used in choosing a card; {outside or 'none'} "
    assert said in " ".join(read(page).text)


def test_the_cards_on_the_page_are_those_of_the_tables(study: Study, page: str) -> None:
    rows = [row for table in tables_of(page, "cards") for row in table if len(row) == 4]
    by_key = [(row[0].rpartition(" ")[2], row[1:]) for row in rows]
    for table in ("china-2020", "world-2011"):
        cards = load_cards(table)
        for key in cards:
            card = cards.card(key)
            value = card.value if isinstance(card.value, tuple) else (card.value,)
            shown = [", ".join(f"{one:g}" for one in value), f"{card.low:g} to {card.high:g}", card.unit]
            assert (key, shown) in by_key


def test_the_data_on_the_page_are_the_paths(study: Study, page: str) -> None:
    links = {a[2].split(",", 1)[1] for a in read(page).addresses if a[2].startswith("data:text/csv")}
    texts = {unquote(link) for link in links}
    assert texts == {headline_csv(study), paths_csv(study)}
    rows = list(csv.DictReader(io.StringIO(paths_csv(study))))
    for row in rows[:: len(rows) // 50]:
        path = (study.paths if row["table"] == "china-2020" else study.world)[row["policy"]]
        variable = path.data[row["variable"]]
        assert float(row["value"]) == pytest.approx(float(variable.sel(year=int(row["year"]))), rel=1e-7, abs=1e-12)
        assert row["unit"] == variable.attrs["units"]
    head = list(csv.DictReader(io.StringIO(headline_csv(study))))
    exact = compare([study.paths["two-halves"]]).iloc[0]
    both = next(row for row in head if row["policy"] == "two-halves")
    assert all(float(both[str(key)]) == value for key, value in exact.items())


def test_the_page_says_where_numbers_are_from(study: Study, page: str) -> None:
    text = " ".join(read(page).text)
    for path in (*study.paths.values(), *study.world.values()):
        assert str(path.provenance["table_sha256"]) in text
    for words in ("partners' production and trade as of 2011", "upper bound", "no finding", "Foresight is perfect"):
        assert words in text
    assert (
        f"elasticity among imports is the card's ({cards_of(study.world['two-halves'])['elasticity_imports']:g})"
        in text
    )
    cards = cards_of(study.paths["two-halves"])
    assert all(cards.card(key).title in text for key in cards)
    assert "best-path/path.nc" in text


def test_sectors_and_partners_equal_the_data(study: Study) -> None:
    both, usual = study.paths["two-halves"], study.paths["business-as-usual"]
    names = both.provenance["sectors"]
    change = (both.data["employment"] - usual.data["employment"]).isel(year=-1)
    by_name = {names[code]: float(change.sel(sector=code)) for code in names}
    for row in jobs(both, usual).rows:
        assert row.bars[0].text == signed(by_name[row.title])
        assert row.name == short_names(names)[next(code for code in names if names[code] == row.title)]
    closed = closed_plant(study.paths)
    assert closed is not None
    most = both.data["retirement"].sel(year=both.policy_years).sum("year")
    place = [head.split(",")[0] for head in closed.heads].index("two halves")
    for row in closed.rows:
        code = next(code for code, name in names.items() if name == row.title)
        assert row.bars[place].value == pytest.approx(float(most.sel(sector=code)))
    table = partners_table("two-halves-tariffs", study.partners["two-halves-tariffs"])
    assert len(table.rows) == 14
    for row in table.rows:
        total, *parts = (bar.value for bar in row.bars)
        assert total == pytest.approx(sum(parts))
        assert all(0 <= bar.start <= bar.start + bar.width <= 100.01 for bar in row.bars)
    ends = partners_ends(study.partners)
    scales = {
        round(bar.width / abs(bar.value))
        for name, data in study.partners.items()
        for row in partners_table(name, data, ends).rows
        for bar in row.bars
        if abs(bar.value) > 0.5
    }
    assert len(scales) == 1


@pytest.mark.parametrize("table", ["china-2020", "world-2011"])
def test_short_names_are_short_and_each_its_own(study: Study, table: str) -> None:
    path = (study.paths if table == "china-2020" else study.world)["two-halves"]
    found = short_names(path.provenance["sectors"])
    assert len(set(found.values())) == len(found)
    assert max(map(len, found.values())) <= 44


# ---------------------------------------------------------------- limits in words


def test_every_law_that_binds_has_words(study: Study) -> None:
    for path in study.paths.values():
        assert {row.law for row in what_binds(path)} <= set(WORDS)
        cards = cards_of(path)
        for limit in limits(path):
            assert limit.says.startswith(says(limit.law, cards))
            assert limit.costs == money(limit.worth, path.provenance)
    assert not limits(study.paths["business-as-usual"])
    assert says("my_own_law", cards_of(study.paths["two-halves"])) == "the law my own law"


def test_every_law_has_words() -> None:
    """Laws of a program that has every limit, target and kind of target."""
    laws: set[str] = set()
    for kind in ("exactly", "at_least"):
        sizes = {"package": 4, "reform": 0.6, "idle_cut": 0.5}
        everything: Experiment = load_experiment("two-halves").replace(
            targets={key: Target("at_least" if key == "idle_cut" else kind, size, 8) for key, size in sizes.items()},
            limits={name: Limit() for name in LIMITS},
            free=("programme", "reform", "retirement"),
            benefit=Benefit(0.15, 8),
        )
        laws |= set(build(everything).laws)
    assert set(LIMITS) <= laws
    assert laws - set(ACCOUNTING) <= set(WORDS)
    assert set(WORDS) - laws <= {"investment_not_negative", "full_employment"}


def test_a_limit_of_single_sectors_is_said_to_be_one(study: Study) -> None:
    for name in ("two-halves", "best-path"):
        path = study.paths[name]
        shown = limits(path, 9)
        assert [limit.narrow for limit in shown] == sorted(limit.narrow for limit in shown)
        price = path.shadow_prices["capacity_limit"]
        wide = price.copy(data=np.full(price.shape, 1e-3))
        spread = replace(path, shadow_prices={**path.shadow_prices, "capacity_limit": wide})
        assert not any(limit.narrow for limit in limits(spread, 9))
        one = price.copy(data=np.where(price["industry"].values[:, None] == "25", 1.0, 0.0) * np.ones(price.shape))
        single = replace(path, shadow_prices={**path.shadow_prices, "capacity_limit": one})
        last = limits(single, 9)[-1]
        assert last.narrow
        assert last.says.endswith("in gas supply (100 percent of it), not in industry as a whole")


def test_worth_is_told_in_money(study: Study) -> None:
    provenance = dict(study.paths["two-halves"].provenance)
    assert money(0.1, {**provenance, "gdp": 1e8, "gdp_unit": "million CNY"}) == "+100 bn yuan"
    assert money(-0.001, {**provenance, "gdp": 1e8, "gdp_unit": "million USD"}) == "−1.0 bn dollars"
    assert money(0.1, {**provenance, "gdp_unit": "crore"}) == "+0.100 percent of base-year GDP"


# ---------------------------------------------------------------- figures


def test_panels_hold_the_paths_and_what_was_published(study: Study) -> None:
    panels = {panel.title: panel for panel in policy_panels(study)}
    debt = panels["Public debt"]
    assert [line.name for line in debt.lines] == [name.replace("-", " ") for name in study.paths]
    assert debt.lines[0].values == study.paths["business-as-usual"].data["public_debt_share"].values.tolist()
    assert debt.lines[3].years[0] == debt.start - 1
    rows = [row for row in study.checks["misses"] if row["variable"] == "public_debt_share"]
    assert debt.published == {row["year"]: row["published"] for row in rows}
    assert len({line.colour for line in debt.lines}) == 5


def test_saving_by_institution_is_the_data(study: Study) -> None:
    panel = saving_panels(study.paths)[3]
    data = study.paths["two-halves"].data
    total = sum(np.array(line.values) for line in panel.lines)
    invested = 100 * (data["investment"] + data["stock_change"]) / data["gdp"]
    np.testing.assert_allclose(total, invested, atol=1e-6)


def test_svg_text_is_text_and_names_are_at_the_ends(study: Study) -> None:
    panel = policy_panels(study)[0]
    drawn = svg(panel, "one")
    for line in panel.lines:
        assert f">{line.name} {number(line.values[-1])}</text>" in drawn
    assert svg(panel, "one") == drawn
    odd = replace(panel, title="<b>&", lines=[replace(panel.lines[0], name="双半 <i>")])
    read(f"<html>{svg(odd, 'two')}</html>")
    assert "<i>" not in svg(odd, "two")


def test_the_main_figure_draws_the_paths(study: Study) -> None:
    """What matplotlib holds of the main figure: every line, dot, title and number at a line's end is the data's."""
    figure = drawn_figure(study)
    variables = {title: (variable, unit) for variable, title, unit in PANELS if variable in MAIN}
    titles = [text.get_text() for text in figure.texts]
    assert titles[::2] == list(variables)
    assert len(figure.axes) == len(variables) == 6
    for axes, title, unit in zip(figure.axes, titles[::2], titles[1::2], strict=True):
        variable, units = variables[title]
        digits = 0 if variable == "public_debt_share" else 1
        dots = {row.year: row.published for row in misses(study.paths["business-as-usual"]) if row.variable == variable}
        assert unit == units + "   ● published" * bool(dots)
        drawn = [(line.get_xdata(), line.get_ydata()) for line in axes.lines if line.get_transform() == axes.transData]
        texts = [text.get_text() for text in axes.texts]
        assert "policy from 2026" in texts
        for place, (name, path) in enumerate(study.paths.items()):
            data = path.data[variable] if place == 0 else path.data[variable].sel(year=slice(2025, None))
            np.testing.assert_array_equal(drawn[place][0], data["year"].values)
            np.testing.assert_array_equal(drawn[place][1], data.values)
            assert f"{name.replace('-', ' ')} {number(float(path.data[variable][-1]), digits)}" in texts
        assert len(texts) == 1 + len(study.paths)
        assert len(drawn) == len(study.paths) + bool(dots)
        if dots:
            assert dict(zip(*drawn[-1], strict=True)) == dots


def test_every_number_at_a_line_on_the_page_is_the_last_year_of_its_path(study: Study, page: str) -> None:
    drawn = [re.findall(r"<text[^>]*>([^<]*)</text>", one) for one in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]
    expected = [
        {
            f"{name.replace('-', ' ')} {number(float(path.data[key][-1]), 0 if key == 'public_debt_share' else 1)}"
            for name, path in study.paths.items()
        }
        for key, *_ in PANELS
    ]
    institutions = {"household": "households", "firm": "firms", "government": "government", "foreign": "abroad"}
    expected += [
        {
            f"{word} {number(100 * float(path.data[f'{whose}_saving'][-1] / path.data['gdp'][-1]))}"
            for whose, word in institutions.items()
        }
        for path in study.paths.values()
    ]
    assert len(drawn) == len(expected) == 14
    for texts, ends in zip(drawn, expected, strict=True):
        assert {text for text in texts if re.match("[a-z]", text) and not text.startswith("policy from")} == ends


@given(st.lists(st.floats(0, 10), min_size=1, max_size=8))
def test_names_do_not_overlap(values: list[float]) -> None:
    placed = np.sort(spread_apart(np.array(values), 1.0, 0.0, 10.0))
    assert (np.diff(placed) >= 1 - 1e-9).all()
    assert placed[0] >= -1e-9
    assert placed[-1] <= 10 + 1e-9


def test_the_main_figure_is_a_small_png(study: Study, tmp_path: Path) -> None:
    file = main_figure(study, tmp_path / "deep" / "figure.png")
    content = file.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert len(content) < 200_000
    assert int.from_bytes(content[16:20], "big") >= 1400
    assert main_figure(study, tmp_path / "again.png").read_bytes() == content


def test_the_figure_command_refuses_what_is_no_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert draw_figure([]) == 2
    assert draw_figure([str(tmp_path), str(tmp_path / "figure.png")]) == 2
    assert "There is no study in" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------- any paths


def test_a_plain_list_of_paths(study: Study, tmp_path: Path) -> None:
    paths = [study.paths["two-halves"], study.world["two-halves"]]
    file = write_report(paths, tmp_path / "report.html")
    html = file.read_text(encoding="utf-8")
    read(html)
    text = " ".join(read(html).text)
    assert "reference 39." in text or "reference" in text
    assert "On another table" in text
    assert "Two halves: in 2035 household consumption is" in text
    assert "Trading partners" not in text
    assert "Files beside this page" not in text


def test_the_known_years_of_any_paths_are_told_once_for_each_reference(study: Study) -> None:
    usual, both, abroad = study.paths["business-as-usual"], study.paths["two-halves"], study.world["two-halves"]
    lines = headline_text(study).splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("Reference path"))
    assert known_text([usual, both]) == ("", "\n".join(lines[start : start + 13]))
    assert known_text([abroad]) == ("", "")
    told = known_text([both, abroad])[1]
    assert told.splitlines()[0].startswith("Reference path of two-halves beside what happened 2021–2025")
    other = simulate(usual.experiment.replace(name="other", cards={"public_investment": 9.0}))
    above, beneath = known_text([usual, both, other])
    assert beneath.count("beside what happened") == 2
    assert "Reference path of business-as-usual, two-halves beside" in beneath
    assert above.replace("\n", " ") == " ".join(f"Warning: other: {text}" for text in warnings_of(other))
    assert above


def test_the_page_of_any_paths_has_the_known_years_of_each_reference(study: Study) -> None:
    usual, both, abroad = study.paths["business-as-usual"], study.paths["two-halves"], study.world["two-halves"]
    whole = page_html(study_of([usual, both]), made_by_study=False)
    assert tables_of(whole, "happened") == tables_of(page_html(study), "happened")
    assert "Of business as usual" not in " ".join(read(whole).text)
    other = simulate(usual.experiment.replace(name="other", cards={"public_investment": 9.0}))
    for paths in ([abroad, both], [both, abroad]):
        html = page_html(study_of(paths), made_by_study=False)
        assert tables_of(html, "happened") == tables_of(whole, "happened")
        assert "Of two halves" in read(html).text
    html = page_html(study_of([usual, both, other]), made_by_study=False)
    first, second = tables_of(html, "happened")
    assert [first] == tables_of(whole, "happened")
    assert [second] == tables_of(page_html(study_of([other]), made_by_study=False), "happened")
    assert {"Of business as usual, two halves", "Of other"} <= set(read(html).text)
    assert all(f"other: {text}." in " ".join(read(html).text) for text in warnings_of(other))


def test_the_page_is_made_again_from_either_kind_of_folder(
    study: Study, page: str, saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(saved / "results" / "main")]) == 0
    assert (saved / "results" / "main" / "report.html").read_text(encoding="utf-8") == page
    assert main(["run", "business-as-usual", "supply-only", "--out", str(tmp_path / "few")]) == 0
    printed = capsys.readouterr().out
    assert known_text([study.paths["supply-only"]])[1] in printed
    assert "investment: gross capital formation, stocks among it" in printed
    assert main(["report", str(tmp_path / "few")]) == 0
    html = (tmp_path / "few" / "report.html").read_text(encoding="utf-8")
    shown = [row for row in tables_of(html, "headline")[0] if len(row) == 10]
    assert shown == [
        [name.replace("-", " "), *headline_cells(study.paths[name])] for name in ("business-as-usual", "supply-only")
    ]
    assert tables_of(html, "happened") == tables_of(page, "happened")
    (tmp_path / "none").mkdir()
    assert main(["report", str(tmp_path / "none")]) == 2
    assert "There is neither a study (checks.json) nor a path (NAME/path.nc)" in capsys.readouterr().err


def test_the_docs_read_what_a_study_wrote(study: Study, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).resolve().parent.parent / "docs" / "results.md").read_text(encoding="utf-8")
    monkeypatch.chdir(saved)
    found: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(block, "docs/results.md", "exec"), found)
    rows = summary(study.partners["two-halves-tariffs"], 2021)
    usa = next(row for row in rows if (row["partner"], row["channel"]) == ("USA", "total"))
    assert found["in_all"] == pytest.approx(usa["value_added_change"])
    share = float(found["share"].sel(partner="USA", year=2021))
    assert share == pytest.approx(usa["value_added_change_share"])
    assert set(found["checks"]) == set(study.checks)
    assert all(f"`{key}`" in text for key in study.checks)


def test_words_of_a_single_path_turn(study: Study) -> None:
    path = study.paths["two-halves"]
    assert ", above its reference path" in answer(study_of([path]))[0]
    lower = replace(
        path, data=path.data.assign(household_consumption_share=path.data["household_consumption_share"] - 9)
    )
    assert ", below its reference path" in answer(study_of([lower]))[0]


def test_a_simulated_path_alone(tmp_path: Path) -> None:
    usual = simulate(load_experiment("business-as-usual"))
    html = write_report([usual], tmp_path / "report.html").read_text(encoding="utf-8")
    assert "No plant is closed on these paths." in html
    read(html)


def test_a_path_on_the_world_table_alone(study: Study, tmp_path: Path) -> None:
    html = write_report([study.world["two-halves"]], tmp_path / "report.html").read_text(encoding="utf-8")
    assert "World Input-Output Database 2011" in html
    assert "The reference path beside what happened" not in html
    read(html)


def test_names_are_escaped_and_counted(study: Study) -> None:
    path = study.paths["two-halves"]
    odd = replace(path, experiment=path.experiment.replace(name="<script>alert(1)<&>", cards={}))
    whole = study_of([path, path, odd])
    assert list(whole.paths) == ["two-halves", "two-halves (2)", "<script>alert(1)<&>"]
    html = page_html(whole, made_by_study=False)
    assert "script" not in read(html).tags


def test_no_path_and_a_file_that_cannot_be_written(study: Study, tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="give at least one trajectory"):
        write_report([], tmp_path / "report.html")
    (tmp_path / "file").write_text("here")
    with pytest.raises(ResultError, match="Cannot write"):
        write_report(study, tmp_path / "file" / "report.html")


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (lambda: number(-0.04), "0.0"),
        (lambda: signed(-1.25, 1), "−1.2"),
        (lambda: number(1234567.8, 0), "1,234,568"),
        (lambda: span([2035, 2033, 2034, 2040]), "2033–2035, 2040"),
    ],
)
def test_numbers_are_rounded_to_what_they_bear(made: Callable[[], str], text: str) -> None:
    assert made() == text


def test_inaccurate_paths_are_warned_of(study: Study) -> None:
    path: Trajectory = study.paths["two-halves"]
    bad = replace(path, verdict=replace(path.verdict, status="inaccurate", warnings=("replay is off",)))
    shaky = replace(study, paths={**study.paths, "two-halves": bad})
    assert headline_text(shaky).startswith("Warning: two-halves: replay is off\nWarning: two-halves is inaccurate")
    assert "two-halves is inaccurate." in page_html(shaky)


def test_the_multipliers_are_those_of_the_checks(study: Study, page: str) -> None:
    said = multiplier_words(study)
    for row in study.checks["multipliers"]:
        if row["year"] == 1 and not row["labour_limit"]:
            assert f"{row['instrument']} {number(row['value'], 2)} in the first year" in said
    assert said in read(page).text
