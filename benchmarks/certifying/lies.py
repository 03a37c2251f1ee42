"""A solver that lies: whatever calls Clarabel gets an answer that was spoiled, said to be solved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import clarabel
import numpy as np

LIES = ("point moved", "prices moved", "prices turned", "stopped early", "said infeasible")


@dataclass
class Liar:
    """What the lie is and how often it was told."""

    lie: str
    told: int = 0


@contextmanager
def lying(lie: str, rng: np.random.Generator) -> Iterator[Liar]:
    """While this holds, Clarabel answers with `lie`: each number of the point moved by 1e-4 of its scale, the
    multipliers moved by 1e-3 of theirs or with their signs turned, the point of the fifth iteration, or "infeasible"
    for the program that is not."""
    liar, real = Liar(lie), clarabel.DefaultSolver

    class Lying:
        def __init__(self, *arguments: Any) -> None:
            if lie == "stopped early":
                arguments[-1].max_iter = 5
            self._solver = real(*arguments)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._solver, name)

        def solve(self) -> Any:
            liar.told += 1
            return _spoiled(self._solver.solve(), lie, rng)

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
