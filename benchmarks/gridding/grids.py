"""The grids that are measured, from the text of a file, and a grid cut to its first runs."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from iomodel.grids.design.definition import Grid
from iomodel.grids.design.load import load_grid

HALVES = """
base = "two-halves"
changes = {{table = "china-2020"}}
[axes.package]
key = "targets.package.exactly"
from = 1
to = 5
points = {package}
[axes.reform]
key = "targets.reform.exactly"
from = 0.2
to = 0.8
points = {reform}
[keep]
prices = ["package"]
"""
"""The two halves at 42 sectors and 18 solved years; all runs share one program and one reference path."""

SHORT = """
base = "demand-only"
[changes]
table = "china-2020"
horizon = {{years = 3, beyond = 1}}
targets = {{package = {{exactly = 2, by = 3}}}}
levers = {{benefit = {{to = 0.15, by = 3}}}}
[axes.package]
key = "targets.package.exactly"
from = 0.1
to = 4
points = {package}
[axes.benefit]
key = "levers.benefit.to"
from = 0.1
to = 0.3
points = {benefit}
"""
"""The cheapest program that is one: 42 sectors, the programme alone is free, four solved years."""

CARDS = "robustness-two-halves"
"""A shipped grid whose every run has other cards, and so another calibration, reference path and program."""


def halves(runs: int) -> Grid:
    """The two halves in so many runs, or a few more."""
    package = max(2, round(runs**0.5))
    return _load("halves", HALVES.format(package=package, reform=-(-runs // package)))


def short(package: int, benefit: int) -> Grid:
    """The cheapest program in a box of so many points."""
    return _load("short", short_text(package, benefit))


def short_text(package: int, benefit: int) -> str:
    """The same as a file's text."""
    return SHORT.format(package=package, benefit=benefit)


def cards(runs: int) -> Grid:
    """The first runs of the grid whose runs have other cards."""
    grid = load_grid(CARDS)
    (axis,) = grid.axes
    cut = replace(
        axis,
        labels=axis.labels[:runs],
        settings=axis.settings[:runs],
        inputs={name: values[:runs] for name, values in axis.inputs.items()},
    )
    return replace(grid, axes=(cut,), sampled=None)


def _load(name: str, text: str) -> Grid:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{name}.toml"
        file.write_text(text, encoding="utf-8")
        return load_grid(file)
