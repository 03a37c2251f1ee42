"""The verbs: they give values, refuse what does not fit with one clear message, and depend on their input alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from official import official
from synthetic import HOME, random_economy, random_experiment

import iomodel as iom
from iomodel.economy import Economy
from iomodel.errors import ExperimentError
from iomodel.program.trajectory import Trajectory
from iomodel.run import replay


@pytest.fixture(scope="module")
def economy() -> Economy:
    return iom.calibrate(iom.load_table("china-2020"), region="CHN")


@pytest.fixture(scope="module")
def two_halves(economy: Economy) -> Trajectory:
    return iom.solve(official("two-halves"), economy)


def test_the_same_question_has_the_same_answer(two_halves: Trajectory) -> None:
    """With the economy handed over or made from the experiment, bit by bit."""
    again = iom.solve(official("two-halves"))
    assert again.data.identical(two_halves.data)
    assert again.verdict.objective == two_halves.verdict.objective


def test_solving_leaves_its_input_alone(economy: Economy) -> None:
    before = economy.sectors.copy(deep=True), economy.accounts.copy(deep=True), economy.bundles.copy(deep=True)
    iom.solve(official("best-path"), economy)
    after = economy.sectors, economy.accounts, economy.bundles
    assert all(one.identical(other) for one, other in zip(before, after, strict=True))
    with pytest.raises(dataclasses.FrozenInstanceError):
        economy.region = "USA"  # type: ignore[misc]


def test_reported_years_are_base_known_and_policy(two_halves: Trajectory) -> None:
    assert two_halves.data["year"].values.tolist() == list(range(2020, 2036))
    assert two_halves.policy_years.tolist() == list(range(2026, 2036))
    assert two_halves.data.attrs["last_known_year"] == 2025
    assert two_halves.reference is not None
    assert two_halves.reference["year"].values.tolist() == list(range(2020, 2036))
    known = {"year": slice(2020, 2025)}
    for name in ("gdp", "household_consumption", "public_debt"):
        assert np.array_equal(two_halves.data[name].sel(known), two_halves.reference[name].sel(known))


def test_policy_starts_after_the_tables_year_where_nothing_is_known() -> None:
    path = iom.simulate(iom.load_experiment("business-as-usual").replace(table="world-2011"))
    assert path.policy_years.tolist() == list(range(2012, 2022))
    assert path.data["year"].values.tolist() == list(range(2011, 2022))


def test_every_variable_has_unit_and_words(two_halves: Trajectory) -> None:
    for name, array in two_halves.data.data_vars.items():
        assert array.attrs["units"], name
        assert array.attrs["long_name"], name
        assert np.isfinite(array.values).all(), name
    assert two_halves.data["household_consumption"].attrs["units"] == "percent of GDP of 2020"
    assert two_halves.data["unemployed"].attrs["units"] == "million persons"
    assert str(two_halves.data["region"].values) == "CHN"


def test_replay_of_all_levers_is_the_path(two_halves: Trajectory, economy: Economy) -> None:
    again = replay(two_halves, economy)
    for name in ("gdp", "household_consumption", "public_debt", "unemployed", "capacity"):
        assert np.allclose(again.data[name], two_halves.data[name], rtol=0, atol=1e-9), name


def test_replay_of_no_lever_is_the_reference(two_halves: Trajectory, economy: Economy) -> None:
    alone = replay(two_halves, economy, keep=())
    assert two_halves.reference is not None
    for name in ("gdp", "household_consumption", "public_debt"):
        assert np.allclose(alone.data[name], two_halves.reference[name], rtol=0, atol=1e-9), name


def test_replay_keeps_only_what_is_asked(two_halves: Trajectory, economy: Economy) -> None:
    reform = replay(two_halves, economy, keep=("reform",)).data.sel(year=2035)
    welfare = replay(two_halves, economy, keep=("programme",)).data.sel(year=2035)
    assert float(reform["reform"]) == pytest.approx(0.625)
    assert float(reform["programme"]) == float(reform["scrapped"]) == 0
    assert float(welfare["reform"]) == float(welfare["scrapped"]) == 0
    assert float(welfare["programme"]) > 4
    assert float(welfare["benefit_rate"]) == pytest.approx(0.15)
    assert float(reform["benefit_rate"]) == pytest.approx(0.018)


def test_halves_apart_and_together(economy: Economy, two_halves: Trajectory) -> None:
    """What the story says, found and not assumed: reform alone lowers consumption, the programme alone raises it and
    overheats labour; together they raise it without the overflow."""
    supply, demand = (iom.solve(official(name), economy).data for name in ("supply-only", "demand-only"))
    usual, both = two_halves.reference, two_halves.data
    assert usual is not None
    last = {"year": 2035}
    level = {name: float(data["household_consumption"].sel(last)) for name, data in
             (("usual", usual), ("supply", supply), ("demand", demand), ("both", both))}  # fmt: skip
    assert level["supply"] < level["usual"] < level["demand"]
    assert level["both"] > level["usual"]
    assert float(demand["overflow_imports"].max()) > 1 > float(both["overflow_imports"].max())
    assert float(supply["unemployment_rate"].max()) > float(both["unemployment_rate"].max()) + 1
    for data in (supply, both):
        assert float(data["investment_share"].sel(last)) < float(usual["investment_share"].sel(last))


def test_an_economy_of_another_table_or_region_is_refused(economy: Economy, tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match="on table 'world-2011', the economy handed over on 'china-2020'"):
        iom.solve(iom.load_experiment("two-halves").replace(table="world-2011"), economy)
    other = random_economy(1, tmp_path)
    with pytest.raises(ExperimentError, match="is for region 'CHN', the economy for 'HOME'"):
        iom.solve(random_experiment(region="CHN"), other)
    assert iom.simulate(random_experiment(), other).experiment.region == HOME


def test_cards_of_the_experiment_are_laid_over_the_economys(economy: Economy) -> None:
    experiment = official("demand-only").replace(cards={"precaution": 0.2})
    handed, made = iom.solve(experiment, economy), iom.solve(experiment)
    assert handed.data.equals(made.data)
    assert handed.provenance["cards_changed"] == {"precaution": 0.2}


def test_a_horizon_beyond_the_paths_is_refused(economy: Economy) -> None:
    with pytest.raises(ExperimentError, match=r"horizon: 60 solved years .* end in 2070; allowed are 44"):
        iom.simulate(official("business-as-usual").replace(years=50, beyond=10), economy)


def test_the_longest_horizon_works(economy: Economy) -> None:
    """To the end of the yearly paths, which hold their last rates."""
    path = iom.simulate(official("business-as-usual").replace(years=44, beyond=0), economy)
    assert int(path.data["year"][-1]) == 2069
    growth = path.data["growth"].sel(year=slice(2050, None))
    assert float(growth.min()) > 0
    assert float(growth.max()) < 6


def test_one_year_of_policy_works(economy: Economy) -> None:
    from iomodel.experiment import Target

    short = official("demand-only").replace(
        years=1, beyond=0, benefit=None, targets={"package": Target("exactly", 0.3, 1)}
    )
    path = iom.solve(short, economy)
    assert path.verdict.status == "optimal"
    assert path.policy_years.tolist() == [2026]
    assert float(path.data["programme_share"].sel(year=2026)) == pytest.approx(0.3, abs=1e-6)


def test_a_user_country_goes_through_the_main_job(tmp_path: Path) -> None:
    """From a table of its own to a solved path, a saved result and back."""
    economy = random_economy(11, tmp_path)
    path = iom.solve(random_experiment(), economy)
    assert path.verdict.status == "optimal"
    assert path.provenance["table"] == "random"
    iom.save(path, tmp_path / "path.nc")
    assert iom.load_trajectory(tmp_path / "path.nc").data.equals(path.data)
    assert "机械" in path.data["sector"].values
