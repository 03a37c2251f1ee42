"""Planted optima of every shape are optima, and the judge sees what is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from answers import hold, optimum, planted_of
from certifying import kinks, planted, regret


@pytest.mark.parametrize("shape", planted.SHAPES)
def test_the_planted_point_is_an_optimum_to_rounding(shape: str) -> None:
    known = planted_of(shape)
    hold(known, known.point, known.multipliers)
    assert max(regret.doubts(known.book).values()) < 1e-12
    assert max(known.apart().values()) < 1e-12


def test_the_shapes_take_turns_and_are_what_they_say() -> None:
    assert [planted.shape_of(run) for run in range(1, 15, 3)] == [*planted.SHAPES, "pinned"]
    pinned, flat, double, kinked = (planted_of(shape) for shape in planted.SHAPES)
    assert pinned.pinned.all()
    assert 0.3 < flat.pinned.mean() < 0.7
    assert len(double.copies) == planted.COPIES
    terms = [name for name in kinked.book.program.terms if name.startswith("goal_")]
    assert {name.split("_")[1] for name in [*terms, *kinked.bent]} == set(kinks.SIZES)
    assert kinked.book.bent == tuple(kinked.bent) != ()


def test_a_flat_optimum_has_others() -> None:
    """Along a direction that no square and no binding law holds the judge sees no loss, nor is the answer apart."""
    known = planted_of("flat")
    hold(known, known.point, known.multipliers)
    miss, _ = known.book.sides()
    moving = ~known.pinned & ~(known.book.nonneg & (known.point == 0)) & (_curved(known) == 0)
    binding = known.book.matrix[np.abs(miss) < 1e-9][:, moving].toarray()
    directions = np.linalg.svd(binding)[2][np.linalg.matrix_rank(binding) :]
    assert len(directions)
    step = np.zeros(known.point.size)
    step[moving] = directions[0]
    slack = known.book.bound - known.book.matrix @ known.point
    rise = known.book.matrix @ step
    inside = ~known.book.equal & (np.abs(slack) > 1e-9) & (rise > 1e-12)
    room = [
        *(slack[inside] / rise[inside]),
        *(-known.point[known.book.nonneg & (step < 0)] / step[known.book.nonneg & (step < 0)]),
    ]
    there = known.point + 0.5 * min(room, default=1.0) * step
    hold(known, there, known.multipliers)
    assert known.drift() > 1e-3
    assert max(regret.doubts(known.book).values()) < 1e-9
    assert max(known.apart().values()) < 1e-9


def _curved(known: planted.Optimum) -> np.ndarray:
    """What the slope of the goal changes by where a point moves: zero where the goal is straight."""
    hold(known, known.point + 1e-3, known.multipliers)
    there = known.book.slope()
    hold(known, known.point, known.multipliers)
    return np.where(np.abs(there - known.book.slope()) > 1e-12, 1.0, 0.0)


def test_of_two_copies_the_sum_of_prices_is_known() -> None:
    """The whole price may stand at either law: neither the judge nor the comparison minds, but for a wrong sum both."""
    known = planted_of("degenerate")
    name, row = next((name, row) for name, row in known.copies.items() if known.multipliers[row] > 0)
    copy = known.book.rows[name].start
    for share in (0.0, 0.3, 1.0, 1.5):
        y = known.multipliers.copy()
        y[row], y[copy] = share * y[row], min(1.0 - share, 0.0) * y[row] if share > 1 else (1.0 - share) * y[row]
        hold(known, known.point, y)
        assert (max(regret.doubts(known.book).values()) < 1e-12) == (share <= 1)
        assert known.apart()["multipliers"] < 1e-12
    y = known.multipliers.copy()
    y[copy] = 0.1
    hold(known, known.point, y)
    assert known.apart()["multipliers"] > 1e-3
    assert max(regret.doubts(known.book).values()) > regret.TOLERANCE


def test_a_limit_that_binds_at_no_price_is_among_the_degenerate() -> None:
    known = planted_of("degenerate")
    hold(known, known.point, known.multipliers)
    miss, _ = known.book.sides()
    binds = ~known.book.equal & (np.abs(miss) < 1e-9)
    binds[[known.book.rows[name].start for name in known.copies]] = False
    assert 0 < (known.multipliers[binds] == 0).sum() < binds.sum()


@pytest.mark.parametrize("part", ["point", "price", "goal"])
def test_a_spoiled_kink_is_doubted(part: str) -> None:
    """Off the kink, or at it with a price that leaves no slope inside its interval, the point is no optimum."""
    known = planted_of("kinked")
    hold(known, known.point, known.multipliers)
    book = known.book
    if part == "price":
        name, price = next(iter(known.bent.items()))
        book.program.laws[name].constraint.dual_variables[0].save_value(np.array(price + 1e-3))
    elif part == "goal":
        terms = {name: term for name, term in book.program.terms.items() if not name.startswith("goal_abs")}
        assert len(terms) < len(book.program.terms)
        book = replace(book, program=replace(book.program, terms=terms))
    else:
        touched = next(law for name, law in book.program.laws.items() if name in known.bent).constraint.variables()[0]
        touched.save_value(touched.value + 1e-4)
    assert max(regret.doubts(book).values()) > regret.TOLERANCE
    hold(known, known.point, known.multipliers)


@pytest.mark.parametrize("part", ["point", "multipliers", "signs", "elsewhere"])
def test_a_spoiled_answer_is_doubted(part: str) -> None:
    known, rng = optimum(), np.random.default_rng(0)
    x, y = known.point.copy(), known.multipliers.copy()
    if part == "point":
        place = int(rng.integers(x.size))
        x[place] += 1e-4 * max(1.0, abs(x[place]))
    elif part == "multipliers":
        y[int(np.flatnonzero(y)[3])] *= 1 + 1e-4
    elif part == "signs":
        y = -y
    else:
        x = np.maximum(0.99 * x, 0.0)
    hold(known, x, y)
    assert max(regret.doubts(known.book).values()) > regret.TOLERANCE
