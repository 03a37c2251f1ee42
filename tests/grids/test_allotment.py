"""What is handed out: each run once, and to who holds its program as long as there are any."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from iomodel.grids.solving.allotment import Allotment
from iomodel.grids.solving.worker import Task


def tasks_for(sizes: list[int]) -> list[Task]:
    keys = [key for key, size in enumerate(sizes) for _ in range(size)]
    return [Task(index, f"structure {key}", keys.index(key)) for index, key in enumerate(keys)]


@given(st.lists(st.integers(1, 6), max_size=6), st.integers(1, 4), st.randoms())
def test_every_run_is_handed_out_once(sizes: list[int], workers: int, chance: object) -> None:
    tasks = tasks_for(sizes)
    allotment = Allotment(tasks)
    held: list[str | None] = [None] * workers
    found: list[Task] = []
    switches = 0
    while True:
        worker = chance.randrange(workers)  # type: ignore[attr-defined]
        task = allotment.take(held[worker])
        if task is None:
            break
        switches += held[worker] != task.key
        held[worker] = task.key
        found.append(task)
    assert sorted(task.index for task in found) == [task.index for task in tasks]
    assert len(allotment) == 0
    assert switches <= len(sizes) * workers


def test_a_worker_keeps_its_structure_and_another_begins_the_next() -> None:
    allotment = Allotment(tasks_for([3, 3]))
    one, two = allotment.take(), allotment.take()
    assert one is not None
    assert two is not None
    assert (one.index, two.index) == (0, 3)
    again = allotment.take(one.key)
    assert again is not None
    assert again.index == 1


def test_where_all_are_held_the_fullest_is_shared() -> None:
    allotment = Allotment(tasks_for([2, 5]))
    held = [allotment.take(), allotment.take()]
    assert [task.key for task in held if task] == ["structure 0", "structure 1"]
    third = allotment.take()
    assert third is not None
    assert third.key == "structure 1"


def test_stopped_it_gives_nothing_more() -> None:
    allotment = Allotment(tasks_for([4]))
    assert allotment.take() is not None
    allotment.stop()
    assert allotment.stopped
    assert allotment.take() is None
    assert len(allotment) == 3
