"""A detailed classification and the one that it nests in: which sector a product belongs to, and what it takes over.

The official Chinese tables come with 153 products that nest exactly in 42 sectors. Employment is published for the 42
alone, and the sector map of the 153 is made from theirs: each product is treated as its sector unless the finer table
knows better, which `tables/maps/nbs153_differs.csv` says cell by cell with its reason.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from iomodel.classifications.sector_maps import MAP_COLUMNS
from iomodel.errors import CardError, nearest
from iomodel.shipped import shipped_file

DETAILED = "nbs153"
"""The detailed classification."""

COARSE = "nbs42"
"""The classification that it nests in."""

_DIFFERS = "nbs153_differs"
_MAY_DIFFER = MAP_COLUMNS[2:-1]

Lines = Sequence[Mapping[str, str]]


def nesting(classification: str) -> dict[str, str]:
    """Sector -> sector of `COARSE`: itself where the classification is that one; empty for any other classification.

    >>> nesting("nbs153")["061"], nesting("nbs42")["14"], nesting("wiod35")
    ('14', '14', {})
    """
    if classification not in (DETAILED, COARSE):
        return {}
    return {line[classification]: line[COARSE] for line in _lines("concordances", f"{DETAILED}_to_{COARSE}")}


def detailed_map(differs: Lines | None = None) -> str:
    """The sector map of the detailed classification as CSV text, made from the coarse one and what differs from it.

    `differs`: lines with products, column, value and reason, by default those of tables/maps/nbs153_differs.csv. Raises
    CardError when one names a product or column that is not there, gives no reason, or says what the sector's own line
    says.
    """
    products = _lines("concordances", f"{DETAILED}_to_{COARSE}")
    parents = {line["sector"]: line for line in _lines("maps", COARSE)}
    own = _differences(_lines("maps", _DIFFERS) if differs is None else differs, [line[DETAILED] for line in products])
    text = io.StringIO()
    columns: list[str] = list(MAP_COLUMNS)
    out = csv.DictWriter(text, columns, lineterminator="\n")
    out.writeheader()
    for product in products:
        code, parent = product[DETAILED], parents[product[COARSE]]
        cells = own.get(code, {})
        for column, (value, why) in cells.items():
            if value == parent[column] or not why:
                raise CardError(
                    f"{_DIFFERS}.csv, product {code}, column {column}: {value!r} needs a reason and has to differ from "
                    f"{parent[column]!r} of sector {product[COARSE]}."
                )
        said = [f"as {product[COARSE]}, {parent['name']}", *(f"{column}: {why}" for column, (_, why) in cells.items())]
        changed = {column: value for column, (value, _) in cells.items()}
        out.writerow(dict(parent) | changed | {"sector": code, "name": product["name"], "reason": "; ".join(said)})
    return text.getvalue()


def _differences(differs: Lines, products: Sequence[str]) -> dict[str, dict[str, tuple[str, str]]]:
    """Product -> column -> value and reason where a product is treated otherwise than its sector."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for line in differs:
        column = line["column"]
        if column not in _MAY_DIFFER:
            raise CardError(f"{_DIFFERS}.csv: there is no column {column!r}.{nearest(column, _MAY_DIFFER)}")
        for product in line["products"].split():
            if product not in products:
                raise CardError(f"{_DIFFERS}.csv: there is no product {product!r}.{nearest(product, products)}")
            if column in found.setdefault(product, {}):
                raise CardError(f"{_DIFFERS}.csv: column {column} of product {product} stands twice.")
            found[product][column] = (line["value"], line["reason"])
    return found


def _lines(folder: str, name: str) -> list[dict[str, str]]:
    with shipped_file("tables", folder, f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
