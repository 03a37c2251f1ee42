"""What is checked of a user's block: whatever is malformed is one ProgramError that names block, part and what to do.

A slip in a block would otherwise surface deep inside the modelling library, or not at all: a column times a vector
silently becomes a matrix, a comparison of two numbers silently becomes True, and a NaN becomes a failed solve.
"""

from __future__ import annotations

import inspect
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import cvxpy as cp
import numpy as np
from cvxpy.constraints.nonpos import Inequality
from cvxpy.constraints.zero import Equality
from cvxpy.error import DCPError

from iomodel.errors import ProgramError, nearest
from iomodel.program.block import PARTS, Block, Law, Term, Var

Made = TypeVar("Made")

_BOUNDS = ("upper", "lower", "equal")
_RAW = (TypeError, ValueError, IndexError, KeyError, AttributeError, DCPError)
"""What a slip in a block's own code raises; it is reported with the name of the block and of the part."""


def own_blocks(blocks: object) -> tuple[Block, ...]:
    """`blocks` if it is a list or tuple of blocks; ProgramError otherwise.

    >>> own_blocks([])
    ()
    """
    if isinstance(blocks, Block):
        raise ProgramError(f"blocks is the block {blocks.name!r} itself; blocks is a list: write blocks=[…] around it")
    if isinstance(blocks, str) or not isinstance(blocks, Iterable):
        raise ProgramError(f"blocks is {blocks!r}; blocks is a list of iomodel.Block")
    found = tuple(blocks)
    for entry in found:
        if not isinstance(entry, Block):
            raise ProgramError(f"blocks holds {entry!r}, which is no block; blocks is a list of iomodel.Block")
    return found


_FORMS: dict[type[Any], str] = {
    Var: "Var(name, dims, unit)",
    tuple: "(name, expression) or (Var(name, dims, unit), expression)",
    Law: "Law(name, dims, constraint)",
    Term: "Term(name, expression)",
}
"""What each part of a block gives, as one writes it."""


def made(block: Block, part: str, wanted: type[Made], *arguments: Any) -> Iterator[Made]:
    """What one function of a block gives, one by one, each of the type that the part is made of."""
    function = getattr(block, part)
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        raise ProgramError(
            f"block {block.name!r}: {part} takes {inspect.signature(function)}; it is called with "
            f"({', '.join(PARTS[part])})"
        ) from None
    try:
        given = function(*arguments)
        if not isinstance(given, Iterable) or isinstance(given, str | cp.Expression):
            said = "nothing (None)" if given is None else _shown(given)
            raise ProgramError(
                f"block {block.name!r}: {part} returns {said}; return a list of {_FORMS[wanted]}, or yield each"
            )
        for entry in given:
            if not isinstance(entry, wanted) or (isinstance(entry, tuple) and not _is_pair(entry)):
                raise ProgramError(
                    f"block {block.name!r}: {part} gives {_shown(entry)}, of type {type(entry).__name__}; "
                    f"each entry is {_FORMS[wanted]}"
                )
            yield entry
    except _RAW as error:
        raise ProgramError(f"block {block.name!r}: {part} fails: {type(error).__name__}: {error}") from error


def _is_pair(entry: tuple[Any, ...]) -> bool:
    """Whether a tuple is the name of an expression (or a Var that says dims and unit, too) and the expression."""
    return len(entry) == 2 and isinstance(entry[0], str | Var) and isinstance(entry[1], cp.Expression)


def _shown(entry: object, most: int = 80) -> str:
    """An object in at most one line."""
    text = " ".join(repr(entry).split())
    return text if len(text) <= most else f"{text[:most]} …"


class Finite:
    """Looks once at each constant and parameter of a program, which many laws share."""

    def __init__(self) -> None:
        self._sound: dict[int, Any] = {}  # holds what it has seen, so that an id stays that object's

    def check(self, block: Block, what: str, expression: cp.Constraint | cp.Expression) -> None:
        """ProgramError where a number of `expression` is not finite."""
        for leaf in (*expression.constants(), *expression.parameters()):
            if id(leaf) in self._sound:
                continue
            number = leaf.value
            held = number.data if hasattr(number, "tocsc") else np.asarray(number)
            if number is None or not np.isfinite(np.asarray(held, dtype=float)).all():
                said = "a parameter without a value" if number is None else "a number that is not finite (NaN or inf)"
                raise ProgramError(f"block {block.name!r}: {what} holds {said}; every number of it has to be finite")
            self._sound[id(leaf)] = leaf


def check_new(block: Block, name: str, known: Container[str], kind: str) -> None:
    """Each name is declared once."""
    if name in known:
        raise ProgramError(f"block {block.name!r} declares {kind} {name!r}, which another block has declared already")


def check_dims(block: Block, name: str, dims: tuple[str, ...], sizes: Mapping[str, int]) -> None:
    """Dims are a tuple of the setting's."""
    if not isinstance(dims, tuple):
        raise ProgramError(f'block {block.name!r}: the dims of {name!r} are {dims!r}; write a tuple such as ("year",)')
    unknown = [dim for dim in dims if dim not in sizes]
    if unknown:
        raise ProgramError(
            f"block {block.name!r}: {name!r} has the dim {unknown[0]!r}; allowed are {', '.join(sizes)}."
            + nearest(unknown[0], sizes)
        )


def check_expression(block: Block, var: Var, expression: cp.Expression, sizes: Mapping[str, int]) -> None:
    """An expression that states dims has their shape."""
    check_dims(block, var.name, var.dims, sizes)
    wanted = tuple(sizes[dim] for dim in var.dims)
    if expression.shape != wanted:
        raise ProgramError(
            f"block {block.name!r}: expression {var.name!r} has shape {expression.shape}, its dims {var.dims} "
            f"mean {wanted}"
        )


def check_term(block: Block, term: Term) -> None:
    """A term of the goal is one concave number."""
    found = term.expression
    if not isinstance(found, cp.Expression):
        raise ProgramError(
            f"block {block.name!r}: goal term {term.name!r} is {_shown(found)}, no expression of the variables"
        )
    if not (found.is_scalar() and found.is_concave()):
        raise ProgramError(
            f"block {block.name!r}: goal term {term.name!r} is {_size(found)} and {_bent(found)}; a term is one "
            "concave number (affine is concave, too), since the goal is maximised"
        )


def check_law(block: Block, law: Law, sizes: Mapping[str, int]) -> None:
    """Kind, shape and curvature of a law."""
    check_dims(block, law.name, law.dims, sizes)
    if not isinstance(law.constraint, cp.Constraint):
        raise ProgramError(
            f"block {block.name!r}: the constraint of law {law.name!r} is {_shown(law.constraint)}, a "
            f"{type(law.constraint).__name__}; a constraint compares an expression of the variables by <=, >= or =="
        )
    if not isinstance(law.constraint, Inequality | Equality):
        raise ProgramError(
            f"block {block.name!r}: law {law.name!r} is a {type(law.constraint).__name__}; write it as a comparison of "
            "two sides by <=, >= or ==, so that it has a bound and a price (a cone as a norm that is at most something)"
        )
    if law.bound not in _BOUNDS:
        raise ProgramError(
            f"block {block.name!r}: the bound of law {law.name!r} is {law.bound!r}; allowed are {', '.join(_BOUNDS)}"
        )
    wanted = tuple(len(law.where[dim]) if dim in law.where else sizes[dim] for dim in law.dims)
    if law.constraint.shape != wanted:
        raise ProgramError(
            f"block {block.name!r}: law {law.name!r} has shape {law.constraint.shape}, its dims {law.dims} "
            f"mean {wanted}; a column times a vector broadcasts to a matrix: use by_row or by_year"
        )
    if law.constraint.size == 0:
        raise ProgramError(
            f"block {block.name!r}: law {law.name!r} has no entries; leave it out where nothing is asked"
        )
    if not law.constraint.is_dcp():
        raise ProgramError(f"block {block.name!r}: law {law.name!r} is not convex: {_sides(law.constraint)}")
    if isinstance(law.constraint, Equality) != (law.bound == "equal"):
        found, right = (
            ("an equality (==)", '"equal"') if law.bound != "equal" else ("no equality", '"upper" or "lower"')
        )
        raise ProgramError(
            f"block {block.name!r}: law {law.name!r} is {found}, its bound {law.bound!r}; write bound={right}, which "
            "decides what its price means"
        )


_BENT = {"CONSTANT": "a constant", "AFFINE": "affine", "CONVEX": "convex", "CONCAVE": "concave"}
"""Curvature as cvxpy calls it -> in words; anything else it calls unknown."""


def _bent(side: cp.Expression) -> str:
    return _BENT.get(side.curvature, "neither convex nor concave by the disciplined rules")


def _size(found: cp.Expression) -> str:
    return "one number" if found.is_scalar() else f"an array of shape {found.shape}"


def _sides(constraint: cp.Constraint) -> str:
    """How the two sides of a comparison bend, and how they may."""
    left, right = constraint.args
    if isinstance(constraint, Equality):
        return f"its left side is {_bent(left)}, its right side {_bent(right)}; allowed is affine == affine"
    return (
        f"the side that is to be smaller is {_bent(left)}, the side that is to be larger is {_bent(right)}; allowed is "
        "convex <= concave (affine and constants are both)"
    )


def check_shift(law: Law, by: object) -> None:
    """Amounts by which the bound of a law is moved: finite numbers, exactly in the law's shape, never broadcast."""
    shape, wanted = np.shape(np.asarray(by)), law.constraint.shape
    if shape != wanted:
        raise ProgramError(
            f"the shift of law {law.name!r} has shape {shape}, the law {wanted}, by {', '.join(law.dims)}; give an "
            f"amount in {law.unit} for each of its entries"
        )
    if not np.isfinite(np.asarray(by, dtype=float)).all():
        raise ProgramError(f"the shift of law {law.name!r} holds a number that is not finite (NaN or inf)")


def undisciplined(laws: Mapping[str, Law], terms: Mapping[str, Term]) -> ProgramError:
    """The error for a program that is not convex for every value of its parameters, with the guilty laws and terms."""
    guilty = [
        f"law {name!r}" for name, law in laws.items() if not cp.Problem(cp.Minimize(0), [law.constraint]).is_dpp()
    ]
    guilty += [
        f"goal term {name!r}" for name, term in terms.items() if not cp.Problem(cp.Maximize(term.expression)).is_dpp()
    ]
    return ProgramError(
        "the program is not convex by the disciplined rules for every value of its targets: "
        f"{', '.join(guilty) or 'a block'} multiplies unknowns or targets with each other"
    )
