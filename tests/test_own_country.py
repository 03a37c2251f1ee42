"""A user's own country goes through the main job, and what its table lacks has a rule or an error in words."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

import iomodel as iom
from iomodel.cli import main
from iomodel.economy import Economy
from iomodel.errors import CardError, TableError
from iomodel.experiment import Experiment, Target
from iomodel.program.arrays import arrays_of
from iomodel.program.simulate import base_state, no_levers, step
from iomodel.readers.template import write_template
from iomodel.table import Table, make_table, save_table

CLOSED = 1e-8
TWO_HALVES = "two-halves"


# ---------------------------------------------------------------- the full way


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template, as a user finds it."""
    return write_template(tmp_path_factory.mktemp("own"))[0].parent


@pytest.mark.parametrize("form", ["national.csv", "national.xlsx", "saved/own.nc"])
def test_every_form_of_the_file_goes_through_the_main_job(folder: Path, form: str) -> None:
    file = folder / form
    if form.endswith(".nc"):
        save_table(iom.read_table(folder / "national.csv"), file)
    path = iom.solve(iom.load_experiment(TWO_HALVES).replace(table=str(file), region="EXA"))
    assert path.verdict.status == "optimal"
    assert path.provenance["table"] == "exampleland-2020"
    usual = iom.simulate(path.experiment.replace(name="usual", targets={}, free=(), benefit=None))
    assert usual.data["year"].values.tolist() == [2020, *range(2021, 2031)]
    assert len(iom.compare([path, usual])) == 2


def test_an_economy_lists_what_stands_at_defaults(folder: Path) -> None:
    table = iom.read_table(folder / "national.csv")
    _closes(iom.calibrate(table, region="EXA"))
    said = str(iom.calibrate(table, region="EXA", cards={"public_debt": 70}))
    changed, defaults = said.splitlines()[-2:]
    assert changed == "  changed: public_debt = 70"
    assert "stated defaults" in defaults
    for key in ("household_primary_income", "capacity_growth", "real_estate_investment_share"):
        assert key in defaults
    assert "public_debt" not in defaults
    assert "published" not in said  # China's published figures are no measure for another country
    assert "China's rates by industry as stated default" in said
    assert "not plausible" not in said
    odd = str(iom.calibrate(table, region="EXA", cards={"household_primary_income": 0.45}))
    assert "not plausible, 0 to 60 would be: see the cards consumption_income_ratio, household_primary_income" in odd


def test_another_region_than_the_tables_own(folder: Path) -> None:
    with pytest.raises(TableError, match=r"region 'CHN' is no producer of table 'exampleland-2020'; choose .*: EXA"):
        iom.calibrate(iom.read_table(folder / "national.csv"))


def test_the_command_line_says_each_economy_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)  # a path given to --set counts from where one works
    asked = ["run", TWO_HALVES, "business-as-usual", "--out", str(tmp_path), "--set"]
    # the card is outside the range that China's table has for it: the table named decides, in whatever order
    assert main([*asked, "cards.public_debt=70", "table=national.csv", "region=EXA"]) == 0
    out = capsys.readouterr().out
    assert out.count("EXA in 2020, table exampleland-2020: GDP") == 1
    assert out.count("stated defaults, for want of a figure") == 1
    assert "changed: public_debt = 70" in out
    assert "--set cards.KEY=VALUE changes it" in out
    assert "two-halves: optimal" in out
    assert out.count("no headline for EXA. 15 of the 16 cards") == 2  # the paths are saved, and are examples
    assert not (tmp_path / "headline.csv").exists()
    assert (tmp_path / TWO_HALVES / "path.nc").is_file()


def test_a_path_in_a_file_counts_from_the_file(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = folder / "mine.toml"
    file.write_text('base = "two-halves"\ntable = "national.xlsx"\nregion = "EXA"\n', encoding="utf-8")
    experiment = iom.load_experiment(file)
    assert experiment.table == str(folder / "national.xlsx")
    assert iom.solve(experiment).verdict.status == "optimal"


def test_check_says_what_calibration_would_refuse(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(folder / "national.csv")]) == 0
    assert "stated defaults" in capsys.readouterr().out
    for file in ("national.csv", "map.csv"):
        (tmp_path / file).write_text((folder / file).read_text(encoding="utf-8-sig"), encoding="utf-8")
    text = (tmp_path / "map.csv").read_text(encoding="utf-8")
    for sector in ("Food products", "Other manufactures"):
        text = text.replace(f"{sector},manufacturing,", f"{sector},services,")
    (tmp_path / "map.csv").write_text(text, encoding="utf-8")
    assert main(["check", str(tmp_path / "national.csv")]) == 2
    assert "the map map.csv has no sector of manufacturing with output" in capsys.readouterr().out


# ---------------------------------------------------------------- what a table may lack


@dataclass
class Country:
    """The example as plain arrays that a case changes: (n, n), (n, categories), (4, n); `lines`: the map by code."""

    table: Table
    lines: dict[str, dict[str, str]]
    domestic: np.ndarray
    imported: np.ndarray
    home: np.ndarray
    abroad: np.ndarray
    taxes: np.ndarray
    added: np.ndarray
    jobs: np.ndarray | None
    categories: list[str]
    factors: list[str]
    cards: dict[str, float] = field(default_factory=dict)

    def set(self, column: str, value: object, *codes: str) -> None:
        """Change a column of the map, in all lines or in those of some sectors."""
        for code in codes or self.lines:
            self.lines[code][column] = str(value)

    def use(self, name: str) -> int:
        return self.categories.index(name)

    def drop(self, name: str) -> None:
        """Leave out a column of final demand."""
        place = self.use(name)
        self.home, self.abroad = np.delete(self.home, place, 1), np.delete(self.abroad, place, 1)
        self.taxes, self.categories = np.delete(self.taxes, place), [one for one in self.categories if one != name]

    def drop_factor(self, name: str) -> None:
        """Leave out a row of value added; the surplus takes its amount."""
        place = self.factors.index(name)
        gone = self.added[place]
        self.added, self.factors = np.delete(self.added, place, 0), [one for one in self.factors if one != name]
        self.added[-1] += gone

    def made(self, folder: Path) -> Table:
        """The table, with output that follows final demand at the example's coefficients and a surplus that closes."""
        old = self.table.output.values[0]
        coefficients = np.divide(self.domestic, old, out=np.zeros_like(self.domestic), where=old > 0)
        output = np.linalg.solve(np.eye(old.size) - coefficients, self.home.sum(axis=1))
        output[np.abs(output) < 1e-9] = 0.0
        scale = output / old
        domestic, imported = self.domestic * scale, self.imported * scale
        added = self.added * scale
        added[-1] = output - domestic.sum(axis=0) - imported.sum(axis=0) - added[:-1].sum(axis=0)
        added[-1, output == 0] = 0.0
        with (folder / "map.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(next(iter(self.lines.values()))))
            writer.writeheader()
            writer.writerows(self.lines.values())
        return make_table(
            name="changed", year=2020, unit="million EXD", regions=["EXA"], sectors=self.table.sector_names,
            categories=self.categories, factors=self.factors, national=True,
            flows=np.stack([domestic, imported])[:, :, None, :],
            final_demand=np.stack([self.home, self.abroad])[:, :, None, :],
            value_added=added[:, None, :], output=output[None, :], product_taxes=self.taxes[None, :],
            employment=None if self.jobs is None else {"EXA": self.jobs}, classification=str(folder / "map.csv"),
        )  # fmt: skip


@pytest.fixture
def country(folder: Path) -> Country:
    """The example, to be changed."""
    table = iom.read_table(folder / "national.csv")
    with (folder / "map.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = {line["sector"]: line for line in csv.DictReader(file)}
    flows, final = np.array(table.flows.values[:, :, 0, :]), np.array(table.final_demand.values[:, :, 0, :])
    assert table.employment is not None
    return Country(
        table, lines, flows[0], flows[1], final[0], final[1], np.array(table.product_taxes.values[0]),
        np.array(table.value_added.values[:, 0, :]), np.array(table.employment.values[0]), table.categories,
        table.factors,
    )  # fmt: skip


def _closes(economy: Economy) -> None:
    """The base year comes back: output, uses, both sides of GDP, the four savings and the debts."""
    arrays = arrays_of(economy)
    flows, after = step(arrays, 0, base_state(arrays), no_levers(arrays))
    account = {name: float(value) for name, value in economy.accounts.items()}
    wanted = {name: account[name] for name in ("household_consumption", "in_kind_spending", "investment", "wages")}
    wanted |= {"output": economy.sectors["output"].values, "jobs": economy.sectors["jobs"].values}
    wanted |= {"gdp": 100.0, "gdp_expenditure": 100.0, "household_income": account["household_income"]}
    wanted |= {"operating_surplus": account["operating_surplus"], "taxes": account["taxes"]}
    for name, value in wanted.items():
        assert np.abs(np.asarray(flows[name]) - value).max() < CLOSED, name
    four = sum(float(flows[f"{who}_saving"]) for who in ("household", "firm", "government", "foreign"))
    assert abs(four - account["investment"] - account["stock_change"]) < CLOSED
    assert abs(after.public_debt - economy.cards["public_debt"]) < CLOSED
    assert abs(after.firm_debt - economy.cards["firm_debt"]) < CLOSED
    parts = sum(economy.sectors[f"{motive}_investment"].values for motive in ("market", "drive", "public"))
    assert abs(parts.sum() - account["investment"]) < CLOSED
    assert np.abs(economy.sectors["asset_mix"].values.sum(axis=0) - 1).max() < CLOSED


def _small_halves() -> Experiment:
    """Both halves, small and soon, so that the program of a strange country is solved quickly."""
    targets = {"package": Target("exactly", 1.0, 4), "idle_cut": Target("at_least", 0.2, 4)}
    targets["reform"] = Target("exactly", 0.3, 4)
    return iom.load_experiment(TWO_HALVES).replace(years=4, beyond=2, benefit=None, targets=targets)


def no_intangible(it: Country) -> None:
    it.set("asset", "equipment", "08")


def buildings_alone(it: Country) -> None:
    it.set("asset", "construction")


def equipment_alone(it: Country) -> None:
    it.set("asset", "equipment")


def no_construction(it: Country) -> None:
    it.set("asset", "intangible", "06", "09")


def no_real_estate(it: Country) -> None:
    it.set("capital", "plant", "09")


def no_public_sector(it: Country) -> None:
    it.set("public", 0)


def no_drive(it: Country) -> None:
    it.set("drive", "elsewhere")
    it.cards["drive_share_elsewhere"] = 0.0


def no_imports(it: Country) -> None:
    it.imported[:] = 0
    it.abroad[:] = 0


def no_exports(it: Country) -> None:
    it.home[:, it.use("exports")] = 0
    it.abroad[:, it.use("exports")] = 0


def no_stocks(it: Country) -> None:
    it.drop("inventories")


def stocks_of_zero(it: Country) -> None:
    it.home[:, it.use("inventories")] = 0
    it.abroad[:, it.use("inventories")] = 0


def no_spending_in_kind(it: Country) -> None:
    it.home[:, it.use("government_individual")] = 0


def one_government_column(it: Country) -> None:
    it.home[:, it.use("government_collective")] += it.home[:, it.use("government_individual")]
    it.drop("government_individual")


def no_government(it: Country) -> None:
    it.drop("government_individual")
    it.drop("government_collective")


def no_depreciation(it: Country) -> None:
    it.drop_factor("depreciation")


def no_production_taxes(it: Country) -> None:
    it.drop_factor("production_taxes")


def no_product_taxes(it: Country) -> None:
    it.taxes[:] = 0


def a_service_without_plant(it: Country) -> None:
    it.added[it.factors.index("depreciation"), 7] = 0


def a_sector_that_makes_nothing(it: Country) -> None:
    it.domestic[1], it.domestic[:, 1], it.imported[:, 1], it.home[1], it.added[:, 1] = 0, 0, 0, 0, 0
    assert it.jobs is not None
    it.jobs[1] = 0


def households_that_sell_scrap(it: Country) -> None:
    it.home[1, it.use("household")] = -40
    it.abroad[1, it.use("household")] = 10


def no_mining_and_no_utilities(it: Country) -> None:
    it.set("group", "services", "02", "05")
    it.set("utilisation", "", "02", "05")
    it.set("normal", "", "02", "05")


RULES = [
    no_intangible, buildings_alone, equipment_alone, no_construction, no_real_estate,
    no_public_sector, no_drive, no_imports, no_exports, no_stocks, stocks_of_zero, no_spending_in_kind,
    one_government_column, no_government, no_depreciation, no_production_taxes, no_product_taxes,
    a_service_without_plant, a_sector_that_makes_nothing, households_that_sell_scrap, no_mining_and_no_utilities,
]  # fmt: skip


@pytest.mark.parametrize("change", RULES, ids=lambda change: change.__name__)
def test_what_is_lacking_has_a_rule_and_the_base_year_closes(
    country: Country, tmp_path: Path, change: Callable[[Country], None]
) -> None:
    change(country)
    economy = iom.calibrate(country.made(tmp_path), "EXA", country.cards)
    _closes(economy)
    path = iom.solve(_small_halves().replace(table="changed", region="EXA", cards=country.cards), economy)
    assert path.verdict.status == "optimal"
    for array in path.data.values():
        assert np.isfinite(array.values).all(), array.name
    assert float(np.abs(path.data["gdp"] - path.data["gdp_expenditure"]).max()) < CLOSED


def all_real_estate(it: Country) -> None:
    it.set("capital", "real_estate")


def test_where_all_plant_wears_like_buildings_the_base_year_closes(country: Country, tmp_path: Path) -> None:
    all_real_estate(country)
    _closes(iom.calibrate(country.made(tmp_path), "EXA"))


def test_utilisation_of_ones_own(country: Country, tmp_path: Path) -> None:
    country.set("utilisation", 0.81, "04")
    country.set("normal", "base", "04")
    economy = iom.calibrate(country.made(tmp_path), "EXA")
    _closes(economy)
    sectors = economy.sectors
    assert float(sectors["utilisation"].sel(sector="04")) == float(sectors["normal_use"].sel(sector="04")) == 0.81
    default = iom.calibrate(country.table, "EXA").sectors["utilisation"]
    assert float(sectors["utilisation"].sel(sector="02")) == float(default.sel(sector="02"))
    country.set("utilisation", 81, "04")
    with pytest.raises(CardError, match="sector 04: utilisation is 81; a rate is a share of one above 0"):
        iom.calibrate(country.made(tmp_path), "EXA")


def test_one_government_column_is_told_apart_by_the_map(country: Country, tmp_path: Path) -> None:
    whole = iom.calibrate(country.table, "EXA").accounts
    one_government_column(country)
    parts = iom.calibrate(country.made(tmp_path), "EXA").accounts
    for name in ("in_kind_spending", "collective_consumption"):
        assert float(parts[name]) == pytest.approx(float(whole[name]), abs=1e-9)


def test_without_spending_in_kind_a_programme_buys_as_households_do(country: Country, tmp_path: Path) -> None:
    no_spending_in_kind(country)
    economy = iom.calibrate(country.made(tmp_path), "EXA")
    bundle = economy.bundles.sel(use="government_individual")
    assert float(bundle.sum()) == pytest.approx(1)
    assert float(bundle.sel(sector="11").sum()) == pytest.approx(1)


def test_without_depreciation_the_card_takes_it_out_of_the_surplus(country: Country, tmp_path: Path) -> None:
    no_depreciation(country)
    economy = iom.calibrate(country.made(tmp_path), "EXA", {"depreciation_share": 0.3})
    gross = economy.sectors["surplus_share"] * economy.sectors["output"]
    np.testing.assert_allclose(economy.sectors["depreciation"], 0.3 * gross)


def no_jobs_row(it: Country) -> None:
    it.jobs = None


def jobs_of_zero(it: Country) -> None:
    assert it.jobs is not None
    it.jobs[:] = 0


def jobs_below_zero(it: Country) -> None:
    assert it.jobs is not None
    it.jobs[2] = -1


def jobs_without_output(it: Country) -> None:
    a_sector_that_makes_nothing(it)
    assert it.jobs is not None
    it.jobs[1] = 3


def no_compensation(it: Country) -> None:
    it.drop_factor("compensation")


def no_investment(it: Country) -> None:
    it.drop("fixed_capital")


def no_households(it: Country) -> None:
    it.drop("household")
    it.drop("non_profit")


def asset_below_zero(it: Country) -> None:
    it.home[7, it.use("fixed_capital")] = -500
    it.abroad[7, it.use("fixed_capital")] = 0


def depreciation_below_zero(it: Country) -> None:
    it.added[it.factors.index("depreciation"), 7] = -5


def depreciation_of_zero(it: Country) -> None:
    it.added[it.factors.index("depreciation")] = 0


def industry_without_plant(it: Country) -> None:
    it.added[it.factors.index("depreciation"), 3] = 0


def no_industry(it: Country) -> None:
    it.set("group", "services", "02", "03", "04", "05")


def no_overflow_goods(it: Country) -> None:
    it.set("overflow", 0)


def nothing_to_give_in_kind(it: Country) -> None:
    no_spending_in_kind(it)
    it.set("individual_government", 0)


def too_little_public_investment(it: Country) -> None:
    it.cards["public_investment"] = 20.0


def no_line_in_the_map(it: Country) -> None:
    del it.lines["05"]


REFUSED = [
    (no_jobs_row, TableError, "has no jobs by sector of region 'EXA': add them as employment"),
    (jobs_of_zero, TableError, "there are no jobs; give thousand persons by sector in the row employment"),
    (jobs_below_zero, TableError, "sector 03 has jobs below zero (-1); correct the row employment"),
    (jobs_without_output, TableError, "sector 02 has 3 thousand jobs but no output; set both or none"),
    (no_compensation, TableError, "it has no compensation of employees, from which households live; add the row"),
    (no_investment, TableError, "there is no fixed capital formation; add the column fixed_capital"),
    (no_households, TableError, "households buy nothing; add the column household"),
    (asset_below_zero, TableError, "investment in intangible is below zero (-500, products 08); give these products"),
    (depreciation_below_zero, TableError, "sector 08 has depreciation below zero (-5"),
    (depreciation_of_zero, TableError, "no sector has depreciation, from which capital is found; correct the row, or"),
    (industry_without_plant, TableError, "sector 04 is industry without depreciation: its plant cannot be found"),
    (no_industry, TableError, "the map map.csv has no sector of manufacturing with output, whose plant the model is"),
    (no_overflow_goods, CardError, "The map map.csv marks no good that households buy as one that they buy abroad"),
    (nothing_to_give_in_kind, CardError, "marks as individual_government: a programme could buy nothing. Mark the"),
    (too_little_public_investment, CardError, "public_investment = 20.0 leaves 20."),
    (no_line_in_the_map, CardError, "The map map.csv has no line for 1 of 11 sectors: 05."),
]


@pytest.mark.parametrize(("change", "error", "words"), REFUSED, ids=lambda value: getattr(value, "__name__", ""))
def test_what_has_no_rule_is_refused_in_words(
    country: Country, tmp_path: Path, change: Callable[[Country], None], error: type[Exception], words: str
) -> None:
    change(country)
    with pytest.raises(error, match=re.escape(words)):
        iom.calibrate(country.made(tmp_path), "EXA", country.cards)


def test_all_that_is_lacking_is_said_at_once(country: Country, tmp_path: Path) -> None:
    no_investment(country)
    no_industry(country)
    jobs_of_zero(country)
    with pytest.raises(TableError) as caught:
        iom.calibrate(country.made(tmp_path), "EXA")
    assert len(str(caught.value).splitlines()) == 3
    assert all(line.startswith("table 'changed', region EXA: ") for line in str(caught.value).splitlines())
