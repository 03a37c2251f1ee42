"""The sector map of an aggregate, made from a finer map and the table that the finer sectors stand in.

A number is a mean, a choice that of the largest part, each weighted by what the column is about: what households buy
(engel, overflow), what is invested in (asset), own capital, by its depreciation (capital, drive, favoured, public), and
output (all others). A sector takes the columns of published utilisation that cover at least half of its output, with
these as weights; else, and where it is all there is of its group, the rate of the group.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from iomodel.calibration.utilisation import GROUP_COLUMNS, yearly_columns
from iomodel.classifications.concordance import Concordance
from iomodel.classifications.sector_maps import INDUSTRY, MAP_COLUMNS, SectorRows
from iomodel.labels import positions
from iomodel.table import Table

Array = npt.NDArray[np.float64]

_WEIGHTS = {
    "engel": "household purchases",
    "overflow": "household purchases",
    "asset": "capital formation",
    "capital": "depreciation",
    "drive": "depreciation",
    "favoured": "depreciation",
    "public": "depreciation",
}
"""Column -> what its parts are weighted by, where that is not output."""
_COVERED = 0.5
"""Share of a sector's output from which on the published columns stand for all of it."""


def summed_map(rows: SectorRows, table: Table, concordance: Concordance) -> str:
    """The sector map of the concordance's targets as CSV text, from the map `rows` of its sources.

    table: national, at the source sectors, for the weights. The reason of each line names its parts, and of each column
    in which they differ the share that decides. Raises CardError where the concordance splits a sector.
    """
    of = concordance.mapping
    rows = rows.rows(table.sectors)
    weights, year = _weights(table), table.year
    members = {
        target: np.array(positions([code for code in table.sectors if of[code] == target], table.sectors))
        for target in concordance.targets
    }
    lines = {target: _line(rows, weights, places) for target, places in members.items()}
    groups = [cells["group"] for cells, _ in lines.values()]
    text, columns = io.StringIO(), [str(column) for column in MAP_COLUMNS]
    out = csv.DictWriter(text, columns, lineterminator="\n")
    out.writeheader()
    for target, (cells, said) in lines.items():
        alone = groups.count(cells["group"]) == 1
        if cells["group"] in INDUSTRY:
            cells["utilisation"], why = _utilisation(
                rows, weights["output"], members[target], cells["group"], alone, year
            )
            said += [f"utilisation: {why}"] if why else []
        codes = [table.sectors[place] for place in members[target]]
        title = {"sector": target, "name": concordance.target_names[target]}
        reason = "; ".join([f"{rows.classification} {_spans(codes, table.sectors)}", *said])
        out.writerow(title | cells | {"reason": reason})
    return text.getvalue()


def _weights(table: Table) -> dict[str, Array]:
    """What the parts are weighted by: arrays by sector."""
    bought = table.final_demand.sum(("region", "to_region"))
    return {
        "output": table.output.values[0],
        "household purchases": bought.sel(category="household").values,
        "capital formation": bought.sel(category="fixed_capital").values,
        "depreciation": table.value_added.sel(factor="depreciation", to_region=table.home).values,
    }


def _line(
    rows: SectorRows, weights: Mapping[str, Array], places: npt.NDArray[np.intp]
) -> tuple[dict[str, str], list[str]]:
    """The cells of one sector but for its name, and of the columns in which its parts differ what decides."""
    cells: dict[str, str] = {}
    said: list[str] = []
    for column in MAP_COLUMNS[2:-1]:
        by = _WEIGHTS.get(column, "output")
        weight = weights[by][places]
        if not weight.sum() > 0:  # nobody buys or invests in it: what it makes decides
            by, weight = "output", weights["output"][places]
        parts = getattr(rows, column)[places]
        if column in ("engel", "displacement"):
            cells[column] = f"{float(np.average(parts, weights=weight)):.3g}"
            if len(set(parts.tolist())) > 1:
                said.append(f"{column}: mean by {by} of {min(parts):g} to {max(parts):g}")
            continue
        shares: dict[str, float] = {}
        for part, amount in zip(parts.tolist(), weight.tolist(), strict=True):
            key = str(int(part)) if isinstance(part, bool) else str(part)
            shares[key] = shares.get(key, 0.0) + amount / float(weight.sum())
        cells[column] = max(shares, key=lambda key: shares[key])
        if len(shares) > 1 and column != "utilisation":
            said.append(f"{column}: {shares[cells[column]]:.0%} of {by}")
    if cells["group"] not in INDUSTRY:
        cells["utilisation"] = cells["normal"] = ""
    return cells, said


def _utilisation(
    rows: SectorRows, output: Array, places: npt.NDArray[np.intp], group: str, alone: bool, year: int
) -> tuple[str, str]:
    """The cell of utilisation, and why; the columns are those with a rate for the year of the table."""
    known, made = yearly_columns(year), float(output[places].sum())
    shares: dict[str, float] = {}
    for place in places:
        parts = [part.partition(":") for part in str(rows.utilisation[place]).split("+")]
        total = sum(float(weight or 1) for _, _, weight in parts)
        for name, _, weight in parts:
            if name in known and name not in GROUP_COLUMNS:
                shares[name] = shares.get(name, 0.0) + float(output[place]) / made * float(weight or 1) / total
    covered = sum(shares.values())
    if alone:
        return group, f"it is all of {group}" if covered else ""
    if covered < _COVERED:
        return group, f"columns of its own cover {covered:.0%} of output, so residual of {group}" if covered else ""
    why = "" if covered > 0.995 else f"columns that cover {covered:.0%} of output stand for all of it"
    if len(shares) == 1:
        return next(iter(shares)), why
    return "+".join(f"{name}:{share / covered:.3f}" for name, share in shares.items()), why


def _spans(codes: list[str], order: list[str]) -> str:
    """Codes as spans of the order they stand in, such as 001-005 008."""
    spans: list[list[str]] = []
    for code in codes:
        if spans and order.index(code) == order.index(spans[-1][-1]) + 1:
            spans[-1].append(code)
        else:
            spans.append([code])
    return " ".join(span[0] if len(span) == 1 else f"{span[0]}-{span[-1]}" for span in spans)
