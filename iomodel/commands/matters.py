"""`iomodel matters`: the assumptions that a path hangs on, the largest first."""

from __future__ import annotations

import argparse

from iomodel.commands.options import (
    Command,
    add_changes,
    add_experiment,
    add_verbose,
    changed,
    economy_told,
    folder_of,
    whole_or_text,
)
from iomodel.commands.output import exit_code, progress, say
from iomodel.errors import ExperimentError


def add(command: Command) -> None:
    """`iomodel matters NAME|FILE`."""
    text = "the assumptions that a path hangs on, cards and coefficients, largest first"
    parser = command("matters", _matters, text)
    add_experiment(parser)
    parser.add_argument("--year", metavar="YEAR", type=whole_or_text, help="of the outcome (the last reported)")
    text = "outcome that orders them (actual_individual_consumption_share), or goal"
    parser.add_argument("--by", metavar="OUTCOME", default="actual_individual_consumption_share", help=text)
    text = "how many to show, solved again at both ends of their range (%(default)s)"
    parser.add_argument("--top", metavar="N", type=whole_or_text, default=10, help=text)
    parser.add_argument("--only", metavar="KEY", nargs="+", help="these cards and groups of coefficients alone (all)")
    parser.add_argument("--out", metavar="FILE", help="write all assumptions and outcomes as NetCDF")
    add_changes(parser)
    add_verbose(parser)


def _matters(asked: argparse.Namespace) -> int:
    from iomodel.answers.matters import check_asked, what_matters
    from iomodel.answers.matters_shown import matters_dataset, matters_text
    from iomodel.assumptions import left_out
    from iomodel.files import write_whole
    from iomodel.run import solve

    if not isinstance(asked.top, int) or asked.top < 1:
        raise ExperimentError(f"--top takes a whole number from 1 on, found {asked.top}.")
    experiment = changed(asked.name, asked)
    if experiment.deciding:
        raise ExperimentError(
            f"what matters is found for one region, and several decide in {experiment.name!r}; name an experiment of "
            "one."
        )
    file = None if asked.out is None else folder_of("--out", asked.out, "")
    economy, told = economy_told(experiment, {}, asked.verbose)
    check_asked(experiment, economy, asked.year, asked.by, asked.only)
    say(told)
    path = solve(experiment, economy)
    say(f"{experiment.name}: {path.verdict}\n")
    rows = what_matters(path, economy, asked.year, by=asked.by, ends=asked.top, only=asked.only, progress=progress)
    progress("")
    print(matters_text(rows, asked.top))
    if asked.only is None:
        print(f"Left out, since no small step moves them: {', '.join(left_out(economy.cards))}.")
    if file is not None:
        say(str(write_whole(file, lambda part: matters_dataset(rows).to_netcdf(part, engine="h5netcdf"))))
    return exit_code(path)
