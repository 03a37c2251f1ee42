"""Readers of the estimate's sources on small files in their layout: what they sum, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iomodel.classifications.concordance import make_concordance
from iomodel.classifications.concordance_files import load_concordance
from iomodel.errors import TableError
from iomodel.readers.baci import read_baci
from iomodel.readers.nbs_merged import read_nbs_merged
from iomodel.readers.wiot_estimate import read_wiot_estimate
from iomodel.readers.world_bank import read_gdp, read_manufacturing

REGIONS = {"CHN": "CHN", "DEU": "EU", "ROM": "EU", "TWN": "TWN", "ROW": "ROW"}


def gdp_file(folder: Path) -> Path:
    lines = [
        "Country Name,Country Code,Year,Value",
        "China,CHN,2020,5e6",
        "Germany,DEU,2020,3e6",
        "Romania,ROU,2020,1e6",
    ]
    lines += ["World,WLD,2020,20e6", "China,CHN,2019,4e6", "Euro area,EMU,2020,9e6"]
    path = folder / "gdp.csv"
    path.write_text("\n".join(lines))
    return path


def test_gdp_by_region_leaves_the_rest_to_the_rest(tmp_path: Path) -> None:
    found = read_gdp(gdp_file(tmp_path), year=2020, regions=REGIONS, missing={"TWN": 2.0})
    assert found.to_series().to_dict() == {"CHN": 5.0, "EU": 4.0, "TWN": 2.0, "ROW": 9.0}
    with pytest.raises(TableError, match=r"gdp.csv has no value in 2020 for TWN; give it, or another year"):
        read_gdp(gdp_file(tmp_path), year=2020, regions=REGIONS)
    with pytest.raises(TableError, match=r"no value in 2019 for DEU, ROM, TWN, WLD"):
        read_gdp(gdp_file(tmp_path), year=2019, regions=REGIONS)
    with pytest.raises(TableError, match=r"There is no file .*absent"):
        read_gdp(tmp_path / "absent.csv", year=2020, regions=REGIONS)
    (tmp_path / "other.csv").write_text("a,b\n1,2")
    with pytest.raises(TableError, match=r"other.csv lacks the column Country Code, Year, Value; it has \['a', 'b'\]"):
        read_gdp(tmp_path / "other.csv", year=2020, regions=REGIONS)


def test_manufacturing_is_unknown_where_a_member_lacks_the_year(tmp_path: Path) -> None:
    lines = ["\ufeffCountry Code,2019,2020", "CHN,3e6,4e6", "DEU,2e6,2e6", "ROU,,", "WLD,9e6,9e6"]
    path = tmp_path / "mva.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    found = read_manufacturing(path, year=2020, regions=REGIONS).to_series()
    assert (found["CHN"], found["EU"]) == (4.0, 2.0)  # Romania is in no year and left out
    assert np.isnan(found["TWN"]) and np.isnan(found["ROW"])  # noqa: PT018
    path.write_text("\n".join([*lines[:2], "DEU,2e6,", *lines[3:]]), encoding="utf-8")
    assert np.isnan(read_manufacturing(path, year=2020, regions=REGIONS).to_series()["EU"])


def test_pairs_are_summed_by_region(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("iso3,name\nCHN,a\nDEU,b\nROU,c\nXXX,d\n")
    rows = ["e1,e2,e3,e4", "0,1000,2000,4000", "8000,0,16000,32000", "64000,128000,0,1000", "2000,4000,,0"]
    (tmp_path / "trade.csv").write_text("\n".join(rows))
    found = read_baci(tmp_path / "trade.csv", tmp_path / "labels.csv", regions=REGIONS)
    assert float(found.sel(region="CHN", to_region="EU")) == 3.0
    assert float(found.sel(region="EU", to_region="EU")) == 144.0
    assert float(found.sel(region="EU", to_region="ROW")) == 33.0
    assert float(found.sel(region="TWN").sum()) == 0.0
    (tmp_path / "trade.csv").write_text("\n".join(rows[:-1]))
    with pytest.raises(TableError, match=r"trade.csv has 3 rows of 4 columns for the 4 countries of labels.csv"):
        read_baci(tmp_path / "trade.csv", tmp_path / "labels.csv", regions=REGIONS)


def test_the_estimate_of_2014_is_summed_and_marked(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    names, industries = ["CHN", "DEU", "ROU", "NOR", "RoW"], [f"i{place}" for place in range(56)]
    size = len(names) * 56
    flows, final = draw.random((size, size)), 50 * draw.random((size, len(names) * 5))
    parts = {key: draw.random((5, 56)) for key in ("tls", "itm", "lab")}
    parts["lab"][4, 3] = np.nan  # nothing known of the rest of the world
    kept: dict[str, Any] = parts
    np.savez(tmp_path / "w.npz", Z=flows, F=final, x=np.ones(size), countries=names, industries=industries,
             fd=["HFCE", "NPISH", "GGFC", "GFCF", "INVNT"], **kept)  # fmt: skip
    found = read_wiot_estimate(
        tmp_path / "w.npz", regions=REGIONS, sectors=load_concordance("wiod56_to_world28"), depreciation_share=0.4
    )
    assert (found.regions, found.year, found.is_estimate) == (["CHN", "EU", "ROW"], 2014, True)
    assert float(found.flows.sum()) == pytest.approx(flows.sum(), rel=1e-12)
    assert float(found.final_demand.sum()) == pytest.approx(final.sum(), rel=1e-12)
    whole = flows.reshape(5, 56, 5, 56)
    assert float(found.flows.sel(region="EU", sector="MIN", to_region="ROW", to_sector="CON")) == pytest.approx(
        whole[1:3, 3][:, 3:, 26].sum(), rel=1e-12
    )
    individual = found.final_demand.sel(category="government_individual").sum(("region", "to_region"))
    assert [str(code) for code in individual["sector"].values[individual.values > 0]] == ["EDU", "HEA"]
    with pytest.raises(TableError, match=r"There is no file .*absent"):
        read_wiot_estimate(
            tmp_path / "absent.npz",
            regions=REGIONS,
            sectors=load_concordance("wiod56_to_world28"),
            depreciation_share=0,
        )
    np.savez(tmp_path / "x.npz", Z=flows)
    with pytest.raises(TableError, match=r"x.npz lacks F, x, tls"):
        read_wiot_estimate(
            tmp_path / "x.npz", regions=REGIONS, sectors=load_concordance("wiod56_to_world28"), depreciation_share=0
        )


def merged(folder: Path, imports: tuple[float, float, float] = (200.0, 100.0, 0.0)) -> Path:
    """Three products in the older layout: output = uses - imports + errors, columns with four rows of value added."""
    flows = np.array([[100.0, 50, 0], [200, 300, 100], [0, 50, 0]])
    uses = np.array([[300.0, 0, 50, 10, 40], [100, 0, 200, -20, 120], [50, 350, 0, 0, 0]])  # THC FU103 FU201 FU202 EX
    errors = np.array([5.0, -10, 0])
    output = flows.sum(axis=1) + uses.sum(axis=1) - np.array(imports) + errors
    added = output - flows.sum(axis=0)
    lines = ["Code,1,2,3,THC,FU103,FU201,FU202,EX,IM,ERR,GO"]
    for place, code in enumerate("123"):
        row = [*flows[place], *uses[place], imports[place], errors[place], output[place]]
        lines.append(",".join([code, *map(repr, map(float, row))]))
    for share, code in zip((0.5, 0.1, 0.2, 0.2), ("VA001", "VA002", "VA003", "VA004"), strict=True):
        lines.append(",".join([code, *map(repr, map(float, share * added)), *["0"] * 8]))
    path = folder / "china_2007_3.csv"
    path.write_text("\n".join(lines))
    return path


def test_imports_of_an_older_table_are_spread_in_proportion(tmp_path: Path) -> None:
    sectors = make_concordance({"1": "AGR", "2": "MACH", "3": "EDU"}, source="three", target="mine")
    found = read_nbs_merged(merged(tmp_path), sectors)
    assert (found.year, found.unit) == (2007, "million CNY")
    abroad = found.flows.sel(region="IMPORTS", to_region="CHN")
    assert float(abroad.sel(sector="AGR", to_sector="MACH")) == pytest.approx(0.5 * 200 / 500)  # 10,000 to a million
    assert float(
        found.final_demand.sel(region="IMPORTS", sector="MACH", category="fixed_capital").sum()
    ) == pytest.approx(2 * 100 / 900)
    stocks = found.final_demand.sel(region="CHN", sector="MACH", category="inventories")
    assert float(stocks.sum()) == pytest.approx((-20 - 10) / 100)
    individual = found.final_demand.sel(category="government_individual").sum(("region", "to_region"))
    assert individual.values.tolist() == pytest.approx([0.0, 0.0, 3.5])
    with pytest.raises(
        TableError, match=r"product 1 is imported for 9 million and bought at home for 5; imports need to"
    ):
        read_nbs_merged(merged(tmp_path, (900.0, 100.0, 0.0)), sectors)
