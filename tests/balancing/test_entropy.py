"""The entropy program: against its own optimality conditions, a closed form, and what it must refuse."""

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from signed_matrices import margins

from iomodel.balancing.entropy import Fitted, fit
from iomodel.errors import BalanceError, SolverError


def distance(cells: np.ndarray, start: np.ndarray) -> float:
    """The goal of the program as it is written, over the cells that are not zero."""
    ratio = cells[start != 0] / start[start != 0]
    return float(np.sum(np.abs(start[start != 0]) * (ratio * np.log(ratio) - ratio + 1)))


def test_the_nearest_of_all_tables_that_meet_the_totals() -> None:
    """A 2 × 3 signed table, found by a general minimiser over the null space of the totals instead of by the dual."""
    start = np.array([4.0, 3, -1, 2, 5, 1])
    sums = margins(2, 3)
    wanted = np.array([7.0, 10, 8, 8.5, 0.5])
    found = fit(start, sums, wanted).cells
    free = scipy.linalg.null_space(sums.toarray())

    def goal(move: np.ndarray) -> float:
        cells = found + free @ move
        return distance(cells, start) if np.all(cells * start > 0) else 1e9

    best = scipy.optimize.minimize(goal, np.full(free.shape[1], 0.05), method="Nelder-Mead", options={"xatol": 1e-10})
    np.testing.assert_allclose(best.x, 0, atol=1e-6)


def test_a_soft_total_of_one_cell_has_a_closed_form() -> None:
    """Minimise t0 (r ln r − r + 1) + (t − b)²/(2τb): ln r = −(t − b)/(τ b)."""
    got = fit(np.array([10.0]), np.array([[1.0]]), np.array([15.0]), np.array([0.2])).cells[0]
    expected = scipy.optimize.brentq(lambda t: np.log(t / 10) + (t - 15) / (0.2 * 15), 5, 15, xtol=1e-14)
    assert got == pytest.approx(expected, rel=1e-9)


def test_a_soft_total_of_zero_is_weighed_by_the_turnover_of_the_start() -> None:
    """A balance row 1 against 3 with τ: ln r1 = −(t1 − t2)/(4τ) = −ln r2."""
    got = fit(np.array([1.0, 3.0]), np.array([[1.0, -1.0]]), np.array([0.0]), np.array([0.1])).cells
    assert np.log(got[0] / 1) == pytest.approx(-(got[0] - got[1]) / 0.4, rel=1e-8)
    assert np.log(got[1] / 3) == pytest.approx((got[0] - got[1]) / 0.4, rel=1e-8)


def test_softness_goes_from_hard_to_no_constraint() -> None:
    start, sums, wanted = np.array([4.0, 3, 2, 5]), margins(2, 2), np.array([9.0, 6, 7, 8])
    hard = fit(start, sums, wanted).cells
    np.testing.assert_allclose(fit(start, sums, wanted, np.full(4, 1e-9)).cells, hard, rtol=1e-6)
    np.testing.assert_allclose(fit(start, sums, wanted, np.full(4, 1e9)).cells, start, rtol=1e-6)


def test_contradicting_soft_rows_meet_between() -> None:
    got = fit(np.array([10.0]), np.array([[1.0], [1.0]]), np.array([9.0, 11.0]), np.array([0.01, 0.01]))
    assert 9.5 < got.cells[0] < 10.5
    assert got.residuals[0] > 0 > got.residuals[1]


def test_rows_that_say_the_same_many_times_change_nothing() -> None:
    start, sums, wanted = np.array([4.0, 3, -1, 2]), margins(2, 2), np.array([8.0, 2, 3, 7])
    twice = scipy.sparse.vstack([sums, sums, 7 * sums, np.ones((1, 4))])
    again = fit(start, twice, np.concatenate([wanted, wanted, 7 * wanted, [10]]))
    np.testing.assert_allclose(again.cells, fit(start, sums, wanted).cells, rtol=1e-9)


def test_a_total_of_zero_empties_its_cells_and_what_follows() -> None:
    """Row 0 is emptied; column 0 has then only its second cell left."""
    got = fit(np.array([4.0, 3, 2, 5]), margins(2, 2), np.array([0.0, 9, 3, 6])).cells
    np.testing.assert_allclose(got, [0, 0, 3, 6], rtol=1e-9)


def test_a_row_over_zeros_is_named_before_the_solve() -> None:
    text = r"1 of 4 targets cannot be met.*\n  steel: target 3, but it touches only cells of zero"
    with pytest.raises(BalanceError, match=text):
        fit(np.array([0.0, 0, 2, 5]), margins(2, 2), np.array([3.0, 6, 4, 5]), names=["steel", "cars", "a", "b"])


def test_a_target_of_the_other_sign_is_named_before_the_solve() -> None:
    with pytest.raises(BalanceError, match="row 0: target -1, but it touches only cells that add upwards"):
        fit(np.array([1.0, 2]), np.array([[1.0, 1]]), np.array([-1.0]))
    with pytest.raises(BalanceError, match="row 0: target 2, but it touches only cells that add downwards"):
        fit(np.array([-1.0, -2]), np.array([[1.0, 1]]), np.array([2.0]))


def test_a_row_that_a_zero_total_empties_is_found_too() -> None:
    with pytest.raises(BalanceError, match="row 2: target 3"):
        fit(np.array([4.0, 3, 0, 5]), margins(2, 2), np.array([0.0, 9, 3, 6]))


def test_contradicting_totals_are_named_with_the_smallest_change() -> None:
    """Rows add up to 14, columns to 15: one unit has to give way."""
    text = (
        r"The targets contradict each other.*The smallest change that helps is 1 in all:\n  row \d: \d would have to be"
    )
    with pytest.raises(BalanceError, match=text) as caught:
        fit(np.array([4.0, 3, 2, 5]), margins(2, 2), np.array([8.0, 6, 7, 8]))
    assert "make some soft" in str(caught.value)


def test_steps_that_run_out_give_no_table_but_the_worst_rows() -> None:
    text = r"Not converged to 1e-10 after 1 steps; there is no table.*\n  row \d: target .*, reached"
    with pytest.raises(SolverError, match=text):
        fit(np.array([4.0, 3, 2, 5]), margins(2, 2), np.array([80.0, 6, 71, 15]), steps=1)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"targets": np.array([np.nan, 1])}, "The target of row 0 is nan; allowed: a finite number"),
        ({"softness": np.array([0, -1.0])}, "The softness of row 1 is -1.0; allowed: a finite number, 0 for a hard"),
        ({"start": np.array([1, np.inf])}, "Cell 1 of the start is inf"),
        ({"start": np.ones(3)}, r"shape \(2, 2\), with \(2,\) targets"),
        ({"constraints": np.array([[1, np.nan], [0, 1]])}, "a coefficient that is not finite"),
        ({"names": ["a"]}, "There are 1 names for 2 rows"),
    ],
)
def test_input_that_is_no_problem(change: dict[str, object], text: str) -> None:
    given_ = {"start": np.ones(2), "constraints": np.eye(2), "targets": np.ones(2), "softness": np.zeros(2), **change}
    names = given_.pop("names", None)
    with pytest.raises(BalanceError, match=text):
        fit(*given_.values(), names=names)  # pyright: ignore[reportArgumentType]


signed = st.sampled_from([0.0, 0.5, 1, 2, 3, 7, 40, 1000, -0.3, -2, -11])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_reachable_totals_are_met_with_signs_and_zeros_kept(data: st.DataObject) -> None:
    """Totals of another table with the same signs can be met; the multipliers reproduce the cells."""
    rows, columns = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    start = np.array(data.draw(st.lists(signed, min_size=rows * columns, max_size=rows * columns)))
    factor = np.array(data.draw(st.lists(st.floats(0.2, 5), min_size=len(start), max_size=len(start))))
    extra = np.array(data.draw(st.lists(st.sampled_from([0.0, 1, -2]), min_size=len(start), max_size=len(start))))
    sums = scipy.sparse.csr_array(scipy.sparse.vstack([margins(rows, columns), extra[None, :]]))
    wanted = np.asarray(sums @ (start * factor))
    got = fit(start, sums, wanted)
    assert isinstance(got, Fitted)
    assert np.max(np.abs(got.residuals)) < 1e-9
    np.testing.assert_array_equal(np.sign(got.cells), np.sign(start))
    np.testing.assert_allclose(got.cells, start * np.exp(np.sign(start) * (sums.T @ got.multipliers)), rtol=1e-9)
    assert distance(got.cells, start) <= distance(start * factor, start) * (1 + 1e-6) + 1e-9
    scaled = fit(start * 1e6, sums, 1e6 * wanted)
    np.testing.assert_allclose(scaled.cells, 1e6 * got.cells, rtol=1e-6, atol=1e-3)


@pytest.mark.parametrize("seed", range(200, 225))
def test_tables_of_twenty_orders_of_magnitude_move_by_ten(seed: int) -> None:
    """Cells from e⁻²⁰ to e²⁰ whose totals ask for factors of e⁻¹⁰ to e¹⁰, with sums and differences besides."""
    draws = np.random.default_rng(seed)
    shape = draws.integers(2, 9, 2)
    start = np.exp(draws.normal(0, 6, shape.prod())) * draws.choice([1, 1, 1, -1, 0, 0], shape.prod())
    other = start * np.exp(draws.normal(0, 4, start.shape))
    laws = np.vstack([margins(*shape).toarray(), draws.choice([0, 0, 1, -1, 2.5], (3, len(start)))])
    got = fit(start, laws, laws @ other)
    assert np.max(np.abs(got.residuals)) <= 1e-10
    soft = draws.choice([0, 1e-4, 0.1, 10], len(laws))
    assert np.max(np.abs(fit(start, laws, laws @ other, soft).residuals[soft == 0]), initial=0) <= 1e-10
