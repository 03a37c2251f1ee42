"""The page is well formed and fetches nothing, and every figure on it equals the data."""

from __future__ import annotations

import csv
import io
import re
from urllib.parse import unquote

import numpy as np
import pytest
import xarray as xr

from iomodel.answers.headline import compare
from iomodel.cards import load_cards
from iomodel.program.trajectory import Trajectory
from iomodel.report.bars import closed_plant, jobs, partners_ends, partners_table
from iomodel.report.laws import says
from iomodel.report.page import headline_csv, paths_csv
from iomodel.report.rows import cards_of
from iomodel.report.sentences import answer
from iomodel.report.words import REGIONS, number, short_names, signed, span
from iomodel.run import what_binds
from iomodel.study.files import partners_csv
from iomodel.study.history import misses
from iomodel.study.policies import OUTCOMES, Study, outcomes
from report.pages import FOOTNOTE, figures, headline_cells, read, tables_of


def test_every_figure_of_the_answer_is_in_the_data(study: Study, page: str) -> None:
    known = {"2020", "2035"}
    for name in study.paths:
        path = study.paths[name]
        last, policy = path.data.isel(year=-1), path.data.sel(year=path.policy_years)
        known |= {number(float(last[key])) for key in OUTCOMES.values()}
        known |= {number(float(last["public_debt_share"]), 0), number(float(policy["unemployment_rate"].max()))}
        known.add(number(float(policy["unemployed"].max()), 0))
        before = float(path.data["gdp"].sel(year=int(path.policy_years[0]) - 1))
        known.add(number(100 * ((float(last["gdp"]) / before) ** (1 / policy.sizes["year"]) - 1)))
    both, demand = (compare([study.paths[name]]).iloc[0] for name in ("two-halves", "demand-only"))
    known |= {number(both["consumption, % over as usual"]), signed(demand["consumption, % over as usual"])}
    known |= {number(float(study.paths[name].data["firm_debt_share"][-1]), 0) for name in study.paths}
    known |= {"2025", number(float(study.paths["two-halves"].data["idle_share"].sel(year=2025)))}
    gain = float(outcomes(study.paths["two-halves"])["with_in_kind_gain"])
    rest = study.checks["without_precaution"]["two-halves"]["with_in_kind_gain"]
    known.add(number(100 * (1 - rest / gain), 0))
    alone = float(outcomes(study.paths["two-halves"])["consumption_gain"])
    left = study.checks["without_precaution"]["two-halves"]["consumption_gain"]
    known.add(number(100 * (1 - left / alone), 0))
    text = " ".join(answer(study))
    assert figures(text) <= known
    assert len(figures(text)) > 15
    assert all(sentence in read(page).text for sentence in answer(study))


def test_the_page_is_well_formed_and_small(page: str) -> None:
    reader = read(page)
    assert len(reader.ids) == len(set(reader.ids))
    assert len(page.encode()) < 3_000_000
    assert page.count("<svg") == page.count("</svg>") >= 12
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page


def test_the_page_fetches_nothing(page: str) -> None:
    reader = read(page)
    for tag, name, address in reader.addresses:
        assert address.startswith(("#", "data:")), (tag, name, address[:80])
    assert not {"script", "iframe", "img", "object", "embed"} & set(reader.tags)
    assert "@import" not in page
    assert all(address.startswith("#") for address in re.findall(r"url\(([^)]*)\)", page))
    inside = {address for _, _, address in reader.addresses if address.startswith("#")}
    assert {address[1:] for address in inside} <= set(reader.ids)


def test_all_columns_of_the_headline_on_the_page_equal_compare(study: Study, page: str) -> None:
    [table] = tables_of(page, "headline")
    rows = [row for row in table if len(row) == 11]
    assert rows == [[name.replace("-", " "), *headline_cells(path)] for name, path in study.paths.items()]
    assert FOOTNOTE in " ".join(read(page).text)


def test_the_home_economy_on_the_other_table_equals_compare(study: Study, page: str) -> None:
    *_, home = tables_of(page, "partners")
    names = ["business as usual", "two halves", "two halves under tariffs"]
    assert home == [[name, *headline_cells(path)] for name, path in zip(names, study.world.values(), strict=True)]


def told(value: xr.DataArray, each: xr.DataArray, off: xr.DataArray, digits: int) -> str:
    """A number with its range over variants and the method's error beneath it; a plain zero alone."""
    text = signed(float(value), digits)
    if not float(abs(each).max()):
        return text
    ends = f"({signed(float(each.min()), digits)} to {signed(float(each.max()), digits)})"
    return f"{text} {ends} ± {number(float(off), digits)}"


def test_partners_on_the_page_equal_the_spillovers(study: Study, page: str) -> None:
    *tables, _ = tables_of(page, "partners")
    assert len(tables) == len(study.partners) == 2
    for table, partners in zip(tables, study.partners.values(), strict=True):
        last = partners.isel(year=-1)
        share = last["value_added_change_share"].sum("sector")
        order = share.sum("channel").sortby(share.sum("channel"), ascending=False)["partner"].values
        expected = []
        for code in order:
            here = last.sel(partner=code)
            persons = here["employment_change"].sum(skipna=False)
            each = {name: here[f"{name}_change_by_variant"].sum("sector") for name in ("value_added", "employment")}
            off = {name: here[f"{name}_change_error"].sum("sector") for name in ("value_added", "employment")}
            whole = float(here["value_added_reference"].sum()) / 100
            percent, part = each["value_added"] / whole, off["value_added"] / whole
            expected.append([
                REGIONS[str(code)],
                told(share.sel(partner=code).sum(), percent.sum("channel"), part.sum("channel"), 2),
                *(told(share.sel(partner=code, channel=one), percent.sel(channel=one), part.sel(channel=one), 2)
                  for one in ("demand", "barriers")),
                told(here["value_added_change"].sum() / 1000, each["value_added"].sum("channel") / 1000,
                     off["value_added"].sum("channel") / 1000, 1),
                "not known" if np.isnan(persons)
                else told(persons, each["employment"].sum("channel"), off["employment"].sum("channel"), 0),
            ])  # fmt: skip
        assert table == expected


def test_closed_plant_and_jobs_on_the_page_equal_the_paths(study: Study, page: str) -> None:
    plant, moved = tables_of(page, "sectors")
    both, usual = study.paths["two-halves"], study.paths["business-as-usual"]
    names = short_names(both.provenance["sectors"])
    code_of = {name: code for code, name in names.items()}
    closing = [path for path in study.paths.values() if float(path.data["retirement"].sum()) > 0.05]
    assert 5 < len(plant) <= 10
    for name, *cells in plant:
        for path, text in zip(closing, cells, strict=True):
            closed = float(path.data["retirement"].sel(sector=code_of[name], year=path.policy_years).sum())
            stock = float(path.data["capacity"].sel(sector=code_of[name], year=2026))
            assert text == (f"{number(closed)} ({number(100 * closed / stock, 0)})" if closed > 0.05 else "–")
    here, there = (path.data["employment"].isel(year=-1) for path in (both, usual))
    change = {str(code): float((here - there).sel(sector=code)) for code in here["sector"].values}
    shown = [code_of[name] for name, *_ in moved]
    assert shown == sorted(shown, key=lambda code: change[code])
    assert min(change, key=lambda code: change[code]) == shown[0]
    assert max(change, key=lambda code: change[code]) == shown[-1]
    for code, row in zip(shown, moved, strict=True):
        assert row == [names[code], signed(change[code]), number(float(there.sel(sector=code)))]


def test_limits_on_the_page_equal_what_binds(study: Study, page: str) -> None:
    [table] = tables_of(page, "limits")
    found: dict[str, list[list[str]]] = {}
    for row in table:
        if len(row) == 1:
            group = found.setdefault(row[0], [])
        else:
            group.append(row)
    solved = {name: what_binds(path) for name, path in study.paths.items() if path.shadow_prices}
    assert list(found) == [name.replace("-", " ") for name in solved]
    for name, binding in solved.items():
        path = study.paths[name]
        billion = float(path.provenance["gdp"]) / 1000 / 100
        expected = []
        for row in [row for row in binding if abs(row.worth) >= 5e-4][:5]:
            worth, years = row.worth * billion, [int(label) for label in row.labels if label.isdigit()]
            change = "larger" if path.shadow_prices[row.law].attrs["bound"] == "equal" else "looser"
            text = f"{signed(worth, 0 if abs(worth) >= 10 else 1)} bn dollars if 1 % {change}"
            expected.append((says(row.law, cards_of(path)), text, span(years)))
        shown = found[name.replace("-", " ")]
        assert len(shown) == len(expected)
        for law, costs, years in expected:
            assert any(row[0].startswith(law) and row[1:] == [costs, years] for row in shown), law


def test_what_the_headline_hangs_on_equals_the_checks(study: Study, page: str) -> None:
    hangs, spread = tables_of(page, "beside")
    checks, stated = study.checks, {name: outcomes(path) for name, path in study.paths.items()}
    expected = [
        ("business as usual", stated["business-as-usual"]),
        ("two halves as stated", stated["two-halves"]),
        ("without the assumed response to welfare", checks["without_precaution"]["two-halves"]),
        ("paid by dividends of state firms", checks["payers"]["dividends"]),
        ("paid by a tax on households", checks["payers"]["household_tax"]),
        ("programme all in cash", checks["mix"]["0.0"]),
        ("programme all in kind", checks["mix"]["1.0"]),
        ("demand only as stated", stated["demand-only"]),
        ("without the assumed response to welfare", checks["without_precaution"]["demand-only"]),
        ("best path as stated", stated["best-path"]),
        ("without the assumed response to welfare", checks["without_precaution"]["best-path"]),
        ("without its idle target", checks["best_without_target"]),
    ]
    assert len(hangs) == len(expected)
    for row, (title, values) in zip(hangs, expected, strict=True):
        public, firms = float(values["debt"]), float(values["firm_debt"])
        assert row == [
            title,
            *(number(float(values[key])) for key in ("consumption", "with_in_kind", "unemployment", "idle")),
            *(number(debt, 0) for debt in (public, firms, round(public) + round(firms))),
        ]
    assert spread == [
        [
            row["title"],
            f"{row['low']:g} to {row['high']:g}",
            *(signed(row[end]["with_in_kind_gain"]) for end in ("at_low", "at_high")),
        ]
        for row in checks["spread"]
    ]


def test_what_happened_on_the_page_equals_the_misses(known: Trajectory, page: str) -> None:
    [table] = tables_of(page, "happened")
    rows = misses(known)
    years = sorted({row.year for row in rows})
    shown = {
        (row[0], year): (row[1], cell)
        for row in table
        for year, cell in zip(years, row[2:], strict=True)
        if cell != "–"
    }
    expected = {}
    for row in rows:
        title = row.variable.replace("_", " ") + (", mean of 2021–2025" if "mean of" in row.title else "")
        cell = f"{number(row.value)} / {number(row.published)}{' f' * (row.use == 'fitted')}{' !' * (not row.within)}"
        expected[title, row.year] = (f"± {row.tolerance}", cell)
    assert shown == expected
    outside, tested = sum(not row.within for row in rows), sum(row.use == "tested" for row in rows)
    said = f"{len(rows)} figures are compared, {tested} of them not used in choosing a card; {outside or 'none'} "
    assert said in " ".join(read(page).text)


def test_the_cards_on_the_page_are_those_of_the_tables(study: Study, page: str) -> None:
    rows = [row for table in tables_of(page, "cards") for row in table if len(row) == 4]
    by_key = [(row[0].rpartition(" ")[2], row[1:]) for row in rows]
    for table in ("world-2020-estimate", "china-2020", "world-2011"):
        cards = load_cards(table)
        for key in cards:
            card = cards.card(key)
            value = card.value if isinstance(card.value, tuple) else (card.value,)
            shown = [", ".join(f"{one:g}" for one in value), f"{card.low:g} to {card.high:g}", card.unit]
            assert (key, shown) in by_key


def test_the_data_on_the_page_are_the_paths(study: Study, page: str) -> None:
    links = {a[2].split(",", 1)[1] for a in read(page).addresses if a[2].startswith("data:text/csv")}
    texts = {unquote(link) for link in links}
    assert texts == {headline_csv(study), paths_csv(study), partners_csv(study.partners)}
    rows = list(csv.DictReader(io.StringIO(paths_csv(study))))
    paths = {("world-2020-estimate", name): path for name, path in (*study.paths.items(), *study.world.items())}
    paths |= {(table, path.experiment.name): path for table, path in study.others.items()}
    assert {(row["table"], row["policy"]) for row in rows} == set(paths)
    for row in rows[:: len(rows) // 50]:
        path = paths[row["table"], row["policy"]]
        variable = path.data[row["variable"]]
        assert float(row["value"]) == pytest.approx(float(variable.sel(year=int(row["year"]))), rel=1e-7, abs=1e-12)
        assert row["unit"] == variable.attrs["units"]
    head = list(csv.DictReader(io.StringIO(headline_csv(study))))
    exact = compare([study.paths["two-halves"]]).iloc[0]
    both = next(row for row in head if row["policy"] == "two-halves")
    assert all(float(both[str(key)]) == value for key, value in exact.items())


def test_the_page_says_where_numbers_are_from(study: Study, page: str) -> None:
    text = " ".join(read(page).text)
    for path in (*study.paths.values(), *study.world.values(), *study.others.values()):
        assert str(path.provenance["table_sha256"]) in text
    for words in (
        "production and trade are those of 2020 in an ESTIMATE",
        "upper bound",
        "no finding",
        "Foresight is perfect",
    ):
        assert words in text
    assert (
        f"elasticity among imports is the card's ({cards_of(study.world['two-halves'])['elasticity_imports']:g})"
        in text
    )
    cards = cards_of(study.paths["two-halves"])
    assert all(cards.card(key).title in text for key in cards)
    assert "best-path/path.nc" in text


def test_sectors_and_partners_equal_the_data(study: Study) -> None:
    both, usual = study.paths["two-halves"], study.paths["business-as-usual"]
    names = both.provenance["sectors"]
    change = (both.data["employment"] - usual.data["employment"]).isel(year=-1)
    by_name = {names[code]: float(change.sel(sector=code)) for code in names}
    for row in jobs(both, usual).rows:
        assert row.bars[0].text == signed(by_name[row.title])
        assert row.name == short_names(names)[next(code for code in names if names[code] == row.title)]
    closed = closed_plant(study.paths)
    assert closed is not None
    most = both.data["retirement"].sel(year=both.policy_years).sum("year")
    place = [head.split(",")[0] for head in closed.heads].index("two halves")
    for row in closed.rows:
        code = next(code for code, name in names.items() if name == row.title)
        assert row.bars[place].value == pytest.approx(float(most.sel(sector=code)))
    table = partners_table("two-halves-tariffs", study.partners["two-halves-tariffs"])
    assert len(table.rows) == 14
    for row in table.rows:
        total, *parts = (bar.value for bar in row.bars)
        assert total == pytest.approx(sum(parts))
        assert all(0 <= bar.start <= bar.start + bar.width <= 100.01 for bar in row.bars)
    ends = partners_ends(study.partners)
    scales = {
        round(bar.width / abs(bar.value))
        for name, data in study.partners.items()
        for row in partners_table(name, data, ends).rows
        for bar in row.bars
        if abs(bar.value) > 0.5
    }
    assert len(scales) == 1


@pytest.mark.parametrize("table", ["world-2020-estimate", "china-2020", "world-2011"])
def test_short_names_are_short_and_each_its_own(study: Study, table: str) -> None:
    path = study.others.get(table, study.paths["two-halves"])
    assert path.provenance["table"] == table
    found = short_names(path.provenance["sectors"])
    assert len(set(found.values())) == len(found)
    assert max(map(len, found.values())) <= 44
