"""Where the shipped tables, cards, maps, facts and experiments lie.

In a wheel they are packed beside the code as `iomodel/_data`; in a checkout they are the folders `tables/` and
`experiments/` at its root. Everything that opens a shipped file asks here.
"""

from __future__ import annotations

from pathlib import Path

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
