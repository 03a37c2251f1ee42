"""The reader of the detailed Chinese tables, on files in the publisher's form written from the shipped tables."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iomodel.errors import TableError
from iomodel.readers.nbs_detail import odds_split, read_nbs_detail
from iomodel.table import Table, load_table

CONSUMED = ["household", "government_individual", "government_collective"]
USES = ["fixed_capital", "inventories", "exports"]
FACTORS = {"compensation": "VA001", "production_taxes": "VA002", "depreciation": "VA003", "operating_surplus": "VA004"}


def _final(table: Table, categories: list[str]) -> np.ndarray:
    """(origin, product) purchases of some final uses, in 10,000 yuan."""
    return 100 * table.final_demand.sel(category=categories).sum("category").isel(to_region=0).values


def _write(path: Path, rows: list[list[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(
            [[repr(float(cell)) if isinstance(cell, float) else cell for cell in row] for row in rows]
        )


def _factor_rows(table: Table, blanks: list[str]) -> list[list[object]]:
    added = 100 * table.value_added.isel(to_region=0)
    return [[code, name, name, *blanks, *added.sel(factor=name).values.tolist()] for name, code in FACTORS.items()]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two shipped official tables as the publisher writes them."""
    folder = tmp_path_factory.mktemp("nbs")
    coarse, fine = load_table("china-2020"), load_table("china-2020-153")
    flows, rows = 100 * coarse.flows.isel(to_region=0).values, []
    columns = [_final(coarse, CONSUMED), *(_final(coarse, [use]) for use in USES)]
    for place, origin in enumerate(("Domestic", "Imports")):
        for row, code in enumerate(coarse.sectors):
            cells = [*flows[place, row].tolist(), *(float(column[place, row]) for column in columns)]
            rows.append([code, coarse.sector_names[code], "甲", origin, *cells, sum(cells)])
    heading = ["Code", "Description", "DescriptionInChinese", "Origin", *coarse.sectors, "TC", "FU201", "FU202", "EX"]
    _write(folder / "china_2020_42.csv", [[*heading, "GO"], *rows, *_factor_rows(coarse, ["TOT"])])
    flows, rows = 100 * fine.flows.isel(to_region=0).values, []
    government = _final(fine, CONSUMED[1:]).sum(axis=0)
    columns = [_final(fine, CONSUMED).sum(axis=0), *(_final(fine, [use]).sum(axis=0) for use in USES)]
    imports = flows[1].sum(axis=1) + 100 * fine.final_demand.isel(region=1, to_region=0).sum("category").values
    output = 100 * fine.output.values[0]
    for row, code in enumerate(fine.sectors):
        cells = [*flows.sum(axis=0)[row].tolist(), float(government[row]), *(float(column[row]) for column in columns)]
        rows.append([code, fine.sector_names[code], "乙", *cells, float(imports[row]), float(output[row])])
    heading = ["Code", "Description", "DescriptionInChinese", *fine.sectors, "FU103", "TC", "FU201", "FU202", "EX"]
    _write(folder / "china_2020_153.csv", [[*heading, "IM", "GO"], *rows, *_factor_rows(fine, [])])
    return folder


def test_the_shipped_table_is_read_back(files: Path) -> None:
    """Totals, imports by product and the 42-sector table are enough to find every imported cell of the shipped one."""
    read = read_nbs_detail(files / "china_2020_42.csv", files / "china_2020_153.csv")
    shipped = load_table("china-2020-153")
    assert (read.name, read.year, read.home) == ("china-2020-153", 2020, "CHN")
    assert read.attrs["classification"] == "nbs153"
    assert read.attrs["sector_names_local"]["001"] == "乙"
    for name in ("flows", "final_demand", "value_added", "output"):
        np.testing.assert_allclose(getattr(read, name).values, getattr(shipped, name).values, atol=2e-5, rtol=0)


@pytest.mark.parametrize(
    ("row", "column", "what"),
    [
        ("061", "064", "intermediate purchases of product 14"),
        ("061", "EX", "final purchases of product 14"),
        ("061", "IM", "imports of product 14"),
        ("061", "GO", "output of product 14"),
        ("VA001", "061", "value added of product 14"),
    ],
)
def test_a_table_that_does_not_nest_is_refused(files: Path, tmp_path: Path, row: str, column: str, what: str) -> None:
    with (files / "china_2020_153.csv").open(encoding="utf-8", newline="") as stream:
        cells = list(csv.reader(stream))
    line = next(line for line in cells if line[0] == row)
    place = cells[0].index(column)
    line[place] = repr(float(line[place]) + 1e6)
    _write(tmp_path / "china_2020_153.csv", [list(line) for line in cells])
    with pytest.raises(
        TableError, match=rf"china_2020_153\.csv does not nest in china_2020_42\.csv: {what} are .* same"
    ):
        read_nbs_detail(files / "china_2020_42.csv", tmp_path / "china_2020_153.csv")


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), products=st.integers(1, 6), uses=st.integers(1, 8))
def test_a_split_meets_its_sums_inside_its_bounds(seed: int, products: int, uses: int) -> None:
    """From imports with product and use factors in their odds the sums are taken, and the imports are found again."""
    draw = np.random.default_rng(seed)
    use = draw.exponential(1.0, (products, uses)) * (draw.random((products, uses)) < 0.8)
    odds = np.add.outer(draw.normal(-2, 1.5, products), draw.normal(0, 1.5, uses))
    true = use / (1 + np.exp(-odds))
    found = odds_split(use, true.sum(axis=1), true.sum(axis=0))
    np.testing.assert_allclose(found, true, atol=1e-9)


def test_a_split_at_the_edge_and_beyond() -> None:
    """One product may be all of a use's imports; a use may not import more than is bought, nor without a product."""
    use = np.array([[4.0, 0.0, 1.0], [2.0, 3.0, 0.0]])
    np.testing.assert_allclose(odds_split(use, np.array([0.0, 2.0]), np.array([1.0, 1.0, 0.0])), [[0] * 3, [1, 1, 0]])
    assert not odds_split(use, np.zeros(2), np.zeros(3)).any()
    with pytest.raises(ValueError, match="would import more than it is bought"):
        odds_split(use, np.array([1.0, 5.0]), np.array([1.0, 4.0, 1.0]))
    with pytest.raises(ValueError, match="would import more than it is bought"):
        odds_split(use, np.array([0.0, 2.0]), np.array([1.0, 0.5, 0.5]))
    with pytest.raises(ValueError, match="no odds by product and by use meet the sums"):
        odds_split(np.eye(2), np.array([0.5, 0.5]), np.array([0.4, 0.6]))


@pytest.mark.source
def test_the_true_tables_of_both_years_are_split(source_folder: Path) -> None:
    folder = source_folder / "china_nbs"
    for year in (2018, 2020):
        table = read_nbs_detail(folder / f"china_{year}_42.csv", folder / f"china_{year}_153.csv")
        assert (len(table.sectors), table.year) == (153, year)
    with pytest.raises(TableError, match=r"china_2018_153\.csv does not nest in china_2020_42\.csv"):
        read_nbs_detail(folder / "china_2020_42.csv", folder / "china_2018_153.csv")
