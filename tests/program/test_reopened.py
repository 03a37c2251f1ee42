"""A path taken up again with other things than made it, or something that is no path: one clear refusal."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from official import official

import iomodel as iom
from iomodel.economy import Economy
from iomodel.errors import ExperimentError, ProgramError, ResultError
from iomodel.program.block import Block, Law, Values
from iomodel.program.setting import Setting
from iomodel.program.trajectory import Trajectory

OTHER = r"two-halves has a goal of .*, but with this economy and these blocks it is .*; hand over those that the path"


def _again(path: Trajectory, economy: Economy | None = None) -> dict[str, Callable[[], object]]:
    return {
        "price_sides": lambda: iom.price_sides(path, "package", economy, year=2035),
        "flat_directions": lambda: iom.flat_directions(path, economy),
        "alternatives": lambda: iom.alternatives(path, economy=economy),
    }


@pytest.mark.parametrize("asker", ["price_sides", "flat_directions", "alternatives"])
def test_another_economy_is_another_program(asker: str, path_of: Callable[..., Trajectory]) -> None:
    """Refused both ways: the path of another economy with none handed over, and the usual path with another one."""
    other = iom.calibrate(iom.load_table("china-2020"), cards={"precaution": 0.2})
    with pytest.raises(ResultError, match=OTHER):
        _again(iom.solve(official("two-halves"), other))[asker]()
    with pytest.raises(ResultError, match=OTHER):
        _again(path_of("two-halves"), other)[asker]()


def test_other_blocks_are_another_program_and_the_same_ones_are_not() -> None:
    """A ceiling of a user's own: without it the path's questions are refused, with it they are answered."""

    def laws(v: Values, p: Setting) -> list[Law]:
        return [Law("cap", ("year",), v["programme"] <= 3.5, "percent of GDP")]

    blocks = (Block("capped", laws=laws),)
    path = iom.solve(official("two-halves"), blocks=blocks)
    for ask in _again(path).values():
        with pytest.raises(ResultError, match=OTHER):
            ask()
    with pytest.raises(
        ResultError, match=r"'cap' is a law of two-halves, but none of the core's.*; hand over .*blocks=…"
    ):
        iom.price_sides(path, "cap", year=2035)
    with pytest.raises(ProgramError, match="there is no law 'cup' in this program"):
        iom.price_sides(path, "cup", year=2035)
    sides = iom.price_sides(path, "cap", blocks=blocks, year=2035)
    assert sides.price == pytest.approx(float(path.shadow_prices["cap"].sel(year=2035)), rel=1e-3, abs=1e-5)


def test_a_path_by_rule_has_no_goal(simulated: Callable[..., Trajectory]) -> None:
    for ask in _again(simulated("two-halves")).values():
        with pytest.raises(
            ResultError, match=r"two-halves was carried out by rule: no goal chose it. Solve it, then use"
        ):
            ask()


@pytest.mark.parametrize("asker", ["flat_directions", "what_binds", "what_matters"])
def test_what_is_no_path(asker: str) -> None:
    ask = getattr(iom, asker)
    with pytest.raises(ResultError, match=f"{asker} takes a path, found 'two-halves' of type str"):
        ask("two-halves")
    with pytest.raises(ResultError, match=f"{asker} takes a path, found the experiment 'two-halves'; solve it first"):
        ask(official("two-halves"))


def test_what_is_no_experiment() -> None:
    with pytest.raises(ExperimentError, match="An experiment is needed, found 'two-halves' of type str"):
        iom.explain_infeasible("two-halves")  # type: ignore[arg-type]


def test_a_large_object_in_a_wrong_place_is_named_by_its_kind(china: Economy) -> None:
    with pytest.raises(ExperimentError, match=r"^slack: found an object of type Economy; allowed: a number from"):
        iom.alternatives(official("two-halves"), "public_debt_share", china)  # type: ignore[arg-type]
    with pytest.raises(ExperimentError) as caught:
        iom.alternatives(official("two-halves"), china)  # type: ignore[arg-type]
    assert len(str(caught.value)) < 2000
