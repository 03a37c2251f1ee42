"""`iomodel experiments`: the shipped experiments and what they ask."""

from __future__ import annotations

import argparse

from iomodel.commands.options import Command


def add(command: Command) -> None:
    """`iomodel experiments`."""
    command("experiments", _experiments, "the shipped experiments and what they ask")


def _experiments(_: argparse.Namespace) -> int:
    from iomodel.experiment_file import load_experiment, shipped_experiments
    from iomodel.shipped import shipped_file

    names = shipped_experiments()
    width = max(map(len, names), default=0)
    for name in names:
        print(f"{name:{width}}  {load_experiment(name).question}")
    print(f"The files: {shipped_file('experiments')}")
    return 0
