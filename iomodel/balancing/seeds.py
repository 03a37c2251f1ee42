"""A start for rows and columns of zeros that have a total: without one, no method that keeps zeros can meet it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from iomodel.balancing.drafts import Draft, Floats
from iomodel.balancing.totals import DraftTotals
from iomodel.errors import BalanceError


def seeded(
    draft: Draft, start: Floats, aims: DraftTotals, seed: str | None, held: NDArray[np.bool_]
) -> tuple[Floats, list[str]]:
    """The start with empty rows and columns filled where that was asked for, and a line of history for each.

    seed "shares": a row of zeros with a total is given that total, spread over the columns as the positive cells of
    the other rows of its group are; a column likewise. None: nothing is filled, and the methods name these totals.
    Fixed cells stay out. Raises BalanceError for another `seed`, or where the others are empty, too.
    """
    if seed is None:
        return start, []
    if seed != "shares":
        raise BalanceError(f"seed is {seed!r}; allowed: 'shares', or none.")
    filled, lines = start.copy(), list[str]()
    for side, groups, wanted, turned in (
        ("row", draft.rows, aims.rows, False),
        ("column", draft.columns, aims.columns, True),
    ):
        cells, source, closed = (x.T if turned else x for x in (filled, start, held))  # views: filled is written to
        names = draft.names(side)
        for group in groups:
            profile = np.maximum(source[group.places], 0.0).sum(axis=0)
            for place in range(group.places.start, group.places.stop):
                if not np.nan_to_num(wanted[place]) or cells[place].any():
                    continue
                shares = np.where(closed[place], 0.0, profile)
                if not shares.sum() > 0:
                    raise BalanceError(
                        f"{names[place]}: total {wanted[place]:.6g} over cells of zero, and there are no shares of "
                        "others to seed it with. Put a start into the draft."
                    )
                cells[place] = wanted[place] * shares / shares.sum()
                lines.append(
                    f"{names[place]} was empty with a total of {wanted[place]:.6g}: seeded with the shares of the "
                    f"other {side}s"
                )
    return filled, lines
