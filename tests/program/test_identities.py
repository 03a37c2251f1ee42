"""Every law of every reported path, written a second time by hand from the table, the cards and the docs' model page.

The two sides of GDP, the four savings, debts and all other laws come from separate reported rows; a reported number
that no law would miss is found by moving each of them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from by_hand import LAWS, ByHand, worst
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from synthetic import random_economy, random_experiment

import iomodel as iom
from iomodel.economy import Economy
from iomodel.program.trajectory import Trajectory

IDENTITY = 1e-9  # of GDP: amounts are in percent of base-year GDP, which only grows
POLICIES = ("business-as-usual", "supply-only", "demand-only", "two-halves", "best-path")


def _hold(economy: Economy, path: Trajectory, payer: str = "debt") -> None:
    missed = {law: miss for law, miss in worst(economy, path.data, payer) if not miss <= 100 * IDENTITY}
    assert not missed, f"{path.experiment.name}: {missed}"
    assert path.verdict.status in ("optimal", "simulated")


@pytest.mark.parametrize("table", ["china-2020", "world-2011"])
@pytest.mark.parametrize("policy", POLICIES)
def test_every_law_holds_in_every_year(
    policy: str, table: str, path_of: Callable[..., Trajectory], economy_named: Callable[[str], Economy]
) -> None:
    _hold(economy_named(table), path_of(policy, table))


@pytest.mark.parametrize("payer", ["dividends", "household_tax"])
def test_every_law_holds_under_each_payer(payer: str, path_of: Callable[..., Trajectory], china: Economy) -> None:
    path = path_of("two-halves", "china-2020", payer)
    _hold(china, path, payer)
    assert float(np.abs(ByHand(china, path.data, "debt").payer_rule()).max()) > 1  # the other rule would be noticed


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(seed=st.integers(0, 10**6))
def test_every_law_holds_on_random_economies(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    economy = random_economy(seed, tmp_path_factory.mktemp("map"))
    _hold(economy, iom.solve(random_experiment(), economy))


def test_every_law_holds_where_a_sector_makes_nothing(tmp_path: Path) -> None:
    economy = random_economy(3, tmp_path, idle_sector=True)
    path = iom.solve(random_experiment(), economy)
    _hold(economy, path)
    assert np.isfinite(path.data["utilisation"].values).all()
    assert float(path.data["output"].sel(sector="Z").max()) == 0
    assert float(path.data["capacity"].sel(sector="Z").max()) == 0


def test_gdp_and_saving_are_reported_from_separate_rows(path_of: Callable[..., Trajectory]) -> None:
    data = path_of("two-halves").data
    assert float(abs(data["gdp"] - data["gdp_expenditure"]).max()) / 100 < IDENTITY
    assert float(abs(data["gdp"] - data["gdp_expenditure"]).max()) > 0  # not one number printed twice
    saved = sum(data[f"{who}_saving"] for who in ("household", "firm", "government", "foreign"))
    assert float(abs(saved - data["investment"] - data["stock_change"]).max()) / 100 < IDENTITY


LEVELS = (
    "output", "imports", "exports_total", "gdp", "household_consumption", "in_kind_spending", "collective_consumption",
    "investment", "market_investment", "drive_investment", "public_investment", "investment_construction",
    "investment_equipment", "investment_intangible", "stock_change", "wages", "operating_surplus", "taxes",
    "household_income", "cash_transfers", "unemployment_benefit", "severance", "household_tax", "dividends",
    "household_saving", "firm_saving", "government_saving", "foreign_saving", "public_debt", "public_debt_end",
    "firm_debt", "firm_debt_end", "overflow_imports", "forced_saving", "precaution", "programme", "reform",
    "benefit_rate", "capacity", "retirement", "idle_capacity", "strained_output", "employment", "laid_off", "hired",
    "unemployed", "labour_force", "trend", "exports", "interest", "deficit", "land_sales", "state_investment",
    "scrapped", "social_spending", "gdp_expenditure",
)  # fmt: skip


@pytest.mark.parametrize("name", LEVELS)
def test_no_reported_level_is_free(name: str, path_of: Callable[..., Trajectory], china: Economy) -> None:
    """Moved by a thousandth of a point in one year, each reported level breaks a law."""
    data: xr.Dataset = path_of("two-halves").data.copy(deep=True)
    place = {"year": -3} | ({"sector": 15} if "sector" in data[name].dims else {})
    data[name][place] += 1e-3
    broken = [law for law, miss in worst(china, data) if miss > 1e-6]
    assert broken, f"{name} hangs on no law"


def test_every_reported_level_is_moved_above(path_of: Callable[..., Trajectory]) -> None:
    data = path_of("two-halves").data
    derived = {
        name for name in data.data_vars if data[name].attrs["units"].startswith("percent") and "share" in str(name)
    }
    derived |= {"utilisation", "manufacturing_utilisation", "industry_utilisation", "unemployment_rate",
                "household_saving_rate", "growth"}  # fmt: skip
    assert set(data.data_vars) - derived == set(LEVELS)
    assert len(LAWS) >= 30


def test_headline_shares_are_their_levels_over_gdp(path_of: Callable[..., Trajectory]) -> None:
    data = path_of("two-halves").data
    household, kind, collective = (
        data[name] for name in ("household_consumption", "in_kind_spending", "collective_consumption")
    )
    levels = {
        "household_consumption_share": household,
        "actual_individual_consumption_share": household + kind,
        "final_consumption_share": household + kind + collective,
        "investment_share": data["investment"] + data["stock_change"],
        "social_spending_share": kind + data["cash_transfers"] + data["unemployment_benefit"] + data["severance"],
        "programme_share": data["programme"],
        "public_debt_share": data["public_debt_end"],
        "firm_debt_share": data["firm_debt_end"],
        "current_account_share": -data["foreign_saving"],
        "deficit_share": data["state_investment"] - data["land_sales"] - data["government_saving"],
        "saving_share": data["household_saving"] + data["firm_saving"] + data["government_saving"],
    }
    for name, level in levels.items():
        assert np.allclose(data[name], 100 * level / data["gdp"], rtol=0, atol=1e-9), name
    growth = 100 * (data["gdp"].values[1:] / data["gdp"].values[:-1] - 1)
    assert np.allclose(data["growth"].values[1:], growth)
    assert np.allclose(data["unemployment_rate"], 100 * data["unemployed"] / data["labour_force"])
    assert np.allclose(data["household_saving_rate"], 100 * data["household_saving"] / data["household_income"])


def test_rates_of_plant_are_over_the_plant_they_name(path_of: Callable[..., Trajectory], china: Economy) -> None:
    data, rows = path_of("two-halves").data, ByHand(china, path_of("two-halves").data).rows
    for name, groups in (
        ("manufacturing_utilisation", ("manufacturing",)),
        ("industry_utilisation", ("mining", "manufacturing", "utilities")),
    ):
        mine = [code for code, group in zip(china.table.sectors, rows.group, strict=True) if group in groups]
        used = data["output"].sel(sector=mine).sum("sector") / data["capacity"].sel(sector=mine).sum("sector")
        assert np.allclose(data[name], 100 * used), name
        if name.startswith("industry"):
            idle = data["idle_capacity"].sum("sector") / data["capacity"].sel(sector=mine).sum("sector")
            assert np.allclose(data["idle_share"], 100 * idle)


def test_stated_policies_meet_what_they_state(path_of: Callable[..., Trajectory]) -> None:
    """In the replay, not only in the program: package, reform and cut of idle plant from the eighth year on."""
    path = path_of("two-halves")
    late = path.data.sel(year=slice(2033, None))
    usual = path.reference
    assert usual is not None
    assert np.allclose(late["programme_share"], 4, atol=1e-6)
    assert np.allclose(late["reform"], 0.625, atol=1e-7)
    assert (late["idle_share"] <= 0.5 * usual["idle_share"].sel(year=late["year"]) + 1e-6).all()
    early = path.data.sel(year=slice(2026, 2032))
    assert (early["programme_share"] <= 4 + 1e-6).all()
    policy = path.data.sel(year=slice(2026, None))
    assert (np.diff(policy["reform"], prepend=0.0) >= -1e-9).all()
    assert (np.diff(policy["reform"], prepend=0.0) <= 0.1 + 1e-9).all()
    programme = path.data["programme"].sel(year=slice(2025, None)).values
    trend = path.data["trend"].sel(year=slice(2025, None)).values
    step = programme[1:] - programme[:-1] * trend[1:] / trend[:-1]
    pace = 0.006 * usual["gdp"].sel(year=slice(2026, None)).values
    assert (np.abs(step) <= pace + 1e-7).all()
    plant, closed = policy["capacity"], policy["retirement"]
    assert (closed <= 0.06 * plant + 1e-8).all()
    assert (closed >= 0).all()


def test_the_frictional_unemployed_are_never_employed(path_of: Callable[..., Trajectory]) -> None:
    for policy in POLICIES:
        data = path_of(policy).data
        assert (data["unemployment_rate"] >= 4.5 - 1e-6).all(), policy
        assert (data["overflow_imports"] <= 0.1 * data["household_consumption"] + 1e-8).all(), policy
        # overflow only while labour is short: its complement is unemployment above the floor
        slack = data["unemployed"] - 0.045 * data["labour_force"]
        assert float((data["overflow_imports"] * slack).max()) < 1e-4, policy
