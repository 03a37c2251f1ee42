"""The protocol of the program: a piece of economics declares variables, expressions, laws and goal terms.

A `Block` is data: a name and up to four functions of the variables `v` and the `Setting` p. New economics is a new
block, handed to `build` beside the core's; it may use every variable and expression by the names of the vocabulary. The
region is a dimension of every law and variable: the protocol writes it, blocks speak of one region.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import cvxpy as cp
import numpy as np
import numpy.typing as npt

from iomodel.errors import ProgramError
from iomodel.program.setting import Setting

Array = npt.NDArray[np.float64]
Values = Mapping[str, cp.Expression]


@dataclass(frozen=True)
class Var:
    """A variable: its name, dims ("sector", "industry", "asset", "year", "start"), unit and whether it is ≥ 0."""

    name: str
    dims: tuple[str, ...]
    unit: str
    nonneg: bool = False


@dataclass(frozen=True)
class Law:
    """A named constraint; its expression must have exactly the shape of `dims`.

    bound: which side of the law a user would move: the "upper" bound (right-hand side of ≤), the "lower" one
    (right-hand side of ≥) or "equal". unit: of that side. where: labels of a dim of which the law takes a part, as
    the years from 2033 on. defines: variable that an equality settles once the others are known, so that it can be
    substituted before the program is solved; of a recursion, the last year in each row. defined: the rows (shaped as
    the law) in which that is so, None for all. carried: names of laws into whose rows what is defined is put even where
    it stays a variable.
    """

    name: str
    dims: tuple[str, ...]
    constraint: cp.Constraint
    unit: str = "percent of base-year GDP"
    bound: str = "upper"
    where: Mapping[str, npt.NDArray[np.int64] | npt.NDArray[np.str_]] = field(default_factory=dict)
    defines: str = ""
    defined: npt.NDArray[np.bool_] | None = None
    carried: tuple[str, ...] = ()

    def shifted(self, by: Array) -> Law:
        """The same law with its bound moved by `by` (in `unit`, shaped as the law)."""
        left, right = self.constraint.args
        if self.bound == "lower":
            return replace(self, constraint=left + by <= right)
        moved = right + by
        return replace(self, constraint=left == moved if self.bound == "equal" else left <= moved)


@dataclass(frozen=True)
class Term:
    """A named term of the goal: a scalar concave expression, in yuan of base-year consumption."""

    name: str
    expression: cp.Expression


def _nothing(*_: object) -> tuple[()]:
    return ()


@dataclass(frozen=True)
class Block:
    """A piece of economics: variables of the program, named expressions, laws, terms of the goal.

    variables: p -> Var. expressions: v, p -> (name, expression), or (Var, expression), which says dims and unit, too.
    laws: v, p -> Law. goal: v, p -> Term. v holds every variable by name, and the expressions of the blocks before; in
    laws and goal those of all blocks. docs/blocks.md lists the core's, and what p offers.

    Raises ProgramError for a name that is empty, for a part that is no function and for a block without any.

    >>> from iomodel.program.block import Block, Law
    >>> cap = Block("steel_cap", laws=lambda v, p: [
    ...     Law("steel_cap", ("year",), v["output"][p.place("14")] <= 1.5 * p.base("output")[p.place("14")])])
    >>> cap.name
    'steel_cap'
    """

    name: str
    variables: Callable[[Setting], Iterable[Var]] = _nothing
    expressions: Callable[[Values, Setting], Iterable[tuple[str | Var, cp.Expression]]] = _nothing
    laws: Callable[[Values, Setting], Iterable[Law]] = _nothing
    goal: Callable[[Values, Setting], Iterable[Term]] = _nothing

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise ProgramError(f"a block's name is {self.name!r}; give it a text that is not empty")
        parts = {part: getattr(self, part) for part in PARTS}
        wrong = [part for part, function in parts.items() if not callable(function)]
        if wrong:
            taken = ", ".join(PARTS[wrong[0]])
            raise ProgramError(f"block {self.name!r}: {wrong[0]} is {parts[wrong[0]]!r}; give a function of {taken}")
        if all(function is _nothing for function in parts.values()):
            raise ProgramError(f"block {self.name!r} has nothing in it; give it one or more of {', '.join(PARTS)}")


PARTS = {"variables": ("p",), "expressions": ("v", "p"), "laws": ("v", "p"), "goal": ("v", "p")}
"""The functions of a block and what each is called with."""


def value_of(expression: cp.Expression) -> Array:
    """The numbers of an expression at the program's point; ProgramError when nothing was solved."""
    value = expression.value
    if value is None:
        raise ProgramError("the program holds no point yet: solve it before its values are read")
    return np.asarray(value, dtype=np.float64)


def shared_value(node: Any, known: dict[int, Any]) -> Any:
    """The value of an expression as cvxpy finds it, with parts that several expressions share found once.

    known: values by the id of their part, of one point: a dict that starts empty.
    """
    key = id(node)
    if key not in known:
        if not node.args or 0 in node.shape:  # a leaf, or nothing
            known[key] = node.value
        else:
            parts = [shared_value(part, known) for part in node.args]
            lacking = any(part is None for part in parts) and not node.is_constant()
            known[key] = None if lacking else node.numeric(parts)
    return known[key]


def total(expression: cp.Expression, axis: int | None = None) -> cp.Expression:
    """The sum of an expression over all its entries or along one axis."""
    return cast(cp.Expression, cp.sum(expression, axis=axis))


def by_row(factor: Array, expression: cp.Expression) -> cp.Expression:
    """Each row of a two-dimensional expression times its own factor; never broadcast by accident."""
    rows, columns = expression.shape
    return cp.multiply(np.repeat(np.asarray(factor, dtype=float).reshape(rows, 1), columns, axis=1), expression)


def by_year(factor: Array, expression: cp.Expression) -> cp.Expression:
    """Each year (last dim) of an expression times its own factor."""
    return cp.multiply(np.broadcast_to(np.asarray(factor, dtype=float), expression.shape), expression)
