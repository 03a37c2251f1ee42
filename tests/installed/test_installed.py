"""What an installed package must do wherever it lies: these also run beside the wheel in an empty environment."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import iomodel as iom
from iomodel.shipped import data_folder

if TYPE_CHECKING:
    from iomodel.program.block import Values
    from iomodel.program.setting import Setting

TABLES = {"china-2020": (42, 1), "china-2020-153": (153, 1), "china-2020-28": (28, 1), "world-2011": (35, 15)}


@pytest.mark.parametrize("name", TABLES)
def test_shipped_tables_come_with_the_package(name: str) -> None:
    table = iom.load_table(name)
    assert (len(table.sectors), len(table.regions)) == TABLES[name]


def test_cards_and_experiments_come_with_the_package() -> None:
    assert 0 < iom.load_cards("china-2020")["precaution"] < 1
    assert {iom.load_grid(file.stem).name for file in (data_folder() / "experiments" / "grids").glob("*.toml")} >= {
        "package-by-reform",
        "robustness-two-halves",
    }
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


def test_a_block_of_ones_own_with_a_law_on_output() -> None:
    experiment = iom.load_experiment("best-path").replace(table="china-2020")
    free = iom.solve(experiment)
    years = free.policy_years
    most = 0.999 * float(free.data["output"].sel(sector="14", year=years).max())

    def laws(v: Values, p: Setting) -> Iterator[iom.Law]:
        steel = v["output"][p.place("14"), : len(years)]
        yield iom.Law("steel_ceiling", ("year",), steel <= most, where={"year": years})

    path = iom.solve(experiment, blocks=[iom.Block("steel", laws=laws)])
    assert path.verdict.status == "optimal"
    assert path.verdict.replay_distance < 1e-6
    assert float(path.data["output"].sel(sector="14", year=years).max()) <= most + 1e-6
    assert float(path.shadow_prices["steel_ceiling"].max()) > 0
    assert "steel_ceiling" in {row.law for row in iom.what_binds(path)}


def test_a_block_with_a_law_of_the_wrong_shape_is_refused() -> None:
    def laws(v: Values, p: Setting) -> Iterator[iom.Law]:
        yield iom.Law("steel_ceiling", ("sector", "year"), v["output"][p.place("14")] <= 1.0)

    with pytest.raises(iom.ProgramError, match=r"block 'steel': law 'steel_ceiling' has shape"):
        iom.build(
            iom.load_experiment("supply-only").replace(table="china-2020"), blocks=[iom.Block("steel", laws=laws)]
        )
