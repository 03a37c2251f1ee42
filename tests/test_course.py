"""The course of an experiment: what it refuses before anything is solved."""

from collections.abc import Callable

import pytest
from official import official

import iomodel as iom


def test_tariffs_of_all_partners_need_an_inter_country_table() -> None:
    experiment = iom.load_experiment("two-halves-tariffs").replace(table="china-2020")
    with pytest.raises(iom.ExperimentError, match=r"tariffs need trading partners.*world-2011"):
        iom.simulate(experiment)


@pytest.mark.parametrize("verb", [iom.build, iom.solve, iom.simulate])
def test_a_name_is_no_experiment(verb: Callable[..., object]) -> None:
    with pytest.raises(iom.ExperimentError, match="load it first"):
        verb("two-halves")


@pytest.mark.parametrize("verb", [iom.build, iom.solve])
def test_blocks_are_a_list(verb: Callable[..., object]) -> None:
    experiment = official("demand-only")
    own = iom.Block("own", laws=lambda _v, _p: [])
    with pytest.raises(iom.ProgramError, match="blocks is a list"):
        verb(experiment, blocks=own)


def test_a_horizon_beyond_the_yearly_paths_is_refused() -> None:
    with pytest.raises(iom.ExperimentError, match="go beyond the yearly paths"):
        iom.simulate(official("business-as-usual").replace(years=20, beyond=30))
