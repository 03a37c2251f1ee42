"""From what is typed to nouns: options that several commands share, experiments as changed, and their economies.

What is wrong with a value is said where the value is used, in the words of the library: the parser takes any text.
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iomodel.commands.output import complain, count
from iomodel.errors import ExperimentError, IOModelError, ResultError

if TYPE_CHECKING:
    from iomodel.economy import Economy
    from iomodel.experiment import Experiment

Command = Callable[[str, Callable[[argparse.Namespace], int], str], argparse.ArgumentParser]
"""Adds a command to the parser: its name, the function that carries it out, and its help, which begins small."""


def add_experiment(parser: argparse.ArgumentParser) -> None:
    """The one experiment that a command is about."""
    parser.add_argument("name", metavar="NAME|FILE", help="a shipped experiment or a TOML file")


def add_changes(parser: argparse.ArgumentParser) -> None:
    """--set and --solver, which change the experiments named."""
    text = "change entries, for example cards.precaution=0 table=world-2011 targets.package.exactly=3"
    parser.add_argument("--set", metavar="KEY=VALUE", dest="changes", nargs="+", action="extend", default=[], help=text)
    parser.add_argument("--solver", metavar="NAME", help="clarabel (default), moreau, …")


def whole_or_text(text: str) -> int | str:
    """A whole number where the text is one; what is none is refused where it is used."""
    try:
        return int(text)
    except ValueError:
        return text


def number_or_text(text: str) -> float | str:
    """A number where the text is one; what is none is refused where it is used, in the words of the library."""
    try:
        return float(text)
    except ValueError:
        return text


def folder_of(option: str, named: str | None, default: str) -> Path:
    """The folder that an option names, or its default."""
    if named is not None and not named.strip():
        raise ResultError(f"{option} names no folder; name one, or leave it out for {default}.")
    return Path(default if named is None else named)


def experiments_asked(asked: argparse.Namespace) -> tuple[list[Experiment], int]:
    """The experiments named, changed as asked and once for each payer; and the highest code of those refused."""
    payers = _payers(asked.payer)
    found: list[Experiment] = []
    code = 0
    for name in asked.names:
        try:
            one = changed(name, asked)
        except IOModelError as error:
            code = max(code, complain(error))
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


def changed(name: str, asked: argparse.Namespace) -> Experiment:
    """The experiment of this name or file, with what --set and --solver say; its solver is one that is here."""
    from iomodel.experiment_file import load_experiment

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


def add_verbose(parser: argparse.ArgumentParser) -> None:
    """--verbose, of commands that tell an economy in a line."""
    text = "show every check of the calibration and the known years beside what happened, also where all hold"
    parser.add_argument("--verbose", action="store_true", help=text)


def economy_told(
    experiment: Experiment, told: dict[tuple[str, str, Any], Economy], verbose: bool
) -> tuple[Economy, str]:
    """The economy of an experiment and what is to be printed of it, "" where it was `told`.

    The first of a table is told in a line, or with all that calibration found; of the others what differs from it.
    """
    from iomodel.course import economy_of

    if experiment.deciding:
        return _deciding(experiment)
    key = (experiment.table, experiment.region, experiment.cards)
    if key in told:
        return told[key], ""

    def text(one: Economy) -> str:
        return str(one) if verbose else one.in_short()

    economy = economy_of(experiment)
    like = next((one for (table, region, _), one in told.items() if (table, region) == key[:2]), None)
    told[key] = economy
    if like is None:
        heading, *rest = text(economy).splitlines()
        heading += "" if verbose else " (--verbose shows them)"
        if verbose or economy.missing_cards:
            rest.append("  `iomodel cards KEY` explains a card, --set cards.KEY=VALUE changes it")
        return economy, "\n".join([heading, *rest, ""])
    known = text(like).splitlines()
    differs = [line for line in text(economy).splitlines() if line not in known]
    return economy, "\n".join([f"{experiment.name}: as above, with other cards", *(differs or ["  changed: none"]), ""])


def _deciding(experiment: Experiment) -> tuple[Economy, str]:
    """The first of the economies that decide together, and all of them, a line each."""
    from iomodel.world import world_economies

    economies = world_economies(experiment)
    lines = [f"{experiment.name}: {count(len(economies), 'region')} of {economies[0].table.name} decide together"]
    for one in economies:
        missing = f"; {one.missing_words}" if one.missing_cards else ""
        lines.append(f"  {one.region} in {one.year}: GDP {one.gdp:,.0f} {one.table.unit}{missing}")
    return economies[0], "\n".join([*lines, ""])
