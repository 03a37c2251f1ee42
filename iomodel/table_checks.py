"""What makes an array a sound input-output table: every check that the constructor and the audit share.

Each check is a pure function that returns findings instead of raising, so that the constructor can refuse a table with
one clear message and the audit can show everything about a user's own file at once. Nothing is guessed and nothing is
repaired: a missing cell is never zero.
"""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from iomodel.errors import TableError, nearest
from iomodel.labels import (
    CATEGORIES,
    FACTORS,
    FINAL_DIMS,
    FLOW_DIMS,
    IMPORTS,
    OUTPUT_DIMS,
    TAX_DIMS,
    VALUE_ADDED_DIMS,
)

DIMS: dict[str, tuple[str, ...]] = {
    "flows": FLOW_DIMS,
    "final_demand": FINAL_DIMS,
    "value_added": VALUE_ADDED_DIMS,
    "output": OUTPUT_DIMS,
    "product_taxes": TAX_DIMS,
    "employment": OUTPUT_DIMS,
}
TOLERANCE = 1e-6
_SHOWN = 3
_LOOSER = "Correct the source, or pass a larger tolerance= (`iomodel check --tolerance`)"
_TOTAL = re.compile(r"^\W*(grand |sub)?(total|sum\b|合计|总计|小计|tot$|tii$|tiu$|tfu$|tva$)", re.IGNORECASE)


@dataclass(frozen=True)
class Finding:
    """One thing wrong with a table: what was found, what is allowed, what to do ("" where `found` says it already)."""

    rule: str
    found: str
    allowed: str
    remedy: str

    def __str__(self) -> str:
        allowed = f"Allowed: {self.allowed}" if self.allowed else ""
        return f"{self.rule}: {' '.join(_ended(part) for part in (self.found, allowed, self.remedy) if part)}"


def checked_tolerance(tolerance: object) -> float:
    """`tolerance` as a float if it is a finite number from 0 up to 1, without 1; TableError otherwise.

    >>> checked_tolerance(0.01)
    0.01
    """
    if isinstance(tolerance, numbers.Real) and not isinstance(tolerance, bool):
        share = float(tolerance)
        if math.isfinite(share) and 0 <= share < 1:
            return share
    raise TableError(
        f"tolerance: found {tolerance!r}; allowed: a number from 0 up to 1, without 1: the largest miss of a balance "
        f"as a share of output. Leave it out for {TOLERANCE:g}."
    )


def _ended(sentence: str) -> str:
    """A sentence with one mark at its end."""
    return sentence if sentence.endswith((".", "?", "!", "…")) else f"{sentence}."


def findings(
    arrays: Mapping[str, xr.DataArray],
    attrs: Mapping[str, object],
    tolerance: float = TOLERANCE,
    *,
    every: bool = False,
) -> list[Finding]:
    """Findings about the arrays and the description of one table, none for a sound one.

    Dims: as in `DIMS`; units: all amounts in the table's unit; `tolerance`: largest miss of a balance as a share of the
    larger of the row's output and a millionth of total output. The checks of numbers build on those of labels and stop
    at the first group that fails; with `every` they go on as far as there are numbers, and cells without one are left
    out of the sums that they belong to.
    """
    found = [*description_findings(attrs), *_labels(arrays)]
    labelled = not any(finding.rule not in ("year absent", "unit absent") for finding in found)
    if found and not (every and labelled):
        return found
    found += _numbers(arrays)
    if found and not (every and all(_numeric(array) for array in arrays.values())):
        return found
    if found:
        arrays = {name: array.where(np.isfinite(array)) for name, array in arrays.items()}
    for check in (lambda arrays: _totals(arrays, attrs), _outputs):
        found += check(arrays)
        if found and not every:
            return found
    found += _balances(arrays, tolerance)
    return found if found and not every else found + list(_radius(arrays))


def description_findings(attrs: Mapping[str, object]) -> Iterator[Finding]:
    """Findings about what a table must say of itself: its year and its unit."""
    year, unit = attrs.get("year"), attrs.get("unit")
    if not isinstance(year, numbers.Integral) or isinstance(year, bool) or not 1800 <= int(year) <= 2200:
        yield Finding("year absent", _stated("year", year), "a whole number such as 2020", "State the table's year")
    if not isinstance(unit, str) or not unit.strip():
        yield Finding("unit absent", _stated("unit", unit), "a text such as 'million USD'", "State the table's unit")


def identity_findings(attrs: Mapping[str, object]) -> Iterator[Finding]:
    """Findings about the name of a table, its classification and the names of its sectors."""
    for key, example in (("name", "china-2020"), ("classification", "nbs42")):
        if not isinstance(attrs.get(key), str):
            said = _stated(key, attrs.get(key))
            yield Finding(f"{key} absent", said, f"a text such as {example!r}", f"State the table's {key}")
    names = attrs.get("sector_names")
    if not isinstance(names, dict) or not all(isinstance(text, str) for pair in names.items() for text in pair):
        said = _stated("sector_names", names)
        yield Finding("sector names", said, "a mapping from code to name, both text", "Name every sector by its code")


def file_findings(attrs: Mapping[str, object]) -> Iterator[Finding]:
    """Findings about what a saved table says of itself: `identity_findings`, its content hash and its tolerance."""
    yield from identity_findings(attrs)
    if not isinstance(attrs.get("sha256"), str):
        said = _stated("sha256", attrs.get("sha256"))
        yield Finding("content hash", said, "the hash that save_table writes", "Make the file again with save_table")
    try:
        checked_tolerance(attrs.get("tolerance", TOLERANCE))
    except TableError as error:
        yield Finding("tolerance", str(error).removeprefix("tolerance: "), "", "")


def _stated(what: str, value: object) -> str:
    return f"no {what} is stated" if value is None or value == "" else f"the {what} is {value!r}"


def _labels(arrays: Mapping[str, xr.DataArray]) -> Iterator[Finding]:
    for name, array in arrays.items():
        if array.dims != DIMS[name]:
            remedy = "Transpose or rename the dimensions"
            yield Finding("dimensions", f"{name} has {array.dims}", f"{DIMS[name]}", remedy)
            return
        for dim in DIMS[name]:
            labels = _names(array, dim)
            if not labels:
                yield Finding("no labels", f"{name} has no {dim}", "at least one", "Name every row and column")
                return
            twice = sorted({label for label in labels if labels.count(label) > 1})
            if twice:
                remedy = "Give every one a label of its own"
                yield Finding("duplicate labels", f"{name} has {_list(twice)} more than once in {dim}", "once", remedy)
            blank = [str(place + 1) for place, label in enumerate(labels) if not label.strip()]
            if blank:
                remedy = "Name every row and column"
                yield Finding("empty label", f"{name}, {dim}: no text at place {_list(blank)}", "any text", remedy)
    yield from _label_sets(arrays)


def _label_sets(arrays: Mapping[str, xr.DataArray]) -> Iterator[Finding]:
    flows = arrays["flows"]
    sectors, buyers = _names(flows, "to_sector"), _names(flows, "to_region")
    sellers = _names(flows, "region")
    yield from _same("flows, sector", _names(flows, "sector"), "flows, to_sector", sectors)
    if IMPORTS in sellers:
        yield from _same("flows, region", sellers, f"to_region and {IMPORTS}", [*buyers, IMPORTS])
        if len(buyers) != 1:
            remedy = f"Drop {IMPORTS} from an inter-country table"
            yield Finding("regions", f"{len(buyers)} buying regions beside {IMPORTS}", "one home region", remedy)
    else:
        yield from _same("flows, region", sellers, "flows, to_region", buyers)
    expected = {"region": sellers, "sector": sectors, "to_region": buyers, "to_sector": sectors}
    for name, array in arrays.items():
        for dim in DIMS[name]:
            if name in ("flows", "employment") or dim in ("category", "factor"):
                continue
            target = buyers if (name, dim) == ("output", "region") else expected[dim]
            yield from _same(f"{name}, {dim}", _names(array, dim), f"flows, {dim}", target)
    if (employment := arrays.get("employment")) is not None:
        yield from _same("employment, sector", _names(employment, "sector"), "flows, sector", sectors)
        yield from _known("employment, region", _names(employment, "region"), buyers)
    yield from _known("final_demand, category", _names(arrays["final_demand"], "category"), CATEGORIES)
    yield from _known("value_added, factor", _names(arrays["value_added"], "factor"), FACTORS)
    taxed, used = _names(arrays["product_taxes"], "category"), _names(arrays["final_demand"], "category")
    yield from _same("product_taxes, category", taxed, "final_demand, category", used)
    if ("exports" in used) != (IMPORTS in sellers):
        found = f"category exports {'with' if 'exports' in used else 'without'} the seller {IMPORTS}"
        yield Finding("shape", found, "both (national table) or neither (inter-country)", "Add or drop the other")


def _same(left: str, ours: Sequence[str], right: str, theirs: Sequence[str]) -> Iterator[Finding]:
    if list(ours) == list(theirs):
        return
    only_ours = [label for label in ours if label not in theirs]
    only_theirs = [label for label in theirs if label not in ours]
    if only_ours or only_theirs:
        found = f"only in {left}: {_list(only_ours)}; only in {right}: {_list(only_theirs)}"
    else:
        found = f"{left} has the labels of {right} in another order"
    yield Finding("unequal labels", found, "the same labels in the same order", "Make both sides equal")


def _known(where: str, labels: Sequence[str], allowed: Sequence[str]) -> Iterator[Finding]:
    for label in labels:
        if label not in allowed:
            hint = nearest(label, allowed).strip() or "Use one of these"
            yield Finding("unknown label", f"{where} has {label!r}", ", ".join(allowed), hint)


def _numbers(arrays: Mapping[str, xr.DataArray]) -> Iterator[Finding]:
    for name, array in arrays.items():
        values = array.values
        if not _numeric(array):
            remedy = "Convert every cell to a number"
            yield Finding("no number", f"{name} holds {values.dtype} values", "numbers", remedy)
            continue
        places = np.argwhere(~np.isfinite(values))
        if len(places):
            shown = [_place(array, place) for place in places[:_SHOWN]]
            found = f"{len(places)} cells of {name} are missing or not finite, first {'; '.join(shown)}"
            remedy = "Fill them from the source; write 0 only where the source says zero"
            yield Finding("missing cells", found, "a finite number in every cell", remedy)


def _numeric(array: xr.DataArray) -> bool:
    return array.dtype.kind in "fiu"


def _totals(arrays: Mapping[str, xr.DataArray], attrs: Mapping[str, object]) -> Iterator[Finding]:
    flows = arrays["flows"]
    named = attrs.get("sector_names")
    names: Mapping[str, str] = named if isinstance(named, dict) else {}
    for dim in ("sector", "region"):
        by_name = [x for x in _names(flows, dim) if _TOTAL.match(x) or _TOTAL.match(str(names.get(x, "")))]
        by_value = _sums_of_others(flows, dim) + _sums_of_others(flows, f"to_{dim}")
        suspects = list(dict.fromkeys(by_name + by_value))
        if suspects:
            reason = "by name" if by_name else "by value: it is the sum of all others"
            remedy = "Leave out totals and subtotals"
            yield Finding("totals inside", f"{dim} {_list(suspects)} looks like a total ({reason})", "none", remedy)


def _sums_of_others(flows: xr.DataArray, dim: str) -> list[str]:
    values = np.moveaxis(flows.values, flows.dims.index(dim), 0)
    if len(values) < 3:
        return []
    total = values.sum(axis=0)
    size = float(np.abs(total).max())
    misses = np.abs(2 * values - total).reshape(len(values), -1).max(axis=1)
    return [label for label, miss in zip(_names(flows, dim), misses, strict=True) if size > 0 and miss <= 1e-6 * size]


def _outputs(arrays: Mapping[str, xr.DataArray]) -> Iterator[Finding]:
    output, flows = arrays["output"], arrays["flows"]
    negative = np.argwhere(output.values < 0)
    if len(negative):
        shown = "; ".join(_place(output, place) for place in negative[:_SHOWN])
        yield Finding("negative output", f"output below zero at {shown}", "zero or more", "Correct the source")
    idle = np.argwhere((output.values == 0) & (np.abs(flows.values).sum(axis=(0, 1)) > 0))
    if len(idle):
        shown = "; ".join(_place(output, place) for place in idle[:_SHOWN])
        remedy = "Merge the sector with another or correct its output"
        yield Finding("inputs without output", f"output is zero but inputs are bought at {shown}", "no inputs", remedy)


def balance_misses(arrays: Mapping[str, xr.DataArray]) -> tuple[np.ndarray, np.ndarray]:
    """Row and column misses, (buying region, sector): uses less output, and inputs with value added less output."""
    flows, final, output = arrays["flows"].values, arrays["final_demand"].values, arrays["output"].values
    home = output.shape[0]
    rows = flows[:home].sum(axis=(2, 3)) + final[:home].sum(axis=(2, 3)) - output
    columns = flows.sum(axis=(0, 1)) + arrays["value_added"].values.sum(axis=0) - output
    return rows, columns


def _balances(arrays: Mapping[str, xr.DataArray], tolerance: float) -> Iterator[Finding]:
    output = arrays["output"]
    scale = np.maximum(np.abs(output.values), 1e-6 * np.nansum(np.abs(output.values)))
    misses = balance_misses(arrays)
    bad = [np.abs(miss) > tolerance * scale for miss in misses]
    if not (bad[0].any() or bad[1].any()):
        return
    if (guess := _diagnosis(arrays, tolerance * scale, bool(bad[1].any()))) is not None:
        yield guess
        return
    for side, miss, wrong in zip(("rows", "columns"), misses, bad, strict=True):
        if not wrong.any():
            continue
        ranking = [place for place in np.argsort(-np.abs(miss / scale), axis=None) if wrong.flat[place]][:_SHOWN]
        sum_of = "uses" if side == "rows" else "inputs and value added"
        shown = []
        for flat in ranking:
            place = np.unravel_index(flat, miss.shape)
            shown.append(
                f"{_place(output, place)} by {miss[place]:+.6g}"
                f" ({sum_of} {output.values[place] + miss[place]:.6g}, output {output.values[place]:.6g})"
            )
        found = f"{int(wrong.sum())} of {miss.size} {side} do not balance, worst {'; '.join(shown)}"
        allowed = f"{tolerance:g} of the larger of output and a millionth of total output"
        yield Finding(f"{side} miss balance", found, allowed, _LOOSER)


def _diagnosis(arrays: Mapping[str, xr.DataArray], limit: np.ndarray, columns_miss: bool) -> Finding | None:
    flows, output = arrays["flows"].values, arrays["output"].values
    sums = np.abs(flows).sum(axis=(0, 1))
    if columns_miss and np.abs(flows).max() <= 1 and sums.max() <= 1 + 1e-9 and output.max() > 10:
        found = f"no flow is above 1 (largest column sum {sums.max():.4g}) while output reaches {output.max():.6g}"
        remedy = "Multiply each column by its output"
        return Finding("coefficients instead of flows", found, "amounts in the table's unit", remedy)
    home = output.shape[0]
    turned = flows.copy()
    turned[:home] = np.transpose(flows[:home], (2, 3, 0, 1))
    swapped = {**arrays, "flows": arrays["flows"].copy(data=turned)}
    if all((np.abs(miss) <= limit).all() for miss in balance_misses(swapped)):
        found = "the table balances when the flows of the home regions are turned over"
        remedy = "Exchange rows and columns of the flows"
        return Finding("looks transposed", found, "sellers in rows, buyers in columns", remedy)
    return None


def _radius(arrays: Mapping[str, xr.DataArray]) -> Iterator[Finding]:
    if not np.isfinite(arrays["flows"].values).all() or not np.isfinite(arrays["output"].values).all():
        return
    radius = spectral_radius(arrays["flows"].values, arrays["output"].values)
    if radius >= 1:
        found = f"the largest eigenvalue of the input coefficients is {radius:.6g}"
        remedy = "Look for columns whose inputs exceed their output"
        yield Finding("spectral radius", found, "below 1, or output would need more than itself", remedy)


def spectral_radius(flows: np.ndarray, output: np.ndarray) -> float:
    """Spectral radius of A = Z / x over home sellers (a sector without output buys nothing); cheap bound first."""
    size = output.size
    block = flows[: output.shape[0]].reshape(size, size)
    x = output.reshape(size)
    coefficients = np.divide(block, x, out=np.zeros((size, size)), where=x != 0)
    bound = float(np.abs(coefficients).sum(axis=0).max())
    return bound if bound < 1 else float(np.abs(np.linalg.eigvals(coefficients)).max())


def _names(array: xr.DataArray, dim: str) -> list[str]:
    return [str(label) for label in array[dim].values]


def _place(array: xr.DataArray, place: Iterable[int]) -> str:
    return ", ".join(f"{dim} {array[dim].values[int(where)]}" for dim, where in zip(array.dims, place, strict=True))


def _list(labels: Sequence[str], most: int = 8) -> str:
    shown = ", ".join(labels[:most]) or "none"
    return f"{shown} and {len(labels) - most} more" if len(labels) > most else shown
