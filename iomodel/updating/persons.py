"""Persons employed of an older year beside the output of a later one: nobody works where nothing is made.

A source may count a sector's output with another's: the 2014 table has no Mexican real estate, the accounts of 2011
have persons there. Such persons are spread over the other sectors of the same broad sector, in proportion to theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from iomodel.classifications.sector_maps import load_map
from iomodel.errors import CardError

Array = NDArray[np.float64]


def where_output_is(
    persons: Mapping[str, Array], output: Mapping[str, Array], sectors: Sequence[str], classification: str
) -> tuple[dict[str, Array], list[str]]:
    """Persons by region (sector) with none in sectors without output, and a line for the history for each move.

    persons, output: region -> (sector). The total of each region stays; a region whose other sectors hold nobody keeps
    its persons where they are. Sectors of a classification without a map all count as one broad sector.
    """
    broad = _broad(sectors, classification)
    found: dict[str, Array] = {}
    said: list[str] = []
    for region, known in persons.items():
        moved = np.array(known, dtype=float)
        found[region] = moved
        if region not in output or moved.shape != (len(sectors),):
            continue  # make_table says what is wrong with it
        makes = output[region] > 0
        for place in np.flatnonzero(~makes & (moved > 0)).tolist():
            others = np.where(makes & (broad == broad[place]), moved, 0.0)
            if others.sum() > 0:
                said.append(
                    f"{moved[place]:.6g} thousand persons of {region} {sectors[place]}, which has no output here, "
                    f"spread over its other sectors of {broad[place]} by their persons"
                )
                moved = moved + others / others.sum() * moved[place]
                moved[place] = 0.0
        found[region] = moved
    return found, said


def _broad(sectors: Sequence[str], classification: str) -> NDArray[np.str_]:
    """The broad sector of each sector."""
    try:
        return np.array(load_map(classification).rows(list(sectors)).broad, dtype=str)
    except CardError:
        return np.full(len(sectors), "all")
