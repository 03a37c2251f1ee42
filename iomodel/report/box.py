"""Outcomes of a grid over two of its axes, side by side, as heat maps: grey where there is no path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from iomodel.errors import ResultError
from iomodel.files import write_whole
from iomodel.report.plots import COLOURS, FAINT, INK, new_figure, style

KINDS = ("png", "svg")
MOST_WRITTEN = 400
"""Places up to which the numbers stand in them."""

NO_PATH, CORNER = "#d9d9d9", COLOURS[1]
DARK = 0.55
"""Part of the colours from which they are too dark for dark numbers."""


def box_figure(
    panels: Mapping[str, xr.DataArray],
    file: str | Path,
    *,
    marked: xr.DataArray | None = None,
    mark: str = "a target is missed",
    title: str = "",
) -> Path:
    """Draw outcomes over two axes of a box as PNG or SVG, by the file's ending; returns the file.

    panels: heading -> array of two dims, the same in all; the first goes up, the second to the right. A place without a
    number is grey. marked: a truth value a place, drawn as a corner, `mark` says what it means. Raises ResultError: no
    panel, an array of other dims or without any number, another ending, a file that cannot be written.

    >>> import xarray as xr
    >>> box_figure({"y": xr.DataArray([1.0, 2.0], dims="x")}, "box.png")
    Traceback (most recent call last):
    iomodel.errors.ResultError: box_figure: y has the dims x; allowed: two, the same in all panels.
    """
    kind = Path(file).suffix.lower().lstrip(".")
    if kind not in KINDS:
        raise ResultError(f"{file}: a box is drawn as {' or '.join(KINDS)}; give the file one of these endings.")
    _check(panels, marked)
    with style(10):
        figure = drawn_box(panels, marked, mark, title)

        def write(part: Path) -> None:
            figure.savefig(part, format=kind, dpi=125, metadata={"Date": None} if kind == "svg" else None)

        return write_whole(file, write)


def _check(panels: Mapping[str, xr.DataArray], marked: xr.DataArray | None) -> None:
    """ResultError for what cannot be drawn."""
    if not panels:
        raise ResultError(
            'box_figure: no panel; give such as {"Unemployment, peak": box.unemployment_rate.max("year")}.'
        )
    dims = next(iter(panels.values())).dims
    arrays = dict(panels) if marked is None else {**panels, "marked": marked}
    for name, array in arrays.items():
        if len(dims) != 2 or set(array.dims) != set(dims):
            found = ", ".join(map(str, array.dims)) or "none"
            raise ResultError(f"box_figure: {name} has the dims {found}; allowed: two, the same in all panels.")
    for name, array in panels.items():
        if not np.isfinite(array.values).any():
            raise ResultError(f"box_figure: {name} has no number at any place.")


def drawn_box(panels: Mapping[str, xr.DataArray], marked: xr.DataArray | None, mark: str, title: str) -> Any:
    """The picture as matplotlib holds it."""
    first = next(iter(panels.values()))
    up, right = first.dims
    width = max(4.6, 0.52 * first.sizes[right] + 1.6)
    height = max(3.4, 0.36 * first.sizes[up] + 1.9)
    figure = new_figure(width * len(panels), height)
    for place, (heading, array) in enumerate(panels.items()):
        axes = figure.add_axes(((place + 0.12) / len(panels), 0.16, 0.86 / len(panels), 0.68))
        values = array.transpose(up, right)
        _panel(figure, axes, heading, values)
        if marked is not None:
            _corners(axes, np.asarray(marked.transpose(up, right).values, dtype=bool))
    if title:
        figure.text(0.012, 0.95, title, color=INK, weight="bold", size=12)
    if marked is not None:
        figure.text(0.012, 0.025, "◥", color=CORNER)
        figure.text(0.012 + 0.18 / figure.get_figwidth(), 0.025, mark, color=FAINT)
    return figure


def _panel(figure: Any, axes: Any, heading: str, values: xr.DataArray) -> None:
    """One heat map with its bar, and its numbers where there is room."""
    import matplotlib as mpl

    up, right = values.dims
    numbers = np.ma.masked_invalid(np.asarray(values.values, dtype=float))
    colours = mpl.colormaps["YlGnBu"].with_extremes(bad=NO_PATH)
    drawn = axes.pcolormesh(numbers, cmap=colours, edgecolors="white", linewidth=0.6)
    for dim, ticks, labels in ((right, axes.set_xticks, axes.set_xlabel), (up, axes.set_yticks, axes.set_ylabel)):
        names = [f"{label:g}" if not isinstance(label, str) else label for label in values[dim].values.tolist()]
        ticks(np.arange(len(names)) + 0.5, names)
        unit = values[dim].attrs.get("units")
        labels(f"{str(dim).replace('_', ' ')}{f', {unit}' if unit else ''}", color=INK)
    axes.tick_params(length=0, colors=FAINT)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_title(heading, loc="left", color=INK, size=10.5)
    bar = figure.colorbar(drawn, ax=axes, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, colors=FAINT)
    if numbers.size > MOST_WRITTEN:
        return
    low, high = float(numbers.min()), float(numbers.max())
    places = max(0, 1 - int(np.floor(np.log10(high - low)))) if high > low else 1
    for (row, column), number in np.ndenumerate(numbers.filled(np.nan)):
        if np.isfinite(number):
            dark = high > low and (number - low) / (high - low) > DARK
            axes.text(
                column + 0.5, row + 0.5, f"{number:.{min(places, 2)}f}", ha="center", va="center", size=7,
                color="white" if dark else INK,
            )  # fmt: skip


def _corners(axes: Any, marked: npt.NDArray[np.bool_]) -> None:
    """A corner in every place that is marked."""
    for row, column in np.argwhere(marked):
        corner = [(column + 0.72, row + 0.97), (column + 0.97, row + 0.97), (column + 0.97, row + 0.68)]
        axes.fill(*zip(*corner, strict=True), color=CORNER, linewidth=0)
