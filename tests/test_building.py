"""The shipped tables are what the command makes from the publishers' files; the facts ship only what may ship."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from iomodel import building
from iomodel.building import build_tables, card_text
from iomodel.classifications.concordance_files import load_concordance
from iomodel.errors import TableError
from iomodel.facts import EMPLOYMENT_INDUSTRIES, fact_ships
from iomodel.shipped import shipped_file, table_card
from iomodel.table import load_table
from iomodel.updating.ranges import load_variants
from iomodel.updating.shipping import Shipped


def rows(name: str) -> list[dict[str, str]]:
    """A shipped file of facts."""
    with shipped_file("tables", "facts", name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.source
@pytest.mark.slow
def test_the_command_makes_the_shipped_tables_again(source_folder: Path, tmp_path: Path) -> None:
    made = build_tables(source_folder, tmp_path)
    for name in ("china-2020", "china-2020-153", "china-2020-28", "world-2011", "world-2020-estimate"):
        again, shipped = load_table(made[name]), load_table(name)
        assert again.sha256 == shipped.sha256 == table_card(name)["sha256"]
        assert again.attrs == shipped.attrs
        cards = [path.read_text(encoding="utf-8").splitlines() for path in (made[f"{name} card"],
                 shipped_file("tables", f"{name}.toml"))]  # fmt: skip
        one, other = ([line for line in lines if not line.startswith("bytes = ")] for lines in cards)
        assert one == other  # controls and validation errors of the estimate among them
    for path in (tmp_path / "facts").iterdir():
        assert path.read_bytes() == shipped_file("tables", "facts", path.name).read_bytes()
    for path in (tmp_path / "concordances").iterdir():
        assert path.read_bytes() == shipped_file("tables", "concordances", path.name).read_bytes()
    for name in ("nbs153.csv", "world28.csv"):
        assert (tmp_path / "maps" / name).read_bytes() == shipped_file("tables", "maps", name).read_bytes()


@pytest.mark.source
def test_the_worlds_output_is_the_accounts_output(source_folder: Path) -> None:
    import gzip

    lines = gzip.decompress((source_folder / "wiod2013_sea" / "wiod_sea_2013release.csv.gz").read_bytes()).decode()
    gross = next(line for line in lines.splitlines() if line.startswith("CHN,GO,total industries"))
    output = float(load_table("world-2011").output.sel(region="CHN").sum())
    assert float(gross.rsplit(",", 1)[1]) / output == pytest.approx(6.46, abs=0.02)  # yuan per dollar, 2011


def test_a_card_says_all_that_is_asked_of_it() -> None:
    import tomllib

    table = load_table("world-2011")
    card = tomllib.loads(card_text(table, 5))
    assert card["bytes"] == 5
    assert card["regions"] == table.regions
    assert card["sectors"] == 35
    assert "ROW" not in card["employment"]
    assert any("EU = " in step for step in card["made"])
    assert any("of gross operating surplus" in step for step in card["made"])
    eu = next(step for step in card["made"] if "EU = " in step)
    assert len(eu.split("EU = ")[1].split()) == 27
    assert "GBR" in eu


def test_a_folder_that_is_no_source(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"There is no folder .* Give the folder that holds china_nbs/ and wiod2013/"):
        build_tables(tmp_path / "none", tmp_path / "out")
    with pytest.raises(TableError, match=r"There is no file .*china_2020_42\.csv"):
        build_tables(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_last_source_that_is_absent_leaves_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small folder of sources, first without the tariffs, which are read last, then with them."""
    monkeypatch.setattr(building, "build_china", lambda _: load_table("china-2020"))
    monkeypatch.setattr(building, "build_china_detail", lambda _: load_table("china-2020-153"))
    monkeypatch.setattr(building, "build_world", lambda _: load_table("world-2011"))
    estimate = Shipped(load_table("world-2020-estimate"), load_variants("world-2020-estimate"), {"controls": {"a": 1}})
    monkeypatch.setattr(building, "shipped_estimate", lambda *_: estimate)
    listed = load_concordance("nbs153_to_world28")
    monkeypatch.setattr(building, "build_concordances", lambda *_: {listed.title: listed})
    source, out = tmp_path / "source", tmp_path / "out"
    (source / "china_nbs").mkdir(parents=True)
    for name, place in {
        "china_facts.csv": "china_facts.csv",
        "china_paths.csv": "china_paths.csv",
        "china_utilisation.csv": "china_nbs/nbs_capacity_utilisation.csv",
    }.items():
        shutil.copyfile(shipped_file("tables", "facts", name), source / place)
    industries = [industry for group in EMPLOYMENT_INDUSTRIES.values() for industry in group]
    lines = ["Code,Description,2018", *(f"{code},{code},1" for code in industries), f"TOT,all,{len(industries)}"]
    (source / "china_nbs" / "china_employment.csv").write_text("\n".join(lines))
    out.mkdir()
    (out / "china-2020.toml").write_text("as it was")
    with pytest.raises(TableError, match=r"There is no file .*country-by-time\.csv"):
        build_tables(source, out)
    assert [(path.name, path.read_text()) for path in out.rglob("*")] == [("china-2020.toml", "as it was")]
    (source / "us_tariffs_2025").mkdir()
    tariffs = "country_name,date,effective tariff,2024 tariff\nCHINA,2025-01-01,1.5,2"
    (source / "us_tariffs_2025" / "country-by-time.csv").write_text(tariffs)
    made = build_tables(source, out)
    assert sorted(made.values()) == sorted(path for path in out.rglob("*") if path.is_file())
    assert load_table(made["china-2020"]).sha256 == load_table("china-2020").sha256
    assert f"bytes = {made['world-2011'].stat().st_size}" in made["world-2011 card"].read_text(encoding="utf-8")
    assert made["world-2020-estimate card"].read_text(encoding="utf-8").endswith('\n[controls]\n"a" = 1\n')
    assert (out / "facts" / "china_facts.csv").read_bytes() == (source / "china_facts.csv").read_bytes()


def test_readmes_name_every_file_beside_them() -> None:
    for folder in ("cards", "concordances", "facts", "maps"):
        said = shipped_file("tables", folder, "README.md").read_text(encoding="utf-8")
        assert not [path.name for path in shipped_file("tables", folder).iterdir() if f"`{path.name}`" not in said
                    and path.name != "README.md"]  # fmt: skip


def test_no_figure_from_memory_and_none_that_may_not_be_passed_on() -> None:
    facts = rows("china_facts.csv")
    assert len(facts) > 400
    assert {row["read"] for row in facts} == {"yes", "derived"}
    assert not [row for row in facts if "redistribut" in row["source"].lower()]
    assert not fact_ships("gdp_growth.china", "bank estimate, private research, not for redistribution", "yes")
    assert not fact_ships("gdp_growth.china", "NBS", "no")
    assert not fact_ships("gdp_growth_of_the_moon", "NBS", "yes")
    assert not fact_ships("solar.operating_rate.wafer", "press", "yes")


def test_every_sector_has_its_workers() -> None:
    persons = rows("china_employment_2018.csv")
    assert [row["sector"] for row in persons] == load_table("china-2020").sectors == list(EMPLOYMENT_INDUSTRIES)
    assert {row["sector"]: row["name"] for row in persons} == load_table("china-2020").sector_names
    total = sum(float(row["thousand_persons"]) for row in persons)
    assert total == pytest.approx(775_860, rel=1e-3)
    industries = [industry for group in EMPLOYMENT_INDUSTRIES.values() for industry in group]
    assert len(industries) == len(set(industries))


def test_paths_and_tariffs_are_whole() -> None:
    years = [int(row["year"]) for row in rows("china_paths.csv")]
    assert years == list(range(years[0], years[-1] + 1))
    tariffs = np.array(
        [
            [float(row[key]) for key in ("increase_over_2024", "tariff_2024", "level")]
            for row in rows("us_tariffs_china.csv")
        ]
    )
    np.testing.assert_allclose(tariffs[:, 0] + tariffs[:, 1], tariffs[:, 2], atol=2e-3)


def test_the_products_nest_once_each() -> None:
    with shipped_file("tables", "concordances", "nbs153_to_nbs42.csv").open(encoding="utf-8", newline="") as stream:
        nesting = list(csv.DictReader(stream))
    assert [row["nbs153"] for row in nesting] == [f"{place:03d}" for place in range(1, 154)]
    assert sorted({row["nbs42"] for row in nesting}) == load_table("china-2020").sectors


def test_china_2020_has_the_published_shares_of_gdp() -> None:
    table = load_table("china-2020")
    gdp = float(table.value_added.sum())
    demand = table.final_demand.sum(("region", "sector", "to_region"))
    imported = table.flows.sel(region="IMPORTS").sum() + table.final_demand.sel(region="IMPORTS").sum()
    added = table.value_added.sum(("to_region", "to_sector"))
    ours = {
        "household_consumption": demand.sel(category="household"),
        "government_consumption": demand.sel(category=["government_individual", "government_collective"]).sum(),
        "gross_fixed_capital_formation": demand.sel(category="fixed_capital"),
        "inventory_change": demand.sel(category="inventories"),
        "exports": demand.sel(category="exports"),
        "imports": imported,
        "compensation_of_employees": added.sel(factor="compensation"),
        "net_taxes_on_production": added.sel(factor="production_taxes"),
        "depreciation": added.sel(factor="depreciation"),
        "operating_surplus": added.sel(factor="operating_surplus"),
    }
    published = {
        row["key"].removeprefix("io_table_share."): float(row["value"])
        for row in rows("china_facts.csv")
        if row["key"].startswith("io_table_share.") and row["period"] == "2020"
    }
    assert published.keys() == ours.keys()
    for name, value in published.items():
        assert 100 * float(ours[name]) / gdp == pytest.approx(value, abs=0.051), name
