"""One trial of each kind: what the product says beside what is known, and every disagreement in words."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import iomodel as iom
from certifying.behaved import path_of_the_simulation
from certifying.collision import Collision, planted_collision
from certifying.draws import Case, drawn
from certifying.lawbook import LawBook, lawbook
from certifying.lies import HIDDEN, LIES, hiding_block, lying
from certifying.planted import planted_optimum
from certifying.proof import farkas_margin, infeasible_by_highs, repaired, shortened
from certifying.regret import TOLERANCE, doubts
from iomodel.course import course_of, setting_of
from iomodel.errors import InfeasibleError, SolverError
from iomodel.program.build import Program, assemble
from iomodel.program.solvers import MOREAU, solve_program
from iomodel.solving import replayed, settled

SAME_GOAL = 1e-6
"""Largest distance of two values of one goal, relative to one plus its size."""

SAME_PATH = 2e-3
"""Largest distance of two paths of one optimum in percent of base-year GDP: where the goal is flat, a difference in the
goal of 1e-9 of it leaves so much."""

SAME_POINT = 2e-3
"""The same for a planted point and its multipliers, relative to the size of each."""

REPLAYED = 1e-3
"""Largest distance of consumption between program and simulation, percent of base-year GDP."""

COMPARED = ("household_consumption", "in_kind_spending", "gdp", "unemployed", "public_debt", "firm_debt", "investment")


@dataclass
class Report:
    """What a trial found; reasons, empty when there are none, and facts.

    wrong: a verdict or number that is not what is known; where an answer is planted, "inaccurate" and "failed" are
    wrong, too. uncertified: an optimum, or a proof of infeasibility, that our own check does not bear out. inaccurate:
    the product says so itself of a plain draw, whose answer nobody knows; it is listed and does not fail.
    """

    run: int
    kind: str
    seed: int = 0
    table: str = ""
    policy: str = ""
    verdict: str = ""
    wrong: list[str] = field(default_factory=list)
    uncertified: list[str] = field(default_factory=list)
    inaccurate: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


def trial(run: int, seed: int = 0) -> Report:
    """Draw a run, try it and report."""
    started = time.perf_counter()
    case = drawn(run, seed)
    name, table = case.experiment.name.rsplit(" ", 1)[0], case.experiment.table
    report = Report(run, case.kind, seed, table, name, facts={"refused": case.refused})
    {"plain": _plain, "optimum": _optimum, "infeasible": _infeasible}[case.kind](case, report)
    report.seconds = round(time.perf_counter() - started, 3)
    return report


def judged(program: Program, report: Report, what: str, book: LawBook | None = None, known: str = "") -> str:
    """The product's word on a program, noted; a word that our own certificate does not bear out is uncertified.

    known: what is known of the program, so that it is wrong to have no verdict."""
    verdict = solve_program(program)
    if verdict.remedies:
        report.facts.setdefault("remedies", []).append(f"{what}: {'; '.join(verdict.remedies)}")
    if verdict.status not in ("optimal", "infeasible", "unbounded"):
        (report.wrong if known else report.inaccurate).append(f"{what}{known and f' {known}'}: {verdict}")
    if verdict.status == "optimal":
        _certified(program, what, report, book)
    return verdict.status


def _certified(program: Program, what: str, report: Report, book: LawBook | None = None) -> None:
    """Our own certificate of the optimum that a program holds, noted."""
    found = doubts(book or lawbook(program))
    worst = max(found, key=lambda name: found[name])
    report.facts[f"doubt of {what}"] = found[worst]
    if not found[worst] <= TOLERANCE:
        report.uncertified.append(f"{what}: {worst} {found[worst]:.1e}")


# ---------------------------------------------------------------- plain random draws


def _plain(case: Case, report: Report) -> None:
    """The verdict and path beside those of another form or solver, of HiGHS, and of the simulation."""
    program = iom.build(case.experiment, case.economy)
    book = lawbook(program)
    report.verdict = judged(program, report, "reduced form", book=book)
    _replayed(case, program, report)
    if report.verdict in ("inaccurate", "failed"):
        return
    name, other, second = _second_opinion(case, book, report)
    if second != report.verdict:
        report.wrong.append(f"{report.verdict}, but {name} says {second}")
    elif second == "optimal":
        _compare(program, other, name, report)
    if report.verdict == "infeasible":
        _confirm(book, report, 1e4)
    elif infeasible_by_highs(book):
        report.wrong.append(f"{report.verdict}, but HiGHS finds no point that meets the laws")


def _second_opinion(case: Case, book: LawBook, report: Report) -> tuple[str, Program, str]:
    """The verdict of moreau in every second trial, else, or where moreau is not accurate enough, of the plain form."""
    if case.run % 2 and MOREAU.installed:
        other = iom.build(case.experiment, case.economy)
        verdict = solve_program(other, "moreau")
        if verdict.status in ("optimal", "infeasible", "unbounded"):
            if verdict.status == "optimal":
                _certified(other, "moreau", report, book.moved(np.zeros(book.bound.size), other))
            return "moreau", other, verdict.status
        report.facts["second opinion"] = f"moreau: {verdict}"
    other = iom.build(case.experiment, case.economy, form="plain")
    return "the plain form", other, judged(other, report, "plain form")


def _compare(program: Program, other: Program, name: str, report: Report) -> None:
    """Two optima of one program: the same goal and path."""
    goals = [float(one.problem.objective.args[0].value) for one in (program, other)]
    if abs(goals[0] - goals[1]) > SAME_GOAL * (1 + abs(goals[0])):
        report.wrong.append(f"goal {goals[0]:.9g}, by {name} {goals[1]:.9g}")
    for variable in COMPARED:
        apart = float(np.abs(program.values[variable].value - other.values[variable].value).max())
        report.facts["apart"] = max(apart, report.facts.get("apart", 0.0))
        if apart > SAME_PATH:
            report.wrong.append(f"{variable} is {apart:.1e} apart from {name}'s")


def _replayed(case: Case, program: Program, report: Report) -> None:
    """What `iomodel.solve` does, in its two steps: the last program, which may have other stops and valves than the
    first, is certified, too, and the path, whose numbers are a simulation's, stands beside this program's own."""
    course = course_of(case.experiment, case.economy)
    try:
        last, verdict = settled(course, assemble(setting_of(course, "reduced")))
        path = replayed(course, last, verdict)
    except InfeasibleError as error:
        if report.verdict == "optimal":
            _no_path(case, beyond_the_simulation(program), str(error), report)
        return
    except SolverError as error:
        report.inaccurate.append(f"solve: {error}")
        return
    if report.verdict == "infeasible":
        report.wrong.append(f"infeasible, but solve says {path.verdict.status}")
        return
    report.facts["replay"] = path.verdict.replay_distance
    if path.verdict.status != "optimal":
        report.inaccurate.append(f"solve: {path.verdict}")
        report.facts["simulated"] = "not compared"
        return
    report.facts["simulated"] = "settled again" if other_laws(last) else "the first program"
    if other_laws(last):
        _certified(last, "settled program", report)
    told = path.data["household_consumption"].sel(year=path.policy_years).values
    apart = float(np.abs(told - last.values["household_consumption"].value[: told.size]).max())
    if apart > REPLAYED:
        report.wrong.append(f"consumption of the simulation is {apart:.1e} from the program's")


def _no_path(case: Case, broken: str, error: str, report: Report) -> None:
    """`solve` ends without a path although the first program has an optimum: right only if that is none of the
    simulation's and a search over all that the simulation could do finds none either."""
    found = path_of_the_simulation(case) if broken else True
    said = f"optimal ({broken or 'a path of the simulation'}), but solve ends: {error}"
    if found:
        report.wrong.append(f"{said}; a path of the simulation meets the laws")
    elif found is None:
        report.inaccurate.append(f"{said}; whether the simulation has a path could not be said")
    report.facts["simulated"] = "no path of the simulation, and none found by switches" if found is False else said


def other_laws(program: Program) -> bool:
    """Whether a program was laid with stops or valves, so that it is not the first one."""
    p = program.setting
    return any(np.any(mask) for mask in (p.stopped, p.held, p.shut, p.full, p.served))


def beyond_the_simulation(program: Program) -> str:
    """What the optimum does that no simulated path can: rationing, or goods bought abroad, while labour is idle;
    rationing before overflow imports are at their limit; investment below zero. `solve` makes these laws and solves
    again, so that its answer may be another one."""
    v, p = {name: np.asarray(value.value) for name, value in program.values.items()}, program.setting
    idle = v["unemployed"] > p.cards["frictional_unemployment"] * p.arrays.labour_force[p.window] + 1e-4
    below = v["overflow_imports"] < p.cards["overflow_limit"] * v["household_consumption"] - 1e-4
    rationed, overflow = v["forced_saving"] > 1e-4, v["overflow_imports"] > 1e-4
    found = {
        "rationing while labour is idle": rationed & idle,
        "rationing before overflow is at its limit": rationed & below,
        "overflow while labour is idle": overflow & idle,
        "investment below zero": (v["wanted_investment"] < -1e-7).any(axis=0),
    }
    return ", ".join(name for name, where in found.items() if where.any())


def _confirm(book: LawBook, report: Report, most: float) -> None:
    """A program said to be infeasible is so for HiGHS; what the solver gives as proof is checked in fractions."""
    by_highs = infeasible_by_highs(book)
    if by_highs is not True:
        report.wrong.append(f"infeasible, but HiGHS {'finds a point' if by_highs is False else 'cannot say'}")
    if any(law.constraint.dual_value is None for law in book.program.laws.values()):
        report.facts["own proof"] = "none given"
    else:
        y = book.multipliers()
        proof = repaired(book, y / (np.abs(y).max() or 1.0))
        margin = farkas_margin(book, shortened(proof), np.full(book.nonneg.size, most))
        report.facts["own proof"] = "holds" if margin > 0 else f"misses by {float(-margin):.1e}"
    if report.facts["own proof"] != "holds":
        report.uncertified.append(f"infeasible: the product's own proof: {report.facts['own proof']}")


# ---------------------------------------------------------------- planted optimum


def _optimum(case: Case, report: Report) -> None:
    """The planted point, multipliers and goal are what the product finds, and a lie is not called optimal."""
    known = planted_optimum(case)
    program = known.book.program
    report.facts |= {"shape": known.shape, "kinked laws": len(known.bent), "copies": len(known.copies)}
    what = f"{known.shape} optimum"
    report.verdict = judged(program, report, what, book=known.book, known="whose optimum is known")
    if report.verdict in ("infeasible", "unbounded"):
        report.wrong.append(f"{report.verdict}, but its optimum is known")
    if report.verdict == "optimal":
        apart = known.apart()
        report.facts |= apart | ({} if known.pinned.all() else {"drift": known.drift()})
        report.wrong += [
            f"{name} is {far:.1e} from the planted one"
            for name, far in apart.items()
            if far > (SAME_GOAL if name == "goal" else SAME_POINT)
        ]
    lie = LIES[int(case.rng.integers(len(LIES)))]
    report.facts["lie"] = lie
    if lie in HIDDEN:
        program = iom.build(case.experiment, case.economy, [hiding_block(lie)])
    report.wrong += believed(program, lie, case.rng)


def believed(program: Program, lie: str, rng: np.random.Generator, solver: str | None = "clarabel") -> list[str]:
    """Why it is wrong if the product believes a lie about a program that has an optimum; by a solver's name the first
    verdict is seen, with None what the remedies make of it."""
    with lying(lie, rng) as liar:
        program.memo.pop("solver", None)  # an honest one that is held from before
        verdict = solve_program(program, solver)
    if not liar.told:
        return [f"{lie}: Clarabel was not called, so that nothing was tried"]
    if verdict.solver.startswith("Clarabel") and verdict.status in ("optimal", "infeasible", "unbounded"):
        return [f"{lie}: the product says {verdict.status}"]
    return []


# ---------------------------------------------------------------- planted infeasibility


def _infeasible(case: Case, report: Report) -> None:
    """A program with a certificate is infeasible for the product and for HiGHS; its twin with room is not."""
    known = planted_collision(case)
    proven = farkas_margin(known.book, shortened(known.certificate), known.most)
    report.facts |= {"gap": known.gap, "proven": float(proven), "laws": known.laws}
    if proven <= 0:
        report.wrong.append(f"the planted certificate proves nothing: {float(proven):.1e}")
    report.verdict = judged(known.book.program, report, "collision", book=known.book, known="that a certificate proves")
    if report.verdict in ("optimal", "unbounded"):
        report.wrong.append(f"{report.verdict}, but a certificate says that it is infeasible")
    if report.verdict == "infeasible":
        _confirm(known.book, report, float(known.most.max()))
    _other_form(case, known, report)
    twin = judged(known.twin.program, report, "twin", book=known.twin, known="with room inside stated bounds")
    if twin in ("infeasible", "unbounded"):
        report.wrong.append(f"twin with room is called {twin}")


def _other_form(case: Case, known: Collision, report: Report) -> None:
    """The plain form of the same collision, in every fourth trial of this kind."""
    if case.run % 4:
        return
    plain = iom.build(case.experiment, case.economy, known.blocks, form="plain", shifts=known.shifts)
    second = judged(plain, report, "plain form", known="of the collision")
    if second in ("optimal", "unbounded"):
        report.wrong.append(f"the plain form is called {second}")
