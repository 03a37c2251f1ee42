"""The headline table: one row a path, none lost."""

from __future__ import annotations

import pytest
from official import official

import iomodel as iom
from iomodel.answers.headline import compare


def test_paths_of_one_name_each_have_a_row() -> None:
    usual = iom.simulate(official("business-as-usual"))
    there = iom.simulate(iom.load_experiment("business-as-usual").replace(table="world-2011"))
    rows = compare([usual, there, usual])
    assert list(rows.index) == ["business-as-usual", "business-as-usual (2)", "business-as-usual (3)"]
    assert rows.iloc[0].equals(rows.iloc[2])
    assert not rows.iloc[0].equals(rows.iloc[1])


def test_rows_bear_the_names_given() -> None:
    usual = iom.simulate(official("business-as-usual"))
    there = iom.simulate(iom.load_experiment("business-as-usual").replace(table="world-2011"))
    rows = compare({"official": usual, "world": there})
    assert list(rows.index) == ["official", "world"]
    assert rows.index.name == "policy"
    assert rows.loc["official"].equals(compare([usual]).iloc[0])
    assert rows.loc["world"].equals(compare([there]).iloc[0])
    text = rows.round(2).T.to_string()
    assert all(column in text for column in rows.columns)


def test_an_empty_list_is_refused() -> None:
    for nothing in ([], {}):
        with pytest.raises(iom.ResultError, match="empty one"):
            compare(nothing)
    with pytest.raises(iom.ResultError, match="compare takes paths"):
        compare({"mine": 3})  # type: ignore[dict-item]


def test_a_year_that_is_not_reported_is_refused() -> None:
    with pytest.raises(iom.ResultError, match="reports 2020 to 2035, not 2050"):
        compare([iom.simulate(official("business-as-usual"))], year=2050)


def test_a_known_year_grows_since_the_base_year_and_the_base_year_not_at_all() -> None:
    usual = iom.simulate(official("business-as-usual"))
    gdp, rate = usual.data["gdp"], usual.data["unemployment_rate"]
    known = compare([usual], year=2023).iloc[0]
    assert known["growth, % a year"] == pytest.approx(100 * (float(gdp.sel(year=2023) / 100) ** (1 / 3) - 1))
    assert known["unemployed peak, %"] == float(rate.sel(year=slice(2021, 2023)).max())
    base = compare([usual], year=2020).iloc[0]
    assert base["growth, % a year"] == pytest.approx(0.0, abs=1e-9)
    assert base["unemployed peak, %"] == float(rate.sel(year=2020))
