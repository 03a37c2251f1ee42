"""`Table`: one checked input-output table, national or inter-country, and nothing else.

A table is labelled arrays and a description. It can only be made through a constructor that refuses what is not a
balanced table, so that no later function has to ask. Files are functions beside it: `load_table` reads a shipped name
or a NetCDF file that `save_table` wrote; foreign layouts are the readers' business.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from iomodel.errors import ResultError, TableError, nearest
from iomodel.files import OTHER_KINDS, netcdf_file, write_whole
from iomodel.labels import FINAL_DIMS, FLOW_DIMS, IMPORTS, OUTPUT_DIMS, TAX_DIMS, VALUE_ADDED_DIMS
from iomodel.shipped import shipped_file, shipped_tables
from iomodel.table_checks import TOLERANCE, Finding, checked_tolerance, file_findings, findings, identity_findings

_ARRAYS = ("flows", "final_demand", "value_added", "output", "product_taxes", "employment")
_LONG_NAMES = {
    "flows": "intermediate flows from seller to buyer",
    "final_demand": "final demand by seller and category",
    "value_added": "value added by factor",
    "output": "gross output",
    "product_taxes": "net product taxes paid by final users",
    "employment": "persons employed",
}
_STORED = {"output": {"region": "to_region", "sector": "to_sector"}, "employment": {"region": "employed_region"}}


@dataclass(frozen=True, eq=False)
class Table:
    """One input-output table; every instance has passed all checks of `iomodel.table_checks`.

    flows (region, sector, to_region, to_sector), final_demand (region, sector, to_region, category), value_added
    (factor, to_region, to_sector), output (region, sector) and product_taxes (to_region, category) are in `unit`;
    employment (region, sector) is in thousand persons, for the regions that publish it, or None. In a national table
    the sellers are the home region and IMPORTS and exports are a category; an inter-country table has neither.

    Raises TableError with what was found, what is allowed and what to do.

    >>> table = load_table("china-2020")
    >>> table.home, table.year, table.flows.shape
    ('CHN', 2020, (2, 42, 1, 42))
    """

    flows: xr.DataArray
    final_demand: xr.DataArray
    value_added: xr.DataArray
    output: xr.DataArray
    product_taxes: xr.DataArray
    employment: xr.DataArray | None
    attrs: dict[str, Any] = field(repr=False)
    tolerance: InitVar[float] = TOLERANCE

    def __post_init__(self, tolerance: float) -> None:
        arrays, tolerance = self.arrays, checked_tolerance(tolerance)
        said = {"classification": "own", **self.attrs}
        said["classification"] = _plain_path(said["classification"])
        found = [*identity_findings(said), *findings(arrays, said, tolerance)]
        if found:
            name = self.attrs.get("name") or "table"
            raise TableError("\n".join(f"{name}: {finding}" for finding in found))
        units = {name: "thousand persons" if name == "employment" else self.attrs["unit"] for name in arrays}
        for name, array in arrays.items():
            settled = xr.DataArray(
                np.array(array.values, dtype=np.float64),
                coords={dim: np.array([str(x) for x in array[dim].values]) for dim in array.dims},
                dims=array.dims,
                name=name,
                attrs={"units": units[name], "long_name": _LONG_NAMES[name]},
            )
            settled.values.setflags(write=False)
            object.__setattr__(self, name, settled)
        said |= {"year": int(said["year"]), "sha256": content_hash(self.arrays)}
        if tolerance != TOLERANCE:  # a saved table is checked again with the tolerance it was made with
            said["tolerance"] = tolerance
        object.__setattr__(self, "attrs", said)

    def __repr__(self) -> str:
        sellers = "national" if self.is_national else f"{len(self.regions)} regions"
        return f"Table({self.name}, {self.year}, {sellers} × {len(self.sectors)} sectors, {self.unit})"

    @property
    def arrays(self) -> dict[str, xr.DataArray]:
        """The labelled arrays by name; employment only where the table has it."""
        every = {name: getattr(self, name) for name in _ARRAYS}
        return {name: array for name, array in every.items() if array is not None}

    @property
    def name(self) -> str:
        """Name by which the table is loaded, or that its maker gave it."""
        return str(self.attrs["name"])

    @property
    def year(self) -> int:
        """The year that the flows belong to."""
        return int(self.attrs["year"])

    @property
    def unit(self) -> str:
        """Unit of every amount, such as "million CNY"."""
        return str(self.attrs["unit"])

    @property
    def sha256(self) -> str:
        """Hash over labels and values, the same wherever the table is made."""
        return str(self.attrs["sha256"])

    @property
    def sector_names(self) -> dict[str, str]:
        """Names of the sectors by code, in the order of the sectors (a saved description has them sorted by code)."""
        names = self.attrs["sector_names"]
        return {code: str(names[code]) for code in self.sectors}

    @property
    def regions(self) -> list[str]:
        """The regions that produce and buy (without IMPORTS)."""
        return [str(label) for label in self.flows["to_region"].values]

    @property
    def sectors(self) -> list[str]:
        """Codes of the sectors, in order."""
        return [str(label) for label in self.flows["sector"].values]

    @property
    def categories(self) -> list[str]:
        """Categories of final demand that the table has, in order."""
        return [str(label) for label in self.final_demand["category"].values]

    @property
    def factors(self) -> list[str]:
        """Factors of value added that the table has, in order."""
        return [str(label) for label in self.value_added["factor"].values]

    @property
    def is_national(self) -> bool:
        """Whether the one foreign seller is IMPORTS; an inter-country table has none."""
        return IMPORTS in self.flows["region"].values

    @property
    def is_estimate(self) -> bool:
        """Whether it is an ESTIMATE: fitted to totals, not published; its single cells are not to be quoted."""
        return bool(self.attrs.get("estimate", False))

    @property
    def home(self) -> str:
        """The home region of a national table; an inter-country table has none and says so."""
        if not self.is_national:
            raise TableError(f"{self.name} is an inter-country table without one home region; name one: {self.regions}")
        return self.regions[0]


def make_table(
    *,
    name: str,
    year: int,
    unit: str,
    regions: Sequence[str],
    sectors: Mapping[str, str],
    categories: Sequence[str],
    factors: Sequence[str],
    flows: np.ndarray,
    final_demand: np.ndarray,
    value_added: np.ndarray,
    output: np.ndarray,
    national: bool,
    product_taxes: np.ndarray | None = None,
    employment: Mapping[str, np.ndarray] | None = None,
    tolerance: float = TOLERANCE,
    **description: Any,
) -> Table:
    """A checked `Table` from plain arrays in the dims of `Table`; `sectors` maps codes to names, in order.

    `regions` are the buying regions; a national table adds the seller IMPORTS. `employment` gives thousand persons by
    sector for the regions that have them. `description` holds currency, price_basis, source, licence, edition,
    classification ("own" where none is given), history and the like. `tolerance`: the largest miss of a balance as a
    share of output, from 0 up to 1. Raises TableError.
    """
    if not isinstance(sectors, Mapping):
        raise TableError(
            f"{name}: sectors: found {str(sectors)[:60]!r} of type {type(sectors).__name__}; allowed: a mapping from "
            "code to name, in order, such as {'01': 'Agriculture'}. Of two lists make one with dict(zip(codes, names))."
        )
    codes = [str(code) for code in sectors]
    sellers = [*regions, IMPORTS] if national else list(regions)
    labels = {
        "region": sellers,
        "sector": codes,
        "to_region": list(regions),
        "to_sector": codes,
        "category": list(categories),
        "factor": list(factors),
    }

    def labelled(values: np.ndarray, dims: tuple[str, ...], **other: Sequence[str]) -> xr.DataArray:
        known = {**labels, **other}
        coords = {dim: np.array(known[dim], dtype=str) for dim in dims}
        shape = tuple(len(known[dim]) for dim in dims)
        if np.shape(values) != shape:
            raise TableError(f"{name}: an array over {dims} has shape {np.shape(values)}; the labels ask for {shape}.")
        return xr.DataArray(np.asarray(values), coords=coords, dims=dims)

    named = {str(code): str(title) for code, title in sectors.items()}
    taxes = np.zeros((len(regions), len(categories))) if product_taxes is None else product_taxes
    employed = None
    if employment is not None:
        employed = labelled(np.array(list(employment.values())), OUTPUT_DIMS, region=list(employment))
    return Table(
        flows=labelled(flows, FLOW_DIMS),
        final_demand=labelled(final_demand, FINAL_DIMS),
        value_added=labelled(value_added, VALUE_ADDED_DIMS),
        output=labelled(output, OUTPUT_DIMS, region=list(regions)),
        product_taxes=labelled(taxes, TAX_DIMS),
        employment=employed,
        attrs={"name": name, "year": year, "unit": unit, "sector_names": named, **description},
        tolerance=tolerance,
    )


def content_hash(arrays: Mapping[str, xr.DataArray]) -> str:
    """SHA-256 over names, dims, labels and the 64-bit values of the arrays, independent of file format and library."""
    digest = hashlib.sha256()
    for name in _ARRAYS:
        if (array := arrays.get(name)) is None:
            continue
        head = "\x1f".join(map(str, array.dims))
        digest.update(f"{name}\x1e{head}\x1e".encode())
        for dim in array.dims:
            digest.update("\x1f".join(str(label) for label in array[dim].values).encode() + b"\x1e")
        digest.update(np.ascontiguousarray(array.values + 0.0, dtype="<f8").tobytes())
    return digest.hexdigest()


def refuse_estimate(name: str, attrs: Mapping[str, Any], estimate_ok: bool) -> None:
    """TableError for cells that `attrs` call an ESTIMATE, unless `estimate_ok`: what writes cells out asks here."""
    if attrs.get("estimate") and not estimate_ok:
        raise TableError(
            f"{name} is an ESTIMATE: totals and large partners can be quoted, single cells cannot (they err by a "
            "third across borders). To write it out all the same pass estimate_ok=True."
        )


def save_table(table: Table, path: str | Path, *, estimate_ok: bool = False) -> Path:
    """Write `table` as one compressed NetCDF file that plain `xarray.open_dataset` reads; returns the path.

    An ESTIMATE is refused unless `estimate_ok`: its single cells are not to be passed on as if they were published.

    `output` is stored over (to_region, to_sector) and employment over employed_region, since a national table has
    more sellers than producers. Raises TableError when the file cannot be written or has the ending of another kind.

    >>> import tempfile
    >>> table = load_table("china-2020")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     load_table(save_table(table, f"{folder}/mine.nc")).sha256 == table.sha256
    True
    """
    table, path = table_required(table), netcdf_file("file", path, TableError)
    refuse_estimate(table.name, table.attrs, estimate_ok)
    stored = {
        name: array.rename({dim: new for dim, new in _STORED.get(name, {}).items() if dim in array.dims})
        for name, array in table.arrays.items()
    }
    title = f"Input-output table {table.name}, {table.year}, {table.unit}"
    attrs = {"title": title, "provenance": json.dumps(table.attrs, ensure_ascii=False, sort_keys=True)}
    encoding = {name: {"zlib": True, "complevel": 9, "shuffle": True, "_FillValue": None} for name in stored}
    dataset = xr.Dataset(stored, attrs=attrs)
    try:
        return write_whole(path, lambda part: dataset.to_netcdf(part, engine="h5netcdf", encoding=encoding))
    except ResultError as error:
        raise TableError(str(error)) from error


def load_table(name_or_path: str | Path, *, tolerance: float = TOLERANCE) -> Table:
    """A shipped table by name, or a NetCDF file written by `save_table`; every check is run again.

    The balance is held to the tolerance that the table was made with, or to `tolerance` where that is larger. Raises
    TableError: unknown name (with the nearest), missing file, no NetCDF, no table, a description that is not one of
    `save_table`, content that does not match the hash written when it was saved.

    >>> load_table("world-2011").regions[:3]
    ['CHN', 'USA', 'EU']
    """
    path = _table_path(name_or_path)
    arrays, attrs = stored_table(path)
    _refuse(path, file_findings(attrs))
    held = max(checked_tolerance(tolerance), attrs.get("tolerance", TOLERANCE))
    employment = arrays.pop("employment", None)
    table = Table(**arrays, employment=employment, attrs=attrs, tolerance=held)
    _refuse(path, changed_since(table.arrays, attrs))
    return table


def stored_table(path: Path) -> tuple[dict[str, xr.DataArray], dict[str, Any]]:
    """Arrays and description of a NetCDF file of `save_table`, before any check; TableError if it is none."""
    dataset = _open(path)
    missing = [name for name in _ARRAYS[:5] if name not in dataset]
    if missing or "provenance" not in dataset.attrs:
        raise TableError(
            f"{path} is a NetCDF file but not a table of iomodel: it lacks {', '.join(missing) or 'provenance'}."
            " Make one with save_table, or read a foreign file with read_table."
        )
    try:
        attrs = json.loads(dataset.attrs["provenance"])
    except (TypeError, ValueError, RecursionError):
        attrs = None
    if not isinstance(attrs, dict):
        raise TableError(
            f"{path}: its attribute provenance is {str(dataset.attrs['provenance'])[:60]!r}; allowed: the description "
            "of the table as a JSON object. Make the file again with save_table."
        )
    try:
        return {name: _restored(dataset, name) for name in _ARRAYS if name in dataset}, attrs
    except ValueError as error:
        raise TableError(f"{path}: its dimensions are not those of save_table: {error}. Make it again.") from error


def changed_since(arrays: Mapping[str, xr.DataArray], attrs: Mapping[str, Any]) -> Iterator[Finding]:
    """A finding where the content is not what the hash says that `save_table` wrote into the description."""
    now, saved = content_hash(arrays), str(attrs["sha256"])
    if now != saved:
        found = f"content hash {now[:12]} is not {saved[:12]} as written when it was saved"
        yield Finding("content hash", found, "", "The file was changed afterwards; make it again from its source")


def _refuse(path: Path, found: Iterator[Finding]) -> None:
    """TableError with all findings about the file at `path`, where there are any."""
    if lines := [f"{path}: {finding}" for finding in found]:
        raise TableError("\n".join(lines))


def _plain_path(classification: object) -> object:
    return str(classification) if isinstance(classification, Path) else classification


def table_required(table: object) -> Table:
    """`table` if it is a `Table`; TableError says how to come from a name or a file to one."""
    if isinstance(table, Table):
        return table
    if isinstance(table, str | Path):
        advice = f"load it first: load_table({str(table)!r}), or read_table for a foreign file"
    else:
        advice = "make one with load_table, read_table or make_table"
    raise TableError(f"A table is needed, found {str(table)[:60]!r} of type {type(table).__name__}; {advice}.")


def producer_required(region: str, name: str, regions: Sequence[str]) -> None:
    """TableError that lists the producing `regions` of the table `name` where `region` is none of them."""
    if region not in regions:
        raise TableError(
            f"region {region!r} is no producer of table {name!r}; choose with region= one that it has: "
            f"{', '.join(regions)}.{nearest(str(region), regions)}"
        )


def _table_path(name_or_path: str | Path) -> Path:
    if not isinstance(name_or_path, str | Path) or not str(name_or_path).strip():
        raise TableError(
            f"load_table takes the name of a shipped table ({', '.join(shipped_tables())}) or the path of a NetCDF "
            f"file, found {name_or_path!r}."
        )
    text = str(name_or_path)
    shipped = shipped_file("tables", f"{text}.nc")
    if isinstance(name_or_path, str) and text in shipped_tables():
        return shipped
    path = Path(name_or_path)
    if path.is_file():
        return path
    if path.is_dir():
        raise TableError(f"{path} is a folder. Name a shipped table ({', '.join(shipped_tables())}) or a NetCDF file.")
    if path.suffix or path.parent != Path():
        raise TableError(f"There is no file {path}. Name a shipped table ({', '.join(shipped_tables())}) or a file.")
    hint = nearest(text, shipped_tables())
    raise TableError(f"There is no table {text!r}; shipped: {', '.join(shipped_tables())}.{hint}")


def _open(path: Path) -> xr.Dataset:
    if path.suffix.lower() in OTHER_KINDS:
        raise TableError(f"{path} is a {path.suffix} file; load_table reads NetCDF. Use read_table for it.")
    try:
        with xr.open_dataset(path, engine="h5netcdf") as dataset:
            return dataset.load()
    except (OSError, ValueError, KeyError, RuntimeError, AttributeError, TypeError) as error:
        raise TableError(f"{path} is no readable NetCDF file ({error}). Make it again with save_table.") from error


def _restored(dataset: xr.Dataset, name: str) -> xr.DataArray:
    array = dataset[name]
    return array.rename({new: dim for dim, new in _STORED.get(name, {}).items() if new in array.dims})
