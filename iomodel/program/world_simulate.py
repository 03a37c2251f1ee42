"""Simulation of several regions: a year's markets clear together, since what each sells hangs on what all others use.

For given consumption everywhere the world's output and exports follow from one linear system; for given exports each
region clears its own markets as it does alone. The two are repeated until consumption stands still: the loop through
imports shrinks what is left by the share of demand that goes abroad, and the kinks of overflow and rationing need no
rule of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from iomodel.errors import SolverError
from iomodel.program.simulate import Flows, Levers, State, completed, direction_amounts, market, planned
from iomodel.program.world import Trade

Array = npt.NDArray[np.float64]

STILL = 1e-13
"""Change of consumption, percent of base-year GDP, below which a year has cleared."""

ROUNDS = 500


def world_step(
    trade: Trade, t: int, states: Sequence[State], levers: Sequence[Levers], start: Array | None = None
) -> tuple[list[Flows], list[State], Array]:
    """One year of all regions: their flows, the states that it leaves, and exports (R, n).

    start: exports to begin with. Raises SolverError where the markets do not clear.
    """
    arrays = trade.arrays
    given = [planned(one, t, states[place], levers[place]) for place, one in enumerate(arrays)]
    exports = np.stack([one.exports[:, t] for one in arrays]) if start is None else start
    before = np.full((len(arrays), 2), np.inf)
    for _ in range(ROUNDS):
        cleared = [
            flows | market(one, t, states[place], levers[place], flows, exports[place])
            for place, (one, flows) in enumerate(zip(arrays, given, strict=True))
        ]
        now = np.array([[float(flow["household_consumption"]), float(flow["overflow_imports"])] for flow in cleared])
        amounts = np.stack([direction_amounts(_scalars(flow)) for flow in cleared])
        exports = trade.sold(trade.output(amounts, t), amounts, t)
        if np.abs(now - before).max() < STILL * np.abs(now).max():
            break
        before = now
    else:
        raise SolverError(f"the markets of the regions do not clear together in path year {t}")
    done = [
        completed(one, t, states[place], levers[place], cleared[place], exports[place])
        for place, one in enumerate(arrays)
    ]
    return [flows for flows, _ in done], [state for _, state in done], exports


def _scalars(flows: Flows) -> dict[str, float]:
    return {name: float(value) for name, value in flows.items() if np.ndim(value) == 0}
