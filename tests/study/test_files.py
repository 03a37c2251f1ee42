"""A study as a folder: what is read back is what was saved, and a folder that was not finished is no study."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from official import official

from iomodel.answers.headline import compare
from iomodel.errors import ResultError
from iomodel.program.certificate import Verdict
from iomodel.program.trajectory import Trajectory
from iomodel.run import simulate
from iomodel.study.files import (
    CHECKS,
    HEADLINE,
    holds_study,
    load_partners,
    load_paths,
    load_study,
    save_partners,
    save_study,
    study_files,
)
from iomodel.study.policies import Study

PARTNERS = ["中国台湾", "EU", "NA"]


def partners() -> xr.Dataset:
    values = np.random.default_rng(2).normal(size=(3, 2, 2, 1))
    values[2] = np.nan
    coords = {"partner": PARTNERS, "sector": ["01", "农林"], "year": [2011, 2012], "channel": ["demand"]}
    change = xr.DataArray(values, coords, tuple(coords), attrs={"units": "million USD", "long_name": "变化"})
    return xr.Dataset({"value_added_change": change}, attrs={"home": "中国", "partners_without_employment": ""})


@pytest.fixture(scope="module")
def study() -> Study:
    usual = simulate(official("business-as-usual"))
    chinese = [f"部门{code}" for code in usual.data["sector"].values]
    renamed = dataclasses.replace(usual, data=usual.data.assign_coords(sector=chinese), reference=None)
    world = dataclasses.replace(usual, verdict=Verdict("inaccurate", 1 / 3, "package", warnings=("说",)))
    checks = {
        "misses": [{"variable": "growth", "value": 1 / 3, "within": True, "source": "国家统计局"}],
        "warnings": ["慢"],
        "interaction": {"consumption_joint": 0.1 + 0.2},
        "binding": {"two-halves": [{"labels": ["2033"], "price": np.float64(1e-17)}]},
        "nothing": None,
    }
    paths: dict[str, Trajectory] = {"business-as-usual": usual, "renamed": renamed}
    return Study(paths, {"business-as-usual": world}, {"two-halves": partners()}, checks)


@pytest.fixture(scope="module")
def folder(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("结果")
    written = save_study(study, root)
    assert [str(file.relative_to(root)) for file in written] == list(study_files(study))
    assert not list(root.rglob("*.part"))
    return root


def test_what_is_read_back_is_what_was_saved_with_chinese_labels(study: Study, folder: Path) -> None:
    again = load_study(folder)
    for kept, read in ((study.paths, again.paths), (study.world, again.world)):
        assert list(kept) == list(read)
        for name, path in kept.items():
            xr.testing.assert_identical(read[name].data, path.data)
            assert read[name].verdict == path.verdict
            assert read[name].experiment == path.experiment
            assert (read[name].reference is None) == (path.reference is None)
    assert list(again.partners) == list(study.partners)
    xr.testing.assert_identical(again.partners["two-halves"], study.partners["two-halves"])
    assert again.checks == study.checks
    assert str(again.paths["renamed"].data["sector"].values[0]) == "部门01"
    assert [str(name) for name in again.partners["two-halves"]["partner"].values] == PARTNERS


def test_single_paths_are_read_without_a_study(folder: Path, tmp_path: Path) -> None:
    assert [path.experiment.name for path in load_paths(folder)] == ["business-as-usual"] * 2  # one of them renamed
    with pytest.raises(ResultError, match=r"neither a study \(checks\.json\) nor a path \(NAME/path\.nc\) in "):
        load_paths(tmp_path)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "path.nc").write_bytes(b"no NetCDF")
    with pytest.raises(ResultError, match="broken"):
        load_paths(tmp_path)


def test_plain_xarray_reads_the_partners(folder: Path) -> None:
    with xr.open_dataset(folder / "partners" / "two-halves.nc") as opened:
        assert opened["value_added_change"].attrs["units"] == "million USD"
        np.testing.assert_array_equal(opened["value_added_change"].values, partners()["value_added_change"].values)
        assert json.loads(opened.attrs["iomodel"])["notes"]["home"] == "中国"


def test_the_headline_is_a_csv_in_full_precision(study: Study, folder: Path) -> None:
    with (folder / HEADLINE).open(encoding="utf-8", newline="") as file:
        row = next(iter(csv.DictReader(file)))
    exact = compare([study.paths["business-as-usual"]]).iloc[0]
    assert row.pop("policy") == "business-as-usual"
    assert {key: float(value) for key, value in row.items()} == exact.to_dict()


def test_a_folder_that_was_not_finished_is_no_study(study: Study, folder: Path, tmp_path: Path) -> None:
    one = Study({"business-as-usual": study.paths["business-as-usual"]}, {}, {}, {})
    save_study(one, tmp_path)
    assert holds_study(tmp_path)
    broken = dataclasses.replace(one, checks={"odd": object()})
    with pytest.raises(TypeError, match="no place in the checks"):
        save_study(broken, tmp_path)
    assert not holds_study(tmp_path)
    with pytest.raises(ResultError, match=r"no checks\.json.*name a folder that `iomodel run` without names"):
        load_study(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read"),
        ("[1]", "is no study"),
        ('{"format": "other"}', "is no study"),
        ('{"format": "iomodel study", "version": 9}', r"version 9 of the form; allowed: 2"),
        ('{"format": "iomodel study", "version": 2}', "Run the study again"),
    ],
)
def test_what_is_no_study_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / CHECKS).write_text(text, encoding="utf-8")
    with pytest.raises(ResultError, match=message):
        load_study(tmp_path)


def test_a_study_that_lacks_a_path_names_the_file(study: Study, tmp_path: Path) -> None:
    save_study(Study({"business-as-usual": study.paths["business-as-usual"]}, {}, {}, {}), tmp_path)
    (tmp_path / "business-as-usual" / "path.nc").unlink()
    with pytest.raises(ResultError, match=r"There is no file .*path\.nc"):
        load_study(tmp_path)


def test_broken_partners_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "partners.nc"
    with pytest.raises(ResultError, match="There is no file"):
        load_partners(file)
    file.write_bytes(b"no NetCDF")
    with pytest.raises(ResultError, match="does not hold spillovers"):
        load_partners(file)
    bare = partners()
    bare["value_added_change"].attrs.pop("units")
    with pytest.raises(ResultError, match="without one: value_added_change"):
        save_partners(bare, file)


def test_a_folder_that_cannot_be_written(study: Study, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here")
    with pytest.raises(ResultError, match="Cannot write to the folder"):
        save_study(study, tmp_path / "file" / "below")
