"""Sums over groups of labels: regions into groups of regions, with every label accounted for.

Amounts add up, so an aggregate balances as its parts did; nothing is averaged here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from iomodel.errors import TableError, nearest
from iomodel.labels import IMPORTS
from iomodel.table import Table, make_table


def group_order(members: Sequence[str], groups: Mapping[str, str]) -> list[str]:
    """The groups of `members` in the order in which `groups` first names them; TableError for a member without one."""
    missing = [member for member in members if member not in groups]
    if missing:
        raise TableError(f"No group for {', '.join(missing)}; give every one of {', '.join(members)} a group.")
    unused = [member for member in groups if member not in members]
    if unused:
        hint = nearest(unused[0], members)
        raise TableError(f"The groups name {', '.join(unused)}, which the table does not have.{hint}")
    return list(dict.fromkeys(groups.values()))


def sum_groups(values: np.ndarray, members: Sequence[str], groups: Mapping[str, str], axis: int) -> np.ndarray:
    """`values` with the members on `axis` summed into their groups, in the order of `group_order`."""
    order = group_order(members, groups)
    moved = np.moveaxis(values, axis, 0)
    summed = np.zeros((len(order), *moved.shape[1:]))
    for place, member in enumerate(members):
        summed[order.index(groups[member])] += moved[place]
    return np.moveaxis(summed, 0, axis)


def aggregate_regions(table: Table, groups: Mapping[str, str], *, name: str | None = None) -> Table:
    """An inter-country `Table` with its regions summed into `groups` (member -> group); all other labels unchanged.

    Flows inside a group become flows of the group with itself. Employment is kept for groups whose members all have
    it. Raises TableError for a national table, a region without a group, or a group of an unknown region.

    >>> from iomodel.table import load_table
    >>> world = load_table("world-2011")
    >>> two = aggregate_regions(world, {region: "CHN" if region == "CHN" else "REST" for region in world.regions})
    >>> two.regions, bool(abs(two.output.sum() - world.output.sum()) < 1e-3)
    (['CHN', 'REST'], True)
    """
    if table.is_national:
        raise TableError(f"{table.name} is national ({table.regions[0]} and {IMPORTS}); it has no regions to group.")
    members = table.regions
    order = group_order(members, groups)

    def summed(values: np.ndarray, *axes: int) -> np.ndarray:
        for axis in axes:
            values = sum_groups(values, members, groups, axis)
        return values

    own = ("name", "year", "unit", "sector_names", "sha256", "history", "region_names")
    return make_table(
        name=name or f"{table.name}-{len(order)}-regions",
        year=table.year,
        unit=table.unit,
        regions=order,
        sectors=table.sector_names,
        categories=table.categories,
        factors=table.factors,
        flows=summed(table.flows.values, 0, 2),
        final_demand=summed(table.final_demand.values, 0, 2),
        value_added=summed(table.value_added.values, 1),
        output=summed(table.output.values, 0),
        product_taxes=summed(table.product_taxes.values, 0),
        employment=_employment(table, groups, order),
        national=False,
        history=[*table.attrs.get("history", []), f"regions of {table.name} summed into {', '.join(order)}"],
        **{key: value for key, value in table.attrs.items() if key not in own},
    )


def _employment(table: Table, groups: Mapping[str, str], order: Sequence[str]) -> dict[str, np.ndarray] | None:
    if table.employment is None:
        return None
    have = {str(region): table.employment.sel(region=region).values for region in table.employment["region"].values}
    members = {group: [region for region, of in groups.items() if of == group] for group in order}
    whole = [group for group in order if all(region in have for region in members[group])]
    return {group: np.sum([have[region] for region in members[group]], axis=0) for group in whole} or None
