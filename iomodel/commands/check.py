"""`iomodel check`: all findings about a user's own table at once; nothing is guessed or repaired."""

from __future__ import annotations

import argparse
from typing import Any

from iomodel.commands.options import Command, number_or_text
from iomodel.commands.output import BAD_INPUT, count, say
from iomodel.errors import IOModelError


def add(command: Command) -> None:
    """`iomodel check FILE`."""
    text = "all findings about your own table at once; nothing is guessed or repaired"
    parser = command("check", _check, text)
    parser.add_argument("file", metavar="FILE", help="CSV or Excel in the template's layout, or a NetCDF table")
    text = "largest miss of a balance that is no finding, as a share of output (0.000001)"
    parser.add_argument("--tolerance", metavar="SHARE", type=number_or_text, help=text)


def _check(asked: argparse.Namespace) -> int:
    from iomodel.audit import check_file

    looser = {} if asked.tolerance is None else {"tolerance": asked.tolerance}
    findings = [str(finding) for finding in check_file(asked.file, **looser)] or _not_calibrated(asked.file, looser)
    for finding in findings:
        print(f"- {finding}")
    how = f" if read with this tolerance: read_table({asked.file!r}, tolerance={asked.tolerance})" if looser else ""
    said = f"no findings, the table can be used{how}" if not findings else count(len(findings), "finding")
    print(f"{asked.file}: {said}")
    return BAD_INPUT if findings else 0


def _not_calibrated(file: str, looser: dict[str, Any]) -> list[str]:
    """What calibration refuses in a sound national table; what it finds in one that it takes is printed."""
    from iomodel.calibration.calibrating import calibrate
    from iomodel.readers.template import read_table

    table = read_table(file, **looser)
    if not table.is_national:
        return []
    try:
        say(str(calibrate(table, table.home)))
    except IOModelError as error:
        return str(error).splitlines()
    return []
