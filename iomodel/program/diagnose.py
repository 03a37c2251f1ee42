"""Diagnosis: which laws of a solved program bind, what they cost, and what that means in words.

Shadow prices have one sign convention: change of the goal, in percent of base-year GDP of consumption a year
(discounted mean over the solved years), per unit by which the law's bound is raised. What collides when there is no
path is found in `iomodel.program.conflicts`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from iomodel.program.build import Program
from iomodel.program.goods_prices import goods_prices
from iomodel.program.price_words import GOAL, price_attributes

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


def shadow_prices(program: Program, laws: Collection[str] | None = None) -> dict[str, xr.DataArray]:
    """Law -> price by the law's dims: change of the goal for a bound raised by one unit. laws: those alone, where the
    program has them; None is all.

    The attribute `one_percent` is what bounds one percent looser would bring, summed over the law, `meaning` what the
    sign says. The balance of goods is among them in the reduced form, too (`iomodel.program.goods_prices`).
    """
    found: dict[str, xr.DataArray] = {}
    for name, law in program.laws.items():
        if laws is not None and name not in laws:
            continue
        # Of one number the multiplier comes without dims.
        dual = np.asarray(law.constraint.dual_value, dtype=float).reshape(law.constraint.shape)
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
    asked = laws is None or "goods_balance" in laws
    if asked and "goods_balance" not in found and "output" in program.values and "output" not in program.variables:
        found["goods_balance"] = goods_prices(program)
    return found


def binding(
    prices: Mapping[str, xr.DataArray], floor: float = 1e-6, names: Mapping[str, str] | None = None
) -> list[Binding]:
    """The laws whose prices are not zero, behaviour and accounting left out, the costliest first.

    floor: a law is left out where neither a price nor, of shares, a hundredth of it reaches this. names: sector codes
    -> names, for the text.
    """
    rows: list[Binding] = []
    for name, price in prices.items():
        most = float(np.abs(price.values).max(initial=0.0))
        if name in ACCOUNTING or most == 0.0 or most * _step(str(price.attrs["bound_units"]))[0] < floor:
            continue
        rows.append(_binding(name, price, floor, names or {}))
    return sorted(rows, key=lambda row: -abs(row.worth))


def _binding(name: str, price: xr.DataArray, floor: float, names: Mapping[str, str]) -> Binding:
    """One binding law in words."""
    active = np.abs(price.values) >= floor
    where = _labels(price, active)
    place = int(np.abs(price.values).argmax())
    strongest = float(price.values.flat[place])
    unit = str(price.attrs["bound_units"])
    worth = float(price.attrs["one_percent"])
    side, moved, whole, sign = SIDES[str(price.attrs["bound"])]
    step, amount = _step(unit)
    when = f" in {span(where)}" if where else ""
    text = (
        f"{words(name)}: a {side} that binds{when}. {amount} {moved}{_at(price, place, names)}, the goal is "
        f"{_turned(sign * step * strongest)} {GOAL}"
    )
    turns = bool((price.values > floor).any() and (price.values < -floor).any())
    if abs(worth) >= floor:  # a bound of zero has no percent
        again = " (in some years more helps, in others it costs: this is the sum)" if turns else ""
        text += f"; one percent of the bound {whole} wherever it binds, {_turned(worth)}{again}"
    return Binding(name, where, strongest, unit, worth, text)


SIDES = {
    "upper": ("ceiling", "looser (the ceiling raised)", "looser", 1),
    "lower": ("floor", "looser (the floor lowered)", "looser", -1),
    "equal": ("stated value", "more (the value raised)", "more", 1),
}
"""Bound of a law -> what it is, how it is moved by a unit and by one percent, and whether that raises the bound (1) or
lowers it (-1): both are said in one direction."""


def _turned(change: float) -> str:
    """A change of the goal in words."""
    return f"{'higher' if change > 0 else 'lower'} by {abs(change):.3g}"


def _step(unit: str) -> tuple[float, str]:
    """By how much a bound is moved to say its price, and that in words: a unit, of shares a hundredth.

    >>> _step("share of the drive")
    (0.01, 'One hundredth of the drive')
    >>> _step("percent of base-year GDP")
    (1.0, 'One point of base-year GDP')
    """
    if unit.startswith("share of "):
        return 0.01, f"One hundredth of {unit.removeprefix('share of ')}"
    plant = "output a year at full use, "
    said = unit.removeprefix(plant)
    amount = f"One point of {said.removeprefix('percent of ')}" if said.startswith("percent of ") else f"One {said}"
    return 1.0, amount + (" of plant" if unit.startswith(plant) else "")


def _at(price: xr.DataArray, place: int, names: Mapping[str, str]) -> str:
    """Where an entry of a law stands, in words; sectors by their names."""
    labels = {
        str(dim): str(price[dim].values[index])
        for dim, index in zip(price.dims, np.unravel_index(place, price.shape), strict=True)
    }
    year = next((f" in {label}" for dim, label in labels.items() if dim in ("year", "start")), "")
    others = [
        f"{names[label]} ({label})" if dim in ("industry", "sector") and label in names else f"{dim} {label}"
        for dim, label in labels.items()
        if dim not in ("year", "start")
    ]
    return year + (f" for {', '.join(others)}" if others else "")


def _labels(array: xr.DataArray, active: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    """Years (else the last dim) in which something is active; none for a law of one number."""
    if not array.dims:
        return ()
    dim = next((name for name in ("year", "start") if name in array.dims), array.dims[-1])
    others = tuple(place for place, name in enumerate(array.dims) if name != dim)
    return tuple(str(label) for label in array[dim].values[active.any(axis=others) if others else active])


def span(labels: tuple[str, ...]) -> str:
    """Labels in words, consecutive years as spans.

    >>> span(("2026", "2027", "2028", "2031"))
    '2026–2028, 2031'
    """
    spans: list[list[str]] = []
    for label in labels:
        follows = bool(spans) and label.isdigit() and spans[-1][-1].isdigit() and int(label) == int(spans[-1][-1]) + 1
        if follows:
            spans[-1].append(label)
        else:
            spans.append([label])
    return ", ".join(years[0] if len(years) == 1 else f"{years[0]}–{years[-1]}" for years in spans)


def words(law: str) -> str:
    """The name of a law as words."""
    return law.replace("_", " ")
