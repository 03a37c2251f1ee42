"""Numbers and names as a reader meets them: rounded to what they bear, in the words of the field.

Text, page and figures take their formats from here, so that one number looks the same wherever it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

MINUS = "−"
TOO_LITTLE = 0.05
"""What rounds to nothing: less is not shown (percent, or percent of base-year GDP)."""

SHORT = 34
"""Longest short name of a sector, in characters."""

ACTIVITIES = (
    (r"(?:Production and supply|Supply) of (.*)", r"\1 supply"),
    (r"Mining and (?:washing|processing) of (.*)", r"\1 mining"),
    (r"(?:Manufacture|Processing|Exploitation|Smelting and processing|Management) of (.*)", r"\1"),
)
"""Openings of a sector's name that say that something is made -> what the short name keeps."""

REGIONS = {
    "CHN": "China",
    "USA": "United States",
    "EU": "European Union",
    "JPN": "Japan",
    "KOR": "Korea",
    "TWN": "Taiwan",
    "AUS": "Australia",
    "BRA": "Brazil",
    "IND": "India",
    "IDN": "Indonesia",
    "RUS": "Russia",
    "MEX": "Mexico",
    "CAN": "Canada",
    "TUR": "Turkey",
    "ROW": "Rest of world",
}
"""Region code -> name."""

TABLES = {
    "china-2020": "official table",
    "china-2020-153": "official table",
    "china-2020-28": "official table",
    "world-2020-estimate": "world ESTIMATE",
    "world-2011": "World Input-Output Database",
}
"""Shipped table -> what it is called in a heading."""

NAMES = {"two-halves-tariffs": "two halves under tariffs"}
"""Policies whose name does not read well with its hyphens taken out."""

LEVERS = {"reform": "reform", "retirement": "closures", "programme": "programme"}
"""Lever -> word, in the order of a sentence."""

PAYERS = {
    "debt": "public debt",
    "dividends": "dividends of state firms",
    "household_tax": "a tax on households",
}
"""Who pays for the programme."""


def number(value: float, digits: int = 1) -> str:
    """A number with a true minus sign and thousands apart; what rounds to zero has no sign.

    >>> number(-2.04), number(-0.04), number(12345.6, 0)
    ('−2.0', '0.0', '12,346')
    """
    text = f"{abs(value):,.{digits}f}"
    return f"{MINUS}{text}" if value < 0 and text.strip("0.,") else text


def signed(value: float, digits: int = 1) -> str:
    """A number with its sign; what rounds to zero has none.

    >>> signed(1.26), signed(-1.26), signed(0.01)
    ('+1.3', '−1.3', '0.0')
    """
    text = number(value, digits)
    return text if text.startswith(MINUS) or not text.strip("0.,") else f"+{text}"


def region(code: str) -> str:
    """Name of a region; a code that is not known stays as it is.

    >>> region("CHN"), region("NZL")
    ('China', 'NZL')
    """
    return REGIONS.get(code, code)


def policy(name: str) -> str:
    """Name of a policy as it is read.

    >>> policy("business-as-usual")
    'business as usual'
    """
    return NAMES.get(name, name.replace("-", " "))


def short(name: str) -> str:
    """A sector's name without "Manufacture of" and the like, cut between its items where it is still long.

    >>> short("Production and supply of gas"), short("Manufacture of wearing apparel, leather, fur, feather and more")
    ('Gas supply', 'Wearing apparel, leather, fur …')
    """
    for pattern, kept in ACTIVITIES:
        found = re.fullmatch(pattern, name)
        if found:
            name = found.expand(kept)
            break
    if len(name) > SHORT:
        ends = [place.start() for place in re.finditer(r",| and |;", name) if place.start() <= SHORT - 2]
        ends = ends[-1:] or [place.start() for place in re.finditer(r",|;", name)][:1]
        name = f"{name[: ends[0]]} …" if ends else name
    return f"{name[:1].upper()}{name[1:]}"


def short_names(names: Mapping[str, str]) -> dict[str, str]:
    """Sector code -> short name; the whole name where two short ones would be the same."""
    found = {code: short(name) for code, name in names.items()}
    return {code: name if _once(name, found.values()) else names[code] for code, name in found.items()}


def _once(name: str, names: Iterable[str]) -> bool:
    return sum(other == name for other in names) == 1


def listed(words: Sequence[str]) -> str:
    """Words as a list in a sentence.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def span(years: Sequence[int]) -> str:
    """Years as ranges.

    >>> span([2026, 2027, 2028, 2033])
    '2026–2028, 2033'
    """
    parts: list[list[int]] = []
    for year in sorted(years):
        if parts and year == parts[-1][-1] + 1:
            parts[-1].append(year)
        else:
            parts.append([year])
    return ", ".join(str(part[0]) if len(part) == 1 else f"{part[0]}–{part[-1]}" for part in parts)


def share_cut(value: float) -> str:
    """What is left of something cut by a share of itself, in words.

    >>> share_cut(0.5), share_cut(0.4)
    ('halved', 'cut by 40 percent')
    """
    return "halved" if abs(value - 0.5) < 5e-4 else f"cut by {100 * value:.0f} percent"


def compared(value: float, other: float, more: str, less: str, same: str, digits: int = 1) -> str:
    """`more`, `less` or `same`, by the rounded numbers that the reader sees.

    >>> compared(2.04, 2.0, "above", "below", "level with")
    'level with'
    """
    here, there = round(value, digits), round(other, digits)
    return more if here > there else less if here < there else same
