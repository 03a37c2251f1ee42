"""The report of an update and the errors of a validation as text."""

from __future__ import annotations

from typing import Any

import xarray as xr

from iomodel.table import Table
from iomodel.updating.validation import Validation, mean_errors

_MEASURES = ("cells", "cross_border_cells", "bilateral", "multipliers")


def report_text(table: Table) -> str:
    """What `update` wrote into the table: how it was made, what soft rows conceded, what moved most."""
    said: dict[str, Any] = table.attrs["update"]
    size = f"{len(table.regions)} regions × {len(table.sectors)} sectors, {table.unit}"
    hard, balance = said["largest_hard_residual"], said["largest_balance_miss"]
    lines = [f"{table.name}: ESTIMATE of {table.year}, {size}"]
    lines.append(f"  {said['rows']} rows, {said['soft_rows']} of them soft, {said['steps']} Newton steps")
    lines.append(f"  largest miss of a hard row {hard:.1e}, of a balance {balance:.1e}")
    lines += [f"  {step}" for step in table.attrs["history"]]
    if said["conceded"]:
        lines.append("soft rows that conceded most (reached against target)")
        lines += [f"  {name}: {100 * share:+.1f} percent" for name, share in said["conceded"].items()]
    lines.append(f"sales that moved most from the start ({table.unit})")
    lines += [f"  {name}: {before:,.0f} to {after:,.0f}" for name, (before, after) in said["moved_most"].items()]
    return "\n".join(lines)


def validation_text(found: Validation, partner: str = "AUS") -> str:
    """Errors of a validation as text: ladder, gaps, rehearsal and its errors by partner.

    partner: whose ratio of investment to consumption is told; the first where the regions do not hold it.
    """
    partners = [str(label) for label in found.rehearsal["partner"].values]
    partner = partner if partner in partners else partners[0]
    lines = [
        "Weighted absolute percentage errors of partners' value added in household / government / investment demand;",
        f"the ratio is value added of {partner} per unit of investment over that per unit of household consumption.",
    ]
    spans = list(dict.fromkeys((first, last) for first, last, _ in found.ladder))
    for first, last in spans:
        lines += ["", f"{first} to {last}: what information buys   [cells, cells across borders, pairs, multipliers]"]
        for (_, _, name), errors in ((key, one) for key, one in found.ladder.items() if key[:2] == (first, last)):
            lines.append(f"  {name:36}{_row(errors, partner)}")
    kinds = list(dict.fromkeys(kind for _, _, kind in found.gaps))
    for kind in kinds:
        lines += ["", f"as known of the recipe's year, {kind}"]
        lines += [
            f"  {first} to {last}{_row(one, partner)}" for (first, last, of), one in found.gaps.items() if of == kind
        ]
        lines.append(f"  mean        {' '.join(f'{value:5.1f}' for value in mean_errors(found.gaps, kind))}")
    first, last = found.rehearsal_years
    lines += [
        "",
        f"dress rehearsal {first} to {last}: the office's own table, stale pairs{_row(found.rehearsal, partner)}",
    ]
    lines.append("  by partner, (estimate - truth)/truth in percent: household, government, investment")
    by_partner = found.rehearsal["embodied_by_partner"].transpose("partner", "use")
    for name, row in zip(by_partner["partner"].values, by_partner.values, strict=True):
        lines.append(f"  {name!s:5}{' '.join(f'{value:+6.0f}' for value in row)}")
    return "\n".join(lines)


def _row(errors: xr.Dataset, partner: str) -> str:
    """One line of errors."""
    embodied = " ".join(f"{value:5.1f}" for value in errors["embodied"].values)
    ratio = " (true ".join(f"{value:.2f}" for value in errors["ratio"].sel(partner=partner).values)
    more = [f"{float(errors[name]):.1f}" for name in _MEASURES if name in errors]
    return f"  {embodied}   ratio {ratio})" + (f"   [{', '.join(more)}]" if more else "")
