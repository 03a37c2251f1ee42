"""Prices of goods in a program whose output is eliminated: the multipliers of a balance that is not among its laws.

In the plain form the balance (I − Aᴰ) x = demand is a law, and stationarity in x reads (I − Aᴰ)' λ = r, where r is what
one unit more of output does to goal and laws at their multipliers. In the reduced form x is an expression; r is taken
from the same laws with x put back as a variable, and λ = (I − Aᴰ)'⁻¹ r follows by one factorisation, without another
solve. λ is the change of the goal for one unit more demanded by nobody: where all that a good costs is its primary
inputs, minus the price system p = A'p + v (Leontief 1951; Miller and Blair 2009, section 2.6).
"""

from __future__ import annotations

from typing import Any, cast

import cvxpy as cp
import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.linalg import lu_factor, lu_solve

from iomodel.errors import ProgramError
from iomodel.program.block import value_of
from iomodel.program.build import Program
from iomodel.program.price_words import price_attributes

Array = npt.NDArray[np.float64]

MONEY = "percent of base-year GDP"


def goods_prices(program: Program) -> xr.DataArray:
    """Shadow prices of the goods balance of a solved program (sector, year), from its multipliers alone.

    Change of the goal, in percent of base-year GDP of consumption a year, for one percent of base-year GDP of a good
    more demanded. Raises ProgramError where the program is not solved.

    >>> import iomodel as iom
    >>> from iomodel.program.solvers import solve_program
    >>> program = iom.build(iom.load_experiment("demand-only"))
    >>> solve_program(program).status
    'optimal'
    >>> goods_prices(program).dims
    ('sector', 'year')
    """
    setting = program.setting
    leontief = np.eye(setting.arrays.domestic.shape[0]) - setting.arrays.domestic
    price = lu_solve(lu_factor(leontief), worth_of_output(program), trans=1)
    demand = leontief @ value_of(program.values["output"])
    labels = setting.labels()
    return xr.DataArray(
        price,
        coords={dim: labels[dim] for dim in ("sector", "year")},
        dims=("sector", "year"),
        name="goods_balance",
        attrs=price_attributes("goods_balance", "equal", MONEY, 0.01 * float((price * demand).sum())),
    )


def worth_of_output(program: Program) -> Array:
    """(n, years) r: what one unit more of output does to the goal through every law at its multiplier, what is needed
    to make it left out."""
    output = program.values["output"]
    alone = cp.Variable(output.shape)
    alone.value = value_of(output)
    put = _Put(output, alone)
    parts: list[cp.Expression] = []
    for name, law in program.laws.items():
        if law.constraint.dual_value is None:
            raise ProgramError(f"law {name!r} has no multiplier yet: solve the program before its prices are read")
        # left ≤ right or left = right; a multiplier is the change of the goal for a higher right-hand side.
        for sign, side in zip((-1.0, 1.0), law.constraint.args, strict=True):
            if put.concerns(side):
                weight = sign * np.asarray(law.constraint.dual_value, dtype=float)
                parts.append(cast(cp.Expression, cp.sum(cp.multiply(weight, put.into(side)))))
    parts += [put.into(term.expression) for term in program.terms.values() if put.concerns(term.expression)]
    if not parts:
        return np.zeros(output.shape)
    return _slope(cast(cp.Expression, sum(parts)), alone)


def _slope(expression: cp.Expression, variable: cp.Variable) -> Array:
    """Gradient of a scalar expression; an affine one is compiled, which is faster than its tree of derivatives."""
    if expression.is_affine():
        data: Any = cp.Problem(cp.Minimize(expression)).get_problem_data(cp.CLARABEL)[0]
        start = data["param_prob"].var_id_to_col[variable.id]
        flat = np.asarray(data["c"], dtype=float)[start : start + variable.size]
    else:
        found: Any = expression.grad[variable]
        flat = np.asarray(found.todense(), dtype=float)
    return flat.reshape(variable.shape, order="F")


class _Put:
    """Writes expressions anew with a variable in the place of output, everything else at its value."""

    def __init__(self, output: cp.Expression, variable: cp.Variable) -> None:
        self._output = output
        self._written: dict[int, cp.Expression] = {id(output): variable}
        self._within: dict[int, bool] = {id(output): True}

    def concerns(self, node: Any) -> bool:
        """Whether output is in an expression; each part is looked at once."""
        if id(node) not in self._within:
            self._within[id(node)] = any(self.concerns(part) for part in node.args)
        return self._within[id(node)]

    def into(self, node: Any) -> cp.Expression:
        """The expression with the variable in it."""
        if id(node) not in self._written:
            if self.concerns(node):
                self._written[id(node)] = node.copy([self.into(part) for part in node.args])
            else:
                self._written[id(node)] = node if node.is_constant() else cp.Constant(value_of(node))
        return self._written[id(node)]
