"""The command line: parse, call the command, and turn what goes wrong into one message and an exit code.

Each command is a module of `iomodel.commands`. Slow imports happen inside commands, so that --help answers at once.
Exit codes are those of `iomodel.commands.output`, and 130 for interrupted.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from iomodel import __version__
from iomodel.commands import (
    balance,
    cards,
    check,
    experiments,
    explain,
    frontier,
    grid,
    matters,
    report,
    run,
    tables,
    update,
    validate,
)
from iomodel.commands.output import complain
from iomodel.errors import IOModelError, nearest

INTERRUPTED = 130
COMMANDS = (run, explain, frontier, matters, grid, check, tables, balance, update, validate, cards, experiments, report)
"""In the order of --help."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line with `arguments` (default: those of the process) and return the exit code."""
    asked, unknown = _parser().parse_known_args(arguments)
    if unknown:
        asked.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    try:
        code: int = asked.command(asked)
    except IOModelError as error:
        return complain(error)
    except KeyboardInterrupt:
        print("iomodel: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output (head, less) has gone: no error of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


class _Parser(argparse.ArgumentParser):
    """argparse, whose errors name the nearest command or option, too: it takes no other way of saying so."""

    def error(self, message: str) -> NoReturn:
        choice = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
        option = re.search(r"unrecognized arguments: (?:.* )?(--[\w-]+)", message)
        if choice:
            message += nearest(choice[1], re.findall(r"[\w-]+", choice[2]))
        elif option:
            message += "." + nearest(option[1], re.findall(r"--[\w-]+", self.format_help()))
        super().error(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="iomodel",
        description="Rebalancing paths on real input-output tables.",
        epilog="Exit codes: 0 optimal, 2 bad input or findings of check, 3 infeasible or unbounded, 4 inaccurate or "
        "failed, 130 interrupted; of several experiments the highest.",
    )
    parser.add_argument("--version", action="version", version=f"iomodel {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, carry_out: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        added.set_defaults(command=carry_out, parser=added)
        return added

    for module in COMMANDS:
        module.add(command)
    return parser
