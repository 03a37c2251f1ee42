"""Whether a point is an optimum: a bound of how much better any plan near it could be, in the goal's own units.

Residuals by condition, each with a scale of its own, are the product's way; here the point and its multipliers give one
number that needs no scale. Lagrange's bound holds for whatever multipliers, and the goal is concave: so a wrong price,
a slope that is left over or a price on slack all show as what another plan might gain.
"""

from __future__ import annotations

import cvxpy as cp
import numpy as np

from certifying.lawbook import LawBook, kinked, sides

TOLERANCE = 1e-6
"""Largest miss of a row of the laws, relative to its own larger side, and largest gain that another plan might bring,
relative to money: one plus the consumption of households in the base year, as the goal counts a mean year's (its
discount factors sum to one). It is of the setting alone: no term of a goal and no law can inflate it."""


def doubts(book: LawBook) -> dict[str, float]:
    """What the point and multipliers that a program holds miss of being an optimum: all small at one.

    laws, below zero: whether the point is a plan at all. regret: see `regret`. signs: multipliers below zero, each
    times the larger side of its own row. The last two relative to money, see `TOLERANCE`.
    """
    x, y = book.point(), book.multipliers()
    bent = {name: np.asarray(book.program.laws[name].constraint.dual_value, dtype=float) for name in book.bent}
    if not all(np.isfinite(part).all() for part in (x, y, *bent.values())):
        return {"numbers": np.inf}
    money = money_of(book)
    miss, scale = book.sides()
    outside = np.where(book.equal, np.abs(miss), np.maximum(miss, 0.0)) / scale
    below = np.where(book.equal, 0.0, np.maximum(-y, 0.0)) * scale
    found = {
        "laws": float(outside.max()),
        "below zero": max(0.0, -float(x[book.nonneg].min(initial=0.0))),
        "signs": float(below.max()) / money,
        "regret": regret(book) / money,
    }
    for name, price in bent.items():
        over, size = sides(book.program.laws[name].constraint)
        found["laws"] = max(found["laws"], float((over / size).max()))
        found["signs"] = max(found["signs"], float((-price.ravel(order="F") * size).max()) / money)
    return found


def money_of(book: LawBook) -> float:
    """One plus the consumption of households in the base year, in percent of base-year GDP."""
    return 1 + float(book.program.setting.account("household_consumption"))


def regret(book: LawBook) -> float:
    """How much more of the goal any plan x' could have that is no farther than one plus its own size from the point in
    any variable; who goes t times as far gains at most t times as much.

    f(x') ≤ f(x') + p'(b − A x') − Σ q_l h_l(x') for every plan x', with p ≥ 0 of inequalities and q ≥ 0 (multipliers
    below zero count as zero; Boyd and Vandenberghe 2004, section 5.1). The smooth part of f is at most its tangent at
    the point x, so that the most of the right side within the box |x'_j − x_j| ≤ 1 + |x_j|, x'_j ≥ 0 where so, is found
    variable by variable; where f or a law h_l is kinked, by a linear program of the kinks as they are written.
    """
    x, y = book.point(), book.multipliers()
    price = np.where(book.equal, y, np.maximum(y, 0.0))
    miss, _ = book.sides()
    slope = book.slope() - book.matrix.T @ price
    most = x + 1 + np.abs(x)
    least = np.where(book.nonneg, np.maximum(x - 1 - np.abs(x), 0.0), x - 1 - np.abs(x))
    lost = float(np.abs(price * miss).sum())
    bends = kinked(book.program)
    for name in book.bent:
        left, right = book.program.laws[name].constraint.args
        dear = np.maximum(np.asarray(book.program.laws[name].constraint.dual_value, dtype=float), 0.0)
        lost += float(np.abs(dear * (left.value - right.value)).sum())
        bends.append(-cp.sum(cp.multiply(dear, left - right)))
    gain = np.maximum(np.maximum(slope * (least - x), slope * (most - x)), 0.0)
    if bends:
        touched = {variable.name() for bend in bends for variable in bend.variables()}
        for name in touched:
            gain[book.columns[name]] = 0.0
        lost += _by_program(book, bends, touched, slope, (least, most))
    return lost + float(gain.sum())


def _by_program(
    book: LawBook, bends: list[cp.Expression], touched: set[str], slope: np.ndarray, box: tuple[np.ndarray, np.ndarray]
) -> float:
    """The most of slope'x' and the bends within the box, less what they are at the point; of the variables touched."""
    x, goal, laws = book.point(), sum(bends), []
    for name in sorted(touched):
        variable = book.program.values[name]
        pull, least, most = (part[book.columns[name]].reshape(variable.shape, order="F") for part in (slope, *box))
        goal += cp.sum(cp.multiply(pull, variable))
        laws += [variable >= least, variable <= most]
    here = float(goal.value)
    problem = cp.Problem(cp.Maximize(goal), laws)
    problem.solve(solver=cp.SCIPY)
    best = float(problem.value)
    book.put(x)
    return max(best - here, 0.0)
