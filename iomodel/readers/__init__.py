"""Readers: one source, one file, one function that turns the source's files into a checked `Table`.

`read_table` looks at a file and hands it to the reader of its layout; nothing is guessed about its numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from iomodel.errors import TableError
from iomodel.readers.cells import read_grid
from iomodel.table import Table, load_table


def read_table(path: str | Path, **options: Any) -> Table:
    """A foreign file as a checked `Table`: the layout of `write_template` (CSV or Excel), or a publisher's file.

    The published layouts need more than one file, so their readers take options: the 42-sector tables of the National
    Bureau of Statistics of China `detail=` (the detailed table of the same year), WIOD `accounts=`, `regions=` and
    `depreciation_share=`. Raises TableError for a missing file, an unknown layout, or a table that is not sound.
    """
    path = Path(path)
    if not path.is_file():
        raise TableError(f"There is no file {path}. Give the path of a CSV or Excel file; `iomodel tables template`"
                         " writes one to fill in.")
    suffix = path.suffix.lower()
    if suffix == ".nc":
        return load_table(path)
    if suffix in (".rda", ".rdata"):
        from iomodel.readers.wiod import read_wiod

        return read_wiod(path, **options)
    if suffix not in (".csv", ".xlsx", ".xlsm"):
        raise TableError(f"{path.name} ends in {suffix or 'nothing'}; read_table knows .csv, .xlsx, .rda and .nc.")
    if suffix == ".csv" and read_grid(path).header[:4] == ["Code", "Description", "DescriptionInChinese", "Origin"]:
        from iomodel.readers.nbs import read_nbs

        return read_nbs(path, **options)
    from iomodel.readers.template import read_template

    return read_template(path, **options)
