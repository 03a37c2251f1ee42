"""Where the shipped tables, cards, maps, facts and experiments lie.

In a wheel they are packed beside the code as `iomodel/_data`; in a checkout they are the folders `tables/` and
`experiments/` at its root. Everything that opens a shipped file asks here.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from iomodel.errors import TableError, nearest

_PACKAGE = Path(__file__).resolve().parent


def data_folder() -> Path:
    """The folder that holds `tables/` and `experiments/`."""
    packed = _PACKAGE / "_data"
    return packed if packed.is_dir() else _PACKAGE.parent


def shipped_file(*parts: str) -> Path:
    """Path of a shipped file, for example `shipped_file("tables", "cards", "common.toml")`; it may not exist."""
    return data_folder().joinpath(*parts)


def shipped_names(folder: str, suffix: str) -> list[str]:
    """Names, without suffix, of the shipped files in `folder` (such as "experiments") that end in `suffix`."""
    found = shipped_file(*folder.split("/")).glob(f"*{suffix}")
    return sorted(path.name.removesuffix(suffix) for path in found if not path.name.endswith(".expect.toml"))


def shipped_tables() -> list[str]:
    """Names of the shipped tables."""
    return shipped_names("tables", ".nc")


def table_card(name: str) -> dict[str, Any]:
    """The card of a shipped table: source, licence, year, unit, price basis, sectors, command, hash, how it was made.

    Raises TableError for a name that is not shipped, with the nearest.

    >>> table_card("china-2020")["unit"]
    'million CNY'
    """
    names = shipped_tables()
    if name not in names:
        raise TableError(f"There is no table {name!r}; shipped: {', '.join(names)}.{nearest(name, names)}")
    path = shipped_file("tables", f"{name}.toml")
    return dict(_card(path, path.stat().st_mtime_ns))


@cache
def _card(path: Path, _changed: int) -> dict[str, Any]:
    """A card as it was last written: every experiment with tariffs asks for the regions of all tables."""
    return tomllib.loads(path.read_text(encoding="utf-8"))
