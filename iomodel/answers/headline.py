"""The headline outcomes of paths side by side: the few numbers that a policy is judged by, one row a path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from iomodel.cards import CALENDAR_CARDS, too_few
from iomodel.errors import ResultError
from iomodel.program.trajectory import Trajectory

if TYPE_CHECKING:
    import pandas as pd


def compare(paths: Sequence[Trajectory] | Mapping[str, Trajectory], year: int | None = None) -> pd.DataFrame:
    """The headline outcomes of paths side by side, one row a path, in `year` (the last reported one if None).

    paths: a list, whose rows bear the experiments' names, those of one name told apart by a number behind it; or
    name -> path, whose rows bear the names given. The unit of a column stands in its name. `print` of a wide table
    leaves columns out; `compare(paths).round(2).T.to_string()` has them all.
    Raises ResultError when a path does not report the year, or `paths` is no list or mapping of them, or an empty one.

    >>> import iomodel as iom
    >>> usual = iom.simulate(iom.load_experiment("business-as-usual"))
    >>> float(iom.compare([usual])["consumption, % over as usual"].iloc[0])
    0.0
    >>> list(iom.compare({"as it is": usual, "the same": usual}).index)
    ['as it is', 'the same']
    """
    import pandas as pd

    if isinstance(paths, Mapping):
        named = dict(zip(map(str, paths), _checked(paths.values()), strict=True))
        rows = {name: _headline(path, year) for name, path in named.items()}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("policy")
    rows: dict[str, dict[str, float]] = {}
    for path in _checked(paths):
        name, count = path.experiment.name, 2
        while name in rows:
            name, count = f"{path.experiment.name} ({count})", count + 1
        rows[name] = _headline(path, year)
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("policy")


def with_usual(paths: Sequence[Trajectory], year: int | None = None) -> pd.DataFrame:
    """As `compare`, with the reference paths above, each once: "as usual", or of which paths where there are several.

    The reference is the path without levers that every path carries; a path that is one itself needs no other row.

    >>> import iomodel as iom
    >>> list(with_usual([iom.simulate(iom.load_experiment("demand-only"))]).index)
    ['as usual', 'demand-only']
    """
    import pandas as pd

    own = compare(paths, year)
    shown = {tuple(row) for row in own.itertuples(index=False)}
    found: dict[tuple[float, ...], list[str]] = {}
    for path in paths:
        if path.reference is not None:
            row = tuple(_headline(replace(path, data=path.reference), year).values())
            found.setdefault(row, []).append(path.experiment.name)
    missing = {row: names for row, names in found.items() if row not in shown}
    titles = [f"as usual of {', '.join(names)}" if len(found) > 1 else "as usual" for names in missing.values()]
    usual = pd.DataFrame(list(missing), index=titles, columns=own.columns)
    return pd.concat([usual, own]).rename_axis("policy") if missing else own


def refusal(path: Trajectory) -> str:
    """Why no headline may be drawn from a path; empty where one may.

    More than half of the cards that belong to a country and its year at defaults make a path an example, no answer.

    >>> import iomodel as iom
    >>> refusal(iom.simulate(iom.load_experiment("business-as-usual")))
    ''
    """
    missing, asked = path.provenance.get("cards_missing", ()), path.experiment
    if not too_few(missing):
        return ""
    listed, few = ", ".join(missing), len(missing) - len(CALENDAR_CARDS) // 2
    return (
        f"{asked.name}: no headline for {asked.region}. {len(missing)} of the {len(CALENDAR_CARDS)} cards that belong "
        f"to a country and its year were not supplied and stand at defaults ({listed}). Supply at least {few} "
        "of them as cards.KEY; until then the path, which is saved, is an example."
    )


def refusals(paths: Iterable[Trajectory]) -> list[str]:
    """Why no headline may be drawn from some paths, a sentence each; regions that decided together share one."""
    found: list[str] = []
    together: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for path in paths:
        said, whole = refusal(path), path.provenance.get("part_of")
        if said and whole:
            missing = tuple(path.provenance["cards_missing"])
            together.setdefault((whole, missing), []).append(path.experiment.region)
        elif said:
            found.append(said)
    for (whole, missing), regions in together.items():
        few = len(missing) - len(CALENDAR_CARDS) // 2
        found.append(
            f"{whole}: no headline for {', '.join(regions)}. {len(missing)} of the {len(CALENDAR_CARDS)} cards that "
            f"belong to a country and its year were not supplied there and stand at defaults ({', '.join(missing)}). "
            f"Supply at least {few} of them for a region that decides alone; until then its path, which is saved, is "
            "an example."
        )
    return found


def _checked(paths: object) -> list[Trajectory]:
    """`paths` as a list of trajectories with a name each."""
    if isinstance(paths, Trajectory):
        raise ResultError(f"compare takes a list of paths, found one path: write compare([{paths.experiment.name}]).")
    given = list(paths) if isinstance(paths, Iterable) and not isinstance(paths, str) else [paths]
    found: list[Trajectory] = []
    for path in given:
        if not isinstance(path, Trajectory):
            raise ResultError(
                f"compare takes paths (of solve, simulate or load_trajectory), found {str(path)[:60]!r} of type "
                f"{type(path).__name__}."
            )
        if "region" in path.data.dims:
            raise ResultError(
                f"{path.experiment.name} has several regions: compare them with "
                "iomodel.regions.by_region(path).values()."
            )
        found.append(path)
    if not found:
        raise ResultError("compare takes a list of paths, found an empty one.")
    return found


def _headline(path: Trajectory, year: int | None) -> dict[str, float]:
    """The outcomes of one path in the words of the table."""
    data = path.data
    when = int(data["year"].values[-1]) if year is None else year
    if when not in data["year"].values:
        raise ResultError(
            f"{path.experiment.name} reports {int(data['year'].values[0])} to {int(data['year'].values[-1])}, "
            f"not {when}"
        )
    here = data.sel(year=when)
    usual = (path.reference if path.reference is not None else data).sel(year=when)
    # The years of policy up to the one asked for; for a known year those since the base year.
    first = int(path.policy_years[0]) if when >= int(path.policy_years[0]) else int(data["year"].values[0]) + 1
    span = data.sel(year=slice(min(first, when), when))
    before = float(data["gdp"].sel(year=min(first - 1, when)))
    return {
        "consumption, % of GDP": float(here["household_consumption_share"]),
        "consumption, % over as usual": 100
        * (float(here["household_consumption"]) / float(usual["household_consumption"]) - 1),
        "with in-kind, % of GDP": float(here["actual_individual_consumption_share"]),
        "growth, % a year": 100 * ((float(here["gdp"]) / before) ** (1 / span.sizes["year"]) - 1),
        "investment, % of GDP": float(here["investment_share"]),
        "idle plant, %": float(here["idle_share"]),
        "social, % of GDP": float(here["social_spending_share"]),
        "unemployed peak, %": float(span["unemployment_rate"].max()),
        "unemployed peak, mn": float(span["unemployed"].max()),
        "public debt, % of GDP": float(here["public_debt_share"]),
        "firms' debt, % of GDP": float(here["firm_debt_share"]),
    }
