"""The headline of the five policies, number by number, beside the one that was looked at and written down.

A change of a number here is not wrong, but it must be meant: run this file as a script to write the new ones, and say
in the commit why they moved.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import iomodel as iom

FILE = Path(__file__).with_name("headline.json")
POLICIES = ("business-as-usual", "supply-only", "demand-only", "two-halves", "best-path")
TABLES = ("world-2020-estimate", "china-2020", "world-2011")
NAMES = (
    "household_consumption_share", "actual_individual_consumption_share", "household_consumption", "gdp",
    "investment_share", "idle_share", "social_spending_share", "unemployment_rate", "public_debt_share",
    "firm_debt_share", "current_account_share", "manufacturing_utilisation",
)  # fmt: skip
TOLERANCE = 2e-3


def headline(policy: str, table: str) -> dict[str, float]:
    """Outcomes of one policy in the last reported year, and the peak of unemployment."""
    path = iom.solve(iom.load_experiment(policy).replace(table=table))
    last = path.data.isel(year=-1)
    found = {name: float(last[name]) for name in NAMES}
    found["unemployment_peak"] = float(path.data["unemployment_rate"].sel(year=path.policy_years).max())
    return {name: round(value, 4) for name, value in found.items()}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("policy", POLICIES)
def test_headline_is_the_one_written_down(policy: str, table: str) -> None:
    wanted = json.loads(FILE.read_text(encoding="utf-8"))[table][policy]
    found = headline(policy, table)
    moved = {name: (wanted[name], value) for name, value in found.items() if abs(value - wanted[name]) > TOLERANCE}
    assert not moved, f"{table}, {policy}: {moved}"


if __name__ == "__main__":
    made = {table: {policy: headline(policy, table) for policy in POLICIES} for table in TABLES}
    FILE.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
