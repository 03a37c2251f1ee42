"""A frontier as people see it: a table on the screen, a CSV file, a picture of the best y over x.

Colours and type are those of the other figures (iomodel.report.plots).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from iomodel.errors import ResultError
from iomodel.files import write_whole
from iomodel.report.plots import COLOURS, FAINT, GRID, INK, new_figure, style
from iomodel.report.words import number
from iomodel.vocabulary import VARIABLES, in_words

KINDS = ("png", "svg")
LEAST = 1e-3
"""Part of the height from which what is charged is drawn as a line of its own."""


def frontier_figure(found: xr.Dataset, file: str | Path) -> Path:
    """Draw a frontier (of `iomodel.frontier`) as PNG or SVG, by the file's ending; ResultError for another ending, a
    frontier without any point, and a file that cannot be written."""
    kind = Path(file).suffix.lower().lstrip(".")
    if kind not in KINDS:
        raise ResultError(f"{file}: a frontier is drawn as {' or '.join(KINDS)}; give the file one of these endings.")
    if not np.isfinite(found[found.attrs["y"]].values).any():
        raise ResultError(f"the frontier of {found.attrs['experiment']} has no point that can be drawn.")
    with style(11):
        figure = drawn_frontier(found)

        def write(part: Path) -> None:
            figure.savefig(part, format=kind, dpi=125, metadata={"Date": None} if kind == "svg" else None)

        return write_whole(file, write)


def drawn_frontier(found: xr.Dataset) -> Any:
    """The picture as matplotlib holds it."""
    x_name, y_name = str(found.attrs["x"]), str(found.attrs["y"])
    x, y, net = (found[name].values.astype(float) for name in (x_name if x_name in found else "level", y_name, "net"))
    figure = new_figure(8.2, 5.4)
    axes = figure.add_axes((0.09, 0.13, 0.86, 0.70))
    axes.plot(x, y, "o-", color=COLOURS[3], linewidth=2.2, markersize=4, zorder=4, label=f"best {in_words(y_name)}")
    height = float(np.nanmax(y) - np.nanmin(y))
    if height and np.nanmax(np.abs(net - y)) > LEAST * height:
        label = "less what is paid for prices beyond the own path's"
        axes.plot(x, net, "--", color=COLOURS[6], linewidth=1.6, zorder=3, label=label)
    own_x, own_y = found.attrs.get("own_x"), found.attrs["own_y"]
    label = f"the experiment's own path: {number(float(own_y), 2)}"
    if own_x is None:
        axes.axhline(own_y, color=COLOURS[1], linewidth=1.2, dashes=(2, 2), label=label)
    else:
        axes.plot([own_x], [own_y], "D", color=COLOURS[1], markersize=7, zorder=5, label=label)
    _dress(axes)
    axes.set_xlabel(_title(x_name, str(found["level"].attrs["units"])), color=INK)
    figure.text(0.03, 0.945, f"{found.attrs['experiment']}, {found.attrs['year']}", color=INK, weight="bold", size=13)
    figure.text(0.03, 0.89, _title(y_name, str(found[y_name].attrs["units"])), color=FAINT)
    axes.legend(frameon=False, labelcolor=INK, loc="best")
    return figure


def frontier_text(found: xr.Dataset) -> str:
    """A frontier as a table for the screen, the experiment's own path beneath."""
    x, y = str(found.attrs["x"]), str(found.attrs["y"])
    of_x, of_y = in_words(x), in_words(y)
    widths = (10, 24, 34, 9, 9) if x in found else (max(24, len(of_x)), 34, 9)
    heads = ("level", of_x, of_y, "slope", "charged") if x in found else (of_x, of_y, "slope")
    lines = [f"{found.attrs['title']}", _row(heads, widths)]
    for place in range(found.sizes["point"]):
        row = found.isel(point=place)
        if not np.isfinite(float(row[y])):
            lines.append(f"{number(float(row['level']), 2):>{widths[0]}} {row['said'].values!s}")
            continue
        slope, charged = (_or_nothing(float(row[name])) for name in ("slope", "charged"))
        level, best = number(float(row["level"]), 2), number(float(row[y]), 3)
        cells = (level, number(float(row[x]), 2), best, slope, charged) if x in found else (level, best, slope)
        status = "" if str(row["status"].values) == "optimal" else f"   {row['status'].values}"
        status += "   dominated" if "dominated" in row and float(row["dominated"]) else ""
        said = f"   {row['said'].values}" if str(row["said"].values) else ""
        lines.append(_row(cells, widths) + status + said)
    own = "" if "own_x" not in found.attrs else f"{of_x} {number(float(found.attrs['own_x']), 2)}, "
    own += f"{of_y} {number(float(found.attrs['own_y']), 3)}"
    status = str(found.attrs.get("own_status", "optimal"))
    doubt = "" if status == "optimal" else f"   {status}: what is charged is counted from a path that is not certified"
    lines.append(f"own path: {own}{doubt}")
    of_level = (
        f"of {of_y} less what is charged, by the level; charged: paid beyond the own path's prices, below 0 where "
        "a point pays less than the own path"
    )
    of_setting = "from neighbouring points; nothing is charged, since each point is the experiment with that setting"
    lines.append(f"slope: {of_level if x in found else of_setting}")
    return "\n".join(lines)


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    """A line of the table."""
    return " ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))


def _or_nothing(value: float) -> str:
    return "–" if not np.isfinite(value) else number(value, 3)


def frontier_table(found: xr.Dataset) -> str:
    """A frontier as the text of a CSV file: a row a point, the experiment's own path last."""
    names = [str(name) for name in found.data_vars]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["point", *names])
    for place in range(found.sizes["point"]):
        writer.writerow([place, *(_cell(found[name].values[place]) for name in names)])
    own = {found.attrs["x"]: found.attrs.get("own_x"), found.attrs["y"]: found.attrs["own_y"], "status": "own path"}
    own |= {"charged": 0.0, "net": found.attrs["own_y"]}
    writer.writerow(["own", *("" if own.get(name) is None else _cell(own[name]) for name in names)])
    return out.getvalue()


def _cell(value: Any) -> str:
    """Text as it is, no number as nothing, numbers in full precision."""
    if isinstance(value, str):
        return value
    return "" if np.isnan(value) else repr(float(value))


def _dress(axes: Any) -> None:
    """Grid, spines and ticks as in the other figures; whole labels instead of an offset."""
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.ticklabel_format(useOffset=False)
    axes.tick_params(length=0, pad=4, colors=FAINT)
    axes.margins(x=0.04, y=0.08)
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#999999")


def _title(name: str, unit: str) -> str:
    """Definition and unit of an outcome; the dotted key of a setting as it is."""
    if name not in VARIABLES:
        return name
    definition = VARIABLES[name].definition
    return f"{definition[0].upper()}{definition[1:]}, {unit}"
