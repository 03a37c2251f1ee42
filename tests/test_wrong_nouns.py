"""A name or a file where an object of the model belongs: one message that says how to come to it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from official import official

import iomodel as iom
from iomodel.errors import CardError, ExperimentError, ResultError, TableError
from iomodel.experiment import experiment_required


def test_a_name_is_no_experiment() -> None:
    with pytest.raises(ExperimentError, match=r"found 'two-halves' of type str; load it first: load_experiment"):
        experiment_required("two-halves")
    with pytest.raises(ExperimentError, match=r"found 'None' of type NoneType; load one with load_experiment"):
        experiment_required(None)


def test_a_name_is_no_table() -> None:
    with pytest.raises(TableError, match=r"found 'china-2020' of type str; load it first: load_table\('china-2020'\)"):
        iom.calibrate("china-2020")  # type: ignore[arg-type]
    with pytest.raises(TableError, match=r"found '3' of type int; make one with load_table"):
        iom.calibrate(3)  # type: ignore[arg-type]
    for wrong in (None, "", 3):
        with pytest.raises(
            TableError,
            match=r"load_table takes the name of a shipped table \(china-2020, china-2020-153, ",
        ):
            iom.load_table(wrong)  # type: ignore[arg-type]


def test_one_path_is_no_list_of_paths() -> None:
    usual = iom.simulate(official("business-as-usual"))
    with pytest.raises(ResultError, match=r"found one path: write compare\(\[business-as-usual\]\)"):
        iom.compare(usual)  # type: ignore[arg-type]
    for wrong in ("two-halves", None, [usual, 3]):
        with pytest.raises(ResultError, match="compare takes paths"):
            iom.compare(wrong)  # type: ignore[arg-type]


def test_a_table_is_shown_in_one_line() -> None:
    assert repr(iom.load_table("china-2020")) == "Table(china-2020, 2020, national × 42 sectors, million CNY)"
    assert repr(iom.load_table("world-2011")) == "Table(world-2011, 2011, 15 regions × 35 sectors, million USD)"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: iom.spillovers("a", "b"), ResultError, "spillovers, path: found 'a'; give a path of solve"),  # type: ignore[arg-type]
        (lambda: iom.save("a", "b"), ResultError, "save: found 'a'; give a path of solve"),  # type: ignore[arg-type]
        (lambda: iom.load_trajectory(None), ResultError, "load_trajectory: found None; allowed: the path of a file"),  # type: ignore[arg-type]
        (lambda: iom.read_table(None), TableError, "read_table: found None; allowed: the path of a file"),  # type: ignore[arg-type]
        (lambda: iom.load_concordance(3), CardError, "load_concordance: found 3; allowed: the path"),  # type: ignore[arg-type]
        (
            lambda: iom.aggregate(iom.load_table("china-2020"), 3),  # type: ignore[arg-type]
            TableError,
            "sectors: found '3' of type int; allowed: a Concordance, a mapping",
        ),
        (
            lambda: iom.save_table(iom.load_table("china-2020"), "mine.csv"),
            TableError,
            "file: found 'mine.csv'; allowed: the name of a NetCDF file, such as mine.nc",
        ),
        (lambda: iom.write_template(""), TableError, "write_template: found ''; allowed: the path"),
        (lambda: iom.load_experiment(None), ExperimentError, "load_experiment: found None; allowed: the path"),  # type: ignore[arg-type]
        (lambda: iom.save_table("a", "b"), TableError, "A table is needed, found 'a' of type str"),  # type: ignore[arg-type]
        (
            lambda: iom.calibrate(iom.load_table("china-2020"), cards="low"),  # type: ignore[arg-type]
            CardError,
            r"cards: found 'low'; give load_cards\(…\), or changes such as \{'precaution': 0\.3\}",
        ),
    ],
)
def test_what_is_none_of_the_nouns(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
