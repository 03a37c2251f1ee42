"""The second way to a stated policy: an announced rule, simulated without a program, agrees with the solved path."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from official import official

import iomodel as iom
from iomodel.economy import Economy
from iomodel.errors import ExperimentError
from iomodel.experiment import Target
from iomodel.program.trajectory import Trajectory

STATED = ("supply-only", "demand-only", "two-halves")


@pytest.mark.parametrize("policy", STATED)
def test_rule_and_program_agree_on_consumption(
    policy: str, path_of: Callable[..., Trajectory], simulated: Callable[..., Trajectory]
) -> None:
    """C + S within a tenth of a point of GDP from the year in which the targets are due; debt and jobs near."""
    solved, ruled = path_of(policy).data, simulated(policy).data
    late = {"year": slice(2033, 2035)}
    name = "actual_individual_consumption_share"
    apart = abs(solved[name] - ruled[name]).sel(late)
    assert float(apart.max()) < 0.1, apart.values
    assert float(abs(solved["public_debt_share"] - ruled["public_debt_share"]).max()) < 4
    assert float(abs(solved["unemployment_rate"] - ruled["unemployment_rate"]).sel(late).max()) < 0.3


@pytest.mark.parametrize("policy", STATED)
def test_rule_meets_what_is_stated(policy: str, simulated: Callable[..., Trajectory]) -> None:
    path, asked = simulated(policy), official(policy).targets
    late = path.data.sel(year=slice(2033, None))
    assert path.reference is not None
    if "package" in asked:
        assert np.allclose(late["programme_share"], 4, atol=1e-9)
    if "reform" in asked:
        assert np.allclose(late["reform"], 0.625)
    if "idle_cut" in asked:
        half = 0.5 * path.reference["idle_share"].sel(year=slice(2033, None))
        assert (late["idle_share"] <= half + 1e-9).all()
        # the smallest rate that does it: the target is met without room in the year in which it is due
        assert float(late["idle_share"][0]) == pytest.approx(float(half[0]), abs=1e-6)


def test_levers_of_the_rule_are_straight_lines(simulated: Callable[..., Trajectory]) -> None:
    path = simulated("two-halves").data.sel(year=slice(2026, 2033))
    assert np.allclose(path["programme_share"], 4 * np.arange(1, 9) / 8, atol=1e-9)
    assert np.allclose(path["reform"], 0.625 * np.arange(1, 9) / 8)
    assert np.allclose(path["benefit_rate"], 0.018 + (0.15 - 0.018) * np.arange(1, 9) / 8)


def test_plant_is_closed_in_proportion_to_idle_plant(simulated: Callable[..., Trajectory]) -> None:
    path = simulated("two-halves")
    assert path.reference is not None
    idle = path.reference["idle_capacity"].sel(year=2033)
    closed = path.data["retirement"].sel(year=slice(2026, 2032))
    pace = 0.06 * path.data["capacity"].sel(year=slice(2026, 2032))
    free = (closed < pace - 1e-9) & (idle > 1e-9)
    rate = (closed / idle).where(free)
    assert int(free.sum()) > 50
    assert float(rate.max()) == pytest.approx(float(rate.min()), rel=1e-9)
    assert float(closed.where(idle <= 1e-9).max()) == 0


def test_no_rule_without_a_stated_value(china: Economy) -> None:
    with pytest.raises(ExperimentError, match="no package is stated"):
        iom.simulate(official("best-path"), china)


def test_rule_follows_the_target(china: Economy) -> None:
    """Twice the package: twice the programme, more consumption, more debt."""
    experiment = official("demand-only")
    small, large = (
        iom.simulate(experiment.replace(targets={"package": Target("exactly", value, 8)}), china).data.sel(year=2035)
        for value in (2.0, 4.0)
    )
    assert float(large["programme_share"]) == pytest.approx(2 * float(small["programme_share"]))
    assert float(large["household_consumption"]) > float(small["household_consumption"])
    assert float(large["public_debt_share"]) > float(small["public_debt_share"])
