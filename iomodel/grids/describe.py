"""What a grid will do, before the first run: how many runs, what varies, how many programs, a guess of time and disk.

Guesses start from times measured on one core at 42 sectors and 18 solved years and grow with sectors times years; a
grid that has finished some runs is told by the time that they took.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from iomodel.cards import CALENDAR_CARDS, COUNTRY, too_few
from iomodel.grids.design.definition import Axis, Drawn, Grid
from iomodel.grids.design.kept import years_kept
from iomodel.grids.design.runs import structures
from iomodel.grids.design.tables import Facts, facts_of
from iomodel.grids.solving.progress import duration
from iomodel.vocabulary import VARIABLES

AGAIN, ANEW = 0.25, 0.3
"""Seconds of one core that a run takes with a program that is compiled, and what calibrating, building and compiling
another takes on top; measured at MEASURED_AT on two cores of a rented machine."""

SIMULATED, CALIBRATED = 0.03, 0.1
"""The same of runs without a free lever, which need no program."""

MEASURED_AT = 42 * 18
"""Sectors times solved years of the two halves on `china-2020`."""

BESIDE = 2_000
"""Bytes of a run beside its numbers: settings, verdict, versions, explanation."""


@dataclass(frozen=True)
class Description:
    """A grid in numbers: `box` combinations, of which the filters leave `runs`; `structures` programs to build;
    `seconds` of one core for all runs and whether they are `measured`; `bytes` on disk, before compression."""

    grid: Grid
    box: int
    runs: int
    structures: int
    seconds: float
    measured: bool
    bytes: int

    def text(self, workers: int = 1, done: int = 0) -> str:
        """In lines; `workers` share the runs that are left after `done`."""
        grid = self.grid
        dropped = f", {self.box - self.runs:,} of the box dropped by filters" if self.box > self.runs else ""
        lines = [f"{grid.name}: {counted(self.runs, 'run')}{dropped}"]
        lines.append(f"  base {grid.base.name} on {', '.join(grid.tables)}")
        lines += [f"  {axis_text(axis)}" for axis in grid.axes]
        if grid.filters:
            lines.append(f"  only {' and '.join(f'({one})' for one in grid.filters)}")
        shared = "one program serves all runs" if self.structures == 1 else f"{self.structures:,} programs are built"
        kept = f"{counted(len(grid.keep.variables), 'variable')}, {counted(len(grid.keep.prices), 'shadow price')}"
        lines.append(f"  {shared}; kept: {kept}")
        left = self.seconds * (self.runs - done) / max(self.runs, 1) / max(workers, 1)
        source = "from the runs that are done" if self.measured else "a guess, from times on another machine"
        share = f"{workers} processes" if workers > 1 else "one process"
        lines.append(f"  about {duration(left)} on {share} ({source}); at most {size(self.bytes)} on disk")
        lines += [f"  {sentence}" for sentence in examples(grid)]
        return "\n".join(lines)


def describe(grid: Grid, seconds_a_run: float | None = None) -> Description:
    """What `grid` will do. seconds_a_run: the mean of its finished runs, where there are some.

    >>> from iomodel.grids.design.load import load_grid
    >>> found = describe(load_grid("package-by-reform"))
    >>> found.runs, found.structures
    (130, 1)
    """
    built = structures(grid)
    first = grid.experiment(int(grid.indices[0]))
    facts = facts_of(first)
    again, anew = (AGAIN, ANEW) if first.levers.free else (SIMULATED, CALIBRATED)
    guess = (grid.size * again + built * anew) * len(facts.sectors) * first.horizon.solved / MEASURED_AT
    seconds = guess if seconds_a_run is None else seconds_a_run * grid.size
    return Description(
        grid, math.prod(grid.shape), grid.size, built, seconds, seconds_a_run is not None,
        grid.size * (_numbers(grid, facts) * 8 + BESIDE),
    )  # fmt: skip


def examples(grid: Grid) -> tuple[str, ...]:
    """A sentence for each home region of which too few cards were supplied, as that of a single run.

    Looked at is each point, once, of the axes that may change the region; cards that are drawn count as supplied.
    """
    places = np.stack(np.unravel_index(grid.indices, grid.shape), axis=1)
    drawn = {key for axis in grid.axes if isinstance(axis.settings, Drawn) for key in axis.keys}
    looked = {0}
    for number, axis in enumerate(grid.axes):
        if "region" in axis.keys or axis.kind == "variants":
            looked.update(np.unique(places[:, number], return_index=True)[1].tolist())
    found: dict[str, int] = {}
    for at in sorted(looked):
        asked = grid.experiment(int(grid.indices[at]))
        missing = [key for key in CALENDAR_CARDS if key not in asked.cards and f"cards.{key}" not in drawn]
        if asked.region != COUNTRY and not asked.deciding and too_few(missing):
            found[asked.region] = max(len(missing), found.get(asked.region, 0))
    return tuple(
        f"no headline for {region}: {count} of the {len(CALENDAR_CARDS)} cards that belong to a country and its year "
        "were not supplied and stand at defaults; its runs are examples"
        for region, count in found.items()
    )


def axis_text(axis: Axis) -> str:
    """An axis in a line: name, points, ends, what it sets."""
    if isinstance(axis.settings, Drawn):
        return f"{axis.name}: {len(axis):,} samples of {len(axis.keys)} cards in {len(axis.inputs)} groups"
    few = len(axis) <= 5 or isinstance(axis.labels[0], str)
    shown = ", ".join(map(str, axis.labels[:8])) if few else f"{axis.labels[0]:g} … {axis.labels[-1]:g}"
    more = " …" if few and len(axis) > 8 else ""
    unit = f" {axis.unit}" if axis.unit else ""
    keys = ", ".join(axis.keys[:4]) + (" …" if len(axis.keys) > 4 else "")
    return f"{axis.name}: {counted(len(axis), 'point')}, {shown}{more}{unit} ({keys})"


def counted(count: int, thing: str) -> str:
    """A number and what it counts.

    >>> counted(1, "run"), counted(1_536, "run")
    ('1 run', '1,536 runs')
    """
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def size(count: float) -> str:
    """Bytes in the largest unit that says something.

    >>> size(130), size(4_200_000)
    ('130 bytes', '4.2 MB')
    """
    for unit, length in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= length:
            return f"{count / length:.3g} {unit}"
    return f"{count:.0f} bytes"


def _numbers(grid: Grid, facts: Facts) -> int:
    """Numbers that are kept of a run."""
    first = grid.experiment(int(grid.indices[0]))
    years = len(years_kept(grid.keep, first, facts))
    by_sector = [name for name in grid.keep.variables if "sector" in VARIABLES[name].dims]
    variables = len(grid.keep.variables) - len(by_sector) + len(by_sector) * len(facts.sectors)
    return variables * years + len(grid.keep.prices) * first.horizon.solved * len(facts.sectors)
