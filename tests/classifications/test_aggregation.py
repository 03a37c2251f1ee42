"""Sums over groups lose nothing and name what they cannot place."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import iomodel as iom
from iomodel.aggregation import aggregate, aggregate_regions, carry_over, carry_rates, sum_groups
from iomodel.classifications.concordance import Concordance, compose, identity_concordance, make_concordance
from iomodel.classifications.concordance_files import load_concordance
from iomodel.errors import TableError
from iomodel.national import national_block
from iomodel.table import Table, load_table
from iomodel.trade import trade_pairs


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


# ---------------------------------------------------------------- sectors
def leontief(table: Table) -> tuple[np.ndarray, np.ndarray]:
    """(L, x) over (region, sector) pairs, by plain inversion."""
    n = len(table.regions) * len(table.sectors)
    flows = table.flows.values[: len(table.regions)].reshape(n, n)
    output = table.output.values.reshape(n)
    return np.linalg.inv(np.eye(n) - flows / np.where(output > 0, output, 1.0)), output


@pytest.fixture(scope="module")
def world() -> Table:
    return load_table("world-2011")


def test_totals_are_kept_and_the_order_of_steps_does_not_matter(world: Table) -> None:
    """35 -> 28 -> 10 -> 3 in steps, at once, and with regions before or after: the same sums to 1e-12."""
    steps = [aggregate(world, "world28")]
    steps += [aggregate(steps[-1], "broad10")]
    steps += [aggregate(steps[-1], "broad3", "world15_to_world4")]
    at_once = aggregate(world, "broad3", "world15_to_world4")
    for table in (*steps, at_once):
        for array, whole in ((table.arrays[name], world.arrays[name]) for name in world.arrays if name != "employment"):
            assert float(abs(array.sum() - whole.sum())) <= 1e-12 * float(abs(whole).sum())
    assert steps[-1].regions == at_once.regions == ["CHN", "IND", "JPN", "ROW"]
    assert steps[-1].sectors == at_once.sectors
    for name in ("flows", "final_demand", "value_added", "output"):
        left, right = steps[-1].arrays[name].values, at_once.arrays[name].values
        np.testing.assert_allclose(left, right, rtol=1e-12, atol=1e-12 * np.abs(right).max())


def test_every_sum_is_the_matrix_product(world: Table) -> None:
    """Z = Wᵀ Z₀ W by numpy's einsum, with a concordance that splits a sector."""
    shares: dict[str, str | dict[str, float]] = dict.fromkeys(world.sectors, "rest")
    shares |= {"C": {"dug": 0.3, "rest": 0.7}, "AtB": "dug"}
    split = make_concordance(shares, source="wiod35", target="two")
    W = split.weights.values
    two = aggregate(world, split)
    assert two.sectors == split.targets == ["dug", "rest"]
    np.testing.assert_allclose(two.flows, np.einsum("ai,rasb,bj->risj", W, world.flows.values, W), rtol=1e-12)
    np.testing.assert_allclose(two.output, world.output.values @ W, rtol=1e-12)
    assert two.employment is not None
    assert world.employment is not None
    np.testing.assert_allclose(two.employment, world.employment.values @ W, rtol=1e-12)
    assert two.attrs["history"][-1] == (
        "sectors of world-2011 (wiod35) summed into the 2 of two; C split by shares, their sales and purchases alike"
    )
    carried = carry_over(world.output, split)
    np.testing.assert_allclose(carried, two.output, rtol=1e-12)
    assert carried.attrs["units"] == world.unit


def test_identity_changes_nothing(world: Table) -> None:
    same = aggregate(world, identity_concordance(world.sector_names, "wiod35"), {code: code for code in world.regions})
    assert same.sha256 == world.sha256
    assert same.sector_names == world.sector_names
    assert same.attrs["region_names"] == world.attrs["region_names"]


def test_multipliers_of_an_aggregate_are_computed_not_added(world: Table) -> None:
    """Output multipliers: neither the sum nor the mean by output of the parts, but those of the summed table."""
    small = aggregate(world, "broad3")
    L, output = leontief(world)
    L_small, output_small = leontief(small)
    W = load_concordance("wiod35_to_broad3").weights.values
    parts, made = L.sum(axis=0).reshape(15, 35)[0], output.reshape(15, 35)[0]
    own = L_small.sum(axis=0).reshape(15, 3)[0]
    mean = (parts * made) @ W / (made @ W)
    assert (np.abs(own - parts @ W) > 1).all()
    assert (np.abs(own - mean) > 1e-3).any()
    # what they give is consistent all the same: final demand through the multipliers is output
    demand = small.final_demand.sum(("to_region", "category")).values.reshape(-1)
    np.testing.assert_allclose(L_small @ demand, output_small, rtol=1e-9)


def test_rates_are_weighted_by_what_they_fall_on() -> None:
    """The duty paid is the same before and after: Σ r x; a target without trade has no rate."""
    shares = make_concordance({"1": {"a": 0.5, "b": 0.5}, "2": "b", "3": "c"})
    trade = xr.DataArray([[100.0, 50.0, 0.0], [10.0, 0.0, 0.0]], {"to": ["x", "y"], "sector": ["1", "2", "3"]})
    rates = xr.DataArray([[10.0, 40.0, 7.0], [5.0, 1.0, 7.0]], trade.coords, attrs={"units": "percent"})
    found, carried = carry_rates(rates, trade, shares), carry_over(trade, shares)
    np.testing.assert_allclose((found * carried).sum("sector"), (rates * trade).sum("sector"))
    assert found.dims == rates.dims
    assert found.attrs["units"] == "percent"
    assert found.sel(to="x").values.tolist()[:2] == [10.0, 25.0]
    assert np.isnan(found.sel(sector="c")).all()
    with pytest.raises(TableError, match="The rates and the amounts that weight them differ in their labels"):
        carry_rates(rates, trade.isel(to=[0]), shares)
    with pytest.raises(TableError, match=r"a negative or missing number; allowed is 0 or more"):
        carry_rates(rates, -trade, shares)


def test_trade_by_chapters_that_hold_every_kind_of_goods_is_not_dropped_silently() -> None:
    concordance = load_concordance("hs2_to_world28")
    trade = xr.DataArray(np.ones(98), {"hs2": [*concordance.sectors, "98", "99"]}, ["hs2"])
    with pytest.raises(TableError, match=r"hs2_to_world28 does not cover the labels of hs2: it has no line for 98, 99"):
        carry_over(trade, concordance, "hs2")
    assert float(carry_over(trade[:96], concordance, "hs2").sum()) == pytest.approx(96)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(0, 10**6))
def test_any_two_concordances_carry_over_as_one(seed: int) -> None:
    """Composed or one after the other, with any weights: the same amounts, and no amount lost."""
    chance = np.random.default_rng(seed)

    def random(source: int, target: int, mark: str, to: str) -> Concordance:
        weights = chance.dirichlet(np.full(target, 0.4), size=source)
        shares = {
            f"{mark}{i}": {f"{to}{j}": float(w) for j, w in enumerate(row / row.sum())} for i, row in enumerate(weights)
        }
        return make_concordance(shares, source=mark, target=to, target_names={f"{to}{j}": "" for j in range(target)})

    first, second = random(7, 5, "x", "y"), random(5, 3, "y", "z")
    amounts = xr.DataArray(chance.normal(size=(2, 7)), {"region": ["a", "b"], "sector": first.sectors})
    stepwise = carry_over(carry_over(amounts, first), second)
    at_once = carry_over(amounts, compose(first, second))
    np.testing.assert_allclose(stepwise, at_once, atol=1e-12)
    np.testing.assert_allclose(at_once.sum("sector"), amounts.sum("sector"), atol=1e-12)


# ---------------------------------------------------------------- regions
def test_a_blocks_trade_with_itself_is_none_of_its_exports(world: Table) -> None:
    """A union of Germany's kind of neighbours: what its members sell each other lies on the diagonal block."""
    members = ("EU", "TUR", "RUS")
    union = aggregate(world, regions={code: "UNION" if code in members else code for code in world.regions})
    before, after = trade_pairs(world), trade_pairs(union)
    inside = sum(float(before.sel(region=a, to_region=b).sum()) for a in members for b in members)
    assert inside > 1e5
    others = [code for code in world.regions if code not in members]
    for part, whole in (
        (after.sel(region="UNION"), before.sel(region=list(members))),
        (after.sel(to_region="UNION"), before.sel(to_region=list(members))),
    ):
        assert float(part.sum()) == pytest.approx(float(whole.sum()) - inside, rel=1e-12)
    np.testing.assert_allclose(after.sel(region=others, to_region=others), before.sel(region=others, to_region=others))
    home = float(union.flows.sel(region="UNION", to_region="UNION").sum())
    cells = world.flows.sel(region=list(members), to_region=list(members))
    assert home == pytest.approx(float(cells.sum()), rel=1e-12)
    with pytest.raises(TableError, match="china-2020 is national: its imports have no partners"):
        trade_pairs(load_table("china-2020"))


def test_groups_by_name_keep_their_names(world: Table) -> None:
    four = aggregate(world, regions="world15_to_world4", name="four")
    assert four.attrs["region_names"] == {"CHN": "China", "IND": "India", "JPN": "Japan", "ROW": "rest of world"}
    assert four.employment is not None
    assert four.employment["region"].values.tolist() == ["CHN", "IND", "JPN"]
    with pytest.raises(TableError, match=r"No group for IND, IDN, RUS, MEX, CAN, TUR, ROW; give every one"):
        aggregate(world, regions=dict.fromkeys(world.regions[:8], "A"))


# ---------------------------------------------------------------- what does not cover
def test_a_concordance_that_does_not_cover_lists_every_code(world: Table) -> None:
    short = make_concordance(dict.fromkeys(world.sectors[2:], "A") | {"Z9": "A", "Z8": "A"}, source="wiod35")
    with pytest.raises(
        TableError,
        match=r"wiod35_to_own does not cover the sectors of world-2011: it has no line for AtB, C of the sectors of "
        r"world-2011.*; its lines Z9, Z8 are no codes of the sectors of world-2011",
    ):
        aggregate(world, short)
    with pytest.raises(
        TableError, match=r"world-2011 has the classification wiod35, the concordance .* from nbs42\. Use"
    ):
        aggregate(world, load_concordance("nbs42_to_world28"))
    with pytest.raises(iom.CardError, match=r"There is no concordance from wiod35 to 'world29'; from wiod35 there are"):
        aggregate(world, "world29")
    with pytest.raises(TableError, match=r"A table is needed, found 'world-2011'"):
        aggregate("world-2011", "world28")  # type: ignore[arg-type]
    with pytest.raises(TableError, match=r"regions: found '3' of type int; allowed: a mapping from region to group"):
        aggregate(world, regions=3)  # type: ignore[arg-type]
    near = make_concordance({("Ct" if code == "C" else code): "A" for code in world.sectors}, source="wiod35")
    with pytest.raises(TableError, match=r"no line for C of .*; its lines Ct are no codes .*\. Did you mean Ct\?"):
        aggregate(world, near)
    part = make_concordance(dict.fromkeys(world.sectors, "goods"), target_names={"goods": "", "services": ""})
    with pytest.raises(TableError, match=r"own_to_own leaves services of own empty, so that world-2011 cannot"):
        aggregate(world, part)


# ---------------------------------------------------------------- China at the 28 sectors
def test_china_at_28_adds_up_to_the_official_42() -> None:
    """Sectors that lie whole in one of the 28 are theirs; the split ones are summed back with their neighbours."""
    small, official = load_table("china-2020-28"), load_table("china-2020")
    blocks = _blocks(load_concordance("nbs42_to_world28"))
    assert len(blocks) == 21  # most are one sector each
    low = identity_concordance(small.sector_names, "world28")
    back = aggregate(small, {code: next(b for b, parts in blocks.items() if code in parts) for code in low.sectors})
    over = compose(
        load_concordance("nbs42_to_world28"),
        make_concordance({code: next(b for b, parts in blocks.items() if code in parts) for code in low.sectors},
                         source="world28", target="blocks"),
    )  # fmt: skip
    assert not over.split
    known = aggregate(official, over)
    known_order = known.flows.sel(sector=back.sectors, to_sector=back.sectors)
    np.testing.assert_allclose(back.flows, known_order, rtol=1e-8, atol=1e-3)
    np.testing.assert_allclose(back.output, known.output.sel(sector=back.sectors), rtol=1e-8)
    np.testing.assert_allclose(back.value_added, known.value_added.sel(to_sector=back.sectors), rtol=1e-8, atol=1e-3)
    uses = {"consumption": ["household", "government_individual", "government_collective"],
            "fixed_capital": ["fixed_capital"], "inventories": ["inventories"], "exports": ["exports"]}  # fmt: skip
    for use, categories in uses.items():
        ours, theirs = (table.final_demand.sel(category=categories).sum("category") for table in (back, known))
        np.testing.assert_allclose(ours, theirs.sel(sector=back.sectors), rtol=1e-8, atol=1e-3, err_msg=use)


def _blocks(concordance: Concordance) -> dict[str, list[str]]:
    """Targets that share a split sector, joined: block name -> targets."""
    groups = [{target} for target in concordance.targets]
    for code in concordance.split:
        row = concordance.weights.sel(source=code)
        touched = {str(target) for target in row["target"].values[row.values > 0]}
        joined = [group for group in groups if group & touched]
        groups = [group for group in groups if not group & touched] + [set().union(*joined)]
    return {"+".join(sorted(group)): sorted(group) for group in groups}


def test_china_at_28_is_its_153_products_summed_and_all_work() -> None:
    small, fine = load_table("china-2020-28"), load_table("china-2020-153")
    again = aggregate(fine, "world28")
    for name, array in again.arrays.items():
        np.testing.assert_array_equal(array, small.arrays[name])
    assert small.employment is not None
    assert float(small.employment.sum()) == pytest.approx(750_640, abs=1)  # statistical office, end of 2020
    assert len(small.sectors) == 28
    assert (small.employment.values > 0).all()


def test_a_national_block_balances_without_re_exports() -> None:
    table = load_table("china-2020-28")
    block = national_block(table, per_unit=6.8976, unit="million USD")
    used = block.domestic_flows.sum("to_sector") + block.domestic_final.sum("category") + block.exports
    np.testing.assert_allclose(used, block.output, rtol=1e-11)  # the source's own rounding
    made = block.domestic_flows.sum("sector") + block.imported_flows.sum("sector")
    made = made.rename(to_sector="sector") + block.value_added.sum("factor").rename(to_sector="sector")
    np.testing.assert_allclose(made, block.output, rtol=1e-9)
    assert float(block.re_exports.sum()) == pytest.approx(52_518, abs=1)
    assert float(block.output.sum()) * 6.8976 == pytest.approx(float(table.output.sum()), rel=1e-12)
    assert "exports" not in block["category"].values
    for rate in (0.0, float("nan"), -1.0):
        with pytest.raises(TableError, match=r"china-2020-28: the rate per_unit is .*; allowed: a positive number"):
            national_block(table, per_unit=rate, unit="million USD")
    with pytest.raises(TableError, match=r"world-2011 is an inter-country table without one home region"):
        national_block(load_table("world-2011"), per_unit=1.0, unit="million USD")
