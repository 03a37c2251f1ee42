"""Laws that bind in words: units that cannot be misread, names of sectors, nothing about effects of nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

import iomodel as iom
from iomodel.cli import main
from iomodel.commands import explain
from iomodel.commands.output import wrapped
from iomodel.program.diagnose import Binding, binding
from iomodel.program.price_words import price_attributes
from iomodel.program.trajectory import Trajectory


def _price(values: list[float], unit: str, worth: float, dim: str = "year") -> xr.DataArray:
    labels = np.array([2030 + place for place in range(len(values))]) if dim == "year" else np.array(["25", "26"])
    attrs = price_attributes("own", "upper", unit, worth)
    return xr.DataArray(np.array(values), coords={dim: labels}, dims=(dim,), attrs=attrs)


def test_the_unit_and_the_percent_are_two_things() -> None:
    [row] = binding({"own": _price([0.0, 0.2], "percent of base-year GDP", 0.005)})
    assert "One point of base-year GDP looser (the ceiling raised) in 2031, the goal is higher by 0.2 " in row.text
    assert row.text.endswith("; one percent of the bound looser wherever it binds, higher by 0.005")
    assert "1 percent" not in row.text


def test_a_worth_of_nothing_is_not_said_and_a_price_of_nothing_is_no_row() -> None:
    [row] = binding({"own": _price([0.0, 0.2], "share of the drive", 0.0)})
    assert "One hundredth of the drive looser (the ceiling raised) in 2031, the goal is higher by 0.002 " in row.text
    assert row.text.endswith("percent of base-year GDP of consumption a year")
    assert binding({"own": _price([0.0, 5e-5], "share of the drive", 0.0)}) == []
    assert binding({"own": _price([0.0, 5e-5], "million persons", 0.0)}) != []


def test_a_unit_and_a_percent_go_the_same_way() -> None:
    """Of a floor both say what looser brings; where prices of a stated value differ in sign, it is said why."""
    floor = _price([-0.2, -0.1], "percent of base-year GDP", 0.01)
    floor.attrs["bound"] = "lower"
    [row] = binding({"own": floor})
    assert "looser (the floor lowered) in 2030, the goal is higher by 0.2 " in row.text
    assert row.text.endswith("looser wherever it binds, higher by 0.01")
    both = _price([-0.5, 0.3], "percent of base-year GDP", 0.02)
    both.attrs["bound"] = "equal"
    [row] = binding({"own": both})
    assert "more (the value raised) in 2030, the goal is lower by 0.5 " in row.text
    assert row.text.endswith("higher by 0.02 (in some years more helps, in others it costs: this is the sum)")


def test_lines_for_a_terminal_are_broken_between_words() -> None:
    text = "- " + "word " * 60 + "\n  " + "targets.package " * 20
    lines = wrapped(text).splitlines()
    assert max(len(line) for line in lines) <= 120
    assert " ".join(" ".join(lines).split()) == " ".join(text.split())
    assert lines[1].startswith("  word")
    assert lines[-1].startswith("    targets.package")


def test_a_sector_has_its_name() -> None:
    price = _price([0.3, 0.1], "percent of base-year GDP", 0.1, "industry")
    assert "for Gas supply (25), the goal" in binding({"own": price}, names={"25": "Gas supply"})[0].text
    assert "for industry 25, the goal" in binding({"own": price})[0].text


def test_what_binds_names_sectors(path_of: Callable[..., Trajectory]) -> None:
    path = path_of("best-path")
    [row] = [row for row in iom.what_binds(path) if row.law == "capacity_limit"]
    code = str(path.shadow_prices["capacity_limit"].max("year").idxmax("industry").item())
    assert f" for {path.provenance['sectors'][code]} ({code}), the goal" in row.text


@pytest.mark.parametrize("more", [(), ("--all",)])
def test_explain_prints_the_dearest_or_all(
    more: tuple[str, ...], path_of: Callable[..., Trajectory], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    rows = [Binding(f"law {place}", (), 1.0, "", 1.0, f"law {place}.") for place in range(explain.MOST + 2)]
    monkeypatch.setattr("iomodel.run.what_binds", lambda _: rows)
    monkeypatch.setattr("iomodel.run.solve", lambda _: path_of("demand-only"))
    monkeypatch.setattr(explain, "_flat", lambda _: None)
    assert main(["explain", "demand-only", *more]) == 0
    out = capsys.readouterr().out
    assert ("- law 12." in out) == bool(more)
    assert ("- and 2 laws more that cost less (--all shows all)" in out) == (not more)
