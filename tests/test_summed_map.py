"""The sector map of the 28 sectors: made from that of the 153 products, so that the economy stays what it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import iomodel as iom
from iomodel.classifications.concordance_files import load_concordance
from iomodel.classifications.sector_maps import MAP_COLUMNS, load_map
from iomodel.economy import Economy
from iomodel.errors import CardError
from iomodel.shipped import shipped_file
from iomodel.summed_map import summed_map
from iomodel.table import Table, load_table

CONCORDANCE = load_concordance("nbs153_to_world28")


@pytest.fixture(scope="module")
def fine() -> Table:
    return load_table("china-2020-153")


@pytest.fixture(scope="module")
def economies() -> dict[str, Economy]:
    return {name: iom.calibrate(load_table(name)) for name in ("china-2020", "china-2020-153", "china-2020-28")}


def test_the_shipped_map_is_made_by_the_rule(fine: Table) -> None:
    text = summed_map(load_map("nbs153"), fine, CONCORDANCE)
    assert text == shipped_file("tables", "maps", "world28.csv").read_text(encoding="utf-8")


def test_where_products_agree_the_sector_says_what_they_say_and_where_not_why(fine: Table) -> None:
    small, rows = load_map("world28"), load_map("nbs153").rows(fine.sectors)
    of = np.array([CONCORDANCE.mapping[code] for code in fine.sectors])
    for place, sector in enumerate(small.sectors):
        for column in MAP_COLUMNS[2:-1]:
            parts = set(getattr(rows, column)[of == sector].tolist())
            cell = getattr(small, column)[place].item()
            if column in ("engel", "displacement"):
                assert min(parts) - 0.01 <= cell <= max(parts) + 0.01, (sector, column)
            elif len(parts) == 1 and column != "utilisation":
                assert cell in parts, (sector, column)
            if len(parts) > 1 and column not in ("utilisation", "normal"):
                assert f"; {column}: " in str(small.reason[place]), (sector, column)


def test_the_hand_written_maps_of_42_and_35_say_the_same() -> None:
    """Sectors that are one of the 28 in the other maps too: an independent judgement of the same columns."""
    small = load_map("world28")
    columns = ("group", "capital", "drive", "favoured", "public", "individual_government", "normal", "broad")
    for name in ("wiod35", "nbs42"):
        other, concordance = load_map(name), load_concordance(f"{name}_to_world28")
        weights = concordance.weights
        alone = {
            code: to
            for code in concordance.sectors
            for to in concordance.targets
            if float(weights.sel(source=code, target=to)) == 1 == int((weights.sel(target=to) > 0).sum())
        }
        assert len(alone) > 12
        for code, to in alone.items():
            for column in columns:
                left = getattr(small, column)[small.sectors.index(to)]
                right = getattr(other, column)[other.sectors.index(code)]
                assert left == right, (name, code, to, column)


def test_a_change_of_weights_changes_the_map(fine: Table) -> None:
    """Were all depreciation of other community services in resident services, their capital would be plant."""
    added = fine.value_added.copy(deep=True)
    moved = added.sel(factor="depreciation", to_sector=["139", "140", "141", "148", "149", "150"])
    added.loc[{"factor": "operating_surplus", "to_sector": moved["to_sector"]}] += moved.values
    added.loc[{"factor": "depreciation", "to_sector": moved["to_sector"]}] = 0.0
    text = summed_map(load_map("nbs153"), replace(fine, value_added=added), CONCORDANCE)
    line = next(line for line in text.splitlines() if line.startswith("OTH,"))
    assert ",intangible,plant,elsewhere,0,0,0," in line


def test_a_concordance_that_splits_is_refused() -> None:
    with pytest.raises(CardError, match=r"nbs42_to_world28 splits 09, 10, 12, 16, 17, 29, 31, 41"):
        summed_map(load_map("nbs42"), load_table("china-2020"), load_concordance("nbs42_to_world28"))


def test_the_economy_at_28_is_the_economy_at_42(economies: dict[str, Economy]) -> None:
    """What calibration derives so that the base year closes, side by side; none of it is tuned to agree."""
    small, others = economies["china-2020-28"], [economies["china-2020"], economies["china-2020-153"]]
    for other in others:
        found = {finding.title: finding.value for finding in other.findings}
        for finding in small.findings:
            assert finding.value == pytest.approx(found[finding.title], rel=0.02), finding.title
        assert small.gdp == pytest.approx(other.gdp, rel=1e-9)
        idle = [1 - float(e.sectors["output"].sum() / e.sectors["capacity"].sum()) for e in (small, other)]
        assert idle[0] == pytest.approx(idle[1], abs=0.002)


def test_a_world_table_at_28_is_the_economy_that_it_was_at_35() -> None:
    """The map of the 28, made from Chinese products, and the hand-written one of WIOD's 35 on the same table."""
    world, cards = load_table("world-2011"), iom.load_cards("world-2011")
    small = iom.calibrate(iom.aggregate(world, "world28"), "CHN", cards)
    found = {finding.title: finding.value for finding in iom.calibrate(world, "CHN", cards).findings}
    for finding in small.findings:
        assert finding.value == pytest.approx(found[finding.title], rel=0.02), finding.title


@pytest.mark.slow
def test_the_main_policy_runs_at_28_and_says_nearly_the_same() -> None:
    experiment = iom.load_experiment("two-halves")
    paths = [iom.solve(experiment.replace(table=name)) for name in ("china-2020", "china-2020-28")]
    assert [path.verdict.status for path in paths] == ["optimal", "optimal"]
    shown = iom.compare(paths)
    for column, apart in {
        "consumption, % of GDP": 0.3, "consumption, % over as usual": 0.5, "investment, % of GDP": 0.5,
        "idle plant, %": 0.5, "unemployed peak, %": 0.5, "public debt, % of GDP": 4.0,
    }.items():  # fmt: skip
        assert abs(shown[column].iloc[0] - shown[column].iloc[1]) < apart, column
