"""Back doors by mutation: loosen one law and the planner cheats; in the product the same cheat is shut.

Each test builds the program with one law loosened, shows that its goal rises over the product's point by more than 1e-4
and that the named variable moves by more than a tenth of a percent of GDP, and that in the product neither happens: its
solution is the best of its own program and obeys the rule that was loosened.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from loosened import benefit_at_least, capacity_to, export_band, kinds_apart

import iomodel as iom
from iomodel.economy import Economy
from iomodel.program.block import Block
from iomodel.program.blocks import CORE
from iomodel.program.build import Program
from iomodel.program.solvers import solve_program

RISE = 1e-4
MOVE = 0.1  # percent of GDP


def _loosened(
    policy: str, economy: Economy, core: Sequence[Block] = CORE, cards: dict[str, float] | None = None
) -> Program:
    """The loosened program, solved."""
    if cards:
        economy = iom.calibrate(economy.table, economy.region, economy.cards.unbounded(cards))
    program = iom.build(iom.load_experiment(policy), economy, core=core)
    assert solve_program(program).status == "optimal"
    return program


def _rise(loose: Program, product: Program) -> float:
    """How much better the loosened program does than the product's point, by the loosened goal."""
    best = float(loose.problem.value)
    held = {name: np.array(loose.values[name].value) for name in loose.variables}
    try:
        for name in loose.variables:
            inside = name in product.variables
            loose.values[name].value = product.values[name].value if inside else np.zeros(loose.values[name].shape)
        return best - float(loose.problem.objective.value)
    finally:
        for name, value in held.items():
            loose.values[name].value = value


def _of_gdp(program: Program, name: str, years: int = 10) -> np.ndarray:
    """A variable in percent of the year's GDP over the reported years."""
    amount, gdp = np.asarray(program.values[name].value), np.asarray(program.values["gdp"].value)
    return 100 * amount[:years] / gdp[:years]


def _closed(program: Program) -> float:
    """Percent of the first year's industrial plant that is closed in the reported years."""
    plant = np.asarray(program.values["capacity"].value)[program.setting.industry, 0].sum()
    return 100 * float(np.asarray(program.values["retirement"].value)[:, :10].sum()) / plant


def _consumption(program: Program) -> float:
    """C + S in percent of GDP in the last reported year."""
    return float(_of_gdp(program, "household_consumption")[9] + _of_gdp(program, "in_kind_spending")[9])


def test_the_product_is_the_best_of_its_own_program(china: Economy, solved_program: Callable[..., Program]) -> None:
    """The same measure finds nothing in the product: built anew with the unchanged core, no rise and no move."""
    for policy in ("supply-only", "demand-only", "best-path"):
        product, again = solved_program(policy), _loosened(policy, china)
        assert abs(_rise(again, product)) < 1e-6, policy
        for name in ("unemployment_benefit", "in_kind_spending", "overflow_imports"):
            assert np.abs(_of_gdp(again, name) - _of_gdp(product, name)).max() < 1e-4, (policy, name)


def test_benefit_as_a_floor_becomes_a_transfer(china: Economy, solved_program: Callable[..., Program]) -> None:
    product, loose = solved_program("supply-only"), _loosened("supply-only", china, benefit_at_least())
    assert _rise(loose, product) > RISE
    paid, rule = _of_gdp(loose, "unemployment_benefit"), _of_gdp(product, "unemployment_benefit")
    assert paid[9] - rule[9] > 5
    p, wage = product.setting, product.setting.arrays.wage[product.setting.window]
    by_rule = p.cards["benefit_rate"] * wage * np.asarray(product.values["unemployed"].value)
    assert np.allclose(product.values["unemployment_benefit"].value, by_rule, rtol=0, atol=1e-12)
    assert rule.max() < MOVE


def test_kinds_as_levers_are_traded_against_each_other(china: Economy, solved_program: Callable[..., Program]) -> None:
    product, loose = solved_program("demand-only"), _loosened("demand-only", china, kinds_apart())
    assert _rise(loose, product) > RISE
    assert _of_gdp(loose, "in_kind_spending")[9] < _of_gdp(product, "in_kind_spending")[9] - 1
    assert _of_gdp(loose, "cash_transfers")[9] > _of_gdp(product, "cash_transfers")[9] + 1
    p, programme = product.setting, np.asarray(product.values["programme"].value)
    in_kind = np.asarray(product.values["in_kind_spending"].value) - p.account("in_kind_spending") * p.trend
    assert np.allclose(in_kind, 2 / 3 * programme, rtol=0, atol=1e-9)


def test_closing_without_a_price_scraps_industry(china: Economy, solved_program: Callable[..., Program]) -> None:
    """Overhead jobs are freed by closing plant that still stands idle for nobody's good."""
    product, loose = solved_program("best-path"), _loosened("best-path", china, cards={"weight_closing": 0.0})
    assert _rise(loose, product) > RISE
    assert _closed(product) < 5
    assert _closed(loose) > 4 * _closed(product)


def test_closing_without_a_price_where_plant_may_run_hot(
    china: Economy, solved_program: Callable[..., Program]
) -> None:
    """With output up to 97 percent of plant half of industry goes; the limit above normal use keeps it standing."""
    cards = {"weight_closing": 0.0}
    product, loose = solved_program("best-path"), _loosened("best-path", china, capacity_to(0.97), cards)
    priced = _loosened("best-path", china, capacity_to(0.97))
    assert _rise(loose, product) > RISE
    assert _closed(loose) > 40
    assert _closed(loose) > 1.5 * _closed(_loosened("best-path", china, cards=cards))
    assert _closed(priced) < 5  # the price alone shuts this door, too


def test_an_export_band_is_a_lever(china: Economy, solved_program: Callable[..., Program]) -> None:
    product, loose = solved_program("best-path"), _loosened("best-path", china, export_band(0.05))
    assert _rise(loose, product) > RISE
    beyond = np.asarray(loose.values["exports_beyond"].value)[:10]
    gdp = np.asarray(loose.values["gdp"].value)[:10]
    assert float(np.abs(100 * beyond / gdp).max()) > MOVE
    assert _consumption(loose) > _consumption(product) + 0.2


def test_exports_are_data_in_the_product(
    china: Economy, path_of: Callable[..., object], solved_program: Callable[..., Program]
) -> None:
    data = path_of("best-path").data  # type: ignore[attr-defined]
    assert np.array_equal(
        data["exports"].transpose("sector", "year").values, china.exports.values[:, : data.sizes["year"]]
    )
    p = solved_program("best-path").setting
    sold = np.asarray(solved_program("best-path").values["current_account"].value)
    sold = sold + np.asarray(solved_program("best-path").values["imports_total"].value)
    assert np.allclose(sold, p.arrays.export_total[p.window] - p.cards["net_income_abroad"] * p.trend, atol=1e-9)


def test_cheap_overflow_is_used_as_a_lever(china: Economy, solved_program: Callable[..., Program]) -> None:
    """At a fifth of its price the programme comes early and what it lacks is bought abroad."""
    product, loose = solved_program("demand-only"), _loosened("demand-only", china, cards={"weight_overflow": 0.2})
    assert _rise(loose, product) > RISE
    more = _of_gdp(loose, "overflow_imports") - _of_gdp(product, "overflow_imports")
    assert more.max() > MOVE
    totals = [float(np.asarray(program.values["overflow_imports"].value)[:10].sum()) for program in (loose, product)]
    assert totals[0] > 1.2 * totals[1]


@pytest.mark.parametrize("policy", ["supply-only", "demand-only", "two-halves", "best-path"])
def test_simulation_finds_no_cheat_in_the_product(policy: str, path_of: Callable[..., object]) -> None:
    """Replayed under the rules themselves the product's levers give the same path: nothing lives on a slack."""
    verdict = path_of(policy).verdict  # type: ignore[attr-defined]
    assert verdict.replay_distance < 1e-6
    assert not verdict.warnings


def test_simulation_finds_the_cheat_of_a_loosened_law(china: Economy) -> None:
    """The replay of a loosened program is far from it, and the verdict says so."""
    path = iom.solve(iom.load_experiment("supply-only"), china, core=benefit_at_least())
    assert path.verdict.replay_distance > MOVE
    assert any("replay is off" in warning for warning in path.verdict.warnings)
