"""A program that is steered by outcomes instead of by its own goal, and the dials that steer it.

The blocks of a program are laid again, their goal faded to a tie breaker, and a block of its own adds what is sought
and the laws that hold it. So that no back door opens, what the goal makes dear stays dear. Targets that the
experiment's own path meets may not be missed. Rationing and overflow imports, the two valves of a short labour market,
are charged (or, below what the own path pays, credited) at their price, or they would be levers that the simulation
does not have. Of everything else that is charged each kind costs its price as far as it goes beyond what the own path
pays for it. So the own path is always among the paths that are compared and costs nothing. What goes beyond the own
path's valves and misses costs many times its price, since a level may be worth more than a yuan a yuan. All numbers are
dials (parameters): nothing is rebuilt from one point to the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import cvxpy as cp

from iomodel.program.block import Block, Law, Term, Values, Var, value_of
from iomodel.program.build import Program
from iomodel.program.outcomes import Outcome
from iomodel.program.policy import Policy
from iomodel.program.setting import Setting

WORTH = ("household_consumption", "in_kind_spending", "debts")
"""Terms of the core's goal that say what is wanted; every other term is a price."""

VALVES = ("overflow_imports", "forced_saving")
"""Valves of a short labour market; used elsewhere they would be levers that the simulation does not have."""

TIES = ("closing_tie", "reform_tie", "programme_tie")
"""Terms that only settle levers which nothing else settles."""

MISSES = {"package": "missed_package", "reform": "missed_reform", "idle_cut": "missed_idle"}
"""Target -> the term that charges its miss."""

GUARD = 20.0
"""Times its price at which a valve or a miss is charged beyond the own path's."""

HELD = 0.3
"""Part of their price at which valves are charged where the goal is held, which charges them already. Measured: at 1
paths with a short labour market are lost, at 0.1 valves are levers in more years than can be taken out again."""

MET = 1e-7
"""What a path may pay for a target's miss and still meet it, percent of base-year GDP of consumption a year."""

LEVEL_LAW, GOAL_LAW, BEYOND, CREDIT = "steered_level", "steered_goal", "beyond_own", "own_valves"


def _dial(name: str, value: float, *, nonneg: bool = False) -> cp.Parameter:
    return cp.Parameter(nonneg=nonneg, value=value, name=name)


@dataclass(frozen=True)
class Sought:
    """An outcome in the goal: weight · (above − ratio · below), in money."""

    outcome: Outcome
    weight: cp.Parameter
    weighted_ratio: cp.Parameter

    def set(self, weight: float, ratio: float = 0.0) -> None:
        """Seek the outcome with a weight (negative: as low as can be), less `ratio` times what it is a share of."""
        self.weight.value = weight
        self.weighted_ratio.value = weight * ratio

    def expression(self, v: Values, p: Setting, t: int) -> cp.Expression:
        """The term."""
        above = self.weight * self.outcome.above(v, p, t)
        if self.outcome.below is not None:
            above = above - self.weighted_ratio * self.outcome.below(v, p, t)
        return self.outcome.money(p) * above


def sought(outcome: Outcome, name: str) -> Sought:
    """An outcome with dials of its own, not yet sought."""
    return Sought(outcome, _dial(f"{name}_weight", 0.0), _dial(f"{name}_weighted_ratio", 0.0))


@dataclass(frozen=True)
class Steering:
    """The dials of a steered program.

    year: the solved year that is steered (0 the first). sought: outcomes that the goal looks for. paid: what the own
    path pays of each term that is charged beyond that. level_of: the outcome whose level is held on its good side, if
    any. holds_goal: whether the program's own goal has a floor.
    """

    year: int
    sought: tuple[Sought, ...]
    paid: Mapping[str, float]
    level_of: Outcome | None = None
    holds_goal: bool = False
    prices: cp.Parameter = field(default_factory=lambda: _dial("prices", 1.0, nonneg=True))
    tie: cp.Parameter = field(default_factory=lambda: _dial("tie", 0.0, nonneg=True))
    level: cp.Parameter = field(default_factory=lambda: _dial("level", 0.0))
    floor: cp.Parameter = field(default_factory=lambda: _dial("floor", 0.0))

    def weigh(self, prices: float, tie: float) -> None:
        """Weights of what is charged, and of the program's own goal as a tie breaker."""
        self.prices.value, self.tie.value = prices, tie

    def hold(self, level: float) -> None:
        """The level of the outcome that is held, as a ratio (not in percent)."""
        self.level.value = level

    def hold_goal(self, floor: float) -> None:
        """The least value of the program's own goal."""
        self.floor.value = floor


def paid_on(program: Program, names: Iterable[str] | None = None) -> dict[str, float]:
    """What a solved program pays for each term of its goal that is charged (or only for `names`), in the goal's
    unit."""
    charged = [name for name in program.terms if name not in (*WORTH, *TIES)]
    chosen = charged if names is None else [name for name in charged if name in set(names)]
    return {name: max(-float(value_of(program.terms[name].expression)), 0.0) for name in chosen}


def hardened(policy: Policy, paid: Mapping[str, float]) -> Policy:
    """A policy whose soft targets are hard where the own path meets them."""
    targets = {
        name: replace(target, hard=target.hard or paid.get(MISSES[name], 0.0) <= MET)
        for name, target in policy.targets.items()
    }
    return replace(policy, targets=targets)


def plain_terms(plain: Sequence[Block], v: Values, p: Setting) -> dict[str, Term]:
    """The terms of the goal as blocks lay them, not on dials, of the values of a program."""
    return {term.name: term for block in plain for term in block.goal(v, p)}


def steered(steering: Steering, plain: Sequence[Block]) -> tuple[Block, ...]:
    """The blocks of a program with their goals on dials, and the block that steers it."""
    return (*(_on_dials(block, steering) for block in plain), _steering(steering, plain))


def _on_dials(block: Block, steering: Steering) -> Block:
    """A block whose goal is a tie breaker, but for its valves."""

    def goal(v: Values, p: Setting) -> Iterable[Term]:
        for term in block.goal(v, p):
            valve = HELD * steering.prices if steering.holds_goal else steering.prices
            dial = valve if term.name in VALVES else steering.tie
            yield replace(term, expression=dial * term.expression)

    return replace(block, goal=goal)


def charged(program: Program) -> float:
    """What a steered program's point is charged, as weighed there; negative where its valves take less than the own
    path's."""
    terms = (term for name, term in program.terms.items() if name in (*VALVES, CREDIT) or name.startswith(BEYOND))
    return -sum(float(value_of(term.expression)) for term in terms)


def _steering(steering: Steering, plain: Sequence[Block]) -> Block:
    """What is sought, what is paid beyond the own path, and the laws that hold a level and the goal."""
    t = steering.year
    unit = "percent of base-year GDP of consumption a year"

    def variables(_: Setting) -> Iterable[Var]:
        yield from (Var(f"{BEYOND}_{name}", (), unit, nonneg=True) for name in steering.paid)

    def laws(v: Values, p: Setting) -> Iterable[Law]:
        terms = {name: term.expression for name, term in plain_terms(plain, v, p).items()}
        for name, paid in steering.paid.items():
            yield Law(f"{BEYOND}_{name}", (), -terms[name] <= paid + v[f"{BEYOND}_{name}"], unit)
        held = steering.level_of
        if held is not None:
            above = held.above(v, p, t)
            limit = steering.level if held.below is None else steering.level * held.below(v, p, t)
            low = held.sign < 0
            yield Law(LEVEL_LAW, (), above <= limit if low else above >= limit, "the outcome's own",
                      "upper" if low else "lower")  # fmt: skip
        if steering.holds_goal:
            yield Law(GOAL_LAW, (), cast(cp.Expression, sum(terms.values())) >= steering.floor, unit, "lower")

    def goal(v: Values, p: Setting) -> Iterable[Term]:
        for one in steering.sought:
            yield Term(f"sought_{one.outcome.name}", one.expression(v, p, t))
        for name in steering.paid:
            guarded = name in VALVES or name in MISSES.values()
            price = GUARD * steering.prices if guarded else steering.prices
            yield Term(f"{BEYOND}_{name}", -price * v[f"{BEYOND}_{name}"])
        yield Term(CREDIT, steering.prices * cp.Constant(sum(steering.paid.get(name, 0.0) for name in VALVES)))

    return Block("steering", variables, laws=laws, goal=goal)
