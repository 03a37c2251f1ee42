"""Every region of the inter-country table closes in its base year with figures that its own table gives."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import iomodel as iom
from iomodel.answers.headline import refusal
from iomodel.calibration.findings import plausible_ranges
from iomodel.cards import Card, elsewhere, load_cards, rules
from iomodel.cli import main
from iomodel.economy import Economy
from iomodel.errors import ExperimentError
from iomodel.program.arrays import arrays_of
from iomodel.program.simulate import Flows, base_state, no_levers, step
from iomodel.report.page import page_html, study_of
from iomodel.report.rows import cards_of
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


def test_a_default_at_an_end_says_what_its_rule_gives() -> None:
    """Counted again from the accounts that came out: growth below its floor, and assets below nothing."""
    held: dict[str, list[str]] = {}
    for region in OTHERS:
        economy = _economy(region)
        said = {one.title: one for one in economy.findings if one.title.startswith("card ")}
        for title, finding in said.items():
            held.setdefault(title.removeprefix("card "), []).append(region)
            assert finding.value == economy.cards[title.removeprefix("card ")]
            assert "stated default, held at the" in finding.source
            assert finding.source in str(economy)
        capital = economy.sectors["capital"].values
        wear = economy.sectors["capacity_depreciation"].values
        growth = (float(_base_year(economy)["investment"]) - float(wear @ capital)) / float(capital.sum())
        low = "card capacity_growth" in said
        assert low == (growth < 0.01), region
        if low:
            assert (
                f"at the least that is allowed: its rule gives {growth:.3g} from" in said["card capacity_growth"].source
            )
        assert ("card financial_assets" in said) == (economy.cards["financial_assets"] in (0.0, 60.0)), region
    assert {"capacity_growth", "financial_assets"} <= set(held)
    assert not [one for one in _economy("CHN").findings if one.title.startswith("card ")]
    given = iom.calibrate(_table(), OTHERS[0], {"capacity_growth": 0.01, "financial_assets": 0.0})
    assert not [one for one in given.findings if one.title in ("card capacity_growth", "card financial_assets")]


def test_numbers_of_the_rules_are_in_a_file_with_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    for card in rules().cards.values():
        assert card.source
        assert card.low <= float(str(card.value)) <= card.high
    monkeypatch.setattr(
        "iomodel.calibration.defaults.rules", lambda: rules().replace({"households_part_of_saving": 0.25})
    )
    other = iom.calibrate(_table(), "USA")
    saved, usual = (float(_base_year(one)["household_saving"]) for one in (other, _economy("USA")))
    assert saved == pytest.approx(usual / 2, abs=1e-8)


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


# ---------------------------------------------------------------------- the single-region program elsewhere
@pytest.mark.parametrize("region", OTHERS)
def test_the_reference_path_is_steady(region: str) -> None:
    """Only the base year's proportions are known of these countries: without levers they stay about as they are."""
    usual = iom.load_experiment("business-as-usual").replace(table="world-2011", region=region)
    data = iom.simulate(usual, _economy(region)).data
    last, base = data.isel(year=-1), data.isel(year=0)
    for share, near in (("household_consumption_share", 1.0), ("public_debt_share", 3.0), ("unemployment_rate", 1.0)):
        assert float(last[share]) == pytest.approx(float(base[share]), abs=near), share
    growth = 100 * _economy(region).cards["capacity_growth"]
    np.testing.assert_allclose(data["growth"].values[2:], growth, atol=0.6)


def test_reform_is_left_out_where_there_is_no_drive() -> None:
    experiment = iom.load_experiment("supply-only").replace(table="world-2011", region="USA")
    path = iom.solve(experiment, _economy("USA"))
    assert path.verdict.status == "optimal"
    assert "USA has no investment drive (cards drive_share_…): reform has nothing to act on" in str(path.verdict)
    assert float(abs(path.data["reform"]).max()) == 0
    np.testing.assert_allclose(path.data["drive_investment"].values, 0)
    public = path.data["public_investment"].sum("sector") / path.data["trend"]
    np.testing.assert_allclose(public, public[0])  # a reform of nothing would still have cut public works
    alone = experiment.replace(free=("reform",), targets={"reform": experiment.targets["reform"]})
    with pytest.raises(ExperimentError, match="frees nothing but reform, but USA has no investment drive"):
        iom.solve(alone, _economy("USA"))
    stated = {"drive_share_manufacturing": 0.2}
    assert iom.solve(experiment.replace(cards=stated)).data["reform"].max() > 0.5


GIVEN = {
    "cash_transfers": 15.0, "firm_debt": 70.0, "public_debt": 99.0, "profit_tax": 2.0, "state_dividends": 0.1,
    "state_property_income": 1.0, "unemployment_rate": 0.089, "net_income_abroad": -1.0,
}  # fmt: skip


def test_half_defaults_have_a_headline_and_more_have_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = dict(list(GIVEN.items())[:7])
    usual = iom.load_experiment("business-as-usual").replace(table="world-2011", region="USA")
    enough, short = (iom.simulate(usual.replace(cards=cards)) for cards in (GIVEN, few))
    assert refusal(enough) == ""
    said = refusal(short)
    assert "business-as-usual: no headline for USA. 9 of the 16 cards that belong to a country and its year" in said
    assert "net_income_abroad" in said
    assert "Supply at least 1 of them as cards.KEY" in said
    assert main(["run", "business-as-usual", "--out", str(tmp_path), "--set", "table=world-2011", "region=USA"]) == 0
    out = capsys.readouterr().out
    assert "no headline for USA. 16 of the 16 cards" in out
    assert "consumption, % of GDP" not in out
    assert not (tmp_path / "headline.csv").exists()
    saved = iom.load_trajectory(tmp_path / "business-as-usual" / "path.nc")
    assert refusal(saved) == refusal(iom.simulate(usual))
    assert main(["report", str(tmp_path)]) == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "no headline for USA" in page
    assert 'id="headline"' not in page
    both = page_html(study_of([enough, short]), made_by_study=False)
    assert both.count("no headline for USA") == 1
    assert 'id="headline"' in both
    assert "70" in str(cards_of(enough).card("firm_debt").value)
    assert cards_of(short).cards == calibrate_cards(few)


def calibrate_cards(cards: dict[str, float]) -> Mapping[str, Card]:
    """The cards that calibration of the United States ends with."""
    return iom.calibrate(_table(), "USA", cards).cards.cards
