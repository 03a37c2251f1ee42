"""Assembly: blocks become one convex program, and every declaration is checked on the way.

Each variable is declared once, each law is convex under the disciplined rules and has exactly the shape of its dims (a
column times a vector would silently become a matrix), each goal term is concave; the error names block, law and shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cvxpy as cp
import numpy as np
import numpy.typing as npt

from iomodel.errors import ProgramError, nearest
from iomodel.program.block import Block, Law, Term, Var
from iomodel.program.blocks import CORE
from iomodel.program.checks import (
    Finite,
    check_dims,
    check_expression,
    check_law,
    check_new,
    check_shift,
    check_term,
    made,
    own_blocks,
    undisciplined,
)
from iomodel.program.own import Own, of_expression, of_variable
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
    name. laws: name -> Law; terms: name -> Term of the goal. blocks, shifts: what it
    was laid of, and the amounts by which bounds of laws were moved, so that it can be laid again. memo: what a first
    solve finds out about the arrays (places of laws, what can be substituted) and later ones use again. own: name ->
    whose it is, of the variables and expressions of blocks of one's own.
    """

    problem: cp.Problem
    setting: Setting
    variables: Mapping[str, Var]
    values: Mapping[str, cp.Expression]
    laws: Mapping[str, Law]
    terms: Mapping[str, Term]
    blocks: tuple[Block, ...] = CORE
    shifts: Mapping[str, Array] = field(default_factory=dict)
    memo: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    own: Mapping[str, Own] = field(default_factory=dict)

    def __repr__(self) -> str:
        size = sum(variable.size for variable in self.problem.variables())
        return f"Program({self.region}, {len(self.variables)} variables of {size} numbers, {len(self.laws)} laws)"

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


@dataclass(frozen=True)
class Laid:
    """What blocks say of one region: variables, values, laws and terms of the goal by name, and the blocks."""

    variables: Mapping[str, Var]
    values: Mapping[str, cp.Expression]
    laws: Mapping[str, Law]
    terms: Mapping[str, Term]
    blocks: tuple[Block, ...]
    own: Mapping[str, Own]


def assemble(setting: Setting, blocks: Sequence[Block] = CORE, shifts: Mapping[str, Array] | None = None) -> Program:
    """Lay `blocks` into one program; `shifts` moves the bound of laws (name -> amounts shaped as the law).

    Raises ProgramError as `lay`.
    """
    laid = lay(setting, blocks, shifts)
    goal = cp.Maximize(sum(term.expression for term in laid.terms.values()))
    problem = checked(cp.Problem(goal, [law.constraint for law in laid.laws.values()]), laid)
    return Program(
        problem,
        setting,
        laid.variables,
        laid.values,
        laid.laws,
        laid.terms,
        laid.blocks,
        dict(shifts or {}),
        own=laid.own,
    )


def checked(problem: cp.Problem, laid: Laid | None = None) -> cp.Problem:
    """The problem, if parameters keep it convex whatever their values; ProgramError that names the guilty otherwise."""
    if problem.is_dpp():
        return problem
    raise undisciplined({} if laid is None else laid.laws, {} if laid is None else laid.terms)


def lay(setting: Setting, blocks: Sequence[Block] = CORE, shifts: Mapping[str, Array] | None = None) -> Laid:
    """What `blocks` say of one region, each declaration checked; `shifts` moves the bound of laws.

    Raises ProgramError for whatever is malformed (`iomodel.program.checks`): a name declared twice, an unknown dim or
    name, a law of the wrong shape or curvature, a goal term that is not concave, a number that is not finite.
    """
    declared: dict[str, Var] = {}
    values = _Names()
    owners: dict[str, Block] = {}
    named: set[str] = set()
    own: dict[str, Own] = {}
    sizes = setting.sizes()
    laid = own_blocks(blocks)
    for block in laid:
        for var in made(block, "variables", Var, setting):
            check_new(block, var.name, declared, "variable")
            check_dims(block, var.name, var.dims, sizes)
            declared[var.name], owners[var.name] = var, block
            shape = tuple(sizes[dim] for dim in var.dims)
            values[var.name] = cp.Variable(shape, name=var.name, nonneg=var.nonneg)
            own |= {one.name: one for one in of_variable(block, var)}
    for block in laid:
        for entry, expression in made(block, "expressions", tuple, values, setting):
            name = entry.name if isinstance(entry, Var) else entry
            if isinstance(entry, Var):
                check_expression(block, entry, expression, sizes)
            check_new(block, name, named if owners.get(name, block) is block else owners, "expression")
            named.add(name)
            values[name] = expression
            own |= {one.name: one for one in of_expression(block, entry, expression, sizes)}
    laws: dict[str, Law] = {}
    terms: dict[str, Term] = {}
    finite = Finite()
    for block in laid:
        for law in made(block, "laws", Law, values, setting):
            check_new(block, law.name, laws, "law")
            check_law(block, law, sizes)
            finite.check(block, f"law {law.name!r}", law.constraint)
            laws[law.name] = law
        for term in made(block, "goal", Term, values, setting):
            check_new(block, term.name, terms, "goal term")
            check_term(block, term)
            finite.check(block, f"goal term {term.name!r}", term.expression)
            terms[term.name] = term
    for name, by in (shifts or {}).items():
        if name not in laws:
            raise ProgramError(f"there is no law {name!r} to shift.{nearest(name, laws)}")
        check_shift(laws[name], by)
        laws[name] = laws[name].shifted(by)
    return Laid(declared, values, laws, terms, laid, own)
