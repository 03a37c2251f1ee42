"""Heat maps of a box: the numbers that stand in them, grey where there is no path, corners where a target is missed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from iomodel.errors import ResultError
from iomodel.report.box import NO_PATH, box_figure, drawn_box

BOX = xr.DataArray(
    np.array([[1.0, 2.0, 3.0], [4.0, np.nan, 60.0]]),
    coords={"package": ("package", [0, 2], {"units": "points of GDP"}), "payer": ["debt", "dividends", "tax"]},
    dims=("package", "payer"),
)


def test_every_number_stands_at_its_place() -> None:
    marked = BOX > 3
    figure = drawn_box({"Consumption": BOX, "Twice": 2 * BOX.T}, marked, "missed", "Both")
    for axes, factor in zip((panel for panel in figure.axes if panel.get_title(loc="left")), (1, 2), strict=True):
        written = {text.get_position(): float(text.get_text()) for text in axes.texts}
        assert written == {
            (column + 0.5, row + 0.5): factor * BOX.values[row, column]
            for row, column in np.ndindex(2, 3)
            if np.isfinite(BOX.values[row, column])
        }
        assert [label.get_text() for label in axes.get_xticklabels()] == ["debt", "dividends", "tax"]
        assert [label.get_text() for label in axes.get_yticklabels()] == ["0", "2"]
        assert axes.get_ylabel() == "package, points of GDP"
        assert len(axes.patches) == int(marked.sum())
        grey = axes.collections[0].get_cmap().get_bad()
        np.testing.assert_allclose(grey[:3], [int(NO_PATH[at : at + 2], 16) / 255 for at in (1, 3, 5)])


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_a_box_is_drawn_the_same_each_time(tmp_path: Path, ending: str) -> None:
    files = [box_figure({"Consumption": BOX}, tmp_path / f"{name}.{ending}", marked=BOX > 3) for name in ("one", "two")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert [file.name for file in tmp_path.iterdir() if file.name not in (f"one.{ending}", f"two.{ending}")] == []


def test_a_place_of_one_value_and_a_large_box(tmp_path: Path) -> None:
    box_figure({"Same": 0 * BOX + 1}, tmp_path / "same.png")
    large = xr.DataArray(
        np.arange(900.0).reshape(30, 30), dims=("a", "b"), coords={"a": np.arange(30), "b": np.arange(30)}
    )
    assert not drawn_box({"Large": large}, None, "", "").axes[0].texts


def test_what_cannot_be_drawn(tmp_path: Path) -> None:
    slips: tuple[tuple[dict[str, xr.DataArray], str], ...] = (
        ({}, "no panel; give such as"),
        ({"y": BOX.isel(payer=0)}, "y has the dims package; allowed: two, the same in all panels"),
        ({"y": BOX, "z": BOX.rename(payer="who")}, "z has the dims package, who"),
        ({"y": BOX * np.nan}, "y has no number at any place"),
    )
    for panels, said in slips:
        with pytest.raises(ResultError, match=said):
            box_figure(panels, tmp_path / "box.png")
    with pytest.raises(ResultError, match="marked has the dims package"):
        box_figure({"y": BOX}, tmp_path / "box.png", marked=BOX.isel(payer=0) > 1)
    with pytest.raises(ResultError, match="drawn as png or svg"):
        box_figure({"y": BOX}, tmp_path / "box.pdf")
    assert not list(tmp_path.iterdir())
