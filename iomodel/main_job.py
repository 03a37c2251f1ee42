"""The main job: the five policies on the national table, what stands beside them, the partners, files and the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from iomodel.program.trajectory import Trajectory
from iomodel.report import headline_text, write_report
from iomodel.study.files import save_study
from iomodel.study.policies import run_study


def main_job(progress: Callable[[str], None], out: Path) -> list[Trajectory]:
    """Run everything, write it below `out`, say it to `progress`; returns all solved paths.

    Raises ResultError when `out` cannot be written; nothing half-written remains.
    """
    study = run_study(progress)
    save_study(study, out)
    page = write_report(study, out / "report.html")
    progress("\n" + headline_text(study))
    progress(f"{page}   open it in a browser")
    return [*study.paths.values(), *(path for _, path in study.beside)]
