"""The audit shows everything about a user's own file at once and repairs nothing."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from small_country import MAP, TABLE, write_small

from iomodel.audit import check_file
from iomodel.errors import TableError
from iomodel.readers.template import read_table, write_template
from iomodel.table import save_table


@pytest.fixture
def example() -> str:
    """A small sound table as text."""
    return TABLE


def said(tmp_path: Path, text: str, sector_map: str | None = MAP) -> list[str]:
    """The findings about a CSV file with this text beside this map."""
    return [str(finding) for finding in check_file(write_small(tmp_path, text, sector_map))]


def test_the_template_itself_is_sound(tmp_path: Path) -> None:
    csv_file, excel_file, *_ = write_template(tmp_path / "template")
    assert check_file(csv_file) == []
    assert check_file(excel_file) == []
    assert said(tmp_path, TABLE) == []


@pytest.mark.parametrize(
    ("sector_map", "text"),
    [
        (None, "sector map: There is no sector map '"),
        (MAP.replace("S,Services", "T,Services"), "sector map: The map map.csv has no line for 1 of 3 sectors: S."),
        (MAP.replace(",services,1.2", ",service,1.2"), "sector map: map.csv, line 4, column group: found 'service'"),
    ],
)
def test_a_map_that_calibration_could_not_use(tmp_path: Path, sector_map: str | None, text: str) -> None:
    (found,) = said(tmp_path, TABLE, sector_map)
    assert text in found


def test_a_map_and_jobs_are_asked_for_with_all_that_is_wrong(tmp_path: Path) -> None:
    text = "\n".join(line for line in TABLE.splitlines() if not line.startswith("employment"))
    found = said(tmp_path, text.replace("classification,map.csv", "classification,").replace("24,390", "25,390"))
    assert [line.partition(":")[0] for line in found] == ["rows miss balance", "sector map", "jobs absent"]
    assert "no line `classification`" in found[1]
    assert "the table can be read but not calibrated" in found[2]


def test_a_saved_table_is_asked_for_its_map_too(tmp_path: Path) -> None:
    saved = save_table(read_table(write_small(tmp_path)), tmp_path / "saved" / "own.nc")
    assert check_file(saved) == []
    (tmp_path / "map.csv").unlink()
    (found,) = check_file(saved)
    assert "There is no sector map" in str(found)


def test_all_that_is_wrong_with_a_saved_table_comes_at_once(tmp_path: Path) -> None:
    saved = save_table(read_table(write_small(tmp_path)), tmp_path / "own.nc")
    (tmp_path / "map.csv").unlink()
    with xr.open_dataset(saved) as plain:
        dataset = plain.load()
    said_of_it = json.loads(dataset.attrs["provenance"])
    del said_of_it["name"], said_of_it["year"]
    dataset.attrs["provenance"] = json.dumps({**said_of_it, "tolerance": "x"})
    dataset["flows"].values[0, 0, 0, 0] = np.nan
    dataset["output"].values[0, 2] += 7
    dataset["final_demand"].values[1, 0, 0, 0] = np.inf
    dataset.drop_vars("employment").to_netcdf(tmp_path / "broken.nc", engine="h5netcdf")
    found = [str(finding) for finding in check_file(tmp_path / "broken.nc")]
    assert [line.partition(":")[0] for line in found] == [
        "name absent", "tolerance", "year absent", "missing cells", "missing cells", "rows miss balance",
        "columns miss balance", "content hash", "sector map", "jobs absent",
    ]  # fmt: skip
    assert "1 cells of flows are missing or not finite, first region EXA, sector 01" in found[3]
    assert "region EXA, sector S by -7" in found[5]
    assert "The file was changed afterwards" in found[7]
    text = dataset["output"].astype(str)
    dataset.assign(output=text).to_netcdf(tmp_path / "text.nc", engine="h5netcdf")
    assert any("no number: output holds" in str(finding) for finding in check_file(tmp_path / "text.nc"))
    dataset.assign(output=dataset["output"].rename(to_region="x")).to_netcdf(tmp_path / "dims.nc", engine="h5netcdf")
    assert any("dimensions: output has ('x', 'sector')" in str(one) for one in check_file(tmp_path / "dims.nc"))


def test_a_larger_tolerance_is_asked_for_and_checked(tmp_path: Path) -> None:
    path = write_small(tmp_path, TABLE.replace("24,390", "24,390.5"))
    assert len(check_file(path)) == 2
    assert check_file(path, tolerance=0.01) == []
    saved = save_table(read_table(path, tolerance=0.01), tmp_path / "own.nc")
    assert check_file(saved) == []
    for wrong in (math.nan, math.inf, True, "x", None, -0.1, 1):
        with pytest.raises(TableError, match=r"tolerance: found .*; allowed: a number from 0 up to 1, without 1"):
            check_file(path, tolerance=wrong)  # type: ignore[arg-type]


def test_many_findings_come_at_once_and_cells_are_named(tmp_path: Path, example: str) -> None:
    text = example.replace("year,2020", "year,").replace("domestic,M,Manufacturing,15", "domestic,M,Manufacturing,n.a.")
    text = text.replace("imports,01,Agriculture,2", "imports,01,Agriculture,").replace("24,390", "25,390")
    found = said(tmp_path, text)
    assert found == [
        "year absent: no year is stated. Allowed: a whole number such as 2020. State the table's year.",
        (
            "cell without a number: own.csv, cell D13 (row domestic M, column 01) holds 'n.a.', which is no number."
            " Allowed: a number in every cell of the table, 0 only where the source says zero. Fill it from the source."
        ),
        (
            "cell without a number: own.csv, cell D15 (row imports 01, column 01) is empty."
            " Allowed: a number in every cell of the table, 0 only where the source says zero. Fill it from the source."
        ),
        (
            "rows miss balance: 1 of 3 rows do not balance, worst region EXA, sector S by +1 (uses 391, output 390)."
            " Allowed: 1e-06 of the larger of output and a millionth of total output. Correct the source, or pass a"
            " larger tolerance= (`iomodel check --tolerance`)."
        ),
    ]


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("unit,", "unt,", "unknown line: own.csv, cell A4 (row 4, column 1) holds 'unt'"),
        ("unit,", "unt,", "Did you mean unit?"),
        ("unit,million EXD", "unit,", "unit absent: no unit is stated"),
        ("home,EXA", "home,", "home absent: no line `home`"),
        ("imports,S,", "imports,Serv,", "only in the rows imports: Serv; only in the columns: S"),
        ("01,M,S,household", "01,S,M,household", "rows domestic have the codes 01, M, S, the columns 01, S, M"),
        ("household,", "houshold,", "(row 11, column 7) holds 'houshold', which is no row's code and no final use"),
        ("household,", "houshold,", "Did you mean household?"),
        ("01,M,S,household", "01,M,M,household", "duplicate labels: columns hold M more than once"),
        ("domestic,01", "domstic,01", "unknown row: own.csv, cell A12 (row 12, column 1) holds 'domstic'"),
        ("value_added,compensation", "value_added,wages", "unknown label: value_added has 'wages'"),
        (",exports,", ",,", "part absent: no column exports"),
        (",output", ",", "part absent: no column output"),
        ("25,1,4,", "25,1,4,77", "cell outside the table: own.csv, cell N16"),
        ("24,390", '24,"1,390"', "holds '1,390', which is no number"),
        ("24,390", "24,nan", "which is no number"),
        ("24,390", "24,3_9_0", "which is no number"),
        ("M,Manufacturing", "M,Total manufacturing", "totals inside: sector M looks like a total (by name)"),
        ("origin,code,name", "origin;code;name", "no heading: own.csv has no heading row"),
        ("employment,employment,thousand", "employment,employment,x,1,2,3\nemployment,e,thousand", "2 rows employment"),
    ],
)
def test_each_finding_names_what_where_and_how(tmp_path: Path, example: str, old: str, new: str, text: str) -> None:
    changed = example.replace(old, new, 1)
    assert changed != example
    assert any(text in line for line in said(tmp_path, changed)), said(tmp_path, changed)


@pytest.mark.parametrize(("old", "new"), [("household,", "houshold,"), (",exports,", ",exprts,"), (",M,S,", ",M,Sv,")])
def test_a_misspelled_column_is_blamed_once(tmp_path: Path, example: str, old: str, new: str) -> None:
    found = said(tmp_path, example.replace(old, new, 1))
    assert [line for line in found if line.startswith("unknown column")] == [
        line for line in found if new.strip(",").split(",")[-1] in line
    ]
    assert len([line for line in found if "absent" in line]) == 0
    assert len(found) == (1 if old != ",M,S," else 3)  # a sector's rows lack their column, too


def test_every_cell_of_the_map_is_found_at_once(tmp_path: Path) -> None:
    spoilt = (
        MAP.replace("primary,food", "first,food").replace(",1.2,equipment", ",much,tools").replace("S,Serv", "T,Serv")
    )
    found = said(tmp_path, TABLE, spoilt)
    assert found == [
        "sector map: map.csv, line 2, column broad: found 'first', allowed are primary, manufacturing, services.",
        "sector map: map.csv, line 3, column engel: found 'much', which is no number.",
        "sector map: map.csv, line 3, column asset: found 'tools', allowed are construction, equipment, intangible.",
        (
            "sector map: The map map.csv has no line for 1 of 3 sectors: S. Add a line for each, with the columns that "
            "tables/maps/README.md explains."
        ),
    ]
    (tmp_path / "map.csv").write_bytes("sector,name\nÖ".encode("latin-1"))
    assert "sector map: map.csv is no UTF-8 CSV file" in str(check_file(tmp_path / "own.csv")[0])


def test_no_finding_says_a_thing_twice(tmp_path: Path) -> None:
    broken = tmp_path / "broken.nc"
    broken.write_bytes(b"CDF?")
    (found,) = check_file(broken)
    for words in ("..", "?.", "Allowed: .", "See above"):
        assert words not in str(found)


def test_transposed_flows_and_coefficients(tmp_path: Path, example: str) -> None:
    turned = example.replace("Agriculture,10,30,5", "Agriculture,10,15,10")
    turned = turned.replace("Manufacturing,15,60,40", "Manufacturing,30,60,50")
    turned = turned.replace("Services,10,50,60", "Services,5,40,60")
    assert "looks transposed" in said(tmp_path, turned)[0]
    shares = example
    for code, row in {"Agriculture": ("10,30,5", "2,8,1"), "Manufacturing": ("15,60,40", "5,30,12")}.items():
        for numbers in row:
            shares = shares.replace(f"{code},{numbers}", f"{code},0.1,0.1,0.1", 1)
    for numbers in ("10,50,60", "1,6,8"):
        shares = shares.replace(f"Services,{numbers}", "Services,0.1,0.1,0.1", 1)
    assert "coefficients instead of flows" in said(tmp_path, shares)[0]


def test_codes_that_excel_turned_into_numbers(tmp_path: Path) -> None:
    import openpyxl

    path = write_template(tmp_path / "template")[1]
    book = openpyxl.load_workbook(path)
    book["table"]["B12"] = 1
    book.save(path)
    found = [str(finding) for finding in check_file(path)]
    assert "cell B12 (row 12, column 2) holds the number 1 where a code belongs" in found[0]
    assert "Format the cell as text" in found[0]
    assert "only in the rows domestic: 1; only in the columns: 01" in found[1]


def test_files_that_cannot_be_looked_into(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"There is no file .*absent\.csv"):
        check_file(tmp_path / "absent.csv")
    with pytest.raises(TableError, match=r"is a folder\. Name a CSV or Excel file of the template, or a NetCDF table"):
        check_file(tmp_path)
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"PNG")
    with pytest.raises(TableError, match=r"picture\.png ends in \.png; read_table knows"):
        check_file(picture)
    no_book = tmp_path / "no.xlsx"
    no_book.write_bytes(b"not a zip file")
    with pytest.raises(TableError, match=r"is no readable Excel workbook .* Save it as \.xlsx"):
        check_file(no_book)
    latin = tmp_path / "latin.csv"
    latin.write_bytes("name,Österreich".encode("latin-1"))
    with pytest.raises(TableError, match=r"is no UTF-8 CSV file .* Save it as CSV UTF-8"):
        check_file(latin)
    empty = tmp_path / "empty.csv"
    empty.write_text("\n\n")
    with pytest.raises(TableError, match=r"empty\.csv is empty"):
        check_file(empty)
    broken = tmp_path / "broken.nc"
    broken.write_bytes(b"CDF?")
    assert "not a table" in str(check_file(broken)[0])


def test_a_publishers_file_is_named_as_such() -> None:
    mock = Path(__file__).parent / "readers" / "mock" / "nbs" / "china_2020_42.csv"
    (finding,) = check_file(mock)
    assert "a table of the National Bureau of Statistics of China as published" in str(finding)
    assert "Read it with read_table(FILE, detail=DETAILED_TABLE)" in str(finding)
