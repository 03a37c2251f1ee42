"""From a real input-output table to a rebalancing path, and to what it does to trading partners.

A reader turns files into a `Table`; `calibrate` makes it an `Economy`; an `Experiment` chooses blocks and levers;
`build` lays them into a `Program`; `solve` gives a `Trajectory`; `spillovers` carries it to partners; the report draws
it. The names below are all that is public. They are found when first used, so that `import iomodel` costs nothing:
cvxpy, xarray and pandas are loaded by the first name that needs them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iomodel.aggregation import aggregate
    from iomodel.answers.explain import explain_infeasible
    from iomodel.answers.frontiers import frontier
    from iomodel.answers.headline import compare
    from iomodel.answers.matter import Matter
    from iomodel.answers.matters import what_matters
    from iomodel.answers.matters_shown import matters_dataset, matters_text
    from iomodel.answers.near_optimal import alternatives, flat_directions
    from iomodel.answers.one_sided import price_sides
    from iomodel.balancing.balanced import Balanced, balance
    from iomodel.calibration.calibrating import calibrate
    from iomodel.cards import Card, Cards, load_cards
    from iomodel.classifications.concordance import Concordance, make_concordance
    from iomodel.classifications.concordance_files import load_concordance
    from iomodel.economy import Economy
    from iomodel.errors import (
        BalanceError,
        CardError,
        ExperimentError,
        GridError,
        InfeasibleError,
        IOModelError,
        ProgramError,
        ResultError,
        SolverError,
        TableError,
    )
    from iomodel.experiment import Experiment
    from iomodel.experiment_file import load_experiment
    from iomodel.grids.design.definition import Grid
    from iomodel.grids.design.load import load_grid
    from iomodel.grids.indices import sensitivity
    from iomodel.grids.solving.drive import run_grid
    from iomodel.grids.storage.opened import open_results
    from iomodel.program.block import Block, Law, Term, Var
    from iomodel.program.build import Program
    from iomodel.program.certificate import Verdict
    from iomodel.program.trajectory import Trajectory
    from iomodel.readers.template import read_table, write_template
    from iomodel.report import write_report
    from iomodel.results import load_trajectory, save
    from iomodel.run import build, resolve, simulate, solve, what_binds
    from iomodel.spillover import spillovers
    from iomodel.table import Table, load_table, save_table
    from iomodel.updating.estimate import update
    from iomodel.updating.measures import table_errors
    from iomodel.updating.pieces import OfficialBlock, Pairs, Totals

__version__ = "0.1.0"

_HOME = {
    "iomodel.balancing.balanced": ("Balanced", "balance"),
    "iomodel.aggregation": ("aggregate",),
    "iomodel.calibration.calibrating": ("calibrate",),
    "iomodel.cards": ("Card", "Cards", "load_cards"),
    "iomodel.classifications.concordance": ("Concordance", "make_concordance"),
    "iomodel.classifications.concordance_files": ("load_concordance",),
    "iomodel.economy": ("Economy",),
    "iomodel.errors": (
        "BalanceError",
        "CardError",
        "ExperimentError",
        "GridError",
        "IOModelError",
        "InfeasibleError",
        "ProgramError",
        "ResultError",
        "SolverError",
        "TableError",
    ),
    "iomodel.experiment": ("Experiment",),
    "iomodel.experiment_file": ("load_experiment",),
    "iomodel.answers.explain": ("explain_infeasible",),
    "iomodel.answers.one_sided": ("price_sides",),
    "iomodel.answers.matter": ("Matter",),
    "iomodel.answers.matters": ("what_matters",),
    "iomodel.answers.matters_shown": ("matters_dataset", "matters_text"),
    "iomodel.grids.design.definition": ("Grid",),
    "iomodel.grids.solving.drive": ("run_grid",),
    "iomodel.grids.indices": ("sensitivity",),
    "iomodel.grids.design.load": ("load_grid",),
    "iomodel.program.block": ("Block", "Law", "Term", "Var"),
    "iomodel.program.build": ("Program",),
    "iomodel.program.certificate": ("Verdict",),
    "iomodel.program.trajectory": ("Trajectory",),
    "iomodel.readers.template": ("read_table", "write_template"),
    "iomodel.report": ("write_report",),
    "iomodel.results": ("load_trajectory", "save"),
    "iomodel.answers.frontiers": ("frontier",),
    "iomodel.answers.headline": ("compare",),
    "iomodel.answers.near_optimal": ("alternatives", "flat_directions"),
    "iomodel.grids.storage.opened": ("open_results",),
    "iomodel.run": ("build", "resolve", "simulate", "solve", "what_binds"),
    "iomodel.spillover": ("spillovers",),
    "iomodel.table": ("Table", "load_table", "save_table"),
    "iomodel.updating.estimate": ("update",),
    "iomodel.updating.measures": ("table_errors",),
    "iomodel.updating.pieces": ("OfficialBlock", "Pairs", "Totals"),
}
_WHERE = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "BalanceError",
    "Balanced",
    "Block",
    "Card",
    "CardError",
    "Cards",
    "Concordance",
    "Economy",
    "Experiment",
    "ExperimentError",
    "Grid",
    "GridError",
    "IOModelError",
    "InfeasibleError",
    "Law",
    "Matter",
    "OfficialBlock",
    "Pairs",
    "Program",
    "ProgramError",
    "ResultError",
    "SolverError",
    "Table",
    "TableError",
    "Term",
    "Totals",
    "Trajectory",
    "Var",
    "Verdict",
    "aggregate",
    "alternatives",
    "balance",
    "build",
    "calibrate",
    "compare",
    "explain_infeasible",
    "flat_directions",
    "frontier",
    "load_cards",
    "load_concordance",
    "load_experiment",
    "load_grid",
    "load_table",
    "load_trajectory",
    "make_concordance",
    "matters_dataset",
    "matters_text",
    "open_results",
    "price_sides",
    "read_table",
    "resolve",
    "run_grid",
    "save",
    "save_table",
    "sensitivity",
    "simulate",
    "solve",
    "spillovers",
    "table_errors",
    "update",
    "what_binds",
    "what_matters",
    "write_report",
    "write_template",
]


def __getattr__(name: str) -> Any:
    """A public name, loaded from its module on first use."""
    if name not in _WHERE:
        from iomodel.errors import nearest

        raise AttributeError(f"iomodel has no name {name!r}.{nearest(name, __all__)}")
    value = getattr(importlib.import_module(_WHERE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return sorted([*__all__, "__version__"])
