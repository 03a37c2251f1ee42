"""Bundles: what one unit of each final use buys, by seller and product, and how much of each use the base year has.

Households' bundle is split into a fixed part and a marginal one by expenditure elasticities; goods that labour
shortage moves abroad, and what a programme in kind buys where nothing was spent in kind, are bundles of their own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import xarray as xr

from iomodel.classifications.sector_maps import SectorRows
from iomodel.economy import USES
from iomodel.errors import CardError
from iomodel.labels import ASSETS
from iomodel.table import Table

Array = npt.NDArray[np.float64]


def per_output(amount: Array, output: Array) -> Array:
    """amount / output by column; a sector without output buys, pays and employs nothing per unit of it.

    An amount that is not known (NaN) is not known per unit either.
    """
    empty = np.zeros(np.broadcast_shapes(amount.shape, output.shape))
    return np.divide(amount, output, out=empty, where=(output > 0) | np.isnan(amount))


def bundles_of(
    table: Table, region: str, rows: SectorRows, scale: float
) -> tuple[xr.DataArray, xr.DataArray, xr.Dataset]:
    """Bundles (region, sector, use) per unit of each use, their tax shares, and the base-year levels of the uses."""
    sellers = [region, *[name for name in table.flows["region"].values if name != region]]
    final = table.final_demand.sel(to_region=region, drop=True).sel(region=sellers) * scale
    tax = table.product_taxes.sel(to_region=region, drop=True) * scale
    categories = list(final["category"].values)

    def bought(*names: str) -> tuple[Array, float]:
        here = [name for name in names if name in categories]
        goods = final.sel(category=here).sum("category").values
        return goods, float(tax.sel(category=here).sum())

    columns: dict[str, Array] = {use: np.zeros(final.shape[:2]) for use in USES}
    taxes: dict[str, float] = dict.fromkeys(USES, 0.0)
    level: dict[str, float] = {}
    household, household_tax = bought("household", "non_profit")
    shares, taxes["household"], level["household_consumption"] = _unit(household, household_tax)
    columns["household"], columns["household_fixed"] = _consumed(shares, rows, level["household_consumption"])
    columns["overflow"] = _overflow(household, rows)
    individual, collective = bought("government_individual"), bought("government_collective")
    if "government_individual" not in categories:
        individual, collective = _told_apart(*collective, rows)
    use, name = "government_individual", "in_kind_spending"
    columns[use], taxes[use], level[name] = _unit(*individual)
    if level[name] == 0:
        columns[use] = _in_kind_goods(household, rows)
    use, name = "government_collective", "collective_consumption"
    columns[use], taxes[use], level[name] = _unit(*collective)
    capital, capital_tax = bought("fixed_capital")
    rate = capital_tax / max(float(capital.sum()), 1e-12)
    for asset in ASSETS:
        goods = capital * (rows.asset == asset)
        columns[asset], taxes[asset], level[asset] = _unit(goods, rate * float(goods.sum()))
    columns["inventories"], taxes["inventories"] = bought("inventories")
    columns["exports"], taxes["exports"] = _sold_abroad(table, region, final, tax, scale)
    return _labelled(final, columns, taxes, level, float(tax.sum()))


def _labelled(
    final: xr.DataArray, columns: dict[str, Array], taxes: dict[str, float], level: dict[str, float], tax: float
) -> tuple[xr.DataArray, xr.DataArray, xr.Dataset]:
    """The bundles with the labels of `final`, their taxes, and the levels, `tax` being that on all products."""
    place = {"region": final["region"].values, "sector": final["sector"].values}
    stacked = np.stack([columns[use] for use in USES], axis=-1)
    bundles = xr.DataArray(stacked, {**place, "use": list(USES)}, ("region", "sector", "use"))
    levels = xr.Dataset({key: ((), value) for key, value in level.items()}, coords=place)
    levels["product_taxes"] = tax
    levels["inventories"] = (("region", "sector"), columns["inventories"])
    levels["inventories_tax"] = taxes["inventories"]
    levels["exports"] = (("region", "sector"), columns["exports"])
    return bundles, xr.DataArray([taxes[use] for use in USES], {"use": list(USES)}, ("use",)), levels


def _unit(goods: Array, tax: float) -> tuple[Array, float, float]:
    """Shares of goods and of tax in one unit of a use at purchasers' prices, and its level."""
    level = float(goods.sum()) + tax
    return (goods / level, tax / level, level) if level else (np.zeros_like(goods), 0.0, 0.0)


def _consumed(shares: Array, rows: SectorRows, level: float) -> tuple[Array, Array]:
    """Marginal bundle of households and the fixed rest of what they buy, by seller and good.

    Goods of which households give away more than they buy (scrap) are in the fixed rest alone.
    """
    goods = shares.sum(axis=0)
    marginal = _engel(np.where(goods > 0, goods, 0.0), goods.sum(), rows.engel)
    split = per_output(shares, goods[None, :])
    fixed = split * (goods - marginal) * level
    return split * marginal, np.where(goods > 0, fixed, shares * level)


def _engel(shares: Array, total: float, elasticity: Array) -> Array:
    """Marginal budget shares b E / Σ b E, over goods without tax, which keeps its own share (Stone 1954)."""
    weighted = shares * elasticity
    return weighted / weighted.sum() * total


def _told_apart(goods: Array, tax: float, rows: SectorRows) -> tuple[tuple[Array, float], tuple[Array, float]]:
    """Individual and collective purchases of a government that the table has in one column, with their taxes."""
    individual = goods * rows.individual_government
    part = tax * float(individual.sum()) / float(goods.sum()) if goods.sum() else 0.0
    return (individual, part), (goods - individual, tax - part)


def _in_kind_goods(household: Array, rows: SectorRows) -> Array:
    """What a programme in kind buys where the base year has no such spending: as households buy these products."""
    goods = np.clip(household, 0, None) * rows.individual_government
    if not goods.sum() > 0:
        raise CardError(
            f"The table has no spending in kind, and households buy nothing from sectors that the map "
            f"{rows.classification} marks as individual_government: a programme could buy nothing. Mark the sectors of "
            "education, health and social work, or add the column government_individual."
        )
    return goods / goods.sum()


def _overflow(household: Array, rows: SectorRows) -> Array:
    """Bundle of purchases moved abroad: less of the home maker, more of the foreign ones, each summing to one.

    The goods are the manufactures of the household bundle without food; the foreign makers of a good share it as they
    share households' imports of it, or of all these goods where none is imported; alike where nothing is imported.
    """
    goods = np.clip(household, 0, None) * rows.overflow
    if not goods.sum() > 0:
        raise CardError(
            f"The map {rows.classification} marks no good that households buy as one that they buy abroad when labour "
            "is short; set 1 in its column overflow for manufactures of the household bundle."
        )
    basket = goods.sum(axis=0) / goods.sum()
    abroad = goods[1:]
    alike = np.full(len(abroad), 1 / len(abroad))
    general = abroad.sum(axis=1) / abroad.sum() if abroad.sum() > 0 else alike
    by_good = np.where(abroad.sum(axis=0) > 0, per_output(abroad, abroad.sum(axis=0)[None, :]), general[:, None])
    return np.concatenate([-basket[None, :], by_good * basket])


def _sold_abroad(
    table: Table, region: str, final: xr.DataArray, tax: xr.DataArray, scale: float
) -> tuple[Array, float]:
    """Exports by seller and good: home goods, and on a national table the re-exports of imports."""
    if table.is_national:
        return final.sel(category="exports").values, float(tax.sel(category="exports"))
    sold = table.flows.sel(region=region, drop=True).drop_sel(to_region=region).sum(("to_region", "to_sector"))
    used = table.final_demand.sel(region=region, drop=True).drop_sel(to_region=region).sum(("to_region", "category"))
    home = (sold + used).values * scale
    return np.concatenate([home[None, :], np.zeros((final.sizes["region"] - 1, home.size))]), 0.0
