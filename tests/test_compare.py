"""The headline table: one row a path, none lost."""

from __future__ import annotations

import pytest

import iomodel as iom
from iomodel.headline import compare


def test_paths_of_one_name_each_have_a_row() -> None:
    usual = iom.simulate(iom.load_experiment("business-as-usual"))
    there = iom.simulate(iom.load_experiment("business-as-usual").replace(table="world-2011"))
    rows = compare([usual, there, usual])
    assert list(rows.index) == ["business-as-usual", "business-as-usual (2)", "business-as-usual (3)"]
    assert rows.iloc[0].equals(rows.iloc[2])
    assert not rows.iloc[0].equals(rows.iloc[1])


def test_an_empty_list_is_refused() -> None:
    with pytest.raises(iom.ResultError, match="empty one"):
        compare([])


def test_a_year_that_is_not_reported_is_refused() -> None:
    with pytest.raises(iom.ResultError, match="reports 2020 to 2035, not 2050"):
        compare([iom.simulate(iom.load_experiment("business-as-usual"))], year=2050)
