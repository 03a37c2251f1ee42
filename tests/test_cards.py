"""Cards and sector maps: complete, inside their ranges, honest about their kind, and clear when they are refused."""

import csv
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iomodel.cards import KINDS, Card, Cards, load_cards
from iomodel.classifications.sector_maps import MAP_COLUMNS, load_map
from iomodel.errors import CardError
from iomodel.shipped import shipped_file

TABLES = ("china-2020", "china-2020-153", "china-2020-28", "world-2011", None)


@pytest.fixture(scope="module")
def cards() -> Cards:
    return load_cards("china-2020")


@pytest.mark.parametrize("table", TABLES)
def test_every_shipped_card_is_complete(table: str | None) -> None:
    for card in load_cards(table).cards.values():
        assert card.kind in KINDS
        assert all(len(text) > 3 for text in (card.title, card.unit, card.source)), card.key
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", card.key)


@pytest.mark.parametrize("table", TABLES)
def test_tables_have_the_same_keys_and_count_their_kinds(table: str | None, cards: Cards) -> None:
    loaded = load_cards(table)
    assert set(loaded) == set(cards)
    assert sum(loaded.count().values()) == len(loaded)
    assert [card.key for card in loaded.of_kind("preference")] == [card.key for card in cards.of_kind("preference")]
    assert {key for key in loaded if key.startswith(("weight_", "watched_"))} == {
        card.key for card in loaded.of_kind("preference")
    }


def test_figures_of_another_country_or_year_are_shown_as_defaults(cards: Cards) -> None:
    own, world = load_cards("my own table"), load_cards("world-2011")
    assert cards.count()["default"] == 0
    for loaded in (own, world):
        assert {"public_debt", "firm_debt", "household_primary_income", "unemployment_rate"} <= {
            card.key for card in loaded.of_kind("default")
        }
        assert loaded["pandemic_shortfall"] == 0
        assert loaded.count()["read"] == 0
    assert own["public_debt"] == cards["public_debt"] == 97.5
    assert cards["pandemic_shortfall"] == 1.4
    assert cards["paths_year"] == 2021
    assert world["paths_year"] == 2026


def test_read_cards_repeat_the_shipped_facts(cards: Cards) -> None:
    with shipped_file("tables", "facts", "china_facts.csv").open(encoding="utf-8", newline="") as file:
        facts = {(line["key"], line["period"]): float(line["value"]) for line in csv.DictReader(file)
                 if re.fullmatch(r"-?[\d.]+", line["value"])}  # fmt: skip
    assert cards["public_debt"] == facts["debt.augmented", "2020"]
    assert cards["unemployment_rate"] * 100 == pytest.approx(facts["urban_unemployment.china", "2020"])
    assert cards["land_revenue_base"] == pytest.approx(facts["land_sale_revenue_share", "2020"], abs=0.05)
    assert cards["inflation_base"] * 100 == pytest.approx(facts["gdp_deflator_change.china", "2020"], abs=0.05)


def test_the_tariff_is_the_one_observed_last(cards: Cards) -> None:
    with shipped_file("tables", "facts", "us_tariffs_china.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    observed = [
        float(line["increase_over_2024"]) for line in lines if (line["date"], line["partner"]) == ("2026-04-06", "USA")
    ]
    assert [cards["partner_tariff"]] == pytest.approx(observed, abs=0.05)


def test_known_values(cards: Cards) -> None:
    assert cards["precaution"] == 0.63
    assert cards.series("pandemic_path") == (0.0, -0.1, 1.0, 1.0)
    assert cards.series("pandemic_path", 6) == (0.0, -0.1, 1.0, 1.0, 1.0, 1.0)
    assert cards.series("precaution", 2) == (0.63, 0.63)
    # the whole response to a yuan in equal thirds for education, health and pensions (model: p + c_T / 3)
    assert cards["precaution"] + cards["propensity_transfers"] / 3 == pytest.approx(0.85, abs=0.005)
    assert cards.card("precaution").high + cards["propensity_transfers"] / 3 == pytest.approx(1.25, abs=0.005)


def test_replace_gives_new_cards(cards: Cards) -> None:
    moved = cards.replace({"precaution": 0, "pandemic_path": (0, 0, 1)})
    assert moved.changed == {"precaution": 0.0, "pandemic_path": (0.0, 0.0, 1.0)}
    assert cards.changed == {}
    assert cards["precaution"] == 0.63
    assert moved.replace({"precaution": 0.63}).changed == {"pandemic_path": (0.0, 0.0, 1.0)}
    assert load_cards("china-2020", {"precaution": 0})["precaution"] == 0
    assert hash(moved) != hash(cards)
    assert hash(cards) == hash(load_cards("china-2020"))
    assert load_cards("china-2020") == cards != moved


@given(share=st.floats(0, 1))
def test_any_value_inside_the_range_is_taken(share: float) -> None:
    cards = load_cards()
    card = cards.card("export_growth")
    value = min(max(card.low + share * (card.high - card.low), card.low), card.high)
    assert cards.replace({"export_growth": value})["export_growth"] == value


def test_loosened_cards_ignore_the_range(cards: Cards) -> None:
    assert cards.unbounded({"capacity_margin": 0.2})["capacity_margin"] == 0.2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"precautio": 0.5}, ["precautio", "Did you mean precaution"]),
        ({"precaution": 2}, ["precaution", "2 yuan", "0 to 1.03"]),
        ({"precaution": -1e-9}, ["-1e-09", "0 to 1.03"]),
        ({"precaution": float("nan")}, ["nan", "0 to 1.03"]),
        ({"precaution": "high"}, ["precaution", "'high'", "numbers"]),
        ({"precaution": True}, ["precaution", "True"]),
        ({"precaution": [0.5]}, ["precaution", "one number"]),
        ({"pandemic_path": 0.5}, ["pandemic_path", "list of numbers"]),
        ({"pandemic_path": []}, ["pandemic_path", "list of numbers"]),
        ({"pandemic_path": [0, 7]}, ["pandemic_path", "7", "-0.5 to 1.2"]),
        ({"drive_last_year": 2026.5}, ["drive_last_year", "whole year", "2026.5"]),
    ],
)
def test_a_change_that_is_not_allowed_is_refused(cards: Cards, changes: dict, words: list[str]) -> None:
    with pytest.raises(CardError) as error:
        cards.replace(changes)
    assert all(word in str(error.value) for word in words), str(error.value)


def test_a_path_is_not_read_as_one_number(cards: Cards) -> None:
    with pytest.raises(CardError, match="series"):
        cards["pandemic_path"]
    with pytest.raises(CardError, match="There is no card 'kappa'"):
        cards["kappa"]


def test_a_malformed_card_is_refused() -> None:
    with pytest.raises(CardError, match="kind is 'guessed'"):
        Card("a", "title", "unit", 1.0, 0.0, 2.0, "guessed", "why")
    with pytest.raises(CardError, match="outside its range"):
        Card("a", "title", "unit", 3.0, 0.0, 2.0, "assumed", "why")


# ---------------------------------------------------------------- maps


@pytest.mark.parametrize(("name", "sectors", "industry"), [("nbs42", 42, 25), ("nbs153", 153, 97), ("wiod35", 35, 16)])
def test_shipped_maps(name: str, sectors: int, industry: int) -> None:
    found = load_map(name)
    assert len(found.sectors) == len(set(found.sectors)) == sectors
    assert found.industry.sum() == industry
    assert all(len(reason) > 8 for reason in found.reason)
    for column in ("overflow", "favoured"):
        assert set(found.group[getattr(found, column)]) == {"manufacturing"}
    assert set(found.group[found.individual_government]) == {"services"}
    assert {"construction", "equipment", "intangible"} == set(found.asset)
    assert (found.capital == "real_estate").sum() == 1
    assert set(found.drive[found.group == "manufacturing"]) == {"manufacturing"}
    assert (found.utilisation[~found.industry] == "").all()


def test_the_chinese_map_follows_its_numbering() -> None:
    found = load_map("nbs42")
    codes = {column: [s for s, on in zip(found.sectors, getattr(found, column), strict=True) if on]
             for column in ("industry", "overflow", "favoured", "public", "individual_government")}  # fmt: skip
    assert codes["industry"] == [f"{number:02d}" for number in range(2, 27)]
    assert codes["overflow"] == [f"{number:02d}" for number in range(7, 23)]
    assert codes["favoured"] == ["12", "16", "17", "18", "19", "20"]
    assert codes["individual_government"] == ["39", "40"]
    assert list(found.rows(["39", "06", "02", "14"]).engel) == [1.2, 0.6, 1.0, 1.2]
    assert list(found.rows(["39", "06", "02", "14"]).displacement) == [1.0, 1.0, 1.9, 0.7]


def test_sectors_without_a_line_are_named() -> None:
    with pytest.raises(CardError) as error:
        load_map("nbs42").rows(["01", "99", "1"])
    assert "2 of 3 sectors: 99, 1" in str(error.value)
    assert "README" in str(error.value)


def test_an_unknown_classification_says_how_to_supply_one() -> None:
    with pytest.raises(CardError, match=r"shipped are nbs153, nbs42, wiod35, world28\. Did you mean nbs42") as error:
        load_map("nbs24")
    assert "path of a CSV" in str(error.value)


def _lines(**cells: str) -> list[dict[str, str]]:
    line = dict(zip(MAP_COLUMNS, ("制造", "x", "services", "1", "equipment", "plant", "elsewhere", "0", "0", "0", "1",
                                  "0", "", "", "services", "why"), strict=True))  # fmt: skip
    return [{**line, **cells}]


def _write(path: Path, lines: list[dict[str, str]], columns: tuple[str, ...] = MAP_COLUMNS) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(lines)
    return path


def test_a_map_of_ones_own(tmp_path: Path) -> None:
    found = load_map(_write(tmp_path / "mine.csv", _lines()))
    assert found.classification == "mine.csv"
    assert found.sectors == ("制造",)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"group": "service"}, "line 2, column group: found 'service'.*Did you mean services"),
        ({"public": "yes"}, "column public: found 'yes', allowed are 0 and 1"),
        ({"engel": "high"}, "column engel: found 'high', which is no number"),
        ({"engel": "-1"}, "column engel: -1 is outside"),
        ({"engel": "nan"}, "column engel: nan is outside"),
    ],
)
def test_a_cell_that_is_not_allowed(tmp_path: Path, cells: dict[str, str], words: str) -> None:
    with pytest.raises(CardError, match=words):
        load_map(_write(tmp_path / "mine.csv", _lines(**cells)))


def test_a_map_with_wrong_columns_or_sectors(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="lacks the column 'reason'"):
        load_map(_write(tmp_path / "mine.csv", _lines(), MAP_COLUMNS[:-1]))
    with pytest.raises(CardError, match="unknown column 'colour'"):
        load_map(_write(tmp_path / "mine.csv", _lines(), (*MAP_COLUMNS, "colour")))
    with pytest.raises(CardError, match="制造 stands twice"):
        load_map(_write(tmp_path / "mine.csv", _lines() * 2))
    with pytest.raises(CardError, match="no sector"):
        load_map(_write(tmp_path / "mine.csv", []))
    (tmp_path / "mine.csv").write_text(",".join(MAP_COLUMNS) + "\n01,x,services\n", encoding="utf-8")
    with pytest.raises(CardError, match="the line ends before it"):
        load_map(tmp_path / "mine.csv")
