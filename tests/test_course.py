"""The course of an experiment: what it refuses before anything is solved."""

import pytest

import iomodel as iom


def test_tariffs_of_all_partners_need_an_inter_country_table() -> None:
    experiment = iom.load_experiment("two-halves-tariffs").replace(table="china-2020")
    with pytest.raises(iom.ExperimentError, match=r"tariffs need trading partners.*world-2011"):
        iom.simulate(experiment)
