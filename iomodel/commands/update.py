"""`iomodel update`: a table brought to a later year by a recipe, an ESTIMATE, and what was conceded and moved most."""

from __future__ import annotations

import argparse

from iomodel.commands.options import Command
from iomodel.commands.output import say


def add(command: Command) -> None:
    """`iomodel update FILE.toml --source DIR --out table.nc`."""
    parser = command("update", _update, "a table brought to a later year by a recipe: an ESTIMATE")
    parser.add_argument("recipe", metavar="NAME|FILE", help="a shipped recipe (world-2020) or a TOML file")
    parser.add_argument("--source", metavar="DIR", required=True, help="folder of the publishers' files")
    parser.add_argument("--out", metavar="FILE", required=True, help="the NetCDF file to write")
    parser.add_argument("--variant", metavar="NAME", help="a variant of the recipe (its first)")


def _update(asked: argparse.Namespace) -> int:
    from iomodel.table import save_table
    from iomodel.updating.making import sources_of, table_of
    from iomodel.updating.recipe import load_recipe
    from iomodel.updating.words import report_text

    table = table_of(sources_of(load_recipe(asked.recipe), asked.source), asked.variant)
    print(report_text(table))
    say(str(save_table(table, asked.out, estimate_ok=True)))
    return 0
