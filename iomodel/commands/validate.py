"""`iomodel validate`: the method of a recipe on years whose truth is known, and its errors."""

from __future__ import annotations

import argparse

from iomodel.commands.options import Command


def add(command: Command) -> None:
    """`iomodel validate FILE.toml --source DIR`."""
    parser = command("validate", _validate, "the errors of a recipe's method on years whose truth is known")
    parser.add_argument("recipe", metavar="NAME|FILE", help="a shipped recipe (world-2020) or a TOML file")
    parser.add_argument("--source", metavar="DIR", required=True, help="folder of the publishers' files")


def _validate(asked: argparse.Namespace) -> int:
    from iomodel.updating.making import sources_of
    from iomodel.updating.recipe import load_recipe
    from iomodel.updating.validation import validate
    from iomodel.updating.words import validation_text

    print(validation_text(validate(sources_of(load_recipe(asked.recipe), asked.source))))
    return 0
