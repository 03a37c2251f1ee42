"""Persons are where output is: moved inside the broad sector, none lost, and small regions of the estimate work."""

from __future__ import annotations

import numpy as np
import pytest

import iomodel as iom
from iomodel.table import load_table
from iomodel.updating.persons import where_output_is


def test_persons_of_a_sector_without_output_go_to_its_like() -> None:
    sectors = ["MIN", "METAL", "REAL", "BUS", "HEA"]
    persons = {"A": np.array([5.0, 40.0, 6.0, 10.0, 20.0]), "B": np.array([5.0, 40.0, 6.0, 10.0, 20.0])}
    output = {"A": np.array([1.0, 1.0, 0.0, 1.0, 1.0]), "B": np.ones(5)}
    found, said = where_output_is(persons, output, sectors, "world28")
    np.testing.assert_allclose(found["A"], [5, 40, 0, 12, 24])
    np.testing.assert_array_equal(found["B"], persons["B"])
    line = "6 thousand persons of A REAL, which has no output here, spread over its other sectors of services by their"
    assert said == [f"{line} persons"]
    np.testing.assert_array_equal(persons["A"][2], 6.0)
    unknown, _ = where_output_is(persons, output, sectors, "mine")
    np.testing.assert_allclose(unknown["A"], persons["A"] * 81 / 75 * [1, 1, 0, 1, 1])


def test_nobody_is_moved_to_where_nobody_is() -> None:
    alone = {"A": np.array([0.0, 3.0])}
    found, said = where_output_is(alone, {"A": np.array([1.0, 0.0])}, ["x", "y"], "mine")
    np.testing.assert_array_equal(found["A"], [0.0, 3.0])
    assert said == []


@pytest.mark.parametrize("region", ["MEX", "TUR"])
def test_small_regions_of_the_estimate_can_be_calibrated(region: str) -> None:
    """Mexico has no real estate in the 2014 table, but persons there in the accounts of 2011."""
    table = load_table("world-2020-estimate")
    economy = iom.calibrate(table, region=region)
    assert float(economy.gdp) == pytest.approx(float(table.value_added.sel(to_region=region).sum()), rel=0.01)
    assert table.employment is not None
    persons, output = table.employment.sel(region=region), table.output.sel(region=region)
    assert not ((persons > 0) & (output <= 0)).any()
