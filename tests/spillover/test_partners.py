"""Spillovers against full-world solves written from the table alone, and each channel against a finite difference.

First on a small world with stand-ins for economy and path, then on the shipped table with simulated paths.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import xarray as xr
from official import official
from test_world import delivered, small_world

from iomodel.calibration.calibrating import calibrate
from iomodel.cards import Cards, load_cards
from iomodel.economy import Economy
from iomodel.errors import IOModelError, ResultError, TableError
from iomodel.experiment import Tariff
from iomodel.experiment_file import load_experiment
from iomodel.program.trajectory import Trajectory
from iomodel.results import load_trajectory, save
from iomodel.run import simulate
from iomodel.shipped import shipped_file
from iomodel.spillover import partner_total, shapley, spillovers, summary
from iomodel.spillover.home import AMOUNTS, home_final_demand
from iomodel.table import Table, load_table

YEARS = [2011, 2012, 2013, 2014]


@dataclass(frozen=True)
class Stated:
    """What spillovers read of a tariff in an experiment; years of policy, of which 2012 is the first."""

    partner: str
    group: str
    points: float | None
    from_year: int


@dataclass(frozen=True)
class Home:
    """What spillovers read of an economy."""

    table: Table
    bundles: xr.DataArray
    cards: Cards
    region: str = "CHN"
    year: int = 2011
    gdp: float = 40.0
    known_until: int = 2011


@dataclass(frozen=True)
class Asked:
    """What spillovers read of an experiment."""

    name: str = "policy"
    table: str = "small-world"
    region: str = "CHN"
    cards: dict[str, float] = field(default_factory=dict)
    tariffs: tuple[Stated, ...] = ()


@dataclass(frozen=True)
class Path:
    """What spillovers read of a trajectory."""

    data: xr.Dataset
    experiment: Asked = field(default_factory=Asked)
    provenance: dict[str, Any] = field(default_factory=lambda: {"table_sha256": small_world().sha256})


def home(seed: int = 0) -> Home:
    table = small_world(seed)
    draw = np.random.default_rng(seed + 50)
    uses = ["household", "household_fixed", "overflow", "government_individual", "government_collective"]
    uses += ["construction", "equipment", "intangible", "inventories", "exports"]
    bundles = draw.uniform(0.02, 0.2, (3, 3, len(uses)))
    bundles[:, :, 2] *= np.array([-1.0, 0.5, 0.5])[:, None]
    labels = {"region": ["CHN", "USA", "ROW"], "sector": ["AtB", "15t16", "J"], "use": uses}
    return Home(table, xr.DataArray(bundles, labels, ("region", "sector", "use")), load_cards(None))


def data(seed: int, scale: float = 1.0) -> xr.Dataset:
    draw = np.random.default_rng(seed)
    amounts = {name: ("year", scale * draw.uniform(2.0, 40.0, 4)) for name in AMOUNTS.values()}
    output = (("sector", "year"), draw.uniform(10, 20, (3, 4)))
    coords = {"year": YEARS, "sector": ["AtB", "15t16", "J"]}
    return xr.Dataset({**amounts, "trend": ("year", 1.04 ** np.arange(4)), "output": output}, coords)


def full_solve(economy: Home, variables: xr.Dataset, raised: dict[tuple[int, int], float], growth: float) -> np.ndarray:
    """Output (region, sector, year) of the world, from arrays of the table and sums written out use by use."""
    flows, final = economy.table.flows.values, economy.table.final_demand.values.copy()
    final[..., :2] = delivered(final[..., :2], raised)
    inputs = delivered(flows, raised).reshape(9, 9)
    level = economy.table.output.values.reshape(9)
    coefficients = inputs @ np.diag([1 / x if x > 0 else 0.0 for x in level])
    use = {str(name): economy.bundles.sel(use=name).values for name in economy.bundles["use"].values}
    found = np.empty((3, 3, 4))
    for place in range(4):
        v = {str(name): float(variables[name].values[place]) for name in variables if name != "output"}
        bought = use["household_fixed"] + use["household"] * v["household_consumption"]
        bought = bought + use["overflow"] * v["overflow_imports"] + use["inventories"] * v["trend"]
        bought = bought + use["government_individual"] * v["in_kind_spending"]
        bought = bought + use["government_collective"] * v["collective_consumption"]
        for asset in ("construction", "equipment", "intangible"):
            bought = bought + use[asset] * v[f"investment_{asset}"]
        demand = economy.gdp / 100 * bought + (1 + growth) ** place * final[:, :, 1:].sum(axis=(2, 3))
        found[:, :, place] = np.linalg.inv(np.eye(9) - coefficients).dot(demand.reshape(9)).reshape(3, 3)
    return found


TARIFFS = (Stated("USA", "all", 10, 2), Stated("ROW", "manufacturing", 20, 2))
RAISED = {**{(good, 1): 0.1 for good in range(3)}, (1, 2): 0.2}


def test_the_whole_change_is_the_difference_of_two_full_solves() -> None:
    economy = home()
    path, reference = Path(data(1), Asked(tariffs=TARIFFS)), Path(data(2))
    found = spillovers(path, reference, economy=economy)
    growth = economy.cards["partner_growth"]
    before = full_solve(economy, reference.data, {}, growth)
    after = full_solve(economy, path.data, {}, growth)
    with_tariffs = full_solve(economy, path.data, RAISED, growth)
    after[:, :, 2:] = with_tariffs[:, :, 2:]
    change = (after - before)[1:]
    np.testing.assert_allclose(found["output_change"].sum("channel").values, change, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(found["output_reference"].values, before[1:], rtol=1e-10)
    np.testing.assert_allclose(found["home_output_change"].values, (after - before)[0], rtol=1e-9)
    table = economy.table
    level = np.where(table.output.values > 0, table.output.values, np.inf)
    added = (table.value_added.values.sum(axis=0) / level)[1:, :, None] * change
    np.testing.assert_allclose(found["value_added_change"].sum("channel").values, added, rtol=1e-9, atol=1e-10)
    jobs = np.array([1.0, 2.0, 3.0])[:, None] / table.output.values[1][:, None] * change[0]
    np.testing.assert_allclose(found["employment_change"].sum("channel").sel(partner="USA"), jobs, rtol=1e-9)
    assert found["employment_change"].sel(partner="ROW").isnull().all()
    assert found.attrs["partners_without_employment"] == "ROW"


def test_each_channel_is_the_mean_over_both_orders() -> None:
    economy = home()
    path, reference = Path(data(1), Asked(tariffs=TARIFFS)), Path(data(2))
    found = spillovers(path, reference, economy=economy)["output_change"].sel(year=2014)
    growth = economy.cards["partner_growth"]
    solves = {
        (name, bool(raised)): full_solve(economy, where.data, raised, growth)[1:, :, 3]
        for name, where in (("path", path), ("reference", reference))
        for raised in ({}, RAISED)
    }
    first = solves["path", False] - solves["reference", False]
    last = solves["path", True] - solves["reference", True]
    np.testing.assert_allclose(found.sel(channel="demand"), (first + last) / 2, rtol=1e-9, atol=1e-10)
    first = solves["reference", True] - solves["reference", False]
    last = solves["path", True] - solves["path", False]
    np.testing.assert_allclose(found.sel(channel="barriers"), (first + last) / 2, rtol=1e-9, atol=1e-10)
    assert abs(first - last).max() > 1e-4


@pytest.mark.parametrize("variable", [*AMOUNTS.values()])
def test_demand_channel_against_a_small_change_of_one_use(variable: str) -> None:
    economy, step = home(), 1e-3
    variables = data(3)
    moved = variables.assign({variable: variables[variable] + step})
    found = spillovers(Path(moved), Path(variables), economy=economy)["output_change"]
    use = next(name for name, word in AMOUNTS.items() if word == variable)
    flows = economy.table.flows.values.reshape(9, 9)
    level = economy.table.output.values.reshape(9)
    coefficients = flows / np.where(level > 0, level, np.inf)
    slope = np.linalg.solve(np.eye(9) - coefficients, economy.bundles.sel(use=use).values.reshape(9))
    expected = (0.4 * step * slope).reshape(3, 3)[1:]
    np.testing.assert_allclose(found.sel(channel="demand", year=2012), expected, rtol=1e-6, atol=1e-12)
    assert (found.sel(channel="barriers") == 0).all()


def test_barriers_channel_against_a_small_tariff() -> None:
    """The slope of deliveries in a tariff, written from the elasticities: −σ, 2σ and shares, no share system."""
    economy, points = home(), 1e-4
    variables = data(3)
    duty = (Stated("USA", "manufacturing", points, 1),)
    found = spillovers(Path(variables, Asked(tariffs=duty)), Path(variables), economy=economy)["output_change"]
    assert (found.sel(channel="demand") == 0).all()
    assert (found.sel(year=2011) == 0).all()
    flows, final = economy.table.flows.values, economy.table.final_demand.values
    level = economy.table.output.values
    both = np.concatenate([flows[:, 1, 1], final[:, 1, 1, :2]], axis=1)
    own, chinese, other = both[1], both[0], both[2]
    of_imports, of_all = chinese / (chinese + other), chinese / both.sum(axis=0)
    rate = points / 100
    shift = np.zeros((3, 5))
    shift[0] = chinese * (-6 * (1 - of_imports) - 3 * (of_imports - of_all)) * rate
    shift[2] = other * (6 * of_imports - 3 * (of_imports - of_all)) * rate
    shift[1] = own * 3 * of_all * rate
    coefficients = flows.reshape(9, 9) / np.where(level > 0, level, np.inf).reshape(9)
    inverse = np.linalg.inv(np.eye(9) - coefficients)
    output = full_solve(economy, variables, {}, economy.cards["partner_growth"])[:, :, 1]
    push = np.zeros((3, 3))
    push[:, 1] = (shift[:, :3] / level[1] * output[1]).sum(axis=1) + shift[:, 3:].sum(axis=1) * 1.025
    expected = (inverse @ push.reshape(9)).reshape(3, 3)[1:]
    np.testing.assert_allclose(found.sel(channel="barriers", year=2012), expected, rtol=1e-4, atol=1e-12)


def test_no_change_gives_zero_exactly() -> None:
    path = Path(data(1), Asked(tariffs=TARIFFS))
    found = spillovers(path, path, economy=home())
    for name in ("output_change", "value_added_change", "home_output_change", "home_output_change_program"):
        assert (found[name] == 0).all()


def test_shares_are_percent_of_the_partners_total_and_add_up() -> None:
    found = spillovers(Path(data(1)), Path(data(2)), economy=home())
    share = found["value_added_change_share"].sum(["sector", "channel"])
    whole = found["value_added_change"].sum(["sector", "channel"]) / found["value_added_reference"].sum("sector")
    np.testing.assert_allclose(share, 100 * whole, rtol=1e-12)


def test_labels_units_and_notes() -> None:
    found = spillovers(Path(data(1)), Path(data(2)), economy=home())
    assert found["output_change"].dims == ("partner", "sector", "year", "channel")
    assert found["output_change"].sel(partner="USA").dims == ("sector", "year", "channel")
    assert found["output_change"].attrs["units"] == "million USD"
    assert found["output_change_share"].attrs["units"] == "percent"
    assert found["employment_change"].attrs["units"] == "thousand persons"
    assert all(found[name].attrs["units"] and found[name].attrs["long_name"] for name in found)
    assert "competition, cost" in found.attrs["absent_channels"]
    assert "CHN" not in found["partner"].values


def test_shapley_shares_interactions_equally() -> None:
    def outcome(on: frozenset[str]) -> np.ndarray:
        return np.array([sum({"a": 1.0, "b": 2.0, "c": 4.0}[name] for name in on) + 6.0 * (len(on) == 3)])

    parts = shapley(outcome, ["a", "b", "c"])
    assert {name: float(part[0]) for name, part in parts.items()} == pytest.approx({"a": 3, "b": 4, "c": 6})


def test_order_of_labels_in_the_bundles_does_not_matter() -> None:
    economy = home()
    turned = replace(economy, bundles=economy.bundles[::-1, ::-1, ::-1])
    one, other = (spillovers(Path(data(1)), Path(data(2)), economy=found) for found in (economy, turned))
    xr.testing.assert_allclose(one, other)


def test_partner_total_and_its_refusals() -> None:
    found = spillovers(Path(data(1)), Path(data(2)), economy=home())
    total = partner_total(found, "USA")
    np.testing.assert_allclose(total, found["output_change"].sel(partner="USA").sum("sector"))
    assert total.attrs["units"] == "million USD"
    with pytest.raises(ResultError, match=r"No partner 'UAS'; there are USA, ROW\. Did you mean USA"):
        partner_total(found, "UAS")
    with pytest.raises(ResultError, match=r"No variable 'output_chage'.*Did you mean output_change"):
        partner_total(found, "USA", "output_chage")


def test_summary_rows_are_totals_by_partner_and_channel() -> None:
    found = spillovers(Path(data(1), Asked(tariffs=TARIFFS)), Path(data(2)), economy=home())
    rows = summary(found, 2014)
    assert [row["channel"] for row in rows] == ["total", "demand", "barriers"] * 2
    by = {(row["partner"], row["channel"]): row for row in rows}
    here = found.sel(year=2014).sum("sector")
    assert by["ROW", "barriers"]["output_change"] == pytest.approx(
        float(here["output_change"].sel(partner="ROW", channel="barriers"))
    )
    assert by["USA", "total"]["value_added_change"] == pytest.approx(
        float(here["value_added_change"].sel(partner="USA").sum())
    )
    assert by["ROW", "total"]["employment_change"] is None
    assert isinstance(by["USA", "total"]["employment_change"], float)
    totals = [row["value_added_change"] for row in rows if row["channel"] == "total"]
    assert totals == sorted(totals, reverse=True)
    with pytest.raises(ResultError, match=r"No year 2050.*2011 to 2014"):
        summary(found, 2050)


def test_paths_that_cannot_be_compared_are_refused() -> None:
    path = Path(data(1))
    with pytest.raises(ResultError, match=r"different tables.*Simulate the reference on the table of the path"):
        spillovers(path, replace(path, provenance={"table_sha256": "b" * 64}), economy=home())
    with pytest.raises(ResultError, match=r"hash [0-9a-f]{12}; small-world has [0-9a-f]{12}.*economy="):
        spillovers(path, path, economy=home(seed=1))
    with pytest.raises(ResultError, match=r"of region CHN, the economy of USA"):
        spillovers(path, path, economy=replace(home(), region="USA"))
    with pytest.raises(ResultError, match=r"different years: 2011-2014 and 2011-2013.*one horizon"):
        spillovers(path, replace(path, data=path.data.isel(year=slice(0, 3))), economy=home())
    with pytest.raises(ResultError, match=r"different home regions: CHN and USA"):
        spillovers(path, replace(path, experiment=Asked(region="USA")), economy=home())
    with pytest.raises(ResultError, match=r"lacks household_consumption"):
        spillovers(replace(path, data=path.data.drop_vars("household_consumption")), path, economy=home())


def test_a_national_table_has_no_partners_and_says_what_to_do() -> None:
    national = replace(home(), table=load_table("china-2020"))
    path = Path(data(1), provenance={"table_sha256": national.table.sha256})
    with pytest.raises(IOModelError, match=r'china-2020 is national.*IMPORTS.*table="world-2011"') as caught:
        spillovers(path, path, economy=national)
    assert isinstance(caught.value, TableError)
    assert caught.value.exit_code == 2


def test_home_final_demand_has_a_unit_and_keeps_sellers_apart() -> None:
    demand = home_final_demand(home(), data(1))
    assert demand.dims == ("region", "sector", "year")
    assert demand.attrs["units"] == "million USD"


# ---------------------------------------------------------------- the shipped table, real paths


@pytest.fixture(scope="module")
def usual() -> Trajectory:
    return simulate(load_experiment("business-as-usual").replace(table="world-2011"))


@pytest.fixture(scope="module")
def policy() -> Trajectory:
    """A programme of two points of GDP, with duties of two partners from the second and third year of policy."""
    asked = load_experiment("demand-only").replace(
        table="world-2011", tariffs=(Tariff("USA", "manufacturing", 15.0, 2), Tariff("EU", "all", 8.0, 3))
    )
    return simulate(asked)


@pytest.fixture(scope="module")
def economy() -> Economy:
    return calibrate(load_table("world-2011"))


def broad_groups() -> list[str]:
    with shipped_file("tables", "maps", "wiod35.csv").open(encoding="utf-8", newline="") as file:
        found = {row["sector"]: row["broad"] for row in csv.DictReader(file)}
    return [found[sector] for sector in load_table("world-2011").sectors]


def whole_world(economy: Economy, path: Trajectory, raised: dict[tuple[int, int], float], year: int) -> np.ndarray:
    """Output (region, sector) in one year from arrays of the table: rebuilt flows, summed demand, a dense solve."""
    table = economy.table
    regions, goods = len(table.regions), len(table.sectors)
    final = table.final_demand.values.copy()
    stocks = table.categories.index("inventories")
    moved = delivered(final, raised)
    moved[..., stocks] = final[..., stocks]
    inputs = delivered(table.flows.values, raised).reshape(regions * goods, regions * goods)
    level = table.output.values.reshape(-1)
    coefficients = np.divide(inputs, level, out=np.zeros_like(inputs), where=level > 0)
    now = {name: float(path.data[name].sel(year=year)) for name in (*AMOUNTS.values(), "trend")}
    use = {str(name): economy.bundles.sel(use=name).values for name in economy.bundles["use"].values}
    bought = sum(use[name] * now[word] for name, word in AMOUNTS.items())
    bought = bought + use["household_fixed"] + use["inventories"] * now["trend"]
    home_at = table.regions.index("CHN")
    abroad = [place for place in range(regions) if place != home_at]
    demand = bought * economy.gdp / 100 + 1.025 ** (year - 2011) * moved[:, :, abroad].sum(axis=(2, 3))
    solved = np.linalg.solve(np.eye(regions * goods) - coefficients, demand.reshape(-1))
    return solved.reshape(regions, goods)


def duties_of(table: Table, year: int) -> dict[tuple[int, int], float]:
    """(good, market) -> rate in a year, of the tariffs that the fixture `policy` states; policy starts in 2012."""
    raised: dict[tuple[int, int], float] = {}
    for good, group in enumerate(broad_groups()):
        if group == "manufacturing" and year >= 2013:
            raised[good, table.regions.index("USA")] = 0.15
        if year >= 2014:
            raised[good, table.regions.index("EU")] = 0.08
    return raised


def test_real_home_final_demand_is_the_tables_in_the_base_year(economy: Economy, usual: Trajectory) -> None:
    bought = home_final_demand(economy, usual.data).sel(year=2011)
    bought_in_table = economy.table.final_demand.sel(to_region="CHN").sum("category")
    np.testing.assert_allclose(bought.values, bought_in_table.values, rtol=1e-9, atol=1e-3)


def test_real_reference_reproduces_the_world_in_the_base_year(usual: Trajectory, policy: Trajectory) -> None:
    table = load_table("world-2011")
    found = spillovers(policy, usual).sel(year=2011)
    abroad = table.output.drop_sel(region="CHN").values
    np.testing.assert_allclose(found["output_reference"].values, abroad, rtol=1e-8, atol=1e-3)
    added = table.value_added.sum("factor").transpose("to_region", "to_sector").drop_sel(to_region="CHN").values
    np.testing.assert_allclose(found["value_added_reference"].values, added, rtol=1e-8, atol=1e-3)
    assert abs(found["output_change"]).max() == 0


@pytest.mark.parametrize("year", [2013, 2021])
def test_real_spillovers_are_differences_of_independent_world_solves(
    economy: Economy, usual: Trajectory, policy: Trajectory, year: int
) -> None:
    found = spillovers(policy, usual).sel(year=year)
    raised = duties_of(economy.table, year)
    abroad = [place for place, name in enumerate(economy.table.regions) if name != "CHN"]
    before, demand, barriers, after = (
        whole_world(economy, path, duties, year)[abroad]
        for path, duties in ((usual, {}), (policy, {}), (usual, raised), (policy, raised))
    )
    scale = {"rtol": 1e-7, "atol": 1e-3}
    np.testing.assert_allclose(found["output_change"].sum("channel"), after - before, **scale)
    mean = ((demand - before) + (after - barriers)) / 2
    np.testing.assert_allclose(found["output_change"].sel(channel="demand"), mean, **scale)
    mean = ((barriers - before) + (after - demand)) / 2
    np.testing.assert_allclose(found["output_change"].sel(channel="barriers"), mean, **scale)


def test_real_jobs_are_in_proportion_to_output(economy: Economy, usual: Trajectory, policy: Trajectory) -> None:
    found = spillovers(policy, usual, economy=economy).sel(year=2021, partner="USA")
    table = economy.table
    assert table.employment is not None
    per = table.employment.sel(region="USA").values / table.output.sel(region="USA").values
    np.testing.assert_allclose(found["employment_change"], per[:, None] * found["output_change"], rtol=1e-9)
    rows = {(row["partner"], row["channel"]): row for row in summary(spillovers(policy, usual, economy), 2021)}
    assert rows["ROW", "total"]["employment_change"] is None


def test_real_diversion_helps_the_partners_that_raise_no_duty(usual: Trajectory, policy: Trajectory) -> None:
    found = spillovers(policy, usual).sel(year=2021, channel="barriers")["value_added_change"].sum("sector")
    assert {name for name in found["partner"].values if found.sel(partner=name) > 0} >= {"MEX", "JPN", "KOR", "ROW"}


def test_real_cards_of_the_experiments_are_used(economy: Economy) -> None:
    """Faster growth of partners scales what they would have made anyway, and nothing in the demand channel."""
    slow = simulate(load_experiment("demand-only").replace(table="world-2011"))
    asked = slow.experiment.replace(cards={"partner_growth": 0.04})
    fast = simulate(asked)
    usual = simulate(load_experiment("business-as-usual").replace(table="world-2011", cards={"partner_growth": 0.04}))
    one, other = spillovers(fast, usual), spillovers(fast, usual, economy=economy)
    xr.testing.assert_identical(one, other)
    base = spillovers(slow, simulate(load_experiment("business-as-usual").replace(table="world-2011")))
    assert (one["output_reference"].sel(year=2021).sum() > 1.1 * base["output_reference"].sel(year=2021).sum()).item()
    np.testing.assert_allclose(one["output_change"], base["output_change"], rtol=1e-6, atol=1e-3)


def test_real_exports_of_the_program_follow_from_the_shares(usual: Trajectory, policy: Trajectory) -> None:
    table = load_table("world-2011")
    ratio = policy.data["exports"] / usual.data["exports"].where(usual.data["exports"] > 0)
    for year in (2012, 2013, 2020):
        raised, sold = duties_of(table, year), table.regions.index("CHN")
        abroad = [place for place in range(len(table.regions)) if place != sold]
        final = table.final_demand.values.copy()
        moved = delivered(final, raised)
        stocks = table.categories.index("inventories")
        moved[..., stocks] = final[..., stocks]
        after = (delivered(table.flows.values, raised).sum(axis=3) + moved.sum(axis=3))[sold][:, abroad].sum(axis=1)
        before = (table.flows.values.sum(axis=3) + final.sum(axis=3))[sold][:, abroad].sum(axis=1)
        found = ratio.sel(year=year).values
        expected = np.divide(after, before, out=np.full_like(before, np.nan), where=before > 0)
        np.testing.assert_allclose(found, expected, rtol=1e-8)


def test_real_home_output_of_world_and_program_agree_in_size(usual: Trajectory, policy: Trajectory) -> None:
    """Exports are data in the program and answer to partners in the world solve: near, and not equal."""
    found = spillovers(policy, usual).sel(year=2021).sum("sector")
    assert float(found["home_output_change"]) == pytest.approx(float(found["home_output_change_program"]), rel=0.25)


def test_real_national_paths_are_refused() -> None:
    path = simulate(official("business-as-usual"))
    with pytest.raises(TableError, match=r'china-2020 is national.*table="world-2011"'):
        spillovers(path, path)


def test_real_results_give_the_same_after_a_round_trip(usual: Trajectory, policy: Trajectory, tmp_path: Any) -> None:
    for name, path in (("usual", usual), ("policy", policy)):
        save(path, tmp_path / f"{name}.nc")
    read = (load_trajectory(tmp_path / f"{name}.nc") for name in ("policy", "usual"))
    xr.testing.assert_identical(spillovers(*read), spillovers(policy, usual))
