"""A solver that lies: whatever calls Clarabel gets an answer that was spoiled, said to be solved.

Two lies are hidden in a program made for them, where a judge whose scale the program can inflate does not see them:
terms of the goal that cancel make the plan look worth a lot, a law in small units has a price that dwarfs all others.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import clarabel
import numpy as np

from iomodel.program.block import Block, Law, Term, Values, Var
from iomodel.program.setting import Setting

OPEN = ("point moved", "prices moved", "prices turned", "stopped early", "said infeasible")
HIDDEN = ("loss behind terms that cancel", "sign behind a higher price")
LIES = (*OPEN, *HIDDEN)

MOST, TOLD = 7.25, 3.0
"""The bound at which the best point of the hidden loss stands, and where the lie puts it."""

CEILING, FLOOR, SLOPE = 1.375, 10.625, 0.5
"""Bounds of the variable of the hidden sign and the slope of the goal, which falls in it: its best value is −FLOOR; the
lie puts it at the ceiling, with the price −SLOPE there."""


@dataclass
class Liar:
    """What the lie is and how often it was told."""

    lie: str
    told: int = 0


@contextmanager
def lying(lie: str, rng: np.random.Generator) -> Iterator[Liar]:
    """While this holds, Clarabel answers with `lie`: each number of the point moved by 1e-4 of its scale, the
    multipliers moved by 1e-3 of theirs or with their signs turned, the point of the fifth iteration, "infeasible" for
    the program that is not, or what is hidden in the program of `hiding_block`."""
    liar, real = Liar(lie), clarabel.DefaultSolver

    class Lying:
        def __init__(self, *arguments: Any) -> None:
            if lie == "stopped early":
                arguments[-1].max_iter = 5
            self._matrix, self._bound = arguments[2], np.asarray(arguments[3])
            self._solver = real(*arguments)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._solver, name)

        def is_data_update_allowed(self) -> bool:
            """It is not held for a later solve, which may be an honest one."""
            return False

        def solve(self) -> Any:
            liar.told += 1
            answer = _spoiled(self._solver.solve(), lie, rng)
            return _hidden(answer, lie, self._matrix, self._bound) if lie in HIDDEN else answer

    clarabel.DefaultSolver = Lying
    try:
        yield liar
    finally:
        clarabel.DefaultSolver = real


def _spoiled(honest: Any, lie: str, rng: np.random.Generator) -> Any:
    """The answer with a lie in it."""
    parts = {name: getattr(honest, name) for name in dir(honest) if not name.startswith("_")}
    x, s, z = (np.array(parts[name], dtype=float) for name in ("x", "s", "z"))
    if lie == "point moved":
        x = x + 1e-4 * np.maximum(1.0, np.abs(x)) * rng.choice([-1.0, 1.0], x.size)
    elif lie == "prices moved":
        z = z + 1e-3 * (1 + np.abs(z).max()) * rng.uniform(0.5, 1.0, z.size)
    elif lie == "prices turned":
        z = -z
    said = "PrimalInfeasible" if lie == "said infeasible" else "Solved"
    return SimpleNamespace(**(parts | {"x": x, "s": s, "z": z, "status": getattr(clarabel.SolverStatus, said)}))


def _hidden(answer: Any, lie: str, matrix: Any, bound: np.ndarray) -> Any:
    """The answer with a hidden lie in it; rows are known by their bounds, the variable by its row."""

    def row(of: float) -> int:
        found = np.flatnonzero(bound == of)
        if found.size != 1:
            raise AssertionError(f"{found.size} rows have the bound {of} of the hidden lie")
        return int(found[0])

    first = row(MOST if lie == HIDDEN[0] else CEILING)
    column = int(matrix[[first]].nonzero()[1][0])
    answer.x[column] = TOLD if lie == HIDDEN[0] else CEILING
    if lie == HIDDEN[1]:
        answer.z[first], answer.z[row(FLOOR)] = -SLOPE, 0.0
    return answer


def hiding_block(lie: str) -> Block:
    """The block of a program in which a lie is hidden, to be laid beside the core's."""
    return Block("hiding", variables=_hiding_variables, laws=_LAWS[lie], goal=_GOALS[lie])


def _hiding_variables(_: Setting) -> list[Var]:
    return [Var("hiding", (), "percent"), Var("twin", (), "percent"), Var("told", (), "percent")]


def _loss_laws(v: Values, _: Setting) -> list[Law]:
    return [
        Law("twins", (), v["hiding"] == v["twin"], bound="equal"),
        Law("hiding_cap", (), v["hiding"] <= 1e3),
        Law("told_cap", (), v["told"] <= MOST),
    ]


def _sign_laws(v: Values, _: Setting) -> list[Law]:
    return [
        Law("twins", (), v["hiding"] == v["twin"], bound="equal"),
        Law("hiding_cap", (), 1e-7 * v["hiding"] <= 1e-7),
        Law("told_cap", (), v["told"] <= CEILING),
        Law("told_floor", (), v["told"] >= -FLOOR, bound="lower"),
    ]


_LAWS = {HIDDEN[0]: _loss_laws, HIDDEN[1]: _sign_laws}
_GOALS = {
    HIDDEN[0]: lambda v, _: [
        Term("cancels", 1e6 * v["hiding"] - (1e6 - 1) * v["twin"]),
        Term("told", v["told"]),
    ],
    HIDDEN[1]: lambda v, _: [Term("told", v["hiding"] - SLOPE * v["told"])],
}
