"""Histograms lose nothing, add up in any order, and stay within their promised error."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podprobe.analysis import histogram
from podprobe.analysis.percentiles import exact
from podprobe.model import Histogram

RECORDED = Path(__file__).parents[2] / "data" / "latency"

durations = st.integers(min_value=0, max_value=2**64 - 1)
samples = st.lists(st.one_of(durations, st.integers(0, 10_000_000)), max_size=60)
fineness = st.sampled_from([1, 2, 8, 32, 64, 128])


def coarse(values: list[int], per_octave: int) -> Histogram:
    counts: dict[int, int] = {}
    for value in values:
        index = histogram.bucket(value, per_octave)
        counts[index] = counts.get(index, 0) + 1
    return Histogram(buckets_per_octave=per_octave, counts=counts)


@given(durations, fineness)
def test_a_bucket_holds_its_samples(duration: int, per_octave: int) -> None:
    low, high = histogram.bounds_ns(histogram.bucket(duration, per_octave), per_octave)
    # Bounds are floats: exact to 53 bits, so beyond that compare with their own precision.
    assert low <= float(max(1, duration)) <= high
    assert high - low <= low / per_octave * (1 + 1e-9)


@given(st.integers(1, 2**63), fineness)
def test_buckets_tile_without_gap_or_overlap(duration: int, per_octave: int) -> None:
    index = histogram.bucket(duration, per_octave)
    if index + 1 < 64 * per_octave:
        assert histogram.bounds_ns(index, per_octave)[1] == histogram.bounds_ns(index + 1, per_octave)[0]


@given(samples)
def test_no_sample_is_lost(values: list[int]) -> None:
    assert histogram.total(histogram.from_samples(values)) == len(values)


@given(samples, samples, samples)
def test_merging_is_associative_commutative_and_the_same_as_counting_together(
    a: list[int], b: list[int], c: list[int]
) -> None:
    first, second, third = (histogram.from_samples(part) for part in (a, b, c))
    together = histogram.from_samples(a + b + c)
    assert histogram.merge(histogram.merge(first, second), third) == together
    assert histogram.merge(first, histogram.merge(second, third)) == together
    assert histogram.merge(third, first, second) == together
    assert histogram.merge(first, histogram.EMPTY) == first


@given(samples, samples, samples, fineness, fineness, fineness)
def test_different_fineness_merges_associatively(
    a: list[int], b: list[int], c: list[int], i: int, j: int, k: int
) -> None:
    first, second, third = coarse(a, i), coarse(b, j), coarse(c, k)
    left = histogram.merge(histogram.merge(first, second), third)
    assert left == histogram.merge(first, histogram.merge(second, third))
    assert left.counts == dict(sorted(coarse(a + b + c, min(i, j, k)).counts.items()))


def test_fineness_that_does_not_nest_is_refused() -> None:
    with pytest.raises(ValueError, match="do not add up"):
        histogram.merge(coarse([1], 64), coarse([1], 48))


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=200), st.floats(0.001, 1))
def test_percentiles_are_within_the_promised_error(values: list[int], ratio: float) -> None:
    value = histogram.percentile_ns(histogram.from_samples(values), ratio)
    truth = exact(sorted(values), ratio)
    assert value is not None
    assert abs(value - truth) <= truth / (2 * histogram.BUCKETS_PER_OCTAVE) + 1e-6


@pytest.mark.parametrize("name", ["loopback_connects", "loopback_5_percent_loss"])
def test_percentiles_of_recorded_connects(name: str) -> None:
    """Connects measured on loopback: one without loss, one where 5 % of the segments were dropped."""
    values = [int(line) for line in (RECORDED / f"{name}.ns").read_text().split()]
    drawn = histogram.from_samples(values)
    for ratio in (0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1):
        truth = exact(sorted(values), ratio)
        value = histogram.percentile_ns(drawn, ratio)
        assert value == pytest.approx(truth, rel=1 / 128)


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=100), st.integers(1, 20))
def test_drawing_keeps_every_sample(values: list[int], lines: int) -> None:
    rows = list(histogram.rows(histogram.from_samples(values), lines))
    assert len(rows) <= lines
    assert sum(count for _, _, count in rows) == len(values)
    assert rows[0][0] <= min(values)
    assert max(values) <= rows[-1][1]
    assert all(after[0] == before[1] for before, after in pairwise(rows))


@pytest.mark.parametrize("index", [-1, 64 * 64, 10**30])
def test_buckets_that_no_duration_can_be_in(index: int) -> None:
    """A snapshot from a file may claim anything; 2 to the power of anything is not computed."""
    claimed = Histogram(buckets_per_octave=64, counts={index: 1})
    with pytest.raises(ValueError, match="outside"):
        histogram.percentile_ns(claimed, 0.5)
    with pytest.raises(ValueError, match="outside"):
        list(histogram.rows(claimed, 10))


def test_a_histogram_without_fineness() -> None:
    with pytest.raises(ValueError, match="outside"):
        histogram.percentile_ns(Histogram(buckets_per_octave=0, counts={0: 1}), 0.5)
