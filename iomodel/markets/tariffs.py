"""Tariffs of partners on the home region's goods: from points by partner, sector group and year to what is delivered.

A tariff adds its points to what the partner charges in the table's year on goods of the home region alone, so that
other sellers to that market gain (diversion). The relative price of home goods there is 1 + points/100.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from iomodel.cards import Cards
from iomodel.classifications.sector_maps import load_map
from iomodel.errors import ExperimentError, nearest
from iomodel.labels import TARIFF_GROUPS
from iomodel.markets.shares import Array, Elasticities, relative_prices, volumes
from iomodel.table import Table

FIXED_USES = ("inventories",)
"""Final uses whose sellers do not answer to prices: stock changes are signed entries of one year."""


class Tariff(Protocol):
    """A tariff as an experiment states it (`in_force` fills it in), or one in force such as `Duty`."""

    @property
    def partner(self) -> str:
        """Region that raises the duty; "all" before it is filled in."""
        ...

    @property
    def group(self) -> str:
        """Goods it falls on: one of TARIFF_GROUPS."""
        ...

    @property
    def points(self) -> float | None:
        """Percentage points added; None before it is filled in: the card partner_tariff."""
        ...

    @property
    def from_year(self) -> int:
        """First year: a calendar year; before it is filled in a year of policy, the first being 1."""
        ...


@dataclass(frozen=True)
class Duty:
    """A tariff in force, with its partner named, its points filled in and a calendar year."""

    partner: str
    group: str
    points: float
    from_year: int


def in_force(tariffs: Iterable[Tariff], table: Table, region: str, cards: Cards, first_year: int) -> list[Duty]:
    """Stated tariffs in full: "all" becomes every partner, points None the card partner_tariff, years calendar years.

    first_year: the calendar year that is the first of policy.
    """
    abroad = [name for name in table.regions if name != region]
    return [
        Duty(
            partner,
            stated.group,
            float(cards["partner_tariff"]) if stated.points is None else float(stated.points),
            first_year + stated.from_year - 1,
        )
        for stated in tariffs
        for partner in (abroad if stated.partner == "all" else [stated.partner])
    ]


Regime = tuple[tuple[str, str, float], ...]
"""The tariffs in force in a year, sorted, as (partner, group, points): years of one regime share one factorisation."""


def regime(tariffs: Iterable[Tariff], year: int) -> Regime:
    """The tariffs in force in `year`, those of zero points left out."""
    found: list[tuple[str, str, float]] = []
    for tariff in tariffs:
        if tariff.points is None:
            raise ExperimentError(f"The tariff of {tariff.partner} has no points; fill it in with in_force first.")
        if tariff.from_year <= year and tariff.points != 0:
            found.append((tariff.partner, tariff.group, float(tariff.points)))
    return tuple(sorted(found))


def elasticities(cards: Cards) -> Elasticities:
    """The two elasticities of substitution from the cards elasticity_home_import and elasticity_imports."""
    return Elasticities(float(cards["elasticity_home_import"]), float(cards["elasticity_imports"]))


def duties(table: Table, region: str, tariffs: Regime) -> Array:
    """tar_rid (seller, good, market), fractions: the points of `tariffs` on goods of `region`, zero for all others.

    Tariffs of one partner on overlapping groups add up. Raises ExperimentError for a national table, an unknown
    partner or group, and a partner that is the home region.
    """
    regions, sectors = table.regions, table.sectors
    rates = np.zeros((len(regions), len(sectors), len(regions)))
    if not tariffs:
        return rates
    if table.is_national:
        raise ExperimentError(
            f"Tariffs name partners, but the table {table.name} has one foreign region. "
            'Use an inter-country table: table = "world-2011".'
        )
    for partner, group, points in tariffs:
        _check(partner, group, region, regions)
        market = regions.index(partner)
        rates[regions.index(region), _in_group(table, sectors, group), market] += points / 100
    return rates


def exports_under_tariffs(
    table: Table, region: str, tariffs: Sequence[Tariff], cards: Cards, years: Sequence[int]
) -> xr.DataArray:
    """Factor on the home region's exports by sector and year: volume under the tariffs over volume without.

    e'_i / e_i = Σ_p Σ_f S'_{rip f} P Q / P_r  /  Σ_p Σ_f V_{rip f} over partners p and their uses f (intermediate and
    final), at the partners' demand of the table's year: who supplies it changes, how much is used does not. One where
    nothing changes and where nothing is exported.

    Parameters
    ----------
    table : inter-country table (a national one only without tariffs)
    region : the home region, seller of the exports
    tariffs : in force (see `in_force`): partner, group ("manufacturing", "primary", "services" or "all"), points,
        from_year, a calendar year
    cards : elasticity_home_import, elasticity_imports
    years : calendar years of the result

    Returns
    -------
    DataArray (sector, year), unit "1".

    >>> from iomodel.cards import load_cards
    >>> from iomodel.table import load_table
    >>> duty = Duty("USA", "manufacturing", 10.0, 2013)
    >>> factor = exports_under_tariffs(load_table("world-2011"), "CHN", [duty], load_cards("world-2011"), [2012, 2013])
    >>> factor.sel(sector="17t18").values.round(2).tolist()
    [1.0, 0.95]
    """
    sectors = table.sectors
    factors = np.ones((len(sectors), len(years)))
    known: dict[Regime, Array] = {(): np.ones(len(sectors))}
    for place, year in enumerate(years):
        now = regime(tariffs, int(year))
        if now not in known:
            known[now] = _export_factor(table, region, now, elasticities(cards))
        factors[:, place] = known[now]
    return xr.DataArray(
        factors,
        dims=("sector", "year"),
        coords={"sector": sectors, "year": [int(year) for year in years]},
        name="export_factor",
        attrs={"units": "1", "long_name": "exports under tariffs over exports without, at partners' given demand"},
    )


def uses(table: Table) -> tuple[Array, NDArray[np.bool_]]:
    """All uses of an inter-country table side by side, (seller, good, market, use), and which of them are fixed.

    Uses are the buying sectors, then the categories of final demand.
    """
    flows = np.asarray(table.flows.values, dtype=float)
    final = np.asarray(table.final_demand.values, dtype=float)
    fixed = np.array([False] * flows.shape[3] + [name in FIXED_USES for name in table.categories])
    return np.concatenate([flows, final], axis=3), fixed


def volumes_under(table: Table, region: str, tariffs: Regime, sigma: Elasticities) -> Array:
    """Volumes delivered (seller, good, market, use) under `tariffs`, at base prices and the demand of the table."""
    base, fixed = uses(table)
    if not tariffs:
        return base
    rates = duties(table, region, tariffs)
    prices = relative_prices(np.ones(rates.shape[:2]), rates)
    return volumes(base, prices, sigma, fixed)


def _export_factor(table: Table, region: str, tariffs: Regime, sigma: Elasticities) -> Array:
    """Volume of exports under `tariffs` over that of the table, by sector."""
    rates = duties(table, region, tariffs)  # refuses a national table before its shapes can mislead
    regions = table.regions
    home = regions.index(region)
    abroad = np.arange(len(regions)) != home
    base, fixed = uses(table)
    prices = relative_prices(np.ones(rates.shape[:2]), rates)
    before = base[home][:, abroad].sum(axis=(1, 2))
    after = volumes(base, prices, sigma, fixed)[home][:, abroad].sum(axis=(1, 2))
    changed = before != 0
    return np.where(changed, after / np.where(changed, before, 1.0), 1.0)


def _check(partner: str, group: str, region: str, regions: Sequence[str]) -> None:
    others = [name for name in regions if name != region]
    if partner not in others:
        raise ExperimentError(
            f"Tariffs of unknown partner {partner!r}; partners of {region} in this table: {', '.join(others)}."
            f"{nearest(partner, others)}"
        )
    if group not in TARIFF_GROUPS:
        known = ", ".join(TARIFF_GROUPS)
        raise ExperimentError(f"Tariff on unknown group {group!r}; allowed: {known}.{nearest(group, TARIFF_GROUPS)}")


def _in_group(table: Table, sectors: Sequence[str], group: str) -> list[int]:
    """Positions of the sectors in `group` by the column `broad` of the classification's map."""
    if group == "all":
        return list(range(len(sectors)))
    broad = load_map(str(table.attrs["classification"])).rows(sectors).broad
    return [place for place, found in enumerate(broad) if str(found) == group]
