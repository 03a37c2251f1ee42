"""Files that are there whole or not at all.

What is written goes to a file beside the wanted one, which takes its place only when it is complete: an interrupted
run, a full disk or an error in between leaves nothing half-written, and an older file as it was.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from iomodel.errors import ResultError


def write_whole(file: str | Path, write: Callable[[Path], None]) -> Path:
    """Let `write` fill a file beside `file`, then put it in its place; folders are made as needed.

    Returns the path written. Raises ResultError when the folder cannot be made or written, or `file` is a folder.
    """
    path = Path(file)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder", str(path))
        write(part)
        part.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ResultError(f"Cannot write {path}: {reason}. Choose a folder that can be written.") from error
    finally:
        if path.parent.is_dir():
            part.unlink(missing_ok=True)
    return path


def write_text(file: str | Path, text: str) -> Path:
    """Write `text` as UTF-8, whole or not at all; ResultError as `write_whole`."""
    return write_whole(file, lambda part: _fill(part, text))


def check_folder(folder: str | Path) -> Path:
    """Make `folder` and make sure that files can be put into it, before hours are spent on what goes there.

    Raises ResultError when it cannot be made or written.
    """
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".probe.{os.getpid()}.part"
        probe.touch()
        probe.unlink()
    except OSError as error:
        reason = error.strerror or str(error)
        raise ResultError(f"Cannot write to the folder {path}: {reason}. Choose one that can be written.") from error
    return path


def _fill(part: Path, text: str) -> None:
    part.write_text(text, encoding="utf-8")
