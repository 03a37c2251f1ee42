"""Diagnosis: which laws of a solved program bind and what they cost, and which laws collide when nothing is feasible.

Shadow prices have one sign convention: change of the goal, in percent of base-year GDP of consumption a year
(discounted mean over the solved years), per unit by which the law's bound is raised. Collisions come from an elastic
program in which every law that a policy or a card sets may be broken at a price.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import cvxpy as cp
import numpy as np
import numpy.typing as npt
import xarray as xr
from cvxpy.constraints.zero import Equality

from iomodel.errors import SolverError
from iomodel.program.block import total
from iomodel.program.build import Program
from iomodel.program.goods_prices import goods_prices
from iomodel.program.price_words import price_attributes
from iomodel.program.solvers import solver_named

Array = npt.NDArray[np.float64]

ACCOUNTING = (
    "asset_investment",
    "capacity_accumulation",
    "capacity_handed_over",
    "closed_handed_over",
    "closed_plant",
    "consumption",
    "firm_debt",
    "firm_debt_handed_over",
    "goods_balance",
    "idle_capacity",
    "precaution",
    "public_debt",
    "public_debt_handed_over",
    "unemployment",
)
"""Laws that are behaviour or accounting: nobody can break them, so no remedy lies there."""


@dataclass(frozen=True)
class Binding:
    """A law that binds: where it costs, its price, and what one percent of its bound would bring."""

    law: str
    labels: tuple[str, ...]
    price: float
    unit: str
    worth: float
    text: str


@dataclass(frozen=True)
class Conflict:
    """A law that has to be broken, or that stands in the way: years (or sectors) and amount in its unit."""

    law: str
    labels: tuple[str, ...]
    amount: float
    unit: str
    broken: bool


def shadow_prices(program: Program) -> dict[str, xr.DataArray]:
    """Law -> price by the law's dims: change of the goal for a bound raised by one unit.

    The attribute `one_percent` is what bounds one percent looser would bring, summed over the law, `meaning` what the
    sign says. The balance of goods is among them in the reduced form, too (`iomodel.program.goods_prices`).
    """
    found: dict[str, xr.DataArray] = {}
    for name, law in program.laws.items():
        dual = np.asarray(law.constraint.dual_value, dtype=float).reshape(law.constraint.shape)  # (1,) where it is one number
        left, right = (np.asarray(side.value, dtype=float) for side in law.constraint.args)
        # cvxpy gives multipliers of ≤ as they are for a maximum; those of equalities with the sign of the left side.
        price = {"upper": dual, "lower": -dual, "equal": dual}[law.bound]
        bound = left if law.bound == "lower" else right
        worth = (
            0.01 * float(np.abs(price * bound).sum()) if law.bound != "equal" else 0.01 * float((price * bound).sum())
        )
        found[name] = xr.DataArray(
            price,
            coords=program.labels(law),
            dims=law.dims,
            name=name,
            attrs=price_attributes(name, law.bound, law.unit, worth),
        )
    if "goods_balance" not in found and "output" in program.values and "output" not in program.variables:
        found["goods_balance"] = goods_prices(program)
    return found


def binding(prices: Mapping[str, xr.DataArray], floor: float = 1e-6) -> list[Binding]:
    """The laws whose prices are not zero, behaviour and accounting left out, the costliest first."""
    rows: list[Binding] = []
    for name, price in prices.items():
        if name in ACCOUNTING or float(np.abs(price.values).max(initial=0.0)) < floor:
            continue
        rows.append(_binding(name, price, floor))
    return sorted(rows, key=lambda row: -abs(row.worth))


def _binding(name: str, price: xr.DataArray, floor: float) -> Binding:
    """One binding law in words."""
    active = np.abs(price.values) >= floor
    where = _labels(price, active)
    strongest = float(price.values.flat[int(np.abs(price.values).argmax())])
    unit = str(price.attrs["bound_units"])
    worth = float(price.attrs["one_percent"])
    words = {"upper": "ceiling", "lower": "floor", "equal": "stated value"}
    side = words[str(price.attrs["bound"])]
    text = (
        f"{_words(name)}: a {side} that binds in {_span(where)}. Raised by 1 (unit: {unit}) it moves "
        f"the goal by up to {strongest:+.3g} percent of base-year GDP of consumption a year"
    )
    return Binding(name, where, strongest, unit, worth, text)


def _labels(array: xr.DataArray, active: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    """Years (else the last dim) in which something is active."""
    dim = next((name for name in ("year", "start") if name in array.dims), array.dims[-1])
    others = tuple(place for place, name in enumerate(array.dims) if name != dim)
    return tuple(str(label) for label in array[dim].values[active.any(axis=others) if others else active])


def _span(labels: tuple[str, ...]) -> str:
    """Labels in words, consecutive years as spans.

    >>> _span(("2026", "2027", "2028", "2031"))
    '2026–2028, 2031'
    """
    spans: list[list[str]] = []
    for label in labels:
        follows = bool(spans) and label.isdigit() and spans[-1][-1].isdigit() and int(label) == int(spans[-1][-1]) + 1
        if follows:
            spans[-1].append(label)
        else:
            spans.append([label])
    return ", ".join(span[0] if len(span) == 1 else f"{span[0]}–{span[-1]}" for span in spans)


def collisions(program: Program, name: str | None = None) -> list[Conflict]:
    """The laws in conflict of an infeasible program: those broken in the cheapest elastic solution, by how much, and
    those that hold it back (elastic program: Chinneck 2008, chapter 6).

    Each law is broken in units of its own size, so that no unit is favoured.
    """
    slacks: dict[str, cp.Variable] = {}
    laws: dict[str, cp.Constraint] = {}
    costs: list[cp.Expression] = []
    for key, law in program.laws.items():
        if key in ACCOUNTING:
            laws[key] = law.constraint
            continue
        left, right = law.constraint.args
        free = isinstance(law.constraint, Equality)
        slack = cp.Variable(law.constraint.shape, nonneg=not free, name=f"slack_{key}")
        slacks[key] = slack
        laws[key] = left == right + slack if free else left <= right + slack
        size = _size(law.unit)
        costs.append(total(cp.abs(slack)) / size if free else total(slack) / size)
    problem = cp.Problem(cp.Minimize(sum(costs)), list(laws.values()))
    solver = solver_named(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # many breaches are equally cheap: the last digits do not matter here
        problem.solve(solver=solver.name, **solver.settings)
    if problem.status not in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE):
        raise SolverError(f"the search for laws in conflict ended {problem.status}")
    return _conflicts(program, slacks, laws)


def _size(unit: str) -> float:
    """What one unit of a law is worth in the elastic program: shares weigh as percent, persons as they are."""
    return 0.01 if unit.startswith("share") else 1.0


def _conflicts(program: Program, slacks: dict[str, cp.Variable], laws: dict[str, cp.Constraint]) -> list[Conflict]:
    """Broken laws first, then the ones whose multipliers hold them."""
    rows: list[Conflict] = []
    for key, slack in slacks.items():
        law = program.laws[key]
        labels = program.labels(law)
        over = np.atleast_1d(np.abs(np.asarray(slack.value, dtype=float)))
        dual = np.atleast_1d(np.abs(np.asarray(laws[key].dual_value, dtype=float)))
        frame = xr.DataArray(over.reshape(law.constraint.shape), coords=labels, dims=law.dims)
        broken = frame.values > 1e-5
        if broken.any():
            rows.append(Conflict(key, _labels(frame, broken), float(over.max()), law.unit, True))
        elif (dual > 1e-3).any():
            held = (dual > 1e-3).reshape(law.constraint.shape)
            rows.append(Conflict(key, _labels(frame, held), 0.0, law.unit, False))
    return sorted(rows, key=lambda row: (not row.broken, -row.amount))


def _words(law: str) -> str:
    """The name of a law as words."""
    return law.replace("_", " ")


def describe(conflicts: list[Conflict]) -> str:
    """Conflicts in words."""
    broken = [row for row in conflicts if row.broken]
    held = [row for row in conflicts if not row.broken]
    if not broken:
        return "no law had to be broken: the program is feasible up to rounding"
    lines = ["No path meets all laws. The smallest breach would be:"]
    lines += [f"  {_words(row.law)} in {_span(row.labels)}: by up to {row.amount:.3g} {row.unit}" for row in broken]
    if held:
        lines.append("It collides with: " + "; ".join(f"{_words(row.law)} in {_span(row.labels)}" for row in held))
    return "\n".join(lines)
