"""The report of an update as text."""

from __future__ import annotations

from typing import Any

from iomodel.table import Table


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
