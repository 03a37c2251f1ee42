"""HiGHS without a word: its own class prints a banner on stdout as soon as it is made, before it can be told not to.

The class beneath it has no callbacks, whose switching on prints, and is told to be quiet before anything is given to
it: a library writes nothing on a user's screen.
"""

from __future__ import annotations

from typing import Any

import highspy
import numpy as np
import numpy.typing as npt
from scipy import sparse

Array = npt.NDArray[np.float64]


def highs_quiet() -> Any:
    """A fresh HiGHS that prints nothing."""
    base: Any = highspy.Highs.__base__
    highs = base()
    highs.setOptionValue("output_flag", False)
    return highs


def linear_program(matrix: sparse.csc_matrix, lower: Array, upper: Array, cost: Array) -> Any:
    """Least cost · x with lower ≤ matrix x ≤ upper, x free, as HiGHS takes it."""
    linear = highspy.HighsLp()
    rows, columns = upper.size, cost.size
    linear.num_row_, linear.num_col_ = rows, columns
    linear.col_cost_ = cost
    linear.col_lower_ = np.full(columns, -np.inf)
    linear.col_upper_ = np.full(columns, np.inf)
    linear.row_lower_, linear.row_upper_ = lower, upper
    held: Any = linear.a_matrix_
    held.format_ = highspy.MatrixFormat.kColwise
    held.num_row_, held.num_col_ = rows, columns
    held.start_, held.index_, held.value_ = matrix.indptr, matrix.indices, matrix.data
    return linear
