"""A path taken up again: that it is one, and that what is handed over beside it is what made it.

A path holds its experiment, but not the economy and the blocks that it was solved with. Whoever solves its program
again compares the goal with the one in its verdict: another goal is another program, and an answer about that one would
be an answer to another question.
"""

from __future__ import annotations

from iomodel.errors import ResultError
from iomodel.experiment import Experiment
from iomodel.program.trajectory import Trajectory

SAME = 1e-5
"""Largest distance of two goals of one program, as a part of one more than their size: what an answer that is not quite
certified may be off by. An economy with a card moved by a hundredth of its range is off by more."""

HAND_OVER = "hand over those that the path was solved with: economy=…, blocks=…"


def path_required(asker: str, path: object) -> Trajectory:
    """`path` if it is one; ResultError that says how to come to one."""
    if isinstance(path, Trajectory):
        return path
    if isinstance(path, Experiment):
        raise ResultError(
            f"{asker} takes a path, found the experiment {path.name!r}; solve it first: solve(experiment)"
        )
    raise ResultError(f"{asker} takes a path, found {str(path)[:60]!r} of type {type(path).__name__}")


def solved_path(asker: str, path: Trajectory) -> Trajectory:
    """`path` if a goal chose it; ResultError where its free levers were carried out by rule."""
    if path.verdict.status == "simulated" and path.experiment.levers.free:
        raise ResultError(
            f"{path.experiment.name} was carried out by rule: no goal chose it. Solve it, then use {asker}."
        )
    return path


def refuse_another_program(path: Trajectory, goal: float) -> None:
    """ResultError where the program solved again has another best goal than the path says."""
    told = path.verdict.objective
    if not abs(goal - told) <= SAME * (1 + abs(told)):
        raise ResultError(
            f"{path.experiment.name} has a goal of {told:.6g}, but with this economy and these blocks it is "
            f"{goal:.6g}; {HAND_OVER}"
        )
