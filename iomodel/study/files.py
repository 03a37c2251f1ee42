"""A study as a folder: one NetCDF for a path, one for what it does abroad, plain JSON for what stands beside them.

    <policy>/path.nc              the paths of the headline
    <table>/<name>/path.nc        paths beside it: under tariffs, and on other tables
    partners/<name>.nc            what paths do to trading partners
    headline.csv                  the headline table
    partners.csv                  the partners' last year, with ranges and errors where they are known
    checks.json                   what stands beside the headline, and which files belong to the study

`checks.json` is written last and taken away first, so that a folder that has one holds a whole study. What is read
back equals what was saved; only the tuples of `checks` come back as lists, since JSON knows no other.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from iomodel.answers.headline import compare
from iomodel.errors import ResultError
from iomodel.files import check_folder, write_text, write_whole
from iomodel.program.trajectory import Trajectory
from iomodel.results import ATTRIBUTE, ENGINE, load_trajectory, save, save_headline
from iomodel.spillover import summary
from iomodel.study.policies import Study

FORMAT = "iomodel study"
PARTNERS_FORMAT = "iomodel spillovers"
VERSION = 2
CHECKS = "checks.json"
HEADLINE = "headline.csv"
PARTNERS = "partners"
PARTNERS_CSV = "partners.csv"


def study_files(study: Study) -> dict[str, str]:
    """What each file of a study holds: name below its folder -> words, in the order in which they are written."""
    files = {_path_file(name): f"path of {name}" for name in study.paths}
    for name, path in study.beside:
        files[_beside_file(name, path)] = f"path of {name} on the table {path.provenance['table']}"
    files |= {f"{PARTNERS}/{name}.nc": f"trading partners under {name}" for name in study.partners}
    files[HEADLINE] = "the headline table"
    if study.partners:
        files[PARTNERS_CSV] = "trading partners in the last year"
    return files | {CHECKS: "what stands beside the headline"}


def save_study(study: Study, folder: str | Path) -> list[Path]:
    """Write a study below `folder`, each file whole or not at all; returns the files.

    Raises ResultError: the folder cannot be written, a variable has no unit.
    """
    root = check_folder(folder)
    (root / CHECKS).unlink(missing_ok=True)
    written = [save(path, root / _path_file(name)) for name, path in study.paths.items()]
    written += [save(path, root / _beside_file(name, path)) for name, path in study.beside]
    for name, partners in study.partners.items():
        written.append(save_partners(partners, root / PARTNERS / f"{name}.nc"))
    written.append(save_headline(compare(list(study.paths.values())), root / HEADLINE))
    if study.partners:
        written.append(write_text(root / PARTNERS_CSV, partners_csv(study.partners)))
    content = {
        "format": FORMAT,
        "version": VERSION,
        "paths": list(study.paths),
        "world": {name: _world_file(study, name, path) for name, path in study.world.items()},
        "others": {table: _beside_file(path.experiment.name, path) for table, path in study.others.items()},
        PARTNERS: list(study.partners),
        "checks": study.checks,
    }
    text = json.dumps(content, ensure_ascii=False, indent=1, default=_plain)
    return [*written, write_text(root / CHECKS, text + "\n")]


def load_study(folder: str | Path) -> Study:
    """Read what `save_study` wrote.

    Raises ResultError: no study there, one of another version of the form, a file that is missing or broken.
    """
    root = Path(folder)
    content = _content(root)
    paths = {name: load_trajectory(root / _path_file(name)) for name in content["paths"]}
    known = {_path_file(name): path for name, path in paths.items()}
    return Study(
        paths=paths,
        world={name: known.get(file) or load_trajectory(root / file) for name, file in content["world"].items()},
        others={table: load_trajectory(root / file) for table, file in content["others"].items()},
        partners={name: load_partners(root / PARTNERS / f"{name}.nc") for name in content[PARTNERS]},
        checks=content["checks"],
    )


def load_paths(folder: str | Path) -> list[Trajectory]:
    """The single paths below a folder, NAME/path.nc each, by name: what `iomodel run NAME…` writes.

    Raises ResultError: no path there, one that is broken.
    """
    files = sorted(Path(folder).glob("*/path.nc"))
    if not files:
        raise ResultError(
            f"There is neither a study ({CHECKS}) nor a path (NAME/path.nc) in {folder}; name a folder that "
            "`iomodel run` wrote."
        )
    return [load_trajectory(file) for file in files]


def holds_study(folder: str | Path) -> bool:
    """Whether `folder` holds a whole study, rather than single paths."""
    return (Path(folder) / CHECKS).is_file()


def partners_csv(partners: Mapping[str, xr.Dataset]) -> str:
    """The partners' last year by policy, partner and channel: changes, with ranges and errors where they are known.

    The column table names the table, and estimate says whether it is one.
    """
    lines: list[dict[str, Any]] = []
    for name, data in partners.items():
        about = {"table": data.attrs.get("table", ""), "estimate": "ESTIMATE" if "estimate" in data.attrs else "",
                 "policy": name}  # fmt: skip
        lines += [about | row for row in summary(data, int(data["year"].values[-1]))]
    out = io.StringIO()
    columns = list(dict.fromkeys(key for line in lines for key in line))
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def save_partners(partners: xr.Dataset, file: str | Path) -> Path:
    """Write what `spillovers` found as NetCDF that plain `xarray.open_dataset` reads, whole or not at all.

    Raises ResultError: the folder cannot be written, or a variable has no unit.
    """
    without = [str(name) for name, variable in partners.data_vars.items() if not variable.attrs.get("units")]
    if without:
        raise ResultError(f"Every variable of a result has a unit; without one: {', '.join(without)}.")
    notes = {"format": PARTNERS_FORMAT, "version": VERSION, "notes": partners.attrs}
    data = partners.copy(deep=False)
    data.attrs = {ATTRIBUTE: json.dumps(notes, ensure_ascii=False, default=_plain)}

    def write(part: Path) -> None:
        data.to_netcdf(part, engine=ENGINE)

    return write_whole(file, write)


def load_partners(file: str | Path) -> xr.Dataset:
    """Read what `save_partners` wrote; ResultError when it is absent, broken or another kind of file."""
    path = Path(file)
    if not path.is_file():
        raise ResultError(f"There is no file {path}; run the study again.")
    try:
        with xr.open_dataset(path, engine=ENGINE) as opened:
            data = opened.load()
        notes = json.loads(data.attrs[ATTRIBUTE])
        if notes["format"] != PARTNERS_FORMAT or notes["version"] != VERSION:
            raise ValueError(f"form {notes['format']!r} of version {notes['version']}")
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ResultError(f"{path} does not hold spillovers ({error}); run the study again.") from error
    texts = [name for name, variable in data.variables.items() if variable.dtype == object]
    data = data.assign_coords({name: data[name].astype(str) for name in texts})  # HDF5 stores text of any length
    data.attrs = notes["notes"]
    return data


def _path_file(name: str) -> str:
    return f"{name}/path.nc"


def _beside_file(name: str, path: Trajectory) -> str:
    """Where a path that is not of the headline lies."""
    return f"{path.provenance['table']}/{_path_file(name)}"


def _world_file(study: Study, name: str, path: Trajectory) -> str:
    """Where a path that is carried abroad lies: one of the headline where it is."""
    return _path_file(name) if path is study.paths.get(name) else _beside_file(name, path)


def _content(root: Path) -> Mapping[str, Any]:
    """What checks.json says, checked."""
    file = root / CHECKS
    if not file.is_file():
        raise ResultError(
            f"There is no study in {root} (no {CHECKS}); name a folder that `iomodel run` without names wrote."
        )
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultError(f"{file} cannot be read ({error}); run the study again.") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ResultError(f"{file} is no study of iomodel; name a folder that `iomodel run` without names wrote.")
    if content.get("version") != VERSION or not _has({"paths", "world", "others", PARTNERS, "checks"}, content):
        found = content.get("version")
        raise ResultError(f"{file} has version {found} of the form; allowed: {VERSION}. Run the study again.")
    return content


def _has(keys: Iterable[str], content: Mapping[str, Any]) -> bool:
    return all(key in content for key in keys)


def _plain(value: Any) -> Any:
    """numpy's scalars and arrays as plain numbers, for JSON; TypeError for what has no plain form."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} {value!r} has no place in the checks of a study")
