"""Runs: each place of the box is the experiment that its settings say; those that share a program stand together."""

from __future__ import annotations

import dataclasses
import itertools
import pickle
import time
import tracemalloc
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from official import official

from iomodel.errors import ExperimentError
from iomodel.experiment import Experiment
from iomodel.experiment_file import load_experiment
from iomodel.grids.design.definition import Axis, Drawn, Grid, Keep
from iomodel.grids.design.load import load_grid, same_entry
from iomodel.grids.design.runs import runs, structure, structures
from iomodel.run import build

TWO = official("two-halves")


def axis(name: str, key: str, *values: object) -> Axis:
    return Axis(name, tuple(range(len(values))), tuple({key: value} for value in values))


def grid(*axes: Axis, base: Experiment = TWO, filters: tuple[str, ...] = ()) -> Grid:
    return Grid("mine", "", base, axes, Keep(("gdp",)), filters)


PARAMETERS = {
    "targets.package.exactly": (4.0, 1.0),
    "targets.idle_cut.at_least": (0.5, 0.2),
    "limits.debt_ceiling.margin": (10.0, 20.0),
    "limits.debt_ceiling.soft": (1.0, 2.0),
    "levers.benefit.to": (0.15, 0.1),
    "levers.benefit.by": (8, 6),
    "levers.benefit": ({"to": 0.1, "by": 4}, {"to": 0.2, "by": 8}),
    "targets.package": ({"exactly": 4.0, "by": 8}, {"exactly": 1.0, "by": 8}),
    "limits.debt_ceiling": ({"margin": 10.0, "soft": 1.0}, {"margin": 20.0, "soft": 3.0}),
}
REBUILD = {
    "targets.package.by": (8, 6),
    "targets.package.hard": (True, False),
    "targets.package": ({"exactly": 4.0, "by": 8}, {"at_least": 4.0, "by": 8}),
    "targets.reform": ({"exactly": 0.5, "by": 8}, "none"),
    "limits.debt_ceiling": ({"margin": 10.0}, {"margin": 10.0, "soft": 1.0}),
    "limits.household_saving_floor.margin": (0.1, 0.2),
    "cards.precaution": (0.3, 0.4),
    "horizon.beyond": (8, 4),
    "levers.payer": ("debt", "dividends"),
    "table": ("china-2020", "china-2020-153"),
    "solver": ("clarabel", "scs"),
    "corridor": (2.0, 3.0),
}
WITH_LIMITS = TWO.set("limits.debt_ceiling", {"margin": 5.0, "soft": 1.0})


@pytest.mark.parametrize("key", PARAMETERS)
def test_runs_that_differ_in_numbers_share_one_program(key: str) -> None:
    box = grid(axis("number", key, *PARAMETERS[key]), base=WITH_LIMITS)
    assert len({structure(box.experiment(index)) for index in range(2)}) == 1
    assert structures(box) == 1


@pytest.mark.parametrize("key", REBUILD)
def test_runs_that_differ_in_more_do_not(key: str) -> None:
    box = grid(axis("number", key, *REBUILD[key]), base=WITH_LIMITS)
    assert len({structure(box.experiment(index)) for index in range(2)}) == 2
    assert structures(box) == 2


POOL = [*PARAMETERS.items(), *REBUILD.items()]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(range(len(POOL))), min_size=2, max_size=3, unique=True), st.randoms())
def test_keys_of_runs_are_one_to_one_with_structures(chosen: list[int], random: Random) -> None:
    entries = [POOL[number] for number in chosen]
    keys = [key for key, _ in entries]
    assume(not any(same_entry(one, other) for one, other in itertools.combinations(keys, 2)))
    axes = [axis(f"a{place}", key, *random.sample(values, 2)) for place, (key, values) in enumerate(entries)]
    box = grid(*axes, base=WITH_LIMITS)
    pairs = {(run.experiment_key, structure(box.experiment(run.index))) for run in runs(box)}
    assert len(pairs) == len({key for key, _ in pairs}) == len({built for _, built in pairs})


def test_a_structure_is_that_of_the_compiled_program() -> None:
    # Independent of what the digest leaves out: the rows and the sparsity of the arrays that a solver gets.
    def shape(experiment: Experiment) -> tuple[object, ...]:
        data, _, _ = build(experiment).problem.get_problem_data("CLARABEL")
        return data["A"].shape, data["A"].nnz, data["P"].nnz, str(data["dims"])

    same = TWO.set_all({"targets.package.exactly": 2.0, "levers.benefit.to": 0.05, "targets.idle_cut.at_least": 0.2})
    other = TWO.set("targets.package.by", 6)
    assert shape(TWO) == shape(same)
    assert shape(TWO) != shape(other)


def test_several_deciding_regions_have_no_parameters() -> None:
    world = load_experiment("world")
    key = f"targets.{next(iter(world.targets), 'package')}"
    base = world if world.targets else world.set_all({"levers.free": ["programme"], key: {"exactly": 1.0, "by": 4}})
    box = grid(axis("package", f"{key}.{base.targets[key.split('.')[1]].kind}", 1.0, 0.5), base=base)
    assert structures(box) == 2
    assert structure(box.experiment(0)) != structure(box.experiment(1))


def test_runs_of_a_key_have_one_structure_and_stand_together() -> None:
    box = grid(
        axis("package", "targets.package.exactly", 1.0, 2.0),
        axis("precaution", "cards.precaution", 0.3, 0.63, 0.9),
        axis("policy", "experiment", TWO, official("demand-only")),
        axis("benefit", "levers.benefit.to", 0.1, 0.2),
        filters=("package > 0 or policy == 0",),
    )
    found = runs(box)
    assert sorted(run.index for run in found) == box.indices.tolist()
    assert [key for key, _ in itertools.groupby(found, lambda run: run.experiment_key)] == list(
        dict.fromkeys(run.experiment_key for run in found)
    )
    by_key: dict[str, set[str]] = {}
    for run in found:
        by_key.setdefault(run.experiment_key, set()).add(structure(box.experiment(run.index)))
    assert all(len(each) == 1 for each in by_key.values())
    assert len(by_key) == len(set.union(*by_key.values())) == 6
    assert [run.index for run in found if run.experiment_key == found[0].experiment_key] == sorted(
        run.index for run in found if run.experiment_key == found[0].experiment_key
    )


def test_axes_of_the_economy_lead() -> None:
    box = grid(axis("by", "targets.package.by", 6, 8), axis("precaution", "cards.precaution", 0.3, 0.9))
    order = [box.settings(run.index)["cards.precaution"] for run in runs(box)]
    assert order == [0.3, 0.3, 0.9, 0.9]


def test_the_experiment_of_an_index_is_that_of_its_coordinates() -> None:
    box = grid(
        Axis("package", (1.0, 2.0), ({"targets.package.exactly": 1.0}, {"targets.package.exactly": 2.0})),
        Axis("policy", ("two", "demand"), ({"experiment": TWO}, {"experiment": official("demand-only")})),
        Axis("sample", (0, 1, 2), Drawn(["cards.precaution"], np.array([[0.1], [0.2], [0.3]])), kind="samples"),
    )
    assert (box.dims, box.shape, box.size) == (("package", "policy", "sample"), (2, 2, 3), 12)
    for index, (package, policy, sample) in enumerate(itertools.product((1.0, 2.0), ("two", "demand"), (0, 1, 2))):
        assert box.coordinates(index) == {"package": package, "policy": policy, "sample": sample}
        one = box.experiment(index)
        assert one.targets["package"].value == package
        assert ("reform" in one.targets) == (policy == "two")
        assert one.cards["precaution"] == pytest.approx((sample + 1) / 10)
    with pytest.raises(ExperimentError, match="has runs 0 to 11, found 12"):
        box.places(12)


def test_filters_leave_the_indices_of_what_stays() -> None:
    axes = (axis("package", "targets.package.exactly", 1.0, 2.0), axis("reform", "targets.reform.exactly", 0.1, 0.2))
    whole, part = grid(*axes), grid(*axes, filters=("reform == 1",))
    assert part.indices.tolist() == [1, 3]
    assert part.size == 2
    assert part.experiment(3) == whole.experiment(3)
    assert whole.digest != part.digest


def test_a_digest_is_of_what_decides_results() -> None:
    box = load_grid("package-by-reform")
    assert pickle.loads(pickle.dumps(box)).digest == box.digest
    assert pickle.loads(pickle.dumps(box)) == box
    assert hash(box) == hash(load_grid("package-by-reform"))
    for same in ({"name": "other"}, {"question": "other?"}, {"limit_seconds": 1.0}):
        assert dataclasses.replace(box, **same).digest == box.digest
    for other in (
        {"base": TWO.set("levers.payer", "dividends")},
        {"axes": box.axes[:1]},
        {"filters": ("package > 0",)},
        {"keep": Keep(("gdp",))},
        {"tables": {"china-2020": "0"}},
    ):
        assert dataclasses.replace(box, **other).digest != box.digest
    one, two = (Drawn(["cards.precaution"], np.array([[0.1], [last]])) for last in (0.2, 0.3))
    drawn = [grid(Axis("sample", (0, 1), settings, kind="samples")) for settings in (one, two)]
    assert drawn[0].digest != drawn[1].digest


def test_a_hundred_thousand_runs_are_laid_out_in_seconds(tmp_path: Path) -> None:
    file = tmp_path / "large.toml"
    file.write_text(
        'base = "two-halves"\nchanges = {table = "china-2020"}\nfilters = ["package > 0 or reform > 0"]\n'
        '[axes.package]\nkey = "targets.package.exactly"\nfrom = 0\nto = 6\npoints = 100\n'
        '[axes.reform]\nkey = "targets.reform.exactly"\nfrom = 0\nto = 0.9\npoints = 100\n'
        '[axes.precaution]\nkey = "cards.precaution"\nfrom = 0\nto = 1\npoints = 10\n'
    )
    tracemalloc.start()
    before = time.process_time()
    box = load_grid(file)
    found = runs(box)
    seconds, (_, peak) = time.process_time() - before, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found) == box.size == 100_000 - 10
    assert len({run.experiment_key for run in found}) == 10
    assert peak < 60e6
    assert seconds < 15  # traced; about a second without
