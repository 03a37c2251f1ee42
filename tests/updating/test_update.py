"""`update` against identities, its optimality conditions and what it was told; the texts of its refusals."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import iomodel as iom
from iomodel.aggregation import aggregate
from iomodel.errors import BalanceError, SolverError, TableError
from iomodel.table import Table, load_table, make_table, save_table
from iomodel.updating.truth import goods_pairs, national_view, value_added_by_region

UNIT = "million USD"
KNOWN: dict[str, Any] = {"year": 2017, "unit": UNIT}


@cache
def small(year: int = 2011) -> Table:
    """Four regions by ten sectors of the shipped world; a year of its own moves every cell a little."""
    table = aggregate(load_table("world-2011"), "broad10", "world15_to_world4", name=f"small-{year}")
    if year == table.year:
        return table
    return moved(table, year, year)


def moved(table: Table, seed: int, year: int) -> Table:
    """A table of another year with every cell moved a little."""
    draw = np.random.default_rng(seed)
    flows = table.flows.values * draw.uniform(0.8, 1.6, table.flows.shape)
    return rebuilt(table, flows, table.final_demand.values * draw.uniform(1.0, 1.9, table.final_demand.shape), year)


def rebuilt(table: Table, flows: np.ndarray, final: np.ndarray, year: int) -> Table:
    """A balanced table of other flows and final demand, value added being what remains."""
    output = flows.sum(axis=(2, 3)) + final.sum(axis=(2, 3))
    shares = table.value_added.values / table.value_added.values.sum(axis=0)
    kept = ("currency", "price_basis", "classification", "source", "licence", "edition")
    return make_table(
        name=f"small-{year}", year=year, unit=UNIT, regions=table.regions, sectors=table.sector_names,
        categories=table.categories, factors=table.factors, flows=flows, final_demand=final,
        value_added=shares * (output - flows.sum(axis=(0, 1))), output=output, national=False,
        **{key: table.attrs[key] for key in kept},
    )  # fmt: skip


def pieces(truth: Table, **pairs: Any) -> list[Any]:
    """What is known of a year whose truth is known."""
    known: dict[str, Any] = {"year": truth.year, "unit": UNIT}
    return [
        iom.OfficialBlock(national_view(truth, "CHN")),
        iom.Totals("value_added", value_added_by_region(truth), **known),
        iom.Pairs(goods_pairs(truth), **known, **pairs),
    ]


def imports_of(table: Table) -> xr.DataArray:
    """Imports by region."""
    return goods_pairs(table).sum("region").rename(to_region="region")


def test_a_table_updated_to_itself_stays_as_it_is() -> None:
    truth = small()
    found = iom.update(truth, pieces(truth))
    np.testing.assert_allclose(found.flows.values, truth.flows.values, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(found.final_demand.values, truth.final_demand.values, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(found.value_added.values, truth.value_added.values, rtol=1e-8, atol=1e-5)
    assert found.is_estimate
    assert found.attrs["update"]["steps"] <= 1


def test_the_block_is_exact_and_everything_balances() -> None:
    truth = small(2017)
    found = iom.update(small(), pieces(truth, tau=0.0))
    ours, theirs = national_view(found, "CHN"), national_view(truth, "CHN")
    for name in ("flows", "final_demand", "value_added", "output"):
        np.testing.assert_allclose(getattr(ours, name).values, getattr(theirs, name).values, rtol=1e-12, atol=1e-7)
    uses = found.flows.values.sum(axis=(2, 3)) + found.final_demand.values.sum(axis=(2, 3))
    costs = found.flows.values.sum(axis=(0, 1)) + found.value_added.values.sum(axis=0)
    np.testing.assert_allclose(uses, costs, rtol=1e-8)
    np.testing.assert_allclose(value_added_by_region(found), value_added_by_region(truth), rtol=1e-8)
    np.testing.assert_allclose(goods_pairs(found), goods_pairs(truth), rtol=1e-8)
    assert found.year == 2017
    assert np.array_equal(np.sign(found.flows.values), np.sign(small().flows.values))


def test_the_estimate_is_the_nearest_table() -> None:
    """Optimality: at the solution ln(t/t0) is a combination of the constraints' rows, to rounding."""
    from iomodel.updating.cells import draft_of
    from iomodel.updating.constraints import system
    from iomodel.updating.starting import grown, laid_in, settled_block, target_growth

    truth, start = small(2017), small()
    known = pieces(truth, tau=0.0)
    block = settled_block(known[0], start)
    draft = grown(start, target_growth(start, [known[1]], [block]))
    draft, said = laid_in(draft, block, draft, seed=False)
    assert said == []
    laws = system(draft, [block], [known[1]], [known[2]])
    found = draft_of(iom.update(start, known)).vector()[laws.free]
    before = draft.vector()[laws.free]
    weight = np.sqrt(np.abs(found))
    moved = np.sign(before) * np.log(found / before) * weight
    multipliers = np.linalg.lstsq((laws.matrix.toarray() * weight).T, moved, rcond=None)[0]
    left = (laws.matrix.toarray() * weight).T @ multipliers - moved
    assert np.abs(moved).max() > 1
    assert np.abs(left).max() < 1e-6 * np.abs(moved).max()


def test_more_information_makes_it_better() -> None:
    truth, start = small(2017), small()
    known = pieces(truth, tau=0.01)
    errors = [float(iom.table_errors(iom.update(start, known[:count]), truth).bilateral) for count in (1, 2, 3)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1


def test_mixed_starts_and_rounding() -> None:
    known = pieces(small(2017))[:2]
    both = iom.update([small(), small(2013)], known, weights=[0.0, 1.0])
    alone = iom.update(small(2013), known)
    np.testing.assert_allclose(both.flows.values, alone.flows.values, rtol=1e-12)
    rounded = iom.update(small(), known, decimals=2)
    abroad = rounded.flows.sel(region="JPN", to_region="IND").values
    np.testing.assert_allclose(abroad, np.round(abroad, 2), atol=1e-9)
    ours, theirs = national_view(rounded, "CHN"), national_view(small(2017), "CHN")
    np.testing.assert_allclose(ours.flows.values, theirs.flows.values, rtol=1e-12)
    with pytest.raises(TableError, match=r"weights are \[1.0\]; allowed: one of zero or more for each of 2 starts"):
        iom.update([small(), small(2013)], known, weights=[1.0])


def test_soft_pairs_concede_and_say_so() -> None:
    truth = small(2017)
    doubled = goods_pairs(truth) * xr.where(goods_pairs(truth)["region"] == "JPN", 2.0, 1.0)
    known = [*pieces(truth)[:2], iom.Pairs(doubled, tau=0.5, name="doubled", **KNOWN)]
    conceded = iom.update(small(), known).attrs["update"]["conceded"]
    assert any(name.startswith("doubled: JPN to ") and share < -0.05 for name, share in conceded.items())


def test_another_currency_and_classification() -> None:
    official = aggregate(load_table("china-2020-28"), "broad10")
    found = iom.update(small(), [iom.OfficialBlock(load_table("china-2020-28"), per_unit=6.8976, sectors="broad10")])
    home = {"region": "CHN", "to_region": "CHN"}
    np.testing.assert_allclose(found.flows.sel(home).values * 6.8976, official.flows.sel(home).values, rtol=1e-12)
    exports = float(official.final_demand.sel(region="CHN", category="exports").sum()) / 6.8976
    assert float(goods_pairs(found).sel(region="CHN").sum()) == pytest.approx(exports, rel=1e-10)


def test_pieces_that_do_not_fit_are_refused() -> None:
    start, truth = small(), small(2017)
    block, gdp, pairs = pieces(truth)
    with pytest.raises(TableError, match=r"update needs pieces: an OfficialBlock, Totals or Pairs"):
        iom.update(start, [])
    with pytest.raises(TableError, match=r"update needs an inter-country table to start from; .* is national"):
        iom.update(national_view(start, "CHN"), [block])
    other = iom.Totals("value_added", value_added_by_region(truth), year=2018, unit=UNIT, name="gdp")
    with pytest.raises(BalanceError, match=r"different years: .* 2017, gdp 2018\. All have to be of the year"):
        iom.update(start, [block, other])
    euros = iom.Totals("value_added", value_added_by_region(truth), year=2017, unit="million EUR")
    with pytest.raises(
        BalanceError, match=r"totals of value_added is in million EUR, small-2011 in million USD\. Conv"
    ):
        iom.update(start, [euros])
    named = iom.Totals("value_added", xr.DataArray([1.0], {"region": ["JNP"]}), **KNOWN)
    with pytest.raises(BalanceError, match=r"region JNP is not in the start, which has CHN.*Did you mean JPN\?"):
        iom.update(start, [named])
    with pytest.raises(TableError, match=r"more than one official block for CHN"):
        iom.update(start, [block, block, gdp, pairs])


def test_what_is_no_start_and_no_piece_is_refused() -> None:
    start, block = small(), pieces(small())[0]
    with pytest.raises(TableError, match=r"found 'world-2011' of type str; load it first: load_table"):
        iom.update("world-2011", [block])  # type: ignore[arg-type]
    with pytest.raises(TableError, match=r"A table is needed, found '3' of type int"):
        iom.update([start, 3], [block])  # type: ignore[list-item]
    with pytest.raises(TableError, match=r"update takes pieces, found 'gdp' of type str; allowed: a list of Offi"):
        iom.update(start, [block, "gdp"])  # type: ignore[list-item]
    with pytest.raises(TableError, match=r"found one: write update\(start, \[OfficialBlock\(\.\.\.\)\]\)"):
        iom.update(start, block)
    with pytest.raises(TableError, match=r"A table is needed, found 'a' of type str"):
        iom.table_errors("a", start)  # type: ignore[arg-type]


@given(seed=st.integers(0, 10_000), rate=st.floats(0.5, 2.0))
@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_any_year_of_the_same_world_is_met(seed: int, rate: float) -> None:
    """Hard pieces hold, the table balances, and the currency in which the official block comes does not matter."""
    truth = moved(small(), seed, 2017)
    known = pieces(truth, tau=0.0)
    found = iom.update(small(), known)
    np.testing.assert_allclose(goods_pairs(found), goods_pairs(truth), rtol=1e-7, atol=1e-4)
    np.testing.assert_allclose(value_added_by_region(found), value_added_by_region(truth), rtol=1e-8)
    assert found.attrs["update"]["largest_balance_miss"] < 1e-8
    block = known[0].table
    money = {name: getattr(block, name) * rate for name in ("flows", "final_demand", "value_added", "output")}
    other = replace(block, **money, attrs={**block.attrs, "currency": "XXX", "unit": "million XXX"})
    again = iom.update(small(), [iom.OfficialBlock(other, per_unit=rate), *known[1:]]) if rate != 1.0 else found
    np.testing.assert_allclose(again.flows.values, found.flows.values, rtol=1e-7, atol=1e-5)


def test_an_official_block_that_does_not_fit_is_refused() -> None:
    start = small()
    with pytest.raises(TableError, match=r"does not cover the sectors of small-2011 \(broad10\): it lacks .*; only it"):
        iom.update(start, [iom.OfficialBlock(load_table("china-2020"), per_unit=6.9)])
    with pytest.raises(
        TableError, match=r"is in million CNY, small-2011 in million USD, and per_unit is 1: give per_u"
    ):
        iom.update(start, [iom.OfficialBlock(load_table("china-2020-28"), sectors="broad10")])
    with pytest.raises(TableError, match=r"per_unit is 7: leave per_unit at 1"):
        iom.update(start, [iom.OfficialBlock(national_view(start, "CHN"), per_unit=7)])
    with pytest.raises(TableError, match=r"one region's national table; small-2011 is an inter-country table of 4 reg"):
        iom.OfficialBlock(start)
    with pytest.raises(TableError, match=r"per_unit is 0\.0; allowed: a positive number"):
        iom.OfficialBlock(load_table("china-2020"), per_unit=0.0)


def test_negative_and_unlabelled_totals_are_refused() -> None:
    values = xr.DataArray([1.0, -2.0, -3.0], {"region": ["CHN", "JPN", "IND"]})
    with pytest.raises(BalanceError, match=r"gdp: JPN -2; IND -3; allowed: zero or more in million USD"):
        iom.Totals("value_added", values, name="gdp", **KNOWN)
    with pytest.raises(BalanceError, match=r"the measure is 'export'; allowed: .*Did you mean exports"):
        iom.Totals("export", values, **KNOWN)
    with pytest.raises(BalanceError, match=r"pairs: the values have \('region',\); allowed: .*'to_region'"):
        iom.Pairs(values, **KNOWN)
    with pytest.raises(BalanceError, match=r"tau is -1; allowed: 0 for hard"):
        iom.Totals("value_added", abs(values), tau=-1, **KNOWN)
    with pytest.raises(BalanceError, match=r"tau is 'soft'; allowed: 0 for hard"):
        iom.Totals("value_added", abs(values), tau="soft", **KNOWN)  # type: ignore[arg-type]
    with pytest.raises(BalanceError, match=r"the values are <U1; allowed: numbers in million USD"):
        iom.Totals("value_added", xr.DataArray(["a"], {"region": ["CHN"]}), **KNOWN)
    for wrong in (["MIN", "MIN"], [], "MIN"):
        with pytest.raises(BalanceError, match=r"sectors is .*; allowed: None for all, or a list of codes, each once"):
            iom.Totals("value_added", abs(values), sectors=wrong, **KNOWN)
    twice = xr.DataArray([1.0, 2.0], {"region": ["CHN", "CHN"]})
    with pytest.raises(BalanceError, match=r"region CHN stands more than once"):
        iom.Totals("value_added", twice, **KNOWN)


def test_contradictions_are_named_with_amounts() -> None:
    start, truth = small(), small(2017)
    block = iom.OfficialBlock(national_view(truth, "CHN"))
    gdp = value_added_by_region(truth)
    wrong = gdp * xr.where(gdp["region"] == "CHN", 1.1, 1.0)
    several = [
        block,
        iom.Totals("value_added", wrong, name="gdp", **KNOWN),
        iom.Totals("exports", goods_pairs(truth).sum("to_region") * 1.01, name="exports", **KNOWN),
        iom.Totals("imports", imports_of(truth), name="imports", **KNOWN),
        iom.Totals("value_added", gdp * 1.2, sectors=start.sectors[:2], name="part", **KNOWN),
    ]
    with pytest.raises(BalanceError) as error:
        iom.update(start, several)
    text = str(error.value)
    assert text.startswith("Totals contradict each other:")
    for said in ("gdp, CHN: ", "but its official table has", "(+10 percent)", "exports of all regions sum to",
                 "part, JPN: ", "is a part, but more than gdp", "exports, CHN: "):  # fmt: skip
        assert said in text
    pairs = iom.Pairs(goods_pairs(truth) * 1.05, tau=0.0, name="pairs", **KNOWN)
    with pytest.raises(BalanceError, match=r"pairs, exports of CHN: .*, the official exports: "):
        iom.update(start, [block, pairs])


def test_totals_that_are_rounded_give_way_to_the_official_table_or_are_named() -> None:
    """Two hard totals that rounding parts cannot both be met to ten digits: one stands for both, or it is said."""
    start, truth = small(), small(2017)
    block, gdp, _ = pieces(truth)
    sold = goods_pairs(truth).sum("to_region")
    near = iom.Totals("exports", sold * xr.where(sold["region"] == "CHN", 1 + 5e-7, 1.0), **KNOWN)
    found = iom.update(start, [block, gdp, near])
    np.testing.assert_allclose(goods_pairs(found).sum("to_region"), sold, rtol=1e-9)
    pairs = goods_pairs(truth).round(0)
    with pytest.raises(BalanceError) as error:
        iom.update(start, [block, gdp, iom.Pairs(pairs, tau=0.0, **KNOWN)])
    assert "pairs, exports of CHN: 2,777,358, the official exports: 2,777,358.075" in str(error.value)
    assert str(error.value).endswith("(tau > 0; 1e-4 where only rounding parts them).")
    met = iom.update(start, [block, gdp, iom.Pairs(pairs, tau=1e-4, **KNOWN)])
    np.testing.assert_allclose(goods_pairs(met), pairs, rtol=1e-4)
    rounded = [
        iom.Totals(name, one.round(0), **KNOWN) for name, one in (("exports", sold), ("imports", imports_of(truth)))
    ]
    with pytest.raises(
        BalanceError, match=r"exports of all regions sum to 7,482,184\.075, totals of imports to 7,482,18"
    ):
        iom.update(start, [block, gdp, *rounded])


def test_no_table_when_the_totals_leave_no_room() -> None:
    start, truth = small(), small(2017)
    known = [
        iom.OfficialBlock(national_view(truth, "CHN")),
        iom.Totals("value_added", value_added_by_region(truth) * 1e-6, **KNOWN, name="gdp"),
        iom.Totals("exports", goods_pairs(truth).sum("to_region"), **KNOWN),
        iom.Totals("imports", imports_of(truth) * 0 + 1.0, tau=1e-12, **KNOWN),
    ]
    known[1] = iom.Totals("value_added", value_added_by_region(truth).drop_sel(region="CHN") * 1e-6, **KNOWN)
    with pytest.raises(SolverError, match=r"there is no table\. The rows that miss most:"):
        iom.update(start, known)


def holed() -> Table:
    """A start in which Japan sells nothing of one product to India, and China nothing of it abroad."""
    table = small()
    flows, final = table.flows.values.copy(), table.final_demand.values.copy()
    seller, buyer, home = (table.regions.index(region) for region in ("JPN", "IND", "CHN"))
    flows[seller, 1, buyer] = final[seller, 1, buyer] = 0.0
    others = np.arange(len(table.regions)) != home
    flows[home, 1][others] = final[home, 1][others] = 0.0
    return rebuilt(table, flows, final, table.year)


def test_cells_of_zero_with_targets_are_refused_or_seeded() -> None:
    start, truth = holed(), small(2017)
    code = start.sectors[1]
    block = national_view(truth, "CHN")
    with pytest.raises(
        BalanceError, match=rf"exports of CHN have targets where all cells of the start are zero: {code}"
    ):
        iom.update(start, [iom.OfficialBlock(block)])
    one = goods_pairs(truth, [code]).sel(region=["JPN"], to_region=["IND"])
    known = [iom.OfficialBlock(block, seed=True), iom.Totals("value_added", value_added_by_region(truth), **KNOWN)]
    pair: dict[str, Any] = {"sectors": [code], "tau": 0.0, "name": "one", **KNOWN}
    with pytest.raises(BalanceError, match=r"one: JPN to IND has the target .* all its cells of the start are zero"):
        iom.update(start, [*known, iom.Pairs(one, **pair)])
    found = iom.update(start, [*known, iom.Pairs(one, seed=True, **pair)])
    sold = goods_pairs(found, [code]).sel(region="JPN", to_region="IND")
    np.testing.assert_allclose(float(sold), float(one.item()), rtol=1e-8)
    history = found.attrs["history"]
    assert any("seeded with what others sell: JPN to IND" in line for line in history)
    assert any(f"exports of CHN: zero cells of the start seeded with the shares of all products: {code} " in line
               for line in history)  # fmt: skip


def test_an_estimate_is_written_only_when_asked(tmp_path: Path) -> None:
    found = iom.update(small(), pieces(small()))
    with pytest.raises(TableError, match=r"is an ESTIMATE: .* single cells cannot .* pass estimate_ok=True"):
        save_table(found, tmp_path / "table.nc")
    assert not list(tmp_path.iterdir())
    assert load_table(save_table(found, tmp_path / "table.nc", estimate_ok=True)).attrs == found.attrs
