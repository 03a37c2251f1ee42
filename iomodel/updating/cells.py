"""The cells of an inter-country table, which need not balance, and as one vector.

The balancing methods know vectors; this is the one place that turns flows, final demand and value added into one and
back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from iomodel.table import Table

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells that need not balance, in one unit.

    flows (region, sector, to_region, to_sector), final (region, sector, to_region, category), added (region, sector):
    total value added.
    """

    regions: Sequence[str]
    sectors: Sequence[str]
    categories: Sequence[str]
    flows: Array
    final: Array
    added: Array

    def vector(self) -> Array:
        """All cells one after the other: flows, final demand, value added."""
        return np.concatenate([self.flows.ravel(), self.final.ravel(), self.added.ravel()])

    def with_cells(self, cells: Array) -> Cells:
        """The draft with other cells, in the order of `vector`."""
        ends = np.cumsum([self.flows.size, self.final.size])
        flows, final, added = np.split(cells, ends)
        return replace(
            self,
            flows=flows.reshape(self.flows.shape),
            final=final.reshape(self.final.shape),
            added=added.reshape(self.added.shape),
        )

    def places(self) -> tuple[Places, Places, Places]:
        """Place in the vector of each cell of flows, final and added."""
        count = np.arange(self.flows.size + self.final.size + self.added.size)
        numbered = self.with_cells(count.astype(float))
        return numbered.flows.astype(int), numbered.final.astype(int), numbered.added.astype(int)

    def where(self, region: str) -> int:
        """Place of a region."""
        return list(self.regions).index(region)

    def sales(self) -> Array:
        """Sales to all uses, (region, sector, to_region)."""
        return self.flows.sum(axis=3) + self.final.sum(axis=3)

    def output(self) -> Array:
        """Row sums, (region, sector)."""
        return self.sales().sum(axis=2)


def draft_of(table: Table) -> Cells:
    """The cells of a table."""
    return Cells(
        table.regions,
        table.sectors,
        table.categories,
        table.flows.values.copy(),
        table.final_demand.values.copy(),
        table.value_added.values.sum(axis=0),
    )
