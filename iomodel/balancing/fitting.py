"""One balancing problem for the five methods: margins for RAS and GRAS, linear constraints for the others.

The linear constraints are the totals and, where a draft has value added, what makes a table of it: each sector's sales
equal what it pays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse

from iomodel.balancing.drafts import SELLERS, Draft, Floats
from iomodel.balancing.totals import DraftTotals
from iomodel.errors import BalanceError

METHODS = ("ras", "gras", "kras", "entropy", "quadratic")


@dataclass(frozen=True, eq=False)
class Problem:
    """What is to be fitted: the draft's labels, the start of the cells that may move, what is left of the totals for
    them, and the cells that must stay (zero elsewhere)."""

    draft: Draft
    start: Floats
    aims: DraftTotals
    fixed: Floats


def fitted(problem: Problem, method: str, tolerance: float | None) -> tuple[Floats, int]:
    """The cells that may move, and the steps that the method took; raises as the method does."""
    return (_scaled if method in ("ras", "gras") else _constrained)(problem, method, tolerance)


def _scaled(problem: Problem, method: str, tolerance: float | None) -> tuple[Floats, int]:
    """The cells by RAS or GRAS, which take hard totals only."""
    from iomodel.balancing.gras import gras
    from iomodel.balancing.ras import ras

    draft, aims = problem.draft, problem.aims
    for side, wanted, soft in (
        ("row", aims.rows, aims.row_softness),
        ("column", aims.columns, aims.column_softness),
    ):
        if (bad := np.flatnonzero(np.isfinite(wanted) & (soft > 0))).size:
            raise BalanceError(
                f"Method {method} takes hard totals only, but {draft.names(side)[bad[0]]} has the softness "
                f"{soft[bad[0]]:g}. Use entropy, kras or quadratic, or make it hard (0) or free (inf)."
            )
    if any(np.isnan(aims.rows[row]) or np.isnan(aims.columns[column]) for row, column in draft.identities()):
        raise BalanceError(
            f"Method {method} needs totals over {SELLERS}: with value added in the draft, a sector's sales must equal "
            "what it pays. Give them, or use method entropy, which balances without."
        )
    found = (ras if method == "ras" else gras)(
        problem.start,
        aims.rows,
        aims.columns,
        tolerance=1e-10 if tolerance is None else tolerance,
        row_names=draft.names("row"),
        column_names=draft.names("column"),
    )
    return found.cells, found.sweeps


def _constrained(problem: Problem, method: str, tolerance: float | None) -> tuple[Floats, int]:
    """The cells by a method of linear constraints."""
    draft, aims = problem.draft, problem.aims
    count, width = problem.start.shape
    across = scipy.sparse.kron(scipy.sparse.eye_array(count), np.ones((1, width)), format="csr")
    down = scipy.sparse.kron(np.ones((1, count)), scipy.sparse.eye_array(width), format="csr")
    told_rows, told_columns = np.flatnonzero(np.isfinite(aims.rows)), np.flatnonzero(np.isfinite(aims.columns))
    own, paid = _unsettled(problem)
    laws: Any = scipy.sparse.vstack([across[told_rows], down[told_columns], across[own] - down[paid]])
    rest = problem.fixed.sum(axis=0)[paid] - problem.fixed.sum(axis=1)[own]
    wanted = np.concatenate([aims.rows[told_rows], aims.columns[told_columns], rest])
    soft = np.concatenate([aims.row_softness[told_rows], aims.column_softness[told_columns], np.zeros(len(own))])
    rows, columns = draft.names("row"), draft.names("column")
    names = [rows[row] for row in told_rows] + [columns[column] for column in told_columns]
    names += [f"sales less payments of {rows[row].removeprefix('row ')}" for row in own]
    options: dict[str, Any] = {"names": names} | ({} if tolerance is None else {"tolerance": tolerance})
    found = _method(method)(problem.start.ravel(), scipy.sparse.csr_array(laws), wanted, soft, **options)
    return found.cells.reshape(problem.start.shape), found.steps


def _unsettled(problem: Problem) -> tuple[Any, Any]:
    """Rows and columns of the sectors whose sales and payments are not both given as hard totals."""
    aims = problem.aims
    hard_rows = np.isfinite(aims.rows) & (aims.row_softness == 0)
    hard_columns = np.isfinite(aims.columns) & (aims.column_softness == 0)
    pairs = [pair for pair in problem.draft.identities() if not (hard_rows[pair[0]] and hard_columns[pair[1]])]
    return np.array([row for row, _ in pairs], dtype=int), np.array([column for _, column in pairs], dtype=int)


def _method(name: str) -> Callable[..., Any]:
    """The function of a method of linear constraints; cvxpy is loaded only for the one that needs it."""
    if name == "entropy":
        from iomodel.balancing.entropy import fit

        return fit
    if name == "kras":
        from iomodel.balancing.kras import kras

        return kras
    from iomodel.balancing.quadratic import quadratic

    return quadratic
