"""Totals that contradict each other: which, by how much, and the smallest change that lets them be met.

Signs and zeros of the start leave cells y ≥ 0 with B y = b. The elastic linear program

    minimise Σ (e⁺ + e⁻)   subject to   B y + e⁺ − e⁻ = b,   y, e⁺, e⁻ ≥ 0

has the value zero exactly when the hard rows can be met, and otherwise says where to give way with the least change in
all, in the unit of the totals. Solved by HiGHS. Source: Chinneck (2008), Feasibility and Infeasibility in Optimization.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.optimize
import scipy.sparse
from numpy.typing import NDArray

from iomodel.balancing.rows import Rows
from iomodel.errors import BalanceError

_SHOWN = 8
_EXAMINED = 1_000_000
"""Nonzero cells up to which targets are examined: the linear program of more takes minutes."""


@dataclass(frozen=True)
class Relaxation:
    """The smallest change of the hard targets after which they can be met: changes by row, and their sum."""

    changes: NDArray[np.float64]
    amount: float


def smallest_relaxation(rows: Rows) -> Relaxation:
    """The smallest sum of changes of the hard targets with which some table of the start's signs meets them all.

    No change where the linear program itself fails: then nothing is known, and nothing is claimed.
    """
    hard, moving = rows.softness == 0, rows.start != 0
    changes = np.zeros(len(rows.targets))
    if not hard.any():
        return Relaxation(changes, 0.0)
    unit = max(float(np.max(np.abs(rows.targets[hard]), initial=0.0)), 1e-300)
    held: Any = rows.matrix[np.flatnonzero(hard)][:, np.flatnonzero(moving)]
    signed: Any = scipy.sparse.csc_array(held.multiply(np.sign(rows.start[moving])[None, :]))
    ones: Any = scipy.sparse.eye_array(int(hard.sum()))
    answer = scipy.optimize.linprog(
        np.concatenate([np.zeros(signed.shape[1]), np.ones(2 * signed.shape[0])]),
        A_eq=scipy.sparse.csc_array(scipy.sparse.hstack([signed, ones, -ones])),
        b_eq=rows.targets[hard] / unit,
        method="highs",
    )
    if answer.x is None:
        return Relaxation(changes, 0.0)
    short, over = np.split(answer.x[signed.shape[1] :] * unit, 2)
    changes[hard] = over - short
    return Relaxation(changes, float(np.sum(short + over)))


def contradiction(rows: Rows, tolerance: float = 1e-7) -> str | None:
    """The text of an error where the hard targets contradict each other, None where they can be met.

    tolerance: what the changes may add up to as a share of the largest target before they count.
    """
    found = smallest_relaxation(rows)
    if found.amount <= tolerance * float(np.max(np.abs(rows.targets), initial=0.0)):
        return None
    order = np.argsort(-np.abs(found.changes))
    least = 1e-3 * abs(found.changes[order[0]])
    changed = [int(row) for row in order if abs(found.changes[row]) > least]
    lines = [
        f"  {rows.name(row)}: {rows.targets[row]:.6g} would have to be {rows.targets[row] + found.changes[row]:.6g}"
        for row in changed[:_SHOWN]
    ]
    more = f"\n  and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
    return (
        "The targets contradict each other: no table with the signs and zeros of the start meets them all. The "
        f"smallest change that helps is {found.amount:.6g} in all:\n"
        + "\n".join(lines)
        + more
        + "\nCorrect them, make some soft, or seed cells of zero."
    )


def refuse_contradiction(rows: Rows) -> None:
    """BalanceError with the text of `contradiction`, where there is one and not too many cells to look for it."""
    if np.count_nonzero(rows.start) <= _EXAMINED and (text := contradiction(rows)) is not None:
        raise BalanceError(text)
