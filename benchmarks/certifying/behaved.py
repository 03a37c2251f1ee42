"""Whether any path of the simulation meets the laws: an answer that does not rest on the product's search for one.

The program's laws let valves be used as levers: they ration, or buy abroad, while labour is idle, and let the market
invest less than nothing. `iomodel.solve` finds by solving again where the simulation would not, and may end without a
path. Here the same behaviour is written with switches, all at once, and a mixed-integer program (HiGHS) says whether
there is a path: for each year whether labour is short and whether imports are at their limit, for each sector and year
whether the market's investment stops at zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

import iomodel as iom
from certifying.draws import Case
from certifying.lawbook import LawBook, lawbook
from iomodel.program.block import Block, Law, Var

MOST = 2000.0
"""What no amount exceeds: percent of base-year GDP, million persons."""

LIMIT = 120.0
"""Seconds after which the question is given up."""

ASKED = "asked_of_market"

Part = tuple[np.ndarray, float]


def _asked() -> Block:
    """What the market would invest, as a variable of its own, so that it has columns."""
    dims = ("sector", "year")
    return Block(
        "asked",
        variables=lambda _: [Var(ASKED, dims, "percent of base-year GDP")],
        laws=lambda v, _: [Law(ASKED, dims, v[ASKED] == v["wanted_investment"], bound="equal")],
    )


@dataclass
class _Switched:
    """The rows of laws with columns behind theirs, and what is demanded of them."""

    book: LawBook
    sizes: Sequence[int]
    demands: list[LinearConstraint] = field(default_factory=list)

    @property
    def width(self) -> int:
        return self.book.nonneg.size + sum(self.sizes)

    def added(self, which: int) -> np.ndarray:
        """The columns of an added family."""
        first = self.book.nonneg.size + sum(self.sizes[:which])
        return np.arange(first, first + self.sizes[which])

    def columns(self, name: str) -> np.ndarray:
        place = self.book.columns[name]
        return np.arange(place.start, place.stop)

    def demand(self, *parts: Part, most: float | np.ndarray) -> None:
        """Σ weight · columns ≤ most, for the columns of the parts one by one."""
        size = parts[0][0].size
        total = sum(
            sparse.csr_matrix((np.full(size, weight), (np.arange(size), columns)), (size, self.width))
            for columns, weight in parts
        )
        self.demands.append(LinearConstraint(total, -np.inf, np.broadcast_to(most, size)))


def path_of_the_simulation(case: Case) -> bool | None:
    """Whether a path of the simulation meets the laws of a case; None when HiGHS cannot say in time."""
    program = iom.build(case.experiment, case.economy, [_asked()])
    book, p = lawbook(program), program.setting
    size = book.columns[ASKED].stop - book.columns[ASKED].start
    made = _Switched(book, (size, size, p.years, p.years))
    left_out, stopped, short, full = (made.added(which) for which in range(4))
    asked, unemployed, overflow, rationed, bought = (
        made.columns(name)
        for name in (ASKED, "unemployed", "overflow_imports", "forced_saving", "household_consumption")
    )
    floor = p.cards["frictional_unemployment"] * p.arrays.labour_force[p.window]
    made.demand((unemployed, 1.0), (short, MOST), most=floor + MOST)
    made.demand((overflow, 1.0), (short, -MOST), most=0.0)
    made.demand((rationed, 1.0), (full, -MOST), most=0.0)
    made.demand((bought, p.cards["overflow_limit"]), (overflow, -1.0), (full, MOST), most=MOST)
    made.demand((full, 1.0), (short, -1.0), most=0.0)
    made.demand((asked, -1.0), (left_out, -1.0), most=0.0)
    made.demand((asked, 1.0), (left_out, 1.0), (stopped, MOST), most=MOST)
    made.demand((left_out, 1.0), (stopped, -MOST), most=0.0)
    return _answered(made, _laws(made, p.base("asset_mix")))


def _laws(made: _Switched, mix: np.ndarray) -> LinearConstraint:
    """The laws, with assets bought for what the market does not take back: A = mix (market + what is left out + …)."""
    book = made.book
    years = made.sizes[2]
    rows = np.arange(book.rows["asset_investment"].start, book.rows["asset_investment"].stop).reshape(years, -1)
    left_out = made.added(0).reshape(years, -1) - book.nonneg.size  # first index fastest: a year's sectors together
    added = sparse.lil_matrix((book.bound.size, sum(made.sizes)))
    for row, columns in zip(rows, left_out, strict=True):
        added[row[:, None], columns[None, :]] = -mix
    matrix = sparse.csr_matrix(sparse.hstack([book.matrix, added]))
    return LinearConstraint(matrix, np.where(book.equal, book.bound, -np.inf), book.bound)


def _answered(made: _Switched, laws: LinearConstraint) -> bool | None:
    """HiGHS's answer: True with a point, False where it has ruled out all."""
    book, switches = made.book, np.concatenate([made.added(which) for which in (1, 2, 3)])
    least, most, whole = np.full(made.width, -MOST), np.full(made.width, MOST), np.zeros(made.width)
    least[: book.nonneg.size][book.nonneg] = 0.0
    least[book.nonneg.size :] = 0.0
    most[switches] = whole[switches] = 1.0
    found = milp(
        np.zeros(made.width), constraints=[laws, *made.demands], bounds=Bounds(least, most), integrality=whole,
        options={"time_limit": LIMIT},
    )  # fmt: skip
    return {0: True, 2: False}.get(found.status)
