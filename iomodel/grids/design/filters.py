"""Filters: which combinations of an axes' box are run, written as "package <= 4 or reform > 0".

The language is closed: names of axes, numbers, texts, comparisons, `in [...]`, `and`, `or`, `not` and parentheses.
It is read with the parser of Python and laid over the whole box at once; nothing of it is ever executed as a program.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from iomodel.errors import ExperimentError, nearest
from iomodel.values import refuse

Mask = npt.NDArray[np.bool_]

COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
ALLOWED = 'comparisons of axes with numbers or texts, joined by and, or, not; such as "package <= 4 or reform > 0"'


def kept(labels: Mapping[str, Sequence[str | int | float]], filters: Sequence[str]) -> Mask:
    """Which places of the box all filters keep, with one dim per axis (broadcast to the whole box).

    labels: axis -> its labels. Raises ExperimentError for a filter that is no expression of the language, names no
    axis or one that there is none of, compares texts with numbers, or with the others drops everything.

    >>> kept({"package": [0, 2], "reform": [0.0, 0.5]}, ["package > 0 or reform > 0"]).tolist()
    [[False, True], [True, True]]
    """
    whole = np.ones(tuple(len(entries) for entries in labels.values()), dtype=bool)
    for number, text in enumerate(filters):
        whole &= _Reader(f"filters[{number}]", text, labels).mask()
        if not whole.any():
            raise refuse(
                f"filters[{number}]", text, "filters that keep at least one combination",
                " With those before it, it drops every combination of the axes." if number else
                " It drops every combination of the axes.",
            )  # fmt: skip
    return whole


def axes_named(text: str, labels: Mapping[str, Sequence[str | int | float]]) -> set[str]:
    """The axes that a filter names."""
    return _Reader("filters", text, labels).names()


class _Reader:
    """One filter laid over the box: each name becomes its labels along its own dim."""

    def __init__(self, where: str, text: str, labels: Mapping[str, Sequence[str | int | float]]) -> None:
        self.where, self.text, self.labels = where, text, labels
        try:
            self.tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise self.refused("it is no expression.") from None

    def names(self) -> set[str]:
        """Names in the expression, each an axis."""
        found = {node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name)}
        for name in sorted(found):
            if name not in self.labels:
                listed = ", ".join(self.labels)
                raise self.refused(f"there is no axis {name!r}; the axes are {listed}.{nearest(name, self.labels)}")
        return found

    def mask(self) -> Mask:
        """Where the expression holds."""
        if not self.names():
            raise self.refused(f"it names no axis; the axes are {', '.join(self.labels)}.")
        try:
            return self.truth(self.tree)
        except RecursionError:
            raise self.refused("it is nested too deeply.") from None

    def truth(self, node: ast.expr) -> Mask:
        """A comparison, or several joined by and, or, not."""
        if isinstance(node, ast.BoolOp):
            join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            found = self.truth(node.values[0])
            for part in node.values[1:]:
                found = join(found, self.truth(part))
            return found
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return np.logical_not(self.truth(node.operand))
        if not isinstance(node, ast.Compare):
            raise self.refused(f"{ast.unparse(node)!r} is no comparison.")
        found = np.bool_(True)
        left = node.left
        for sign, right in zip(node.ops, node.comparators, strict=True):
            found = np.logical_and(found, self.compared(left, sign, right))
            left = right
        return np.asarray(found)

    def compared(self, left: ast.expr, sign: ast.cmpop, right: ast.expr) -> Mask:
        """Two operands of one kind, numbers or texts."""
        if isinstance(sign, ast.In | ast.NotIn):
            if not isinstance(right, ast.List | ast.Tuple | ast.Set):
                raise self.refused(f"{ast.unparse(right)!r} is no list; write such as [1, 2].")
            found = np.zeros((), dtype=bool)
            for entry in right.elts:
                found = np.logical_or(found, self.compared(left, ast.Eq(), entry))
            return found if isinstance(sign, ast.In) else np.logical_not(found)
        if type(sign) not in COMPARISONS:
            raise self.refused("is and is not are no comparisons here; write == or !=.")
        one, other = self.operand(left), self.operand(right)
        if (one.dtype.kind == "U") != (other.dtype.kind == "U"):
            number, words = (left, right) if other.dtype.kind == "U" else (right, left)
            raise self.refused(f"{ast.unparse(words)} is text and {ast.unparse(number)} a number.")
        return np.asarray(COMPARISONS[type(sign)](one, other))

    def operand(self, node: ast.expr) -> npt.NDArray[Any]:
        """Labels of an axis along its dim, or a number or text."""
        if isinstance(node, ast.Name):
            place = list(self.labels).index(node.id)
            entries = np.asarray(self.labels[node.id])
            return entries.reshape([-1 if axis == place else 1 for axis in range(len(self.labels))])
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            inner = self.operand(node.operand)
            if inner.dtype.kind in "if" and not isinstance(node.operand, ast.Name):
                return -inner if isinstance(node.op, ast.USub) else inner
        if isinstance(node, ast.Constant) and type(node.value) in (int, float, str):
            return np.asarray(node.value)
        raise self.refused(f"{ast.unparse(node)!r} is neither an axis, nor a number, nor text.")

    def refused(self, why: str) -> ExperimentError:
        """The one error of a filter."""
        return ExperimentError(f"{self.where}: found {self.text!r}; allowed: {ALLOWED}. Here {why}")
