"""Examples of the pages on aggregation, balancing, grids and the program run as they stand; docstrings have theirs."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import iomodel as iom

DOCS = Path(__file__).resolve().parent.parent / "docs"


def blocks(page: str, language: str) -> list[str]:
    found = re.findall(r"```(\w*)\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    return [text for kind, text in found if kind == language]


def run(code: str, **names: Any) -> dict[str, Any]:
    exec(compile(code, "docs", "exec"), names)
    return names


def test_each_public_function_has_an_example() -> None:
    said = (DOCS / "index.md").read_text(encoding="utf-8")
    assert "Each public function has its units, errors and an example in its docstring" in said
    public = {name: getattr(iom, name) for name in iom.__all__}
    without = [name for name, it in public.items() if inspect.isfunction(it) and ">>>" not in (it.__doc__ or "")]
    assert not without


def test_aggregation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file of the page is the one that its first example takes."""
    monkeypatch.chdir(tmp_path)
    [file] = [block for block in blocks("aggregation.md", "") if block.startswith("broad3,mine")]
    Path("my_sectors.csv").write_text(file, encoding="utf-8")
    made = run(blocks("aggregation.md", "python")[0])
    assert made["mine"].sectors == ["goods", "repair", "other"]
    assert made["iom"].calibrate(made["world28"], cards=iom.load_cards("world-2011")).region == "CHN"
    assert made["mine"].output.sum().item() == pytest.approx(made["world"].output.sum().item(), rel=1e-12)


def test_balancing(capsys: pytest.CaptureFixture[str]) -> None:
    draft = iom.aggregate(iom.load_table("world-2011"), "broad3", "world15_to_world4")
    made = run(blocks("balancing.md", "python")[0], draft=draft, output=draft.output * 1.01)
    np.testing.assert_allclose(made["found"].table.output, draft.output * 1.01, rtol=1e-9)
    assert "moved most" in capsys.readouterr().out


def test_grids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first file is a grid; the others are parts that fit onto one with the axes and files that they name."""
    (tmp_path / "my_experiment.toml").write_text('base = "best-path"\n', encoding="utf-8")
    whole, variants, filters, samples = blocks("grids.md", "toml")
    base = 'base = "two-halves"\n'
    policy = variants + "\n[keep]\nyears = [2035]\n"
    cut = '[axes.drive_cut]\nkey = "targets.reform.exactly"\nvalues = [0, 0.3]\n'
    package = '[axes.package]\nkey = "targets.package.exactly"\nvalues = [2, 5]\n'
    labels = '[axes.policy]\nvariants = {whole = "two-halves", mine = "best-path", other = "two-halves"}\n'
    labels = labels.replace('other = "two-halves"', "other = {cards = {precaution = 0}}")
    texts = (whole, base + policy, base + filters + package + cut + labels, base + samples)
    sizes = (13 * 4, 4, 3 * 2, 128 * (2 + 2))
    for number, (text, size) in enumerate(zip(texts, sizes, strict=True)):
        file = tmp_path / f"part{number}.toml"
        file.write_text(text, encoding="utf-8")
        assert iom.load_grid(file).size == size
    monkeypatch.chdir(DOCS.parent)
    [loaded] = [block for block in blocks("grids.md", "python") if "load_grid" in block]
    assert run(loaded, iom=iom)["grid"].size == 130


def test_the_program() -> None:
    """A block in place of the core's, solved by another solver."""
    [code] = blocks("program.md", "python")
    made = run(code)
    assert made["verdict"].status == "optimal"
    assert made["program"].values["stock"].value == pytest.approx([3.0] * made["program"].setting.years)
