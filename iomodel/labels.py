"""Names of dimensions, categories, factors and uses: the words in which every labelled array speaks.

Only names live here, so that every layer can import them; the few functions turn labels into positions at the seam
between labelled arrays outside and numpy arrays inside.
"""

from __future__ import annotations

from collections.abc import Iterable

IMPORTS = "IMPORTS"
"""The one foreign seller of a national table."""

FLOW_DIMS = ("region", "sector", "to_region", "to_sector")
FINAL_DIMS = ("region", "sector", "to_region", "category")
VALUE_ADDED_DIMS = ("factor", "to_region", "to_sector")
OUTPUT_DIMS = ("region", "sector")
TAX_DIMS = ("to_region", "category")

CATEGORIES = (
    "household",
    "non_profit",
    "government_individual",
    "government_collective",
    "fixed_capital",
    "inventories",
    "exports",
)
FACTORS = ("compensation", "production_taxes", "depreciation", "operating_surplus")
TARIFF_GROUPS = ("manufacturing", "primary", "services", "all")
"""Groups of goods that a tariff may fall on: the broad ones of a sector map, or all."""
ASSETS = ("construction", "equipment", "intangible")


def positions(wanted: Iterable[str], labels: Iterable[str]) -> list[int]:
    """Positions of `wanted` in `labels`; KeyError names the first label that is absent.

    >>> positions(["b", "a"], ["a", "b", "c"])
    [1, 0]
    """
    index = {label: place for place, label in enumerate(labels)}
    return [index[label] for label in wanted]
