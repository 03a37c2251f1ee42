"""A point of a program's variables that is a path of the simulation, by random levers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from certifying.lawbook import LawBook
from iomodel.program.setting import Setting
from iomodel.program.simulate import Levers, step


def simulated_point(book: LawBook, rng: np.random.Generator) -> np.ndarray:
    """The program's variables on a simulated path of random levers; what no simulation has (misses) is drawn."""
    p = book.program.setting
    sizes, state, rows = p.sizes(), p.state, []
    levers = list(_random_levers(p, rng))
    starts = {"capacity": [state.capacity], "closed": [state.closed[p.industry]],
              "public_debt": [np.array(state.public_debt)], "firm_debt": [np.array(state.firm_debt)]}  # fmt: skip
    for year, lever in enumerate(levers):
        flow, state = step(p.arrays, p.first + year, state, lever)
        assets = [flow[f"investment_{asset}"] for asset in ("construction", "equipment", "intangible")]
        rows.append(flow | {"asset_investment": np.array(assets)})
        for name, value in (("capacity", state.capacity), ("closed", state.closed[p.industry]),
                            ("public_debt", state.public_debt), ("firm_debt", state.firm_debt)):  # fmt: skip
            starts[name].append(np.asarray(value))
    x = np.zeros(book.nonneg.size)
    for name, place in book.columns.items():
        dims = book.program.variables[name].dims
        if name in starts:
            value = np.stack(starts[name], axis=-1)
        elif name in rows[0]:
            value = np.stack([np.asarray(row[name], dtype=float) for row in rows], axis=-1)
            if "industry" in dims:
                value = value[p.industry]
        else:
            shape = tuple(sizes[dim] for dim in dims)
            value = rng.uniform(0.01, 0.3, shape) * (rng.random(shape) < 0.4)
        x[place] = np.asarray(value, dtype=float).ravel(order="F")
    return x


def _random_levers(p: Setting, rng: np.random.Generator) -> Iterable[Levers]:
    programme = reform = 0.0
    rates = p.policy.benefit_rates(p.cards["benefit_rate"], p.years)
    for year in range(p.years):
        programme += float(rng.uniform(0, 0.6)) * p.free("programme")
        reform += float(rng.uniform(0, 0.1)) * p.free("reform")
        closed = p.spread @ (rng.uniform(0, 0.03, p.industry.size) * (rng.random(p.industry.size) < 0.5))
        closed = closed * p.arrays.sector("capacity") * p.free("retirement")
        yield Levers(programme, reform, closed, float(rates[year]), p.policy.payer)
