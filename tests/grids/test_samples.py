"""Samples: each card inside its range, groups as one, the rows of Saltelli's design as its estimators read them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from iomodel.cards import load_cards
from iomodel.errors import IOModelError
from iomodel.grids.design.definition import Drawn
from iomodel.grids.design.samples import read_samples

CARDS = load_cards("china-2020")
GROUPS = {"saving": ["precaution", "-propensity_transfers"], "waste": ["waste_drive"], "path": ["pandemic_path"]}


def drawn(**entries: Any) -> tuple[Any, Drawn, dict[str, Any]]:
    axis, said = read_samples("sample", {"method": "saltelli", "points": 16, "seed": 3, **entries}, CARDS)
    assert isinstance(axis.settings, Drawn)
    return axis, axis.settings, said


def test_cards_of_a_group_move_together_inside_their_ranges() -> None:
    axis, settings, said = drawn(groups=GROUPS)
    u = {group: np.array(values) for group, values in axis.inputs.items()}
    assert len(axis) == 16 * (3 + 2)
    for row, place in zip(settings, range(len(axis)), strict=True):
        for key, turned in (("precaution", False), ("propensity_transfers", True)):
            card, at = CARDS.card(key), u["saving"][place]
            assert row[f"cards.{key}"] == pytest.approx(card.low + (1 - at if turned else at) * (card.high - card.low))
    assert said["groups"]["saving"][1] == {"card": "propensity_transfers", "from": 0.85, "to": 0.45, "shift": False}
    assert (said["axis"], said["method"], said["points"], said["seed"]) == ("sample", "saltelli", 16, 3)


def test_a_card_of_many_years_is_shifted_as_a_whole() -> None:
    axis, settings, said = drawn(groups=GROUPS)
    card = CARDS.card("pandemic_path")
    paths = np.array([row["cards.pandemic_path"] for row in settings])
    shifts = paths - np.array(card.value)
    np.testing.assert_allclose(shifts, shifts[:, :1].repeat(paths.shape[1], axis=1), atol=1e-12)
    assert card.low <= paths.min() <= paths.max() <= card.high
    low, high = card.low - min(card.value), card.high - max(card.value)  # pyright: ignore[reportArgumentType]
    np.testing.assert_allclose(shifts[:, 0], low + np.array(axis.inputs["path"]) * (high - low), atol=1e-12)
    assert said["groups"]["path"][0]["shift"]


def test_rows_of_saltelli_are_those_of_the_estimator() -> None:
    # A, then A with one column of B each, then B: Saltelli et al. (2010), the order in which the estimators read.
    axis, _, _ = drawn(groups=GROUPS)
    rows = np.array(list(axis.inputs.values())).T.reshape(16, 5, 3)
    a, b = rows[:, 0], rows[:, -1]
    for column in range(3):
        mixed = a.copy()
        mixed[:, column] = b[:, column]
        np.testing.assert_array_equal(rows[:, 1 + column], mixed)
    assert not np.any(a == b)
    for column in np.hstack([a, b]).T:  # scrambled Sobol: each sixteenth of the range holds one base point
        np.testing.assert_array_equal(np.sort((column * 16).astype(int)), np.arange(16))


def test_a_latin_hypercube_has_one_point_in_each_slice() -> None:
    axis, settings, said = drawn(method="latin_hypercube", cards=["precaution", "waste_drive"], points=50)
    assert list(axis.inputs) == ["precaution", "waste_drive"]
    assert said["method"] == "latin_hypercube"
    for values in axis.inputs.values():
        np.testing.assert_array_equal(np.sort((np.array(values) * 50).astype(int)), np.arange(50))
    assert len(settings) == 50


def test_a_seed_is_a_design() -> None:
    for method in ("saltelli", "latin_hypercube"):
        one, same, other = (drawn(method=method, groups=GROUPS, seed=seed)[1] for seed in (3, 3, 4))
        assert one == same
        assert one != other


def test_a_design_is_the_same_wherever_it_is_drawn() -> None:
    # With SALib 1.6 on scipy 1.17 and 1.18. Another design would be another grid, and its old results refused.
    rows = np.array(list(drawn(groups=GROUPS, seed=1)[0].inputs.values())).T
    np.testing.assert_allclose(rows[0], [0.15546532, 0.58874733, 0.60753218], atol=1e-8)
    rows = np.array(list(drawn(method="latin_hypercube", groups=GROUPS, seed=1)[0].inputs.values())).T
    np.testing.assert_allclose(rows[0], [0.65725429, 0.57254075, 0.98456439], atol=1e-8)


def test_ranges_may_be_narrower() -> None:
    _, settings, _ = drawn(groups=GROUPS, ranges={"precaution": [0.2, 0.4]})
    values = settings.values[:, settings.keys.index("cards.precaution")]
    assert 0.2 <= min(values) < 0.25
    assert 0.35 < max(values) <= 0.4


ELEVEN = {f"g{place}": [card] for place, card in enumerate(list(CARDS)[:5] + list(CARDS)[7:13])}


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"method": "sobol", "cards": ["precaution"]}, "samples.method: found 'sobol'; allowed: latin_hypercube, salt"),
        ({"card": ["precaution"]}, "samples: found 'card'; .* Did you mean cards"),
        ({}, "either cards = .* or groups = "),
        ({"cards": ["precaution"], "groups": GROUPS}, "either cards = .* or groups = "),
        ({"cards": []}, "samples.cards: found .*a list of at least one card"),
        ({"cards": ["precautions"]}, "there is no card 'precautions'.* Did you mean precaution"),
        ({"cards": ["precaution", "precaution"]}, "each card once"),
        ({"groups": {"a": ["precaution"], "b": ["-precaution"]}}, "found 'precaution'.* It is in a already"),
        ({"groups": {"a b": ["precaution"]}}, "found 'a b'; allowed: a name of letters"),
        ({"groups": {}}, "samples.groups: found {}; allowed: a table"),
        ({"groups": ELEVEN}, "found '11 groups'; allowed: at most 10 groups of cards with saltelli"),
        ({"cards": ["drive_last_year"]}, "the card drive_last_year is a calendar year, which is not drawn"),
        ({"cards": ["precaution"], "points": 100}, "found 100; .*power of two.* nearest are 64 and 128"),
        ({"cards": ["precaution"], "points": 0}, "samples.points: found 0"),
        ({"cards": ["precaution"], "points": None}, "samples.points: found None"),
        ({"cards": ["precaution"], "seed": -1}, "samples.seed: found -1"),
        ({"cards": ["precaution"], "ranges": {"precaution": [0, 2]}}, "ranges.precaution: found 2; .*0 to 1.03"),
        ({"cards": ["precaution"], "ranges": {"precaution": [0.4, 0.4]}}, r"\[low, high\] inside the card's range"),
        ({"cards": ["precaution"], "ranges": {"precaution": 0.4}}, r"\[low, high\] inside the card's range"),
        ({"cards": ["precaution"], "ranges": {"waste_drive": [0, 0.1]}}, "ranges: found 'waste_drive'; .*are drawn"),
        ({"cards": ["pandemic_path"], "ranges": {"pandemic_path": [0, 1]}}, "a range that holds its values -0.1 to 1"),
    ],
)
def test_a_slip_is_one_message(entries: dict[str, Any], said: str) -> None:
    with pytest.raises(IOModelError, match=said) as error:
        read_samples("sample", {"method": "saltelli", "points": 16, **entries}, CARDS)
    assert str(error.value).startswith("axes.sample.samples")
