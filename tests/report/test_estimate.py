"""What is made from an ESTIMATE says so, wherever it is shown, and no number of a partner stands without its range."""

from __future__ import annotations

import csv
import io
import re

import pytest

import iomodel as iom
from iomodel.answers.headline import compare
from iomodel.program.trajectory import Trajectory
from iomodel.report import headline_text
from iomodel.report.abroad import partner_lines, trust, trust_words
from iomodel.report.page import page_html
from iomodel.report.plots import drawn_figure
from iomodel.report.rows import beside_rows, estimate_words, known_table, other_title, where_from
from iomodel.report.words import REGIONS
from iomodel.spillover import spillovers, summary
from iomodel.study.files import partners_csv
from iomodel.study.policies import Study
from report.pages import read, tables_of

LINE = re.compile(r"([+−]?[\d.]+) \(([+−]?[\d.]+) to ([+−]?[\d.]+)\) ± ([\d.]+)")


def number(text: str) -> float:
    return float(text.replace("−", "-"))


@pytest.fixture(scope="module")
def published(study: Study) -> Study:
    """The same study with partners on a published table."""
    both = study.others["world-2011"]
    usual = iom.simulate(iom.load_experiment("business-as-usual").replace(table="world-2011"))
    found = spillovers(both, reference=usual)
    world: dict[str, Trajectory] = {"business-as-usual": usual, "two-halves": both}
    return Study(world, world, {"two-halves": found}, {})


def test_every_place_where_the_tables_numbers_stand_says_estimate(study: Study, page: str) -> None:
    both = study.paths["two-halves"]
    assert where_from(both) == "China, world ESTIMATE 2020, 28 sectors"
    assert both.provenance["estimate"] is True
    words = estimate_words(study.paths.values())
    assert words.startswith("ESTIMATE: ")
    assert "official table by 28 sectors; everything about partners is estimated" in words
    text = " ".join(headline_text(study).split())
    assert words in text
    assert "Trading partners in 2035, ESTIMATE, value added" in text
    shown = " ".join(read(page).text)
    for said in (
        words, "China, world ESTIMATE 2020", "in an ESTIMATE, no published table",
        "Value added of partners in 2035 (ESTIMATE), two halves against",
        "Value added of partners in 2035 (ESTIMATE), two halves under tariffs against",
        "world-2020-estimate (ESTIMATE), 2020", "by an ESTIMATE: services by partner", "ranges; ESTIMATE",
    ):  # fmt: skip
        assert said in shown, said
    assert "China, world ESTIMATE 2020, 28 sectors" in [text.get_text() for text in drawn_figure(study).texts]
    assert str(iom.calibrate(iom.load_table("world-2020-estimate"))).startswith(
        "CHN in 2020, table world-2020-estimate (ESTIMATE): GDP"
    )


def test_a_partners_number_never_stands_alone(study: Study) -> None:
    """Each of the printed partners has the numbers of `summary`: change, least and most, error."""
    lines = list(partner_lines(study))[3:]
    names = {name: code for code, name in REGIONS.items()}
    assert len(lines) == 14
    for line in lines:
        partner = names[line[:20].strip()]
        cells = LINE.findall(line)
        assert len(cells) == len(study.partners)
        for cell, data in zip(cells, study.partners.values(), strict=True):
            row = next(row for row in summary(data, 2035) if (row["partner"], row["channel"]) == (partner, "total"))
            wanted = [row[f"value_added_change_share{end}"] for end in ("", "_low", "_high", "_error")]
            assert [number(text) for text in cell] == pytest.approx(wanted, abs=0.0051)


def test_the_file_of_partners_says_what_each_line_is(study: Study) -> None:
    rows = list(csv.DictReader(io.StringIO(partners_csv(study.partners))))
    assert len(rows) == 2 * 14 * 3
    assert {(row["table"], row["estimate"]) for row in rows} == {("world-2020-estimate", "ESTIMATE")}
    assert {row["policy"] for row in rows} == set(study.partners)
    for row in rows:
        for key in ("output_change", "value_added_change", "value_added_change_share"):
            low, change, high = (float(row[f"{key}{end}"]) for end in ("_low", "", "_high"))
            assert low <= change + 1e-9
            assert change <= high + 1e-9
            assert float(row[f"{key}_error"]) >= 0


def test_two_halves_on_other_tables_stand_beneath_the_policies(study: Study, page: str) -> None:
    titles = [
        "two halves under tariffs",
        "two halves, official table of 42 sectors",
        "two halves, table of 2011, year 2021",
    ]
    rows = beside_rows(study)
    assert [row.title for row in rows] == titles
    assert list(study.others) == ["china-2020", "world-2011"]
    for row, path in zip(rows[1:], study.others.values(), strict=True):
        assert dict(row.values) == {str(key): value for key, value in compare([path]).iloc[0].items()}
        assert other_title(path) == row.title
    lines = headline_text(study).splitlines()
    assert [line[:42].strip() for line in lines if line.startswith("two halves")] == ["two halves", *titles]
    [table] = tables_of(page, "tables")
    assert [row[0] for row in table] == titles[1:]
    assert known_table(study) == "table of 42 sectors"


def test_a_published_table_has_no_ranges(published: Study) -> None:
    data = published.partners["two-halves"]
    assert trust_words(data) == ""
    lines = list(partner_lines(published))
    assert lines[0].startswith("Trading partners in 2021, value added")
    assert not any("(" in line or "±" in line for line in lines)
    assert trust(summary(data, 2021)[0], "value_added_change", 1) == ()
    html = page_html(published)
    assert "partners in 2021, two halves against" in " ".join(read(html).text)
    assert "ESTIMATE" not in html
    assert estimate_words(published.paths.values()) == ""
    assert set(csv.DictReader(io.StringIO(partners_csv(published.partners))).fieldnames or ()) >= {"partner", "table"}
