"""What blocks of one's own bring into a program, by name, and the numbers that the solver's point gives it.

The path that is reported is a simulation, which knows only the core's names. A variable or expression of a block of
one's own has no place in it: its numbers are the program's, and they are handed over beside the path, by the dims and
in the unit that the block says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import cvxpy as cp
import numpy as np
import xarray as xr

from iomodel.program.block import Block, Var, value_of
from iomodel.program.blocks import CORE
from iomodel.program.setting import Setting

SOURCE = "the program's point, not the simulation's replay"

UNSTATED = "not stated"
"""Unit of what is declared without one."""

ROWS, TIMES = ("sector", "industry", "asset"), ("year", "start")


@dataclass(frozen=True)
class Own:
    """A variable or named expression of a block that is not the core's.

    dims: None where an expression states none and its shape fits none or more than one. block: the name of whose it is.
    kind: "variable" or "expression".
    """

    name: str
    dims: tuple[str, ...] | None
    unit: str
    block: str
    kind: str


def of_variable(block: Block, var: Var) -> Iterator[Own]:
    """A variable, if its block is not the core's (or one of the core's with another goal or other laws)."""
    if all(block.variables is not one.variables for one in CORE):
        yield Own(var.name, var.dims, var.unit or UNSTATED, block.name, "variable")


def of_expression(block: Block, named: str | Var, expression: cp.Expression, sizes: Mapping[str, int]) -> Iterator[Own]:
    """A named expression, if its block is not the core's; its dims are those stated, else those of its shape."""
    if any(block.expressions is one.expressions for one in CORE):
        return
    if isinstance(named, Var):
        yield Own(named.name, named.dims, named.unit or UNSTATED, block.name, "expression")
    else:
        yield Own(named, dims_of(expression.shape, sizes), UNSTATED, block.name, "expression")


def dims_of(shape: Sequence[int], sizes: Mapping[str, int]) -> tuple[str, ...] | None:
    """The dims that a shape can only mean: none, a single dim, or rows by years; None where none or several fit.

    >>> dims_of((42, 18), {"sector": 42, "industry": 25, "asset": 3, "year": 18, "start": 19})
    ('sector', 'year')
    >>> dims_of((3,), {"sector": 42, "industry": 25, "asset": 3, "year": 3, "start": 4}) is None
    True
    """
    known: list[tuple[str, ...]] = [(), *((dim,) for dim in (*ROWS, *TIMES)), *product(ROWS, TIMES)]
    fits = [dims for dims in known if tuple(sizes[dim] for dim in dims) == tuple(shape)]
    return fits[0] if len(fits) == 1 else None


def own_data(own: Mapping[str, Own], values: Mapping[str, cp.Expression], p: Setting, reported: int) -> xr.Dataset:
    """The numbers of what is own at the program's point, over the reported of the solved years.

    Dims as declared (`start`: the year at whose beginning a stock stands, one more than the years); attributes units,
    source, block and kind. What has no dims or no value is left out (`left_out` says it).
    """
    labels = p.labels()
    kept = {"year": slice(0, reported), "start": slice(0, reported + 1)}
    found: dict[str, xr.DataArray] = {}
    for name, one in own.items():
        if one.dims is None or values[name].value is None:
            continue
        array = xr.DataArray(
            np.array(value_of(values[name])).reshape(tuple(len(labels[dim]) for dim in one.dims)),
            coords={dim: labels[dim] for dim in one.dims},
            dims=one.dims,
            attrs={"units": one.unit, "source": SOURCE, "block": one.block, "kind": one.kind},
        )
        found[name] = array.isel({dim: kept[dim] for dim in one.dims if dim in kept})
    return xr.Dataset(found)


def left_out(own: Mapping[str, Own], values: Mapping[str, cp.Expression]) -> list[str]:
    """What `own_data` leaves out, in words with the remedy."""
    said: list[str] = []
    for name, one in own.items():
        what = f"the {one.kind} {name!r} of block {one.block!r} is not in path.own"
        if values[name].value is None:
            said.append(f"{what}: no law and no goal term holds it, so that it has no value")
        elif one.dims is None:
            stated = f'Var("{name}", dims, unit)'
            said.append(f"{what}: its shape {values[name].shape} fits no dims or several; put {stated} for its name")
    return said
