"""A library writes nothing on the screen, and its solvers neither: HiGHS's own class prints when it is made."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import highspy
import numpy as np
import pytest

import iomodel as iom
from iomodel.economy import Economy
from iomodel.errors import InfeasibleError
from iomodel.experiment import Experiment, Levers, Target


def _quiet(capfd: pytest.CaptureFixture[str]) -> bool:
    said = capfd.readouterr()
    return said.out == said.err == ""


def test_what_collides_is_found_without_a_word(china: Economy, capfd: pytest.CaptureFixture[str]) -> None:
    experiment = Experiment(
        "mine", targets={"package": Target("exactly", 15.0, 8, hard=True)}, levers=Levers(("programme",))
    )
    with pytest.raises(InfeasibleError):
        iom.solve(experiment, china)
    assert _quiet(capfd)
    highspy.Highs()
    assert not _quiet(capfd), "it has learnt to be quiet: the class beneath it is no longer needed"


def test_a_linear_program_of_ones_own_is_solved_by_highs_without_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    """The example of the documentation: a store that is filled to its ceiling, without any block of the core."""
    text = (Path(__file__).parents[2] / "docs" / "program.md").read_text(encoding="utf-8")
    [code] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    found: dict[str, Any] = {}
    exec(compile(code, "program.md", "exec"), found)
    program, verdict = found["program"], found["verdict"]
    assert (verdict.status, verdict.solver) == ("optimal", "HiGHS")
    assert np.allclose(program.values["stock"].value, 3.0)
    assert np.allclose(program.laws["room"].constraint.dual_value, program.setting.discount)
    assert _quiet(capfd)
