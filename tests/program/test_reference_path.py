"""The reference path beside what happened in 2021–25, and the published checks of the base year.

Tolerances were stated before the path was made. Fitted figures chose a card; the others, and 2024–25, only judge.
"""

from __future__ import annotations

import numpy as np
import pytest
from official import official

import iomodel as iom
from iomodel.economy import Economy
from iomodel.program.trajectory import Trajectory
from iomodel.study.history import misses

FINAL_CONSUMPTION = {2021: 54.8, 2022: 54.5, 2023: 56.8, 2024: 56.5}
CAPITAL_FORMATION = {2021: 42.68, 2022: 42.36, 2023: 41.13, 2024: 40.61}
MANUFACTURING = {2021: 77.8, 2023: 75.3, 2024: 75.2}
INDUSTRY = {2021: 77.5, 2022: 75.6, 2023: 75.1, 2024: 75.0, 2025: 74.4}
UNEMPLOYMENT = {2021: 5.1, 2022: 5.6, 2023: 5.2, 2024: 5.1, 2025: 5.2}
DEBT = {2021: 98.7, 2022: 104.2, 2023: 111.3, 2024: 117.0, 2025: 126.6}
CURRENT_ACCOUNT = {2021: 1.94, 2022: 2.42, 2023: 1.44, 2024: 2.26, 2025: 3.30}
GROWTH = {2021: 8.4, 2022: 3.0, 2023: 5.2, 2024: 5.0, 2025: 5.0}
SAVING = {2020: 44.1, 2021: 44.3, 2022: 44.6, 2023: 42.5, 2024: 43.1}


def _value(path: Trajectory, name: str, year: int) -> float:
    return float(path.data[name].sel(year=year))


@pytest.mark.parametrize(
    ("name", "published", "tolerance"),
    [
        ("final_consumption_share", FINAL_CONSUMPTION, 1.5),
        ("investment_share", CAPITAL_FORMATION, 1.5),
        ("manufacturing_utilisation", MANUFACTURING, 2.0),
        ("industry_utilisation", INDUSTRY, 2.0),
        ("unemployment_rate", UNEMPLOYMENT, 1.0),
        ("public_debt_share", DEBT, 8.0),
        ("current_account_share", CURRENT_ACCOUNT, 1.5),
        ("saving_share", SAVING, 1.5),
    ],
)
def test_path_against_published(name: str, published: dict[int, float], tolerance: float, usual: Trajectory) -> None:
    off = {year: _value(usual, name, year) - value for year, value in published.items()}
    assert max(map(abs, off.values())) <= tolerance, off


def test_manufacturing_stays_in_its_published_band(usual: Trajectory) -> None:
    known = usual.data["manufacturing_utilisation"].sel(year=slice(2021, 2025))
    assert float(known.min()) >= 73.5
    assert float(known.max()) <= 78.0


def test_growth_over_the_known_years(usual: Trajectory) -> None:
    """A check of the accounts, since trend and exports are inputs: half a point a year over 2020–25."""
    simulated = (_value(usual, "gdp", 2025) / _value(usual, "gdp", 2020)) ** (1 / 5) - 1
    published = np.prod([1 + rate / 100 for rate in GROWTH.values()]) ** (1 / 5) - 1
    assert 100 * abs(simulated - published) < 0.5


def test_path_beyond_the_known_years_beside_the_fund(usual: Trajectory) -> None:
    """Country Report 26/44: debt of 2024 within 5 points, deficit of 2029 within 2, growth of 2029 within a half."""
    assert abs(_value(usual, "public_debt_share", 2024) - 117.0) < 5
    assert abs(_value(usual, "deficit_share", 2029) - 12.8) < 2
    assert abs(_value(usual, "growth", 2029) - 3.3) < 0.5


def test_debt_of_firms_keeps_near_its_level(usual: Trajectory) -> None:
    known = usual.data["firm_debt_share"].sel(year=slice(2022, 2025))
    assert float(known.min()) >= 153
    assert float(known.max()) <= 175


def test_nothing_is_rationed_in_the_known_years(usual: Trajectory) -> None:
    known = usual.data.sel(year=slice(2020, 2025))
    assert float(known["forced_saving"].max()) == 0
    assert float(known["overflow_imports"].max()) < 0.1


def test_saving_of_the_table_itself(china: Economy, usual: Trajectory) -> None:
    """45.1 percent of GDP before net income paid abroad, 44.2 after: published implied saving is 44.1."""
    after = _value(usual, "saving_share", 2020)
    assert after == pytest.approx(44.2, abs=0.1)
    assert after + china.cards["net_income_abroad"] == pytest.approx(45.1, abs=0.1)


def test_misses_are_the_ones_found_here(usual: Trajectory) -> None:
    """The product's own table of misses says the same, marks what was fitted, and judges 2024 and 2025 only."""
    rows = misses(usual)
    found = {(row.variable, row.year): row for row in rows}
    for name, published in (
        ("final_consumption_share", FINAL_CONSUMPTION),
        ("investment_share", CAPITAL_FORMATION),
        ("unemployment_rate", UNEMPLOYMENT),
        ("public_debt_share", DEBT),
        ("saving_share", {year: value for year, value in SAVING.items() if year > 2020}),
    ):
        for year, value in published.items():
            row = found[name, year]
            assert row.published == pytest.approx(value, abs=0.01)
            assert row.value == pytest.approx(_value(usual, name, year))
    assert all(row.use == "tested" for row in rows if row.year in (2024, 2025))
    assert any(row.use == "fitted" for row in rows)
    assert all(row.source for row in rows)


def test_a_worse_path_is_noticed(china: Economy) -> None:
    """With capacity growing at the upper end of its card utilisation leaves the band: the check can fail."""
    economy = iom.calibrate(china.table, "CHN", {"capacity_growth": 0.065, "capacity_depreciation": 0.05})
    path = iom.simulate(official("business-as-usual"), economy=economy)
    assert float(path.data["manufacturing_utilisation"].sel(year=2025)) < 73.5
