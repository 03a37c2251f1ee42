"""What the tests of the report share: how a page is read, and studies in which numbers are moved."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np

from iomodel.answers.headline import compare
from iomodel.program.trajectory import Trajectory
from iomodel.report.words import number, signed
from iomodel.study.policies import Study

FOOTNOTE = "* industrial capacity beyond normal use, share of all; investment: gross capital formation, stocks among it"
HEADER = (
    "China, world ESTIMATE 2020, 28 sectors;   consumption               with in-kind  growth    investment  "
    "idle plant*  social    unemployed   public debt\n"
    "policy 2026–2035, year 2035               % of GDP  % over as usual % of GDP      % a year  % of GDP    "
    "%            % of GDP  peak %, mn   % of GDP"
)


def with_data(study: Study, name: str, **changes: float | np.ndarray) -> Study:
    """A study in which variables of one path are moved by an amount in all years of policy."""
    path = study.paths[name]
    policy = path.data["year"] >= int(path.data.attrs["first_policy_year"])
    data = path.data.assign({key: path.data[key] + by * policy for key, by in changes.items()})
    return replace(study, paths={**study.paths, name: replace(path, data=data)})


def with_interaction(study: Study, consumption: float, kind: float) -> Study:
    """A study in which two halves together give more, or less, than each alone by these amounts."""
    found = dict(study.checks["interaction"])
    for key, value in (("consumption", consumption), ("with_in_kind", kind)):
        found[f"{key}_joint"] = found[f"{key}_supply"] + found[f"{key}_demand"] + value
        found[f"{key}_interaction"] = value
    return replace(study, checks={**study.checks, "interaction": found})


def figures(text: str) -> set[str]:
    """All numbers in a text, as written."""
    return set(re.findall(r"[+−]?\d[\d,]*(?:\.\d+)?", text))


class Reader(HTMLParser):
    """Checks that what is opened is closed, and keeps ids, addresses, cells and links."""

    VOID = ("meta", "link", "br", "img", "input", "hr")

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[tuple[str, str, str]] = []
        self.tags: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in self.VOID:
            self.stack.append(tag)
        self._keep(tag, attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._keep(tag, attrs)

    def _keep(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        assert len(found) == len(attrs), f"an attribute of {tag} comes twice"
        self.ids += [found["id"]] if "id" in found else []
        self.addresses += [
            (tag, name, found[name]) for name in ("src", "href", "srcset", "data", "action") if name in found
        ]

    def handle_endtag(self, tag: str) -> None:
        assert self.stack, f"{tag} is closed and was not opened"
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert not reader.stack
    return reader


class Tables(HTMLParser):
    """The tables of one section: table -> row -> cell, the parts of a cell with a space between them."""

    def __init__(self, section: str) -> None:
        super().__init__()
        self.section, self.inside = section, False
        self.tables: list[list[list[str]]] = []
        self.parts: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "section":
            self.inside = dict(attrs).get("id") == self.section
        elif self.inside and tag == "table":
            self.tables.append([])
        elif self.inside and tag == "tr":
            self.tables[-1].append([])
        elif self.inside and tag in ("td", "th"):
            self.parts = []

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self.parts is not None:
            self.tables[-1][-1].append(" ".join(self.parts))
            self.parts = None

    def handle_data(self, data: str) -> None:
        if self.parts is not None and data.strip():
            self.parts.append(data.strip())


def tables_of(html: str, section: str) -> list[list[list[str]]]:
    """The tables of a section of the page, without their headings."""
    reader = Tables(section)
    reader.feed(html)
    return [table[1:] for table in reader.tables]


def headline_cells(path: Trajectory) -> list[str]:
    """The ten columns of a page's headline, from `compare` alone."""
    values = compare([path]).iloc[0]
    return [
        number(values["consumption, % of GDP"]),
        signed(values["consumption, % over as usual"]),
        number(values["with in-kind, % of GDP"]),
        number(values["growth, % a year"]),
        number(values["investment, % of GDP"]),
        number(values["idle plant, %"]),
        number(values["social, % of GDP"]),
        f"{number(values['unemployed peak, %'])}, {number(values['unemployed peak, mn'], 0)}",
        number(values["public debt, % of GDP"], 0),
        number(values["firms' debt, % of GDP"], 0),
    ]
