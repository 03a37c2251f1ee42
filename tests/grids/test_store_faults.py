"""What interruptions and damaged disks do to a store: after each, journal and segments agree, and nothing false is
read. Killed processes, full disks and locks are in test_store_processes.py."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stored
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import iomodel as iom
from iomodel.errors import GridError
from iomodel.grids.storage import header
from iomodel.grids.storage.contents import read_contents, read_counts, without_path
from iomodel.grids.storage.journal import framed, outcomes_of, scanned
from iomodel.grids.storage.store import Store, create_store, open_store

RUNS = 12


@pytest.fixture(scope="module", autouse=True)
def small_segments() -> Any:
    """Segments of five runs; what a power cut does is not asked here, only what stands in the files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(header, "FEWEST", 5)
        patch.setattr(header, "MOST", 5)
        patch.setattr(os, "fsync", lambda _: None)
        yield


def put_all(store: Store, upto: int = RUNS) -> None:
    for index in sorted(set(range(upto)) - store.done()):
        store.put(stored.outcome(index))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    """The results of an undisturbed grid."""
    folder = tmp_path_factory.mktemp("whole") / "store"
    with create_store(folder, stored.grid(), stored.template()) as store:
        put_all(store)
    return iom.open_results(folder).load()


@pytest.fixture(scope="module")
def seven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one segment and two runs in the journal."""
    folder = tmp_path_factory.mktemp("seven") / "store"
    with create_store(folder, stored.grid(), stored.template()) as store:
        put_all(store, 7)
    return folder


@pytest.fixture
def folder(seven: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(seven, tmp_path / "store"))


def finished(folder: Path) -> xr.Dataset:
    """What there is after the grid was gone on with to its end."""
    with open_store(folder, stored.grid()) as store:
        put_all(store)
        assert store.counts().left == 0
    return iom.open_results(folder).load()


def true_of(folder: Path, whole: xr.Dataset) -> set[int]:
    """The runs that a store holds; every one of them is what was put."""
    box = iom.open_results(folder).load()
    found = set(np.flatnonzero(box.status.values.ravel() != "left").tolist())
    assert set(read_contents(folder).statuses()) == found
    there = box.status != "left"
    xr.testing.assert_identical(box.where(there), whole.where(there))
    return found


# ---------------------------------------------------------------- the journal


def test_a_journal_torn_at_every_byte_of_its_last_record(folder: Path, whole: xr.Dataset) -> None:
    path = folder / "journal-00001.log"
    data = path.read_bytes()
    last = len(data) - len(framed(scanned(data).contents[-1]))
    digest = stored.grid().digest
    for end in range(last, len(data)):
        path.write_bytes(data[:end])
        outcomes, scan = outcomes_of(path, digest, 1)
        assert [outcome.index for outcome in outcomes] == [5]
        assert stored.same(outcomes[0], stored.outcome(5))
        assert (scan.end, scan.torn, scan.damaged) == (last, end - last, 0)
        if end % 40 == 0:
            assert true_of(folder, whole) == set(range(6))
            with open_store(folder, stored.grid()) as store:
                assert store.notes == (
                    f"The last record of journal-00001.log was torn ({end - last} bytes) and is cut off.",
                )
                assert store.done() == set(range(6))
                store.put(stored.outcome(6))
            assert path.read_bytes() == data
    xr.testing.assert_identical(finished(folder), whole)


def test_a_journal_cut_anywhere_or_ending_in_zeros(folder: Path, whole: xr.Dataset) -> None:
    path = folder / "journal-00001.log"
    data = path.read_bytes()
    for end in range(0, len(data), 97):
        for tail in (b"", b"\0" * 300):  # what a power cut leaves where a file grew before its content came
            path.write_bytes(data[:end] + tail)
            assert true_of(folder, whole) in ({0, 1, 2, 3, 4}, {0, 1, 2, 3, 4, 5})
    xr.testing.assert_identical(finished(folder), whole)


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(deadline=None, max_examples=60)
def test_a_flipped_bit_of_the_journal_is_never_read(seven: Path, whole: xr.Dataset, place: float, bit: int) -> None:
    data = bytearray((seven / "journal-00001.log").read_bytes())
    data[int(place * len(data))] ^= 1 << bit
    path = seven.parent / "journal-00001.log"
    path.write_bytes(data)
    outcomes, scan = outcomes_of(path, stored.grid().digest, 1)
    assert scan.damaged or scan.torn
    assert all(stored.same(outcome, stored.outcome(outcome.index)) for outcome in outcomes)
    assert len(outcomes) >= 1  # a flipped bit costs one record at most


def test_a_damaged_record_between_whole_ones_is_left_out(folder: Path, whole: xr.Dataset) -> None:
    path = folder / "journal-00001.log"
    data = bytearray(path.read_bytes())
    data[data.index(b'"index": 5') + 9] ^= 1
    path.write_bytes(data)
    assert true_of(folder, whole) == {0, 1, 2, 3, 4, 6}
    with open_store(folder, stored.grid()) as store:
        assert store.notes == ("journal-00001.log was damaged in 1 places: runs that stood there are done again.",)
        assert store.done() == {0, 1, 2, 3, 4, 6}
    with open_store(folder, stored.grid()) as store:
        assert store.notes == ()
    xr.testing.assert_identical(finished(folder), whole)


def test_a_journal_of_another_grid_is_refused(folder: Path, tmp_path: Path) -> None:
    with create_store(tmp_path / "other", stored.grid((3, 5)), stored.template()) as store:
        store.put(stored.outcome(0))
    shutil.copy(tmp_path / "other/journal-00000.log", folder / "journal-00001.log")
    for opened in (lambda: open_store(folder, stored.grid()), lambda: iom.open_results(folder)):
        with pytest.raises(GridError, match=r"journal-00001\.log belongs to another grid or segment: found .*expected"):
            opened()


# ---------------------------------------------------------------- segments


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


CHUNK, TEXT, RECORD = "runs.zarr/gdp/c.0.0", "texts/00000.json", "segments/00000.json"


@pytest.mark.parametrize("harm", [cut, flip, emptied, Path.unlink])
@pytest.mark.parametrize("file", [CHUNK, TEXT, RECORD])
def test_a_segment_with_a_wrong_file_is_never_read(
    folder: Path, whole: xr.Dataset, file: str, harm: Callable[[Path], None]
) -> None:
    harm(folder / file)
    if file == RECORD:  # without its record a segment is not there
        assert true_of(folder, whole) == {5, 6}
    else:
        with pytest.raises(GridError, match=f"{file} is absent or not what was written"):
            iom.open_results(folder).gdp.load() if file == CHUNK else without_path(folder)
    with open_store(folder, stored.grid()) as store:
        assert store.done() == {5, 6}
        assert any("done again" in note or "Removed" in note for note in store.notes)
    assert true_of(folder, whole) == {5, 6}
    xr.testing.assert_identical(finished(folder), whole)


@pytest.mark.parametrize("harm", [cut, flip, Path.unlink])
@pytest.mark.parametrize("file", ["runs.zarr/gdp/zarr.json", "runs.zarr/zarr.json", "settings.json"])
def test_what_can_be_made_again_is_made_again(
    folder: Path, whole: xr.Dataset, file: str, harm: Callable[[Path], None]
) -> None:
    before = (folder / file).read_bytes()
    harm(folder / file)
    if "gdp" in file:
        with pytest.raises(GridError, match=f"{file} is absent or not what was written"):
            iom.open_results(folder).gdp.load()
    with open_store(folder, stored.grid()) as store:
        assert store.notes == (f"{file} was absent or damaged and is written again.",)
    assert (folder / file).read_bytes() == before
    xr.testing.assert_identical(finished(folder), whole)


@pytest.mark.parametrize("harm", [cut, flip, emptied])
@pytest.mark.parametrize("file", ["grid.json", "fixed.json"])
def test_a_store_that_does_not_say_what_it_is_is_refused(folder: Path, file: str, harm: Callable[[Path], None]) -> None:
    harm(folder / file)
    for opened in (lambda: open_store(folder, stored.grid()), lambda: iom.open_results(folder)):
        with pytest.raises(GridError, match=rf"{file} is .*damaged"):
            opened()


def test_a_chunk_of_another_segment_is_not_taken_for_this_one(folder: Path, tmp_path: Path) -> None:
    with create_store(tmp_path / "other", stored.grid(), stored.template()) as store:
        for index in (5, 6, 7, 8, 9):
            store.put(stored.outcome(index))
    shutil.copy(tmp_path / "other" / CHUNK, folder / CHUNK)
    with pytest.raises(GridError, match="absent or not what was written"):
        iom.open_results(folder).gdp.load()


def test_every_segment_may_be_lost_and_is_done_again(tmp_path: Path, whole: xr.Dataset) -> None:
    folder = tmp_path / "store"
    with create_store(folder, stored.grid(), stored.template()) as store:
        put_all(store)
    for lost in ((0,), (1,), (2,), (0, 2), (0, 1, 2)):
        for segment in lost:
            flip(next((folder / "runs.zarr/output").glob(f"c.{segment}.*")))
        xr.testing.assert_identical(finished(folder), whole)


@given(data=st.data())
@settings(deadline=None, max_examples=25)
def test_no_harm_to_any_file_is_ever_read_as_results(seven: Path, whole: xr.Dataset, data: st.DataObject) -> None:
    """One file is changed, cut or removed: what can then be read is what was put, or it is refused in one line; and the
    grid comes to its end with the results of an undisturbed one, unless the store does not know any more what it is."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(shutil.copytree(seven, Path(place) / "store"))
        files = sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
        file = folder / data.draw(st.sampled_from([name for name in files if name != "lock"]))
        content = bytearray(file.read_bytes())
        at = data.draw(st.integers(0, len(content) - 1))
        harm = data.draw(st.sampled_from(["flip", "cut", "remove", "lengthen"]))
        if harm == "flip":
            content[at] ^= 1 << data.draw(st.integers(0, 7))
        file.write_bytes({"flip": content, "cut": content[:at], "remove": b"", "lengthen": content + b"\0"}[harm])
        if harm == "remove":
            file.unlink()
        try:
            assert true_of(folder, whole) <= set(range(7))
        except GridError as error:
            assert str(folder) in str(error)  # noqa: PT017
        try:
            xr.testing.assert_identical(finished(folder), whole)
        except GridError as error:
            assert file.name in ("grid.json", "fixed.json"), error  # noqa: PT017


# ---------------------------------------------------------------- interrupted anywhere


class Killed(BaseException):
    """The process ends here: nothing it does after this reaches the disk."""


def dying(patch: pytest.MonkeyPatch, at: int) -> Callable[[], int]:
    """Let the process die in its call number `at` that changes the disk; tells how many calls there were."""
    calls = 0

    def wrap(owner: Any, name: str, half: Callable[..., object] | None = None) -> None:
        original = getattr(owner, name)

        def call(*args: Any, **more: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == at and half is not None:
                half(original, *args)
            if calls >= at:
                raise Killed
            return original(*args, **more)

        patch.setattr(owner, name, call)

    wrap(os, "write", lambda write, file, data: write(file, data[: len(data) // 2]))
    wrap(Path, "replace")
    wrap(Path, "unlink")
    wrap(os, "truncate")
    wrap(os, "ftruncate")
    return lambda: calls


@pytest.mark.slow
def test_a_process_that_dies_at_any_step_loses_nothing_that_was_stored(tmp_path: Path, whole: xr.Dataset) -> None:
    """Every call that changes the disk is once the last; then the grid goes on from what is on the disk."""
    create_store(tmp_path / "empty", stored.grid(), stored.template()).close()
    at = 0
    while True:
        at += 1
        folder = Path(shutil.copytree(tmp_path / "empty", tmp_path / str(at)))
        acknowledged: set[int] = set()
        with pytest.MonkeyPatch.context() as patch:
            store = open_store(folder, stored.grid())
            calls = dying(patch, at)
            try:
                for index in range(RUNS):
                    store.put(stored.outcome(index))
                    acknowledged.add(index)
            except Killed:
                pass
            died = calls() >= at
        os.close(store._lock._file)  # pyright: ignore[reportPrivateUsage]
        os.close(store._log._file)  # pyright: ignore[reportPrivateUsage]
        found = true_of(folder, whole) if at % 4 == 0 else set(read_contents(folder).statuses())
        assert acknowledged <= found <= {*acknowledged, len(acknowledged)}
        xr.testing.assert_identical(finished(folder), whole)
        assert not list(folder.rglob("*.part"))
        shutil.rmtree(folder)
        if not died:
            break
    assert at > 40, "the calls that change the disk were not met"


def test_a_repair_that_is_interrupted_is_repaired(seven: Path, tmp_path: Path, whole: xr.Dataset) -> None:
    for at in range(1, 40):
        folder = Path(shutil.copytree(seven, tmp_path / str(at)))
        flip(folder / CHUNK)
        with (folder / "journal-00001.log").open("ab") as file:
            file.write(b"torn")
        with pytest.MonkeyPatch.context() as patch:
            calls = dying(patch, at)
            with contextlib.suppress(Killed):
                open_store(folder, stored.grid()).close()
            died = calls() >= at
        try:
            assert true_of(folder, whole) == {5, 6}
        except GridError as error:
            assert "is absent or not what was written" in str(error)  # noqa: PT017 - before the record is removed
        xr.testing.assert_identical(finished(folder), whole)
        if not died:
            return
    pytest.fail("the repair never came to its end")


# ---------------------------------------------------------------- no room


@pytest.mark.slow
def test_a_disk_that_is_full_at_any_step_is_said_and_loses_nothing(tmp_path: Path, whole: xr.Dataset) -> None:
    """From each call on that needs room there is none, then there is again: for the same driver or for the next."""
    create_store(tmp_path / "empty", stored.grid(), stored.template()).close()
    for at in (*range(1, 20), *range(20, 200, 3)):
        folder = Path(shutil.copytree(tmp_path / "empty", tmp_path / str(at)))
        calls = 0

        def without_room(call: Callable[..., Any], *args: Any, limit: int = at) -> Any:
            nonlocal calls
            calls += 1
            if calls == limit and len(args) == 2:  # room for half of what is written
                return call(args[0], args[1][: len(args[1]) // 2])
            if calls >= limit:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return call(*args)

        with open_store(folder, stored.grid()) as store:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(os, "write", functools.partial(without_room, os.write))
                patch.setattr(os, "fsync", functools.partial(without_room, lambda _: None))
                try:
                    put_all(store)
                except GridError as error:
                    said = (
                        rf"No room to write to {folder}: No space left on device\. \d+ runs are stored and can be read"
                    )
                    assert re.match(rf"{said}\. Make room and run again", str(error))  # noqa: PT017
                full = calls >= at
                assert true_of(folder, whole) == store.done() if at % 4 == 0 else read_counts(folder) == store.counts()
                assert not list(folder.rglob("*.part"))
            if at % 4 == 1:
                put_all(store)
        with open_store(folder, stored.grid()) as store:
            assert store.notes == ()
        xr.testing.assert_identical(finished(folder), whole)
        shutil.rmtree(folder)
        if not full:
            assert at > 40, "the calls that need room were not met"
            return
    pytest.fail("the grid never came to its end")
