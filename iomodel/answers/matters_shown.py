"""What matters, as people read it: a numbered list in words, and a labelled dataset of all assumptions and outcomes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import xarray as xr

from iomodel.answers.matter import GOAL, OUTCOMES, Matter
from iomodel.coefficients import spread
from iomodel.errors import ResultError

_TEXTS = ("title", "unit", "kind", "method")
_NUMBERS = ("value", "low", "high")


def matters_dataset(rows: Sequence[Matter]) -> xr.Dataset:
    """All of `what_matters` over (assumption, outcome), in its order; plain `to_netcdf` writes it.

    derivative: change of the outcome per unit of the assumption. elasticity: percent per percent; NaN of the goal,
    whose zero means nothing. at_low, at_high: change of the outcome at the ends of the range. The units of outcomes and
    assumptions stand on coordinates. Raises ResultError for an empty list.

    >>> import iomodel as iom
    >>> usual = iom.simulate(iom.load_experiment("business-as-usual"))
    >>> matters_dataset(iom.what_matters(usual, only=["export_growth"]))["derivative"].dims
    ('assumption', 'outcome')
    """
    if not rows:
        raise ResultError("there are no assumptions to show: hand over the list that what_matters gives")
    tables = {
        "derivative": ([row.derivatives for row in rows], "change of the outcome per unit of the assumption"),
        "elasticity": ([row.elasticities for row in rows], "percent of change per percent of the assumption"),
        "at_low": ([row.at_low for row in rows], "change of the outcome at the low end of the range"),
        "at_high": ([row.at_high for row in rows], "change of the outcome at the high end of the range"),
    }
    units = {
        "derivative": "outcome_unit per unit of the assumption",
        "elasticity": "percent per percent",
        "at_low": "outcome_unit",
        "at_high": "outcome_unit",
    }
    made = {
        name: (
            ("assumption", "outcome"),
            np.array([[row.get(outcome, np.nan) for outcome in OUTCOMES] for row in table], dtype=float),
            {"units": units[name], "long_name": words},
        )
        for name, (table, words) in tables.items()
    }
    coords: dict[str, object] = {
        "assumption": [row.key for row in rows],
        "outcome": list(OUTCOMES),
        "outcome_unit": ("outcome", [unit for _, unit in OUTCOMES.values()]),
        "low_found": ("assumption", [row.ends[0] for row in rows]),
        "high_found": ("assumption", [row.ends[1] for row in rows]),
    }
    coords |= {name: ("assumption", [getattr(row, name) for row in rows]) for name in (*_TEXTS, *_NUMBERS)}
    attrs = {"title": f"what matters in {rows[0].year}", "ordered_by": rows[0].by, "year": rows[0].year}
    return xr.Dataset(made, coords=coords, attrs=attrs)


def matters_text(rows: Sequence[Matter], top: int = 10) -> str:
    """The first `top` assumptions as a numbered list, and beneath it what was looked at and how.

    rows: what `what_matters` gives; each outcome in its own unit, which the first line says. Raises ResultError for an
    empty list.

    >>> import iomodel as iom
    >>> usual = iom.simulate(iom.load_experiment("business-as-usual"))
    >>> print(matters_text(iom.what_matters(usual, only=["export_growth"])).splitlines()[0])
    What actual individual consumption in 2035 hangs on (points of GDP, over each assumption's range):
    """
    if not rows:
        raise ResultError("there are no assumptions to show: hand over the list that what_matters gives")
    words, unit = OUTCOMES[rows[0].by]
    lines = [f"What {words} in {rows[0].year} hangs on ({unit}, over each assumption's range):"]
    lines += [f"{place:2}. {row.text}.{_elasticity(row)}" for place, row in enumerate(rows[:top], start=1)]
    tables = sum(row.kind == "table" for row in rows)
    found = Counter(row.method for row in rows)
    counted = [_counted(len(rows) - tables, "card"), _counted(tables, "group")]
    looked = " and ".join(text for text in counted if text)
    groups = f" of table coefficients (the groups over ±{spread():.0%}, a convention)" if tables else ""
    methods = ", ".join(f"{count} {how}" for how, count in found.most_common())
    lines.append(f"Of {looked}{groups}; derivatives: {methods}.")
    if rows[0].by != GOAL:
        largest = [row for row in sorted(rows, key=_goal_effect, reverse=True)[:3] if _goal_effect(row) > 0]
        if largest:
            told = ", ".join(f"{row.key} {_goal_effect(row):.2g}" for row in largest)
            lines.append(f"The goal itself hangs most on {told} ({OUTCOMES[GOAL][1]}).")
    return "\n".join(lines)


def _counted(count: int, word: str) -> str:
    """So many of a word; nothing where there is none."""
    return f"{count} {word}{'s' if count > 1 else ''}" if count else ""


def _elasticity(row: Matter) -> str:
    """The elasticity in words, where there is one."""
    elasticity = row.elasticities[row.by]
    return (
        f" Elasticity {elasticity:+.2g}." if elasticity is not None and np.isfinite(elasticity) and elasticity else ""
    )


def _goal_effect(row: Matter) -> float:
    """The larger change of the goal over the range, zero where there is none."""
    sizes = [abs(side.get(GOAL, 0.0)) for side in (row.at_low, row.at_high)]
    return max((size for size in sizes if np.isfinite(size)), default=0.0)
