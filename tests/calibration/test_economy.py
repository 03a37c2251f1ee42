"""The noun of one economy: labelled, frozen, and of one piece with its table."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

import iomodel as iom
from iomodel.economy import USES, Economy
from iomodel.errors import TableError


@pytest.fixture(scope="module", params=["china-2020", "world-2011"])
def economy(request: pytest.FixtureRequest) -> Economy:
    return iom.calibrate(iom.load_table(request.param), region="CHN")


def test_it_is_frozen(economy: Economy) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        economy.gdp = 1.0  # type: ignore[misc]


def test_labels_are_the_tables_in_one_order(economy: Economy) -> None:
    sectors = list(economy.table.sectors)
    for array in (economy.sectors, economy.bundles, economy.coefficients, economy.exports, economy.re_exports):
        assert [str(code) for code in array["sector"].values] == sectors
    assert [str(code) for code in economy.coefficients["to_sector"].values] == sectors
    assert tuple(economy.bundles["use"].values) == USES
    assert economy.bundles["region"].values[0] == economy.region
    sellers = set(economy.bundles["region"].values)
    assert sellers == set(economy.table.flows["region"].values)


def test_unit_and_years(economy: Economy) -> None:
    assert economy.unit == f"percent of GDP of {economy.table.year}"
    assert int(economy.paths["year"][0]) == economy.year == economy.table.year
    assert economy.known_until == {2020: 2025, 2011: 2011}[economy.year]
    value_added = float(economy.table.value_added.sel(to_region=economy.region).sum())
    taxes = float(economy.table.product_taxes.sel(to_region=economy.region).sum())
    assert economy.gdp == pytest.approx(value_added + taxes)


def test_everything_is_a_number(economy: Economy) -> None:
    for data in (economy.sectors, economy.accounts, economy.paths, economy.coefficients):
        for name, array in data.data_vars.items():
            assert np.isfinite(array.values.astype(float)).all(), name
    for array in (economy.bundles, economy.bundle_taxes, economy.exports, economy.re_exports):
        assert isinstance(array, xr.DataArray)
        assert np.isfinite(array.values).all()


def test_coefficients_leave_value_added(economy: Economy) -> None:
    """Inputs per unit of output and shares of value added sum to one in each sector that produces."""
    bought = economy.coefficients["domestic"].sum("sector") + economy.coefficients["imported"].sum("sector")
    added = economy.sectors["wage_share"] + economy.sectors["surplus_share"] + economy.sectors["tax_share"]
    made = economy.sectors["output"].values > 0
    assert np.allclose((bought.values + added.values)[made], 1, atol=1e-8)
    radius = np.abs(np.linalg.eigvals(economy.coefficients["domestic"].values)).max()
    assert radius < 1


def test_exports_are_the_tables_and_grow_with_their_volume(economy: Economy) -> None:
    base = economy.exports.sel(year=economy.year)
    ahead = economy.exports.isel(year=10)
    ratio = ahead.values[base.values > 1e-9] / base.values[base.values > 1e-9]
    index = economy.paths["export_volume"]
    assert np.allclose(ratio, float(index[10] / index[0]))
    if economy.table.is_national:
        sold = economy.table.final_demand.sel(to_region=economy.region, category="exports") * 100 / economy.gdp
        assert np.allclose(base, sold.sel(region=economy.region))
        assert np.allclose(economy.re_exports.sel(year=economy.year), sold.sel(region="IMPORTS"))
        assert float(economy.re_exports.sum()) > 0
    else:
        assert float(economy.re_exports.sum()) == 0


def test_saving_is_investment_in_the_base_year(economy: Economy) -> None:
    """From the accounts alone: what households, firms, the state and abroad save pays for what is invested."""
    a = {str(name): float(value) for name, value in economy.accounts.data_vars.items()}
    cards = economy.cards
    interest = cards["interest_rate"] * a["public_debt"]
    to_households = cards["interest_to_households"] * interest
    state = cards["profit_tax"] + cards["state_property_income"]
    households = a["household_income"] - a["household_consumption"]
    firms = (1 - a["household_surplus_share"]) * a["operating_surplus"] - state + interest - to_households
    firms -= a["dividends"] + cards["net_income_abroad"]
    government = a["taxes"] + a["wage_tax_rate"] * a["wages"] + state + a["household_tax"] + a["dividends"] - interest
    government -= a["collective_consumption"] + a["in_kind_spending"] + a["cash_transfers"] + a["unemployment_benefit"]
    table, home = economy.table, economy.region
    bought = table.flows.sel(to_region=home).drop_sel(region=home).sum()
    bought = bought + table.final_demand.sel(to_region=home).drop_sel(region=home).sum()
    sold = economy.exports.isel(year=0).sum() + economy.re_exports.isel(year=0).sum()
    sold = float(sold) + float(economy.bundle_taxes.sel(use="exports"))
    abroad = float(bought) * 100 / economy.gdp - sold + cards["net_income_abroad"]
    assert households + firms + government + abroad == pytest.approx(a["investment"] + a["stock_change"], abs=1e-8)


MISALIGNED: list[tuple[str, Callable[[Economy], dict[str, Any]], str]] = [
    (
        "sectors turned",
        lambda e: {"sectors": e.sectors.isel(sector=slice(None, None, -1))},
        "array sectors: .*another order",
    ),
    (
        "a sector short",
        lambda e: {"exports": e.exports.isel(sector=slice(1, None))},
        r"array exports: .*lacks \['01'\]",
    ),
    (
        "buyers turned",
        lambda e: {"coefficients": e.coefficients.isel(to_sector=slice(None, None, -1))},
        "array coefficients: its labels along to_sector .* first at place 1: '42' where '01' belongs",
    ),
    (
        "years late",
        lambda e: {"re_exports": e.re_exports.isel(year=slice(1, None))},
        r"re_exports: .*year .*lacks \[2020\]",
    ),
    ("years of the paths", lambda e: {"paths": e.paths.isel(year=slice(1, None))}, "array exports: .*along year"),
    ("uses turned", lambda e: {"bundles": e.bundles.isel(use=slice(None, None, -1))}, "array bundles: .*along use"),
    ("taxes of another use", lambda e: {"bundle_taxes": e.bundle_taxes.isel(use=slice(1, None))}, "bundle_taxes"),
    ("sellers turned", lambda e: {"bundles": e.bundles.isel(region=[1, 0])}, "the sellers are IMPORTS, CHN; the home"),
    ("no labels", lambda e: {"exports": e.exports.drop_vars("sector")}, "exports: it has no labels of .* sector"),
]


@pytest.mark.parametrize(("change", "message"), [entry[1:] for entry in MISALIGNED], ids=[e[0] for e in MISALIGNED])
def test_arrays_in_another_order_are_refused(change: Callable[[Economy], dict[str, Any]], message: str) -> None:
    """The program reads by position, so that a silent change of order would be another economy."""
    economy = iom.calibrate(iom.load_table("china-2020"))
    with pytest.raises(TableError, match=message):
        dataclasses.replace(economy, **change(economy))
