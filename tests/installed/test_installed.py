"""What an installed package must do wherever it lies: these also run beside the wheel in an empty environment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import iomodel as iom
from iomodel.shipped import data_folder

TABLES = {"china-2020": (42, 1), "world-2011": (35, 15)}


@pytest.mark.parametrize("name", TABLES)
def test_shipped_tables_come_with_the_package(name: str) -> None:
    table = iom.load_table(name)
    assert (len(table.sectors), len(table.regions)) == TABLES[name]


def test_cards_and_experiments_come_with_the_package() -> None:
    assert 0 < iom.load_cards("china-2020")["precaution"] < 1
    for file in (data_folder() / "experiments").glob("*.toml"):
        assert iom.load_experiment(file.stem).name == file.stem


def test_the_command_line_starts(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "iomodel", "experiments"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert "two-halves" in run.stdout


def test_a_template_is_written_and_read_back(tmp_path: Path) -> None:
    files = iom.write_template(tmp_path)
    assert iom.read_table(next(file for file in files if file.suffix == ".csv")).is_national
