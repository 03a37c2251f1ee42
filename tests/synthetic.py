"""Small economies made of random numbers, in which nothing is zero that could hide a mistake.

Every tax, subsidy, change of stocks (of both signs) and re-export is nonzero, unless a test asks for an economy without
imports or with a sector that makes nothing.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from iomodel.calibration.calibrating import calibrate
from iomodel.classifications.sector_maps import MAP_COLUMNS
from iomodel.economy import Economy
from iomodel.experiment import Benefit, Experiment, Horizon, Levers, Target
from iomodel.table import Table, make_table

HOME = "HOME"
CATEGORIES = (
    "household", "non_profit", "government_individual", "government_collective", "fixed_capital", "inventories",
    "exports",
)  # fmt: skip
FACTORS = ("compensation", "production_taxes", "depreciation", "operating_surplus")

# code, group, engel, asset, capital, drive, favoured, public, overflow, displacement, individual_government
SECTORS = (
    ("01", "agriculture", 0.6, "equipment", "plant", "elsewhere", 0, 0, 0, 1.0, 0),
    ("02", "mining", 1.0, "equipment", "plant", "elsewhere", 0, 0, 0, 1.9, 0),
    ("03.10", "manufacturing", 0.6, "equipment", "plant", "manufacturing", 0, 0, 0, 1.0, 0),
    ("机械", "manufacturing", 1.2, "equipment", "plant", "manufacturing", 1, 0, 1, 1.0, 0),
    ("NA", "utilities", 1.0, "equipment", "infrastructure", "infrastructure", 0, 1, 0, 1.0, 0),
    ("F", "construction", 1.0, "construction", "plant", "elsewhere", 0, 0, 0, 1.0, 0),
    ("K", "services", 1.0, "construction", "real_estate", "real_estate", 0, 0, 0, 1.0, 0),
    ("J", "services", 1.2, "intangible", "plant", "elsewhere", 0, 0, 0, 1.0, 0),
    ("P", "services", 1.1, "equipment", "infrastructure", "elsewhere", 0, 1, 0, 1.0, 1),
)
IDLE = ("Z", "manufacturing", 1.2, "equipment", "plant", "manufacturing", 0, 0, 1, 1.0, 0)
"""A line for a sector that makes nothing and that nobody buys from."""


@dataclass(frozen=True)
class Numbers:
    """The plain arrays of a table, so that a test can do its own accounting: home and imported, by sector."""

    domestic: np.ndarray
    imported: np.ndarray
    final_home: np.ndarray
    final_imported: np.ndarray
    taxes: np.ndarray
    value_added: np.ndarray
    output: np.ndarray
    jobs: np.ndarray


def write_map(folder: Path, sectors: tuple[tuple[object, ...], ...]) -> Path:
    """A sector map of these lines as CSV, as a user would write it."""
    path = folder / "map.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(MAP_COLUMNS)
        for code, group, *rest in sectors:
            industry = group in ("mining", "manufacturing", "utilities")
            broad = {"agriculture": "primary", "mining": "primary", "manufacturing": "manufacturing"}
            writer.writerow([code, f"sector {code}", group, *rest, group if industry else "",
                             "published" if industry else "", broad.get(str(group), "services"), "random"])  # fmt: skip
    return path


def random_numbers(seed: int, *, imports: bool = True, idle_sector: bool = False) -> Numbers:
    """A random table that balances, roughly with the proportions of an investing economy."""
    rng = np.random.default_rng(seed)
    n = len(SECTORS)
    coefficients = rng.dirichlet(np.ones(n), size=n).T * rng.uniform(0.35, 0.6, n)
    bought_abroad = rng.dirichlet(np.ones(n), size=n).T * rng.uniform(0.01, 0.05, n) * imports
    totals = dict(zip(CATEGORIES, (36.0, 1.0, 6.0, 11.0, 40.0, 0.0, 17.0), strict=True))
    home, abroad = np.zeros((n, len(CATEGORIES))), np.zeros((n, len(CATEGORIES)))
    for column, (name, total) in enumerate(totals.items()):
        goods = total * rng.uniform(0.95, 1.05) * rng.dirichlet(3 * np.ones(n))
        if name == "fixed_capital":
            goods = total * np.array([0.01, 0.005, 0.01, 0.3, 0.02, 0.5, 0.03, 0.1, 0.025]) * rng.uniform(0.9, 1.1, n)
        if name == "inventories":
            goods = rng.uniform(0.1, 0.6, n) * np.where(np.arange(n) % 2, 1.0, -1.0)
        foreign = rng.uniform(0.02, 0.15, n) * imports
        home[:, column], abroad[:, column] = goods * (1 - foreign), goods * foreign
    taxes = np.array([2.5, 0.1, 0.2, 0.3, 1.5, -0.1, 0.4]) * rng.uniform(0.7, 1.3, len(CATEGORIES))
    output = np.linalg.solve(np.eye(n) - coefficients, home.sum(axis=1))
    domestic, imported = coefficients * output, bought_abroad * output
    rest = output - domestic.sum(axis=0) - imported.sum(axis=0)
    shares = np.stack([rng.uniform(0.45, 0.6, n), rng.uniform(-0.05, 0.12, n), rng.uniform(0.1, 0.2, n)])
    added = np.concatenate([shares * rest, ((1 - shares.sum(axis=0)) * rest)[None, :]])
    jobs = output * rng.uniform(1000, 4000, n)
    made = Numbers(domestic, imported, home, abroad, taxes, added, output, jobs)
    return _with_idle_sector(made) if idle_sector else made


def _with_idle_sector(numbers: Numbers) -> Numbers:
    """The same table with one more sector that makes nothing."""
    pad = {
        "domestic": ((0, 1), (0, 1)), "imported": ((0, 1), (0, 1)), "final_home": ((0, 1), (0, 0)),
        "final_imported": ((0, 1), (0, 0)), "value_added": ((0, 0), (0, 1)), "output": (0, 1), "jobs": (0, 1),
        "taxes": (0, 0),
    }  # fmt: skip
    return Numbers(**{name: np.pad(getattr(numbers, name), width) for name, width in pad.items()})


def table_of(numbers: Numbers, folder: Path, name: str = "random") -> Table:
    """The numbers as a checked national table with its own sector map in `folder`."""
    sectors = (*SECTORS, IDLE)[: numbers.output.size]
    path = write_map(folder, sectors)
    return make_table(
        name=name, year=2020, unit="million thalers", regions=[HOME],
        sectors={str(row[0]): f"sector {row[0]}" for row in sectors}, categories=CATEGORIES, factors=FACTORS,
        flows=np.stack([numbers.domestic, numbers.imported])[:, :, None, :],
        final_demand=np.stack([numbers.final_home, numbers.final_imported])[:, :, None, :],
        value_added=numbers.value_added[:, None, :], output=numbers.output[None, :], national=True,
        product_taxes=numbers.taxes[None, :], employment={HOME: numbers.jobs}, classification=str(path),
    )  # fmt: skip


CARDS = {
    "paths_year": 2021.0, "public_investment": 7.0, "drive_last_year": 2026.0, "household_primary_income": 0.60,
    "net_income_abroad": 0.7, "interest_to_households": 0.1, "rebuilding": 0.05,
    "pandemic_shortfall": 1.0, "consumption_income_ratio": 0.61, "capacity_growth": 0.0575, "export_growth": 0.03,
    "housing_investment": 8.5, "financial_assets": 9.0, "firm_debt": 160.0, "public_debt": 97.5,
    "inflation_base": 0.005, "land_revenue_base": 8.3, "support_drive": 1.5, "state_dividends": 0.5,
    "state_property_income": 3.4, "drive_share_manufacturing": 0.30, "drive_share_infrastructure": 0.40,
    "drive_share_real_estate": 0.15, "drive_share_elsewhere": 0.10,
}  # fmt: skip
"""Cards of a random economy: a country with a drive and land sales; some are moved off zero so that no term is left
out."""


def random_economy(
    seed: int, folder: Path, *, imports: bool = True, idle_sector: bool = False, **cards: float
) -> Economy:
    """The calibrated economy of a random table."""
    numbers = random_numbers(seed, imports=imports, idle_sector=idle_sector)
    return calibrate(table_of(numbers, folder), region=HOME, cards={**CARDS, **cards})


def random_experiment(**changes: object) -> Experiment:
    """Two halves of a small size on a random economy, over few years."""
    made = Experiment(
        "random", table="random", region=HOME, horizon=Horizon(5, 2),
        targets={"package": Target("exactly", 1.5, 4), "idle_cut": Target("at_least", 0.3, 4),
                 "reform": Target("exactly", 0.3, 4)},
        levers=Levers(("programme", "reform", "retirement"), "debt", Benefit(0.05, 4)),
    )  # fmt: skip
    return made.replace(**changes) if changes else made


def exports_fall(economy: Economy) -> Economy:
    """The economy with a strong answer of investment and exports that fall by four tenths in 2027: many sectors then
    want to invest less than nothing."""
    strong = {
        "accelerator_industry": 0.4,
        "accelerator_elsewhere": 0.2,
        "export_growth": 0.01,
        "capacity_growth": 0.065,
    }
    made = calibrate(economy.table, economy.region, strong)
    left = 1.0 - 0.4 * (made.paths["year"] >= 2027)
    return replace(made, exports=(made.exports * left).transpose("sector", "year"))
