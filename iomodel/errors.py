"""Everything that `iomodel` raises on purpose.

One small tree: a caller who catches `IOModelError` catches all of it, and each child carries the exit code with which
the command line ends. A message says what was found, what is allowed and what to do next; `nearest` adds the names that
the user may have meant.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any


class IOModelError(Exception):
    """Base of every error raised on purpose; `exit_code` is what the command line ends with."""

    exit_code = 2


class TableError(IOModelError):
    """A table, or a file that should hold one, is not a balanced and labelled input-output table."""


class CardError(IOModelError):
    """A parameter card or a sector map is missing, misspelled or outside its range."""


class BalanceError(IOModelError):
    """Totals, a draft or constraints that no balanced table can meet, or that do not fit each other."""


class ExperimentError(IOModelError):
    """An experiment asks for something that does not exist or cannot be."""


class ResultError(IOModelError):
    """A result cannot be written, read or compared."""


class GridError(IOModelError):
    """A grid, or the folder that holds its results, is not what it should be, or cannot be written."""


class SchedulerError(GridError):
    """The scheduler of a cluster does not answer, or went away."""

    exit_code = 4


class ProgramError(IOModelError):
    """A block, variable or law is malformed: wrong shape, declared twice, or not convex."""


class InfeasibleError(IOModelError):
    """No path meets all hard laws; the message names the laws in conflict.

    program, collision: what has no path, and what was found of it, for whoever explains it further.
    """

    exit_code = 3

    def __init__(self, message: str, program: Any = None, collision: Any = None) -> None:
        super().__init__(message)
        self.program, self.collision = program, collision

    def __reduce__(self) -> tuple[type[InfeasibleError], tuple[str]]:
        """Sent to another process it is its message alone."""
        return type(self), (str(self),)


class SolverError(IOModelError):
    """A solver failed or stopped before it reached its tolerance; `status` is how it ended."""

    exit_code = 4

    def __init__(self, message: str, status: str = "failed") -> None:
        super().__init__(message)
        self.status = status
        if status == "unbounded":  # an answer about the experiment, as "infeasible" is
            self.exit_code = 3

    def __reduce__(self) -> tuple[type[SolverError], tuple[str, str]]:
        return type(self), (str(self), self.status)


def nearest(name: str, allowed: Iterable[str], titles: Mapping[str, str] | None = None) -> str:
    """The names closest to `name` in whatever case, as a sentence to append to an error ("" when nothing is close).

    titles: name -> what it stands for, in which `name` is looked for, too.

    >>> nearest("two-halfs", ["two-halves", "best-path"])
    ' Did you mean two-halves?'
    >>> nearest("steel", ["AGR", "MET"], {"AGR": "Agriculture", "MET": "Iron and steel"})
    ' Did you mean MET (Iron and steel)?'
    """
    titles = titles or {}
    cases = {item.casefold(): item for item in allowed}
    close = [cases[found] for found in difflib.get_close_matches(name.casefold(), list(cases), n=3, cutoff=0.5)]
    meant = [item for item in cases.values() if len(name) > 2 and name.casefold() in titles.get(item, "").casefold()]
    told = [f"{item} ({titles[item]})" if item in titles else item for item in dict.fromkeys([*close, *meant[:3]])]
    return f" Did you mean {' or '.join(told)}?" if told else ""
