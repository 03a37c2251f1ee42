"""What matters: derivatives against re-solved programs, changes at the ends, words, and what is refused."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from official import ON_OFFICIAL, official

import iomodel as iom
from iomodel.answers import matters
from iomodel.answers.matter import GOAL, HEADLINE, LINE, OUTCOMES, Matter
from iomodel.assumptions import Assumption, assumptions_of, left_out
from iomodel.cli import main
from iomodel.economy import Economy
from iomodel.errors import CardError, InfeasibleError, ResultError, SolverError
from iomodel.program.block import Block, Law, Values
from iomodel.program.setting import MASKS, Setting
from iomodel.program.trajectory import Trajectory

# A share of the range small enough that no law changes between binding and slack.
NEAR = 5e-4

SOLVED_AGAIN = [
    "precaution",  # behaviour
    "export_growth",  # yearly data, and through them known years and reference path
    "reform_pace",  # bound of a law
    "trend_jobs",  # jobs, which move the state that is handed over
    "discount",  # goal
    "benefit_rate",  # path of a lever that no law decides
    "inputs_manufacturing",  # table
    "imports_household",  # table, final use
]


@pytest.fixture(scope="module")
def base(path_of: Callable[..., Trajectory]) -> matters._Base:
    return matters._base(path_of("two-halves"), None, 2035, ())


@pytest.fixture(scope="module")
def held(china: Economy) -> matters._Base:
    """A path on which labour is held fully used in one year."""
    asked = official("demand-only").set("targets.package", {"exactly": 6.0, "by": 8})
    return matters._base(iom.solve(asked, china), china, 2035, ())


@pytest.fixture(scope="module")
def known(base: matters._Base) -> dict[str, Assumption]:
    return {assumption.key: assumption for assumption in assumptions_of(base.course.usual.economy)}


@pytest.mark.parametrize("key", SOLVED_AGAIN)
def test_derivatives_are_those_of_solved_programs(key: str, base: matters._Base, known: dict[str, Assumption]) -> None:
    """Central differences of the program solved on both sides: the goal to 0.1 percent, outcomes to 1 percent,
    or to a thousandth of a point over the whole range."""
    assumption = known[key]
    slopes, method = matters._derivatives(base, assumption)
    assert method == "differentiated"
    step = NEAR * (assumption.high - assumption.low)
    above, below = (matters._solved(base, assumption, by) for by in (step, -step))
    size = assumption.high - assumption.low
    for name in OUTCOMES:
        solved = (above[name] - below[name]) / (2 * step)
        near = 1e-3 if name == GOAL else 1e-2
        assert slopes[name] * size == pytest.approx(solved * size, rel=near, abs=1e-3), name
    assert max(abs(slopes[name]) * size for name in OUTCOMES) > 1e-3, f"{key} moves nothing: choose another"


@pytest.mark.parametrize("key", ["precaution", "trend_jobs"])
def test_derivatives_where_a_valve_is_held(key: str, held: matters._Base, known: dict[str, Assumption]) -> None:
    """Six points of GDP are missed and labour is held fully used in one year: the moved program holds it, too."""
    assert held.point is not None
    assert held.point.program.setting.full.any()
    slopes, method = matters._derivatives(held, known[key])
    assert method == "differentiated"
    step = NEAR * (known[key].high - known[key].low)
    above, below = (matters._solved(held, known[key], by) for by in (step, -step))
    for name in (HEADLINE, GOAL):
        assert slopes[name] == pytest.approx((above[name] - below[name]) / (2 * step), rel=1e-3), name


def test_a_moved_program_has_all_stops_and_valves(held: matters._Base) -> None:
    assert held.point is not None
    program = held.point.program
    years = np.arange(program.setting.years) == 4
    cells = np.zeros((program.setting.arrays.industry.size, years.size), dtype=bool)
    cells[2, 4] = True
    masks = {name: cells if name in ("stopped", "held") else years for name in MASKS}
    other = replace(program, setting=replace(program.setting, **masks))
    laid = matters._laid(replace(held, point=replace(held.point, program=other)), held.course)
    for name, mask in masks.items():
        assert np.array_equal(getattr(laid.setting, name), mask), name


def test_goal_moves_by_the_multipliers_of_laws(base: matters._Base, known: dict[str, Assumption]) -> None:
    """The envelope theorem in the program's own laws: goal and laws of the moved program at the old point, each law
    weighted by its multiplier; nothing of the canonical arrays is in this."""
    point = base.point
    assert point is not None
    program = point.program
    point.hold()
    duals = {name: np.asarray(law.constraint.dual_value, dtype=float) for name, law in program.laws.items()}
    for key in ("precaution", "capacity_margin", "reform_leakage", "interest_to_households", "inputs_services"):
        step = 1e-6 * (known[key].high - known[key].low)
        moved = matters._laid(base, matters._moved_course(base, known[key], step))
        for name in program.variables:
            moved.values[name].value = program.values[name].value
        gained = float(moved.problem.objective.args[0].value) - float(program.problem.objective.args[0].value)
        for name, law in moved.laws.items():
            (left, right), (was_left, was_right) = (
                [np.asarray(side.value, dtype=float) for side in one.constraint.args]
                for one in (law, program.laws[name])
            )
            gained -= float(np.sum(duals[name] * ((left - right) - (was_left - was_right))))
        slopes, _ = matters._derivatives(base, known[key])
        assert slopes[GOAL] == pytest.approx(gained / step, rel=2e-3, abs=1e-6), key


def test_the_base_is_the_path(base: matters._Base, path_of: Callable[..., Trajectory]) -> None:
    path = path_of("two-halves")
    last = path.data.isel(year=-1)
    for name in OUTCOMES:
        if name in last:
            assert base.outcomes[name] == pytest.approx(float(last[name]), abs=1e-4), name
    row = iom.compare([path]).iloc[0]
    assert base.outcomes["consumption_over_usual"] == pytest.approx(row["consumption, % over as usual"], abs=1e-4)
    assert base.outcomes["mean_growth"] == pytest.approx(row["growth, % a year"], abs=1e-5)
    assert base.outcomes[GOAL] == pytest.approx(path.verdict.objective, abs=1e-6)


def test_an_exponent_that_is_only_approximated_is_solved_again(
    base: matters._Base, known: dict[str, Assumption]
) -> None:
    """Risk aversion is written into cones as a fraction: a small step moves nothing, so that two solves are needed."""
    slopes, method = matters._derivatives(base, known["curvature"])
    assert method == "solved again"
    assert slopes[GOAL] < -1


def test_every_number_is_asked_or_left_out(china: Economy) -> None:
    asked = [assumption.key for assumption in assumptions_of(china)]
    assert len(asked) == len(set(asked))
    cards = [key for key in asked if key in china.cards]
    assert sorted([*cards, *left_out(china.cards)]) == sorted(china.cards)
    assert left_out(china.cards) == ["normal_years", "drive_last_year", "paths_year"]


def test_a_card_with_a_number_a_year_moves_as_a_whole(known: dict[str, Assumption], china: Economy) -> None:
    path = known["pandemic_path"]
    was, card = china.cards.series("pandemic_path"), china.cards.card("pandemic_path")
    assert path.value == pytest.approx(sum(was) / len(was))
    for end, edge, side in ((path.low, card.low, min), (path.high, card.high, max)):
        now = path.economy(end).cards.series("pandemic_path")
        assert np.ptp(np.array(now) - np.array(was)) < 1e-12
        assert side(now) == pytest.approx(edge)
    assert math.isnan(path.size)
    with pytest.raises(CardError, match="pandemic_path"):
        path.economy(path.high + 1e-3)


@pytest.fixture(scope="module")
def few(base: matters._Base, known: dict[str, Assumption]) -> dict[str, Matter]:
    keys = ("precaution", "wages_services", "multiplier_low", "pandemic_path")
    return {key: matters._matter(base, known[key], HEADLINE) for key in keys}


def test_a_row_is_consistent(few: dict[str, Matter], base: matters._Base) -> None:
    row = few["precaution"]
    slope = row.derivatives[HEADLINE]
    assert row.at_low[HEADLINE] == pytest.approx(slope * (row.low - row.value))
    assert row.at_high[HEADLINE] == pytest.approx(slope * (row.high - row.value))
    assert row.effect == max(abs(row.at_low[HEADLINE]), abs(row.at_high[HEADLINE]))
    assert row.elasticities[HEADLINE] == pytest.approx(slope * row.value / base.outcomes[HEADLINE])
    assert few["wages_services"].elasticities[HEADLINE] == pytest.approx(
        few["wages_services"].derivatives[HEADLINE] / base.outcomes[HEADLINE]
    )
    assert few["multiplier_low"].effect == 0  # a threshold of a warning
    assert math.isnan(few["pandemic_path"].elasticities[HEADLINE])


def test_the_goal_has_no_elasticity(few: dict[str, Matter]) -> None:
    """Its zero is arbitrary: a percent of it means nothing."""
    row = few["precaution"]
    assert row.elasticities[GOAL] is None
    assert abs(row.derivatives[GOAL]) > 1
    elasticity = iom.matters_dataset([row])["elasticity"]
    assert np.isnan(elasticity.sel(outcome=GOAL)).all()
    assert np.isfinite(elasticity.sel(outcome=HEADLINE)).all()
    assert "Elasticity" in iom.matters_text([row])
    assert "Elasticity" not in iom.matters_text([replace(row, by=GOAL)])


def test_ends_are_solved_again(few: dict[str, Matter], base: matters._Base, known: dict[str, Assumption]) -> None:
    """At the low end of precaution the path is that of the experiment with this card."""
    row = matters._solved_ends(base, known["precaution"], few["precaution"])
    assert row.ends == ("solved again", "solved again")
    without = iom.solve(official("two-halves").replace(cards={"precaution": 0.0}))
    change = float(without.data[HEADLINE].values[-1]) - base.outcomes[HEADLINE]
    assert row.at_low[HEADLINE] == pytest.approx(change, abs=1e-4)
    assert row.text.startswith(
        "If precaution (Precautionary saving released per yuan of social spending, in kind or in cash) is 0 instead of "
        "0.63 yuan per yuan, actual individual consumption in 2035 is 1.4 points of GDP lower; if it is 1.03, 1.0 "
        "points of GDP higher"
    )
    assert few["precaution"].text.endswith(" (on a straight line)")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (InfeasibleError("x"), "there is no path that meets all laws"),
        (SolverError("x"), "there is no path that the solver certifies"),
        (CardError("x"), "there is no economy that closes"),
    ],
)
def test_an_end_without_a_path_is_said(
    error: Exception,
    words: str,
    few: dict[str, Matter],
    base: matters._Base,
    known: dict[str, Assumption],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def solved(base: matters._Base, assumption: Assumption, step: float) -> dict[str, float]:
        if step < 0:
            raise error
        return dict.fromkeys(OUTCOMES, 0.0)

    monkeypatch.setattr(matters, "_solved", solved)
    row = matters._solved_ends(base, known["precaution"], few["precaution"])
    assert words in row.text
    assert math.isnan(row.at_low[HEADLINE])
    assert row.effect > 0


def test_the_straight_line_is_marked_where_it_is_one(few: dict[str, Matter]) -> None:
    row = few["precaution"]
    assert replace(row, ends=("solved again", LINE)).text.endswith("higher (on a straight line)")
    assert replace(row, ends=(LINE, "solved again")).text.count("on a straight line") == 1
    assert "wages_services (Wages of services per unit of its output) are 5 percent lower" in few["wages_services"].text
    assert "has no range" in replace(row, low=row.value, high=row.value).text


def test_all_of_it_on_a_path_without_levers(simulated: Callable[..., Trajectory], tmp_path: Path) -> None:
    """Order, year, dataset and text; a path on which nothing is decided has no goal."""
    only = ["public_debt", "precaution", "interest_rate", "inflation_base", "wages_services"]
    usual = simulated("business-as-usual")
    heard: list[str] = []
    rows = iom.what_matters(usual, year=2030, by="public_debt_share", ends=1, only=only, progress=heard.append)
    assert [row.effect for row in rows] == sorted((row.effect for row in rows), reverse=True)
    assert {row.year for row in rows} == {2030}
    assert {row.method for row in rows} == {"simulated"}
    assert all(math.isnan(row.derivatives.get(GOAL, math.nan)) for row in rows)
    assert len(heard) == len(rows) + 1
    assert heard[-1].endswith("solved again")
    # the debt of the base year is read off the table's own: a point more is a point more of a grown economy
    debt = next(row for row in rows if row.key == "public_debt")
    assert 0.4 < debt.derivatives["public_debt_share"] < 1
    data = iom.matters_dataset(rows)
    assert data["derivative"].sel(assumption="public_debt", outcome="public_debt_share") == pytest.approx(
        debt.derivatives["public_debt_share"]
    )
    data.to_netcdf(tmp_path / "matters.nc", engine="h5netcdf")
    assert xr.open_dataset(tmp_path / "matters.nc").sizes == {"assumption": len(rows), "outcome": len(OUTCOMES)}
    text = iom.matters_text(rows, 3)
    assert text.startswith("What public debt in 2030 hangs on (points of GDP")
    assert f" 1. {rows[0].text}. Elasticity {rows[0].elasticities['public_debt_share']:+.2g}.\n" in text
    assert " 3. " in text
    assert " 4. " not in text
    assert "Of 4 cards and 1 group of table coefficients (the groups over ±5%, a convention); derivatives" in text
    (card,) = [row for row in rows if row.key == "precaution"]
    assert card.text.startswith("Public debt in 2030 does not hang on precaution (")
    assert ": it is the same all the way from 0 to 1.03 " in card.text
    assert "Elasticity" not in iom.matters_text([card])
    assert "\nOf 1 card; derivatives: 1 simulated." in iom.matters_text([card])


def test_what_is_refused(path_of: Callable[..., Trajectory], simulated: Callable[..., Trajectory]) -> None:
    path = path_of("two-halves")
    with pytest.raises(ResultError, match=r"no outcome 'idle'.*idle_share"):
        iom.what_matters(path, by="idle")
    with pytest.raises(ResultError, match="reports policy from 2026 to 2035, not 2025"):
        iom.what_matters(path, year=2025)
    with pytest.raises(ResultError, match=r"no assumption 'paths_year' that could be moved"):
        iom.what_matters(path, only=["paths_year"])
    with pytest.raises(ResultError, match="takes a path, found 'two-halves' of type str"):
        iom.what_matters("two-halves")  # type: ignore[arg-type]
    with pytest.raises(ResultError, match="carried out by rule: no goal chose it"):
        iom.what_matters(simulated("two-halves"))
    other = iom.calibrate(iom.load_table("china-2020"), cards={"precaution": 0.3})
    with pytest.raises(ResultError, match="hand over those that the path was solved with"):
        iom.what_matters(path, other)
    for shown in (iom.matters_dataset, iom.matters_text):
        with pytest.raises(ResultError, match="no assumptions to show"):
            shown([])


def test_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The command prints the list and writes the dataset."""
    only = ("--only", "precaution", "interest_rate")
    out = tmp_path / "all.nc"
    assert main(["matters", "demand-only", *ON_OFFICIAL, "--top", "1", "--year", "2032", "--out", str(out), *only]) == 0
    said = capsys.readouterr().out
    assert " 1. If precaution" in said
    assert "in 2032" in said
    assert "interest_rate (" not in said
    assert "Of 2 cards; derivatives" in said
    assert "Left out" not in said  # what is left out was not asked for
    assert xr.open_dataset(out).sizes["assumption"] == 2
    assert main(["matters", "demand-only", *ON_OFFICIAL, "--top", "0"]) == 2
    assert "--top takes a whole number from 1 on, found 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (("--by", "gaol"), "there is no outcome 'gaol'; there are .* Did you mean goal"),
        (("--only", "precausion"), "there is no assumption 'precausion' that could be moved. Did you mean precaution"),
        (("--year", "2050"), "demand-only reports policy from 2026 to 2035, not 2050"),
        (("--year", "soon"), "demand-only reports policy from 2026 to 2035, not soon"),
    ],
)
def test_what_the_command_refuses_it_refuses_before_it_solves(
    asked: tuple[str, str], text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iomodel.run.solve", lambda *_: pytest.fail("solved before it refused"))
    assert main(["matters", "demand-only", *ON_OFFICIAL, *asked]) == 2
    assert re.search(text, capsys.readouterr().err)


def test_one_key_may_be_a_word(simulated: Callable[..., Trajectory]) -> None:
    usual = simulated("business-as-usual")
    assert [row.key for row in iom.what_matters(usual, only="precaution", ends=0)] == ["precaution"]
    with pytest.raises(ResultError, match="there is no assumption 'precausion' that could be moved"):
        iom.what_matters(usual, only="precausion")


def test_where_a_law_just_touches_it_is_solved_again(
    base: matters._Base, known: dict[str, Assumption], path_of: Callable[..., Trajectory]
) -> None:
    """A ceiling laid exactly where the path goes anyway: no multiplier, no room, and one derivative on each side."""
    assert base.point is not None
    debt = float(base.point.values()["public_debt"][-1])

    def laws(v: Values, p: Setting) -> list[Law]:
        return [Law("touching", ("start",), v["public_debt"][-1:] <= debt, where={"start": p.labels()["start"][-1:]})]

    touched = matters._base(path_of("two-halves"), None, 2035, (Block("touching", laws=laws),))
    assert touched.point is not None
    assert not touched.point.settled
    slopes, method = matters._derivatives(touched, known["precaution"])
    assert method == "solved again"
    free, _ = matters._derivatives(base, known["precaution"])
    assert slopes[GOAL] == pytest.approx(free[GOAL], rel=1e-3)
