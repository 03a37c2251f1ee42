"""The concordances to the 28 sectors that WIOD's two releases and the detailed Chinese tables have in common.

The project's one list (scheme, code, name, sector28, parent) says for each industry of a scheme which of the 28 it
belongs to. The 42 Chinese sectors follow from their 153 products: 34 of them lie whole in one of the 28, the other
eight are split by the output of their products in a table of the detail.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from iomodel.classifications.concordance import Concordance, make_concordance
from iomodel.classifications.concordance_files import classification_names
from iomodel.classifications.nesting import COARSE, DETAILED, nesting
from iomodel.errors import TableError, nearest
from iomodel.readers.cells import Grid, read_grid
from iomodel.readers.wiod_industries import INDUSTRIES

WORLD = "world28"
"""The classification that all schemes map to."""

SCHEMES = {"WIOD2013": "wiod35", "WIOD2016": "wiod56", "NBS2020_153": DETAILED}
"""Scheme of the list -> name of the classification."""


def read_world28(path: str | Path, output: Mapping[str, float], coarse: Mapping[str, str]) -> dict[str, Concordance]:
    """Concordances by name from the list at `path`.

    output: by product of the 153, for the weights of the 42 sectors that are split; coarse: names of the 42. Raises
    TableError for a scheme or a sector that is unknown, and for a scheme that lacks industries.
    """
    table, names = read_grid(path), classification_names(WORLD)
    codes, sectors = table.column("code"), table.column("sector28")
    found: dict[str, Concordance] = {}
    for scheme, classification in SCHEMES.items():
        rows = table.rows(scheme=scheme)
        listed = {table.cells[row][codes]: table.cells[row][sectors] for row in rows}
        _check(table, scheme, listed, names, len(rows))
        if classification == "wiod35":  # the list numbers the industries; the tables have the publisher's codes
            listed = {code: listed[f"c{place}"] for place, (code, _, _) in enumerate(INDUSTRIES, start=1)}
        title = table.column("name")
        titles = dict(zip(listed, (table.cells[row][title].strip() for row in rows), strict=True))
        made = make_concordance(listed, source=classification, target=WORLD, names=titles, target_names=names)
        found[made.title] = made
    products = found[f"{DETAILED}_to_{WORLD}"].mapping
    split = _of_sectors(products, output, coarse, names)
    return found | {split.title: split}


def _check(table: Grid, scheme: str, listed: Mapping[str, str], names: Mapping[str, str], rows: int) -> None:
    wanted = {"WIOD2013": 35, "WIOD2016": 56, "NBS2020_153": 153}[scheme]
    if len(listed) != wanted or rows != wanted:
        raise TableError(f"{table.source}: scheme {scheme} has {rows} rows and {len(listed)} codes; it needs {wanted}.")
    if unknown := sorted({sector for sector in listed.values() if sector not in names}):
        raise TableError(
            f"{table.source}, scheme {scheme}: {', '.join(unknown)} are none of the {len(names)} sectors of {WORLD}: "
            f"{', '.join(names)}.{nearest(unknown[0], names)}"
        )


def _of_sectors(
    products: Mapping[str, str], output: Mapping[str, float], coarse: Mapping[str, str], names: Mapping[str, str]
) -> Concordance:
    """The 42 sectors by their products: whole where all lie in one of the 28, by output where they do not."""
    shares: dict[str, dict[str, float]] = {code: {} for code in coarse}
    for product, parent in nesting(DETAILED).items():
        to = shares[parent]
        to[products[product]] = to.get(products[product], 0.0) + output[product]
    reasons: dict[str, str] = {}
    for code, to in shares.items():
        if len(to) == 1:
            shares[code] = dict.fromkeys(to, 1.0)
            continue
        amounts = np.array(list(to.values()))
        rounded = np.round(amounts / amounts.sum(), 6)
        rounded[-1] = round(1 - float(rounded[:-1].sum()), 6)
        shares[code] = dict(zip(to, rounded.tolist(), strict=True))
        reasons[code] = "split by the output of its products in the table of 153, 2020"
    return make_concordance(shares, source=COARSE, target=WORLD, names=coarse, target_names=names, reasons=reasons)
