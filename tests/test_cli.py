"""The command line: what it prints, where errors go, and the exit code of each outcome."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from official import ON_OFFICIAL, official
from small_country import TABLE, write_small
from test_table import BROKEN, broken_table

from iomodel import economy, run
from iomodel.cli import main
from iomodel.commands import experiments, options
from iomodel.commands import run as run_command
from iomodel.errors import SolverError
from iomodel.program.certificate import Verdict
from iomodel.results import load_trajectory
from iomodel.shipped import shipped_file, shipped_tables

Said = tuple[int, str, str]
CHINA = str(shipped_file("tables", "china-2020.nc"))


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run the command line; returns its exit code, stdout and stderr."""

    def answer(*arguments: object) -> Said:
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stopped:  # argparse ends usage errors and --help itself
            code = int(stopped.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return answer


def test_help_and_version(say: Callable[..., Said]) -> None:
    code, out, err = say("--help")
    assert (code, err) == (0, "")
    for command in ("run", "explain", "check", "tables", "cards", "experiments", "report"):
        assert command in out
    assert say("--version")[1].startswith("iomodel 0.")


def test_tables_cards_and_experiments(say: Callable[..., Said]) -> None:
    code, out, _ = say("tables")
    assert code == 0
    assert "china-2020   2020, 42 sectors, million CNY" in out
    assert "world-2011   2011, 15 regions × 35 sectors, million USD" in out
    assert "china-2020-153   2020, 153 sectors, million CNY" in out
    assert out.count("sha256") == len(shipped_tables())
    code, out, _ = say("cards", "precaution")
    assert code == 0
    for word in ("value    0.63", "range    0 to 1.03", "kind     assumed", "source"):
        assert word in out
    code, out, _ = say("cards", "--table", "world-2011")
    assert code == 0
    assert "cards for world-2011: " in out
    code, out, _ = say("experiments")
    assert code == 0
    assert "two-halves " in out


def test_template_and_check(say: Callable[..., Said], tmp_path: Path) -> None:
    code, out, _ = say("tables", "template", tmp_path)
    assert code == 0
    file = next(Path(line) for line in out.splitlines() if line.endswith(".csv"))
    assert say("check", file)[0] == 0
    code, out, err = say("check", CHINA)
    assert (code, err) == (0, "")
    assert "no findings" in out
    rows = file.read_text(encoding="utf-8-sig").splitlines()
    spoilt = next(place for place in range(len(rows) - 1, 0, -1) if rows[place][-1:].isdigit())
    rows[spoilt] = rows[spoilt].rpartition(",")[0] + ",much"
    file.write_text("\n".join(rows), encoding="utf-8")
    code, out, err = say("check", file)
    assert code == 2
    assert "- " in out
    assert "much" in out
    assert err == ""
    file.write_text("\n".join(rows).replace(",much", ",0").replace("year,2020", "year,"), encoding="utf-8")
    assert say("check", file)[1].splitlines()[-1].endswith("findings")


BAD = [
    (["runn"], "invalid choice: 'runn'"),
    (["run", "two-halfs"], "There is no experiment 'two-halfs'"),
    (["run", "gone.toml"], "There is no file gone.toml"),
    (["run", "two-halves", "--set", "cards.precauton=0"], "Did you mean precaution"),
    (["run", "two-halves", "--set", "cards.precaution=9"], "outside its range 0 to 1.03"),
    (["run", "two-halves", "--set", "horizon.years=0"], "horizon.years: found 0"),
    (["run", "two-halves", "--set", "precaution"], "--set takes KEY=VALUE, found 'precaution'"),
    (["run", "--set", "cards.precaution=0", "two-halves"], "name some, before them"),
    (["run", "two-halves", "--set", "tariffs.USB.points=3"], "Did you mean USA"),
    (["run", "two-halves", "--payer", "debt,nobody"], "--payer: found 'nobody'"),
    (["run", "two-halves", "two-halves"], "Two experiments are called two-halves"),
    (["run", "--payer", "debt"], "name some"),
    (["run", "--verbose"], "name some"),
    (
        ["matters", "two-halves", "--only", "precauton"],
        "there is no assumption 'precauton' that could be moved. Did you",
    ),
    (["matters", "two-halves", "--by", "public_dept_share"], "Did you mean public_debt_share"),
    (["matters", "two-halves", "--year", "2045"], "two-halves reports policy from 2026 to 2035, not 2045"),
    (["matters", "two-halves", "--out", ""], "--out names no folder"),
    (["cards", "precauton"], "Did you mean precaution"),
    (["check", "gone.csv"], "There is no file gone.csv"),
    (["check", __file__], "test_cli.py"),
    (["tables", "build", "--source", "gone"], "There is no folder gone"),
    (["report", "gone"], "gone"),
    (["explain", "two-halfs"], "Did you mean two-halves"),
    (["explain", "two-halves", *ON_OFFICIAL, "region=CHM"], "Did you mean CHN?"),
    (["check", "."], ". is a folder. Name a CSV or Excel file"),
    (["check", CHINA, "--tolerance", "nan"], "tolerance: found nan; allowed: a number from 0 up to 1, without 1"),
    (["check", CHINA, "--tolerance", "1"], "tolerance: found 1.0; allowed"),
    (["check", CHINA, "--tolerance", "x"], "tolerance: found 'x'; allowed"),
    (["run", "two-halves", "--set", "table=china-2002"], "china-2002"),
    (["run", "two-halves", "--solver", "clarabl"], "solver 'clarabl' is not installed; use one of clarabel, "),
    (
        ["run", "two-halves", *ON_OFFICIAL, "--solver", "highs"],
        "solver 'highs' cannot solve this program, which has second-order",
    ),
    (["run", "two-halves", "--set", "targets.packge=3"], "--set targets.packge=3: targets: found 'packge'"),
    (["run", "two-halves", "--set", "cards.precaution=low"], "a number from 0 to 1.03 yuan per yuan."),
    (["run", "two-halves", "--payer", "debt,debt"], "--payer names debt twice"),
    (["run", "two-halves", "--payer", ""], "--payer: found ''"),
    (["run", "two-halves", "--out", ""], "--out names no folder"),
    (["run", "--out", ""], "--out names no folder"),
    (["tables", "template", ""], "DIR names no folder"),
    (["cards", "precaution", "--table", "world-2012"], "--table: there is no table 'world-2012'; shipped: china-2020"),
    (["cards", "--table", "world-2012"], "Did you mean world-2011"),
    (["cards", "--table", "own.csv"], "--table: there is no file 'own.csv'"),
    (["explain", "two-halves", *ON_OFFICIAL, "--solver", "osqp"], "cannot solve this program"),
]


@pytest.mark.parametrize(("arguments", "words"), BAD, ids=[" ".join(entry[0])[:60] for entry in BAD])
def test_bad_input_is_one_message_and_code_2(
    arguments: list[str], words: str, say: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = say(*arguments)
    assert code == 2
    assert words in err
    assert out == "" or arguments[0] == "check"
    assert "Traceback" not in err + out
    assert err.count("iomodel: ") == 1
    assert not list(tmp_path.rglob("*.nc"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("change", "text"), BROKEN, ids=[str(entry[0]) for entry in BROKEN])
def test_a_broken_netcdf_table_is_said_and_code_2(
    change: Any, text: str, say: Callable[..., Said], tmp_path: Path
) -> None:
    file = broken_table(tmp_path / "table.nc", change)
    code, out, err = say("check", file)
    assert (code, err) == (2, "")
    assert text in out
    code, out, err = say("run", "two-halves", "--set", f"table={file}", "--out", tmp_path / "out")
    assert code == 2
    assert text in err
    assert err.startswith("iomodel: two-halves: ")
    assert not (tmp_path / "out").exists()


def test_check_with_a_larger_tolerance(say: Callable[..., Said], tmp_path: Path) -> None:
    file = write_small(tmp_path, TABLE.replace("24,390", "24,390.5"))
    code, out, _ = say("check", file)
    assert code == 2
    assert "or pass a larger tolerance= (`iomodel check --tolerance`)" in out
    code, out, _ = say("check", file, "--tolerance", "0.01")
    assert "miss balance" not in out
    assert f"read with this tolerance: read_table({str(file)!r}, tolerance=0.01)" in out


def test_an_output_folder_below_a_file(say: Callable[..., Said], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here")
    code, out, err = say("run", "two-halves", *ON_OFFICIAL, "--out", tmp_path / "file" / "below")
    assert (code, out) == (2, "")
    assert "Cannot write to the folder" in err
    assert (tmp_path / "file").read_text() == "here"


def test_a_run_without_results_leaves_no_folder(
    say: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "deep" / "out"
    code, _, err = say("run", "demand-only", *TOO_MUCH, "--out", out)
    assert code == 3
    assert err.count("demand-only: ") == 1
    assert not list(tmp_path.iterdir())

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run_command, "_solved", interrupted)
    assert say("run", "business-as-usual", *ON_OFFICIAL, "--out", out)[0] == 130
    assert not list(tmp_path.iterdir())
    (tmp_path / "deep").mkdir()
    assert say("run", "business-as-usual", *ON_OFFICIAL, "--out", out)[0] == 130
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]


def test_an_interrupt_ends_130(say: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(experiments, "_experiments", interrupted)
    assert say("experiments") == (130, "", "iomodel: interrupted\n")


def test_an_error_ends_with_its_own_code(say: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    def failed(_: object) -> int:
        raise SolverError("the solver stopped")

    monkeypatch.setattr(experiments, "_experiments", failed)
    assert say("experiments") == (4, "", "iomodel: the solver stopped\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["runn"], "invalid choice: 'runn'"),
        (["runn"], "Did you mean run?"),
        (["explian", "two-halves"], "Did you mean explain"),
        (["tables", "templat", "mine"], "Did you mean template"),
        (
            ["run", "two-halves", "--sett", "region=CHN"],
            "unrecognized arguments: --sett region=CHN. Did you mean --set",
        ),
        (["run", "two-halves", "--slover", "qoco"], "Did you mean --solver"),
    ],
)
def test_misspelled_commands_and_options_name_the_nearest(
    arguments: list[str], words: str, say: Callable[..., Said]
) -> None:
    code, out, err = say(*arguments)
    assert (code, out) == (2, "")
    assert words in err


def test_explain_names_the_laws_that_bind(say: Callable[..., Said]) -> None:
    code, out, err = say("explain", "demand-only", *ON_OFFICIAL)
    assert (code, err) == (0, "")
    assert out.startswith("demand-only: optimal")
    assert "- package: a stated value that binds" in out
    code, out, _ = say("explain", "business-as-usual", *ON_OFFICIAL)
    assert code == 0
    assert "no law binds" in out


TOO_MUCH = [*ON_OFFICIAL, "targets.package.exactly=9", "targets.package.hard=true"]


def test_explain_names_the_laws_in_conflict(say: Callable[..., Said]) -> None:
    code, out, err = say("explain", "demand-only", *TOO_MUCH)
    assert (code, err) == (3, "")
    assert "No path meets all laws" in out
    assert "programme pace in 2026–2033 (cards.programme_ramp = 0.6 percent of GDP per year)" in out
    assert "Feasible with any one of these, each checked by solving with it:" in out
    assert "targets.package.exactly ≤ " in out


def test_what_lies_there_from_an_earlier_run_is_said(say: Callable[..., Said], tmp_path: Path) -> None:
    """A run without an answer leaves the files of the last one, and says that they are not its own."""
    old = tmp_path / "demand-only" / "path.nc"
    code, out, _ = say("run", "demand-only", *TOO_MUCH, "--out", tmp_path)
    assert code == 3
    assert "earlier run" not in out
    old.parent.mkdir()
    for file in (old, tmp_path / "headline.csv"):
        file.write_text("of before", encoding="utf-8")
    code, out, _ = say("run", "demand-only", *TOO_MUCH, "--out", tmp_path)
    assert code == 3
    assert f"demand-only: {old} is of an earlier run, not of this one" in out
    assert f"{tmp_path / 'headline.csv'} is of an earlier run" in out
    assert old.read_text(encoding="utf-8") == "of before"


def test_run_writes_a_folder_for_each_experiment(say: Callable[..., Said], tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('base = "demand-only"\n[targets]\npackage = {exactly = 2, by = 6}\n', encoding="utf-8")
    out_folder = tmp_path / "out"
    code, out, err = say(
        "run", mine, "--payer", "debt,dividends", *ON_OFFICIAL, "cards.precaution=0", "--out", out_folder
    )
    assert (code, err) == (0, "")
    for name in ("mine-debt", "mine-dividends"):
        path = load_trajectory(out_folder / name / "path.nc")
        assert path.experiment.name == name
        assert path.experiment.cards == {"precaution": 0.0}
        assert path.experiment.targets["package"].value == 2.0
        assert name in out
    assert load_trajectory(out_folder / "mine-dividends" / "path.nc").experiment.levers.payer == "dividends"
    headline = (out_folder / "headline.csv").read_text(encoding="utf-8").splitlines()
    assert len(headline) == 3
    assert headline[0].endswith(""""public debt, % of GDP","firms' debt, % of GDP\"""")
    assert str(out_folder / "headline.csv") in out
    assert "as usual  mine-debt  mine-dividends" in out
    assert "mine debt and mine dividends: Dividends are not free: they move debt from the state to its firms" in out
    due = "exactly 2 points of GDP from 2031 on; has 2 in 2031: met"
    assert out.count(f"targets.package, social programme beyond trend: {due}\n") == 2
    assert out.count("checks of calibration") == out.count("all 7 checks of calibration hold") == 1
    assert "all 46 published figures are within their tolerance" in out
    assert "utilisation" not in out


def test_verbose_shows_the_checks_and_a_line_names_what_is_off(
    say: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = say("run", "business-as-usual", *ON_OFFICIAL, "--verbose", "--out", tmp_path)
    assert code == 0
    assert "  utilisation of manufacturing: 74.90 percent, published 74.9 (" in out
    assert "  manufacturing utilisation ± 2 " in out
    assert "as usual" not in out.partition("consumption, % of GDP")[0]  # it is the reference path itself
    assert "Targets and limits" not in out
    monkeypatch.setattr(economy, "OFF", 0.05)
    out = say("run", "business-as-usual", *ON_OFFICIAL, "--out", tmp_path)[1]
    assert "1 of 7 checks of calibration is off (--verbose shows them)\n  compensation of employees: 52." in out
    odd = say("run", "business-as-usual", *ON_OFFICIAL, "cards.public_investment=9", "--out", tmp_path)[1]
    assert "Warning: " in odd
    assert "  manufacturing utilisation ± 2 " in odd


def test_of_several_experiments_the_highest_code(say: Callable[..., Said], tmp_path: Path) -> None:
    hard = tmp_path / "hard.toml"
    hard.write_text('base = "demand-only"\n[targets]\npackage = {exactly = 9, by = 8, hard = true}\n', encoding="utf-8")
    code, out, err = say("run", "gone.toml", hard, "business-as-usual", *ON_OFFICIAL, "--out", tmp_path / "out")
    assert code == 3
    assert "There is no file gone.toml" in err
    assert "No path meets all laws" in err
    assert "business-as-usual: simulated" in out
    assert [file.parent.name for file in (tmp_path / "out").rglob("path.nc")] == ["business-as-usual"]
    assert [folder.name for folder in (tmp_path / "out").iterdir() if folder.is_dir()] == ["business-as-usual"]


def test_what_is_wrong_with_any_is_said_before_the_first_is_solved(
    say: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    for where in (options, run_command):
        monkeypatch.setattr(where, "complain", lambda error, _="": asked.append(str(error)) or 2)
    monkeypatch.setattr(
        run_command, "_solved", lambda experiment, *_: asked.append(experiment.name) or pytest.fail("stop")
    )
    for name, text in {"table": 'table = "china-2002"', "region": 'region = "CHM"', "key": "bse = 1"}.items():
        (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
    usual = tmp_path / "business-as-usual.toml"
    usual.write_text('base = "business-as-usual"\ntable = "china-2020"\n', encoding="utf-8")
    wrong = [tmp_path / "table.toml", tmp_path / "region.toml", tmp_path / "key.toml"]
    with pytest.raises(pytest.fail.Exception):
        say("run", usual, *wrong, "--out", tmp_path / "out")
    assert len(asked) == 4
    assert asked[-1] == "business-as-usual"


def test_of_other_cards_only_what_differs_is_printed(say: Callable[..., Said], tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text('base = "business-as-usual"\n[cards]\nprecaution = 0.3\n', encoding="utf-8")
    code, out, _ = say("run", "business-as-usual", other, *ON_OFFICIAL, "--out", tmp_path / "out")
    assert code == 0
    assert out.count("CHN in 2020, table china-2020") == 1
    assert "other: as above, with other cards\n  changed: precaution = 0.3\n" in out
    code, out, _ = say("run", other, "business-as-usual", *ON_OFFICIAL, "--out", tmp_path / "out")
    assert "business-as-usual: as above, with other cards\n  changed: none\n" in out


def test_inaccurate_is_said_on_screen_and_in_the_file(
    say: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = run.solve(official("business-as-usual"))
    missed = dataclasses.replace(usual, verdict=Verdict("inaccurate", 1e-3, "goods_balance"))
    monkeypatch.setattr(run, "solve", lambda *_: missed)
    code, _, err = say("run", "business-as-usual", *ON_OFFICIAL, "--out", tmp_path)
    assert code == 4
    assert "inaccurate" in err
    assert "goods balance" in err
    assert load_trajectory(tmp_path / "business-as-usual" / "path.nc").verdict.status == "inaccurate"


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("0.5", 0.5), ("true", True), ("dividends", "dividends"), ("[0, 1]", [0, 1]), ('"a b"', "a b")],
)
def test_values_are_read_as_toml_and_bare_words_are_text(text: str, value: object) -> None:
    assert options._value(text) == value


def test_run_says_which_command_explains(say: Callable[..., Said], tmp_path: Path) -> None:
    code, _, err = say("run", "demand-only", *TOO_MUCH, "--out", tmp_path / "out")
    assert code == 3
    asked = "iomodel explain demand-only --set table=china-2020 targets.package.exactly=9 targets.package.hard=true"
    assert err.splitlines()[-1] == f"`{asked}` also searches what mends it"
    code, _, err = say("run", "demand-only", *TOO_MUCH, "--payer", "dividends", "--out", tmp_path / "out")
    assert "targets.package.hard=true levers.payer=dividends` also searches" in err
