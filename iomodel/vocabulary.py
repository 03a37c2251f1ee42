"""The words of the results: every variable that a path reports, with its dims, unit and definition.

One registry serves errors, results, the page and the docs. Units "money" and "plant" become "percent of GDP of <base
year>" and output a year in the same unit; shares are in percent of the same year's GDP unless the definition says else.
"""

from __future__ import annotations

from dataclasses import dataclass

YEAR = ("year",)
SECTOR = ("sector", "year")


@dataclass(frozen=True)
class Entry:
    """A reported variable: name, dims (the region besides), kind of unit, definition."""

    name: str
    dims: tuple[str, ...]
    kind: str
    definition: str

    def unit(self, base_year: int) -> str:
        """The unit in words."""
        words = {
            "money": f"percent of GDP of {base_year}",
            "plant": f"output a year at full use, percent of GDP of {base_year}",
            "persons": "million persons",
            "percent": "percent",
            "percent of GDP": "percent of GDP of the year",
            "share": "share",
            "index": f"{base_year} = 1",
        }
        return words[self.kind]


VARIABLES: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry("trend", YEAR, "index", "autonomous demand: actual growth to the last known year, then potential"),
        Entry("output", SECTOR, "money", "gross output"),
        Entry("imports", SECTOR, "money", "imports by good, re-exports among them"),
        Entry("exports", SECTOR, "money", "exports of home goods, data"),
        Entry("exports_total", YEAR, "money", "exports with re-exports"),
        Entry("gdp", YEAR, "money", "gross domestic product from the income side"),
        Entry("gdp_expenditure", YEAR, "money", "gross domestic product from the expenditure side"),
        Entry("household_consumption", YEAR, "money", "household consumption"),
        Entry("in_kind_spending", YEAR, "money", "individual government consumption: education, health, social work"),
        Entry("collective_consumption", YEAR, "money", "collective government consumption"),
        Entry("investment", YEAR, "money", "gross fixed capital formation"),
        Entry("market_investment", SECTOR, "money", "investment by using sector that follows demand"),
        Entry("drive_investment", SECTOR, "money", "investment by using sector that local governments push"),
        Entry("public_investment", SECTOR, "money", "investment in public works by using sector"),
        Entry("investment_construction", YEAR, "money", "investment in buildings and works"),
        Entry("investment_equipment", YEAR, "money", "investment in equipment"),
        Entry("investment_intangible", YEAR, "money", "investment in software, research and other intangibles"),
        Entry("stock_change", YEAR, "money", "change of stocks, signs kept"),
        Entry("wages", YEAR, "money", "compensation of employees; ends with a closed plant's jobs"),
        Entry("operating_surplus", YEAR, "money", "gross operating surplus"),
        Entry("taxes", YEAR, "money", "net taxes on production and products"),
        Entry("interest", YEAR, "money", "interest on public debt"),
        Entry("household_income", YEAR, "money", "disposable income of households"),
        Entry("cash_transfers", YEAR, "money", "social benefits in cash besides those of the unemployed"),
        Entry("unemployment_benefit", YEAR, "money", "benefit rate times wage times unemployed"),
        Entry("severance", YEAR, "money", "paid when plant is closed"),
        Entry("social_spending", YEAR, "money", "in kind, cash, unemployment benefit and severance"),
        Entry("household_tax", YEAR, "money", "personal taxes besides those on wages"),
        Entry("dividends", YEAR, "money", "dividends of state firms to the government"),
        Entry("household_saving", YEAR, "money", "disposable income less consumption"),
        Entry("firm_saving", YEAR, "money", "retained earnings of firms, gross of depreciation"),
        Entry("government_saving", YEAR, "money", "current revenue less current spending"),
        Entry("foreign_saving", YEAR, "money", "imports less exports and net income paid abroad"),
        Entry("public_debt", YEAR, "money", "augmented public debt at the start of the year"),
        Entry("public_debt_end", YEAR, "money", "augmented public debt at the end of the year"),
        Entry("firm_debt", YEAR, "money", "gross debt of firms at the start of the year"),
        Entry("firm_debt_end", YEAR, "money", "gross debt of firms at the end of the year"),
        Entry("deficit", YEAR, "money", "augmented deficit: state investment less land sales and saving"),
        Entry("land_sales", YEAR, "money", "land revenue kept after compensation"),
        Entry("state_investment", YEAR, "money", "public works and the vehicles' part of the drive"),
        Entry("scrapped", YEAR, "money", "capital cost of the plant closed in the year"),
        Entry("overflow_imports", YEAR, "money", "manufactures that households buy abroad when labour is short"),
        Entry("forced_saving", YEAR, "money", "consumption rationed when labour is short and overflow at its limit"),
        Entry("precaution", YEAR, "money", "consumption released from precautionary saving by the programme"),
        Entry("programme", YEAR, "money", "social programme beyond trend"),
        Entry("reform", YEAR, "share", "cut of the investment drive, before leakage"),
        Entry("benefit_rate", YEAR, "share", "unemployment benefit: replacement times coverage, of the wage"),
        Entry("capacity", SECTOR, "plant", "plant at the start of the year"),
        Entry("retirement", SECTOR, "plant", "plant closed in the year"),
        Entry("idle_capacity", SECTOR, "plant", "industrial plant beyond normal use"),
        Entry("strained_output", SECTOR, "money", "output beyond the sustainable limit of plant"),
        Entry("utilisation", SECTOR, "percent", "output over plant in industry; 100 elsewhere by convention"),
        Entry("employment", SECTOR, "persons", "persons employed"),
        Entry("laid_off", SECTOR, "persons", "persons who lose their job, by closing or shrinking, beyond attrition"),
        Entry("hired", SECTOR, "persons", "persons hired"),
        Entry("unemployed", YEAR, "persons", "persons without work"),
        Entry("labour_force", YEAR, "persons", "persons who work or want to"),
        Entry("household_consumption_share", YEAR, "percent of GDP", "household consumption"),
        Entry(
            "actual_individual_consumption_share", YEAR, "percent of GDP", "household consumption and spending in kind"
        ),
        Entry("final_consumption_share", YEAR, "percent of GDP", "consumption of households and government"),
        Entry("investment_share", YEAR, "percent of GDP", "gross capital formation, stocks among it"),
        Entry("social_spending_share", YEAR, "percent of GDP", "social spending"),
        Entry("programme_share", YEAR, "percent of GDP", "social programme beyond trend"),
        Entry("public_debt_share", YEAR, "percent of GDP", "augmented public debt at the end of the year"),
        Entry("firm_debt_share", YEAR, "percent of GDP", "debt of firms at the end of the year"),
        Entry("deficit_share", YEAR, "percent of GDP", "augmented deficit"),
        Entry("current_account_share", YEAR, "percent of GDP", "current account"),
        Entry("saving_share", YEAR, "percent of GDP", "saving of households, firms and government"),
        Entry("idle_share", YEAR, "percent", "industrial plant beyond normal use, share of all industrial plant"),
        Entry("manufacturing_utilisation", YEAR, "percent", "output over plant in manufacturing"),
        Entry("industry_utilisation", YEAR, "percent", "output over plant in industry"),
        Entry("unemployment_rate", YEAR, "percent", "unemployed over labour force"),
        Entry("household_saving_rate", YEAR, "percent", "household saving over household income"),
        Entry("growth", YEAR, "percent", "growth of GDP over the year before; zero in the base year"),
    )
}
"""Name -> entry of every reported variable."""

_WORDS = {
    "gdp": "GDP",
    "idle_share": "idle plant",
    "public_debt_end": "public debt at the end of the year",
    "firm_debt": "debt of firms",
    "firm_debt_share": "debt of firms",
    "firm_debt_end": "debt of firms at the end of the year",
}
"""Variables whose name does not read well with its underscores taken out -> their words."""


def in_words(name: str) -> str:
    """A reported variable as it is read; what is none, such as the dotted key of a setting, stays as it is.

    >>> in_words("public_debt_share"), in_words("idle_share"), in_words("cards.public_debt")
    ('public debt', 'idle plant', 'cards.public_debt')
    """
    return _WORDS.get(name, name.removesuffix("_share").replace("_", " ")) if name in VARIABLES else name


def named(name: str) -> str:
    """A reported variable in words, its name in brackets; the name alone where it has no other words.

    >>> named("public_debt_share"), named("growth"), named("cards.public_debt")
    ('public debt (public_debt_share)', 'growth', 'cards.public_debt')
    """
    words = in_words(name)
    return name if words == name else f"{words} ({name})"


LAWS = (
    "asset_investment", "capacity_accumulation", "capacity_handed_over", "capacity_limit", "closed_handed_over",
    "closed_plant", "consumption", "corridor", "corridor_floor", "current_account_floor", "debt_ceiling",
    "deficit_ceiling", "firm_debt", "firm_debt_ceiling", "firm_debt_handed_over", "full_employment", "goods_balance",
    "household_saving_floor", "idle_capacity", "idle_cut", "investment_not_negative", "labour_shortage",
    "overflow_limit", "package", "package_before", "precaution", "programme_pace", "programme_pace_down",
    "public_debt", "public_debt_handed_over", "reform", "reform_before", "reform_kept", "reform_limit", "reform_pace",
    "retirement_pace", "unemployment",
)  # fmt: skip
"""Names of all laws that a program of one region may have; a path's shadow prices stand under them."""
