"""Cases whose answers are known: nothing asked, nothing stated, one number moved, limits made laws, and no way out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from official import official

import iomodel as iom
from iomodel.economy import Economy
from iomodel.errors import CardError, ExperimentError, InfeasibleError
from iomodel.experiment import Experiment, Limit, Target
from iomodel.program.build import Program
from iomodel.program.trajectory import Trajectory
from iomodel.run import resolve


def _apart(one: Trajectory, other: Trajectory, *names: str) -> float:
    return max(float(abs(one.data[name] - other.data[name]).max()) for name in names)


def test_no_lever_is_the_reference_path(usual: Trajectory, china: Economy) -> None:
    solved = iom.solve(official("business-as-usual"), china)
    assert solved.verdict.status == "simulated"
    assert solved.data.equals(usual.data)
    assert usual.reference is not None
    for name in ("gdp", "household_consumption", "public_debt", "output"):
        assert np.array_equal(usual.reference[name].values, usual.data[name].values)


def test_a_package_of_zero_is_the_reference_path(usual: Trajectory, china: Economy) -> None:
    nothing = official("demand-only").replace(targets={"package": Target("exactly", 0.0, 8)}, benefit=None)
    path = iom.solve(nothing, china)
    assert path.verdict.status == "optimal"
    assert float(path.data["programme"].max()) < 1e-6
    assert _apart(path, usual, "household_consumption", "gdp", "public_debt", "unemployed") < 1e-5


def test_a_reform_of_zero_and_no_cut_close_nothing(usual: Trajectory, china: Economy) -> None:
    """Closing costs the plant's capital and brings nothing at given prices: where no cut is asked none is made."""
    targets = {"reform": Target("exactly", 0.0, 8), "idle_cut": Target("at_least", 0.0, 8)}
    path = iom.solve(official("supply-only").replace(targets=targets), china)
    assert float(path.data["reform"].max()) < 1e-6
    assert float(path.data["scrapped"].max()) < 1e-3
    assert _apart(path, usual, "household_consumption", "gdp") < 1e-2


def test_without_response_to_welfare_cash_alone_moves_consumption(china: Economy) -> None:
    """p = 0: nothing is released, and less is consumed than at the default."""
    none = iom.solve(official("demand-only").replace(cards={"precaution": 0.0}))
    some = iom.solve(official("demand-only"), china)
    assert float(abs(none.data["precaution"]).max()) == 0
    last = {"year": 2035}
    assert float(none.data["household_consumption"].sel(last)) < float(some.data["household_consumption"].sel(last))
    assert none.provenance["cards_changed"] == {"precaution": 0.0}


def test_exports_follow_their_card(usual: Trajectory) -> None:
    """Two points more growth a year after the last actual year; more exports, more output, less idle plant."""
    faster = iom.simulate(official("business-as-usual").replace(cards={"export_growth": 0.05}))
    ratio = faster.data["exports_total"] / usual.data["exports_total"]
    assert np.allclose(ratio.sel(year=slice(2020, 2025)), 1)
    assert float(ratio.sel(year=2035)) == pytest.approx((1.05 / 1.03) ** 10)
    last = {"year": 2035}
    for name, sign in (("gdp", 1), ("current_account_share", 1), ("idle_share", -1), ("unemployment_rate", -1)):
        assert sign * float(faster.data[name].sel(last) - usual.data[name].sel(last)) > 0.1, name


def test_who_pays_changes_who_owes(path_of: Callable[..., Trajectory]) -> None:
    """On debt the state owes most; dividends move it to firms, a tax to households' consumption."""
    paths = {payer: path_of("two-halves", "china-2020", payer).data.sel(year=2035) for payer in
             ("debt", "dividends", "household_tax")}  # fmt: skip
    public = {payer: float(data["public_debt_share"]) for payer, data in paths.items()}
    firms = {payer: float(data["firm_debt_share"]) for payer, data in paths.items()}
    assert public["debt"] > public["dividends"] + 10
    assert firms["dividends"] > firms["debt"] + 10
    consumption = {payer: float(data["household_consumption"]) for payer, data in paths.items()}
    assert consumption["household_tax"] < consumption["debt"]


@pytest.mark.parametrize("package", [2.0, 3.5])
def test_resolve_is_a_fresh_solve(package: float, china: Economy) -> None:
    experiment = official("two-halves")
    program = iom.build(experiment, china)
    again = resolve(program, experiment, china, {"package": package})
    fresh = iom.solve(experiment.set("targets.package.exactly", package), china)
    assert again.verdict.status == "optimal"
    assert again.experiment.targets["package"].value == package
    assert again.verdict.objective == pytest.approx(fresh.verdict.objective, abs=1e-7)
    assert _apart(again, fresh, "household_consumption", "programme", "reform", "public_debt") < 1e-3
    assert float(again.data["programme_share"].sel(year=2035)) == pytest.approx(package, abs=1e-6)


CHANGES = [
    {"limits.debt_ceiling.margin": -5.0},
    {"limits.debt_ceiling.soft": 0.2},
    {"limits.current_account_floor.margin": 1.5},
    {"levers.benefit.to": 0.3},
    {"levers.benefit": {"to": 0.2, "by": 3}},
    {"targets.package.exactly": 3.0, "limits.debt_ceiling.margin": -8.0, "levers.benefit.to": 0.1},
]


@pytest.fixture(scope="module")
def limited(china: Economy) -> tuple[Experiment, Program]:
    """A short program with two limits, one with a price, built once and solved again with other settings."""
    experiment = official("demand-only").replace(years=9, beyond=3)
    limits = {"debt_ceiling": Limit(-10.0, soft=0.05), "current_account_floor": Limit(1.0, soft=2.0)}
    experiment = experiment.replace(limits=limits)
    return experiment, iom.build(experiment, china)


@pytest.mark.parametrize("changes", CHANGES, ids=lambda changes: "+".join(changes))
def test_every_parameter_solves_as_a_program_built_with_it(
    changes: dict[str, object], limited: tuple[Experiment, Program], china: Economy
) -> None:
    experiment, program = limited
    again = resolve(program, experiment, china, changes)
    asked = experiment
    for key, value in changes.items():
        asked = asked.set(key, value)
    fresh, before = iom.solve(asked, china), iom.solve(experiment, china)
    assert again.experiment == asked
    assert again.verdict.status == fresh.verdict.status == "optimal"
    assert again.verdict.objective == pytest.approx(fresh.verdict.objective, abs=1e-7)
    assert _apart(again, fresh, "household_consumption", "programme", "public_debt", "benefit_rate") < 1e-3
    assert abs(again.verdict.objective - before.verdict.objective) > 1e-5, "the setting changes nothing here"
    held = {key: np.array(parameter.value) for key, parameter in program.setting.parameters.items()}
    assert held["limits.debt_ceiling.margin"] == -10.0
    assert np.allclose(held["levers.benefit"], before.data["benefit_rate"].values[-9:].tolist() + [0.15] * 3)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reform": 0.3}, r"reform needs a rebuild: a target that is not stated in the built program has no law in it"),
        ({"targets.package.by": 5}, r"package.by needs a rebuild: the years in which a target's law holds are laid"),
        ({"targets.package.hard": True}, r"hard needs a rebuild: what a target may miss is a variable of the program"),
        ({"targets.package.at_least": 3.0}, r"at_least needs a rebuild"),
        ({"cards.precaution": 0.3}, r"cards enter the calibration, the known years and the reference path"),
        ({"levers.payer": "dividends"}, r"who pays changes the laws of the accounts"),
        ({"horizon.years": 12}, r"the years decide the size of the program"),
        ({"limits.firm_debt_ceiling.margin": 3}, r"a limit that is not stated in the built program has no law in it"),
        ({"limits.household_saving_floor.margin": 0.3}, r"it multiplies household income"),
        ({"tariffs.USA": {}}, r"tariffs change the exports"),
        ({"taget": 3}, r"There is no setting 'taget'; allowed are cards, .*targets"),
        ({"pakage": 3}, r"There is no setting 'pakage'.* Did you mean package"),
        ({"debt_ceiling": 3}, r"There is no setting 'debt_ceiling'.* Did you mean limits.debt_ceiling"),
        ({"cards.precausion": 0.3}, r"precausion.*Did you mean precaution"),
        ({"solver": "qoco"}, r"^solver is not changed here: it is no part of the program: give the experiment with it"),
        ({"targets.idle_cut.exactly": 0.3}, r"^targets.idle_cut.exactly is not changed here: .*write at_least.$"),
        ({"package": -3.0}, r"targets.package.exactly"),
        ({"limits.debt_ceiling.margin": 1e9}, r"limits.debt_ceiling.margin"),
    ],
    ids=str,
)
def test_a_setting_that_is_no_parameter_says_why(
    changes: dict[str, object], said: str, limited: tuple[Experiment, Program], china: Economy
) -> None:
    experiment, program = limited
    with pytest.raises((ExperimentError, CardError), match=said):
        resolve(program, experiment, china, changes)
    assert float(np.asarray(program.setting.targets["package"].value)) == 4.0


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("targets.package.by", 4, r"targets.package.by is not what the program was built with: the years"),
        ("levers.payer", "household_tax", r"levers.payer is not what the program was built with"),
        ("horizon.beyond", 2, r"horizon: 11 solved years, the program has 12"),
        ("targets.reform", {"exactly": 0.3, "by": 8}, r"levers.free is not what the program was built with"),
        ("limits.debt_ceiling", {"margin": -10.0}, r"limits.debt_ceiling.soft is not what the program was built with"),
        ("cards.precaution", 0.3, r"cards are not those of the program: cards enter the calibration"),
    ],
)
def test_another_experiment_than_the_programs_is_refused(
    key: str, value: object, said: str, limited: tuple[Experiment, Program], china: Economy
) -> None:
    """What was not asked of the program cannot be what it answers."""
    experiment, program = limited
    other = experiment.replace(free=("programme", "reform")) if key == "targets.reform" else experiment
    with pytest.raises(ExperimentError, match=said):
        resolve(program, other.set(key, value), china, {})


def test_what_cannot_be_done_names_the_laws_in_conflict(china: Economy) -> None:
    """Fifteen points in eight years against a pace of 0.6 a year, no miss allowed."""
    experiment = official("demand-only")
    impossible = experiment.replace(targets={"package": Target("exactly", 15.0, 8, hard=True)})
    with pytest.raises(InfeasibleError) as caught:
        iom.solve(impossible, china)
    text = str(caught.value)
    for word in ("demand-only", "package", "programme pace", "percent of base-year GDP"):
        assert word in text, text
    words = iom.explain_infeasible(impossible, china)
    assert "package" in words
    assert "by up to" in words


def test_a_package_beyond_the_pace_is_missed_and_said(china: Economy) -> None:
    """Not hard: the programme rises as it may, and what it misses of six points stands in the verdict."""
    path = iom.solve(official("two-halves").set("targets.package.exactly", 6), china)
    assert path.verdict.status == "optimal"
    reached = float(path.data["programme_share"].sel(year=2033))
    assert 4.5 < reached < 5
    said = next(warning for warning in path.verdict.warnings if "package is missed" in warning)
    assert f"by up to {6 - reached:.3g} points of GDP (2033)" in said


def test_a_plan_without_conflict_says_so(china: Economy) -> None:
    assert "feasible" in iom.explain_infeasible(official("demand-only"), china)


def _over(path: Trajectory, name: str) -> np.ndarray:
    """How far a share of GDP leaves the reference's in the years of policy, points."""
    assert path.reference is not None
    years = path.policy_years
    return (path.data[name].sel(year=years) - path.reference[name].sel(year=years)).values


def test_a_debt_ceiling_binds_as_a_law(china: Economy) -> None:
    """Demand only leaves the reference's debt by 13 points; a ceiling of 5 is kept exactly, by a law that costs."""
    experiment = official("demand-only").replace(beyond=0)
    free, path = (
        iom.solve(one, china) for one in (experiment, experiment.replace(limits={"debt_ceiling": Limit(5.0)}))
    )
    assert _over(free, "public_debt_share").max() > 8
    assert path.verdict.status == "optimal"
    assert _over(path, "public_debt_share").max() == pytest.approx(5.0, abs=1e-4)
    assert float(path.shadow_prices["debt_ceiling"].max()) > 1e-3
    assert "debt_ceiling" in {row.law for row in iom.what_binds(path)}
    assert path.verdict.objective < free.verdict.objective


def test_a_soft_ceiling_is_passed_at_its_price(china: Economy) -> None:
    """At a small price the ceiling is passed, at a large one it is kept: the soft law tends to the hard one."""
    experiment, overs = official("demand-only").replace(beyond=0), []
    for price in (1e-3, 100.0):
        path = iom.solve(experiment.replace(limits={"debt_ceiling": Limit(5.0, price)}), china)
        assert path.verdict.status == "optimal"
        overs.append(_over(path, "public_debt_share").max())
    assert overs[0] > 8
    assert overs[1] == pytest.approx(5.0, abs=1e-3)


@pytest.mark.parametrize(
    ("limit", "name", "tight"),
    [("deficit_ceiling", "deficit_share", 0.3), ("firm_debt_ceiling", "firm_debt_share", -1.0)],
)
def test_a_watched_ceiling_can_be_a_law(limit: str, name: str, tight: float, china: Economy) -> None:
    """A tight margin over the reference is kept where the free path broke it; no target, so that levers give way."""
    experiment = official("best-path").replace(targets={})
    broken = _over(iom.solve(experiment, china), name).max()
    assert broken > tight + 0.05, f"the free path keeps {limit} anyway ({broken:.2f}): nothing is tested"
    path = iom.solve(experiment.replace(limits={limit: Limit(tight)}), china)
    assert path.verdict.status == "optimal"
    assert _over(path, name).max() <= tight + 1e-4
    assert float(abs(path.shadow_prices[limit]).max()) > 1e-4


@pytest.mark.parametrize(
    ("limit", "name", "unit"),
    [
        ("current_account_floor", "current_account_share", 1.0),
        ("household_saving_floor", "household_saving_rate", 100.0),
    ],
)
def test_a_watched_floor_can_be_a_law(limit: str, name: str, unit: float, china: Economy) -> None:
    """A floor a little above the least value of the free path is kept, and costs."""
    experiment = official("best-path").replace(targets={}, beyond=0)
    free = iom.solve(experiment, china)
    least = float(free.data[name].sel(year=free.policy_years).min())
    floor = least + 0.05
    path = iom.solve(experiment.replace(limits={limit: Limit(floor / unit)}), china)
    assert path.verdict.status == "optimal"
    assert float(path.data[name].sel(year=path.policy_years).min()) >= floor - 1e-4
    assert float(path.shadow_prices[limit].min()) < -1e-4  # raising a floor costs


def test_the_end_of_the_horizon_does_not_reach_the_report(china: Economy, path_of: Callable[..., Trajectory]) -> None:
    """Four years more ahead move the reported C + S of two halves by less than a tenth of a point."""
    longer = iom.solve(official("two-halves").replace(beyond=12), china)
    assert _apart(longer, path_of("two-halves"), "actual_individual_consumption_share") < 0.1


def test_solved_programs_are_at_full_size(solved_program: Callable[..., Program]) -> None:
    assert solved_program("two-halves").setting.years == 18
    assert solved_program("best-path").setting.years == 22
    assert solved_program("two-halves").values["output"].shape == (42, 18)
