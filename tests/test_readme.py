"""The README's Python runs as it stands, and its commands are those that the command line has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from iomodel.cli import main
from iomodel.experiment_file import load_experiment

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("code", BLOCKS, ids=range(len(BLOCKS)))
def test_the_code_runs(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})


def test_the_prices_of_the_block_are_those_that_the_page_says() -> None:
    [code] = [block for block in BLOCKS if "metals_growth" in block]
    [said] = re.findall(r"round\(2\)  # ([\d., ]+)$", code, re.MULTILINE)
    names: dict[str, Any] = {}
    exec(compile(code, "README.md", "exec"), names)
    found = names["path"].shadow_prices["metals_growth"].sel(year=slice(2030, 2035)).values
    assert found == pytest.approx([float(number) for number in said.split(", ")], abs=0.0051)
    assert f"{found[-1]:.2f} percent of base-year GDP of consumption" in README
    assert names["path"].provenance["sectors"]["14"] == "Smelting and processing of metals"


def test_the_experiment_loads(tmp_path: Path) -> None:
    [text] = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    assert load_experiment(tmp_path / "mine.toml").levers.payer == "dividends"


def test_every_command_exists() -> None:
    known = "run|check|tables|cards|experiments|report|explain|matters|frontier|grid|balance|update|validate"
    for command in set(re.findall(rf"iomodel ({known})\b", README)):
        with pytest.raises(SystemExit) as stopped:
            main([command, "--help"])
        assert stopped.value.code == 0


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"\bmake (\w+)", README)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


PRINTED = re.search(r"<!-- printed by make run[^>]*-->\n```\n(.*?)```", README, re.DOTALL)
NUMBER = re.compile(r"[+−-]?\d[\d,]*(?:\.\d+)?")


@pytest.mark.slow
def test_the_printed_numbers_are_those_of_the_main_job() -> None:
    """Words are the same, numbers agree within one unit of their last digit (rounding differs between platforms)."""
    from iomodel.report import headline_text
    from iomodel.study.policies import run_study

    assert PRINTED is not None
    said, made = PRINTED.group(1).split(), headline_text(run_study()).split()
    assert NUMBER.sub("#", " ".join(said)) == NUMBER.sub("#", " ".join(made))
    for old, new in zip(NUMBER.findall(" ".join(said)), NUMBER.findall(" ".join(made)), strict=True):
        unit = 10.0 ** -len(old.partition(".")[2])
        before, after = (float(text.replace(",", "").replace("−", "-")) for text in (old, new))
        assert abs(before - after) <= 1.01 * unit, f"the README says {old}, the main job {new}; run make run and copy"
