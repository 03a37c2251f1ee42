"""Assembly: blocks become one convex program, and every declaration is checked on the way.

Each variable is declared once, each law is convex under the disciplined rules and has exactly the shape of its dims (a
column times a vector would silently become a matrix), each goal term is concave; the error names block, law and shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cvxpy as cp
import numpy as np
import numpy.typing as npt

from iomodel.errors import ProgramError, nearest
from iomodel.program.block import Block, Law, Term, Var
from iomodel.program.blocks import CORE
from iomodel.program.setting import Setting

Array = npt.NDArray[np.float64]


class _Names(dict[str, cp.Expression]):
    """Variables and expressions by name; an unknown name offers the nearest ones."""

    def __missing__(self, name: str) -> cp.Expression:
        raise ProgramError(f"no variable or expression is called {name!r}.{nearest(name, self)}")


@dataclass(frozen=True)
class Program:
    """A built program, not solved.

    problem: the cvxpy problem. setting: its numbers. variables: name -> Var. values: every variable and expression by
    name. laws: name -> Law; terms: name -> Term of the goal.
    """

    problem: cp.Problem
    setting: Setting
    variables: Mapping[str, Var]
    values: Mapping[str, cp.Expression]
    laws: Mapping[str, Law]
    terms: Mapping[str, Term]

    @property
    def region(self) -> str:
        """The region that decides."""
        return self.setting.arrays.economy.region

    def dims(self, name: str) -> tuple[str, ...]:
        """Dims of a law or variable, the region written in front."""
        found = self.laws[name].dims if name in self.laws else self.variables[name].dims
        return ("region", *found)

    def labels(self, law: Law) -> dict[str, npt.NDArray[np.str_] | npt.NDArray[np.int64]]:
        """Labels of a law's dims."""
        every = self.setting.labels()
        return {dim: law.where.get(dim, every[dim]) for dim in law.dims}


def assemble(setting: Setting, blocks: Sequence[Block] = CORE, shifts: Mapping[str, Array] | None = None) -> Program:
    """Lay `blocks` into one program; `shifts` moves the bound of laws (name -> amounts shaped as the law).

    Raises ProgramError for a variable or law declared twice, an unknown dim or name, a law of the wrong shape or
    curvature, a goal term that is not concave.
    """
    declared: dict[str, Var] = {}
    values = _Names()
    sizes = setting.sizes()
    for block in blocks:
        for var in block.variables(setting):
            _check_new(block, var.name, declared, "variable")
            _check_dims(block, var.name, var.dims, sizes)
            declared[var.name] = var
            shape = tuple(sizes[dim] for dim in var.dims)
            values[var.name] = cp.Variable(shape, name=var.name, nonneg=var.nonneg)
    for block in blocks:
        for name, expression in block.expressions(values, setting):
            values[name] = expression
    laws: dict[str, Law] = {}
    terms: dict[str, Term] = {}
    for block in blocks:
        for law in block.laws(values, setting):
            _check_new(block, law.name, laws, "law")
            _check_law(block, law, sizes)
            laws[law.name] = law
        for term in block.goal(values, setting):
            _check_new(block, term.name, terms, "goal term")
            if not (term.expression.is_scalar() and term.expression.is_concave()):
                raise ProgramError(
                    f"block {block.name!r}: goal term {term.name!r} has shape {term.expression.shape} and curvature "
                    f"{term.expression.curvature}; a term is one concave number, since the goal is maximised"
                )
            terms[term.name] = term
    for name, by in (shifts or {}).items():
        if name not in laws:
            raise ProgramError(f"there is no law {name!r} to shift.{nearest(name, laws)}")
        laws[name] = laws[name].shifted(by)
    goal = cp.Maximize(sum(term.expression for term in terms.values()))
    problem = cp.Problem(goal, [law.constraint for law in laws.values()])
    if not problem.is_dpp():
        raise ProgramError("the program is not convex by the disciplined rules: a block multiplies two unknowns")
    return Program(problem, setting, declared, values, laws, terms)


def _check_new(block: Block, name: str, known: Mapping[str, object], kind: str) -> None:
    """Each name is declared once."""
    if name in known:
        raise ProgramError(f"block {block.name!r} declares {kind} {name!r}, which another block has declared already")


def _check_dims(block: Block, name: str, dims: tuple[str, ...], sizes: Mapping[str, int]) -> None:
    """Dims are the ones of the setting."""
    unknown = [dim for dim in dims if dim not in sizes]
    if unknown:
        raise ProgramError(
            f"block {block.name!r}: {name!r} has the dim {unknown[0]!r}; allowed are {', '.join(sizes)}."
            + nearest(unknown[0], sizes)
        )


def _check_law(block: Block, law: Law, sizes: Mapping[str, int]) -> None:
    """Shape and curvature of a law."""
    _check_dims(block, law.name, law.dims, sizes)
    wanted = tuple(len(law.where[dim]) if dim in law.where else sizes[dim] for dim in law.dims)
    if law.constraint.shape != wanted:
        raise ProgramError(
            f"block {block.name!r}: law {law.name!r} has shape {law.constraint.shape}, its dims {law.dims} "
            f"mean {wanted}; a column times a vector broadcasts to a matrix: use by_row or by_year"
        )
    if not law.constraint.is_dcp():
        raise ProgramError(f"block {block.name!r}: law {law.name!r} is not convex: {law.constraint}")
