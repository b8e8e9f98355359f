"""Percentiles of samples, and what can honestly be said of the difference between two sets of them."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

RESAMPLES = 1000
"""Bootstrap rounds: enough for a 95 % interval, 0.1 s for 200 pairs."""

_TAIL_SAMPLES = 3
"""A percentile is told with an interval only where at least this many samples lie beyond it."""


def rank(count: int, ratio: float) -> int:
    """The nearest rank of a percentile among `count` samples, from 1: the smallest with `ratio` of them at or below.

    The product is rounded a little first: 0.07 × 100 is 7.000000000000001 in floating point, and rank 7.
    """
    return max(1, min(count, math.ceil(round(ratio * count, 9))))


def exact(ordered: Sequence[float], ratio: float) -> float:
    """A percentile by nearest rank: always a value that was measured, never one between two.

    Args:
        ordered: samples, ascending, at least one.
        ratio: 0.99 for p99. Of fewer than 100 samples p99 is the largest.
    """
    return ordered[rank(len(ordered), ratio) - 1]


@dataclass(frozen=True)
class Difference:
    """By how much one percentile of `a` exceeds the same one of `b`, in the samples' unit."""

    ratio: float
    """0.5: the medians."""
    value: float
    low: float
    """The 95 % interval by bootstrap over pairs."""
    high: float

    @property
    def clear(self) -> bool:
        """The interval leaves out zero: the difference is more than chance."""
        return self.low > 0 or self.high < 0


def differences(
    pairs: Sequence[tuple[float, float]], ratios: Sequence[float], resamples: int = RESAMPLES
) -> list[Difference]:
    """How much slower `a` is than `b`, percentile by percentile, from interleaved measurements.

    Whole pairs are drawn again, so that what both halves of a pair shared (a busy moment of the machine) stays shared:
    drift widens no interval. Deterministic: the same pairs give the same interval.

    Args:
        pairs: (a, b), each measured one right after the other.
        ratios: which percentiles; those with fewer than three pairs beyond them are left out, because no
            resampling can tell where a tail lies that was not seen.
        resamples: bootstrap rounds.
    """
    count = len(pairs)
    told = [ratio for ratio in ratios if count - rank(count, ratio) >= _TAIL_SAMPLES] if count else []
    if not told:
        return []
    chance = random.Random(count)  # noqa: S311  # statistics, not secrets
    values = _gaps(pairs, told)
    rounds = [_gaps(chance.choices(pairs, k=count), told) for _ in range(resamples)]
    found = []
    for position, ratio in enumerate(told):
        gaps = sorted(gap[position] for gap in rounds)
        found.append(Difference(ratio, values[position], exact(gaps, 0.025), exact(gaps, 0.975)))
    return found


def _gaps(pairs: Sequence[tuple[float, float]], ratios: Sequence[float]) -> list[float]:
    first, second = sorted(a for a, _ in pairs), sorted(b for _, b in pairs)
    return [exact(first, ratio) - exact(second, ratio) for ratio in ratios]
