"""Weights of goods by what is imported of their headings: by hand on a small file, and the shipped ones again."""

from __future__ import annotations

from pathlib import Path

import pytest

from iomodel.classifications.concordance import Concordance, make_concordance
from iomodel.classifications.concordance_files import concordance_text, load_concordance
from iomodel.errors import CardError, TableError
from iomodel.readers.us_imports import read_imports, weighted_by_imports
from iomodel.shipped import shipped_file

duckdb = pytest.importorskip("duckdb", reason="reading Parquet files needs duckdb")
FOLDER = "us_tariffs_2025"


def listed(reason: str) -> Concordance:
    """One chapter in three sectors, one whole."""
    shares = {"39": {"CHEM": 0.2, "RUBB": 0.2, "OMAN": 0.6}, "40": "RUBB"}
    return make_concordance(shares, source="hs2", target="mine", reasons={"39": reason})


def test_headings_go_where_the_reason_says_and_the_rest_to_the_one_sector_left(tmp_path: Path) -> None:
    file = tmp_path / "imports.parquet"
    rows = (
        "('A', '390110', 1e3), ('B', '390110', 1e3), ('A', '391400', 3e3), ('A', '391590', 1.0), ('A', '392690', 1e3)"
    )
    duckdb.connect().execute(
        f"COPY (SELECT * FROM (VALUES {rows}, ('A', '400110', 9e9)) AS t(CTY_CODE, HS6, imports)) TO '{file}'"
        " (FORMAT parquet)"
    )
    imports = read_imports(file)
    assert imports == {"390110": 2e3, "391400": 3e3, "391590": 1.0, "392690": 1e3, "400110": 9e9}
    found = weighted_by_imports(listed("headings: CHEM is 3901-3914, OMAN is 391590; weights: imports"), imports)
    assert found.weights.sel(source="39").to_series().to_dict() == {"CHEM": 0.833, "RUBB": 0.167, "OMAN": 0.0}
    assert found.weights.sel(source="40", target="RUBB") == 1
    longer = weighted_by_imports(listed("headings: CHEM is 3901 3914, OMAN is 3926 390110"), imports)
    assert longer.weights.sel(source="39").to_series().to_dict() == {"CHEM": 0.5, "RUBB": 0.0, "OMAN": 0.5}


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("by sales", r"hs2_to_mine, 39: it is split, but its reason names no headings, such as"),
        ("headings: CHEM is 3901", r"39: its reason names headings of CHEM, its lines are for CHEM, RUBB, OMAN; allow"),
        ("headings: CHEM is 3901, METAL is 3902", r"names headings of CHEM, METAL, its lines are for CHEM, RUBB, OMAN"),
        ("headings: CHEM is 39x1, OMAN is 3915", r"the heading '39x1' of CHEM; allowed: four or six digits, or a span"),
        ("headings: CHEM is 3901-391400, OMAN is 3915", r"the heading '3901-391400' of CHEM; allowed: four or six"),
        ("headings: CHEM is 8501, OMAN is 8502", r"39: nothing is imported of its headings, so that they give no we"),
    ],
)
def test_reasons_that_give_no_weights_are_refused(reason: str, said: str) -> None:
    with pytest.raises(CardError, match=said):
        weighted_by_imports(listed(reason), {"400110": 1.0})


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"There is no file .*absent"):
        read_imports(tmp_path / "absent.parquet")
    (tmp_path / "other.parquet").write_text("HS6,imports\n")
    with pytest.raises(TableError, match=r"other\.parquet is no Parquet file with the columns HS6 and imports"):
        read_imports(tmp_path / "other.parquet")


@pytest.mark.source
@pytest.mark.parametrize("name", ["hs2_to_world28", "naics3_to_world28"])
def test_the_shipped_weights_are_those_of_the_file(source_folder: Path, name: str) -> None:
    imports = read_imports(source_folder / FOLDER / "us_imports_2024_hs6_by_partner.parquet")
    assert sum(imports.values()) == pytest.approx(3.217e12, rel=1e-3)  # Census: imports for consumption of 2024
    again = concordance_text(weighted_by_imports(load_concordance(name), imports))
    assert again == shipped_file("tables", "concordances", f"{name}.csv").read_text(encoding="utf-8")
