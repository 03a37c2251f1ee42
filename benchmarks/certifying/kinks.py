"""Kinks at a known point: absolute values, positive parts, largest entries and one-norms, in the goal and in laws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cvxpy as cp
import numpy as np

from iomodel.program.block import Values

SIZES = {"abs": 1, "pos": 1, "max": 3, "norm1": 3}
"""Kinds of kinks, and variables of each."""

EACH = 2
"""Kinks of every kind in the goal, and in laws."""


@dataclass(frozen=True)
class Kink:
    """A convex function w·k(x − x*) of a few variables, taken from the goal or, `law`, in a law
    w·k(x − x*) + x_c ≤ x*_c of a variable c besides, the carrier.

    places: columns of the variables. slopes: a slope of the function from inside its interval at the point. price: the
    multiplier of the law.
    """

    name: str
    kind: str
    places: np.ndarray
    weight: float
    slopes: np.ndarray
    law: bool = False
    carrier: int = -1
    price: float = 0.0


def drawn_kinks(columns: np.ndarray, rng: np.random.Generator) -> list[Kink]:
    """Kinks of every kind, as many as there are columns for; no column is taken twice."""
    left = list(rng.permutation(columns))
    found: list[Kink] = []
    for number in range(EACH):
        for kind, size in SIZES.items():
            for law in (False, True):
                if len(left) < size + law:
                    return found
                places = np.array([left.pop() for _ in range(size)])
                carrier = int(left.pop()) if law else -1
                weight, price = float(rng.uniform(0.5, 2.0)), float(rng.uniform(0.1, 1.0)) * law
                slopes = weight * _inside(kind, size, rng)
                name = f"{'law' if law else 'goal'}_{kind}_{number}"
                found.append(Kink(name, kind, places, weight, slopes, law, carrier, price))
    return found


def _inside(kind: str, size: int, rng: np.random.Generator) -> np.ndarray:
    """A slope from inside those that the function has at zero."""
    if kind == "max":  # slopes above zero that sum to one
        share = rng.uniform(0.2, 1.0, size)
        return share / share.sum()
    return rng.uniform(0.2, 0.8, size) if kind == "pos" else rng.uniform(-0.8, 0.8, size)


def _bent(kink: Kink, v: Values, columns: Mapping[str, slice], x: np.ndarray) -> cp.Expression:
    """w·k(x − x*)."""
    off = cp.hstack([entry(v, columns, int(place)) - float(x[place]) for place in kink.places])
    if kink.kind == "abs":
        return kink.weight * cp.sum(cp.abs(off))
    if kink.kind == "pos":
        return kink.weight * cp.sum(cp.pos(off))
    return kink.weight * (cp.max(off) if kink.kind == "max" else cp.norm1(off))


def bent_term(kink: Kink, v: Values, columns: Mapping[str, slice], x: np.ndarray) -> cp.Expression:
    """What a kink takes from the goal."""
    return -_bent(kink, v, columns, x)


def bent_law(kink: Kink, v: Values, columns: Mapping[str, slice], x: np.ndarray) -> cp.Constraint:
    """The law with a kink, which binds at the point."""
    return _bent(kink, v, columns, x) + entry(v, columns, kink.carrier) <= float(x[kink.carrier])


def entry(v: Values, columns: Mapping[str, slice], place: int) -> cp.Expression:
    """The variable of a column."""
    for name, columns_of in columns.items():
        if columns_of.start <= place < columns_of.stop:
            variable = v[name]
            where = np.unravel_index(place - columns_of.start, variable.shape, order="F")
            return variable[tuple(int(index) for index in where)] if where else variable
    raise AssertionError(f"no variable has the column {place}")
