"""Labour: jobs follow output, plant and trend; who has none is unemployed, never fewer than change jobs anyway.

n = ℓ_t [(1 − o − o') x + o u_0 K + o' x_0 g], so a closed plant's overhead jobs end; U = Lf − Σ n ≥ ū Lf. Where
overflow imports would leave labour idle that they are there to spare (`Setting.full`, found by solving again), the two
are equal.
"""

from __future__ import annotations

from collections.abc import Iterable

import cvxpy as cp
import numpy as np

from iomodel.program.block import Block, Law, Term, Values, Var, by_year
from iomodel.program.setting import Setting

PERSONS = "million persons"


def variables(p: Setting) -> Iterable[Var]:
    """Persons without work."""
    yield Var("unemployed", ("year",), PERSONS)


def expressions(v: Values, p: Setting) -> Iterable[tuple[str, cp.Expression]]:
    """Persons employed (year)."""
    jobs = p.base("jobs_per_output")
    fixed = jobs @ p.arrays.persons_trend[:, p.window]
    moving = (jobs * p.arrays.persons_output) @ v["output"]
    plant = (jobs * p.arrays.persons_capacity) @ v["capacity"][:, :-1]
    yield "employed", by_year(np.exp(-p.path("efficiency")), fixed + moving + plant)


def laws(v: Values, p: Setting) -> Iterable[Law]:
    """The identity of unemployment and its floor."""
    force = p.arrays.labour_force[p.window]
    yield Law("unemployment", ("year",), v["unemployed"] == force - v["employed"], PERSONS, "equal")
    floor = p.cards["frictional_unemployment"] * force
    if not p.full.any():
        yield Law("labour_shortage", ("year",), v["unemployed"] >= floor, PERSONS, "lower")
        return
    free, full = np.flatnonzero(~p.full), np.flatnonzero(p.full)
    if free.size:
        yield Law("labour_shortage", ("year",), v["unemployed"][free] >= floor[free], PERSONS, "lower",
                  where={"year": p.calendar[free]})  # fmt: skip
    yield Law("full_employment", ("year",), v["unemployed"][full] == floor[full], PERSONS, "equal",
              where={"year": p.calendar[full]})  # fmt: skip


def goal(v: Values, p: Setting) -> Iterable[Term]:
    """Unemployment beyond the frictional rate hurts by its square."""
    force = p.arrays.labour_force[p.window]
    beyond = cp.multiply(1 / force, v["unemployed"]) - p.cards["frictional_unemployment"]
    weight = p.cards["weight_unemployment"] * p.account("household_consumption")
    yield Term("unemployment", -weight * (p.discount @ cp.square(beyond)))


LABOUR = Block("labour", variables, expressions, laws, goal)
