"""Several deciding regions: from an experiment to a path with a dimension for the region.

All regions' known years and the path without levers are simulated together; the program is solved for all at once, its
levers are replayed by the joint simulation, and each region's path is labelled as if it had decided alone under the
exports that came out. Stops at zero and the valve of overflow imports are found as where one region decides.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import xarray as xr

from iomodel.calibration.calibrating import calibrate
from iomodel.course import Course, policy_of, setting_of, table_of, trajectory_of
from iomodel.economy import Economy
from iomodel.errors import ExperimentError, InfeasibleError, SolverError, nearest
from iomodel.experiment import Experiment, experiment_required
from iomodel.experiment_parts import ALL
from iomodel.program.arrays import Arrays, arrays_of
from iomodel.program.block import Block, value_of
from iomodel.program.blocks import CORE
from iomodel.program.certificate import Verdict
from iomodel.program.diagnose import shadow_prices
from iomodel.program.own import left_out, own_data
from iomodel.program.setting import Setting
from iomodel.program.simulate import Flows, Levers, State, base_state, no_levers
from iomodel.program.solvers import solve_program
from iomodel.program.trajectory import Trajectory
from iomodel.program.used import Used, used
from iomodel.program.world import BALANCE, FORM, Trade, World, assemble_world, trade_of
from iomodel.program.world_proof import proof_words
from iomodel.program.world_simulate import world_step
from iomodel.regions import alone, joined
from iomodel.solving import (
    MISS_SHOWN,
    REPLAY_LIMIT,
    REPLAY_TOLERANCE,
    as_lever,
    below_zero,
    distances,
    levers_of,
    rations_as_lever,
    why_off,
)
from iomodel.table import Table
from iomodel.yearly import YEARS_AHEAD

Array = npt.NDArray[np.float64]

ROUNDS = 8
"""Solves at most to find where market investment stops at zero and overflow imports are shut."""

ROUNDING = 1e-9
"""Taxes on exports or re-exports, percent of GDP, up to which a region has none."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class WorldCourse:
    """What every path of an experiment with several deciding regions shares: a course each, in order, and the trade."""

    experiment: Experiment
    courses: tuple[Course, ...]
    trade: Trade

    @property
    def first(self) -> int:
        """Path index of the first year of policy."""
        return self.courses[0].first


def world_economies(experiment: Experiment, table: Table | None = None) -> tuple[Economy, ...]:
    """The economies of the deciding regions of an experiment, in its order (that of the table for all).

    table: the experiment's, where it is at hand.
    Raises ExperimentError for a national table and for regions that the table does not have.
    """
    experiment_required(experiment)
    table = table_of(experiment) if table is None else table
    if table.is_national:
        raise ExperimentError(
            f"deciding: the table {table.name!r} is national, all partners are its one row IMPORTS; several regions "
            'can decide on an inter-country table, such as table = "world-2011".'
        )
    regions = table.regions if experiment.deciding == (ALL,) else experiment.deciding
    for region in (*regions, *experiment.weights):
        if region not in table.regions:
            raise ExperimentError(
                f"deciding: the table {table.name!r} has no region {region!r}; it has {', '.join(table.regions)}."
                f"{nearest(region, table.regions)}"
            )
    absent = [region for region in regions if experiment.weights and region not in experiment.weights]
    if absent:
        raise ExperimentError(f"weights: none for {', '.join(absent)}; give every region that decides a weight.")
    return tuple(calibrate(table, region, dict(experiment.cards)) for region in regions)


def world_course(experiment: Experiment, economies: Sequence[Economy] | None = None) -> WorldCourse:
    """Known years and the path without levers of all deciding regions together."""
    economies = world_economies(experiment) if economies is None else economies
    _only_goods(economies)
    arrays = [arrays_of(economy) for economy in economies]
    trade = trade_of(arrays)
    first = max(economy.known_until - economy.year + 1 for economy in economies)
    last = first + experiment.horizon.solved
    if last > YEARS_AHEAD:
        raise ExperimentError(
            f"horizon: {experiment.horizon.solved} solved years go beyond the yearly paths; allowed are "
            f"{YEARS_AHEAD - first}"
        )
    usual = [no_levers(one) for one in arrays]
    states = [base_state(one) for one in arrays]
    flows, exports, handed = _simulated(trade, states, [usual] * last, 0, first)
    courses = [
        Course(
            experiment=alone(experiment, economy.region),
            arrays=one,
            usual=_under(one, exports[place]),
            first=first,
            state=handed[place],
            past=(flows[place][:first], [usual[place]] * first),
            reference=flows[place],
        )
        for place, (economy, one) in enumerate(zip(economies, arrays, strict=True))
    ]
    return WorldCourse(experiment, tuple(courses), trade)


def _only_goods(economies: Sequence[Economy]) -> None:
    """Refuses what the balance of trade between regions does not carry: taxes on exports and re-exports."""
    for economy in economies:
        found = {
            "taxes on exports": float(economy.bundle_taxes.sel(use="exports")),
            "re-exports": float(economy.re_exports.isel(year=0).sum()),
        }
        for what, amount in found.items():
            if abs(amount) > ROUNDING:
                raise ExperimentError(
                    f"deciding: {economy.region} on {economy.table.name!r} has {what} of {amount:.3g} percent of its "
                    "GDP; where several regions decide, exports are what the others buy of a region's own goods, at "
                    "basic prices. Allowed is a table without them, or one deciding region (take deciding out)."
                )


def _under(arrays: Arrays, exports: Array) -> Arrays:
    """The arrays of a region with the exports (n, years) of a path in place of those that are data."""
    economy = arrays.economy
    years = exports.shape[1]
    sold = economy.exports.transpose("sector", "year").copy()
    sold[:, :years] = exports
    return arrays_of(replace(economy, exports=sold))


def _simulated(
    trade: Trade, states: Sequence[State], levers: Sequence[Sequence[Levers]], start: int, handed_at: int
) -> tuple[list[list[Flows]], Array, Sequence[State]]:
    """Flows by region and year, exports (R, n, years) and the states at `handed_at`; levers by year and region."""
    flows: list[list[Flows]] = [[] for _ in trade.regions]
    sold: list[Array] = []
    handed = states
    guess: Array | None = None
    for year, lever in enumerate(levers):
        if start + year == handed_at:
            handed = states
        found, states, guess = world_step(trade, start + year, states, lever, guess)
        sold.append(guess)
        for own, flow in zip(flows, found, strict=True):
            own.append(flow)
    return flows, np.stack(sold, axis=-1), handed


def build_world(
    experiment: Experiment,
    economies: Sequence[Economy] | None = None,
    blocks: Sequence[Block] = (),
    *,
    core: Sequence[Block] = CORE,
) -> World:
    """The program of all deciding regions, built and not solved; `whole` is what a solver takes.

    Raises as `iomodel.build`.
    """
    return _assembled(world_course(experiment, economies), (*core, *blocks))


def _assembled(course: WorldCourse, blocks: Sequence[Block]) -> World:
    settings = [setting_of(one, FORM, (FORM,)) for one in course.courses]
    return assemble_world(settings, course.trade, course.experiment.weights, blocks)


def solve_world(
    experiment: Experiment,
    economies: Sequence[Economy] | None = None,
    blocks: Sequence[Block] = (),
    *,
    core: Sequence[Block] = CORE,
) -> Trajectory:
    """The best path of all deciding regions together; its data have the dimension region.

    Goal: Σ of the regions' goals, weighted (`iomodel.program.world.world_factors`). Raises InfeasibleError when no path
    meets all laws, SolverError when no solver returns a point.
    """
    course = world_course(experiment, economies)
    if not experiment.levers.free:
        return _without_levers(course)
    world, verdict = _settled(course, _assembled(course, (*core, *blocks)))
    return _replayed(course, world, verdict)


def _without_levers(course: WorldCourse) -> Trajectory:
    """The path on which nothing is done but the benefit path."""
    levers: list[list[Levers]] = []
    for one in course.courses:
        rate = one.arrays.cards["benefit_rate"]
        rates = policy_of(one.experiment, one.arrays.economy).benefit_rates(rate, one.solved)
        levers.append([replace(no_levers(one.arrays), benefit_rate=float(entry)) for entry in rates])
    return _labelled(course, levers, Verdict("simulated"), None)


def _settled(course: WorldCourse, world: World) -> tuple[World, Verdict]:
    """Solved until investment stops at zero, and overflow is no lever, exactly where the simulation has it so."""
    verdict = _judged(course, world)
    seconds, changed = verdict.seconds, False
    for _ in range(ROUNDS):
        settings = _stops(world) or _valves(course, world)
        if settings is None:
            break
        changed = True
        world = assemble_world(settings, course.trade, course.experiment.weights, world.whole.blocks)
        verdict = _judged(course, world)
        seconds += verdict.seconds
    else:
        if _stops(world) or _valves(course, world):
            said = f"stops at zero and valves are not settled after {ROUNDS} rounds"
            verdict = replace(verdict, warnings=(*verdict.warnings, said))
    if not changed:
        return world, verdict
    said = [
        f"{what} in {', '.join(found)}"
        for what, name in (
            ("market investment stopped at zero", "stopped"),
            ("market investment held at zero", "held"),
            ("overflow imports shut", "shut"),
            ("labour fully used beside overflow imports", "full"),
            ("nobody rationed", "served"),
        )
        if (found := [region for region, part in world.parts.items() if getattr(part.setting, name).any()])
    ]
    return world, replace(verdict, seconds=seconds, remedies=(*verdict.remedies, *said))


def _stops(world: World) -> list[Setting] | None:
    """Settings with the stops at zero that the answer calls for; None where they are those that it was given.

    A cell that was stopped and would no longer be is held at zero by a law from then on: taking turns ends there.
    """
    found: list[Setting] = []
    for part in world.parts.values():
        setting = part.setting
        below = below_zero(part)
        stopped, held = (np.broadcast_to(mask, below.shape) for mask in (setting.stopped, setting.held))
        held = held | (stopped & ~below)
        found.append(replace(setting, stopped=(stopped | below) & ~held, held=held))
    same = all(
        np.array_equal(np.broadcast_to(one.setting.stopped, new.stopped.shape), new.stopped)
        for one, new in zip(world.parts.values(), found, strict=True)
    )
    return None if same else found


def _valves(course: WorldCourse, world: World) -> list[Setting] | None:
    """Settings in which overflow imports, idle labour and rationing are what the joint simulation has; None where they
    are already."""
    parts = list(world.parts.values())
    levers = [(as_lever(part), rations_as_lever(part)) for part in parts]
    if not any(mask.any() for pair in levers for mask in pair):
        return None
    flows, _, _ = _simulated(course.trade, [one.state for one in course.courses], _levers(world), course.first, 0)
    found: list[Setting] = []
    for (overflow, rationing), part, own in zip(levers, parts, flows, strict=True):
        setting = part.setting
        imports, rationed = (
            np.array([float(flow[name]) for flow in own]) > MISS_SHOWN for name in ("overflow_imports", "forced_saving")
        )
        full = (setting.full | overflow) & imports
        shut, served = (setting.shut | overflow) & ~full, (setting.served | rationing) & ~rationed
        found.append(replace(setting, full=full, shut=shut, served=served))
    same = all(
        np.array_equal(getattr(new, name), getattr(part.setting, name))
        for part, new in zip(parts, found, strict=True)
        for name in ("full", "shut", "served")
    )
    return None if same else found


def _judged(course: WorldCourse, world: World) -> Verdict:
    """The verdict of a solve that returned a point; raises where none did."""
    verdict = solve_program(world.whole, course.experiment.solver)
    name = course.experiment.name
    logger.info("%s: %s", name, verdict)
    if verdict.status == "infeasible":
        raise InfeasibleError(
            f"{name}: no path of the {len(world.parts)} deciding regions meets all laws. "
            f"{proof_words(world.whole, verdict)} Let each decide alone to see which laws collide: take deciding out "
            "and set region."
        )
    if verdict.status in ("failed", "unbounded"):
        raise SolverError(
            f"{name}: no path was found; the solver {verdict.solver} says {verdict.status} ({verdict.law})"
        )
    return verdict


def _levers(world: World) -> list[list[Levers]]:
    """The levers of the solved program, by year and region."""
    by_region = [levers_of(part) for part in world.parts.values()]
    return [list(year) for year in zip(*by_region, strict=True)]


def _replayed(course: WorldCourse, world: World, verdict: Verdict) -> Trajectory:
    """The path of a solved world program: its levers simulated again together, and the distance between the two."""
    levers = [levers_of(part) for part in world.parts.values()]
    return _labelled(course, levers, verdict, world)


def _labelled(
    course: WorldCourse, levers: Sequence[Sequence[Levers]], verdict: Verdict, world: World | None
) -> Trajectory:
    """Simulate levers (by region and year) together and label the reported years of all regions."""
    states = [one.state for one in course.courses]
    flows, exports, _ = _simulated(course.trade, states, list(zip(*levers, strict=True)), course.first, 0)
    prices = {} if world is None else _prices(course.trade, world)
    paths: dict[str, Trajectory] = {}
    distance = 0.0
    for place, (region, one) in enumerate(zip(course.trade.regions, course.courses, strict=True)):
        sold = np.concatenate([one.usual.exports[:, : course.first], exports[place]], axis=1)
        warned: list[str] = []
        spent: list[Used] = []
        if world is not None:
            part = world.parts[region]
            off = distances(part, flows[place])
            distance = max(distance, max(off[: one.reported]).amount)
            spent = _used(world, region)
            warned += left_out(part.own, part.values)
            warned += [use.text for use in spent if use.kind in ("target", "limit")]
            if max(off).amount > REPLAY_TOLERANCE:
                why = why_off(part, max(off))
                warned.append(f"replay is off by {max(off).amount:.1e} percent of base-year GDP: {why}")
        if any(float(flow["forced_saving"]) > MISS_SHOWN for flow in flows[place][: one.reported]):
            warned.append("overheated: consumption is rationed")
        own = replace(one, arrays=_under(one.arrays, sold))
        path = trajectory_of(
            own, flows[place], levers[place], replace(verdict, warnings=tuple(warned)), prices.get(region, {})
        )
        told = {**path.provenance, "used": [{"region": region, **use.plain} for use in spent]}
        if world is not None:
            part = world.parts[region]
            path = replace(path, provenance=told, own=own_data(part.own, part.values, part.setting, one.reported))
        paths[region] = path
    status = "inaccurate" if distance > REPLAY_LIMIT and verdict.status == "optimal" else verdict.status
    return joined(course.experiment, paths, replace(verdict, status=status, replay_distance=distance))


def _used(world: World, region: str) -> list[Used]:
    """What a region used of what has a price, costs in its own goal: the whole's terms hold its factor."""
    factor = world.factors[region]
    found = used(world.parts[region])
    return [replace(use, cost=use.cost / factor) for use in found] if factor else found


def _prices(trade: Trade, world: World) -> dict[str, dict[str, xr.DataArray]]:
    """Region -> law -> shadow price, change of the whole's goal; of goods for one unit more that nobody uses.

    The balance is solved for output: its multipliers say what output is worth, and prices of goods follow from them.
    """
    found = {region: shadow_prices(part) for region, part in world.parts.items()}
    worth = np.concatenate([price[BALANCE].values for price in found.values()])
    goods = trade.prices(worth)
    for place, (region, part) in enumerate(world.parts.items()):
        price = goods[trade.rows(place)]
        output, amounts = value_of(part.values["output"]), value_of(part.values["exports_total"])
        attrs = dict(found[region][BALANCE].attrs)
        attrs["one_percent"] = 0.01 * float((price * output).sum()) if amounts.size else 0.0
        found[region][BALANCE] = found[region][BALANCE].copy(data=price).assign_attrs(attrs)
    return found
