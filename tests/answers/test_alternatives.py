"""Near-optimal alternatives: within the slack, as far as can be, replayed; flat directions are found and said."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import cvxpy as cp
import numpy as np
import pytest
from official import official

import iomodel as iom
from iomodel.answers.near_optimal import Alternatives, alternatives, flat_directions
from iomodel.errors import ExperimentError
from iomodel.program.block import value_of
from iomodel.run import build, solve

X = "public_debt_share"


@cache
def _economy() -> iom.Economy:
    return iom.calibrate(iom.load_table("china-2020"), region="CHN")


def _short(name: str = "best-path") -> iom.Experiment:
    """A shipped experiment with a shorter horizon, so that solves are cheap."""
    experiment = official(name)
    within = {"package": 2.0, "reform": 0.4, "idle_cut": 0.4}
    targets = {key: replace(target, by=5, value=within[key]) for key, target in experiment.targets.items()}
    return experiment.replace(years=6, beyond=2, targets=targets, benefit=None)


@cache
def _found(slack: float = 0.01, outcome: str = X) -> Alternatives:
    return alternatives(_short(), outcome, slack, economy=_economy())


def _base() -> float:
    return float(_economy().accounts["household_consumption"])


def test_both_alternatives_are_certified_replayed_and_on_both_sides_of_the_best() -> None:
    found = _found()
    low, best, high = found.values
    assert low < best - 0.5
    assert best + 0.5 < high
    for path in (found.lowest, found.highest):
        assert path.verdict.status == "optimal"
        assert path.verdict.replay_distance < 1e-6
        assert path.verdict.warnings == ()  # no target missed, no valve as a lever
    assert best == pytest.approx(float(solve(_short(), _economy()).data[X][-1]), abs=1e-6)


def test_the_slack_is_used_up_and_not_exceeded() -> None:
    """Of a slack that is no larger than what a verdict lets pass, an interior-point method leaves a little."""
    for slack, least in ((0.01, 0.999), (1e-6, 0.9)):
        for given_up in _found(slack).given_up:
            allowed = slack * _base()
            assert least * allowed <= given_up <= 1.001 * allowed + 2e-7


def test_the_goal_of_an_alternative_by_an_independent_evaluation() -> None:
    """Utility, prices and debts of the replayed path, put together from the reported data and the cards alone for a
    horizon that is reported whole."""
    experiment = _short("demand-only").replace(beyond=0)
    found = alternatives(experiment, X, 0.005, economy=_economy())

    def goal(path: iom.Trajectory) -> float:
        cards, accounts = _economy().cards, _economy().accounts
        data = path.data.sel(year=path.policy_years)
        decay = cards["discount"] ** np.arange(1, data.sizes["year"] + 1)
        weight = decay / decay.sum()

        def worth(name: str) -> float:
            base, power = float(accounts[name]), 1 - cards["curvature"]
            return base * float(weight @ (((data[name].values / base) ** power - 1) / power))

        over = data["unemployed"].values / data["labour_force"].values - cards["frictional_unemployment"]
        base = float(accounts["household_consumption"])
        value = worth("household_consumption") + cards["weight_in_kind"] * worth("in_kind_spending")
        value -= cards["weight_unemployment"] * base * float(weight @ over**2)
        value -= cards["weight_overflow"] * float(weight @ data["overflow_imports"].values)
        value -= cards["weight_missed"] * float(
            weight @ (data["forced_saving"].values + data["strained_output"].sum("sector").values)
        )
        left = float(data["public_debt_end"][-1] + data["firm_debt_end"][-1])
        value -= cards["weight_debt"] * float(data["trend"][-1]) ** -cards["curvature"] * weight[-1] * left
        tie = cards["weight_levers"] * base / decay.sum()
        return value - tie * float(((data["programme"].values / 100) ** 2).sum())

    best = goal(found.best)
    assert best == pytest.approx(found.best.verdict.objective, abs=1e-6)
    for path, given_up in zip((found.lowest, found.highest), found.given_up, strict=True):
        assert best - goal(path) == pytest.approx(given_up, abs=1e-6)
        assert best - goal(path) <= 0.005 * _base() + 1e-6


def test_more_slack_more_room_and_with_falling_returns() -> None:
    wide, middle, narrow = (_found(slack).values for slack in (0.01, 0.001, 1e-4))
    assert wide[0] < middle[0] < narrow[0] < narrow[2] < middle[2] < wide[2]
    # The set of paths is convex: a tenth of the slack allows at least a tenth of the way.
    assert middle[2] - middle[1] >= 0.1 * (wide[2] - wide[1]) - 1e-6


def test_no_other_path_within_the_slack_goes_further() -> None:
    """An independent search: the goal less a weight on debt, whose best paths trade the two along the same frontier."""
    found = _found(0.001)
    program = build(_short(), _economy())
    debt, gdp = program.values["public_debt"][6], program.values["gdp"][5]
    goal = sum(term.expression for term in program.terms.values())
    weight = cp.Parameter(nonneg=True)
    tilted = cp.Problem(cp.Maximize(goal - weight * debt), program.problem.constraints)
    gone: list[float] = []
    for weight.value in (1e-3, 3e-3, 1e-2):
        tilted.solve(solver="CLARABEL", direct_solve_method="qdldl")
        if found.best.verdict.objective - float(value_of(goal)) <= 0.001 * _base():
            gone.append(100 * float(value_of(debt)) / float(value_of(gdp)))
    assert gone
    assert found.values[1] > min(gone) >= found.values[0] - 1e-4


def test_the_highest_idle_plant_is_a_bound_and_the_lowest_exact() -> None:
    """An independent search as above, for plant idle and against it: no path within the slack has less than the lowest
    or, of the plant that is idle on the best path, more than the highest."""
    found = _found(0.001, "idle_share")
    program = build(_short(), _economy())
    goal = sum(term.expression for term in program.terms.values())
    weight = cp.Parameter(nonneg=True)
    rows = program.setting.industry
    normal = program.setting.base("normal_use")[rows]
    idle = program.values["capacity"][rows, 5] - cp.multiply(1 / normal, program.values["output"][rows, 5])
    there = found.best.data["idle_capacity"].sel(year=2031).values[rows] > 1e-6
    plant = cp.sum(program.values["capacity"][rows, 5])
    gone: dict[float, list[float]] = {-1.0: [], 1.0: []}
    for sign, tilt in ((-1.0, -cp.sum(cp.pos(idle))), (1.0, cp.sum(idle[np.flatnonzero(there)]))):
        tilted = cp.Problem(cp.Maximize(goal + weight * tilt), program.problem.constraints)
        for weight.value in (0.0, 1e-3, 3e-3, 1e-2, 3e-2):
            tilted.solve(solver="CLARABEL", direct_solve_method="qdldl")
            if found.best.verdict.objective - float(value_of(goal)) <= 0.001 * _base():
                gone[sign].append(100 * float(np.maximum(value_of(idle), 0).sum()) / float(value_of(plant)))
    low, best, high = found.values
    assert low - 1e-4 <= min(gone[-1.0]) < best - 1e-3 * (best - low)
    assert best < max(gone[1.0]) <= high + 1e-4
    assert found.given_up[0] == pytest.approx(0.001 * _base(), rel=1e-3)
    assert 0 < found.given_up[1] <= 0.001 * _base()  # the target on idle plant ends it before the slack does


def test_a_path_may_be_handed_over_and_a_sentence_says_it() -> None:
    found = alternatives(_found().best, X, 0.01, economy=_economy())
    assert found.values == pytest.approx(_found().values, abs=1e-4)
    assert "on paths worth at most 1 percent of base-year consumption less" in str(found)


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (
            {"outcome": "public_dept_share"},
            "outcome: there is no outcome 'public_dept_share'.*Did you mean public_debt",
        ),
        ({"slack": 0.0}, "slack: found 0.0; allowed: a number from 1e-06 to 1"),
        ({"slack": float("nan")}, "slack: found nan"),
        ({"year": 2040}, "year: found 2040; allowed: a whole number from 2026 to 2031"),
    ],
)
def test_what_is_refused(asked: dict[str, Any], text: str) -> None:
    with pytest.raises(ExperimentError, match=text):
        alternatives(_short(), **asked, economy=_economy())


def test_without_levers_there_is_one_path() -> None:
    usual = official("business-as-usual")
    with pytest.raises(ExperimentError, match="there is one path, and no other"):
        alternatives(usual)
    assert flat_directions(iom.simulate(usual, _economy()), economy=_economy()) == []


def test_costs_and_goal_of_an_alternative_are_in_the_unit_of_the_goal() -> None:
    """A miss costs its price times the discounted amounts on every path, whatever the dials of the search are; the
    objective is the experiment's own goal, and multipliers of the search are no prices of its goal."""
    asked = _short("demand-only").replace(beyond=0).set("targets.package", {"exactly": 9.0, "by": 5})
    found = alternatives(asked, X, 0.001, economy=_economy())
    cards = _economy().cards
    weight = cards["discount"] ** np.arange(1, 7)
    weight /= weight.sum()
    for path, given_up in ((found.lowest, found.given_up[0]), (found.best, 0.0), (found.highest, found.given_up[1])):
        (miss,) = [one for one in path.provenance["used"] if one["name"] == "package"]
        gdp = path.data["gdp"].sel(year=miss["years"]).values
        places = np.array(miss["years"]) - 2026
        cost = cards["weight_missed"] * float((weight[places] * gdp) @ np.array(miss["amounts"])) / 100
        assert miss["cost"] == pytest.approx(cost, rel=1e-4)
        assert cost > 1
        assert path.verdict.objective == pytest.approx(found.best.verdict.objective - given_up, abs=1e-9)
    assert found.lowest.shadow_prices == found.highest.shadow_prices == {}
    assert "package" in found.best.shadow_prices


def test_a_search_that_ends_too_early_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    best = _found().best  # kept for other tests: found before anything is changed
    monkeypatch.setattr("iomodel.answers.seeking.ROUNDS", 1)
    found = alternatives(best, X, 0.01, economy=_economy())
    text = "the search for the best public_debt_share ended after 1 solves, the last of which still moved it by"
    assert any(text in said for said in found.lowest.verdict.warnings)
    assert text in str(found)


def test_a_best_path_that_is_not_certified_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from iomodel.answers import near_optimal

    def rough(*asked: Any) -> Any:
        program, verdict = near_optimal_settled(*asked)
        return program, replace(verdict, status="inaccurate", law="public_debt")

    assert _found().warnings == ()  # made before anything is changed
    near_optimal_settled = near_optimal.settled
    monkeypatch.setattr(near_optimal, "settled", rough)
    found = alternatives(_short(), X, 0.01, economy=_economy())
    text = "the best path is inaccurate (public debt): what the others give up is counted from it"
    assert found.warnings == (text,)
    assert text in str(found)


# ---------------------------------------------------------------- flat directions


def test_flat_directions_are_found_said_and_vanish_where_the_goal_is_curved() -> None:
    path = _found().best
    found = flat_directions(path, _economy())
    assert {(row.lever, row.kind) for row in found} >= {("retirement", "timing")}
    assert all("percent of base-year consumption" in row.text for row in found)
    assert [row.share for row in found] == sorted((row.share for row in found), reverse=True)
    # Ties ten times as strong and a tenth of the tolerance leave less room.
    stiff = flat_directions(iom.solve(_short().set("cards.weight_levers", 1e-3)), tolerance=1e-6)
    assert max((row.share for row in stiff), default=0.0) < 0.8 * found[0].share


# ---------------------------------------------------------------- limits with a price


def _limited() -> iom.Experiment:
    """A limit on public debt that is passed at a price, and is passed."""
    return _short("two-halves").set("limits.debt_ceiling", {"margin": -3, "soft": 0.5})


def test_a_limit_with_a_price_is_steered_around() -> None:
    """Alternatives, flat directions and a frontier of a path that pays for passing a limit."""
    path = solve(_limited(), _economy())
    (paid,) = [one for one in path.provenance["used"] if one["name"] == "debt_ceiling"]
    assert paid["cost"] > 0
    found = alternatives(path, X, 0.001, economy=_economy())
    low, best, high = found.values
    assert low < best - 0.01
    assert best + 0.01 < high
    assert found.given_up == pytest.approx((0.001 * _base(),) * 2, rel=1e-3)
    for row in flat_directions(path, _economy()):
        assert row.share > 0
    edge = iom.frontier(_limited(), points=2, economy=_economy())
    assert list(edge["status"].values) == ["optimal", "optimal"]
    assert edge["net"].values[0] <= edge["net"].values[1] + 1e-6


def test_the_price_of_a_limit_is_still_changed_without_a_rebuild() -> None:
    experiment, economy = _limited(), _economy()
    program = build(experiment, economy)
    again = iom.resolve(program, experiment, economy, {"limits.debt_ceiling.soft": 5.0})
    anew = solve(experiment.set("limits.debt_ceiling", {"margin": -3, "soft": 5.0}), economy)
    assert again.verdict.objective == pytest.approx(anew.verdict.objective, abs=1e-6)
