"""Which laws limit a path and what they cost, in words and in money of the table's country."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from iomodel.cards import Cards
from iomodel.program.trajectory import Trajectory
from iomodel.report.rows import cards_of
from iomodel.report.words import listed, number, short_names, signed, span
from iomodel.run import what_binds

WORDS = {
    "capacity_limit": "plant runs at its sustainable limit ({margin:g} points above normal use)",
    "idle_cut": "the stated cut of idle plant",
    "labour_shortage": "the labour force is fully used: unemployment cannot fall below {floor:g} percent",
    "overflow_limit": "manufactures bought abroad when labour is short are at their limit",
    "package": "the stated size of the social programme",
    "package_before": "the programme may not pass its stated size before its year",
    "programme_pace": "the programme can grow only by {ramp:g} points of GDP a year",
    "programme_pace_down": "the programme can shrink only by {ramp:g} points of GDP a year",
    "reform": "the stated cut of the investment drive",
    "reform_before": "the drive may not be cut beyond its target before its year",
    "reform_kept": "a cut of the investment drive is not taken back",
    "reform_limit": "the investment drive can be cut by {limit:g} percent at most",
    "reform_pace": "the investment drive can be cut only by {pace:g} points a year",
    "investment_not_negative": "no sector can invest less than nothing",
    "full_employment": "what is bought abroad for want of labour leaves no labour idle",
    "retirement_pace": "a sector's plant can be closed only at its pace",
    "debt_ceiling": "the ceiling of public debt",
    "deficit_ceiling": "the ceiling of the deficit",
    "firm_debt_ceiling": "the ceiling of firms' debt",
    "current_account_floor": "the floor of the current account",
    "household_saving_floor": "the floor of household saving",
}
"""Law -> what it says, with the cards that set it."""

CURRENCIES = {"CNY": "yuan", "USD": "dollars"}
SMALL = 5e-4
"""Worth below which a law is not shown, percent of base-year GDP a year."""

FEW, MOST = 2, 0.9
"""A law by sector whose price lies to this share in so few sectors is one of these sectors, not of the economy."""

NARROW = (
    "A limit that is one of single sectors stands after those of the whole economy, whatever it is worth: market "
    "investment follows demand late and prices do not move, so plant of a small sector can run short while "
    "industry has plant idle."
)
"""What a limit of single sectors means."""


@dataclass(frozen=True)
class Limit:
    """A law that binds: what it says, when and where, and what one percent of its bound is worth.

    change: a stated size is made "larger" by that percent, any other limit "looser". narrow: it is a limit of one or
    two sectors. sectors: those in which it costs most.
    """

    law: str
    says: str
    years: str
    where: str
    worth: float
    costs: str
    change: str
    narrow: bool = False
    sectors: tuple[str, ...] = ()


def limits(path: Trajectory, most: int = 5) -> list[Limit]:
    """The laws that limit a path, the costliest first, those of one or two sectors last; none for a simulated one."""
    cards = cards_of(path)
    rows: list[Limit] = []
    for row in what_binds(path):
        if abs(row.worth) < SMALL or len(rows) == most:
            continue
        price = path.shadow_prices[row.law]
        years = [int(label) for label in row.labels if str(label).isdigit()]
        costs = money(row.worth, path.provenance)
        change = "larger" if price.attrs["bound"] == "equal" else "looser"
        sectors, shares, narrow = _where(price, path)
        law = says(row.law, cards)
        told = f"{law} in {listed(shares)}, not in industry as a whole" if narrow else law
        where = "" if narrow else "; ".join(shares)
        rows.append(Limit(row.law, told, span(years), where, row.worth, costs, change, narrow, sectors))
    return sorted(rows, key=lambda limit: limit.narrow)


def says(law: str, cards: Cards) -> str:
    """What a law says; one of the user's own keeps its name."""
    if law not in WORDS:
        return f"the law {law.replace('_', ' ')}"
    return WORDS[law].format(
        margin=100 * cards["capacity_margin"],
        floor=100 * cards["frictional_unemployment"],
        ramp=cards["programme_ramp"],
        limit=100 * cards["reform_limit"],
        pace=100 * cards["reform_pace"],
    )


def money(share: float, provenance: Mapping[str, object]) -> str:
    """Percent of base-year GDP in money of the table, in billions, with its sign."""
    unit = str(provenance["gdp_unit"]).split()
    billions = share / 100 * float(str(provenance["gdp"])) / 1000
    if len(unit) != 2 or unit[0] != "million":
        return f"{signed(share, 3)} percent of base-year GDP"
    digits = 0 if abs(billions) >= 10 else 1
    return f"{signed(billions, digits)} bn {CURRENCIES.get(unit[1], unit[1])}"


def _where(price: xr.DataArray, path: Trajectory) -> tuple[tuple[str, ...], list[str], bool]:
    """The sectors in which a law costs most, the same with their part of its price, and whether it is one of so few."""
    dim = next((str(name) for name in price.dims if name in ("industry", "sector")), None)
    if dim is None:
        return (), [], False
    weight = abs(price).sum([name for name in price.dims if name != dim])
    part = weight.values / (float(weight.sum()) or 1.0)
    names = short_names(path.provenance["sectors"])
    order = [place for place in np.argsort(-part)[: FEW + 1] if part[place] > 0.05]
    codes = [str(weight[dim].values[place]) for place in order]
    sectors = tuple(_inside(names.get(code, code)) for code in codes)
    told = [
        f"{name} ({number(100 * float(part[place]), 0)} percent of it)"
        for name, place in zip(sectors, order, strict=True)
    ]
    return sectors, told, part.size > 5 * FEW and float(part[order[:FEW]].sum()) > MOST


def _inside(name: str) -> str:
    """A sector's name inside a sentence."""
    return f"{name[0].lower()}{name[1:]}"
