"""RAS: a nonnegative matrix scaled to its row and column totals, t_ij = r_i a_ij s_j.

It is GRAS without negative cells, and is solved by the same sweeps; here negative cells and totals are refused.

Sources: Stone (1961); Bacharach (1970), Biproportional Matrices and Input-Output Change; Miller and Blair (2009),
Input-Output Analysis, 2nd ed., section 7.4.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from iomodel.balancing.gras import Scaled, gras
from iomodel.balancing.margins import Floats, Margins
from iomodel.errors import BalanceError


def ras(
    start: Floats,
    row_totals: Floats,
    column_totals: Floats,
    *,
    tolerance: float = 1e-10,
    sweeps: int = 2000,
    row_names: Sequence[str] | None = None,
    column_names: Sequence[str] | None = None,
) -> Scaled:
    """The nonnegative matrix r_i a_ij s_j with these totals; arguments and errors as `gras`.

    Raises BalanceError, too, where a cell or a total is negative.

    >>> ras(np.array([[1.0, 2], [3, 4]]), np.array([4.0, 6]), np.array([5.0, 5])).cells.round(4)
    array([[1.7577, 2.2423],
           [3.2423, 2.7577]])
    """
    matrix, rows, columns = (np.asarray(values, dtype=float) for values in (start, row_totals, column_totals))
    names = Margins(matrix, rows, columns, row_names, column_names).names
    negative = np.argwhere(matrix < 0)
    if len(negative):
        row, column = (int(place) for place in negative[0])
        raise BalanceError(
            f"RAS takes no negative cells: {len(negative)} of the start, first {matrix[row, column]:.6g} at "
            f"{names[row]}, {names[len(rows) + column]}. Use method gras, which keeps their sign."
        )
    below = np.flatnonzero(np.concatenate([rows, columns]) < 0)
    if len(below):
        total = np.concatenate([rows, columns])[below[0]]
        raise BalanceError(
            f"RAS takes no negative totals: {len(below)}, first {total:.6g} for {names[below[0]]}. Correct them, or "
            "use method gras where cells are negative, too."
        )
    return gras(
        matrix, rows, columns, tolerance=tolerance, sweeps=sweeps, row_names=row_names, column_names=column_names
    )
