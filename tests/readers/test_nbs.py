"""The reader of the Chinese tables, on a mock in the true form."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from iomodel.errors import TableError
from iomodel.readers.cells import column_letters
from iomodel.readers.nbs import read_nbs
from iomodel.readers.template import read_table

MOCK = Path(__file__).parent / "mock" / "nbs"
MAIN, DETAIL = MOCK / "china_2020_42.csv", MOCK / "china_2020_153.csv"


def changed(tmp_path: Path, old: str, new: str, source: Path = MAIN) -> Path:
    """A copy of a mock file with one text exchanged."""
    text = source.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / source.name
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


def test_flows_and_consumption_are_split_as_stated() -> None:
    table = read_nbs(MAIN, DETAIL)
    assert (table.name, table.year, table.unit, table.home) == ("china-2020", 2020, "million CNY", "CHN")
    assert table.attrs["classification"] == "nbs3"
    assert table.attrs["sector_names_local"]["39"] == "教育"
    assert table.flows.sel(region="CHN", sector="01", to_sector="39").item() == 1.85
    final = table.final_demand.isel(to_region=0)
    # agriculture: government bought 540 of 4,648 (the fifth fine product); collective, at home and abroad alike
    assert final.sel(region="CHN", sector="01", category="government_collective").item() == pytest.approx(
        41.832 * 540 / 4648
    )
    assert final.sel(region="IMPORTS", sector="01", category="government_collective").item() == pytest.approx(
        4.648 * 540 / 4648
    )
    assert final.sel(category="government_individual", sector="01").sum() == 0
    # health: 423 + 316 of 3,075; individual
    assert final.sel(category="government_individual", sector="40").sum().item() == pytest.approx(7.39)
    assert final.sel(category="government_collective", sector=["39", "40"]).sum() == 0
    assert final.sel(region="CHN", sector="39", category="inventories").item() == -0.155
    assert final.sel(region="IMPORTS", sector="40", category="exports").item() == 0.93  # re-exports stay
    assert not table.product_taxes.values.any()
    np.testing.assert_allclose(table.value_added.sum(("factor", "to_region")), [49.932, 2.627, 36.815])


def test_read_table_knows_the_publishers_file() -> None:
    assert read_table(MAIN, detail=DETAIL).sha256 == read_nbs(MAIN, DETAIL).sha256
    with pytest.raises(TableError, match=r"china_2020_42\.csv is a publisher's file; its reader needs detail="):
        read_table(MAIN)


def test_a_missing_cell_is_named_by_row_column_and_cell(tmp_path: Path) -> None:
    path = changed(tmp_path, "Domestic,83.0,", "Domestic,,")
    with pytest.raises(TableError, match=r"china_2020_42\.csv, cell E3 \(row 3, column 5\) is empty; write the number"):
        read_nbs(path, DETAIL)


def test_text_that_is_no_number_is_named_by_its_cell(tmp_path: Path) -> None:
    path = changed(tmp_path, "Domestic,83.0,", "Domestic,eighty,")
    with pytest.raises(TableError, match=r"cell E3 \(row 3, column 5\) holds 'eighty', which is no number; use digits"):
        read_nbs(path, DETAIL)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("TC,FU201", "TX,FU201", "has no column 'TC'; it needs one. Headings: Code, Description"),
        ("VA003,VA003", "VA009,VA009", "has 0 rows with Code = VA003; it needs exactly one"),
        ("2764.8", "2765.8", "the row of imported product 1 sums to 2764.8 but GO says 2765.8"),
        ("6668.2", "6669.2", "rows miss balance: 1 of 3 rows do not balance, worst region CHN, sector 01 by -0.01"),
        (
            "4183.2",
            "4190.2",
            "does not nest in china_2020_42.csv: final consumption of product 01 is 4648 there and 4655",
        ),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, old: str, new: str, text: str) -> None:
    with pytest.raises(TableError) as caught:
        read_nbs(changed(tmp_path, old, new), DETAIL)
    assert text in str(caught.value)


def test_a_detailed_table_of_another_year_does_not_nest(tmp_path: Path) -> None:
    detail = changed(tmp_path, "813.0,293.0,1106.0", "813.0,294.0,1107.0", DETAIL)
    with pytest.raises(
        TableError, match=r"china_2020_153\.csv does not nest .* both must be of the same year and edition"
    ):
        read_nbs(MAIN, detail)


def test_the_year_is_in_the_name_or_given(tmp_path: Path) -> None:
    path = tmp_path / "china.csv"
    shutil.copy(MAIN, path)
    with pytest.raises(TableError, match=r"china\.csv: the year is absent from the file's name; pass year="):
        read_nbs(path, DETAIL)
    assert read_nbs(path, DETAIL, year=2020).name == "china-2020"


def test_columns_are_named_as_a_spreadsheet_does() -> None:
    assert [column_letters(place) for place in (0, 25, 26, 51, 52, 701, 702)] == [
        "A",
        "Z",
        "AA",
        "AZ",
        "BA",
        "ZZ",
        "AAA",
    ]


@pytest.mark.source
@pytest.mark.parametrize("year", [2018, 2020])
def test_the_true_tables_of_both_years_nest(source_folder: Path, year: int) -> None:
    folder = source_folder / "china_nbs"
    table = read_nbs(folder / f"china_{year}_42.csv", folder / f"china_{year}_153.csv")
    assert table.year == year
    assert len(table.sectors) == 42
    detail = (folder / f"china_{year}_153.csv").read_text(encoding="utf-8-sig").splitlines()
    heading = detail[0].split(",")
    total = next(line for line in detail if line.startswith("TII")).split(",")
    government = float(total[heading.index("FU103")]) / 100
    parts = table.final_demand.sel(category=["government_individual", "government_collective"])
    assert float(parts.sum()) == pytest.approx(government, rel=1e-9)
