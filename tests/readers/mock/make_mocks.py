"""Makes the mock files beside it (or in the folder named): invented numbers in the true form of each source."""

from __future__ import annotations

import csv
import gzip
import sys
from pathlib import Path

import numpy as np

from iomodel.readers.wiod_industries import INDUSTRIES

COUNTRIES = ["CHN", "DEU", "RoW"]
NBS = {"01": ("001", "002", "003", "004", "005"), "39": ("144",), "40": ("145", "146")}
NAMES = {
    "01": ("Agriculture", "农林牧渔产品和服务"),
    "39": ("Education", "教育"),
    "40": ("Health care and social work", "卫生和社会工作"),
}


def make_wiod(folder: Path) -> None:
    """wiod11.rda and accounts.csv.gz: three regions, one industry without output, negative inventories."""
    import rdata

    draw = np.random.default_rng(11)
    size, uses = len(COUNTRIES) * len(INDUSTRIES), len(COUNTRIES) * 5
    flows = draw.integers(0, 40, (size, size))
    final = draw.integers(0, 9000, (size, uses))
    final[:, 4::5] -= 4500
    idle = 18  # sale of motor vehicles: no output in China, as in the source
    flows[idle, :], flows[:, idle], final[idle, :] = 0, 0, 0
    output = flows.sum(axis=1) + final.sum(axis=1) + draw.integers(-1, 2, size)  # whole millions miss by rounding
    objects = {
        "inter11": flows.astype(np.int32),
        "final11": final.astype(np.int32),
        "output11": output.astype(float),
        "countries": np.array(COUNTRIES),
        "industries": np.array([f"c{place}" for place in range(1, 36)]),
    }
    rdata.write_rda(folder / "wiod11.rda", objects)
    _write_accounts(folder / "accounts.csv.gz", output.reshape(len(COUNTRIES), -1), draw)


def _write_accounts(path: Path, output: np.ndarray, draw: np.random.Generator) -> None:
    years = [str(year) for year in range(1995, 2012)]
    titles = [name.lower() for _, name, _ in INDUSTRIES]
    titles[2] = "food , beverages and tobacco"
    rate, lag = {"CHN": 6.5, "DEU": 0.72}, {"CHN": {"COMP"}, "DEU": set()}
    rows = [["country", "variable", "industry", *years]]
    for place, country in enumerate(COUNTRIES[:2]):
        gross = output[place] * rate[country]
        values = {"GO": gross, "VA": 0.3 * gross, "COMP": 0.12 * gross, "EMP": draw.integers(1, 900, 35).astype(float)}
        for variable, numbers in values.items():
            rows.append([country, variable, "total industries", *[""] * 16, f"{numbers.sum():.6f}"])
            for title, number in zip(titles, numbers, strict=True):
                last = "" if variable in lag[country] or (number == 0 and variable != "EMP") else f"{number:.6f}"
                before = "" if number == 0 else f"{0.8 * number:.6f}"
                rows.append([country, variable, title, *[""] * 14, before, "", last])
    with path.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as stream:
        stream.write("\n".join(",".join(f'"{c}"' if "," in c else c for c in row) for row in rows).encode() + b"\n")


def make_nbs(folder: Path) -> None:
    """china_2020_42.csv and china_2020_153.csv: three products of the 42 and the eight that nest in them."""
    draw = np.random.default_rng(20)
    fine = [code for codes in NBS.values() for code in codes]
    rural, urban, government = draw.integers(100, 900, (3, len(fine))).astype(float)
    government[:4] = 0
    parent = np.array([place for place, codes in enumerate(NBS.values()) for _ in codes])
    consumption = np.bincount(parent, rural + urban + government)
    codes = list(NBS)
    flows = draw.integers(50, 500, (2, 3, 3)).astype(float)
    other = draw.integers(20, 900, (2, 3, 3)).astype(float)  # fixed capital, inventories, exports
    other[0, 1, 1] = -15.5
    final = np.stack([0.9 * consumption, 0.1 * consumption])
    output = flows[0].sum(axis=1) + final[0] + other[0].sum(axis=1)
    added = np.outer([0.5, -0.05, 0.2, 0.35], output - flows.sum(axis=(0, 1)))
    heading = ["Code", "Description", "DescriptionInChinese", "Origin", *codes]
    heading += ["TIU", "TC", "FU201", "FU202", "EX", "TFU", "GO"]
    rows = [heading]
    for origin, place in (("Domestic", 0), ("Imports", 1)):
        for i, code in enumerate(codes):
            used = [*flows[place, i], flows[place, i].sum(), final[place, i], *other[place, i]]
            demand = final[place, i] + other[place, i].sum()
            rows.append(
                [code, *NAMES[code], origin, *map(repr, map(float, [*used, demand, flows[place, i].sum() + demand]))]
            )
    rows.append(
        [
            "TII",
            "Total intermediate input",
            "中间投入合计",
            "TOT",
            *map(repr, map(float, flows.sum(axis=(0, 1)))),
            *[""] * 7,
        ]
    )
    for code, values in zip(("VA001", "VA002", "VA003", "VA004"), added, strict=True):
        rows.append([code, code, code, "TOT", *map(repr, map(float, values)), *[""] * 7])
    rows.append(["TI", "Total inputs", "总投入", "TOT", *map(repr, map(float, output)), *[""] * 7])
    _write(folder / "china_2020_42.csv", rows)
    detail = [["Code", "Description", "DescriptionInChinese", "FU101", "FU102", "THC", "FU103", "TC"]]
    for code, r, u, g in zip(fine, rural, urban, government, strict=True):
        detail.append([code, f"product {code}", f"产品{code}", *map(repr, map(float, (r, u, r + u, g, r + u + g)))])
    _write(folder / "china_2020_153.csv", detail)


def _write(path: Path, rows: list[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    make_wiod(target / "wiod")
    make_nbs(target / "nbs")
