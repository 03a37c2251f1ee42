"""From a built program to a path: solve, stop market investment at zero where it has to, replay, judge the distance.

What is reported is the simulation's replay of the levers that the solver returned. Where the market would invest less
than nothing the program is solved again with a stop at zero there, until the stops are the ones that its own answer
calls for; where two answers take turns, the path is held at the edge between them. Overflow imports are the valve of a
year in which labour is short; in other years in which the program would use them they are shut, in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from iomodel.course import Course, flows_of, trajectory_of
from iomodel.errors import InfeasibleError, SolverError
from iomodel.program.block import value_of
from iomodel.program.build import Program, assemble
from iomodel.program.canonical import compiled, places
from iomodel.program.certificate import Verdict
from iomodel.program.conflicts import Collision, collision_of
from iomodel.program.diagnose import shadow_prices, span
from iomodel.program.elimination import definitions, reduced
from iomodel.program.interior_point import HeldSolver
from iomodel.program.own import left_out, own_data
from iomodel.program.simulate import Flows, Levers
from iomodel.program.solvers import solve_program, usable_solvers
from iomodel.program.trajectory import Trajectory
from iomodel.program.unbounded import runaway
from iomodel.program.used import Used, used
from iomodel.program.wording import described

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

REPLAY_TOLERANCE = 1e-6
"""Distance between solved and replayed path, percent of base-year GDP, from which it is explained on screen."""

REPLAY_LIMIT = 1e-3
"""Distance in the reported years above which a path is inaccurate: what is reported is not what was solved."""

MISS_SHOWN = 1e-6
"""Miss of a stated target, rationing or overflow from which it is said."""

STOP_ROUNDS = 12
"""Solves at most to find the sectors and years in which market investment stops at zero."""

VALVE_ROUNDS = 24
"""Times at most that the years are looked for in which overflow imports have to be shut: a year that is shut may move
the imports into the next, and near the edge of what is feasible they go through a decade."""


def solved(course: Course, program: Program) -> Trajectory:
    """The path of a built program: solved, judged and replayed.

    Raises InfeasibleError with the laws in conflict, SolverError when no solver returns a point.
    """
    return replayed(course, *settled(course, program))


@dataclass(frozen=True)
class Replay:
    """A solved path simulated again, not yet labelled: flows and levers of the solved years, the verdict with the
    distance between both, and what was used of what has a price."""

    flows: list[Flows]
    levers: list[Levers]
    verdict: Verdict
    spent: list[Used]


def replayed(course: Course, program: Program, verdict: Verdict) -> Trajectory:
    """The path of a solved program: its levers simulated again, and how far that is from the solver's point."""
    again = replay_of(course, program, verdict)
    path = trajectory_of(course, again.flows, again.levers, again.verdict, shadow_prices(program))
    own = own_data(program.own, program.values, program.setting, course.reported)
    return replace(path, provenance={**path.provenance, "used": [one.plain for one in again.spent]}, own=own)


def replay_of(course: Course, program: Program, verdict: Verdict) -> Replay:
    """What `replayed` labels."""
    levers = levers_of(program)
    flows = flows_of(course, levers)
    off = distances(program, flows)
    reported, beyond = off[: course.reported], off[course.reported :]
    spent = used(program)
    warned = [*verdict.warnings, *(one.text for one in spent if one.kind in ("target", "limit"))]
    warned += left_out(program.own, program.values)
    for part, words in ((reported, ""), (beyond, ", after the reported years")):
        if part and max(part).amount > REPLAY_TOLERANCE:
            why = why_off(program, max(part))
            warned.append(f"replay is off by {max(part).amount:.1e} percent of base-year GDP{words}: {why}")
    if any(float(flow["forced_saving"]) > MISS_SHOWN for flow in flows[: course.reported]):
        warned.append("overheated: consumption is rationed")
    distance = max(reported).amount
    status = "inaccurate" if distance > REPLAY_LIMIT and verdict.status == "optimal" else verdict.status
    verdict = replace(verdict, status=status, replay_distance=distance, warnings=tuple(warned))
    return Replay(flows, levers, verdict, spent)


def prepared(program: Program) -> Program:
    """The program with what a first solve finds out about its arrays, found with the values that its parameters have
    now: whoever solves it for many values starts every time from here, so that none leaves a trace in the next."""
    made = compiled(program)
    program.memo["places"] = places(made)
    program.memo["definitions"] = definitions(program, made.arrays, program.memo["places"])
    program.memo["reduced"] = reduced(made.arrays, program.memo["definitions"])
    program.memo["slopes"] = {}  # filled by the first solve with what is the same at every point
    program.memo["solver"] = HeldSolver()  # likewise
    return program


def settled(
    course: Course, program: Program, *, explained: bool = True, lay: Callable[..., Program] | None = None
) -> tuple[Program, Verdict]:
    """The program at its answer: behaviour that no convex law can say is what the simulation does.

    explained: whether the error of one without a path looks for what collides, which takes longer than the solve.
    lay: how the program is laid again with other stops and valves (masks of its setting by name), anew if None.

    Market investment stops at zero where it would go below. Overflow imports and idle labour exclude each other: a
    price only makes the imports dear, and one product at the limit of its plant can be worth it. In a year with both,
    the simulation says which of the two stays: the imports are shut where it has none, else labour is fully used.
    Nobody is rationed while labour is idle or more could be bought abroad.
    """
    lay = lay or laid_again
    program, verdict = _stopped(course, program, explained, lay)
    seen: list[dict[str, Mask]] = []
    for _ in range(VALVE_ROUNDS):
        valves = _valves(course, program)
        if valves is None or any(_same_masks(valves, other) for other in seen):
            break
        seen.append(valves)
        before = verdict
        program, verdict = _stopped(course, lay(program, **valves), explained, lay)
        verdict = _after(before, verdict)
    return program, replace(verdict, remedies=(*verdict.remedies, *_settings_said(course, program)))


def _after(before: Verdict, verdict: Verdict) -> Verdict:
    """The verdict of a later solve with the seconds of an earlier one and what had to be tried there."""
    tried = dict.fromkeys([*before.remedies, *verdict.remedies])
    return replace(verdict, seconds=before.seconds + verdict.seconds, remedies=tuple(tried))


def _settings_said(course: Course, program: Program) -> list[str]:
    """Where the program was solved again with stops at zero and valves, in words."""
    setting, said = program.setting, []
    if setting.stopped.any() or setting.held.any():
        parts = (("stopped at zero", setting.stopped), ("held at zero", setting.held))
        told = [f"{what} in {_cells(course, mask)}" for what, mask in parts if mask.any()]
        said.append(f"market investment {' and '.join(told)}")
    valves = (
        ("overflow imports shut", setting.shut),
        ("labour fully used beside overflow imports", setting.full),
        ("nobody rationed", setting.served),
    )
    for what, years in valves:
        if years.any():
            said.append(f"{what} in {span(tuple(str(year) for year in setting.calendar[years]))}")
    return said


def _valves(course: Course, program: Program) -> dict[str, Mask] | None:
    """Years in which a valve has to be shut or opened fully, None where the program uses none as a lever."""
    setting, overflow, rationing = program.setting, as_lever(program), rations_as_lever(program)
    if not (overflow | rationing).any():
        return None
    flows = flows_of(course, levers_of(program))
    imports, rationed = (
        np.array([float(flow[name]) for flow in flows]) > MISS_SHOWN for name in ("overflow_imports", "forced_saving")
    )
    full = (setting.full | overflow) & imports
    shut = (setting.shut | overflow) & ~full
    served = (setting.served | rationing) & ~rationed
    same = all(np.array_equal(*pair) for pair in ((full, setting.full), (shut, setting.shut), (served, setting.served)))
    return None if same else {"full": full, "shut": shut, "served": served}


def _same_masks(one: Mapping[str, Mask], other: Mapping[str, Mask]) -> bool:
    return all(np.array_equal(mask, other[name]) for name, mask in one.items())


def as_lever(program: Program) -> Mask:
    """(years,) where the program imports by overflow although labour is not short."""
    overflow = value_of(program.values["overflow_imports"])
    return (overflow > MISS_SHOWN) & _idle(program) & ~program.setting.shut


def rations_as_lever(program: Program) -> Mask:
    """(years,) where the program rations although labour is not short or more could be bought abroad."""
    p, v = program.setting, program.values
    most = p.cards["overflow_limit"] * value_of(v["household_consumption"])
    more = most - value_of(v["overflow_imports"]) > MISS_SHOWN
    return (value_of(v["forced_saving"]) > MISS_SHOWN) & (_idle(program) | more) & ~p.served


def _idle(program: Program) -> Mask:
    """(years,) where more than those who change jobs anyway are without work."""
    force = program.setting.arrays.labour_force[program.setting.window]
    rate = value_of(program.values["unemployed"]) / force
    return rate - program.setting.cards["frictional_unemployment"] > MISS_SHOWN


def _stopped(course: Course, program: Program, explained: bool, lay: Callable[..., Program]) -> tuple[Program, Verdict]:
    """Solved until market investment stops at zero exactly where that would go below.

    A pattern of stops that comes back means that two answers take turns; the cells in dispute are then held at or above
    zero by a law, so that the simulation agrees with the path.
    """
    verdict = _judged(course, program, explained, lay)
    seen = [program.setting.stopped.copy()]
    for _ in range(STOP_ROUNDS):
        below = below_zero(program)
        setting = program.setting
        if (below == setting.stopped).all():
            break
        held = setting.held
        if any(np.array_equal(below, pattern) for pattern in seen):
            disputed = np.logical_or.reduce([below != np.broadcast_to(pattern, below.shape) for pattern in seen[-2:]])
            held = np.broadcast_to(held, below.shape) | disputed
        below = below & ~held
        seen.append(below)
        program = lay(program, stopped=below, held=held)
        verdict = _after(verdict, _judged(course, program, explained, lay))
    return program, verdict


def laid_again(program: Program, **other: Mask) -> Program:
    """The same program with other stops: its blocks, shifted bounds and the values that its parameters have now."""
    again = assemble(replace(program.setting, **other), program.blocks, program.shifts)
    for key, parameter in program.setting.parameters.items():
        again.setting.parameters[key].value = parameter.value
    return again


def _cells(course: Course, mask: Mask) -> str:
    """Sectors of a mask by name, and how many years each."""
    names = course.arrays.economy.table.sector_names
    codes = course.arrays.economy.table.sectors
    rows = np.flatnonzero(np.atleast_2d(mask).any(axis=1))
    counts = {row: int(np.atleast_2d(mask)[row].sum()) for row in rows[:3]}
    told = [f"{names.get(codes[row], codes[row])} ({years} year{'s' * (years > 1)})" for row, years in counts.items()]
    more = f" and {rows.size - 3} sectors more" if rows.size > 3 else ""
    return (", ".join(told) or "no sector") + more


BEHAVIOUR = (
    ("overflow imports", ("shut",), "while labour is idle"),
    ("idle labour", ("full",), "beside overflow imports"),
    ("rationing", ("served",), "while labour is idle or more could be bought abroad"),
    ("market investment below zero", ("stopped", "held"), ""),
)
"""What the simulation never does, the masks of a setting that keep a program from it, and when."""


def _behaviour_said(course: Course, program: Program, lay: Callable[..., Program]) -> list[str]:
    """Sentences on the behaviour of the simulation that leaves no path, where without it there is one; none else.

    Behaviour without which there is still no path is not named: each is taken away in turn, for good where that
    changes nothing. What is left is needed, so that a path does at least one of these things.
    """
    given = _settings_said(course, program)
    if not given:
        return []
    said = [f"Taken as the simulation has it: {'; '.join(given)}."]
    masks = program.setting.masks
    kept = [row for row in BEHAVIOUR if any(masks[name].any() for name in row[1])]

    def status(rows: Sequence[tuple[str, tuple[str, ...], str]]) -> str:
        held = {name for _, names, _ in rows for name in names}
        other = {name: mask if name in held else np.zeros_like(mask) for name, mask in masks.items()}
        verdict = solve_program(lay(program, **other), course.experiment.solver)
        return verdict.status if not verdict.warnings else "unproven"

    if status([]) != "optimal":
        return said
    for row in list(reversed(kept)):
        fewer = [other for other in kept if other is not row]
        if fewer and status(fewer) == "infeasible":
            kept = fewer
    where = [" ".join(part for part in (what, _when(program, names), when) if part) for what, names, when in kept]
    either = " or with ".join(where)
    return [f"A path that meets all laws exists only with {either}, which the simulation does not do.", *said]


def _when(program: Program, names: Sequence[str]) -> str:
    """In which years masks of a setting keep a program from something."""
    masks = [np.atleast_2d(getattr(program.setting, name)).any(axis=0) for name in names]
    years = program.setting.calendar[
        np.logical_or.reduce([np.broadcast_to(mask, program.setting.years) for mask in masks])
    ]
    return f"in {span(tuple(str(year) for year in years))}"


def _collision(program: Program, name: str) -> Collision | None:
    """What collides in a program that a solver calls infeasible; a SolverError that says what to try where that is not
    found."""
    try:
        return collision_of(program)
    except SolverError as error:
        raise SolverError(
            f"{name}: the solver says that no path meets all laws, but {error}. Loosen what was asked last (a law of "
            "your own block, a target, a limit) by one percent: if that has a path the laws collide by a hair; or give "
            "targets hard = false and limits a price (soft = 1) and read what is missed; or try another solver, one of "
            f"{', '.join(usable_solvers())} (--solver, solver = …).",
            error.status,
        ) from error


def _judged(course: Course, program: Program, explained: bool, lay: Callable[..., Program]) -> Verdict:
    """The verdict of a solve that returned a point; raises where none did."""
    verdict = solve_program(program, course.experiment.solver)
    name = course.experiment.name
    if verdict.status == "infeasible" and not explained:
        raise InfeasibleError(f"{name}: No path meets all laws.", program)
    if verdict.status == "infeasible":
        collision = _collision(program, name)
        if collision is not None and all(conflict.second != "feasible" for conflict in collision.conflicts):
            told = described(program, collision, _behaviour_said(course, program, lay))
            raise InfeasibleError(f"{name}: {told}", program, collision)
        verdict = replace(verdict, status="failed", law="infeasible, but its laws alone have a path within 1e-6")
    if verdict.status == "unbounded":
        raise SolverError(f"{name}: no best path: the program is unbounded. {runaway(program)}", verdict.status)
    if verdict.status == "failed":
        raise SolverError(f"{name}: {_failed(verdict, course.experiment.solver)}")
    return verdict


def _failed(verdict: Verdict, asked: str | None) -> str:
    """That no path was found, and what to try where the user named the solver."""
    said = f"no path was found; the solver {verdict.solver} says {verdict.status} ({verdict.law})"
    if asked is None:
        return said
    others = ", ".join(name for name in usable_solvers() if name != asked)
    return (
        f"{said}. A solver that is asked for by name is tried alone, without the remedies that the default has; leave "
        f"--solver or solver = … out, or try another: {others}."
    )


def below_zero(program: Program) -> Mask:
    """(n, years) where the market would invest less than nothing."""
    return value_of(program.values["wanted_investment"]) < -1e-7


def levers_of(program: Program) -> list[Levers]:
    """The levers at the program's point, in the ranges that they have."""
    p, v = program.setting, program.values
    rates = value_of(p.benefit)
    programme = np.maximum(value_of(v["programme"]), 0.0)
    reform = np.maximum(value_of(v["reform"]), 0.0)
    closed = np.zeros((p.arrays.industry.size, p.years))
    if p.free("retirement"):
        closed = p.spread @ np.maximum(value_of(v["retirement"]), 0.0)
    return [
        Levers(float(programme[t]), float(reform[t]), closed[:, t], float(rates[t]), p.policy.payer)
        for t in range(p.years)
    ]


@dataclass(frozen=True, order=True)
class Off:
    """How far replay and program are apart in one year: percent of base-year GDP, the variable and the year."""

    amount: float
    variable: str
    year: int


def distances(program: Program, flows: Sequence[Flows]) -> list[Off]:
    """The largest difference between the program's point and its replay, year by year.

    Money in percent of base-year GDP; persons count at the base year's wage.
    """
    v = program.values
    pairs = {
        "household_consumption": v["household_consumption"],
        "output": v["output"],
        "capacity": v["capacity"][:, :-1],
        "overflow_imports": v["overflow_imports"],
        "public_debt_end": v["public_debt"][1:],
        "firm_debt_end": v["firm_debt"][1:],
        "unemployed": v["unemployed"],
    }
    weight = {"unemployed": program.setting.account("wage")}
    points = {name: value_of(point) for name, point in pairs.items()}
    found: list[Off] = []
    for t, (year, flow) in enumerate(zip(program.setting.calendar, flows, strict=True)):
        off = [
            Off(weight.get(name, 1.0) * float(np.abs(np.asarray(flow[name]) - point[..., t]).max()), name, int(year))
            for name, point in points.items()
        ]
        found.append(max(off))
    return found


def why_off(program: Program, off: Off) -> str:
    """What the program does that the simulation would not."""
    if (below_zero(program) != program.setting.stopped).any() and not program.setting.held.any():
        return "market investment is negative in the program, zero in the simulation"
    for lever, said in ((as_lever(program), "overflow imports are"), (rations_as_lever(program), "rationing is")):
        if lever.any():
            return f"{said} used as a lever in {program.setting.calendar[lever][0]}"
    return f"most in {off.variable} of {off.year}"
