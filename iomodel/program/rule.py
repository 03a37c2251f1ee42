"""The announced rule: a stated policy carried out by rule, without a program.

Programme and reform rise on straight lines to where they are stated to be; plant is closed in proportion to the
reference's idle plant of the year in which the cut is due, at the smallest rate that meets it, then as needed. It is
the second, independent way to a stated policy, and what a government could announce.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from iomodel.errors import ExperimentError, SolverError
from iomodel.program.arrays import Arrays
from iomodel.program.policy import Policy
from iomodel.program.simulate import Flows, Levers, State, step

Array = npt.NDArray[np.float64]

SECANT_STEPS = 50
"""Steps at most to the programme that is a stated share of the GDP which it calls forth."""


@dataclass(frozen=True)
class Rule:
    """arrays, first policy year (path index), years, the policy, and of the reference: idle fraction and plant by
    year."""

    arrays: Arrays
    first: int
    years: int
    policy: Policy
    idle_fraction: Array
    idle_plant: Array
    """(n, years) idle plant of the reference path."""
    gdp: Array
    """(years,) GDP of the reference path, against which the programme's pace is measured."""

    def run(self, state: State) -> tuple[list[Flows], list[Levers], list[str]]:
        """Flows and levers of the policy years from `state`, and what the rule does not keep, in words.

        Raises ExperimentError when a free lever has no stated value, and for limits: then there is no rule.
        """
        self._check()
        rate, unmet = 0.0, ""
        cut = self.policy.targets.get("idle_cut")
        if cut is not None and cut.by > 1:
            rate, met = _smallest(lambda trial: self._meets(state, 0, cut.by - 1, trial))
            unmet = (
                "" if met else f"the cut of idle plant is not met in policy year {cut.by}: its pace does not allow it"
            )
        flows: list[Flows] = []
        levers: list[Levers] = []
        for year in range(self.years):
            if cut is not None and year >= cut.by - 1:
                here, at = state, year
                rate, _ = _smallest(lambda trial, here=here, at=at: self._meets(here, at, at + 1, trial))
            lever = self._levers(state, year, rate)
            flow, state = step(self.arrays, self.first + year, state, lever)
            flows.append(flow)
            levers.append(lever)
        return flows, levers, [*([unmet] if unmet else []), *self._too_fast(levers)]

    def _check(self) -> None:
        """Whether there is a rule to carry out."""
        for lever, target in (("programme", "package"), ("reform", "reform"), ("retirement", "idle_cut")):
            if lever in self.policy.free and target not in self.policy.targets:
                raise ExperimentError(
                    f"the lever {lever} is free but no {target} is stated: there is no rule; solve it instead"
                )
        if self.policy.limits:
            raise ExperimentError(
                f"the limits {', '.join(self.policy.limits)} are laws of the program: no rule keeps them; solve it"
            )

    def _too_fast(self, levers: list[Levers]) -> list[str]:
        """Where the straight lines are steeper than the pace of programme or reform."""
        trend = self.arrays.path("trend")[self.first - 1 : self.first + self.years]
        programme = np.array([0.0] + [lever.programme for lever in levers])
        change = np.abs(programme[1:] - programme[:-1] * trend[1:] / trend[:-1])
        reform = np.diff([0.0] + [lever.reform for lever in levers])
        pace, reform_pace = self.arrays.cards["programme_ramp"], self.arrays.cards["reform_pace"]
        found: list[str] = []
        if (change > pace / 100 * self.gdp + 1e-9).any():
            found.append(f"the programme grows faster than its pace of {pace:g} points of GDP a year")
        if reform.max() > reform_pace + 1e-9:
            found.append(f"reform goes faster than its pace of {reform_pace:g} a year")
        return found

    def _meets(self, state: State, start: int, end: int, rate: float) -> bool:
        """Whether closing at `rate` from year `start` on meets the cut of idle plant in year `end`."""
        cut = self.policy.targets["idle_cut"].value
        for year in range(start, end):
            _, state = step(self.arrays, self.first + year, state, self._levers(state, year, rate))
        if end >= self.years:
            return True
        flow, _ = step(self.arrays, self.first + end, state, self._levers(state, end, 0.0))
        idle = float(np.asarray(flow["idle_capacity"]).sum())
        plant = float(state.capacity[self.arrays.industry].sum())
        return idle <= (1 - cut) * self.idle_fraction[end] * plant

    def _levers(self, state: State, year: int, rate: float) -> Levers:
        """Levers of policy year `year` (0 is the first)."""
        cards, targets = self.arrays.cards, self.policy.targets
        cut = targets.get("idle_cut")
        retirement = np.zeros(self.arrays.industry.size)
        if cut is not None:
            wanted = rate * self.idle_plant[:, cut.by - 1]
            retirement = np.minimum(wanted, cards["retirement_pace"] * state.capacity) * self.arrays.industry
        reform = targets["reform"].value * min((year + 1) / targets["reform"].by, 1.0) if "reform" in targets else 0.0
        rates = self.policy.benefit_rates(cards["benefit_rate"], self.years)
        levers = Levers(0.0, reform, retirement, float(rates[year]), self.policy.payer)
        if "package" not in targets:
            return levers
        share = targets["package"].value / 100 * min((year + 1) / targets["package"].by, 1.0)
        return self._with_programme(state, year, levers, share)

    def _with_programme(self, state: State, year: int, levers: Levers, share: float) -> Levers:
        """The programme that is `share` of the GDP which it calls forth itself (secant: GDP is affine piece by
        piece)."""

        def miss(programme: float) -> float:
            flow, _ = step(self.arrays, self.first + year, state, replace(levers, programme=programme))
            return programme - share * float(flow["gdp"])

        before, here = 0.0, share * 100 * float(self.arrays.path("trend")[self.first + year])
        miss_before, miss_here = miss(before), miss(here)
        for _ in range(SECANT_STEPS):
            if abs(miss_here) < 1e-12 * (1 + here) or miss_here == miss_before:
                return replace(levers, programme=here)
            before, here, miss_before = here, here - miss_here * (here - before) / (miss_here - miss_before), miss_here
            miss_here = miss(here)
        raise SolverError(f"no programme of {100 * share:g} percent of GDP was found in policy year {year + 1}")


def _smallest(meets: Callable[[float], bool], steps: int = 40) -> tuple[float, bool]:
    """Smallest rate in [0, 1] that meets, by bisection, and whether any does (else 1)."""
    if meets(0.0):
        return 0.0, True
    if not meets(1.0):
        return 1.0, False
    low, high = 0.0, 1.0
    for _ in range(steps):
        middle = (low + high) / 2
        low, high = (low, middle) if meets(middle) else (middle, high)
    return high, True
