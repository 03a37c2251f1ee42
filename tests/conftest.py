"""What every test shares: one BLAS thread, every solve checked by its arrays alone, the folder of raw source files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Before numpy is loaded: small matrices on several threads are slower, and two workers run beside each other.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from kkt import residuals  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))  # whose parts tests/certify holds to what they say


@pytest.fixture(scope="session")
def source_folder() -> Path:
    """The raw files of the shipped tables' publishers; IOMODEL_SOURCE names the folder, else shared/data beside us."""
    named = os.environ.get("IOMODEL_SOURCE")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"raw source files not here: {folder} (set IOMODEL_SOURCE)")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _every_solve_is_checked_by_the_arrays() -> Iterator[None]:
    """Whatever a test solves and the product calls optimal also meets the conditions of optimality in `kkt`, which
    knows the canonical arrays and nothing of the product."""
    from iomodel.program import solvers

    patch, seen = pytest.MonkeyPatch(), {}
    calls, once = solvers.called, solvers._once

    def called(smaller: Any, solver: Any, held: Any = None) -> Any:
        answer, whole = calls(smaller, solver, held), smaller.whole
        seen["point"] = {
            "quadratic": whole.quadratic, "linear": whole.linear, "matrix": whole.matrix, "bound": whole.bound,
            "zero": whole.equalities, "positive": whole.inequalities, "cones": whole.cones, "x": np.array(answer.x),
            "z": np.array(answer.z),
        }  # fmt: skip
        return answer

    def checked(program: Any, solver: Any) -> Any:
        seen.clear()
        verdict = once(program, solver)
        if verdict.status == "optimal" and seen:
            found = residuals(**seen["point"])
            if any(name.startswith("steered") for name in program.laws):
                # The goal of a search is turned down to next to nothing: money is measured against consumption there.
                consumption = 1 + program.setting.account("household_consumption")
                found |= {name: found[name] / consumption for name in ("complementarity", "gap")}
            assert max(found.values()) < 1e-6, f"called optimal, but the arrays say {found}"
        return verdict

    patch.setattr(solvers, "called", called)
    patch.setattr(solvers, "_once", checked)
    yield
    patch.undo()
