"""What one assumption does to a path: derivatives, elasticities, both ends of its range, and all that as a sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from iomodel.assumptions import Ranged

HEADLINE = "actual_individual_consumption_share"
GOAL = "goal"

OUTCOMES: dict[str, tuple[str, str]] = {
    "actual_individual_consumption_share": ("actual individual consumption", "points of GDP"),
    "household_consumption_share": ("household consumption", "points of GDP"),
    "consumption_over_usual": ("household consumption over the reference path", "percent of the reference"),
    "investment_share": ("gross capital formation", "points of GDP"),
    "public_debt_share": ("public debt", "points of GDP"),
    "unemployment_rate": ("the unemployment rate", "percentage points"),
    "idle_share": ("idle plant", "percentage points"),
    "mean_growth": ("mean growth since the policy began", "percentage points a year"),
    GOAL: ("the goal", "percent of base-year GDP of consumption a year"),
}
"""Outcome -> its words and the unit in which it changes; the goal last."""

LINE, AGAIN = "straight line", "solved again"
"""How a change at an end of a range was found."""

_ON_LINE = " (on a straight line)"


@dataclass(frozen=True)
class Matter(Ranged):
    """What one assumption does to a path.

    key, title, unit, kind, value, low, high: of the card (kind "table" for a group of coefficients, whose value is a
    relative change; `Ranged`). derivatives: outcome -> change per unit of the card, "goal" among them. elasticities:
    outcome -> percent of change per percent of the card; None of the goal, whose zero means nothing. at_low, at_high:
    outcome -> change when the card goes to that end of its range. method: how the derivatives were found
    ("differentiated", "solved again", "simulated"); ends: how the changes ("straight line", "solved again", or why
    there is none). by, year: the outcome of the order and its year.
    """

    derivatives: Mapping[str, float]
    elasticities: Mapping[str, float | None]
    at_low: Mapping[str, float]
    at_high: Mapping[str, float]
    method: str
    ends: tuple[str, str]
    by: str
    year: int

    @property
    def effect(self) -> float:
        """The larger of the two changes of the outcome `by`, without sign; its unit."""
        sizes = [abs(side[self.by]) for side in (self.at_low, self.at_high) if math.isfinite(side[self.by])]
        return max(sizes, default=0.0)

    @property
    def text(self) -> str:
        """The assumption in a sentence."""
        ends = ((self.low, self.at_low, self.ends[0]), (self.high, self.at_high, self.ends[1]))
        sides = [(end, changes[self.by], how) for end, changes, how in ends if end != self.value]
        if not sides:
            return f"{self.title} ({self.key}) has no range"
        if all(change == 0 for _, change, _ in sides):
            return self._nothing([end for end, _, _ in sides])
        lines = [how == LINE for _, _, how in sides]
        parts: list[str] = []
        for place, (end, change, how) in enumerate(sides):
            told = self._change(change, how, place == 0)
            parts.append(f"{self._if(end, place == 0)}, {told}" + (_ON_LINE if lines[place] and not all(lines) else ""))
        return "; ".join(parts) + (_ON_LINE if all(lines) else "")

    def _nothing(self, ends: list[float]) -> str:
        """That the outcome does not hang on the assumption."""
        least, most = min(*ends, self.value), max(*ends, self.value)
        if self.kind == "table":
            name, moved = f"the coefficients {self.key} ({self.title})", f"by {least:+.0%} to {most:+.0%}"
        else:
            name, moved = f"{self.key} ({self.title})", f"from {least:.3g} to {most:.3g} {self.unit}"
        moved = moved.replace("%", " percent")
        words = OUTCOMES[self.by][0]
        return (
            f"{words[0].upper()}{words[1:]} in {self.year} does not hang on {name}: it is the same all the way {moved}"
        )

    def _if(self, end: float, first: bool) -> str:
        """The condition of one end."""
        if self.kind == "table":
            moved = f"{abs(end):.0%} {'higher' if end > 0 else 'lower'}".replace("%", " percent")
            return f"If the coefficients {self.key} ({self.title}) are {moved}" if first else f"if {moved}"
        if not first:
            return f"if it is {end:.3g}"
        return f"If {self.key} ({self.title}) is {end:.3g} instead of {self.value:.3g} {self.unit}"

    def _change(self, change: float, how: str, first: bool) -> str:
        """What happens there."""
        words, unit = OUTCOMES[self.by]
        if not math.isfinite(change):
            return f"there is {how}"
        size = f"{abs(change):#.2g}".rstrip(".")
        moved = f"{size} {unit} {'higher' if change > 0 else 'lower'}" if change else "the same"
        return f"{words} in {self.year} is {moved}" if first else moved
