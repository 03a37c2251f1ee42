"""The command line: parse, call, print.

Slow imports happen inside commands, so that --help answers at once. What goes wrong is one message on stderr and an
exit code: 0 optimal, 2 bad input or findings of `check`, 3 infeasible or unbounded, 4 inaccurate or failed, 130
interrupted; of several experiments the highest.
"""

from __future__ import annotations

import argparse
import os
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iomodel import __version__
from iomodel.errors import ExperimentError, InfeasibleError, IOModelError, ResultError

if TYPE_CHECKING:
    from iomodel.economy import Economy
    from iomodel.experiment import Experiment
    from iomodel.program.trajectory import Trajectory

BAD_INPUT = 2
INTERRUPTED = 130
STATUS_CODES = {"optimal": 0, "simulated": 0, "infeasible": 3, "unbounded": 3}
"""Status of a verdict -> exit code; any other (inaccurate, failed, no fixed point) is 4."""

MAIN_OUT = "results/main"
TEMPLATE_OUT = "iomodel-template"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line with `arguments` (default: those of the process) and return the exit code."""
    asked = _parser().parse_args(arguments)
    try:
        code: int = asked.command(asked)
    except IOModelError as error:
        return _complain(error)
    except KeyboardInterrupt:
        print("iomodel: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output (head, less) has gone: no error of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="iomodel",
        description="Rebalancing paths on real input-output tables.",
        epilog="Exit codes: 0 optimal, 2 bad input or findings of check, 3 infeasible or unbounded, 4 inaccurate or "
        "failed, 130 interrupted; of several experiments the highest.",
    )
    parser.add_argument("--version", action="version", version=f"iomodel {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        added.set_defaults(command=run)
        return added

    run = command("run", _run, "solve experiments; without a name the main job: five policies, partners and the page")
    run.add_argument("names", metavar="NAME|FILE", nargs="*", help="shipped experiments or TOML files")
    run.add_argument("--out", metavar="DIR", help="folder for the results (results, of the main job results/main)")
    _add_changes(run)
    run.add_argument("--payer", metavar="PAYER[,…]", help="run once under each: debt, dividends, household_tax")

    explain = command("explain", _explain, "the laws that bind; when infeasible, what collides and what mends it")
    explain.add_argument("name", metavar="NAME|FILE", help="a shipped experiment or a TOML file")
    _add_changes(explain)

    frontier = command("frontier", _frontier, "how much of one outcome can be had for how much of another")
    frontier.add_argument("name", metavar="NAME|FILE", help="a shipped experiment or a TOML file")
    text = "the outcome on the axis, or a setting by its dotted key with --low and --high (%(default)s)"
    frontier.add_argument("--x", metavar="OUTCOME|KEY", default="public_debt_share", help=text)
    text = "the outcome that is made best (%(default)s)"
    frontier.add_argument("--y", metavar="OUTCOME", default="actual_individual_consumption_share", help=text)
    frontier.add_argument("--points", metavar="N", type=_whole, default=25, help="levels (%(default)s)")
    frontier.add_argument("--year", metavar="YEAR", type=_whole, help="of both outcomes (the last reported)")
    frontier.add_argument("--low", metavar="VALUE", type=_share, help="lowest level (found)")
    frontier.add_argument("--high", metavar="VALUE", type=_share, help="highest level (found)")
    frontier.add_argument("--out", metavar="DIR", help="folder for the results (results)")
    _add_changes(frontier)

    matters = command(
        "matters", _matters, "the assumptions that a path hangs on, cards and coefficients, largest first"
    )
    matters.add_argument("name", metavar="NAME|FILE", help="a shipped experiment or a TOML file")
    matters.add_argument("--year", metavar="YEAR", type=_whole, help="of the outcome (the last reported)")
    text = "outcome that orders them (actual_individual_consumption_share), or goal"
    matters.add_argument("--by", metavar="OUTCOME", default="actual_individual_consumption_share", help=text)
    text = "how many to show, solved again at both ends of their range (%(default)s)"
    matters.add_argument("--top", metavar="N", type=_whole, default=10, help=text)
    matters.add_argument("--only", metavar="KEY", nargs="+", help="these cards and groups of coefficients alone (all)")
    matters.add_argument("--out", metavar="FILE", help="write all assumptions and outcomes as NetCDF")
    _add_changes(matters)

    check = command("check", _check, "all findings about your own table at once; nothing is guessed or repaired")
    check.add_argument("file", metavar="FILE", help="CSV or Excel in the template's layout, or a NetCDF table")
    share = "largest miss of a balance that is no finding, as a share of output (0.000001)"
    check.add_argument("--tolerance", metavar="SHARE", type=_share, help=share)

    tables = command("tables", _tables, "the shipped tables; `template DIR`, `build --source DIR`")
    kinds = tables.add_subparsers(title="more", metavar="template|build")
    template = kinds.add_parser("template", help="write the layout for a country of your own, as CSV and Excel")
    template.add_argument("folder", metavar="DIR", nargs="?", default=TEMPLATE_OUT, help="where to (%(default)s)")
    template.set_defaults(command=_template)
    build = kinds.add_parser("build", help="make the shipped tables anew from their publishers' files")
    build.add_argument("--source", metavar="DIR", required=True, help="folder of the publishers' files")
    build.add_argument("--out", metavar="DIR", help="where to (the folder of the shipped tables)")
    build.set_defaults(command=_build)

    cards = command("cards", _cards, "the parameters, or one of them: value, unit, range, source")
    cards.add_argument("key", metavar="KEY", nargs="?", help="one card")
    cards.add_argument("--table", metavar="NAME", default="china-2020", help="for this table (%(default)s)")

    command("experiments", _experiments, "the shipped experiments and what they ask")

    report = command("report", _report, "make the page again from a folder that `run` wrote")
    report.add_argument("folder", metavar="DIR", help="a folder of results, such as results/main")
    return parser


def _add_changes(parser: argparse.ArgumentParser) -> None:
    text = "change entries, for example cards.precaution=0 table=world-2011 targets.package.exactly=3"
    parser.add_argument("--set", metavar="KEY=VALUE", dest="changes", nargs="+", action="extend", default=[], help=text)
    parser.add_argument("--solver", metavar="NAME", help="clarabel (default), moreau, …")


# ---------------------------------------------------------------- run, explain


def _run(asked: argparse.Namespace) -> int:
    if not asked.names:
        if asked.changes or asked.payer or asked.solver:
            raise ExperimentError("--set, --payer and --solver change named experiments: name some, before them.")
        return _main_job(_folder("--out", asked.out, MAIN_OUT))
    out = _folder("--out", asked.out, "results")
    experiments, code = _asked(asked)
    ready: list[tuple[Experiment, Economy]] = []
    shown: dict[tuple[str, str, Any], Economy] = {}
    for experiment in experiments:  # all that is wrong with any is said before the first is solved
        try:
            ready.append((experiment, _economy(experiment, shown)))
        except IOModelError as error:
            code = max(code, _complain(error, experiment.name))
    return max(code, _solve_all(ready, out)) if ready else code


def _solve_all(ready: list[tuple[Experiment, Economy]], folder: Path) -> int:
    """Solve and write each experiment; returns the highest code."""
    from iomodel.files import output_folder

    paths: list[Trajectory] = []
    code = 0
    with output_folder(folder) as out:
        for experiment, economy in ready:
            try:
                paths.append(_solved(experiment, economy, out))
                code = max(code, _code(paths[-1]))
            except IOModelError as error:
                code = max(code, _complain(error, experiment.name))
        if paths:
            _show(paths, out)
    return code


def _main_job(folder: Path) -> int:
    from iomodel.files import output_folder
    from iomodel.main_job import main_job

    with output_folder(folder) as out:
        return max((_code(path) for path in main_job(progress=_say, out=out)), default=0)


def _folder(option: str, named: str | None, default: str) -> Path:
    """The folder that an option names, or its default."""
    if named is not None and not named.strip():
        raise ResultError(f"{option} names no folder; name one, or leave it out for {default}.")
    return Path(default if named is None else named)


def _asked(asked: argparse.Namespace) -> tuple[list[Experiment], int]:
    """The experiments named, changed as asked and once for each payer; and the highest code of those refused."""
    payers = _payers(asked.payer)
    found: list[Experiment] = []
    code = 0
    for name in asked.names:
        try:
            one = _changed(name, asked)
        except IOModelError as error:
            code = max(code, _complain(error))
        else:
            found += [one.replace(payer=payer, name=f"{one.name}-{payer}") for payer in payers] or [one]
    names = [experiment.name for experiment in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ExperimentError(f"Two experiments are called {twice.pop()}: name each once, or give one file a `name`.")
    return found, code


def _payers(named: str | None) -> list[str]:
    """The payers that --payer names, each once."""
    from iomodel.program.policy import PAYERS
    from iomodel.values import one_of

    if named is None:
        return []
    payers = [one_of("--payer", payer.strip(), PAYERS) for payer in named.split(",")]
    for payer in payers:
        if payers.count(payer) > 1:
            raise ExperimentError(f"--payer names {payer} twice; name each payer once.")
    return payers


def _changed(name: str, asked: argparse.Namespace) -> Experiment:
    from iomodel.experiment import load_experiment

    experiment = load_experiment(name)
    for change in sorted(asked.changes, key=lambda text: not text.startswith("table=")):  # its cards have its ranges
        key, equals, value = change.partition("=")
        if not equals or not key:
            raise ExperimentError(f"--set takes KEY=VALUE, found {change!r}. Names of experiments come before --set.")
        try:
            experiment = experiment.set(key.strip(), _value(value))
        except IOModelError as error:
            raise type(error)(f"--set {change}: {error}") from None
    if asked.solver is not None:
        experiment = experiment.set("solver", asked.solver)
    if experiment.solver is not None:
        from iomodel.program.solvers import solver_named

        solver_named(experiment.solver)
    return experiment


def _value(text: str) -> Any:
    """A value as a TOML file would hold it; bare words are text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()


def _economy(experiment: Experiment, shown: dict[tuple[str, str, Any], Economy]) -> Economy:
    """The economy of an experiment; the first of a table is printed in full, of the others what differs from it."""
    from iomodel.course import economy_of

    if experiment.deciding:
        return _deciding(experiment)
    key = (experiment.table, experiment.region, experiment.cards)
    if key in shown:
        return shown[key]
    economy = economy_of(experiment)
    like = next((one for (table, region, _), one in shown.items() if (table, region) == key[:2]), None)
    if like is None:
        _say(f"{economy}\n  `iomodel cards KEY` explains a card, --set cards.KEY=VALUE changes it\n")
    else:
        known = str(like).splitlines()
        differs = [line for line in str(economy).splitlines() if line not in known]
        _say("\n".join([f"{experiment.name}: as above, with other cards", *(differs or ["  changed: none"]), ""]))
    shown[key] = economy
    return economy


def _deciding(experiment: Experiment) -> Economy:
    """The first of the economies that decide together; all are printed, a line each."""
    from iomodel.world import world_economies

    economies = world_economies(experiment)
    lines = [f"{experiment.name}: {_count(len(economies), 'region')} of {economies[0].table.name} decide together"]
    for one in economies:
        missing = f"; {one.missing_words}" if one.missing_cards else ""
        lines.append(f"  {one.region} in {one.year}: GDP {one.gdp:,.0f} {one.table.unit}{missing}")
    _say("\n".join([*lines, ""]))
    return economies[0]


def _solved(experiment: Experiment, economy: Economy, out: Path) -> Trajectory:
    from iomodel.results import save
    from iomodel.run import solve

    path = solve(experiment, None if experiment.deciding else economy)
    file = save(path, out / experiment.name / "path.nc")
    _say(f"{experiment.name}: {path.verdict}\n   {file}")
    return path


def _show(paths: list[Trajectory], out: Path) -> None:
    from iomodel.headline import compare, refusal
    from iomodel.report.text import INVESTMENT, known_text
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
    headline = compare(paths)
    above, beneath = known_text(paths)
    parts = [above, headline.round(2).T.to_string(), INVESTMENT, beneath]
    print("\n" + "\n\n".join(part for part in parts if part) + "\n")
    _say(str(save_headline(headline, out / "headline.csv")))


def _show_regions(path: Trajectory, out: Path) -> None:
    """The outcomes of a path of several regions, a column each, and for which of them they are no headline."""
    from iomodel.headline import compare, refusal
    from iomodel.results import save_headline
    from iomodel.world import by_region

    parts = by_region(path)
    table = compare(list(parts.values())).set_axis(list(parts), axis=0).rename_axis("region")
    print(f"\n{path.experiment.name} in {int(path.data['year'].values[-1])}, by region\n")
    print(table.round(2).to_string() + "\n")
    refused = [region for region, own in parts.items() if refusal(own)]
    if refused:
        print(
            f"No headline for {', '.join(refused)}: more than half of the cards that belong to a country and its year "
            "stand at defaults there. These numbers are examples.\n"
        )
    _say(str(save_headline(table, out / path.experiment.name / "regions.csv")))


def _code(path: Trajectory) -> int:
    """The exit code that a path's verdict stands for; what is not optimal is said on stderr."""
    code = STATUS_CODES.get(path.verdict.status, 4)
    if code:
        print(f"iomodel: {path.experiment.name} is {path.verdict}", file=sys.stderr)
    return code


def _explain(asked: argparse.Namespace) -> int:
    experiment = _changed(asked.name, asked)
    if not experiment.levers.free:
        print(f"{experiment.name} has no free lever: it is simulated, and no law binds it.")
        return 0
    from iomodel.run import solve, what_binds

    try:
        path = solve(experiment)
    except InfeasibleError as error:  # the laws in conflict are the answer, not a failure to give one
        from iomodel.explain import explained

        print(explained(error, experiment))
        return error.exit_code
    print(f"{experiment.name}: {path.verdict}")
    for row in what_binds(path):
        print(f"- {row.text}")
    _flat(path)
    return _code(path)


def _flat(path: Trajectory) -> None:
    """What could be done otherwise at almost no cost, where there is such."""
    from iomodel.near_optimal import flat_directions

    try:
        found = flat_directions(path)
    except IOModelError as error:  # the answer above stands without it
        print(f"What is flat was not found: {error}")
        return
    if found:
        print("At almost no cost:")
    for row in found:
        print(f"- {row.text}")


# ---------------------------------------------------------------- frontier


def _frontier(asked: argparse.Namespace) -> int:
    from iomodel.files import output_folder, write_text
    from iomodel.frontiers import frontier
    from iomodel.report.frontier import frontier_figure, frontier_table, frontier_text

    experiment = _changed(asked.name, asked)
    with output_folder(_folder("--out", asked.out, "results")) as folder:
        found = frontier(
            experiment, asked.x, asked.y, asked.points, asked.year, low=asked.low, high=asked.high, progress=_say
        )
        print(f"\n{frontier_text(found)}\n")
        out = folder / experiment.name
        _say(str(write_text(out / "frontier.csv", frontier_table(found))))
        ended = set(map(str, found["status"].values))
        if not ended & {"optimal", "inaccurate"}:
            return STATUS_CODES["infeasible"]
        for kind in ("png", "svg"):
            _say(str(frontier_figure(found, out / f"frontier.{kind}")))
    return 4 if ended & {"inaccurate", "failed"} else 0


def _whole(text: str) -> int | str:
    """A whole number where the text is one; what is none is refused where it is used."""
    try:
        return int(text)
    except ValueError:
        return text


# ---------------------------------------------------------------- matters


def _matters(asked: argparse.Namespace) -> int:
    from iomodel.assumptions import left_out
    from iomodel.files import write_whole
    from iomodel.matters import what_matters
    from iomodel.matters_shown import matters_dataset, matters_text
    from iomodel.run import solve

    if not isinstance(asked.top, int) or asked.top < 1:
        raise ExperimentError(f"--top takes a whole number from 1 on, found {asked.top}.")
    experiment = _changed(asked.name, asked)
    economy = _economy(experiment, {})
    path = solve(experiment, economy)
    _say(f"{experiment.name}: {path.verdict}\n")
    rows = what_matters(path, economy, asked.year, by=asked.by, ends=asked.top, only=asked.only, progress=_progress)
    _progress("")
    print(matters_text(rows, asked.top))
    print(f"Left out, since no small step moves them: {', '.join(left_out(economy.cards))}.")
    if asked.out is not None:
        file = _folder("--out", asked.out, "")
        _say(str(write_whole(file, lambda part: matters_dataset(rows).to_netcdf(part, engine="h5netcdf"))))
    return _code(path)


def _progress(text: str) -> None:
    """What is being done, on one line of the screen that the next one overwrites; nothing where no one looks."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


# ---------------------------------------------------------------- tables, cards, experiments, report


def _check(asked: argparse.Namespace) -> int:
    from iomodel.audit import check_file

    looser = {} if asked.tolerance is None else {"tolerance": asked.tolerance}
    findings = [str(finding) for finding in check_file(asked.file, **looser)] or _not_calibrated(asked.file, looser)
    for finding in findings:
        print(f"- {finding}")
    how = f" if read with this tolerance: read_table({asked.file!r}, tolerance={asked.tolerance})" if looser else ""
    count = f"no findings, the table can be used{how}" if not findings else _count(len(findings), "finding")
    print(f"{asked.file}: {count}")
    return BAD_INPUT if findings else 0


def _share(text: str) -> float | str:
    """A number where the text is one; what is none is refused where it is used, in the words of the library."""
    try:
        return float(text)
    except ValueError:
        return text


def _not_calibrated(file: str, looser: dict[str, Any]) -> list[str]:
    """What calibration refuses in a sound national table; what it finds in one that it takes is printed."""
    from iomodel.calibration import calibrate
    from iomodel.readers.template import read_table

    table = read_table(file, **looser)
    if not table.is_national:
        return []
    try:
        _say(str(calibrate(table, table.home)))
    except IOModelError as error:
        return str(error).splitlines()
    return []


def _tables(_: argparse.Namespace) -> int:
    from iomodel.shipped import shipped_tables, table_card

    for name in shipped_tables():
        card = table_card(name)
        regions = "" if card["national"] else f"{len(card['regions'])} regions × "
        print(f"{name}   {card['year']}, {regions}{card['sectors']} sectors, {card['unit']}, {card['price_basis']}")
        print(f"   source   {card['source']}\n   terms    {card['licence']}\n   sha256   {card['sha256']}")
    return 0


def _template(asked: argparse.Namespace) -> int:
    from iomodel.readers.template import write_template

    for file in write_template(_folder("DIR", asked.folder, TEMPLATE_OUT)):
        print(file)
    return 0


def _build(asked: argparse.Namespace) -> int:
    from iomodel.building import build_tables
    from iomodel.shipped import shipped_file

    for file in build_tables(asked.source, _folder("--out", asked.out, str(shipped_file("tables")))).values():
        print(file)
    return 0


def _cards(asked: argparse.Namespace) -> int:
    from iomodel.cards import load_cards
    from iomodel.experiment_checks import known_table

    cards = load_cards(known_table("--table", asked.table))
    if asked.key:
        card = cards.card(asked.key)
        print(f"{card.key}   {card.title}")
        print(f"value    {_number(card.value)} {card.unit}\nrange    {card.low:g} to {card.high:g}")
        print(f"kind     {card.kind}\nsource   {card.source}")
        return 0
    width = max(map(len, cards))
    for card in (cards.card(key) for key in cards):
        print(f"{card.key:{width}}  {_number(card.value):>12}  {card.kind:10}  {card.title} [{card.unit}]")
    counts = ", ".join(f"{count} {kind}" for kind, count in cards.count().items() if count)
    print(f"{len(cards)} cards for {asked.table}: {counts}")
    return 0


def _number(value: float | tuple[float, ...]) -> str:
    return ", ".join(f"{entry:g}" for entry in value) if isinstance(value, tuple) else f"{value:g}"


def _experiments(_: argparse.Namespace) -> int:
    from iomodel.experiment import load_experiment
    from iomodel.experiment_file import shipped_experiments
    from iomodel.shipped import shipped_file

    names = shipped_experiments()
    width = max(map(len, names), default=0)
    for name in names:
        print(f"{name:{width}}  {load_experiment(name).question}")
    print(f"The files: {shipped_file('experiments')}")
    return 0


def _report(asked: argparse.Namespace) -> int:
    folder = Path(asked.folder)
    if not folder.is_dir():
        raise ResultError(f"There is no folder {folder}; name one that `iomodel run` wrote, such as {MAIN_OUT}.")
    from iomodel.report import write_report
    from iomodel.study_files import holds_study, load_paths, load_study

    found = load_study(folder) if holds_study(folder) else load_paths(folder)
    print(write_report(found, folder / "report.html"))
    return 0


# ---------------------------------------------------------------- what is printed


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _say(text: str) -> None:
    print(text, flush=True)


def _complain(error: IOModelError, about: str = "") -> int:
    """One message on stderr, with the name that it is about where it does not begin with it; returns the exit code."""
    prefix = f"{about}: " if about and not str(error).startswith(f"{about}: ") else ""
    print(f"iomodel: {prefix}{error}", file=sys.stderr)
    return error.exit_code
