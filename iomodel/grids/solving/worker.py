"""A worker: it solves runs of one grid, and keeps what they share.

What is kept, the latest used of it: tables, calibrated economies, known years with the reference path, and compiled
programs, one for each structure (`iomodel.grids.design.runs.structure`); runs that differ in numbers only put them into
the program's parameters and solve. Order cannot matter: a program is compiled with the numbers of the middle run of its
structure in the whole grid, whichever run asks for it; what a solve finds out about it is forgotten before the next;
and every solve has a solver object of its own that starts cold. So a run's result depends on its own settings alone.
"""

from __future__ import annotations

import gc
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import xarray as xr

from iomodel.calibration.calibrating import calibrate
from iomodel.course import Course, course_of, policy_of, setting_of, table_of, versions
from iomodel.economy import Economy
from iomodel.errors import ExperimentError, InfeasibleError, IOModelError, SolverError, TableError
from iomodel.experiment import Experiment
from iomodel.grids.design.definition import Grid
from iomodel.grids.solving.picked import Place, picked, places_of
from iomodel.grids.storage.outcome import PRICE, WITH_NUMBERS, Outcome, laid_out
from iomodel.program.build import Program, assemble
from iomodel.program.certificate import Verdict
from iomodel.program.diagnose import shadow_prices
from iomodel.program.trajectory import Trajectory
from iomodel.run import other_values, without_levers
from iomodel.solving import prepared, replay_of, settled
from iomodel.table import Table, content_hash
from iomodel.world import solve_world, world_economies

Item = TypeVar("Item")
Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

PROGRAMS = 8
"""Structures whose compiled programs a worker keeps; of 42 sectors and 18 years one takes about 5 MB."""

VARIANTS = 8
"""Programs with other stops and valves that are kept beside each."""

ECONOMIES = 4
"""Tables, economies and courses that a worker keeps."""


@dataclass(frozen=True)
class Shared:
    """What all runs of a grid share, sent to each worker once.

    template: labels and dims of what is kept. own: tables that are no shipped ones, by the name that experiments call
    them. explained: whether an infeasible run looks for the laws that collide, which takes longer than many solves.
    """

    grid: Grid
    template: xr.Dataset
    own: Mapping[str, Table] = field(default_factory=dict)
    explained: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """One run: its index, the structure's key, and the index of the run of that structure on which its program is
    compiled, the same for all of the grid."""

    index: int
    key: str
    base: int


class TooLongError(Exception):
    """A run that is stopped because it takes longer than its limit."""

    def __init__(self, limit: float) -> None:
        super().__init__(f"not done within the time limit of {limit:g} s for one run")


class Kept(Generic[Item]):
    """At most `most` items by key; the one not used for longest goes first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._items: OrderedDict[Any, Item] = OrderedDict()

    def get(self, key: object, make: Callable[[], Item]) -> Item:
        """The item of a key, made if it is not there."""
        if key not in self._items:
            while len(self._items) >= self._most:
                self._items.popitem(last=False)
            self._items[key] = make()
        self._items.move_to_end(key)
        return self._items[key]

    def clear(self) -> None:
        """Forget all."""
        self._items.clear()


@dataclass(frozen=True)
class Built:
    """A compiled program, where its variables go, and what was known of it before any solve."""

    program: Program
    places: Mapping[str, Place]
    known: Mapping[str, Any]
    variants: Kept[Built] = field(default_factory=partial(Kept, VARIANTS))

    def fresh(self) -> Program:
        """The program as it was compiled, without what solves found out since."""
        self.program.memo.clear()
        self.program.memo.update(self.known)
        return self.program


class Worker:
    """The runs of one grid, solved one after another in this process."""

    def __init__(self, shared: Shared) -> None:
        """Check that the grid's tables are here and the same; TableError names the one that is not."""
        self.shared = shared
        self.versions = versions()
        self._tables: Kept[Table] = Kept(ECONOMIES)
        self._economies: Kept[Economy] = Kept(ECONOMIES)
        self._courses: Kept[Course] = Kept(ECONOMIES)
        self._programs: Kept[Built] = Kept(PROGRAMS)
        for name, digest in shared.grid.tables.items():
            self._check(name, digest)

    def _check(self, name: str, digest: str) -> None:
        own = self.shared.own.get(name)
        found = content_hash(own.arrays) if own is not None else self.table(name).sha256
        if found != digest:
            raise TableError(
                f"The table {name} is another one here than where the grid was loaded: content hash {found[:12]} "
                f"instead of {digest[:12]}. Install the same version of iomodel on all hosts."
            )

    def table(self, name: str) -> Table:
        """A table of the grid by the name that experiments call it."""
        own = self.shared.own.get(name)
        return own if own is not None else self._tables.get(name, lambda: table_of(Experiment("table", table=name)))

    def economy(self, experiment: Experiment) -> Economy:
        """The economy of an experiment's table, region and cards."""
        key = (experiment.table, experiment.region, experiment.cards)
        return self._economies.get(
            key, lambda: calibrate(self.table(experiment.table), experiment.region, dict(experiment.cards))
        )

    def economies(self, experiment: Experiment) -> tuple[Economy, ...]:
        """The economies of the regions that decide together."""
        return world_economies(experiment, self.table(experiment.table))

    def course(self, experiment: Experiment) -> Course:
        """Known years and reference path of an experiment."""
        key = (experiment.table, experiment.region, experiment.cards, experiment.horizon, experiment.tariffs)
        known = self._courses.get(key, lambda: course_of(experiment, self.economy(experiment)))
        return replace(known, experiment=experiment)

    def built(self, experiment: Experiment, task: Task) -> Built:
        """The compiled program of a run's structure.

        Where the base run of the structure asks for what cannot be, so that none is built for it, the run's own is
        built and not kept.
        """
        try:
            return self._programs.get(task.key, lambda: self._compiled(self.shared.grid.experiment(task.base)))
        except ExperimentError:
            return self._compiled(experiment)

    def _compiled(self, experiment: Experiment) -> Built:
        course = self.course(experiment)
        program = prepared(assemble(setting_of(course, "reduced")))
        return Built(program, self.places(course), dict(program.memo))

    def places(self, course: Course) -> dict[str, Place]:
        """Where the variables of a course's paths go."""
        return places_of(self.shared.template, self.shared.grid.keep.variables, course)

    def forget(self) -> None:
        """Let go of everything that can be made anew."""
        for kept in (self._programs, self._courses, self._economies, self._tables):
            kept.clear()
        gc.collect()


def solve_run(worker: Worker, task: Task) -> Outcome:
    """The outcome of a run. Whatever goes wrong is one, too, with its explanation; only interrupts are raised."""
    started = time.perf_counter()
    try:
        found = _outcome(worker, task)
    except TooLongError as error:
        found = Outcome(task.index, "failed", explanation=str(error))
    except InfeasibleError as error:
        found = Outcome(task.index, "infeasible", explanation=str(error))
    except SolverError as error:
        found = Outcome(task.index, error.status, explanation=str(error))
    except IOModelError as error:
        found = Outcome(task.index, "failed", explanation=str(error))
    except MemoryError:
        worker.forget()
        found = Outcome(task.index, "failed", explanation="the worker ran out of memory")
    except Exception as error:  # noqa: BLE001 - a run that fails in whatever way is a result of the grid
        found = Outcome(task.index, "failed", explanation=f"{type(error).__name__}: {error}")
    return replace(found, seconds=time.perf_counter() - started, versions=worker.versions)


def _outcome(worker: Worker, task: Task) -> Outcome:
    experiment = worker.shared.grid.experiment(task.index)
    if experiment.deciding:
        return _labelled(worker, task, solve_world(experiment, worker.economies(experiment)))
    if not experiment.levers.free:
        return _simulated(worker, task, experiment)
    course = worker.course(experiment)
    policy = policy_of(experiment, course.arrays.economy)
    try:
        setting_of(course, "reduced")
    except ExperimentError as error:  # a bound that the first year already cannot meet
        raise InfeasibleError(str(error)) from None
    built = worker.built(experiment, task)
    program = built.fresh()
    with other_values(program, policy):
        lay = partial(_laid, built)
        program, verdict = settled(course, program, explained=worker.shared.explained, lay=lay)
        again = replay_of(course, program, verdict)
        verdict = again.verdict
        found = _of_verdict(task, verdict, course.arrays.economy.table.sha256)
        if verdict.status != "optimal":
            return found
        values = picked(built.places, course, again.flows, again.levers)
        return replace(found, values=values, prices=_prices(worker, program))


def _of_verdict(task: Task, verdict: Verdict, table: str) -> Outcome:
    """The outcome of a run as far as its verdict tells; where there is no path, with that as explanation."""
    return Outcome(
        task.index,
        verdict.status,
        solver_seconds=verdict.seconds,
        worst_residual=verdict.worst_residual,
        remedies=verdict.remedies,
        table_sha256=table,
        explanation="" if verdict.status in WITH_NUMBERS else str(verdict),
    )


def _laid(built: Built, program: Program, **other: Mask) -> Program:
    """The program with other stops and valves: compiled once with the numbers of the structure's base run, and holding
    those that the program has now."""
    setting = replace(built.program.setting, **{**program.setting.masks, **other})
    key = tuple((mask.shape, mask.tobytes()) for mask in setting.masks.values())

    def made() -> Built:
        again = prepared(assemble(setting, program.blocks, program.shifts))
        return replace(built, program=again, known=dict(again.memo))

    again = built.variants.get(key, made).fresh()
    for name, parameter in program.setting.parameters.items():
        again.setting.parameters[name].value = parameter.value
    return again


def _prices(worker: Worker, program: Program) -> dict[str, Array]:
    """The shadow prices that are kept; NaN where the run has no such law."""
    laws = worker.shared.grid.keep.prices
    found = laid_out(shadow_prices(program, laws), worker.shared.template, PRICE) if laws else {}
    return _with_missing(worker, found)


def _with_missing(worker: Worker, found: Mapping[str, Array]) -> dict[str, Array]:
    """Shadow prices with NaN for those that a run does not have."""
    template = worker.shared.template
    lacking = (law for law in worker.shared.grid.keep.prices if law not in found)
    return {**found, **{law: np.full(template[f"{PRICE}{law}"].shape, np.nan) for law in lacking}}


def _simulated(worker: Worker, task: Task, experiment: Experiment) -> Outcome:
    """The path of an experiment that frees no lever."""
    course = worker.course(experiment)
    flows, levers = without_levers(course)
    digest = course.arrays.economy.table.sha256
    values = picked(worker.places(course), course, flows, levers)
    return Outcome(task.index, "simulated", values=values, prices=_with_missing(worker, {}), table_sha256=digest)


def _labelled(worker: Worker, task: Task, path: Trajectory) -> Outcome:
    """The outcome of a path that is labelled already."""
    template, keep, verdict = worker.shared.template, worker.shared.grid.keep, path.verdict
    found = _of_verdict(task, verdict, str(path.provenance["table_sha256"]))
    if verdict.status not in WITH_NUMBERS:
        return found
    values = laid_out({name: path.data[name] for name in keep.variables}, template)
    laws = {law: path.shadow_prices[law] for law in keep.prices if law in path.shadow_prices}
    return replace(found, values=values, prices=_with_missing(worker, laid_out(laws, template, PRICE)))
