"""A draft of a table as one labelled matrix: the only place of this package where labels become positions.

Sellers (region, sector) and factors of value added are rows, buyers (to_region, to_sector) and uses of final demand
(to_region, category) columns; what no array of the draft fills is empty. A plain matrix has one group of each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from iomodel.errors import BalanceError
from iomodel.labels import FINAL_DIMS, FLOW_DIMS, IMPORTS, VALUE_ADDED_DIMS
from iomodel.table import Table

Floats = NDArray[np.float64]
ARRAYS = {"flows": FLOW_DIMS, "final_demand": FINAL_DIMS, "value_added": VALUE_ADDED_DIMS}
SELLERS, FACTORS, BUYERS, USES = (
    ("region", "sector"),
    ("factor",),
    ("to_region", "to_sector"),
    ("to_region", "category"),
)
_PLACES = {"flows": (SELLERS, BUYERS), "final_demand": (SELLERS, USES), "value_added": (FACTORS, BUYERS)}


@dataclass(frozen=True)
class Group:
    """Rows or columns with the same dims: side ("row", "column"), dims, labels in order, place of the first."""

    side: str
    dims: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    first: int

    @property
    def places(self) -> slice:
        """Where the group stands among the rows or columns."""
        return slice(self.first, self.first + len(self.labels))


@dataclass(frozen=True, eq=False)
class Draft:
    """A matrix, its groups of rows and of columns, the arrays that it was made of, and what goes along unchanged.

    others: product_taxes and employment, where the draft has them; attrs: the description of the draft.
    """

    matrix: Floats
    rows: tuple[Group, ...]
    columns: tuple[Group, ...]
    arrays: Mapping[str, xr.DataArray]
    others: Mapping[str, xr.DataArray]
    attrs: Mapping[str, Any]

    @property
    def is_plain(self) -> bool:
        """Whether it is a matrix of two dims and no table."""
        return list(self.arrays) == [""]

    @property
    def has_identity(self) -> bool:
        """Whether what a sector sells must equal what it pays: the draft has value added."""
        return "value_added" in self.arrays

    def names(self, side: str) -> list[str]:
        """What errors and reports call the rows or columns."""
        groups = self.rows if side == "row" else self.columns
        return [f"{side} {', '.join(label)}" for group in groups for label in group.labels]

    def identities(self) -> list[tuple[int, int]]:
        """Row and column of each region and sector that sells and buys; none where the draft has no value added."""
        if not self.has_identity:
            return []
        sellers = next(group for group in self.rows if group.dims == SELLERS)
        buyers = next(group for group in self.columns if group.dims == BUYERS)
        column = {label: place + buyers.first for place, label in enumerate(buyers.labels)}
        return [(sellers.first + place, column[label]) for place, label in enumerate(sellers.labels) if label in column]

    def part(self, name: str, matrix: Floats) -> xr.DataArray:
        """The array `name` out of a matrix of the draft's shape."""
        array = self.arrays[name]
        row, column = self._groups(name)
        values = matrix[row.places, column.places].reshape(array.shape)
        return xr.DataArray(values, coords=array.coords, dims=array.dims, name=array.name, attrs=array.attrs)

    def spread(self, name: str, array: xr.DataArray, fill: Any) -> NDArray[Any]:
        """An array with the dims of `name` laid over the matrix; `fill` elsewhere."""
        row, column = self._groups(name)
        wide = np.full(self.matrix.shape, fill)
        size = (len(row.labels), len(column.labels))
        wide[row.places, column.places] = array.values.reshape(size)
        return wide

    def cell(self, row: int, column: int) -> tuple[str, dict[str, str]]:
        """The array in which a cell of the matrix stands, and its labels by dim."""
        for name in self.arrays:
            across, down = self._groups(name)
            if across.places.start <= row < across.places.stop and down.places.start <= column < down.places.stop:
                labels = [*across.labels[row - across.first], *down.labels[column - down.first]]
                return name, dict(zip((*across.dims, *down.dims), labels, strict=True))
        return "", {}

    def _groups(self, name: str) -> tuple[Group, Group]:
        if self.is_plain:
            return self.rows[0], self.columns[0]
        across, down = _PLACES[name]
        return (
            next(group for group in self.rows if group.dims == across),
            next(group for group in self.columns if group.dims == down),
        )


def make_draft(source: xr.Dataset | xr.DataArray | Table) -> Draft:
    """The draft of a table (flows, and where there are final_demand and value_added) or of a matrix of two dims.

    Raises BalanceError where it is neither, where dims or labels do not fit, or a cell is no finite number.
    """
    if isinstance(source, Table):
        return _table_draft({name: source.arrays[name] for name in ARRAYS}, source.arrays, source.attrs)
    if isinstance(source, xr.Dataset):
        arrays = {str(name): array for name, array in source.data_vars.items()}
        if "flows" not in arrays:
            raise BalanceError(
                f"The draft has the arrays {sorted(arrays)}; allowed: flows over {FLOW_DIMS}, with final_demand and "
                "value_added where there are, or a DataArray of two dims."
            )
        return _table_draft({name: arrays[name] for name in ARRAYS if name in arrays}, arrays, _described(source.attrs))
    if isinstance(source, xr.DataArray) and source.ndim == 2:
        return _plain_draft(source)
    found = f"a DataArray over {source.dims}" if isinstance(source, xr.DataArray) else type(source).__name__
    raise BalanceError(
        f"A draft is a Dataset with flows, final_demand and value_added, a Table, or a DataArray of two dims; found "
        f"{found}."
    )


def read_draft(path: str | Path) -> Draft:
    """The draft in a NetCDF file: a Dataset as `make_draft` takes it, or one array of two dims.

    Raises BalanceError that names the file.
    """
    if not Path(path).is_file():
        raise BalanceError(f"There is no file {path}; name a NetCDF file with a draft, or one that save_table wrote.")
    try:
        with xr.open_dataset(path, engine="h5netcdf") as opened:
            dataset = opened.load()
    except (OSError, ValueError, KeyError, RuntimeError, AttributeError, TypeError) as error:
        raise BalanceError(f"{path} is no readable NetCDF file ({error}).") from error
    try:
        names = list(dataset.data_vars)
        if "flows" not in names and len(names) == 1:
            return make_draft(dataset[names[0]].assign_attrs(dataset[names[0]].attrs | dataset.attrs))
        return make_draft(dataset)
    except BalanceError as error:
        raise BalanceError(f"{path}: {error}") from error


def _described(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """The description of a draft; a file of `save_table` holds it as one text."""
    said = {str(key): value for key, value in attrs.items()}
    if isinstance(text := said.pop("provenance", None), str):
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        return found if isinstance(found, dict) else said
    return said


def _plain_draft(source: xr.DataArray) -> Draft:
    array = _checked("the draft", source)
    groups = [
        Group(side, (str(dim),), tuple((label,) for label in _labels("the draft", array, str(dim))), 0)
        for side, dim in zip(("row", "column"), array.dims, strict=True)
    ]
    return Draft(array.values.astype(float), (groups[0],), (groups[1],), {"": array}, {}, dict(array.attrs))


def _table_draft(arrays: dict[str, Any], every: Mapping[str, Any], attrs: Mapping[str, Any]) -> Draft:
    for name, array in arrays.items():
        if set(array.dims) != set(ARRAYS[name]):
            plain = f" The name decides: a plain matrix of two dims is called otherwise than {name}."
            said = f"{name} of the draft has the dims {array.dims}; allowed: {ARRAYS[name]}."
            raise BalanceError(said + (plain if array.ndim == 2 else ""))
        arrays[name] = _checked(f"{name} of the draft", array.transpose(*ARRAYS[name]))
    known: dict[str, tuple[str, list[str]]] = {}
    for name, array in arrays.items():
        for dim in ARRAYS[name]:
            labels = _labels(f"{name} of the draft", array, dim)
            first, held = known.setdefault(dim, (name, labels))
            if held != labels:
                raise BalanceError(_unlike(f"{name} of the draft", labels, f"its {first}", held, dim))
    _same_sectors(known)

    def groups(side: str, wanted: list[tuple[str, ...]]) -> tuple[Group, ...]:
        found: list[Group] = []
        for dims in wanted:
            if all(dim in known for dim in dims):
                first = sum(len(group.labels) for group in found)
                labels = tuple(_products([known[dim][1] for dim in dims]))
                found.append(Group(side, dims, labels, first))
        return tuple(found)

    rows, columns = groups("row", [SELLERS, FACTORS]), groups("column", [BUYERS, USES])
    shape = (sum(len(group.labels) for group in rows), sum(len(group.labels) for group in columns))
    others = {name: every[name] for name in ("product_taxes", "employment") if name in every}
    if "employed_region" in getattr(others.get("employment"), "dims", ()):  # as save_table stores it
        others["employment"] = others["employment"].rename(employed_region="region")
    draft = Draft(np.zeros(shape), rows, columns, arrays, others, attrs)
    for name, array in arrays.items():
        draft.matrix[...] += draft.spread(name, array, 0.0)
    return draft


def _same_sectors(known: Mapping[str, tuple[str, list[str]]]) -> None:
    """BalanceError where sellers and buyers of the flows do not bear the same labels."""
    for seller, buyer in (("sector", "to_sector"), ("region", "to_region")):
        ours = [label for label in known[seller][1] if (seller, label) != ("region", IMPORTS)]
        if ours != known[buyer][1]:
            raise BalanceError(_unlike("flows of the draft", ours, f"its {buyer}", known[buyer][1], seller))


def _products(sets: list[list[str]]) -> Iterator[tuple[str, ...]]:
    if len(sets) == 1:
        yield from ((label,) for label in sets[0])
    else:
        yield from ((left, right) for left in sets[0] for right in sets[1])


def _checked(what: str, array: xr.DataArray) -> xr.DataArray:
    """The array if every cell is a finite number; BalanceError names the first that is none."""
    if array.dtype.kind not in "fiu":
        raise BalanceError(f"{what} holds {array.dtype} values; allowed: numbers.")
    bad = np.argwhere(~np.isfinite(array.values))
    if len(bad):
        place = ", ".join(str(array[dim].values[at]) for dim, at in zip(array.dims, bad[0], strict=True))
        value = array.values[tuple(bad[0])]
        raise BalanceError(f"{what}: {len(bad)} cells are no finite number, first {value} at {place}. Fill them.")
    return array


def _labels(what: str, array: xr.DataArray, dim: str) -> list[str]:
    """The labels of a dim as text; BalanceError where there are none, or one twice."""
    if dim not in array.coords:
        raise BalanceError(f"{what}: the dim {dim} has no labels; name every row and column.")
    labels = [str(label) for label in array[dim].values]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise BalanceError(f"{what}: {', '.join(twice[:8])} stands more than once in {dim}; allowed: once.")
    return labels


def _unlike(ours: str, labels: list[str], theirs: str, others: list[str], dim: str) -> str:
    """The text of an error: two lists of labels that should be one."""
    left = [label for label in labels if label not in others]
    right = [label for label in others if label not in labels]
    if not left and not right:
        return f"{ours}, {dim}: the labels of {theirs} in another order; allowed: the same order."
    only = [f"only in {who}: {', '.join(which[:8])}" for who, which in ((ours, left), (theirs, right)) if which]
    return f"{ours}, {dim}: {'; '.join(only)}. Make both sides equal."
