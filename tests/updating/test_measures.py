"""Errors of an estimate: zero for the truth, by hand on a table small enough, and the validation's published rungs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import iomodel as iom
from iomodel.aggregation import aggregate
from iomodel.errors import CardError, TableError
from iomodel.table import Table, load_table, make_table
from iomodel.updating.measures import embodied
from iomodel.updating.truth import national_view


def two(name: str, sold: float) -> Table:
    """Two regions of one sector; A buys inputs of `sold` from B."""
    flows = np.zeros((2, 1, 2, 1))
    flows[0, 0, 0, 0], flows[1, 0, 0, 0], flows[0, 0, 1, 0] = 10.0, sold, 5.0
    final = np.zeros((2, 1, 2, 2))
    final[0, 0, 0], final[0, 0, 1], final[1, 0, 0], final[1, 0, 1] = [40, 20], [5, 0], [8, 12], [70, 10]
    output = flows.sum(axis=(2, 3)) + final.sum(axis=(2, 3))
    return make_table(
        name=name, year=2000, unit="million USD", regions=["A", "B"], sectors={"1": "all"},
        categories=["household", "fixed_capital"], factors=["compensation"], flows=flows, final_demand=final,
        value_added=(output - flows.sum(axis=(0, 1)))[None], output=output, national=False,
    )  # fmt: skip


def test_the_truth_has_no_errors() -> None:
    world = aggregate(load_table("world-2011"), "broad3")
    found = iom.table_errors(world, world)
    for name in ("cells", "cross_border_cells", "bilateral", "multipliers", "embodied", "embodied_by_partner"):
        np.testing.assert_allclose(found[name], 0.0, atol=1e-9)
    assert found.attrs == {"estimate": world.name, "truth": world.name, "home": "CHN"}


def test_errors_by_hand() -> None:
    truth, estimate = two("truth", 20.0), two("estimate", 25.0)
    found = iom.table_errors(estimate, truth, home="A")
    assert float(found.cells) == pytest.approx(100 * 5 / 35)
    assert float(found.cross_border_cells) == pytest.approx(100 * 5 / 25)
    assert float(found.bilateral) == pytest.approx(100 * 5 / (20 + 20 + 5 + 5))

    def abroad(b_to_a: float, household: tuple[float, float]) -> float:
        a, b = 80.0, 100.0 + b_to_a  # outputs; inputs per output: a11 = 10/a, a21 = b_to_a/a, a12 = 5/b
        inputs = np.array([[10 / a, 5 / b], [b_to_a / a, 0.0]])
        made = np.linalg.inv(np.eye(2) - inputs) @ np.array(household)
        return float((1 - 5 / b) * made[1])

    wanted = abroad(25.0, (40, 8)) / abroad(20.0, (40, 8)) - 1
    assert float(found.embodied_by_partner.sel(partner="B", use="household")) == pytest.approx(100 * wanted, rel=1e-9)
    assert float(found.embodied.sel(use="household")) == pytest.approx(abs(100 * wanted), rel=1e-9)
    ratio = (abroad(20.0, (20, 12)) / 32) / (abroad(20.0, (40, 8)) / 48)
    assert float(found.ratio.sel(partner="B", which="truth")) == pytest.approx(ratio, rel=1e-9)


def test_embodied_value_added_is_all_of_demand() -> None:
    found = embodied(aggregate(load_table("world-2011"), "broad10"), "CHN")
    np.testing.assert_allclose(found.sum("region"), found.attrs["demand"], rtol=1e-9)


def test_tables_that_cannot_be_compared_are_refused() -> None:
    world = aggregate(load_table("world-2011"), "broad3")
    with pytest.raises(TableError, match=r"differ in sectors: .*Aggregate them to the same"):
        iom.table_errors(world, load_table("world-2011"))
    with pytest.raises(TableError, match=r"has no region 'CNH' with partners; it has CHN, "):
        iom.table_errors(world, world, home="CNH")
    with pytest.raises(TableError, match=r"differ in regions"):
        iom.table_errors(national_view(world, "CHN"), world)


def test_text_of_a_validation_without_australia_tells_of_another_partner() -> None:
    from iomodel.updating.validation import STALE, Validation, mean_errors
    from iomodel.updating.words import validation_text

    errors = iom.table_errors(two("estimate", 25.0), two("truth", 20.0), home="A")
    found = Validation({}, {(2000, 2006, STALE): errors}, errors, (2001, 2007))
    text = validation_text(found)
    assert "the ratio is value added of B per unit of investment" in text
    np.testing.assert_array_equal(mean_errors(found.gaps, STALE), errors["embodied"])
    with pytest.raises(CardError, match=r"no span with stale pairs, only with none: the recipe's years leave room"):
        mean_errors({}, STALE)


# Errors of a prototype by use (household, government, investment), 2005 to 2011 and 2002 to 2011, in percent
PROTOTYPE = {
    "+ total exports and imports": ([8.6, 10, 5.8], [9.2, 9, 7.3]),
    "+ goods by pair": ([5.8, 7.1, 4.0], [5.7, 6.9, 4.3]),
    "+ mining imports by partner": ([5.3, 7.1, 3.3], [4.1, 6.6, 3.2]),
    "+ goods imports, partner × product": ([4.5, 6.9, 2.5], [5.3, 6.6, 2.8]),
}


@pytest.mark.source
@pytest.mark.slow
def test_the_ladder_and_the_rehearsal(source_folder: Path) -> None:
    """Within two points of the prototype or better; more information helps; the card says what the rehearsal gave."""
    from iomodel.shipped import table_card
    from iomodel.updating.making import sources_of
    from iomodel.updating.recipe import load_recipe
    from iomodel.updating.validation import STALE, mean_errors, validate
    from iomodel.updating.words import validation_text

    found = validate(sources_of(load_recipe("world-2020"), source_folder), kinds=(STALE,))
    for name, both in PROTOTYPE.items():
        for first, theirs in zip((2005, 2002), both, strict=True):
            ours = found.ladder[first, 2011, name]["embodied"].values
            assert (ours < np.array(theirs) + 2.3).all(), (name, first, ours)
    worse, better = (found.ladder[2005, 2011, name]["embodied"].sum() for name in ("national table + GDP, entropy",
                     "+ goods imports, partner × product"))  # fmt: skip
    assert better < 0.5 * worse
    cells = found.ladder[2005, 2011, "+ goods by pair"]
    assert 14 < float(cells.cells) < 18
    assert 30 < float(cells.cross_border_cells) < 36
    np.testing.assert_allclose(found.rehearsal["embodied"], [11, 12, 6], atol=2)
    whole = table_card("world-2020-estimate")
    card = whole["validation"]
    for use, value in zip(found.rehearsal["use"].values, found.rehearsal["embodied"].values, strict=True):
        assert card["rehearsal"][use] == pytest.approx(value, abs=0.06)
    assert list(card["gaps"].values()) == pytest.approx(mean_errors(found.gaps, STALE), abs=0.06)
    assert (
        set(whole["rehearsal"]["household"])
        == set(whole["gaps"]["investment"])
        == set(load_table("world-2011").regions) - {"CHN"}
    )
    text = validation_text(found)
    assert "dress rehearsal 2001 to 2007" in text
    assert "2002 to 2011: what information buys" in text
