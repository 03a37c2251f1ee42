"""Estimators of sensitivity indices from numbers alone: arrays in, arrays out, with half the width of their intervals.

SALib answers a NaN with zeros and warns where an answer is none: here it is given finite numbers that vary, and an
answer that is no number is refused.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from iomodel.errors import GridError

Array = npt.NDArray[np.float64]

LEVEL, WIDTH = 0.95, 1.959963984540054
"""Of the intervals, and half the width of a normal one in standard deviations."""

HARMONICS = 10
"""Harmonics of RBD-FAST that count as an input's own."""

MOST_CLASSES, PLACES = 48, 100
"""Classes of an input at most, and places at which delta compares densities: those of Plischke, Borgonovo and Smith."""


def varies(numbers: Array) -> bool:
    """Whether numbers differ by more than rounding."""
    return float(np.ptp(numbers)) > 1e-9 * float(np.abs(numbers).max(initial=0.0))


def saltelli(numbers: Array, names: Sequence[str], resamples: int, seed: int) -> dict[str, Array]:
    """Sobol's first-order and total indices from the numbers of Saltelli's design, base point by base point."""
    from SALib.analyze import sobol

    with _quiet(numbers):
        said = sobol.analyze(
            _problem(names), numbers, calc_second_order=False, num_resamples=resamples, conf_level=LEVEL, seed=seed
        )
    found = {"first_order": said["S1"], "first_order_interval": said["S1_conf"], "total": said["ST"],
             "total_interval": said["ST_conf"]}  # fmt: skip
    if not np.any(said["ST"] != 0):
        raise GridError("sensitivity: all total indices are zero though the outcome varies; the estimator failed.")
    return _checked(found)


def random_balance(numbers: Array, inputs: Array, names: Sequence[str], resamples: int, seed: int) -> dict[str, Array]:
    """First-order indices of any independent inputs (runs, inputs) by RBD-FAST.

    Runs are shuffled first: where inputs take few values, the order among equals must not follow the others.
    """
    from SALib.analyze import rbd_fast

    order = np.random.default_rng(seed).permutation(len(numbers))
    with _quiet(numbers):
        said = rbd_fast.analyze(
            _problem(names), inputs[order], numbers[order], M=HARMONICS, num_resamples=resamples, conf_level=LEVEL,
            seed=seed,
        )  # fmt: skip
    return _checked({"first_order": np.array(said["S1"]), "first_order_interval": np.array(said["S1_conf"])})


def delta(numbers: Array, inputs: Array, names: Sequence[str], resamples: int, seed: int) -> dict[str, Array]:
    """Borgonovo's delta of each input (runs, inputs), with the reduced bias of Plischke, Borgonovo and Smith (2013).

    Their equation 30, twice the estimate less the mean of resampled ones, around SALib's estimate of equation 26 with
    its classes of equal frequency. SALib's own loop takes a resample for the estimate itself, and leaves the process
    with other warnings and another state of the generator than it found.
    """
    from SALib.analyze.delta import calc_delta

    rng = np.random.default_rng(seed)
    order = rng.permutation(len(numbers))  # equals in an input are told apart at random
    y, x = numbers[order], inputs[order]
    runs = len(y)
    classes = min(int(np.ceil(runs ** (2 / (7 + np.tanh((1500 - runs) / 500))))), MOST_CLASSES)
    edges, places = np.linspace(0, runs, classes + 1), np.linspace(y.min(), y.max(), PLACES)
    draws = rng.integers(runs, size=(resamples, runs))
    found = np.empty((2, len(names)))
    with _quiet(numbers):
        for column in range(len(names)):
            whole = calc_delta(y, places, x[:, column], edges)
            again = [calc_delta(y[draw], places, x[draw, column], edges) for draw in draws]
            found[:, column] = 2 * whole - np.mean(again), WIDTH * np.std(again, ddof=1)
    return _checked({"delta": found[0], "delta_interval": found[1]})


def regression(numbers: Array, inputs: Array) -> dict[str, Array]:
    """Coefficients of a linear regression of standardised numbers on standardised inputs (runs, inputs)."""
    x = (inputs - inputs.mean(axis=0)) / inputs.std(axis=0)
    y = (numbers - numbers.mean()) / numbers.std()
    coefficients, *_ = np.linalg.lstsq(x, y, rcond=None)
    free = max(len(y) - x.shape[1] - 1, 1)
    variance = float(((y - x @ coefficients) ** 2).sum()) / free
    error = np.sqrt(variance * np.diag(np.linalg.pinv(x.T @ x)))
    return _checked({"regression": coefficients, "regression_interval": WIDTH * error})


def decomposition(box: Array) -> dict[str, Array]:
    """First-order and total indices of all dims of a whole box, each of whose points counts alike: exact."""
    variance = float(box.var())
    dims = range(box.ndim)
    first = [box.mean(axis=tuple(other for other in dims if other != dim)).var() / variance for dim in dims]
    total = [1 - box.mean(axis=dim).var() / variance for dim in dims]
    exact = np.zeros(box.ndim)
    return {"first_order": np.array(first), "first_order_interval": exact, "total": np.array(total),
            "total_interval": exact}  # fmt: skip


def _problem(names: Sequence[str]) -> dict[str, object]:
    """Inputs in the words of SALib."""
    return {"num_vars": len(names), "names": list(names), "bounds": [[0.0, 1.0]] * len(names)}


@contextmanager
def _quiet(numbers: Array) -> Generator[None]:
    """SALib without its warnings, for numbers that it can take."""
    if not np.isfinite(numbers).all() or not varies(numbers):
        raise GridError("sensitivity: an estimator takes finite numbers that vary.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _checked(found: Mapping[str, Array]) -> dict[str, Array]:
    """Indices that are numbers."""
    made = {name: np.asarray(values, dtype=float) for name, values in found.items()}
    for name, values in made.items():
        if not np.isfinite(values).all():
            raise GridError(f"sensitivity: the estimator of {name} found no number; give more runs.")
    return made
