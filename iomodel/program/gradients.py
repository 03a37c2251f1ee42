"""Slopes of the goal and of laws at a program's point, from the trees of their expressions.

cvxpy's own gradients find the slopes of affine parts anew at every point, which takes long; what is the same at every
point is kept in the program here, so that a program that is solved again has it already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cvxpy as cp
import numpy as np
import numpy.typing as npt
from cvxpy.atoms.affine.affine_atom import AffAtom
from scipy import sparse

from iomodel.program.block import shared_value
from iomodel.program.build import Program

Array = npt.NDArray[np.float64]


def goal_gradient(program: Program, known: dict[int, Any] | None = None) -> dict[str, Array]:
    """Variable -> slope of the goal at the program's point, in the variable's shape; zero for variables not named.

    known: values of parts at this point, see `iomodel.program.block.shared_value`.
    """
    walk = _Walk(program.memo.setdefault("slopes", {}), {} if known is None else known)
    pushed: dict[int, Any] = {}
    for term in program.terms.values():
        _push(term.expression, np.ones(1), walk, pushed)
    return {
        name: pushed[id(program.values[name])].reshape(program.values[name].shape, order="F")
        for name in program.variables
        if id(program.values[name]) in pushed
    }


@dataclass(frozen=True)
class _Walk:
    """What is known on the way through trees: slopes that are the same at every point, and values at this one."""

    kept: dict[int, Any]
    known: dict[int, Any]


def _push(expression: Any, weight: Any, walk: _Walk, pushed: dict[int, Any]) -> None:
    """Add slope · weight by variable, the chain rule from the outside in: vectors where `_chained` has matrices."""
    if isinstance(expression, cp.Variable):
        pushed[id(expression)] = pushed.get(id(expression), 0.0) + weight
    elif id(expression) in walk.kept or (_straight(expression) and expression.is_affine()):
        for key, (_, slope) in _chained(expression, walk).items():
            pushed[key] = pushed.get(key, 0.0) + slope @ weight
    elif not expression.is_constant():
        for argument, own in zip(expression.args, _local(expression, walk), strict=True):
            _push(argument, own * weight if np.isscalar(own) else own @ weight, walk, pushed)


def _straight(expression: Any) -> bool:
    """Whether the slopes of an expression in its own parts are the same at every point and for every parameter."""
    return isinstance(expression, AffAtom) and not expression.parameters()


def _local(expression: Any, walk: _Walk) -> Sequence[Any]:
    """Slopes of an expression in its own parts at the point; NaN outside of what a power is defined on, where there is
    no slope and no optimum."""
    key = -id(expression)
    if key in walk.kept:
        return walk.kept[key][1]
    # cvxpy's own `grad` finds the slopes of affine parts anew at every point; its steps are taken one by one here.
    values = [shared_value(argument, walk.known) for argument in expression.args]
    found = expression._grad(values)  # pyright: ignore[reportPrivateUsage]
    local: list[Any] = [np.nan if own is None else own for own in found]
    if _straight(expression):
        walk.kept[key] = expression, local
    return local


def slopes(program: Program, expression: cp.Expression) -> dict[str, Any]:
    """Variable -> sparse (entries of the variable, entries of the expression), columns first as cvxpy counts them."""
    names = {id(value): name for name, value in program.values.items() if name in program.variables}
    found = _chained(expression, _Walk(program.memo.setdefault("slopes", {}), {}))
    return {names[key]: slope for key, (_, slope) in found.items() if key in names}


def _chained(expression: Any, walk: _Walk) -> dict[int, tuple[Any, Any]]:
    """The chain rule over an expression's tree: id of a variable -> the variable and the slope in it.

    What is the same at every point, slopes of affine parts without parameters, is kept: cvxpy takes long to find it,
    and a program that is solved again has it already.
    """
    if id(expression) in walk.kept:
        return walk.kept[id(expression)][1]
    if isinstance(expression, cp.Variable):
        return {id(expression): (expression, sparse.eye_array(expression.size, format="csr"))}
    if expression.is_constant():
        return {}
    found: dict[int, tuple[Any, Any]] = {}
    for argument, own in zip(expression.args, _local(expression, walk), strict=True):
        for key, (variable, slope) in _chained(argument, walk).items():
            step = slope * own if np.isscalar(own) else slope @ own
            found[key] = variable, found[key][1] + step if key in found else step
    if _straight(expression) and expression.is_affine():
        walk.kept[id(expression)] = expression, found
    return found
