"""Sums over groups of labels: sectors into sectors, regions into groups of regions, with every label accounted for.

Amounts add up, so an aggregate balances as its parts did; nothing is averaged here. What is no amount does not add up:
coefficients and multipliers of an aggregate are computed anew from its sums. Flows inside a group of regions become
flows of the group with itself, so that they are none of its exports or imports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from iomodel.classifications.concordance import OWN, Concordance, make_concordance, rows_for
from iomodel.classifications.concordance_files import find_concordance, load_concordance, shipped_concordances
from iomodel.errors import CardError, TableError, nearest
from iomodel.labels import IMPORTS
from iomodel.table import Table, make_table, table_required

Sectors = Concordance | Mapping[str, str] | str | Path
Regions = Concordance | Mapping[str, str] | str | Path


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


def aggregate(
    table: Table, sectors: Sectors | None = None, regions: Regions | None = None, *, name: str | None = None
) -> Table:
    """A `Table` with its sectors summed by a concordance, its regions into groups, or both.

    sectors: a `Concordance`, a mapping from code to code, the path or name of one ("nbs153_to_world28"), or a
    classification that a shipped one leads to from the table's own ("world28"). regions: a mapping from member to
    group, or a concordance that splits no region. Sums: Z = Wᵀ Z₀ W and likewise for all other amounts; where sectors
    are split, their sales and purchases are split by the same weights, which the history says. Employment is kept for
    regions whose members all have it.
    Source: Miller and Blair (2009), section 4.9: flows are added, coefficients and multipliers made anew.

    Raises TableError where a concordance or the groups do not cover the table, each code listed, where a sector of the
    target is left empty, and for regions of a national table; CardError for a concordance that is wrong in itself.

    >>> from iomodel.table import load_table
    >>> small = aggregate(load_table("world-2011"), sectors="broad3", regions="world15_to_world4")
    >>> small.regions, small.sectors
    (['CHN', 'IND', 'JPN', 'ROW'], ['primary', 'manufacturing', 'services'])
    """
    table = table_required(table)
    if regions is not None:
        table = _with_regions(table, regions, name)
    if sectors is not None:
        table = _with_sectors(table, _sector_concordance(table, sectors), name)
    return table


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
    return _with_regions(table, groups, name)


def with_employment(table: Table, thousand_persons: Mapping[str, np.ndarray], said: str) -> Table:
    """The same table with persons employed by sector (in thousands, by region); `said` goes into its history."""
    return _rebuilt(table, table.name, said, employment=dict(thousand_persons))


def carry_over(amounts: xr.DataArray, concordance: Concordance, dim: str = "sector") -> xr.DataArray:
    """Amounts over the source sectors of `concordance` as amounts over its targets: y = Wᵀ x along `dim`.

    Only for what adds up (flows, output, trade, persons). Raises TableError where the labels of `dim` are not the
    concordance's source codes, each listed.

    >>> import xarray as xr
    >>> halves = make_concordance({"1": {"a": 0.5, "b": 0.5}, "2": "b"})
    >>> carry_over(xr.DataArray([10.0, 4.0], {"sector": ["1", "2"]}, ["sector"]), halves).values.tolist()
    [5.0, 9.0]
    """
    labels = [str(label) for label in amounts[dim].values]
    W = _covering(concordance, labels, f"the labels of {dim}")
    carried = _along(amounts.values, W, amounts.get_axis_num(dim))
    coords = {other: amounts[other].values for other in amounts.dims if other != dim} | {dim: concordance.targets}
    return xr.DataArray(carried, coords=coords, dims=amounts.dims, name=amounts.name, attrs=amounts.attrs)


def carry_rates(
    rates: xr.DataArray, amounts: xr.DataArray, concordance: Concordance, dim: str = "sector"
) -> xr.DataArray:
    """Rates over the source sectors as rates over the targets, weighted by `amounts`: r = Wᵀ(r₀ ∘ x) / Wᵀ x.

    For what does not add up, such as tariffs by the trade that they fall on; NaN where a target has no amount. rates
    and amounts have the same labels. Raises TableError as `carry_over`, and where the labels differ or an amount is
    negative or missing.

    >>> import xarray as xr
    >>> tariffs = xr.DataArray([10.0, 20.0], {"sector": ["1", "2"]}, ["sector"])
    >>> trade = xr.DataArray([300.0, 100.0], {"sector": ["1", "2"]}, ["sector"])
    >>> carry_rates(tariffs, trade, make_concordance({"1": "a", "2": "a"})).values.tolist()
    [12.5]
    """
    try:
        rates, amounts = xr.align(rates, amounts, join="exact")
    except ValueError as error:
        raise TableError(f"The rates and the amounts that weight them differ in their labels: {error}") from error
    if not (np.isfinite(amounts.values).all() and (amounts.values >= 0).all()):
        raise TableError("The amounts that weight the rates hold a negative or missing number; allowed is 0 or more.")
    whole = carry_over(amounts, concordance, dim)
    paid = carry_over(rates * amounts, concordance, dim)
    found = xr.where(whole > 0, paid / whole.where(whole > 0, 1.0), np.nan).transpose(*paid.dims)
    return found.rename(rates.name).assign_attrs(rates.attrs)


def _along(values: np.ndarray, W: np.ndarray, *axes: int) -> np.ndarray:
    """Wᵀ applied to each of `axes`, added up in the order of the labels: the same to the last bit on every machine."""
    for axis in axes:
        moved = np.moveaxis(values, axis, 0)
        summed = np.zeros((W.shape[1], *moved.shape[1:]))
        for row, column in np.argwhere(W > 0):
            summed[column] += W[row, column] * moved[row]
        values = np.moveaxis(summed, 0, axis)
    return values


def _covering(concordance: Concordance, codes: Sequence[str], what: str) -> np.ndarray:
    """The weights by code, in the order of `codes`; TableError where the concordance does not cover them."""
    try:
        return rows_for(concordance, codes, what)
    except CardError as error:
        raise TableError(str(error)) from error


def _sector_concordance(table: Table, sectors: Sectors) -> Concordance:
    own = str(table.attrs["classification"])
    if isinstance(sectors, Concordance):
        found = sectors
    elif isinstance(sectors, Mapping):
        found = make_concordance(sectors, source=own, names=table.sector_names)
    elif not isinstance(sectors, str | Path):
        raise TableError(
            f"sectors: found {str(sectors)[:60]!r} of type {type(sectors).__name__}; allowed: a Concordance, a mapping "
            "from code to code, the name or path of one, or the name of a classification."
        )
    elif str(sectors) in shipped_concordances() or "_to_" in str(sectors) or Path(sectors).is_file():
        found = load_concordance(sectors)
    else:
        found = find_concordance(own, str(sectors))
    if OWN not in (own, found.source) and found.source != own and not own.endswith(".csv"):
        raise TableError(
            f"{table.name} has the classification {own}, the concordance {found.title} starts from {found.source}. "
            f"Use one from {own}."
        )
    if found.unreached:
        raise TableError(
            f"{found.title} leaves {', '.join(found.unreached)} of {found.target} empty, so that {table.name} cannot "
            "be summed into it: it covers a part of the sectors only."
        )
    return found


def _with_sectors(table: Table, concordance: Concordance, name: str | None) -> Table:
    """The table at the target sectors of the concordance."""
    W = _covering(concordance, table.sectors, f"the sectors of {table.name}")
    said = f"sectors of {table.name} ({concordance.source}) summed into the {len(concordance.targets)} of "
    said += f"{concordance.target}"
    if split := concordance.split:
        said += f"; {', '.join(split)} split by shares, their sales and purchases alike"
    employment = table.employment
    return _rebuilt(
        table,
        name or f"{table.name}-{len(concordance.targets)}",
        said,
        sectors=dict(concordance.target_names),
        flows=_along(table.flows.values, W, 1, 3),
        final_demand=_along(table.final_demand.values, W, 1),
        value_added=_along(table.value_added.values, W, 2),
        output=_along(table.output.values, W, 1),
        employment=None
        if employment is None
        else {str(code): _along(employment.sel(region=code).values, W, 0) for code in employment["region"].values},
        classification=concordance.target,
        sector_names_local=None,
    )


def _with_regions(table: Table, regions: Regions, name: str | None) -> Table:
    """The table with its regions summed into groups."""
    if table.is_national:
        raise TableError(f"{table.name} is national ({table.regions[0]} and {IMPORTS}); it has no regions to group.")
    known = {str(code): str(title) for code, title in table.attrs.get("region_names", {}).items()}
    if isinstance(regions, str | Path):
        regions = load_concordance(regions)
    if isinstance(regions, Concordance):
        groups, titles = regions.mapping, dict(regions.target_names)
        order = [group for group in regions.targets if group not in regions.unreached]
        group_order(table.regions, groups)
    elif not isinstance(regions, Mapping):
        raise TableError(
            f"regions: found {str(regions)[:60]!r} of type {type(regions).__name__}; allowed: a mapping from region to "
            "group, a Concordance, or the name or path of one."
        )
    else:
        groups, titles = regions, {}
        order = group_order(table.regions, groups)
    W = np.array([[float(groups[member] == group) for group in order] for member in table.regions])
    whole = {group: [member for member in table.regions if groups[member] == group] for group in order}
    titles |= {
        group: known[members[0]] for group, members in whole.items() if len(members) == 1 and members[0] in known
    }
    return _rebuilt(
        table,
        name or f"{table.name}-{len(order)}-regions",
        f"regions of {table.name} summed into {', '.join(order)}",
        regions=order,
        flows=_along(table.flows.values, W, 0, 2),
        final_demand=_along(table.final_demand.values, W, 0, 2),
        value_added=_along(table.value_added.values, W, 1),
        output=_along(table.output.values, W, 0),
        product_taxes=_along(table.product_taxes.values, W, 0),
        employment=_employment(table, whole),
        region_names={group: titles.get(group) or group for group in order},
    )


def _rebuilt(table: Table, name: str, said: str, **changed: object) -> Table:
    """A table with some arrays, labels and parts of the description changed (None leaves a part out)."""
    own = ("name", "year", "unit", "sector_names", "sha256", "history")
    described = {key: value for key, value in table.attrs.items() if key not in own}
    parts: dict[str, object] = {
        "regions": table.regions,
        "sectors": table.sector_names,
        "flows": table.flows.values,
        "final_demand": table.final_demand.values,
        "value_added": table.value_added.values,
        "output": table.output.values,
        "product_taxes": table.product_taxes.values,
        **described,
        **changed,
    }
    return make_table(
        name=name,
        year=table.year,
        unit=table.unit,
        categories=table.categories,
        factors=table.factors,
        national=table.is_national,
        history=[*table.attrs.get("history", []), said],
        **{key: value for key, value in parts.items() if value is not None},  # type: ignore[arg-type]
    )


def _employment(table: Table, whole: Mapping[str, Sequence[str]]) -> dict[str, np.ndarray] | None:
    """Persons of the groups whose members all have them."""
    if table.employment is None:
        return None
    have = {str(region): table.employment.sel(region=region).values for region in table.employment["region"].values}
    kept = [group for group, members in whole.items() if all(member in have for member in members)]
    return {group: np.sum([have[member] for member in whole[group]], axis=0) for group in kept} or None
