"""A user's own block: ten lines with a law on output, and a clear refusal of every malformed one."""

# ruff: noqa: ARG005 — all functions of a block take the same two arguments

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from official import official

import iomodel as iom
from iomodel.economy import Economy
from iomodel.errors import InfeasibleError, ProgramError
from iomodel.program.block import Block, Law, Term, Values, Var, by_row, by_year
from iomodel.program.build import Program
from iomodel.program.checks import own_blocks
from iomodel.program.setting import Setting
from iomodel.program.solvers import solve_program
from iomodel.program.trajectory import Trajectory

STEEL = "14"


def output_cap(times: float) -> Block:
    """The ten lines: output of smelting (sector 14) at most `times` its base year's."""

    def laws(v: Values, p: Setting) -> Iterable[Law]:
        row = p.place(STEEL)
        yield Law("steel_cap", ("year",), v["output"][row] <= times * p.base("output")[row])

    return Block("steel_cap", laws=laws)


def test_a_users_law_on_output_works_and_binds(china: Economy) -> None:
    """Solved, and kept to the last digits in the path that is reported, which is the simulation's."""
    experiment = official("two-halves").replace(beyond=0)
    free = iom.solve(experiment, china)
    made = free.data["output"].sel(sector=STEEL)
    base = float(made.sel(year=2020))
    times = 0.998 * float(made.sel(year=slice(2026, None)).max()) / base
    path = iom.solve(experiment, china, [output_cap(times)])
    made = path.data["output"].sel(sector=STEEL, year=slice(2026, None))
    assert path.verdict.status == "optimal"
    assert float(made.max()) == pytest.approx(times * base, abs=1e-6)
    assert float(path.shadow_prices["steel_cap"].max()) > 0.1
    assert "steel_cap" in {row.law for row in iom.what_binds(path)}
    assert path.verdict.objective < free.verdict.objective - 1e-3
    assert path.shadow_prices["steel_cap"].dims == ("year",)


def test_a_users_law_that_nobody_touches_changes_nothing(china: Economy, path_of: Callable[..., Trajectory]) -> None:
    path = iom.solve(official("supply-only"), china, [output_cap(10.0)])
    assert path.verdict.objective == pytest.approx(path_of("supply-only").verdict.objective, abs=1e-7)
    assert float(path.shadow_prices["steel_cap"].max()) < 1e-6


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (lambda p: p.base("outputt"), r"p\.base\('outputt'\): the economy has no array by sector .* mean output"),
        (lambda p: p.path("trnd"), r"p\.path\('trnd'\): the economy has no yearly path .* Did you mean trend"),
        (lambda p: p.account("wagess"), r"p\.account\('wagess'\): the economy has no account .* Did you mean wages"),
        (lambda p: p.base(["output"]), r"p\.base\(\['output'\]\): the economy has no array by sector"),
    ],
)
def test_a_name_that_the_economy_does_not_have(china: Economy, asked: Callable[[Setting], Any], text: str) -> None:
    block = Block("own", laws=lambda v, p: [Law("x", ("year",), v["programme"] <= asked(p))])
    with pytest.raises(ProgramError, match=text):
        iom.solve(official("demand-only"), china, [block])


def test_a_users_law_that_cannot_be_met_is_named(china: Economy) -> None:
    with pytest.raises(InfeasibleError, match="steel cap"):
        iom.solve(official("two-halves"), china, [output_cap(0.3)])


def test_a_block_may_bring_variables_expressions_and_goals(china: Economy) -> None:
    """A reserve of plant that somebody wants: a variable, an expression that others may use, a law and a goal term."""
    reserve = Block(
        "reserve",
        variables=lambda _: [Var("reserve", ("industry", "year"), "plant", nonneg=True)],
        expressions=lambda v, p: [("reserve_share", by_row(1 / p.base("capacity")[p.industry], v["reserve"]))],
        laws=lambda v, p: [
            Law("reserve", ("industry", "year"), v["reserve"] <= 0.01 * v["capacity"][:, :-1][p.industry])
        ],
        goal=lambda v, p: [Term("reserve", 0.01 * (p.discount @ (np.ones(p.industry.size) @ v["reserve_share"])))],
    )
    program = iom.build(official("supply-only"), china, [reserve])
    assert program.variables["reserve"].unit == "plant"
    assert program.dims("reserve") == ("region", "industry", "year")
    assert program.laws["reserve"].constraint.shape == (25, 18)
    assert "reserve" in program.terms
    assert solve_program(program).status == "optimal"
    held = np.asarray(program.values["reserve"].value)
    plant = np.asarray(program.values["capacity"].value)[program.setting.industry, :-1]
    assert np.allclose(held, 0.01 * plant, atol=1e-5)


def _refused(china: Economy, message: str, **parts: object) -> None:
    with pytest.raises(ProgramError, match=message):
        iom.build(official("two-halves"), china, [Block("mine", **parts)])  # type: ignore[arg-type]


def test_wrong_shape(china: Economy) -> None:
    """The trap of broadcasting: a column times a vector of years is a matrix."""
    _refused(
        china,
        r"law 'sum' has shape \(42, 18\), its dims \('year',\) mean \(18,\).*by_row or by_year",
        laws=lambda v, _: [Law("sum", ("year",), v["output"] <= 1e3)],
    )
    _refused(
        china,
        r"law 'late' has shape \(18, 18\)",
        laws=lambda v, _: [
            Law("late", ("year",), np.ones((18, 1)) @ v["programme"][None, :] <= 1e3 * np.ones((18, 18)))
        ],
    )


def test_unknown_name_offers_the_nearest(china: Economy) -> None:
    _refused(
        china,
        "no variable or expression is called 'ouput'.*output",
        laws=lambda v, _: [Law("cap", ("sector", "year"), v["ouput"] <= 1e3)],
    )
    _refused(
        china,
        r"the table china-2020 has no sector '140'; its 42 sectors are .+ 42\. Did you mean 40 \(.+\) or 14 \(",
        laws=lambda _, p: [p.place("140")],
    )
    _refused(china, r"no sector 14 \(codes are text\).*Did you mean 14", laws=lambda _, p: [p.place(14)])


def test_declared_twice(china: Economy) -> None:
    _refused(
        china,
        "block 'mine' declares variable 'capacity', which another block has declared already",
        variables=lambda _: [Var("capacity", ("sector", "year"), "plant")],
    )
    _refused(
        china,
        "block 'mine' declares law 'package', which another block",
        laws=lambda v, _: [Law("package", ("year",), v["programme"] <= 1)],
    )
    _refused(
        china,
        "declares goal term 'closing', which another block",
        goal=lambda v, p: [Term("closing", p.discount @ v["programme"])],
    )


def test_not_convex(china: Economy) -> None:
    _refused(
        china,
        "law 'product' is not convex",
        laws=lambda v, _: [Law("product", ("year",), v["programme"] ** 2 >= 1)],
    )
    _refused(
        china,
        "goal term 'mine' is one number and convex",
        goal=lambda v, p: [Term("mine", p.discount @ (v["programme"] ** 2))],
    )
    _refused(
        china,
        r"goal term 'mine' is an array of shape \(18,\)",
        goal=lambda v, _: [Term("mine", v["programme"])],
    )


def test_unknown_dim(china: Economy) -> None:
    _refused(
        china,
        "'mine' has the dim 'years'; allowed are sector, industry, asset, year, start.*year",
        variables=lambda _: [Var("mine", ("years",), "share")],
    )


LAW = r"Law\(name, dims, constraint\)"
MALFORMED: list[tuple[str, dict[str, Any]]] = [
    (
        rf"laws gives Inequality.*, of type Inequality; each entry is {LAW}",
        {"laws": lambda v, p: [v["programme"] <= 1]},
    ),
    (rf"laws gives None, of type NoneType; each entry is {LAW}", {"laws": lambda v, p: [None]}),
    (rf"laws gives True, of type bool; each entry is {LAW}", {"laws": lambda v, p: [True]}),
    (rf"laws returns nothing \(None\); return a list of {LAW}, or yield each", {"laws": lambda v, p: None}),
    ("laws returns True; return a list", {"laws": lambda v, p: True}),
    ("laws returns Law.*; return a list", {"laws": lambda v, p: Law("x", ("year",), v["programme"] <= 1)}),
    (r"laws takes \(v\); it is called with \(v, p\)", {"laws": lambda v: []}),
    (r"variables takes \(v, p\); it is called with \(p\)", {"variables": lambda v, p: []}),
    (r"goal returns nothing \(None\); return a list of Term", {"goal": lambda v, p: None}),
    ("goal term 'x' is 3.0, no expression", {"goal": lambda v, p: [Term("x", 3.0)]}),  # type: ignore[arg-type]
    (r"expressions gives .*; each entry is \(name, expression\)", {"expressions": lambda v, p: [v["output"]]}),
    ("expression 'output', which another", {"expressions": lambda v, p: [("output", v["output"])]}),
    ("expression 'capacity', which another", {"expressions": lambda v, p: [("capacity", v["output"])]}),
    ("constraint of law 'x' is True, a bool", {"laws": lambda v, p: [Law("x", ("year",), True)]}),  # type: ignore[arg-type]
    (
        "bound of law 'x' is 'up'; allowed",
        {"laws": lambda v, p: [Law("x", ("year",), v["programme"] <= 1, bound="up")]},
    ),
    (
        r"law 'x' is an equality \(==\), its bound 'upper'; write bound=\"equal\"",
        {"laws": lambda v, p: [Law("x", ("year",), v["programme"] == 1)]},
    ),
    (
        r"law 'x' is no equality, its bound 'equal'; write bound=\"upper\" or \"lower\"",
        {"laws": lambda v, p: [Law("x", ("year",), v["programme"] <= 1, bound="equal")]},
    ),
    (r"dims of 'x' are 'year'; write a tuple", {"laws": lambda v, p: [Law("x", "year", v["programme"] <= 1)]}),  # type: ignore[arg-type]
    (
        r"law 'x' holds a number that is not finite \(NaN or inf\)",
        {"laws": lambda v, p: [Law("x", ("year",), v["programme"] <= np.full(p.years, np.nan))]},
    ),
    (
        "goal term 'x' holds a number that is not finite",
        {"goal": lambda v, p: [Term("x", -np.inf * v["programme"][0])]},
    ),
    (
        "laws fails: ValueError: .*shape",
        {"laws": lambda v, p: [Law("x", ("year",), v["programme"] <= p.base("output"))]},
    ),
]


@pytest.mark.parametrize(("message", "parts"), MALFORMED, ids=[message[:40] for message, _ in MALFORMED])
def test_what_is_malformed_is_one_error_that_names_the_block(
    china: Economy, message: str, parts: dict[str, Any]
) -> None:
    _refused(china, f"block 'mine'.*{message}", **parts)


def test_blocks_are_a_list_of_blocks() -> None:
    with pytest.raises(ProgramError, match="blocks holds 'steel', which is no block"):
        own_blocks(["steel"])
    with pytest.raises(ProgramError, match="blocks is the block 'steel_cap' itself; blocks is a list"):
        own_blocks(output_cap(1.0))
    for wrong in ("steel", None):
        with pytest.raises(ProgramError, match=f"blocks is {wrong!r}; blocks is a list"):
            own_blocks(wrong)
    with pytest.raises(ProgramError, match="block 'mine' has nothing in it; give it one or more of variables"):
        Block("mine")
    with pytest.raises(ProgramError, match="block 'mine': laws is 3; give a function of v, p"):
        Block("mine", laws=3)  # type: ignore[arg-type]
    with pytest.raises(ProgramError, match="a block's name is ''"):
        Block("", laws=lambda v, p: [])


def test_a_program_is_shown_in_one_line(solved_program: Callable[..., Program]) -> None:
    shown = repr(solved_program("two-halves"))
    assert shown.startswith("Program(CHN, ")
    assert "laws)" in shown
    assert len(shown) < 100


def test_helpers_keep_the_shape(solved_program: Callable[..., Program]) -> None:
    program = solved_program("two-halves")
    output, p = program.values["output"], program.setting
    rows, years = by_row(np.arange(42.0), output), by_year(np.arange(18.0), output)
    assert rows.shape == years.shape == (42, 18)
    assert np.allclose(rows.value, np.arange(42.0)[:, None] * output.value)
    assert np.allclose(years.value, np.arange(18.0)[None, :] * output.value)
    with pytest.raises(ValueError, match=r"cannot reshape|could not be broadcast|into shape"):
        by_row(np.arange(18.0), output)
    assert p.place(STEEL) == 13


def test_every_law_has_the_shape_of_its_labels(solved_program: Callable[..., Program]) -> None:
    program = solved_program("best-path")
    for name, law in program.laws.items():
        labels = program.labels(law)
        assert law.constraint.shape == tuple(len(labels[dim]) for dim in law.dims), name
        assert law.unit
    for name, variable in program.variables.items():
        assert variable.unit, name
