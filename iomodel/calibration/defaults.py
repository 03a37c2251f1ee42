"""Stated defaults: what stands for the cards of a country of which nobody supplied any.

China's figures are poor ones for another country. Where the country's own table says something it is asked: its
accounts close in the base year with households, firms and the state each saving a plausible part, debts keep their
shares of GDP on trend. Every number found here is a card of the kind "default", printed with the economy: none is a
figure of the country. Where a rule gives more or less than is allowed, the end is taken and a finding says so. A card
that a user gives is kept, and the rules after it reckon with it. The rules' own numbers: tables/cards/rules.toml.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from iomodel.calibration.capital import drive_shares, plant_of
from iomodel.cards import Card, Cards, rules
from iomodel.classifications.sector_maps import SectorRows
from iomodel.economy import Finding
from iomodel.labels import ASSETS

Array = npt.NDArray[np.float64]

HELD = 1e-9
"""Distance from what a rule gives at which a default is said to be held at an end."""


@dataclass(frozen=True)
class Accounts:
    """What a region's table says, percent of its GDP: uses at purchasers' prices, and value added by sector.

    construction: the part of investment; collective and in_kind: of the government; taxes: on products and production.
    """

    consumption: float
    in_kind: float
    collective: float
    investment: float
    construction: float
    stocks: float
    taxes: float
    wages: float
    surplus: float
    output: Array
    depreciation: Array

    @staticmethod
    def of(levels: xr.Dataset, output: Array, added: Array) -> Accounts:
        """From base-year levels of the uses and (4, n) value added (compensation, taxes, depreciation, surplus)."""
        return Accounts(
            consumption=float(levels["household_consumption"]),
            in_kind=float(levels["in_kind_spending"]),
            collective=float(levels["collective_consumption"]),
            investment=sum(float(levels[asset]) for asset in ASSETS),
            construction=float(levels["construction"]),
            stocks=float(levels["inventories"].sum()) + float(levels["inventories_tax"]),
            taxes=float(levels["product_taxes"]) + float(added[1].sum()),
            wages=float(added[0].sum()),
            surplus=float(added[2].sum() + added[3].sum()),
            output=output,
            depreciation=added[2],
        )


@dataclass(frozen=True)
class Given:
    """What a rule gives, and the ends between which it may be taken."""

    value: float
    low: float = -math.inf
    high: float = math.inf


def with_defaults(cards: Cards, accounts: Accounts, rows: SectorRows) -> tuple[Cards, tuple[Finding, ...]]:
    """The cards of another country with what its own table says in place of China's; what a user gave is kept.

    Beside them a finding for each default that is held at an end of the range of its rule or card.
    """
    computed: dict[str, Callable[[Cards], Given]] = {
        "consumption_income_ratio": lambda known: Given(_consumption_ratio(known, accounts)),
        "capacity_growth": lambda known: _growth(known, accounts, rows),
        "export_growth": lambda known: Given(known["capacity_growth"]),
        "housing_investment": lambda _: Given(rules()["housing_part"] * accounts.construction),
        "public_investment": lambda known: Given(_public_investment(known, accounts, rows)),
        "household_primary_income": lambda known: _primary_income(known, accounts),
        "financial_assets": lambda known: Given(_financial_assets(known, accounts)),
    }
    held: list[Finding] = []
    for key, rule in computed.items():
        if key in cards.given:
            continue
        given, card = rule(cards), cards.card(key)
        taken = min(max(given.value, given.low, card.low), given.high, card.high)
        cards = cards.with_computed({key: taken})
        if abs(taken - given.value) > HELD:
            held.append(_held(card, given.value, taken))
    return cards, tuple(held)


def _held(card: Card, value: float, taken: float) -> Finding:
    """The finding that a default is not what its rule gives."""
    end = "least" if taken > value else "most"
    said = f"stated default, held at the {end} that is allowed: its rule gives {value:.3g} from this country's table"
    return Finding(f"card {card.key}", taken, None, card.unit, said)


def _consumption_ratio(cards: Cards, accounts: Accounts) -> float:
    """C / (C + households' part of national saving), national saving being GDP − C − S − G − NI."""
    saved = 100.0 - accounts.consumption - accounts.in_kind - accounts.collective - cards["net_income_abroad"]
    return accounts.consumption / (accounts.consumption + rules()["households_part_of_saving"] * max(saved, 0.0))


def _growth(cards: Cards, accounts: Accounts, rows: SectorRows) -> Given:
    """I / Σ capital − mean wear: what investment adds to capital when a unit of it builds a unit."""
    plant = plant_of(accounts.output, accounts.depreciation, rows, cards)
    capital = plant.capital[plant.there]
    rate = (accounts.investment - float(plant.decay[plant.there] @ capital)) / float(capital.sum())
    return Given(rate, rules()["growth_least"], rules()["growth_most"])


def _public_investment(cards: Cards, accounts: Accounts, rows: SectorRows) -> float:
    """The state's part of what public sectors invest besides the drive, and the vehicles' part of the drive."""
    invested = plant_of(accounts.output, accounts.depreciation, rows, cards).invested(accounts.investment, cards)
    drive = drive_shares(rows, cards) * invested
    own = rules()["public_part"] * float(((invested - drive) * rows.public).sum())
    return own + cards["vehicles_share"] * float(drive.sum())


def _steady_deficit(cards: Cards) -> float:
    """Deficit that keeps public debt at its share of GDP on trend: D₁ (g + π) / (1 + g)."""
    growth, inflation = cards["capacity_growth"], cards["inflation_base"]
    return cards["public_debt"] * (growth + inflation) / (1 + growth)


def _interest(cards: Cards) -> float:
    """Interest of the base year on the public debt at its start, which is D₁ / (1 + g) on trend."""
    return cards["interest_rate"] * cards["public_debt"] / (1 + cards["capacity_growth"])


def _land(cards: Cards) -> float:
    return cards["land_revenue_base"] * cards["land_share_kept"]


def _state_saving_less_primary_income(cards: Cards, accounts: Accounts) -> float:
    """S^G − primary income of households: taxes on wages are what takes their primary income to their income."""
    income = accounts.consumption / cards["consumption_income_ratio"]
    own = cards["profit_tax"] + cards["state_property_income"] + cards["state_dividends"]
    return accounts.taxes + own - income - accounts.collective - accounts.in_kind - _interest(cards)


def _primary_income(cards: Cards, accounts: Accounts) -> Given:
    """Share of national income: what leaves the state the saving that a steady public debt needs."""
    saving = cards["public_investment"] - _land(cards) - _steady_deficit(cards)
    income = saving - _state_saving_less_primary_income(cards, accounts)
    wages = accounts.wages + cards["interest_to_households"] * _interest(cards)
    low, high = (wages + rules()[part] * accounts.surplus for part in ("surplus_least", "surplus_most"))
    national = 100.0 - cards["net_income_abroad"]
    return Given(income / national, low / national, high / national)


def _financial_assets(cards: Cards, accounts: Accounts) -> float:
    """Firms' saving and steady new debt, less what firms invest."""
    national = 100.0 - accounts.consumption - accounts.in_kind - accounts.collective - cards["net_income_abroad"]
    households = accounts.consumption / cards["consumption_income_ratio"] - accounts.consumption
    primary = cards["household_primary_income"] * (100.0 - cards["net_income_abroad"])
    state = _state_saving_less_primary_income(cards, accounts) + primary
    growth, inflation = cards["capacity_growth"], cards["inflation_base"]
    borrowed = cards["firm_debt"] * (growth + inflation) / (1 + growth)
    own = accounts.investment - cards["public_investment"] - cards["housing_investment"] + accounts.stocks
    return borrowed + (national - households - state) - own - _land(cards)
