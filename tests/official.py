"""Shipped experiments on the official Chinese table of 42 sectors, whichever table their files name.

A test about the model, the program or its answers says here which table it is about; tests of the main job itself load
the experiments as they are.
"""

from __future__ import annotations

from iomodel.experiment import Experiment
from iomodel.experiment_file import load_experiment

OFFICIAL = "china-2020"
ON_OFFICIAL = ("--set", f"table={OFFICIAL}")
"""What a command line adds to ask the same."""


def official(name: str) -> Experiment:
    """A shipped experiment on the official table."""
    return load_experiment(name).replace(table=OFFICIAL)
