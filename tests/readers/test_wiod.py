"""The reader of the world tables, on a mock in the true form."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iomodel.errors import TableError
from iomodel.readers.template import read_table
from iomodel.readers.wiod import read_wiod
from iomodel.readers.wiod_industries import INDUSTRIES, industry_code

MOCK = Path(__file__).parent / "mock" / "wiod"
FILE, ACCOUNTS = MOCK / "wiod11.rda", MOCK / "accounts.csv.gz"
rdata = pytest.importorskip("rdata", reason="reading R files needs rdata")


def read(**changes: Any) -> Any:
    """The mock as a table."""
    return read_wiod(**{"path": FILE, "accounts": ACCOUNTS, "depreciation_share": 0.4, **changes})


def test_the_world_balances_and_closes() -> None:
    table = read()
    assert (table.name, table.year, table.unit) == ("wiod-2011", 2011, "million USD")
    assert table.regions == ["CHN", "DEU", "ROW"]
    assert len(table.sectors) == 35
    assert table.sectors[0] == "AtB"
    assert float(table.value_added.sum()) == pytest.approx(float(table.final_demand.sum()))
    assert table.output.sel(region="CHN", sector="50") == 0
    assert not table.value_added.sel(to_region="CHN", to_sector="50").values.any()
    assert float(table.final_demand.sel(category="inventories").min()) < 0


def test_output_is_the_row_sum_and_not_the_rounded_column() -> None:
    raw = rdata.read_rda(FILE)
    rows = np.asarray(raw["inter11"]).sum(axis=1) + np.asarray(raw["final11"]).sum(axis=1)
    assert (rows != np.asarray(raw["output11"])).any()
    np.testing.assert_array_equal(read().output.values.ravel(), rows)


def test_government_is_split_by_product() -> None:
    raw = rdata.read_rda(FILE)
    government = np.asarray(raw["final11"]).reshape(3, 35, 3, 5)[..., 2]
    table = read()
    individual = table.final_demand.sel(category="government_individual")
    np.testing.assert_array_equal(individual.sel(sector=["M", "N"]).values, government[:, 31:33])
    assert individual.drop_sel(sector=["M", "N"]).sum() == 0
    both = individual + table.final_demand.sel(category="government_collective")
    np.testing.assert_array_equal(both.values, government)


def test_value_added_is_split_by_the_accounts() -> None:
    table = read()
    for region in ("CHN", "DEU"):  # VA/GO is 0.3 and COMP/VA 0.4 in the mock, in 2009 (CHN) and 2011 (DEU) alike
        here = table.value_added.sel(to_region=region)
        output = table.output.sel(region=region).rename(sector="to_sector")
        xr_close(here.sel(factor="compensation"), 0.12 * output)
        xr_close(here.sel(factor="production_taxes"), here.sum("factor") - 0.3 * output)
        gross = 0.18 * output
        xr_close(here.sel(factor="depreciation"), 0.4 * gross)


def xr_close(left: Any, right: Any) -> None:
    """Equal up to the rounding of the accounts' text."""
    np.testing.assert_allclose(left.values, right.values, rtol=2e-3, atol=1.0)


def test_regions_without_accounts_take_the_mean_shares() -> None:
    table = read()
    share = table.value_added / table.value_added.sum("factor").where(lambda total: total > 0)
    mean = share.sel(to_region=["CHN", "DEU"]).mean("to_region")
    for factor in ("compensation", "production_taxes"):
        np.testing.assert_allclose(
            share.sel(to_region="ROW", factor=factor).values, mean.sel(factor=factor).values, rtol=1e-9
        )


def test_regions_are_summed_into_groups() -> None:
    apart, table = read(), read(regions={"CHN": "CHN", "DEU": "WEST", "ROW": "WEST"}, name="two")
    assert table.regions == ["CHN", "WEST"]
    inside = apart.flows.sel(region=["DEU", "ROW"], to_region=["DEU", "ROW"]).sum(("region", "to_region"))
    np.testing.assert_array_equal(table.flows.sel(region="WEST", to_region="WEST").values, inside.values)
    assert apart.employment["region"].values.tolist() == ["CHN", "DEU"]
    assert table.employment["region"].values.tolist() == ["CHN"]  # the rest of WEST has no accounts
    assert "regions summed: WEST = DEU ROW" in table.attrs["history"]


def test_read_table_knows_the_publishers_file() -> None:
    assert read_table(FILE, accounts=ACCOUNTS, depreciation_share=0.4).sha256 == read().sha256
    with pytest.raises(TableError, match=r"its reader needs accounts=, depreciation_share="):
        read_table(FILE)


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"depreciation_share is 1; it needs to be in \[0, 1\)"):
        read(depreciation_share=1)
    with pytest.raises(TableError, match=r"No group for DEU; give every one of CHN, DEU, ROW a group"):
        read(regions={"CHN": "CHN", "ROW": "ROW"})
    with pytest.raises(TableError, match=r"The groups name DUE, which the table does not have\. Did you mean DEU?"):
        read(regions={"CHN": "CHN", "DEU": "EU", "ROW": "ROW", "DUE": "EU"})
    with pytest.raises(TableError, match=r"There is no file .*wiod12\.rda"):
        read(path=tmp_path / "wiod12.rda")
    text = tmp_path / "text.rda"
    text.write_bytes(b"no R data")
    with pytest.raises(TableError, match=r"text\.rda is no readable R data file"):
        read(path=text)
    other = tmp_path / "other.rda"
    rdata.write_rda(other, {"numbers": np.array([1.0, 2.0])})
    with pytest.raises(TableError, match=r"other\.rda holds numbers; a WIOD file holds interYY, finalYY, outputYY"):
        read(path=other)
    small = tmp_path / "small.rda"
    rdata.write_rda(
        small, {"inter11": np.ones((2, 2)), "final11": np.ones((2, 10)), "countries": np.array(["CHN", "RoW"])}
    )
    with pytest.raises(TableError, match=r"do not fit 2 regions by 35 industries; expected \(70, 70\) and \(70, 10\)"):
        read(path=small)


def test_accounts_that_are_not_the_accounts(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"There is no file .* with the socio-economic accounts"):
        read(accounts=tmp_path / "none.csv")
    lines = gzip.decompress(ACCOUNTS.read_bytes()).decode().splitlines()
    path = tmp_path / "accounts.csv"
    path.write_text("\n".join(["land,variable,industry,2011", *lines[1:]]))
    with pytest.raises(TableError, match=r"starts with \['land', 'variable', 'industry'\]; expected country"):
        read(accounts=path)
    path.write_text("\n".join([*lines[:3], lines[3].replace("mining", "digging"), *lines[4:]]))
    with pytest.raises(TableError, match=r"accounts\.csv, row 4: industry 'digging and quarrying' fits none of the 35"):
        read(accounts=path)
    path.write_text("\n".join([*lines[:3], lines[3].rsplit(",", 1)[0] + ",much", *lines[4:]]))
    with pytest.raises(TableError, match=r"accounts\.csv, row 4 \(CHN GO mining and quarrying\): could not convert"):
        read(accounts=path)


def test_every_spelling_of_the_accounts_is_known() -> None:
    for code, name, _ in INDUSTRIES:
        assert industry_code(name, "") == code
    spellings = {
        "renting of m&eq and other business activities": "71t74",
        "public admin and defence; compulsory social security": "L",
        "other supporting and auxiliary transport activities; activities of travel agencies": "63",
        "pulp, paper, paper , printing and publishing": "21t22",
        "wood and of wood and cork": "20",
        "retail trade, except of motor vehicles and motorcycles; repair of household goods": "52",
        "other community, social and personal services": "O",
    }
    assert {text: industry_code(text, "") for text in spellings} == spellings


@pytest.mark.source
@pytest.mark.slow
def test_the_true_table_by_country(source_folder: Path) -> None:
    files = {
        "path": source_folder / "wiod2013" / "wiod11.rda",
        "accounts": source_folder / "wiod2013_sea" / "wiod_sea_2013release.csv.gz",
    }
    # Two industries of Luxembourg sell less than they take from stocks: the row sum of the whole millions is negative.
    with pytest.raises(TableError, match="output below zero at region LUX, sector 19; region LUX, sector 23"):
        read(**files)
    countries = [str(country) for country in rdata.read_rda(files["path"])["countries"]]
    groups = {country.upper(): "BLX" if country in ("BEL", "LUX") else country.upper() for country in countries}
    table = read(**files, regions=groups)
    assert len(table.regions) == 40
    assert table.employment is not None
    assert table.employment.sizes["region"] == 39
    assert float(table.value_added.sel(factor="compensation").min()) >= 0
