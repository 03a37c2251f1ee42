"""What is known of the later year: official national tables, totals by region, trade by pair.

Each piece is data with its year, unit and hardness (`tau`: 0 = hard; a soft row costs (A t − b)²/(2 τ |b|)). A piece
that is wrong by itself is refused when it is made; whether pieces fit the start and each other is `checks`' business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from iomodel.aggregation import aggregate
from iomodel.classifications.concordance import Concordance
from iomodel.errors import BalanceError, TableError, nearest
from iomodel.table import Table, table_required

MEASURES = ("value_added", "exports", "imports")
"""What `Totals` may fix by region. Exports and imports cross a border: a region's sales to itself are neither."""


@dataclass(frozen=True, eq=False)
class OfficialBlock:
    """A national table that becomes the block of its home region, cell by cell.

    table: national, in the sectors of the start or with `sectors`, a concordance to them. per_unit: its currency for
    one of the start's. shares: an inter-country table whose sellers' shares split the imports by product and use, as
    they are there (None: the start's; shares grown with the sellers' value added did worse on years with a truth).
    seed: cells of zero in the start that have targets are seeded with the product's shares instead of refused.
    Re-exports are left out on both sides.

    Raises TableError for an inter-country table, or a concordance that does not cover it.
    """

    table: Table
    per_unit: float = 1.0
    sectors: Concordance | Mapping[str, str] | str | None = None
    shares: Table | None = None
    seed: bool = False
    block: Table = field(init=False, repr=False)

    def __post_init__(self) -> None:
        table = table_required(self.table)
        if not table.is_national:
            raise TableError(
                f"An official block is one region's national table; {table.name} is an inter-country table of "
                f"{len(table.regions)} regions. Give the national one."
            )
        if not (np.isfinite(self.per_unit) and self.per_unit > 0):
            raise TableError(f"{table.name}: per_unit is {self.per_unit!r}; allowed: a positive number ({table.unit}).")
        if self.shares is not None and self.shares.is_national:
            raise TableError(
                f"The shares of sellers in the imports of {table.name} are to come from {self.shares.name}, which is "
                "national: its imports have no sellers. Give an inter-country table, or None for the start."
            )
        block = table if self.sectors is None else aggregate(table, self.sectors)
        object.__setattr__(self, "block", block)

    @property
    def region(self) -> str:
        """The region that the block belongs to."""
        return self.block.home

    @property
    def year(self) -> int:
        """The year of the table."""
        return self.block.year


@dataclass(frozen=True, eq=False)
class Totals:
    """Totals by region: value added, exports or imports, over all sectors or over `sectors`.

    values (region): in `unit`, NaN where unknown. year: the year that they belong to. tau: 0 = hard. name: what errors
    and the report call them.

    Raises BalanceError for negative totals, each listed, dims that are not (region,), an unknown measure or tau < 0.

    >>> Totals("value_added", xr.DataArray([3.0, 1.0], {"region": ["A", "B"]}), year=2020, unit="million USD").hard
    True
    """

    measure: str
    values: xr.DataArray
    year: int
    unit: str
    sectors: Sequence[str] | None = None
    tau: float = 0.0
    name: str = ""

    def __post_init__(self) -> None:
        if self.measure not in MEASURES:
            raise BalanceError(
                f"Totals: the measure is {self.measure!r}; allowed: {', '.join(MEASURES)}."
                f"{nearest(str(self.measure), MEASURES)}"
            )
        object.__setattr__(self, "name", self.name or f"totals of {self.measure}")
        _settle(self, ("region",))

    @property
    def hard(self) -> bool:
        """Whether they hold exactly."""
        return self.tau == 0


@dataclass(frozen=True, eq=False)
class Pairs:
    """Trade by pair of regions, over all sectors or over `sectors`.

    values (region, to_region): sales of a region to another in `unit`, NaN where unknown; what a region sells to itself
    is not used. tau: 0 = hard. seed: a pair whose cells are all zero in the start is seeded with what others sell to
    the buyer, instead of refused.

    Raises BalanceError for negative values, each listed, dims that are not (region, to_region), or tau < 0.
    """

    values: xr.DataArray
    year: int
    unit: str
    sectors: Sequence[str] | None = None
    tau: float = 0.1
    seed: bool = False
    name: str = "pairs"

    def __post_init__(self) -> None:
        _settle(self, ("region", "to_region"))

    @property
    def hard(self) -> bool:
        """Whether they hold exactly."""
        return self.tau == 0


Piece = OfficialBlock | Totals | Pairs


def _settle(piece: Totals | Pairs, dims: tuple[str, ...]) -> None:
    """Refuse values that are none; keep them as plain labelled floats."""
    values, sectors = piece.values, piece.sectors
    if not isinstance(values, xr.DataArray) or values.dims != dims:
        found = values.dims if isinstance(values, xr.DataArray) else type(values).__name__
        raise BalanceError(f"{piece.name}: the values have {found}; allowed: a DataArray with the dims {dims}.")
    if values.dtype.kind not in "fiu":
        raise BalanceError(f"{piece.name}: the values are {values.dtype}; allowed: numbers in {piece.unit}.")
    if not (isinstance(piece.tau, int | float) and 0 <= piece.tau < np.inf):
        raise BalanceError(f"{piece.name}: tau is {piece.tau!r}; allowed: 0 for hard, or more for soft.")
    plain = xr.DataArray(
        np.array(values.values, dtype=float),
        {dim: [str(label) for label in values[dim].values] for dim in dims},
        dims,
        attrs={"units": piece.unit},
    )
    for dim in dims:
        labels = list(plain[dim].values)
        if twice := sorted({str(label) for label in labels if labels.count(label) > 1}):
            raise BalanceError(f"{piece.name}: {dim} {', '.join(twice)} stands more than once; once is allowed.")
    bad = np.argwhere((plain.values < 0) | np.isinf(plain.values))
    if len(bad):
        shown = [
            f"{' to '.join(str(plain[dim].values[place[axis]]) for axis, dim in enumerate(dims))} "
            f"{plain.values[tuple(place)]:g}"
            for place in bad
        ]
        raise BalanceError(
            f"{piece.name}: {'; '.join(shown)}; allowed: zero or more in {piece.unit}, NaN where unknown."
        )
    object.__setattr__(piece, "values", plain)
    if sectors is not None:
        if isinstance(sectors, str) or not sectors or len(set(sectors)) < len(sectors):
            raise BalanceError(
                f"{piece.name}: sectors is {sectors!r}; allowed: None for all, or a list of codes, each once."
            )
        object.__setattr__(piece, "sectors", tuple(str(code) for code in sectors))
