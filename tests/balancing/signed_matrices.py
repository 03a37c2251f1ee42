"""Signed matrices with totals that can be met, and the plain formulas that the methods are held to."""

import numpy as np
import scipy.sparse
from hypothesis import strategies as st

CELLS = (0.0, 0.5, 1.0, 2.0, 3.0, 7.0, 40.0, 1000.0, -0.3, -2.0, -11.0)


@st.composite
def reachable(draw: st.DrawFn, cells: tuple[float, ...] = CELLS) -> tuple[np.ndarray, np.ndarray]:
    """A matrix and another one with the same signs and zeros, whose totals it can therefore meet."""
    shape = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    count = shape[0] * shape[1]
    start = np.array(draw(st.lists(st.sampled_from(cells), min_size=count, max_size=count)))
    factor = np.array(draw(st.lists(st.floats(0.2, 5), min_size=count, max_size=count)))
    return start.reshape(shape), (start * factor).reshape(shape)


def margins(rows: int, columns: int) -> scipy.sparse.csr_array:
    """Row sums, then column sums, of a matrix written row after row."""
    across = scipy.sparse.kron(scipy.sparse.eye_array(rows), np.ones((1, columns)))
    down = scipy.sparse.kron(np.ones((1, rows)), scipy.sparse.eye_array(columns))
    return scipy.sparse.csr_array(scipy.sparse.vstack([across, down]))


def plain_ras(start: np.ndarray, rows: np.ndarray, columns: np.ndarray, sweeps: int = 5000) -> np.ndarray:
    """Rows and columns scaled in turn, as textbooks write it."""
    cells = start.copy()
    for _ in range(sweeps):
        cells = cells * (rows / cells.sum(axis=1))[:, None]
        cells = cells * (columns / cells.sum(axis=0))[None, :]
    return cells
