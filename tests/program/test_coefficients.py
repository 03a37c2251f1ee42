"""Groups of coefficients: only the named ones move, and what comes out is a balanced table."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from iomodel.coefficients import coefficient_groups, shifted, spread
from iomodel.economy import Economy
from iomodel.errors import TableError

TABLES = ("china-2020", "world-2011")


@pytest.fixture(params=TABLES)
def economy(request: pytest.FixtureRequest, economy_named: Callable[[str], Economy]) -> Economy:
    return economy_named(request.param)


def test_no_move_is_no_change(economy: Economy) -> None:
    for key in ("inputs_manufacturing", "imports_household", "jobs_services"):
        same = shifted(economy, key, 0.0)
        assert same.table.sha256 != ""
        for name in economy.sectors:
            np.testing.assert_allclose(same.sectors[name], economy.sectors[name], atol=1e-10)


def test_only_the_named_coefficients_move(economy: Economy) -> None:
    """Inputs of the group per unit of output grow by a hundredth, its surplus makes room, wages and jobs stay."""
    group = np.asarray(economy.sectors["manufacturing"].values) > 0
    more = shifted(economy, "inputs_manufacturing", 0.01)
    for part in ("domestic", "imported"):
        was, now = (np.asarray(one.coefficients[part].values) for one in (economy, more))
        np.testing.assert_allclose(now[:, group], 1.01 * was[:, group], rtol=1e-9)
        np.testing.assert_allclose(now[:, ~group], was[:, ~group], rtol=1e-9, atol=1e-15)
    for name in ("wage_share", "tax_share", "jobs_per_output"):
        scale = more.gdp / economy.gdp if name == "jobs_per_output" else 1.0
        np.testing.assert_allclose(more.sectors[name], economy.sectors[name] * scale, rtol=1e-8, atol=1e-12)
    lost = economy.sectors["surplus_share"].values - more.sectors["surplus_share"].values
    bought = sum(np.asarray(economy.coefficients[part].values).sum(axis=0) for part in ("domestic", "imported"))
    np.testing.assert_allclose(lost, np.where(group, 0.01 * bought, 0.0), atol=1e-9)


def test_final_demand_stays_and_output_follows(economy: Economy) -> None:
    """The Leontief quantity model at the moved coefficients, from the table's own final demand."""
    moved = shifted(economy, "inputs_services", 0.02)
    was, now = economy.table, moved.table
    np.testing.assert_allclose(now.final_demand, was.final_demand)
    assert float(now.output.sum()) > float(was.output.sum())


def test_imports_over_home_goods(economy: Economy) -> None:
    """The ratio grows, what is bought of each good in all stays."""
    moved = shifted(economy, "imports_household", 0.05)
    was, now = (one.table.final_demand.sel(to_region=economy.region, category="household") for one in (economy, moved))
    np.testing.assert_allclose(now.sum("region"), was.sum("region"), rtol=1e-9)
    home, before = (one.sel(region=economy.region).values for one in (now, was))
    abroad, there = ((one.sum("region") - one.sel(region=economy.region)).values for one in (now, was))
    both = (before > 0) & (there > 0) & (was >= 0).all("region").values
    assert both.sum() > 10
    np.testing.assert_allclose(abroad[both] / home[both], 1.05 * there[both] / before[both], rtol=1e-9)


def test_composition_of_a_bundle(china_only: Economy) -> None:
    """Services over goods in what households buy; their total stays."""
    moved = shifted(china_only, "services_household", 0.05)
    was, now = (one.table.final_demand.sel(category="household").sum("region") for one in (china_only, moved))
    assert float(now.sum()) == pytest.approx(float(was.sum()))
    ratio = (now / was.where(was > 0)).values
    ratio = ratio[np.isfinite(ratio)]
    assert ratio.max() / ratio.min() == pytest.approx(1.05)
    assert float(moved.accounts["household_consumption"]) != float(china_only.accounts["household_consumption"])


def test_wages_and_jobs(china_only: Economy) -> None:
    paid, there = (shifted(china_only, f"{kind}_services", 0.01) for kind in ("wages", "jobs"))
    rows = paid.sectors["wage_share"].values / china_only.sectors["wage_share"].values
    assert sorted({round(float(row), 9) for row in rows}) == [1.0, 1.01]
    jobs = there.sectors["jobs"].values / china_only.sectors["jobs"].values
    assert sorted({round(float(row), 9) for row in jobs}) == [1.0, 1.01]
    added = [float(one.sectors[["wage_share", "surplus_share"]].to_array().sum()) for one in (china_only, paid)]
    assert added[0] == pytest.approx(added[1])


@pytest.fixture
def china_only(economy_named: Callable[[str], Economy]) -> Economy:
    return economy_named("china-2020")


def test_every_group_moves_something(china_only: Economy) -> None:
    """To an end of its range, and calibrated there."""
    for place, key in enumerate(coefficient_groups(china_only)):
        moved = shifted(china_only, key, spread() if place % 2 else -spread())
        differs = max(float(abs(moved.sectors[name] - china_only.sectors[name]).max()) for name in moved.sectors)
        assert differs > 1e-4, key


def test_unknown_group(china_only: Economy) -> None:
    with pytest.raises(TableError, match=r"no group of coefficients 'wages_service'.*wages_services"):
        shifted(china_only, "wages_service", 0.01)
