"""The lock of a store: one driver writes, and a second one is told who.

The lock is `flock` on the file `lock`, which also holds who took it: host, process, user and since when. The system
frees it when the process ends, however it ends, so that a driver killed at once leaves no store that cannot be opened:
who finds the file written but not locked, on the same host, takes it over and says so. A forked child closes its copy
at once, so that a worker that outlives its driver does not hold the lock. On a file system shared by several hosts
`flock` reaches as far as the file system lets it (NFS: all hosts; some others: only its own). Therefore a file written
by another host, locked or not, is never taken over: the second driver is refused, and told to remove the file when it
knows that the first is gone. Where the system has no `flock` (Windows), the file's writer counts as alive.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import socket
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

from iomodel.errors import GridError

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

FILE = "lock"


@dataclass(frozen=True)
class Holder:
    """Who writes to a store."""

    host: str
    pid: int
    user: str
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} of {self.user} on {self.host}, since {self.since}"


class Lock:
    """A lock that is held; `notes` says what was taken over."""

    def __init__(self, folder: Path) -> None:
        """Take the lock of the store in `folder`.

        Raises GridError with the holder's name where another driver has it. OSError when the file cannot be written.
        """
        self._path = folder / FILE
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        self.notes: tuple[str, ...] = ()
        try:
            self.notes = _taken(self._file, self._path)
        except BaseException:
            os.close(self._file)
            raise
        _HELD.add(self._file)

    def release(self) -> None:
        """Give the lock back; the file stays, empty."""
        _HELD.discard(self._file)
        try:
            with contextlib.suppress(OSError):  # then it is taken over with a note, which does no harm
                os.ftruncate(self._file, 0)
        finally:
            os.close(self._file)


def holder_of(folder: Path) -> Holder | None:
    """Who wrote the lock last and did not give it back; None when it is free."""
    try:
        return Holder(**json.loads((folder / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def is_gone(folder: Path) -> bool:
    """Whether the process that wrote the lock is seen to be gone: the lock, which ends with it, can be had.

    It is asked for shared and given back at once. False where that cannot be seen: no `flock`, or another host.
    """
    found = holder_of(folder)
    if fcntl is None or found is None or found.host != socket.gethostname():
        return False
    try:
        with (folder / FILE).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _taken(file: int, path: Path) -> tuple[str, ...]:
    """Lock the open file and write us into it; the notes to be said."""
    found = holder_of(path.parent)
    if not _locked(file) or (fcntl is None and found is not None):
        who = found or "another process that has just begun"
        raise GridError(f"{path.parent} is being written by {who}. Wait for it, or stop it; results can be read.")
    host = socket.gethostname()
    notes: tuple[str, ...] = ()
    if found is not None and found.host != host:
        raise GridError(
            f"{path.parent} was being written by {found}, and from {host} it cannot be seen whether that process still "
            f"runs. If it is gone, remove {path} and run again."
        )
    if found is not None:
        notes = (f"Took over from {found}, which ended without giving the lock back.",)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    text = json.dumps(asdict(Holder(host, os.getpid(), _user(), now))).encode()
    os.ftruncate(file, 0)
    os.pwrite(file, text, 0)
    return notes


def _locked(file: int) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a list of users
        return f"user {os.getuid()}"


_HELD: set[int] = set()
"""Open lock files of this process, closed in forked children: the lock belongs to the process, not to its children."""


def _forget() -> None:
    for file in _HELD:
        with contextlib.suppress(OSError):
            os.close(file)
    _HELD.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
