"""What is imported when: the package and its help cost nothing, and every public name is where it is said to be."""

from __future__ import annotations

import subprocess
import sys

import pytest

import iomodel

SLOW = ("cvxpy", "xarray", "pandas", "matplotlib", "scipy", "numpy")


def modules_after(code: str) -> set[str]:
    """Names in sys.modules of a fresh interpreter after `code`."""
    run = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint('MODULES', *sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(run.stdout.rpartition("MODULES ")[2].split())


@pytest.mark.parametrize(
    "code",
    [
        "import iomodel",
        "import iomodel\niomodel.IOModelError",
        "from iomodel.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit: pass",
        "from iomodel.cli import main\ntry:\n    main(['run', '--help'])\nexcept SystemExit: pass",
        "from iomodel.cli import main\nmain(['tables'])",
    ],
)
def test_slow_libraries_are_not_loaded(code: str) -> None:
    assert not modules_after(code) & set(SLOW)


@pytest.mark.parametrize(
    "code",
    [
        "import iomodel\niomodel.load_experiment('two-halves')",
        "from iomodel.cli import main\nmain(['cards', 'precaution'])",
        "from iomodel.cli import main\nmain(['run', 'two-halfs'])",
    ],
)
def test_cards_and_experiments_need_no_labelled_arrays(code: str) -> None:
    assert not modules_after(code) & {"cvxpy", "xarray", "pandas", "scipy"}


@pytest.mark.parametrize("name", iomodel.__all__)
def test_every_public_name_is_found(name: str) -> None:
    value = getattr(iomodel, name)
    assert value.__name__ == name
    assert value.__doc__
    assert name in dir(iomodel)


def test_public_names_are_those_that_have_a_home() -> None:
    assert set(iomodel.__all__) == set(iomodel._WHERE)
    assert list(iomodel.__all__) == sorted(iomodel.__all__)


def test_a_misspelled_name_is_told_the_nearest() -> None:
    with pytest.raises(AttributeError, match=r"iomodel has no name 'load_tabel'\. Did you mean load_table"):
        _ = iomodel.load_tabel  # pyright: ignore[reportAttributeAccessIssue]


def test_no_module_bears_the_name_of_an_exported_function() -> None:
    modules = {module.split(".")[1] for module in iomodel._HOME}
    assert not modules & set(iomodel.__all__)
