"""Trading partners in plain numbers: each change with its range over variants and what a rehearsal was off.

On an ESTIMATE a change without these would claim more than is known, so that text, page and file take their numbers
from here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import xarray as xr

from iomodel.report.words import number, policy, region, signed
from iomodel.spillover import summary
from iomodel.study.policies import Study

TOTAL = "total"
NAME_WIDTH, CELL_WIDTH = 20, 42
SHARE, MONEY, PERSONS = "value_added_change_share", "value_added_change", "employment_change"

Row = Mapping[str, Any]


def rows_of(partners: xr.Dataset) -> dict[str, dict[str, Row]]:
    """Partner -> channel -> its row of `summary` in the last year."""
    by: dict[str, dict[str, Row]] = {}
    for row in summary(partners, int(partners["year"].values[-1])):
        by.setdefault(str(row["partner"]), {})[str(row["channel"])] = row
    return by


def trust(row: Row, key: str, digits: int, scale: float = 1.0) -> tuple[str, ...]:
    """How far a number can be trusted: its range and the rehearsal's error, as far as known; nothing of a zero.

    >>> trust({"x": 0.2, "x_low": 0.1, "x_high": 0.3, "x_error": 0.04}, "x", 1)
    ('(+0.1 to +0.3)', '± 0.0')
    """
    low, high, error = (row.get(f"{key}_{name}") for name in ("low", "high", "error"))
    parts: list[str] = []
    if not (row[key] or low or high):
        return ()
    if low is not None and high is not None:
        parts.append(f"({signed(scale * low, digits)} to {signed(scale * high, digits)})")
    if error is not None:
        parts.append(f"± {number(scale * error, digits)}")
    return tuple(parts)


def partner_lines(study: Study) -> Iterator[str]:
    """The printed table of partners: value added in the last year, a column a policy; nothing without partners."""
    found = {name: rows_of(data) for name, data in study.partners.items()}
    if not found:
        return
    first, data = next(iter(found.values())), next(iter(study.partners.values()))
    mark = "ESTIMATE, " if "estimate" in data.attrs else ""
    yield (
        f"Trading partners in {int(data['year'].values[-1])}, {mark}value added against business as usual, percent of "
        "their own"
    )
    yield from _heading(data)
    yield ("  " + "".ljust(NAME_WIDTH) + "".join(policy(name).ljust(CELL_WIDTH) for name in found)).rstrip()
    for partner in sorted(first, key=lambda one: -float(first[one][TOTAL][SHARE] or 0.0)):
        cells = [_cell(rows[partner][TOTAL]).ljust(CELL_WIDTH) for rows in found.values()]
        yield f"  {region(partner):{NAME_WIDTH}}{''.join(cells)}".rstrip()


def _cell(row: Row) -> str:
    return " ".join([signed(float(row[SHARE] or 0.0), 2), *trust(row, SHARE, 2)])


def _heading(data: xr.Dataset) -> Iterator[str]:
    """What stands beside a number, in words, where the table is an ESTIMATE."""
    if "estimate" in data.attrs:
        yield f"  ({trust_words(data)})"


def trust_words(partners: xr.Dataset) -> str:
    """What range and error are, or that they are not known; empty on a published table."""
    if "estimate" not in partners.attrs:
        return ""
    known = [str(name) for name in partners.data_vars]
    spread = (
        f"in brackets the range over {partners.sizes['variant']} variants"
        if any(name.endswith("_by_variant") for name in known)
        else "the range over variants is not known"
    )
    error = (
        "± the error rehearsed on years whose truth is known"
        if any(name.endswith("_error") for name in known)
        else "the method's error is not known"
    )
    return f"{spread}; {error}"


def sure_of_sign(rows: Mapping[str, Mapping[str, Row]]) -> list[str]:
    """Partners whose change has one sign in every variant and beyond the rehearsal's error, by name."""
    found: list[str] = []
    for partner, channels in rows.items():
        row = channels[TOTAL]
        low, high, error = (float(row.get(f"{SHARE}_{name}") or 0.0) for name in ("low", "high", "error"))
        if low - error > 0 or high + error < 0:
            found.append(region(partner))
    return found
