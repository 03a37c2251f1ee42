"""What a check does not confirm is said in words, and docs/experiments.md knows each of them."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from official import official

import iomodel as iom
from iomodel.economy import Economy
from iomodel.experiment import Target
from iomodel.program.certificate import Verdict
from iomodel.program.conflicts import Collision, Conflict, Member
from iomodel.program.feasibility import Said
from iomodel.program.wording import SECOND, described, law_in_words

DOCS = (Path(__file__).parents[2] / "docs" / "experiments.md").read_text(encoding="utf-8")


def test_what_a_second_solver_says_has_words(china: Economy) -> None:
    program = iom.build(official("demand-only"), china)
    for said in get_args(Said):
        conflict = Conflict((Member("package", ("2033",)),), 0.9, said, 0.0, 1, 1)
        text = described(program, Collision((conflict,), (), ()))
        assert ("a second solver" in text) == (said != "infeasible")
        assert said not in text
    assert set(SECOND) | {"infeasible"} == set(get_args(Said))
    for part in ("found a path", "stopped without a path or a proof", "the first proof alone"):
        assert part in " ".join(DOCS.split())
        assert any(part in text for text in SECOND.values())


def test_a_target_that_is_not_hard_may_be_missed_from_below_only(china: Economy) -> None:
    experiment = official("demand-only")
    said = law_in_words(iom.build(experiment, china), "package", ("2033",))
    assert said.endswith("from 2033 on, may be missed, not exceeded)")
    hard = experiment.replace(targets={"package": Target("exactly", 4.0, 8, hard=True)})
    assert law_in_words(iom.build(hard, china), "package", ("2033",)).endswith("from 2033 on, hard)")
    floor = experiment.replace(targets={"package": Target("at_least", 4.0, 8)})
    assert law_in_words(iom.build(floor, china), "package", ("2033",)).endswith("from 2033 on, may be missed)")
    assert "may be less, never more" in " ".join(DOCS.split())


def test_tries_of_solvers_and_further_solves_are_two_things() -> None:
    found = Verdict("optimal", remedies=("Clarabel: inaccurate", "overflow imports shut in 2033",
                                         "nobody rationed in 2043"))  # fmt: skip
    told = "after Clarabel: inaccurate; solved again with overflow imports shut in 2033 and nobody rationed in 2043"
    assert str(found).endswith(told)
    again = Verdict("optimal", remedies=("overflow imports shut in 2033, 2034",))
    assert str(again).endswith("s; solved again with overflow imports shut in 2033, 2034")
