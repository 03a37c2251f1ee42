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

from iomodel.errors import ResultError
from iomodel.experiment import LIMITS, Benefit, Experiment, Limit, Target, Tariff, load_experiment
from iomodel.headline import compare
from iomodel.program.diagnose import ACCOUNTING
from iomodel.program.trajectory import Trajectory
from iomodel.report import headline_text, main_figure, write_report
from iomodel.report.bars import closed_plant, jobs, partners_ends, partners_table
from iomodel.report.figure import main as draw_figure
from iomodel.report.laws import WORDS, limits, money, says
from iomodel.report.page import headline_csv, page_html, paths_csv, study_of
from iomodel.report.plots import policy_panels, saving_panels, spread_apart, svg
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
from iomodel.report.words import number, short_names, signed, span
from iomodel.run import build, simulate, what_binds
from iomodel.spillover import summary
from iomodel.study import OUTCOMES, Study, outcomes, run_study

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
    assert "* industrial capacity beyond normal use, share of all" in lines


def test_prose_is_narrow_and_says_every_check(study: Study) -> None:
    lines = headline_text(study).splitlines()
    below = lines[lines.index("* industrial capacity beyond normal use, share of all") + 1 :]
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


def test_the_headline_on_the_page_equals_the_text(study: Study, page: str) -> None:
    words = [word.strip() for word in read(page).text if word.strip()]
    for path in study.paths.values():
        values = compare([path]).iloc[0]
        start = words.index(path.experiment.name.replace("-", " "), words.index("policy 2026–2035, year 2035"))
        assert words[start + 1] == number(values["consumption, % of GDP"])
        assert words[start + 9] == number(values["public debt, % of GDP"], 0)


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
    assert set(WORDS) - laws <= {"investment_not_negative"}


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
