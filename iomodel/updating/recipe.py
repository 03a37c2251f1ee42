"""A recipe: FILE.toml that says what an estimate starts from, what is known of its year, and how hard each piece is.

Keys are closed: what is not understood is refused with the nearest name. A recipe names files inside the folder of raw
files (`--source`), shipped tables, or files beside itself; `sources` reads them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from iomodel.errors import CardError, nearest
from iomodel.shipped import shipped_file, shipped_names
from iomodel.toml_text import read_toml
from iomodel.updating.recipe_checks import closed, kinds, named_once, scaling, validation, variant

FOLDER = "tables/recipes"
_TOP = ("name", "title", "year", "unit", "currency", "price_basis", "home", "classification", "regions", "source",
        "licence", "edition", "accounts", "employment", "decimals", "notes", "start", "official", "totals", "pairs",
        "variants", "validation")  # fmt: skip
_NEEDED = ("name", "year", "unit", "home", "classification", "regions", "start", "official")
_ENTRY: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "start": (("read",), ("table", "file", "weight", "depreciation_share")),
    "official": (("table",), ("per_unit", "shares", "seed")),
    "totals": (("name", "read", "measure"), ("file", "facts", "scaled_by", "sectors", "tau", "variants_only")),
    "pairs": (
        ("name", "read"),
        ("file", "countries", "facts", "first", "weight", "leave_out", "sectors", "tau", "seed"),
    ),
}
_READ = {
    "start": ("table", "wiod", "wiot_estimate"),
    "totals": ("csv", "world_bank_gdp", "world_bank_manufacturing"),
    "pairs": ("csv", "facts", "baci_between"),
}
_VARIANT = ("title", "start", "pairs", "totals", "weights")


@dataclass(frozen=True, eq=False)
class Recipe:
    """What FILE.toml says, checked; entries are plain mappings in the file's order.

    folder: where the file lies. variants: name -> what differs: `start` (weights by place), `pairs` and `totals` (names
    of the pieces that are used), `weights` (pairs -> weight of the later year). home: the region in whose final demand
    errors and ranges are measured.
    """

    name: str
    year: int
    unit: str
    home: str
    classification: str
    regions: str
    start: Sequence[Mapping[str, Any]]
    official: Sequence[Mapping[str, Any]]
    totals: Sequence[Mapping[str, Any]]
    pairs: Sequence[Mapping[str, Any]]
    accounts: str | None
    employment: str | None
    decimals: int | None
    notes: Sequence[str]
    variants: Mapping[str, Mapping[str, Any]]
    validation: Mapping[str, Any]
    description: Mapping[str, Any]
    folder: Path
    used: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def variant(self, name: str) -> Recipe:
        """The recipe with what the variant changes."""
        if name not in self.variants:
            raise CardError(
                f"{self.name} has no variant {name!r}; it has {', '.join(self.variants)}.{nearest(name, self.variants)}"
            )
        changed = self.variants[name]
        start = self.start
        if "start" in changed:
            weighed = zip(self.start, changed["start"], strict=True)
            start = [{**entry, "weight": weight} for entry, weight in weighed if weight > 0]
        weights = changed.get("weights", {})
        pairs = [
            {**entry, "weight": weights.get(entry["name"], entry.get("weight", 1.0))}
            for entry in self.pairs
            if entry["name"] in changed.get("pairs", [one["name"] for one in self.pairs])
        ]
        totals = [entry for entry in self.totals if entry["name"] in changed.get("totals", self.central_totals)]
        return replace(self, start=start, pairs=pairs, totals=totals, used={"variant": name, **changed})

    @property
    def central_totals(self) -> list[str]:
        """Names of the totals that are used where a variant says nothing."""
        return [entry["name"] for entry in self.totals if not entry.get("variants_only", False)]

    @property
    def central(self) -> Recipe:
        """The first variant, which is the estimate itself; the recipe as it stands where it has none."""
        if self.variants:
            return self.variant(next(iter(self.variants)))
        return replace(self, totals=[entry for entry in self.totals if entry["name"] in self.central_totals])


def shipped_recipes() -> list[str]:
    """Names of the shipped recipes."""
    return shipped_names(FOLDER, ".toml")


def load_recipe(name_or_path: str | Path) -> Recipe:
    """A shipped recipe by name, or the TOML file at a path. Raises CardError for a file or an entry that is wrong.

    >>> load_recipe("world-2020").year
    2020
    """
    text = str(name_or_path)
    path = shipped_file(*FOLDER.split("/"), f"{text}.toml") if text in shipped_recipes() else Path(name_or_path)
    if not path.is_file():
        known = ", ".join(shipped_recipes())
        raise CardError(f"There is no recipe {text!r}: no file of this name, and shipped are {known}.")
    return _recipe(read_toml(path, CardError, "recipe"), path)


def _entries(file: str, said: Mapping[str, Any]) -> None:
    """CardError for an entry of start, official, totals or pairs that is wrong."""
    for section, (needed, allowed) in _ENTRY.items():
        entries = said.get(section, [])
        if not isinstance(entries, list) or (section in _NEEDED and not entries):
            raise CardError(f"{file}: {section} is {entries!r:.60}; allowed: one [[{section}]] or more.")
        for number, entry in enumerate(entries, start=1):
            where = f"{file}, {section} {entry.get('name', number) if isinstance(entry, dict) else number}"
            closed(where, entry, needed, (*needed, *allowed))
            if "read" in entry and entry["read"] not in _READ[section]:
                raise CardError(
                    f"{where}: read is {entry['read']!r}; allowed: {', '.join(_READ[section])}."
                    f"{nearest(str(entry['read']), _READ[section])}"
                )
            kinds(where, entry)
            if section == "totals":
                scaling(where, entry)


def _recipe(said: Mapping[str, Any], path: Path) -> Recipe:
    closed(path.name, said, _NEEDED, _TOP)
    kinds(path.name, said)
    _entries(path.name, said)
    named_once(path.name, said)
    variants = said.get("variants", {})
    closed(f"{path.name}, variants", variants, (), list(variants) if isinstance(variants, Mapping) else ["names"])
    for name, changed in variants.items():
        where = f"{path.name}, variants.{name}"
        closed(where, changed, (), _VARIANT)
        kinds(where, {key: value for key, value in changed.items() if key == "title"})
        variant(where, changed, said)
    validation(f"{path.name}, validation", said.get("validation", {}))
    plain = ("title", "currency", "price_basis", "source", "licence", "edition")
    return Recipe(
        name=said["name"],
        year=said["year"],
        unit=said["unit"],
        home=said["home"],
        classification=said["classification"],
        regions=said["regions"],
        start=said["start"],
        official=said["official"],
        totals=said.get("totals", []),
        pairs=said.get("pairs", []),
        accounts=said.get("accounts"),
        employment=said.get("employment"),
        decimals=said.get("decimals"),
        notes=said.get("notes", []),
        variants=variants,
        validation=said.get("validation", {}),
        description={key: said[key] for key in plain if key in said},
        folder=path.parent,
    )
