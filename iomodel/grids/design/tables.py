"""What a grid needs to know of a table before the first run: its year, regions and sectors, the hash of its content."""

from __future__ import annotations

from dataclasses import dataclass

from iomodel.experiment import Experiment
from iomodel.experiment_parts import TABLE_FILES
from iomodel.shipped import table_card


@dataclass(frozen=True)
class Facts:
    """Of one table: the year of its flows, its producing regions, its sectors' codes, the hash over its labels and
    values."""

    year: int
    regions: tuple[str, ...]
    sectors: tuple[str, ...]
    sha256: str


def facts_of(experiment: Experiment) -> Facts:
    """Facts of the table of an experiment: a shipped one's from its card, a user's own from the table itself.

    Raises TableError for a table that there is none of, or a file that holds none.
    """
    name = experiment.table
    if not name.lower().endswith(TABLE_FILES):
        card = table_card(name)
        return Facts(int(card["year"]), tuple(card["regions"]), tuple(card["sector_names"]), str(card["sha256"]))
    from iomodel.course import table_of  # opens files of arrays

    table = table_of(experiment)
    return Facts(table.year, tuple(table.regions), tuple(table.sectors), table.sha256)
