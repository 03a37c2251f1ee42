"""United States imports by heading of the Harmonised System, and the weights that concordances of goods take from them.

A code that spreads over several sectors says in its reason which headings belong to which of them, such as "headings:
CHEM is 3901-3914, OMAN is 3915". Of a chapter everything else belongs to the one sector that is not named there. The
judgement stands in the file, the weights are computed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from iomodel.classifications.concordance import Concordance, make_concordance
from iomodel.errors import CardError, TableError

_DIGITS = 3
"""Decimals of a weight."""
_NAMED = re.compile(r"headings: ([^;]+)")


def read_imports(path: str | Path) -> dict[str, float]:
    """Imports for consumption of 2024 in USD by six-digit heading, of all partners together, from the Parquet file.

    Needs the extra package `duckdb`. Raises TableError for a file that is missing, unreadable or without these columns.
    """
    path = Path(path)
    if not path.is_file():
        raise TableError(f"There is no file {path}.")
    try:
        import duckdb
    except ImportError as error:
        raise TableError("Reading Parquet files needs the package duckdb: pip install duckdb.") from error
    try:
        with duckdb.connect(config={"threads": 1}) as base:
            summed = "SELECT HS6, SUM(imports) FROM read_parquet(?) GROUP BY HS6 ORDER BY HS6"
            return {str(code): float(amount) for code, amount in base.execute(summed, [str(path)]).fetchall()}
    except duckdb.Error as error:
        raise TableError(f"{path.name} is no Parquet file with the columns HS6 and imports ({error}).") from error


def weighted_by_imports(concordance: Concordance, imports: Mapping[str, float]) -> Concordance:
    """The concordance with the weights of its split codes computed from `imports` by heading.

    Weights have three decimals; what rounding leaves goes to the sector that the reason does not name, or the last.
    Raises CardError for a split code whose reason names no headings, or none of which is imported.
    """
    shares: dict[str, dict[str, float]] = {}
    for code in concordance.sectors:
        row = concordance.weights.sel(source=code)
        targets = [str(target) for target in row["target"].values[row.values > 0]]
        shares[code] = dict.fromkeys(targets, 1.0)
        if len(targets) > 1:
            shares[code] = _shares(f"{concordance.title}, {code}", code, concordance.reasons.get(code, ""),
                                   targets, imports)  # fmt: skip
    return make_concordance(
        shares,
        source=concordance.source,
        target=concordance.target,
        names=concordance.names,
        target_names=concordance.target_names,
        reasons=concordance.reasons,
    )


def _shares(where: str, code: str, reason: str, targets: list[str], imports: Mapping[str, float]) -> dict[str, float]:
    """Target -> share of one code's imports, in the order of `targets`."""
    named = _headings(where, reason)
    rest = [target for target in targets if target not in named.values()]
    unknown = sorted(set(named.values()) - set(targets))
    if unknown or len(rest) > 1:
        raise CardError(
            f"{where}: its reason names headings of {', '.join(dict.fromkeys(named.values())) or 'none'}, its lines "
            f"are for {', '.join(targets)}; allowed: headings of all of them, or of all but one."
        )
    sums = dict.fromkeys(targets, 0.0)
    for heading, amount in imports.items():
        target = next((named[heading[:size]] for size in (6, 4) if heading[:size] in named), None)
        if target is None and rest and heading.startswith(code):
            target = rest[0]
        if target is not None:
            sums[target] += amount
    whole = sum(sums.values())
    if not whole > 0:
        raise CardError(f"{where}: nothing is imported of its headings, so that they give no weights.")
    found = {target: round(amount / whole, _DIGITS) for target, amount in sums.items()}
    kept = rest[0] if rest else targets[-1]
    others = sum(share for target, share in found.items() if target != kept)
    return {**found, kept: round(1 - others, _DIGITS)}


def _headings(where: str, reason: str) -> dict[str, str]:
    """Heading -> target of a reason; spans such as 3901-3914 are spelled out."""
    found = _NAMED.search(reason)
    if found is None:
        raise CardError(
            f"{where}: it is split, but its reason names no headings, such as 'headings: AGR is 0301 0302'."
        )
    named: dict[str, str] = {}
    for part in found[1].split(", "):
        target, _, codes = part.partition(" is ")
        for code in codes.split():
            first, _, last = code.partition("-")
            if not (first.isdigit() and (last or first).isdigit() and len(first) == len(last or first) in (4, 6)):
                raise CardError(f"{where}: the heading {code!r} of {target}; allowed: four or six digits, or a span.")
            for place in range(int(first), int(last or first) + 1):
                named[str(place).zfill(len(first))] = target
    return named
