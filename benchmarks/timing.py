"""Seconds of a call, as every benchmark takes them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any


def best(call: Callable[[], Any], times: int = 3) -> tuple[Any, float]:
    """Result and least seconds of a few calls."""
    result, least = None, math.inf
    for _ in range(times):
        started = time.perf_counter()
        result = call()
        least = min(least, time.perf_counter() - started)
    return result, least
