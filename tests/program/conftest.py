"""Paths and programs that several tests of the program share, solved once by each worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from official import official

import iomodel as iom
from iomodel.economy import Economy
from iomodel.program.build import Program
from iomodel.program.solvers import solve_program
from iomodel.program.trajectory import Trajectory

POLICIES = ("business-as-usual", "supply-only", "demand-only", "two-halves", "best-path")
STATED = ("supply-only", "demand-only", "two-halves")
SOLVED = POLICIES[1:]


@cache
def _economy(table: str) -> Economy:
    return iom.calibrate(iom.load_table(table), region="CHN")


@cache
def _path(name: str, table: str = "china-2020", payer: str = "debt") -> Trajectory:
    return iom.solve(iom.load_experiment(name).replace(table=table, payer=payer), economy=_economy(table))


@cache
def _simulated(name: str, table: str = "china-2020") -> Trajectory:
    return iom.simulate(iom.load_experiment(name).replace(table=table), economy=_economy(table))


@cache
def _program(name: str, form: str = "reduced") -> Program:
    program = iom.build(official(name), _economy("china-2020"), form=form)
    assert solve_program(program).status == "optimal"
    below = np.asarray(program.values["wanted_investment"].value) < -1e-7
    assert not below.any(), "the market would invest less than nothing: this program is not the final one"
    return program


@pytest.fixture(scope="session")
def economy_named() -> Callable[[str], Economy]:
    """Table name -> the calibrated Chinese economy."""
    return _economy


@pytest.fixture(scope="session")
def china() -> Economy:
    """The economy of the official table of 2020."""
    return _economy("china-2020")


@pytest.fixture(scope="session")
def path_of() -> Callable[..., Trajectory]:
    """(policy, table, payer) -> its solved path."""
    return _path


@pytest.fixture(scope="session")
def simulated() -> Callable[..., Trajectory]:
    """(policy, table) -> its path by simulation alone."""
    return _simulated


@pytest.fixture(scope="session")
def solved_program() -> Callable[..., Program]:
    """(policy, form) -> its program on the Chinese table, solved to optimality; do not change it."""
    return _program


@pytest.fixture(scope="session")
def usual(simulated: Callable[..., Trajectory]) -> Trajectory:
    """The reference path of China 2020."""
    return simulated("business-as-usual")


__all__ = ["POLICIES", "SOLVED", "STATED", "replace"]
