"""Figures: lines over years with their names at their ends, the same panel for the page (SVG) and the README (PNG).

What happened is drawn as dots beside the simulated line of the known years; a dashed line marks where policy starts.
Colours are those of Okabe and Ito (2008), told apart by readers with any colour vision; text stays text in the SVG.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from iomodel.files import write_whole
from iomodel.program.trajectory import Trajectory
from iomodel.report.rows import where_from, years_of
from iomodel.report.words import number, policy
from iomodel.study.policies import Study

COLOURS = ("#555555", "#D55E00", "#CC79A7", "#0072B2", "#009E73", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette; the first is for what is compared with."""

INK, FAINT, GRID = "#222222", "#6b6b6b", "#e4e4e4"

PANELS = (
    ("household_consumption_share", "Household consumption", "% of GDP"),
    ("actual_individual_consumption_share", "Consumption with services in kind", "% of GDP"),
    ("investment_share", "Investment", "% of GDP"),
    ("idle_share", "Idle plant", "% of industrial plant"),
    ("unemployment_rate", "Unemployment", "% of the labour force"),
    ("social_spending_share", "Social spending", "% of GDP"),
    ("public_debt_share", "Public debt", "% of GDP"),
    ("final_consumption_share", "Households and government", "% of GDP"),
    ("industry_utilisation", "Use of industrial plant", "%"),
)
"""Variable, title and unit of each panel of the five policies."""

MAIN = (
    "actual_individual_consumption_share", "investment_share", "idle_share",
    "unemployment_rate", "social_spending_share", "public_debt_share",
)  # fmt: skip
"""The panels of the main figure."""

INSTITUTIONS = {
    "household_saving": ("households", "#0072B2"),
    "firm_saving": ("firms", "#D55E00"),
    "government_saving": ("government", "#009E73"),
    "foreign_saving": ("abroad", "#555555"),
}
"""Whose saving -> its name and colour."""

FONTS = "system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
WIDTH, HEIGHT = 360, 250
FIGURE_FONT = 10.2


@dataclass(frozen=True)
class Line:
    """A line with the name that stands at its end."""

    name: str
    years: Sequence[int]
    values: Sequence[float]
    colour: str
    strong: bool = False


@dataclass(frozen=True)
class Panel:
    """One figure: lines, what was published beside them (year -> value), and where policy starts."""

    title: str
    unit: str
    lines: Sequence[Line]
    start: int
    published: Mapping[int, float] = field(default_factory=dict)
    digits: int = 1
    limits: tuple[float, float] | None = None


def policy_panels(study: Study, names: Sequence[str] | None = None) -> list[Panel]:
    """The panels of the policies, in the order of PANELS; `names` chooses variables."""
    some = next(iter(study.paths.values()))
    _, first, _ = years_of(some)
    shown = {policy(name): path.data for name, path in study.paths.items()}
    if "business-as-usual" not in study.paths and some.reference is not None:
        shown = {"reference": some.reference, **shown}
    panels: list[Panel] = []
    for variable, title, unit in PANELS:
        if names is not None and variable not in names:
            continue
        lines: list[Line] = []
        for place, (name, data) in enumerate(shown.items()):
            series = data[variable] if place == 0 else data[variable].sel(year=data["year"] >= first - 1)
            years = [int(year) for year in series["year"].values]
            colour = COLOURS[place % len(COLOURS)]
            lines.append(Line(name, years, series.values.tolist(), colour, name == "two halves"))
        digits = 0 if variable == "public_debt_share" else 1
        panels.append(Panel(title, unit, lines, first, published(study, variable), digits))
    return panels


def published(study: Study, variable: str) -> dict[int, float]:
    """What was published of a variable, by year, from the study's comparison; means over years are left out."""
    rows = [row for row in study.checks.get("misses", ()) if row["variable"] == variable]
    return {int(row["year"]): float(row["published"]) for row in rows if "mean of" not in row["title"]}


def saving_panels(paths: Mapping[str, Trajectory]) -> list[Panel]:
    """Saving by institution of each path, percent of the year's GDP, on one scale."""
    panels: list[Panel] = []
    for name, path in paths.items():
        years = [int(year) for year in path.data["year"].values]
        lines = [
            Line(title, years, (100 * path.data[variable] / path.data["gdp"]).values.tolist(), colour)
            for variable, (title, colour) in INSTITUTIONS.items()
        ]
        panels.append(Panel(policy(name), "% of GDP", lines, years_of(path)[1]))
    values = [value for panel in panels for line in panel.lines for value in line.values]
    limits = (min(values) - 1.5, max(values) + 1.5)
    return [Panel(panel.title, panel.unit, panel.lines, panel.start, {}, 1, limits) for panel in panels]


# ---------------------------------------------------------------- drawing


def svg(panel: Panel, key: str) -> str:
    """A panel as inline SVG without width, ids of its own (`key` begins them) and nothing fetched from outside."""
    figure = new_figure(WIDTH / 72, HEIGHT / 72)
    axes = figure.add_axes((0.095, 0.115, 0.47, 0.85))
    with style(11):
        draw(axes, panel)
        out = io.StringIO()
        with warnings.catch_warnings():  # the reader's browser has fonts for what ours lacks
            warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing")
            figure.savefig(out, format="svg", metadata={"Date": None})
    return _inline(out.getvalue(), key, f"{panel.title}, {panel.unit}: {_told(panel)}")


def main_figure(study: Study, file: str | Path) -> Path:
    """The main figure as PNG: six panels of the policies. ResultError when the file cannot be written."""
    from PIL import Image

    with style(FIGURE_FONT):
        figure = drawn_figure(study)

        def write(part: Path) -> None:
            figure.savefig(drawn := io.BytesIO(), format="png", dpi=125)
            with Image.open(drawn) as image:  # few colours: a palette makes the file a third of its size
                image.convert("RGB").quantize(96).save(part, format="png", optimize=True)

        return write_whole(file, write)


def drawn_figure(study: Study) -> Any:
    """The main figure as matplotlib holds it: one axes a panel, in the order of `policy_panels`."""
    panels = policy_panels(study, MAIN)
    columns, rows = 3, -(-len(panels) // 3)
    figure = new_figure(13.0, 3.9 * rows)
    with style(FIGURE_FONT):
        for place, panel in enumerate(panels):
            row, column = divmod(place, columns)
            left, bottom = 0.032 + column / columns, 0.05 + (rows - 1 - row) / rows
            axes = figure.add_axes((left, bottom, 0.158, 0.74 / rows))
            draw(axes, panel)
            figure.text(left - 0.024, bottom + 0.81 / rows, panel.title, color=INK, weight="bold", fontsize=12)
            unit = f"{panel.unit}{'   ● published' if panel.published else ''}"
            figure.text(left - 0.024, bottom + 0.765 / rows, unit, color=FAINT, fontsize=10.5)
    where = where_from(next(iter(study.paths.values())))
    figure.text(0.995, 0.012, where, color=FAINT, fontsize=9, ha="right")
    return figure


def draw(axes: Any, panel: Panel) -> None:
    """Draw a panel on matplotlib axes; names stand right of the axes."""
    from matplotlib.ticker import MaxNLocator

    for line in panel.lines:
        width = 2.6 if line.strong else 1.7
        axes.plot(
            line.years,
            line.values,
            color=line.colour,
            linewidth=width,
            solid_capstyle="round",
            zorder=4 if line.strong else 3,
        )
    years = sorted({year for line in panel.lines for year in line.years})
    if panel.published:
        dots = sorted(panel.published)
        axes.plot(dots, [panel.published[year] for year in dots], "o", color="#000000", markersize=3.6, zorder=5)
    _limits(axes, panel, years)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.set_xticks([year for year in years if year % 5 == 0] if len(years) > 6 else years)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, pad=4, colors=FAINT)
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#999999")
    top = axes.get_ylim()[1]
    if years[0] < panel.start <= years[-1]:
        axes.axvline(panel.start - 0.5, color=FAINT, linewidth=0.9, dashes=(3, 3))
        axes.annotate(
            f"policy from {panel.start}", (panel.start - 0.2, top), color=FAINT, va="top", annotation_clip=False
        )
    _names(axes, panel)


def _limits(axes: Any, panel: Panel, years: Sequence[int]) -> None:
    """Room above for words; small changes are not blown up."""
    axes.set_xlim(years[0] - 0.3, years[-1] + 0.1)
    values = [value for line in panel.lines for value in line.values] + list(panel.published.values())
    low, high = panel.limits or (min(values), max(values))
    room = max(high - low, 2.0)
    axes.set_ylim((low, high + 0.1 * (high - low)) if panel.limits else (low - 0.06 * room, high + 0.16 * room))


def _names(axes: Any, panel: Panel) -> None:
    """Each line's name and last value right of its end, moved apart where they would overlap."""
    low, high = axes.get_ylim()
    box = axes.get_window_extent()
    figure = axes.get_figure()
    size = figure.dpi / 72 * _font_size()
    gap = 1.28 * size / box.height * (high - low)
    ends = np.array([line.values[-1] for line in panel.lines], dtype=float)
    places = spread_apart(ends, gap, low + gap / 2, high - gap / 2)
    for line, end, place in zip(panel.lines, ends, places, strict=True):
        across = axes.get_yaxis_transform()
        axes.plot([1.0, 1.045], [end, place], color=line.colour, linewidth=1.0, transform=across, clip_on=False)
        text = f"{line.name} {number(float(end), panel.digits)}"
        weight = "bold" if line.strong else "normal"
        axes.text(1.06, place, text, transform=across, va="center", color=INK, weight=weight, clip_on=False)


def spread_apart(values: np.ndarray, gap: float, low: float, high: float) -> np.ndarray:
    """Positions nearest to `values` in which neighbours are `gap` apart, inside `low` and `high` where they fit.

    >>> spread_apart(np.array([1.0, 1.0, 5.0]), 1.0, 0.0, 10.0).tolist()
    [0.5, 1.5, 5.0]
    """
    order = np.argsort(values, kind="stable")
    groups: list[list[float]] = []  # sum of wished starts, count
    for rank, value in enumerate(values[order]):
        groups.append([float(value) - rank * gap, 1.0])
        while len(groups) > 1 and groups[-2][0] / groups[-2][1] > groups[-1][0] / groups[-1][1]:
            total, count = groups.pop()
            groups[-1][0] += total
            groups[-1][1] += count
    starts = np.concatenate([np.full(int(count), total / count) for total, count in groups])
    starts = np.clip(starts, low, max(low, high - (len(values) - 1) * gap))
    placed = np.empty(len(values))
    placed[order] = starts + gap * np.arange(len(values))
    return placed


def new_figure(width: float, height: float) -> Any:
    """A figure of its own, without the global state of pyplot."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=72, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def style(size: float) -> Any:
    """The settings of a figure of ours, to draw and to write it under: text that stays text, one font, its `size`."""
    import matplotlib as mpl

    return mpl.rc_context(
        {"svg.fonttype": "none", "svg.hashsalt": "iomodel", "font.family": "DejaVu Sans", "font.size": size}
    )


def _font_size() -> float:
    import matplotlib as mpl

    return float(mpl.rcParams["font.size"])


def _told(panel: Panel) -> str:
    """The ends of the lines, for those who hear the figure."""
    return ", ".join(f"{line.name} {number(line.values[-1], panel.digits)} in {line.years[-1]}" for line in panel.lines)


def _inline(text: str, key: str, label: str) -> str:
    """matplotlib's SVG without prolog, metadata, comments and namespaces, its ids made unique."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"| version="[^"]*"', "", text)
    text = text.replace("xlink:href", "href")
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    text = re.sub(r'\bid="', f'id="{key}-', text)
    text = re.sub(r"url\(#", f"url(#{key}-", text)
    text = re.sub(r'href="#', f'href="#{key}-', text)
    text = re.sub(r"font-family: [^;\"]*", f"font-family: {FONTS}", text)
    text = re.sub(r"font: ([^;\"]*?px) [^;\"]*", rf"font: \1 {FONTS}", text)
    text = re.sub(
        r'<svg [^>]*viewBox="([^"]*)"[^>]*>',
        rf'<svg viewBox="\1" role="img" aria-label="{escape(label)}">',
        text,
        count=1,
    )
    return re.sub(r"\n\s*", "\n", text).strip()
