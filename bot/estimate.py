"""How long somebody in line waits, from what replies took of late: from when till when, for they differ."""

from __future__ import annotations

from math import sqrt

from bot.core.presence import Pace

_SURE = 2.3
"""Standard deviations to either side. With it 96 % and more of what is told is right (`tests/bot/test_estimate.py` simulates
it), and 89 % where replies differ by one and a half times their mean: 64 of such tell too little."""
_LEAST_SHARE = 0.25
"""Of the time between two replies: the next may be late, and then nobody knows when it comes."""


def wait(num_before: int, pace: Pace, standing: float) -> tuple[float, float]:
    """The earliest and the latest that the reply may well begin, in seconds. The line has stood for `standing` of them."""
    each = 1 / pace.per_second
    mean = num_before * each + max(each - standing, _LEAST_SHARE * each)
    # Replies made side by side end at random moments, however alike they are: so the gap between two ends differs as well.
    first = max(pace.spread**2, (pace.num_slots - 1) / (pace.num_slots + 1))
    shape = mean**2 / max((num_before * pace.spread**2 + first) * each**2, 1e-6)
    return mean * _gamma(shape, -_SURE), mean * _gamma(shape, _SURE)


def _gamma(shape: float, deviations: float) -> float:
    """Of a gamma distribution with mean 1, the place so many deviations from its middle (Wilson and Hilferty)."""
    step = 1 / (9 * shape)
    return float(max(0.0, 1 - step + deviations * sqrt(step)) ** 3)
