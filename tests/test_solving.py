"""Solving beyond one call: stops at zero that take turns, replay in reported and later years, misses in words."""

from __future__ import annotations

import numpy as np
import pytest
from official import official
from synthetic import exports_fall

import iomodel as iom
from iomodel import solving
from iomodel.economy import Economy
from iomodel.run import resolve


def china(**cards: float) -> Economy:
    return iom.calibrate(iom.load_table("china-2020"), cards=cards)


@pytest.fixture(scope="module")
def collapsing() -> Economy:
    """Exports fall by four tenths while investment answers strongly: many sectors want to invest less than nothing."""
    return exports_fall(china())


@pytest.mark.parametrize("name", ["two-halves", "supply-only", "best-path"])
def test_market_investment_stops_at_zero_and_the_replay_agrees(collapsing: Economy, name: str) -> None:
    path = iom.solve(official(name), collapsing)
    assert path.verdict.status == "optimal"
    assert path.verdict.replay_distance < 1e-6
    assert float(path.data["market_investment"].min()) >= 0
    assert (path.data["market_investment"].sel(year=path.policy_years) == 0).any()
    [said] = [remedy for remedy in path.verdict.remedies if "stopped at zero" in remedy]
    assert "years)" in said


def test_overflow_imports_leave_no_labour_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the reported years the program would import more than labour needs: a law then keeps labour fully used."""
    experiment, economy = official("two-halves"), china(capacity_growth=0.045)
    path = iom.solve(experiment, economy)
    assert path.verdict.status == "optimal"
    assert path.verdict.replay_distance < 1e-6
    assert not [text for text in path.verdict.warnings if "replay" in text]
    assert path.verdict.remedies[-1] == "labour fully used beside overflow imports in 2042"
    assert set(path.shadow_prices["full_employment"]["year"].values) == {2042}
    assert 2042 not in path.shadow_prices["labour_shortage"]["year"].values
    monkeypatch.setattr(solving, "VALVE_ROUNDS", 0)
    without = iom.solve(experiment, economy)
    assert without.verdict.status == "optimal"  # the reported years are as they were
    assert any("after the reported years: overflow imports are used as a lever" in w for w in without.verdict.warnings)


def test_overflow_imports_are_shut_where_labour_is_not_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a price they would be bought in a year in which nobody lacks a worker."""
    cheap = iom.load_cards("china-2020").unbounded({"weight_overflow": 0.0})
    experiment, economy = official("two-halves"), iom.calibrate(iom.load_table("china-2020"), cards=cheap)
    path = iom.solve(experiment, economy)
    assert path.verdict.status == "optimal"
    assert not [text for text in path.verdict.warnings if "replay" in text]
    assert path.verdict.remedies[-1] == "overflow imports shut in 2042"
    monkeypatch.setattr(solving, "VALVE_ROUNDS", 0)
    without = iom.solve(experiment, economy)
    assert any("overflow imports are used as a lever in 2042" in text for text in without.verdict.warnings)


def test_nobody_is_rationed_while_more_could_be_bought_abroad(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package is a share of the year's GDP: forbidden to miss it, the program would ration until GDP fits."""
    experiment = official("two-halves").set("targets.package", {"exactly": 5.0, "by": 8, "hard": True})
    with pytest.raises(iom.InfeasibleError, match="programme pace in 2026"):
        iom.solve(experiment)
    within = iom.solve(experiment.set("targets.package.exactly", 4.7))
    assert within.verdict.status == "optimal"
    assert float(within.data["forced_saving"].max()) < 1e-9
    monkeypatch.setattr(solving, "VALVE_ROUNDS", 0)
    without = iom.solve(experiment)
    assert without.verdict.status == "inaccurate"
    assert any("used as a lever in 203" in text for text in without.verdict.warnings)


@pytest.mark.slow
def test_imports_that_are_shut_one_year_after_another_are_followed_to_the_end() -> None:
    """Near the most that a package can be, each year that is shut moves the imports into another."""
    edge = iom.load_experiment("two-halves").set("targets.package", {"exactly": 4.7, "by": 8, "hard": True})
    path = iom.solve(edge)
    assert path.verdict.status == "optimal"
    assert path.verdict.replay_distance < 1e-6


def test_a_package_beyond_its_pace_is_missed_by_what_the_pace_leaves() -> None:
    path = iom.solve(official("two-halves").set("targets.package.exactly", 6))
    [said] = [text for text in path.verdict.warnings if text.startswith("package is missed")]
    year = path.data["year"].values == 2033
    short = 6 - float(path.data["programme_share"].values[year][0])
    assert f"{short:.3g} points of GDP (2033)" in said


def test_resolve_keeps_the_targets_of_the_program_and_refuses_another_economy() -> None:
    experiment, economy = official("demand-only"), china()
    program = iom.build(experiment, economy)
    path = resolve(program, experiment, economy, {"package": 3.0})
    fresh = iom.solve(experiment.set("targets.package.exactly", 3.0), economy)
    np.testing.assert_allclose(path.data["household_consumption"], fresh.data["household_consumption"], atol=1e-6)
    assert program.setting.targets["package"].value == 4.0
    with pytest.raises(iom.ProgramError, match="built for another economy"):
        resolve(program, experiment, china(precaution=0.2), {"package": 3.0})


def test_resolve_keeps_its_new_targets_where_investment_stops_at_zero(collapsing: Economy) -> None:
    experiment = official("two-halves")
    path = resolve(iom.build(experiment, collapsing), experiment, collapsing, {"package": 3.0})
    assert any("stopped at zero" in remedy for remedy in path.verdict.remedies)
    fresh = iom.solve(experiment.set("targets.package.exactly", 3.0), collapsing)
    assert float(path.data["programme_share"].sel(year=2035)) == pytest.approx(3.0, abs=1e-6)
    np.testing.assert_allclose(path.data["household_consumption"], fresh.data["household_consumption"], atol=1e-5)


def test_layoffs_are_the_larger_of_closing_and_shrinking() -> None:
    """lay_j = max(ζ ℓ u_0 R, (1 − at) n_{t−1} − n, 0), from the economy's own numbers."""
    economy = china()
    path = iom.solve(official("supply-only"), economy)
    data, sectors = path.data, economy.sectors
    jobs, cards = data["employment"].transpose("sector", "year").values, economy.cards
    per_output = np.outer(sectors["jobs_per_output"], np.exp(-economy.paths["efficiency"].values[: jobs.shape[1]]))
    closing = (sectors["displacement"] * sectors["utilisation"]).values[:, None] * per_output
    closing = closing * data["retirement"].transpose("sector", "year").values
    shrinking = (1 - cards["attrition"]) * jobs[:, :-1] - jobs[:, 1:]
    wanted = np.maximum(np.maximum(closing[:, 1:], shrinking), 0.0)
    np.testing.assert_allclose(data["laid_off"].transpose("sector", "year").values[:, 1:], wanted, atol=1e-12)
    assert (closing[:, 1:] > shrinking + 1e-6).any()


def test_the_rule_says_what_it_does_not_keep() -> None:
    experiment = official("two-halves")
    fast = iom.simulate(experiment.set("targets.package.exactly", 15).set("targets.reform.by", 2))
    assert any("programme grows faster than its pace" in text for text in fast.verdict.warnings)
    assert any("reform goes faster than its pace" in text for text in fast.verdict.warnings)
    out_of_reach = iom.simulate(official("supply-only").set("targets.idle_cut", {"at_least": 0.95, "by": 2}))
    assert any("cut of idle plant is not met" in text for text in out_of_reach.verdict.warnings)
    assert iom.simulate(experiment).verdict.warnings == ()


@pytest.mark.parametrize(
    ("change", "text"),
    [({"targets": {}, "free": ("reform",)}, "reform is free but no reform is stated"),
     ({"limits": {"debt_ceiling": {"margin": 5.0}}}, "no rule keeps them")],
)  # fmt: skip
def test_without_a_rule_simulation_is_refused(change: dict[str, object], text: str) -> None:
    experiment = official("demand-only")
    for key, value in change.items():
        experiment = experiment.set("limits", value) if key == "limits" else experiment.replace(**{key: value})
    with pytest.raises(iom.ExperimentError, match=text):
        iom.simulate(experiment)
