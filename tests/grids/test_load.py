"""Grid files: what they say is what is run, and every slip is one message that names file and key."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest
from official import official

from iomodel.cards import CALENDAR_CARDS
from iomodel.errors import CardError, ExperimentError, IOModelError, TableError
from iomodel.experiment_file import load_experiment
from iomodel.grids.describe import describe, examples
from iomodel.grids.design.definition import Grid, Keep
from iomodel.grids.design.load import load_grid, shipped_grids
from iomodel.grids.design.runs import structures
from iomodel.program import blocks
from iomodel.shipped import shipped_file, table_card
from iomodel.vocabulary import LAWS

PACKAGE = '[axes.package]\nkey = "targets.package.exactly"\nvalues = [1, 2, 4]\n'
ROOT = Path(__file__).parents[2]
BASE = f'base = "{Path(__file__).with_name("official.toml")}"\n'


def written(folder: Path, text: str) -> Path:
    file = folder / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return file


def loaded(folder: Path, text: str, before: str = BASE) -> Grid:
    return load_grid(written(folder, before + text))


# ---------------------------------------------------------------- what a file may say
def test_a_list_and_what_is_taken_where_nothing_is_said(tmp_path: Path) -> None:
    grid = loaded(tmp_path, PACKAGE)
    axis = grid.axes[0]
    assert (grid.name, grid.base, grid.question) == ("mine", official("two-halves"), grid.base.question)
    assert (axis.name, axis.labels, axis.kind, axis.unit) == ("package", (1, 2, 4), "list", "points of GDP")
    assert (grid.size, grid.sampled, grid.filters) == (3, None, ())
    assert grid.keep.years is None
    assert "unemployment_rate" in grid.keep.variables
    assert grid.tables == {"china-2020": table_card("china-2020")["sha256"]}
    assert grid.experiment(2) == grid.base.set("targets.package.exactly", 4)


def test_a_file_with_the_mark_that_some_editors_put_first(tmp_path: Path) -> None:
    file = tmp_path / "marked.toml"
    file.write_bytes(b"\xef\xbb\xbf" + (BASE + PACKAGE).replace("\n", "\r\n").encode())
    assert load_grid(file).size == 3


def test_a_name_has_no_unit(tmp_path: Path) -> None:
    axis = loaded(tmp_path, "[axes.a]\nkey = 'cards.precaution'\nvalues = [0, 1]\nlabels = ['none', 'all']\n").axes[0]
    assert (axis.labels, axis.unit) == (("none", "all"), "")


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("from = 0\nto = 0.9\nstep = 0.1", (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)),
        ("from = 0.5\nto = 0.2\nstep = -0.1", (0.5, 0.4, 0.3, 0.2)),
        ("from = 0\nto = 1\npoints = 4", (0.0, 0.333333333333333, 0.666666666666667, 1.0)),
        ("from = 0.7\nto = 0.7\npoints = 1", (0.7,)),
    ],
)
def test_ranges_hold_the_decimals_that_are_written(tmp_path: Path, text: str, labels: tuple[float, ...]) -> None:
    axis = loaded(tmp_path, f'[axes.reform]\nkey = "targets.reform.exactly"\n{text}\n').axes[0]
    assert axis.labels == labels
    assert [point["targets.reform.exactly"] for point in axis.settings] == list(labels)


def test_a_range_of_whole_numbers_stays_whole(tmp_path: Path) -> None:
    grid = loaded(tmp_path, '[axes.years]\nkey = "horizon.beyond"\nfrom = 4\nto = 8\nstep = 2\n')
    assert [grid.experiment(index).horizon.beyond for index in range(3)] == [4, 6, 8]


def test_zipped_lists_move_together(tmp_path: Path) -> None:
    text = '[axes.size]\nkeys = ["targets.package.exactly", "targets.reform.exactly"]\nrows = [[2, 0.3], [4, 0.6]]\n'
    grid = loaded(tmp_path, text)
    assert (grid.shape, grid.axes[0].labels) == ((2,), ("2 / 0.3", "4 / 0.6"))
    assert [grid.experiment(1).targets[name].value for name in ("package", "reform")] == [4, 0.6]
    assert loaded(tmp_path, text + 'labels = ["half", "whole"]\n').axes[0].labels == ("half", "whole")


def test_variants_are_experiments_or_differences(tmp_path: Path) -> None:
    (tmp_path / "beside.toml").write_text('base = "demand-only"\n[cards]\nprecaution = 0.1\n')
    grid = loaded(
        tmp_path,
        "[axes.policy.variants]\n"
        'shipped = "demand-only"\nbeside = "beside.toml"\n'
        'other = {base = "best-path", cards = {precaution = 0.2}}\n'
        'differs = {levers = {payer = "dividends"}, targets = {reform = "none"}}\n',
    )
    shipped, beside, other, differs = (grid.experiment(index) for index in range(4))
    assert shipped == load_experiment("demand-only")
    assert beside.cards == {"precaution": 0.1}
    assert (other.horizon.beyond, other.cards) == (12, {"precaution": 0.2})
    assert (differs.levers.payer, set(differs.targets)) == ("dividends", {"package", "idle_cut"})
    listed = loaded(tmp_path, '[axes.policy]\nvariants = ["two-halves", {name = "none", cards = {precaution = 0}}]\n')
    assert listed.axes[0].labels == ("two-halves", "none")
    assert listed.experiment(1).cards == {"precaution": 0}


def test_a_variant_lies_below_the_other_axes(tmp_path: Path) -> None:
    # The variant is the later axis, and still what the number of the other is laid over.
    grid = loaded(tmp_path, PACKAGE + '[axes.policy]\nvariants = ["demand-only", "two-halves"]\n')
    assert grid.experiment(0).targets["package"].value == 1
    assert set(grid.experiment(0).targets) == {"package"}


def test_changes_lie_over_the_base(tmp_path: Path) -> None:
    grid = loaded(tmp_path, 'changes = {cards = {precaution = 0}, levers = {payer = "dividends"}}\n' + PACKAGE)
    assert (grid.base.cards, grid.base.levers.payer) == ({"precaution": 0}, "dividends")


def test_any_key_of_an_experiment(tmp_path: Path) -> None:
    text = """
    [axes.payer]
    key = "levers.payer"
    values = ["debt", "dividends"]
    [axes.free]
    key = "levers.free"
    values = [["programme", "reform", "retirement"]]
    [axes.table]
    key = "table"
    values = ["china-2020", "china-2020-153"]
    [axes.pandemic]
    key = "cards.pandemic_path"
    values = [[0.0, 1.0], [0.5, 1.0]]
    [axes.ceiling]
    key = "limits.debt_ceiling"
    values = [{margin = 10}, {margin = 10, soft = 1}]
    """
    grid = loaded(tmp_path, text)
    assert grid.shape == (2, 1, 2, 2, 2)
    assert grid.axes[1].labels == ("programme, reform, retirement",)
    assert grid.axes[3].labels == ("[0.0, 1.0]", "[0.5, 1.0]")
    last = grid.experiment(grid.size - 1)
    assert (last.levers.payer, last.table, last.cards["pandemic_path"]) == ("dividends", "china-2020-153", (0.5, 1.0))
    assert last.limits["debt_ceiling"].soft == 1
    assert set(grid.tables) == {"china-2020", "china-2020-153"}


def test_a_users_own_table_lies_beside_the_grid(tmp_path: Path) -> None:
    shutil.copy(shipped_file("tables", "china-2020.nc"), tmp_path / "own.nc")
    grid = loaded(tmp_path, '[axes.table]\nkey = "table"\nvalues = ["own.nc"]\n')
    name = str(tmp_path / "own.nc")
    assert grid.experiment(0).table == name
    assert grid.axes[0].labels == ("own.nc",)
    assert grid.tables == {name: table_card("china-2020")["sha256"]}


def test_what_is_kept(tmp_path: Path) -> None:
    text = PACKAGE + '[keep]\nvariables = ["gdp", "output"]\nyears = [2035, 2030]\nprices = ["package"]\n'
    assert loaded(tmp_path, text).keep == Keep(("gdp", "output"), (2030, 2035), ("package",))


def test_the_laws_are_those_of_the_blocks() -> None:
    folder = Path(blocks.__file__).parent
    source = "".join(file.read_text(encoding="utf-8") for file in folder.glob("*.py"))
    named = set(re.findall(r'Law\("(\w+)"', source))
    assert len(named) > 20
    assert named <= set(LAWS)
    assert list(LAWS) == sorted(set(LAWS))


# ---------------------------------------------------------------- what a file may not say
SLIPS = {
    "no TOML": ("axes = ", "this is not TOML"),
    "unknown entry": ("axis = 1", "axis: found 'axis'; allowed: name, base, .* Did you mean axes"),
    "no axes": ("", r"axes: found None; allowed: at least one table \[axes.NAME\]"),
    "no base": ("", "base: found None; allowed: the name or path of an experiment", ""),
    "unknown base": (PACKAGE, "There is no experiment 'two-halfs'.* Did you mean two-halves", 'base = "two-halfs"\n'),
    "base in changes": ('changes = {base = "best-path"}\n' + PACKAGE, "name that one in `base`"),
    "axis name": ("[axes.'a b']\nkey = 'table'\nvalues = ['china-2020']", "a name of letters, digits and _"),
    "axis of nothing": ("[axes.a]\n", "axes.a: found {}; allowed: an axis: key = "),
    "unknown entry of an axis": ("[axes.a]\nkey = 'table'\nvalue = [1]", r"axes.a.value: .* Did you mean values"),
    "two forms": ("[axes.a]\nkey='table'\nvalues=[1]\nfrom=0", "axes.a: found values and from; allowed: one form"),
    "entry of another form": ("[axes.a]\nkey='table'\nvalues=[1]\nstep=1", "axes.a.step: .* allowed: with values: key"),
    "no key": ("[axes.a]\nvalues = [1]", "axes.a.key: found None; allowed: the key of an experiment"),
    "unknown key": (
        "[axes.a]\nkey = 'targets.pakage.exactly'\nvalues = [1, 2]",
        "axes, at a = 1: targets: found 'pakage'; allowed: package, idle_cut, reform. Did you mean package",
    ),
    "unknown section": ("[axes.a]\nkey = 'horizn.years'\nvalues = [1]", "found 'horizn'.* Did you mean horizon"),
    "unknown card": ("[axes.a]\nkey = 'cards.precautions'\nvalues = [1]", "no card.*Did you mean precaution"),
    "value of a card": ("[axes.a]\nkey = 'cards.precaution'\nvalues = [0, 9]", "at a = 9: .*9 .*outside its range"),
    "value of a target": ("[axes.a]\nkey = 'targets.package.exactly'\nvalues = [0, 50]", "at a = 50: .*from 0 to 20"),
    "no assumption": ("[axes.a]\nkey = 'question'\nvalues = ['x']", "key of an experiment that changes what is asked"),
    "whole experiments as values": (
        "[axes.a]\nkey = 'experiment'\nvalues = ['two-halves']", "axes.a.key: .* Whole ones are variants = ",
    ),
    "a date": ("[axes.a]\nkey = 'cards.precaution'\nvalues = [2020-01-01]", "cards.precaution: found datetime.date"),
    "not a number": ("[axes.a]\nkey = 'cards.precaution'\nvalues = [nan]", "cards.precaution: found nan"),
    "unknown table": ("[axes.a]\nkey = 'table'\nvalues = ['chna-2020']", "Did you mean china-2020"),
    "region that the table lacks": (
        "changes = {table = 'world-2011'}\n[axes.home]\nkey = 'region'\nvalues = ['CHN', 'USX']",
        "axes, at home = USX: region 'USX' is no producer of table 'world-2011'; choose .* Did you mean USA",
    ),
    "region of a national table": (
        "[axes.home]\nkey = 'region'\nvalues = ['CHN', 'USA']", "at home = USA: region 'USA' is no producer .*: CHN",
    ),
    "empty axis": ("[axes.a]\nkey = 'cards.precaution'\nvalues = []", "axes.a.values: found .*at least one entry"),
    "values no list": ("[axes.a]\nkey = 'cards.precaution'\nvalues = 3", "axes.a.values: found 3; allowed: a list"),
    "repeated value": (
        "[axes.a]\nkey = 'cards.precaution'\nvalues = [0, 0.5, 0.0]",
        "a: found 0.0; .*each value once. 0.0 stands there twice",
    ),
    "repeated setting": (
        "[axes.a]\nkey = 'cards.precaution'\nvalues = [0, 0]\nlabels = ['x', 'y']",
        "axes.a: found 'y'; allowed: each value once. y and x set the same",
    ),
    "repeated variant": ("[axes.a]\nvariants = ['two-halves', 'two-halves']", "found 'two-halves'; .*each value once"),
    "labels": ("[axes.a]\nkey='cards.precaution'\nvalues=[0, 1]\nlabels=['x']", "one label for each of the 2 points"),
    "range without end": ("[axes.a]\nkey = 'cards.precaution'\nfrom = 0\nstep = 1", "axes.a.to: found None"),
    "range with both": ("[axes.a]\nkey='cards.precaution'\nfrom=0\nto=1\nstep=1\npoints=2", "either step or points"),
    "range that misses its end": (
        "[axes.a]\nkey = 'cards.precaution'\nfrom = 0\nto = 1\nstep = 0.3",
        "axes.a.step: found 0.3, which does not end at to = 1; the last point before it is 0.9",
    ),
    "range the wrong way": ("[axes.a]\nkey='cards.precaution'\nfrom=0\nto=1\nstep=-0.5", "that leads from 0 to 1"),
    "range of one": ("[axes.a]\nkey = 'cards.precaution'\nfrom = 0\nto = 1\npoints = 1", "at least 2"),
    "huge range": ("[axes.a]\nkey='cards.precaution'\nfrom=0\nto=1\nstep=1e-9", "at most 10,000,000 points"),
    "rows": ("[axes.a]\nkeys = ['cards.precaution', 'table']\nrows = [[1]]", r"axes.a.rows\[0\]: .*each of the 2 keys"),
    "keys": ("[axes.a]\nkeys = ['cards.precaution', 'cards.precaution']\nrows = [[1, 1]]", "each key once"),
    "unknown variant": ("[axes.a]\nvariants = ['two-halfs']", "axes.a.variants.two-halfs: .*Did you mean two-halves"),
    "variants": ("[axes.a]\nvariants = 3", "axes.a.variants: found 3; allowed: a list of experiments"),
    "nameless variant": ("[axes.a]\nvariants = [{cards = {precaution = 0}}]", "with a name = … of their own"),
    "entry of a variant": ("[axes.a.variants]\nx = {card = {}}", "axes.a.variants.x: found 'card'.*Did you mean cards"),
    "section of a variant": ("[axes.a.variants]\nx = {cards = 3}", "axes.a.variants.x.cards: found 3"),
    "same key": (
        PACKAGE + "[axes.b]\nkey = 'targets.package.at_least'\nvalues = [1]",
        "axes.b sets targets.package.at_least, and axes.package sets targets.package.exactly: two axes on the same key",
    ),
    "key inside another": (
        PACKAGE + "[axes.b.variants]\nx = {targets = {package = {exactly = 1}}}",
        "axes.b sets targets.package, and axes.package sets targets.package.exactly: two axes",
    ),
    "two policies": ("[axes.a]\nvariants=['two-halves']\n[axes.b]\nvariants=['world']", "two axes on the same key"),
    "what does not go together": (
        PACKAGE + "[axes.policy]\nvariants = ['business-as-usual']",
        "axes, at package = 1, policy = business-as-usual: .*programme, which is not free",
    ),
    "huge box": (
        "".join(f"[axes.a{n}]\nkey = 'cards.{card}'\nfrom = 0\nto = 0.1\npoints = 1000\n"
                for n, card in enumerate(("precaution", "waste_drive", "waste_market"))),
        r"axes: found '1,000,000,000 combinations \(a0 1000 × a1 1000 × a2 1000\)'; allowed: at most 10,000,000",
    ),
    "filters": ("filters = 'package > 1'\n" + PACKAGE, "filters: found 'package > 1'; allowed: a list"),
    "filter of no axis": ("filters = ['pack > 1']\n" + PACKAGE, "there is no axis 'pack'.* Did you mean package"),
    "filter that drops all": ("filters = ['package > 9']\n" + PACKAGE, "It drops every combination"),
    "unknown variable": (PACKAGE + "[keep]\nvariables = ['gpd']", "keep.variables: found 'gpd'.* Did you mean gdp"),
    "no variable": (PACKAGE + "[keep]\nvariables = []", "keep.variables: found .*at least one entry"),
    "variable twice": (PACKAGE + "[keep]\nvariables = ['gdp', 'gdp']", "variables, each once"),
    "unknown law": (PACKAGE + "[keep]\nprices = ['pakage']", "keep.prices: found 'pakage'.* Did you mean package"),
    "unknown year": (PACKAGE + "[keep]\nyears = [2035, 2099]", "keep.years: found 2099; .* those from 2020 to 2035"),
    "year of policy": (PACKAGE + "[keep]\nyears = [8]", "keep.years: found 8; allowed: calendar years"),
    "entry of keep": (PACKAGE + "[keep]\nvariable = ['gdp']", "keep: found 'variable'.* Did you mean variables"),
    "years of other tables": (
        PACKAGE + "[axes.table]\nkey = 'table'\nvalues = ['china-2020', 'world-2011']",
        "keep.years: the runs report different years .*2011 to 2021.*name years that all of them report",
    ),
    "sectors of other tables": (
        PACKAGE + "[axes.table]\nkey='table'\nvalues=['china-2020', 'china-2020-153']\n[keep]\nvariables=['output']",
        "keep.variables: output is by sector, and the axes change the table",
    ),
    "axis named as a variable": (
        "[axes.gdp]\nkey = 'cards.precaution'\nvalues = [0]", "axes.gdp: .*Rename the axis, or keep other variables",
    ),
    "axis named as a dim": ("[axes.year]\nkey = 'cards.precaution'\nvalues = [0]", "axes.year: found 'year'"),
    "horizon": ("changes = {horizon = {years = 40}}\n" + PACKAGE, "horizon: 48 solved years go beyond the yearly"),
    "limit": ("limit_seconds = 0\n" + PACKAGE, "limit_seconds: found 0"),
    "name": ("name = 'a/b'\n" + PACKAGE, "name: found 'a/b'"),
}  # fmt: skip


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_one_message_and_nothing_is_written(tmp_path: Path, slip: str) -> None:
    text, said, *base = SLIPS[slip]
    file = written(tmp_path, (base[0] if base else BASE) + text)
    with pytest.raises(IOModelError, match=said) as error:
        load_grid(file)
    assert str(error.value).startswith(f"{file}: ")
    assert isinstance(error.value, ExperimentError | CardError | TableError)
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine.toml"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match=r"package-by-reforms does not exist; .*Did you mean package-by-reform"):
        load_grid("package-by-reforms")
    with pytest.raises(ExperimentError, match="is a folder, not a grid"):
        load_grid(tmp_path)
    with pytest.raises(ExperimentError, match="load_grid: found 3"):
        load_grid(3)  # pyright: ignore[reportArgumentType]


# ---------------------------------------------------------------- the shipped ones
@pytest.mark.parametrize("name", shipped_grids())
def test_shipped_grids_load_and_say_what_they_are(name: str) -> None:
    grid = load_grid(name)
    assert grid.question.endswith("?")
    assert describe(grid).text(2).startswith(f"{name}: {grid.size:,} runs")
    assert f"`{name}`" in (ROOT / "docs" / "grids.md").read_text(encoding="utf-8")


def test_shipped_grids_are_those_of_the_design() -> None:
    assert shipped_grids() == [
        "package-by-reform", "response-by-waste", "robustness-as-usual", "robustness-two-halves", "tariff-by-partner",
    ]  # fmt: skip
    robust = [load_grid(f"robustness-{name}") for name in ("two-halves", "as-usual")]
    assert [grid.size for grid in robust] == [1536, 1536]
    assert robust[0].axes[0].settings == robust[1].axes[0].settings
    assert structures(load_grid("package-by-reform")) == 1
    tariffs = load_grid("tariff-by-partner")
    assert [tariff.partner for tariff in tariffs.experiment(0).tariffs] == ["USA"]


def test_the_wheel_takes_the_grids() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"][
        "wheel"
    ]
    assert "experiments" in wheel["only-include"]
    assert wheel["sources"]["experiments"] == "iomodel/_data/experiments"


def test_a_description_counts() -> None:
    found = describe(load_grid("package-by-reform"))
    assert (found.box, found.runs, found.structures, found.measured) == (130, 130, 1, False)
    told = describe(load_grid("package-by-reform"), seconds_a_run=2.0)
    assert told.seconds == 260
    assert "about 50 s on 2 processes (from the runs that are done)" in told.text(workers=2, done=80)
    np.testing.assert_array_less(1e4, found.bytes)


def test_cards_outside_their_range_on_another_table(tmp_path: Path) -> None:
    text = (
        "[axes.table]\nkey = 'table'\nvalues = ['china-2020', 'world-2011']\n"
        "[axes.sample]\nsamples = {method = 'latin_hypercube', cards = ['public_investment'], points = 40}\n"
        "[keep]\nyears = [2020]\nvariables = ['gdp']\n"
    )
    said = r"axes.sample.samples.public_investment: .* 5 to 10.4 .*at table = world-2011.* Narrow it with ranges"
    with pytest.raises(ExperimentError, match=said):
        loaded(tmp_path, text)
    narrow = text.replace("points", "ranges = {public_investment = [9, 10]}, points")
    assert loaded(tmp_path, narrow).shape == (2, 40)


def test_a_saltelli_design_is_not_filtered(tmp_path: Path) -> None:
    text = "[axes.sample]\nsamples = {method = 'saltelli', cards = ['precaution'], points = 4}\n"
    with pytest.raises(ExperimentError, match="Its indices need all of sample"):
        loaded(tmp_path, 'filters = ["sample > 3"]\n' + text)
    with pytest.raises(ExperimentError, match=r"axes.more.samples: .*one sampled axis a grid"):
        loaded(tmp_path, text + text.replace("axes.sample", "axes.more"))
    with pytest.raises(
        ExperimentError, match=r"axes.card sets cards.precaution, and axes.sample sets cards.precaution"
    ):
        loaded(tmp_path, text + "[axes.card]\nkey = 'cards.precaution'\nvalues = [0.1]\n")


def test_runs_of_a_country_with_too_few_cards_are_called_examples(tmp_path: Path) -> None:
    """As a single run, which has no headline then; China and a region whose cards were given have one."""
    head = BASE + "changes = {table = 'world-2011'}\n[keep]\nyears = [2012]\n"
    home = "[axes.home]\nkey = 'region'\nvalues = ['CHN', 'USA', 'IND']\n"
    said = [f"no headline for {region}: 16 of the 16 cards that belong to a country" for region in ("USA", "IND")]
    found = examples(loaded(tmp_path, home, head))
    assert [sentence[: len(start)] for sentence, start in zip(found, said, strict=True)] == said
    assert f"\n  {said[0]}" in describe(loaded(tmp_path, home, head)).text()
    grid = loaded(tmp_path, home, head.replace("table =", "cards = {cash_transfers = 5, firm_debt = 90}, table ="))
    assert ["14 of the 16" in sentence for sentence in examples(grid)] == [True, True]
    drawn = ", ".join(f'"{key}"' for key in CALENDAR_CARDS[:8])
    usa = head.replace("table =", "region = 'USA', table =")
    samples = f"[axes.s.samples]\nmethod = 'latin_hypercube'\npoints = 2\ncards = [{drawn}]\n"
    assert examples(loaded(tmp_path, samples, usa)) == ()
    assert len(examples(loaded(tmp_path, samples.replace(drawn, '"precaution"'), usa))) == 1
