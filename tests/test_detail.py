"""The table of 153 products: it is the table of 42 sectors seen closer, with its map, its cards and its jobs."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from official import official

import iomodel as iom
from iomodel import cards
from iomodel.aggregation import sum_groups
from iomodel.cards import load_cards
from iomodel.classifications import nesting
from iomodel.classifications.nesting import detailed_map
from iomodel.classifications.sector_maps import MAP_COLUMNS, load_map
from iomodel.cli import main
from iomodel.economy import Economy
from iomodel.errors import CardError
from iomodel.shipped import shipped_file, table_card
from iomodel.study.history import misses
from iomodel.table import Table, load_table

PARENTS = nesting.nesting("nbs153")


@pytest.fixture(scope="module")
def fine() -> Table:
    return load_table("china-2020-153")


@pytest.fixture(scope="module")
def coarse() -> Table:
    return load_table("china-2020")


@pytest.fixture(scope="module")
def economies(fine: Table, coarse: Table) -> tuple[Economy, Economy]:
    return iom.calibrate(fine), iom.calibrate(coarse)


def in_42(table: Table, name: str) -> np.ndarray:
    """An array of the table with its products summed into the 42 sectors."""
    array = getattr(table, name)
    values = array.values
    for axis, dim in enumerate(array.dims):
        if dim in ("sector", "to_sector"):
            values = sum_groups(values, table.sectors, PARENTS, axis)
    return values


# ---------------------------------------------------------------- the table
def test_summed_into_42_sectors_it_is_the_table_of_42(fine: Table, coarse: Table) -> None:
    """Every flow, domestic and imported, to the whole yuan to which imports are rounded (in million: 1e-6 a cell)."""
    for name in ("flows", "output", "value_added"):
        np.testing.assert_allclose(in_42(fine, name), getattr(coarse, name).values, atol=1e-4, rtol=0)
    final, known = in_42(fine, "final_demand"), coarse.final_demand.values
    of = {name: place for place, name in enumerate(fine.categories)}
    assert fine.categories == coarse.categories
    for name in ("fixed_capital", "inventories", "exports"):
        np.testing.assert_allclose(final[..., of[name]], known[..., of[name]], atol=1e-4, rtol=0)
    consumption = [of[name] for name in ("household", "government_individual", "government_collective")]
    np.testing.assert_allclose(final[..., consumption].sum(-1), known[..., consumption].sum(-1), atol=1e-4, rtol=0)
    np.testing.assert_allclose(final.sum(axis=0), known.sum(axis=0), atol=1e-4, rtol=0)


def test_what_differs_is_who_consumes_imports(fine: Table, coarse: Table) -> None:
    """The 42-sector table splits a sector's imports for consumption alike, the finer one product by product."""
    apart = in_42(fine, "final_demand") - coarse.final_demand.values
    for name, most in (("household", 11_400), ("government_individual", 100), ("government_collective", 11_400)):
        moved = np.abs(apart[..., fine.categories.index(name)])
        assert 1 < moved.max() < most
        assert 100 * moved[0].sum() / float(coarse.value_added.sum()) < 0.04  # percent of GDP, all sectors together


def test_no_use_imports_more_than_it_buys(fine: Table) -> None:
    assert float(fine.flows.min()) >= 0
    others = [name for name in fine.categories if name != "inventories"]
    assert float(fine.final_demand.sel(category=others).min()) >= 0
    stocks = fine.final_demand.sel(category="inventories")
    assert float(stocks.sel(region="IMPORTS").min()) >= 0 > float(stocks.sel(region="CHN").min())


def test_households_and_the_government_buy_what_the_publisher_says(fine: Table) -> None:
    demand = fine.final_demand.sum(("region", "to_region"))
    individual = demand.sel(category="government_individual")
    assert [str(code) for code in individual["sector"].values[individual.values > 0]] == ["144", "145", "146"]
    assert float(demand.sel(category="household").sum()) == pytest.approx(38_400_831.496, rel=1e-8)
    assert float(individual.sum()) / float(fine.value_added.sum()) == pytest.approx(0.0577, abs=5e-5)


def test_the_shipped_tables_are_small() -> None:
    sizes = [table_card(name)["bytes"] for name in ("china-2020", "china-2020-153", "world-2011")]
    on_disk = [shipped_file("tables", f"{name}.nc").stat().st_size
               for name in ("china-2020", "china-2020-153", "world-2011")]  # fmt: skip
    assert sizes == on_disk
    assert max(sizes) < 2_000_000
    assert sum(sizes) < 10_000_000
    made = " ".join(table_card("china-2020-153")["made"])
    assert "odds of being imported" in made
    assert "one import share for all who consume" in made


# ---------------------------------------------------------------- the map
def test_the_map_is_made_from_the_sectors_and_what_differs() -> None:
    assert detailed_map() == shipped_file("tables", "maps", "nbs153.csv").read_text(encoding="utf-8")
    fine, coarse = load_map("nbs153"), load_map("nbs42")
    assert list(fine.sectors) == load_table("china-2020-153").sectors
    columns = [column for column in MAP_COLUMNS if column not in ("sector", "name", "reason")]
    differs: dict[str, set[str]] = {}
    for place, (product, reason) in enumerate(zip(fine.sectors, fine.reason, strict=True)):
        parent = coarse.sectors.index(PARENTS[product])
        assert str(reason).startswith(f"as {PARENTS[product]}, ")
        for column in columns:
            if getattr(fine, column)[place] != getattr(coarse, column)[parent]:
                differs.setdefault(column, set()).add(product)
                assert f"; {column}: " in str(reason)
    with shipped_file("tables", "maps", "nbs153_differs.csv").open(encoding="utf-8", newline="") as file:
        stated = list(csv.DictReader(file))
    said = {column: {code for line in stated if line["column"] == column for code in line["products"].split()}
            for column in {line["column"] for line in stated}}  # fmt: skip
    assert differs == said
    assert {"044", "045", "088", "093"} <= differs["favoured"]
    assert fine.favoured[fine.sectors.index("087")]  # batteries stay among the favoured
    assert differs["displacement"] == {"064", "065"}


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (("999", "engel", "1", "why"), r"nbs153_differs\.csv: there is no product '999'\. Did you mean"),
        (("061", "engle", "1", "why"), r"there is no column 'engle'\. Did you mean engel"),
        (("061", "name", "x", "why"), "there is no column 'name'"),
        (
            ("061", "engel", "1.2", "why"),
            r"product 061, column engel: '1\.2' needs a reason and has to differ from '1\.2'",
        ),
        (("061", "engel", "1", ""), r"product 061, column engel: '1' needs a reason"),
    ],
)
def test_what_differs_is_checked(line: tuple[str, ...], text: str) -> None:
    entry = dict(zip(("products", "column", "value", "reason"), line, strict=True))
    with pytest.raises(CardError, match=text):
        detailed_map([entry])
    with pytest.raises(CardError, match="column engel of product 061 stands twice"):
        detailed_map([dict(entry, products="061 061", column="engel", value="1", reason="why")])


# ---------------------------------------------------------------- the cards
def test_its_cards_are_those_of_the_table_of_42_sectors() -> None:
    fine, coarse = load_cards("china-2020-153"), load_cards("china-2020")
    assert {key: fine.card(key) for key in fine} == {key: coarse.card(key) for key in coarse}
    assert fine.table == "china-2020-153"
    assert fine.changed == {}


@pytest.mark.parametrize(
    ("files", "text"),
    [
        (
            {"china-2020-153": 'base = "china-2021"'},
            r"base is 'china-2021'; allowed is another .* Did you mean china-2020",
        ),
        ({"china-2020-153": 'base = "china-2020-153"'}, "base is 'china-2020-153'; allowed is another shipped table"),
        (
            {"china-2020-153": "base = 3"},
            "base is 3; allowed is another shipped table: china-2020, ",
        ),
        (
            {"china-2020": 'base = "world-2011"', "china-2020-153": 'base = "china-2020"'},
            r"china-2020-153\.toml stands on china-2020\.toml, which stands on 'world-2011': name that one",
        ),
        ({"china-2020-153": 'base = "china-2020"\n[publik_debt]\nvalue = 3'}, "no common card 'publik_debt'"),
    ],
)
def test_a_base_is_closed(files: dict[str, str], text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _own_cards(tmp_path, monkeypatch, files)
    with pytest.raises(CardError, match=text):
        load_cards("china-2020-153")


def test_entries_are_laid_over_those_of_the_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = load_cards("china-2020")
    _own_cards(tmp_path, monkeypatch, {"china-2020-153": 'base = "china-2020"\n[public_debt]\nvalue = 100.0'})
    changed = load_cards("china-2020-153")
    assert changed["public_debt"] == 100
    assert (changed.card("public_debt").low, changed.card("public_debt").kind) == (85.0, "read")
    assert {key for key in changed if changed.card(key) != before.card(key)} == {"public_debt"}


def _own_cards(folder: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> None:
    """Card files of a test beside copies of the shipped ones."""
    shutil.copytree(shipped_file("tables", "cards"), folder / "tables" / "cards")
    for name, text in files.items():
        (folder / "tables" / "cards" / f"{name}.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(cards, "shipped_file", lambda *parts: folder.joinpath(*parts))


# ---------------------------------------------------------------- the economy
def test_persons_of_a_sector_are_paid_alike(economies: tuple[Economy, Economy]) -> None:
    fine, coarse = economies
    jobs, pay = fine.sectors["jobs"].values, (fine.sectors["wage_share"] * fine.sectors["output"]).values
    np.testing.assert_allclose(
        sum_groups(jobs, fine.table.sectors, PARENTS, 0), coarse.sectors["jobs"].values, rtol=1e-12
    )
    mean = (coarse.sectors["wage_share"] * coarse.sectors["output"] / coarse.sectors["jobs"]).values
    of = [coarse.table.sectors.index(PARENTS[product]) for product in fine.table.sectors]
    np.testing.assert_allclose(pay / jobs, mean[of], rtol=1e-9)
    assert [finding.title for finding in fine.findings if "over its products" in finding.source] == ["jobs by sector"]
    assert not [finding for finding in coarse.findings if "over its products" in finding.source]


def test_the_accounts_are_those_of_the_table_of_42(economies: tuple[Economy, Economy]) -> None:
    """Same institutions, debts and plant in use; the drive is 1.2 percent smaller, by that of agencies and couriers."""
    fine, coarse = economies
    for name in coarse.accounts:
        assert float(fine.accounts[name]) == pytest.approx(float(coarse.accounts[name]), rel=0.015, abs=1e-6), name
    for group in ("industry", "manufacturing"):
        used = []
        for economy in economies:
            rows = economy.sectors[group].values > 0
            used.append(float(economy.sectors["output"][rows].sum() / economy.sectors["capacity"][rows].sum()))
        assert used[0] == pytest.approx(used[1], abs=1e-9)


def test_products_with_a_rate_of_their_own_have_it(economies: tuple[Economy, Economy]) -> None:
    use = economies[0].sectors["utilisation"]
    assert float(use.sel(sector="050")) == pytest.approx(0.75)  # medicines, published for the year
    assert float(use.sel(sector="061")) == pytest.approx(0.788)  # steel
    assert float(use.sel(sector="064")) < float(use.sel(sector="061"))
    rest = [float(use.sel(sector=code)) for code in ("023", "026", "052", "081", "051", "032")]
    assert len({round(rate, 12) for rate in rest}) == 1  # the residual of manufacturing


# ---------------------------------------------------------------- the policies
SHORT = {
    "supply-only": "idle_share",
    "demand-only": "programme_share",
    "two-halves": "programme_share",
    "best-path": "",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SHORT)
def test_every_policy_is_solved_and_replayed(name: str, economies: tuple[Economy, Economy]) -> None:
    """At eight years of policy and no more: the targets are due in the last."""
    experiment = iom.load_experiment(name).replace(table="china-2020-153", years=8, beyond=0)
    path = iom.solve(experiment, economies[0])
    assert path.verdict.status == "optimal"
    assert path.verdict.replay_distance < 1e-6
    if SHORT[name] == "programme_share":
        assert float(path.data["programme_share"].sel(year=2033)) == pytest.approx(4, abs=1e-3)


@pytest.mark.slow
def test_two_halves_is_the_path_of_the_table_of_42(economies: tuple[Economy, Economy]) -> None:
    """Ten reported and eighteen solved years: headlines within half a point of GDP of those on 42 sectors."""
    experiment = official("two-halves")
    coarse = iom.solve(experiment, economies[1])
    fine = iom.solve(experiment.replace(table="china-2020-153"), economies[0])
    assert fine.verdict.status == "optimal"
    assert fine.verdict.replay_distance < 1e-6
    assert not [text for text in fine.verdict.warnings if "replay" in text]
    # a finding of the finer table: care in kind takes medicines to the limit of their plant, not chemicals as a whole
    strained = fine.data["strained_output"].sel(year=2033)
    assert str(strained.idxmax().item()) == "050"
    assert float(coarse.data["strained_output"].sel(year=2033).sum()) < 1e-6 < float(strained.sum())
    for name, near in (
        ("household_consumption_share", 0.3),
        ("actual_individual_consumption_share", 0.3),
        ("investment_share", 0.3),
        ("idle_share", 0.7),
        ("unemployment_rate", 0.3),
        ("public_debt_share", 2.0),
    ):
        apart = float(fine.data[name].sel(year=2035)) - float(coarse.data[name].sel(year=2035))
        assert abs(apart) < near, (name, apart)


def test_the_known_years_are_those_of_the_table_of_42(economies: tuple[Economy, Economy]) -> None:
    usual = official("business-as-usual")
    fine = misses(iom.simulate(usual.replace(table="china-2020-153"), economies[0]))
    coarse = misses(iom.simulate(usual, economies[1]))
    assert [(row.variable, row.year) for row in fine] == [(row.variable, row.year) for row in coarse]
    for ours, theirs in zip(fine, coarse, strict=True):
        assert ours.value == pytest.approx(theirs.value, abs=0.1), (ours.variable, ours.year)
        assert ours.within == theirs.within


def test_the_command_line_checks_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(shipped_file("tables", "china-2020-153.nc"))]) == 0
    said = capsys.readouterr().out
    assert "stated default: persons of each of the 42 sectors, spread over its products by compensation" in said


@pytest.mark.slow
def test_the_command_line_runs_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["two-halves", "--set", "table=china-2020-153", "horizon.years=8", "horizon.beyond=0"]
    assert main(["run", *asked, "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("CHN in 2020, table china-2020-153")
    [file] = tmp_path.rglob("path.nc")
    assert iom.load_trajectory(file).data.sizes["sector"] == 153
