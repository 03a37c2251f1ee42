"""The template of a grid's results: which labels its runs have, known without solving any of them.

Runs that differ in table, region, horizon or in who decides have other labels, and where shadow prices are kept those
that differ in targets, limits or levers have other laws: one run of each kind is laid out. Several regions that decide
together are the exception: the prices of their laws are labelled when they are solved, so one of them is.
"""

from __future__ import annotations

import json

import numpy as np
import xarray as xr

from iomodel.errors import IOModelError
from iomodel.experiment import Experiment, experiment_to_dict
from iomodel.grids.design.definition import Grid
from iomodel.grids.design.runs import runs
from iomodel.grids.storage.outcome import template_of
from iomodel.program.build import Program
from iomodel.program.diagnose import shadow_prices
from iomodel.run import build, simulate, solve

LABELS = ("table", "region", "horizon", "deciding")
"""Entries of an experiment that decide the labels of its variables."""

LAWS = ("targets", "limits", "levers", "corridor")
"""Entries that decide which laws it has."""


TRIED = 16
"""Runs of one kind that are tried, evenly from the first to the last, until one can be laid out."""


def template_for(grid: Grid) -> xr.Dataset:
    """Labels, dims and units of what is kept of the runs of a grid (`iomodel.grids.storage.outcome.template_of`).

    A run that cannot be (cards that a calibration refuses) is a result of the grid, so that another of its kind is laid
    out; where no run can be, the error of the first is raised.
    """
    kinds, refused = _kinds(grid)
    data: list[xr.Dataset] = []
    prices: list[dict[str, xr.DataArray]] = []
    for members in kinds:
        for at in np.unique(np.linspace(0, len(members) - 1, TRIED).astype(int)).tolist():
            experiment = grid.experiment(members[at])
            usual = experiment.replace(free=(), targets={}, limits={}, corridor=None, benefit=None)
            try:
                labelled, priced = simulate(usual).data, _priced(experiment, grid.keep.prices)
            except IOModelError as error:
                refused = refused or error
                continue
            data.append(labelled)
            prices.append(priced)
            break
    if not data and refused is not None:
        raise refused
    return template_of(data, prices, grid.keep)


def _kinds(grid: Grid) -> tuple[list[list[int]], IOModelError | None]:
    """The runs of each kind of labels, one for each program, and the first error of those that cannot be."""
    entries = (*LABELS, *LAWS) if grid.keep.prices else LABELS
    found: dict[str, list[int]] = {}
    seen: set[str] = set()
    refused: IOModelError | None = None
    for run in runs(grid):
        if run.experiment_key in seen:
            continue
        seen.add(run.experiment_key)
        try:
            experiment = grid.experiment(run.index)
        except IOModelError as error:
            refused = refused or error
            continue
        said = experiment_to_dict(experiment)
        found.setdefault(json.dumps([said.get(entry) for entry in entries], sort_keys=True), []).append(run.index)
    return list(found.values()), refused


def _priced(experiment: Experiment, laws: tuple[str, ...]) -> dict[str, xr.DataArray]:
    """Shadow prices as they are labelled, their numbers left open."""
    if not laws or not experiment.levers.free:
        return {}
    if experiment.deciding:
        return dict(solve(experiment).shadow_prices)
    return dict(shadow_prices(_at_zero(build(experiment)), laws))


def _at_zero(program: Program) -> Program:
    """A program whose variables and multipliers are all zero, so that what is labelled of a solved one can be."""
    for variable in program.problem.variables():
        variable.save_value(np.zeros(variable.shape))
    for constraint in program.problem.constraints:
        for dual in constraint.dual_variables:
            dual.save_value(np.zeros(dual.shape))
    return program
