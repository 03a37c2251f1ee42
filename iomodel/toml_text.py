"""Plain values as TOML: files read with one error that names them, values written."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iomodel.errors import IOModelError


def read_toml(path: Path, error: type[IOModelError], kind: str) -> dict[str, Any]:
    """The entries of a TOML file of some kind ("experiment", "grid"), of which shipped ones show the form.

    A byte order mark is passed over. Raises `error`, which names the file, where it is no TOML or cannot be read.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise error(f"{path}: this is not TOML ({wrong}). See a shipped {kind} for the form.") from None
    except OSError as wrong:
        raise error(f"{path}: cannot be read ({wrong.strerror}).") from None


def toml_of(entries: Mapping[str, Any]) -> str:
    """Nested plain values as the text of a TOML file: single entries first, then a section for each mapping.

    >>> print(toml_of({"name": "mine", "cards": {"precaution": 0.3}}), end="")
    name = "mine"
    <BLANKLINE>
    [cards]
    precaution = 0.3
    """
    lines = [f"{_key(key)} = {toml_value(value)}" for key, value in entries.items() if not isinstance(value, dict)]
    for key, value in entries.items():
        if isinstance(value, dict) and value:
            lines += ["", f"[{_key(key)}]"]
            lines += [f"{_key(inner)} = {toml_value(entry)}" for inner, entry in value.items()]
    return "\n".join(lines) + "\n"


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else json.dumps(key)


def toml_value(value: Any) -> str:
    """A plain value as TOML; strings as JSON, whose escapes TOML shares.

    >>> toml_value({"exactly": 4, "hard": False})
    '{exactly = 4, hard = false}'
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)} = {toml_value(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml_value(entry) for entry in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)
