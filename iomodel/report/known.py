"""Known years of any paths beside what happened: each reference path once, however many paths share it.

Paths of one table, region and set of cards have one reference path; what is found about it stands above and beneath
every headline that is made from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from iomodel.program.trajectory import Trajectory
from iomodel.study.history import warnings_of
from iomodel.study.policies import miss_rows


@dataclass(frozen=True)
class Known:
    """A reference path's known years: its misses as plain rows and what has to be warned of.

    names: the paths that it is of, none where it is of all that were asked about.
    """

    names: tuple[str, ...]
    misses: list[dict[str, Any]]
    warnings: list[str]


def known_years(paths: Iterable[tuple[str, Trajectory]]) -> list[Known]:
    """What is found about the references of named paths, in their order; paths without known years are left out."""
    found: list[Known] = []
    asked = list(paths)
    for name, path in asked:
        usual = path if path.reference is None else replace(path, data=path.reference)
        rows, warnings = miss_rows(usual), warnings_of(usual)
        if not rows and not warnings:
            continue
        place = next((place for place, one in enumerate(found) if (one.misses, one.warnings) == (rows, warnings)), None)
        if place is None:
            found.append(Known((name,), rows, warnings))
        else:
            found[place] = replace(found[place], names=(*found[place].names, name))
    return [replace(one, names=()) if len(one.names) == len(asked) else one for one in found]


def warnings_among(found: list[Known]) -> list[str]:
    """The warnings of all, each with the paths that it is about where these are not all."""
    return [f"{', '.join(one.names)}: {text}" if one.names else text for one in found for text in one.warnings]
