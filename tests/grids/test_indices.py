"""Sensitivity indices: through the public function, on functions whose indices are known, and on runs that fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr
from scipy import stats
from stored import outcome, template

import iomodel as iom
from iomodel.cards import load_cards
from iomodel.errors import GridError
from iomodel.grids.design.samples import read_samples
from iomodel.grids.indices import sensitivity
from iomodel.grids.storage.opened import open_results
from iomodel.grids.storage.store import create_store

Array = npt.NDArray[np.float64]

CARDS = [key for key, card in load_cards().cards.items() if card.unit != "calendar year"]


def sampled(function: Callable[[Array], Array], inputs: int, method: str, points: int, seed: int = 1) -> xr.Dataset:
    """A box as it is opened, of a function of inputs on [0, 1] drawn as a grid draws its cards."""
    groups = {f"x{place + 1}": [CARDS[place]] for place in range(inputs)}
    entry = {"method": method, "groups": groups, "points": points, "seed": seed}
    axis, said = read_samples("sample", entry, load_cards())
    u = np.array(list(axis.inputs.values())).T
    coords: dict[str, Any] = {"sample": list(axis.labels), "year": [2030, 2035]}
    coords |= {f"sample_{group}": ("sample", np.array(values)) for group, values in axis.inputs.items()}
    y = function(u)
    data = {
        "y": (("sample", "year"), np.stack([0 * y, y], axis=1), {"units": "percent"}),
        "status": ("sample", np.full(len(y), "optimal", dtype="<U12")),
    }
    return xr.Dataset(data, coords=coords, attrs={"sampled": json.dumps(said)})


def meshed(function: Callable[..., Array], **axes: Any) -> xr.Dataset:
    """A box of lists as it is opened, of a function of the axes' labels (of texts: their places)."""
    labels = [np.array(values) for values in axes.values()]
    numbers = [values if values.dtype.kind in "if" else np.arange(len(values)) for values in labels]
    y = function(*np.meshgrid(*numbers, indexing="ij"))
    data = {"y": (tuple(axes), y), "status": (tuple(axes), np.full(y.shape, "optimal", dtype="<U12"))}
    return xr.Dataset(data, coords=dict(zip(axes, labels, strict=True)))


def ishigami(u: Array) -> Array:
    """Ishigami and Homma (1990), a = 7, b = 0.1, on [-π, π]³."""
    x = np.pi * (2 * u - 1)
    return np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


A, B = 7.0, 0.1
_V1, _V2, _V13 = 0.5 * (1 + B * np.pi**4 / 5) ** 2, A**2 / 8, B**2 * np.pi**8 * (1 / 18 - 1 / 50)
_V = _V1 + _V2 + _V13
ISHIGAMI = {"first_order": [_V1 / _V, _V2 / _V, 0], "total": [(_V1 + _V13) / _V, _V2 / _V, _V13 / _V]}

WEIGHTS = np.array([0.0, 1.0, 4.5, 9.0, 99.0])


def sobol_g(u: Array) -> Array:
    """Sobol's G function: the product of (|4u - 2| + a) / (1 + a)."""
    return np.prod((np.abs(4 * u - 2) + WEIGHTS) / (1 + WEIGHTS), axis=1)


_EACH = 1 / (3 * (1 + WEIGHTS) ** 2)
_ALL = np.prod(1 + _EACH) - 1
SOBOL_G = {"first_order": _EACH / _ALL, "total": _EACH * np.prod(1 + _EACH) / (1 + _EACH) / _ALL}


# ---------------------------------------------------------------- known indices
@pytest.mark.parametrize(
    ("function", "inputs", "known"), [(ishigami, 3, ISHIGAMI), (sobol_g, 5, SOBOL_G)], ids=["ishigami", "sobol_g"]
)
def test_known_indices_of_saltelli(function: Callable[[Array], Array], inputs: int, known: Mapping[str, Array]) -> None:
    found = sensitivity(sampled(function, inputs, "saltelli", 4096))
    assert list(found["assumption"].values) == [f"x{place + 1}" for place in range(inputs)]
    for name, values in known.items():
        np.testing.assert_allclose(found[name].sel(outcome="y").values, values, atol=0.02)
        width = found[f"{name}_interval"].sel(outcome="y").values
        assert np.all((width >= 0) & (width < 0.1))
    assert float(found["used"].item()) == 4096
    assert found["unit"].item() == "percent"
    assert found.attrs["method"] == "Sobol indices from Saltelli's design"


def test_intervals_hold_what_they_say() -> None:
    inside = []
    for seed in range(2, 32):
        found = sensitivity(sampled(sobol_g, 5, "saltelli", 128, seed), seed=seed).sel(outcome="y")
        for name, values in SOBOL_G.items():
            inside.append(np.abs(found[name].values - values) <= found[f"{name}_interval"].values + 1e-3)
    # Of quasi-random points the resampled intervals are too wide rather than too narrow.
    assert np.mean(inside) > 0.9


def test_known_indices_of_a_latin_hypercube() -> None:
    found = sensitivity(sampled(ishigami, 3, "latin_hypercube", 1024), resamples=20).sel(outcome="y")
    np.testing.assert_allclose(found["first_order"].values, ISHIGAMI["first_order"], atol=0.05)
    assert "total" not in found
    assert np.all(found["first_order_interval"].values > 0)


def test_delta_against_an_integral() -> None:
    # y = z1 + z2 of standard normal z: N(0, 2), of which knowing z1 leaves N(z1, 1); smooth, as kernels like it.
    grid = np.linspace(-9, 9, 2001)
    known = stats.norm.ppf(np.linspace(0.0005, 0.9995, 1000))
    distances = [
        np.trapezoid(np.abs(stats.norm.pdf(grid, 0, np.sqrt(2)) - stats.norm.pdf(grid, z, 1)), grid) for z in known
    ]
    wanted = 0.5 * float(np.mean(distances))
    box = sampled(lambda u: stats.norm.ppf(u[:, 0]) + stats.norm.ppf(u[:, 1]), 3, "latin_hypercube", 1024)
    found = sensitivity(box, resamples=20)
    np.testing.assert_allclose(found["delta"].sel(outcome="y").values, [wanted, wanted, 0], atol=0.05)
    assert np.all(found["delta_interval"].values > 0)


def test_regression_is_exact_where_the_outcome_is_linear() -> None:
    weights = np.array([3.0, -2.0, 0.0])
    found = sensitivity(sampled(lambda u: u @ weights, 3, "latin_hypercube", 1024), resamples=10).sel(outcome="y")
    np.testing.assert_allclose(found["regression"].values, weights / np.sqrt(13), atol=0.05)
    np.testing.assert_allclose(found["regression_interval"].values, 0, atol=1e-9)
    np.testing.assert_allclose(found["regression"].values[:2] ** 2, found["first_order"].values[:2], atol=0.08)


def test_a_whole_box_is_decomposed_exactly() -> None:
    # Sums of sines over whole periods: y = 3 a + 2 b + a b with a, b centred; variances 9, 4 and 1 times their own.
    a, b = np.array([-1.0, 1.0]), np.array([-2.0, -1.0, 1.0, 2.0])
    box = meshed(lambda one, two: 3 * one + 2 * two + one * two, a=a, b=b)
    found = sensitivity(box, {"y": box["y"]}).sel(outcome="y")
    parts = 9 * a.var(), 4 * b.var(), a.var() * b.var()
    np.testing.assert_allclose(found["first_order"].values, np.array(parts[:2]) / sum(parts))
    np.testing.assert_allclose(found["total"].values, (np.array(parts[:2]) + parts[2]) / sum(parts))
    np.testing.assert_allclose(found["regression"].values, np.sqrt(parts[:2]) / np.sqrt(sum(parts)))
    assert np.isnan(found["delta"].values).all()  # eight runs say nothing of a density


def test_a_box_with_gaps_is_estimated_near_the_whole() -> None:
    axes = {"a": np.linspace(0, 1, 16), "b": np.linspace(0, 1, 16)}
    box = meshed(lambda a, b: np.sin(3 * a) + 0.5 * b**2, **axes)
    outcome = {"y": box["y"]}
    whole = sensitivity(box, outcome, resamples=10)
    box["status"][3, 5] = "failed"
    part = sensitivity(box, outcome, resamples=10)
    assert (float(part["lost"].item()), float(part["used"].item())) == (1, 255)
    np.testing.assert_allclose(part["first_order"].values, whole["first_order"].values, atol=0.08)
    assert np.isnan(part["total"].values).all()


def test_texts_have_no_slope() -> None:
    box = meshed(lambda a, b: a + 0.1 * b, a=np.linspace(0, 1, 30), payer=["debt", "dividends", "tax"])
    found = sensitivity(box, {"y": box["y"]}, resamples=10)["regression"].sel(outcome="y")
    assert np.isnan(found.sel(assumption="payer").item())
    assert np.isfinite(found.sel(assumption="a").item())


# ---------------------------------------------------------------- runs without numbers
def test_a_base_point_goes_as_a_whole() -> None:
    box = sampled(ishigami, 3, "saltelli", 512)
    rows = np.arange(512 * 5).reshape(512, 5)
    clean = box.copy(deep=True)
    box["status"][[7, 8, 1203]] = ["failed", "infeasible", "inaccurate"]
    box["y"][[7, 8, 1203]] = np.nan
    found = sensitivity(box).sel(outcome="y")
    assert (float(found["used"]), float(found["lost"])) == (510, 2)  # 7 and 8 are of one base point
    # An independent way: the same estimators on the base points that are left (Saltelli 2010; Jansen 1999).
    left = np.delete(clean["y"].values[:, 1][rows], [1, 240], axis=0)
    left = (left - left.mean()) / left.std()
    first, last = left[:, 0], left[:, -1]
    variance = np.var(np.concatenate([first, last]))
    for column in range(3):
        mixed = left[:, 1 + column]
        np.testing.assert_allclose(found["first_order"].values[column], np.mean(last * (mixed - first)) / variance)
        np.testing.assert_allclose(found["total"].values[column], 0.5 * np.mean((first - mixed) ** 2) / variance)


def test_numbers_of_runs_that_ended_badly_are_not_used() -> None:
    # xarray's sum makes zeros of what is missing; such a zero is no result.
    box = sampled(ishigami, 3, "saltelli", 128)
    box["status"][11] = "failed"
    box["y"][11] = np.nan
    found = sensitivity(box, {"summed": box["y"].sum("year")})
    assert float(found["lost"].item()) == 1


def test_too_many_losses_are_refused() -> None:
    box = sampled(ishigami, 3, "saltelli", 128)
    box["status"][::15] = "failed"  # every third base point
    with pytest.raises(
        GridError, match=r"43 of 128 base points have no numbers, more than 5 percent.* raise most_lost"
    ):
        sensitivity(box)
    assert float(sensitivity(box, most_lost=0.4)["used"].item()) == 85
    latin = sampled(ishigami, 3, "latin_hypercube", 100)
    latin["status"][:10] = "infeasible"
    with pytest.raises(GridError, match="10 of 100 runs have no numbers"):
        sensitivity(latin)


def test_too_few_runs_are_refused() -> None:
    with pytest.raises(GridError, match="16 base points have numbers; indices need at least 32"):
        sensitivity(sampled(ishigami, 3, "saltelli", 16))
    with pytest.raises(GridError, match="50 runs have numbers; indices need at least 64"):
        sensitivity(sampled(ishigami, 3, "latin_hypercube", 50))


def test_an_outcome_that_does_not_vary_has_no_indices() -> None:
    found = sensitivity(sampled(ishigami, 3, "saltelli", 64), year=2030)
    assert np.isnan(found["first_order"].values).all()
    assert float(found["spread"].item()) == 0


def test_other_axes_stay_beside() -> None:
    parts = [sampled(lambda u, at=at: u[:, at], 3, "saltelli", 64) for at in (0, 1, 2)]
    box = xr.concat(parts, xr.DataArray(["one", "two", "three"], dims="policy", name="policy"), join="exact")
    box = box.transpose("policy", "sample", "year")
    box["status"][2] = "left out"
    box["y"][2] = np.nan
    found = sensitivity(box)
    assert found["first_order"].dims == ("outcome", "policy", "assumption")
    np.testing.assert_allclose(found["total"].isel(outcome=0, policy=slice(2)), np.eye(3)[:2], atol=0.15)
    assert np.isnan(found["total"].isel(outcome=0, policy=2)).all()
    assert found["lost"].values.tolist() == [[0, 0, 0]]


def test_outcomes_stand_side_by_side() -> None:
    box = sampled(ishigami, 3, "saltelli", 64)
    box["z"] = (2 * box["y"] + 1).assign_attrs(units="million persons")
    box["shadow_price_package"] = box["y"] * np.nan  # of a law that is none in the last year
    found = sensitivity(box)
    assert found["outcome"].values.tolist() == ["y", "z"]
    assert found["unit"].values.tolist() == ["percent", "million persons"]
    np.testing.assert_allclose(found["total"].sel(outcome="y"), found["total"].sel(outcome="z"))
    np.testing.assert_allclose(2 * found["spread"].sel(outcome="y"), found["spread"].sel(outcome="z"))


def test_the_global_generator_stays_as_it_was() -> None:
    np.random.seed(5)  # noqa: NPY002
    before = np.random.random(3)  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    for method in ("saltelli", "latin_hypercube"):
        sensitivity(sampled(ishigami, 3, method, 128), resamples=10)
    np.testing.assert_array_equal(np.random.random(3), before)  # noqa: NPY002


def test_a_seed_gives_the_same_answer() -> None:
    for method in ("saltelli", "latin_hypercube"):
        box = sampled(ishigami, 3, method, 128)
        xr.testing.assert_identical(sensitivity(box, resamples=10), sensitivity(box, resamples=10))


# ---------------------------------------------------------------- from the file to the indices
def test_from_a_grid_file_through_the_store(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'base = "two-halves"\nchanges = {table = "china-2020"}\n'
        '[keep]\nvariables = ["gdp", "output"]\nprices = ["capacity_limit"]\n'
        '[axes.sample.samples]\nmethod = "saltelli"\npoints = 64\n[axes.sample.samples.groups]\n'
        'x1 = ["precaution"]\nx2 = ["waste_drive"]\n'
        'x3 = ["waste_market"]\n'
    )
    grid = iom.load_grid(file)
    values = ishigami(np.array(list(grid.axes[0].inputs.values())).T)
    with create_store(tmp_path / "out", grid, template()) as store:
        for index in grid.indices.tolist():
            gdp = {"gdp": np.full(3, values[index]), "output": np.zeros((2, 3))}
            kept: dict[str, Any] = {"values": gdp, "prices": {"capacity_limit": np.zeros((1, 3))}}
            run = outcome(index, "optimal", **kept) if index != 12 else outcome(index, "failed")
            store.put(replace(run, table_sha256=grid.tables["china-2020"]))
    found = sensitivity(open_results(tmp_path / "out"))
    assert found["outcome"].values.tolist() == ["gdp"]
    assert found["assumption"].values.tolist() == ["x1", "x2", "x3"]
    box = sampled(ishigami, 3, "saltelli", 64)
    box["status"][12] = "failed"
    alone = sensitivity(box).sel(outcome="y")
    for name in ("first_order", "total", "total_interval", "lost"):
        np.testing.assert_array_equal(found[name].sel(outcome="gdp").values, alone[name].values)


# ---------------------------------------------------------------- slips
def test_slips_are_one_message() -> None:
    box = sampled(ishigami, 3, "saltelli", 64)
    for asked, said in (
        (lambda: sensitivity(cast("Any", box["y"])), "takes the box that iom.open_results gives, found DataArray"),
        (lambda: sensitivity(box.isel(sample=3)), "the box is a single run"),
        (lambda: sensitivity(box.isel(sample=slice(300))), "sample has 300 of the 320 samples of Saltelli's design"),
        (lambda: sensitivity(box.isel(sample=slice(None, None, -1))), "or in another order"),
        (lambda: sensitivity(box, "y"), "outcomes: found 'y'; give a list of names"),
        (lambda: sensitivity(box, ["z"]), "the box has no variable 'z'"),
        (lambda: sensitivity(box, {"y": box["y"]}), r"outcomes: y has sample, year; allowed: one number a run.*max"),
        (lambda: sensitivity(box, cast("Any", {"y": 3})), "outcomes: y has int"),
        (lambda: sensitivity(box, year=2031), "year: found 2031; allowed: the kept years 2030, 2035"),
        (lambda: sensitivity(box.drop_vars("y")), "the box has no yearly variable"),
        (lambda: sensitivity(box, most_lost=2), "most_lost: found 2"),
        (lambda: sensitivity(box, seed=0), "seed: found 0"),
        (lambda: sensitivity(box, resamples=1), "resamples: found 1"),
    ):
        with pytest.raises(iom.IOModelError, match=said):
            asked()  # pyright: ignore[reportUnknownVariableType]
    box["status"][3] = "left"
    with pytest.raises(GridError, match="1 runs are still to be done; run the grid to its end first"):
        sensitivity(box)
    single = meshed(lambda a: a, a=[1.0])
    with pytest.raises(GridError, match="every axis has a single point"):
        sensitivity(single)
