"""Figures: medians, the highest hundredth, and ratios with the interval that they lie in."""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

_Z95 = 1.96


class Ratio(NamedTuple):
    """The median ratio of pairs that were measured in the same rounds, and its 95 % confidence interval."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f}x ({self.low:.2f}-{self.high:.2f})"


def ratio(ours: Sequence[float], floors: Sequence[float]) -> Ratio:
    """Return the ratio of what was measured to its floor, round by round.

    The interval is that of the median by order statistics: it assumes nothing of the distribution
    (Conover, Practical Nonparametric Statistics, 3.2).
    """
    ratios = sorted(one / floor for one, floor in zip(ours, floors, strict=True))
    half = _Z95 * math.sqrt(len(ratios)) / 2
    low = max(0, math.floor(len(ratios) / 2 - half))
    high = min(len(ratios) - 1, math.ceil(len(ratios) / 2 + half))
    return Ratio(statistics.median(ratios), ratios[low], ratios[high])


def hundredth(times: Sequence[float]) -> float:
    """Return p99: what one in a hundred takes at least."""
    return sorted(times)[min(len(times) - 1, math.ceil(len(times) * 0.99) - 1)]
