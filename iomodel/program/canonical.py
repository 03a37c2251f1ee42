"""The canonical arrays of a program, as a conic solver takes them, and where its laws and variables stand in them.

minimise ½ x'Px + q'x subject to b − Ax in {0} × R₊ × second-order cones. The places are read off by sending the numbers
of the columns and rows back through the way by which a solution returns, so that nothing is assumed about how the
arrays were made.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import cvxpy as cp
import numpy as np
import numpy.typing as npt
from cvxpy.reductions.solvers.conic_solvers.clarabel_conif import CLARABEL
from scipy import sparse

from iomodel.errors import ProgramError
from iomodel.program.build import Program

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Canonical:
    """quadratic: P (n, n), its upper triangle. linear: q (n,). matrix: A (m, n). bound: b (m,). The first `equalities`
    rows are equalities, then come `inequalities` rows, then second-order cones of the sizes `cones`."""

    quadratic: sparse.csc_matrix
    linear: Array
    matrix: sparse.csr_matrix
    bound: Array
    equalities: int
    inequalities: int
    cones: tuple[int, ...]

    @property
    def linear_rows(self) -> int:
        """Rows that are not of a cone."""
        return self.equalities + self.inequalities

    def curved(self) -> npt.NDArray[np.bool_]:
        """(n,) whether a column has a quadratic cost."""
        size = abs(self.quadratic)
        return np.asarray(size.sum(axis=0)).ravel() + np.asarray(size.sum(axis=1)).ravel() > 0

    def cost(self, x: Array) -> float:
        """½ x'Px + q'x."""
        half = self.quadratic @ x
        diagonal = self.quadratic.diagonal()
        return float(x @ half - 0.5 * (x * x) @ diagonal + self.linear @ x)

    def gradient(self, x: Array) -> Array:
        """(n,) Px + q."""
        full = self.quadratic @ x + self.quadratic.T @ x - self.quadratic.diagonal() * x
        return np.asarray(full + self.linear)


@dataclass(frozen=True)
class Places:
    """variables: name -> columns, in the variable's shape. laws: law -> rows, in the law's shape, for laws that are
    affine. signs: law -> sign by which a row's multiplier becomes the law's."""

    variables: Mapping[str, Indices]
    laws: Mapping[str, Indices]
    signs: Mapping[str, float]


@dataclass(frozen=True)
class Compiled:
    """Arrays of a program with the way back: `give` carries a solution to the variables and laws."""

    program: Program
    arrays: Canonical
    chain: Any
    inverse: Any

    def give(self, solution: Any) -> None:
        """Put a solution (x, z, status, obj_val, solve_time, iterations) into the program's variables and laws."""
        problem: Any = self.program.problem
        problem.unpack_results(solution, self.chain, self.inverse)


class _Placed(CLARABEL):
    """cvxpy's interface to Clarabel, with rows of constraints put where they belong instead of multiplied there.

    cvxpy multiplies the rows of each cone by a matrix as wide as columns times parameters, which for several regions
    is most of the time and memory of compiling. What it does to the rows is a permutation with signs: it is read off
    one column that holds the rows' numbers, and done to all entries at once.
    """

    def name(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        """A name of its own, as cvxpy asks of a solver that is handed over."""
        return "CLARABEL_PLACED"

    @classmethod
    def format_constraints(cls, problem: Any, exp_cone_order: Any) -> Any:
        """The cone program with its rows in the solver's order and signs."""
        count = problem.A.shape[0] // (problem.x.size + 1)
        column = copy(problem)
        column.x, column.P = cp.Variable(0), None
        column.A = sparse.csc_array(np.arange(1.0, count + 1).reshape(-1, 1))
        moved = super().format_constraints(column, exp_cone_order)
        numbers = sparse.coo_array(moved.A)
        before = np.abs(np.rint(numbers.data)).astype(np.int64) - 1
        place, sign = np.zeros(count, dtype=np.int64), np.zeros(count)
        place[before], sign[before] = numbers.coords[0], np.sign(numbers.data)
        entries = sparse.coo_array(problem.A)
        columns, rows = np.divmod(entries.coords[0].astype(np.int64), count)
        at = (columns * count + place[rows], entries.coords[1])
        return type(moved)(
            problem.q, problem.x, sparse.coo_array((entries.data * sign[rows], at), shape=problem.A.shape),
            problem.variables, problem.var_id_to_col, problem.constraints, problem.parameters,
            problem.param_id_to_col, P=problem.P, formatted=True, lower_bounds=problem.lower_bounds,
            upper_bounds=problem.upper_bounds, lb_tensor=problem.lb_tensor, ub_tensor=problem.ub_tensor,
            dir_cones=problem.dir_cones,
        )  # fmt: skip


_PLACED = _Placed()
"""One object, so that cvxpy knows a program that it has compiled for it."""


def compiled(program: Program) -> Compiled:
    """The arrays of a program with its parameters as they are; the first call takes long, later ones do not.

    Raises ProgramError where the program has cones other than second-order ones.
    """
    problem: Any = program.problem
    data, chain, inverse = problem.get_problem_data(_PLACED, solver_opts={})
    dims = data["dims"]
    if dims.exp or dims.psd or dims.p3d:
        raise ProgramError(
            "the program has exponential, power or semidefinite cones, which are not carried to full accuracy; write "
            "the block with squares, roots and norms"
        )
    count = len(data["c"])
    quadratic = data["P"] if data.get("P") is not None else sparse.csc_matrix((count, count))
    arrays = Canonical(
        quadratic=sparse.csc_matrix(sparse.triu(quadratic)),
        linear=np.asarray(data["c"], dtype=float),
        matrix=sparse.csr_matrix(data["A"]),
        bound=np.asarray(data["b"], dtype=float),
        equalities=int(dims.zero),
        inequalities=int(dims.nonneg),
        cones=tuple(int(size) for size in dims.soc),
    )
    return Compiled(program, arrays, chain, inverse)


def places(made: Compiled) -> Places:
    """Where variables and affine laws of a compiled program stand."""
    rows, columns = made.arrays.bound.size, made.arrays.linear.size
    numbers = SimpleNamespace(
        x=np.arange(1.0, columns + 1), z=np.arange(1.0, rows + 1), s=np.zeros(rows), status="Solved", obj_val=0.0,
        solve_time=0.0, iterations=0,
    )  # fmt: skip
    back = made.chain.invert(numbers, made.inverse)
    variables: dict[str, Indices] = {}
    for name in made.program.variables:
        found = back.primal_vars.get(getattr(made.program.values[name], "id", None))
        if found is not None:
            variables[name] = _places(found)
    laws: dict[str, Indices] = {}
    signs: dict[str, float] = {}
    for name, law in made.program.laws.items():
        found = back.dual_vars.get(law.constraint.id)
        if found is None or not all(side.is_affine() for side in law.constraint.args):
            continue
        laws[name] = _places(found).reshape(law.constraint.shape)
        signs[name] = float(np.sign(np.ravel(found)[0])) if np.size(found) else 1.0
    return Places(variables, laws, signs)


def _places(numbers: Any) -> Indices:
    return np.abs(np.rint(np.asarray(numbers, dtype=float))).astype(np.intp) - 1
