"""Files that are there whole or not at all.

What is written goes to a file beside the wanted one, which takes its place only when it is complete: an interrupted
run, a full disk or an error in between leaves nothing half-written, and an older file as it was.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from iomodel.errors import IOModelError, ResultError
from iomodel.values import file_path

OTHER_KINDS = (".csv", ".xlsx", ".xls", ".rda")
"""Endings of files of tables that are no NetCDF."""


def write_whole(file: str | Path, write: Callable[[Path], None]) -> Path:
    """Let `write` fill a file beside `file`, then put it in its place; folders are made as needed.

    Returns the path written. Raises ResultError when the folder cannot be made or written, or `file` is a folder.
    """
    path = file_path("file", file, ResultError)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    made = _absent(path.parent)
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
        _remove_empty(made)
    return path


def netcdf_file(key: str, file: str | Path, error: type[IOModelError]) -> Path:
    """`file` as the path of a NetCDF file to write; an `error` where its ending says that it is another kind, since
    readers go by it.

    >>> netcdf_file("out", "table.nc", ResultError).name
    'table.nc'
    """
    path = file_path(key, file, error)
    if path.suffix.lower() in OTHER_KINDS:
        raise error(f"{key}: found {str(path)!r}; allowed: the name of a NetCDF file, such as {path.stem}.nc.")
    return path


def write_text(file: str | Path, text: str) -> Path:
    """Write `text` as UTF-8, whole or not at all; ResultError as `write_whole`."""
    return write_whole(file, lambda part: _fill(part, text))


def check_folder(folder: str | Path) -> Path:
    """Make `folder` and make sure that files can be put into it, before hours are spent on what goes there.

    Raises ResultError when it has no name, or cannot be made or written.
    """
    if not str(folder).strip():
        raise ResultError("The folder for the results has no name; name one, or leave it out.")
    path = Path(folder)
    made = _absent(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".probe.{os.getpid()}.part"
        probe.touch()
        probe.unlink()
    except OSError as error:
        _remove_empty(made)
        reason = error.strerror or str(error)
        raise ResultError(f"Cannot write to the folder {path}: {reason}. Choose one that can be written.") from error
    return path


@contextmanager
def output_folder(folder: str | Path) -> Generator[Path]:
    """`check_folder` for the time of a run: what it made and the run left empty, however it ended, is gone after it."""
    made = _absent(Path(folder))
    try:
        yield check_folder(folder)
    finally:
        _remove_empty(made)


def _absent(folder: Path) -> list[Path]:
    """The folders that making `folder` would make, the innermost first."""
    return [path for path in (folder, *folder.parents) if not path.exists()]


def _remove_empty(folders: list[Path]) -> None:
    """Remove folders from the innermost on, up to the first that holds something."""
    for folder in folders:
        try:
            folder.rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            return


def _fill(part: Path, text: str) -> None:
    part.write_text(text, encoding="utf-8", newline="\n")
