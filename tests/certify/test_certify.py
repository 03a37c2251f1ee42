"""Sixty runs of `benchmarks/certify.py`, the rows of laws that its judges read, and the command."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from answers import OPTIMUM, optimum
from certifying import trials
from certifying.draws import KINDS, drawn
from certifying.lawbook import lawbook

import iomodel as iom

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def _benchmark() -> ModuleType:
    """The benchmark as a module, by its path."""
    spec = importlib.util.spec_from_file_location("certify_benchmark", BENCHMARKS / "certify.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


certify = _benchmark()


@pytest.mark.slow
@pytest.mark.parametrize("run", range(60))
def test_a_run_is_right(run: int) -> None:
    report = trials.trial(run)
    assert report.wrong == []
    assert report.uncertified == []
    assert report.inaccurate == []
    assert report.kind == KINDS[run % 3]
    if report.kind == "infeasible":
        assert (report.verdict, report.facts["own proof"]) == ("infeasible", "holds")
        assert report.facts["proven"] > 0.5 * report.facts["gap"]


def test_a_run_follows_from_its_number() -> None:
    one, same, other = drawn(7, 0), drawn(7, 0), drawn(7, 1)
    assert one.experiment == same.experiment
    assert one.economy.table.sha256 == same.economy.table.sha256
    assert one.rng.random() == same.rng.random()
    assert one.economy.table.sha256 != other.economy.table.sha256


# ---------------------------------------------------------------- the rows of laws


def test_rows_that_are_not_the_laws_are_refused() -> None:
    book = optimum().book
    with pytest.raises(AssertionError, match="apart"):
        replace(book, bound=book.bound + 1e-3).moved(np.zeros(book.bound.size), book.program)


def test_a_floor_falls_when_its_row_loosens() -> None:
    """`shifts` moves bounds the way that `bound` moves: the rows of the moved program are the moved rows."""
    case = drawn(OPTIMUM, 0)
    book = lawbook(iom.build(case.experiment, case.economy))
    by = np.random.default_rng(0).uniform(-1, 1, book.bound.size)
    moved = lawbook(iom.build(case.experiment, case.economy, shifts=book.shifts(by)))
    assert any(law.bound == "lower" for law in book.program.laws.values())
    assert np.allclose(moved.bound, book.bound + by, rtol=0, atol=1e-12)
    assert abs(moved.matrix - book.matrix).max() < 1e-14


# ---------------------------------------------------------------- the command


def _row(run: int, **found: list[str]) -> dict[str, Any]:
    empty: dict[str, list[str]] = {"wrong": [], "uncertified": [], "inaccurate": []}
    said = {"run": run, "kind": KINDS[run % 3], "seed": 0, "table": "t", "policy": "p", "verdict": "optimal"}
    return {**said, **empty, **found, "facts": {}, "seconds": 0.0}


def test_a_run_in_the_file_is_not_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    def one(run: int, seed: int) -> dict[str, Any]:
        if run == 3 and len(made) < 4:
            made.append(run)
            raise KeyboardInterrupt
        made.append(run)
        return _row(run, inaccurate=["flat"] if run == 1 else [])

    monkeypatch.setattr(certify, "one", one)
    out = tmp_path / "runs.jsonl"
    command = ["--runs", "5", "--workers", "1", "--out", str(out)]
    assert certify.main(command) == 130
    with out.open("a", encoding="utf-8") as file:
        file.write('{"run": 3, "seed"')  # cut short
    assert "goes on" in capsys.readouterr().out
    assert certify.main(command) == 0
    assert made == [0, 1, 2, 3, 3, 4]
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == "certify: runs=5 wrong=0 uncertified=0 inaccurate=1"
    assert "run 1 (optimum, p, t) inaccurate: flat" in printed
    assert certify.main([*command, "--seed", "1"]) == 0, "runs of another seed are other runs"
    assert len(made) == 11
    monkeypatch.setattr(certify, "version", lambda _: "another")
    assert certify.main(command) == 0, "runs of other sources are made again"
    assert len(made) == 16


def test_the_version_is_that_of_what_runs_follow_from(tmp_path: Path) -> None:
    """A changed byte, a renamed file and a new one are another version."""
    files = certify.sources()
    names = {path.name for path in files}
    assert {"certify.py", "regret.py", "certificate.py", "world-2011.nc"} <= names
    assert any(path.parent.name == "cards" for path in files)
    assert certify.version(files) == certify.version(certify.sources())
    one, other = tmp_path / "one.py", tmp_path / "other.py"
    one.write_text("x = 1\n")
    other.write_text("x = 1\n")
    found = [certify.version([one]), certify.version([other]), certify.version([one, other])]
    one.write_text("x = 2\n")
    assert len({*found, certify.version([one])}) == 4


@pytest.mark.parametrize(("found", "code"), [("wrong", 1), ("uncertified", 1), ("inaccurate", 0)])
def test_the_exit_code_says_whether_all_is_right(
    found: str, code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certify, "one", lambda run, _: _row(run, **{found: ["reason"]}))
    assert certify.main(["--runs", "2", "--workers", "1"]) == code
    assert f"{found}=2" in capsys.readouterr().out.splitlines()[-1]


def test_a_run_that_stops_with_an_error_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(run: int, seed: int) -> None:
        raise ValueError("no such thing")

    monkeypatch.setattr(trials, "trial", broken)
    assert certify.one(4, 0)["wrong"] == ["stopped with ValueError: no such thing"]
    assert json.dumps(certify.one(4, 0))
