"""The page on blocks of one's own lists exactly the names that there are, and its examples say what they give."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import cvxpy as cp
import numpy as np
import pytest
from official import official

import iomodel as iom
from iomodel.experiment_parts import LIMITS
from iomodel.program.setting import Setting

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "blocks.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
UNITS = {
    "money": "percent of base-year GDP",
    "plant": "output a year at full use, percent of base-year GDP",
    "persons": "million persons",
    "share of the drive": "share of the drive",
}
FREE = ("programme", "reform", "retirement")


def rows(start: str) -> list[list[str]]:
    """Cells of the first table after a text."""
    lines = PAGE[PAGE.index(start) :].splitlines()
    first = next(place for place, line in enumerate(lines) if line.startswith("| ---"))
    found: list[list[str]] = []
    for line in lines[first + 1 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def named(start: str) -> set[str]:
    """The names in backticks of the first column of a table."""
    return {name for row in rows(start) for name in re.findall(r"`(\w+)`", row[0])}


@cache
def programs() -> dict[str, iom.Program]:
    """One with all levers, missable targets and priced limits, and one with nothing but the programme."""
    asked = official("two-halves").set("levers.free", list(FREE))
    for limit in LIMITS:
        asked = asked.set(f"limits.{limit}.soft", 1.0)
    asked = asked.set("targets.idle_cut", {"at_least": 0.5, "by": 8})
    usual = official("demand-only")
    least = replace(usual, targets={}, levers=replace(usual.levers, free=("programme",)))
    return {"all": iom.build(asked), "least": iom.build(least), "plain": iom.build(least, form="plain")}


@pytest.mark.parametrize("which", ["all", "least", "plain"])
def test_the_names_are_those_of_a_built_program(which: str) -> None:
    """All of them with their dims, units and kinds; those with a "when" only where all is asked for."""
    program = programs()[which]
    listed = {row[0].strip("`"): row for row in rows("## Names in `v`")}
    always = {name for name, row in listed.items() if not row[5]}
    assert set(program.values) == (set(listed) if which == "all" else always)
    sizes = {**program.setting.sizes(), "direction": 6}
    for name in program.values:
        _, dims, unit, kind, what, _ = listed[name]
        assert program.values[name].shape == tuple(sizes[dim] for dim in dims.split(", ")), name
        assert what
        if name in program.variables:
            assert program.variables[name].unit == UNITS[unit], name
            assert ", ".join(program.variables[name].dims) == dims, name
        if which == "all":
            assert (name in program.variables) == (kind in ("variable", "lever")), name
        assert unit in UNITS


def test_what_p_offers_is_what_the_setting_has() -> None:
    said = {name for row in rows("## What `p` offers") for name in re.findall(r"`p\.(\w+)", row[0])}
    fields = {*Setting.__dataclass_fields__, *(name for name, _ in inspect.getmembers(Setting))}
    assert said == {name for name in fields if not name.startswith("_")}


def test_the_numbers_of_the_economy_are_those_that_it_has() -> None:
    economy = programs()["all"].setting.arrays.economy
    assert named("`p.base(name)`, money") == set(economy.sectors.data_vars)
    assert named("`p.path(name)`:") == set(economy.paths.data_vars)
    assert named("`p.account(name)`, money") == set(economy.accounts.data_vars)
    [reference] = [row[1] for row in rows("## What `p` offers") if row[0].startswith("`p.reference")]
    assert set(re.findall(r"`(\w+)`", reference)) == set(programs()["all"].setting.reference)


@pytest.mark.parametrize("name", ["what_matters", "price_sides", "alternatives", "flat_directions",
                                  "explain_infeasible", "frontier"])  # fmt: skip
def test_who_takes_blocks(name: str) -> None:
    assert f"`iom.{name}`" in PAGE
    assert "blocks" in inspect.signature(getattr(iom, name)).parameters


def run(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(code, "docs/blocks.md", "exec"), names)
    return names


def test_there_are_two_examples() -> None:
    assert len(CODE) == 2


def test_the_law_binds_as_the_page_says() -> None:
    made = run(CODE[0])
    price, path = made["price"], made["path"]
    assert float(price.sel(year=2027)) == pytest.approx(0, abs=1e-6)
    assert (price.sel(year=slice(2028, None)) < -1e-3).all()
    assert float(price.sel(year=2034)) == pytest.approx(-0.29, abs=0.0051)
    assert "binds in 2028–2035" in made["binding"][0]
    assert made["sides"].regular
    consumption = path.data["household_consumption"].sel(year=slice(2026, 2035)).values
    assert (consumption[1:] / consumption[:-1]).min() == pytest.approx(1.045, abs=1e-6)


def test_the_soft_law_is_paid_as_the_page_says() -> None:
    made = run(CODE[1])
    beyond, path = made["beyond"], made["path"]
    assert float(beyond.sel(year=slice(None, 2031)).max()) == pytest.approx(0, abs=1e-6)
    assert beyond.sel(year=[2032, 2035]).values == pytest.approx([0.09, 0.49], abs=0.0051)
    assert float(made["price"].sel(year=2032)) == pytest.approx(0.15, abs=0.0051)
    weights = iom.build(path.experiment).setting.discount
    np.testing.assert_allclose(made["price"].sel(year=slice(2032, 2035)), 3 * weights[6:10], rtol=1e-5)
    assert weights.sum() == pytest.approx(1)
    coal = path.data["output"].sel(sector="02")
    assert float(coal.sel(year=2035) - 1.6 * coal.sel(year=2020)) == pytest.approx(float(beyond[-1]), abs=1e-5)
    assert path.provenance["sectors"]["02"].startswith("Mining and washing of coal")


def test_parameters_are_parameters() -> None:
    """What the page calls a parameter is one of cvxpy's."""
    setting = programs()["all"].setting
    assert set(setting.targets) == {"package", "reform", "idle_cut"}
    for parameter in (*setting.targets.values(), *setting.margins.values(), *setting.prices.values(), setting.benefit):
        assert isinstance(parameter, cp.Parameter)
