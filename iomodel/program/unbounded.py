"""Which variable runs away when a program has no best path, and what is missing that would hold it.

A direction along which all laws stay kept and the goal rises for ever is looked for with the least movement, so that
it moves little but what runs away (the ray of a dual infeasible program; Boyd and Vandenberghe 2004, section
5.8). The goal term that gains most along it has no other term or law against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cvxpy as cp
import numpy as np
import numpy.typing as npt

from iomodel.program.build import Program
from iomodel.program.canonical import Canonical, compiled, places
from iomodel.program.diagnose import span, words

Array = npt.NDArray[np.float64]

MOVED = 0.02
"""Part of the largest movement from which a variable is said to move."""

NAMED = 4
"""Variables named beside the one that runs away."""


def runaway(program: Program) -> str:
    """The variable that runs away, in which direction and years, the goal term that gains, and what is missing."""
    made = compiled(program)
    ray = _ray(made.arrays)
    if ray is None:
        return "No direction was found along which the goal rises for ever: look at the goal terms of your own blocks."
    moves = {name: ray[columns] for name, columns in places(made).variables.items()}
    moves = {name: move for name, move in moves.items() if np.abs(move).max(initial=0.0) > 0}
    largest = max(float(np.abs(move).max()) for move in moves.values())
    moves = {name: move for name, move in moves.items() if float(np.abs(move).max()) > MOVED * largest}
    gains = _gains(program, moves)
    term = max(gains, key=lambda name: gains[name]) if gains else ""
    first = _culprit(program, moves, term)
    move = moves.pop(first)
    side, way = ("above", "rises") if float(move.flat[np.abs(move).argmax()]) > 0 else ("below", "falls")
    along = sorted(moves, key=lambda name: -float(np.abs(moves[name]).max()))[:NAMED]
    with_it = f" ({', '.join(map(words, along))} move along)" if along else ""
    gain = f" by the term {words(term)!r}" if term and gains[term] > 0 else ""
    return (
        f"{words(first)} {way} without end{_when(program, first, move)}{with_it}, and the goal rises with it{gain}. "
        f"No law holds {words(first)} from {side} and no price outweighs it: give it a law or a goal term that does."
    )


def _ray(arrays: Canonical) -> Array | None:
    """A direction of least total movement along which the goal rises by one; None where there is none."""
    x = cp.Variable(arrays.linear.size)
    move = -(arrays.matrix @ x)
    laws: list[Any] = [arrays.linear @ x == -1, move[: arrays.equalities] == 0]
    laws.append(move[arrays.equalities : arrays.linear_rows] >= 0)
    first = arrays.linear_rows
    for size in arrays.cones:
        laws.append(cp.SOC(move[first], move[first + 1 : first + size]))
        first += size
    if arrays.quadratic.nnz:
        laws.append((arrays.quadratic + arrays.quadratic.T) @ x == 0)
    problem: Any = cp.Problem(cp.Minimize(cp.sum_squares(x)), laws)
    try:
        problem.solve(solver="CLARABEL", direct_solve_method="qdldl")
    except cp.SolverError:  # the text is about a program without a best path; it says so without the direction, too
        return None
    return None if x.value is None or problem.status not in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE) else np.asarray(x.value)


def _gains(program: Program, moves: Mapping[str, Array]) -> dict[str, float]:
    """Affine goal term -> what it gains along the direction."""
    held = {variable: variable.value for variable in program.problem.variables()}
    try:
        values: list[dict[str, float]] = []
        for share in (0.0, 1.0):
            for variable in held:
                variable.save_value(share * np.asarray(moves.get(variable.name(), np.zeros(variable.shape))))
            terms = {name: term for name, term in program.terms.items() if term.expression.is_affine()}
            values.append({name: float(str(term.expression.value)) for name, term in terms.items()})
    finally:
        for variable, value in held.items():
            variable.save_value(value)
    return {name: values[1][name] - values[0][name] for name in values[0]}


def _culprit(program: Program, moves: Mapping[str, Array], term: str) -> str:
    """The variable that moves most among those of the goal term that gains, else among all."""
    inside = {variable.name() for variable in program.terms[term].expression.variables()} if term else set()
    return max(moves, key=lambda name: (name in inside, float(np.abs(moves[name]).max())))


def _when(program: Program, name: str, move: Array) -> str:
    """The years in which a variable moves, in words; its sectors where these are few."""
    dims = program.variables[name].dims
    labels = program.setting.labels()
    active = np.abs(move) > MOVED * float(np.abs(move).max())
    told = ""
    for axis, dim in enumerate(dims):
        others = tuple(place for place in range(len(dims)) if place != axis)
        found = tuple(str(label) for label in labels[dim][active.any(axis=others) if others else active])
        if dim in ("year", "start"):
            told += f" in {span(found)}"
        elif len(found) < labels[dim].size:
            told += f" for {dim} {', '.join(found[:NAMED])}{' …' if len(found) > NAMED else ''}"
    return told
