"""Utilisation by sector: published totals are hit, published rates are kept, and idle plant answers the right way."""

import csv
import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from iomodel.calibration.utilisation import Utilisation, published_utilisation, utilisation_by_sector
from iomodel.cards import load_cards
from iomodel.classifications.sector_maps import SectorRows, load_map
from iomodel.errors import CardError
from iomodel.shipped import shipped_file
from iomodel.table import load_table

CARDS = load_cards("china-2020")


@pytest.fixture(scope="module")
def rows() -> SectorRows:
    return load_map("nbs42")


@pytest.fixture(scope="module")
def output(rows: SectorRows) -> np.ndarray:
    """Output by sector of China 2020, million yuan."""
    table = load_table("china-2020")
    return table.output.sel(region="CHN", sector=list(rows.sectors)).values


@pytest.fixture(scope="module")
def found(rows: SectorRows, output: np.ndarray) -> Utilisation:
    return utilisation_by_sector(rows, output, CARDS, 2020)


def _idle(found: Utilisation, sector: str) -> float:
    place = found.sectors.index(sector)
    return 1 - found.base[place] / found.normal[place]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("china_utilisation.csv", "china_facts.csv"):
        shutil.copy(shipped_file("tables", "facts", name), tmp_path / name)
    return tmp_path


def _edit(folder: Path, column: str, change: float, periods: str = "2020") -> None:
    """Move one column of published rates by `change` points in the periods that begin with `periods`."""
    path = folder / "china_utilisation.csv"
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    for line in lines:
        if line["period"].startswith(periods) and line[column]:
            line[column] = f"{float(line[column]) + change:.4f}"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)


def test_groups_hit_their_published_totals(found: Utilisation, rows: SectorRows, output: np.ndarray) -> None:
    capacity = output / found.base
    for group, published in (("mining", 0.722), ("manufacturing", 0.749), ("utilities", 0.715)):
        members = rows.group == group
        assert output[members].sum() / capacity[members].sum() == pytest.approx(published, abs=1e-12)
    # all industry is published too, and used nowhere: the groups must add up to it
    assert output[rows.industry].sum() / capacity[rows.industry].sum() == pytest.approx(0.745, abs=0.001)


def test_published_rates_are_kept(found: Utilisation) -> None:
    rate = dict(zip(found.sectors, found.base, strict=True))
    assert rate["02"] == pytest.approx(0.698)
    assert rate["03"] == pytest.approx(0.901)
    assert rate["12"] == pytest.approx(0.745)
    assert rate["18"] == pytest.approx((56.9 + 74.6 + 77.6 + 80.5) / 400 + 0.005)
    non_ferrous = (72.0 + 79.2 + 80.6 + 81.2) / 400 + 0.005
    assert rate["14"] == pytest.approx(1 / (0.566 / 0.788 + 0.434 / non_ferrous))
    assert len({rate[sector] for sector in ("08", "09", "10", "11", "15", "21", "22", "23")}) == 1
    assert {rate[sector] for sector in ("24", "25", "26")} == {0.715}
    assert rate["01"] == rate["27"] == rate["42"] == 1


def test_twelve_sectors_are_direct(found: Utilisation) -> None:
    direct = [s for s, origin in zip(found.sectors, found.origin, strict=True) if "published" in origin
              or "quarters" in origin]  # fmt: skip
    assert direct == ["02", "03", "06", "07", "12", "13", "14", "16", "17", "18", "19", "20"]


def test_normal_use(found: Utilisation, rows: SectorRows, output: np.ndarray) -> None:
    normal = dict(zip(found.sectors, found.normal, strict=True))
    base = dict(zip(found.sectors, found.base, strict=True))
    capacity = output / found.base
    making = rows.group == "manufacturing"
    mean = (capacity * found.normal)[making].sum() / capacity[making].sum()
    assert mean == pytest.approx(CARDS["normal_use"], abs=1e-12)
    assert normal["02"] == pytest.approx((68.2 + 74.5) / 200)  # coal: not scaled
    for sector in ("14", "24", "25", "26"):
        assert normal[sector] == base[sector]
    # one factor for all that is scaled, close to one
    published = {"12": 77.0, "13": 70.45, "16": 76.7, "17": 76.3, "18": 78.45, "19": 80.3, "20": 80.2}
    factors = [normal[sector] / rate * 100 for sector, rate in published.items()]
    assert np.ptp(factors) < 1e-12
    assert factors[0] == pytest.approx(1, abs=0.01)
    assert normal["01"] == 1
    assert max(found.normal) <= 1


@pytest.mark.parametrize(("column", "sector"), [("automobiles", "18"), ("coal_mining", "02"), ("chemicals", "12"),
                                                ("electrical_machinery", "19")])  # fmt: skip
def test_a_lower_rate_means_more_idle_plant(
    rows: SectorRows, output: np.ndarray, found: Utilisation, folder: Path, column: str, sector: str
) -> None:
    _edit(folder, column, -2.0)
    moved = utilisation_by_sector(rows, output, CARDS, 2020, folder)
    assert _idle(moved, sector) > _idle(found, sector) + 0.02


def test_fewer_than_four_quarters_is_residual(
    rows: SectorRows, output: np.ndarray, found: Utilisation, folder: Path
) -> None:
    path = folder / "china_utilisation.csv"
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    next(line for line in lines if line["period"] == "2020Q2")["automobiles"] = ""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    moved = utilisation_by_sector(rows, output, CARDS, 2020, folder)
    place = moved.sectors.index("18")
    assert moved.origin[place] == "residual of manufacturing"
    assert moved.base[place] == moved.base[moved.sectors.index("08")] < found.base[found.sectors.index("08")]


def test_sectors_keep_the_order_asked_for(rows: SectorRows, output: np.ndarray, found: Utilisation) -> None:
    backwards = rows.rows(rows.sectors[::-1])
    base, normal = published_utilisation("nbs42", backwards.sectors, output[::-1], CARDS, 2020)
    np.testing.assert_allclose(base[::-1], found.base, rtol=1e-14)
    np.testing.assert_allclose(normal[::-1], found.normal, rtol=1e-14)


def test_another_year_takes_the_nearest_with_rates() -> None:
    world = load_map("wiod35")
    found = utilisation_by_sector(world, np.ones(35), load_cards("world-2011"), 2011)
    assert found.year == 2020
    assert found.base[world.sectors.index("C")] == pytest.approx(0.722)
    machinery = found.base[world.sectors.index("29")]
    assert 0.769 < machinery < 0.772  # between special (77.0) and general equipment (77.2)


def test_a_sector_without_output_gets_a_rate(rows: SectorRows, output: np.ndarray) -> None:
    emptied = output.copy()
    emptied[rows.sectors.index("02")] = 0.0
    found = utilisation_by_sector(rows, emptied, CARDS, 2020)
    assert np.isfinite(found.base).all()
    assert found.base[rows.sectors.index("02")] == pytest.approx(0.698)


def test_rates_that_cannot_be_met_are_refused(rows: SectorRows, output: np.ndarray, folder: Path) -> None:
    _edit(folder, "coal_mining", -30.0)
    with pytest.raises(CardError, match=r"utilisation of mining \(72.2%\) cannot be met"):
        utilisation_by_sector(rows, output, CARDS, 2020, folder)


def test_a_column_that_is_not_there(rows: SectorRows, output: np.ndarray, tmp_path: Path) -> None:
    text = shipped_file("tables", "maps", "nbs42.csv").read_text(encoding="utf-8")
    (tmp_path / "mine.csv").write_text(text.replace(",automobiles,", ",cars,"), encoding="utf-8")
    with pytest.raises(CardError, match="sector 18: there is no column 'cars'"):
        utilisation_by_sector(load_map(tmp_path / "mine.csv"), output, CARDS, 2020)
    with pytest.raises(CardError, match="missing"):
        utilisation_by_sector(rows, output, CARDS, 2020, tmp_path)


def test_normal_use_above_all_plant_is_refused(rows: SectorRows, output: np.ndarray) -> None:
    """A sector that ran near its limit in the table's year cannot stand as far above it in ordinary years."""
    stated = dataclasses.replace(rows, utilisation=np.where(rows.group == "manufacturing", "0.5", rows.utilisation))
    stated.utilisation[rows.sectors.index("12")] = "0.99"
    with pytest.raises(
        CardError, match=r"Normal use of plant is above 1 in sectors of the map nbs42: 12: .*normal_use"
    ):
        utilisation_by_sector(stated, output, CARDS, 2020)


def test_every_cell_that_names_no_column_is_found_at_once(rows: SectorRows, output: np.ndarray) -> None:
    wrong = dataclasses.replace(rows, utilisation=rows.utilisation.copy().astype(object))
    wrong.utilisation[rows.sectors.index("12")] = "chemical"
    wrong.utilisation[rows.sectors.index("18")] = "1.8"
    with pytest.raises(CardError) as caught:
        utilisation_by_sector(wrong, output, CARDS, 2020)
    first, second = str(caught.value).splitlines()
    assert "sector 12: there is no column 'chemical'" in first
    assert "Did you mean chemicals" in first
    assert "sector 18: utilisation is 1.8" in second
