"""What collides: planted conflicts whose minimal sets and remedies are known, checked by a formulation of their own."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import cvxpy as cp
import numpy as np
import pytest
from official import official

import iomodel as iom
from iomodel.answers.explain import explained
from iomodel.answers.remedies import Case, Remedies, _limit_knobs, remedies_of
from iomodel.economy import Economy
from iomodel.errors import InfeasibleError, SolverError
from iomodel.experiment import Experiment
from iomodel.experiment_parts import LIMITS
from iomodel.program.block import Block, Law, Term, Var
from iomodel.program.build import Program, assemble
from iomodel.program.conflicts import Collision, collision_of, proofs
from iomodel.program.diagnose import ACCOUNTING
from iomodel.program.feasibility import Answer, Model, _off, model_of, proof_of, second_opinion
from iomodel.program.relaxed import POSSIBLE, relax
from iomodel.program.setting import MASKS
from iomodel.program.solvers import solve_program
from iomodel.program.unbounded import runaway
from iomodel.program.wording import described


def _years(first: int, last: int) -> tuple[str, ...]:
    return tuple(str(year) for year in range(first, last + 1))


def _hard(value: float, by: int = 8) -> dict[str, object]:
    return {"exactly": value, "by": by, "hard": True}


def _asked(name: str) -> Experiment:
    """Experiments with one or two planted conflicts; short horizons keep them quick."""
    demand = official("demand-only").replace(beyond=0)
    reform = official("supply-only").replace(targets={}, free=("reform",), beyond=0)
    both = demand.replace(free=("programme", "reform"))
    return {
        "package": demand.set("targets.package", _hard(9.0)),
        "reform": reform.set("targets.reform", _hard(0.5, 3)),
        "debt": demand.set("targets.package", _hard(4.0)).set("limits.debt_ceiling.margin", 2.0),
        "two": both.set("targets.package", _hard(15.0)).set("targets.reform", _hard(0.5, 3)),
        "none": demand.set("targets.package", _hard(4.0)),
    }[name]


@pytest.fixture(scope="module")
def found(china: Economy) -> Callable[[str], tuple[Program, Collision]]:
    """Name of a planted case -> its program and what collides there."""

    @cache
    def of(name: str) -> tuple[Program, Collision]:
        program = iom.build(_asked(name), china)
        collision = collision_of(program)
        assert collision is not None
        return program, collision

    return of


@pytest.fixture(scope="module")
def mended(china: Economy, found: Callable[[str], tuple[Program, Collision]]) -> Callable[[str], Remedies]:
    """Name of a planted case -> its remedies."""

    @cache
    def of(name: str) -> Remedies:
        program, collision = found(name)
        return remedies_of(Case(_asked(name), china, program), collision)

    return of


SETS = {
    "package": [{"package": _years(2033, 2033), "programme_pace": _years(2026, 2033)}],
    "reform": [{"reform": _years(2028, 2028), "reform_pace": _years(2026, 2028)}],
    "two": [
        {"package": _years(2033, 2033), "programme_pace": _years(2026, 2033)},
        {"reform": _years(2028, 2028), "reform_pace": _years(2026, 2028)},
    ],
}
"""The minimal sets, known by arithmetic: 9 or 15 points need more than eight steps of 0.6, half the drive more than
three of a tenth."""


@pytest.mark.parametrize("name", list(SETS))
def test_planted_conflicts_are_found_whole_and_minimal(
    name: str, found: Callable[[str], tuple[Program, Collision]]
) -> None:
    _, collision = found(name)
    sets = [{member.law: member.years for member in conflict.members} for conflict in collision.conflicts]
    assert sorted(sets, key=str) == sorted(SETS[name], key=str)
    for conflict in collision.conflicts:
        assert conflict.confirmed
        assert conflict.needed == conflict.entries == sum(len(member.years) for member in conflict.members)
        assert conflict.margin > 0.9
        assert conflict.second_margin > 0.9


def test_laws_without_which_there_is_a_path(found: Callable[[str], tuple[Program, Collision]]) -> None:
    assert set(found("package")[1].alone) == {"package", "programme_pace"}
    assert found("two")[1].alone == ()


def test_conflicts_that_share_a_law_are_both_found(china: Economy) -> None:
    """Half the drive in three years is beyond its pace and a law of the user's own: only asking for less helps."""
    own = Block("own", laws=lambda v, _: [Law("own_limit", ("year",), v["reform"] <= 0.4, "share of the drive")])
    collision = collision_of(iom.build(_asked("reform"), china, [own]))
    assert collision is not None
    sets = [{member.law: member.years for member in conflict.members} for conflict in collision.conflicts]
    assert len(sets) == 2
    assert {"reform": _years(2028, 2028), "own_limit": _years(2028, 2028)} in sets
    assert {"reform": _years(2028, 2028), "reform_pace": _years(2026, 2028)} in sets
    assert collision.alone == ("reform",)


def _rows(program: Program, kept: set[tuple[str, str]]) -> Iterator[cp.Constraint]:
    """Accounting, what is possible, and single years of laws, written anew from their two sides."""
    for name, law in program.laws.items():
        if name in ACCOUNTING:
            yield law.constraint
            continue
        left, right = law.constraint.args
        for place, year in enumerate(program.labels(law)["year"]):
            if (name, str(year)) in kept:
                over = (left - right)[..., place]
                yield over == 0 if law.bound == "equal" else over <= 0
    yield program.values["output"] >= 0
    yield program.values["unemployed"] >= 0
    yield program.values["household_consumption"] >= program.values["overflow_imports"]
    yield program.values["capacity"] >= 0
    if "reform" in program.variables:
        yield program.values["reform"] <= 1


def _solvable(program: Program, kept: set[tuple[str, str]]) -> bool:
    problem = cp.Problem(cp.Minimize(0), list(_rows(program, kept)))
    problem.solve(solver="CLARABEL", direct_solve_method="qdldl")
    return problem.status == cp.OPTIMAL


@pytest.mark.parametrize("name", ["package", "reform"])
def test_a_conflict_is_irreducible_in_another_formulation(
    name: str, found: Callable[[str], tuple[Program, Collision]]
) -> None:
    program, collision = found(name)
    kept = {(member.law, year) for member in collision.conflicts[0].members for year in member.years}
    assert not _solvable(program, kept)
    ends = sorted(kept)[:: max(1, len(kept) // 3)]
    for one in ends:
        assert _solvable(program, kept - {one}), one


def test_a_debt_ceiling_against_a_package(found: Callable[[str], tuple[Program, Collision]]) -> None:
    """Four points on debt lead the debt 13 points off: two are allowed."""
    _, collision = found("debt")
    assert {"package", "debt_ceiling"} <= collision.conflicts[0].laws
    assert collision.conflicts[0].confirmed
    assert {"package", "debt_ceiling"} <= set(collision.alone)


def test_the_smallest_breach_is_by_what_the_pace_leaves(found: Callable[[str], tuple[Program, Collision]]) -> None:
    """Reform: the value may miss by 0.2 of 0.5, or the pace be passed by 0.2 once: the value is the larger law."""
    _, collision = found("reform")
    assert {breach.law for breach in collision.breaches} <= {"reform", "reform_pace"}
    assert sum(breach.amount for breach in collision.breaches) == pytest.approx(0.2, abs=1e-6)


def test_no_collision_where_there_is_a_path(china: Economy) -> None:
    program = iom.build(_asked("none"), china)
    assert collision_of(program) is None
    assert proofs(program) == (0.0, 0.0)


def test_two_proofs_where_there_is_none(found: Callable[[str], tuple[Program, Collision]]) -> None:
    assert min(proofs(found("package")[0])) > 0.9


def test_a_proof_is_added_up_and_not_believed(found: Callable[[str], tuple[Program, Collision]]) -> None:
    """The multipliers of HiGHS prove that there is no path; moved by a thousandth, or for laws dropped, they do not."""
    relaxed = relax(found("package")[0], ACCOUNTING)
    laws = ~relaxed.mask(POSSIBLE)
    answer = model_of(relaxed).ask(laws)
    assert not answer.feasible
    assert proof_of(relaxed, laws, answer.rows)[0] > 0.9
    noise = np.random.default_rng(0).normal(size=answer.rows.size)
    assert proof_of(relaxed, laws, answer.rows + 1e-3 * np.abs(answer.rows).max() * noise)[0] == 0
    assert proof_of(relaxed, laws & ~relaxed.mask("package"), answer.rows)[0] == 0
    assert second_opinion(relaxed, laws & ~relaxed.mask("package"))[0] == "feasible"


# ---------------------------------------------------------------- remedies


def test_what_cannot_be_decided_without_a_law_keeps_it(china: Economy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The collision is found all the same, with that law in it, and said not to be confirmed."""
    program, ask = iom.build(_asked("package"), china), Model.ask
    relaxed = relax(program, ACCOUNTING)

    pace = relaxed.laws["programme_pace"]
    needed = np.arange(relaxed.rows.size)[pace.places][pace.years == "2030"]

    def silent(model: Model, kept: np.ndarray) -> Answer:
        if not kept[needed].all():
            raise SolverError("neither a path nor a proof")
        return ask(model, kept)

    monkeypatch.setattr(Model, "ask", silent)
    collision = collision_of(program)
    assert collision is not None
    assert {"package", "programme_pace"} <= set(collision.conflicts[0].laws)
    assert collision.conflicts[0].margin > 0.9
    assert not collision.conflicts[0].confirmed


def test_remedies_are_feasible_and_a_little_less_is_not(mended: Callable[[str], Remedies], china: Economy) -> None:
    remedies = mended("package").alone
    value = next(remedy.changes["targets.package.exactly"] for remedy in remedies
                 if "targets.package.exactly" in remedy.changes)  # fmt: skip
    asked = _asked("package")
    assert iom.solve(asked.set("targets.package.exactly", value), china).verdict.status == "optimal"
    try:  # a hundredth more has no path, or none that is solved to the same standard
        more = iom.solve(asked.set("targets.package.exactly", round(value + 0.01, 2)), china).verdict.status
    except InfeasibleError:
        more = "infeasible"
    assert more != "optimal"
    with pytest.raises(InfeasibleError):
        iom.solve(asked.set("targets.package.exactly", value + 1), china)
    assert 4.5 < value < 6
    # Eight steps of the most that the card allows, 1 point, are less than 9.
    assert china.cards.card("programme_ramp").high == 1
    assert "cards.programme_ramp from 0.3 to 1" in mended("package").helpless
    assert not any("cards.programme_ramp" in remedy.changes for remedy in remedies)


def test_a_margin_is_that_of_the_experiment_and_not_of_the_program(china: Economy) -> None:
    """A built program that is solved again with another margin keeps the one that it was built with."""
    asked = _asked("debt")
    program = iom.build(asked.set("limits.debt_ceiling.margin", 20.0), china)
    (knob, *_) = _limit_knobs(Case(asked, china, program), "debt_ceiling")
    assert knob.now == 2.0
    free = asked.set("limits.debt_ceiling", {})
    (knob, *_) = _limit_knobs(Case(free, china, program), "debt_ceiling")
    assert knob.now == china.cards[LIMITS["debt_ceiling"]]


def test_a_relaxed_case_has_all_stops_and_valves_of_its_program(china: Economy) -> None:
    """Each mask takes or makes a law or changes a number: the linear program must be laid with all of them."""
    asked = _asked("package")
    program = iom.build(asked, china)
    years = np.zeros(program.setting.years, dtype=bool)
    years[3] = True
    cells = np.zeros((program.setting.arrays.industry.size, years.size), dtype=bool)
    cells[2, 4] = True
    for name in MASKS:
        mask = cells if name in ("stopped", "held") else years
        like = assemble(replace(program.setting, **{name: mask}), program.blocks)
        for made in (Case(asked, china, program).relaxed({}, like), Case(asked, china, like).relaxed({})):
            assert np.array_equal(made.program.setting.masks[name], mask), name
            own, plain = relax(like, ACCOUNTING), relax(program, ACCOUNTING)
            assert made.alike(own)
            assert abs(made.matrix - own.matrix).max() == 0
            assert not (made.alike(plain) and abs(made.matrix - plain.matrix).max() == 0), f"{name} changes nothing"


def test_two_conflicts_need_two_changes(mended: Callable[[str], Remedies], china: Economy) -> None:
    found = mended("two")
    assert found.alone == ()
    assert found.together
    changed = _asked("two")
    assert {key.split(".")[1] for key in found.together[0].changes} == {"package", "reform"}
    for key, value in found.together[0].changes.items():
        changed = changed.set(key, value)
    assert iom.solve(changed, china).verdict.status == "optimal"
    assert " together with " in found.together[0].text


# ---------------------------------------------------------------- texts


def test_the_error_says_what_collides_and_the_text_what_mends_it(china: Economy) -> None:
    """Three steps of a tenth reach 0.3, five years 0.5, and 0.5 in three years needs a pace of a sixth."""
    asked = _asked("reform")
    with pytest.raises(InfeasibleError) as caught:
        iom.solve(asked, china)
    said = str(caught.value).splitlines()
    assert said[:4] == [
        "supply-only: No path meets all laws.",
        "What collides, each part of it needed:",
        "  reform in 2028 (targets.reform: exactly 0.5 of the drive from 2028 on, hard)",
        "  reform pace in 2026–2028 (cards.reform_pace = 0.1 share of the drive per year)",
    ]
    assert said[4] == "The smallest breach, each law in units of its size:"
    assert all("by up to" in line for line in said[5:])
    text = explained(caught.value, asked, china)
    assert text.startswith(str(caught.value))
    lines = text.splitlines()[len(said) :]
    assert lines[:3] == [
        "Feasible with any one of these, each checked by solving with it:",
        "  targets.reform.exactly ≤ 0.3 of the drive (now 0.5)",
        "  targets.reform by year 5 of policy (2030) or later (by = 5)",
    ]
    assert lines[3].startswith("  targets.reform not hard (hard = false); reform is missed by up to 0.2 of the drive")
    assert lines[4:] == ["  cards.reform_pace ≥ 0.167 share of the drive per year (now 0.1)"]
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert explained(again, asked, china) == str(again)  # without its program there is nothing to search


def test_a_feasible_experiment_is_said_to_be_feasible(china: Economy) -> None:
    assert iom.explain_infeasible(_asked("none"), china).startswith("demand-only is feasible: optimal")
    assert "no free lever" in iom.explain_infeasible(official("business-as-usual"), china)


def test_hard_in_a_file_is_hard(tmp_path: Path, china: Economy) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'base = "demand-only"\ntable = "china-2020"\n[horizon]\nbeyond = 0\n'
        "[targets]\npackage = {exactly = 15, by = 8, hard = true}\n",
        encoding="utf-8",
    )
    with pytest.raises(InfeasibleError, match="exactly 15 points of GDP from 2033 on, hard"):
        iom.solve(iom.load_experiment(file), china)
    soft = iom.solve(iom.load_experiment(file).set("targets.package.hard", False), china)
    assert any(text.startswith("package is missed by up to") for text in soft.verdict.warnings)


def test_a_users_law_with_a_cone_can_collide(china: Economy) -> None:
    """4 points of GDP against programme + programme² ≤ 1: a law that is no row of a linear program."""
    curved = Block(
        "own", laws=lambda v, _: [Law("curved", ("year",), v["programme"] + cp.square(v["programme"]) <= 1.0)]
    )
    collision = collision_of(iom.build(_asked("none"), china, [curved]))
    assert collision is not None
    assert [member.law for member in collision.conflicts[0].members] == ["package", "curved"]
    assert collision.conflicts[0].members[0].years == ("2033",)
    # The proof is added up through the cones, by two solves.
    assert collision.conflicts[0].confirmed
    assert collision.conflicts[0].margin > 0.9


def test_points_and_proofs_are_looked_at_through_cones(china: Economy) -> None:
    """Multipliers outside the cones prove nothing, and a point outside them is no path."""
    curved = Block(
        "own", laws=lambda v, _: [Law("curved", ("year",), v["programme"] + cp.square(v["programme"]) <= 1.0)]
    )
    relaxed = relax(iom.build(_asked("none"), china, [curved]), ACCOUNTING)
    laws = ~relaxed.mask(POSSIBLE)
    answer = model_of(relaxed).ask(laws)
    assert not answer.feasible
    assert relaxed.curved
    assert not relaxed.other
    assert proof_of(relaxed, laws, answer.rows)[0] > 0.9
    flat = answer.rows.copy()
    for size in np.cumsum((0, *relaxed.curved[:-1])):
        flat[relaxed.linear + size] = 0.0  # the heads of all cones
    assert np.abs(flat[relaxed.linear :]).max() > 0
    assert proof_of(relaxed, laws, flat)[0] > 0.9  # the head follows from the rest
    flat[relaxed.linear :] *= -1.0
    assert proof_of(relaxed, laws, flat)[0] == 0
    dropped = model_of(relaxed).ask(laws & ~relaxed.mask("package"))
    assert dropped.feasible
    assert _off(relaxed, dropped.point) < 1e-6
    bound = relaxed.bound.copy()
    bound[relaxed.linear] -= 100.0  # the first head is far below its rest
    assert _off(replace(relaxed, bound=bound), dropped.point) > 0.1


def test_a_conflict_through_another_cone_is_not_confirmed(china: Economy) -> None:
    """e to the programme at most 2: no proof is added up through an exponential cone, and the text says so."""
    own = Block("own", laws=lambda v, _: [Law("curved", ("year",), cp.exp(v["programme"]) <= 2.0)])
    program = iom.build(_asked("none"), china, [own])
    collision = collision_of(program)
    assert collision is not None
    (conflict,) = collision.conflicts
    assert conflict.laws == {"package", "curved"}
    assert conflict.margin == 0
    assert not conflict.confirmed
    assert "(not confirmed: no proof that it has no path stands, only the solver's word)" in described(
        program, collision
    )


def test_a_law_of_one_number_has_no_years_in_words(china: Economy) -> None:
    own = Block("own", laws=lambda v, _: [Law("once", (), v["programme"][7] <= 1.0)])
    program = iom.build(_asked("none"), china, [own])
    collision = collision_of(program)
    assert collision is not None
    assert collision.conflicts[0].laws == {"package", "once"}
    lines = described(program, collision).splitlines()
    assert "  once" in lines
    assert any(line.startswith("  once: by up to ") for line in lines)


# ---------------------------------------------------------------- what was used, and what runs away


def test_what_was_used_is_listed_with_its_cost(china: Economy) -> None:
    """Six points are missed and a soft ceiling is passed; each cost is its price times the discounted amounts."""
    asked = official("demand-only").replace(beyond=0).set("targets.package.exactly", 6.0)
    path = iom.solve(asked.set("limits.debt_ceiling", {"margin": 5, "soft": 0.5}), china)
    used = {entry["name"]: entry for entry in path.provenance["used"]}
    assert {"package", "debt_ceiling"} <= set(used)
    weight = china.cards["discount"] ** np.arange(1, 11)
    weight /= weight.sum()
    gdp = path.data["gdp"].sel(year=path.policy_years).values
    for name, price in (("package", china.cards["weight_missed"]), ("debt_ceiling", 0.5)):
        places = np.array(used[name]["years"]) - 2026
        cost = price * float((weight * gdp)[places] @ np.array(used[name]["amounts"])) / 100
        assert used[name]["cost"] == pytest.approx(cost, rel=1e-4), name
        text = next(text for text in path.verdict.warnings if text.startswith(f"{name} is "))
        assert f"by up to {max(used[name]['amounts']):.3g} points of GDP" in text
        assert f"which the goal counts as {cost:.2g} percent of base-year GDP a year" in text
    assert path.reference is not None
    over = (path.data["public_debt_share"] - path.reference["public_debt_share"]).sel(year=path.policy_years) - 5
    assert max(used["debt_ceiling"]["amounts"]) == pytest.approx(float(over.max()), abs=1e-3)
    hard = iom.solve(asked.set("targets.package", _hard(4.0)), china)
    assert not [entry for entry in hard.provenance["used"] if entry["name"] == "package"]


def test_the_variable_that_runs_away_is_named(china: Economy) -> None:
    hoard = Block(
        "own",
        variables=lambda _: [Var("hoard", ("year",), "percent of base-year GDP")],
        laws=lambda v, _: [Law("hoard_small", ("year",), v["hoard"][:5] <= 1.0, where={"year": np.arange(2026, 2031)})],
        goal=lambda v, p: [Term("hoarding", 0.01 * (p.discount @ v["hoard"]))],
    )
    with pytest.raises(SolverError) as caught:
        iom.solve(_asked("none"), china, [hoard])
    text = str(caught.value)
    assert "the program is unbounded. hoard rises without end in 2031–2035, and the goal rises with it" in text
    assert "by the term 'hoarding'" in text
    assert "No law holds hoard from above" in text
    program = iom.build(_asked("none"), china, [hoard])
    assert solve_program(program).status == "unbounded"


def test_where_the_direction_is_not_found_it_is_said(china: Economy, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise cp.SolverError("numerical problems")

    program = iom.build(_asked("none"), china)
    monkeypatch.setattr(cp.Problem, "solve", fails)
    assert runaway(program).startswith("No direction was found along which the goal rises for ever")
