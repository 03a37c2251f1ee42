"""Calibration: accounts that close in the base year, shares that add up, published figures hit, clear refusals."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from synthetic import CARDS, HOME, random_numbers, table_of

import iomodel as iom
from iomodel.calibration.findings import plausible_ranges
from iomodel.cards import CALENDAR_CARDS
from iomodel.classifications.sector_maps import SectorRows, load_map
from iomodel.economy import Economy
from iomodel.errors import CardError, TableError
from iomodel.facts import published
from iomodel.shipped import shipped_file

ASSETS = ("construction", "equipment", "intangible")


@pytest.fixture(scope="module", params=["china-2020", "china-2020-153", "china-2020-28", "world-2011"])
def economy(request: pytest.FixtureRequest) -> Economy:
    return iom.calibrate(iom.load_table(request.param), region="CHN")


@pytest.fixture(scope="module")
def china() -> Economy:
    return iom.calibrate(iom.load_table("china-2020"), region="CHN")


def _map(economy: Economy) -> SectorRows:
    return load_map(str(economy.table.attrs["classification"])).rows(economy.table.sectors)


# ---------------------------------------------------------------------- bundles
def test_a_unit_of_each_use_costs_one_unit(economy: Economy) -> None:
    """1'b + 1'm + t = 1, tax apart; what moves abroad adds up to nothing; γ adds up to nothing."""
    for use in ("household", "government_individual", "government_collective", *ASSETS):
        total = float(economy.bundles.sel(use=use).sum() + economy.bundle_taxes.sel(use=use))
        assert total == pytest.approx(1, abs=1e-12), use
    overflow = economy.bundles.sel(use="overflow")
    assert float(overflow.isel(region=0).sum()) == pytest.approx(-1)
    assert float(overflow.isel(region=slice(1, None)).sum()) == pytest.approx(1)
    fixed = economy.bundles.sel(use="household_fixed")
    assert float(fixed.sum()) == pytest.approx(0, abs=1e-12)
    assert float(abs(fixed).sum()) > 1  # not a demand system without subsistence


def test_households_buy_the_tables_basket_in_the_base_year(economy: Economy) -> None:
    """γ + β C_0 is the household column, by seller and good."""
    table, region = economy.table, economy.region
    columns = [name for name in ("household", "non_profit") if name in table.categories]
    bought = table.final_demand.sel(to_region=region, category=columns).sum("category") * 100 / economy.gdp
    consumption = float(economy.accounts["household_consumption"])
    model = economy.bundles.sel(use="household_fixed") + consumption * economy.bundles.sel(use="household")
    assert np.allclose(model.sel(region=bought["region"].values), bought.values, rtol=0, atol=1e-10)


def test_food_is_a_smaller_part_of_a_larger_basket(economy: Economy) -> None:
    """Engel: of one more yuan less goes to goods with a small elasticity than of the mean yuan."""
    rows = _map(economy)
    mean = economy.bundles.sel(use="household_fixed").sum("region") / float(economy.accounts["household_consumption"])
    marginal = economy.bundles.sel(use="household").sum("region").values
    average = mean.values + marginal
    food, other = rows.engel < 0.7, rows.engel > 1.15
    assert marginal[food].sum() < 0.75 * average[food].sum()
    assert marginal[other].sum() > average[other].sum()
    ratio = marginal[average > 1e-6] / average[average > 1e-6]
    elasticity = rows.engel[average > 1e-6]
    assert np.allclose(ratio / elasticity, (ratio / elasticity)[0])


# ---------------------------------------------------------------------- investment and plant
def test_investment_adds_up_by_sector_motive_and_asset(economy: Economy) -> None:
    sectors, accounts = economy.sectors, economy.accounts
    motives = sum(sectors[f"{name}_investment"] for name in ("market", "drive", "public"))
    assert np.allclose(motives, sectors["investment"])
    assert float(sectors["investment"].sum()) == pytest.approx(float(accounts["investment"]))
    for name in ("market", "drive", "public"):
        assert float(sectors[f"{name}_investment"].min()) >= 0
    mix = sectors["asset_mix"]
    assert np.allclose(mix.sum("asset"), 1)
    bought = mix.values @ sectors["investment"].values
    table, region = economy.table, economy.region
    capital = table.final_demand.sel(to_region=region, category="fixed_capital").sum("region").values
    rows = _map(economy)
    sold = [capital[rows.asset == asset].sum() * 100 / economy.gdp for asset in ASSETS]
    assert np.allclose(bought, sold, rtol=0, atol=1e-9)


def test_industry_leans_to_equipment_and_services_to_construction(economy: Economy) -> None:
    mix, industry = economy.sectors["asset_mix"], economy.sectors["industry"].values > 0
    construction = mix.sel(asset="construction").values
    assert construction[industry].max() < construction[~industry].min()


def test_drive_and_public_works_have_their_cards_size(economy: Economy) -> None:
    cards, sectors, rows = economy.cards, economy.sectors, _map(economy)
    for kind in ("manufacturing", "infrastructure", "real_estate", "elsewhere"):
        mine = rows.drive == kind
        share = sectors["drive_investment"].values[mine].sum() / sectors["investment"].values[mine].sum()
        assert share == pytest.approx(cards[f"drive_share_{kind}"]), kind
    state = float(sectors["public_investment"].sum()) + cards["vehicles_share"] * float(
        sectors["drive_investment"].sum()
    )
    assert state == pytest.approx(cards["public_investment"])
    estate = rows.capital == "real_estate"
    share = sectors["investment"].values[estate].sum() / float(sectors["investment"].sum())
    assert share == pytest.approx(cards["real_estate_investment_share"])
    assert (sectors["public_investment"].values[~rows.public.astype(bool)] == 0).all()


def test_yields_are_two_numbers_by_construction(economy: Economy) -> None:
    """Investment by using industry is not published, so the data identify one yield for real estate and one besides."""
    rows, found = _map(economy), economy.sectors["yield"].values
    invests = economy.sectors["investment"].values > 0
    estate = rows.capital == "real_estate"
    need = (
        (economy.sectors["capacity_growth"] + economy.sectors["capacity_depreciation"]) * economy.sectors["capital"]
    ).values
    assert np.allclose(found[invests], need[invests] / economy.sectors["investment"].values[invests])
    assert np.ptp(found[invests & ~estate]) < 1e-9
    if economy.table.name == "china-2020":
        assert float(np.median(found[invests & ~estate])) == pytest.approx(0.83, abs=0.03)
        assert float(found[estate][0]) == pytest.approx(0.26, abs=0.01)


def test_waste_differs_by_motive_and_keeps_the_mean(economy: Economy) -> None:
    sectors, cards = economy.sectors, economy.cards
    built = sum(sectors[f"yield_{name}"] * sectors[f"{name}_investment"] for name in ("market", "drive", "public"))
    assert np.allclose(built, sectors["yield"] * sectors["investment"])
    ratio = sectors["yield_drive"] / sectors["yield_market"]
    invests = sectors["investment"].values > 0
    assert np.allclose(ratio.values[invests], (1 - cards["waste_drive"]) / (1 - cards["waste_market"]))


def test_plant_is_output_over_published_use(economy: Economy) -> None:
    sectors = economy.sectors
    industry, made = sectors["industry"].values > 0, sectors["output"].values > 0
    assert np.allclose((sectors["capacity"] * sectors["utilisation"]).values, sectors["output"].values)
    assert (sectors["utilisation"].values[~industry] == 1).all()
    assert (sectors["normal_use"].values[~industry] == 1).all()
    manufacturing = sectors["manufacturing"].values * industry > 0
    plant = sectors["capacity"].values
    normal = (plant * sectors["normal_use"].values)[manufacturing].sum() / plant[manufacturing].sum()
    assert normal == pytest.approx(economy.cards["normal_use"], abs=1e-9)
    if economy.table.name == "china-2020":
        used = sectors["output"].values
        assert used[manufacturing].sum() / plant[manufacturing].sum() == pytest.approx(0.749, abs=1e-9)
        assert used[industry].sum() / plant[industry].sum() == pytest.approx(0.745, abs=2e-3)
    assert (sectors["capital_cost"].values[made] > 0).all()


def test_capital_follows_from_depreciation(economy: Economy) -> None:
    """Capital is the depreciation row over its rate: 8, 5 and 2.5 percent."""
    rows, cards = _map(economy), economy.cards
    kinds = ("plant", "infrastructure", "real_estate")
    rate = {kind: cards[f"capital_depreciation_{kind}"] for kind in kinds}
    worn = economy.table.value_added.sel(to_region="CHN", factor="depreciation").values * 100 / economy.gdp
    wanted = worn / np.array([rate[kind] for kind in rows.capital])
    assert np.allclose(economy.sectors["capital"], wanted)


# ---------------------------------------------------------------------- jobs
def test_jobs_are_the_published_ones_by_branch(china: Economy) -> None:
    with shipped_file("tables", "facts", "china_facts.csv").open(encoding="utf-8", newline="") as file:
        facts = {row["key"]: float(row["value"]) for row in csv.DictReader(file) if row["period"] == "2020"}
    rows, jobs = _map(china), china.sectors["jobs"].values
    branch = {"agriculture": "primary", "services": "tertiary"}
    of = np.array([branch.get(group, "secondary") for group in rows.group])
    for name in ("primary", "secondary", "tertiary"):
        assert jobs[of == name].sum() == pytest.approx(facts[f"employed_persons.{name}"]), name
    assert jobs.sum() == pytest.approx(751, abs=3)
    force = float(china.accounts["labour_force"])
    assert 1 - jobs.sum() / force == pytest.approx(0.056)


# ---------------------------------------------------------------------- institutions
def test_published_accounts_are_met(china: Economy) -> None:
    """Checks of the accounts of 2020: compensation 52.05 (flow of funds 2019), households' primary income within two
    points of 61.4 percent of national income."""
    accounts, cards = china.accounts, china.cards
    assert float(accounts["wages"]) == pytest.approx(52.05, abs=0.2)
    gross = float(accounts["household_income"]) + cards["household_tax"] - float(accounts["cash_transfers"])
    gross += float(accounts["wage_tax_rate"] * accounts["wages"]) - float(accounts["unemployment_benefit"])
    assert 100 * gross / (100 - cards["net_income_abroad"]) == pytest.approx(61.4, abs=2)
    assert float(accounts["household_surplus_share"]) == pytest.approx(0.24, abs=0.01)
    assert 100 * float(accounts["wage_tax_rate"]) == pytest.approx(8.85, abs=1)
    saved = float(accounts["household_income"] - accounts["household_consumption"])
    assert saved - cards["housing_investment"] == pytest.approx(15.7, abs=0.2)  # lent, flow of funds 2022


def test_findings_say_value_published_and_source(economy: Economy) -> None:
    assert len(economy.findings) >= 5
    for finding in economy.findings:
        assert finding.title
        assert finding.source
        assert np.isfinite(finding.value)
    shown = str(economy)
    assert "compensation of employees" in shown
    for kind, count in economy.cards.count().items():
        assert (f"{count} {kind}" in shown) == (count > 0)


def test_cards_change_what_they_name(china: Economy) -> None:
    """Each of these moves its own account, one way."""
    table = china.table
    more = {
        "drive_share_manufacturing": ("drive_investment", 0.4),
        "public_investment": ("public_investment", 12.5),
    }
    for key, (name, value) in more.items():
        other = iom.calibrate(table, "CHN", {key: value})
        assert float(other.sectors[name].sum()) > float(china.sectors[name].sum()), key
        assert other.cards.changed == {key: value}
    rich = iom.calibrate(table, "CHN", {"consumption_income_ratio": 0.57})
    assert float(rich.accounts["household_income"]) > float(china.accounts["household_income"])
    assert iom.calibrate(table, "CHN", china.cards.replace({"public_debt": 90.0})).cards["public_debt"] == 90


# ---------------------------------------------------------------------- refusals
def test_another_region_counts_the_cards_that_are_missing() -> None:
    economy = iom.calibrate(iom.load_table("world-2011"), region="USA")
    assert economy.missing_cards == CALENDAR_CARDS
    said = str(economy)
    assert "16 of 16 cards that belong to a country and year are missing" in said
    defaults = said.splitlines()[-1]
    assert all(key in defaults for key in CALENDAR_CARDS)
    given = {"public_debt": 60.0, "cash_transfers": 12.0}  # the first is what the default happens to be
    fewer = iom.calibrate(iom.load_table("world-2011"), "USA", given)
    assert set(economy.missing_cards) - set(fewer.missing_cards) == set(given)
    assert "public_debt" not in str(fewer).splitlines()[-1]
    assert iom.calibrate(iom.load_table("world-2011")).missing_cards == ()


def test_another_region_works_with_its_cards() -> None:
    """The United States with cards of its own: the year closes and a path comes out."""
    own = {
        "cash_transfers": 15.0, "consumption_income_ratio": 0.92, "firm_debt": 120.0, "household_primary_income": 0.82,
        "household_tax": 9.0, "housing_investment": 3.0, "land_revenue_base": 0.0, "net_income_abroad": -1.0,
        "pandemic_shortfall": 0.0, "profit_tax": 2.0, "public_debt": 99.0, "public_investment": 4.0,
        "state_dividends": 0.1, "state_property_income": 1.0, "support_drive": 0.1,
        "unemployment_rate": 0.089, "vehicles_share": 0.7,
    }  # fmt: skip
    economy = iom.calibrate(iom.load_table("world-2011"), "USA", own)
    assert float(economy.accounts["household_consumption"]) > 60
    assert set(economy.cards.changed) >= set(CALENDAR_CARDS) - {"pandemic_shortfall", "land_revenue_base"}
    usual = iom.load_experiment("business-as-usual").replace(table="world-2011", region="USA")
    path = iom.simulate(usual, economy)
    base = path.data.sel(year=2011)
    assert float(base["gdp"]) == pytest.approx(100, abs=1e-9)
    assert float(base["public_debt_end"]) == pytest.approx(99.0, abs=1e-8)


def test_a_region_that_is_not_there() -> None:
    with pytest.raises(TableError, match=r"region 'CHINA' is no producer of table 'world-2011'.*CHN, USA"):
        iom.calibrate(iom.load_table("world-2011"), region="CHINA")
    with pytest.raises(TableError, match=r"Did you mean CHN\?$"):
        iom.calibrate(iom.load_table("world-2011"), region="CHM")
    with pytest.raises(TableError, match="region 'IMPORTS' is no producer"):
        iom.calibrate(iom.load_table("china-2020"), region="IMPORTS")


def test_a_sector_without_a_line_in_the_map(tmp_path: Path) -> None:
    table = table_of(random_numbers(1), tmp_path)
    path = tmp_path / "map.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("机械")), encoding="utf-8")
    with pytest.raises(CardError, match="no line for 1 of 9 sectors: 机械"):
        iom.calibrate(table, HOME, CARDS)


def test_a_map_without_goods_to_buy_abroad(tmp_path: Path) -> None:
    table = table_of(random_numbers(1), tmp_path)
    path = tmp_path / "map.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("plant,manufacturing,1,0,1,", "plant,manufacturing,1,0,0,"), encoding="utf-8")
    with pytest.raises(CardError, match="marks no good that households buy as one that they buy abroad"):
        iom.calibrate(table, HOME, CARDS)


def test_a_table_without_jobs(tmp_path: Path) -> None:
    table = table_of(random_numbers(1), tmp_path)
    bare = dataclasses.replace(table, employment=None, tolerance=1e-6)
    with pytest.raises(TableError, match="jobs"):
        iom.calibrate(bare, HOME, CARDS)


def test_public_works_beyond_what_is_invested() -> None:
    changes = {"public_investment": 10.4, "drive_share_infrastructure": 0.55}
    with pytest.raises(CardError, match=r"public_investment = 10.4 leaves .* where 0 to .* is invested besides"):
        iom.calibrate(iom.load_table("world-2011"), "CHN", changes)


def test_an_unknown_card_or_value() -> None:
    table = iom.load_table("china-2020")
    with pytest.raises(CardError, match=r"no card 'precautions'.*precaution"):
        iom.calibrate(table, "CHN", {"precautions": 0.3})
    with pytest.raises(CardError, match=r"outside its range 0 to 1.03"):
        iom.calibrate(table, "CHN", {"precaution": 2.0})


# ---------------------------------------------------------------------- yearly data
def test_yearly_paths_hold_what_happened_then_the_cards(china: Economy) -> None:
    paths = china.paths
    trend = paths["trend"]
    assert float(trend.sel(year=2021)) == pytest.approx(1.084)
    assert float(trend.sel(year=2025)) == pytest.approx(1.084 * 1.03 * 1.052 * 1.05 * 1.05)
    growth = trend.values[1:] / trend.values[:-1] - 1
    assert np.allclose(growth[-30:], 0.033)
    exports = paths["export_volume"]
    assert float(exports.sel(year=2021)) == pytest.approx(1.163)
    assert float(exports.sel(year=2036) / exports.sel(year=2035)) == pytest.approx(1.03)
    assert paths["known"].sel(year=slice(2020, 2025)).all()
    assert not paths["known"].sel(year=slice(2026, None)).any()
    assert china.known_until == 2025
    efficiency = paths["efficiency"].values
    assert efficiency[1] == pytest.approx(np.log(1.084) + 0.002)
    drive = paths["drive_favoured"].values
    assert np.allclose(drive[1:7] / drive[:6] - 1, 0.06)
    assert drive[8] / drive[7] - 1 == pytest.approx(growth[7])
    released = paths["pandemic"] / trend
    assert released.values[:6].tolist() == pytest.approx([0, 0, -0.14, 1.4, 1.4, 1.4])


def test_nothing_is_known_after_a_table_of_another_year() -> None:
    world = iom.calibrate(iom.load_table("world-2011"), region="CHN")
    assert world.known_until == 2011
    assert int(world.paths["known"].sum()) == 1
    growth = world.paths["trend"].values[1:] / world.paths["trend"].values[:-1] - 1
    assert growth[0] == pytest.approx(0.045)
    assert float(abs(world.paths["pandemic"]).max()) == 0
    assert isinstance(world.exports, xr.DataArray)


def test_published_figures_beside_the_economy_are_those_of_the_facts(china: Economy) -> None:
    shown = {finding.title: finding for finding in china.findings}
    assert shown["compensation of employees"].published == 52.05
    assert shown["utilisation of manufacturing"].published == pytest.approx(74.9, abs=1e-12)
    assert shown["utilisation of industry"].published == pytest.approx(74.5, abs=1e-12)
    assert shown["compensation of employees"].source == "China: NBS flow of funds 2019, percent of value added"
    with pytest.raises(TableError, match="no figure 'compensation_shares'"):
        published("compensation_shares")


def test_plausible_ranges_have_reasons_and_cards(china: Economy) -> None:
    ranges = plausible_ranges()
    for figure, allowed in ranges.items():
        assert allowed.low < allowed.high, figure
        assert len(allowed.reason) > 40, figure
        for key in allowed.cards.split(", "):
            assert key in china.cards
