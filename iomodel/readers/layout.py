"""The layout of a user's own national table: its headings, a small valid example and the guide that goes with it.

The example is invented; it shows the form and is no country's statistics. Its proportions are near those of the
country to which the stated defaults of the cards belong, so that it runs as it stands.
"""

from __future__ import annotations

from iomodel.classifications.sector_maps import MAP_COLUMNS
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
    ("classification", "map.csv"),
)
"""The lines above the heading, with the example's text."""

_LABELS = ("origin", "code", "name")
_SECTORS = {
    "01": "Agriculture",
    "02": "Mining",
    "03": "Food products",
    "04": "Other manufactures",
    "05": "Electricity, gas and water",
    "06": "Construction",
    "07": "Trade and transport",
    "08": "Business services",
    "09": "Real estate",
    "10": "Public administration",
    "11": "Education and health",
}
HEADING: tuple[str, ...] = (*_LABELS, *_SECTORS, *CATEGORIES, "output")

LABEL_COLUMNS = len(_LABELS)

# fmt: off
_DOMESTIC = {
    "01": (1423, 0, 3955, 1405, 0, 243, 272, 0, 0, 0, 96, 3008, 0, 0, 188, 376, 282, 400, 11648),
    "02": (0, 250, 0, 3663, 1138, 360, 0, 0, 0, 0, 0, 35, 0, 0, 0, 70, -70, 500, 5946),
    "03": (885, 0, 1578, 0, 0, 0, 825, 240, 0, 78, 195, 6080, 0, 0, 0, 0, 190, 1000, 11071),
    "04": (1202, 716, 762, 27003, 763, 9303, 2489, 1958, 150, 567, 1321, 5676, 43, 0, 0, 7740, 516, 14550, 74759),
    "05": (116, 297, 111, 2243, 1478, 258, 579, 253, 88, 165, 205, 1400, 50, 0, 100, 0, 0, 50, 7393),
    "06": (0, 0, 0, 0, 0, 515, 0, 0, 175, 165, 102, 100, 0, 0, 0, 24500, 0, 200, 25757),
    "07": (565, 404, 859, 7252, 431, 2248, 3929, 1963, 170, 559, 596, 5626, 97, 0, 776, 1164, 97, 2200, 28936),
    "08": (332, 339, 315, 2840, 422, 1958, 3848, 3845, 833, 782, 681, 2945, 190, 0, 1045, 3420, 0, 1500, 25295),
    "09": (0, 0, 0, 0, 0, 0, 868, 759, 175, 165, 205, 5400, 0, 0, 0, 1200, 0, 0, 8772),
    "10": (0, 0, 0, 0, 0, 0, 0, 0, 0, 82, 0, 0, 0, 0, 8100, 0, 0, 50, 8232),
    "11": (0, 0, 0, 0, 0, 0, 0, 253, 0, 82, 205, 3000, 600, 6000, 0, 0, 0, 100, 10240),
}
_IMPORTS = {
    "01": (91, 0, 252, 90, 0, 15, 17, 0, 0, 0, 6, 192, 0, 0, 12, 24, 18, 0),
    "02": (0, 107, 0, 1570, 488, 155, 0, 0, 0, 0, 0, 15, 0, 0, 0, 30, -30, 0),
    "03": (47, 0, 83, 0, 0, 0, 43, 13, 0, 4, 10, 320, 0, 0, 0, 0, 10, 0),
    "04": (196, 117, 124, 4396, 124, 1515, 405, 319, 25, 92, 215, 924, 7, 0, 0, 1260, 84, 450),
    "05": (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    "06": (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    "07": (17, 12, 27, 224, 13, 70, 122, 61, 5, 17, 18, 174, 3, 0, 24, 36, 3, 0),
    "08": (17, 18, 17, 150, 22, 103, 203, 202, 44, 41, 36, 155, 10, 0, 55, 180, 0, 0),
    "09": (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    "10": (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    "11": (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
}
_VALUE_ADDED = {
    "compensation": (5406, 1327, 1374, 12440, 855, 5949, 7668, 8023, 995, 4346, 5079),
    "production_taxes": (-135, 516, 299, 1435, 176, 541, 1227, 1389, 711, 54, 63),
    "depreciation": (676, 811, 478, 4545, 855, 631, 2454, 2160, 2559, 924, 889),
    "operating_surplus": (810, 1032, 837, 5503, 628, 1893, 3987, 3857, 2842, 109, 318),
}
_PRODUCT_TAXES = (2300, 0, 0, 0, 1400, 0, 0)
_EMPLOYMENT = (4505, 302, 458, 3770, 171, 2288, 2840, 1910, 249, 988, 1209)

# group, engel, asset, capital, drive, favoured, public, overflow, displacement, individual_government, utilisation,
# normal, broad, reason: the columns of a sector map after the sector's code and name
_TREATMENT = {
    "01": ("agriculture", 0.6, "equipment", "plant", "elsewhere", 0, 0, 0, 1, 0, "", "", "primary",
           "food bought from farms"),
    "02": ("mining", 1.0, "equipment", "plant", "elsewhere", 0, 0, 0, 1, 0, "mining", "published", "primary",
           "household fuel counts as housing"),
    "03": ("manufacturing", 0.6, "equipment", "plant", "manufacturing", 0, 0, 0, 1, 0, "food_manufacturing",
           "published", "manufacturing", "food; not bought abroad when labour is short"),
    "04": ("manufacturing", 1.2, "equipment", "plant", "manufacturing", 1, 0, 1, 1, 0, "manufacturing", "published",
           "manufacturing", "mostly durable goods; machinery, which the state favours, is the larger part"),
    "05": ("utilities", 1.0, "equipment", "infrastructure", "infrastructure", 0, 1, 0, 1, 0, "utilities", "base",
           "services", "housing and utilities; grids are public; reserve is part of their work"),
    "06": ("construction", 1.0, "construction", "plant", "elsewhere", 0, 0, 0, 1, 0, "", "", "services",
           "what is built is the asset construction"),
    "07": ("services", 1.2, "equipment", "infrastructure", "infrastructure", 0, 1, 0, 1, 0, "", "", "services",
           "roads and railways are public and part of the drive; trade cannot be told apart"),
    "08": ("services", 1.2, "intangible", "plant", "elsewhere", 0, 0, 0, 1, 0, "", "", "services",
           "software and research are intangible assets"),
    "09": ("services", 1.0, "construction", "real_estate", "real_estate", 0, 0, 0, 1, 0, "", "", "services",
           "housing; fees of buying a building go with construction"),
    "10": ("services", 1.2, "equipment", "infrastructure", "elsewhere", 0, 1, 0, 1, 0, "", "", "services",
           "offices are public"),
    "11": ("services", 1.1, "equipment", "infrastructure", "elsewhere", 0, 1, 0, 1, 1, "", "", "services",
           "given by the state to single persons; schools and hospitals are public"),
}
# fmt: on


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

EXAMPLE_MAP: tuple[tuple[str, ...], ...] = (
    MAP_COLUMNS,
    *((code, _SECTORS[code], *map(str, cells)) for code, cells in _TREATMENT.items()),
)
"""Heading and lines of the example's sector map."""

GUIDE = """\
# A national input-output table for iomodel

Fill in `national.csv` or `national.xlsx` (one of them; sheet `table`) and `map.csv`. The numbers are an invented
example. Then, with the table's own region code in place of EXA:

```
iomodel check national.csv
iomodel run two-halves business-as-usual --set table=national.csv region=EXA --out results
```

`check` prints all that is wrong with the table and its map at once. `run` first prints what the model takes from the
table, what it derives, and which cards (parameters) stand at stated defaults for want of a figure of your country.
`iomodel cards KEY` shows a card with its range and source; `--set cards.KEY=VALUE` changes it, and so does a section
`[cards]` in an experiment's file. In Python:

```python
import iomodel as iom
table = iom.read_table("national.csv")
print(iom.calibrate(table, region="EXA", cards={"public_debt": 60}))
experiment = iom.load_experiment("two-halves").replace(table="national.csv", region="EXA", cards={"public_debt": 60})
path = iom.solve(experiment)
```

A path given to `--set` or `replace` counts from the folder in which you work, one in an experiment's file from that
file's folder.

## Lines above the heading
One line each, name in the first column, text in the second.

| line | what |
|---|---|
| name | short name of the table |
| home | code of the country, such as AUT: the region to calibrate |
| year | the year, a whole number; required |
| unit | unit of all amounts, such as million EUR; required |
| currency, price_basis, source, licence | text |
| classification | your sector map as a path from this file (`map.csv`), or a shipped map (nbs42, nbs153, wiod35) |

## Heading
`origin, code, name`, then one column for each sector (its code), one for each final use, and `output`.
Final uses: `household`, `non_profit`, `government_individual` (education, health and social work bought by the
government), `government_collective`, `fixed_capital`, `inventories` (changes, may be negative), `exports`. Leave out
the columns that the source does not have; `exports` is required. Where the source has one column for the government,
call it `government_collective`: what it buys from sectors marked `individual_government` in the map then counts as
individual.

## Rows, by the word in the first column
- `domestic`: one for each sector, codes as in the heading and in its order: what home producers sell to each sector
  and final use, and their output.
- `imports`: one for each sector, same codes and order: imported products by buyer; under `exports` the re-exports;
  `output` stays empty.
- `value_added`: any of `compensation`, `production_taxes`, `depreciation`, `operating_surplus` (net where depreciation
  is given), by sector. `compensation` and one of the last two are needed to run the model; where `depreciation` is
  absent, the card `depreciation_share` takes it out of the surplus. Net taxes on products that industries buy belong
  to `production_taxes`.
- `product_taxes`: one or none: net taxes on products paid by final users, by final use.
- `employment`: one or none: thousand persons by sector; needed to run the model.

## Rules
- Sellers in rows, buyers in columns. Amounts, not coefficients. No totals, no subtotals.
- Every domestic row sums to its output; every column (domestic and imported inputs and value added) sums to it too.
- Every cell of the table holds a number with a point for decimals; write 0 only where the source says zero.
- Codes are text and stay as they are: "01" is not "1". In Excel, format their cells as text.

## The sector map
`map.csv` has one line for each sector, each with its reason. The example's lines show the usual choices.

- `sector`, `name`: code as in the table, its name.
- `group`: agriculture, mining, manufacturing, utilities, construction or services. In mining, manufacturing and
  utilities capacity can bind and plant can stand idle; some manufacturing is needed.
- `engel`: expenditure elasticity of households. Food 0.6, clothing 0.9, housing and utilities 1.0, durables 1.2,
  transport 1.3, education and health 1.1, other 1.2.
- `asset`: construction, equipment or intangible: the kind of capital formed by buying the product.
- `capital`: plant, infrastructure or real_estate: how fast the sector's own capital wears out.
- `drive`: manufacturing, infrastructure, real_estate or elsewhere: the share of the state-led drive in its investment.
- `favoured`: 1 where the drive grows at the pace of favoured manufacturing, else 0.
- `public`: 1 where public investment sits, else 0. Where none is marked, public investment is the part of the drive
  that the state carries out.
- `overflow`: 1 for products that households buy abroad when labour is short, else 0. At least one that they buy.
- `displacement`: jobs lost by closing plant, per job of the sector's average: 1 where nothing is known.
- `individual_government`: 1 for what the state gives to single persons (education, health, social work), else 0.
- `utilisation`: use of plant in the table's year: your own rate as a share of one, such as 0.81; or the name of the
  group or a column of `tables/facts/china_utilisation.csv`, for China's rate as stated default; empty outside industry.
- `normal`: `published` (as China's normal use stands to its use in the table's year; manufacturing as a whole is scaled
  to the card `normal_use`) or `base` (as in the table's year); empty outside industry.
- `broad`: primary, manufacturing or services, for summaries.
- `reason`: why.
"""
