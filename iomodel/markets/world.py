"""The whole world as a linear map from final demand to output: one factorisation, any number of final demands.

x = (I − A)⁻¹ f, with A over (region, sector) pairs of an inter-country table. Under tariffs the columns of partners are
rebuilt from their new import shares, for intermediate and final uses alike, before I − A is factorised. Value added and
jobs follow output at the coefficients of the table's year: technology answers to no price here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import lu_factor, lu_solve

from iomodel.calibration.bundles import per_output
from iomodel.errors import TableError
from iomodel.markets.shares import Array, Elasticities
from iomodel.markets.tariffs import Regime, volumes_under
from iomodel.table import Table


@dataclass(frozen=True)
class World:
    """A world under one set of tariffs.

    regions, sectors: labels; coefficients: A (seller pair, buyer pair), pairs region-major; final: deliveries to final
    uses (seller, good, market) at the demand of the table's year, money unit of the table; factors: LU of I − A.
    """

    regions: tuple[str, ...]
    sectors: tuple[str, ...]
    coefficients: Array
    final: Array
    factors: tuple[Any, Any]

    def output(self, final: Array) -> Array:
        """x = (I − A)⁻¹ f. final, result: (region, sector, …), any further axes solved side by side."""
        right = final.reshape(len(self.regions) * len(self.sectors), -1)
        return np.asarray(lu_solve(self.factors, right)).reshape(final.shape)


def world_under(table: Table, region: str, tariffs: Regime, sigma: Elasticities) -> World:
    """The world of `table` when its partners raise `tariffs` on goods of `region`; no tariffs: the table as it is.

    A_{ri,sj} = V'_{ri,sj} / x_{sj} with the new volumes V' at the base year's inputs; a sector without output buys
    nothing (its column is zero). Raises TableError for a national table.
    """
    if table.is_national:
        raise TableError(
            f"The table {table.name} is national: the world's output follows from an inter-country table only. "
            'Use table="world-2011".'
        )
    regions, sectors = tuple(table.regions), tuple(table.sectors)
    delivered = volumes_under(table, region, tariffs, sigma)
    inputs, final = delivered[..., : len(sectors)], delivered[..., len(sectors) :].sum(axis=3)
    output = np.asarray(table.output.values, dtype=float)
    coefficients = input_coefficients(inputs, output)
    return World(regions, sectors, coefficients, final, lu_factor(np.eye(len(coefficients)) - coefficients))


def input_coefficients(inputs: Array, output: Array) -> Array:
    """A_{ri,sj} = Z_{ri,sj} / x_{sj}, zero where x_{sj} = 0. inputs: (region, sector, to_region, to_sector)."""
    size = output.size
    return per_output(inputs.reshape(size, size), output.reshape(size))
