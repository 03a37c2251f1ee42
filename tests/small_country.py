"""A three-sector country in the layout of a user's own table, small enough to be changed by hand, with its map."""

from __future__ import annotations

from pathlib import Path

TABLE = """\
name,smallland-2020
home,EXA
year,2020
unit,million EXD
currency,EXD
price_basis,current basic prices
source,invented
licence,none needed
classification,map.csv

origin,code,name,01,M,S,household,non_profit,government_individual,government_collective,fixed_capital,inventories,exports,output
domestic,01,Agriculture,10,30,5,30,0,0,0,2,1,12,90
domestic,M,Manufacturing,15,60,40,80,0,2,1,60,4,58,320
domestic,S,Services,10,50,60,150,6,40,30,20,0,24,390
imports,01,Agriculture,2,8,1,6,0,0,0,0,0,1,
imports,M,Manufacturing,5,30,12,30,0,1,0,25,1,4,
imports,S,Services,1,6,8,8,0,0,0,3,0,0,
value_added,compensation,,20,70,150,,,,,,,,
value_added,production_taxes,,-2,12,20,,,,,,,,
value_added,depreciation,,9,24,44,,,,,,,,
value_added,operating_surplus,,20,30,50,,,,,,,,
product_taxes,product_taxes,net product taxes paid by final users,,,,20,0,1,0,8,0,0,
employment,employment,thousand persons,40,90,210,,,,,,,,
"""
MAP = """\
sector,name,group,engel,asset,capital,drive,favoured,public,overflow,displacement,individual_government,utilisation,normal,broad,reason
01,Agriculture,agriculture,0.6,equipment,plant,elsewhere,0,0,0,1,0,,,primary,food
M,Manufacturing,manufacturing,1.2,equipment,plant,manufacturing,1,0,1,1,0,manufacturing,published,manufacturing,durable
S,Services,services,1.2,construction,infrastructure,infrastructure,0,1,0,1,1,,,services,schools among them
"""


def write_small(folder: Path, table: str = TABLE, sector_map: str | None = MAP, name: str = "own.csv") -> Path:
    """Write the table and its map into `folder`; returns the table's path."""
    folder.mkdir(parents=True, exist_ok=True)
    if sector_map is not None:
        (folder / "map.csv").write_text(sector_map, encoding="utf-8")
    path = folder / name
    path.write_text(table, encoding="utf-8")
    return path
