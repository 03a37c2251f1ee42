"""Targets and limits beside the path: met, missed by, slack by, as the path has them and not as the program says."""

from __future__ import annotations

import pytest
from official import official

import iomodel as iom
from iomodel.experiment import Limit
from iomodel.program.trajectory import Trajectory
from iomodel.report.stated import Stated, stated_of, stated_text


def _found(path: Trajectory) -> dict[str, Stated]:
    return {one.key: one for one in stated_of(path)}


@pytest.fixture(scope="module")
def bound() -> Trajectory:
    """Two halves with limits: one that binds, one that does not, one that takes its card's margin."""
    limits = {
        "debt_ceiling": Limit(0.0),
        "household_saving_floor": Limit(0.1),
        "deficit_ceiling": Limit(),
        "current_account_floor": Limit(10.0, soft=0.5),
    }
    return iom.solve(official("two-halves").replace(limits=limits))


def test_targets_are_met_and_limits_bind_or_are_slack(bound: Trajectory) -> None:
    found = _found(bound)
    assert list(found) == [
        *(f"targets.{key}" for key in bound.experiment.targets),
        *(f"limits.{key}" for key in bound.experiment.limits),
    ]
    data, usual = bound.data.sel(year=bound.policy_years), bound.reference
    assert usual is not None
    usual = usual.sel(year=bound.policy_years)
    package = found["targets.package"]
    assert (package.kind, package.bound, package.years) == ("exactly", 4.0, (2033, 2035))
    assert package.value == pytest.approx(4.0, abs=1e-6)
    assert package.text.endswith("exactly 4 points of GDP from 2033 on; has 4 in 2033: met")
    beyond = data["public_debt_share"] - usual["public_debt_share"]
    ceiling = found["limits.debt_ceiling"]
    assert ceiling.value == pytest.approx(float(beyond.sel(year=ceiling.year)))
    assert ceiling.slack == pytest.approx(0.0 - float(beyond.max()), abs=1e-4)
    saving = found["limits.household_saving_floor"]
    rate = data["household_saving_rate"] / 100
    assert saving.value == pytest.approx(float(rate.sel(year=saving.year)))
    assert saving.value == pytest.approx(float(rate.min()), abs=1e-4)
    assert saving.text.endswith(f"met, slack by {saving.value - 0.1:.3g} of household income")
    account = found["limits.current_account_floor"]
    assert account.slack == pytest.approx(float(data["current_account_share"].min()) - 10.0, abs=1e-4)
    assert account.text.endswith(f"passed by {-account.slack:.3g} percent of GDP")
    assert "in 2026–2035, beyond it at a price of 0.5" in account.text
    margin = iom.calibrate(iom.load_table("china-2020")).cards["watched_deficit"]
    assert found["limits.deficit_ceiling"].bound == margin


def test_a_target_out_of_reach_is_missed_by_what_the_path_lacks() -> None:
    path = iom.solve(official("demand-only").set("targets.package.exactly", 9.0))
    [missed] = stated_of(path)
    share = path.data["programme_share"].sel(year=missed.year)
    assert missed.slack == pytest.approx(float(share) - 9.0)
    assert missed.slack < -1
    [used] = [use for use in path.provenance["used"] if use["name"] == "package"]
    assert -missed.slack == pytest.approx(used["amounts"][used["years"].index(missed.year)], rel=1e-4)
    assert missed.text.endswith(f"missed by {-missed.slack:.3g} points of GDP")
    assert stated_text([path]).splitlines() == ["Targets and limits, on the path as simulated", f"  - {missed.text}"]


def test_the_cut_of_idle_plant_is_against_the_reference_and_nothing_stated_is_nothing_said(bound: Trajectory) -> None:
    cut = _found(bound)["targets.idle_cut"]
    assert bound.reference is not None
    ends = [float(data["idle_share"].sel(year=cut.year)) for data in (bound.data, bound.reference)]
    assert cut.value == pytest.approx(1 - ends[0] / ends[1])
    assert cut.kind == "at least"
    usual = iom.simulate(official("business-as-usual"))
    assert stated_text([usual]) == ""
    names = [line for line in stated_text([usual, bound, bound]).splitlines() if not line.startswith("  -")]
    assert names[1:] == ["  two-halves"] * 2
