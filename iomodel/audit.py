"""Everything wrong with a user's own table, all at once.

The audit reads what the file says, runs every check that its labels allow, and repairs nothing: the list of findings is
the answer, and an empty list means that `read_table` gives a table which has the sector map and the jobs that
calibration asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from iomodel.classifications.nesting import nesting
from iomodel.classifications.sector_maps import map_faults, shipped_maps
from iomodel.errors import TableError
from iomodel.labels import IMPORTS
from iomodel.readers.template import Draft, classification_from, is_nbs, open_sheet, parse_template
from iomodel.table import changed_since, stored_table
from iomodel.table_checks import DIMS, TOLERANCE, Finding, checked_tolerance, file_findings, findings
from iomodel.values import file_path


def check_file(path: str | Path, *, tolerance: float = TOLERANCE) -> list[Finding]:
    """All findings about the table in `path`: a file of the layout of `write_template`, or one of `save_table`.

    An empty list means a sound table that can be calibrated: its sector map has a line for each sector, and it has jobs
    (those of China's official classification come with the package). Findings name what was found (cell by cell for
    CSV and Excel), what is allowed and what to do. `tolerance`: the largest miss of a balance as a share of output; a
    saved table that was made with a larger one is held to that. Raises TableError only when there is no file, or one
    that is no CSV, Excel or NetCDF file, or for a tolerance that is no number from 0 up to 1.

    >>> from iomodel.shipped import shipped_file
    >>> check_file(shipped_file("tables", "china-2020.nc"))
    []
    """
    path, tolerance = file_path("check", path, TableError), checked_tolerance(tolerance)
    if path.is_dir():
        raise TableError(f"{path} is a folder. Name a CSV or Excel file of the template, or a NetCDF table.")
    if not path.is_file():
        raise TableError(f"There is no file {path}. Name a CSV or Excel file of the template, or a NetCDF table.")
    if path.suffix.lower() == ".nc":
        return _check_netcdf(path, tolerance)
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
    found += [finding for finding in checked if not (cells and finding.rule == "missing cells")]
    stated = str(draft.description.get("classification") or "").strip()
    found += _map_findings(classification_from(stated, path.parent), draft.labels["sector"])
    return found + _job_findings("employment" in draft.arrays, stated, str(draft.description.get("home")))


def _map_findings(classification: str, sectors: Sequence[str]) -> list[Finding]:
    """What keeps the sector map of a table from being used."""
    if classification in ("", "own"):
        found = "no line `classification` names one" if not classification else "classification is 'own'"
        allowed = f"the path of a map of your own such as map.csv, or one of {', '.join(shipped_maps())}"
        remedy = "Write a line for each sector; `iomodel tables template` gives the form"
        return [Finding("sector map", found, allowed, remedy)]
    return [Finding("sector map", fault, "", "") for fault in map_faults(classification, sectors)]


def _job_findings(there: bool, classification: str, home: str) -> list[Finding]:
    """Whether calibration finds jobs by sector."""
    if there or (home == "CHN" and nesting(classification)):
        return []
    found = "no row employment: the table can be read but not calibrated"
    return [Finding("jobs absent", found, "thousand persons by sector", "Add the row employment from the source")]


def _check_netcdf(path: Path, tolerance: float) -> list[Finding]:
    try:
        arrays, attrs = stored_table(path)
    except TableError as error:
        return [Finding("not a table", str(error), "", "")]
    described = list(file_findings(attrs))
    held = TOLERANCE if any(finding.rule == "tolerance" for finding in described) else attrs.get("tolerance", TOLERANCE)
    checked = findings(arrays, attrs, max(tolerance, held), every=True)
    found = described + checked
    if not any(finding.rule in ("content hash", "no number") for finding in found):
        found += changed_since(arrays, attrs)
    flows, classification = arrays["flows"], attrs.get("classification")
    if flows.dims != DIMS["flows"]:
        return found
    if isinstance(classification, str):
        found += _map_findings(classification, [str(code) for code in flows["sector"].values])
    homes = [str(region) for region in flows["to_region"].values]
    return found + _job_findings("employment" in arrays, str(classification), "".join(homes[:1]))


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
