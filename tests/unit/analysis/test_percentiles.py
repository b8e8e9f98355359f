"""Percentiles by nearest rank, and intervals that hold what they promise."""

from __future__ import annotations

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podprobe.analysis.percentiles import differences, exact, rank


@pytest.mark.parametrize(
    ("count", "ratio", "expected"),
    [
        (1, 0.5, 1),
        (20, 0.99, 20),
        (100, 0.99, 99),
        (100, 0.07, 7),
        (1000, 0.999, 999),
        (4, 0.5, 2),
        (5, 0.5, 3),
    ],
)
def test_rank(count: int, ratio: float, expected: int) -> None:
    assert rank(count, ratio) == expected


@given(st.lists(st.integers(), min_size=1), st.integers(1, 1000))
def test_a_percentile_was_measured_and_enough_lie_at_or_below(values: list[int], thousandths: int) -> None:
    value = exact(sorted(values), thousandths / 1000)
    assert value in values
    assert sum(other <= value for other in values) * 1000 >= thousandths * len(values)
    assert sum(other < value for other in values) * 1000 < thousandths * len(values)


def noisy(seed: int, price: float, count: int = 120) -> list[tuple[float, float]]:
    """Pairs whose halves share a slow drift far larger than the price."""
    chance = random.Random(seed)
    pairs = []
    for number in range(count):
        drift = 300 * (number % 40) / 40
        pairs.append(
            (drift + 100 + price + chance.expovariate(1 / 20), drift + 100 + chance.expovariate(1 / 20))
        )
    return pairs


def test_a_real_difference_is_found() -> None:
    (median,) = differences(noisy(1, price=60), (0.5,))
    assert median.clear
    assert median.low < 60 < median.high


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """95 % promised; of 60 data sets, fewer than 50 covered would happen once in ten thousand honest runs."""
    covered = sum(
        median.low <= 30 <= median.high
        for seed in range(60)
        for median in differences(noisy(seed, price=30, count=80), (0.5,), resamples=300)
    )
    assert covered >= 50


def test_no_difference_is_seldom_called_clear() -> None:
    called = sum(
        median.clear
        for seed in range(60)
        for median in differences(noisy(seed, price=0, count=80), (0.5,), resamples=300)
    )
    assert called <= 10


def test_tails_that_were_not_seen_are_not_told() -> None:
    pairs = noisy(3, price=10, count=50)
    assert [difference.ratio for difference in differences(pairs, (0.5, 0.9, 0.99))] == [0.5, 0.9]
    assert differences([], (0.5,)) == []
    assert differences([(1.0, 1.0)], (0.5,)) == []


def test_the_value_is_the_difference_of_the_percentiles() -> None:
    pairs = [(float(a), float(b)) for a, b in zip(range(10, 20), range(10), strict=True)]
    (median,) = differences(pairs, (0.5,))
    assert median.value == statistics.median_low(range(10, 20)) - statistics.median_low(range(10))
