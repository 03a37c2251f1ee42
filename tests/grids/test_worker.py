"""A worker's numbers are those of a single solve, bit for bit, whatever it solved before and whatever it forgot."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import iomodel as iom
from iomodel.errors import TableError
from iomodel.grids.design.definition import Grid
from iomodel.grids.solving.drive import own_tables, tasks_of
from iomodel.grids.solving.layout import template_for
from iomodel.grids.solving.worker import Kept, Shared, Task, Worker, solve_run
from iomodel.grids.storage.outcome import PRICE, Outcome, laid_out
from tests.grids.boxes import BASE, box


def worker_of(grid: Grid, **given: object) -> Worker:
    return Worker(replace(Shared(grid, template_for(grid), own_tables(grid)), **given))


def outcomes(grid: Grid, **given: object) -> dict[int, Outcome]:
    worker = worker_of(grid, **given)
    return {task.index: solve_run(worker, task) for task in tasks_of(grid)}


def same(one: Outcome, other: Outcome) -> bool:
    """Whether two outcomes of a run agree in every bit but the seconds."""
    plain = [replace(each, values={}, prices={}, seconds=0.0, solver_seconds=0.0) for each in (one, other)]
    arrays = one.arrays.keys() == other.arrays.keys() and all(
        np.array_equal(array, other.arrays[name], equal_nan=True) for name, array in one.arrays.items()
    )
    return arrays and plain[0] == plain[1]


@pytest.fixture(scope="module")
def thirty(tmp_path_factory: pytest.TempPathFactory) -> Grid:
    return box(tmp_path_factory.mktemp("grid"))


@pytest.fixture(scope="module")
def first(thirty: Grid) -> dict[int, Outcome]:
    return outcomes(thirty)


@pytest.mark.parametrize("index", [0, 4, 17, 29])
def test_kept_numbers_are_those_of_a_solve(thirty: Grid, first: dict[int, Outcome], index: int) -> None:
    path = iom.solve(thirty.experiment(index))
    template, keep = template_for(thirty), thirty.keep
    assert first[index].status == path.verdict.status == "optimal"
    for name, values in laid_out({name: path.data[name] for name in keep.variables}, template).items():
        np.testing.assert_array_equal(first[index].values[name], values)
    for name, values in laid_out({law: path.shadow_prices[law] for law in keep.prices}, template, PRICE).items():
        np.testing.assert_array_equal(first[index].prices[name], values)
    assert first[index].worst_residual == path.verdict.worst_residual
    assert first[index].table_sha256 == path.provenance["table_sha256"]
    assert dict(first[index].versions) == path.provenance["versions"]


def test_a_run_whose_program_is_laid_again_is_that_of_a_solve(tmp_path: Path) -> None:
    """A package so large that labour is short, so that the simulation has to say what overflow imports do."""
    text = """
        [axes.package]
        key = "targets.package.exactly"
        values = [8, 6]
        [keep]
        variables = ["household_consumption", "overflow_imports"]
        """
    grid = box(
        tmp_path, text, 'base = "two-halves"\n[changes]\ntable = "china-2020"\n[changes.targets.reform]\nexactly = 0\n'
    )
    found = outcomes(grid)
    assert all(any("overflow imports" in said for said in one.remedies) for one in found.values())
    for index, one in found.items():
        path = iom.solve(grid.experiment(index))
        np.testing.assert_array_equal(one.values["household_consumption"], path.data["household_consumption"].values)
        assert one.remedies == path.verdict.remedies


@pytest.mark.parametrize("seed", [1, 2])
def test_order_and_what_is_forgotten_do_not_matter(thirty: Grid, first: dict[int, Outcome], seed: int) -> None:
    worker, tasks = worker_of(thirty), tasks_of(thirty)
    chance = random.Random(seed)
    chance.shuffle(tasks)
    for task in tasks[: 12 + 18 * (seed == 1)]:
        if chance.random() < 0.1:
            worker.forget()
        assert same(solve_run(worker, task), first[task.index])


def test_what_a_solve_finds_out_is_gone_before_the_next(thirty: Grid) -> None:
    worker, tasks = worker_of(thirty), tasks_of(thirty)
    solve_run(worker, tasks[0])
    built = worker.built(thirty.experiment(tasks[1].index), tasks[1])
    built.program.memo["definitions"] = None
    assert built.fresh().memo["definitions"] is built.known["definitions"]


def test_an_infeasible_run_is_a_result_with_its_reason(tmp_path: Path) -> None:
    text = """
        [axes.debt]
        key = "limits.debt_ceiling.margin"
        values = [-40, 50]
        [keep]
        variables = ["gdp"]
        """
    found = outcomes(box(tmp_path, text))
    assert (found[0].status, found[1].status) == ("infeasible", "optimal")
    assert "No path meets all laws" in found[0].explanation
    assert not found[0].arrays
    told = outcomes(box(tmp_path, text), explained=True)
    assert "debt ceiling" in told[0].explanation
    assert told[1].status == "optimal"


def test_what_cannot_be_is_failed_and_the_others_of_its_structure_are_solved(tmp_path: Path) -> None:
    """A hard reform beyond the limit of its card is refused; as the base of its structure it builds no program."""
    base = BASE.replace("reform = {exactly = 0.2, by = 3}", "reform = {exactly = 0.2, by = 3, hard = true}")
    text = """
        [axes.reform]
        key = "targets.reform.exactly"
        values = [0.2, 1]
        [keep]
        variables = ["gdp"]
        """
    found = outcomes(box(tmp_path, text, base))
    assert found[1].status == "failed"
    assert "reform_limit" in found[1].explanation
    assert found[0].status == "optimal"


def test_a_floor_that_the_first_year_cannot_meet_is_infeasible(tmp_path: Path) -> None:
    text = """
        [axes.floor]
        key = "limits.current_account_floor.margin"
        values = [-5, 20]
        [keep]
        variables = ["gdp"]
        """
    found = outcomes(box(tmp_path, text))
    assert found[0].status == "optimal"
    assert found[1].status == "infeasible"
    assert "limits.current_account_floor.margin" in found[1].explanation


def test_cards_change_the_reference_and_without_levers_a_run_is_simulated(tmp_path: Path) -> None:
    text = """
        [axes.policy.variants]
        business-as-usual = {base = "business-as-usual", table = "china-2020"}
        demand-only = {base = "demand-only", table = "china-2020"}
        [axes.precaution]
        key = "cards.precaution"
        values = [0.1, 0.3]
        [keep]
        variables = ["household_consumption", "output"]
        prices = ["package"]
        """
    grid = box(tmp_path, text, 'base = "business-as-usual"\n')
    found = outcomes(grid)
    assert [found[index].status for index in range(4)] == ["simulated", "simulated", "optimal", "optimal"]
    for index, one in found.items():
        path = iom.solve(grid.experiment(index))
        for name in grid.keep.variables:
            np.testing.assert_array_equal(one.values[name], path.data[name].values)
    assert np.isnan(found[0].prices["package"]).all()  # it has no such law
    assert np.isfinite(found[2].prices["package"]).any()


def test_a_users_own_table_travels_and_is_checked(tmp_path: Path) -> None:
    file = iom.save_table(iom.load_table("china-2020"), tmp_path / "mine.nc")
    text = f"""
        [axes.package]
        key = "targets.package.exactly"
        values = [1, 2]
        [axes.table]
        key = "table"
        values = ["{file}", "china-2020"]
        [keep]
        variables = ["gdp"]
        years = [2020, 2023]
        """
    grid = box(tmp_path, text)
    shared = Shared(grid, template_for(grid), own_tables(grid))
    file.unlink()  # a worker on another host has no such file
    worker = Worker(shared)
    found = [solve_run(worker, task) for task in tasks_of(grid)]
    assert {one.status for one in found} == {"optimal"}
    other = replace(grid, tables={**grid.tables, str(file): "0" * 64})
    with pytest.raises(TableError, match="is another one here than where the grid was loaded"):
        Worker(replace(shared, grid=other))


def test_a_worker_keeps_so_much_and_no_more() -> None:
    kept: Kept[int] = Kept(2)
    made: list[str] = []

    def make(key: str) -> int:
        made.append(key)
        return len(made)

    for key in "aabacab":
        kept.get(key, lambda key=key: make(key))
    assert "".join(made) == "abcb"  # a was used last when c pushed b out


def test_whatever_goes_wrong_is_an_outcome(thirty: Grid, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = worker_of(thirty)

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("so it goes")

    monkeypatch.setattr("iomodel.grids.solving.worker.settled", broken)
    found = solve_run(worker, tasks_of(thirty)[0])
    assert (found.status, found.explanation) == ("failed", "ZeroDivisionError: so it goes")
    monkeypatch.setattr("iomodel.grids.solving.worker.settled", lambda *_, **__: (_ for _ in ()).throw(MemoryError()))
    assert "memory" in solve_run(worker, tasks_of(thirty)[0]).explanation


def test_a_task_names_the_middle_run_of_its_structure(thirty: Grid) -> None:
    tasks = tasks_of(thirty)
    assert {task.base for task in tasks} == {15}
    assert sorted(task.index for task in tasks) == list(range(30))
    assert isinstance(tasks[0], Task)
