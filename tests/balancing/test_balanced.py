"""`balance`: drafts in, tables out, by every method; fixed cells, seeds, soft totals, reports, and clear refusals."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import iomodel as iom
from iomodel.balancing.balanced import write_balanced
from iomodel.balancing.drafts import read_draft
from iomodel.errors import BalanceError
from iomodel.table import Table, load_table, make_table, save_table

REGIONS, SECTORS, CATEGORIES = ["AAA", "BBB"], {"g": "Goods", "s": "Services"}, ["household", "inventories"]
SELLERS, BUYERS = ("region", "sector"), ("to_region", "to_sector")


def world() -> Table:
    """Two regions, two sectors, a negative change in stocks; value added is what balances."""
    flows = np.array([[[[20.0, 9], [4, 2]], [[8, 30], [1, 3]]], [[[5, 2], [40, 12]], [[1, 2], [15, 60]]]])
    final = np.array([[[[50.0, 2], [6, 0]], [[70, 0], [2, 0]]], [[[7, -1], [80, 3]], [[3, 0], [120, 0]]]])
    output = flows.sum(axis=(2, 3)) + final.sum(axis=(2, 3))
    added = output - flows.sum(axis=(0, 1))
    return make_table(
        name="two", year=2020, unit="million", regions=REGIONS, sectors=SECTORS, categories=CATEGORIES,
        factors=["compensation", "operating_surplus"], flows=flows, final_demand=final,
        value_added=np.array([0.6 * added, 0.4 * added]), output=output, national=False, source="invented",
    )  # fmt: skip


def distorted(table: Table, seed: int = 3, spread: float = 0.2) -> xr.Dataset:
    """The table as a plain Dataset whose cells are off, each on its own."""
    draws = np.random.default_rng(seed)
    arrays = {
        name: table.arrays[name] * np.exp(spread * draws.standard_normal(table.arrays[name].shape))
        for name in ("flows", "final_demand", "value_added")
    }
    return xr.Dataset(arrays, attrs={key: table.attrs[key] for key in ("name", "year", "unit", "sector_names")})


def as_table(found: Any) -> Table:
    assert isinstance(found, iom.Balanced)
    assert isinstance(found.table, Table)
    return found.table


@pytest.mark.parametrize("method", ["gras", "kras", "entropy", "quadratic"])
def test_a_draft_becomes_a_table_with_the_outputs_asked_for(method: str) -> None:
    true = world()
    found = as_table(iom.balance(distorted(true), row_totals=true.output, method=method))
    np.testing.assert_allclose(found.output, true.output, rtol=1e-7)
    np.testing.assert_array_equal(np.sign(found.final_demand), np.sign(true.final_demand))
    assert found.attrs["history"][0] == f"balanced by {method}"
    assert "totals of 4 sectors given on one side stand for both" in found.attrs["history"][1]


def test_gras_and_entropy_give_one_table_and_the_quadratic_one_close_to_it() -> None:
    true = world()
    draft = distorted(true, spread=0.05)
    gras, entropy, quadratic = (
        as_table(iom.balance(draft, row_totals=true.output, method=method, tolerance=tolerance))
        for method, tolerance in (("gras", 1e-12), ("entropy", 1e-12), ("quadratic", None))
    )
    for name in ("flows", "final_demand", "value_added"):
        np.testing.assert_allclose(gras.arrays[name], entropy.arrays[name], rtol=1e-8)
        np.testing.assert_allclose(gras.arrays[name], quadratic.arrays[name], rtol=2e-2)


def test_the_entropy_program_balances_a_draft_without_any_total() -> None:
    found = iom.balance(distorted(world()), method="entropy")
    table = as_table(found)
    rows = table.flows.sum(("to_region", "to_sector")) + table.final_demand.sum(("to_region", "category"))
    columns = table.flows.sum(("region", "sector")) + table.value_added.sum("factor")
    np.testing.assert_allclose(rows.values, columns.values, rtol=1e-9)


def test_a_table_that_meets_its_totals_stays_as_it_is() -> None:
    true = world()
    found = iom.balance(true, row_totals=true.output)
    np.testing.assert_allclose(as_table(found).flows, true.flows, rtol=1e-9)
    assert found.report.distance < 1e-12
    assert as_table(found).attrs["source"] == "invented"


def test_the_shipped_world_is_brought_to_other_outputs() -> None:
    """Real data: one region's outputs up by a tenth, the others' outputs as they are."""
    true = load_table("world-2011")
    wanted = true.output.copy(data=true.output.values * np.where(np.arange(15) == 0, 1.1, 1.0)[:, None])
    found = as_table(iom.balance(true, row_totals=wanted))
    np.testing.assert_allclose(found.output, wanted, rtol=1e-9, atol=1e-6)
    assert found.employment is not None


def test_a_national_draft_needs_the_total_of_its_imports() -> None:
    true = load_table("china-2020")
    sums = true.flows.sum(("to_region", "to_sector")) + true.final_demand.sum(("to_region", "category"))
    wanted = sums * xr.DataArray([1.0, 1.2], coords={"region": sums["region"]}, dims="region")
    found = as_table(
        iom.balance(
            true,
            row_totals=wanted,
            column_totals=true.output.rename(region="to_region", sector="to_sector"),
            method="entropy",
        )
    )
    np.testing.assert_allclose(found.output, true.output, rtol=1e-8)
    np.testing.assert_allclose(
        found.flows[1].sum(("to_region", "to_sector")) + found.final_demand[1].sum(("to_region", "category")),
        wanted[1],
        rtol=1e-8,
    )


def test_outputs_of_a_national_draft_are_totals_of_columns() -> None:
    true = load_table("china-2020")
    with pytest.raises(BalanceError, match=r"missing IMPORTS\. .* Outputs of a national table go to its columns"):
        iom.balance(true, row_totals=true.output)
    found = as_table(iom.balance(true, column_totals=true.output.rename(region="to_region", sector="to_sector") * 1.02))
    np.testing.assert_allclose(found.output, true.output * 1.02, rtol=1e-8)


def test_labels_in_another_order_are_the_same_totals() -> None:
    true = world()
    draft, turned = distorted(true), true.output.isel(region=[1, 0], sector=[1, 0]).transpose("sector", "region")
    one, two = (as_table(iom.balance(draft, row_totals=totals)) for totals in (true.output, turned))
    np.testing.assert_array_equal(one.flows, two.flows)


@pytest.mark.parametrize("method", ["gras", "entropy"])
def test_fixed_cells_stay_and_the_rest_meets_the_totals(method: str) -> None:
    true = world()
    draft = distorted(true)
    mask = xr.zeros_like(draft["flows"], dtype=bool)
    mask.loc[{"region": "AAA", "to_region": "AAA"}] = True
    found = as_table(iom.balance(draft, row_totals=true.output, fixed=mask, method=method))
    np.testing.assert_array_equal(found.flows.values[0, :, 0], draft["flows"].values[0, :, 0])
    np.testing.assert_allclose(found.output, true.output, rtol=1e-8)


def test_fixed_values_replace_the_draft() -> None:
    true = world()
    held = true.flows.where(true.flows["region"] == true.flows["to_region"])
    found = as_table(iom.balance(distorted(true), row_totals=true.output, fixed={"flows": held}))
    there = np.isfinite(held.values)
    np.testing.assert_array_equal(found.flows.values[there], held.values[there])


def test_fixed_cells_above_their_total_are_refused_with_a_word_on_them() -> None:
    true = world()
    held = xr.full_like(true.flows, np.nan)
    held.loc[{"region": "AAA", "sector": "g", "to_region": "AAA", "to_sector": "g"}] = 1000.0
    with pytest.raises(BalanceError, match=r"row AAA, g: target -.*\n(.*\n)*Targets are meant less the 1 fixed cells"):
        iom.balance(distorted(true), row_totals=true.output, fixed=held)


def test_soft_totals_give_way_and_are_reported() -> None:
    true = world()
    totals = {"output": true.output, "added": xr.DataArray([200.0, 90], coords={"factor": true.factors}, dims="factor")}
    soft = {
        "output": xr.zeros_like(true.output),
        "added": xr.DataArray([0.01, 0.01], coords={"factor": true.factors}, dims="factor"),
    }
    found = iom.balance(distorted(true), row_totals=totals, row_softness=soft, method="entropy")
    np.testing.assert_allclose(as_table(found).output, true.output, rtol=1e-8)
    assert [total.name for total in found.report.conceded] == ["row compensation", "row operating_surplus"] or [
        total.name for total in found.report.conceded
    ] == ["row operating_surplus", "row compensation"]
    assert "soft totals that gave way most:\n  row" in found.report.text()
    assert found.report.residual < 1e-9


def test_a_soft_output_counts_once_although_it_has_two_sides() -> None:
    """One total of softness τ on rows is that total on columns, since both sides are one amount."""
    true = world()
    draft = distorted(true)
    rows = as_table(iom.balance(draft, row_totals=true.output, row_softness=0.05, method="entropy"))
    paid = true.output.rename(region="to_region", sector="to_sector")
    columns = as_table(iom.balance(draft, column_totals=paid, column_softness=0.05, method="entropy"))
    np.testing.assert_allclose(rows.flows, columns.flows, rtol=1e-7)
    both = as_table(
        iom.balance(
            draft, row_totals=true.output, column_totals=paid, row_softness=0.1, column_softness=0.1, method="entropy"
        )
    )
    np.testing.assert_allclose(rows.flows, both.flows, rtol=1e-7)


def test_what_moved_most_is_named() -> None:
    true = world()
    wanted = true.output.copy(data=true.output.values * [[1, 1], [1, 3.0]])
    report = iom.balance(true, row_totals=wanted).report
    first = report.moved[0]
    assert (first.labels["region"], first.labels["sector"]) == ("BBB", "s")
    assert first.factor == pytest.approx(first.end / first.start)
    costs = [abs(cell.start) * (cell.factor * np.log(cell.factor) - cell.factor + 1) for cell in report.moved]
    assert costs == sorted(costs, reverse=True)
    place = ", ".join(first.labels.values())
    assert f"{first.array} {place}: {first.start:.6g} to {first.end:.6g} (× {first.factor:.4g})" in report.text()


def test_an_empty_row_is_seeded_where_that_is_asked_for_and_named_otherwise() -> None:
    true = world()
    draft = distorted(true)
    for name in ("flows", "final_demand"):
        draft[name].loc[{"region": "BBB", "sector": "s"}] = 0.0
    with pytest.raises(
        BalanceError, match=r"1 of \d+ targets cannot be met.*\n  row BBB, s: target 201, .* cells of zero"
    ):
        iom.balance(draft, row_totals=true.output)
    found = as_table(iom.balance(draft, row_totals=true.output, seed="shares"))
    np.testing.assert_allclose(found.output, true.output, rtol=1e-8)
    assert (
        "row BBB, s was empty with a total of 201: seeded with the shares of the other rows" in found.attrs["history"]
    )


def test_a_matrix_stays_a_matrix_and_a_draft_without_value_added_a_dataset() -> None:
    true = world()
    labels = {"from": ["a", "b"], "to": ["x", "y", "z"]}
    matrix = xr.DataArray([[1.0, 2, 3], [4, 5, 6]], coords=labels, dims=("from", "to"), name="trade")
    columns = xr.DataArray([6.0, 8, 10], coords={"to": labels["to"]}, dims="to")
    found = iom.balance(matrix, column_totals=columns, method="ras").table
    assert isinstance(found, xr.DataArray)
    np.testing.assert_allclose(found.sum("from"), [6, 8, 10])
    flows = distorted(true)[["flows"]]
    sums = true.flows.sum(SELLERS)
    open_ended = iom.balance(flows, column_totals=sums, method="ras").table
    assert isinstance(open_ended, xr.Dataset)
    np.testing.assert_allclose(open_ended["flows"].sum(SELLERS), sums)


def labelled(values: Any, **labels: Any) -> xr.DataArray:
    return xr.DataArray(values, coords=labels, dims=tuple(labels))


def flows(array: xr.DataArray) -> xr.Dataset:
    return xr.Dataset({"flows": array})


TRUE = world()
BUYERS_OUTPUT = TRUE.output.rename(region="to_region", sector="to_sector")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"method": "grass"}, "no method 'grass'; allowed: ras, gras, kras, entropy, quadratic. Did you mean"),
        ({"tolerance": 2}, "tolerance is 2; allowed: a number above 0 and below 1"),
        ({"seed": "ones"}, "seed is 'ones'; allowed: 'shares'"),
        ({"method": "ras"}, "no negative cells: 1 of the start, first -.* at row BBB, g, column AAA, inventories"),
        ({"row_totals": None}, r"Method gras needs totals over \('region', 'sector'\)"),
        ({"row_softness": 0.1}, "takes hard totals only, but row AAA, g has the softness 0.1"),
        ({"row_softness": -1.0}, "row_softness holds -1.0; allowed: 0"),
        ({"row_totals": TRUE.output[:1]}, "row_totals over .*, region: missing BBB. Allowed: exactly the labels"),
        ({"row_totals": TRUE.output.rename(sector="product")}, r"row_totals have the dims \('region', 'product'\)"),
        ({"row_totals": [TRUE.output, TRUE.output]}, "are given twice"),
        ({"row_totals": TRUE.output.where(TRUE.output > 130)}, "nan at AAA, g; allowed: a finite .* softness inf"),
        ({"row_totals": 5 * TRUE.output, "column_totals": BUYERS_OUTPUT}, r"4 differ:\n  AAA, g: row 465, column 93"),
        ({"row_totals": -1.0 * TRUE.output}, "row AAA, g: target -93, but it touches only cells that add upwards"),
        ({"fixed": labelled([1.0], asset=["x"])}, r"fixed has the dims \('asset',\); allowed: flows"),
        ({"fixed": {"flow": TRUE.flows}}, r"fixed names the arrays \['flow'\]; the draft has"),
        ({"fixed": {"flows": TRUE.flows.values}}, "fixed flows is a ndarray; allowed: a DataArray"),
        ({"row_totals": 5}, "row_totals holds a int; allowed: labelled DataArrays"),
        ({"row_totals": TRUE.output.values}, "row_totals holds a ndarray; allowed: labelled DataArrays"),
        ({"fixed": 3}, "fixed is a int; allowed: a DataArray"),
        ({"fixed": TRUE.flows[:1]}, "fixed flows, region: missing BBB"),
        ({"draft": 3}, "A draft is a Dataset with flows"),
        ({"draft": TRUE.flows}, "found a DataArray over"),
        ({"draft": xr.Dataset({"Z": TRUE.flows})}, r"The draft has the arrays \['Z'\]; allowed: flows over"),
        ({"draft": flows(TRUE.flows.where(TRUE.flows < 50))}, "1 cells are no .* first nan at BBB, s, BBB, s"),
        ({"draft": flows(TRUE.flows.drop_vars("sector"))}, "the dim sector has no labels"),
        ({"draft": flows(TRUE.flows.isel(to_sector=[0]))}, "sector: only in flows of the draft: s. Make both"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_one_clear_error(change: dict[str, Any], text: str) -> None:
    asked: dict[str, Any] = {"draft": distorted(TRUE), "row_totals": TRUE.output, **change}
    with pytest.raises(BalanceError, match=text):
        iom.balance(asked.pop("draft"), **asked)


def test_a_draft_that_makes_no_sound_table_says_why() -> None:
    draft = distorted(TRUE).assign_coords(category=["household", "stocks"])
    with pytest.raises(iom.TableError, match="unknown label: final_demand, category has 'stocks'"):
        iom.balance(draft, row_totals=TRUE.output)


def test_the_draft_is_left_alone() -> None:
    draft = distorted(TRUE)
    before = draft.copy(deep=True)
    iom.balance(draft, row_totals=TRUE.output, seed="shares")
    xr.testing.assert_identical(draft, before)


def test_a_file_of_a_table_is_a_draft_of_it(tmp_path: Path) -> None:
    draft = read_draft(save_table(load_table("china-2020"), tmp_path / "china.nc"))
    assert draft.attrs["name"] == "china-2020"
    assert draft.matrix.shape == (2 * 42 + 4, 42 + 6)
    with pytest.raises(BalanceError, match=r"There is no file .*absent\.nc; name a NetCDF file with a draft"):
        read_draft(tmp_path / "absent.nc")


def test_the_name_tells_a_matrix_from_a_part_of_a_table(tmp_path: Path) -> None:
    matrix = xr.DataArray([[1.0, 2.0], [3.0, 4.0]], {"row": ["a", "b"], "column": ["c", "d"]}, name="m")
    matrix.to_netcdf(tmp_path / "m.nc", engine="h5netcdf")
    assert read_draft(tmp_path / "m.nc").is_plain
    matrix.rename("flows").to_netcdf(tmp_path / "flows.nc", engine="h5netcdf")
    with pytest.raises(BalanceError, match=r"flows of the draft has the dims .* plain matrix .* otherwise than flows"):
        read_draft(tmp_path / "flows.nc")


def test_arrays_of_an_estimate_are_written_only_when_asked(tmp_path: Path) -> None:
    """A part of a table stays an ESTIMATE, although it is no Table any more."""
    draft = distorted(TRUE)[["flows"]].assign_attrs(name="two", estimate=True)
    found = iom.balance(draft, column_totals=TRUE.flows.sum(SELLERS), method="ras")
    with pytest.raises(iom.TableError, match=r"two is an ESTIMATE: .* single cells cannot .* pass estimate_ok=True"):
        write_balanced(found, tmp_path / "out.nc")
    assert not list(tmp_path.iterdir())
    assert write_balanced(found, tmp_path / "out.nc", estimate_ok=True).is_file()
