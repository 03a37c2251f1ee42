"""A user's own country: one documented layout, in CSV or Excel, and the way from any foreign file to a `Table`.

The layout is one sheet: lines that say what the table is, then one heading and one row for each domestic product, each
imported product and each item of value added. The reader takes every cell as it stands. What is missing, doubled or no
number is found and named by its cell, never repaired.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from iomodel.errors import TableError, nearest
from iomodel.labels import CATEGORIES, FACTORS
from iomodel.readers.cells import Grid, column_letters, grid, read_grid
from iomodel.readers.layout import DESCRIPTION, EXAMPLE_MAP, EXAMPLE_ROWS, GUIDE, HEADING, LABEL_COLUMNS, ORIGINS
from iomodel.table import Table, load_table, make_table
from iomodel.table_checks import TOLERANCE, Finding, checked_tolerance, description_findings
from iomodel.values import file_path

_NUMBER = "a number in every cell of the table, 0 only where the source says zero"


@dataclass(frozen=True)
class Draft:
    """What a file of the layout says, sound or not: arguments for `make_table` where the labels allow arrays."""

    description: dict[str, Any]
    labels: dict[str, list[str]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


def read_table(path: str | Path, **options: Any) -> Table:
    """A foreign file as a checked `Table`: the layout of `write_template` (CSV or Excel), or a publisher's file.

    The published layouts need more than one file, so their readers take options: the 42-sector tables of the National
    Bureau of Statistics of China `detail=` (the detailed table of the same year), WIOD `accounts=`, `regions=` and
    `depreciation_share=`. `tolerance=` (a share of output, from 0 up to 1) loosens the balance of a file of our layout
    or of a saved table. Raises TableError for a missing file, an unknown layout, or a table that is not sound.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table = read_table(write_template(folder)[0])
    >>> table.home, table.year, table.sectors
    ('EXA', 2020, ['01', '02', '03', '04', '05', '06', '07', '08', '09', '10', '11'])
    """
    path = file_path("read_table", path, TableError)
    if "tolerance" in options:
        options["tolerance"] = checked_tolerance(options["tolerance"])
    if path.is_dir():
        raise TableError(f"{path} is a folder. Give the path of a CSV, Excel or NetCDF file in it.")
    if not path.is_file():
        raise TableError(
            f"There is no file {path}. Give the path of a CSV or Excel file; `iomodel tables template` writes one to"
            " fill in."
        )
    suffix = path.suffix.lower()
    if suffix == ".nc":
        return load_table(path, **options)
    if suffix in (".rda", ".rdata"):
        from iomodel.readers.wiod import read_wiod

        _require(path, options, ("accounts", "depreciation_share"))
        return read_wiod(path, **options)
    sheet = open_sheet(path)
    if is_nbs(sheet):
        from iomodel.readers.nbs import read_nbs

        _require(path, options, ("detail",))
        return read_nbs(path, **options)
    return read_template(path, **options)


def is_nbs(sheet: Grid) -> bool:
    """Whether a grid has the heading of the 42-sector tables of China."""
    return sheet.header[:4] == ["Code", "Description", "DescriptionInChinese", "Origin"]


def read_template(path: str | Path, *, tolerance: float = TOLERANCE) -> Table:
    """A file of the layout of `write_template` as a national `Table`; TableError with all findings, cell by cell.

    A classification that names a CSV, the user's own sector map, is kept as its whole path: the table finds it from
    everywhere, also when it is saved.
    """
    draft, found = parse_template(open_sheet(Path(path)))
    if found:
        raise TableError("\n".join(str(finding) for finding in found))
    return draft_table(draft, tolerance, Path(path).parent)


def classification_from(text: str, folder: Path) -> str:
    """A classification as a file in `folder` states it: the path of a map of one's own made whole, a name as it is."""
    return str((folder / text).resolve()) if text.lower().endswith(".csv") else text


def draft_table(draft: Draft, tolerance: float = TOLERANCE, folder: Path = Path()) -> Table:
    """The checked table that a draft without findings describes; `folder` is where its file lies."""
    said: dict[str, Any] = {"name": "table", "classification": "own", "history": ["read from the layout as it stands"]}
    said |= {key: value for key, value in draft.description.items() if key != "home"} | draft.arrays
    said["classification"] = classification_from(str(said["classification"]).strip(), folder)
    employment = said.pop("employment", None)
    home = draft.description["home"]
    return make_table(
        regions=[home],
        sectors=draft.names,
        categories=draft.labels["category"],
        factors=draft.labels["factor"],
        employment=None if employment is None else {home: employment[0]},
        national=True,
        tolerance=tolerance,
        **said,
    )


def write_template(folder: str | Path) -> list[Path]:
    """Write the layout into `folder`, filled with a small valid example that goes through the main job.

    national.csv and national.xlsx hold the table, map.csv its sector map, README.md explains both.

    Raises TableError when the folder cannot be written or holds files of these names.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in write_template(folder)]
    ['national.csv', 'national.xlsx', 'map.csv', 'README.md']
    """
    folder = file_path("write_template", folder, TableError)
    paths = [folder / name for name in ("national.csv", "national.xlsx", "map.csv", "README.md")]
    taken = [path.name for path in paths if path.exists()]
    if taken:
        raise TableError(f"{folder} already holds {', '.join(taken)}; name another folder, or move them away.")
    rows = [[key, text] for key, text in DESCRIPTION] + [[]] + [list(HEADING)] + [list(row) for row in EXAMPLE_ROWS]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, lines in ((paths[0], rows), (paths[2], EXAMPLE_MAP)):
            with path.open("w", encoding="utf-8-sig", newline="") as stream:
                csv.writer(stream, lineterminator="\n").writerows(lines)
        _write_excel(paths[1], rows)
        paths[3].write_text(GUIDE, encoding="utf-8", newline="\n")
    except OSError as error:
        raise TableError(
            f"Cannot write the template to {folder}: {error}. Name a folder that can be written."
        ) from error
    return paths


def _write_excel(path: Path, rows: Sequence[Sequence[str]]) -> None:
    openpyxl = _openpyxl()
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "table"
    for row, cells in enumerate(rows, start=1):
        for column, text in enumerate(cells, start=1):
            cell = sheet.cell(row, column)
            number = row > len(DESCRIPTION) + 2 and column > LABEL_COLUMNS and text != ""
            cell.value = float(text) if number else text
            if not number:
                cell.number_format = "@"  # labels stay text when the user edits them: "01" must not become 1
    guide = book.create_sheet("guide")
    for line in GUIDE.splitlines():
        guide.append([line])
    book.save(path)


def _openpyxl() -> Any:
    try:
        import openpyxl
    except ImportError as error:
        raise TableError("Excel files need the package openpyxl: pip install openpyxl.") from error
    return openpyxl


def _require(path: Path, options: Mapping[str, Any], names: Sequence[str]) -> None:
    missing = [name for name in names if name not in options]
    if missing:
        raise TableError(f"{path.name} is a publisher's file; its reader needs {', '.join(f'{x}=' for x in missing)}.")


def open_sheet(path: Path) -> Grid:
    """The cells of a CSV file, or of an Excel workbook's sheet `table` (its first sheet where there is none such)."""
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return read_grid(path)
    if suffix not in (".xlsx", ".xlsm"):
        raise TableError(f"{path.name} ends in {suffix or 'nothing'}; read_table knows .csv, .xlsx, .rda and .nc.")
    if not path.is_file():
        raise TableError(f"There is no file {path}.")
    try:
        import python_calamine
    except ImportError as error:
        raise TableError("Excel files need the package python-calamine: pip install python-calamine.") from error
    try:
        with python_calamine.CalamineWorkbook.from_path(path) as book:
            name = "table" if "table" in book.sheet_names else book.sheet_names[0]
            values = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, OSError, IndexError) as error:
        raise TableError(f"{path} is no readable Excel workbook ({error}). Save it as .xlsx.") from error
    typed = ((r, c) for r, row in enumerate(values) for c, value in enumerate(row) if isinstance(value, int | float))
    return grid(path.name, [[_text(value) for value in row] for row in values], typed)


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return value if isinstance(value, str) else repr(value) if isinstance(value, float) else str(value)


def parse_template(sheet: Grid) -> tuple[Draft, list[Finding]]:
    """What a grid of the layout says, and everything found that keeps it from being a table.

    The arrays of the draft hold NaN where a cell has no number; they are absent where the labels do not allow any.
    """
    heading = next((row for row, cells in enumerate(sheet.cells) if cells[:3] == HEADING[:3]), None)
    description = _describe(sheet, len(sheet.cells) if heading is None else heading)
    found = list(description_findings(description)) + list(_unknown_keys(sheet, heading))
    if not str(description.get("home", "")).strip():
        found.append(Finding("home absent", "no line `home`", "a region code such as AUT", "Add the line `home`"))
    if heading is None:
        allowed = f"a heading that starts {', '.join(HEADING[:3])}"
        found.append(Finding("no heading", f"{sheet.source} has no heading row", allowed, "Start from the template"))
        return Draft(description), found
    labels, places, bad = _structure(sheet, heading)
    if bad:
        return Draft(description, labels), found + bad
    arrays, cells = _arrays(sheet, places)
    names = {sheet.cells[row][1]: sheet.cells[row][2] for row in places["domestic"]}
    return Draft(description, labels, names, arrays), found + cells


def _describe(sheet: Grid, heading: int) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for cells in sheet.cells[:heading]:
        if cells[0].strip() and len(cells) > 1 and cells[1].strip():
            said[cells[0].strip()] = cells[1]
    year = str(said.get("year", "")).strip()
    said["year"] = int(year) if year.isdecimal() else (year or None)
    return said


def _unknown_keys(sheet: Grid, heading: int | None) -> Iterator[Finding]:
    known = [key for key, _ in DESCRIPTION]
    for row, cells in enumerate(sheet.cells[: heading or 0]):
        key = cells[0].strip()
        if key and key not in known:
            found = f"{sheet.where(row, 0)} holds {key!r}"
            yield Finding("unknown line", found, ", ".join(known), nearest(key, known).strip() or "Remove the line")


def _structure(sheet: Grid, heading: int) -> tuple[dict[str, list[str]], dict[str, list[int]], list[Finding]]:
    """Labels by dimension, rows and columns by part, and what is wrong with them."""
    head = list(sheet.cells[heading])
    columns = {place: text for place, text in enumerate(head) if place > 2 and text.strip()}
    places: dict[str, list[int]] = {origin: [] for origin in ORIGINS}
    found: list[Finding] = []
    for row in range(heading + 1, len(sheet.cells)):
        origin = sheet.cells[row][0].strip()
        if origin in places:
            places[origin].append(row)
        elif any(text.strip() for text in sheet.cells[row]):
            hint = nearest(origin, ORIGINS).strip() or "Remove the row, totals included"
            found.append(Finding("unknown row", f"{sheet.where(row, 0)} holds {origin!r}", ", ".join(ORIGINS), hint))
    places["sector"] = [place for place, text in columns.items() if text not in (*CATEGORIES, "output")]
    places["category"] = [place for place, text in columns.items() if text in CATEGORIES]
    places["total"] = [place for place, text in columns.items() if text == "output"]
    strange, found_columns = _unknown_columns(sheet, heading, places)
    places["sector"] = [place for place in places["sector"] if place not in strange]
    found += found_columns
    labels = {"sector": [head[place] for place in places["sector"]]}
    labels["category"] = [head[place] for place in places["category"]]
    labels["factor"] = [sheet.cells[row][1] for row in places["value_added"]]
    coded = [row for origin in ORIGINS for row in places[origin]]
    label_cells = [(row, 1) for row in coded] + [(heading, column) for column in columns]
    for row, column in label_cells:
        if (row, column) in sheet.typed:
            said = f"{sheet.where(row, column)} holds the number {sheet.cells[row][column]} where a code belongs"
            found.append(
                Finding("code is a number", said, "codes as text", "Format the cell as text and type it again")
            )
    found += _label_findings(sheet, labels, places)
    found += _absent(labels, places, [finding.remedy for finding in found_columns])
    return labels, places, found


def _unknown_columns(sheet: Grid, heading: int, places: Mapping[str, list[int]]) -> tuple[set[int], list[Finding]]:
    """Columns that are neither a final use nor a code of any row, each named once with what it may have meant."""
    codes = {sheet.cells[row][1] for origin in ("domestic", "imports") for row in places[origin]}
    allowed = (*CATEGORIES, "output")
    strange = {place for place in places["sector"] if sheet.cells[heading][place] not in codes} if codes else set()
    found: list[Finding] = []
    for place in sorted(strange):
        name = sheet.cells[heading][place]
        hint = nearest(name, [*allowed, *sorted(codes)]).strip() or "Rename it, or add its rows"
        said = f"{sheet.where(heading, place)} holds {name!r}, which is no row's code and no final use"
        found.append(Finding("unknown column", said, f"a sector's code, or {', '.join(allowed)}", hint))
    return strange, found


def _label_findings(sheet: Grid, labels: Mapping[str, list[str]], places: Mapping[str, list[int]]) -> Iterator[Finding]:
    columns = labels["sector"]
    for origin in ("domestic", "imports"):
        rows = [sheet.cells[row][1] for row in places[origin]]
        if rows != columns:
            left = [code for code in rows if code not in columns]
            right = [code for code in columns if code not in rows]
            only = [", ".join(codes) or "none" for codes in (left, right)]
            found = f"only in the rows {origin}: {only[0]}; only in the columns: {only[1]}"
            if not left and not right:
                found = f"rows {origin} have the codes {', '.join(rows)}, the columns {', '.join(columns)}"
            hint = "".join(nearest(code, CATEGORIES) for code in right).strip() or "Make both sides equal"
            yield Finding("unequal labels", found, "the same codes in the same order", hint)
    for what, codes in {"columns": columns + labels["category"], "value_added": labels["factor"]}.items():
        twice = sorted({code for code in codes if codes.count(code) > 1})
        if twice:
            remedy = "Give every one a code of its own"
            yield Finding("duplicate labels", f"{what} hold {', '.join(twice)} more than once", "once", remedy)
    for factor in labels["factor"]:
        if factor not in FACTORS:
            hint = nearest(factor, FACTORS).strip() or "Use one of these"
            yield Finding("unknown label", f"value_added has {factor!r}", ", ".join(FACTORS), hint)
    for name in ("product_taxes", "employment"):
        if len(places[name]) > 1:
            yield Finding("duplicate labels", f"{len(places[name])} rows {name}", "one at most", "Keep one")


def _absent(
    labels: Mapping[str, list[str]], places: Mapping[str, list[int]], hints: Sequence[str]
) -> Iterator[Finding]:
    """Parts without which there is no table, those left out that a misspelled column has named already."""
    needed = {"exports": "exports" in labels["category"], "output": len(places["total"]) == 1}
    needed |= {"value_added": bool(labels["factor"]), "domestic": bool(places["domestic"])}
    for name, there in needed.items():
        if not there and not any(f" {name}" in hint.replace("?", " ") for hint in hints):
            kind = "column" if name in ("exports", "output") else "row"
            yield Finding("part absent", f"no {kind} {name}", f"at least one {kind} {name}", "Add it from the source")


def _arrays(sheet: Grid, places: Mapping[str, list[int]]) -> tuple[dict[str, np.ndarray], list[Finding]]:
    bad: list[str] = []
    sellers = [places["domestic"], places["imports"]]
    sectors, uses = places["sector"], places["category"]
    arrays = {
        "flows": np.stack([_block(sheet, rows, sectors, bad) for rows in sellers])[:, :, None, :],
        "final_demand": np.stack([_block(sheet, rows, uses, bad) for rows in sellers])[:, :, None, :],
        "output": _block(sheet, places["domestic"], places["total"], bad)[:, 0][None, :],
        "value_added": _block(sheet, places["value_added"], sectors, bad)[:, None, :],
    }
    if places["product_taxes"]:
        arrays["product_taxes"] = _block(sheet, places["product_taxes"], uses, bad)
    if places["employment"]:
        arrays["employment"] = _block(sheet, places["employment"], sectors, bad)
    found = [Finding("cell without a number", text, _NUMBER, "Fill it from the source") for text in bad]
    return arrays, found + list(_strays(sheet, places))


def _strays(sheet: Grid, places: Mapping[str, list[int]]) -> Iterator[Finding]:
    """Cells that hold something where the layout has nothing: it may be a shifted row."""
    inside = {
        "domestic": {"sector", "category", "total"},
        "imports": {"sector", "category"},
        "value_added": {"sector"},
        "product_taxes": {"category"},
        "employment": {"sector"},
    }
    for origin, parts in inside.items():
        columns = {column for part in parts for column in places[part]}
        for row in places[origin]:
            for column in range(LABEL_COLUMNS, len(sheet.cells[row])):
                if column not in columns and sheet.cells[row][column].strip():
                    said = f"{sheet.where(row, column)} of a row {origin} holds {sheet.cells[row][column]!r}"
                    yield Finding("cell outside the table", said, "an empty cell", "Remove it, or shift the row back")


def _block(sheet: Grid, rows: Sequence[int], columns: Sequence[int], bad: list[str]) -> np.ndarray:
    """Numbers of a block, NaN where a cell has none; such cells are added to `bad` with row and column named."""
    values = np.full((len(rows), len(columns)), np.nan)
    heading = next(row for row, cells in enumerate(sheet.cells) if cells[:3] == HEADING[:3])
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            problem = sheet.problem(row, column)
            if problem:
                origin, code = sheet.cells[row][:2]
                named = f"row {origin} {code}, column {sheet.cells[heading][column]}"
                where = f"{sheet.source}, cell {column_letters(column)}{row + 1}"
                text = sheet.cells[row][column]
                said = f"holds {text!r}, which is no number" if text.strip() else "is empty"
                bad.append(f"{where} ({named}) {said}")
            else:
                values[i, j] = float(sheet.cells[row][column])
    return values
