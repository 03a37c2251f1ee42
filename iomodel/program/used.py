"""What was used of what a price lets through: targets that were missed, limits passed, rationing, strained plant.

Each with how much, when, and what it cost: the value of its own term in the goal, percent of base-year GDP of
consumption a year (discounted mean over the solved years).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from iomodel.program.block import value_of
from iomodel.program.build import Program
from iomodel.program.diagnose import span

Array = npt.NDArray[np.float64]

SHOWN = 1e-6
"""Amount from which a use is listed."""

_TARGETS = {
    "package": ("missed_package", "points of GDP"),
    "idle_cut": ("missed_idle", "percent of base-year GDP of plant"),
    "reform": ("missed_reform", "of the drive"),
}


@dataclass(frozen=True)
class Used:
    """What was used: amounts by year in `unit`, and `cost`, what its term took off the goal (percent of base-year GDP
    of consumption a year).

    kind: "target" (missed), "limit" (passed), "rationing" or "strained".
    """

    kind: str
    name: str
    unit: str
    years: tuple[int, ...]
    amounts: tuple[float, ...]
    cost: float

    @property
    def plain(self) -> dict[str, object]:
        """As plain values, as a result keeps it."""
        return {**asdict(self), "years": list(self.years), "amounts": list(self.amounts)}

    @property
    def text(self) -> str:
        """In words: how much at most, when, and what it cost."""
        most = int(np.argmax(self.amounts))
        verb = {"target": "is missed", "limit": "is passed"}.get(self.kind, "is used")
        when = span(tuple(str(year) for year in self.years))
        what = (
            ": a penalty set high so that targets are met, no loss of consumption"
            if self.kind == "target"
            else (" of consumption")
        )
        return (
            f"{self.name} {verb} by up to {self.amounts[most]:.3g} {self.unit} ({self.years[most]}), in {when}, "
            f"which the goal counts as {self.cost:.2g} percent of base-year GDP a year{what}"
        )


def used(program: Program) -> list[Used]:
    """What a solved program used of what has a price, the dearest first; ProgramError when nothing was solved."""
    setting, v = program.setting, program.values
    found: list[Used | None] = []
    for target, (name, unit) in _TARGETS.items():
        if name in program.variables and target in setting.policy.targets:
            scale = 100 / value_of(v["gdp"]) if target == "package" else np.ones(setting.years)
            amount = np.zeros(setting.years)
            due = setting.due(target)
            amount[due] = (value_of(v[name]) * scale)[due]
            found.append(_one(program, "target", target, unit, amount, name))
    for limit, stated in setting.policy.limits.items():
        name = f"beyond_{limit}"
        if stated.soft is not None and name in program.variables:
            of, unit = (
                ("household_income", "percent of household income") if "saving" in limit else ("gdp", "points of GDP")
            )
            amount = 100 * value_of(v[name]) / value_of(v[of])
            found.append(_one(program, "limit", limit, unit, amount, name))
    for kind, name, term in (
        ("rationing", "forced_saving", "forced_saving"),
        ("strained", "strained_output", "strained"),
    ):
        if name in program.variables and term in program.terms:
            amount = value_of(v[name])
            amount = amount.sum(axis=0) if amount.ndim == 2 else amount
            found.append(_one(program, kind, name, "percent of base-year GDP", amount, term))
    return sorted((one for one in found if one is not None), key=lambda one: -one.cost)


def _one(program: Program, kind: str, name: str, unit: str, amount: Array, term: str) -> Used | None:
    """A use where there is any."""
    places = np.flatnonzero(amount > SHOWN)
    if not places.size:
        return None
    cost = -float(value_of(program.terms[term].expression))
    years = tuple(int(year) for year in program.setting.calendar[places])
    return Used(kind, name, unit, years, tuple(float(one) for one in amount[places]), cost)
