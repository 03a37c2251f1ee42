"""The laws of the model written a second time, from the docs' model page, over a reported path and its table.

Nothing of the program or the simulation is used: only the table's arrays, the sector map, the cards and the accounts
that calibration derived (shares that close the base year). Each function gives the miss of one law by year, in percent
of base-year GDP or in million persons, so that a test can say which law fails and when.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr

from iomodel.classifications.sector_maps import SectorRows, load_map
from iomodel.economy import Economy

ASSETS = ("construction", "equipment", "intangible")


@dataclass(frozen=True)
class ByHand:
    """economy: table, cards and accounts. data: a reported path, base year first."""

    economy: Economy
    data: xr.Dataset
    payer: str = "debt"

    # ------------------------------------------------------------------ numbers
    def path(self, name: str) -> np.ndarray:
        """A reported variable, sector first."""
        array = self.data[name]
        return array.transpose("sector", "year").values if "sector" in array.dims else array.values

    def given(self, name: str) -> np.ndarray:
        """Yearly data of the economy over the path's years."""
        return self.economy.paths[name].values[: self.data.sizes["year"]]

    def card(self, key: str) -> float:
        return self.economy.cards[key]

    def account(self, name: str) -> float:
        return float(self.economy.accounts[name])

    def sector(self, name: str) -> np.ndarray:
        return self.economy.sectors[name].values

    @cached_property
    def rows(self) -> SectorRows:
        return load_map(str(self.economy.table.attrs["classification"])).rows(self.economy.table.sectors)

    @cached_property
    def scale(self) -> float:
        """Percent of base-year GDP in one unit of the table."""
        table, region = self.economy.table, self.economy.region
        tax = table.product_taxes.sel(to_region=region).sum()
        return 100 / float(table.value_added.sel(to_region=region).sum() + tax)

    @cached_property
    def industry(self) -> np.ndarray:
        made = self.economy.table.output.sel(region=self.economy.region).values > 0
        return np.isin(self.rows.group, ("mining", "manufacturing", "utilities")) & made

    # ------------------------------------------------------------------ the table in plain arrays
    def flows(self, home: bool) -> np.ndarray:
        """Intermediate purchases of home industries, (sector, to_sector)."""
        table, region = self.economy.table, self.economy.region
        bought = table.flows.sel(to_region=region)
        chosen = bought.sel(region=region) if home else bought.drop_sel(region=region).sum("region")
        return chosen.values * self.scale

    def final(self, *categories: str, home: bool) -> np.ndarray:
        """Final purchases of the home region by good."""
        table, region = self.economy.table, self.economy.region
        bought = table.final_demand.sel(to_region=region, category=[c for c in categories if c in table.categories])
        bought = bought.sum("category")
        chosen = bought.sel(region=region) if home else bought.drop_sel(region=region).sum("region")
        return chosen.values * self.scale

    def tax(self, *categories: str) -> float:
        table = self.economy.table
        chosen = [c for c in categories if c in table.categories]
        return float(table.product_taxes.sel(to_region=self.economy.region, category=chosen).sum()) * self.scale

    @cached_property
    def output_base(self) -> np.ndarray:
        return self.economy.table.output.sel(region=self.economy.region).values * self.scale

    def coefficients(self, home: bool) -> np.ndarray:
        made = self.output_base > 0
        return np.where(made, self.flows(home) / np.where(made, self.output_base, 1.0), 0.0)

    @cached_property
    def exports_base(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Home goods sold abroad, re-exports, taxes on exports."""
        table, region = self.economy.table, self.economy.region
        if table.is_national:
            return self.final("exports", home=True), self.final("exports", home=False), self.tax("exports")
        sold = table.flows.sel(region=region).drop_sel(to_region=region).sum(("to_region", "to_sector"))
        used = table.final_demand.sel(region=region).drop_sel(to_region=region).sum(("to_region", "category"))
        home = (sold + used).values * self.scale
        return home, np.zeros_like(home), 0.0

    # ------------------------------------------------------------------ demand by good, home or imported
    def demand(self, home: bool) -> np.ndarray:
        """Final demand for home (or imported) goods by good and year: LES, bundles, stocks on trend, exports."""
        trend, volume = self.given("trend"), self.given("export_volume")
        found = self._household(home)
        found = found + np.outer(self._unit("government_individual", home), self.path("in_kind_spending"))
        found += np.outer(self._unit("government_collective", home), self.path("collective_consumption"))
        capital = self.final("fixed_capital", home=home)
        total = self.final("fixed_capital", home=True) + self.final("fixed_capital", home=False)
        rate = self.tax("fixed_capital") / total.sum()
        for asset in ASSETS:
            mine = self.rows.asset == asset
            level = total[mine].sum() * (1 + rate)
            if level > 0:
                found += np.outer(capital * mine / level, self.path(f"investment_{asset}"))
        found += np.outer(self.final("inventories", home=home), trend)
        return found + np.outer(self.exports_base[0 if home else 1], volume)

    def _unit(self, category: str, home: bool) -> np.ndarray:
        level = self.final(category, home=True).sum() + self.final(category, home=False).sum() + self.tax(category)
        return self.final(category, home=home) / level

    def _household(self, home: bool) -> np.ndarray:
        """γ + β C, and purchases moved abroad."""
        columns = ("household", "non_profit")
        here, abroad = self.final(*columns, home=True), self.final(*columns, home=False)
        base = here.sum() + abroad.sum() + self.tax(*columns)
        share = (here + abroad) / base
        marginal = share * self.rows.engel / (share * self.rows.engel).sum() * share.sum()
        of_good = np.where(
            here + abroad > 0, (here if home else abroad) / np.where(here + abroad > 0, here + abroad, 1), 0
        )
        spent = np.outer(marginal, self.path("household_consumption")) + ((share - marginal) * base)[:, None]
        basket = (here + abroad) * self.rows.overflow
        moved = np.outer(basket / basket.sum(), self.path("overflow_imports"))
        return of_good[:, None] * spent + (-moved if home else moved)

    # ------------------------------------------------------------------ laws
    def goods(self) -> np.ndarray:
        """x = A^D x + final demand for home goods."""
        output = self.path("output")
        return output - self.coefficients(True) @ output - self.demand(True)

    def imports(self) -> np.ndarray:
        """m = A^M x + final demand for imported goods."""
        return self.path("imports") - self.coefficients(False) @ self.path("output") - self.demand(False)

    def product_taxes(self) -> np.ndarray:
        """Σ t^f f from the table's own tax rates."""
        trend = self.given("trend")

        def rate(*categories: str) -> float:
            goods = self.final(*categories, home=True).sum() + self.final(*categories, home=False).sum()
            return self.tax(*categories) / (goods + self.tax(*categories))

        found = rate("household", "non_profit") * self.path("household_consumption")
        found = found + rate("government_individual") * self.path("in_kind_spending")
        found += rate("government_collective") * self.path("collective_consumption")
        found += rate("fixed_capital") * self.path("investment")
        return found + self.tax("inventories") * trend + self.exports_base[2] * self.given("export_volume")

    def value_added(self, *factors: str) -> np.ndarray:
        """Coefficients of factors by sector."""
        table = self.economy.table
        paid = table.value_added.sel(to_region=self.economy.region, factor=list(factors)).sum("factor").values
        made = self.output_base > 0
        return np.where(made, paid * self.scale / np.where(made, self.output_base, 1.0), 0.0)

    def gdp_income(self) -> np.ndarray:
        """GDP less Σ v x + Σ t f."""
        every = self.value_added(*self.economy.table.factors)
        return self.path("gdp") - every @ self.path("output") - self.product_taxes()

    def gdp_expenditure(self) -> np.ndarray:
        """GDP's other side less C + G + S + I + s + e − m, each reported on its own."""
        used = sum(self.path(name) for name in ("household_consumption", "collective_consumption", "in_kind_spending"))
        used = used + self.path("investment") + self.path("stock_change") + self.path("exports_total")
        return self.path("gdp_expenditure") - used + self.path("imports").sum(axis=0)

    def gdp_sides(self) -> np.ndarray:
        return self.path("gdp") - self.path("gdp_expenditure")

    def exports(self) -> np.ndarray:
        """e is data: the base year's exports times the volume index."""
        total = self.path("exports_total") - sum(map(np.sum, self.exports_base)) * self.given("export_volume")
        by_good = self.path("exports") - np.outer(self.exports_base[0], self.given("export_volume"))
        return np.concatenate([total[None, :], by_good])

    @cached_property
    def persons(self) -> np.ndarray:
        """(1 − o − o') x + o u_0 K + o' x_0 g, output that jobs follow."""
        o = np.where(self.industry, self.card("overhead_jobs"), 0.0)[:, None]
        follow = np.where(self.industry, 0.0, self.card("trend_jobs"))[:, None]
        used = self.sector("utilisation")[:, None]
        on_trend = np.outer(self.output_base, self.given("trend"))
        return (1 - o - follow) * self.path("output") + o * used * self.path("capacity") + follow * on_trend

    def wages(self) -> np.ndarray:
        return self.path("wages") - self.value_added("compensation") @ self.persons

    def operating_surplus(self) -> np.ndarray:
        every = self.value_added("compensation", "depreciation", "operating_surplus") @ self.path("output")
        return self.path("operating_surplus") - every + self.path("wages")

    def taxes(self) -> np.ndarray:
        made = self.value_added("production_taxes") @ self.path("output")
        return self.path("taxes") - made - self.product_taxes()

    def employment(self) -> np.ndarray:
        jobs = self.sector("jobs")
        made = self.output_base > 0
        per_output = np.where(made, jobs / np.where(made, self.output_base, 1.0), 0.0)
        return self.path("employment") - per_output[:, None] * np.exp(-self.given("efficiency")) * self.persons

    def unemployed(self) -> np.ndarray:
        return self.path("unemployed") + self.path("employment").sum(axis=0) - self.path("labour_force")

    @cached_property
    def wage(self) -> np.ndarray:
        """Wage a person and year."""
        paid = self.value_added("compensation") @ self.output_base
        return paid / self.sector("jobs").sum() * np.exp(self.given("efficiency"))

    def benefit(self) -> np.ndarray:
        """UB = rb w̄ U, an equality."""
        return self.path("unemployment_benefit") - self.path("benefit_rate") * self.wage * self.path("unemployed")

    def severance(self) -> np.ndarray:
        made = self.output_base > 0
        per_output = np.where(made, self.sector("jobs") / np.where(made, self.output_base, 1.0), 0.0)
        lost = self.rows.displacement * per_output * self.sector("utilisation")
        pay = self.card("severance_years") * self.wage * np.exp(-self.given("efficiency"))
        return self.path("severance") - pay * (lost @ self.path("retirement"))

    @cached_property
    def transfers(self) -> np.ndarray:
        return self.path("cash_transfers") + self.path("unemployment_benefit") + self.path("severance")

    def programme_mix(self) -> np.ndarray:
        """S and T: the trend and the stated mix of E."""
        trend, mix = self.given("trend"), self.card("programme_in_kind_share")
        base = self.final("government_individual", home=True).sum()
        base += self.final("government_individual", home=False).sum() + self.tax("government_individual")
        in_kind = self.path("in_kind_spending") - base * trend - mix * self.path("programme")
        cash = self.path("cash_transfers") - self.card("cash_transfers") * trend - (1 - mix) * self.path("programme")
        return np.stack([in_kind, cash])

    def payer_rule(self) -> np.ndarray:
        trend, paid = self.given("trend"), self.path("programme")
        tax = self.path("household_tax") - self.card("household_tax") * trend - paid * (self.payer == "household_tax")
        shares = self.path("dividends") - self.card("state_dividends") * trend - paid * (self.payer == "dividends")
        return np.stack([tax, shares])

    def household_income(self) -> np.ndarray:
        after_tax = (1 - self.account("wage_tax_rate")) * self.path("wages")
        after_tax = after_tax + self.account("household_surplus_share") * self.path("operating_surplus")
        after_tax += self.card("interest_to_households") * self._interest
        return self.path("household_income") - after_tax - self.transfers + self.path("household_tax")

    @cached_property
    def _interest(self) -> np.ndarray:
        return self.card("interest_rate") * self.path("public_debt")

    @cached_property
    def _support(self) -> np.ndarray:
        """ΔQ: support tied to the drive, beyond trend."""
        drive = self.path("drive_investment").sum(axis=0)
        base = self.sector("drive_investment").sum()
        return self.card("support_drive") * (drive / base - self.given("trend"))

    @cached_property
    def _state_part(self) -> np.ndarray:
        surplus = self.value_added("depreciation", "operating_surplus") @ self.output_base
        return (self.card("profit_tax") + self.card("state_property_income")) / surplus * self.path("operating_surplus")

    def household_saving(self) -> np.ndarray:
        return self.path("household_saving") - self.path("household_income") + self.path("household_consumption")

    def firm_saving(self) -> np.ndarray:
        kept = (1 - self.account("household_surplus_share")) * self.path("operating_surplus") - self._state_part
        kept = kept + (1 - self.card("interest_to_households")) * self._interest + self._support
        kept -= self.path("dividends") + self.card("net_income_abroad") * self.given("trend")
        return self.path("firm_saving") - kept

    def government_saving(self) -> np.ndarray:
        revenue = self.path("taxes") + self.account("wage_tax_rate") * self.path("wages") + self._state_part
        revenue = revenue + self.path("household_tax") + self.path("dividends")
        spent = self.path("collective_consumption") + self.path("in_kind_spending") + self.transfers
        return self.path("government_saving") - revenue + spent + self._support + self._interest

    def foreign_saving(self) -> np.ndarray:
        bought = self.path("imports").sum(axis=0) - self.path("exports_total")
        return self.path("foreign_saving") - bought - self.card("net_income_abroad") * self.given("trend")

    def saving_is_investment(self) -> np.ndarray:
        saved = sum(self.path(f"{who}_saving") for who in ("household", "firm", "government", "foreign"))
        return saved - self.path("investment") - self.path("stock_change")

    def debts_together(self) -> np.ndarray:
        """Δ(D + B) + infl (D + B) = S^H + S^R − I^H + fa GDP − ξ^B cap'R."""
        owed = self.path("public_debt") + self.path("firm_debt")
        after = self.path("public_debt_end") + self.path("firm_debt_end")
        scrapped = self.sector("capital_cost") @ self.path("retirement")
        right = self.path("household_saving") + self.path("foreign_saving")
        right = right - self.card("housing_investment") * self.given("trend")
        right += self.card("financial_assets") / 100 * self.path("gdp") - self.card("creditor_loss") * scrapped
        return after - owed + self.given("inflation") * owed - right

    def public_debt(self) -> np.ndarray:
        drive = self.path("drive_investment").sum(axis=0)
        built = self.path("public_investment").sum(axis=0) + self.card("vehicles_share") * drive
        land = self.given("land_share") * self.card("land_share_kept") * self.path("gdp")
        taken = self.card("state_takeover") * (self.sector("capital_cost") @ self.path("retirement"))
        held = (1 - self.given("inflation")) * self.path("public_debt")
        return self.path("public_debt_end") - held - built + land + self.path("government_saving") - taken

    def deficit(self) -> np.ndarray:
        """Rows between saving and debt: land, works of the state, interest, write-offs, social spending."""
        trend, drive = self.given("trend"), self.path("drive_investment").sum(axis=0)
        built = self.path("public_investment").sum(axis=0) + self.card("vehicles_share") * drive
        land = self.given("land_share") * self.card("land_share_kept") * self.path("gdp")
        return np.stack([
            self.path("trend") - trend,
            self.path("state_investment") - built,
            self.path("land_sales") - land,
            self.path("deficit") - built + land + self.path("government_saving"),
            self.path("interest") - self._interest,
            self.path("scrapped") - self.sector("capital_cost") @ self.path("retirement"),
            self.path("social_spending") - self.path("in_kind_spending") - self.transfers,
        ])  # fmt: skip

    def handed_on(self) -> np.ndarray:
        """What stands at the end of a year stands at the start of the next."""
        return np.stack([
            self.path(f"{who}_debt_end")[:-1] - self.path(f"{who}_debt")[1:] for who in ("public", "firm")
        ])  # fmt: skip

    def consumption(self) -> np.ndarray:
        """C = C̄ g + pan + c_Y (Y − T − UB − N) + c_T (T + UB + N) + h − z."""
        market = self.card("propensity_market_income") * (self.path("household_income") - self.transfers)
        cash = self.card("propensity_transfers") * self.transfers
        own = self.account("autonomous_consumption") * self.given("trend") + self.given("pandemic")
        right = own + market + cash + self.path("precaution") - self.path("forced_saving")
        return self.path("household_consumption") - right

    def precaution(self) -> np.ndarray:
        speed, given = self.card("precaution_speed"), self.card("precaution") * self.path("programme")
        before = np.append(0.0, self.path("precaution")[:-1])
        return self.path("precaution") - (1 - speed) * before - speed * given

    def accumulation(self) -> np.ndarray:
        """K' = (1 − δ) K + Σ yield / cost I − R."""
        decay = self.sector("capacity_depreciation")[:, None]
        built = sum(
            (self.sector(f"yield_{motive}") / self.sector("capital_cost"))[:, None] * self.path(f"{motive}_investment")
            for motive in ("market", "drive", "public")
        )
        after = (1 - decay) * self.path("capacity") + built - self.path("retirement")
        return self.path("capacity")[:, 1:] - after[:, :-1]

    @cached_property
    def closed(self) -> np.ndarray:
        """Closed plant at the start of each year."""
        stock = np.zeros_like(self.path("retirement"))
        for year in range(1, stock.shape[1]):
            worn = (1 - self.sector("capacity_depreciation")) * stock[:, year - 1]
            stock[:, year] = worn + self.path("retirement")[:, year - 1]
        return stock

    def market_investment(self) -> np.ndarray:
        """I^m = max(0, I^m_0 g + acc cap (gap_{t−1} − gap_0 g_{t−1})); nothing answers in the first year."""
        trend = self.given("trend")
        gap = self.path("output") / self.sector("normal_use")[:, None] - self.path("capacity")
        gap = gap - (1 - self.card("rebuilding")) * self.closed
        answer = gap - np.outer(gap[:, 0], trend)
        answer = np.concatenate([np.zeros((gap.shape[0], 1)), answer[:, :-1]], axis=1)
        strength = np.where(self.industry, self.card("accelerator_industry"), self.card("accelerator_elsewhere"))
        wanted = np.outer(self.sector("market_investment"), trend)
        wanted += (strength * self.sector("capital_cost"))[:, None] * answer
        return self.path("market_investment") - np.maximum(wanted, 0.0)

    def drive(self) -> np.ndarray:
        """I^d = (1 − (1 − leakage) ρ) I^d_0 G^d."""
        pace = np.where(
            self.rows.favoured.astype(bool)[:, None], self.given("drive_favoured"), self.given("drive_elsewhere")
        )
        cut = 1 - (1 - self.card("reform_leakage")) * self.path("reform")
        return self.path("drive_investment") - cut * self.sector("drive_investment")[:, None] * pace

    def public_works(self) -> np.ndarray:
        cut = 1 - self.card("reform_public") * self.path("reform")
        return self.path("public_investment") - np.outer(self.sector("public_investment"), self.given("trend") * cut)

    def assets(self) -> np.ndarray:
        """Investment by asset and by sector sum to the same; each asset by the sectors' mix."""
        total = sum(self.path(f"{motive}_investment") for motive in ("market", "drive", "public"))
        bought = np.stack([self.path(f"investment_{asset}") for asset in ASSETS])
        mixed = self.economy.sectors["asset_mix"].values @ total - bought
        return np.concatenate([mixed, (total.sum(axis=0) - self.path("investment"))[None, :]])

    def idle(self) -> np.ndarray:
        """Z = max(0, K − x / u*) in industry, zero elsewhere."""
        beyond = self.path("capacity") - self.path("output") / self.sector("normal_use")[:, None]
        return self.path("idle_capacity") - np.maximum(beyond, 0.0) * self.industry[:, None]

    def strain(self) -> np.ndarray:
        limit = (self.sector("normal_use") + self.card("capacity_margin"))[:, None] * self.path("capacity")
        over = np.maximum(self.path("output") - limit, 0.0) * self.industry[:, None]
        return self.path("strained_output") - over

    def job_flows(self) -> np.ndarray:
        """Jobs change by hires less layoffs less those who leave on their own."""
        jobs = self.path("employment")
        stay = (1 - self.card("attrition")) * jobs[:, :-1]
        return jobs[:, 1:] - stay - self.path("hired")[:, 1:] + self.path("laid_off")[:, 1:]


_PARTS = {
    "path", "given", "card", "account", "sector", "flows", "final", "tax", "coefficients", "demand", "value_added",
    "product_taxes",
}  # fmt: skip
LAWS = tuple(
    name for name, part in vars(ByHand).items() if callable(part) and not name.startswith("_") and name not in _PARTS
)
"""Names of the laws, each a method that gives its misses."""


def worst(economy: Economy, data: xr.Dataset, payer: str = "debt") -> Iterator[tuple[str, float]]:
    """Law -> largest miss over sectors and years."""
    hand = ByHand(economy, data, payer)
    for name in LAWS:
        yield name, float(np.abs(getattr(hand, name)()).max())
