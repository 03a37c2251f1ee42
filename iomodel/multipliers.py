"""Multipliers: what one percent of GDP of public works, spending in kind or cash does to GDP, one instrument at a time.

At given prices and without the assumed response to welfare, so that nothing but the circular flow of goods and incomes
is at work; with labour out of reach of its limit and as it is; in the first year and, spending kept up, in the second.
Published values to hold them to: 0.8 in 2001–15, 0.75 to 1.4 by regime (Chen, Ratnovski and Tsai 2017, IMF WP/17/273).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from iomodel.calibration.calibrating import calibrate
from iomodel.economy import Economy
from iomodel.program.arrays import Arrays, arrays_of
from iomodel.program.simulate import base_state, no_levers, step

INSTRUMENTS = {"public works": None, "spending in kind": 1.0, "cash": 0.0}
"""Instrument -> share of the programme given in kind; None: public investment."""

BAND = ("multiplier_low", "multiplier_high")
"""Cards that hold the band of the published values."""


@dataclass(frozen=True)
class Multiplier:
    """GDP gained per unit of an instrument: in year 1 or 2, with labour out of reach or as it is."""

    instrument: str
    year: int
    labour_limit: bool
    value: float


def multipliers(economy: Economy) -> list[Multiplier]:
    """Multipliers of the instruments in the first two years, without and with the limit of labour (yuan per yuan).

    >>> import iomodel as iom
    >>> rows = multipliers(iom.calibrate(iom.load_table("china-2020")))
    >>> [round(row.value, 1) for row in rows if row.year == 1 and not row.labour_limit]
    [1.0, 1.1, 0.7]
    """
    rows: list[Multiplier] = []
    for instrument, in_kind in INSTRUMENTS.items():
        cards = {"precaution": 0.0, "programme_in_kind_share": 1.0 if in_kind is None else in_kind}
        changed = calibrate(economy.table, economy.region, economy.cards.replace(cards))
        for limited in (False, True):
            arrays = arrays_of(changed if limited else _plenty(changed))
            gains = _gains(arrays, public=in_kind is None)
            rows += [Multiplier(instrument, year, limited, gain) for year, gain in enumerate(gains, start=1)]
    return rows


def warnings_of(rows: list[Multiplier], economy: Economy) -> list[str]:
    """Multipliers of the first year, labour in plenty, that leave the published band; cash is only printed."""
    low, high = (economy.cards[key] for key in BAND)
    return [
        f"the multiplier of {row.instrument} in the first year is {row.value:.2f}, outside {low:g} to {high:g}"
        for row in rows
        if row.year == 1 and not row.labour_limit and row.instrument != "cash" and not low <= row.value <= high
    ]


def _plenty(economy: Economy) -> Economy:
    """The same economy with a labour force so large that its limit is out of reach."""
    more = economy.accounts.assign(labour_force=1.2 * economy.accounts["labour_force"])
    return replace(economy, accounts=more)


def _gains(arrays: Arrays, *, public: bool) -> list[float]:
    """GDP gained in two years by one percent of base-year GDP a year of public works or of the programme."""
    usual = no_levers(arrays)
    _, state = step(arrays, 0, base_state(arrays), usual)
    moved_state, gains = state, []
    for year in (1, 2):
        without, state = step(arrays, year, state, usual)
        if public:
            moved, moved_state = step(_with_public_works(arrays, year), year, moved_state, usual)
        else:
            moved, moved_state = step(arrays, year, moved_state, replace(usual, programme=1.0))
        gains.append(float(moved["gdp"]) - float(without["gdp"]))
    return gains


def _with_public_works(arrays: Arrays, year: int) -> Arrays:
    """Public investment larger by one percent of base-year GDP in `year`, spread as public works are."""
    works = arrays.economy.sectors["public_investment"]
    raised = works * (1 + 1 / float(works.sum()) / float(arrays.path("trend")[year]))
    sectors = arrays.economy.sectors.assign(public_investment=raised)
    return replace(arrays, economy=replace(arrays.economy, sectors=sectors))
