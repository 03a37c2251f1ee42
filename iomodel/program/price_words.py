"""What a shadow price means, in words: its unit, what is raised by one unit, and what the sign says.

One convention for every law: the change of the goal for a bound raised by one unit, as the user states the bound. All
of them are prices at given prices: wages, tax rates, interest, exports and shares are data of the year and do not
answer.
"""

from __future__ import annotations

from typing import Any

GOAL = "percent of base-year GDP of consumption a year"
"""The unit of the goal: consumption of the same worth, discounted mean over the solved years."""

GIVEN = "at given prices: wages, tax rates, interest, exports and shares do not answer"

RAISED = {
    "asset_investment": "one unit more of the asset is bought than investment asks for",
    "capacity_accumulation": "one unit more of plant stands at the end of the year without being built",
    "capacity_handed_over": "one unit more of plant is handed over to the first year",
    "closed_handed_over": "one unit more of closed plant is handed over to the first year",
    "closed_plant": "one unit more of plant counts as closed",
    "consumption": "households consume one unit more than income and behaviour tell them to",
    "firm_debt": "firms owe one unit more at the end of the year",
    "firm_debt_handed_over": "firms owe one unit more at the start of the first year",
    "goods_balance": "one unit more of the good is demanded by nobody",
    "idle_capacity": "one unit more of plant counts as idle",
    "precaution": "one unit more of precautionary saving is released",
    "public_debt": "the state owes one unit more at the end of the year",
    "public_debt_handed_over": "the state owes one unit more at the start of the first year",
    "unemployment": "one unit more of persons is without work at the same output",
}
"""Law of accounting or behaviour -> what happens when its right-hand side is raised by one unit."""

_SIDES = {
    "upper": ("the ceiling is one unit higher", "never below zero, since a higher ceiling forbids less"),
    "lower": ("the floor is one unit higher", "never above zero, since a higher floor demands more"),
    "equal": ("the stated value is one unit higher", "above zero more would be better, below zero less"),
}


def meaning(law: str, bound: str) -> str:
    """What the sign of a law's price says.

    >>> meaning("labour_shortage", "lower")
    'change of the goal when the floor is one unit higher: never above zero, since a higher floor demands more; at given
    prices: wages, tax rates, interest, exports and shares do not answer'
    """
    moved, sign = _SIDES[bound]
    if law in RAISED:
        moved = RAISED[law]
        sign = sign if bound != "equal" else "above zero that would help, below zero it costs"
    return f"change of the goal when {moved}: {sign}; {GIVEN}"


def price_attributes(law: str, bound: str, unit: str, worth: float) -> dict[str, Any]:
    """Attributes of the array of a law's prices; worth: what bounds one percent looser would bring."""
    return {
        "units": f"{GOAL} per {unit}",
        "long_name": f"change of the goal for a higher bound of {law}",
        "meaning": meaning(law, bound),
        "bound": bound,
        "bound_units": unit,
        "one_percent": worth,
    }
