"""The study behind the headline: five policies, and how far each number hangs on what was assumed.

Every question is a small change of an experiment, solved like the experiment itself: who pays, cash or kind, without
the assumed response to welfare, other weights of the goal, the halves apart, the cards that move the answer most.
Nothing here chooses a number.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import repeat
from typing import Any

import xarray as xr

from iomodel.calibration.calibrating import calibrate
from iomodel.course import economy_of
from iomodel.economy import Economy
from iomodel.errors import CardError
from iomodel.experiment import Experiment
from iomodel.experiment_file import load_experiment
from iomodel.multipliers import multipliers
from iomodel.multipliers import warnings_of as multiplier_warnings
from iomodel.program.policy import PAYERS
from iomodel.program.trajectory import Trajectory
from iomodel.run import replay, replayed_gain, simulate, solve, what_binds
from iomodel.spillover import spillovers
from iomodel.study import history

POLICIES = ("business-as-usual", "supply-only", "demand-only", "two-halves", "best-path")
"""The five policies of the headline, in its order."""

KNOWN_TABLE = "china-2020"
"""The table on which cards were fitted to the known years: its reference path is the one beside what happened."""

OTHER_TABLES = (KNOWN_TABLE, "world-2011")
"""Tables on which the two halves are solved once more, beside the headline."""

BOTH = "two-halves"
WORLD_POLICIES = ("business-as-usual", BOTH, "two-halves-tariffs")
"""What is carried to trading partners."""

OUTCOMES = {
    "consumption": "household_consumption_share",
    "with_in_kind": "actual_individual_consumption_share",
    "unemployment": "unemployment_rate",
    "debt": "public_debt_share",
    "firm_debt": "firm_debt_share",
    "idle": "idle_share",
}
"""Short outcome -> variable of the last reported year."""

SPREAD_CARDS = 5
"""Cards shown in the spread of the two halves."""

GOAL_CARDS = (
    "weight_in_kind",
    "weight_unemployment",
    "weight_overflow",
    "weight_closing",
    "weight_debt",
    "weight_missed",
    "weight_levers",
    "discount",
    "curvature",
)
"""The weights and the shape of the goal, each moved to both ends of its range for the best path."""

Progress = Callable[[str], None]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Study:
    """paths: policy -> trajectory on the table of the headline. world: experiment -> trajectory that is carried abroad.

    partners: experiment -> spillovers. checks: plain tables (JSON) of what stands beside the headline. others: table ->
    the two halves on that table. A path of the headline that is carried abroad as it is stands in `world`, too.
    """

    paths: Mapping[str, Trajectory]
    world: Mapping[str, Trajectory]
    partners: Mapping[str, xr.Dataset]
    checks: Mapping[str, Any]
    others: Mapping[str, Trajectory] = field(default_factory=dict[str, Trajectory])

    @property
    def beside(self) -> list[tuple[str, Trajectory]]:
        """The paths that are not of the headline: (experiment, path), those carried abroad first."""
        abroad = [(name, path) for name, path in self.world.items() if path is not self.paths.get(name)]
        return [*abroad, *((path.experiment.name, path) for path in self.others.values())]


def run_study(progress: Progress = logger.info, *, full: bool = True) -> Study:
    """Solve the five policies, the checks beside them (`full`) and the partners; `progress` hears each step."""
    experiments = {name: load_experiment(name) for name in POLICIES}
    economy = economy_of(experiments[BOTH])
    paths: dict[str, Trajectory] = {}
    for name, experiment in experiments.items():
        paths[name] = solve(experiment, economy)
        progress(f"{name}: {paths[name].verdict}")
    known, gained = _known(experiments[POLICIES[0]], paths[POLICIES[0]]), multipliers(economy)
    checks: dict[str, Any] = {
        "misses": miss_rows(known),
        "misses_table": {"name": known.provenance["table"], "sectors": known.data.sizes["sector"]},
        "warnings": [*history.warnings_of(known), *multiplier_warnings(gained, economy)],
        "multipliers": [asdict(row) for row in gained],
    }
    checks["findings"] = [asdict(finding) for finding in economy.findings]
    checks["binding"] = {name: [asdict(row) for row in what_binds(path)] for name, path in paths.items()}
    if full:
        checks |= checks_beside(paths, economy, progress)
    world, partners = _abroad(paths, economy, progress)
    others = _on_other_tables(experiments[BOTH], progress)
    return Study(paths, world, partners, checks, others)


def _known(experiment: Experiment, usual: Trajectory) -> Trajectory:
    """Business as usual on the table whose known years chose cards."""
    return usual if experiment.table == KNOWN_TABLE else solve(experiment.replace(table=KNOWN_TABLE))


def _on_other_tables(experiment: Experiment, progress: Progress) -> dict[str, Trajectory]:
    """The two halves on the tables that are not the headline's."""
    found: dict[str, Trajectory] = {}
    for table in OTHER_TABLES:
        if table != experiment.table:
            found[table] = solve(experiment.replace(table=table))
            progress(f"{experiment.name} on {table}: {found[table].verdict}")
    return found


def miss_rows(usual: Trajectory) -> list[dict[str, Any]]:
    """The reference path beside what happened, as plain rows."""
    return [asdict(row) | {"miss": row.miss, "within": row.within} for row in history.misses(usual)]


def checks_beside(paths: Mapping[str, Trajectory], economy: Economy, progress: Progress) -> dict[str, Any]:
    """What is printed beside the headline, from the solved policies.

    The questions are independent of each other: they are solved side by side on two processes.
    """
    both, best = paths[BOTH].experiment, paths["best-path"].experiment
    asked: dict[tuple[str, ...], Experiment] = {
        ("without_precaution", name): paths[name].experiment.replace(cards={"precaution": 0.0})
        for name in ("demand-only", "two-halves", "best-path")
    }
    asked |= {("payers", payer): both.replace(payer=payer) for payer in PAYERS}
    asked |= {("mix", str(share)): both.replace(cards={"programme_in_kind_share": share}) for share in (0.0, 1.0)}
    asked[("best_without_target",)] = best.replace(targets={})
    moved = [economy.cards.card(key) for key in (*GOAL_CARDS,)]
    ends = [(card.key, end) for card in moved for end in (card.low, card.high) if end != card.value]
    asked |= {("weights", key, str(end)): best.replace(cards={key: end}) for key, end in ends}
    progress("which cards move the two halves most …")
    cards = screened(paths[BOTH], economy)[:SPREAD_CARDS]
    asked |= {
        ("spread", key, end): both.replace(cards={key: getattr(economy.cards.card(key), end)})
        for key in cards
        for end in ("low", "high")
    }
    progress(f"{len(asked)} variants: who pays, cash or kind, no response to welfare, other weights and cards …")
    found = dict(zip(asked, _solved_apart(list(asked.values()), economy), strict=True))
    return {
        "announced_rule": _by_rule(paths, economy),
        "interaction": interaction(paths, economy),
        "without_precaution": {key[1]: row for key, row in found.items() if key[0] == "without_precaution"},
        "payers": {key[1]: row for key, row in found.items() if key[0] == "payers"},
        "mix": {key[1]: row for key, row in found.items() if key[0] == "mix"},
        "best_without_target": found[("best_without_target",)],
        "weights": [
            {"card": key, "title": economy.cards.card(key).title, "value": end, **found[("weights", key, str(end))]}
            for key, end in ends
        ],
        "spread": [
            _spread_row(economy, key, found[("spread", key, "low")], found[("spread", key, "high")]) for key in cards
        ],
    }


def _solved_apart(experiments: list[Experiment], economy: Economy) -> list[dict[str, float | str]]:
    """Outcomes of independent experiments, in their order, on as many processes as there are cores, two at most."""
    workers = min(2, os.cpu_count() or 1)
    if workers == 1:
        return [_solved_outcomes(experiment, economy) for experiment in experiments]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_one_thread) as pool:
        return list(pool.map(_solved_outcomes, experiments, repeat(economy)))


def _one_thread() -> None:
    """Two threads of linear algebra on a busy core are slower than one: a worker takes one (read when numpy loads)."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def _solved_outcomes(experiment: Experiment, economy: Economy) -> dict[str, float | str]:
    """Outcomes of one experiment."""
    return outcomes(solve(experiment, economy))


def _spread_row(economy: Economy, key: str, low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    """The outcomes at both ends of a card."""
    card = economy.cards.card(key)
    return {
        "card": key, "title": card.title, "unit": card.unit, "low": card.low, "high": card.high,
        "at_low": dict(low), "at_high": dict(high),
    }  # fmt: skip


def outcomes(path: Trajectory) -> dict[str, float | str]:
    """Last year's outcomes and their distance from the path's own reference."""
    last = path.data.isel(year=-1)
    usual = (path.reference if path.reference is not None else path.data).isel(year=-1)
    row: dict[str, float | str] = {key: float(last[name]) for key, name in OUTCOMES.items()}
    row |= {f"{key}_gain": float(last[name] - usual[name]) for key, name in OUTCOMES.items()}
    level = float(last["household_consumption"] / usual["household_consumption"])
    return row | {"consumption_level_gain": 100 * (level - 1), "status": path.verdict.status}


def interaction(paths: Mapping[str, Trajectory], economy: Economy) -> dict[str, float]:
    """Joint effect less the sum of the joint path's own levers replayed apart, last year.

    For the level of consumption and of consumption with spending in kind (percent of base-year GDP), and for the share
    of the latter in GDP (points): the signs may differ, so none is claimed from one.
    """
    joint = paths[BOTH]
    parts = {
        "supply": replay(joint, economy, keep=("reform", "retirement")),
        "demand": replay(joint, economy, keep=("programme",)),
        "joint": joint,
    }
    measures = {
        "consumption": ("household_consumption",),
        "with_in_kind": ("household_consumption", "in_kind_spending"),
        "with_in_kind_share": ("actual_individual_consumption_share",),
    }
    found: dict[str, float] = {}
    for key, names in measures.items():
        effect = {part: sum(_gained(path, name) for name in names) for part, path in parts.items()}
        found |= {f"{key}_{part}": value for part, value in effect.items()}
        found[f"{key}_interaction"] = effect["joint"] - effect["supply"] - effect["demand"]
    return found


def _gained(path: Trajectory, name: str) -> float:
    """Difference of a variable to the path's reference in the last year."""
    usual = path.data if path.reference is None else path.reference
    return float(path.data[name].values[-1] - usual[name].values[-1])


def _by_rule(paths: Mapping[str, Trajectory], economy: Economy) -> dict[str, dict[str, float]]:
    """The stated policies carried out by the announced rule: their distance from the program in the last year."""
    found: dict[str, dict[str, float]] = {}
    for name in ("supply-only", "demand-only", "two-halves"):
        rule = simulate(paths[name].experiment, economy).data.isel(year=-1)
        best = paths[name].data.isel(year=-1)
        found[name] = {key: float(rule[variable] - best[variable]) for key, variable in OUTCOMES.items()}
    return found


def screened(path: Trajectory, economy: Economy) -> list[str]:
    """Keys of the cards that move a path's gain of consumption with in-kind spending, the strongest first.

    Every card with a range is moved to both ends while the path's levers are replayed: a screen that costs two
    simulations a card, not two solves. Preferences are left out: they are choices, not assumptions.
    """
    found: list[tuple[float, str]] = []
    for card in (economy.cards.card(key) for key in economy.cards):
        if card.kind == "preference" or isinstance(card.value, tuple) or card.low == card.high:
            continue
        ends = [_gain(path, economy, card.key, end) for end in (card.low, card.high)]
        known = [end for end in ends if end is not None]
        if len(known) == 2:
            found.append((abs(known[1] - known[0]), card.key))
    return [key for _, key in sorted(found, reverse=True)]


def _gain(path: Trajectory, economy: Economy, key: str, value: float) -> float | None:
    """Gain of a path's levers under another value of a card; None where the value leaves no economy."""
    try:
        return replayed_gain(path, calibrate(economy.table, economy.region, economy.cards.replace({key: value})))
    except CardError:
        return None


def _abroad(
    paths: Mapping[str, Trajectory], economy: Economy, progress: Progress
) -> tuple[dict[str, Trajectory], dict[str, xr.Dataset]]:
    """The paths that are carried abroad, those of the headline as they are, and what they do to partners."""
    world: dict[str, Trajectory] = {}
    for name in WORLD_POLICIES:
        if name in paths:
            world[name] = paths[name]
        else:
            world[name] = solve(load_experiment(name), economy)
            progress(f"{name}: {world[name].verdict}")
    reference = world[WORLD_POLICIES[0]]
    partners = {name: spillovers(world[name], reference=reference) for name in WORLD_POLICIES[1:]}
    progress("partners: demand and barriers by partner, sector and year")
    return world, partners
