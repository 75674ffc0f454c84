"""How long something takes, for choices that nothing else can make."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

_TRIES = 4


def best_seconds(act: Callable[[], object]) -> float:
    """The shortest of a few: what else runs on the machine only ever adds to it."""
    seconds = []
    for _ in range(_TRIES):
        began_at = perf_counter()
        act()
        seconds.append(perf_counter() - began_at)
    return min(seconds)
