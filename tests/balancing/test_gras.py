"""RAS and GRAS: published examples, the plain loop, the entropy program, invariances, and what they must refuse."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signed_matrices import margins, plain_ras, reachable

from iomodel.balancing.entropy import fit
from iomodel.balancing.gras import gras
from iomodel.balancing.ras import ras
from iomodel.errors import BalanceError, SolverError

JUNIUS_OOSTERHAVEN = np.array([[7.0, 3, 5, -3], [2, 9, 8, 1], [-2, 0, 2, 1]])
"""Junius and Oosterhaven (2003), Economic Systems Research 15, 87-96: goods, services and net taxes, used by goods,
services, consumption and net exports; new totals 15, 26, -1 and 9, 16, 17, -2."""
NEW_ROWS, NEW_COLUMNS = np.array([15.0, 26, -1]), np.array([9.0, 16, 17, -2])


def test_the_digits_of_another_implementation() -> None:
    """The example without services and net taxes in net exports, to the digits that an R package expects of its doGRAS
    (written there with ten digits, of which its own iteration leaves seven)."""
    old = JUNIUS_OOSTERHAVEN.copy()
    old[1:, 3] = 0
    expected = [
        [8.424340881, 3.375237362, 5.200422021, -2.000000263],
        [3.000997078, 12.624763744, 10.374239178, 0],
        [-2.425339135, 0, 1.425339135, 0],
    ]
    np.testing.assert_allclose(gras(old, NEW_ROWS, NEW_COLUMNS).cells, expected, atol=2e-6)


def test_the_example_of_junius_and_oosterhaven() -> None:
    """The optimality conditions of Lenzen, Wood and Gallego (2007): every 2 × 2 minor has the old ratio of ratios."""
    new = gras(JUNIUS_OOSTERHAVEN, NEW_ROWS, NEW_COLUMNS)
    np.testing.assert_allclose(new.cells.sum(axis=1), NEW_ROWS, rtol=1e-9)
    np.testing.assert_allclose(new.cells.sum(axis=0), NEW_COLUMNS, rtol=1e-9)
    there = JUNIUS_OOSTERHAVEN != 0
    ratio = np.ones_like(new.cells)
    ratio[there] = (new.cells[there] / JUNIUS_OOSTERHAVEN[there]) ** np.sign(JUNIUS_OOSTERHAVEN[there])
    np.testing.assert_allclose(ratio[there], np.outer(new.row_factors, new.column_factors)[there], rtol=1e-12)


def test_the_example_of_miller_and_blair() -> None:
    """Miller and Blair (2009), section 7.4.2: coefficients of year 0, outputs and totals of year 1. The flows, worked
    out by the plain loop; the estimate misses the true flows (98 72 75; 65 8 63; 88 27 44), as the book shows."""
    output = np.array([421.0, 284, 283])
    coefficients = np.array([[0.120, 0.100, 0.049], [0.210, 0.247, 0.265], [0.026, 0.249, 0.145]])
    rows, columns = np.array([245.0, 136, 159]), np.array([251.0, 107, 182])
    new = ras(coefficients * output, rows, columns).cells
    np.testing.assert_allclose(new, plain_ras(coefficients * output, rows, columns), rtol=1e-8)
    expected = [[0.392, 0.122, 0.160], [0.151, 0.066, 0.190], [0.053, 0.189, 0.294]]
    np.testing.assert_allclose(new / output, expected, atol=5e-4)


@settings(max_examples=60, deadline=None)
@given(reachable())
def test_gras_is_the_entropy_program(pair: tuple[np.ndarray, np.ndarray]) -> None:
    start, other = pair
    rows, columns = other.sum(axis=1), other.sum(axis=0)
    got = gras(start, rows, columns, tolerance=1e-12).cells
    wanted = fit(start.ravel(), margins(*start.shape), np.concatenate([rows, columns]), tolerance=1e-12).cells
    np.testing.assert_allclose(got.ravel(), wanted, rtol=1e-8, atol=1e-8 * (1 + np.abs(start).max()))
    np.testing.assert_array_equal(np.sign(got), np.sign(start))


@settings(max_examples=20, deadline=None)
@given(reachable(), st.randoms(use_true_random=False), st.sampled_from([1e-6, 1e6]))
def test_units_and_orders_do_not_matter(pair: tuple[np.ndarray, np.ndarray], draws: object, unit: float) -> None:
    start, other = pair
    rows, columns = other.sum(axis=1), other.sum(axis=0)
    got = gras(start, rows, columns).cells
    size = 1e-7 * (1 + np.abs(start).max())
    np.testing.assert_allclose(gras(unit * start, unit * rows, unit * columns).cells / unit, got, rtol=1e-6, atol=size)
    row = np.random.default_rng(draws.randint(0, 99)).permutation(len(rows))  # pyright: ignore[reportAttributeAccessIssue]
    column = np.random.default_rng(draws.randint(0, 99)).permutation(len(columns))  # pyright: ignore[reportAttributeAccessIssue]
    turned = gras(start[row][:, column], rows[row], columns[column]).cells
    np.testing.assert_allclose(turned, got[row][:, column], rtol=1e-6, atol=size)
    np.testing.assert_allclose(gras(start.T, columns, rows).cells, got.T, rtol=1e-6, atol=size)


@settings(max_examples=40, deadline=None)
@given(reachable(cells=(0.5, 1.0, 2.0, 7.0, 40.0)))
def test_ras_is_the_plain_loop(pair: tuple[np.ndarray, np.ndarray]) -> None:
    start, other = pair
    rows, columns = other.sum(axis=1), other.sum(axis=0)
    np.testing.assert_allclose(ras(start, rows, columns).cells, plain_ras(start, rows, columns, 300), rtol=1e-6)


def test_a_table_that_meets_its_totals_stays() -> None:
    start = JUNIUS_OOSTERHAVEN
    got = gras(start, start.sum(axis=1), start.sum(axis=0))
    np.testing.assert_allclose(got.cells, start, rtol=1e-9)
    assert got.sweeps == 1


def test_a_row_of_negative_cells_alone_keeps_its_sign() -> None:
    """Temurshoev, Miller and Bouwmeester (2013): p_i = 0, so that r_i = −n_i/u_i."""
    start = np.array([[4.0, 5], [-1, -2]])
    got = gras(start, np.array([12.0, -4]), np.array([3.0, 5])).cells
    np.testing.assert_allclose(got.sum(axis=1), [12, -4], rtol=1e-9)
    np.testing.assert_allclose(got.sum(axis=0), [3, 5], rtol=1e-9)
    assert (got[1] < 0).all()


def test_a_row_of_zeros_with_a_total_of_zero_stays() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = gras(np.array([[4.0, 5], [0, 0]]), np.array([12.0, 0]), np.array([5.0, 7])).cells
    np.testing.assert_allclose(got, [[5, 7], [0, 0]])


def test_a_total_of_zero_empties_a_row_of_one_sign_and_balances_one_of_two() -> None:
    got = gras(np.array([[4.0, 5], [2, 3], [2, -3]]), np.array([0.0, 12, 0]), np.array([9.0, 3])).cells
    np.testing.assert_array_equal(got[0], [0, 0])
    assert got[2].sum() == pytest.approx(0, abs=1e-9)
    assert got[2, 0] > 0 > got[2, 1]


def test_free_totals_leave_their_rows_to_the_others() -> None:
    start = np.array([[4.0, 5], [2, 3]])
    got = gras(start, np.array([np.nan, np.nan]), np.array([12.0, 4])).cells
    np.testing.assert_allclose(got, start * [2, 0.5])


def test_cells_that_must_vanish_in_the_limit_are_found() -> None:
    """Only t_01 can serve column 1 and takes all of row 0, so that t_00 goes to zero, in sweeps ever more slowly."""
    got = gras(np.array([[1.0, 1], [1, 0]]), np.array([2.0, 3]), np.array([3.0, 2]))
    np.testing.assert_allclose(got.cells, [[0, 2], [3, 0]], atol=1e-8)


def test_sums_that_differ_are_told_with_amounts() -> None:
    text = "the rows add up to 9, the columns to 8, a difference of 1. Correct one side"
    with pytest.raises(BalanceError, match=text):
        gras(np.ones((2, 2)), np.array([4.0, 5]), np.array([4.0, 4]))


def test_zeros_that_make_totals_contradict_each_other_are_named_with_the_smallest_change() -> None:
    """Column 1 is served by row 0 alone, whose total is 2: at least one unit of column 1 has nowhere to come from."""
    text = r"contradict each other.*The smallest change that helps is 2 in all:"
    start, rows, columns = np.array([[1.0, 1], [1, 0]]), np.array([2.0, 3]), np.array([2.0, 3])
    with pytest.raises(BalanceError, match=text) as caught:
        gras(start, rows, columns, row_names=["steel", "cars"], column_names=["home", "abroad"])
    assert "abroad: 3 would have to be 2" in str(caught.value) or "steel: 2 would have to be 3" in str(caught.value)


def test_totals_that_signs_forbid_are_named() -> None:
    text = (
        r"2 of 4 targets cannot be met.*\n  row 0: target -1, but .* upwards\n  row 1: target 10, but .* cells of zero"
    )
    with pytest.raises(BalanceError, match=text):
        gras(np.array([[1.0, 1], [0, 0]]), np.array([-1.0, 10]), np.array([4.0, 5]))


def test_sweeps_that_run_out_give_no_table_but_the_worst_totals() -> None:
    big = np.ones((1001, 1000))
    big[0, 1:] = 0
    rows, columns = np.full(1001, 1000.0), np.full(1000, 1001.0)
    rows[0], rows[1] = 0.5, 1999.5
    with pytest.raises(
        SolverError, match=r"Not converged to 1e-10 after 1 steps; there is no table.*\n  column 0: target"
    ):
        gras(big, rows, columns, sweeps=1)


@pytest.mark.parametrize(
    ("start", "rows", "text"),
    [
        ([[1.0, -2], [3, 4]], [1.0, 9], "1 of the start, first -2 at row 0, column 1. Use method gras"),
        ([[1.0, 2], [3, 4]], [-1.0, 11], "no negative totals: 1, first -1 for row 0"),
        ([[1.0, np.nan], [3, 4]], [1.0, 9], "The cell at row 0, column 1 is nan"),
        ([[1.0, 2], [3, 4]], [1.0, np.inf], "The total of row 1 is infinite"),
        ([[1.0, 2], [3, 4]], [1.0], r"shape \(2, 2\), with 1 row totals and 2 column totals"),
    ],
)
def test_what_ras_refuses(start: list[list[float]], rows: list[float], text: str) -> None:
    with pytest.raises(BalanceError, match=text):
        ras(np.array(start), np.array(rows), np.array([4.0, 6]))


@pytest.mark.parametrize("apart", [3e-10, 3e-9, 3e-7])
def test_totals_that_rounding_parts_are_named_or_met_to_the_tolerance_that_is_asked_for(apart: float) -> None:
    """Rows that add up to a little more than the columns: an error with both sums, no sweeps that lead nowhere."""
    draws = np.random.default_rng(1)
    start = np.exp(draws.normal(0, 2, (12, 9)))
    other = start * np.exp(draws.normal(0, 0.3, start.shape))
    rows, columns = other.sum(axis=1) * (1 + apart), other.sum(axis=0)
    with pytest.raises(
        BalanceError, match=r"the rows add up to .*, the columns to .* larger tolerance where only round"
    ):
        gras(start, rows, columns)
    found = gras(start, rows, columns, tolerance=10 * apart)
    np.testing.assert_allclose(found.cells.sum(axis=1), rows, rtol=1e-12)
    np.testing.assert_allclose(found.cells.sum(axis=0), columns, rtol=10 * apart)
