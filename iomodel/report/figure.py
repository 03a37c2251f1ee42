"""The main figure from a folder of results: `python -m iomodel.report.figure results/main docs/figure.png`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from iomodel.errors import IOModelError
from iomodel.report.plots import main_figure
from iomodel.study.files import load_study

USAGE = "usage: python -m iomodel.report.figure RESULTS FILE.png"


def main(arguments: Sequence[str]) -> int:
    """Draw the study in the folder named first into the file named second; returns the exit code."""
    if len(arguments) != 2:
        print(USAGE, file=sys.stderr)
        return 2
    folder, file = arguments
    try:
        print(main_figure(load_study(folder), file))
    except IOModelError as error:
        print(f"iomodel: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
