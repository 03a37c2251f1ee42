"""Points of a frontier, and the dataset that they make: what each reports, what it is charged and how it was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from iomodel.program.outcomes import OUTCOMES, Outcome
from iomodel.program.trajectory import Trajectory
from iomodel.vocabulary import in_words, named

Array = npt.NDArray[np.float64]

HEADLINE = (
    "household_consumption_share", "actual_individual_consumption_share", "household_consumption", "gdp",
    "investment_share", "idle_share", "social_spending_share", "programme_share", "reform", "unemployment_rate",
    "public_debt_share", "firm_debt_share", "deficit_share", "current_account_share",
)  # fmt: skip
"""Outcomes that stand beside x and y at each point."""

WORSE = 1e-5
"""Part of an outcome by which a point is better than another and not only rounded otherwise."""

CHARGED = (
    "paid for what is dear beyond the own path, as units of y; below 0 where a point pays less than the own path, "
    "which pays for overflow imports and rationing"
)
"""What is charged, in words."""

DOMINATED = "1 where another point or the own path is as good in x and net and better in one"
"""What a dominated point is, in words."""


@dataclass(frozen=True)
class Point:
    """One point: its level in the unit of x, the replayed path (None where there is none), what it took, what y may
    lack of its best, in its unit, and the pace that its search found (iomodel.answers.seeking)."""

    level: float
    path: Trajectory | None
    slope: float = float("nan")
    charged: float = 0.0
    ratio: float = 0.0
    solves: int = 1
    said: str = ""
    lacks: float = 0.0
    pace: float = float("inf")


def value_in(path: Trajectory, name: str, year: int) -> float:
    """An outcome of a path in a year, in the outcome's unit."""
    return float(path.data[name].sel(year=year))


def told(path: Trajectory, year: int, x: Outcome, y: Outcome, words: Callable[[str], str] = in_words) -> str:
    """A point in a few words."""
    of_x, of_y = (f"{words(one.name)} {value_in(path, one.name, year):.5g}" for one in (x, y))
    return f"{of_x}, {of_y} ({path.verdict.status})"


def dataset_of_points(
    own: Trajectory, x: str, y: str, year: int, rows: Sequence[Point], more: Mapping[str, Any]
) -> xr.Dataset:  # fmt: skip
    """Points as a labelled dataset over `point`: outcomes in their units, the level in that of x, the slope in units of
    y for one of x; texts for status and warnings."""
    made: dict[str, Any] = {}
    names = dict.fromkeys(name for name in (x, y, *HEADLINE) if name in OUTCOMES)
    for name in names:
        values = [float("nan") if row.path is None else value_in(row.path, name, year) for row in rows]
        made[name] = ("point", values, dict(own.data[name].attrs))
    unit = {name: str(own.data[name].attrs["units"]) for name in names}
    of_x = unit.get(x, "the setting's own")
    plain: dict[str, tuple[list[Any], str, str]] = {
        "level": ([row.level for row in rows], of_x, f"{x} {more['direction']}"),
        "slope": ([row.slope for row in rows], f"{unit[y]}, per {of_x}", f"change of {y} for a level higher by one"),
        "charged": ([row.charged for row in rows], unit[y], CHARGED),
        "net": (_net(y, year, rows), unit[y], f"{y} less what is charged, which the level's slope is of"),
        "replay_distance": (
            [float("nan") if row.path is None else row.path.verdict.replay_distance for row in rows],
            "percent of base-year GDP", "largest difference between solved and replayed path",
        ),
        "lacks": ([row.lacks for row in rows], unit[y], f"what {y} may lack of its best, as judged"),
        "dominated": (_dominated(own, rows, x, y, year), "1", DOMINATED),
        "solves": ([row.solves for row in rows], "1", "solves that the point took"),
        "status": ([_status(row) for row in rows], "text", "verdict of the point"),
        "said": ([_said(own, row, x, y, year) for row in rows], "text", "warnings of the point, or why there is none"),
    }  # fmt: skip
    made |= {name: ("point", values, {"units": u, "long_name": text}) for name, (values, u, text) in plain.items()}
    title = f"{own.experiment.name}: {named(y)} over {named(x)}, {year}"
    attrs = {"title": title, "experiment": own.experiment.name, "x": x, "y": y, "year": year, **more}
    return xr.Dataset(made, coords={"point": np.arange(len(rows))}, attrs=attrs)


def _net(y: str, year: int, rows: Sequence[Point]) -> list[float]:
    """The outcome of each point less what the point is charged."""
    sign = OUTCOMES[y].sign
    return [float("nan") if row.path is None else value_in(row.path, y, year) - sign * row.charged for row in rows]


def _dominated(own: Trajectory, rows: Sequence[Point], x: str, y: str, year: int) -> list[int]:
    """1 for a point that another or the own path, which is charged nothing, beats: x and net both no worse, one of them
    better by more than `WORSE`; of a setting, which has no good side, no point is."""
    if x not in OUTCOMES:
        return [0] * len(rows)
    all_of_them = [*rows, Point(float("nan"), own)]
    reached = [float("nan") if row.path is None else value_in(row.path, x, year) for row in all_of_them]
    net = np.array(_net(y, year, all_of_them))
    good = np.column_stack([OUTCOMES[x].sign * np.array(reached), OUTCOMES[y].sign * net])
    return [int(flag) for flag in _beaten(good)[: len(rows)]]


def _beaten(good: Array) -> npt.NDArray[np.bool_]:
    """Which rows another row beats: no worse in any column, better in one."""
    margin = WORSE * np.maximum(1.0, np.nanmax(np.abs(good), axis=0, initial=0.0))
    gain = good[None, :, :] - good[:, None, :]
    return ((gain >= -0.1 * margin).all(axis=2) & (gain > margin).any(axis=2)).any(axis=1)


def _said(own: Trajectory, row: Point, x: str, y: str, year: int) -> str:
    """What a point says of itself: its warnings, and why it is one although the own path looks better."""
    if row.path is None or x not in OUTCOMES or row.charged >= 0:
        return row.said
    good = np.array([[OUTCOMES[name].sign * value_in(path, name, year) for name in (x, y)] for path in (row.path, own)])
    if not _beaten(good)[0]:
        return row.said
    ahead = OUTCOMES[y].sign * (_net(y, year, [row])[0] - value_in(own, y, year))
    why = (
        f"the own path is better in both, but pays for overflow imports or rationing what is worth {-row.charged:.3g} "
        f"of {in_words(y)}; net of that this point is better by {ahead:.3g}"
    )
    return "; ".join(text for text in (row.said, why) if text)


def own_verdict(own: Trajectory) -> dict[str, str]:
    """Verdict and warnings of the experiment's own path."""
    return {"own_status": own.verdict.status, "own_said": "; ".join(own.verdict.warnings)}


def _status(row: Point) -> str:
    return row.said.split(":")[0] if row.path is None else row.path.verdict.status
