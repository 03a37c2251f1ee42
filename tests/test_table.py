"""The checked constructor refuses in words, keeps labels as they were, and files come back exactly."""

from __future__ import annotations

import dataclasses
import json
import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from iomodel.errors import TableError
from iomodel.shipped import shipped_tables, table_card
from iomodel.table import Table, load_table, make_table, save_table
from iomodel.table_checks import balance_misses, spectral_radius

CODES = ("01", "NA", "06.10")


def parts(seed: int = 0, regions: tuple[str, ...] = ("HOME",), *, national: bool = True) -> dict[str, Any]:
    """Arguments of a balanced table of three sectors, drawn anew for each seed."""
    draw = np.random.default_rng(seed)
    n, sellers = len(CODES), len(regions) + national
    categories = ("household", "fixed_capital", *(("exports",) if national else ()))
    flows = draw.uniform(1, 10, (sellers, n, len(regions), n))
    final = draw.uniform(20, 90, (sellers, n, len(regions), len(categories)))
    output = (flows.sum(axis=(2, 3)) + final.sum(axis=(2, 3)))[: len(regions)]
    added = output - flows.sum(axis=(0, 1))
    return {
        "name": "made-up",
        "year": 2020,
        "unit": "million EUR",
        "regions": list(regions),
        "sectors": dict(zip(CODES, ("农业", "Manufacturing", "Services"), strict=True)),
        "categories": categories,
        "factors": ("compensation", "operating_surplus"),
        "flows": flows,
        "final_demand": final,
        "value_added": np.stack([0.6 * added, 0.4 * added]),
        "output": output,
        "national": national,
        "classification": "own",
    }


def refused(change: Callable[[dict[str, Any]], None], **kinds: Any) -> str:
    """What the constructor says to a sound table after `change`."""
    given_parts = parts(**kinds)
    change(given_parts)
    with pytest.raises(TableError) as caught:
        make_table(**given_parts)
    return str(caught.value)


def test_a_sound_table_keeps_its_labels_and_says_what_it_is() -> None:
    table = make_table(**parts(), employment={"HOME": np.array([1.0, 2.0, 3.0])})
    assert table.sectors == list(CODES)
    assert table.is_national
    assert table.home == "HOME"
    assert table.flows["region"].values.tolist() == ["HOME", "IMPORTS"]
    assert table.categories == ["household", "fixed_capital", "exports"]
    assert table.factors == ["compensation", "operating_surplus"]
    assert {array.attrs["units"] for array in table.arrays.values()} == {"million EUR", "thousand persons"}
    assert table.sector_names["01"] == "农业"
    with pytest.raises(dataclasses.FrozenInstanceError):
        table.output = table.output * 2  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        table.output.values[0, 0] = 0


def test_an_inter_country_table_has_no_home() -> None:
    table = make_table(**parts(regions=("A", "B"), national=False))
    assert not table.is_national
    assert table.regions == ["A", "B"]
    with pytest.raises(TableError, match=r"inter-country table without one home region; name one: \['A', 'B'\]"):
        _ = table.home


def test_rows_and_columns_that_miss_balance_are_named_by_how_much() -> None:
    def change(given: dict[str, Any]) -> None:
        given["flows"][0, 1, 0, 2] += 5.0

    said = refused(change)
    assert "rows miss balance: 1 of 3 rows do not balance, worst region HOME, sector NA by +5 (uses" in said
    assert "columns miss balance: 1 of 3 columns do not balance, worst region HOME, sector 06.10 by +5" in said
    assert "Allowed: 1e-06 of the larger of output and a millionth of total output" in said
    assert "pass a larger tolerance=" in said


def test_the_tolerance_is_the_users_and_is_kept_in_the_file(tmp_path: Path) -> None:
    given_parts = parts()
    given_parts["flows"][0, 1, 0, 2] *= 1 + 1e-4
    with pytest.raises(TableError, match="rows miss balance"):
        make_table(**given_parts)
    table = make_table(**given_parts, tolerance=1e-3)
    saved = save_table(table, tmp_path / "loose.nc")
    assert load_table(saved).attrs["tolerance"] == 1e-3
    assert load_table(saved, tolerance=0.1).attrs["tolerance"] == 0.1


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf, True, "x", None, -1e-9, 1, np.array([0.1, 0.2])])
def test_a_tolerance_that_would_let_everything_pass(wrong: Any, tmp_path: Path) -> None:
    said = r"tolerance: found .*; allowed: a number from 0 up to 1, without 1: .* Leave it out for 1e-06"
    with pytest.raises(TableError, match=said):
        make_table(**parts(), tolerance=wrong)
    table = make_table(**parts())
    with pytest.raises(TableError, match=said):
        dataclasses.replace(table, tolerance=wrong)
    with pytest.raises(TableError, match=said):
        load_table(save_table(table, tmp_path / "table.nc"), tolerance=wrong)
    assert make_table(**parts(), tolerance=np.float32(0.25)).attrs["tolerance"] == 0.25


def test_whole_numbers_of_numpy_are_years_and_a_path_is_a_classification(tmp_path: Path) -> None:
    said = {**parts(), "year": np.int64(2020), "classification": Path("map.csv")}
    table = make_table(**said)
    assert (table.year, table.attrs["classification"]) == (2020, "map.csv")
    assert load_table(save_table(table, tmp_path / "table.nc")).attrs == table.attrs
    del said["classification"]
    assert make_table(**said).attrs["classification"] == "own"


def test_sectors_are_a_mapping() -> None:
    said = refused(lambda given: given.update(sectors=list(CODES)))
    assert (
        "made-up: sectors: found \"['01', 'NA', '06.10']\" of type list; allowed: a mapping from code to name" in said
    )
    assert "dict(zip(codes, names))" in said
    numbered = make_table(**{**parts(), "sectors": {1: "a", 2: "b", 3: "c"}})
    assert numbered.sector_names == {"1": "a", "2": "b", "3": "c"}
    with pytest.raises(TableError, match=r"name absent: the name is 5\. Allowed: a text such as 'china-2020'"):
        make_table(**{**parts(), "name": 5})


def test_a_table_without_sectors() -> None:
    n = np.zeros((2, 0, 1, 0))
    empty = {"flows": n, "final_demand": np.zeros((2, 0, 1, 3)), "value_added": np.zeros((2, 1, 0))}
    said = refused(lambda given: given.update(**empty, sectors={}, output=np.zeros((1, 0))))
    assert "no labels: flows has no sector. Allowed: at least one" in said


def test_a_tiny_row_is_held_to_a_millionth_of_total_output() -> None:
    given_parts = parts()
    scale = given_parts["output"].sum()
    given_parts["final_demand"][0, 1] = 0
    given_parts["flows"][0, 1] = 0
    given_parts["output"][0, 1] = 1e-13 * scale  # below 1e-6 of a millionth of the total: a sector of no weight
    given_parts["flows"][:, :, 0, 1] = 0
    given_parts["value_added"][:, 0, 1] = 0
    given_parts["value_added"][0, 0] += given_parts["output"][0] - (
        given_parts["flows"].sum(axis=(0, 1, 2)) + given_parts["value_added"].sum(axis=(0, 1))
    )
    rows = given_parts["flows"][0].sum(axis=(1, 2)) + given_parts["final_demand"][0].sum(axis=(1, 2))
    given_parts["final_demand"][0, :, 0, 0] += np.where([True, False, True], given_parts["output"][0] - rows, 0)
    assert make_table(**given_parts).output.values[0, 1] > 0


def test_unequal_label_sets_are_listed_on_both_sides() -> None:
    table = make_table(**parts())
    flows = table.flows.assign_coords(sector=["01", "NA", "07"])
    with pytest.raises(TableError) as caught:
        dataclasses.replace(table, flows=flows)
    assert "only in flows, sector: 07; only in flows, to_sector: 06.10" in str(caught.value)
    output = table.output.isel(sector=[1, 0, 2])
    with pytest.raises(TableError, match="has the labels of flows, sector in another order"):
        dataclasses.replace(table, output=output)


def test_duplicate_empty_and_unknown_labels() -> None:
    table = make_table(**parts())
    twice = {name: table.arrays[name] for name in ("flows", "value_added", "final_demand", "output")}
    twice = {
        name: array.assign_coords({dim: ["01", "01", "NA"] for dim in array.dims if "sector" in str(dim)})
        for name, array in twice.items()
    }
    with pytest.raises(TableError, match="duplicate labels: flows has 01 more than once in sector"):
        dataclasses.replace(table, **twice)
    with pytest.raises(TableError, match=r"empty label: flows, sector: no text at place 2"):
        dataclasses.replace(table, flows=table.flows.assign_coords(sector=["01", "", "NA"]))
    said = refused(lambda given: given.update(categories=("houshold", "fixed_capital", "exports")))
    assert "final_demand, category has 'houshold'" in said
    assert "Did you mean household?" in said
    said = refused(lambda given: given.update(factors=("wages", "operating_surplus")))
    assert "value_added, factor has 'wages'. Allowed: compensation, production_taxes" in said


def test_exports_belong_to_national_tables_alone() -> None:
    said = refused(lambda given: given.update(categories=("household", "fixed_capital", "inventories")))
    assert "category exports without the seller IMPORTS. Allowed: both (national table) or neither" in said


def test_missing_cells_are_never_zero() -> None:
    def change(given: dict[str, Any]) -> None:
        given["flows"][1, 0, 0, 2] = np.nan

    said = refused(change)
    assert "1 cells of flows are missing or not finite" in said
    assert "first region IMPORTS, sector 01, to_region HOME, to_sector 06.10" in said
    assert "write 0 only where the source says zero" in said


def test_text_is_no_number() -> None:
    said = refused(lambda given: given.update(output=np.array([["1", "2", "x"]])))
    assert "no number: output holds <U1 values. Allowed: numbers. Convert every cell to a number." in said


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("year", None, "year absent: no year is stated. Allowed: a whole number such as 2020"),
        ("year", 20.5, "year absent: the year is 20.5"),
        ("year", True, "year absent: the year is True"),
        ("unit", "", "unit absent: no unit is stated. Allowed: a text such as 'million USD'"),
    ],
)
def test_year_and_unit_must_be_there(key: str, value: object, text: str) -> None:
    assert text in refused(lambda given: given.update({key: value}))


def test_a_transposed_matrix_is_recognised() -> None:
    def change(given: dict[str, Any]) -> None:
        given["flows"][:1] = np.transpose(given["flows"][:1], (2, 3, 0, 1)).copy()

    said = refused(change)
    assert "looks transposed: the table balances when the flows of the home regions are turned over" in said
    assert "Exchange rows and columns" in said
    both = refused(
        lambda given: given.update(flows=np.transpose(given["flows"], (2, 3, 0, 1)).copy()),
        regions=("A", "B"),
        national=False,
    )
    assert "looks transposed" in both


def test_totals_inside_are_recognised_by_value_and_by_name() -> None:
    def change(given: dict[str, Any]) -> None:
        for axis in (1, 3):
            other = np.take(given["flows"], [0, 1], axis=axis).sum(axis=axis, keepdims=True)
            given["flows"] = np.concatenate([np.take(given["flows"], [0, 1], axis=axis), other], axis=axis)

    said = refused(change)
    assert "totals inside: sector 06.10 looks like a total (by value: it is the sum of all others)" in said
    said = refused(lambda given: given.update(sectors={"01": "Agriculture", "NA": "Trade", "06.10": "Total inputs"}))
    assert "totals inside: sector 06.10 looks like a total (by name). Allowed: none. Leave out totals" in said


def test_coefficients_where_flows_belong() -> None:
    said = refused(lambda given: given.update(flows=given["flows"] / given["output"][0]))
    assert "coefficients instead of flows: no flow is above 1 (largest column sum 0." in said
    assert "Multiply each column by its output" in said


def test_a_spectral_radius_of_one_or_more() -> None:
    def change(given: dict[str, Any]) -> None:
        n = len(CODES)
        given["flows"] = np.zeros((2, n, 1, n))
        given["flows"][0, :, 0, :] = 100 * np.array([[0.2, 0.9, 0.3], [0.9, 0.2, 0.3], [0.1, 0.2, 0.1]])
        given["output"] = np.full((1, n), 100.0)
        given["final_demand"][:] = 0
        given["final_demand"][0, :, 0, 0] = 100 - given["flows"].sum(axis=(0, 2, 3))
        given["value_added"] = np.stack([100 - given["flows"].sum(axis=(0, 1)), np.zeros((1, n))])

    said = refused(change)
    assert "spectral radius: the largest eigenvalue of the input coefficients is 1.1" in said
    assert "Allowed: below 1, or output would need more than itself" in said


def test_output_below_zero_and_inputs_without_output() -> None:
    def negative(given: dict[str, Any]) -> None:
        given["output"][0, 0] *= -1

    assert "negative output: output below zero at region HOME, sector 01" in refused(negative)

    def idle(given: dict[str, Any]) -> None:
        given["output"][0, 0] = 0

    assert "inputs without output: output is zero but inputs are bought at region HOME, sector 01" in refused(idle)


def test_arrays_must_have_the_shape_of_their_labels() -> None:
    said = refused(lambda given: given.update(output=np.ones(3)))
    assert "an array over ('region', 'sector') has shape (3,); the labels ask for (1, 3)" in said
    table = make_table(**parts())
    with pytest.raises(TableError, match=r"dimensions: output has \('sector', 'region'\)"):
        dataclasses.replace(table, output=table.output.transpose("sector", "region"))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), national=st.booleans())
def test_any_balanced_table_comes_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, seed: int, national: bool
) -> None:
    table = make_table(**parts(seed, ("HOME",) if national else ("A", "B"), national=national))
    back = load_table(save_table(table, tmp_path_factory.mktemp("tables") / "table.nc"))
    for name, array in table.arrays.items():
        xr.testing.assert_identical(array, back.arrays[name])
    assert back.attrs == table.attrs
    rows, columns = balance_misses(back.arrays)
    assert max(np.abs(rows).max(), np.abs(columns).max()) < 1e-9


@given(seed=st.integers(0, 10_000))
def test_the_bound_on_the_spectral_radius_never_hides_one_above_it(seed: int) -> None:
    draw = np.random.default_rng(seed)
    flows, output = draw.uniform(0, 1, (1, 4, 1, 4)), draw.uniform(0.5, 6, (1, 4))
    exact = np.abs(np.linalg.eigvals(flows[0, :, 0] / output)).max()
    said = spectral_radius(flows, output)
    assert (said >= 1) == (exact >= 1)
    assert said >= exact - 1e-12


def test_the_hash_sees_labels_and_values() -> None:
    table = make_table(**parts())
    assert make_table(**parts()).sha256 == table.sha256
    renamed = {**parts(), "sectors": {"1": "a", "NA": "b", "06.10": "c"}}
    assert make_table(**renamed).sha256 != table.sha256
    assert make_table(**parts(seed=1)).sha256 != table.sha256


@pytest.mark.parametrize("name", ["china-2020", "china-2020-153", "china-2020-28", "world-2011"])
def test_shipped_tables_are_plain_netcdf_and_match_their_cards(name: str, tmp_path: Path) -> None:
    table, card = load_table(name), table_card(name)
    assert card["sha256"] == table.sha256
    assert card["sector_names"] == table.sector_names
    assert {key: card[key] for key in ("year", "unit", "classification")} == {
        "year": table.year,
        "unit": table.unit,
        "classification": table.attrs["classification"],
    }
    assert all(card[key] for key in ("source", "licence", "edition", "price_basis", "command", "made"))
    path = save_table(table, tmp_path / "again.nc")
    assert path.stat().st_size < 2_000_000
    with xr.open_dataset(path) as plain:
        assert plain["flows"].attrs["units"] == table.unit
        np.testing.assert_array_equal(plain["output"].values, table.output.values)
    assert load_table(path).attrs == table.attrs
    assert pickle.loads(pickle.dumps(table)).sha256 == table.sha256


def test_china_2020_is_what_the_publisher_says() -> None:
    table = load_table("china-2020")
    gdp = float(table.value_added.sum())
    assert gdp == pytest.approx(101_642_200, rel=1e-6)  # the table's own total of value added, million yuan
    assert table.final_demand.sum() - table.flows.sel(region="IMPORTS").sum() - table.final_demand.sel(
        region="IMPORTS"
    ).sum() == pytest.approx(gdp, rel=1e-9)
    names = table.attrs["sector_names_local"]
    assert names["42"] == "公共管理、社会保障和社会组织"
    individual = table.final_demand.sel(category="government_individual").sum(("region", "to_region"))
    assert [str(code) for code in individual["sector"].values[individual.values > 0]] == ["39", "40"]
    assert float(individual.sum()) / gdp == pytest.approx(0.0577, abs=1e-4)


def test_world_2011_closes() -> None:
    table = load_table("world-2011")
    named = "CHN USA EU JPN KOR TWN AUS BRA IND IDN RUS MEX CAN TUR ROW"
    assert " ".join(table.regions) == named
    assert float(table.value_added.sum()) == pytest.approx(float(table.final_demand.sum()), rel=1e-12)
    idle = table.output.values == 0
    assert idle.any()
    assert not table.flows.values[:, :, idle].any()
    assert float(table.final_demand.sel(category="inventories").min()) < 0
    assert float(table.final_demand.drop_sel(category="inventories").min()) >= 0
    assert table.employment is not None
    assert "ROW" not in table.employment["region"].values
    assert {"china-2020", "china-2020-153", "china-2020-28", "world-2011"} <= set(shipped_tables())


def test_an_unknown_name_offers_the_nearest() -> None:
    meant = r"There is no table 'china-2002'; shipped: .* Did you mean china-2020 or china-2020-28"
    with pytest.raises(TableError, match=meant):
        load_table("china-2002")
    with pytest.raises(TableError, match=r"Did you mean world-2011 or world-2020-estimate\?"):
        table_card("world2011")


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"There is no file .*absent\.nc\. Name a shipped table \(china-2020"):
        load_table(tmp_path / "absent.nc")
    with pytest.raises(TableError, match="is a folder"):
        load_table(tmp_path)
    broken = tmp_path / "broken.nc"
    broken.write_bytes(b"\x89HDF\r\n\x1a\n not much more")
    with pytest.raises(TableError, match="is no readable NetCDF file"):
        load_table(broken)
    other = tmp_path / "other.nc"
    xr.Dataset({"flows": ("x", [1.0])}).to_netcdf(other, engine="h5netcdf")
    with pytest.raises(TableError, match="not a table of iomodel: it lacks final_demand, value_added"):
        load_table(other)
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("a,b\n")
    with pytest.raises(TableError, match=r"load_table reads NetCDF\. Use read_table"):
        load_table(sheet)


BROKEN: list[tuple[Any, str]] = [
    ("{", "its attribute provenance is '{'; allowed: the description of the table as a JSON object"),
    ("[]", "its attribute provenance is '[]'; allowed: the description"),
    (5, "its attribute provenance is '5'"),
    (("name", None), "name absent: no name is stated"),
    (("tolerance", "x"), "tolerance: found 'x'; allowed: a number from 0 up to 1"),
    (("tolerance", math.nan), "tolerance: found nan; allowed"),
    (("sha256", 5), "content hash: the sha256 is 5"),
    (("sha256", None), "content hash: no sha256 is stated"),
    (("classification", None), "classification absent: no classification is stated"),
    (("sector_names", ["01"]), "sector names: the sector_names is ['01']. Allowed: a mapping from code to name"),
    (("sector_names", {"01": 5}), "sector names: the sector_names is {'01': 5}"),
    (("year", "x"), "year absent: the year is 'x'"),
]
"""A provenance, or a key of it with another value (None: without it) -> what is said."""


@pytest.mark.parametrize(("change", "text"), BROKEN, ids=[str(entry[0]) for entry in BROKEN])
def test_a_description_that_save_table_did_not_write(change: Any, text: str, tmp_path: Path) -> None:
    with pytest.raises(TableError) as caught:
        load_table(broken_table(tmp_path / "table.nc", change))
    assert text in str(caught.value)


def broken_table(path: Path, change: Any) -> Path:
    """A saved table whose provenance is `change`, or has another value of a key."""
    with xr.open_dataset(save_table(make_table(**parts()), path)) as plain:
        dataset = plain.load()
    if isinstance(change, tuple):
        said = {**json.loads(dataset.attrs["provenance"]), change[0]: change[1]}
        change = json.dumps({key: value for key, value in said.items() if value is not None})
    dataset.attrs["provenance"] = change
    dataset.to_netcdf(path, engine="h5netcdf")
    return path


def test_a_file_changed_after_it_was_saved(tmp_path: Path) -> None:
    path = save_table(make_table(**parts()), tmp_path / "table.nc")
    with xr.open_dataset(path) as plain:
        changed = plain.load()
    changed["product_taxes"] = changed["product_taxes"] + 1
    changed.to_netcdf(tmp_path / "changed.nc", engine="h5netcdf")
    with pytest.raises(TableError, match="The file was changed afterwards; make it again from its source"):
        load_table(tmp_path / "changed.nc")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TableError, match=r"Cannot write .*table\.nc: .* Choose a folder that can be written"):
        save_table(make_table(**parts()), tmp_path / "file" / "table.nc")
    assert not list(tmp_path.glob("**/*.nc*"))
    with pytest.raises(TableError, match="file: found None; allowed: the path of a file"):
        save_table(make_table(**parts()), None)  # type: ignore[arg-type]


def test_a_table_is_only_made_whole() -> None:
    with pytest.raises(TypeError):
        Table()  # type: ignore[call-arg]
