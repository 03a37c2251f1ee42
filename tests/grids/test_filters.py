"""Filters: a closed language laid over the whole box, held to Python's own evaluation at each place."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iomodel.errors import ExperimentError
from iomodel.grids.design.filters import axes_named, kept

LABELS = {"package": (0, 2, 4, 6), "reform": (0.0, 0.3, 0.9), "payer": ("debt", "dividends")}

numbers = st.sampled_from(["0", "2", "-1", "0.3", "4.5", "6"])
names = st.sampled_from(["package", "reform"])
signs = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
texts = st.sampled_from(["'debt'", "'dividends'", "'nobody'"])
comparisons = st.one_of(
    st.tuples(names, signs, numbers).map(" ".join),
    st.tuples(numbers, signs, names).map(" ".join),
    st.tuples(numbers, signs, names, signs, numbers).map(" ".join),
    st.tuples(st.just("payer"), st.sampled_from(["==", "!="]), texts).map(" ".join),
    st.tuples(names, st.sampled_from(["in", "not in"]), st.just("[0, 0.3, 6]")).map(" ".join),
)
expressions = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" and ", " or "]), inner).map("".join).map("({})".format),
        inner.map("not ({})".format),
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(expressions)
def test_each_place_is_kept_where_the_expression_holds_in_python(text: str) -> None:
    wanted = [eval(text, {}, dict(zip(LABELS, place, strict=True))) for place in itertools.product(*LABELS.values())]
    if any(wanted):
        np.testing.assert_array_equal(kept(LABELS, [text]).ravel(), wanted)
    else:
        with pytest.raises(ExperimentError, match="drops every combination"):
            kept(LABELS, [text])


def test_filters_hold_together() -> None:
    assert kept(LABELS, ["package > 0", "payer == 'debt'"]).sum() == 3 * 3
    with pytest.raises(ExperimentError, match=r"filters\[1\].*With those before it, it drops every"):
        kept(LABELS, ["package > 0", "package <= 0"])


def test_the_axes_that_a_filter_names() -> None:
    assert axes_named("package > 1 and not (reform == 0)", LABELS) == {"package", "reform"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pakage > 1", r"there is no axis 'pakage'; the axes are package, reform, payer. Did you mean package"),
        ("1 < 2", "it names no axis; the axes are package, reform, payer"),
        ("package >", "it is no expression"),
        ("package > 1; reform", "it is no expression"),
        ("package", "'package' is no comparison"),
        ("package + 1 > 2", "'package \\+ 1' is neither an axis, nor a number, nor text"),
        ("abs(package) > 2", "there is no axis 'abs'"),
        ("package.real > 2", "'package.real' is neither an axis"),
        ("-package > 2", "'-package' is neither an axis"),
        ("package > 'debt'", "'debt' is text and package a number"),
        ("payer == 1", "payer is text and 1 a number"),
        ("package is 2", "write == or !="),
        ("package in 2", "'2' is no list"),
        ("package > True", "'True' is neither an axis"),
        ("package > 1 if reform > 0 else payer == 'debt'", "is no comparison"),
        ("__import__('os').system('true') == 0", "there is no axis '__import__'"),
        (
            "not " * 900 + "package > 1 and " * 900 + "(" + "not " * 90 + "reform + 1 > 0)",
            "is no|is neither|nested too deeply",
        ),
        ("(" * 3000 + "package" + ")" * 3000 + "> 1", "it is no expression"),
    ],
)
def test_what_is_not_of_the_language_is_refused(text: str, said: str) -> None:
    with pytest.raises(ExperimentError, match=said) as error:
        kept(LABELS, [text])
    assert str(error.value).startswith("filters[0]: found ")
