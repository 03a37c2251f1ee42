"""The study that the tests of the report share, solved once: five policies and the partners."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from official import official

from iomodel.program.trajectory import Trajectory
from iomodel.report.page import page_html
from iomodel.run import simulate
from iomodel.study.files import save_study
from iomodel.study.policies import OUTCOMES, Study, outcomes, run_study


def checks_of(study: Study) -> dict[str, Any]:
    """Checks with made-up numbers, in the form that `run_study` gives."""
    both, best = outcomes(study.paths["two-halves"]), outcomes(study.paths["best-path"])

    def moved(row: dict[str, Any], by: float) -> dict[str, Any]:
        return {key: value + by if isinstance(value, float) else value for key, value in row.items()}

    parts = {"supply": -1.0, "demand": 5.0, "joint": 4.5, "interaction": 0.5}
    payers = {"debt": 0.0, "dividends": 0.1, "household_tax": -1.0}
    return {
        **study.checks,
        "announced_rule": {"two-halves": dict.fromkeys(OUTCOMES, 0.05)},
        "interaction": {f"{key}_{part}": parts[part] for key in ("consumption", "with_in_kind") for part in parts},
        "without_precaution": {name: moved(both, -2.0) for name in ("demand-only", "two-halves", "best-path")},
        "payers": {payer: moved(both, by) for payer, by in payers.items()},
        "mix": {"0.0": moved(both, -0.5), "1.0": moved(both, 0.25)},
        "best_without_target": moved(best, 0.3),
        "weights": [
            {"card": "weight_debt", "title": "Weight of debt", "value": value, **moved(best, by)}
            for value, by in ((0.0, 1.25), (1.0, -1.5))
        ],
        "spread": [
            {"card": "precaution", "title": "Response", "unit": "yuan", "low": 0.0, "high": 1.0,
             "at_low": moved(both, -1.0), "at_high": moved(both, 1.0)}
        ],
    }  # fmt: skip


@pytest.fixture(scope="session")
def study() -> Study:
    """The five policies and the partners, solved, with made-up numbers for what stands beside them."""
    solved = run_study(full=False)
    return replace(solved, checks=checks_of(solved))


@pytest.fixture(scope="session")
def known() -> Trajectory:
    """Business as usual on the table whose known years are beside what happened."""
    return simulate(official("business-as-usual"))


@pytest.fixture(scope="session")
def page(study: Study) -> str:
    return page_html(study)


@pytest.fixture(scope="session")
def saved(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study as a folder: results/main below what is returned."""
    root = tmp_path_factory.mktemp("saved")
    save_study(study, root / "results" / "main")
    return root
