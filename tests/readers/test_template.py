"""A user's own national table: the layout is written, read in both forms, and refused in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from iomodel.errors import TableError
from iomodel.readers.template import read_table, write_template
from iomodel.table import load_table, save_table


def test_csv_and_excel_give_the_same_table(tmp_path: Path) -> None:
    csv_file, excel_file, guide = write_template(tmp_path)
    table = read_table(csv_file)
    assert read_table(excel_file).sha256 == table.sha256
    assert table.sectors == ["01", "M", "S"]
    assert (table.home, table.year, table.unit) == ("EXA", 2020, "million EXD")
    assert table.attrs["classification"] == "own"
    assert float(table.product_taxes.sum()) == 29
    assert table.employment is not None
    assert table.employment.values.tolist() == [[40, 90, 210]]
    np.testing.assert_allclose(table.flows.sum(("region", "sector")) + table.value_added.sum("factor"), table.output)
    assert "Sellers in rows, buyers in columns" in guide.read_text(encoding="utf-8")
    assert load_table(save_table(table, tmp_path / "own.nc")).attrs == table.attrs


def test_categories_that_a_source_lacks_may_be_left_out(tmp_path: Path) -> None:
    text = write_template(tmp_path)[0].read_text(encoding="utf-8-sig")
    lines = text.replace("60,150,6,40", "60,156,0,40").splitlines()  # households buy what non-profits bought
    place = lines[10].split(",").index("non_profit")
    kept = [line.split(",") for line in lines[10:]]
    rows = [",".join(cells[:place] + cells[place + 1 :]) for cells in kept]
    path = tmp_path / "short.csv"
    path.write_text("\n".join(lines[:10] + [row for row in rows if not row.startswith("employment")]), encoding="utf-8")
    table = read_table(path)
    assert "non_profit" not in table.categories
    assert table.employment is None


def test_all_that_is_wrong_is_in_the_error(tmp_path: Path) -> None:
    path = write_template(tmp_path)[0]
    text = path.read_text(encoding="utf-8-sig").replace("year,2020", "year,").replace("24,390", "24,")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TableError) as caught:
        read_table(path)
    assert "year absent" in str(caught.value)
    assert "national.csv, cell N14 (row domestic S, column output) is empty" in str(caught.value)


def test_the_tolerance_may_be_loosened(tmp_path: Path) -> None:
    path = write_template(tmp_path)[0]
    path.write_text(path.read_text(encoding="utf-8-sig").replace("24,390", "24,390.5"), encoding="utf-8")
    with pytest.raises(TableError, match="rows miss balance"):
        read_table(path)
    assert read_table(path, tolerance=0.01).year == 2020


def test_a_template_is_never_written_over(tmp_path: Path) -> None:
    write_template(tmp_path)
    with pytest.raises(
        TableError, match=r"already holds national\.csv, national\.xlsx, README\.md; name another folder"
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
