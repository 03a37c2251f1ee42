"""The README's Python runs as it stands, and its commands are those that the command line has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from iomodel.cli import main
from iomodel.experiment import load_experiment

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("code", BLOCKS, ids=range(len(BLOCKS)))
def test_the_code_runs(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})


def test_the_experiment_loads(tmp_path: Path) -> None:
    [text] = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    assert load_experiment(tmp_path / "mine.toml").levers.payer == "dividends"


def test_every_command_exists() -> None:
    for command in set(re.findall(r"iomodel (run|check|tables|cards|experiments|report|explain)\b", README)):
        with pytest.raises(SystemExit) as stopped:
            main([command, "--help"])
        assert stopped.value.code == 0


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"\bmake (\w+)", README)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
