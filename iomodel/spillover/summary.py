"""Spillovers in a few plain numbers: one partner's total, and who gains and who loses in a year."""

from __future__ import annotations

import math

import xarray as xr

from iomodel.errors import ResultError, nearest
from iomodel.spillover.estimate import BY_VARIANT, ERROR

TOTAL = "total"
Row = dict[str, str | int | float | None]

_MEASURES = ("output", "value_added", "employment")


def partner_total(partners: xr.Dataset, partner: str, variable: str = "output_change") -> xr.DataArray:
    """One partner's `variable` over all sectors: DataArray (year, channel), same unit.

    Raises ResultError for an unknown partner or variable, with the nearest names.

    >>> labels = {"partner": ["USA"], "sector": ["15t16", "J"], "year": [2015], "channel": ["demand"]}
    >>> partners = xr.Dataset({"output_change": (tuple(labels), [[[[2.0]], [[-0.5]]]])}, labels)
    >>> partner_total(partners, "USA").values.tolist()
    [[1.5]]
    """
    for kind, name, allowed in (
        ("partner", partner, [str(label) for label in partners["partner"].values]),
        ("variable", variable, [str(label) for label in partners if "channel" in partners[label].dims]),
    ):
        if name not in allowed:
            raise ResultError(f"No {kind} {name!r}; there are {', '.join(allowed)}.{nearest(name, allowed)}")
    found = partners[variable].sel(partner=partner)
    return found.sum("sector", skipna=False).assign_attrs(found.attrs)


def summary(partners: xr.Dataset, year: int) -> list[Row]:
    """Who gains and who loses in `year`: one row for each partner and channel, and their total.

    Keys of a row: partner, year, channel ("demand", "barriers", "total"), and for output, value_added, employment
    (where the table has persons) NAME_change (unit of the variable) and NAME_change_share (percent of the partner's
    reference); None where a partner has no persons. Partners in order of their total change of value added, gains
    first; of one partner the total first, then the channels in the dataset's order. On an ESTIMATE, where they are
    known, also NAME_change_low and _high, the range over its variants, NAME_change_error, the amount by which the
    rehearsal's errors would move it up or down, and the same of the shares.

    Raises ResultError for a year that the spillovers do not hold.

    >>> labels = {"partner": ["USA"], "sector": ["15t16", "J"], "year": [2015], "channel": ["demand"]}
    >>> partners = xr.Dataset({"value_added_change": (tuple(labels), [[[[2.0]], [[-0.5]]]])}, labels)
    >>> summary(partners, 2015)[0]
    {'partner': 'USA', 'year': 2015, 'channel': 'total', 'value_added_change': 1.5}
    """
    years = [int(label) for label in partners["year"].values]
    if year not in years:
        raise ResultError(f"No year {year} in the spillovers; there are {years[0]} to {years[-1]}. Choose one of them.")
    chosen = partners.sel(year=year)
    gains = chosen["value_added_change"].sum(["sector", "channel"])
    order = sorted((str(label) for label in partners["partner"].values), key=lambda p: -float(gains.sel(partner=p)))
    channels = [str(label) for label in partners["channel"].values]
    return [_row(chosen.sel(partner=name), name, year, channel) for name in order for channel in (TOTAL, *channels)]


def _row(chosen: xr.Dataset, partner: str, year: int, channel: str) -> Row:
    row: Row = {"partner": partner, "year": year, "channel": channel}
    for measure in _MEASURES:
        for name in (f"{measure}_change", f"{measure}_change_share"):
            if name in chosen:
                cell = chosen[name].sum("sector", skipna=False)
                value = float(cell.sum("channel", skipna=False) if channel == TOTAL else cell.sel(channel=channel))
                row[name] = _known(value)
        row |= _trust(chosen, measure, channel)
    return row


def _trust(chosen: xr.Dataset, measure: str, channel: str) -> Row:
    """Range over variants and error of the rehearsal of one change, and of its share, where they are known."""
    found: Row = {}
    change = f"{measure}_change"
    amounts: dict[str, float] = {}
    if f"{change}{BY_VARIANT}" in chosen:
        each = _over(chosen[f"{change}{BY_VARIANT}"].sum("sector", skipna=False), channel)
        amounts |= {"low": float(each.min(skipna=False)), "high": float(each.max(skipna=False))}
    if f"{change}{ERROR}" in chosen:
        amounts["error"] = float(_over(chosen[f"{change}{ERROR}"].sum("sector", skipna=False), channel))
    if not amounts:
        return found
    whole = float(chosen[f"{measure}_reference"].sum("sector", skipna=False))
    for name, value in amounts.items():
        found[f"{change}_{name}"] = _known(value)
        found[f"{change}_share_{name}"] = _known(100 * value / whole)
    return found


def _over(values: xr.DataArray, channel: str) -> xr.DataArray:
    """One channel, or the sum of all."""
    return values.sum("channel", skipna=False) if channel == TOTAL else values.sel(channel=channel)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
