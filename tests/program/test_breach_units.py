"""The smallest breach of a limit is said in the unit in which the limit is stated: points of GDP of the year."""

from __future__ import annotations

import numpy as np
from official import official

import iomodel as iom
from iomodel.economy import Economy
from iomodel.experiment import Target
from iomodel.program.conflicts import collision_of
from iomodel.program.solvers import solve_program


def test_a_debt_ceiling_is_broken_in_points_of_gdp(china: Economy) -> None:
    """The ceiling raised by the breach that is said has a path, raised by nine tenths of it none."""
    hard = official("demand-only").replace(targets={"package": Target("exactly", 4.0, 8, hard=True)})
    asked = hard.set("limits.debt_ceiling", {"margin": 8.0})
    program = iom.build(asked, china)
    found = collision_of(program)
    assert found is not None
    [breach] = found.breaches
    assert (breach.law, breach.unit) == ("debt_ceiling", "points of GDP")
    margin = program.setting.margins["debt_ceiling"]
    needed = 8.0 + breach.amount
    margin.value = np.array(needed + 0.01)
    assert solve_program(program).status == "optimal"
    margin.value = np.array(needed - 0.1 * breach.amount)
    assert solve_program(program).status == "infeasible"
