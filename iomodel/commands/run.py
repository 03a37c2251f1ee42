"""`iomodel run`: solve experiments, write their paths and print the headline; without a name the main job."""

from __future__ import annotations

import argparse
import shlex
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iomodel.commands.options import Command, add_changes, add_verbose, economy_told, experiments_asked, folder_of
from iomodel.commands.output import complain, exit_code, say
from iomodel.errors import ExperimentError, InfeasibleError, IOModelError

if TYPE_CHECKING:
    from iomodel.economy import Economy
    from iomodel.experiment import Experiment
    from iomodel.program.trajectory import Trajectory

MAIN_OUT = "results/main"
HEADLINE = "headline.csv"


def add(command: Command) -> None:
    """`iomodel run [NAME|FILE …]`."""
    text = "solve experiments; without a name the main job: five policies, partners and the page"
    parser = command("run", _run, text)
    parser.add_argument("names", metavar="NAME|FILE", nargs="*", help="shipped experiments or TOML files")
    parser.add_argument("--out", metavar="DIR", help="folder for the results (results, of the main job results/main)")
    add_changes(parser)
    parser.add_argument("--payer", metavar="PAYER[,…]", help="run once under each: debt, dividends, household_tax")
    add_verbose(parser)


def _run(asked: argparse.Namespace) -> int:
    if not asked.names:
        if asked.changes or asked.payer or asked.solver or asked.verbose:
            raise ExperimentError(
                "--set, --payer, --solver and --verbose are about named experiments: name some, before them."
            )
        return _main_job(folder_of("--out", asked.out, MAIN_OUT))
    out = folder_of("--out", asked.out, "results")
    experiments, code = experiments_asked(asked)
    ready: list[tuple[Experiment, Economy]] = []
    told: dict[tuple[str, str, Any], Economy] = {}
    above: list[str] = []
    for experiment in experiments:  # all that is wrong with any is said before the first is solved
        try:
            economy, text = economy_told(experiment, told, asked.verbose)
        except IOModelError as error:
            code = max(code, complain(error, experiment.name))
        else:
            ready.append((experiment, economy))
            above += [text] if text else []
    return max(code, _solve_all(ready, out, above, asked)) if ready else code


def _solve_all(
    ready: list[tuple[Experiment, Economy]], folder: Path, above: list[str], asked: argparse.Namespace
) -> int:
    """Solve and write each experiment, what is to be said `above` first; returns the highest code."""
    from iomodel.files import output_folder

    paths: list[Trajectory] = []
    code = 0
    with output_folder(folder) as out:
        for text in above:
            say(text)
        for experiment, economy in ready:
            try:
                paths.append(_solved(experiment, economy, out))
                code = max(code, exit_code(paths[-1]))
            except IOModelError as error:
                code = max(code, complain(error, experiment.name))
                if isinstance(error, InfeasibleError) and error.collision is not None:
                    print(f"`{_explaining(experiment, asked)}` also searches what mends it", file=sys.stderr)
                _say_earlier(out, experiment.name)
        if paths:
            _show(paths, out, asked.verbose)
        elif (out / HEADLINE).exists():
            say(f"{out / HEADLINE} is of an earlier run")
    return code


def _explaining(experiment: Experiment, asked: argparse.Namespace) -> str:
    """The command that explains an experiment as it was asked for here."""
    name = asked.names[0] if len(asked.names) == 1 else experiment.name
    parts = ["iomodel", "explain", name if len(asked.names) == 1 or name in asked.names else "FILE"]
    changes = [*asked.changes, *([f"levers.payer={experiment.levers.payer}"] if asked.payer else [])]
    parts += ["--set", *changes] if changes else []
    parts += ["--solver", asked.solver] if asked.solver else []
    return shlex.join(parts)


def _say_earlier(out: Path, name: str) -> None:
    """Whether results of an experiment that gave none now lie in its folder: they are a user's, and kept."""
    kept = [file for file in (out / name / "path.nc", out / name / "regions.csv") if file.exists()]
    if kept:
        listed = " and ".join(str(file) for file in kept)
        say(f"{name}: {listed} {'is' if len(kept) == 1 else 'are'} of an earlier run, not of this one")


def _main_job(folder: Path) -> int:
    from iomodel.files import output_folder
    from iomodel.main_job import main_job

    with output_folder(folder) as out:
        return max((exit_code(path) for path in main_job(progress=say, out=out)), default=0)


def _solved(experiment: Experiment, economy: Economy, out: Path) -> Trajectory:
    from iomodel.results import save
    from iomodel.run import solve

    path = solve(experiment, None if experiment.deciding else economy)
    file = save(path, out / experiment.name / "path.nc")
    say(f"{experiment.name}: {path.verdict}\n   {file}")
    return path


def _show(paths: list[Trajectory], out: Path, verbose: bool) -> None:
    from iomodel.answers.headline import compare, refusal, with_usual
    from iomodel.report.reasons import dividend_words
    from iomodel.report.stated import stated_text
    from iomodel.report.text import INVESTMENT, WIDTH, known_text
    from iomodel.results import save_headline

    for path in paths:
        if path.experiment.deciding:
            _show_regions(path, out)
    paths = [path for path in paths if not path.experiment.deciding]
    for path in paths:
        if refusal(path):
            print(f"\n{refusal(path)}")
    paths = [path for path in paths if not refusal(path)]
    if not paths:
        return
    above, beneath = known_text(paths, whole=verbose)
    said = dividend_words({path.experiment.name: path for path in paths})
    notes = "\n".join([INVESTMENT, *(textwrap.fill(words, WIDTH) for words in said)])
    parts = [above, with_usual(paths).round(2).T.to_string(), notes, stated_text(paths), beneath]
    print("\n" + "\n\n".join(part for part in parts if part) + "\n")
    say(str(save_headline(compare(paths), out / HEADLINE)))


def _show_regions(path: Trajectory, out: Path) -> None:
    """The outcomes of a path of several regions, a column each, and for which of them they are no headline."""
    from iomodel.answers.headline import compare, refusal
    from iomodel.regions import by_region
    from iomodel.report.stated import stated_text
    from iomodel.results import save_headline

    parts = by_region(path)
    table = compare(list(parts.values())).set_axis(list(parts), axis=0).rename_axis("region")
    defaults = [region for region, own in parts.items() if refusal(own)]
    stated = ", paths under stated defaults" if defaults else ""
    print(f"\n{path.experiment.name} in {int(path.data['year'].values[-1])}, by region{stated}\n")
    print(table.round(2).to_string() + "\n")
    if stated := stated_text(list(parts.values())):
        print(f"{stated}\n")
    if defaults:
        print(
            f"Examples, no headline: {', '.join(defaults)}. More than half of the cards that belong to a country and "
            "its year stand at defaults there.\n"
        )
    say(str(save_headline(table, out / path.experiment.name / "regions.csv")))
