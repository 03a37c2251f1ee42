"""What a policy states, in brackets beside its name: targets, payer, limits, cards, tariffs."""

from __future__ import annotations

from dataclasses import replace

from iomodel.experiment import Benefit, Limit, Target, Tariff
from iomodel.report.rows import states
from iomodel.study.policies import Study


def test_the_brackets_come_from_the_targets(study: Study) -> None:
    asked = {name: path.experiment for name, path in study.paths.items()}
    found = {name: states(path, asked) for name, path in study.paths.items()}
    assert found["business-as-usual"] == ""
    assert found["supply-only"] == "by 2033: investment drive halved, idle plant at least halved"
    assert found["demand-only"].startswith("by 2033: social programme of 4 points of GDP, unemployment benefit at 15")
    assert found["two-halves"] == "both"
    assert found["best-path"].startswith(
        "how far could one go with reform, closures and programme free within their pace"
    )


def test_other_targets_make_other_brackets(study: Study) -> None:
    both = study.paths["two-halves"]
    changed = both.experiment.replace(
        targets={"reform": Target("exactly", 0.5, 5), "package": Target("at_least", 2.5, 8)},
        benefit=Benefit(0.2, 5),
        payer="dividends",
        cards={"precaution": 0.0},
        limits={"debt_ceiling": Limit(), "deficit_ceiling": Limit(soft=0.5)},
        free=("programme", "reform"),
    )
    assert states(replace(both, experiment=changed)) == (
        "by 2030: investment drive cut by 40 percent, unemployment benefit at 20 percent of the wage; by 2033: social "
        "programme of at least 2.5 points of GDP; paid by dividends of state firms; debt ceiling a law; deficit "
        "ceiling at a price of 0.5; card precaution = 0"
    )


def test_tariffs_are_stated(study: Study) -> None:
    path = study.world["two-halves-tariffs"]
    assert states(path).endswith("partners' tariffs on manufacturing 10.3 points higher from 2026")
    one = path.experiment.replace(tariffs=(Tariff("USA", "all", 25.0, 3),))
    assert states(replace(path, experiment=one)).endswith(
        "United States's tariffs on all goods 25 points higher from 2028"
    )
