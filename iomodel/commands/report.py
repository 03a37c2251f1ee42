"""`iomodel report`: make the page again from a folder that `iomodel run` wrote."""

from __future__ import annotations

import argparse
from pathlib import Path

from iomodel.commands.options import Command
from iomodel.commands.run import MAIN_OUT
from iomodel.errors import ResultError


def add(command: Command) -> None:
    """`iomodel report DIR`."""
    parser = command("report", _report, "make the page again from a folder that `run` wrote")
    parser.add_argument("folder", metavar="DIR", help="a folder of results, such as results/main")


def _report(asked: argparse.Namespace) -> int:
    folder = Path(asked.folder)
    if not folder.is_dir():
        raise ResultError(f"There is no folder {folder}; name one that `iomodel run` wrote, such as {MAIN_OUT}.")
    from iomodel.report import write_report
    from iomodel.study.files import holds_study, load_paths, load_study

    found = load_study(folder) if holds_study(folder) else load_paths(folder)
    print(write_report(found, folder / "report.html"))
    return 0
