"""KRAS and the quadratic program: beside GRAS and entropy, in conflict, and refused; the smallest relaxation."""

import cvxpy as cp
import numpy as np
import pytest
import scipy.optimize
import scipy.sparse
from hypothesis import given, settings
from signed_matrices import margins, reachable

from iomodel.balancing.contradictions import smallest_relaxation
from iomodel.balancing.entropy import fit
from iomodel.balancing.gras import gras
from iomodel.balancing.kras import kras
from iomodel.balancing.quadratic import quadratic
from iomodel.balancing.rows import checked_rows
from iomodel.errors import BalanceError, SolverError

SUMS = margins(2, 2)


@settings(max_examples=40, deadline=None)
@given(reachable())
def test_kras_with_hard_totals_is_gras(pair: tuple[np.ndarray, np.ndarray]) -> None:
    start, other = pair
    rows, columns = other.sum(axis=1), other.sum(axis=0)
    got = kras(start.ravel(), margins(*start.shape), np.concatenate([rows, columns]), tolerance=1e-11, sweeps=20000)
    wanted = gras(start, rows, columns, tolerance=1e-12).cells.ravel()
    np.testing.assert_allclose(got.cells, wanted, rtol=1e-6, atol=1e-7 * (1 + np.abs(start).max()))


def test_kras_takes_coefficients_of_any_size() -> None:
    """2 t_0 + 3 t_1 − t_2 = 20 beside a sum: the entropy program by another way."""
    start, laws, wanted = np.array([2.0, 3, 4]), np.array([[2.0, 3, -1], [1, 1, 1]]), np.array([20.0, 12])
    np.testing.assert_allclose(kras(start, laws, wanted).cells, fit(start, laws, wanted).cells, rtol=1e-6)


def test_conflicting_reports_give_way_by_their_reliability() -> None:
    """Lenzen, Gallego and Wood (2009): each gives way in proportion to its standard deviation."""
    got = kras(np.array([10.0]), np.ones((2, 1)), np.array([9.0, 12]), np.array([0.01, 0.1]))
    gave = np.abs(got.cells[0] - np.array([9.0, 12]))
    assert gave[1] / gave[0] == pytest.approx(0.1 * 12 / (0.01 * 9), rel=0.15)


def test_a_hard_total_stays_while_the_uncertain_one_gives_way() -> None:
    got = kras(np.array([4.0, 3, 2, 5]), SUMS, np.array([8.0, 6, 7, 8]), np.array([0, 0, 0.1, 0.1]))
    cells = got.cells.reshape(2, 2)
    np.testing.assert_allclose(cells.sum(axis=1), [8, 6], rtol=1e-8)
    assert cells.sum() == pytest.approx(14, rel=1e-8)
    assert (np.abs(got.residuals[2:]) > 0.02).all()


@pytest.mark.parametrize("method", [kras, quadratic])
def test_hard_totals_in_conflict_are_named(method: object) -> None:
    with pytest.raises(BalanceError, match="The smallest change that helps is 1 in all"):
        method(np.array([4.0, 3, 2, 5]), SUMS, np.array([8.0, 6, 7, 8]))  # pyright: ignore[reportCallIssue]


def test_kras_that_runs_out_of_sweeps_gives_no_cells() -> None:
    with pytest.raises(SolverError, match="Not converged to 1e-09 after 2 steps"):
        kras(np.array([4.0, 3, 2, 5]), SUMS, np.array([80.0, 6, 71, 15]), sweeps=2)


def test_the_quadratic_is_least_squares_where_no_sign_binds() -> None:
    """The normal equations of weighted least squares, solved densely."""
    start = np.array([4.0, 3, -1, 2])
    wanted = np.array([8.0, 2, 3, 7])
    laws = SUMS.toarray()
    weighted = laws @ np.diag(np.abs(start))
    expected = start + weighted.T @ (np.linalg.pinv(weighted @ laws.T) @ (wanted - laws @ start))
    assert (np.sign(expected) == np.sign(start)).all()
    np.testing.assert_allclose(quadratic(start, SUMS, wanted).cells, expected, rtol=1e-7)


def test_the_quadratic_agrees_with_the_entropy_to_second_order() -> None:
    """Ten times smaller changes bring the two a hundred times closer, hard and soft alike."""
    start, soft = np.array([4.0, 3, -1, 2, 5, 6]), np.array([0, 0, 0.1, 0.1, 0.1])
    laws, push = margins(2, 3), np.array([1.0, 0.5, 0.7, 0.4, 0.4])
    gaps = []
    for size in (0.1, 0.01):
        wanted = laws @ start + size * push
        one, two = fit(start, laws, wanted, soft), quadratic(start, laws, wanted, soft)
        gaps.append(np.abs(one.cells - two.cells).max())
    assert gaps[1] < gaps[0] / 50
    assert gaps[0] < 1e-2


def test_the_quadratic_stops_at_zero_where_the_entropy_never_does() -> None:
    start, laws, wanted = np.array([1.0, 9, 9, 1]), SUMS, np.array([1.0, 19, 9.9, 10.1])
    cells = quadratic(start, laws, wanted).cells
    assert (cells >= 0).all()
    assert fit(start, laws, wanted).cells.min() > 0


def test_the_smallest_relaxation_against_a_minimum_cut() -> None:
    """Block diagonal: rows of a block add up to 5, its columns to 7 and 3 the other way round: 2 + 2 units."""
    start = np.array(np.kron(np.eye(2), np.ones((2, 2))), dtype=np.float64)
    totals = np.array([2.0, 3, 4, 1, 3, 4, 2, 1])
    found = smallest_relaxation(checked_rows(start.ravel(), margins(4, 4), totals, None, None))
    assert found.amount == pytest.approx(4)
    assert np.abs(found.changes).sum() == pytest.approx(4)
    changed = totals + found.changes
    assert changed[:2].sum() == pytest.approx(changed[4:6].sum())


def test_soft_rows_never_contradict() -> None:
    rows = checked_rows(np.ones(4), SUMS, np.array([8.0, 6, 7, 8]), np.full(4, 0.1), None)
    assert smallest_relaxation(rows).amount == 0
    assert scipy.sparse.issparse(rows.matrix)


def test_what_the_solver_calls_optimal_is_held_to_the_conditions_of_optimality(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped far too early the totals may be met all the same: there is no table then, but the gradient's size."""
    start, wanted = np.array([4.0, 3, -1, 2]), np.array([8.0, 2, 3, 7])
    true = quadratic(start, SUMS, wanted).cells
    solve = cp.Problem.solve

    def early(problem: cp.Problem, **asked: object) -> object:
        value = solve(problem, **asked)  # pyright: ignore[reportArgumentType]
        size = problem.variables()[0]
        move = np.array([1.0, -1, -1, 1]) * 1e-3  # keeps every total of the four cells, signs considered
        size.value = np.asarray(size.value) + move * np.array([1, 1, -1, 1]) / np.sqrt(np.abs(start) * 4)
        return value

    monkeypatch.setattr(cp.Problem, "solve", early)
    with pytest.raises(SolverError, match=r"ended optimal with a gradient of \d\.\de-0\d; there is no table"):
        quadratic(start, SUMS, wanted)
    monkeypatch.undo()
    np.testing.assert_array_equal(quadratic(start, SUMS, wanted).cells, true)


def test_a_linear_program_that_fails_claims_no_contradiction(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the error is that of the method, with the rows that miss most."""
    failed = scipy.optimize.OptimizeResult(x=None, status=4, message="numerical difficulties")
    monkeypatch.setattr(scipy.optimize, "linprog", lambda *_, **__: failed)
    with pytest.raises(SolverError, match=r"there is no table\. The rows that miss most:\n  row \d: target"):
        fit(np.array([4.0, 3, 2, 5]), SUMS, np.array([8.0, 6, 7, 8]))
