"""Trade by pair for a year that lies between two years with figures, on the basis of an official table.

Customs count goods free on board or with freight, a table at its own prices: shares in world trade are taken from the
two years, the level from the official table's exports and imports of goods.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from iomodel.errors import CardError, TableError, nearest
from iomodel.updating.pieces import OfficialBlock

WORLD = "world"
"""What facts call all regions together."""


def between(
    first: xr.DataArray,
    last: xr.DataArray,
    weight: float,
    known: xr.DataArray,
    leave_out: Sequence[str],
    official: Sequence[OfficialBlock],
    sectors: Sequence[str] | None,
) -> xr.DataArray:
    """Trade by pair (region, to_region): shares (1 − w) first + w last, at the level of the official goods trade.

    Pairs of the regions in `leave_out` and `known` pairs are NaN and outside the shares. The official region's row and
    column sum to its exports and imports of `sectors` less the known pairs and the share in the first year of regions
    that are left out. All other pairs have the level at which the official region's trade as a whole fits. Raises
    TableError where the regions of the three differ.
    """
    order = [str(label) for label in first["region"].values]
    _same_regions(order, last, "the later year")
    _same_regions(order, known, "what is known")
    last = last.reindex(region=order, to_region=order)
    home = official[0].region
    typed = known.reindex(region=order, to_region=order)
    outside = set(leave_out)
    keep = np.array([region not in outside for region in order])
    used = np.outer(keep, keep) & ~np.eye(len(order), dtype=bool) & np.isnan(typed.values)
    shares = [np.where(used, part.values, 0.0) for part in (first, last)]
    share = (1 - weight) * shares[0] / shares[0].sum() + weight * shares[1] / shares[1].sum()
    place = order.index(home)
    sold, bought = goods_total(official[0], sectors)
    others = np.arange(len(order)) != place
    stated = typed.values
    left = np.array([region in outside for region in order])
    untold = left & np.isnan(stated[place]), left & np.isnan(stated[:, place])
    exports = sold * (1 - first.values[place, untold[0]].sum() / first.values[place, others].sum())
    imports = bought * (1 - first.values[untold[1], place].sum() / first.values[others, place].sum())
    exports, imports = exports - np.nansum(stated[place]), imports - np.nansum(stated[:, place])
    level = (exports + imports) / (share[place].sum() + share[:, place].sum())
    pairs = np.where(used, share * level, np.nan)
    pairs[place] *= exports / np.nansum(pairs[place])
    pairs[:, place] *= imports / np.nansum(pairs[:, place])
    return xr.DataArray(pairs, {"region": order, "to_region": order}, ["region", "to_region"])


def _same_regions(order: Sequence[str], pairs: xr.DataArray, what: str) -> None:
    """TableError where pairs have other regions than the first year: those missing would count as no trade."""
    for dim in pairs.dims:
        labels = [str(label) for label in pairs[dim].values]
        if set(labels) != set(order):
            raise TableError(
                f"Goods trade by pair, {what}: {dim} has {', '.join(labels)}, the first year {', '.join(order)}. Give "
                "both the same regions."
            )


def nothing_known(order: Sequence[str]) -> xr.DataArray:
    """Pairs of which none is known."""
    empty = np.full((len(order), len(order)), np.nan)
    return xr.DataArray(empty, {"region": list(order), "to_region": list(order)}, ["region", "to_region"])


def goods_total(block: OfficialBlock, sectors: Sequence[str] | None) -> tuple[float, float]:
    """Exports and imports of `sectors` of the official table, without re-exports, in the start's unit."""
    table = block.block
    rows = table.sectors if sectors is None else list(sectors)
    final = table.final_demand.sel(sector=rows, to_region=table.home)
    flows = table.flows.sel(sector=rows, to_region=table.home)
    inside = [category for category in table.categories if category != "exports"]
    exports = float(final.sel(region=table.home, category="exports").sum())
    imports = float(flows.sel(region="IMPORTS").sum() + final.sel(region="IMPORTS", category=inside).sum())
    return exports / block.per_unit, imports / block.per_unit


def on_table_basis(
    facts: Mapping[str, float],
    year: int,
    order: Sequence[str],
    official: Sequence[OfficialBlock],
    sectors: Sequence[str] | None,
) -> xr.DataArray:
    """Typed customs figures "goods.FROM.TO.YEAR" (million USD) as pairs on the official table's basis, NaN elsewhere.

    Exports and imports of the official region are multiplied by its goods exports and imports in the table over those
    of customs ("goods.HOME.world.YEAR", "goods.world.HOME.YEAR"), all others by the ratio of the two sums; without
    these two nothing is scaled. Raises CardError for a key of another form, a region that is none, or one of the two.
    """
    values = np.full((len(order), len(order)), np.nan)
    wanted = _customs(facts, year, order)
    block = official[0]
    home, table = block.region, goods_total(block, sectors)
    scale = {"out": 1.0, "in": 1.0, "other": 1.0}
    if (home, WORLD) in wanted:
        customs = wanted[home, WORLD], wanted[WORLD, home]
        scale = {"out": table[0] / customs[0], "in": table[1] / customs[1], "other": sum(table) / sum(customs)}
    for (seller, buyer), value in wanted.items():
        if WORLD not in (seller, buyer):
            kind = "out" if seller == home else "in" if buyer == home else "other"
            values[list(order).index(seller), list(order).index(buyer)] = value * scale[kind]
    return xr.DataArray(values, {"region": list(order), "to_region": list(order)}, ["region", "to_region"])


def _customs(facts: Mapping[str, float], year: int, order: Sequence[str]) -> dict[tuple[str, str], float]:
    """The figures "goods.FROM.TO.YEAR" of the year by pair; CardError for another form, region or half a basis."""
    found: dict[tuple[str, str], float] = {}
    known = [*order, WORLD]
    for key, value in facts.items():
        parts = key.split(".")
        if parts[0] != "goods":
            continue
        if len(parts) != 4 or not parts[3].isdigit():
            raise CardError(f"facts: the key {key!r}; allowed: goods.FROM.TO.YEAR, such as goods.CHN.USA.2020.")
        if unknown := [part for part in parts[1:3] if part not in known]:
            raise CardError(
                f"facts, {key}: {', '.join(unknown)} is no region; allowed: {', '.join(known)}."
                f"{nearest(unknown[0], known)}"
            )
        if int(parts[3]) == year:
            found[parts[1], parts[2]] = value
    for seller, buyer in found:
        if WORLD in (seller, buyer) and (buyer, seller) not in found:
            raise CardError(
                f"facts: there is goods.{seller}.{buyer}.{year}, but no goods.{buyer}.{seller}.{year}; allowed: both, "
                "since pairs are put on the table's basis by its exports and imports, or none."
            )
    return found
