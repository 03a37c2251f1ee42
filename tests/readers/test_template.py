"""A user's own national table: the layout is written, read in both forms, and refused in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_country import TABLE, write_small

from iomodel.classifications.sector_maps import GROUPS, MAP_COLUMNS, load_map
from iomodel.errors import TableError
from iomodel.labels import ASSETS, CATEGORIES, FACTORS
from iomodel.readers.layout import DESCRIPTION, ORIGINS
from iomodel.readers.template import read_table, write_template
from iomodel.table import load_table, save_table


def test_csv_and_excel_give_the_same_table(tmp_path: Path) -> None:
    csv_file, excel_file, sector_map, guide = write_template(tmp_path)
    table = read_table(csv_file)
    assert read_table(excel_file).sha256 == table.sha256
    assert table.sectors == ["01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11"]
    assert (table.home, table.year, table.unit) == ("EXA", 2020, "million EXD")
    assert table.attrs["classification"] == str(sector_map.resolve())
    assert float(table.product_taxes.sum()) == 3700
    assert table.employment is not None
    assert int(table.employment.sum()) == 18690
    np.testing.assert_allclose(table.flows.sum(("region", "sector")) + table.value_added.sum("factor"), table.output)
    assert "Sellers in rows, buyers in columns" in guide.read_text(encoding="utf-8")
    assert load_table(save_table(table, tmp_path / "own.nc")).attrs == table.attrs


def test_the_example_uses_every_part_and_its_map_fits(tmp_path: Path) -> None:
    csv_file, _, sector_map, guide = write_template(tmp_path)
    table = read_table(csv_file)
    rows = load_map(sector_map).rows(table.sectors)
    assert list(rows.name) == list(table.sector_names.values())
    assert all(rows.reason)
    assert set(rows.group) == set(GROUPS)
    assert set(rows.asset) == set(ASSETS)
    assert set(rows.capital) == {"plant", "infrastructure", "real_estate"}
    for flag in (rows.favoured, rows.public, rows.overflow, rows.individual_government):
        assert 0 < flag.sum() < len(flag)
    assert table.categories == list(CATEGORIES)
    assert table.factors == list(FACTORS)
    text = guide.read_text(encoding="utf-8")
    for word in (*MAP_COLUMNS, *CATEGORIES, *FACTORS, *ORIGINS, *(key for key, _ in DESCRIPTION)):
        assert f"`{word}`" in text or f"| {word}" in text or f", {word}" in text, word


def test_a_map_is_found_beside_the_table_and_a_name_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "maps").mkdir()
    write_small(tmp_path / "deep", TABLE.replace("map.csv", "../maps/mine.csv"))
    table = read_table("deep/own.csv")
    assert table.attrs["classification"] == str(tmp_path.resolve() / "maps" / "mine.csv")
    named = write_small(tmp_path / "named", TABLE.replace("classification,map.csv", "classification,nbs42"))
    assert read_table(named).attrs["classification"] == "nbs42"
    silent = write_small(tmp_path / "silent", TABLE.replace("classification,map.csv\n", ""))
    assert read_table(silent).attrs["classification"] == "own"


def test_categories_that_a_source_lacks_may_be_left_out(tmp_path: Path) -> None:
    lines = TABLE.replace("60,150,6,40", "60,156,0,40").splitlines()  # households buy what non-profits bought
    place = lines[10].split(",").index("non_profit")
    kept = [line.split(",") for line in lines[10:]]
    rows = [",".join(cells[:place] + cells[place + 1 :]) for cells in kept]
    text = "\n".join(lines[:10] + [row for row in rows if not row.startswith("employment")])
    table = read_table(write_small(tmp_path, text))
    assert "non_profit" not in table.categories
    assert table.employment is None


def test_all_that_is_wrong_is_in_the_error(tmp_path: Path) -> None:
    path = write_small(tmp_path, TABLE.replace("year,2020", "year,").replace("24,390", "24,"))
    with pytest.raises(TableError) as caught:
        read_table(path)
    assert "year absent" in str(caught.value)
    assert "own.csv, cell N14 (row domestic S, column output) is empty" in str(caught.value)


def test_the_tolerance_may_be_loosened(tmp_path: Path) -> None:
    path = write_small(tmp_path, TABLE.replace("24,390", "24,390.5"))
    with pytest.raises(TableError, match="rows miss balance"):
        read_table(path)
    assert read_table(path, tolerance=0.01).year == 2020
    for wrong in (float("nan"), True, "x", None):
        for file in (path, save_table(read_table(path, tolerance=0.01), tmp_path / "own.nc")):
            with pytest.raises(TableError, match=r"tolerance: found .*; allowed: a number from 0 up to 1, without 1"):
                read_table(file, tolerance=wrong)
    with pytest.raises(TableError, match="is a folder"):
        read_table(tmp_path)


def test_a_template_is_never_written_over(tmp_path: Path) -> None:
    write_template(tmp_path)
    with pytest.raises(
        TableError, match=r"already holds national\.csv, national\.xlsx, map\.csv, README\.md; name another folder"
    ):
        write_template(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(TableError, match="Cannot write the template to"):
        write_template(tmp_path / "file" / "folder")


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"There is no file .*none\.csv"):
        read_table(tmp_path / "none.csv")
    word = tmp_path / "table.docx"
    word.write_bytes(b"")
    with pytest.raises(TableError, match=r"ends in \.docx; read_table knows \.csv, \.xlsx, \.rda and \.nc"):
        read_table(word)
