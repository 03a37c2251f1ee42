"""What every test shares: one BLAS thread, and the folder of raw source files where there is one."""

from __future__ import annotations

import os
from pathlib import Path

# Before numpy is loaded: small matrices on several threads are slower, and two workers run beside each other.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import pytest  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def source_folder() -> Path:
    """The raw files of the shipped tables' publishers; IOMODEL_SOURCE names the folder, else shared/data beside us."""
    named = os.environ.get("IOMODEL_SOURCE")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"raw source files not here: {folder} (set IOMODEL_SOURCE)")
    return folder
