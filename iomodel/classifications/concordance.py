"""`Concordance`: which sectors of one classification make up each sector of another, with weights and names.

A source sector may be split over several target sectors: its weights are shares and add up to one, so that every amount
that is carried over is carried over once. A concordance can only be made through a constructor that refuses anything
else. Files of concordances are the business of `concordance_files`, the sums of `aggregation`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from iomodel.errors import CardError, nearest

OWN = "own"
"""Name of a classification that has none."""

SHARES = 1e-9
"""How far the weights of one source sector may be from one together."""

Targets = str | Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Concordance:
    """The share of each source sector that belongs to each target sector.

    weights (source, target): dimensionless shares; each row adds up to one. source, target: names of the two
    classifications ("own" where there is none). names, target_names: titles by code. reasons: why, by source code,
    where somebody had to judge. Targets that nothing belongs to are `unreached`.

    Raises CardError with a line for each code that stands twice, weight outside 0 to 1 or row that does not add up.
    """

    source: str
    target: str
    weights: xr.DataArray
    names: Mapping[str, str] = field(repr=False)
    target_names: Mapping[str, str] = field(repr=False)
    reasons: Mapping[str, str] = field(repr=False, default_factory=dict[str, str])

    def __post_init__(self) -> None:
        if tuple(self.weights.dims) != ("source", "target"):
            raise CardError(
                f"{self.title}: weights have the dims {tuple(self.weights.dims)}; they need ('source', 'target')."
            )
        faults = list(_faults(self))
        if faults:
            raise CardError("\n".join(f"{self.title}: {fault}" for fault in faults))
        settled = xr.DataArray(
            np.array(self.weights.values, dtype=np.float64),
            coords={"source": np.array(self.sectors), "target": np.array(self.targets)},
            dims=("source", "target"),
            name="weights",
            attrs={"units": "share", "long_name": f"share of each sector of {self.source} in each of {self.target}"},
        )
        settled.values.setflags(write=False)
        object.__setattr__(self, "weights", settled)
        for name, codes in (("names", self.sectors), ("target_names", self.targets)):
            known = getattr(self, name)
            object.__setattr__(self, name, {code: str(known.get(code) or code) for code in codes})

    def __repr__(self) -> str:
        split = f", {len(self.split)} of them split" if self.split else ""
        return f"Concordance({self.title}: {len(self.sectors)} sectors{split} -> {len(self.targets)})"

    @property
    def title(self) -> str:
        """What it is called, such as `nbs153_to_world28`."""
        return f"{self.source}_to_{self.target}"

    @property
    def sectors(self) -> list[str]:
        """Codes of the source classification, in order."""
        return [str(code) for code in self.weights["source"].values]

    @property
    def targets(self) -> list[str]:
        """Codes of the target classification, in order."""
        return [str(code) for code in self.weights["target"].values]

    @property
    def split(self) -> list[str]:
        """Source sectors that belong to more than one target."""
        parts = (self.weights.values > 0).sum(axis=1)
        return [code for code, count in zip(self.sectors, parts, strict=True) if count > 1]

    @property
    def unreached(self) -> list[str]:
        """Target sectors to which nothing belongs."""
        reached = self.weights.values.max(axis=0, initial=0) > 0
        return [code for code, some in zip(self.targets, reached, strict=True) if not some]

    @property
    def mapping(self) -> dict[str, str]:
        """Source code -> target code where no sector is split; CardError names the sectors that are."""
        if self.split:
            raise CardError(
                f"{self.title} splits {', '.join(self.split)}, so that no one target holds each; use its weights."
            )
        targets, places = self.targets, self.weights.values.argmax(axis=1).tolist()
        return {code: targets[place] for code, place in zip(self.sectors, places, strict=True)}


def _faults(found: Concordance) -> Iterator[str]:
    for what, codes in (("source", found.sectors), ("target", found.targets)):
        if not codes:
            yield f"there is no {what} sector"
        for code in [code for code, count in Counter(codes).items() if count > 1]:
            yield f"{what} sector {code} stands twice"
    weights = np.asarray(found.weights.values, dtype=np.float64)
    wrong = ~np.isfinite(weights) | (weights < 0) | (weights > 1 + SHARES)
    for row, column in np.argwhere(wrong):
        yield (
            f"the weight of {found.sectors[row]} in {found.targets[column]} is {weights[row, column]:g}; allowed is "
            "0 to 1"
        )
    if not wrong.any():
        sums = weights.sum(axis=1)
        for row in np.flatnonzero(np.abs(sums - 1) > SHARES):
            yield f"the weights of {found.sectors[row]} add up to {sums[row]:.10g}; they have to add up to 1"


def make_concordance(
    sectors: Mapping[str, Targets],
    *,
    source: str = OWN,
    target: str = OWN,
    names: Mapping[str, str] | None = None,
    target_names: Mapping[str, str] | None = None,
    reasons: Mapping[str, str] | None = None,
) -> Concordance:
    """A `Concordance` from source code -> target code, or -> {target code: share}.

    Targets are in the order of `target_names`, or as first named where these are not given; what `target_names` holds
    and no sector belongs to is unreached. Raises CardError for shares that do not add up, and for targets that are not
    among `target_names`, all at once.

    >>> two = make_concordance({"01": "A", "02": {"A": 0.25, "B": 0.75}})
    >>> two.targets, two.split, two.weights.sel(source="02").values.tolist()
    (['A', 'B'], ['02'], [0.25, 0.75])
    """
    if not isinstance(sectors, Mapping):
        raise CardError(
            f"{source}_to_{target}: found {str(sectors)[:60]!r} of type {type(sectors).__name__}; allowed: a mapping "
            "from code to code, or from code to {code: share}."
        )
    shares = {str(code): _shares(f"{source}_to_{target}, {code}", to) for code, to in sectors.items()}
    named = list(dict.fromkeys(code for to in shares.values() for code in to))
    targets = named if target_names is None else [str(code) for code in target_names]
    if unknown := [code for code in named if code not in targets]:
        raise CardError(f"{source}_to_{target}: {unknown_codes(unknown, targets, f'target sectors ({target})')}")
    weights = np.array([[to.get(code, 0.0) for code in targets] for to in shares.values()], dtype=float)
    array = xr.DataArray(
        weights.reshape(len(shares), len(targets)),
        coords={"source": np.array(list(shares), dtype=str), "target": np.array(targets, dtype=str)},
        dims=("source", "target"),
    )
    return Concordance(source, target, array, names or {}, target_names or {}, dict(reasons or {}))


def _shares(where: str, to: Targets) -> dict[str, float]:
    """Target code -> share of one sector."""
    try:
        return {str(code): float(share) for code, share in ({to: 1.0} if isinstance(to, str) else to).items()}
    except (AttributeError, TypeError, ValueError):
        raise CardError(f"{where}: found {to!r}; allowed: a code, or {{code: share}} with shares as numbers.") from None


def identity_concordance(names: Mapping[str, str], classification: str = OWN) -> Concordance:
    """Every sector is itself; `names` holds titles by code.

    >>> identity_concordance({"a": "Apples", "b": "Bread"}).mapping
    {'a': 'a', 'b': 'b'}
    """
    return make_concordance(
        {code: code for code in names}, source=classification, target=classification, names=names, target_names=names
    )


def compose(first: Concordance, second: Concordance) -> Concordance:
    """First one, then the other: weights W = W₁ W₂ over (source of first, target of second).

    Raises CardError when the targets of the first are not the sources of the second, each code listed.

    >>> halves = make_concordance({"1": {"a": 0.5, "b": 0.5}})
    >>> compose(halves, make_concordance({"a": "x", "b": "x"})).mapping
    {'1': 'x'}
    """
    reached = [code for code in first.targets if code not in first.unreached]
    missing = [code for code in reached if code not in second.sectors]
    unused = [code for code in second.sectors if code not in first.targets]
    faults = [f"{second.title} has no line for {', '.join(missing)}"] if missing else []
    faults += [f"{first.title} does not know {', '.join(unused)} of {second.title}"] if unused else []
    if faults:
        raise CardError(f"{first.title} and {second.title} do not fit: {'; '.join(faults)}.")
    carried = first.weights.sel(target=second.sectors).values @ second.weights.values
    carried = np.where(np.abs(carried - 1) <= SHARES, 1.0, carried)
    weights = xr.DataArray(
        carried, coords={"source": first.sectors, "target": second.targets}, dims=("source", "target")
    )
    return Concordance(first.source, second.target, weights, first.names, second.target_names, first.reasons)


def rows_for(concordance: Concordance, codes: Sequence[str], what: str) -> np.ndarray:
    """The weights (sector, target) for `codes`, which have to be all its source sectors, in any order.

    Raises CardError, naming `what`, with every code that the concordance has no line for, every one that stands twice
    and every line that is none of the codes.
    """
    known = concordance.sectors
    doubled = [code for code, count in Counter(codes).items() if count > 1]
    missing = [code for code in codes if code not in known]
    unused = [code for code in known if code not in codes]
    faults = [f"{', '.join(doubled)} of {what} stand twice"] if doubled else []
    if missing:
        faults.append(f"it has no line for {', '.join(missing)} of {what}")
    if unused:
        faults.append(f"its lines {', '.join(unused)} are no codes of {what}")
    if faults:
        hint = nearest(missing[0], unused) if missing else ""
        raise CardError(f"{concordance.title} does not cover {what}: {'; '.join(faults)}.{hint}")
    return concordance.weights.sel(source=list(codes)).values


def unknown_codes(unknown: Sequence[str], allowed: Iterable[str], what: str) -> str:
    """A sentence that lists codes that are none of `allowed`."""
    known = list(allowed)
    return (
        f"{', '.join(unknown)} {'is none' if len(unknown) == 1 else 'are none'} of the {len(known)} {what}."
        f"{nearest(unknown[0], known)}"
    )
