"""Recipes: the shipped one, a small one of the user's own from plain files, and the texts of refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import iomodel as iom
from iomodel.aggregation import aggregate
from iomodel.errors import BalanceError, CardError, IOModelError, TableError
from iomodel.table import load_table, save_table
from iomodel.updating.between import between, goods_total, nothing_known, on_table_basis
from iomodel.updating.making import update_from
from iomodel.updating.pieces import OfficialBlock
from iomodel.updating.recipe import load_recipe
from iomodel.updating.truth import goods_pairs, national_view, value_added_by_region

SMALL = """
name = "mine"
year = 2011
unit = "million USD"
home = "CHN"
classification = "broad10"
regions = "regions.csv"
[[start]]
read = "table"
table = "start.nc"
[[official]]
table = "china.nc"
[[totals]]
name = "gdp"
read = "csv"
measure = "value_added"
file = "gdp.csv"
[[pairs]]
name = "trade"
read = "csv"
file = "pairs.csv"
tau = 0.05
[variants]
central = { title = "all" }
without = { title = "without pairs", pairs = [] }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recipe with its tables, totals and pairs beside it."""
    world = aggregate(load_table("world-2011"), "broad10", "world15_to_world4", name="small")
    save_table(world, tmp_path / "start.nc")
    save_table(national_view(world, "CHN"), tmp_path / "china.nc")
    (tmp_path / "regions.csv").write_text("country,region,name\nCHN,CHN,China\nJPN,JPN,Japan\n")
    gdp = value_added_by_region(world)
    rows = [f"{region},{float(gdp.sel(region=region))!r}" for region in world.regions]
    (tmp_path / "gdp.csv").write_text("\n".join(["region,value", *rows]))
    pairs = goods_pairs(world) * 1.1
    named = [f"{a},{b},{float(pairs.sel(region=a, to_region=b))!r}" for a in ("IND", "JPN") for b in ("CHN", "ROW")]
    (tmp_path / "pairs.csv").write_text("\n".join(["region,to_region,value", *named]))
    (tmp_path / "mine.toml").write_text(SMALL)
    return tmp_path


def test_a_recipe_of_ones_own(folder: Path) -> None:
    found = update_from(folder / "mine.toml", folder)
    assert (found.name, found.year, found.is_estimate) == ("mine", 2011, True)
    before = load_table(folder / "start.nc")
    grown = goods_pairs(found) / goods_pairs(before)
    assert 1.02 < float(grown.sel(region="IND", to_region="ROW")) < 1.1
    without = update_from(folder / "mine.toml", folder, "without")
    np.testing.assert_allclose(without.flows.values, before.flows.values, rtol=1e-8, atol=1e-6)


def test_the_command_writes_the_table_and_says_what_moved(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from iomodel.cli import main

    out = folder / "out.nc"
    code = main(["update", str(folder / "mine.toml"), "--source", str(folder), "--out", str(out)])
    said = capsys.readouterr()
    assert code == 0, said.err
    assert said.out.startswith("mine: ESTIMATE of 2011, 4 regions × 10 sectors, million USD")
    assert "sales that moved most from the start (million USD)" in said.out
    assert load_table(out).is_estimate
    (folder / "gdp.csv").write_text("region,value\nJPN,-1")
    other = folder / "other.nc"
    assert main(["update", str(folder / "mine.toml"), "--source", str(folder), "--out", str(other)]) == 2
    assert "gdp: JPN -1; allowed: zero or more" in capsys.readouterr().err
    assert not other.exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('home = "CHN"', 'hom = "CHN"', r"mine.toml: there is no key 'hom'; allowed: .*Did you mean home"),
        ('unit = "million USD"\n', "", r"mine.toml: lacks unit; needed are name, year, unit"),
        (
            'read = "csv"\nmeasure',
            'read = "cvs"\nmeasure',
            r"totals gdp: read is 'cvs'; allowed: csv, .*Did you mean csv",
        ),
        ("tau = 0.05", "tau = -1", r"pairs trade: tau is -1; allowed: a number from 0"),
        ("year = 2011", 'year = "2011"', r"year is '2011'; allowed: a whole number"),
        ("pairs = []", 'pairs = ["trad"]', r"variants.without: there are no pairs 'trad'; there are trade"),
        (
            "pairs = []",
            "weights = { trad = 1 }",
            r"without: there are no pairs 'trad'; there are trade. Did you mean trade",
        ),
        ("pairs = []", "weights = 3", r"variants.without: weights is 3; allowed: names of pairs with a number from 0"),
        ("pairs = []", 'pairs = "trade"', r"variants.without: pairs is 'trade'; allowed: a list of names"),
        ('title = "all"', "start = [1, 2]", r"variants.central: start has 2 weights for 1 starts"),
        (
            'title = "all"',
            "start = [0]",
            r"variants.central: start is \[0\]; allowed: a list of weights from 0, not all",
        ),
        ('title = "all"', 'start = ["a"]', r"variants.central: start is \['a'\]; allowed: a list of weights"),
        (
            'file = "gdp.csv"',
            'file = "gdp.csv"\nscaled_by = ["x"]',
            r"totals gdp: scaled_by is \['x'\], but read is 'csv'",
        ),
        (
            "[[pairs]]",
            '[[totals]]\nname = "gdp"\nread = "csv"\nmeasure = "exports"\n[[pairs]]',
            r"totals 'gdp' stands twice",
        ),
        (
            "year = 2011",
            "year = 2011\ndecimals = 1.5",
            r"mine.toml: decimals is 1.5; allowed: a whole number such as 2",
        ),
        ("year = 2011", 'year = 2011\nnotes = "abc"', r"mine.toml: notes is 'abc'; allowed: a list of texts"),
        ('name = "mine"', "name = 3", r"mine.toml: name is 3; allowed: a text"),
        ("tau = 0.05", 'seed = "yes"', r"pairs trade: seed is 'yes'; allowed: true or false"),
        ("tau = 0.05", 'sectors = "MIN"', r"pairs trade: sectors is 'MIN'; allowed: a list of texts"),
        ('home = "CHN"', 'home = "CNH"', r"mine: home is 'CNH'; allowed: CHN, IND, JPN, ROW. Did you mean CHN"),
        ("[variants]", "[validation]\ngap = 1.5\n[variants]", r"validation: gap is 1.5; allowed: a whole number"),
        ("[variants]", "[validation]\nladder = [2005]\n[variants]", r"ladder is \[2005\]; allowed: a list of spans"),
        (
            "[variants]",
            "[validation.rehearsal]\nstart = 2001\n[variants]",
            r"validation, rehearsal: lacks year, pairs, table, concordance, per_unit",
        ),
        ('read = "table"\ntable = "start.nc"', 'read = "wiod"', r"mine, start : read = 'wiod' needs file"),
        (
            '[[start]]\nread = "table"\ntable = "start.nc"',
            "start = 3",
            r"start is 3; allowed: one \[\[start\]\] or more",
        ),
        ("[[start]]", "[[start]", r"mine.toml: this is not TOML"),
    ],
)
def test_what_is_wrong_with_a_recipe_is_said(folder: Path, old: str, new: str, said: str) -> None:
    assert old in SMALL
    (folder / "mine.toml").write_text(SMALL.replace(old, new))
    with pytest.raises(CardError, match=said):
        update_from(folder / "mine.toml", folder)


def test_what_is_not_there_is_said(folder: Path) -> None:
    with pytest.raises(CardError, match=r"There is no recipe 'world-2002': .* shipped are world-2020"):
        load_recipe("world-2002")
    with pytest.raises(TableError, match=r"There is no folder .*absent"):
        update_from("world-2020", folder / "absent")
    with pytest.raises(CardError, match=r"mine has no variant 'witout'; it has central, without.*Did you mean without"):
        load_recipe(folder / "mine.toml").variant("witout")
    (folder / "pairs.csv").write_text("region,to_region,value\nIND,JPN,1\nIND,JPN,2")
    with pytest.raises(TableError, match=r"pairs.csv: the pair IND to JPN stands twice"):
        update_from(folder / "mine.toml", folder)


def test_what_a_recipe_says_of_the_official_region_is_not_dropped(folder: Path) -> None:
    """A total of one's own that the official table contradicts is an error with both amounts, not silence."""
    lines = (folder / "gdp.csv").read_text().splitlines()
    (folder / "gdp.csv").write_text("\n".join(["CHN,5" if line.startswith("CHN,") else line for line in lines]))
    with pytest.raises(BalanceError, match=r"gdp, CHN: 5, but its official table has 7,387,122 \(-100 percent\)"):
        update_from(folder / "mine.toml", folder)


def test_columns_of_regions_are_found_by_name(folder: Path) -> None:
    from iomodel.updating.making import sources_of

    (folder / "regions.csv").write_text("region,name,country\nEU,Union,DEU\nEU,Union,FRA\n")
    sources = sources_of(load_recipe(folder / "mine.toml"), folder)
    assert (sources.groups, sources.region_names) == ({"DEU": "EU", "FRA": "EU"}, {"EU": "Union"})


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("goods.IND.CHN.2011,x", r"f.csv, cell B2 .* holds 'x', which is no number"),
        ("goods.CHN.JPN.2011,1\ngoods.CHN.JPN.2011,2", r"f.csv: goods.CHN.JPN.2011 stands more than once"),
        ("goods.JPN.2011,2", r"the key 'goods.JPN.2011'; allowed: goods.FROM.TO.YEAR"),
        ("goods.JPM.CHN.2011,2", r"goods.JPM.CHN.2011: JPM is no region; allowed: CHN, JPN, world. Did you mean JPN"),
        ("goods.CHN.world.2011,2", r"there is goods.CHN.world.2011, but no goods.world.CHN.2011; allowed: both"),
    ],
)
def test_facts_that_say_nothing_are_refused(folder: Path, lines: str, said: str) -> None:
    (folder / "f.csv").write_text(f"key,value\n{lines}\n")
    (folder / "mine.toml").write_text(
        SMALL.replace('read = "csv"\nfile = "pairs.csv"', 'read = "facts"\nfacts = "f.csv"')
    )
    with pytest.raises(IOModelError, match=said):
        update_from(folder / "mine.toml", folder)


def test_the_shipped_recipe_uses_each_piece_where_it_says() -> None:
    recipe = load_recipe("world-2020")
    assert [entry["name"] for entry in recipe.central.totals] == ["gross domestic product"]
    assert [entry["name"] for entry in recipe.variant("manufacturing").totals][-1] == "manufacturing"
    assert [entry["name"] for entry in recipe.variant("pairs-none").pairs] == ["goods trade by customs"]
    assert [entry["read"] for entry in recipe.variant("start-2011").start] == ["table"]
    assert recipe.variant("pairs-2023").pairs[0]["weight"] == 1.0


def test_pairs_between_two_years_have_the_official_level() -> None:
    block = OfficialBlock(load_table("china-2020-28"), per_unit=6.8976)
    world = iom.aggregate(load_table("world-2011"), "world28")
    goods = world.sectors[:15]
    first = goods_pairs(world, goods)
    last = first * xr.where(first["region"] == "IND", 3.0, 1.0)
    known = nothing_known(world.regions)
    sold, bought = goods_total(block, goods)
    half = between(first, last, 0.5, known, ["RUS"], [block], goods)
    assert bool(half.sel(region="RUS").isnull().all())
    share = 1 - float(first.sel(region="CHN", to_region="RUS") / first.sel(region="CHN").sum())
    assert float(half.sel(region="CHN").sum()) == pytest.approx(sold * share, rel=1e-9)
    share = 1 - float(first.sel(region="RUS", to_region="CHN") / first.sel(to_region="CHN").sum())
    assert float(half.sel(to_region="CHN").sum()) == pytest.approx(bought * share, rel=1e-9)
    with pytest.raises(TableError, match=r"the later year: region has .*Give both the same regions"):
        between(first, last.drop_sel(region="IND"), 0.5, known, ["RUS"], [block], goods)
    ends = [between(first, last, weight, known, ["RUS"], [block], goods) for weight in (0.0, 1.0)]
    rise = [float(one.sel(region="IND", to_region="USA") / one.sel(region="JPN", to_region="USA")) for one in ends]
    assert rise[1] / rise[0] == pytest.approx(3.0, rel=1e-9)


def test_customs_figures_are_put_on_the_tables_basis() -> None:
    block = OfficialBlock(load_table("china-2020-28"), per_unit=6.8976)
    goods = block.block.sectors[:15]
    facts = {"goods.CHN.world.2020": 4.0, "goods.world.CHN.2020": 2.0, "goods.CHN.TWN.2020": 1.0, "gdp.TWN.2020": 9.0,
             "goods.TWN.CHN.2020": 1.0, "goods.TWN.USA.2020": 3.0, "goods.TWN.USA.2019": 7.0}  # fmt: skip
    pairs = on_table_basis(facts, 2020, ["CHN", "TWN", "USA"], [block], goods)
    sold, bought = goods_total(block, goods)
    assert float(pairs.sel(region="CHN", to_region="TWN")) == pytest.approx(sold / 4)
    assert float(pairs.sel(region="TWN", to_region="CHN")) == pytest.approx(bought / 2)
    assert float(pairs.sel(region="TWN", to_region="USA")) == pytest.approx(3 * (sold + bought) / 6)
    assert int(pairs.notnull().sum()) == 3
