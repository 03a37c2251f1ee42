"""Small grids for tests: the two halves over few years, which solve in a tenth of a second."""

from __future__ import annotations

from pathlib import Path

from iomodel.grids.design.definition import Grid
from iomodel.grids.design.load import load_grid

BASE = """
base = "two-halves"
[changes]
table = "china-2020"
horizon = {years = 3, beyond = 1}
[changes.targets]
package = {exactly = 2, by = 3}
reform = {exactly = 0.2, by = 3}
idle_cut = {at_least = 0.2, by = 3}
[changes.levers]
benefit = {to = 0.15, by = 3}
"""
"""Four solved years."""

BOX = """
[axes.package]
key = "targets.package.exactly"
values = [0, 0.5, 1, 2, 2.5, 3]
[axes.reform]
key = "targets.reform.exactly"
values = [0, 0.1, 0.2, 0.25, 0.3]
[keep]
variables = ["household_consumption_share", "unemployment_rate", "output"]
prices = ["package"]
"""
"""Thirty runs that share one program."""


def box(folder: Path, text: str = BOX, base: str = BASE, name: str = "box") -> Grid:
    """The grid of a file's text."""
    return load_grid(box_file(folder, text, base, name))


def box_file(folder: Path, text: str = BOX, base: str = BASE, name: str = "box") -> Path:
    """A grid's file."""
    file = folder / f"{name}.toml"
    file.write_text(text.partition("[")[0] + base + "[" + text.partition("[")[2], encoding="utf-8")
    return file
