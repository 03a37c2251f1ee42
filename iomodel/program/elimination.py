"""Elimination: what laws define is substituted before a solver sees the program, and put back after.

A law may say which variable it defines (`Law.defines`): debt by its recursion, closed plant by what was closed before.
Substituting it is exact, and it takes whole families of dense rows out of the factorisation that a solver repeats in
every iteration: on these programs a third of the work is left (Andersen and Andersen 1995 on presolving). A variable
that costs nothing and that every one of its laws lets grow, as idle plant in years without a target, is left out with
those laws and set to the least that they ask. What remains is shuffled: ties in the fill-reducing order are broken by
position, and the order of years breaks them badly; with several regions the last things first is better still. What is
defined and stays, since substituting it everywhere would fill the matrix, can be put into some rows all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from scipy import sparse

from iomodel.program.build import Program
from iomodel.program.canonical import Array, Canonical, Indices, Places

DENSER = 1.0
"""How many times more entries a substitution may leave in the matrix: beyond, it costs more than it brings."""

PIVOT = 1e-2
"""Least coefficient by which a law defines a variable."""

NEGLIGIBLE = 1e-13
"""Entries below this come from rounding in a substitution and are taken out."""


def _none() -> Indices:
    return np.zeros(0, dtype=np.intp)


@dataclass(frozen=True)
class Definitions:
    """Pairs of an equality's row and the column that it defines, in an order that need not be triangular.

    carried: pairs of which the column stays, but is put into the rows `into`. backwards: what is left is handed to the
    solver last things first instead of shuffled.
    """

    rows: Indices
    columns: Indices
    carried: tuple[Indices, Indices] = field(default_factory=lambda: (_none(), _none()))
    into: Indices = field(default_factory=_none)
    backwards: bool = False


NOTHING = Definitions(_none(), _none())


def definitions(program: Program, arrays: Canonical, where: Places) -> Definitions:
    """The rows of laws that define a variable, with the columns that they define; laws that would fill the matrix are
    left as they are."""
    carried = _carried(program, arrays, where)
    arrays = _turned(arrays, carried)[0]
    taken: set[int] = set()
    found: list[Definitions] = []
    for name, law in program.laws.items():
        if law.defines and name in where.laws and law.defines in where.variables:
            pairs = _pairs(arrays, where.laws[name], where.variables[law.defines], law.defined, taken)
            taken |= set(pairs.columns.tolist())
            found.append(pairs)
    every = _joined(found)
    if _good(arrays, every):
        return replace(carried, rows=every.rows, columns=every.columns)
    # Not all of them will do: as many as do together, tried again as long as others clear the way.
    kept: list[Definitions] = []
    waiting, before = found, -1
    while len(kept) > before:
        before, left = len(kept), waiting
        waiting = []
        for pairs in left:
            good = _good(arrays, _joined([*kept, pairs]))
            (kept if good else waiting).append(pairs)
    every = _joined(kept)
    return replace(carried, rows=every.rows, columns=every.columns)


def _carried(program: Program, arrays: Canonical, where: Places) -> Definitions:
    """What laws define and carry into the rows of others."""
    pairs: list[Definitions] = []
    into: set[int] = set()
    for name, law in program.laws.items():
        if law.carried and name in where.laws and law.defines in where.variables:
            pairs.append(_pairs(arrays, where.laws[name], where.variables[law.defines], None, set()))
            into |= {int(row) for other in law.carried if other in where.laws for row in where.laws[other].ravel()}
    every = _joined(pairs)
    several = program.setting.form == "world"
    rows = np.array(sorted(into), dtype=np.intp)
    return replace(NOTHING, carried=(every.rows, every.columns), into=rows, backwards=several)


def _turned(arrays: Canonical, pairs: Definitions) -> tuple[Canonical, sparse.csr_matrix]:
    """The program with what is carried put into rows, T A x = T b, and T.

    A law on a total of a variable in a large family, as employment of output, would tie all its members together; in
    terms of what calls them forth it does not. Multipliers of the program as it was are T' times the new ones.
    """
    rows, columns = pairs.carried
    count = arrays.bound.size
    turn = sparse.csr_matrix(sparse.eye_array(count))
    if not rows.size or not pairs.into.size:
        return arrays, turn
    pivot = np.asarray(arrays.matrix[rows, columns], dtype=np.float64).ravel()
    share = sparse.coo_array(arrays.matrix[pairs.into][:, columns] @ sparse.diags_array(1 / pivot))
    at = (pairs.into[share.coords[0]], rows[share.coords[1]])
    turn = sparse.csr_matrix(turn - sparse.csr_matrix((share.data, at), shape=(count, count)))
    matrix = sparse.csr_matrix(turn @ arrays.matrix)
    matrix.data[np.abs(matrix.data) < NEGLIGIBLE] = 0.0
    matrix.eliminate_zeros()
    return replace(arrays, matrix=matrix, bound=np.asarray(turn @ arrays.bound, dtype=np.float64)), turn


def still_defined(arrays: Canonical, pairs: Definitions) -> bool:
    """Whether every pair's coefficient is still there with the values that parameters have now."""
    if not pairs.rows.size:
        return True
    own = np.asarray(arrays.matrix[pairs.rows, pairs.columns]).ravel()
    return bool((np.abs(own) > PIVOT).all())


def _pairs(
    arrays: Canonical, rows: Indices, columns: Indices, defined: npt.NDArray[np.bool_] | None, taken: set[int]
) -> Definitions:
    """Each row of a law with the last column of its variable that stands in it: of a recursion, the year's own."""
    chosen = rows.ravel() if defined is None else rows[np.broadcast_to(defined, rows.shape)]
    own, curved = set(columns.ravel().tolist()), arrays.curved()
    matrix = arrays.matrix
    rows_of: list[int] = []
    columns_of: list[int] = []
    for row in chosen.tolist():
        if row >= arrays.equalities:
            continue
        entries = slice(matrix.indptr[row], matrix.indptr[row + 1])
        inside = [
            int(column)
            for column, value in zip(matrix.indices[entries], matrix.data[entries], strict=True)
            if int(column) in own and abs(value) > PIVOT and not curved[column]
        ]
        if inside and max(inside) not in taken and max(inside) not in columns_of:
            rows_of.append(row)
            columns_of.append(max(inside))
    return Definitions(np.array(rows_of, dtype=np.intp), np.array(columns_of, dtype=np.intp))


def _joined(parts: Sequence[Definitions]) -> Definitions:
    if not parts:
        return NOTHING
    return Definitions(np.concatenate([part.rows for part in parts]), np.concatenate([part.columns for part in parts]))


def _good(arrays: Canonical, pairs: Definitions) -> bool:
    """Whether definitions are triangular, touch no cone and leave a matrix that is not much denser."""
    touched = arrays.matrix[arrays.linear_rows :][:, pairs.columns]
    if touched.nnz:
        return False
    made = _substitution(arrays, pairs)
    return made is not None and made.matrix.nnz <= DENSER * arrays.matrix.nnz


@dataclass(frozen=True)
class Substituted:
    """x_E = fixed − moves x_R; steps: the powers of the nilpotent part by which the defining rows are turned around;
    through: what the rows that are left have in the columns that are defined."""

    rows: Indices
    columns: Indices
    pivot: Array
    steps: tuple[sparse.csr_matrix, ...]
    fixed: Array
    moves: sparse.csr_matrix
    through: sparse.csr_matrix
    matrix: sparse.csr_matrix
    bound: Array


def _substitution(arrays: Canonical, pairs: Definitions) -> Substituted | None:
    """Substitute; None where the definitions go in a circle.

    The system of the defining rows is D (I − N) with N nilpotent, a recursion over the years, so that its inverse is
    the finite product (I + N)(I + N²)(I + N⁴)… applied from the left.
    """
    rows, columns = _others(arrays.bound.size, pairs.rows), _others(arrays.linear.size, pairs.columns)
    own = arrays.matrix[pairs.rows]
    system = sparse.csr_matrix(own[:, pairs.columns])
    pivot = np.asarray(system.diagonal(), dtype=np.float64)
    scale = sparse.diags_array(1 / pivot) if pairs.rows.size else sparse.csr_matrix((0, 0))
    nilpotent = sparse.csr_matrix(sparse.eye_array(pairs.rows.size) - scale @ system)
    nilpotent.eliminate_zeros()
    moves: sparse.csr_matrix = sparse.csr_matrix(scale @ own[:, columns])
    steps: list[sparse.csr_matrix] = []
    while nilpotent.nnz:
        if len(steps) == 10 or nilpotent.nnz > arrays.matrix.nnz:
            return None
        steps.append(nilpotent)
        moves = sparse.csr_matrix(moves + nilpotent @ moves)
        nilpotent = sparse.csr_matrix(nilpotent @ nilpotent)
        nilpotent.eliminate_zeros()
    left = arrays.matrix[rows]
    through = left[:, pairs.columns]
    matrix = sparse.csr_matrix(left[:, columns] - through @ moves)
    matrix.data[np.abs(matrix.data) < NEGLIGIBLE] = 0.0
    matrix.eliminate_zeros()
    for made in (matrix, through, moves, *steps):
        made.sort_indices()
    fixed = in_turn(steps, arrays.bound[pairs.rows] / pivot)
    bound = arrays.bound[rows] - through @ fixed
    return Substituted(rows, columns, pivot, tuple(steps), fixed, moves, through, matrix, bound)


def in_turn(steps: Sequence[sparse.csr_matrix], fixed: Array) -> Array:
    """What is defined by numbers alone, and by what these define."""
    for step in steps:
        fixed = np.asarray(fixed + step @ fixed, dtype=np.float64)
    return fixed


def _others(count: int, places: Indices) -> Indices:
    """The places below `count` that are not among these."""
    left = np.ones(count, dtype=np.bool_)
    left[places] = False
    return np.flatnonzero(left)


@dataclass(frozen=True)
class Reduced:
    """What a solver is given, and the way back to all rows and columns."""

    arrays: Canonical
    """The reduced program, shuffled."""
    whole: Canonical
    turned: Canonical
    """The whole program with what is carried put in, and the matrix that did it."""
    turn: sparse.csr_matrix
    pairs: Definitions
    made: Substituted
    rows: Indices
    """Of the substituted program's rows, those that are left, in the solver's order."""
    columns: Indices
    idle: Indices
    """Columns of the substituted program that are left out, one at most in each row."""
    idle_rows: Indices
    idle_of: Indices
    """For each of `idle_rows` the place in `idle` of the column that stands in it."""

    def restore(self, x: Array, z: Array, *, proof: bool = False) -> tuple[Array, Array, Array]:
        """Point, slacks and multipliers of the whole program from those of the reduced one.

        proof: the multipliers are a proof that there is no point, in which the goal has no part.
        """
        made, whole = self.made, self.turned
        inner, price = np.zeros(made.columns.size), np.zeros(made.rows.size)
        inner[self.columns], price[self.rows] = x, z
        if self.idle.size:
            asked = made.matrix[self.idle_rows]
            weight = np.asarray(asked[np.arange(self.idle_rows.size), self.idle[self.idle_of]]).ravel()
            least = (made.bound[self.idle_rows] - asked @ inner) / weight
            lowest = np.full(self.idle.size, -np.inf)
            np.maximum.at(lowest, self.idle_of, least)
            inner[self.idle] = lowest
        point, multipliers = np.zeros(whole.linear.size), np.zeros(whole.bound.size)
        point[made.columns] = inner
        point[self.pairs.columns] = made.fixed - made.moves @ inner
        multipliers[made.rows] = price
        # Stationarity in the columns that were defined: (D (I − N))' z = −(Px + q + A'z of the other rows).
        push = 0.0 if proof else whole.gradient(point)
        pull = -(push + whole.matrix.T @ multipliers)[self.pairs.columns]
        for step in made.steps:
            pull = pull + step.T @ pull
        multipliers[self.pairs.rows] = pull / made.pivot
        return point, self.whole.bound - self.whole.matrix @ point, np.asarray(self.turn.T @ multipliers)


def reduced(whole: Canonical, pairs: Definitions) -> Reduced:
    """The program without what is defined and without idle columns, in shuffled order."""
    given, (whole, turn) = whole, _turned(whole, pairs)
    made = _substitution(whole, pairs)
    if made is None:
        raise ValueError("definitions go in a circle")
    full = whole.quadratic + sparse.triu(whole.quadratic, 1).T
    linear = whole.linear[made.columns] - made.moves.T @ whole.linear[pairs.columns]
    quadratic = sparse.csc_matrix(full[:, made.columns][made.columns])
    equalities = whole.equalities - pairs.rows.size
    part = Canonical(quadratic, linear, made.matrix, made.bound, equalities, whole.inequalities, whole.cones)
    idle, idle_rows, idle_of = _idle(part)
    shuffle = np.random.default_rng(0)

    def ordered(places: Indices) -> Indices:
        return places[::-1] if pairs.backwards else shuffle.permutation(places)

    columns = ordered(_others(linear.size, idle))
    above = np.arange(equalities, part.linear_rows)
    above = above[~np.isin(above, idle_rows)]
    rows = np.concatenate(
        [ordered(np.arange(equalities)), ordered(above), np.arange(part.linear_rows, made.bound.size)]
    )
    upper = sparse.csc_matrix(sparse.triu(quadratic[columns][:, columns]))
    inner = replace(part, quadratic=upper, inequalities=above.size)
    return Reduced(
        handed(inner, rows, columns), given, whole, turn, pairs, made, rows, columns, idle, idle_rows, idle_of
    )


def handed(part: Canonical, rows: Indices, columns: Indices) -> Canonical:
    """Rows, bounds and costs in the solver's order; the quadratic costs and counts of `part` are in it already."""
    matrix = sparse.csr_matrix(part.matrix[rows][:, columns])
    return replace(part, linear=part.linear[columns], matrix=matrix, bound=part.bound[rows])


def _idle(arrays: Canonical) -> tuple[Indices, Indices, Indices]:
    """Columns without cost, only in inequalities that let them grow and hold no other such column; rows and places."""
    matrix = sparse.csc_matrix(arrays.matrix)
    count = np.diff(matrix.indptr)
    column = np.repeat(np.arange(count.size), count)
    loose = (matrix.indices >= arrays.equalities) & (matrix.indices < arrays.linear_rows) & (matrix.data < 0)
    fits = (np.bincount(column, weights=loose, minlength=count.size) == count) & (count > 0)
    fits &= (arrays.linear == 0) & ~arrays.curved()
    inside = fits[column]
    shared = np.bincount(matrix.indices[inside], minlength=arrays.bound.size) > 1
    crowded = np.unique(column[inside & shared[matrix.indices]])
    fits[crowded] = False
    inside = fits[column]
    idle = np.flatnonzero(fits)
    rows = matrix.indices[inside].astype(np.intp)
    return idle, rows, np.searchsorted(idle, column[inside]).astype(np.intp)
