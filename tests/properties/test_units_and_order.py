"""Units and order make no difference to a solved path: the real tables in yuan, thousand or billion, with their sectors
and regions in another order, give the same paths and the same prices of laws by label."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import xarray as xr
from official import official

import iomodel as iom
from iomodel.economy import Economy
from iomodel.program.trajectory import Trajectory
from iomodel.table import Table, make_table

pytestmark = pytest.mark.slow

TABLES = ("china-2020", "world-2011")
POLICIES = ("supply-only", "demand-only", "two-halves", "best-path")
UNITS = {"yuan": 1e6, "thousand": 1e3, "billion": 1e-3}
VARIANTS = [(table, variant) for table in TABLES for variant in (*UNITS, "sectors")] + [("world-2011", "regions")]
SAME = 1e-7
"""Largest distance of a number from its own in the table as shipped (in millions), relative to its size where that is
above one; measured 3e-9."""


@cache
def _economy(table: str, variant: str) -> Economy:
    shipped = iom.load_table(table)
    return iom.calibrate(shipped if variant == "shipped" else _again(shipped, variant), region="CHN")


@cache
def _shipped_path(policy: str, table: str) -> Trajectory:
    return _path(policy, table, "shipped")


def _path(policy: str, table: str, variant: str) -> Trajectory:
    path = iom.solve(iom.load_experiment(policy).replace(table=table), _economy(table, variant))
    assert path.verdict.status == "optimal"
    return path


def _again(table: Table, variant: str) -> Table:
    """The table in another unit, or with its sectors or regions in another order."""
    rng = np.random.default_rng(3)
    factor = UNITS.get(variant, 1.0)
    sectors, regions = (np.arange(len(labels)) for labels in (table.sectors, table.regions))
    if variant == "sectors":
        sectors = rng.permutation(sectors)
    if variant == "regions":
        regions = rng.permutation(regions)
    sellers = np.append(regions, regions.size) if table.is_national else regions
    names, codes, order = table.sector_names, table.sectors, [table.regions[place] for place in regions]
    jobs = None
    if table.employment is not None:
        counted = [region for region in order if region in table.employment["region"].values]
        jobs = {region: table.employment.sel(region=region).values[sectors] for region in counted}
    kept = ("classification", "currency", "price_basis", "source", "licence", "edition", "history")
    return make_table(
        name=table.name, year=table.year, unit=table.unit if factor == 1 else f"{variant} {table.attrs['currency']}",
        regions=order, sectors={codes[place]: names[codes[place]] for place in sectors}, categories=table.categories,
        factors=table.factors, national=table.is_national,
        flows=factor * table.flows.values[np.ix_(sellers, sectors, regions, sectors)],
        final_demand=factor * table.final_demand.values[np.ix_(sellers, sectors, regions)],
        value_added=factor * table.value_added.values[:, regions][:, :, sectors],
        output=factor * table.output.values[np.ix_(regions, sectors)],
        product_taxes=factor * table.product_taxes.values[regions], employment=jobs,
        **{key: table.attrs[key] for key in kept},
    )  # fmt: skip


def _farthest(one: xr.DataArray, other: xr.DataArray) -> float:
    """Largest distance of two arrays by label, relative to the largest number of the array where that is above one."""
    for dim in one.dims:
        assert sorted(map(str, one[dim].values)) == sorted(map(str, other[dim].values)), dim
    labelled = other.sel({dim: one[dim].values for dim in one.dims}).transpose(*one.dims)
    return float(np.abs(one.values - labelled.values).max() / max(1.0, float(np.abs(one.values).max())))


def _apart(one: Trajectory, other: Trajectory) -> dict[str, float]:
    """Distance of every variable of the path and of every shadow price."""
    assert set(one.data.data_vars) == set(other.data.data_vars)
    assert set(one.shadow_prices) == set(other.shadow_prices)
    found = {str(name): _farthest(array, other.data[name]) for name, array in one.data.data_vars.items()}
    prices = one.shadow_prices.items()
    return found | {f"price of {name}": _farthest(price, other.shadow_prices[name]) for name, price in prices}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(("table", "variant"), VARIANTS)
def test_units_and_order_make_no_difference(table: str, variant: str, policy: str) -> None:
    one, other = _shipped_path(policy, table), _path(policy, table, variant)
    sectors = list(other.data["sector"].values)
    assert (sectors != list(one.data["sector"].values)) == (variant == "sectors")
    apart = _apart(one, other)
    assert {name: far for name, far in apart.items() if far > SAME} == {}
    assert other.verdict.objective == pytest.approx(one.verdict.objective, abs=1e-9)


def test_the_variants_are_other_tables() -> None:
    """What the test above compares differs where it should: in amounts, in order, and in nothing else."""
    base = iom.load_table("world-2011")
    assert float(_again(base, "yuan").output.sum()) == pytest.approx(1e6 * float(base.output.sum()))
    sectors, regions = _again(base, "sectors"), _again(base, "regions")
    assert (sectors.regions, sorted(sectors.sectors)) == (base.regions, sorted(base.sectors))
    assert (regions.sectors, sorted(regions.regions)) == (base.sectors, sorted(base.regions))
    assert sectors.sectors != base.sectors
    assert regions.regions != base.regions
    for table in (sectors, regions):
        labelled = table.flows.sel(base.flows.coords)
        assert (labelled.values == base.flows.values).all()


def test_positions_instead_of_labels_are_seen() -> None:
    """The comparison can fail: by position the permuted table's path is another one."""
    one, other = _shipped_path("demand-only", "china-2020"), _path("demand-only", "china-2020", "sectors")
    by_position = other.data["output"].assign_coords(sector=one.data["sector"])
    assert _farthest(one.data["output"], by_position) > 0.01
    prices = one.shadow_prices["goods_balance"], other.shadow_prices["goods_balance"]
    by_position = prices[1].assign_coords(sector=prices[0]["sector"])
    assert _farthest(prices[0], by_position) > SAME


def test_another_table_is_another_path() -> None:
    """The bound is tight enough to see one purchase moved by a hundredth of a percent of GDP."""
    base = iom.load_table("china-2020")
    final = base.final_demand.values.copy()
    flows = base.flows.values.copy()
    moved = 1e-4 * 1e6
    final[0, 5, 0, 0] += moved  # households buy more food, its makers less of their own product
    flows[0, 5, 0, 5] -= moved
    added = base.value_added.values.copy()
    added[0, 0, 5] += moved
    other = make_table(
        name=base.name, year=base.year, unit=base.unit, regions=base.regions, sectors=base.sector_names,
        categories=base.categories, factors=base.factors, flows=flows, final_demand=final, value_added=added,
        output=base.output.values, national=True, product_taxes=base.product_taxes.values,
        classification=base.attrs["classification"],
    )  # fmt: skip
    economy = iom.calibrate(other, region="CHN")
    path = iom.solve(official("demand-only"), economy)
    assert max(_apart(_shipped_path("demand-only", "china-2020"), path).values()) > 10 * SAME
