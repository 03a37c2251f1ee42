"""Several deciding regions: with one it is the program of one, the base year is the table's, trade adds up, labels and
not positions decide, and every world path is its own joint simulation."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from loosened import rationing_at
from official import official
from synthetic import FACTORS, SECTORS, random_numbers, write_map

import iomodel as iom
from iomodel.aggregation import aggregate_regions
from iomodel.cli import main
from iomodel.course import setting_of
from iomodel.errors import ExperimentError, InfeasibleError, ResultError
from iomodel.experiment import Experiment, Horizon, Levers, Target
from iomodel.program.arrays import arrays_of
from iomodel.program.canonical import compiled, places
from iomodel.program.certificate import Verdict
from iomodel.program.diagnose import shadow_prices
from iomodel.program.elimination import definitions, reduced
from iomodel.program.simulate import base_state, no_levers, step
from iomodel.program.solvers import solve_program
from iomodel.program.trajectory import Trajectory
from iomodel.program.world import BALANCE, FORM, assemble_world, trade_of
from iomodel.program.world_proof import proof_words
from iomodel.program.world_simulate import world_step
from iomodel.regions import by_region
from iomodel.report.page import page_html, study_of
from iomodel.results import load_trajectory, save
from iomodel.run import replay, what_binds
from iomodel.table import Table, load_table, make_table, save_table
from iomodel.world import build_world, solve_world, world_course, world_economies

REGIONS = ("CHN", "USA", "OTHER")
FREE = ("programme", "retirement")


@cache
def _three() -> Table:
    """The world table in three regions: China, the United States and everybody else."""
    world = load_table("world-2011")
    groups = {name: name if name in REGIONS else "OTHER" for name in world.regions}
    return aggregate_regions(world, groups, name="world-2011")  # the cards of that table


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The three regions as a file that an experiment can name."""
    return str(save_table(_three(), tmp_path_factory.mktemp("world") / "three.nc"))


def _asked(table: str, **changes: object) -> Experiment:
    return Experiment("world", table=table, horizon=Horizon(3, 1), levers=Levers(FREE), **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def path(file: str) -> Trajectory:
    """All three regions decide, with a package for each and a corridor."""
    return solve_world(_asked(file, deciding="all", corridor=1.0, targets={"package": Target("at_least", 0.5, 3)}))


# ---------------------------------------------------------------- simulation
def test_the_base_year_is_the_tables() -> None:
    arrays = [arrays_of(iom.calibrate(_three(), region)) for region in REGIONS]
    flows, _, exports = world_step(trade_of(arrays), 0, [base_state(a) for a in arrays], [no_levers(a) for a in arrays])
    for one, flow, sold in zip(arrays, flows, exports, strict=True):
        np.testing.assert_allclose(np.asarray(flow["output"]), one.sector("output"), atol=1e-9)
        np.testing.assert_allclose(sold, one.exports[:, 0], atol=1e-9)


def test_one_region_simulated_alone_is_the_usual_simulation() -> None:
    arrays = arrays_of(iom.calibrate(_three(), "USA"))
    trade, usual = trade_of([arrays]), no_levers(arrays)
    state = alone = base_state(arrays)
    for t in range(4):
        (flow,), (state,), _ = world_step(trade, t, [state], [usual])
        expected, alone = step(arrays, t, alone, usual)
        for name, value in expected.items():
            np.testing.assert_allclose(np.asarray(flow[name]), np.asarray(value), atol=1e-9, err_msg=name)


def _held(table: Table, path: Trajectory) -> None:
    """Goods and trade of a path, written by hand from the table."""
    regions = [str(region) for region in path.data["region"].values]
    economies = {region: iom.calibrate(table, region) for region in regions}
    size = np.array([economies[region].gdp for region in regions])
    goods = path.data["exports"].sum("sector") - path.data["imports"].sum("sector")
    assert float(abs((goods * size[:, None]).sum("region")).max()) < 1e-9 * size.sum()
    for seller in regions:
        here = path.data.sel(region=seller)
        sold = 0.0
        for buyer in regions:
            economy, there = economies[buyer], path.data.sel(region=buyer)
            bought = table.flows.sel(region=seller, to_region=buyer).values
            made = table.output.sel(region=buyer).values
            share = np.divide(bought, made, out=np.zeros_like(bought), where=made > 0)
            bundle = economy.bundles.sel(region=seller)
            used = share @ there["output"].transpose("sector", "year").values
            for use, amount in (
                ("household", "household_consumption"), ("government_individual", "in_kind_spending"),
                ("overflow", "overflow_imports"), ("construction", "investment_construction"),
                ("equipment", "investment_equipment"), ("intangible", "investment_intangible"),
                ("government_collective", "collective_consumption"), ("inventories", "trend"),
            ):  # fmt: skip
                used = used + np.outer(bundle.sel(use=use).values, there[amount].values)
            used = used + bundle.sel(use="household_fixed").values[:, None]
            sold = sold + used * economy.gdp / economies[seller].gdp
        np.testing.assert_allclose(here["output"].transpose("sector", "year").values, sold, atol=1e-9)


def test_goods_balance_and_trade_adds_up(path: Trajectory) -> None:
    _held(_three(), path)
    assert path.reference is not None
    saving = ("household_saving", "firm_saving", "government_saving", "foreign_saving")
    total = sum(path.data[name] for name in saving) - path.data["investment"] - path.data["stock_change"]
    assert float(abs(total).max()) < 1e-9
    assert float(abs(path.data["gdp"] - path.data["gdp_expenditure"]).max()) < 1e-9


# ---------------------------------------------------------------- the program
def test_a_world_path_is_optimal_and_is_its_own_simulation(path: Trajectory) -> None:
    assert path.verdict.status == "optimal", path.verdict
    assert path.verdict.replay_distance < 1e-6
    assert path.data["household_consumption"].dims == ("region", "year")
    assert path.data["programme"].sel(region="USA").max() > 0.1
    balance = path.data["current_account_share"] - path.reference["current_account_share"]  # type: ignore[index]
    assert float(abs(balance).max()) < 1.0 + 1e-6
    assert path.shadow_prices["unemployment"].dims == ("region", "year")
    assert "CHN, OTHER" not in str(path.verdict)


def test_with_one_deciding_region_it_is_the_program_of_one(file: str) -> None:
    alone = _asked(file, region="USA", targets={"package": Target("exactly", 1.0, 3)})
    one = iom.solve(alone)
    several = solve_world(alone.replace(deciding=("USA",)))
    assert one.verdict.status == several.verdict.status == "optimal"
    for name in ("household_consumption", "output", "capacity", "public_debt_end", "programme", "retirement"):
        found = several.data[name].sel(region="USA").transpose(*one.data[name].dims).values
        np.testing.assert_allclose(found, one.data[name].values, atol=2e-5, err_msg=name)
    assert several.verdict.objective == pytest.approx(one.verdict.objective, abs=1e-6)
    for law in ("package", "unemployment", BALANCE):
        found = several.shadow_prices[law].sel(region="USA").values
        np.testing.assert_allclose(found, one.shadow_prices[law].values, rtol=2e-3, atol=1e-5, err_msg=law)


def test_the_order_of_regions_makes_no_difference(file: str, path: Trajectory) -> None:
    asked = path.experiment.replace(deciding=("OTHER", "CHN", "USA"))
    again = solve_world(asked)
    for name in ("household_consumption", "output", "programme", "public_debt_end"):
        np.testing.assert_allclose(
            again.data[name].sel(region=list(REGIONS)).values, path.data[name].sel(region=list(REGIONS)).values,
            atol=2e-5, err_msg=name,
        )  # fmt: skip
    assert again.verdict.objective == pytest.approx(path.verdict.objective, abs=1e-6)


def _twins(folder: Path) -> Table:
    """Two regions of one random table: each is the other's only partner."""
    numbers = random_numbers(4)
    home, abroad = numbers.domestic / numbers.output, 3 * numbers.imported / numbers.output
    final_home, final_abroad = numbers.final_home[:, :6], 2 * numbers.final_imported[:, :6]
    output = np.linalg.solve(np.eye(9) - home - abroad, (final_home + final_abroad).sum(axis=1))
    left = output * (1 - home.sum(axis=0) - abroad.sum(axis=0))
    added = numbers.value_added / numbers.value_added.sum(axis=0) * left
    flows, final = np.zeros((2, 9, 2, 9)), np.zeros((2, 9, 2, 6))
    for here in (0, 1):
        flows[here, :, here], flows[1 - here, :, here] = home * output, abroad * output
        final[here, :, here], final[1 - here, :, here] = final_home, final_abroad
    return make_table(
        name="twins", year=2020, unit="million thalers", regions=["A", "B"],
        sectors={str(row[0]): f"sector {row[0]}" for row in SECTORS},
        categories=("household", "non_profit", "government_individual", "government_collective", "fixed_capital",
                    "inventories"),
        factors=FACTORS, flows=flows, final_demand=final, value_added=np.stack([added, added], axis=1),
        output=np.stack([output, output]), national=False, employment={"A": numbers.jobs, "B": numbers.jobs},
        classification=str(write_map(folder, SECTORS)),
    )  # fmt: skip


def test_twins_do_the_same(tmp_path: Path) -> None:
    file = str(save_table(_twins(tmp_path), tmp_path / "twins.nc"))
    path = solve_world(_asked(file, deciding="all", region="A"))
    assert path.verdict.status == "optimal"
    for name in ("household_consumption", "output", "programme", "current_account_share"):
        first, second = (path.data[name].sel(region=region).values for region in ("A", "B"))
        np.testing.assert_allclose(first, second, atol=2e-5, err_msg=name)
    assert float(path.data["programme"].max()) > 0.05
    heavy = solve_world(_asked(file, deciding="all", region="A", weights={"A": 3.0, "B": 1.0}))
    gap = heavy.data["household_consumption"] - path.data["household_consumption"]
    assert float(gap.sel(region="A").sum()) != pytest.approx(float(gap.sel(region="B").sum()), abs=1e-4)


def test_prices_of_a_world_agree_with_finite_differences(file: str) -> None:
    """A higher package in one region: the whole's goal moves as the prices of the two laws say in which it stands; and
    goods that somebody takes away in one region cost what their price says."""
    world = build_world(_asked(file, deciding="all", targets={"package": Target("exactly", 0.5, 3, hard=True)}))
    assert solve_program(world.whole).status == "optimal"
    part = world.parts["USA"]
    price, gdp = shadow_prices(part), np.asarray(part.values["gdp"].value)
    expected = (float(price["package"].values @ gdp[2:]) + float(price["package_before"].values @ gdp[:2])) / 100
    target, by = part.setting.targets["package"], 1e-3
    values = []
    for change in (by, -by):
        target.value = 0.5 + change
        values.append(solve_program(world.whole).objective)
    target.value = 0.5
    assert (values[0] - values[1]) / (2 * by) == pytest.approx(expected, rel=1e-2)
    assert abs(expected) > 1e-3


def test_rows_are_placed_as_the_modelling_library_places_them(file: str) -> None:
    """Arrays, and where laws and variables stand in them, are those of the library's own way to the solver."""
    asked = _asked(file, deciding="all", corridor=1.0, targets={"package": Target("exactly", 0.5, 3)})
    made = compiled(build_world(asked).whole)
    data, _, _ = made.program.problem.get_problem_data("CLARABEL")
    assert abs(data["A"] - made.arrays.matrix).max() == 0
    assert abs(data["P"] - made.arrays.quadratic).max() == 0
    np.testing.assert_array_equal(data["b"], made.arrays.bound)
    np.testing.assert_array_equal(data["c"], made.arrays.linear)
    assert made.arrays.cones


def test_totals_are_freed_of_output_before_a_solver_sees_them(file: str) -> None:
    """Employment, consumption and the corridor in terms of final demand; services' output and the first year's
    investment are gone."""
    world = build_world(_asked(file, deciding="all", corridor=1.0))
    made = compiled(world.whole)
    where = places(made)
    pairs = definitions(world.whole, made.arrays, where)
    smaller, (_, output) = reduced(made.arrays, pairs), pairs.carried
    assert made.arrays.matrix[pairs.into][:, output].nnz > 100
    assert smaller.turned.matrix[pairs.into][:, output].nnz == 0
    assert pairs.into.size == 4 * 3 * 4
    gone = set(pairs.columns.tolist())
    for region, part in world.parts.items():
        industry = part.setting.arrays.industry
        rows = where.variables[f"output of {region}"]
        assert gone.issuperset(rows[~industry].ravel().tolist())
        assert not gone & set(rows[industry].ravel().tolist())
        first = where.variables[f"asset_investment of {region}"][:, 0]
        assert gone.issuperset(first.tolist()) == (not part.setting.free("reform"))


def test_prices_of_goods_in_a_world_agree_with_finite_differences(file: str) -> None:
    asked = _asked(file, deciding="all")
    path, course = solve_world(asked), world_course(asked)
    trade, settings = course.trade, [setting_of(one, FORM, (FORM,)) for one in course.courses]
    row = trade.rows(1).start + list(_three().sectors).index("15t16")
    values = []
    for change in (1e-3, -1e-3):
        data = trade.data.copy()
        data[row, course.first + 1] += change
        moved = assemble_world(settings, replace(trade, data=data), {})
        values.append(solve_program(moved.whole).objective)
    price = path.shadow_prices[BALANCE].sel(region="USA", sector="15t16").values[1]
    assert (values[0] - values[1]) / 2e-3 == pytest.approx(float(price), rel=1e-2)
    assert abs(float(price)) > 1e-3


# ---------------------------------------------------------------- what users see
def test_a_world_path_is_saved_read_and_taken_apart(path: Trajectory, tmp_path: Path) -> None:
    again = load_trajectory(save(path, tmp_path / "world.nc"))
    assert again.data.identical(path.data)
    assert again.experiment == path.experiment
    assert set(again.shadow_prices) == set(path.shadow_prices)
    parts = by_region(again)
    assert list(parts) == list(REGIONS)
    table = iom.compare(list(parts.values()))
    assert len(table) == 3
    rows = what_binds(again)
    assert rows
    assert {row.text.split(":")[0] for row in rows} <= set(REGIONS)


def test_without_levers_the_world_is_simulated(file: str) -> None:
    usual = Experiment("usual", table=file, horizon=Horizon(3, 0), deciding=("CHN", "OTHER"))
    found = iom.solve(usual)
    assert found.verdict.status == "simulated"
    assert found.data.sizes["region"] == 2
    assert found.reference is not None
    np.testing.assert_allclose(found.data["output"].values, found.reference["output"].values, atol=1e-9)
    assert iom.simulate(usual).data.identical(found.data)


def test_the_known_years_and_state_are_handed_over(file: str) -> None:
    course = world_course(_asked(file, deciding="all"))
    assert [one.arrays.economy.region for one in course.courses] == list(REGIONS)
    assert all(len(one.reference) == course.first + 4 for one in course.courses)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"deciding": "some"}, "deciding: found 'some'; allowed: \"all\" or a list of regions"),
        ({"deciding": ("USA", "USA")}, "each region once"),
        ({"deciding": ("UAS",), "table": "world-2011"}, "Did you mean USA"),
        ({"weights": {"USA": 1.0}}, "weights: one region decides, so there is nothing to weigh"),
        ({"deciding": ("USA", "CHN"), "weights": {"USA": 1.0}}, "weights: none for CHN"),
        ({"deciding": ("USA", "CHN"), "weights": {"USA": 0.0, "CHN": 0.0}}, "all are zero"),
        ({"deciding": ("USA",), "weights": {"USA": 1.0, "JPN": 2.0}}, "a region that decides: USA"),
        ({"deciding": "all", "corridor": -1.0}, "corridor: found -1"),
        ({"corridor": 2.0, "levers": Levers()}, "corridor: it would be a law, but no lever is free"),
    ],
)
def test_bad_input_is_said_before_anything_is_solved(file: str, changes: dict[str, object], words: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        _asked(file).replace(**changes)
    assert words in str(caught.value)


def test_regions_and_tables_that_cannot_decide(file: str) -> None:
    with pytest.raises(ExperimentError, match=r"has no region 'US'; it has CHN, USA, OTHER\. Did you mean USA"):
        world_economies(_asked(file, deciding=("US",)))
    with pytest.raises(ExperimentError, match="the table 'china-2020' is national"):
        world_economies(_asked("china-2020", deciding="all"))
    with pytest.raises(ExperimentError, match="weights: none for OTHER"):
        world_economies(_asked(file, deciding="all", weights={"CHN": 1.0, "USA": 1.0}))
    with pytest.raises(ExperimentError, match="no rule is announced for several deciding regions"):
        iom.simulate(_asked(file, deciding="all"))


def test_the_command_line_prints_regions_and_no_headline(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = tmp_path / "asked.toml"
    asked.write_text(
        f'table = "{file}"\ndeciding = ["USA", "CHN"]\n[weights]\nUSA = 1.0\nCHN = 2.0\n'
        "[horizon]\nyears = 2\nbeyond = 0\n"
        '[levers]\nfree = ["programme"]\n',
        encoding="utf-8",
    )
    assert main(["run", str(asked), "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "asked: 2 regions of" in out
    assert "16 of 16 cards that belong to a country and year are missing" in out
    assert "asked in 2013, by region, paths under stated defaults" in out
    assert "Examples, no headline: USA. More than half of the cards" in out
    assert (tmp_path / "asked" / "regions.csv").read_text(encoding="utf-8").startswith("region,")
    assert main(["report", str(tmp_path)]) == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "no headline for USA. 16 of the 16" in page
    assert "<h1>Asked: 2 regions</h1>" in page
    capsys.readouterr()
    assert main(["matters", str(asked)]) == 2
    assert "what matters is found for one region, and several decide in 'asked'" in capsys.readouterr().err
    assert main(["explain", str(asked)]) == 0
    assert "the goal of all regions together is" in capsys.readouterr().out


def test_what_is_asked_of_one_region_says_so(file: str, path: Trajectory) -> None:
    asked = _asked(file, deciding="all")
    with pytest.raises(ExperimentError, match="several regions decide in 'world', and this asks about one"):
        replay(path)
    with pytest.raises(ExperimentError, match="one economy was handed over"):
        iom.solve(asked, iom.calibrate(_three(), "USA"))
    with pytest.raises(ResultError, match="has several regions: compare them with"):
        iom.compare([path])
    assert official("world").deciding == ("all",)


# ---------------------------------------------------------------- what is said of a world path
@pytest.fixture(scope="module")
def missed(file: str) -> Trajectory:
    """A package that nobody reaches in time."""
    return solve_world(_asked(file, deciding=("CHN", "USA"), targets={"package": Target("exactly", 12, 3)}))


def test_a_missed_target_is_said_with_its_region(missed: Trajectory, tmp_path: Path) -> None:
    assert missed.verdict.status == "optimal"
    for region in ("CHN", "USA"):
        (said,) = [text for text in missed.verdict.warnings if text.startswith(f"{region}: package is missed by")]
        share = float(missed.data["programme_share"].sel(region=region).values[-1])
        (use,) = [one for one in missed.provenance["used"] if (one["region"], one["kind"]) == (region, "target")]
        assert use["amounts"][0] == pytest.approx(12 - share, abs=1e-4)
        assert f"in 2014–2015, which the goal counts as {use['cost']:.2g} percent" in said
        # A miss costs the same in a region's own goal wherever it decides.
        alone = missed.experiment.replace(region=region, deciding=())
        assert iom.solve(alone).provenance["used"][0]["cost"] == pytest.approx(use["cost"], rel=1e-2)
    again = by_region(load_trajectory(save(missed, tmp_path / "missed.nc")))
    assert [text[:17] for text in again["USA"].verdict.warnings if "missed" in text] == ["package is missed"]


def test_prices_of_a_world_are_said_to_be_of_the_whole(path: Trajectory) -> None:
    rows = what_binds(path)
    assert rows
    assert all("the goal of all regions together is " in row.text and "the goal is" not in row.text for row in rows)


@pytest.mark.parametrize("changes", [{"form": "plain"}, {"shifts": {"package of USA": np.zeros(1)}}])
def test_a_world_has_one_form_and_no_shifts(file: str, changes: dict[str, object]) -> None:
    with pytest.raises(ExperimentError, match="has a form of its own and takes no form= and no shifts=; leave them"):
        iom.build(_asked(file, deciding=("CHN", "USA")), **changes)  # type: ignore[arg-type]


def test_rationing_is_no_lever_of_a_world(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rationing that costs nothing is used while labour is idle, until nobody may be rationed there."""
    asked = _asked(file, deciding=("USA", "OTHER"), targets={"package": Target("at_least", 1.5, 3)})
    found = solve_world(asked, core=rationing_at(0.0))
    assert any(said.startswith("nobody rationed in") for said in found.verdict.remedies)
    assert found.verdict.replay_distance < 1e-6
    monkeypatch.setattr("iomodel.world.ROUNDS", 0)
    left = solve_world(asked, core=rationing_at(0.0)).verdict
    assert "stops at zero and valves are not settled after 0 rounds" in left.warnings
    assert any("rationing is used as a lever in 201" in text for text in left.warnings), left.warnings


def test_no_path_of_a_world_says_what_its_proof_rules_out(file: str) -> None:
    asked = _asked(file, deciding=("CHN", "USA"), targets={"package": Target("exactly", 12, 3, hard=True)})
    with pytest.raises(InfeasibleError) as caught:
        solve_world(asked)
    said = str(caught.value)
    assert "It rests on one proof, not looked at by a second solver, that misses" in said
    assert re.search(r"rules out every path whose amounts are below \de\+(0[6-9]|1\d)\.", said), said
    most = said.partition("What weighs most in it: ")[2].partition(". Let each")[0].split(", ")
    assert 2 <= len(most) <= 3
    assert {"programme pace of CHN", "programme pace of USA"} <= set(most)
    word = Verdict("infeasible", warnings=("infeasible on the word of SCS",))
    assert proof_words(build_world(asked).whole, word) == "It is infeasible on the word of SCS."


@pytest.mark.parametrize(("kind", "words"), [("taxes", "taxes on exports of 0.5"), ("goods", "re-exports of 0.5")])
def test_exports_that_are_taxed_or_passed_on_are_refused(file: str, kind: str, words: str) -> None:
    economies = list(world_economies(_asked(file, deciding=("CHN", "USA"))))
    if kind == "taxes":
        taxes = economies[1].bundle_taxes.copy()
        taxes.loc[{"use": "exports"}] = 0.5
        economies[1] = replace(economies[1], bundle_taxes=taxes)
    else:
        passed = economies[1].re_exports.copy()
        passed[0] = 0.5
        economies[1] = replace(economies[1], re_exports=passed)
    with pytest.raises(ExperimentError, match=f"USA on .* has {words} percent of its GDP; .* basic prices"):
        world_course(_asked(file, deciding=("CHN", "USA")), economies)


def test_the_page_of_a_world_says_each_thing_once(path: Trajectory) -> None:
    """Three regions, two of them under defaults and without a drive, say so in one sentence."""
    found = replace(path, provenance={**path.provenance, "regions": {
        region: {**own, "warnings": [] if region == "CHN" else [f"{region} has no investment drive"]}
        for region, own in path.provenance["regions"].items()
    }})  # fmt: skip
    page = page_html(study_of([found]), made_by_study=False)
    assert "<h1>World: 3 regions</h1>" in page
    assert page.count("world: no headline for USA, OTHER. 16 of the 16") == page.count("no headline for") == 1
    assert page.count("<strong>Warning:</strong> world: USA, OTHER have no investment drive.") == 1
    assert "it has no" not in page
    assert by_region(found)["CHN"].verdict.warnings == ()


def test_of_many_binding_laws_the_dearest_are_printed(
    path: Trajectory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = what_binds(path)
    monkeypatch.setattr("iomodel.run.solve", lambda _asked: path)
    monkeypatch.setattr("iomodel.run.what_binds", lambda _path: (rows * 16)[:16])
    assert main(["explain", "world"]) == 0
    out = capsys.readouterr().out
    assert out.count(": a ") == 12
    assert "and 4 laws more that cost less" in out
