"""Trajectories as files: what is read back is what was saved, and nothing else is taken for one."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import h5netcdf
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from official import official

from iomodel.errors import ResultError
from iomodel.files import check_folder, write_text, write_whole
from iomodel.program.certificate import Verdict
from iomodel.program.trajectory import Trajectory
from iomodel.results import ATTRIBUTE, load_trajectory, save, save_headline
from iomodel.run import solve

SECTORS = ["01", "NA", "06.10", "农林牧渔产品和服务"]
YEARS = [2020, 2021, 2026]
MONEY = {"units": "percent of GDP of 2020", "long_name": "the household's own spending"}


def dataset(shift: float = 0.0) -> xr.Dataset:
    values = np.random.default_rng(1).normal(size=(len(SECTORS), len(YEARS))) + shift
    values[0, 0], values[1, 1] = np.nan, 1 / 3
    return xr.Dataset(
        {
            "household_consumption": (("year",), values[2] ** 2, MONEY),
            "retirement": (("sector", "year"), values, {"units": "percent of GDP of 2020", "long_name": "关闭"}),
            "count": (("sector",), np.arange(4, dtype=np.int32), {"units": "1"}),
        },
        coords={"year": np.array(YEARS), "sector": np.array(SECTORS), "region": "中国"},
        attrs={"title": "中国", "base_year": 2020, "known": [2021], "nothing": None, "flag": True},
    )


def trajectory(reference: bool = True) -> Trajectory:
    price = {"units": "yuan of the goal per yuan"}
    return Trajectory(
        data=dataset(),
        shadow_prices={
            "package": xr.DataArray([1.5], {"year": [2033]}, ("year",), attrs=price),
            "ramp": xr.DataArray(
                np.eye(4)[:, :2], {"sector": SECTORS, "year": [2026, 2027]}, ("sector", "year"), attrs=price
            ),
        },
        verdict=Verdict("inaccurate", 1e-5, "ramp", remedies=("rescaled",), warnings=("说",)),
        experiment=official("two-halves").replace(cards={"pandemic_path": (0.0, 1.0)}, solver="moreau"),
        provenance={"versions": {"xarray": xr.__version__}, "seconds": np.float64(1.5), "note": "记"},
        reference=dataset(1.0).isel(year=[0, 1]) if reference else None,
    )


@pytest.mark.parametrize("reference", [True, False])
def test_what_is_read_back_is_what_was_saved(reference: bool, tmp_path: Path) -> None:
    path = trajectory(reference)
    again = load_trajectory(save(path, tmp_path / "deep" / "path.nc"))
    xr.testing.assert_identical(again.data, path.data)
    assert {name: array.dtype for name, array in again.data.variables.items()} == {
        name: array.dtype for name, array in path.data.variables.items()
    }
    assert list(again.shadow_prices) == list(path.shadow_prices)
    for name, price in path.shadow_prices.items():
        xr.testing.assert_identical(again.shadow_prices[name], price.rename(name))
    if path.reference is None:
        assert again.reference is None
    else:
        xr.testing.assert_identical(again.reference, path.reference)
    assert again.experiment == path.experiment
    assert again.experiment.base == path.experiment.base
    assert again.verdict == path.verdict
    assert again.provenance == path.provenance


def test_plain_xarray_reads_the_file(tmp_path: Path) -> None:
    file = save(trajectory(), tmp_path / "path.nc")
    with xr.open_dataset(file) as opened:
        assert set(opened.data_vars) == set(trajectory().data.data_vars)
        assert all(variable.attrs["units"] for variable in opened.data_vars.values())
        np.testing.assert_array_equal(opened["retirement"].values, dataset()["retirement"].values)
        assert list(opened["sector"].values) == SECTORS
        settings = json.loads(opened.attrs[ATTRIBUTE])
    assert settings["experiment"]["name"] == "two-halves"
    assert settings["verdict"]["status"] == "inaccurate"
    with xr.open_dataset(file, group="reference") as opened:
        assert "household_consumption" in opened


def test_a_variable_without_a_unit_is_refused(tmp_path: Path) -> None:
    path = trajectory()
    bare = dataclasses.replace(path, data=path.data.assign(bare=("year", [1.0, 2.0, 3.0])))
    with pytest.raises(ResultError, match="without one: bare"):
        save(bare, tmp_path / "path.nc")
    assert not list(tmp_path.iterdir())


def test_nothing_half_written_remains(tmp_path: Path) -> None:
    file = save(trajectory(), tmp_path / "path.nc")
    before = file.read_bytes()

    def broken(part: Path) -> None:
        part.write_bytes(b"half")
        raise RuntimeError("in between")

    with pytest.raises(RuntimeError, match="in between"):
        write_whole(file, broken)
    assert file.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["path.nc"]


def test_a_file_has_the_usual_permissions(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    assert save(trajectory(), tmp_path / "path.nc").stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize("below", ["file/path.nc", "file/deep/path.nc"])
def test_a_folder_that_cannot_be_written(below: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here")
    with pytest.raises(ResultError, match=r"Cannot write .*path\.nc: .*Choose a folder that can be written"):
        save(trajectory(), tmp_path / below)
    with pytest.raises(ResultError, match="Cannot write to the folder"):
        check_folder(tmp_path / below)
    assert (tmp_path / "file").read_text() == "here"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="it is a folder"):
        write_text(tmp_path, "text")
    assert not list(tmp_path.iterdir())
    assert check_folder(tmp_path / "new") == tmp_path / "new"
    assert not list((tmp_path / "new").iterdir())


def other_version(file: Path) -> None:
    with h5netcdf.File(file, "a") as opened:
        settings = json.loads(opened.attrs[ATTRIBUTE])
        opened.attrs[ATTRIBUTE] = json.dumps({**settings, "version": 99})


def incomplete(file: Path) -> None:
    with h5netcdf.File(file, "a") as opened:
        settings = json.loads(opened.attrs[ATTRIBUTE])
        del settings["verdict"]
        opened.attrs[ATTRIBUTE] = json.dumps(settings)


def not_ours(file: Path) -> None:
    dataset().drop_attrs().to_netcdf(file, engine="h5netcdf")


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:2000])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (Path.unlink, "There is no file"),
        (not_ours, "is NetCDF but no trajectory"),
        (other_version, "has version 99 of the form; allowed: 1"),
        (incomplete, "does not hold a whole trajectory"),
        (truncated, "is no readable NetCDF file"),
        (lambda file: file.write_text("text"), "is no readable NetCDF file"),
        (lambda file: file.write_bytes(b""), "is no readable NetCDF file"),
    ],
)
def test_what_is_not_a_trajectory_is_refused(spoil: object, message: str, tmp_path: Path) -> None:
    file = save(trajectory(), tmp_path / "path.nc")
    assert callable(spoil)
    spoil(file)
    with pytest.raises(ResultError, match=message) as caught:
        load_trajectory(file)
    assert str(file) in str(caught.value)


def test_the_headline_as_csv(tmp_path: Path) -> None:
    headline = pd.DataFrame({"消费": [1 / 3, 2.0]}, index=pd.Index(["two halves", "usual"], name="policy"))
    file = save_headline(headline, tmp_path / "headline.csv")
    pd.testing.assert_frame_equal(pd.read_csv(file, index_col="policy"), headline)


@pytest.mark.parametrize("name", ["two-halves", "business-as-usual"])
def test_a_solved_path_comes_back_exactly(name: str, tmp_path: Path) -> None:
    path = solve(official(name))
    again = load_trajectory(save(path, tmp_path / "path.nc"))
    xr.testing.assert_identical(again.data, path.data)
    assert path.reference is not None
    xr.testing.assert_identical(again.reference, path.reference)
    assert list(again.shadow_prices) == list(path.shadow_prices)
    for law, price in path.shadow_prices.items():
        xr.testing.assert_identical(again.shadow_prices[law], price)
    assert (again.experiment, again.verdict, again.provenance) == (path.experiment, path.verdict, path.provenance)
