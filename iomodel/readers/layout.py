"""The layout of a user's own national table: its headings, a small valid example and the guide that goes with it.

The example is invented; it shows the form and is no country's statistics.
"""

from __future__ import annotations

from iomodel.labels import CATEGORIES

ORIGINS = ("domestic", "imports", "value_added", "product_taxes", "employment")
"""What a row can be."""

DESCRIPTION: tuple[tuple[str, str], ...] = (
    ("name", "exampleland-2020"),
    ("home", "EXA"),
    ("year", "2020"),
    ("unit", "million EXD"),
    ("currency", "EXD"),
    ("price_basis", "current basic prices"),
    ("source", "an invented example; name the publisher, table and page here"),
    ("licence", "none needed: invented numbers"),
    ("classification", "own"),
)
"""The lines above the heading, with the example's text."""

_LABELS = ("origin", "code", "name")
_SECTORS = {"01": "Agriculture", "M": "Manufacturing", "S": "Services"}
HEADING: tuple[str, ...] = (*_LABELS, *_SECTORS, *CATEGORIES, "output")

LABEL_COLUMNS = len(_LABELS)

_DOMESTIC = {
    "01": (10, 30, 5, 30, 0, 0, 0, 2, 1, 12, 90),
    "M": (15, 60, 40, 80, 0, 2, 1, 60, 4, 58, 320),
    "S": (10, 50, 60, 150, 6, 40, 30, 20, 0, 24, 390),
}
_IMPORTS = {
    "01": (2, 8, 1, 6, 0, 0, 0, 0, 0, 1),
    "M": (5, 30, 12, 30, 0, 1, 0, 25, 1, 4),
    "S": (1, 6, 8, 8, 0, 0, 0, 3, 0, 0),
}
_VALUE_ADDED = {
    "compensation": (20, 70, 150),
    "production_taxes": (-2, 12, 20),
    "depreciation": (9, 24, 44),
    "operating_surplus": (20, 30, 50),
}
_PRODUCT_TAXES = (20, 0, 1, 0, 8, 0, 0)
_EMPLOYMENT = (40, 90, 210)


def _row(origin: str, code: str, name: str, numbers: tuple[int, ...], before: int = 0) -> tuple[str, ...]:
    cells = [origin, code, name, *[""] * before, *[str(number) for number in numbers]]
    return tuple(cells + [""] * (len(HEADING) - len(cells)))


EXAMPLE_ROWS: tuple[tuple[str, ...], ...] = (
    *(_row("domestic", code, _SECTORS[code], numbers) for code, numbers in _DOMESTIC.items()),
    *(_row("imports", code, _SECTORS[code], numbers) for code, numbers in _IMPORTS.items()),
    *(_row("value_added", factor, "", numbers) for factor, numbers in _VALUE_ADDED.items()),
    _row("product_taxes", "product_taxes", "net product taxes paid by final users", _PRODUCT_TAXES, len(_SECTORS)),
    _row("employment", "employment", "thousand persons", _EMPLOYMENT),
)

GUIDE = """\
# A national input-output table for iomodel

Fill in `national.csv` or `national.xlsx` (one of them; sheet `table`). The numbers in them are an invented example.
Read it with `iomodel check FILE`, then use it: `iomodel.read_table("FILE")`.

## Lines above the heading
One line each, name in the first column, text in the second.

| line | what |
|---|---|
| name | short name of the table |
| home | code of the country, such as AUT |
| year | the year, a whole number; required |
| unit | unit of all amounts, such as million EUR; required |
| currency, price_basis, source, licence | text |
| classification | name of the sector classification: `own`, or a shipped map's (nbs42, wiod35) |

## Heading
`origin, code, name`, then one column for each sector (its code), one for each final use, and `output`.
Final uses: `household`, `non_profit`, `government_individual` (education, health and social work bought by the
government), `government_collective`, `fixed_capital`, `inventories` (changes, may be negative), `exports`. Leave out
the columns that the source does not have; `exports` is required.

## Rows, by the word in the first column
- `domestic`: one for each sector, codes as in the heading and in its order: what home producers sell to each sector
  and final use, and their output.
- `imports`: one for each sector, same codes and order: imported products by buyer; under `exports` the re-exports;
  `output` stays empty.
- `value_added`: any of `compensation`, `production_taxes`, `depreciation`, `operating_surplus` (net where depreciation
  is given), by sector.
- `product_taxes`: one or none: net taxes on products paid by final users, by final use.
- `employment`: one or none: thousand persons by sector.

## Rules
- Sellers in rows, buyers in columns. Amounts, not coefficients. No totals, no subtotals.
- Every domestic row sums to its output; every column (domestic and imported inputs and value added) sums to it too.
- Every cell of the table holds a number with a point for decimals; write 0 only where the source says zero.
- Codes are text and stay as they are: "01" is not "1". In Excel, format their cells as text.
"""
