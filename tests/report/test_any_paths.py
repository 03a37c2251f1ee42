"""Any paths, not only those of the main job: the page and the text of one, of few, on any table."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from official import official

from iomodel.cli import main
from iomodel.errors import ResultError
from iomodel.program.trajectory import Trajectory
from iomodel.report import headline_text, known_text, write_report
from iomodel.report.page import page_html, study_of
from iomodel.report.reasons import (
    multiplier_words,
)
from iomodel.report.sentences import answer
from iomodel.report.words import number, signed, span
from iomodel.run import simulate
from iomodel.spillover import summary
from iomodel.study.history import warnings_of
from iomodel.study.policies import Study
from report.pages import headline_cells, read, tables_of


def test_a_plain_list_of_paths(study: Study, tmp_path: Path) -> None:
    paths = [study.paths["two-halves"], study.others["world-2011"]]
    file = write_report(paths, tmp_path / "report.html")
    html = file.read_text(encoding="utf-8")
    read(html)
    text = " ".join(read(html).text)
    assert "reference 39." in text or "reference" in text
    assert "On another table" in text
    assert "Two halves: in 2035 household consumption is" in text
    assert "Trading partners" not in text
    assert "Files beside this page" not in text


def test_the_known_years_of_any_paths_are_told_once_for_each_reference(study: Study, known: Trajectory) -> None:
    usual, both, abroad = known, study.others["china-2020"], study.others["world-2011"]
    lines = headline_text(study).splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("Reference path"))
    said = "\n".join(lines[start : start + 13]).replace("table of 42 sectors", " " * 19)
    assert known_text([usual, both]) == ("", said)
    assert known_text([abroad]) == ("", "")
    told = known_text([both, abroad])[1]
    assert told.splitlines()[0].startswith("Reference path of two-halves beside what happened 2021–2025")
    other = simulate(usual.experiment.replace(name="other", cards={"public_investment": 9.0}))
    above, beneath = known_text([usual, both, other])
    assert beneath.count("beside what happened") == 2
    assert "Reference path of business-as-usual, two-halves beside" in beneath
    assert above.replace("\n", " ") == " ".join(f"Warning: other: {text}" for text in warnings_of(other))
    assert above


def test_the_page_of_any_paths_has_the_known_years_of_each_reference(study: Study, known: Trajectory) -> None:
    usual, abroad = known, study.others["world-2011"]
    both = study.others["china-2020"]
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
    assert main(["run", "business-as-usual", "supply-only", "--verbose", "--out", str(tmp_path / "few")]) == 0
    printed = capsys.readouterr().out
    assert known_text([study.paths["supply-only"]])[1] in printed
    assert "investment: gross capital formation, stocks among it" in printed
    assert main(["report", str(tmp_path / "few")]) == 0
    html = (tmp_path / "few" / "report.html").read_text(encoding="utf-8")
    shown = [row for row in tables_of(html, "headline")[0] if len(row) == 11]
    assert shown == [
        [name.replace("-", " "), *headline_cells(study.paths[name])] for name in ("business-as-usual", "supply-only")
    ]
    [told], [on_other] = tables_of(html, "happened"), tables_of(page, "happened")
    assert [row[:2] for row in told] == [row[:2] for row in on_other]
    (tmp_path / "none").mkdir()
    assert main(["report", str(tmp_path / "none")]) == 2
    assert "There is neither a study (checks.json) nor a path (NAME/path.nc)" in capsys.readouterr().err


def test_the_docs_read_what_a_study_wrote(study: Study, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "results.md").read_text(encoding="utf-8")
    monkeypatch.chdir(saved)
    found: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(block, "docs/results.md", "exec"), found)
    rows = summary(study.partners["two-halves-tariffs"], 2035)
    usa = next(row for row in rows if (row["partner"], row["channel"]) == ("USA", "total"))
    assert found["in_all"] == pytest.approx(usa["value_added_change"])
    share = float(found["share"].sel(partner="USA", year=2035))
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
    usual = simulate(official("business-as-usual"))
    html = write_report([usual], tmp_path / "report.html").read_text(encoding="utf-8")
    assert "No plant is closed on these paths." in html
    read(html)


def test_a_path_on_the_world_table_alone(study: Study, tmp_path: Path) -> None:
    html = write_report([study.others["world-2011"]], tmp_path / "report.html").read_text(encoding="utf-8")
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
