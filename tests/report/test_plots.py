"""The figures hold the paths and what was published, and nothing else."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iomodel.program.trajectory import Trajectory
from iomodel.report import main_figure
from iomodel.report.figure import main as draw_figure
from iomodel.report.plots import MAIN, PANELS, drawn_figure, policy_panels, saving_panels, spread_apart, svg
from iomodel.report.words import number
from iomodel.study.history import misses
from iomodel.study.policies import Study
from report.pages import read


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


def test_the_main_figure_draws_the_paths(study: Study, known: Trajectory) -> None:
    """What matplotlib holds of the main figure: every line, dot, title and number at a line's end is the data's."""
    figure = drawn_figure(study)
    variables = {title: (variable, unit) for variable, title, unit in PANELS if variable in MAIN}
    *titles, where = [text.get_text() for text in figure.texts]
    assert where == "China, world ESTIMATE 2020, 28 sectors"
    assert titles[::2] == list(variables)
    assert len(figure.axes) == len(variables) == 6
    for axes, title, unit in zip(figure.axes, titles[::2], titles[1::2], strict=True):
        variable, units = variables[title]
        digits = 0 if variable == "public_debt_share" else 1
        dots = {row.year: row.published for row in misses(known) if row.variable == variable}
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
