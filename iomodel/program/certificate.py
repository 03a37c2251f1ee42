"""The verdict: our own judgement of a solved program, law by law, from the returned point and multipliers.

A solver's word is not taken. The point and the multipliers that came back, whichever solver sent them, are put into the
laws and the goal as the user states them: every law is met, no multiplier has the wrong sign, what is far from its
bound costs nothing, and in no direction does the goal rise faster than the laws charge for it (the conditions of
Karush 1939 and of Kuhn and Tucker 1951, sufficient since the program is convex). Only when the worst of all these is
below the tolerance is a path called optimal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cvxpy as cp
import numpy as np
import numpy.typing as npt
from cvxpy.constraints.zero import Equality

from iomodel.program.block import shared_value, value_of
from iomodel.program.build import Program
from iomodel.program.canonical import Canonical, Places
from iomodel.program.gradients import goal_gradient, slopes

Array = npt.NDArray[np.float64]

TOLERANCE = 1e-6
"""Largest residual of a law, relative to its scale, and of the conditions of optimality, that is called optimal."""


@dataclass(frozen=True)
class Verdict:
    """How a path was found.

    status: optimal, simulated, inaccurate, infeasible, unbounded or failed. worst_residual: the largest primal residual
    over the laws, relative to the law's scale, and `law` where it is. dual: multipliers of the wrong sign.
    stationarity, complementarity, gap: relative residuals of the other conditions of optimality, None where there is no
    point. loss: what any path near this one could gain at most, see `Conditions`. replay_distance: largest difference
    between the solver's and the simulated path, percent of base-year GDP.
    remedies: what was tried after a first answer that was not good enough.
    """

    status: str
    worst_residual: float = 0.0
    law: str = ""
    dual: float | None = None
    stationarity: float | None = None
    complementarity: float | None = None
    gap: float | None = None
    replay_distance: float = 0.0
    objective: float = 0.0
    solver: str = ""
    iterations: int = 0
    seconds: float = 0.0
    remedies: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    loss: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "remedies", tuple(self.remedies))
        object.__setattr__(self, "warnings", tuple(self.warnings))

    def __str__(self) -> str:
        """One line for the screen."""
        if self.status == "simulated":
            return "; ".join(["simulated", *self.warnings])
        law = self.law.replace("_", " ") or "none"
        line = f"{self.status}: largest residual of a law {self.worst_residual:.0e} ({law})"
        if self.stationarity is not None and self.gap is not None:
            line += f", stationarity {self.stationarity:.0e}, gap {self.gap:.0e}"
        line += (
            f", replay within {self.replay_distance:.0e} percent of GDP; {self.solver}, {self.iterations} iterations, "
            f"{self.seconds:.2f} s"
        )
        if self.remedies:
            line += f"; {remedies_said(self.remedies)}"
        return "; ".join([line, *self.warnings])


EXACT = "made exact"
"""How the remedy ends that a proof of infeasibility needed."""

_ENDS = ("inaccurate", "failed", "infeasible", "unbounded", "short of its own tolerance", "near the tolerance",
         "no better")  # fmt: skip
ENDED = (*(f": {end}" for end in _ENDS), EXACT)
"""How the remedies end that are tries of solvers; the others say with what the program was solved again."""


def remedies_said(remedies: tuple[str, ...]) -> str:
    """Remedies in words: tries of solvers, then with what the program was solved again.

    >>> remedies_said(("Clarabel: inaccurate", "overflow imports shut in 2033", "nobody rationed in 2043"))
    'after Clarabel: inaccurate; solved again with overflow imports shut in 2033 and nobody rationed in 2043'
    """
    tries = [entry for entry in remedies if entry.endswith(ENDED)]
    settings = [entry for entry in remedies if not entry.endswith(ENDED)]
    said = [f"after {', then '.join(tries)}"] if tries else []
    if settings:
        *most, last = settings
        said.append(f"solved again with {', '.join(most)}{' and ' if most else ''}{last}")
    return "; ".join(said)


@dataclass(frozen=True)
class Conditions:
    """What a point and its multipliers miss of the conditions of optimality.

    primal, dual, complementarity: law -> largest residual; of laws relative to the law's scale (its largest side, at
    least 1), of multipliers to 1 plus the law's own largest, of products to 1 plus the base year's
    household consumption: the goal's own zero means nothing. stationarity: variable -> largest residual, relative to 1
    plus what pushes and pulls there. gap: primal less dual value, that is the sum of all prices times what is left to
    their bounds and of what is left of the slopes times the point, relative to what products are. loss: how much more
    of the goal any point could have of which no variable is farther away than one plus its own size, relative to the
    same: prices times what is left to bounds, and what is left of the slopes times the way that a variable may go, all
    summed up without regard to sign (Lagrange's bound, which holds for whatever prices).
    """

    primal: Mapping[str, float]
    dual: Mapping[str, float]
    complementarity: Mapping[str, float]
    stationarity: Mapping[str, float]
    gap: float
    loss: float

    @property
    def worst(self) -> float:
        """The largest of all; infinite where something is not a number."""
        parts = (self.primal, self.dual, self.complementarity, self.stationarity)
        numbers = [self.gap, self.loss, *(value for part in parts for value in part.values())]
        largest = max(numbers)
        return largest if np.isfinite(numbers).all() else float("inf")

    @property
    def law(self) -> str:
        """The law with the largest primal residual."""
        return max(self.primal, key=lambda name: self.primal[name])


def primal_residuals(program: Program) -> dict[str, float]:
    """Largest residual of each law at the program's point, relative to the law's scale (its largest side, at least
    1)."""
    return _primal(program, _sides(program, {}))


def _primal(program: Program, sides: Mapping[str, tuple[Array, Array]]) -> dict[str, float]:
    found = {name: _residual(law.constraint, *sides[name]) for name, law in program.laws.items()}
    for name, var in program.variables.items():
        if var.nonneg and program.values[name].value is not None:  # one that stands nowhere has no value
            below = np.asarray(program.values[name].value, dtype=float)
            found[f"{name}_not_negative"] = max(-float(below.min(initial=0.0)), 0.0)
    return found


def _sides(program: Program, known: dict[int, Any]) -> dict[str, tuple[Array, Array]]:
    """Law -> its left and right side at the program's point."""
    found: dict[str, tuple[Array, Array]] = {}
    for name, law in program.laws.items():
        left, right = (np.asarray(shared_value(side, known), dtype=float) for side in law.constraint.args)
        found[name] = left, right
    return found


def _residual(constraint: cp.Constraint, left: Array, right: Array) -> float:
    miss = left - right
    if miss.size == 0:
        return 0.0
    worst = float(np.abs(miss).max()) if isinstance(constraint, Equality) else float(miss.max())
    scale = max(1.0, float(np.abs(left).max()), float(np.abs(right).max()))
    return max(worst, 0.0) / scale


def judge(program: Program, arrays: Canonical, where: Places) -> Conditions:
    """The conditions of optimality at the point and multipliers that the program's variables and laws hold.

    arrays: the canonical arrays, of which only the rows of affine laws are used, as the laws' coefficients. where:
    places of laws and variables in them.
    """
    known: dict[int, Any] = {}
    push = goal_gradient(program, known)
    worth = _worth(program)
    prices = {name: np.asarray(law.constraint.dual_value, dtype=float) for name, law in program.laws.items()}
    dual: dict[str, float] = {}
    products: dict[str, float] = {}
    sides = _sides(program, known)
    total = lost = 0.0
    for name, law in program.laws.items():
        left, right = sides[name]
        price = prices[name]
        product = price * (right - left)
        size = np.abs(product)
        lost += float(size.sum())
        if isinstance(law.constraint, Equality):
            continue
        dual[name] = max(0.0, -float(price.min(initial=0.0))) / (1 + float(np.abs(price).max(initial=0.0)))
        products[name] = float(size.max(initial=0.0)) / worth
        total += float(product.sum())
    stationarity, along, gain = _stationarity(program, arrays, where, prices, push)
    primal = _primal(program, sides)
    return Conditions(primal, dual, products, stationarity, abs(total - along) / worth, (lost + gain) / worth)


def judge_arrays(program: Program, arrays: Canonical, x: Array, z: Array) -> Conditions:
    """The same of the canonical arrays, all columns and rows of cones among them.

    An equal program, so that this proves as much. It is asked where a goal or a law has a kink at the answer: there one
    slope says nothing, and the multipliers of the rows by which the kink is written hold the slopes that count.
    The loss is the larger of what another point could gain and of what this one has gained by missing its rows: where a
    root is at zero its price has no bound, and a miss that is nothing in the row is as much again in money.
    """
    slack = arrays.bound - arrays.matrix @ x
    push, pull = arrays.gradient(x), arrays.matrix.T @ z
    size = 1 + float(np.abs(arrays.bound).max(initial=0.0))
    force = 1 + np.abs(push) + abs(arrays.matrix).T @ np.abs(z)
    inner = slice(arrays.equalities, arrays.linear_rows)
    in_cones = np.array([float(slack[cone] @ z[cone]) for cone in cones_of(arrays)])
    products = [float(np.abs(part).max(initial=0.0)) for part in (slack[inner] * z[inner], in_cones)]
    each = np.concatenate([slack[: arrays.linear_rows] * z[: arrays.linear_rows], in_cones])
    lost = max(float(np.maximum(each, 0.0).sum()), float(np.maximum(-each, 0.0).sum()))
    worth = _worth(program)
    rest = push + pull
    gap = float(slack[arrays.equalities :] @ z[arrays.equalities :]) - float(rest @ x)
    primal = {**primal_residuals(program), "cones": _outside_cones(arrays, slack, dual=False) / size}
    return Conditions(
        primal,
        {"cones": _outside_cones(arrays, z, dual=True) / (1 + float(np.abs(z).max(initial=0.0)))},
        {"cones": max(products) / worth},
        {"columns": float((np.abs(rest) / force).max(initial=0.0))},
        abs(gap) / worth,
        (lost + float(np.abs(rest) @ (1 + np.abs(x)))) / worth,
    )


def _worth(program: Program) -> float:
    """What a miss in the goal is measured against: the base year's household consumption, which no block can blow up.
    The goal itself will not do: its zero means nothing."""
    return 1 + abs(program.setting.account("household_consumption"))


def _stationarity(
    program: Program, arrays: Canonical, where: Places, prices: Mapping[str, Array], push: Mapping[str, Array]
) -> tuple[dict[str, float], float, float]:
    """∇goal − Σ J'λ by variable: zero, or not above zero where the variable is not negative and zero otherwise.

    Returns the residuals by variable, the slopes times the point, Σ r x, and what they could bring on the way that each
    variable may go for `loss`.
    """
    pull, weight = _pull(program, arrays, where, prices)
    found: dict[str, float] = {}
    along = gain = 0.0
    for name, variable in program.variables.items():
        if name not in where.variables:
            continue
        columns = where.variables[name]
        value = np.asarray(program.values[name].value, dtype=float)
        pushed = push.get(name, np.zeros(value.shape))
        rest = pushed - pull[columns]
        scale = 1 + np.abs(pushed) + weight[columns]
        along += float((rest * value).sum())
        way = 1 + np.abs(value)
        down = np.minimum(way, np.maximum(value, 0.0)) if variable.nonneg else way
        gain += float(np.where(rest > 0, rest * way, -rest * down).sum())
        if variable.nonneg:
            product = np.abs(rest * value)
            rest = np.maximum(rest, 0.0)
            found[name] = float((rest / scale).max(initial=0.0))
            found[f"{name}_not_negative"] = float((product / (scale * (1 + np.abs(value)))).max(initial=0.0))
        else:
            found[name] = float((np.abs(rest) / scale).max(initial=0.0))
    return found, along, gain


def _pull(
    program: Program, arrays: Canonical, where: Places, prices: Mapping[str, Array]
) -> tuple[Array, Array]:  # fmt: skip
    """J'λ of all laws by column of the canonical arrays, and the same of absolute values."""
    multipliers = np.zeros(arrays.bound.size)
    for name, rows in where.laws.items():
        multipliers[rows.ravel()] = where.signs[name] * prices[name].ravel()
    pull = arrays.matrix.T @ multipliers
    weight = abs(arrays.matrix).T @ np.abs(multipliers)
    for name, law in program.laws.items():
        if name in where.laws:
            continue
        # A law that is not affine is taken by its slope at the point.
        left, right = law.constraint.args
        for variable, slope in slopes(program, left - right).items():
            change = slope @ prices[name].ravel(order="F")
            columns = where.variables[variable].ravel(order="F")
            pull[columns] += change
            weight[columns] += np.abs(change)
    return pull, weight


def proof_residual(arrays: Canonical, status: str, x: Array, z: Array) -> float:
    """What a proof of infeasibility or of an unbounded goal misses, relative to its own size.

    Infeasible (Farkas 1902): multipliers z of the dual cones with A'z = 0 and b'z < 0. What is left of A'z is summed
    up: a miss of 1e-6 rules out every point whose amounts are all below 1e6. Unbounded: a direction x with Px = 0, −Ax
    in the cones and q'x < 0. Infinite where the sign is wrong.
    """
    if status == "infeasible":
        gain = -float(arrays.bound @ z)
        rest = arrays.matrix.T @ z
        outside = _outside_cones(arrays, z, dual=True)
    else:
        gain = -float(arrays.linear @ x)
        rest = arrays.gradient(x) - arrays.linear
        outside = _outside_cones(arrays, -(arrays.matrix @ x), dual=False)
    size = float(np.abs(z if status == "infeasible" else x).max(initial=0.0))
    if not gain > 0 or not np.isfinite(size) or size == 0:
        return float("inf")
    left = float(np.abs(rest).sum()) if status == "infeasible" else float(np.abs(rest).max(initial=0.0))
    return max(left, outside) / max(gain, 1e-9 * size)


def _outside_cones(arrays: Canonical, vector: Array, *, dual: bool) -> float:
    """How far a vector is outside the cones; equalities hold none, and their multipliers are free."""
    worst = 0.0 if dual else float(np.abs(vector[: arrays.equalities]).max(initial=0.0))
    worst = max(worst, -float(vector[arrays.equalities : arrays.linear_rows].min(initial=0.0)))
    for cone in cones_of(arrays):
        head, *tail = vector[cone]
        worst = max(worst, float(np.linalg.norm(tail) - head))
    return worst


def cones_of(arrays: Canonical) -> Iterator[slice]:
    """Rows of each second-order cone."""
    first = arrays.linear_rows
    for size in arrays.cones:
        yield slice(first, first + size)
        first += size


def goal_value(program: Program) -> float:
    """The goal at the program's point."""
    return float(value_of(program.problem.objective.args[0]))
