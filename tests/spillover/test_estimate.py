"""Spillovers on an ESTIMATE: broad sectors that add up, ranges that hold the number, errors as rehearsed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import iomodel as iom
from iomodel.economy import Economy
from iomodel.experiment import Tariff
from iomodel.program.trajectory import Trajectory
from iomodel.spillover import estimate, spillovers, summary
from iomodel.spillover.home import AMOUNTS, home_final_demand
from iomodel.updating.ranges import load_variants

NAME = "world-2020-estimate"
SHORT: dict[str, Any] = {"table": NAME, "years": 4, "beyond": 0}
LAST = 2029


@pytest.fixture(scope="module")
def economy() -> Economy:
    return iom.calibrate(iom.load_table(NAME), region="CHN")


@pytest.fixture(scope="module")
def usual(economy: Economy) -> Trajectory:
    return iom.simulate(iom.load_experiment("business-as-usual").replace(**SHORT), economy)


@pytest.fixture(scope="module")
def demand(economy: Economy) -> Trajectory:
    asked = iom.load_experiment("demand-only").set("targets.package", {"exactly": 1.0, "by": 4})
    return iom.simulate(asked.replace(benefit=None, **SHORT), economy)


@pytest.fixture(scope="module")
def found(demand: Trajectory, usual: Trajectory, economy: Economy) -> xr.Dataset:
    return spillovers(demand, usual, economy)


def independent(economy: Economy, path: Trajectory, usual: Trajectory, year: int) -> np.ndarray:
    """Change of output (region, sector) by numpy alone: the inverse of I − A times the change of home final demand."""
    table = economy.table
    output = table.output.values.ravel()
    inputs = table.flows.values.reshape(output.size, output.size) / np.where(output > 0, output, 1.0)
    change = home_final_demand(economy, path.data) - home_final_demand(economy, usual.data)
    change = change.sel(year=year, region=table.regions).values.ravel()
    return (np.linalg.inv(np.eye(output.size) - inputs) @ change).reshape(table.output.shape)


def test_no_single_sector_is_told_and_the_broad_ones_add_up(
    found: xr.Dataset, demand: Trajectory, usual: Trajectory, economy: Economy
) -> None:
    assert list(found["sector"].values) == ["primary", "manufacturing", "services"]
    assert all(values.sizes.get("sector", 3) == 3 for values in found.data_vars.values())
    assert "home_sector" not in found.dims
    assert found.attrs["estimate"].startswith(f"{NAME} is an ESTIMATE: totals by broad sector")
    moved = independent(economy, demand, usual, LAST)
    regions = economy.table.regions
    for partner in ("USA", "AUS", "ROW"):
        told = found["output_change"].sel(partner=partner, year=LAST)
        assert float(told.sum()) == pytest.approx(float(moved[regions.index(partner)].sum()), rel=1e-9)
    mining = moved[regions.index("AUS"), [0, 1]].sum()  # agriculture and mining
    assert float(found["output_change"].sel(partner="AUS", year=LAST, sector="primary").sum()) == pytest.approx(mining)


@pytest.mark.parametrize("measure", ["output", "value_added", "employment"])
def test_the_first_variant_is_the_number_and_the_range_holds_it(found: xr.Dataset, measure: str) -> None:
    central, each = found[f"{measure}_change"], found[f"{measure}_change_by_variant"]
    assert each.dims == ("variant", *central.dims)
    xr.testing.assert_allclose(each.isel(variant=0, drop=True), central, rtol=1e-12)
    known = central.notnull()
    assert bool(((each.min("variant") <= central) & (central <= each.max("variant"))).where(known, True).all())
    spread = (each.max("variant") - each.min("variant")).sel(year=LAST, channel="demand", partner="BRA").sum()
    assert abs(float(spread)) > 0.01 * abs(float(central.sel(year=LAST, partner="BRA").sum()))
    assert each.attrs["units"] == central.attrs["units"]


def test_the_maps_of_the_estimate_itself_give_the_number(
    found: xr.Dataset, demand: Trajectory, usual: Trajectory, economy: Economy
) -> None:
    """Two ways: the whole world solved on the path, and the shipped map of the first variant times what is bought."""
    maps = load_variants(NAME).isel(variant=0)
    amounts = estimate.amounts_of(economy, demand.data, usual.data)
    assert list(maps["use"].values) == list(AMOUNTS)
    output = xr.dot(maps["output_by_use"].astype(float), amounts, dim="use")
    for values, measure in ((output, "output"), (output * maps["value_added_per_output"].astype(float), "value_added")):
        told = found[f"{measure}_change"].sel(channel="demand", year=LAST).sum("sector")
        np.testing.assert_allclose(values.sum("sector").sel(year=LAST), told, rtol=1e-3)


def test_tariffs_have_a_range_of_their_own(usual: Trajectory, economy: Economy) -> None:
    tariffs = (Tariff("USA", "manufacturing", None, 1), Tariff("EU", "all", 5.0, 2))
    path = iom.simulate(usual.experiment.replace(tariffs=tariffs), economy)
    found = spillovers(path, usual, economy)
    central = found["output_change"].sel(year=LAST, channel="barriers").sum("sector")
    each = found["output_change_by_variant"].sel(year=LAST, channel="barriers").sum("sector")
    assert bool((each.min("variant") < central).any())
    assert bool((each.max("variant") > central).any())
    assert np.abs(central.values).min() > 0
    moved = estimate.Moved(
        economy, [LAST], estimate.amounts_of(economy, path.data, usual.data).sel(year=[LAST]),
        ([(("EU", "all", 5.0), ("USA", "manufacturing", 10.3))], [()]), np.array([1.02**9]),
    )  # fmt: skip
    alone = estimate.by_variant(load_variants(NAME), moved).sel(channel="barriers").sum("sector").isel(variant=0)
    np.testing.assert_allclose(alone.values[:, 0], central, rtol=0.15)  # linear in the tariffs, and no more


def test_errors_are_the_rehearsals_on_the_part_of_each_use(
    demand: Trajectory, usual: Trajectory, economy: Economy, monkeypatch: pytest.MonkeyPatch
) -> None:
    partners = [name for name in economy.table.regions if name != "CHN"]
    card = iom.load_table(NAME)
    errors = {"household": 10.0, "government": -20.0, "investment": 50.0}
    said = {use: dict.fromkeys(partners, error) for use, error in errors.items()}
    spans = {use: dict.fromkeys(partners, 12.0) for use in errors}  # larger than the rehearsal's error for households
    told = {"sha256": card.sha256, "rehearsal": said, "gaps": spans, "validation": {"rehearsal_years": [2001, 2007]}}
    monkeypatch.setattr(estimate, "table_card", lambda _: told)
    found = spillovers(demand, usual, economy)
    maps = load_variants(NAME).isel(variant=0)
    amounts = estimate.amounts_of(economy, demand.data, usual.data)
    parts = maps["output_by_use"].astype(float) * amounts.sel(year=LAST)
    wanted = np.zeros(len(partners))
    for use, error in errors.items():
        part = parts.sel(use=list(estimate.REHEARSED[use])).sum("use")
        wanted += abs(part).sum("sector").values * max(abs(error), 12.0) / 100
    amount = found["output_change_error"].sel(year=LAST, channel="demand").sum("sector")
    np.testing.assert_allclose(amount.values, wanted, rtol=1e-9)
    assert found.attrs["rehearsal"] == "2001 to 2007"
    assert found.attrs["errors"].startswith("amounts: change by use of home demand times the rehearsal's error")
    rows = summary(found, LAST)
    row = next(row for row in rows if (row["partner"], row["channel"]) == ("AUS", "total"))
    assert row["output_change_error"] == pytest.approx(float(amount.sel(partner="AUS")))
    low, change, high = (float(row[f"value_added_change{end}"] or 0) for end in ("_low", "", "_high"))
    assert low <= change <= high
    shares = [float(row[f"value_added_change_share{end}"] or 0) for end in ("_low", "", "_high")]
    assert shares[0] <= shares[1] <= shares[2]
    assert shares[0] / shares[1] == pytest.approx(low / change)
    rest = next(row for row in rows if row["partner"] == "ROW")
    assert rest["employment_change"] is rest["employment_change_low"] is None


def test_without_maps_for_the_region_it_says_so(
    demand: Trajectory, usual: Trajectory, economy: Economy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimate, "_shipped", lambda _: False)
    found = spillovers(demand, usual, economy)
    assert found.attrs["ranges"] == "not known: this table has no maps of its variants for this region"
    assert found.attrs["errors"].startswith("not known")
    assert not [name for name in found if str(name).endswith(("_by_variant", "_error"))]
    assert found.sizes["sector"] == 3
    assert "value_added_change_low" not in summary(found, LAST)[0]


def test_a_published_table_is_told_by_sector_as_before() -> None:
    usual = iom.simulate(iom.load_experiment("business-as-usual").replace(table="world-2011", years=4, beyond=0))
    found = spillovers(usual, usual)
    assert found.sizes["sector"] == 35
    assert "variant" not in found.dims
    assert "estimate" not in found.attrs
