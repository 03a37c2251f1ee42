"""Limits in words: every law has some, with what it is worth in money."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from official import official

from iomodel.experiment import Benefit, Experiment, Limit, Target
from iomodel.experiment_parts import LIMITS
from iomodel.program.diagnose import ACCOUNTING
from iomodel.report.laws import WORDS, limits, money, says
from iomodel.report.rows import cards_of
from iomodel.run import build, what_binds
from iomodel.study.policies import Study


def test_every_law_that_binds_has_words(study: Study) -> None:
    for path in study.paths.values():
        assert {row.law for row in what_binds(path)} <= set(WORDS)
        cards = cards_of(path)
        for limit in limits(path):
            assert limit.says.startswith(says(limit.law, cards))
            assert limit.costs == money(limit.worth, path.provenance)
    assert not limits(study.paths["business-as-usual"])
    assert says("my_own_law", cards_of(study.paths["two-halves"])) == "the law my own law"


def test_every_law_has_words() -> None:
    """Laws of a program that has every limit, target and kind of target."""
    laws: set[str] = set()
    for kind in ("exactly", "at_least"):
        sizes = {"package": 4, "reform": 0.6, "idle_cut": 0.5}
        everything: Experiment = official("two-halves").replace(
            targets={key: Target("at_least" if key == "idle_cut" else kind, size, 8) for key, size in sizes.items()},
            limits={name: Limit() for name in LIMITS},
            free=("programme", "reform", "retirement"),
            benefit=Benefit(0.15, 8),
        )
        laws |= set(build(everything).laws)
    assert set(LIMITS) <= laws
    assert laws - set(ACCOUNTING) <= set(WORDS)
    assert set(WORDS) - laws <= {"investment_not_negative", "full_employment"}


def test_a_limit_of_single_sectors_is_said_to_be_one(study: Study) -> None:
    electricity = "electricity, gas and water supply"
    asked = ((study.others["china-2020"], "25", "gas supply"), (study.paths["best-path"], "UTIL", electricity))
    for path, code, called in asked:
        shown = limits(path, 9)
        assert [limit.narrow for limit in shown] == sorted(limit.narrow for limit in shown)
        price = path.shadow_prices["capacity_limit"]
        wide = price.copy(data=np.full(price.shape, 1e-3))
        spread = replace(path, shadow_prices={**path.shadow_prices, "capacity_limit": wide})
        assert not any(limit.narrow for limit in limits(spread, 9))
        one = price.copy(data=np.where(price["industry"].values[:, None] == code, 1.0, 0.0) * np.ones(price.shape))
        single = replace(path, shadow_prices={**path.shadow_prices, "capacity_limit": one})
        last = limits(single, 9)[-1]
        assert last.narrow
        assert last.says.endswith(f"in {called} (100 percent of it), not in industry as a whole")


def test_worth_is_told_in_money(study: Study) -> None:
    provenance = dict(study.paths["two-halves"].provenance)
    assert money(0.1, {**provenance, "gdp": 1e8, "gdp_unit": "million CNY"}) == "+100 bn yuan"
    assert money(-0.001, {**provenance, "gdp": 1e8, "gdp_unit": "million USD"}) == "−1.0 bn dollars"
    assert money(0.1, {**provenance, "gdp_unit": "crore"}) == "+0.100 percent of base-year GDP"
