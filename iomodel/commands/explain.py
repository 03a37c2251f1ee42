"""`iomodel explain`: the laws that bind a path and what is flat; where there is none, what collides and mends it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from iomodel.commands.options import Command, add_changes, add_experiment, changed
from iomodel.commands.output import count, exit_code, wrapped
from iomodel.errors import InfeasibleError, IOModelError

if TYPE_CHECKING:
    from iomodel.program.trajectory import Trajectory

MOST = 12
"""Binding laws that are printed, the costliest first, where not all are asked for."""


def add(command: Command) -> None:
    """`iomodel explain NAME|FILE`."""
    text = "the laws that bind; when infeasible, what collides and what mends it"
    parser = command("explain", _explain, text)
    add_experiment(parser)
    add_changes(parser)
    parser.add_argument("--all", action="store_true", help=f"all laws that bind, not only the {MOST} dearest")


def _explain(asked: argparse.Namespace) -> int:
    experiment = changed(asked.name, asked)
    if not experiment.levers.free:
        print(f"{experiment.name} has no free lever: it is simulated, and no law binds it.")
        return 0
    from iomodel.run import solve, what_binds

    try:
        path = solve(experiment)
    except InfeasibleError as error:  # the laws in conflict are the answer, not a failure to give one
        from iomodel.answers.explain import explained

        print(wrapped(explained(error, experiment)))
        return error.exit_code
    print(wrapped(f"{experiment.name}: {path.verdict}"))
    rows = what_binds(path)
    shown = rows if asked.all else rows[:MOST]
    if shown:
        print("The goal counts consumption: mean of a year over the solved years, later ones counting less.")
    for row in shown:
        print(wrapped(f"- {row.text}"))
    if left := len(rows) - len(shown):
        print(f"- and {count(left, 'law')} more that cost{'s' if left == 1 else ''} less (--all shows all)")
    _flat(path)
    return exit_code(path)


def _flat(path: Trajectory) -> None:
    """What could be done otherwise at almost no cost, where there is such."""
    from iomodel.answers.near_optimal import flat_directions

    try:
        found = flat_directions(path)
    except IOModelError as error:  # the answer above stands without it
        print(wrapped(f"What is flat was not found: {error}"))
        return
    if found:
        print("At almost no cost:")
    for row in found:
        print(wrapped(f"- {row.text}"))
