"""Each watched margin: said when it is passed, in the year in which it is, and silent inside."""

from __future__ import annotations

import pytest
import xarray as xr
from official import official

import iomodel as iom
from iomodel.cards import load_cards
from iomodel.watch import watch

CARDS = load_cards("china-2020")
PASSED = {
    "public_debt_share": (31.0, "public debt is more than 30 points of GDP above the reference's"),
    "deficit_share": (4.5, "the public deficit is more than 4 points"),
    "firm_debt_share": (10.5, "the debt of firms is more than 10 points"),
    "current_account_share": (9.0, "the current account is above 6 percent"),
    "household_saving_rate": (-30.0, "households save less than 25 percent"),
    "gdp": (-1.0, "GDP is below the reference's"),
    "strained_output": (0.1, "output is beyond the limit of plant"),
}


@pytest.fixture(scope="module")
def usual() -> xr.Dataset:
    """The reference path, against itself nothing is watched."""
    return iom.simulate(official("business-as-usual")).data


def test_the_reference_against_itself_is_silent(usual: xr.Dataset) -> None:
    assert watch(usual, usual, CARDS) == []


@pytest.mark.parametrize("name", PASSED)
def test_a_margin_passed_in_one_year_is_said_with_the_year(usual: xr.Dataset, name: str) -> None:
    by, sentence = PASSED[name]
    moved = usual.copy(deep=True)
    moved[name].loc[{"year": 2031}] += by
    [said] = watch(moved, usual, CARDS)
    assert said.startswith(sentence)
    assert "from 2031 on" in said


def test_a_low_current_account_is_said(usual: xr.Dataset) -> None:
    moved = usual.copy(deep=True)
    moved["current_account_share"].loc[{"year": 2030}] = -3.0
    [said] = watch(moved, usual, CARDS)
    assert said == "the current account is below -2 percent of GDP from 2030 on, by up to 1 points beyond that (2030)"


def test_known_years_are_not_watched(usual: xr.Dataset) -> None:
    moved = usual.copy(deep=True)
    moved["public_debt_share"].loc[{"year": 2023}] += 50
    assert watch(moved, usual, CARDS) == []
