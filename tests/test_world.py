"""The world as a linear map, and tariffs on it, against loops over the table that use no code of the product."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from iomodel.cards import load_cards
from iomodel.errors import ExperimentError, TableError
from iomodel.markets.shares import Elasticities
from iomodel.markets.tariffs import Duty, duties, exports_under_tariffs, in_force, regime
from iomodel.markets.world import world_under
from iomodel.table import Table, load_table, make_table

SIGMA = Elasticities(3.0, 6.0)


def small_world(seed: int = 0, idle: bool = True) -> Table:
    """Three regions, three sectors, stock changes of both signs; with `idle` one sector of one region makes nothing."""
    draw = np.random.default_rng(seed)
    flows = draw.uniform(0.2, 1.0, (3, 3, 3, 3))
    final = draw.uniform(1.0, 3.0, (3, 3, 3, 3))
    final[..., 2] = draw.uniform(-0.2, 0.2, (3, 3, 3))
    if idle:
        flows[2, 1] = final[2, 1] = 0
        flows[:, :, 2, 1] = 0
    output = flows.sum(axis=(2, 3)) + final.sum(axis=(2, 3))
    value_added = output - flows.sum(axis=(0, 1))
    return make_table(
        name="small-world",
        year=2011,
        unit="million USD",
        regions=["CHN", "USA", "ROW"],
        sectors={"AtB": "Agriculture", "15t16": "Food", "J": "Finance"},
        categories=["household", "fixed_capital", "inventories"],
        factors=["compensation", "operating_surplus"],
        flows=flows,
        final_demand=final,
        value_added=np.stack([0.6 * value_added, 0.4 * value_added]),
        output=output,
        national=False,
        employment={"CHN": np.array([5.0, 4.0, 3.0]), "USA": np.array([1.0, 2.0, 3.0])},
        currency="USD",
        price_basis="basic prices of 2011",
        source="drawn at random",
        licence="none",
        edition="test",
        classification="wiod35",
    )


def delivered(values: np.ndarray, raised: dict[tuple[int, int], float], home: int = 0) -> np.ndarray:
    """Volumes (seller, good, market, use), cell by cell; `raised` maps (good, market) to a rate."""
    result = values.copy()
    sellers, goods, markets, uses = values.shape
    for good in range(goods):
        for market in range(markets):
            rate = raised.get((good, market), 0.0)
            for use in range(uses):
                cell = values[:, good, market, use]
                if rate == 0 or cell.min() < 0 or cell.sum() == 0:
                    continue
                price = [1 + rate if seller == home else 1.0 for seller in range(sellers)]
                imports = [seller for seller in range(sellers) if seller != market]
                bought = sum(cell[s] for s in imports)
                index = 1.0
                if bought > 0:
                    index = sum(cell[s] / bought * price[s] ** -5.0 for s in imports) ** (1 / -5.0)
                total = cell.sum()
                overall = (cell[market] / total * price[market] ** -2.0 + bought / total * index**-2.0) ** (1 / -2.0)
                for seller in range(sellers):
                    if seller == market:
                        demand = (price[seller] / overall) ** -3.0
                    else:
                        demand = (index / overall) ** -3.0 * (price[seller] / index) ** -6.0
                    result[seller, good, market, use] = cell[seller] * demand
    return result


def test_the_world_without_tariffs_is_the_table() -> None:
    table = small_world()
    world = world_under(table, "CHN", (), SIGMA)
    final = world.final.sum(axis=2)
    np.testing.assert_allclose(world.output(final), table.output.values, rtol=1e-11, atol=1e-11)
    two = np.stack([final, 3 * final], axis=2)
    np.testing.assert_allclose(world.output(two)[..., 1], 3 * table.output.values, rtol=1e-11, atol=1e-11)


def test_a_sector_without_output_buys_and_makes_nothing() -> None:
    world = world_under(small_world(), "CHN", (), SIGMA)
    assert (world.coefficients[:, 7] == 0).all()
    assert world.output(world.final.sum(axis=2))[2, 1] == 0


def test_world_under_tariffs_is_the_full_solve_of_rebuilt_flows() -> None:
    table = small_world(3)
    world = world_under(table, "CHN", (("USA", "all", 20.0),), SIGMA)
    raised = {(good, 1): 0.2 for good in range(3)}
    flows = delivered(table.flows.values, raised)
    final = table.final_demand.values.copy()
    final[..., :2] = delivered(final[..., :2], raised)
    size = 9
    level = table.output.values.reshape(size)
    inputs = np.zeros((size, size))
    for column in range(size):
        if level[column] > 0:
            inputs[:, column] = flows.reshape(size, size)[:, column] / level[column]
    expected = np.linalg.solve(np.eye(size) - inputs, final.sum(axis=(2, 3)).reshape(size))
    np.testing.assert_allclose(world.output(world.final.sum(axis=2)).reshape(size), expected, rtol=1e-11)
    assert expected.reshape(3, 3)[0].sum() < table.output.values[0].sum()
    assert expected.reshape(3, 3)[2].sum() > table.output.values[2].sum()


def test_exports_factor_is_new_volume_over_old_at_given_demand() -> None:
    table, cards = small_world(4), load_cards(None)
    factor = exports_under_tariffs(table, "CHN", [Duty("USA", "all", 25, 2016)], cards, [2015, 2016, 2020])
    assert factor.dims == ("sector", "year")
    assert (factor.sel(year=2015) == 1).all()
    raised = {(good, 1): 0.25 for good in range(3)}
    flows, final = table.flows.values, table.final_demand.values
    new_flows = delivered(flows, raised)
    new_final = final.copy()
    new_final[..., :2] = delivered(final[..., :2], raised)
    for good in range(3):
        before = flows[0, good, 1:].sum() + final[0, good, 1:].sum()
        after = new_flows[0, good, 1:].sum() + new_final[0, good, 1:].sum()
        assert factor.sel(year=2016).values[good] == pytest.approx(after / before, rel=1e-12)
    assert np.array_equal(factor.sel(year=2020), factor.sel(year=2016))


def test_without_tariffs_exports_are_untouched_also_on_a_national_table() -> None:
    factor = exports_under_tariffs(load_table("china-2020"), "CHN", (), load_cards("china-2020"), [2026, 2027])
    assert factor.shape == (42, 2)
    assert (factor == 1).all()


def test_tariffs_of_one_partner_add_up_and_start_in_their_year() -> None:
    asked = [Duty("USA", "all", 10, 2020), Duty("USA", "all", 5, 2022), Duty("ROW", "all", 0, 2020)]
    assert regime(asked, 2019) == ()
    rates = duties(small_world(), "CHN", regime(asked, 2022))
    assert rates[0, :, 1] == pytest.approx([0.15] * 3)
    assert rates.sum() == pytest.approx(0.45)


def test_stated_tariffs_are_filled_in() -> None:
    @dataclass(frozen=True)
    class Stated:
        partner: str
        group: str
        points: float | None
        from_year: int

    asked = [Stated("all", "services", None, 1), Stated("USA", "all", 5, 3)]
    found = in_force(asked, small_world(), "CHN", load_cards(None, {"partner_tariff": 12.0}), 2012)
    assert found == [
        Duty("USA", "services", 12.0, 2012),
        Duty("ROW", "services", 12.0, 2012),
        Duty("USA", "all", 5.0, 2014),
    ]


def test_groups_come_from_the_map_of_the_classification() -> None:
    rates = duties(small_world(), "CHN", (("USA", "manufacturing", 10.0), ("ROW", "services", 5.0)))
    assert rates[0, :, 1].tolist() == [0, 0.1, 0]
    assert rates[0, :, 2].tolist() == [0, 0, 0.05]


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (("UAS", "all", 1.0), r"unknown partner 'UAS'.*USA, ROW.*Did you mean USA"),
        (("CHN", "all", 1.0), r"unknown partner 'CHN'.*partners of CHN"),
        (("USA", "manufactures", 1.0), r"unknown group 'manufactures'.*Did you mean manufacturing"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(asked: tuple[str, str, float], text: str) -> None:
    with pytest.raises(ExperimentError, match=text):
        duties(small_world(), "CHN", (asked,))


def test_a_national_table_has_no_partners() -> None:
    table = load_table("china-2020")
    with pytest.raises(TableError, match=r'china-2020 is national.*table="world-2011"'):
        world_under(table, "CHN", (), SIGMA)
    with pytest.raises(ExperimentError, match=r"one foreign region.*world-2011"):
        exports_under_tariffs(table, "CHN", [Duty("USA", "all", 1, 2026)], load_cards("china-2020"), [2026])


def test_manufactures_tariff_on_the_real_world() -> None:
    table = load_table("world-2011")
    sigma = Elasticities(3.0, 6.0)
    base = world_under(table, "CHN", (), sigma)
    np.testing.assert_allclose(base.output(base.final.sum(axis=2)), table.output.values, rtol=1e-9, atol=1e-3)
    world = world_under(table, "CHN", (("USA", "manufacturing", 10.0),), sigma)
    change = world.output(world.final.sum(axis=2)) - table.output.values
    by_region = dict(zip(table.regions, change.sum(axis=1), strict=True))
    assert by_region["CHN"] < 0 < by_region["USA"]
    assert by_region["MEX"] > 0
