"""What commands print: text on stdout, one message on stderr for what goes wrong, and the exit codes.

0 is optimal, 2 bad input or findings of `check`, 3 infeasible or unbounded, 4 inaccurate or failed; of several
experiments the highest.
"""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING

from iomodel.errors import IOModelError

if TYPE_CHECKING:
    from iomodel.program.trajectory import Trajectory

BAD_INPUT = 2
WIDTH = 120
"""Columns at which prose for a terminal is broken."""
STATUS_CODES = {"optimal": 0, "simulated": 0, "infeasible": 3, "unbounded": 3}
"""Status of a verdict -> exit code; any other (inaccurate, failed, no fixed point) is 4."""


def say(text: str) -> None:
    """A line on stdout, at once."""
    print(text, flush=True)


def wrapped(text: str) -> str:
    """Text whose long lines are broken between words; what goes on stands two columns further in.

    >>> print(wrapped("  one " + 12 * "after-another "))
      one after-another after-another after-another after-another after-another after-another after-another
        after-another after-another after-another after-another after-another
    """
    found: list[str] = []
    for line in text.splitlines():
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        found += textwrap.wrap(
            line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        ) or [""]
    return "\n".join(found)


def progress(text: str) -> None:
    """What is being done, on one line of the screen that the next one overwrites; nothing where no one looks."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def complain(error: IOModelError, about: str = "") -> int:
    """One message on stderr, with the name that it is about where it does not begin with it; returns the exit code."""
    prefix = f"{about}: " if about and not str(error).startswith(f"{about}: ") else ""
    print(f"iomodel: {prefix}{error}", file=sys.stderr)
    return error.exit_code


def exit_code(path: Trajectory) -> int:
    """The exit code that a path's verdict stands for; what is not optimal is said on stderr."""
    code = STATUS_CODES.get(path.verdict.status, 4)
    if code:
        print(f"iomodel: {path.experiment.name} is {path.verdict}", file=sys.stderr)
    return code


def count(number: int, word: str) -> str:
    """A number of things, in words that agree with it."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
