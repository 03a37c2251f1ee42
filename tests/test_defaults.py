"""Every region of the inter-country table closes in its base year with figures that its own table gives."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import iomodel as iom
from iomodel.cards import elsewhere, load_cards
from iomodel.economy import Economy
from iomodel.findings import plausible_ranges
from iomodel.program.arrays import arrays_of
from iomodel.program.simulate import Flows, base_state, no_levers, step
from iomodel.table import Table, load_table

CLOSED = 1e-8
REGIONS = load_table("world-2011").regions
OTHERS = [region for region in REGIONS if region != "CHN"]


@cache
def _table() -> Table:
    return load_table("world-2011")


@cache
def _economy(region: str) -> Economy:
    return iom.calibrate(_table(), region)


def _base_year(economy: Economy) -> Flows:
    arrays = arrays_of(economy)
    flows, after = step(arrays, 0, base_state(arrays), no_levers(arrays))
    assert after.public_debt == pytest.approx(economy.cards["public_debt"], abs=CLOSED)
    assert after.firm_debt == pytest.approx(economy.cards["firm_debt"], abs=CLOSED)
    np.testing.assert_allclose(np.asarray(flows["output"]), arrays.sector("output"), atol=CLOSED)
    return flows


@pytest.mark.parametrize("region", REGIONS)
def test_the_base_year_of_every_region_closes(region: str) -> None:
    economy = _economy(region)
    flows = _base_year(economy)
    saved = sum(float(flows[f"{who}_saving"]) for who in ("household", "firm", "government", "foreign"))
    assert saved == pytest.approx(float(flows["investment"]) + float(flows["stock_change"]), abs=CLOSED)
    assert float(flows["gdp"]) == pytest.approx(100, abs=CLOSED)
    assert float(flows["gdp_expenditure"]) == pytest.approx(100, abs=CLOSED)
    assert float(flows["unemployed"]) == pytest.approx(float(economy.accounts["unemployed"]), abs=CLOSED)
    for title in ("households' part", "taxes and contributions", "household saving", "public debt"):
        found = next(finding for finding in economy.findings if finding.title.startswith(title))
        assert "not plausible" not in found.source, f"{region}: {found}"
    assert {"household_surplus_share", "wage_tax_rate"} <= set(plausible_ranges())


@pytest.mark.parametrize("region", OTHERS)
def test_defaults_come_from_the_regions_own_table(region: str) -> None:
    """Counted again from the table alone: half of national saving, the growth that investment allows, steady debt."""
    economy, table = _economy(region), _table()
    cards = economy.cards
    final = table.final_demand.sel(to_region=region).sum(("region", "sector"))
    gdp = float(table.value_added.sel(to_region=region).sum()) + float(table.product_taxes.sel(to_region=region).sum())
    used = {str(name): 100 * float(final.sel(category=name)) / gdp for name in table.categories}
    consumed = used["household"] + used["non_profit"]
    saved = 100 - consumed - used["government_individual"] - used["government_collective"]
    flows = _base_year(economy)
    assert float(flows["household_saving"]) == pytest.approx(0.5 * saved, abs=1e-6)
    assert float(flows["household_consumption"]) == pytest.approx(consumed, abs=1e-6)
    growth = cards["capacity_growth"]
    capital = economy.sectors["capital"].values
    bare = used["fixed_capital"] / capital.sum()
    wear = float(economy.sectors["capacity_depreciation"].values @ capital) / capital.sum()
    assert growth == pytest.approx(min(max(bare - wear, 0.01), 0.06), abs=1e-9)
    steady = 60 * (1 - (1 - 0.02) / (1 + growth))
    assert float(flows["deficit"]) == pytest.approx(steady, abs=1e-8)
    assert float(flows["government_saving"]) == pytest.approx(cards["public_investment"] - steady, abs=1e-8)
    assert cards.changed == {}
    assert float(economy.sectors["drive_investment"].sum()) == 0
    assert float(economy.paths["land_share"].max()) == 0
    np.testing.assert_allclose(economy.paths["trend"].values[1:] / economy.paths["trend"].values[:-1], 1 + growth)
    assert not economy.paths["known"].values[1:].any()


def test_a_given_card_is_kept_and_the_rules_after_it_reckon_with_it() -> None:
    """More public debt needs a larger steady deficit, which lower taxes leave: primary income falls by as much."""
    usual, more = _economy("USA"), iom.calibrate(_table(), "USA", {"public_debt": 90.0})
    assert more.cards["public_debt"] == 90
    assert more.cards.changed == {"public_debt": 90.0}
    growth = usual.cards["capacity_growth"]
    wanted = 30 * (growth + 0.02 - usual.cards["interest_rate"]) / (1 + growth)
    gained = 100 * (more.cards["household_primary_income"] - usual.cards["household_primary_income"])
    assert gained == pytest.approx(-wanted, abs=1e-9)
    assert float(_base_year(more)["deficit"]) == pytest.approx(90 * (growth + 0.02) / (1 + growth), abs=1e-8)
    stated = iom.calibrate(_table(), "USA", {"household_primary_income": 0.85})
    assert stated.cards["household_primary_income"] == 0.85
    _base_year(stated)


def test_cards_handed_over_are_those_of_the_region() -> None:
    """Cards of China handed over for another country lose what belongs to China; calibrating again changes nothing."""
    moved = load_cards("world-2011", {"cash_transfers": 10.0})
    economy = iom.calibrate(_table(), "JPN", moved)
    assert economy.cards["drive_share_manufacturing"] == 0
    assert economy.cards["cash_transfers"] == 10
    again = iom.calibrate(_table(), "JPN", economy.cards)
    assert again.cards == economy.cards
    assert elsewhere(economy.cards).given == {"cash_transfers"}
    with_drive = iom.calibrate(_table(), "JPN", {"drive_share_manufacturing": 0.2})
    assert float(with_drive.sectors["drive_investment"].sum()) > 0
    _base_year(with_drive)


def test_jobs_of_a_region_without_any_are_those_per_output_of_the_others() -> None:
    table, economy = _table(), _economy("ROW")
    assert table.employment is not None
    sector = "15t16"
    known = list(table.employment["region"].values)
    jobs = float(table.employment.sel(sector=sector).sum())
    made = float(table.output.sel(region=known, sector=sector).sum())
    expected = jobs / made * float(table.output.sel(region="ROW", sector=sector)) / 1000
    assert float(economy.sectors["jobs"].sel(sector=sector)) == pytest.approx(expected)
    found = next(finding for finding in economy.findings if finding.title.startswith("jobs"))
    assert "stated default: jobs per output by sector of the table's 14 other regions" in found.source
    assert not any(finding.title.startswith("jobs") for finding in _economy("USA").findings)
