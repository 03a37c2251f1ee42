"""The method of a recipe on years whose truth is known: what each piece of information buys, and how good it gets.

Three parts. The ladder: from one year to another with ever more information. The gaps: what is known of the recipe's
year, with pairs of the year itself and with pairs three years older than the truth would have them, over all spans. The
dress rehearsal: a statistics office's own table, which is not the truth's block, and such pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from iomodel.aggregation import aggregate
from iomodel.classifications.concordance_files import load_concordance
from iomodel.errors import CardError
from iomodel.readers.nbs_merged import read_nbs_merged
from iomodel.readers.wiod import read_wiod
from iomodel.table import Table
from iomodel.updating.between import between, nothing_known
from iomodel.updating.estimate import update
from iomodel.updating.measures import table_errors
from iomodel.updating.older import carried_over, grown_coefficients, ras_with_all_margins
from iomodel.updating.pieces import OfficialBlock, Pairs, Piece, Totals
from iomodel.updating.sources import Sources
from iomodel.updating.truth import goods_pairs, national_view, value_added_by_region

_LATER = 3
"""Years by which stale pairs are later than the truth: BACI 2023 for 2020."""
MINING = "MIN"
"""The sector whose imports by partner have a rung of their own, where the recipe's goods hold it."""
_FIRM = 1e-4
"""Softness of rows that are exact but for rounding."""


@dataclass(frozen=True, eq=False)
class Validation:
    """Errors by span and rung or variant: datasets of `table_errors` by (first year, last year, name)."""

    ladder: Mapping[tuple[int, int, str], xr.Dataset]
    gaps: Mapping[tuple[int, int, str], xr.Dataset]
    rehearsal: xr.Dataset
    rehearsal_years: tuple[int, int]


@dataclass(frozen=True, eq=False)
class _Year:
    """A year whose truth is known, and its pieces."""

    table: Table
    home: str
    goods: Sequence[str]

    def block(self) -> OfficialBlock:
        """The home region's own block."""
        return OfficialBlock(national_view(self.table, self.home), seed=True)

    def known(self, values: xr.DataArray, measure: str, tau: float = 0.0) -> Totals:
        """Totals of the year."""
        return Totals(measure, values, year=self.table.year, unit=self.table.unit, tau=tau)

    def product(self) -> Totals:
        """Value added of every other region."""
        return self.known(value_added_by_region(self.table).drop_sel(region=self.home), "value_added")

    def trade(self) -> list[Totals]:
        """Exports and imports of every region."""
        pairs = goods_pairs(self.table)
        bought = pairs.sum("region").rename(to_region="region")
        return [self.known(pairs.sum("to_region"), "exports", _FIRM), self.known(bought, "imports", _FIRM)]

    def pairs(self, sectors: Sequence[str], tau: float, values: xr.DataArray | None = None) -> Pairs:
        """Trade by pair in some sectors; the year's own unless other values are given."""
        found = goods_pairs(self.table, sectors) if values is None else values
        return Pairs(found, year=self.table.year, unit=self.table.unit, sectors=sectors, tau=tau, seed=True)

    def imports_of(self, sectors: Sequence[str]) -> Pairs:
        """The home region's imports by partner of some sectors."""
        values = goods_pairs(self.table, sectors).sel(to_region=[self.home])
        name = f"imports of {', '.join(sectors)}"
        return Pairs(
            values, year=self.table.year, unit=self.table.unit, sectors=sectors, tau=_FIRM, seed=True, name=name
        )


STALE, OWN = "stale pairs", "pairs of the year"
"""Names of the two kinds of gaps."""


def validate(sources: Sources, *, ladder: bool = True, kinds: Sequence[str] = (OWN, STALE)) -> Validation:
    """Ladder, gaps and rehearsal of the recipe's section [validation]; CardError where it has none.

    ladder: whether the ladder is climbed; kinds: of the gaps.
    """
    recipe = sources.recipe
    asked = recipe.validation
    if missing := [key for key in ("tables", "first", "last", "gap", "rehearsal") if key not in asked]:
        raise CardError(f"{recipe.name}: the section [validation] lacks {', '.join(missing)}.")
    goods = next((list(entry["sectors"]) for entry in recipe.pairs if "sectors" in entry), None)
    tau = next((float(entry.get("tau", 0.1)) for entry in recipe.pairs), 0.1)
    years = _Years(sources, goods)
    climbed = {
        (first, last, name): errors
        for first, last in (asked.get("ladder", []) if ladder else [])
        for name, errors in _rungs(years.year(first), years.year(last), tau).items()
    }
    rehearsal = asked["rehearsal"]
    return Validation(
        climbed,
        _gaps(asked, years, tau, kinds),
        _rehearsal(sources, years, tau),
        (rehearsal["start"], rehearsal["year"]),
    )


def _gaps(
    asked: Mapping[str, int], years: _Years, tau: float, kinds: Sequence[str]
) -> dict[tuple[int, int, str], xr.Dataset]:
    """Errors over all spans of the release, with what is known of the recipe's year."""
    gap, end = int(asked["gap"]), int(asked["last"])
    found: dict[tuple[int, int, str], xr.Dataset] = {}
    for first in range(int(asked["first"]), end - gap + 1):
        old, new = years.year(first), years.year(first + gap)
        if OWN in kinds:
            found[first, first + gap, OWN] = _as_known(old, new, new.pairs(new.goods, tau))
        if STALE in kinds and first + gap + _LATER <= end:
            stale = _stale(old, new, years.year(first + gap + _LATER), new.block())
            found[first, first + gap, STALE] = _as_known(old, new, new.pairs(new.goods, tau, stale))
    return found


class _Years:
    """The tables of the release by year, each read once."""

    def __init__(self, sources: Sources, goods: Sequence[str] | None) -> None:
        self._sources, self._goods = sources, goods
        self._read: dict[int, _Year] = {}

    def year(self, year: int) -> _Year:
        """The table of a year in the recipe's regions and sectors."""
        if year not in self._read:
            recipe = self._sources.recipe
            file = self._sources.folder / str(recipe.validation["tables"]) / f"wiod{year % 100:02d}.rda"
            table = read_wiod(file, None, regions=self._sources.groups)
            table = aggregate(table, recipe.classification, name=f"wiod-{year}")
            self._read[year] = _Year(table, recipe.home, self._goods or table.sectors)
        return self._read[year]


def _as_known(old: _Year, new: _Year, pairs: Pairs) -> xr.Dataset:
    """Errors with what is known of the recipe's year: official block, value added by region, goods by pair."""
    return table_errors(update(old.table, [new.block(), new.product(), pairs]), new.table, new.home)


def _rungs(old: _Year, new: _Year, tau: float) -> dict[str, xr.Dataset]:
    """Errors with ever more information, by name of the rung."""
    truth, home = new.table, new.home
    found = {
        "GDP only, old coefficients": grown_coefficients(old.table, truth, home),
        "+ national table, carried over": carried_over(old.table, truth, home),
        "RAS with all true margins": table_errors(ras_with_all_margins(old.table, truth), truth, home),
    }
    single = [[code] for code in new.goods]
    base: list[Piece] = [new.block(), new.product()]
    goods = new.pairs(new.goods, tau)
    steps: dict[str, list[Piece]] = {
        "national table + GDP, entropy": base,
        "+ total exports and imports": [*base, *new.trade()],
        "+ goods by pair": [*base, *new.trade(), goods],
        "+ mining imports by partner": [*base, *new.trade(), goods, new.imports_of([MINING])],
        "+ goods imports, partner × product": [
            *base,
            *new.trade(),
            goods,
            *map(new.imports_of, single),
        ],
        "as known of the recipe's year": [*base, goods],
    }
    if MINING not in new.goods:
        del steps["+ mining imports by partner"]
    return found | {name: table_errors(update(old.table, pieces), truth, home) for name, pieces in steps.items()}


def _stale(old: _Year, new: _Year, later: _Year, block: OfficialBlock) -> xr.DataArray:
    """Pairs as they would be known: shares between the start and a later year, at the level of the official goods."""
    first, last = goods_pairs(old.table, old.goods), goods_pairs(later.table, old.goods)
    weight = (new.table.year - old.table.year) / (later.table.year - old.table.year)
    return between(first, last, weight, nothing_known(old.table.regions), (), [block], old.goods)


def _rehearsal(sources: Sources, years: _Years, tau: float) -> xr.Dataset:
    """Errors with the statistics office's own table of the year instead of the truth's block, and stale pairs."""
    asked = sources.recipe.validation["rehearsal"]
    old, new, later = (years.year(int(asked[key])) for key in ("start", "year", "pairs"))
    official = read_nbs_merged(sources.folder / asked["table"], load_concordance(asked["concordance"]))
    block = OfficialBlock(official, per_unit=float(asked["per_unit"]), seed=True)
    pairs = new.pairs(new.goods, tau, _stale(old, new, later, block))
    return table_errors(update(old.table, [block, new.product(), pairs]), new.table, new.home)


def mean_errors(found: Mapping[tuple[int, int, str], xr.Dataset], name: str) -> np.ndarray:
    """Mean error of embodied value added by use over all spans of one name; CardError where there is none."""
    return np.mean([errors["embodied"].values for errors in _spans(found, name)], axis=0)


def partner_errors(found: Mapping[tuple[int, int, str], xr.Dataset], name: str) -> xr.DataArray:
    """Mean absolute error by partner and use over all spans of one name, percent."""
    each = [abs(errors["embodied_by_partner"]) for errors in _spans(found, name)]
    return xr.concat(each, "span").mean("span")


def _spans(found: Mapping[tuple[int, int, str], xr.Dataset], name: str) -> list[xr.Dataset]:
    """Errors of the spans of one name, at least one."""
    if not (each := [errors for (_, _, kind), errors in found.items() if kind == name]):
        known = ", ".join(dict.fromkeys(kind for _, _, kind in found)) or "none"
        raise CardError(f"There is no span with {name}, only with {known}: the recipe's years leave room for none.")
    return each
