"""Experiments: what a file may say, what it is told when it says something else, and the way to TOML and back."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from official import official

from iomodel.cards import load_cards
from iomodel.errors import CardError, ExperimentError, IOModelError
from iomodel.experiment import KEYS, Benefit, Experiment, Horizon, Levers, Limit, Target, Tariff, experiment_from
from iomodel.experiment_checks import partners
from iomodel.experiment_file import load_experiment, shipped_experiments
from iomodel.experiment_parts import GROUPS, LIMITS, MARGINS, TARGETS
from iomodel.program import policy
from iomodel.table import load_table

POLICIES = ["best-path", "business-as-usual", "demand-only", "supply-only", "two-halves", "two-halves-tariffs", "world"]


def written(folder: Path, text: str, name: str = "mine.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_policies() -> None:
    assert shipped_experiments() == POLICIES
    loaded = {name: load_experiment(name) for name in POLICIES}
    assert all(experiment.question.endswith("?") for experiment in loaded.values())
    usual, supply, demand = loaded["business-as-usual"], loaded["supply-only"], loaded["demand-only"]
    both, best, tariffs = loaded["two-halves"], loaded["best-path"], loaded["two-halves-tariffs"]
    assert usual.levers == Levers()
    assert {experiment.table for name, experiment in loaded.items() if name != "world"} == {"world-2020-estimate"}
    assert loaded["world"].table == "world-2011"
    assert usual.targets == {}
    assert supply.targets == {"idle_cut": Target("at_least", 0.5, 8), "reform": Target("exactly", 0.625, 8)}
    assert supply.levers == Levers(("retirement", "reform"))
    assert demand.targets == {"package": Target("exactly", 4.0, 8)}
    assert demand.levers == Levers(("programme",), "debt", Benefit(0.15, 8))
    assert both.targets == {**supply.targets, **demand.targets}
    assert both.levers == Levers(("retirement", "reform", "programme"), "debt", Benefit(0.15, 8))
    assert best.targets == {"idle_cut": Target("at_least", 0.5, 8)}
    assert best.horizon == Horizon(10, 12)
    assert {experiment.horizon.solved for name, experiment in loaded.items() if name not in ("best-path", "world")} == {
        18
    }
    assert tariffs == both.replace(name="two-halves-tariffs", question=tariffs.question, tariffs=(Tariff("all"),))


@pytest.mark.parametrize("name", POLICIES)
def test_to_toml_and_back(name: str, tmp_path: Path) -> None:
    experiment = load_experiment(name)
    again = load_experiment(written(tmp_path, experiment.to_toml()))
    assert again == experiment
    assert hash(again) == hash(experiment)


@given(
    question=st.text(max_size=40),
    package=st.floats(0, 20),
    years=st.integers(8, 40),
    precaution=st.floats(0, 1),
    points=st.none() | st.floats(-100, 1000),
    margin=st.none() | st.floats(-100, 100),
)
def test_any_experiment_goes_to_toml_and_back(
    question: str, package: float, years: int, precaution: float, points: float | None, margin: float | None
) -> None:
    experiment = Experiment(
        "任意",
        question,
        horizon=Horizon(years),
        targets={"package": Target("at_least", package, 8, hard=True)},
        levers=Levers(("programme",), "household_tax", Benefit(0.1, 3)),
        limits={"debt_ceiling": Limit(margin, soft=0.5)},
        cards={"precaution": precaution, "pandemic_path": (0.0, 1.0)},
        tariffs=(Tariff("USA", "all", points, 2), Tariff("USA", "primary", 1.0), Tariff("EU")),
        solver="moreau",
    )
    assert experiment_from(tomllib.loads(experiment.to_toml()), "text", "other") == experiment


def test_differences_are_laid_over_the_baseline(tmp_path: Path) -> None:
    written(tmp_path, 'base = "two-halves"\n[cards]\nprecaution = 0.3\ncurvature = 1.25\n', "lower.toml")
    upper = written(
        tmp_path,
        'base = "lower.toml"\n[targets]\npackage = {at_least = 2, by = 5, hard = true}\n[cards]\nprecaution = 0.0\n',
    )
    experiment = load_experiment(upper)
    assert experiment.name == "mine"
    assert experiment.base == "lower.toml"
    assert experiment.targets["package"] == Target("at_least", 2.0, 5, hard=True)
    assert experiment.targets["reform"] == Target("exactly", 0.625, 8)
    assert experiment.cards == {"precaution": 0.0, "curvature": 1.25}
    assert experiment.levers.benefit == Benefit(0.15, 8)


REFUSED = [
    ('bse = "two-halves"', ["bse: found 'bse'", "allowed: name, base", "Did you mean base"]),
    ('base = "two-halfs"', ["There is no experiment 'two-halfs'", "Did you mean two-halves"]),
    ('base = "gone.toml"', ["There is no file", "gone.toml"]),
    ("base = 3", ["base: found 3"]),
    ("[targets]\npackge = {exactly = 4}", ["targets: found 'packge'", "Did you mean package"]),
    ("[targets]\npackage = 4", ["targets.package: found 4", "keys exactly, at_least, by, hard"]),
    ("[targets]\npackage = {by = 8}", ["targets.package: found 'neither'", "one of exactly and at_least"]),
    ("[targets]\npackage = {exactly = 4, at_least = 4}", ["targets.package", "exactly and at_least"]),
    ("[targets]\npackage = {exactly = 4, bye = 8}", ["targets.package.bye", "Did you mean by"]),
    ("[targets]\npackage = {exactly = -1}", ["targets.package.exactly: found -1", "from 0 to 20 points of GDP"]),
    ('[targets]\npackage = {exactly = "4"}', ["targets.package.exactly: found '4'", "a number"]),
    ("[targets]\npackage = {exactly = true}", ["targets.package.exactly: found True"]),
    ("[targets]\npackage = {exactly = nan}", ["targets.package.exactly: found nan"]),
    ("[targets]\npackage = {exactly = 4, by = 11}", ["targets.package.by: found 11", "from 1 to 10"]),
    ("[targets]\npackage = {exactly = 4, by = 8.0}", ["targets.package.by: found 8.0", "a whole number"]),
    ("[targets]\npackage = {exactly = 4, hard = 1}", ["targets.package.hard: found 1", "true or false"]),
    ("[targets]\nidle_cut = {at_least = 50}", ["targets.idle_cut.at_least: found 50", "from 0 to 1"]),
    (
        "[targets]\npackage = {exactly = 4}",
        ["targets.package is met by the lever programme, which is not free (free: none)", "levers.free"],
    ),
    ("[horizon]\nyears = 0", ["horizon.years: found 0", "a whole number from 1"]),
    ("[horizon]\nyears = -3", ["horizon.years: found -3"]),
    ("[horizon]\nyers = 10", ["horizon.yers", "Did you mean years"]),
    ("horizon = 10", ["horizon: found 10", "keys years, beyond"]),
    ("[horizon]\nbeyond = -1", ["horizon.beyond: found -1"]),
    ('[levers]\nfree = ["retirment"]', ["levers.free: found 'retirment'", "Did you mean retirement"]),
    ('[levers]\nfree = "reform"', ["levers.free: found 'reform'", "a list"]),
    ('[levers]\nfree = ["reform", "reform"]', ["levers.free", "each lever once"]),
    ("[levers]\nfree = 3", ["levers.free: found 3"]),
    ('[levers]\npayer = "dividend"', ["levers.payer: found 'dividend'", "Did you mean dividends"]),
    ("[levers]\nbenefit = 0.15", ["levers.benefit: found 0.15", "keys to, by"]),
    ("[levers]\nbenefit = {to = 2}", ["levers.benefit.to: found 2"]),
    ("[levers]\nbenefit = {by = 12}", ["levers.benefit.by: found 12"]),
    ("[limits]\ndebt_celing = {margin = 3}", ["limits: found 'debt_celing'", "Did you mean debt_ceiling"]),
    ('[limits]\ndebt_ceiling = {margin = "much"}', ["limits.debt_ceiling.margin: found 'much'"]),
    ("[limits]\ndebt_ceiling = {soft = -1}", ["limits.debt_ceiling.soft: found -1"]),
    ('[cards]\nprecaution = "low"', ["cards.precaution: found 'low'; allowed: a number from 0 to 1.03 yuan per yuan."]),
    ("[cards.deeper]\nprecaution = 0.3", ["cards.deeper"]),
    ("cards = 3", ["cards: found 3"]),
    ("[tariffs]\nUSB = {points = 10}", ["tariffs: found 'USB'", "Did you mean USA"]),
    ("[tariffs]\nCHN = {points = 10}", ["tariffs: found 'CHN'", "not the home region"]),
    ('[tariffs]\nUSA = {group = "manufactures"}', ["tariffs.USA.group", "Did you mean manufacturing"]),
    ("[tariffs]\nUSA = {points = 10, form = 2}", ["tariffs.USA.form", "Did you mean from"]),
    ("[tariffs]\nUSA = {points = 10, from = 2026}", ["tariffs.USA.from: found 2026", "years of policy"]),
    ('name = "../up"', ["name: found '../up'", "it names a folder"]),
    ('table = ""', ["table: found ''", "text"]),
    ("table = 2020", ["table: found 2020"]),
    ("seed = 1", ["seed: found 'seed'", "allowed: name, base"]),
    ("[targets]\npackge = 3", ["targets: found 'packge'", "Did you mean package"]),
    ("[targets]\nidle_cut = {exactly = 0.5}", ["targets.idle_cut.exactly: ", "write at_least"]),
    ("[limits]\ndebt_ceiling = {margin = 10}", ["limits: debt_ceiling would be a law", "no lever is free"]),
    ("[limits]\ndebt_ceiling = {margin = 101}", ["limits.debt_ceiling.margin", "-100 to 100 points of GDP beyond"]),
    ("[limits]\ncurrent_account_floor = {margin = 30}", ["margin: found 30", "from -20 to 20 percent of GDP."]),
    ("[limits]\nhousehold_saving_floor = {margin = 25}", ["margin: found 25", "from 0 to 1 as a share"]),
    ('[cards]\npandemic_path = "low"', ["found 'low'; allowed: a list of numbers from -0.5 to 1.2 share of the"]),
    ("solver = 3", ["solver: found 3"]),
    ("question = 3", ["question: found 3"]),
    ("this is no TOML", ["this is not TOML"]),
]


@pytest.mark.parametrize(("text", "parts"), REFUSED, ids=[text.replace("\n", " ")[:50] for text, _ in REFUSED])
def test_what_is_refused_names_file_and_key(text: str, parts: list[str], tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ExperimentError) as caught:
        load_experiment(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    for part in parts:
        assert part in message
    assert "\n" not in message


def test_changed_cards_are_checked(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"mine\.toml: cards: .*'precauton'.*Did you mean precaution"):
        load_experiment(written(tmp_path, "[cards]\nprecauton = 0.3"))
    with pytest.raises(CardError, match=r"mine\.toml: cards: .*9 .* outside its range 0 to 1\.03"):
        load_experiment(written(tmp_path, "[cards]\nprecaution = 9"))


MANY = """
base = "business-as-usual"
questin = "x"
[targets]
package = {exactly = 22, by = 12}
reform = {exactly = 0.5, by = 80}
[levers]
free = ["programm"]
payer = "dividend"
[horizon]
years = 200
[cards]
precaution = 9
precauton = 0.3
"""


def test_all_mistakes_of_a_file_are_said_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, MANY)
    with pytest.raises(ExperimentError) as caught:
        load_experiment(path)
    heading, *lines = str(caught.value).splitlines()
    assert heading == f"{path}: 7 mistakes"
    # years of 80 are no mistake of the target's: the horizon is what is wrong; nor is a lever that is only misspelt
    begin = ("questin: found 'questin'", "horizon.years: found 200", "levers.free: found 'programm'",
             "levers.payer: found", "targets.package.exactly: found 22", "cards: Card precaution ",
             "cards: There is no card 'precauton'")  # fmt: skip
    assert [line.startswith(f"  {words}") for line, words in zip(lines, begin, strict=True)] == [True] * 7
    with pytest.raises(ExperimentError) as caught:
        load_experiment(written(tmp_path, "seed = 1\n[targets]\npackage = {exactly = 4}"))
    assert "\n" not in str(caught.value)  # that no lever is free for the target is about two entries
    lower = written(tmp_path, MANY, "lower.toml")
    with pytest.raises(ExperimentError, match=r"mine\.toml: base: .*lower\.toml: questin: found"):
        load_experiment(written(tmp_path, f'base = "{lower.name}"'))
    with pytest.raises(CardError) as caught_cards:
        load_experiment(written(tmp_path, "[cards]\nprecaution = 9\nprecauton = 0.3"))
    assert str(caught_cards.value).count("\n") == 2


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match=r"no experiment .best-pat.; shipped.*Did you mean best-path"):
        load_experiment("best-pat")
    with pytest.raises(ExperimentError, match=r"There is no file .*gone\.toml"):
        load_experiment(tmp_path / "gone.toml")
    with pytest.raises(ExperimentError, match="is a folder"):
        load_experiment(tmp_path)
    (tmp_path / "marked.toml").write_bytes(b"\xef\xbb\xbfquestion = 'Saved by an editor that marks UTF-8?'\r\n")
    assert load_experiment(tmp_path / "marked.toml").question.startswith("Saved by")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ExperimentError, match=r"bytes\.toml: this is not TOML"):
        load_experiment(tmp_path / "bytes.toml")


def test_baselines_in_a_circle(tmp_path: Path) -> None:
    written(tmp_path, 'base = "b.toml"', "a.toml")
    written(tmp_path, 'base = "a.toml"', "b.toml")
    with pytest.raises(ExperimentError, match=r"a circle: a\.toml -> b\.toml -> a\.toml"):
        load_experiment(tmp_path / "a.toml")
    own = written(tmp_path, 'base = "own.toml"', "own.toml")
    with pytest.raises(ExperimentError) as caught:
        load_experiment(own)
    assert str(caught.value).count("base:") == 1


def test_an_error_in_a_baseline_names_both_files(tmp_path: Path) -> None:
    lower = written(tmp_path, 'base = "gone.toml"', "lower.toml")
    upper = written(tmp_path, 'base = "lower.toml"')
    with pytest.raises(ExperimentError) as caught:
        load_experiment(upper)
    assert str(caught.value).startswith(f"{upper}: base: {lower}: base: There is no file {tmp_path / 'gone.toml'}")


def test_partners_are_the_regions_of_the_shipped_world() -> None:
    assert partners() == load_table("world-2011").regions


def test_a_limit_with_a_free_lever_is_taken() -> None:
    experiment = load_experiment("two-halves").set("limits.household_saving_floor.margin", 0.2)
    assert experiment.limits == {"household_saving_floor": Limit(0.2)}


def test_an_own_table_lies_beside_the_experiment(tmp_path: Path) -> None:
    assert load_experiment(written(tmp_path, 'table = "own.nc"')).table == str(tmp_path / "own.nc")


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("cards.precaution", 0.3, lambda e: e.cards["precaution"] == 0.3),
        ("table", "world-2011", lambda e: e.table == "world-2011"),
        ("targets.package.exactly", 3, lambda e: e.targets["package"] == Target("exactly", 3.0, 8)),
        ("targets.package.at_least", 3, lambda e: e.targets["package"] == Target("at_least", 3.0, 8)),
        ("targets.package.hard", True, lambda e: e.targets["package"].hard),
        ("levers.payer", "dividends", lambda e: e.levers.payer == "dividends"),
        ("levers.benefit.to", 0.1, lambda e: e.levers.benefit == Benefit(0.1, 8)),
        ("limits.debt_ceiling.margin", 20, lambda e: e.limits["debt_ceiling"] == Limit(20.0)),
        ("tariffs.USA.points", 5, lambda e: e.tariffs == (Tariff("USA", points=5.0),)),
        ("solver", "MOREAU", lambda e: e.solver == "moreau"),
    ],
)
def test_set_changes_one_entry(key: str, value: object, read: Any) -> None:
    experiment = load_experiment("two-halves")
    changed = experiment.set(key, value)
    assert read(changed)
    assert changed != experiment
    assert changed.base == "business-as-usual"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("cards.precauton", 1, r"^cards: .*Did you mean precaution"),
        ("targets.pakage.exactly", 1, r"^targets: found 'pakage'.*Did you mean package"),
        ("precaution", 1, r"^precaution: found 'precaution'; allowed: name, base"),
        ("name.first", 1, r"^name\.first: found 'name'"),
        ("targets.packge", 3, r"^targets: found 'packge'; allowed: .*Did you mean package"),
        ("targets.idle_cut.exactly", 0.5, r"^targets\.idle_cut\.exactly: .*write at_least"),
        ("horizon.years", 5, r"targets\.\w+\.by: found 8; allowed: a whole number from 1 to 5"),
    ],
)
def test_set_refuses(key: str, value: object, message: str) -> None:
    with pytest.raises(IOModelError, match=message):
        load_experiment("two-halves").set(key, value)


def test_replace_is_checked_as_a_whole() -> None:
    experiment = official("two-halves").replace(cards={"precaution": 0.0})
    changed = experiment.replace(table="world-2011", payer="dividends", cards={"curvature": 2.0}, years=9)
    assert changed.cards == {"precaution": 0.0, "curvature": 2.0}
    assert (changed.table, changed.levers.payer, changed.horizon.years) == ("world-2011", "dividends", 9)
    assert experiment.table == "china-2020"
    with pytest.raises(ExperimentError, match=r"Experiment\.replace: found 'payers'.*Did you mean payer"):
        experiment.replace(payers="debt")
    with pytest.raises(ExperimentError, match=r"targets\.package is met by the lever programme"):
        experiment.replace(free=("retirement", "reform"))
    with pytest.raises(ExperimentError, match=r"levers\.payer: found 'nobody'"):
        experiment.replace(payer="nobody")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cards": "low"}, r"cards: found 'low'; allowed: a mapping such as \{'precaution': 0\.3\}\."),
        ({"targets": "package"}, r"targets: found 'package'; allowed: a mapping such as \{name: Target\(…\)\}"),
        ({"targets": {"package": 4}}, r"targets\.package: found 4; allowed: a Target\."),
        ({"limits": {"debt_ceiling": 4}}, r"limits\.debt_ceiling: found 4; allowed: a Limit\."),
        ({"tariffs": "USA"}, "tariffs: found 'USA'; allowed: a list of Tariff"),
        ({"tariffs": ["USA"]}, r"tariffs\.0: found 'USA'; allowed: a Tariff"),
        ({"horizon": 10}, "horizon: found 10; allowed: a Horizon"),
        ({"levers": "debt"}, "levers: found 'debt'; allowed: a Levers"),
        ({"cards": {"precaution": "low"}}, r"cards\.precaution: found 'low'; allowed: a number from 0 to 1\.03 yuan"),
        ({"cards": {"precauton": "low"}}, r"cards\.precauton: there is no card of this name\. Did you mean precaution"),
    ],
)
def test_kinds_that_a_file_could_not_hold(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(IOModelError, match=message):
        load_experiment("two-halves").replace(**changes)


def test_an_experiment_does_not_change() -> None:
    experiment = load_experiment("two-halves")
    with pytest.raises(AttributeError):
        experiment.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        experiment.targets["package"] = Target("exactly", 1.0)  # type: ignore[index]


def test_limits_have_cards_and_ranges_that_hold_them() -> None:
    cards = load_cards()
    assert list(MARGINS) == list(LIMITS)
    assert all(MARGINS[limit][0] <= cards[card] <= MARGINS[limit][1] for limit, card in LIMITS.items())
    assert set(LIMITS.values()) <= set(load_cards())


def test_the_docs_name_every_key() -> None:
    text = (Path(__file__).parent.parent / "docs" / "experiments.md").read_text(encoding="utf-8")
    for key in (*KEYS, *TARGETS, *LIMITS, *GROUPS, *policy.LEVERS, *policy.PAYERS):
        assert f"`{key}`" in text or f"`[{key}]`" in text


def test_a_base_is_not_set_afterwards() -> None:
    with pytest.raises(ExperimentError, match="already laid on its base"):
        load_experiment("two-halves").set("base", "supply-only")
