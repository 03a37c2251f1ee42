"""A target or limit of the baseline can be dropped: in a script, on the command line and in a derived file."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from official import OFFICIAL, official

from iomodel.commands.options import changed
from iomodel.errors import ExperimentError
from iomodel.experiment import Experiment
from iomodel.experiment_file import load_experiment


def _typed(*changes: str) -> Experiment:
    return changed("two-halves", argparse.Namespace(changes=[f"table={OFFICIAL}", *changes], solver=None))


@pytest.mark.parametrize("change", ["targets.package=none", "targets.package={}", 'targets.package="none"'])
def test_one_target_is_dropped_on_the_command_line(change: str) -> None:
    assert set(_typed(change).targets) == {"idle_cut", "reform"}


def test_all_targets_are_dropped_on_the_command_line() -> None:
    assert _typed("targets={}").targets == {}
    assert _typed("targets={}") == official("two-halves").replace(targets={})


def test_in_a_script() -> None:
    experiment = official("two-halves").set("limits.debt_ceiling", {})
    assert set(experiment.set("targets.package", "none").targets) == {"idle_cut", "reform"}
    assert experiment.set("limits.debt_ceiling", "none").limits == {}
    assert set(experiment.limits) == {"debt_ceiling"}, "an empty limit is one with the margin of its card"


def test_in_a_derived_file(tmp_path: Path) -> None:
    file = tmp_path / "less.toml"
    file.write_text('base = "two-halves"\n[targets]\npackage = "none"\nreform = {}\n', encoding="utf-8")
    found = load_experiment(file)
    assert set(found.targets) == {"idle_cut"}
    assert "package" not in found.to_toml()


def test_a_misspelled_target_is_not_dropped_in_silence() -> None:
    with pytest.raises(ExperimentError, match="Did you mean package"):
        _typed("targets.pakage=none")
