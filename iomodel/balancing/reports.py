"""What balancing did: which cells moved most, which soft totals gave way, what was seeded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iomodel.balancing.drafts import Draft, Floats

_KEPT = 50


@dataclass(frozen=True)
class Moved:
    """A cell that moved: its array ("" in a plain matrix), labels by dim, the draft's and the fitted value, factor."""

    array: str
    labels: Mapping[str, str]
    start: float
    end: float
    factor: float


@dataclass(frozen=True)
class Conceded:
    """A soft total that was not met exactly: its name, the total asked for and the sum reached."""

    name: str
    target: float
    reached: float


@dataclass(frozen=True)
class BalanceReport:
    """The record of one balancing.

    method; steps: Newton steps, sweeps or solver iterations; residual: the largest miss of a hard total, or of a
    sector's sales by its payments, as a share of turnover; distance: Σ |t0| (r ln r − r + 1) over the cells that may
    move, as a share of Σ |t0|; moved: the cells that add most to it, largest first; conceded: soft totals by how far
    they gave way, largest first; history: lines for the description of the table (totals that stood for both sides,
    rows that were seeded).
    """

    method: str
    steps: int
    residual: float
    distance: float
    moved: tuple[Moved, ...]
    conceded: tuple[Conceded, ...]
    history: tuple[str, ...]

    def text(self, most: int = 10) -> str:
        """The report in lines, with the `most` cells and totals that moved most."""
        head = f"method {self.method}: {self.steps} steps, largest miss of a hard total {self.residual:.1e} of its"
        lines = [f"{head} turnover, distance {self.distance:.3g} of all flows", *self.history]
        if self.moved:
            lines.append("moved most:")
        for cell in self.moved[:most]:
            place = " ".join([cell.array, ", ".join(cell.labels.values())]).strip()
            lines.append(f"  {place}: {cell.start:.6g} to {cell.end:.6g} (× {cell.factor:.4g})")
        if self.conceded:
            lines.append("soft totals that gave way most:")
        lines += [
            f"  {total.name}: asked {total.target:.6g}, reached {total.reached:.6g}" for total in self.conceded[:most]
        ]
        return "\n".join(lines)


def moved_cells(draft: Draft, start: Floats, end: Floats) -> tuple[float, tuple[Moved, ...]]:
    """The distance from start to end as a share of all flows, and the cells that add most to it."""
    there = start != 0
    ratio = np.divide(end, start, out=np.ones_like(start), where=there)
    logs = np.log(np.where(ratio > 0, ratio, 1.0))
    cost: NDArray[np.float64] = np.abs(start) * (ratio * logs - ratio + 1)
    worst = np.argsort(-cost, axis=None)[:_KEPT]
    found: list[Moved] = []
    for place in worst:
        row, column = (int(x) for x in np.unravel_index(place, start.shape))
        if cost[row, column] <= 1e-15 * np.abs(start[row, column]):
            break
        name, labels = draft.cell(row, column)
        old, new = float(start[row, column]), float(end[row, column])
        found.append(Moved(name, labels, old, new, new / old))
    size = float(np.abs(start).sum())
    return (float(cost.sum()) / size if size > 0 else 0.0), tuple(found)
