"""Concordances: the shipped ones are whole, composing them commutes, and every wrong one is told what is wrong."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import iomodel as iom
from iomodel.classifications.concordance import Concordance, compose, identity_concordance, make_concordance
from iomodel.classifications.concordance_files import (
    classification_names,
    concordance_text,
    find_concordance,
    load_concordance,
    shipped_concordances,
)
from iomodel.classifications.sector_maps import load_map
from iomodel.errors import CardError
from iomodel.readers.wiod_industries import industry_code
from iomodel.shipped import shipped_file
from iomodel.table import load_table


def same(left: Concordance, right: Concordance) -> bool:
    return bool(left.weights.equals(right.weights.sel(source=left.sectors, target=left.targets)))


# ---------------------------------------------------------------- the shipped ones
@pytest.mark.parametrize("name", shipped_concordances())
def test_a_shipped_one_is_whole_and_written_as_it_is_read(name: str) -> None:
    found = load_concordance(name)
    assert found.title == name
    np.testing.assert_allclose(found.weights.sum("target"), 1, atol=1e-12)
    assert concordance_text(found) == shipped_file("tables", "concordances", f"{name}.csv").read_text(encoding="utf-8")
    for code in found.split:
        assert found.reasons[code], f"{code} is split without a reason"


def test_codes_and_names_are_those_of_the_tables() -> None:
    for table, name in (
        ("world-2011", "wiod35_to_world28"),
        ("china-2020", "nbs42_to_world28"),
        ("china-2020-153", "nbs153_to_world28"),
        ("china-2020-28", "world28_to_broad10"),
    ):
        found, held = load_concordance(name), load_table(table)
        assert found.sectors == held.sectors
        if table != "world-2011":
            assert dict(found.names) == held.sector_names


def test_what_nests_composes_to_what_is_known() -> None:
    """153 -> 42 -> 28 is 153 -> 28 in the 34 sectors that lie whole in one of the 28, and nowhere else."""
    direct = load_concordance("nbs153_to_world28")
    coarse = load_concordance("nbs42_to_world28")
    through = compose(load_concordance("nbs153_to_nbs42"), coarse)
    parents = load_concordance("nbs153_to_nbs42").mapping
    assert coarse.split == ["09", "10", "12", "16", "17", "29", "31", "41"]
    whole = [code for code, parent in parents.items() if parent not in coarse.split]
    assert through.weights.sel(source=whole).equals(direct.weights.sel(source=whole))
    for code in set(parents) - set(whole):
        assert float(through.weights.sel(source=code).max()) < 1
        assert float(through.weights.sel(source=code, target=direct.mapping[code])) > 0


def test_a_split_sector_is_split_by_the_output_of_its_products() -> None:
    table = load_table("china-2020-153")
    output = dict(zip(table.sectors, table.output.values[0], strict=True))
    coarse = load_concordance("nbs42_to_world28")
    # 29 Transport, storage and post: products 111 to 122, of which 122 is post
    whole = sum(output[f"{code:03d}"] for code in range(111, 123))
    assert float(coarse.weights.sel(source="29", target="POSTC")) == pytest.approx(output["122"] / whole, abs=1e-6)


def test_wiod_to_three_by_way_of_28_and_10_is_the_maps_broad_column() -> None:
    """Two independent judgements, the chain of concordances and the hand-written sector map, agree on all sectors."""
    for classification in ("wiod35", "nbs42"):
        three, rows = load_concordance(f"{classification}_to_broad3"), load_map(classification)
        steps = [load_concordance(name) for name in (f"{classification}_to_world28", "world28_to_broad10")]
        assert same(three, compose(compose(*steps), load_concordance("broad10_to_broad3")))
        broad = dict(zip(rows.sectors, rows.broad.tolist(), strict=True))
        differ = {code for code in three.sectors if three.weights.sel(source=code, target=broad[code]) < 1}
        assert differ == ({"41"} if classification == "nbs42" else set())  # news goes with paper


def test_identity_and_associativity() -> None:
    fine, ten = load_concordance("wiod56_to_world28"), load_concordance("world28_to_broad10")
    three = load_concordance("broad10_to_broad3")
    same_again = identity_concordance(classification_names("world28"), "world28")
    assert same(compose(fine, same_again), fine)
    assert same(compose(same_again, ten), ten)
    assert same(compose(compose(fine, ten), three), compose(fine, compose(ten, three)))
    assert same(find_concordance("world28", "world28"), same_again)


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(
        "mine,broad3,name,weight,reason\n1,primary,Land,,\n2,manufacturing,Works,0.75,half and half\n"
        "2,services,Works,0.25,half and half\n"
    )
    found = iom.load_concordance(file)
    assert (found.source, found.target, found.split) == ("mine", "broad3", ["2"])
    assert found.targets == ["primary", "manufacturing", "services"]
    assert found.names["2"] == "Works"
    assert found.reasons["2"] == "half and half"
    assert found.weights.sel(source="2").values.tolist() == [0, 0.75, 0.25]
    assert not found.weights.values.flags.writeable
    with pytest.raises(CardError, match=r"mine_to_broad3 splits 2, so that no one target holds each; use"):
        _ = found.mapping


def test_a_target_that_nothing_belongs_to_is_said(tmp_path: Path) -> None:
    file = tmp_path / "goods.csv"
    file.write_text("hs,broad3,reason\n01,primary,\n85,manufacturing,\n,services,goods only\n")
    found = load_concordance(file)
    assert found.unreached == ["services"]
    assert concordance_text(found).splitlines()[-1].startswith(",services,,")


# ---------------------------------------------------------------- against other figures
def shares(concordance: Concordance, amounts: dict[str, float]) -> np.ndarray:
    """Percent of the total by target sector."""
    carried = np.array([amounts[code] for code in concordance.sectors]) @ concordance.weights.values
    return 100 * carried / carried.sum()


@pytest.mark.source
def test_imports_by_chapter_and_by_naics_agree_at_28(source_folder: Path) -> None:
    """Two judgements, two classifications: United States imports of 2024 and of 2018, all partners."""
    chapters: dict[str, float] = {}
    for row in lines(source_folder / "us_tariffs_2025" / "hs2_by_partner_2024imports_aug2025tariff.csv"):
        if row["CTY_NAME"] != "EUROPEAN UNION":  # its members are rows, too
            code = f"{int(row['HS2']):02d}"
            chapters[code] = chapters.get(code, 0.0) + float(row["2024_imports"])
    industries: dict[str, float] = {}
    for row in lines(source_folder / "us_china_tariffs_2018" / "imports_by_naics.csv"):
        if row["time"].startswith("2018"):
            industries[row["naics3"]] = industries.get(row["naics3"], 0.0) + float(row["total_trade"])
    hs, naics = load_concordance("hs2_to_world28"), load_concordance("naics3_to_world28")
    assert set(chapters) - set(hs.sectors) == {"98", "99"}
    assert set(industries) - set(naics.sectors) == {"930", "990"}
    left, right = shares(hs, chapters), shares(naics, industries)
    assert np.abs(left - right).max() < 2.5
    assert np.corrcoef(left, right)[0, 1] > 0.98


@pytest.mark.source
def test_output_of_2007_by_products_and_in_wiod_agree_at_28(source_folder: Path) -> None:
    """China's 135 products of 2007 and the 35 industries of WIOD's accounts of 2007: two paths to the 28 sectors."""
    with (source_folder / "china_nbs" / "china_2007_135.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    products = load_concordance("nbs135_to_world28")
    assert {row[0]: row[1] for row in rows[1:136]} == dict(products.names)
    made = {row[0]: float(row[rows[0].index("GO")]) for row in rows[1:136]}
    accounts = gzip.decompress((source_folder / "wiod2013_sea" / "wiod_sea_2013release.csv.gz").read_bytes()).decode()
    output = {
        industry_code(row["industry"], "accounts"): float(row["2007"] or 0)
        for row in csv.DictReader(accounts.splitlines())
        if (row["country"], row["variable"]) == ("CHN", "GO") and "total" not in row["industry"].lower()
    }
    left, right = shares(products, made), shares(load_concordance("wiod35_to_world28"), output)
    assert np.abs(left - right).max() < 1.7  # other manufacturing: recycling is counted otherwise
    assert np.corrcoef(left, right)[0, 1] > 0.97


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# ---------------------------------------------------------------- what is wrong
WRONG: list[tuple[str, str]] = [
    (
        "mine,broad3\n1,primary\n1,services\n2,manufacturing\n",
        r"mine\.csv: 1 is mapped to primary and services; give each a weight, or the code one target\.",
    ),
    ("mine,broad3\n1,primary\n1,primary\n2,manufacturing\n3,services\n", r"row 3: 1 is mapped to primary twice\."),
    (
        "mine,broad3\n1,primry\n2,manufacturing\n3,services\n",
        r"primry is none of the 3 sectors of broad3\. Did you mean primary\?\n.*: primary of the 3 .* of no line\.",
    ),
    (
        "broad3,mine\nprimary,A\nservices,B\nextra,B\nmore,B\n",
        r"extra, more are none of the 3 sectors of broad3\.\n.*: manufacturing of the 3 .* have no line\.",
    ),
    (
        "mine,yours,weight\n1,A,0.5\n1,B,0.4\n2,A,1\n3,B,0.6\n3,A,0.6\n",
        r"the weights of 1 add up to 0\.9; they have to add up to 1\n.*: the weights of 3 add up to 1\.2; they have",
    ),
    (
        "mine,yours,weight\n1,A,half\n2,A,-1\n3,A,1.5\n",
        r"row 2: the weight is 'half'; allowed is a number above 0 and up to 1\.\n.*row 3: .* '-1'.*\n.*row 4",
    ),
    ("mine,yours,wieght\n1,A,1\n", r"its headings are mine, yours, wieght; allowed are .*Did you mean weight\?"),
    ("mine,yours\n1\n", r"mine\.csv, row 2: it has 1 cells, the heading has 2\."),
    ("mine,yours\n1,\n", r"row 2: 1 has no target sector \(yours\)\."),
    ("mine,yours\n", r"mine_to_yours: there is no source sector"),
    ("", r"mine\.csv: its headings are none"),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_a_wrong_file_is_told_all_that_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(text)
    with pytest.raises(CardError, match=said):
        load_concordance(file)


def test_a_name_that_is_none() -> None:
    with pytest.raises(CardError, match=r"no concordance 'nbs153_to_wrld28'; shipped .* mean nbs153_to_world28"):
        load_concordance("nbs153_to_wrld28")
    with pytest.raises(CardError, match=r"from wiod35 to 'broad4'; from wiod35 there are .* Did you mean broad3"):
        find_concordance("wiod35", "broad4")
    with pytest.raises(CardError, match=r"from mine to 'broad3'; there is none from 'mine'"):
        find_concordance("mine", "broad3")
    with pytest.raises(CardError, match=r"is no UTF-8 CSV file"):
        load_concordance(shipped_file("tables", "china-2020.nc"))


def test_wrong_weights_never_make_a_concordance() -> None:
    with pytest.raises(CardError, match=r"the weight of 1 in A is nan; allowed is 0 to 1"):
        make_concordance({"1": {"A": float("nan")}})
    with pytest.raises(CardError, match=r"own_to_own: C is none of the 2 target sectors \(own\)"):
        make_concordance({"1": "C"}, target_names={"A": "a", "B": "b"})
    with pytest.raises(CardError, match=r"own_to_own, 1: found \{'A': 'half'\}; allowed: a code, or \{code: share\}"):
        make_concordance({"1": {"A": "half"}})  # type: ignore[dict-item]
    with pytest.raises(CardError, match=r"own_to_own, 1: found 3; allowed: a code"):
        make_concordance({"1": 3})  # type: ignore[dict-item]
    with pytest.raises(CardError, match=r"of type list; allowed: a mapping from code to code"):
        make_concordance([1, 2])  # type: ignore[arg-type]
    double = xr.DataArray([[1.0], [1.0]], {"source": ["1", "1"], "target": ["A"]}, ["source", "target"])
    with pytest.raises(CardError, match="source sector 1 stands twice"):
        Concordance("a", "b", double, {}, {})
    with pytest.raises(CardError, match=r"they need \('source', 'target'\)"):
        Concordance("a", "b", double.rename(source="sector"), {}, {})


def test_two_that_do_not_fit_name_every_code() -> None:
    first = make_concordance({"1": "A", "2": "B", "3": "C"}, source="x", target="y")
    second = make_concordance({"A": "k", "D": "k", "E": "k"}, source="y", target="z")
    with pytest.raises(CardError, match=r"y_to_z has no line for B, C; x_to_y does not know D, E of y_to_z"):
        compose(first, second)
