"""Which settings of an experiment a built program can take other values of, and why the others need a rebuild.

Stated targets, margins and prices of limits and the path of benefits are parameters of the program; everything else
decides what its variables, laws and data are.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping

import numpy as np

from iomodel.economy import Economy
from iomodel.errors import ExperimentError, nearest
from iomodel.experiment import Experiment
from iomodel.experiment_parts import KINDS, LIMITS, TARGETS
from iomodel.program.policy import Policy
from iomodel.program.setting import SAVING_FLOOR, Setting

REBUILD = {
    "targets.*.by": "the years in which a target's law holds are laid when the program is built",
    "targets.*.exactly": "a floor and an exact value are different laws",
    "targets.*.at_least": "a floor and an exact value are different laws",
    "targets.*.hard": "what a target may miss is a variable of the program",
    "targets": "a target that is not stated in the built program has no law in it",
    "limits.household_saving_floor.margin": "it multiplies household income, in which the benefit is a parameter",
    "limits.*.soft": "what passes a limit with a price is a variable that a hard limit does not have",
    "limits": "a limit that is not stated in the built program has no law in it",
    "levers.payer": "who pays changes the laws of the accounts",
    "levers.free": "a free lever is a variable of the program",
    "levers": "what is free and who pays decide which variables and laws there are",
    "cards": "cards enter the calibration, the known years and the reference path",
    "horizon": "the years decide the size of the program",
    "table": "the program is of one table's economy",
    "region": "the program is of one region's economy",
    "deciding": "every deciding region has its variables and laws",
    "weights": "regions' weights enter the goal when the program is built",
    "tariffs": "tariffs change the exports, which are data of the program",
}
"""Key, or its beginning, -> why another value needs a rebuild; the first that fits counts."""

NEVER = {
    "targets.idle_cut.exactly": "idle plant follows from demand, too, so its cut is a floor: write at_least",
    "solver": 'it is no part of the program: give the experiment with it, experiment.set("solver", …)',
}
"""Key -> why it is no change of a program, not even of one that is built anew, and what to write instead."""


def changed(experiment: Experiment, changes: Mapping[str, object], parameters: Container[str]) -> Experiment:
    """The experiment with `changes`, if all of them are `parameters` of the built program (their keys).

    Raises ExperimentError for a setting that needs a rebuild, with the reason, and for a value that is not allowed;
    CardError for a card that there is none of.
    """
    for name, value in changes.items():
        key = _whole_key(name, experiment)
        parameter = key.removesuffix(".exactly").removesuffix(".at_least")
        if key in ("levers.benefit.to", "levers.benefit.by", "levers.benefit"):
            parameter = "levers.benefit"
        if key in NEVER:
            raise ExperimentError(f"{name} is not changed here: {NEVER[key]}.")
        if parameter not in parameters or _other_kind(key, experiment):
            if key.startswith("cards."):
                experiment.set(key, value)  # a card that there is none of, or a value beyond its range, is said first
            raise ExperimentError(f"{name} needs a rebuild: {_reason(key)}. Build the program with it.")
        experiment = experiment.set(key, value)
    return experiment


def refuse_another(policy: Policy, years: int, economy: Economy, built: Setting) -> None:
    """ExperimentError where an experiment (its policy, solved years and economy) differs from the built program in what
    is no parameter of it."""
    for key in _differences(policy, built.policy):
        raise ExperimentError(f"{key} is not what the program was built with: {_reason(key)}. Build the program anew.")
    if years != built.years:
        said = f"horizon: {years} solved years, the program has {built.years}"
        raise ExperimentError(f"{said}: {_reason('horizon')}. Build the program anew.")
    if economy.cards != built.arrays.economy.cards:
        raise ExperimentError(f"cards are not those of the program: {_reason('cards')}. Build the program anew.")
    if not np.array_equal(economy.exports.values, built.arrays.economy.exports.values):
        raise ExperimentError(f"tariffs are not those of the program: {_reason('tariffs')}. Build the program anew.")


def _differences(policy: Policy, built: Policy) -> Iterator[str]:
    """Keys of what two policies have different that is no parameter."""
    if policy.free != built.free:
        yield "levers.free"
    if policy.payer != built.payer:
        yield "levers.payer"
    for name in sorted({*policy.targets, *built.targets}):
        one, other = policy.targets.get(name), built.targets.get(name)
        if one is None or other is None:
            yield f"targets.{name}"
        elif one.by != other.by:
            yield f"targets.{name}.by"
        elif one.hard != other.hard:
            yield f"targets.{name}.hard"
        elif one.exactly != other.exactly:
            yield f"targets.{name}.{'exactly' if one.exactly else 'at_least'}"
    for name in sorted({*policy.limits, *built.limits}):
        limit, stated = policy.limits.get(name), built.limits.get(name)
        if limit is None or stated is None:
            yield f"limits.{name}"
        elif (limit.soft is None) != (stated.soft is None):
            yield f"limits.{name}.soft"
        elif name == SAVING_FLOOR and limit.margin != stated.margin:
            yield f"limits.{name}.margin"


def _whole_key(name: str, experiment: Experiment) -> str:
    """A key as in a file; a target's name alone means its value."""
    if name in experiment.targets:
        return f"targets.{name}.{experiment.targets[name].kind}"
    return f"targets.{name}" if name in TARGETS else name


def _other_kind(key: str, experiment: Experiment) -> bool:
    """Whether a target would become a floor, or an exact value, that it was not."""
    parts = key.split(".")
    return parts[0] == "targets" and parts[-1] in KINDS and experiment.targets[parts[1]].kind != parts[-1]


def _reason(key: str) -> str:
    """Why a key needs a rebuild; ExperimentError with the nearest for one that there is none of."""
    parts = key.split(".")
    for known, reason in REBUILD.items():
        wanted = known.split(".")
        if all(want in ("*", part) for want, part in zip(wanted, parts, strict=False)) and len(wanted) <= len(parts):
            return reason
    heads = sorted({known.split(".")[0] for known in REBUILD})
    names = [*TARGETS, *heads, *(f"targets.{name}" for name in TARGETS), *(f"limits.{name}" for name in LIMITS)]
    raise ExperimentError(f"There is no setting {key!r}; allowed are {', '.join(heads)}.{nearest(key, names)}")
