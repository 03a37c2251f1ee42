"""Seconds and memory of balancing: GRAS of real matrices beside a plain numpy RAS loop, and the estimate of a world.

    python benchmarks/balance.py                 # what the shipped tables allow
    python benchmarks/balance.py --source DIR    # also the table of 2014 (2,464 sectors) and the world of 2020

Every line is the best of three in a process of its own, whose peak memory is its own. The matrices are world-2011 (15
× 35: flows with final demand, which has negative cells; flows alone for the plain loop, which takes none) and the
estimate of 2014 (44 × 56). Totals are those of the matrix with each cell off by a factor of its own (lognormal, 0.3),
so that they can be met exactly; all methods go on until each total is met to 1e-10 of its turnover. The world is the
recipe world-2020, from the pieces in memory to the checked table. The last line is `balance: …`; what could not be
run is a dash, and the exit code is 1 where a line takes longer than it may.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

from timing import best

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")  # before numpy is loaded, which the functions below do

LIMITS = {"gras_525": 1.0, "gras_2464": 30.0, "world": 10.0}
"""Seconds that these lines may take."""
_LATE = "wiod2014_estimate/wiot2014.npz"


def shipped(final: bool) -> Any:
    """Flows of world-2011 as a matrix, with final demand or without."""
    import numpy as np

    from iomodel.table import load_table

    table = load_table("world-2011")
    flows = table.flows.values.reshape(525, 525)
    return np.hstack([flows, table.final_demand.values.reshape(525, -1)]) if final else flows.copy()


def late(source: str) -> Any:
    """Flows and final demand of the estimate of 2014."""
    import numpy as np

    with np.load(Path(source) / _LATE) as file:
        return np.hstack([file["Z"].astype(float), file["F"]])


def totals_of_another(matrix: Any) -> tuple[Any, Any]:
    """Row and column totals of the matrix with each cell off by a factor of its own."""
    import numpy as np

    other = matrix * np.exp(0.3 * np.random.default_rng(0).standard_normal(matrix.shape))
    return other.sum(axis=1), other.sum(axis=0)


def by_gras(matrix: Any) -> str:
    """Our GRAS, to 1e-10."""
    from iomodel.balancing.gras import gras

    rows, columns = totals_of_another(matrix)
    found, seconds = best(lambda: gras(matrix, rows, columns))
    return _line(seconds, f"{found.sweeps} sweeps, largest miss {found.residual:.0e}")


def by_entropy(matrix: Any) -> str:
    """The same by Newton's method on the dual of the entropy program, with its constraint matrix."""
    import numpy as np

    from iomodel.balancing.entropy import fit
    from iomodel.balancing.margins import Margins

    rows, columns = totals_of_another(matrix)

    def solve() -> Any:
        law = Margins(matrix, rows, columns).as_rows()
        return fit(law.start, law.matrix, law.targets)

    found, seconds = best(solve)
    return _line(seconds, f"{found.steps} steps, largest miss {float(np.abs(found.residuals).max()):.0e}")


def by_plain_loop(matrix: Any) -> str:
    """RAS as textbooks write it: the matrix itself is scaled by rows and by columns in turn."""
    import numpy as np

    rows, columns = totals_of_another(matrix)
    scale_rows, scale_columns = np.where(rows > 0, rows, 1.0), np.where(columns > 0, columns, 1.0)

    def loop() -> tuple[int, float]:
        cells, sweeps, miss = matrix.copy(), 0, 1.0
        while miss > 1e-10:
            sums = cells.sum(axis=1)
            cells *= np.divide(rows, sums, out=np.ones_like(rows), where=sums > 0)[:, None]
            sums = cells.sum(axis=0)
            cells *= np.divide(columns, sums, out=np.ones_like(columns), where=sums > 0)[None, :]
            across = np.abs(cells.sum(axis=1) - rows) / scale_rows
            miss = max(float(across.max()), float((np.abs(cells.sum(axis=0) - columns) / scale_columns).max()))
            sweeps += 1
        return sweeps, miss

    (sweeps, miss), seconds = best(loop)
    return _line(seconds, f"{sweeps} sweeps, largest miss {miss:.0e}")


def by_update(source: str) -> str:
    """The world of 2020: the recipe's pieces in memory, then one estimate, its checks included."""
    from iomodel.updating.making import sources_of, table_of
    from iomodel.updating.recipe import load_recipe

    sources = sources_of(load_recipe("world-2020"), source)
    table, seconds = best(lambda: table_of(sources))  # the first reads the files, which the sources keep
    said = table.attrs.get("update", {})
    return _line(seconds, f"{said.get('rows', '?')} rows, {said.get('steps', '?')} steps")


def _line(seconds: float, note: str) -> str:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
    return json.dumps({"seconds": seconds, "note": note, "megabytes": memory})


MEASURES = {
    "gras_525": ("GRAS, 525 × 615 with final demand", lambda _: by_gras(shipped(True)), False),
    "entropy_525": ("entropy program, the same", lambda _: by_entropy(shipped(True)), False),
    "gras_flows_525": ("GRAS, 525 × 525 flows", lambda _: by_gras(shipped(False)), False),
    "ras_numpy_525": ("plain numpy RAS, the same flows", lambda _: by_plain_loop(shipped(False)), False),
    "gras_2464": ("GRAS, 2,464 × 2,684 with final demand", lambda source: by_gras(late(source)), True),
    "world": ("the world of 2020", by_update, True),
}


def missing(name: str, source: str | None) -> str:
    """Why a line cannot be run, "" where it can."""
    if not MEASURES[name][2]:
        return ""
    if source is None:
        return "needs --source DIR"
    if name == "gras_2464" and not (Path(source) / _LATE).is_file():
        return f"there is no {Path(source) / _LATE}"
    return ""


def measured(name: str, source: str | None) -> dict[str, Any] | None:
    """One line in a process of its own; printed; None where it could not be run."""
    if reason := missing(name, source):
        print(f"{MEASURES[name][0]:40} skipped: {reason}", flush=True)
        return None
    asked = [sys.executable, __file__, "--one", name, *(["--source", source] if source else [])]
    run = subprocess.run(asked, capture_output=True, text=True, check=False)
    if run.returncode:
        last = (run.stderr.strip().splitlines() or ["no message"])[-1]
        print(f"{MEASURES[name][0]:40} failed: {last}", flush=True)
        return None
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    limit = f" (limit {LIMITS[name]:g} s)" if name in LIMITS else ""
    print(
        f"{MEASURES[name][0]:40} {found['seconds']:8.3f} s {found['megabytes']:6.0f} MB  {found['note']}{limit}",
        flush=True,
    )
    return found


def main() -> int:
    """Measure every line and print the last one; 1 where a line failed or took longer than it may."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--source", metavar="DIR", help="folder of the publishers' files")
    parser.add_argument("--one", choices=list(MEASURES), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(MEASURES[asked.one][1](asked.source))
        return 0
    found = {name: measured(name, asked.source) for name in MEASURES}
    shown = {name: f"{line['seconds']:.3f}" if line else "-" for name, line in found.items()}
    peak = max(line["megabytes"] for line in found.values() if line)
    wanted = ("gras_525", "gras_2464", "world", "ras_numpy_525")
    print(f"balance: {' '.join(f'{name}={shown[name]}' for name in wanted)} peak_mb={peak:.0f}")
    late_ones = [name for name, limit in LIMITS.items() if (line := found[name]) and line["seconds"] > limit]
    failed = [name for name, line in found.items() if line is None and not missing(name, asked.source)]
    return 1 if late_ones or failed else 0


if __name__ == "__main__":
    sys.exit(main())
