"""The headline as printed: its layout, its numbers, the checks beneath it and what is marked."""

from __future__ import annotations

from dataclasses import replace

from iomodel.answers.headline import compare
from iomodel.report import headline_text
from iomodel.report.page import page_html
from iomodel.report.text import COLUMNS, LABEL
from iomodel.report.words import number, signed
from iomodel.study.policies import Study
from report.pages import FOOTNOTE, HEADER


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
