"""The base year comes back to 1e-8 from the simulation, row by row against the table's own sums and the cards.

On both shipped tables and on random ones in which every tax, subsidy, change of stocks and re-export is nonzero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from synthetic import HOME, Numbers, random_economy, random_numbers

import iomodel as iom
from iomodel.economy import Economy
from iomodel.program.arrays import arrays_of
from iomodel.program.simulate import Flows, State, base_state, no_levers, step

REPLICATED = 1e-8


def _base_year(economy: Economy) -> tuple[Flows, State]:
    arrays = arrays_of(economy)
    return step(arrays, 0, base_state(arrays), no_levers(arrays))


def _near(found: object, wanted: object, what: str) -> None:
    distance = float(np.abs(np.asarray(found, dtype=float) - np.asarray(wanted, dtype=float)).max())
    assert distance < REPLICATED, f"{what}: off by {distance:.1e} percent of GDP"


def _sums_of_table(economy: Economy) -> dict[str, np.ndarray]:
    """The base year's rows from the table alone, in percent of GDP."""
    table, region = economy.table, economy.region
    final, flows = table.final_demand.sel(to_region=region), table.flows.sel(to_region=region)
    tax, added = table.product_taxes.sel(to_region=region), table.value_added.sel(to_region=region)
    scale = 100 / float(added.sum() + tax.sum())

    def used(*names: str) -> float:
        here = [name for name in names if name in table.categories]
        return float(final.sel(category=here).sum() + tax.sel(category=here).sum()) * scale

    bought = flows.drop_sel(region=region).sum(("region", "to_sector"))
    bought = bought + final.drop_sel(region=region).sum(("region", "category"))
    if table.is_national:
        sold = used("exports")
    else:
        sold = table.flows.sel(region=region).drop_sel(to_region=region).sum()
        sold += table.final_demand.sel(region=region).drop_sel(to_region=region).sum()
        sold = float(sold) * scale
    paid = {name: float(added.sel(factor=name).sum()) * scale for name in table.factors}
    return {
        "gdp": np.array(100.0),
        "gdp_expenditure": np.array(100.0),
        "output": table.output.sel(region=region).values * scale,
        "imports": bought.values * scale,
        "household_consumption": np.array(used("household", "non_profit")),
        "in_kind_spending": np.array(used("government_individual")),
        "collective_consumption": np.array(used("government_collective")),
        "investment": np.array(used("fixed_capital")),
        "stock_change": np.array(used("inventories")),
        "exports_total": np.array(sold),
        "wages": np.array(paid["compensation"]),
        "operating_surplus": np.array(paid["depreciation"] + paid["operating_surplus"]),
        "taxes": np.array(paid["production_taxes"] + float(tax.sum()) * scale),
    }


def _replicates(economy: Economy) -> None:
    flows, after = _base_year(economy)
    cards = economy.cards
    for name, wanted in _sums_of_table(economy).items():
        _near(flows[name], wanted, name)
    _near(flows["jobs"], economy.sectors["jobs"].values, "jobs")
    _near(after.public_debt, cards["public_debt"], "public debt at the end of the year")
    _near(after.firm_debt, cards["firm_debt"], "debt of firms at the end of the year")
    _near(flows["household_tax"], cards["household_tax"], "household tax")
    _near(flows["dividends"], cards["state_dividends"], "dividends")
    _near(flows["cash_transfers"], cards["cash_transfers"], "cash transfers")
    income = float(flows["household_consumption"]) / cards["consumption_income_ratio"]
    _near(flows["household_income"], income, "household income")
    unemployed = float(flows["unemployed"])
    assert unemployed / float(flows["labour_force"]) == pytest.approx(cards["unemployment_rate"], abs=1e-12)
    four = sum(float(flows[f"{who}_saving"]) for who in ("household", "firm", "government", "foreign"))
    _near(four, float(flows["investment"]) + float(flows["stock_change"]), "four savings")
    primary = float(flows["household_income"]) + float(flows["household_tax"]) - float(flows["cash_transfers"])
    primary += float(economy.accounts["wage_tax_rate"]) * float(flows["wages"]) - float(flows["unemployment_benefit"])
    wanted = cards["household_primary_income"] * (100 - cards["net_income_abroad"])
    _near(primary, wanted, "primary income of households as a share of national income")
    assert flows["overflow_imports"] == flows["forced_saving"] == flows["severance"] == flows["precaution"] == 0
    _capacity_grows_at_its_card(economy, after)


def _capacity_grows_at_its_card(economy: Economy, after: State) -> None:
    made = economy.sectors["output"].values > 0
    grown = after.capacity[made] / economy.sectors["capacity"].values[made] - 1
    assert np.abs(grown - economy.cards["capacity_growth"]).max() < 1e-9
    assert (after.capacity[~made] == 0).all()
    assert (after.gap == 0).all()  # the first year after the table's answers no gap


@pytest.mark.parametrize("name", ["china-2020", "china-2020-153", "china-2020-28", "world-2011"])
def test_shipped_table_is_replicated(name: str, economy_named: Callable[[str], Economy]) -> None:
    _replicates(economy_named(name))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(seed=st.integers(0, 10**6))
def test_random_table_is_replicated(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    _replicates(random_economy(seed, tmp_path_factory.mktemp("map")))


def test_random_tables_leave_nothing_at_zero() -> None:
    """The economies above would not be a test if a tax, a stock change or a re-export were zero."""
    numbers: Numbers = random_numbers(1)
    assert (np.abs(numbers.taxes) > 0.01).all()
    stocks, re_exports = numbers.final_home[:, 5], numbers.final_imported[:, 6]
    assert stocks.min() < 0 < stocks.max()
    assert (re_exports > 0).all()
    assert numbers.value_added[1].min() < 0 < numbers.value_added[1].max()  # subsidies and taxes on production


def test_a_closed_economy_and_an_idle_sector_are_replicated(tmp_path_factory: pytest.TempPathFactory) -> None:
    _replicates(random_economy(5, tmp_path_factory.mktemp("closed"), imports=False))
    _replicates(random_economy(5, tmp_path_factory.mktemp("idle"), idle_sector=True))


@pytest.mark.parametrize("change", ["output_data", "imports", "taxes"])
def test_a_wrong_number_is_seen(change: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The check can fail: a bundle, an import share or a tax off by a thousandth is refused."""
    economy = random_economy(2, tmp_path_factory.mktemp("map"))
    if change == "output_data":
        bundles = economy.bundles.copy(deep=True)
        bundles.loc[{"use": "household", "region": HOME}] *= 1.001
        economy = replace(economy, bundles=bundles)
    elif change == "imports":
        economy = replace(
            economy, coefficients=economy.coefficients.assign(imported=1.001 * economy.coefficients["imported"])
        )
    else:
        taxes = economy.bundle_taxes.copy(deep=True)
        taxes.loc[{"use": "construction"}] += 1e-3
        economy = replace(economy, bundle_taxes=taxes)
    with pytest.raises(AssertionError, match="off by"):
        _replicates(economy)


def test_scale_of_the_currency_does_not_matter(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same table in another unit gives the same economy in percent of GDP."""
    from synthetic import CARDS, table_of

    numbers = random_numbers(4)
    big = Numbers(**{name: 1e6 * value if name != "jobs" else value for name, value in vars(numbers).items()})
    here = [table_of(one, tmp_path_factory.mktemp("map")) for one in (numbers, big)]
    first, second = (iom.calibrate(table, HOME, CARDS) for table in here)
    assert second.gdp == pytest.approx(1e6 * first.gdp)
    for name in first.accounts:
        assert float(second.accounts[name]) == pytest.approx(float(first.accounts[name]), abs=1e-9), name
