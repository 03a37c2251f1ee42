"""Planted programs that several tests share, holding their known answers."""

from __future__ import annotations

from functools import cache

import numpy as np
from certifying import collision, planted
from certifying.draws import drawn

OPTIMUM, COLLISION = 1, 8
SHAPED = {"pinned": OPTIMUM, "flat": 4, "degenerate": 7, "kinked": 22}
"""A run of each shape of planted optimum."""


@cache
def planted_of(shape: str) -> planted.Optimum:
    """A planted optimum, its program holding the known point and multipliers."""
    known = planted.planted_optimum(drawn(SHAPED[shape], 0))
    assert known.shape == shape == planted.shape_of(SHAPED[shape])
    return known


def optimum() -> planted.Optimum:
    return planted_of("pinned")


def hold(known: planted.Optimum, point: np.ndarray, multipliers: np.ndarray) -> None:
    known.book.put(point)
    laws = known.book.program.laws
    for name, place in known.book.rows.items():
        constraint = laws[name].constraint
        constraint.dual_variables[0].save_value(multipliers[place].reshape(constraint.shape, order="F"))
    for name, price in known.bent.items():
        laws[name].constraint.dual_variables[0].save_value(np.array(price))


@cache
def known_collision() -> collision.Collision:
    return collision.planted_collision(drawn(COLLISION, 0))
