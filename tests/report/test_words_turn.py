"""Words turn with the numbers: what a sentence claims is what the paths bear out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from iomodel.report import headline_text
from iomodel.report.page import page_html
from iomodel.report.reasons import (
    best_words,
    closing_words,
    debts_words,
    home_words,
    jobs_words,
    partner_words,
    payer_words,
    watched_words,
)
from iomodel.report.rows import cards_of, headline_rows, weight_words
from iomodel.report.sentences import answer, share_gains, share_words
from iomodel.report.words import number
from iomodel.spillover import summary
from iomodel.study.policies import Study
from report.pages import read, with_data, with_interaction


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
        (0.0, "below usual (12.0) but above 2025 (2.1)"),
        (9.0, "above usual (12.0) and above 2025 (2.1)"),
        (-4.0, "below usual (12.0) and below 2025 (2.1)"),
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
    labour, plant = "labour is used up", "is at its limit and follows demand late"
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
    rows = [row for row in summary(partners, 2035) if row["channel"] == "total"]
    gains = sum(round(float(row["value_added_change_share"] or 0), 2) > 0 for row in rows)
    assert gains > 0
    assert f"rises for {gains}" in partner_words(partners)

    def times(factor: float) -> xr.Dataset:
        changes = {name: factor * values for name, values in partners.items() if "_change" in str(name)}
        return partners.assign({name: values.assign_attrs(partners[name].attrs) for name, values in changes.items()})

    turned = times(-1.0)
    assert f"falls for {gains}" in partner_words(turned)
    flat = times(0.0)
    assert partner_words(flat).startswith(
        "Value added in 2035 does not move for 14 of 14 partners, from 0.00 percent (United States) to 0.00 percent "
        "(United States): next to nothing."
    )


def test_words_of_jobs_turn(study: Study) -> None:
    usual = study.paths["business-as-usual"]
    for by, words in ((1.0, "more jobs are found than lost"), (-1.0, "more jobs are lost than found")):
        assert words in jobs_words(with_data(study, "two-halves", employment=by).paths["two-halves"], usual)
