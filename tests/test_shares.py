"""The share system against its limits, its identities and a minimisation of cost that knows no formula."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from iomodel.errors import CardError, ExperimentError
from iomodel.markets.shares import (
    Elasticities,
    answering,
    base_shares,
    new_shares,
    relative_prices,
    volumes,
)

SIGMA = Elasticities(3.0, 6.0)


def world(seed: int, regions: int = 4, goods: int = 3, uses: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.1, 2.0, (regions, goods, regions, uses))


def some_prices(seed: int, regions: int = 4, goods: int = 3) -> np.ndarray:
    return np.random.default_rng(seed + 1000).uniform(0.7, 1.6, (regions, goods, regions))


def test_no_change_of_prices_returns_the_base_bit_for_bit() -> None:
    values = world(1)
    shares = base_shares(values)
    still = new_shares(shares, np.ones((4, 3, 4)), SIGMA)
    assert np.array_equal(still.shares, shares)
    assert np.array_equal(still.price_index, np.ones((3, 4, 5)))
    assert np.array_equal(volumes(values, np.ones((4, 3, 4)), SIGMA), values)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.3, 8.0), st.floats(0.3, 12.0))
def test_shares_add_up_and_spending_is_index_times_volume(seed: int, upper: float, lower: float) -> None:
    values, prices, sigma = world(seed), some_prices(seed), Elasticities(upper, lower)
    new = new_shares(base_shares(values), prices, sigma)
    np.testing.assert_allclose(new.shares.sum(axis=0), 1, rtol=1e-12)
    spent = (volumes(values, prices, sigma) * prices[..., None]).sum(axis=0)
    np.testing.assert_allclose(spent, new.price_index * values.sum(axis=0), rtol=1e-10)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.5, 3.0))
def test_only_relative_prices_matter(seed: int, scale: float) -> None:
    values, prices = world(seed), some_prices(seed)
    one, other = (new_shares(base_shares(values), level, SIGMA) for level in (prices, scale * prices))
    np.testing.assert_allclose(other.shares, one.shares, rtol=1e-11)
    np.testing.assert_allclose(other.price_index, scale * one.price_index, rtol=1e-11)
    np.testing.assert_allclose(volumes(values, scale * prices, SIGMA), volumes(values, prices, SIGMA), rtol=1e-11)


def test_equal_elasticities_are_one_nest() -> None:
    values, prices = world(2), some_prices(2)
    shares = base_shares(values)
    new = new_shares(shares, prices, Elasticities(4.0, 4.0))
    weights = shares * prices[..., None] ** (1 - 4.0)
    np.testing.assert_allclose(new.shares, weights / weights.sum(axis=0), rtol=1e-12)


def test_one_is_the_cobb_douglas_limit() -> None:
    values, prices = world(3), some_prices(3)
    shares = base_shares(values)
    np.testing.assert_allclose(new_shares(shares, prices, Elasticities(1.0, 1.0)).shares, shares, rtol=1e-14)
    near = new_shares(shares, prices, Elasticities(1 + 1e-7, 1 - 1e-7))
    at = new_shares(shares, prices, Elasticities(1.0, 1.0))
    np.testing.assert_allclose(near.price_index, at.price_index, rtol=1e-6)


def test_without_home_goods_only_the_import_nest_works() -> None:
    values = world(4)
    for region in range(4):
        values[region, :, region] = 0
    prices = some_prices(4)
    new = new_shares(base_shares(values), prices, SIGMA)
    weights = base_shares(values) * prices[..., None] ** (1 - SIGMA.imports)
    np.testing.assert_allclose(new.shares, weights / weights.sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(new.price_index, new.import_index, rtol=1e-12)


def test_without_imports_nothing_is_diverted() -> None:
    values = np.zeros((4, 3, 4, 5))
    for region in range(4):
        values[region, :, region] = world(5)[region, :, region]
    prices = some_prices(5)
    np.testing.assert_allclose(volumes(values, prices, SIGMA), values, rtol=1e-12)
    assert np.array_equal(new_shares(base_shares(values), prices, SIGMA).import_index, np.ones((3, 4, 5)))


def test_a_sole_supplier_keeps_its_volume_at_any_price() -> None:
    values = np.zeros((4, 1, 4, 1))
    values[2, 0, 0, 0] = 7.0
    prices = np.ones((4, 1, 4))
    prices[2, 0, 0] = 2.5
    assert volumes(values, prices, SIGMA)[2, 0, 0, 0] == pytest.approx(7.0, rel=1e-14)
    assert new_shares(base_shares(values), prices, SIGMA).price_index[0, 0, 0] == pytest.approx(2.5)


def test_cells_without_demand_or_with_negative_sellers_stay() -> None:
    values = world(6)
    values[:, 0, 1, 2] = 0
    values[3, 1, 0, 4] = -0.5
    prices = some_prices(6)
    cells = answering(values)
    assert not cells[0, 1, 2]
    assert not cells[1, 0, 4]
    assert cells.sum() == cells.size - 2
    moved = volumes(values, prices, SIGMA)
    assert np.array_equal(moved[:, ~cells], values[:, ~cells])
    assert np.isfinite(moved).all()
    assert (base_shares(values)[:, ~cells] == 0).all()


def test_fixed_uses_stay() -> None:
    values, fixed = world(7), np.array([False, False, False, False, True])
    moved = volumes(values, some_prices(7), SIGMA, fixed)
    assert np.array_equal(moved[..., 4], values[..., 4])
    assert not np.allclose(moved[..., :4], values[..., :4])


def test_a_tariff_diverts_first_to_other_importers_then_to_the_home_product() -> None:
    values = np.ones((3, 1, 3, 1))
    rates = np.zeros((3, 1, 3))
    rates[0, 0, 2] = 0.25
    moved = volumes(values, relative_prices(np.ones((3, 1)), rates), SIGMA)[:, 0, 2, 0]
    assert moved[0] < 1 < moved[2] < moved[1]
    assert np.array_equal(volumes(values, relative_prices(np.ones((3, 1)), rates), SIGMA)[:, 0, :2], values[:, 0, :2])


def test_deliveries_are_the_cheapest_way_to_the_same_composite() -> None:
    """Minimise cost over deliveries subject to the two-nest aggregate: no share formula is used."""
    values, prices = world(8, regions=3, goods=1, uses=1), some_prices(8, regions=3, goods=1)
    base, price = values[:, 0, 0, 0], prices[:, 0, 0]
    share, inner, outer = base / base.sum(), 1 - 1 / SIGMA.imports, 1 - 1 / SIGMA.home_import
    imports = share[1:].sum()

    def composite(quantity: np.ndarray) -> float:
        relative = quantity / base
        bundle = ((share[1:] / imports) @ relative[1:] ** inner) ** (1 / inner)
        return float((share[0] * relative[0] ** outer + imports * bundle**outer) ** (1 / outer))

    found = minimize(
        lambda quantity: price @ quantity,
        base,
        method="SLSQP",
        bounds=[(1e-6, None)] * 3,
        constraints={"type": "eq", "fun": lambda quantity: composite(quantity) - 1},
        options={"ftol": 1e-15, "maxiter": 500},
    )
    np.testing.assert_allclose(volumes(values, prices, SIGMA)[:, 0, 0, 0], found.x, rtol=2e-5)


def test_excess_burden_is_of_second_order() -> None:
    values = world(9)

    def burden(step: float) -> float:
        rates = np.zeros((4, 3, 4))
        rates[0, :, 1:] = step
        moved = volumes(values, relative_prices(np.ones((4, 3)), rates), SIGMA)
        return float((moved - values).sum())

    assert burden(0.02) > 0
    assert burden(0.02) / burden(0.01) == pytest.approx(4, rel=0.1)


def test_relative_prices_take_the_base_tariff_out() -> None:
    rates = np.full((2, 1, 2), 0.21)
    prices = relative_prices(np.array([[1.0], [2.0]]), rates, np.full((2, 1, 2), 0.10))
    np.testing.assert_allclose(prices[:, 0, 0], [1.1, 2.2])


def test_refusals_say_what_and_what_to_do() -> None:
    with pytest.raises(CardError, match=r"elasticity_imports is -1.*positive"):
        Elasticities(3, -1)
    with pytest.raises(ExperimentError, match=r"above -100 points"):
        relative_prices(np.ones((2, 1)), np.full((2, 1, 2), -1.0))
