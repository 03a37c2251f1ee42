"""A name or a file where an object of the model belongs: one message that says how to come to it."""

from __future__ import annotations

import pytest

import iomodel as iom
from iomodel.errors import ExperimentError, ResultError, TableError
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
            TableError, match=r"load_table takes the name of a shipped table \(china-2020, world-2011\)"
        ):
            iom.load_table(wrong)  # type: ignore[arg-type]


def test_one_path_is_no_list_of_paths() -> None:
    usual = iom.simulate(iom.load_experiment("business-as-usual"))
    with pytest.raises(ResultError, match=r"found one path: write compare\(\[business-as-usual\]\)"):
        iom.compare(usual)  # type: ignore[arg-type]
    for wrong in ("two-halves", None, [usual, 3]):
        with pytest.raises(ResultError, match="compare takes paths"):
            iom.compare(wrong)  # type: ignore[arg-type]


def test_a_table_is_shown_in_one_line() -> None:
    assert repr(iom.load_table("china-2020")) == "Table(china-2020, 2020, national × 42 sectors, million CNY)"
    assert repr(iom.load_table("world-2011")) == "Table(world-2011, 2011, 15 regions × 35 sectors, million USD)"
