"""The multipliers that a result carries: inside the published band, warned of outside, bounded by labour."""

from __future__ import annotations

import iomodel as iom
from iomodel.multipliers import multipliers, warnings_of


def test_state_spending_is_inside_the_band_and_cash_below_it() -> None:
    economy = iom.calibrate(iom.load_table("china-2020"))
    rows = multipliers(economy)
    first = {row.instrument: row.value for row in rows if row.year == 1 and not row.labour_limit}
    assert 0.75 < first["public works"] < first["spending in kind"] < 1.4
    assert first["cash"] < first["public works"]
    assert warnings_of(rows, economy) == []


def test_a_multiplier_outside_is_a_warning() -> None:
    economy = iom.calibrate(iom.load_table("china-2020"), cards={"multiplier_high": 1.05})
    [said] = warnings_of(multipliers(economy), economy)
    assert said == "the multiplier of spending in kind in the first year is 1.11, outside 0.6 to 1.05"


def test_the_limit_of_labour_takes_the_second_years_gain() -> None:
    rows = {(row.instrument, row.labour_limit): row.value for row in multipliers(
        iom.calibrate(iom.load_table("china-2020"))) if row.year == 2}  # fmt: skip
    assert rows["spending in kind", True] < rows["spending in kind", False] - 0.05
