"""What blocks of one's own bring is returned beside the path: as declared, for the reported years, kept in the file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cvxpy as cp
import numpy as np
import pytest
import xarray as xr
from official import official

import iomodel as iom
from iomodel.economy import Economy
from iomodel.program.block import Values, by_row
from iomodel.program.own import SOURCE
from iomodel.program.setting import Setting
from iomodel.regions import by_region

WORTH = 0.01
"""What a unit of the fund is worth a year, percent of base-year GDP."""


def fund() -> iom.Block:
    """A fund that is paid in while the programme is at work, at most two points of GDP; `growth` is a name that the
    results have, too."""

    def variables(_: Setting) -> Iterable[iom.Var]:
        yield iom.Var("fund", ("start",), "percent of base-year GDP", nonneg=True)
        yield iom.Var("growth", ("year",), "percent of base-year GDP")
        yield iom.Var("kept", ("industry", "year"), "", nonneg=True)

    def expressions(v: Values, p: Setting) -> Iterable[tuple[str | iom.Var, cp.Expression]]:
        yield "paid_in", 0.1 * v["growth"]
        yield (
            iom.Var("kept_share", ("industry", "year"), "share"),
            by_row(1 / p.base("capacity")[p.industry], v["kept"]),
        )
        yield "odd", v["growth"][:2]

    def laws(v: Values, p: Setting) -> Iterable[iom.Law]:
        stock = v["fund"]
        yield iom.Law("fund_opened", ("start",), stock[:1] == 1.0, bound="equal", where={"start": p.calendar[:1]})
        yield iom.Law("fund_grows", ("year",), stock[1:] == stock[:-1] + v["growth"], bound="equal")
        yield iom.Law("fund_pace", ("year",), v["growth"] <= 0.5)
        yield iom.Law("fund_limit", ("year",), stock[1:] <= 2.0)
        yield iom.Law("kept", ("industry", "year"), v["kept"] == 0.5 * v["capacity"][p.industry, :-1], bound="equal")

    def goal(v: Values, p: Setting) -> Iterable[iom.Term]:
        yield iom.Term("fund", WORTH * (p.discount @ v["fund"][1:]))

    return iom.Block("fund", variables, expressions, laws, goal)


@pytest.fixture(scope="module")
def path(china: Economy) -> iom.Trajectory:
    return iom.solve(official("demand-only"), china, [fund()])


def test_the_numbers_are_those_of_the_law(path: iom.Trajectory) -> None:
    """The fund rises as fast as it may and stays at its limit; a half of plant is half of the simulation's."""
    own, years = path.own, path.policy_years
    assert list(own.data_vars) == ["fund", "growth", "kept", "paid_in", "kept_share"]
    np.testing.assert_array_equal(own["year"], years)
    np.testing.assert_array_equal(own["start"], [*years, years[-1] + 1])
    np.testing.assert_allclose(own["fund"], [1.0, 1.5, *[2.0] * (len(years) - 1)], atol=1e-6)
    np.testing.assert_allclose(own["paid_in"], 0.1 * own["growth"], atol=1e-12)
    plant = path.data["capacity"].sel(year=years, sector=own["industry"].values)
    np.testing.assert_allclose(own["kept"], 0.5 * plant.transpose("sector", "year"), atol=1e-5)


def test_units_and_where_they_are_from(path: iom.Trajectory) -> None:
    """Dims and unit as declared; a name of the results is no clash."""
    own = path.own
    assert own["kept_share"].dims == ("industry", "year")
    assert {name: array.attrs["units"] for name, array in own.data_vars.items()} == {
        "fund": "percent of base-year GDP",
        "growth": "percent of base-year GDP",
        "kept": "not stated",
        "paid_in": "not stated",
        "kept_share": "share",
    }
    assert {array.attrs["source"] for array in own.data_vars.values()} == {SOURCE}
    assert {array.attrs["block"] for array in own.data_vars.values()} == {"fund"}
    assert own["paid_in"].attrs["kind"] == "expression"
    assert path.data["growth"].attrs["units"] == "percent"
    assert any("expression 'odd' of block 'fund' is not in path.own: its shape (2,)" in said
               for said in path.verdict.warnings)  # fmt: skip


def test_the_file_keeps_them(path: iom.Trajectory, tmp_path: Path) -> None:
    again = iom.load_trajectory(iom.save(path, tmp_path / "path.nc"))
    xr.testing.assert_identical(again.own, path.own)
    plain = xr.open_dataset(tmp_path / "path.nc", group="own")
    np.testing.assert_array_equal(plain["fund"], path.own["fund"])
    plain.close()


def test_a_path_without_own_blocks_has_none(china: Economy, tmp_path: Path) -> None:
    """Nor has one whose block brings laws alone; and the file of such a path is read as before."""

    def laws(v: Values, _: Setting) -> list[iom.Law]:
        return [iom.Law("cap", ("year",), v["programme"] <= 30.0)]

    path = iom.solve(official("demand-only"), china, [iom.Block("cap", laws=laws)])
    assert not path.own.data_vars
    assert not iom.load_trajectory(iom.save(path, tmp_path / "path.nc")).own.data_vars


def test_blocks_of_a_path_that_nobody_decides_are_said_to_do_nothing(china: Economy) -> None:
    path = iom.solve(official("business-as-usual"), china, [fund()])
    assert not path.own.data_vars
    assert path.verdict.warnings == ("no lever is free, so that the path is simulated and blocks do nothing: fund",)
    assert iom.solve(official("business-as-usual"), china).verdict.warnings == ()


def test_what_nothing_holds_has_no_value(china: Economy) -> None:
    idler = iom.Block("idler", variables=lambda _: [iom.Var("idler", ("year",), "one")])
    path = iom.solve(official("demand-only"), china, [idler])
    assert "idler" not in path.own
    assert any("'idler' of block 'idler' is not in path.own: no law" in said for said in path.verdict.warnings)


def test_dims_that_an_expression_does_not_have(china: Economy) -> None:
    wrong = iom.Block("wrong", expressions=lambda v, _: [(iom.Var("x", ("sector",), "one"), v["gdp"])])
    with pytest.raises(iom.ProgramError, match=r"block 'wrong': expression 'x' has shape \(18,\), its dims .* mean"):
        iom.build(official("demand-only"), china, [wrong])


def test_steered_paths_have_them_and_nothing_of_the_steering(china: Economy) -> None:
    found = iom.alternatives(official("demand-only"), outcome="public_debt_share", economy=china, blocks=[fund()])
    assert set(found.lowest.own.data_vars) == {"fund", "growth", "kept", "paid_in", "kept_share"}


def test_each_region_has_its_own() -> None:
    """Of several deciding regions the numbers stand by region, also in the path of one of them."""
    experiment = iom.load_experiment("demand-only").replace(table="world-2011", deciding=("CHN", "USA"))
    path = iom.solve(experiment, blocks=[fund()])
    assert list(path.own["region"].values) == ["CHN", "USA"]
    alone = by_region(path)["USA"]
    np.testing.assert_allclose(alone.own["fund"], path.own["fund"].sel(region="USA"))
    assert path.own["fund"].sel(region="CHN").values[1:3] == pytest.approx([1.5, 2.0], abs=1e-5)
