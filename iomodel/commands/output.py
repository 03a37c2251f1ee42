"""What commands print: text on stdout, one message on stderr for what goes wrong, and the exit codes.

0 is optimal, 2 bad input or findings of `check`, 3 infeasible or unbounded, 4 inaccurate or failed; of several
experiments the highest.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from iomodel.errors import IOModelError

if TYPE_CHECKING:
    from iomodel.program.trajectory import Trajectory

BAD_INPUT = 2
STATUS_CODES = {"optimal": 0, "simulated": 0, "infeasible": 3, "unbounded": 3}
"""Status of a verdict -> exit code; any other (inaccurate, failed, no fixed point) is 4."""


def say(text: str) -> None:
    """A line on stdout, at once."""
    print(text, flush=True)


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
