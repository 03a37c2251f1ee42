"""`iomodel frontier`: how much of one outcome can be had for how much of another, as text, table and figure."""

from __future__ import annotations

import argparse

from iomodel.commands.options import (
    Command,
    add_changes,
    add_experiment,
    changed,
    folder_of,
    number_or_text,
    whole_or_text,
)
from iomodel.commands.output import STATUS_CODES, say


def add(command: Command) -> None:
    """`iomodel frontier NAME|FILE`."""
    text = "how much of one outcome can be had for how much of another"
    parser = command("frontier", _frontier, text)
    add_experiment(parser)
    text = "the outcome on the axis, or a setting by its dotted key with --low and --high (%(default)s)"
    parser.add_argument("--x", metavar="OUTCOME|KEY", default="public_debt_share", help=text)
    text = "the outcome that is made best (%(default)s)"
    parser.add_argument("--y", metavar="OUTCOME", default="actual_individual_consumption_share", help=text)
    parser.add_argument("--points", metavar="N", type=whole_or_text, default=25, help="levels (%(default)s)")
    parser.add_argument("--year", metavar="YEAR", type=whole_or_text, help="of both outcomes (the last reported)")
    parser.add_argument("--low", metavar="VALUE", type=number_or_text, help="lowest level (found)")
    parser.add_argument("--high", metavar="VALUE", type=number_or_text, help="highest level (found)")
    parser.add_argument("--out", metavar="DIR", help="folder for the results (results)")
    add_changes(parser)


def _frontier(asked: argparse.Namespace) -> int:
    from iomodel.answers.frontiers import frontier
    from iomodel.files import output_folder, write_text
    from iomodel.report.frontier import frontier_figure, frontier_table, frontier_text

    experiment = changed(asked.name, asked)
    with output_folder(folder_of("--out", asked.out, "results")) as folder:
        found = frontier(
            experiment, asked.x, asked.y, asked.points, asked.year, low=asked.low, high=asked.high, progress=say
        )
        print(f"\n{frontier_text(found)}\n")
        out = folder / experiment.name
        say(str(write_text(out / "frontier.csv", frontier_table(found))))
        ended = set(map(str, found["status"].values))
        if not ended & {"optimal", "inaccurate"}:
            return STATUS_CODES["infeasible"]
        for kind in ("png", "svg"):
            say(str(frontier_figure(found, out / f"frontier.{kind}")))
    return 4 if ended & {"inaccurate", "failed"} else 0
