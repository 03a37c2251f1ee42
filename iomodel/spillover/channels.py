"""The share of each channel in a joint change: the mean of what it adds over all orders of switching the channels on.

Effects interact: a tariff bites more when the home region sells more. Switched on one after the other, the channels add
to the whole change in every order, but each order gives the interaction to another channel; the mean over orders
(Shapley's value) treats them alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from math import factorial

from iomodel.markets.shares import Array


def shapley(outcome: Callable[[frozenset[str]], Array], channels: Sequence[str]) -> dict[str, Array]:
    """φ_c = Σ_{S without c} |S|! (n − |S| − 1)! / n! · [outcome(S ∪ c) − outcome(S)].

    outcome: the result when the channels in a set are switched on and the others are not; called once for each set.

    >>> import numpy as np
    >>> both = shapley(lambda on: np.array(2.0 * ("a" in on) + 4.0 * (len(on) == 2)), ["a", "b"])
    >>> float(both["a"]), float(both["b"])
    (4.0, 2.0)
    """
    count = len(channels)
    sets = [frozenset(chosen) for size in range(count + 1) for chosen in combinations(channels, size)]
    found = {chosen: outcome(chosen) for chosen in sets}
    parts: dict[str, Array] = {}
    for channel in channels:
        others = [chosen for chosen in sets if channel not in chosen]
        weights = [factorial(len(s)) * factorial(count - len(s) - 1) / factorial(count) for s in others]
        gains = [found[chosen | {channel}] - found[chosen] for chosen in others]
        parts[channel] = sum((w * gain for w, gain in zip(weights, gains, strict=True)), 0.0 * found[frozenset()])
    return parts
