"""The store: what is put comes back bit for bit, once, from the journal and from segments alike."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pytest
import stored
import xarray as xr
import zarr

import iomodel as iom
from iomodel.errors import GridError, IOModelError
from iomodel.grids.design.definition import Axis, Keep
from iomodel.grids.storage import header
from iomodel.grids.storage.contents import read_contents, read_counts, without_path
from iomodel.grids.storage.journal import read, written
from iomodel.grids.storage.outcome import PRICE, Outcome, laid_out, template_of
from iomodel.grids.storage.store import create_store, holds_store, open_store


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments of five runs, so that a dozen fill some and leave some in the journal; nobody cuts the power."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(header, "FEWEST", 5)
    monkeypatch.setattr(header, "MOST", 5)


def filled(folder: Path, runs: list[int]) -> Path:
    with create_store(folder, stored.grid(), stored.template()) as store:
        for index in runs:
            store.put(stored.outcome(index))
    return folder


@pytest.mark.parametrize("count", [1, 5, 7, 12])
def test_what_is_put_comes_back_bit_for_bit(tmp_path: Path, count: int) -> None:
    order = [7, 2, 11, 4, 0, 9, 1, 3, 10, 6, 5, 8][:count]
    box = iom.open_results(filled(tmp_path / "store", order))
    assert box.sizes == {"package": 3, "waste": 4, "year": 3, "sector": 2, "industry": 1}
    for index in range(12):
        at = dict(zip(("package", "waste"), np.unravel_index(index, (3, 4)), strict=True))
        run = stored.outcome(index)
        here = box.isel(at)
        if index not in order:
            assert here.status == "left"
        else:
            assert here.status == run.status
            assert float(here.seconds) == run.seconds
            assert float(here.solver_seconds) == run.solver_seconds
            assert float(here.worst_residual) == run.worst_residual
        for name in ("gdp", "output", f"{PRICE}capacity_limit"):
            if index in order and run.status == "optimal":
                assert here[name].values.tobytes() == run.arrays[name].tobytes()
            else:
                assert np.isnan(here[name].values).all()


def test_bits_of_special_numbers_are_kept(tmp_path: Path) -> None:
    special = np.array([-0.0, np.nextafter(0, 1), np.frombuffer(b"\x01\0\0\0\0\0\xf8\x7f")[0]])  # a NaN with a payload
    for place, name in ((0, "journal"), (5, "segment")):
        with create_store(tmp_path / name, stored.grid(), stored.template()) as store:
            run = stored.outcome(0)
            store.put(dataclasses.replace(run, values={**run.values, "gdp": special}))
            for index in range(1, place):
                store.put(stored.outcome(index))
        assert iom.open_results(tmp_path / name).gdp[0, 0].values.tobytes() == special.tobytes()


def test_an_outcome_survives_its_bytes() -> None:
    for index in range(12):
        assert stored.same(read(written(stored.outcome(index))), stored.outcome(index))


def test_indexing_the_box_is_indexing_its_numbers(tmp_path: Path) -> None:
    box = iom.open_results(filled(tmp_path / "store", list(range(12))))
    whole = box.load().copy(deep=True)
    again = iom.open_results(tmp_path / "store")
    pick = xr.DataArray([0, 2, 1], dims="point")
    for select in (
        lambda data: data.sel(year=2035),
        lambda data: data.isel(waste=slice(None, None, -2), sector=[1]),
        lambda data: data.isel(package=1).sel(sector="02"),
        lambda data: data.isel(package=pick, waste=pick),  # points, not a box
        lambda data: data.isel(package=[2, 0, 0], year=-1),
        lambda data: data.isel(package=slice(0, 0)),
        lambda data: data.stack(run=("package", "waste")).isel(run=[3, 8]),
    ):
        xr.testing.assert_identical(select(again).load(), select(whole))
    xr.testing.assert_identical(again.mean("waste"), whole.mean("waste"))


def test_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    box = iom.open_results(filled(tmp_path / "store", list(range(12))))
    for file in (tmp_path / "store/runs.zarr/output").glob("c.*"):
        file.write_bytes(b"\0" * file.stat().st_size)  # would be refused if it were read
    assert np.isfinite(box.gdp.sel(year=2035).isel(package=0, waste=0))
    with pytest.raises(GridError, match=r"output/c\.0\.0\.0 is absent or not what was written\. Run the grid again"):
        box.output.isel(package=0).load()


def test_counts_and_runs_without_path(tmp_path: Path) -> None:
    filled(tmp_path / "store", [0, 4, 6, 9, 10, 1, 2])
    counts = read_counts(tmp_path / "store")
    assert (counts.wanted, counts.done, counts.left) == (12, 7, 5)
    assert (counts.optimal, counts.infeasible, counts.failed, counts.inaccurate) == (4, 2, 1, 0)
    assert str(counts) == "7 of 12 done: 4 optimal, 2 infeasible, 1 failed; 5 left"
    listed = without_path(tmp_path / "store")
    assert [(run.index, run.status, dict(run.coordinates)) for run in listed] == [
        (4, "infeasible", {"package": 1, "waste": 0}),
        (6, "failed", {"package": 1, "waste": 2}),
        (9, "infeasible", {"package": 2, "waste": 1}),
    ]
    why = "In run 4 the laws “capacity” and “reform” collide. (tried: Clarabel: inaccurate)"
    assert str(listed[0]) == f"package 1, waste 0: infeasible. {why}"
    longer = dataclasses.replace(listed[0], explanation="No path.\nWhat collides:\n  package", remedies=())
    assert str(longer).splitlines()[1:] == ["    What collides:", "      package"]


def test_going_on_where_it_was(tmp_path: Path) -> None:
    whole = filled(tmp_path / "whole", list(range(12)))
    parts = filled(tmp_path / "parts", [3, 1, 2])
    for more in ([0, 4, 5], [], [11, 9, 10, 8], [6, 7]):
        with open_store(parts, stored.grid()) as store:
            assert store.notes == ()
            for index in more:
                store.put(stored.outcome(index))
    with open_store(parts, stored.grid()) as store:
        assert store.done() == frozenset(range(12))
        assert (store.counts().done, store.counts().left) == (12, 0)
    xr.testing.assert_identical(iom.open_results(parts).load(), iom.open_results(whole).load())
    assert len(list(parts.glob("segments/*"))) == 3


def test_a_run_is_stored_once(tmp_path: Path) -> None:
    for index, where in ((0, "segment"), (5, "journal")):
        filled(tmp_path / where, list(range(6)))
        with open_store(tmp_path / where, stored.grid()) as store:
            with pytest.raises(GridError, match=rf"Run {index} of made-up is stored already \(optimal\); .* once\."):
                store.put(stored.outcome(index))
            assert store.counts().done == 6


def test_filters_leave_runs_out(tmp_path: Path) -> None:
    grid = stored.grid(filters=("package < 2 or waste > 1",))
    with create_store(tmp_path / "store", grid, stored.template()) as store:
        assert store.counts().wanted == 10
        with pytest.raises(GridError, match=r"Run 8 of made-up is not among its 10 runs\."):
            store.put(stored.outcome(8))
        store.put(stored.outcome(10))
    status = iom.open_results(tmp_path / "store").status
    assert status[2].values.tolist() == ["left out", "left out", "optimal", "left"]
    assert status[1].values.tolist() == ["left"] * 4


def test_a_plain_reader_of_zarr_finds_the_runs(tmp_path: Path) -> None:
    filled(tmp_path / "store", [7, 2, 0, 1, 3])
    with xr.open_zarr(tmp_path / "store/runs.zarr", consolidated=False, chunks=None) as runs:
        assert runs.run[:5].values.tolist() == [7, 2, 0, 1, 3]
        assert runs.gdp.sel(year=2030)[0] == stored.outcome(7).values["gdp"][1]
        assert runs.attrs["axes"][0] == {"name": "package", "labels": [0, 1, 2]}
    statuses = np.asarray(zarr.open_array(tmp_path / "store/runs.zarr/status", mode="r")[:5])
    assert statuses.tolist() == [1] * 5


def test_what_was_asked_stands_in_the_store(tmp_path: Path) -> None:
    filled(tmp_path / "store", [])
    settings = header.unsealed(tmp_path / "store/settings.json")
    assert settings["base"]["table"] == "china-2020"
    assert settings["axes"]["waste"][3] == {"cards.waste": 3}
    assert json.loads((tmp_path / "store/grid.json").read_text(encoding="utf-8"))["content"]["name"] == "made-up"


def test_a_sampled_axis_has_its_inputs_as_coordinates(tmp_path: Path) -> None:
    grid = stored.grid((3,))
    axis = dataclasses.replace(grid.axes[0], name="sample", inputs={"households": (0.1, 0.9, 0.5)})
    sampled = dataclasses.replace(grid, axes=(axis,), sampled={"method": "saltelli", "seed": 1})
    create_store(tmp_path / "store", sampled, stored.template()).close()
    box = iom.open_results(tmp_path / "store")
    assert box.sample_households.dims == ("sample",)
    assert box.sample_households.values.tolist() == [0.1, 0.9, 0.5]
    assert json.loads(box.attrs["sampled"]) == {"method": "saltelli", "seed": 1}
    assert (box.attrs["grid"], box.attrs["digest"]) == ("made-up", sampled.digest)


# ---------------------------------------------------------------- outcomes that have no place


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"values": {"gdp": np.zeros(3)}}, r"of output found the shape nothing, expected \(2, 3\)"),
        ({"prices": {}}, r"of shadow_price_capacity_limit found the shape nothing, expected \(1, 3\)"),
        ({"prices": {"capacity_limit": np.zeros((1, 4))}}, r"found the shape \(1, 4\), expected \(1, 3\)"),
        ({"versions": {**stored.VERSIONS, "clarabel": "0.12"}}, r"solved with clarabel 0\.12 instead of 0\.11\.1: all"),
        ({"table_sha256": "e" * 64}, "solved on a table eeeeeeeeeeee that is not the grid's"),
        ({"index": 12}, "Run 12 of made-up is not among its 12 runs"),
    ],
)
def test_an_outcome_without_place_is_refused(tmp_path: Path, changed: dict[str, object], message: str) -> None:
    with create_store(tmp_path / "store", stored.grid(), stored.template()) as store:
        store.put(stored.outcome(1))
        with pytest.raises(GridError, match=message):
            store.put(dataclasses.replace(stored.outcome(0), **changed))  # pyright: ignore[reportArgumentType]
        assert store.done() == {1}
        store.put(stored.outcome(2, "failed", versions={}, explanation="The worker died."))
    assert read_counts(tmp_path / "store").done == 2


def test_numbers_of_a_run_without_path_are_refused() -> None:
    with pytest.raises(GridError, match="Run 3 is infeasible and has no numbers; found gdp"):
        Outcome(3, "infeasible", values={"gdp": np.zeros(3)})
    with pytest.raises(GridError, match="found the status 'fine'; allowed: optimal, simulated, inaccurate"):
        Outcome(3, "fine")


@pytest.mark.parametrize("name", ["gdp", "year", "status", "run", "shadow_price_capacity_limit"])
def test_an_axis_named_as_something_kept_is_refused(tmp_path: Path, name: str) -> None:
    axis = Axis(name, (0, 1), ({"cards.a": 0}, {"cards.a": 1}))
    grid = dataclasses.replace(stored.grid(), axes=(axis,))
    with pytest.raises(GridError, match=rf"The axis {name} of made-up and something kept .* both called {name}; give"):
        create_store(tmp_path / "store", grid, stored.template())
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- folders


def test_a_foreign_folder_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    grid = stored.grid()
    with pytest.raises(GridError, match=r"holds something already: found notes\.txt\. Name a new or an empty folder"):
        create_store(tmp_path, grid, stored.template())
    with pytest.raises(GridError, match=r"holds no results of a grid; found notes\.txt\. Name another folder"):
        open_store(tmp_path, grid)
    with pytest.raises(GridError, match=r"notes\.txt holds something already: found a file"):
        create_store(tmp_path / "notes.txt", grid, stored.template())
    assert [(file.name, file.read_text(encoding="utf-8")) for file in tmp_path.iterdir()] == [("notes.txt", "mine")]
    assert not holds_store(tmp_path)


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    filled(tmp_path / "empty", [0])
    assert holds_store(tmp_path / "empty")
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


@pytest.mark.parametrize("folder", ["/proc/results", "/dev/null/results"])
def test_a_folder_that_cannot_be_made_is_refused(folder: str) -> None:
    with pytest.raises(IOModelError, match="Cannot write to"):
        create_store(folder, stored.grid(), stored.template())


def test_nothing_is_left_of_a_store_that_could_not_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", broken)
    with pytest.raises(GridError, match=r"No room to write to .*new: No space left on device\. Nothing was written\."):
        create_store(tmp_path / "deep/new", stored.grid(), stored.template())
    assert list(tmp_path.iterdir()) == []


def test_a_store_of_another_grid_table_or_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = filled(tmp_path / "store", [0])
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(GridError, match=r"holds another grid: found made-up with digest .* Choose another folder"):
        open_store(folder, stored.grid((3, 5)))
    with pytest.raises(GridError, match=r"another table: china-2020 has the content ffffffffffff there and eeeeeeee"):
        open_store(folder, stored.grid(tables={"china-2020": "e" * 64}))
    with monkeypatch.context() as patch:
        patch.setattr(header, "__version__", "0.2.0")
        with pytest.raises(GridError, match=r"begun by iomodel 0\.1\.0; this is 0\.2\.0, whose numbers may differ"):
            open_store(folder, stored.grid())
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    content = header.unsealed(folder / "grid.json")
    (folder / "grid.json").write_bytes(header.sealed({**content, "version": 2}))
    for opened in (lambda: open_store(folder, stored.grid()), lambda: iom.open_results(folder)):
        with pytest.raises(GridError, match=r"by another version: found iomodel grid results 2; allowed: .* 1\."):
            opened()


# ---------------------------------------------------------------- labels


def test_runs_on_other_tables_are_laid_on_the_labels_of_all() -> None:
    def path(sectors: list[str], years: list[int]) -> xr.Dataset:
        numbers = np.arange(float(len(sectors) * len(years))).reshape(len(sectors), len(years))
        data = {"output": (("sector", "year"), numbers, {"units": "%"}), "gdp": ("year", numbers[0], {"units": "%"})}
        return xr.Dataset(data, coords={"sector": sectors, "year": years})

    one, other = path(["a", "b"], [2020, 2025, 2030]), path(["b", "a long name"], [2025, 2030])
    price = xr.DataArray(np.ones(3), dims="year", coords={"year": [2025, 2030, 2040]}, attrs={"units": "%"})
    keep = Keep(("gdp", "output"), (2025, 2030), ("debt",))
    template = template_of([one, other], [{"debt": price}, {}], keep)
    assert template.sector.values.tolist() == ["a", "b", "a long name"]
    assert template.year.values.tolist() == [2025, 2030]
    assert template.output.attrs["units"] == "%"
    other.output.attrs["units"] = "yuan"
    assert template_of([one, other], [{}, {}], Keep(("output",))).output.attrs["units"] == "% or yuan"
    laid = laid_out(other, template)  # pyright: ignore[reportArgumentType]
    np.testing.assert_array_equal(laid["output"], [[np.nan, np.nan], [0, 1], [2, 3]])
    np.testing.assert_array_equal(laid_out(one, template)["gdp"], [1, 2])  # pyright: ignore[reportArgumentType]
    np.testing.assert_array_equal(laid_out({"debt": price}, template, PRICE)["debt"], [1, 1])
    with pytest.raises(GridError, match="output has sector c in this run; the store of the grid has no place for it"):
        laid_out(path(["c"], [2025]), template)  # pyright: ignore[reportArgumentType]
    with pytest.raises(GridError, match="To be kept, but in no run of the grid: wages"):
        template_of([one], [{}], Keep(("wages",)))


def test_reading_a_store_that_is_being_written(tmp_path: Path) -> None:
    seen = []
    with create_store(tmp_path / "store", stored.grid(), stored.template()) as store:
        for index in range(12):
            store.put(stored.outcome(index))
            contents = read_contents(tmp_path / "store")
            seen.append(contents.counts().done)
            assert set(contents.statuses()) == store.done()
    assert seen == list(range(1, 13))
