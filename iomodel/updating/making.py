"""From a recipe to its table: the estimate itself, or one of its variants."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from iomodel.errors import TableError
from iomodel.table import Table
from iomodel.updating.estimate import update
from iomodel.updating.recipe import Recipe, load_recipe
from iomodel.updating.sources import Sources


def sources_of(recipe: Recipe, folder: str | Path, tables: Mapping[str, Table] | None = None) -> Sources:
    """The raw files of a recipe in `folder`; `tables` stand for shipped tables of their names.

    Raises TableError when there is no such folder.
    """
    path = Path(folder)
    if not path.is_dir():
        raise TableError(f"There is no folder {path}. Give the folder of the publishers' files that the recipe names.")
    return Sources(recipe, path, dict(tables or {}))


def table_of(sources: Sources, variant: str | None = None) -> Table:
    """The table of the recipe's first variant, which is the estimate, or of another; errors as `update`."""
    recipe = sources.recipe.central if variant is None else sources.recipe.variant(variant)
    read = sources.inputs(recipe)
    return update(
        read.starts,
        read.pieces,
        weights=read.weights,
        accounts=read.accounts,
        employment=read.employment,
        decimals=recipe.decimals,
        notes=recipe.notes,
        name=recipe.name if variant is None else f"{recipe.name}-{variant}",
        region_names=sources.region_names,
        **recipe.description,
    )


def update_from(name_or_path: str | Path, folder: str | Path, variant: str | None = None) -> Table:
    """The table that a recipe (shipped name or FILE.toml) makes of the raw files in `folder`."""
    return table_of(sources_of(load_recipe(name_or_path), folder), variant)
