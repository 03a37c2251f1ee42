"""The driver: the same bits from this process and from others, resumed or not, and what it refuses before it begins."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import iomodel as iom
from iomodel.errors import ExperimentError, GridError, IOModelError, SchedulerError
from iomodel.grids.design.definition import Grid
from iomodel.grids.solving import worker
from iomodel.grids.solving.drive import Summary
from iomodel.grids.solving.progress import Progress
from iomodel.grids.storage.contents import read_counts, without_path
from tests.grids.boxes import BASE, box, box_file

TIMES = ("seconds", "solver_seconds")
"""What differs between two runs of one grid."""

EIGHT = """
[axes.package]
key = "targets.package.exactly"
values = [0.5, 1, 2, 2.5]
[axes.reform]
key = "targets.reform.exactly"
values = [0.1, 0.2]
[keep]
variables = ["household_consumption_share", "output"]
"""

SOME_INFEASIBLE = """
[axes.debt]
key = "limits.debt_ceiling.margin"
values = [-40, 50, 60]
[keep]
variables = ["gdp"]
"""


def same(one: xr.Dataset, other: xr.Dataset) -> None:
    """Every bit but the times."""
    xr.testing.assert_identical(one.drop_vars(TIMES), other.drop_vars(TIMES))


@pytest.fixture
def eight(tmp_path: Path) -> Grid:
    return box(tmp_path, EIGHT)


def test_the_bits_are_the_same_here_and_in_processes_and_resumed(eight: Grid, tmp_path: Path) -> None:
    news: list[Progress | str] = []
    here = iom.run_grid(eight, tmp_path / "here", workers=0, progress=news.append)
    assert str(here).startswith("8 of 8 done: 8 optimal; 0 left; 8 in ")
    assert [each.counts.done for each in news if isinstance(each, Progress)] == list(range(1, 9))
    there = iom.run_grid(eight, tmp_path / "there", workers=2)
    assert there.runs == 8

    def enough(news: Progress | str) -> None:
        if isinstance(news, Progress) and news.counts.done == 3:
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        iom.run_grid(eight, tmp_path / "resumed", workers=0, progress=enough)
    assert read_counts(tmp_path / "resumed").done == 3
    resumed = iom.run_grid(eight, tmp_path / "resumed", workers=1)
    assert resumed.runs == 5
    boxes = [iom.open_results(tmp_path / name).load() for name in ("here", "there", "resumed")]
    same(boxes[1], boxes[0])
    same(boxes[2], boxes[0])
    assert np.isfinite(boxes[0]["household_consumption_share"]).all()


def test_infeasible_runs_are_counted_and_listed_and_stop_nothing(tmp_path: Path) -> None:
    grid = box(tmp_path, SOME_INFEASIBLE)
    summary = iom.run_grid(grid, tmp_path / "out", workers=0)
    assert (summary.counts.optimal, summary.counts.infeasible) == (2, 1)
    assert summary.stopped_by is None
    (listed,) = without_path(tmp_path / "out")
    assert dict(listed.coordinates) == {"debt": -40}
    assert "No path meets all laws" in listed.explanation
    found = iom.open_results(tmp_path / "out")
    assert np.isnan(found["gdp"].sel(debt=-40)).all()


def test_fail_fast_stops_at_the_first_without_numbers(tmp_path: Path) -> None:
    grid = box(tmp_path, SOME_INFEASIBLE)
    summary = iom.run_grid(grid, tmp_path / "out", workers=0, fail_fast=True)
    assert summary.stopped_by is not None
    assert (summary.stopped_by.index, summary.stopped_by.status) == (0, "infeasible")
    assert summary.counts.left == 2
    assert isinstance(iom.run_grid(grid, tmp_path / "out", workers=0), Summary)  # and it goes on


def refused(grid: object, out: Path, **given: object) -> IOModelError:
    """The one error of a call, after which nothing is there."""
    with pytest.raises(IOModelError) as found:
        iom.run_grid(grid, out, **given)  # type: ignore[arg-type]
    assert not out.exists()
    return found.value


def test_what_cannot_be_is_refused_before_anything_is_written(eight: Grid, tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = refused("package-by-reform", out)
    assert str(found) == ("run_grid takes a grid, found 'package-by-reform' of type str; load one: load_grid(FILE).")
    assert "workers" in str(refused(eight, out, workers=-1))
    assert "workers" in str(refused(eight, out, workers=1.5))
    both = refused(eight, out, workers=2, scheduler="tcp://127.0.0.1:8786")
    assert isinstance(both, ExperimentError)
    assert str(both).startswith("workers and scheduler: found both")
    assert "scheduler" in str(refused(eight, out, scheduler=""))


@pytest.mark.parametrize("address", ["nonsense", "tcp://127.0.0.1:1"])
def test_a_scheduler_that_does_not_answer(
    eight: Grid, tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iomodel.grids.solving.cluster.ANSWERING", 1.0)
    found = refused(eight, tmp_path / "out", scheduler=address)
    assert isinstance(found, SchedulerError)
    assert found.exit_code == 4
    text = str(found)
    assert text.startswith(f"No scheduler answers at '{address}' within 1 s")
    assert "dask scheduler" in text
    assert "dask worker tcp://HOST:8786 --nthreads 1" in text


def test_a_folder_with_something_else_is_refused(eight: Grid, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(GridError, match=r"holds something already: found letter\.txt"):
        iom.run_grid(eight, other, workers=0)
    assert [entry.name for entry in other.iterdir()] == ["letter.txt"]


def test_the_command_says_where_results_are_and_ends_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from iomodel.cli import main

    monkeypatch.chdir(tmp_path)
    file = str(box_file(tmp_path, SOME_INFEASIBLE))
    assert main(["grid", file, "--dry-run"]) == 0
    assert "box: 3 runs" in capsys.readouterr().out
    assert not (tmp_path / "results").exists()
    assert main(["grid", file, "--out", "there", "--workers", "0", "--fail-fast"]) == 3
    assert "stopped at run 0, which is infeasible" in capsys.readouterr().out
    assert main(["grid", file, "--workers", "0"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("3 of 3 done: 2 optimal, 1 infeasible; 0 left; 3 in ")
    assert "\n  debt -40: infeasible. two-halves: No path meets all laws." in said.out
    assert "results in results/box; in Python: iomodel.open_results('results/box')" in said.out
    assert "\r" not in said.err
    assert main(["grid", file, "--status"]) == 0
    assert "results/box: 3 of 3 done: 2 optimal, 1 infeasible; 0 left" in capsys.readouterr().out
    other = tmp_path / "other.toml"
    other.write_text(Path(file).read_text(encoding="utf-8").replace("-40", "-30"), encoding="utf-8")
    for asked, before in (("--status", "these are not runs of other as its file stands now: "), ("--dry-run", "")):
        assert main(["grid", str(other), asked, "--out", "results/box"]) == 0
        said = capsys.readouterr().out
        assert f"{before or 'it cannot run there: '}results/box holds another grid: found box with digest" in said
        assert "of them are done" not in said
    assert main(["grid", file, "--status", "--dry-run"]) == 2
    assert main(["grid", file, "--status", "--out", "nowhere"]) == 2


def test_here_a_run_that_takes_too_long_is_stopped_when_the_solver_comes_back(
    eight: Grid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    solved = worker.settled

    def slow(*given: object, **more: object) -> object:
        if not (tmp_path / "slept").exists():
            (tmp_path / "slept").touch()
            time.sleep(60)
        return solved(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(worker, "settled", slow)
    summary = iom.run_grid(replace(eight, limit_seconds=3.0), tmp_path / "out", workers=0)
    assert (summary.counts.optimal, summary.counts.failed) == (7, 1)
    (late,) = without_path(tmp_path / "out")
    assert late.explanation == "not done within the time limit of 3 s for one run"


@pytest.mark.slow
def test_several_deciding_regions_are_runs_like_others(tmp_path: Path) -> None:
    text = """
        [axes.corridor]
        key = "corridor"
        values = [0.5, 2]
        [keep]
        variables = ["household_consumption_share"]
        """
    base = 'base = "world"\n[changes]\ndeciding = ["USA", "KOR"]\nhorizon = {years = 2, beyond = 0}\n'
    grid = box(tmp_path, text, base)
    iom.run_grid(grid, tmp_path / "out", workers=0)
    found = iom.open_results(tmp_path / "out")["household_consumption_share"]
    path = iom.solve(grid.experiment(1))
    wanted = path.data["household_consumption_share"]
    np.testing.assert_array_equal(found.isel(corridor=1).sel(region=wanted["region"]).values, wanted.values)


def test_a_first_run_that_no_calibration_takes_is_a_result_like_any_other(tmp_path: Path) -> None:
    """Whichever value stands first: labels come from a run that can be; where none can be the error is told."""
    iom.save_table(iom.aggregate(iom.load_table("world-2011"), "world28"), tmp_path / "coarse.nc")
    base = BASE.replace('"china-2020"', '"coarse.nc"')

    def asked(values: str) -> Grid:
        text = f'[axes.invested]\nkey = "cards.public_investment"\nvalues = {values}\n[keep]\nvariables = ["gdp"]\n'
        return box(tmp_path, text, base)

    for values in ("[11.5, 9.5]", "[9.5, 11.5]"):
        summary = iom.run_grid(asked(values), tmp_path / values, workers=0)
        assert (summary.counts.optimal, summary.counts.failed) == (1, 1)
        box_of = iom.open_results(tmp_path / values)
        assert dict(zip(box_of.invested.values.tolist(), box_of.status.values.tolist(), strict=True)) == {
            11.5: "failed", 9.5: "optimal",
        }  # fmt: skip
    with pytest.raises(IOModelError, match=r"public_investment = 11\.5 leaves"):
        iom.run_grid(asked("[11.5, 12]"), tmp_path / "none", workers=0)
    assert not (tmp_path / "none").exists()
