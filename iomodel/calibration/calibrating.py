"""Calibration: from a table and cards to the accounts of one home region that close in the base year.

Every number that is not in the table is a card; shares and residuals are chosen so that the base year is a solution of
the model to rounding. Real estate's share of investment and the growth of capacity are all that data identify of the
yields (investment by using industry is published nowhere), so two numbers of yield result, by construction.

What a table may lack has a rule. No government_individual: what the government buys from sectors marked
individual_government counts as individual, and where that is nothing the programme buys their products as households
do. No depreciation: a card's share of the surplus; a sector outside industry without any has no plant of its own. No
real estate: its share of investment falls away. No public sector: public investment is the vehicles' part of the drive.
A kind of asset that no product forms: nobody invests in it. Cards of another country than China:
`iomodel.calibration.defaults`. What has no rule is refused by `iomodel.calibration.prerequisites`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import xarray as xr

from iomodel.calibration.bundles import bundles_of, per_output
from iomodel.calibration.capital import drive_shares, plant_of
from iomodel.calibration.defaults import Accounts, with_defaults
from iomodel.calibration.findings import findings_of
from iomodel.calibration.jobs import jobs_by_sector, jobs_finding
from iomodel.calibration.prerequisites import require, value_added
from iomodel.calibration.utilisation import published_utilisation
from iomodel.cards import COUNTRY, Cards, elsewhere, load_cards
from iomodel.classifications.sector_maps import SectorRows, load_map
from iomodel.economy import Economy, Finding
from iomodel.errors import CardError
from iomodel.labels import ASSETS
from iomodel.table import Table, producer_required, table_required
from iomodel.yearly import yearly_paths

Array = npt.NDArray[np.float64]

HOME = COUNTRY


def calibrate(
    table: Table, region: str = "CHN", cards: Cards | Mapping[str, float | tuple[float, ...]] | None = None
) -> Economy:
    """Make the economy of `region` from `table` and `cards` (a `Cards`, or changes of the shipped ones).

    Amounts come in percent of the base year's GDP, persons in millions. The base year is reproduced to 1e-8.

    Cards that nobody supplied of another country than China stand at stated defaults
    (`iomodel.calibration.defaults`). Raises CardError when a sector has no line in the map of its classification,
    TableError when the region is not in the table, has no jobs by sector or lacks what has no rule.
    Source: accounting after Miller and Blair (2009), chapters 2 and 4; institutions after SNA 2008.

    >>> import iomodel as iom
    >>> economy = iom.calibrate(iom.load_table("china-2020"), region="CHN")
    >>> round(float(economy.accounts["household_consumption"]), 1)
    37.8
    """
    table = table_required(table)
    chosen = _cards(table, region, cards)
    rows = load_map(str(table.attrs["classification"])).rows(table.sectors)
    product_taxes = float(table.product_taxes.sel(to_region=region).sum())
    scale = 100.0 / (float(table.value_added.sel(to_region=region).sum()) + product_taxes)
    added = value_added(table, region, chosen)
    require(table, region, rows, added)
    flows = _home_flows(table, region, scale)
    bundles, taxes, levels = bundles_of(table, region, rows, scale)
    held: tuple[Finding, ...] = ()
    if region != HOME:
        chosen, held = with_defaults(chosen, Accounts.of(levels, flows["output"].values, added * scale), rows)
    paths = yearly_paths(table.year, chosen)
    sectors = _production(table, region, flows, rows, chosen, added * scale)
    sectors = _investment(sectors, levels, rows, chosen)
    accounts = _accounts(sectors, levels, paths, chosen)
    exports, re_exports = _exports(levels, paths)
    return Economy(
        table=table,
        region=region,
        cards=chosen,
        year=table.year,
        gdp=100.0 / scale,
        sectors=sectors,
        coefficients=_coefficients(flows),
        bundles=bundles,
        bundle_taxes=taxes,
        accounts=accounts,
        paths=paths,
        exports=exports,
        re_exports=re_exports,
        findings=(
            *findings_of(accounts, sectors, rows, table.year, region == HOME),
            *jobs_finding(table, region, float(sectors["jobs"].sum())),
            *held,
        ),
    )


def _cards(table: Table, region: str, cards: Cards | Mapping[str, float | tuple[float, ...]] | None) -> Cards:
    """The cards to start from; TableError for a region that the table does not have."""
    producer_required(region, table.name, table.regions)
    if cards is not None and not isinstance(cards, Mapping):
        raise CardError(f"cards: found {cards!r}; give load_cards(…), or changes such as {{'precaution': 0.3}}.")
    if not isinstance(cards, Cards):
        return load_cards(table.name, dict(cards or {}), region)
    return cards if region == HOME else elsewhere(cards)


def _home_flows(table: Table, region: str, scale: float) -> xr.Dataset:
    """Intermediate purchases of home industries by origin (sector, to_sector) and output (sector), scaled."""
    bought = table.flows.sel(to_region=region, drop=True)
    domestic = bought.sel(region=region, drop=True) * scale
    imported = bought.drop_sel(region=region).sum("region") * scale
    output = table.output.sel(region=region, drop=True) * scale
    return xr.Dataset({"domestic": domestic, "imported": imported, "output": output})


def _coefficients(flows: xr.Dataset) -> xr.Dataset:
    """A^D and A^M = flows / output of the buying sector."""
    output = flows["output"].values
    made = {key: (("sector", "to_sector"), per_output(flows[key].values, output)) for key in ("domestic", "imported")}
    return xr.Dataset(made, coords={"sector": flows["sector"].values, "to_sector": flows["sector"].values})


def _production(
    table: Table, region: str, flows: xr.Dataset, rows: SectorRows, cards: Cards, added: Array
) -> xr.Dataset:
    """Output, capacity, utilisation, value-added shares and jobs by sector in the base year."""
    output = flows["output"].values
    compensation, taxes, depreciation, surplus = added
    base, normal = published_utilisation(
        str(table.attrs["classification"]), list(table.sectors), output, cards, table.year
    )
    industry = np.isin(rows.group, ("mining", "manufacturing", "utilities")) & (output > 0)
    base, normal = np.where(industry, base, 1.0), np.where(industry, normal, 1.0)
    jobs = jobs_by_sector(table, region, rows, compensation)
    overhead = np.where(industry, cards["overhead_jobs"], 0.0)
    trend_jobs = np.where(industry, 0.0, cards["trend_jobs"])
    named: dict[str, Array] = {
        "output": output,
        "utilisation": base,
        "normal_use": normal,
        "capacity": output / base,
        "wage_share": per_output(compensation, output),
        "surplus_share": per_output(surplus + depreciation, output),
        "tax_share": per_output(taxes, output),
        "depreciation": depreciation,
        "jobs": jobs,
        "jobs_per_output": per_output(jobs, output),
        "overhead": overhead,
        "trend_jobs": trend_jobs,
        "displacement": rows.displacement,
        "industry": industry.astype(float),
        "manufacturing": (rows.group == "manufacturing").astype(float),
    }
    return xr.Dataset({key: ("sector", value) for key, value in named.items()}, coords={"sector": flows["sector"]})


def _investment(sectors: xr.Dataset, levels: xr.Dataset, rows: SectorRows, cards: Cards) -> xr.Dataset:
    """Investment by using sector and motive, capital cost, yields and asset mix."""
    plant = plant_of(sectors["output"].values, sectors["depreciation"].values, rows, cards)
    invested = plant.invested(sum(float(levels[asset]) for asset in ASSETS), cards)
    output, capital, decay, growth, need = plant.output, plant.capital, plant.decay, plant.growth, plant.need
    there = plant.there
    parts = _motives(invested, rows, cards)
    capacity = sectors["capacity"].values
    cost = np.divide(capital, capacity, out=np.ones_like(capital), where=there)
    mean_yield = np.divide(need, invested, out=np.zeros_like(need), where=invested > 0)
    kept = {name: 1 - cards[f"waste_{name}"] for name in ("market", "drive", "public")}
    mean_kept = sum(parts[name] * kept[name] for name in parts)
    mean_kept = np.divide(mean_kept, invested, out=np.ones_like(invested), where=invested > 0)
    acceleration = np.where(
        sectors["industry"].values > 0, cards["accelerator_industry"], cards["accelerator_elsewhere"]
    )
    acceleration = np.where((output > 0) & ~there, 0.0, acceleration)
    named = {"investment": invested, "capital": capital, "capital_cost": cost, "yield": mean_yield}
    named |= {f"{name}_investment": parts[name] for name in parts}
    named |= {f"yield_{name}": mean_yield * kept[name] / mean_kept for name in parts}
    named |= {"capacity_depreciation": decay, "capacity_growth": growth, "accelerator": acceleration}
    named |= {"favoured": rows.favoured.astype(float)}
    done = sectors.assign({key: ("sector", value) for key, value in named.items()})
    mix = _asset_mix(invested, np.array([float(levels[asset]) for asset in ASSETS]), sectors, rows, cards)
    return done.assign(asset_mix=(("asset", "sector"), mix)).assign_coords(asset=list(ASSETS))


def _motives(invested: Array, rows: SectorRows, cards: Cards) -> dict[str, Array]:
    """Base-year investment split into the local investment drive, public investment and the market's own."""
    drive = drive_shares(rows, cards) * invested
    rest = (invested - drive) * rows.public
    public_total = cards["public_investment"] - cards["vehicles_share"] * drive.sum()
    if not rows.public.any():
        return {"market": invested - drive, "drive": drive, "public": np.zeros_like(drive)}
    if not 0 <= public_total <= rest.sum():
        raise CardError(
            f"public_investment = {cards['public_investment']} leaves {public_total:.2f} percent of GDP for the public "
            f"sectors, where 0 to {rest.sum():.2f} is invested besides the drive; change it or the drive's shares "
            "(drive_share_…), or mark other sectors as public in the map"
        )
    public = rest * public_total / rest.sum() if rest.sum() > 0 else np.zeros_like(rest)
    return {"market": invested - drive - public, "drive": drive, "public": public}


def _asset_mix(invested: Array, totals: Array, sectors: xr.Dataset, rows: SectorRows, cards: Cards) -> Array:
    """Shares of assets in each sector's investment, a prior by group fitted to the table's totals by RAS.

    Industry leans to equipment, services and public works to construction. Source: RAS, Stone (1961).
    """
    table_share = totals / totals.sum()
    industry = np.array([table_share[0], cards["asset_prior_equipment_industry"], table_share[2]])
    prior = np.repeat((industry / industry.sum())[:, None], invested.size, axis=1)
    elsewhere = sectors["industry"].values == 0
    for where, built in (
        (elsewhere, cards["asset_prior_construction_services"]),
        (rows.capital == "real_estate", cards["asset_prior_construction_real_estate"]),
    ):
        other = (1 - built) * table_share[1:] / (table_share[1:].sum() or 1.0)
        prior[:, where] = np.concatenate([[built], other])[:, None]
    if not totals.all():  # a kind of asset that no product forms is nobody's investment
        prior = np.where(totals[:, None] > 0, prior, 0.0)
        prior = np.where(prior.sum(axis=0) > 0, prior, table_share[:, None])
        prior = prior / prior.sum(axis=0)
    flow = prior * invested
    for _ in range(1000):
        rows_now = flow.sum(axis=1)
        flow *= np.divide(totals, rows_now, out=np.zeros_like(totals), where=rows_now > 0)[:, None]
        columns_now = flow.sum(axis=0)
        flow *= np.divide(invested, columns_now, out=np.zeros_like(invested), where=columns_now > 0)
        if np.abs(flow.sum(axis=1) - totals).max() < 1e-12:
            break
    missed = float(np.abs(flow.sum(axis=1) - totals).max())
    if missed > 1e-9:
        raise CardError(
            f"No asset mix of the sectors meets the table's investment by asset: {missed:.2g} percent of GDP are left. "
            "Move the cards asset_prior_… away from 0 and 1, or look at the columns asset and capital of the map."
        )
    return np.where(invested > 0, np.divide(flow, invested, out=prior.copy(), where=invested > 0), prior)


def _accounts(sectors: xr.Dataset, levels: xr.Dataset, paths: xr.Dataset, cards: Cards) -> xr.Dataset:
    """Flows and rates of the institutions in the base year, closed so that saving equals investment."""
    output = sectors["output"].values
    wages = float(sectors["wage_share"].values @ output)
    surplus = float(sectors["surplus_share"].values @ output)
    jobs, drive = float(sectors["jobs"].sum()), float(sectors["drive_investment"].sum())
    force = jobs / (1 - cards["unemployment_rate"])
    wage = wages / jobs
    consumption = float(levels["household_consumption"])
    transfers = cards["cash_transfers"] + cards["benefit_rate"] * wage * (force - jobs)
    primary = cards["household_primary_income"] * (100.0 - cards["net_income_abroad"])
    income = consumption / cards["consumption_income_ratio"]
    response = cards["propensity_market_income"] * (income - transfers) + cards["propensity_transfers"] * transfers
    named = {
        "household_consumption": consumption,
        "in_kind_spending": float(levels["in_kind_spending"]),
        "collective_consumption": float(levels["collective_consumption"]),
        "investment": sum(float(levels[asset]) for asset in ASSETS),
        "stock_change": float(levels["inventories"].sum()) + float(levels["inventories_tax"]),
        "taxes": float(sectors["tax_share"].values @ output) + float(levels["product_taxes"]),
        "wages": wages,
        "operating_surplus": surplus,
        "cash_transfers": cards["cash_transfers"],
        "unemployment_benefit": transfers - cards["cash_transfers"],
        "household_tax": cards["household_tax"],
        "dividends": cards["state_dividends"],
        "household_income": income,
        "autonomous_consumption": consumption - response,
        "wage_tax": primary + transfers - cards["household_tax"] - income,
        "drive_support_rate": cards["support_drive"] / drive if drive > 0 else 0.0,
        "labour_force": force,
        "unemployed": force - jobs,
        "wage": wage,
    }
    named |= _debts_backwards(named, primary, sectors, paths, cards)
    return xr.Dataset({key: ((), float(value)) for key, value in named.items()})


def _debts_backwards(
    flow: Mapping[str, float], primary: float, sectors: xr.Dataset, paths: xr.Dataset, cards: Cards
) -> dict[str, float]:
    """Debts at the start of the base year, from their own laws read backwards, and the shares that hang on interest."""
    inflation = cards["inflation_base"]
    surplus, wages = flow["operating_surplus"], flow["wages"]
    vehicles = cards["vehicles_share"] * float(sectors["drive_investment"].sum())
    public = float(sectors["public_investment"].sum()) + vehicles
    land = float(paths["land_share"][0]) * 100 * cards["land_share_kept"]
    before_interest = (
        flow["taxes"] + flow["wage_tax"] + cards["profit_tax"] + cards["state_property_income"]
        + flow["household_tax"] + flow["dividends"] - flow["collective_consumption"] - flow["in_kind_spending"]
        - flow["cash_transfers"] - flow["unemployment_benefit"]
    )  # fmt: skip
    debt = (cards["public_debt"] - public + land + before_interest) / (1 - inflation + cards["interest_rate"])
    interest = cards["interest_rate"] * debt
    theta = (primary - wages - cards["interest_to_households"] * interest) / surplus
    firms = (
        (1 - theta) * surplus - cards["profit_tax"] - cards["state_property_income"]
        + (1 - cards["interest_to_households"]) * interest - flow["dividends"] - cards["net_income_abroad"]
    )  # fmt: skip
    borrowed = flow["investment"] - public - cards["housing_investment"] + flow["stock_change"]
    borrowed += land + cards["financial_assets"] - firms
    return {
        "public_debt": debt,
        "firm_debt": (cards["firm_debt"] - borrowed) / (1 - inflation),
        "household_surplus_share": theta,
        "wage_tax_rate": flow["wage_tax"] / wages,
        "profit_tax_rate": cards["profit_tax"] / surplus,
        "property_income_rate": cards["state_property_income"] / surplus,
    }


def _exports(levels: xr.Dataset, paths: xr.Dataset) -> tuple[xr.DataArray, xr.DataArray]:
    """Exports of home goods and re-exports by year: base-year levels times the volume index of the yearly paths."""
    index = paths["export_volume"]
    home = levels["exports"].isel(region=0)
    abroad = levels["exports"].isel(region=slice(1, None)).sum("region")
    return home * index, abroad * index
