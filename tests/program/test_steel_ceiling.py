"""A block of a user's own that collides by a hair, or only with what the simulation does: said so, and proven."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from official import official

import iomodel as iom
from iomodel import solving
from iomodel.economy import Economy
from iomodel.errors import InfeasibleError, SolverError
from iomodel.program import feasibility
from iomodel.program.block import Block, Law, Values
from iomodel.program.conflicts import collision_of
from iomodel.program.feasibility import Answer
from iomodel.program.relaxed import Array, Mask, Relaxed
from iomodel.program.setting import Setting
from iomodel.program.solvers import solve_program


def _steel(times: float) -> Block:
    """Output of metals stays below a multiple of the base year's."""

    def laws(v: Values, p: Setting) -> Iterator[Law]:
        yield Law("steel_ceiling", ("year",), v["output"][p.place("14")] <= times * p.base("output")[p.place("14")])

    return Block("steel", laws=laws)


class _FoundError(Exception):
    """Ends a search, which goes on for half a minute, at the first collision that only exact multipliers prove."""

    def __init__(self, rough: float, answer: Answer) -> None:
        super().__init__()
        self.rough, self.answer = rough, answer


def test_a_collision_by_a_hair_is_proven(china: Economy, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the way the laws left collide by a ten-thousandth of a percent of GDP: a solver's multipliers show nothing."""
    exact = feasibility._by_exact

    def stopped(relaxed: Relaxed, kept: Mask, point: Array, rows: Array, price: float) -> Answer | None:
        answer = exact(relaxed, kept, point, rows, price)
        if answer is not None:
            raise _FoundError(feasibility.proof_of(relaxed, kept, rows)[0], answer)
        return answer

    monkeypatch.setattr(feasibility, "_by_exact", stopped)
    program = iom.build(official("best-path"), china, [_steel(1.7)])
    assert solve_program(program).status == "infeasible"
    with pytest.raises(_FoundError) as found:
        collision_of(program)
    assert found.value.rough == 0
    assert found.value.answer.margin > 0.99
    assert 0 < found.value.answer.price < 1e-3


@pytest.mark.slow
def test_such_a_collision_is_named_and_confirmed(china: Economy) -> None:
    with pytest.raises(InfeasibleError) as said:
        iom.solve(official("best-path"), china, [_steel(1.7)])
    assert all(conflict.confirmed for conflict in said.value.collision.conflicts)
    assert "  steel ceiling in " in str(said.value)
    assert "(not confirmed" not in str(said.value)


def test_a_search_without_an_answer_names_the_experiment_and_what_to_try(
    china: Economy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object) -> Answer:
        raise SolverError("the search for laws in conflict found nothing")

    monkeypatch.setattr(feasibility.Model, "ask", silent)
    with pytest.raises(
        SolverError, match=r"^best-path: the solver says that no path meets all laws, but the search"
    ) as said:
        iom.solve(official("best-path"), china, [_steel(1.7)])
    for part in ("Loosen what was asked last", "by one percent", "hard = false", "soft = 1", "clarabel"):
        assert part in str(said.value)
    assert said.value.status == "failed"


def test_what_the_simulation_does_not_do_is_said_first(china: Economy) -> None:
    best, block = official("best-path"), _steel(2.1)
    assert solve_program(iom.build(best, china, [block])).status == "optimal"
    with pytest.raises(InfeasibleError) as said:
        iom.solve(best, china, [block])
    lines = str(said.value).splitlines()
    assert lines[0] == "best-path: No path meets all laws."
    assert lines[1].startswith(
        "A path that meets all laws exists only with rationing in 2045–2047 while labour is idle"
    )
    assert lines[1].endswith(", which the simulation does not do.")
    assert lines[2].startswith("Taken as the simulation has it: ")
    assert "overflow imports shut in 2042–2047" in lines[2]
    assert lines[3].startswith("What collides, ")
    program = said.value.program
    alone = {name: mask if name == "served" else mask & False for name, mask in program.setting.masks.items()}
    assert solve_program(solving.laid_again(program, **alone)).status == "infeasible"
    assert collision_of(solving.laid_again(program, **{name: mask & False for name, mask in alone.items()})) is None
