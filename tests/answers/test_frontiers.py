"""The frontier: points keep every law, no back door makes one better, the slope is the price, the shape is right."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from official import ON_OFFICIAL, official

import iomodel as iom
from iomodel import solving
from iomodel.answers import seeking
from iomodel.answers.frontier_points import Point, dataset_of_points
from iomodel.answers.frontiers import frontier
from iomodel.course import course_of, setting_of
from iomodel.errors import CardError, ExperimentError, ResultError
from iomodel.program.block import value_of
from iomodel.program.blocks import CORE
from iomodel.program.build import assemble
from iomodel.program.outcomes import OUTCOMES, at_point, outcome_named
from iomodel.program.trajectory import Trajectory
from iomodel.report.frontier import drawn_frontier, frontier_figure, frontier_table, frontier_text
from iomodel.run import solve
from iomodel.solving import replayed, settled

X, Y = "public_debt_share", "actual_individual_consumption_share"


@cache
def _economy() -> iom.Economy:
    return iom.calibrate(iom.load_table("china-2020"), region="CHN")


def _short(name: str = "best-path") -> iom.Experiment:
    """A shipped experiment with a shorter horizon, so that points are cheap."""
    experiment = official(name)
    within = {"package": 2.0, "reform": 0.4, "idle_cut": 0.4}  # what six years can reach
    targets = {key: replace(target, by=5, value=within[key]) for key, target in experiment.targets.items()}
    return experiment.replace(years=6, beyond=2, targets=targets, benefit=None)


@cache
def _found(name: str = "best-path", x: str = X, y: str = Y, points: int = 4, year: int | None = None) -> xr.Dataset:
    return frontier(_short(name), x, y, points, year, economy=_economy())


@cache
def _own(name: str = "best-path") -> Trajectory:
    return solve(_short(name), _economy())


def _last(path: Trajectory, name: str) -> float:
    return float(path.data[name].values[-1])


# ---------------------------------------------------------------- outcomes


@cache
def _point() -> tuple[Any, Trajectory]:
    course = course_of(_short("two-halves"), _economy())
    program, verdict = settled(course, assemble(setting_of(course, "reduced"), CORE))
    return program, replayed(course, program, verdict)


@pytest.mark.parametrize("name", OUTCOMES)
def test_an_outcome_of_the_program_is_the_outcome_of_the_replay(name: str) -> None:
    program, path = _point()
    outcome = OUTCOMES[name]
    for year in (max(2, outcome.earliest), 5):
        ratio, below = at_point(outcome, program.values, program.setting, year)
        reported = float(path.data[name].sel(year=path.policy_years[year]))
        assert outcome.factor * ratio == pytest.approx(reported, abs=2e-6)
        assert below > 0


def test_an_unknown_outcome_offers_the_nearest_names() -> None:
    with pytest.raises(ExperimentError, match=r"x: there is no outcome 'public_dept_share'.*Did you mean public_debt_"):
        outcome_named("x", "public_dept_share")
    with pytest.raises(ExperimentError, match="y: output has a row for each sector"):
        frontier(_short(), y="output")
    with pytest.raises(ExperimentError, match="x: benefit_rate is data or a valve"):
        frontier(_short(), "benefit_rate")


# ---------------------------------------------------------------- points


def test_every_point_is_certified_keeps_its_level_and_is_replayed() -> None:
    found = _found()
    assert found.sizes["point"] == 4
    assert set(found["status"].values) == {"optimal"}
    assert (found[X] <= found["level"] + 1e-5).all()
    assert found["replay_distance"].max() < 1e-6
    assert (found["said"] == "").all()  # no miss of a target, no rationing, no lever
    assert found["solves"].max() <= 4
    assert all(variable.attrs["units"] for variable in found.data_vars.values())
    # The range is a real one, and the last point is the loosest.
    assert float(found[X][-1] - found[X][0]) > 0.5
    assert found["idle_share"].max() <= 0.6 * float(_own().reference["idle_share"][-1]) + 1e-5


def test_a_point_takes_one_solve_where_the_guess_is_good_and_is_still_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty-five points in fewer than thirty solves, the own path and both ends among them; and none of them lacks
    more than a millionth of what more solves find."""
    calls: list[str] = []
    solve_program = solving.solve_program
    monkeypatch.setattr(solving, "solve_program", lambda *a, **k: calls.append("") or solve_program(*a, **k))
    few = frontier(_short(), X, Y, 25, economy=_economy())
    assert len(calls) < 30
    assert int(few["solves"].sum()) + int(few.attrs["solves_for_ends"]) + 1 == len(calls)
    monkeypatch.setattr(seeking, "PACE_MARGIN", math.inf)  # no point is believed before a second solve confirms it
    levels = few["level"].values
    for place in (1, 12, 20):
        at = float(levels[place])
        more = frontier(_short(), X, Y, 2, economy=_economy(), low=at, high=at)
        assert int(more["solves"][0]) > 1
        assert float(more["net"][0] - few["net"][place]) == pytest.approx(
            0, abs=1e-4 + 100 * float(few["lacks"][place])
        )


def test_a_level_looser_than_the_best_adds_nothing_and_is_the_same_point() -> None:
    found = _found()
    last = float(found["level"][-1])
    beyond = frontier(_short(), X, Y, 3, economy=_economy(), low=last - 0.1, high=last + 2)
    assert beyond["solves"].values[1:].tolist() == [0, 0]
    assert beyond["slope"].values[1:].tolist() == [0, 0]
    np.testing.assert_array_equal(beyond[Y].values[1:], found[Y].values[-1])


def test_a_dominated_point_is_said() -> None:
    """A point whose x is no better and whose y is worse than another's."""
    own = _own()
    better = replace(own, data=own.data.assign({Y: own.data[Y] + 0.5}))
    year = int(own.policy_years[-1])
    points = [Point(1.0, own), Point(2.0, better), Point(3.0, None, said="out of reach: x")]
    found = dataset_of_points(own, X, Y, year, points, {"direction": "at most", "own_y": 0.0})
    assert found["dominated"].values.tolist() == [1, 0, 0]
    assert "dominated" in frontier_text(found).splitlines()[2]
    assert "dominated" not in frontier_text(found).splitlines()[3]
    assert _found()["dominated"].values.sum() == 0


def _of_one(x: float, y: float, charged: float) -> tuple[int, str]:
    """What a frontier of one point says of it that is off the own path by so much."""
    own = _own()
    moved = own.data.assign({X: own.data[X] + x, Y: own.data[Y] + y})
    point = Point(1.0, replace(own, data=moved), charged=charged)
    year = int(own.policy_years[-1])
    found = dataset_of_points(own, X, Y, year, [point], {"direction": "at most", "own_x": 0.0, "own_y": 0.0})
    return int(found["dominated"][0]), str(found["said"].values[0])


def test_a_point_that_the_own_path_beats_is_dominated() -> None:
    assert _of_one(0.1, -0.1, 0.0) == (1, "")
    assert _of_one(0.1, 0.1, 0.2)[0] == 1  # what it has more of y is charged twice over
    assert _of_one(0.1, 0.1, 0.0) == (0, "")
    assert _of_one(-0.1, -0.1, 0.0) == (0, "")


def test_a_point_that_pays_less_than_a_better_own_path_says_so() -> None:
    dominated, said = _of_one(0.1, -0.1, -0.3)
    assert dominated == 0
    assert said.startswith("the own path is better in both, but pays for overflow imports or rationing")
    assert "worth 0.3 of actual individual consumption; net of that this point is better by 0.2" in said
    assert _of_one(0.1, -0.1, -0.05)[0] == 1  # it pays less, but not as much less as it lacks


@pytest.mark.slow
def test_a_level_that_the_own_path_meets_is_in_reach_where_a_better_point_has_more_of_x() -> None:
    """Half a package paid by dividends: the own path imports what it could do without, and owes a little less."""
    mine = iom.load_experiment("business-as-usual").replace(
        free=["programme"], payer="dividends", cards={"precaution": 0.3}
    )
    mine = mine.set("targets.package", {"exactly": 2, "by": 8})
    found = frontier(mine, X, Y, 2)
    assert found.sizes["point"] == 1
    assert float(found[X][0]) > found.attrs["own_x"] + 0.01
    assert "the own path is better in both" in str(found["said"].values[0])
    assert "below 0 where a point pays less" in frontier_text(found)
    met = frontier(mine, X, Y, 2, low=found.attrs["own_x"], high=found.attrs["own_x"])
    assert met["status"].values.tolist() == ["optimal"]
    assert float(met[X][0]) <= found.attrs["own_x"] + 1e-5
    assert found.attrs["own_y"] - 1e-4 <= float(met["net"][0]) <= float(found["net"][0]) + 1e-5


def test_the_own_path_is_never_above_its_frontier() -> None:
    own = _own("two-halves")
    found = frontier(_short("two-halves"), X, Y, 2, economy=_economy(), low=_last(own, X), high=_last(own, X))
    assert float(found["net"][0]) >= _last(own, Y) - 1e-4
    assert float(found[X][0]) <= _last(own, X) + 1e-5


def test_net_is_monotone_and_its_slope_is_the_difference_of_neighbours() -> None:
    found = _found(points=5)
    level, net, slope = (found[name].values for name in ("level", "net", "slope"))
    assert (np.diff(net) > -1e-5).all()
    assert (np.diff(slope) < 1e-3).all()
    steps = np.diff(net) / np.diff(level)
    # Between two points of a concave curve the chord's slope lies between theirs.
    assert (steps <= slope[:-1] + 2e-3).all()
    assert (steps >= slope[1:] - 2e-3).all()


def test_the_slope_is_the_derivative() -> None:
    middle = float(_found()["level"][1])
    found = frontier(_short(), X, Y, 3, economy=_economy(), low=middle - 0.02, high=middle + 0.02)
    difference = float(found["net"][2] - found["net"][0]) / 0.04
    assert float(found["slope"][1]) == pytest.approx(difference, rel=0.02)


def test_a_frontier_of_two_affine_outcomes_is_concave() -> None:
    found = _found(x="public_debt_end", y="household_consumption", points=5)
    net, level = found["net"].values, found["level"].values
    assert (np.diff(net) > -1e-6).all()
    assert (np.diff(np.diff(net) / np.diff(level)) < 1e-4).all()


def test_no_point_is_better_by_a_miss_a_valve_or_a_target_left() -> None:
    # The tightest levels are where a miss, overflow or rationing would pay most.
    found = _found("two-halves")
    own = _own("two-halves")
    assert set(found["status"].values) == {"optimal"}
    assert (found["said"] == "").all()
    assert found["replay_distance"].max() < 1e-6
    assert found["programme_share"].values == pytest.approx([2.0] * 4, abs=1e-6)
    assert found["reform"].values == pytest.approx([0.4] * 4, abs=1e-7)
    assert _last(own, "reform") == pytest.approx(0.4, abs=1e-7)


def test_without_its_prices_the_frontier_opens_back_doors(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutation: with next to nothing charged, and nothing taken out afterwards, the same question is answered by
    levers that the simulation does not have."""

    strict = _found()
    monkeypatch.setattr(seeking.Search, "prices", 1e-3)
    monkeypatch.setattr(solving, "VALVE_ROUNDS", 0)
    open_door = frontier(_short(), X, Y, 2, economy=_economy())
    assert float(open_door["replay_distance"].max()) > 1.0  # what was solved is not what happens
    assert any("as a lever" in str(said) for said in open_door["said"].values)
    assert float(strict["replay_distance"].max()) < 1e-6


def test_the_other_direction_and_another_year() -> None:
    found = _found(x="investment_share", y="household_consumption_share", points=3, year=2029)
    assert found.attrs["direction"] == "at least"
    assert (found["investment_share"] >= found["level"] - 1e-5).all()
    assert (np.diff(found["level"]) < 0).all()
    assert (np.diff(found["net"]) > 0).all()
    assert (found["slope"][:-1] < 0).all()
    assert float(found["slope"][-1]) == 0  # where y is best a looser level adds nothing
    assert found.attrs["year"] == 2029


def test_where_both_are_best_at_once_there_is_one_point() -> None:
    said: list[str] = []
    found = frontier(_short("demand-only"), "programme_share", Y, 5, economy=_economy(), progress=said.append)
    assert found.sizes["point"] == 1
    assert np.isnan(found["slope"][0])
    text = (
        "net of what is charged, programme is 2 both where it is best and where actual individual consumption is: "
        "there is nothing"
    )
    assert str(found["said"].values[0]).startswith(text)
    assert any(told.startswith(text) for told in said)
    assert text in frontier_text(found)


def test_a_level_out_of_reach_is_said() -> None:
    found = frontier(_short(), X, Y, 2, economy=_economy(), low=100.0, high=float(_own().data[X][-1]))
    assert found["status"].values[0] == "out of reach"
    assert "the tightest level is" in str(found["said"].values[0])
    assert np.isnan(found[Y][0])
    assert found["status"].values[1] == "optimal"


# ---------------------------------------------------------------- over a setting


@cache
def _setting() -> xr.Dataset:
    return frontier(_short("demand-only"), "targets.package.exactly", Y, 3, economy=_economy(), low=1, high=3)


def test_a_frontier_over_a_target_is_the_experiment_with_that_target() -> None:
    found = _setting()
    other = solve(_short("demand-only").set("targets.package.exactly", 2.0), _economy())
    assert float(found[Y][1]) == pytest.approx(_last(other, Y), abs=1e-5)
    assert found["programme_share"].values == pytest.approx([1.0, 2.0, 3.0], abs=1e-6)
    assert float(found["slope"][1]) == pytest.approx(float(found[Y][2] - found[Y][0]) / 2)


def test_the_table_of_a_setting_shows_its_values_once() -> None:
    """One column of the setting's values, and none of what is charged, which nothing is."""
    _, heads, first, *_ = frontier_text(_setting()).splitlines()
    assert heads.split() == ["targets.package.exactly", "actual", "individual", "consumption", "slope"]
    assert first.split()[0] == "1.00"
    assert len(first.split()) == 3
    assert len(heads) == len(first)


def test_a_frontier_over_a_card_and_an_infeasible_value() -> None:
    cards = frontier(_short("demand-only"), "cards.precaution", "household_consumption_share", 2, low=0.0, high=0.6)
    assert float(cards["household_consumption_share"][1]) > float(cards["household_consumption_share"][0])
    hard = _short("demand-only").set("targets.package.hard", True)
    found = frontier(hard, "targets.package.exactly", Y, 2, economy=_economy(), low=1, high=19)
    assert list(found["status"].values) == ["optimal", "infeasible"]
    assert np.isnan(found[Y][1])


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"points": 1}, "points: found 1; allowed: a whole number from 2"),
        ({"year": 2050}, r"year: found 2050; allowed: a whole number from 2026 to 2031"),
        ({"x": "growth", "year": 2026}, r"year: found 2026; allowed: a whole number from 2027 to 2031"),
        ({"x": Y}, "x and y are both actual_individual_consumption_share"),
        (
            {"x": "targets.package.exactly"},
            "is a setting of the experiment: low= and high= are needed.*; low= and high= are not given",
        ),
        ({"x": "cards.precaution", "low": 0.1}, "low= and high= are needed.*; high= is not given"),
        ({"x": "cards.precaution", "low": 0.3, "high": 0.1}, "found low = 0.3, high = 0.1; low is below high"),
        ({"x": "cards.precaution", "low": "a", "high": 0.1}, "low: found 'a'"),
        ({"x": "cards.precaution", "low": 0.1, "high": 0.2, "year": 2050}, "year: found 2050; allowed: a whole number"),
        ({"low": 300, "high": 100}, "found low = 300 above high = 100; low is at most high"),
        ({"x": "targets.packet.exactly", "low": 1, "high": 2}, "Did you mean package"),
        ({"low": float("nan")}, "low: found nan"),
    ],
)
def test_what_is_refused_before_any_solve(asked: dict[str, Any], text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("settled", "solve"):
        monkeypatch.setattr(f"iomodel.answers.frontiers.{name}", lambda *_: pytest.fail("solved before it refused"))
    with pytest.raises(ExperimentError, match=text):
        frontier(_short("demand-only"), **asked, economy=_economy())


def test_an_end_that_a_card_does_not_allow_is_named_itself() -> None:
    with pytest.raises(CardError, match=r"precaution.* 9\b"):
        frontier(_short("demand-only"), "cards.precaution", points=3, low=0, high=9)


def test_no_free_lever_no_frontier() -> None:
    with pytest.raises(ExperimentError, match="has no free lever: there is one path"):
        frontier(official("business-as-usual"))


def test_costs_of_a_point_are_in_the_unit_of_the_goal() -> None:
    """What a miss that nothing can mend costs on the experiment's own path it costs on a point of its frontier."""
    asked = _short("demand-only").set("targets.package", {"exactly": 9.0, "by": 5})
    own = solve(asked, _economy())
    cost = next(one["cost"] for one in own.provenance["used"] if one["name"] == "package")
    found = frontier(asked, points=2, economy=_economy())
    assert cost > 1
    for said in found["said"].values:
        assert f"which the goal counts as {cost:.2g} percent of base-year GDP" in said


def test_an_own_path_that_is_not_certified_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from iomodel.answers import frontiers

    def rough(*asked: Any) -> Any:
        program, verdict = exactly(*asked)
        return program, replace(verdict, status="inaccurate")

    exactly = frontiers.settled
    assert _found().attrs["own_status"] == "optimal"
    assert "not certified" not in frontier_text(_found())
    monkeypatch.setattr(frontiers, "settled", rough)
    found = frontier(_short("demand-only"), X, Y, 2, economy=_economy())
    assert found.attrs["own_status"] == "inaccurate"
    assert "inaccurate: what is charged is counted from a path that is not certified" in frontier_text(found)


# ---------------------------------------------------------------- shown


def test_table_text_and_picture(tmp_path: Path) -> None:
    found = _found()
    rows = list(csv.DictReader(frontier_table(found).splitlines()))
    assert [row["point"] for row in rows] == ["0", "1", "2", "3", "own"]
    assert float(rows[1][Y]) == float(found[Y][1])
    assert float(rows[-1][X]) == pytest.approx(_last(_own(), X), abs=1e-6)
    assert float(rows[-1]["net"]) == float(rows[-1][Y])
    assert "own path: public debt" in frontier_text(found)
    words = "best-path: actual individual consumption (actual_individual_consumption_share) over public debt ("
    assert frontier_text(found).startswith(words)
    assert frontier_text(found).count("_share") == 2
    for kind in ("png", "svg"):
        assert frontier_figure(found, tmp_path / f"frontier.{kind}").stat().st_size > 5000
    axes = drawn_frontier(found).axes[0]
    assert axes.lines[0].get_ydata() == pytest.approx(found[Y].values)
    with pytest.raises(ResultError, match="drawn as png or svg"):
        frontier_figure(found, tmp_path / "frontier.pdf")


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from iomodel.cli import main

    asked = ["frontier", "demand-only", *ON_OFFICIAL, "targets.package.by=4", "levers.benefit.by=4", "horizon.years=5",
             "horizon.beyond=1"]  # fmt: skip
    assert main([*asked, "--points", "2", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "demand-only" / "frontier.csv").is_file()
    assert (tmp_path / "demand-only" / "frontier.png").is_file()
    assert "own path" in capsys.readouterr().out
    assert main([*asked, "--x", "public_dept", "--out", str(tmp_path)]) == 2
    assert "Did you mean public_debt" in capsys.readouterr().err


def test_values_of_a_program_that_was_not_solved_are_refused() -> None:
    program = iom.build(_short(), _economy())
    with pytest.raises(iom.ProgramError, match="solve it before"):
        value_of(program.values["gdp"])
