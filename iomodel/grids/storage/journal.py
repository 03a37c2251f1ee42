"""The journal: outcomes one after another, each in a frame that tells whether it is whole.

A frame is a mark, the length of what follows, its CRC-32 and the bytes themselves:

    b"\\xf1run" | length, 4 bytes | CRC-32 of length and content, 4 bytes | content

Frames are only ever put behind the last one. After a crash the last may be torn: it ends before its length, or its CRC
is wrong, and nothing whole follows. It is cut off. A frame that is wrong while whole ones follow was not torn but
damaged later: it is left out, those after it are found by their marks. The first frame of a file says to which grid and
which segment of the store it belongs.
"""

from __future__ import annotations

import dataclasses
import json
import os
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from iomodel.errors import GridError
from iomodel.grids.storage.outcome import Outcome

MARK = b"\xf1run"
HEAD = struct.Struct("<4sII")
NUMBERS = "<f8"


@dataclass(frozen=True)
class Scan:
    """What was found in the bytes of a journal.

    contents: of the whole frames, in order. end: where the last whole frame ends. damaged: number of places between
    whole frames where something else stands. torn: number of bytes after the last whole frame.
    """

    contents: tuple[bytes, ...]
    end: int
    damaged: int
    torn: int


def framed(content: bytes) -> bytes:
    """The frame of one record."""
    length = struct.pack("<I", len(content))
    return HEAD.pack(MARK, len(content), zlib.crc32(content, zlib.crc32(length))) + content


def scanned(data: bytes) -> Scan:
    """The whole frames in `data`.

    >>> whole = framed(b"first") + framed(b"second")
    >>> scanned(whole).contents, scanned(whole[:-1]).contents
    ((b'first', b'second'), (b'first',))
    """
    contents: list[bytes] = []
    at = end = damaged = 0
    while (at := data.find(MARK, at)) >= 0:
        content = _content(data, at)
        if content is None:
            at += 1
            continue
        damaged += at > end
        contents.append(content)
        at = end = at + HEAD.size + len(content)
    return Scan(tuple(contents), end, damaged, len(data) - end)


def _content(data: bytes, at: int) -> bytes | None:
    """The content of the frame that begins at `at`; None when it is not whole."""
    if at + HEAD.size > len(data):
        return None
    _, length, check = HEAD.unpack_from(data, at)
    content = data[at + HEAD.size : at + HEAD.size + length]
    if len(content) < length or zlib.crc32(content, zlib.crc32(struct.pack("<I", length))) != check:
        return None
    return content


def written(outcome: Outcome) -> bytes:
    """An outcome as bytes: what is no array as JSON, then the arrays' numbers bit for bit."""
    arrays = {kind: getattr(outcome, kind) for kind in ("values", "prices")}
    plain: dict[str, Any] = {
        item.name: getattr(outcome, item.name) for item in dataclasses.fields(outcome) if item.name not in arrays
    }
    plain["versions"], plain["remedies"] = dict(outcome.versions), list(outcome.remedies)
    plain["arrays"] = [
        (kind, name, np.shape(array)) for kind, of_kind in arrays.items() for name, array in of_kind.items()
    ]
    text = json.dumps(plain, ensure_ascii=False).encode()
    numbers = [np.asarray(array, dtype=NUMBERS).tobytes() for of in arrays.values() for array in of.values()]
    return b"".join([struct.pack("<I", len(text)), text, *numbers])


def read(content: bytes) -> Outcome:
    """The outcome that `written` turned into bytes."""
    (length,) = struct.unpack_from("<I", content)
    plain = json.loads(content[4 : 4 + length])
    arrays: dict[str, dict[str, Any]] = {"values": {}, "prices": {}}
    at = 4 + length
    for kind, name, shape in plain.pop("arrays"):
        count = int(np.prod(shape, dtype=np.int64))
        arrays[kind][name] = np.frombuffer(content, dtype=NUMBERS, count=count, offset=at).reshape(shape)
        at += count * 8
    whole: dict[str, Any] = {**plain, **arrays, "remedies": tuple(plain["remedies"])}
    return Outcome(**whole)


def belonging(digest: str, segment: int) -> bytes:
    """The first record of a journal."""
    return json.dumps({"journal of grid": digest, "segment": segment}).encode()


def outcomes_of(path: Path, digest: str, segment: int) -> tuple[list[Outcome], Scan]:
    """The outcomes in a journal and what else was found in it.

    Raises GridError when it is of another grid or segment. A file in which nothing is whole holds no outcome.
    """
    scan = scanned(path.read_bytes())
    own = belonging(digest, segment)
    if scan.contents and scan.contents[0] != own and scan.contents[0].startswith(b'{"journal of grid"'):
        raise GridError(
            f"{path} belongs to another grid or segment: found {scan.contents[0].decode()}, expected {own.decode()}. "
            "Put the right file back, or choose another folder."
        )
    return [read(content) for content in scan.contents if content != own], scan


class Log:
    """A journal open for writing: its last whole frame is always where the file ends.

    The one thing in this package that is not a value: it stands for an open file.
    """

    def __init__(self, path: Path, first: Iterable[bytes] = ()) -> None:
        """Open `path` to put frames behind those it holds; `first` are put into a new file at once."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self.path = path
        self._file = os.open(path, flags, 0o666)
        self._size = os.fstat(self._file).st_size
        try:
            for content in first:
                self.append(content)
        except OSError:
            self.close()
            raise

    def append(self, content: bytes) -> None:
        """Put a frame behind the others, whole or not at all; OSError as the system says it."""
        frame = framed(content)
        left = memoryview(frame)
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except BaseException:
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(frame)

    def sync(self) -> None:
        """Return only when the disk has what was put in."""
        os.fsync(self._file)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)
