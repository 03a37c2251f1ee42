"""The plain form, a balance row for each sector and year, has the same optimum as output written in its directions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from official import official
from synthetic import random_economy, random_experiment

import iomodel as iom
from iomodel.economy import Economy
from iomodel.experiment import Experiment
from iomodel.program.build import Program
from iomodel.program.diagnose import shadow_prices
from iomodel.program.solvers import MOREAU, solve_program

NEEDS_MOREAU = pytest.mark.skipif(
    not MOREAU.installed, reason="Clarabel ends inaccurate on the plain form of two halves, and moreau is not installed"
)
PATHS = (
    "household_consumption", "in_kind_spending", "unemployed", "output", "capacity", "public_debt", "firm_debt",
    "programme", "reform", "investment", "gdp", "imports_total", "overflow_imports",
)  # fmt: skip


def _same(reduced: Program, plain: Program, of: float = 2e-3) -> None:
    """The same goal to 1e-6 of it and the same paths; single plants closed may differ where the goal is flat."""
    assert float(plain.problem.value) == pytest.approx(float(reduced.problem.value), rel=1e-6)
    for name in PATHS:
        apart = np.abs(np.asarray(plain.values[name].value) - np.asarray(reduced.values[name].value)).max()
        assert apart < of, f"{name}: {apart:.1e}"


def _same_prices(reduced: Program, plain: Program, of: float = 1e-4) -> None:
    """The same multipliers, law by law, that of the balance of goods among them, to a ten-thousandth of the largest of
    the law's or of a tenth."""
    one, other = shadow_prices(reduced), shadow_prices(plain)
    assert set(one) == set(other)
    assert float(np.abs(one["goods_balance"].values).max()) > 1e-3
    for name, price in one.items():
        apart = float(np.abs(price.values - other[name].values).max(initial=0.0))
        size = max(0.1, float(np.abs(price.values).max(initial=0.0)))
        assert apart < of * size, f"{name}: {apart:.1e} of {size:.1e}"


def _both(experiment: Experiment, economy: Economy) -> tuple[Program, Program]:
    made = []
    for form in ("reduced", "plain"):
        program = iom.build(experiment, economy, form=form)
        assert solve_program(program).status == "optimal"
        made.append(program)
    return made[0], made[1]


@pytest.mark.parametrize(
    "policy",
    ["supply-only", "demand-only", pytest.param("two-halves", marks=NEEDS_MOREAU)],
)
def test_same_optimum_at_full_size(policy: str, solved_program: Callable[..., Program]) -> None:
    reduced, plain = solved_program(policy), solved_program(policy, "plain")
    assert reduced.setting.years == 18
    assert plain.laws["goods_balance"].constraint.shape == (42, 18)
    assert "goods_balance" not in reduced.laws
    assert "output" in plain.variables
    assert "output" not in reduced.variables
    _same(reduced, plain)
    _same_prices(reduced, plain)


@pytest.mark.parametrize("idle_sector", [False, True])
def test_same_optimum_on_random_economies(idle_sector: bool, tmp_path: Path) -> None:
    for seed in (1, 2):
        reduced, plain = _both(random_experiment(), random_economy(seed, tmp_path, idle_sector=idle_sector))
        _same(reduced, plain)
        _same_prices(reduced, plain)


def test_same_optimum_in_a_closed_economy(tmp_path: Path) -> None:
    _same(*_both(random_experiment(), random_economy(3, tmp_path, imports=False)))


def test_the_balance_law_is_the_tables(solved_program: Callable[..., Program], china: Economy) -> None:
    """Output of the reduced form meets the plain form's balance: x − A^D x is what its bundles ask for."""
    reduced = solved_program("demand-only")
    plain = solved_program("demand-only", "plain")
    p = reduced.setting
    output = np.asarray(reduced.values["output"].value)
    uses = ("household", "government_individual", "overflow", "construction", "equipment", "intangible")
    bundles = np.stack([china.bundles.sel(use=use).values[0] for use in uses], axis=1)
    trend = p.trend
    fixed = china.bundles.sel(use="household_fixed").values[0][:, None]
    collective = (
        float(china.accounts["collective_consumption"]) * china.bundles.sel(use="government_collective").values[0]
    )
    data = fixed + np.outer(collective + china.bundles.sel(use="inventories").values[0], trend)
    data = data + china.exports.transpose("sector", "year").values[:, p.window]
    amounts = np.asarray(reduced.values["direction_amounts"].value)
    missed = output - china.coefficients["domestic"].values @ output - data - bundles @ amounts
    assert float(np.abs(missed).max()) < 1e-9
    assert float(np.abs(plain.laws["goods_balance"].constraint.residual).max()) < 1e-6


def test_price_of_a_balance_is_a_finite_difference(solved_program: Callable[..., Program], china: Economy) -> None:
    """λ of the balance row: what one unit more demanded of a good from nowhere changes in the goal."""
    plain = solved_program("demand-only", "plain")
    price = shadow_prices(plain)["goods_balance"].values
    where = (12, 4)
    shift = np.zeros(price.shape)
    shift[where] = step = 1e-2
    goals = []
    for sign in (1, -1):
        program = iom.build(official("demand-only"), china, form="plain", shifts={"goods_balance": sign * shift})
        assert solve_program(program).status == "optimal"
        goals.append(float(program.problem.value))
    assert abs(price[where]) > 1e-3
    assert price[where] == pytest.approx((goals[0] - goals[1]) / (2 * step), rel=5e-3)
