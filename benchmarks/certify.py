"""Random economies and policies whose right verdict is known, and whether the product gives it.

    python benchmarks/certify.py [--runs 1000] [--seed 0] [--workers 2] [--out FILE] [--only RUN …]

A third are plain draws, whose verdict is held to another form of the program or another solver, to HiGHS and to the
simulation; a third have a planted optimum, a third a planted infeasibility. A run follows from seed and number alone.
With --out every run is a line of JSON in FILE, and runs that stand there are not made again: it can be interrupted.
Lines of other source files, tables or cards than today's are made again.
The last line is `certify: …`; the exit code is 1 when a verdict was wrong (where an answer is planted, to give none is
wrong) or when an optimum or a proof of infeasibility could not be certified. Inaccurate are plain draws of which the
product says so itself; they are listed.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")  # before numpy is loaded, by the functions below
sys.path.insert(0, str(Path(__file__).resolve().parent))

EVERY = 20
"""Runs after which a line of progress is printed."""


def one(run: int, seed: int) -> dict[str, Any]:
    """The report of one run; a run that stops with an error is wrong."""
    from certifying.trials import Report, trial

    try:
        return asdict(trial(run, seed))
    except Exception as error:  # noqa: BLE001 - whatever a run ends with belongs to its report
        broken = Report(run, ("plain", "optimum", "infeasible")[run % 3], seed)
        broken.wrong.append(f"stopped with {type(error).__name__}: {error}")
        return asdict(broken)


def sources() -> list[Path]:
    """What a run follows from besides its number: the package, its tables and cards, and this benchmark."""
    spec = importlib.util.find_spec("iomodel")
    if spec is None or spec.origin is None:
        raise ImportError("iomodel is not installed")
    package, here = Path(spec.origin).resolve().parent, Path(__file__).resolve()
    data = [package.parent / "tables", package / "_data" / "tables"]  # of a checkout, of an installed package
    found = [path for folder in (package, here.parent / "certifying") for path in folder.rglob("*.py")]
    found += [path for folder in data for path in folder.rglob("*")]
    return sorted(path for path in (here, *found) if path.is_file())


def version(files: Iterable[Path]) -> str:
    """A hash of the names and contents of files."""
    total = hashlib.sha256()
    for path in files:
        total.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:16]


def kept(path: Path | None, seed: int, of: str) -> dict[int, dict[str, Any]]:
    """Reports of this seed and version that a file already holds; a last line cut short is left out."""
    found: dict[int, dict[str, Any]] = {}
    if path is None or not path.exists():
        return found
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            report = json.loads(line)
        except ValueError:
            continue
        if report["seed"] == seed and report.get("version") == of:
            found[report["run"]] = report
    return found


def reports(runs: Sequence[int], seed: int, workers: int) -> Iterator[dict[str, Any]]:
    """Reports as they come."""
    if workers == 1:
        yield from (one(run, seed) for run in runs)
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting = [pool.submit(one, run, seed) for run in runs]
        try:
            yield from (done.result() for done in as_completed(waiting))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def counted(found: Iterable[dict[str, Any]]) -> dict[str, int]:
    """How many runs, and how many of them have something of each kind."""
    rows = list(found)
    return {"runs": len(rows)} | {
        key: sum(bool(row[key]) for row in rows) for key in ("wrong", "uncertified", "inaccurate")
    }


def last_line(count: dict[str, int]) -> str:
    """The line that sums up."""
    return "certify: " + " ".join(f"{key}={value}" for key, value in count.items())


def show(report: dict[str, Any]) -> None:
    """A line for every reason of a run."""
    for key in ("wrong", "uncertified", "inaccurate"):
        for reason in report[key]:
            print(f"run {report['run']} ({report['kind']}, {report['policy']}, {report['table']}) {key}: {reason}")


def summary(found: Sequence[dict[str, Any]]) -> None:
    """What was tried, by kind, and the largest distances."""
    for kind in ("plain", "optimum", "infeasible"):
        rows = [row for row in found if row["kind"] == kind]
        verdicts = {
            word: sum(row["verdict"] == word for row in rows) for word in sorted({row["verdict"] for row in rows})
        }
        said = ", ".join(f"{number} {word or 'none'}" for word, number in verdicts.items())
        print(f"{kind:10} {len(rows)} runs: {said or 'none'}")
    shapes = [row["facts"]["shape"] for row in found if "shape" in row["facts"]]
    print(f"planted optima: {', '.join(f'{shapes.count(one)} {one}' for one in sorted(set(shapes))) or 'none'}")
    for key in ("goal", "point", "multipliers", "drift", "apart", "replay"):
        sizes = [row["facts"][key] for row in found if key in row["facts"]]
        if sizes:
            print(f"{key:11} largest distance {max(sizes):.1e} of {len(sizes)}")
    doubts = [value for row in found for key, value in row["facts"].items() if key.startswith("doubt of")]
    if doubts:
        print(f"{'doubt':11} largest {max(doubts):.1e} of {len(doubts)} optima")
    simulated = [row["facts"]["simulated"] for row in found if "simulated" in row["facts"]]
    said = ", ".join(f"{simulated.count(one)} {one}" for one in sorted(set(simulated)))
    print(f"paths beside their simulation, by the program they are of: {said or 'none'}")
    proofs = [row["facts"]["own proof"] for row in found if "own proof" in row["facts"]]
    if proofs:
        held = sum(proof == "holds" for proof in proofs)
        print(f"proofs of infeasibility that the solver gave, held in rational arithmetic: {held} of {len(proofs)}")
    lies = [row["facts"]["lie"] for row in found if "lie" in row["facts"]]
    print(f"lies told: {', '.join(f'{lies.count(lie)} × {lie}' for lie in sorted(set(lies))) or 'none'}")
    second = sum("second opinion" in row["facts"] for row in found)
    print(f"second opinions by moreau that were not accurate and were taken from the plain form: {second}")
    remedies = [f"{row['run']} ({said})" for row in found for said in row["facts"].get("remedies", ())]
    print(f"runs with remedies: {'; '.join(remedies) or 'none'}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the runs, print what was found and say whether all is right."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, help="file of reports, a JSON line a run; runs in it are kept")
    parser.add_argument("--only", type=int, nargs="+", help="numbers of single runs, shown in full")
    asked = parser.parse_args(arguments)
    started = time.perf_counter()
    of = version(sources())
    found = kept(asked.out, asked.seed, of) if not asked.only else {}
    wanted = asked.only or range(asked.runs)
    found = {run: report for run, report in found.items() if run in wanted}
    if found:
        print(f"{len(found)} runs stand in {asked.out}")
    missing = [run for run in wanted if run not in found]
    try:
        for report in reports(missing, asked.seed, min(asked.workers, max(len(missing), 1))):
            report["version"] = of
            found[report["run"]] = report
            if asked.out and not asked.only:
                with asked.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(report, ensure_ascii=False) + "\n")
            show(report)
            if asked.only:
                print(json.dumps(report, ensure_ascii=False, indent=1))
            elif len(found) % EVERY == 0:
                print(f"{len(found)} of {len(wanted)}, {time.perf_counter() - started:.0f} s", flush=True)
    except KeyboardInterrupt:
        print("interrupted" + (f"; the same command goes on from {asked.out}" if asked.out else ""))
        return 130
    rows = [found[run] for run in sorted(found)]
    if asked.out:  # what earlier calls found is listed with the rest
        for row in rows:
            if row["run"] not in missing:
                show(row)
    summary(rows)
    count = counted(rows)
    print(last_line(count))
    return int(count["wrong"] + count["uncertified"] > 0)


if __name__ == "__main__":
    sys.exit(main())
