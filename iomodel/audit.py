"""Everything wrong with a user's own table, all at once.

The audit reads what the file says, runs every check that its labels allow, and repairs nothing: the list of findings is
the answer, and an empty list means that `read_table` gives a table.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from iomodel.errors import TableError
from iomodel.labels import IMPORTS
from iomodel.readers.template import Draft, is_nbs, open_sheet, parse_template
from iomodel.table import load_table
from iomodel.table_checks import DIMS, TOLERANCE, Finding, findings


def check_file(path: str | Path, *, tolerance: float = TOLERANCE) -> list[Finding]:
    """All findings about the table in `path`: a file of the layout of `write_template`, or one of `save_table`.

    An empty list means a sound table. Findings name what was found (cell by cell for CSV and Excel), what is allowed
    and what to do. Raises TableError only when there is no file, or one that is no CSV, Excel or NetCDF file.

    >>> from iomodel.shipped import shipped_file
    >>> check_file(shipped_file("tables", "china-2020.nc"))
    []
    """
    path = Path(path)
    if not path.is_file():
        raise TableError(f"There is no file {path}. Name a CSV or Excel file of the template, or a NetCDF table.")
    if path.suffix.lower() == ".nc":
        return _check_netcdf(path)
    sheet = open_sheet(path)
    if is_nbs(sheet):
        found = f"{path.name} is a table of the National Bureau of Statistics of China as published"
        remedy = "Read it with read_table(FILE, detail=DETAILED_TABLE), which checks it"
        return [Finding("a publisher's layout", found, "a file of the template", remedy)]
    draft, found = parse_template(sheet)
    if not draft.arrays:
        return found
    checked = findings(draft_arrays(draft), _complete(draft), tolerance, every=True)
    cells = any(finding.rule == "cell without a number" for finding in found)
    return found + [finding for finding in checked if not (cells and finding.rule == "missing cells")]


def _check_netcdf(path: Path) -> list[Finding]:
    try:
        load_table(path)
    except TableError as error:
        return [Finding("not a table", str(error).rstrip("."), "a table that passes every check", "See above")]
    return []


def _complete(draft: Draft) -> dict[str, object]:
    """The draft's description with year and unit that pass: their absence is in the parser's findings already."""
    return {**draft.description, "year": 2000, "unit": "unit", "sector_names": draft.names}


def draft_arrays(draft: Draft) -> dict[str, xr.DataArray]:
    """The draft's numbers as labelled arrays, NaN where a cell has none."""
    home = str(draft.description.get("home") or "HOME")
    codes = draft.labels["sector"]
    labels = {
        "region": [home, IMPORTS],
        "sector": codes,
        "to_region": [home],
        "to_sector": codes,
        "category": draft.labels["category"],
        "factor": draft.labels["factor"],
    }
    taxes = np.zeros((1, len(labels["category"])))
    arrays = {"product_taxes": taxes, **draft.arrays}
    made: dict[str, xr.DataArray] = {}
    for name, values in arrays.items():
        known = {**labels, "region": [home]} if name in ("output", "employment") else labels
        made[name] = xr.DataArray(values, coords={dim: known[dim] for dim in DIMS[name]}, dims=DIMS[name])
    return made
