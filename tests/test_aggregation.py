"""Sums over groups lose nothing and name what they cannot place."""

from __future__ import annotations

import numpy as np
import pytest

from iomodel.aggregation import aggregate_regions, sum_groups
from iomodel.errors import TableError
from iomodel.table import load_table


def test_sums_keep_totals_and_the_order_of_the_groups() -> None:
    values = np.arange(12.0).reshape(2, 3, 2)
    summed = sum_groups(values, ["a", "b", "c"], {"c": "late", "a": "early", "b": "early"}, axis=1)
    np.testing.assert_array_equal(summed, np.stack([values[:, 2], values[:, 0] + values[:, 1]], axis=1))


def test_regions_of_the_world_in_three_groups() -> None:
    world = load_table("world-2011")
    groups = {region: region if region in ("CHN", "USA") else "OTHER" for region in world.regions}
    three = aggregate_regions(world, groups, name="three")
    assert three.regions == ["CHN", "USA", "OTHER"]
    assert float(three.flows.sum()) == pytest.approx(float(world.flows.sum()))
    np.testing.assert_array_equal(three.output.sel(region="CHN"), world.output.sel(region="CHN"))
    assert three.employment is not None
    assert three.employment["region"].values.tolist() == ["CHN", "USA"]
    assert three.attrs["history"][-1] == "regions of world-2011 summed into CHN, USA, OTHER"


def test_groups_that_do_not_fit() -> None:
    with pytest.raises(TableError, match=r"china-2020 is national \(CHN and IMPORTS\); it has no regions to group"):
        aggregate_regions(load_table("china-2020"), {"CHN": "CHN"})
    with pytest.raises(TableError, match="No group for USA, EU"):
        aggregate_regions(load_table("world-2011"), {"CHN": "CHN"})
