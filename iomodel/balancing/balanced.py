"""`balance`: a draft and its totals in, a table that meets them and a report of what moved out.

Fixed cells are taken out of the problem and put back: totals are met by the rest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from iomodel.balancing.drafts import ARRAYS, Draft, Floats, make_draft
from iomodel.balancing.fitting import METHODS, Problem, fitted
from iomodel.balancing.reports import BalanceReport, Conceded, moved_cells
from iomodel.balancing.seeds import seeded
from iomodel.balancing.totals import DraftTotals, Labelled, both_sides, fixed_cells, labelled_totals
from iomodel.errors import BalanceError, SolverError, nearest
from iomodel.files import netcdf_file, write_whole
from iomodel.labels import IMPORTS, TAX_DIMS
from iomodel.table import Table, refuse_estimate, save_table


@dataclass(frozen=True, eq=False)
class Balanced:
    """A balanced table and how it came about.

    table: a `Table` where the draft has flows, final_demand and value_added, and states name, year and unit; otherwise
    the arrays of the draft as a Dataset (with output, where it has value added), or as the matrix that it was.
    """

    table: Table | xr.Dataset | xr.DataArray
    report: BalanceReport


def balance(
    draft: xr.Dataset | xr.DataArray | Table,
    *,
    row_totals: Labelled | None = None,
    column_totals: Labelled | None = None,
    fixed: Any = None,
    method: str = "gras",
    row_softness: float | Labelled = 0.0,
    column_softness: float | Labelled = 0.0,
    seed: str | None = None,
    tolerance: float | None = None,
) -> Balanced:
    """The table nearest to `draft` that meets its totals, with signs and zeros kept.

    draft: a Dataset with flows (region, sector, to_region, to_sector) and, where there are, final_demand (region,
    sector, to_region, category) and value_added (factor, to_region, to_sector), which need not balance; a Table; or a
    DataArray of two dims. Totals: a DataArray, or several, over (region, sector) or (factor,) for rows and (to_region,
    to_sector) or (to_region, category) for columns, with exactly the labels of the draft and in its unit; a group
    without totals is free. With value added, totals of sellers are those of buyers, too, where only one is given; the
    linear methods balance a draft without any.
    fixed: cells that stay: a boolean mask, or values with NaN where a cell is free, labelled like an array of a draft.
    method: ras (no negative cells), gras, entropy, kras (conflicting totals by reliability), quadratic (weighted
    squares). Softness: 0 = hard, τ for entropy and quadratic, for kras the standard deviation as a share of the total;
    inf = free. seed: None, or "shares": rows and columns of zeros with a total start with the shares of the others.
    tolerance: largest miss of a hard total as a share of its turnover.

    Raises BalanceError: dims, labels, totals that contradict each other or signs and zeros of the draft (which, by how
    much); SolverError: not converged, with the totals that miss most; TableError: the result is no sound table.
    Sources: Stone (1961) for RAS, Junius and Oosterhaven (2003) for GRAS, Lenzen, Gallego and Wood (2009) for KRAS;
    each method's module has its equation.

    >>> labels = {"seller": ["goods", "services"], "user": ["goods", "services", "net exports"]}
    >>> draft = xr.DataArray([[7.0, 3, -3], [2, 9, 1]], coords=labels, dims=("seller", "user"))
    >>> rows = xr.DataArray([8.0, 14], coords={"seller": labels["seller"]}, dims="seller")
    >>> columns = xr.DataArray([10.0, 14, -2], coords={"user": labels["user"]}, dims="user")
    >>> found = balance(draft, row_totals=rows, column_totals=columns)
    >>> found.table.round(2).values
    array([[ 7.68,  3.36, -3.04],
           [ 2.32, 10.64,  1.04]])
    """
    made = make_draft(draft)
    totals = labelled_totals(made, row_totals, column_totals, row_softness, column_softness)
    return balance_draft(made, totals, fixed=fixed, method=method, seed=seed, tolerance=tolerance)


def balance_draft(
    draft: Draft,
    totals: DraftTotals,
    *,
    fixed: Any = None,
    method: str = "gras",
    seed: str | None = None,
    tolerance: float | None = None,
) -> Balanced:
    """`balance` for a draft and totals that are laid out already, such as those of a file; raises as it does."""
    if method not in METHODS:
        raise BalanceError(f"There is no method {method!r}; allowed: {', '.join(METHODS)}.{nearest(method, METHODS)}")
    if tolerance is not None and not (isinstance(tolerance, int | float) and 0 < tolerance < 1):
        raise BalanceError(f"tolerance is {tolerance!r}; allowed: a number above 0 and below 1, or none.")
    held, values = fixed_cells(draft, fixed)
    totals = both_sides(draft, totals, 1e-10 if tolerance is None else tolerance)
    aims = _less_fixed(totals, np.where(held, values, 0.0))
    start, lines = seeded(draft, np.where(held, 0.0, draft.matrix), aims, seed, held)
    try:
        cells, steps = fitted(Problem(draft, start, aims, np.where(held, values, 0.0)), method, tolerance)
    except (BalanceError, SolverError) as error:
        if not held.any():
            raise
        raise type(error)(f"{error}\nTargets are meant less the {int(held.sum())} fixed cells.") from error
    matrix = np.where(held, values, cells)
    distance, moved = moved_cells(draft, np.where(held, values, start), matrix)
    residual, conceded = _kept(draft, totals, matrix)
    history = (*totals.history, *lines)
    report = BalanceReport(method, steps, residual, distance, moved, conceded, history)
    return Balanced(_result(draft, matrix, report), report)


def write_balanced(balanced: Balanced, path: str | Path, *, estimate_ok: bool = False) -> Path:
    """Write a balanced table as NetCDF, whole or not at all: a `Table` as `save_table` does; returns the path.

    Raises TableError or ResultError when the file cannot be written, or the draft was an ESTIMATE and not
    `estimate_ok`.
    """
    table = balanced.table
    if isinstance(table, Table):
        return save_table(table, path, estimate_ok=estimate_ok)
    refuse_estimate(str(table.attrs.get("name", "the draft")), table.attrs, estimate_ok)
    path = netcdf_file("out", path, BalanceError)
    plain = table.to_dataset(name=table.name or "matrix") if isinstance(table, xr.DataArray) else table
    said = {key: json.dumps(value, ensure_ascii=False) for key, value in table.attrs.items() if not _plain(value)}
    plain = plain.assign_attrs({**table.attrs, **said})
    return write_whole(path, lambda part: plain.to_netcdf(part, engine="h5netcdf"))


def _plain(value: Any) -> bool:
    """Whether NetCDF takes a value as an attribute as it is."""
    return isinstance(value, str | int | float | np.ndarray | np.generic) and not isinstance(value, bool)


def _less_fixed(totals: DraftTotals, fixed: Floats) -> DraftTotals:
    """What is left of the totals for the cells that may move; what is zero but for rounding is zero."""

    def left(wanted: Floats, axis: int) -> Floats:
        rest = wanted - fixed.sum(axis=axis)
        return np.where(np.abs(rest) <= 1e-12 * np.abs(fixed).sum(axis=axis), 0.0, rest)

    return replace(totals, rows=left(totals.rows, 1), columns=left(totals.columns, 0))


def _kept(draft: Draft, totals: DraftTotals, matrix: Floats) -> tuple[float, tuple[Conceded, ...]]:
    """The largest miss of a hard total or of sales equal to payments, and the soft totals that gave way by a millionth
    or more, largest first."""
    worst, gave = _imbalance(draft, matrix), list[tuple[float, Conceded]]()
    for side, axis, wanted, soft in (
        ("row", 1, totals.rows, totals.row_softness),
        ("column", 0, totals.columns, totals.column_softness),
    ):
        sums, names = matrix.sum(axis=axis), draft.names(side)
        scale = np.maximum(np.abs(wanted), np.abs(matrix).sum(axis=axis))
        miss = np.nan_to_num(np.abs(sums - wanted) / np.where(scale > 0, scale, 1.0))
        worst = max(worst, float(np.max(miss[soft == 0], initial=0.0)))
        for place in np.flatnonzero((soft > 0) & (miss > 1e-6)):
            total = Conceded(names[place], float(wanted[place]), float(sums[place]))
            gave.append((float(miss[place]), total))
    return worst, tuple(total for _, total in sorted(gave, key=lambda pair: -pair[0]))


def _imbalance(draft: Draft, matrix: Floats) -> float:
    """The largest difference of what a sector sells and what it pays, as a share of its turnover."""
    pairs = draft.identities()
    row, column = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    miss = np.abs(matrix.sum(axis=1)[row] - matrix.sum(axis=0)[column])
    size = np.abs(matrix).sum(axis=1)[row]
    return float(np.max(miss / np.where(size > 0, size, 1.0), initial=0.0))


def _result(draft: Draft, matrix: Floats, report: BalanceReport) -> Table | xr.Dataset | xr.DataArray:
    """The matrix as the draft's arrays; a `Table` where they and the description make one."""
    history = [f"balanced by {report.method}", *report.history]
    attrs = {**draft.attrs, "history": [*_lines(draft.attrs.get("history")), *history]}
    if draft.is_plain:
        return draft.part("", matrix).assign_attrs(attrs)
    arrays: dict[str, xr.DataArray] = {name: draft.part(name, matrix) for name in draft.arrays}
    if not draft.has_identity:
        return xr.Dataset({**arrays, **draft.others}, attrs=attrs)
    sums = arrays["flows"].sum(("to_region", "to_sector"))
    if "final_demand" in arrays:
        sums = sums + arrays["final_demand"].sum(("to_region", "category"))
    output = sums.sel(region=[label for label in sums["region"].values if str(label) != IMPORTS])
    if set(ARRAYS) <= set(arrays) and all(attrs.get(key) for key in ("name", "year", "unit")):
        return _table(arrays, output, draft.others, attrs)
    stored = output.rename(region="to_region", sector="to_sector")
    return xr.Dataset({**arrays, "output": stored, **draft.others}, attrs=attrs)


def _table(
    arrays: Mapping[str, xr.DataArray], output: xr.DataArray, others: Mapping[str, xr.DataArray], attrs: dict[str, Any]
) -> Table:
    """The `Table` of the balanced arrays; product taxes are the draft's, or none."""
    final, taxes = arrays["final_demand"], others.get("product_taxes")
    if taxes is None:
        labels = {dim: final[dim].values for dim in TAX_DIMS}
        taxes = xr.DataArray(np.zeros([len(labels[dim]) for dim in TAX_DIMS]), coords=labels, dims=TAX_DIMS)
    said = {key: value for key, value in attrs.items() if key not in ("sha256", "tolerance", "title")}
    said["sector_names"] = said.get("sector_names") or {str(code): str(code) for code in output["sector"].values}
    return Table(
        flows=arrays["flows"],
        final_demand=final,
        value_added=arrays["value_added"],
        output=output,
        product_taxes=taxes,
        employment=others.get("employment"),
        attrs=said,
    )


def _lines(history: Any) -> list[str]:
    """The lines of a history, which may be absent or one text."""
    if isinstance(history, str):
        return history.splitlines()
    return [str(line) for line in history] if isinstance(history, list | tuple) else []
