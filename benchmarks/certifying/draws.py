"""Random economies and policies: a real table with its flows moved and balanced anew, cards inside their ranges, and a
policy of random targets, limits, payer and horizon. Everything follows from the seed and the number of the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

import iomodel as iom
from iomodel.cards import load_cards
from iomodel.economy import Economy
from iomodel.errors import CardError, TableError
from iomodel.experiment import Benefit, Experiment, Horizon, Levers, Limit, Target
from iomodel.table import Table, make_table

KINDS = ("plain", "optimum", "infeasible")
TABLES = ("china-2020", "world-2011")
WORLD_PART = 0.25
LEVERS_OF = {
    "supply-only": ("retirement", "reform"),
    "demand-only": ("programme",),
    "two-halves": ("retirement", "reform", "programme"),
    "best-path": ("retirement", "reform", "programme"),
}
LIMIT_MARGINS = {
    "debt_ceiling": (-5.0, 40.0),
    "deficit_ceiling": (-1.0, 6.0),
    "firm_debt_ceiling": (-5.0, 20.0),
    "current_account_floor": (-5.0, 3.0),
    "household_saving_floor": (0.2, 0.35),
}
UNUSED_CARDS = ("multiplier_", "watched_", "partner_", "elasticity_")
"""Cards that no program reads."""


@dataclass(frozen=True)
class Case:
    """One random economy with its policy; `refused` counts the draws before it that calibration refused."""

    run: int
    kind: str
    economy: Economy
    experiment: Experiment
    rng: np.random.Generator
    refused: int


def drawn(run: int, seed: int) -> Case:
    """The case of a run, the same whenever and wherever it is drawn. Programs that a planted point needs feasible have
    no hard target and no limit without a price."""
    rng = np.random.default_rng([seed, run])
    kind = KINDS[run % len(KINDS)]
    refused = 0
    while True:
        name = TABLES[int(rng.random() < WORLD_PART)]
        noise = float(10 ** rng.uniform(-2.0, -0.5))
        try:
            table = perturbed(_table(name), noise, rng)
            economy = iom.calibrate(table, region="CHN", cards=_cards(name, rng))
        except (CardError, TableError):
            refused += 1
            continue
        return Case(run, kind, economy, _experiment(run, name, rng, forgiving=kind != "plain"), rng, refused)


@cache
def _table(name: str) -> Table:
    return iom.load_table(name)


def perturbed(table: Table, noise: float, rng: np.random.Generator) -> Table:
    """The table with every coefficient, purchase and tax times its own log-normal factor, balanced by its output.

    x = (I − A)⁻¹ f with the new coefficients and purchases; value added takes what inputs leave, so that rows and
    columns balance to rounding.
    """

    def moved(array: np.ndarray) -> np.ndarray:
        return array * np.exp(noise * rng.standard_normal(array.shape))

    output = table.output.values
    made = output > 0

    def per_unit(array: np.ndarray) -> np.ndarray:
        return np.divide(array, output, out=np.zeros_like(array), where=np.broadcast_to(made, array.shape))

    inputs, added = per_unit(table.flows.values), per_unit(table.value_added.values)
    before, spread = inputs.sum(axis=(0, 1)), moved(inputs)
    share = np.clip(moved(before), 0.0, before + 0.6 * np.maximum(1 - before, 0.0))
    total = spread.sum(axis=(0, 1))
    spread = spread * np.divide(share, total, out=np.zeros_like(total), where=total > 0)
    factors = moved(added)
    left = factors.sum(axis=0)
    factors = np.where(left > 0.2 * (1 - before), factors, added)
    left = factors.sum(axis=0)
    factors = factors * np.divide(1 - share, left, out=np.zeros_like(left), where=made)
    final = moved(table.final_demand.values)
    size, home = output.size, output.shape[0]
    matrix = np.eye(size) - spread[:home].reshape(size, size)
    grown = np.linalg.solve(matrix, final[:home].sum(axis=(2, 3)).reshape(size)).reshape(output.shape)
    grown = np.where(made, grown, 0.0)
    if (grown < 0).any():
        raise TableError("a draw with output below zero")
    jobs = None
    if table.employment is not None:
        regions = [str(label) for label in table.employment["region"].values]
        old = table.output.sel(region=regions).values
        now = grown[[table.regions.index(region) for region in regions]]
        people = table.employment.values * np.divide(now, old, out=np.ones_like(old), where=old > 0)
        jobs = dict(zip(regions, moved(people), strict=True))
    said = {
        key: value
        for key, value in table.attrs.items()
        if key not in ("name", "year", "unit", "sector_names", "sha256", "tolerance")
    }
    return make_table(
        name=table.name, year=table.year, unit=table.unit, regions=table.regions, sectors=table.sector_names,
        categories=table.categories, factors=table.factors, flows=spread * grown, final_demand=final,
        value_added=factors * grown, output=grown, national=table.is_national,
        product_taxes=moved(table.product_taxes.values), employment=jobs, **said,
    )  # fmt: skip


def _cards(table: str, rng: np.random.Generator) -> dict[str, float]:
    """Up to a dozen cards somewhere in their ranges."""
    cards = load_cards(table)
    movable = [
        key
        for key, card in cards.cards.items()
        if not isinstance(card.value, tuple) and card.unit != "calendar year" and not key.startswith(UNUSED_CARDS)
    ]
    chosen = rng.choice(movable, size=int(rng.integers(0, 13)), replace=False)
    found = {}
    for key in map(str, chosen):
        card = cards.card(key)
        found[key] = float(rng.uniform(card.low, card.high))
    return found


def _experiment(run: int, table: str, rng: np.random.Generator, *, forgiving: bool) -> Experiment:
    """A policy like one of the four, with its own numbers; `forgiving`: whatever is asked may be missed at a price."""
    policy = str(rng.choice(list(LEVERS_OF)))
    years, beyond = int(rng.integers(3, 5)), int(rng.integers(1, 4))

    def hard() -> bool:
        return not forgiving and bool(rng.random() < 0.25)

    def kind() -> str:
        return "exactly" if rng.random() < 0.7 else "at_least"

    free = LEVERS_OF[policy]
    targets = {}
    stated = policy != "best-path"
    if "programme" in free and (stated or rng.random() < 0.3):
        targets["package"] = Target(kind(), float(rng.uniform(0, 2.5)), int(rng.integers(1, years + 1)), hard())
    if "retirement" in free:
        targets["idle_cut"] = Target("at_least", float(rng.uniform(0, 0.7)), int(rng.integers(1, years + 1)), hard())
    if "reform" in free and (stated or rng.random() < 0.3):
        targets["reform"] = Target(kind(), float(rng.uniform(0, 0.7)), int(rng.integers(1, years + 1)), hard())
    limits = {}
    for name, (low, high) in LIMIT_MARGINS.items():
        if rng.random() < 0.2:
            price = float(rng.uniform(0.1, 10)) if forgiving or rng.random() < 0.5 else None
            limits[name] = Limit(float(rng.uniform(low, high)), price)
    benefit = Benefit(float(rng.uniform(0.02, 0.3)), int(rng.integers(1, years + 1))) if rng.random() < 0.7 else None
    payer = str(rng.choice(["debt", "dividends", "household_tax"]))
    return Experiment(
        f"{policy} {run}", table=table, region="CHN", horizon=Horizon(years, beyond), targets=targets,
        levers=Levers(free, payer, benefit), limits=limits,
    )  # fmt: skip
