"""The verdict: our own judgement of a solved program, law by law, from the returned point and multipliers.

A solver's word is not taken. The point and the multipliers that came back, whichever solver sent them, are put into the
laws and the goal as the user states them: every law is met, no multiplier has the wrong sign, what is far from its
bound costs nothing, and in no direction does the goal rise faster than the laws charge for it (the conditions of
Karush 1939 and of Kuhn and Tucker 1951, sufficient since the program is convex). Only when the worst of all these is
below the tolerance is a path called optimal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cvxpy as cp
import numpy as np
import numpy.typing as npt
from cvxpy.constraints.zero import Equality

from iomodel.program.block import value_of
from iomodel.program.build import Program
from iomodel.program.canonical import Canonical, Places

Array = npt.NDArray[np.float64]

TOLERANCE = 1e-6
"""Largest residual of a law, relative to its scale, and of the conditions of optimality, that is called optimal."""


@dataclass(frozen=True)
class Verdict:
    """How a path was found.

    status: optimal, simulated, inaccurate, infeasible, unbounded or failed. worst_residual: the largest primal residual
    over the laws, relative to the law's scale, and `law` where it is. dual: multipliers of the wrong sign.
    stationarity, complementarity, gap: relative residuals of the other conditions of optimality, None where there is no
    point. replay_distance: largest difference between the solver's and the simulated path, percent of base-year GDP.
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
            line += f"; after {', then '.join(self.remedies)}"
        return "; ".join([line, *self.warnings])


@dataclass(frozen=True)
class Conditions:
    """What a point and its multipliers miss of the conditions of optimality.

    primal, dual, complementarity: law -> largest residual; of laws relative to the law's scale (its largest side, at
    least 1), of multipliers to 1 plus the largest one, of products to the worth of the plan, 1 plus Σ |∇goal · x|: the
    goal's own zero means nothing. stationarity: variable -> largest residual, relative to 1 plus what pushes and
    pulls there. gap: primal less dual value, that is the sum of all prices times what is left to their bounds and of
    what is left of the slopes times the point, relative to the worth of the plan.
    """

    primal: Mapping[str, float]
    dual: Mapping[str, float]
    complementarity: Mapping[str, float]
    stationarity: Mapping[str, float]
    gap: float

    @property
    def worst(self) -> float:
        """The largest of all; infinite where something is not a number."""
        parts = (self.primal, self.dual, self.complementarity, self.stationarity)
        largest = max([self.gap, *(value for part in parts for value in part.values())])
        numbers = [self.gap, *(value for part in parts for value in part.values())]
        return largest if np.isfinite(numbers).all() else float("inf")

    @property
    def law(self) -> str:
        """The law with the largest primal residual."""
        return max(self.primal, key=lambda name: self.primal[name])


def primal_residuals(program: Program) -> dict[str, float]:
    """Largest residual of each law at the program's point, relative to the law's scale (its largest side, at least
    1)."""
    found = {name: _residual(law.constraint) for name, law in program.laws.items()}
    for name, var in program.variables.items():
        if var.nonneg:
            below = np.asarray(program.values[name].value, dtype=float)
            found[f"{name}_not_negative"] = max(-float(below.min(initial=0.0)), 0.0)
    return found


def _sides(constraint: cp.Constraint) -> tuple[Array, Array]:
    left, right = (np.asarray(side.value, dtype=float) for side in constraint.args)
    return left, right


def _residual(constraint: cp.Constraint) -> float:
    left, right = _sides(constraint)
    if left.size == 0:
        return 0.0
    miss = left - right
    worst = float(np.abs(miss).max()) if isinstance(constraint, Equality) else float(miss.max())
    scale = max(1.0, float(np.abs(left).max()), float(np.abs(right).max()))
    return max(worst, 0.0) / scale


def judge(program: Program, arrays: Canonical, where: Places) -> Conditions:
    """The conditions of optimality at the point and multipliers that the program's variables and laws hold.

    arrays: the canonical arrays, of which only the rows of affine laws are used, as the laws' coefficients. where:
    places of laws and variables in them.
    """
    push = goal_gradient(program)
    worth = 1 + sum(
        float(np.abs(slope * np.asarray(program.values[name].value, dtype=float)).sum()) for name, slope in push.items()
    )
    prices = {name: np.asarray(law.constraint.dual_value, dtype=float) for name, law in program.laws.items()}
    highest = 1 + max((float(np.abs(price).max(initial=0.0)) for price in prices.values()), default=0.0)
    dual: dict[str, float] = {}
    products: dict[str, float] = {}
    total = 0.0
    for name, law in program.laws.items():
        if isinstance(law.constraint, Equality):
            continue
        left, right = _sides(law.constraint)
        price = prices[name]
        dual[name] = max(0.0, -float(price.min(initial=0.0))) / highest
        product = np.abs(price * (right - left))
        products[name] = float(product.max(initial=0.0)) / worth
        total += float((price * (right - left)).sum())
    stationarity, along = _stationarity(program, arrays, where, prices, push)
    return Conditions(primal_residuals(program), dual, products, stationarity, abs(total - along) / worth)


def _stationarity(
    program: Program, arrays: Canonical, where: Places, prices: Mapping[str, Array], push: Mapping[str, Array]
) -> tuple[dict[str, float], float]:
    """∇goal − Σ J'λ by variable: zero, or not above zero where the variable is not negative and zero otherwise.

    Returns the residuals by variable and the slopes times the point, Σ r x.
    """
    pull, weight = _pull(program, arrays, where, prices)
    found: dict[str, float] = {}
    along = 0.0
    for name, variable in program.variables.items():
        if name not in where.variables:
            continue
        columns = where.variables[name]
        value = np.asarray(program.values[name].value, dtype=float)
        pushed = push.get(name, np.zeros(value.shape))
        rest = pushed - pull[columns]
        scale = 1 + np.abs(pushed) + weight[columns]
        along += float((rest * value).sum())
        if variable.nonneg:
            product = np.abs(rest * value)
            rest = np.maximum(rest, 0.0)
            found[name] = float((rest / scale).max(initial=0.0))
            found[f"{name}_not_negative"] = float((product / (scale * (1 + np.abs(value)))).max(initial=0.0))
        else:
            found[name] = float((np.abs(rest) / scale).max(initial=0.0))
    return found, along


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
        for variable, slope in _slopes(program, left - right).items():
            change = slope @ prices[name].ravel(order="F")
            columns = where.variables[variable].ravel(order="F")
            pull[columns] += change
            weight[columns] += np.abs(change)
    return pull, weight


def goal_value(program: Program) -> float:
    """The goal at the program's point."""
    return float(value_of(program.problem.objective.args[0]))


def goal_gradient(program: Program) -> dict[str, Array]:
    """Variable -> slope of the goal at the program's point, in the variable's shape; zero for variables not named.

    Slopes of affine terms are kept in the program's memo, since they are the same at every point.
    """
    known: dict[str, dict[str, Array]] = program.memo.setdefault("slopes of affine terms", {})
    found: dict[str, Array] = {}
    for name, term in program.terms.items():
        slopes = known.get(name)
        if slopes is None:
            slopes = {
                variable: slope.ravel() if slope.ndim > 1 else slope
                for variable, slope in _slopes(program, term.expression).items()
            }
            if term.expression.is_affine() and not term.expression.parameters():
                known[name] = slopes
        for variable, slope in slopes.items():
            shaped = slope.reshape(program.values[variable].shape, order="F")
            found[variable] = found[variable] + shaped if variable in found else shaped
    return found


def _slopes(program: Program, expression: cp.Expression) -> dict[str, Array]:
    """Variable -> (entries of the variable, entries of the expression), columns first as cvxpy counts them."""
    names = {id(value): name for name, value in program.values.items() if name in program.variables}
    gradient = expression.grad
    return {
        names[id(variable)]: np.asarray(slope.toarray() if hasattr(slope, "toarray") else slope, dtype=float).reshape(
            variable.size, expression.size
        )
        for variable, slope in gradient.items()
        if id(variable) in names and slope is not None
    }
