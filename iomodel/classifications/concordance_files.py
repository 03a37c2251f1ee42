"""Files of concordances: the shipped ones in tables/concordances, a user's own, and the way from one name to another.

A file is a CSV with one line for each pair. Its first two columns hold the codes and are headed by the names of the two
classifications; name, target_name, weight and reason follow. A line without a source code says that nothing belongs to
its target. Where a classification is a shipped one, the file has to cover it whole, on either side.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from iomodel.classifications.concordance import Concordance, compose, make_concordance, unknown_codes
from iomodel.errors import CardError, nearest
from iomodel.shipped import shipped_file, shipped_names
from iomodel.values import file_path

COLUMNS = ("name", "target_name", "weight", "reason")
"""The columns after the two of the codes; a file may leave any of them out."""


@dataclass(frozen=True)
class _Lines:
    """A file as it stands: the two classifications and for each pair a line: number, two codes, cells by heading."""

    file: str
    source: str
    target: str
    lines: tuple[tuple[int, str, str, Mapping[str, str]], ...]


def load_concordance(name_or_path: str | Path) -> Concordance:
    """A shipped concordance by name ("nbs153_to_world28"), or the CSV of your own at a path.

    A pair "SOURCE_to_TARGET" for which no file is shipped is composed of the shortest chain of shipped ones. Raises
    CardError when there is none, and one with a line for each thing that is wrong with it: a column, a code that is
    unknown, missing or doubly mapped, a weight that is none, weights that do not add up.

    >>> load_concordance("wiod35_to_world28").mapping["17t18"]
    'TEXL'
    >>> load_concordance("wiod35_to_broad3").targets
    ['primary', 'manufacturing', 'services']
    """
    path, name = file_path("load_concordance", name_or_path, CardError), str(name_or_path)
    if name in shipped_concordances():
        return _concordance(_read(shipped_file("tables", "concordances", f"{name}.csv")))
    if path.is_file():
        return _concordance(_read(path))
    source, _, target = name.partition("_to_")
    if chain := _chain(source, target):
        return _composed(chain)
    names = shipped_concordances()
    raise CardError(
        f"There is no concordance {name!r}; shipped are {', '.join(names)}, and what can be composed of them."
        f"{nearest(name, names)} Of your own give the path of a CSV (docs/aggregation.md explains its columns)."
    )


def find_concordance(source: str, target: str) -> Concordance:
    """The concordance between two shipped classifications, composed where none is shipped; CardError lists targets."""
    if source == target and (known := classification_names(source)):
        return make_concordance(
            {code: code for code in known}, source=source, target=target, names=known, target_names=known
        )
    if chain := _chain(source, target):
        return _composed(chain)
    reach = _reachable(source)
    said = f"from {source} there are {', '.join(reach)}" if reach else f"there is none from {source!r}"
    raise CardError(
        f"There is no concordance from {source} to {target!r}; {said}.{nearest(target, reach)} "
        "Give one of your own: the path of a CSV, a Concordance, or a mapping from code to code."
    )


def shipped_concordances() -> list[str]:
    """Names of the shipped concordances."""
    return [name for name in shipped_names("tables/concordances", ".csv") if "_to_" in name]


def classification_names(classification: str) -> dict[str, str]:
    """Code -> name of a classification that a shipped concordance maps from or, failing that, to; empty for others.

    >>> list(classification_names("world28"))[:4]
    ['AGR', 'MIN', 'FOOD', 'TEXL']
    """
    pairs = [name.split("_to_") for name in shipped_concordances()]
    for side, heading in ((0, "name"), (1, "target_name")):
        for pair in pairs:
            if pair[side] == classification:
                read = _read(shipped_file("tables", "concordances", f"{'_to_'.join(pair)}.csv"))
                return _titles(read, 1 + side, heading)
    return {}


def concordance_text(concordance: Concordance) -> str:
    """A concordance as the CSV text that `load_concordance` reads."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow([concordance.source, concordance.target, *COLUMNS])
    for code, row in zip(concordance.sectors, concordance.weights.values, strict=True):
        for target, weight in zip(concordance.targets, row, strict=True):
            if weight > 0:
                titles = [concordance.names[code], concordance.target_names[target]]
                shown = "1" if weight == 1 else repr(float(weight))
                out.writerow([code, target, *titles, shown, concordance.reasons.get(code, "")])
    for target in concordance.unreached:
        out.writerow(["", target, "", concordance.target_names[target], "", "nothing belongs here"])
    return text.getvalue()


def _chain(source: str, target: str) -> list[str]:
    """Names of the fewest shipped concordances that lead from one classification to the other; empty if none do."""
    pairs = [name.split("_to_") for name in shipped_concordances()]
    ways: list[list[str]] = [[source]]
    seen = {source}
    for way in ways:
        if way[-1] == target and len(way) > 1:
            return [f"{a}_to_{b}" for a, b in pairwise(way)]
        for a, b in pairs:
            if a == way[-1] and b not in seen:
                seen.add(b)
                ways.append([*way, b])
    return []


def _reachable(source: str) -> list[str]:
    targets = dict.fromkeys(name.split("_to_")[1] for name in shipped_concordances())
    return [target for target in targets if _chain(source, target)]


def _composed(chain: list[str]) -> Concordance:
    found = load_concordance(chain[0])
    for name in chain[1:]:
        found = compose(found, load_concordance(name))
    return found


def _read(path: Path) -> _Lines:
    """The lines of a file; CardError for one that is no CSV or lacks its columns."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CardError(f"{path.name} is no UTF-8 CSV file ({error}). Save it as CSV UTF-8.") from error
    heading = rows[0] if rows else []
    wrong = [column for column in heading[2:] if column not in COLUMNS]
    if len(heading) < 2 or wrong or len(set(heading)) < len(heading) or not all(heading[:2]):
        raise CardError(
            f"{path.name}: its headings are {', '.join(heading) or 'none'}; allowed are the name of the source "
            f"classification, that of the target, and then any of {', '.join(COLUMNS)}."
            f"{nearest(wrong[0], COLUMNS) if wrong else ''}"
        )
    lines: list[tuple[int, str, str, Mapping[str, str]]] = []
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(heading):
            raise CardError(f"{path.name}, row {number}: it has {len(row)} cells, the heading has {len(heading)}.")
        cells = [cell.strip() for cell in row]
        lines.append((number, cells[0], cells[1], dict(zip(heading[2:], cells[2:], strict=True))))
    return _Lines(path.name, heading[0], heading[1], tuple(lines))


def _concordance(read: _Lines) -> Concordance:
    """A file's lines as a checked concordance; CardError with a line for each fault."""
    faults: list[str] = []
    shares: dict[str, dict[str, float]] = {}
    for number, code, target, cells in read.lines:
        if not target:
            faults.append(f"row {number}: {code or 'the line'} has no target sector ({read.target})")
        elif code in shares and target in shares[code]:
            faults.append(f"row {number}: {code} is mapped to {target} twice")
        elif code:
            shares.setdefault(code, {})[target] = _weight(number, cells.get("weight", ""), faults)
    names = _titles(read, 1, "name")
    targets = _titles(read, 2, "target_name")
    known, known_targets = classification_names(read.source), classification_names(read.target)
    faults += _double(read, shares)
    faults += _coverage(shares, known, f"sectors of {read.source}", "have no line")
    faults += _coverage(targets, known_targets, f"sectors of {read.target}", "are the target of no line")
    if faults:
        ended = [fault if fault.endswith((".", "?")) else f"{fault}." for fault in faults]
        raise CardError("\n".join(f"{read.file}: {fault}" for fault in ended))
    order = {code: targets.get(code, "") for code in known_targets} or targets
    said = {code: cells.get("reason", "") for _, code, _, cells in read.lines if code and cells.get("reason")}
    try:
        return make_concordance(
            shares, source=read.source, target=read.target, names=names, target_names=order, reasons=said
        )
    except CardError as error:
        raise CardError(f"{read.file}: {error}") from error


def _titles(read: _Lines, side: int, heading: str) -> dict[str, str]:
    titles: dict[str, str] = {}
    for line in read.lines:
        code = line[side]
        assert isinstance(code, str)
        if code and not titles.get(code):
            titles[code] = line[3].get(heading, "")
    return titles


def _weight(number: int, text: str, faults: list[str]) -> float:
    """A weight, 1 where the cell is empty; what is wrong with it goes to the faults."""
    try:
        weight = float(text) if text else 1.0
    except ValueError:
        weight = -1.0
    if not 0 < weight <= 1:
        faults.append(f"row {number}: the weight is {text!r}; allowed is a number above 0 and up to 1")
        return 1.0
    return weight


def _double(read: _Lines, shares: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """A fault for each code that is mapped more than once without weights."""
    bare = {code for _, code, _, cells in read.lines if not cells.get("weight")}
    for code, to in shares.items():
        if len(to) > 1 and code in bare:
            yield f"{code} is mapped to {' and '.join(to)}; give each a weight, or the code one target"


def _coverage(found: Mapping[str, object], known: Mapping[str, str], what: str, absent: str) -> Iterator[str]:
    """Faults for codes that a shipped classification does not have, and for those of it that are absent."""
    if known:
        if unknown := [code for code in found if code not in known]:
            yield unknown_codes(unknown, known, what)
        if missing := [code for code in known if code not in found]:
            yield f"{', '.join(missing)} of the {len(known)} {what} {absent}"
