"""Log-linear histograms of durations: no sample is lost, and two of them add up.

A bucket is 1/`BUCKETS_PER_OCTAVE` of its octave wide, so that its middle is at most
1/(2 × `BUCKETS_PER_OCTAVE`) of a sample away from it: 0.8 %.

Why not a library: the snapshot's histogram is plain data that any reader can add up with a loop, in buckets that the
schema defines. `ddsketch` keeps other (logarithmic) buckets behind numpy and protobuf, `hdrhistogram` a compressed
blob of a fixed range out of a C extension; either would have to be unpacked by its private fields. What is left
without them is the arithmetic below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.model import Histogram

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BUCKETS_PER_OCTAVE = 64
"""What podprobe writes. It reads and adds any power of two."""

_OCTAVES = 64
"""Durations fit 64 bits of nanoseconds (584 years); an octave beyond that is no duration."""

EMPTY = Histogram(buckets_per_octave=BUCKETS_PER_OCTAVE, counts={})


def bucket(duration_ns: int, buckets_per_octave: int = BUCKETS_PER_OCTAVE) -> int:
    """The number of the bucket that holds a duration. What is below 1 ns counts as 1 ns, so that nothing is lost."""
    duration_ns = min(max(1, duration_ns), (1 << _OCTAVES) - 1)
    octave = duration_ns.bit_length() - 1
    return octave * buckets_per_octave + (((duration_ns - (1 << octave)) * buckets_per_octave) >> octave)


def bounds_ns(index: int, buckets_per_octave: int = BUCKETS_PER_OCTAVE) -> tuple[float, float]:
    """Where a bucket begins and where the next one does, in nanoseconds.

    Raises:
        ValueError: there is no such bucket (a histogram from a file may claim one).
    """
    octave, step = divmod(index, buckets_per_octave) if buckets_per_octave > 0 else (-1, 0)
    if not 0 <= octave < _OCTAVES:
        raise ValueError(f"bucket {index} is outside the {_OCTAVES} octaves of a duration")
    start = 1 << octave
    return start + start * step / buckets_per_octave, start + start * (step + 1) / buckets_per_octave


def middle_ns(index: int, buckets_per_octave: int = BUCKETS_PER_OCTAVE) -> float:
    """The middle of the integers that a bucket holds, in nanoseconds."""
    low, high = bounds_ns(index, buckets_per_octave)
    first, last = -int(-low // 1), -int(-high // 1) - 1
    # Below `buckets_per_octave` ns many buckets hold no integer at all, and the others just one.
    return (first + last) / 2 if last >= first else low


def from_samples(samples_ns: Iterable[int]) -> Histogram:
    """The histogram of durations in nanoseconds."""
    counts: dict[int, int] = {}
    for sample in samples_ns:
        index = bucket(sample)
        counts[index] = counts.get(index, 0) + 1
    return Histogram(buckets_per_octave=BUCKETS_PER_OCTAVE, counts=dict(sorted(counts.items())))


def merge(*histograms: Histogram) -> Histogram:
    """All samples of several histograms. The order and grouping do not matter.

    Histograms of different fineness meet at the coarsest.

    Raises:
        ValueError: two of them have buckets that do not nest (one fineness is no multiple of the other).
    """
    if not histograms:
        return EMPTY
    coarsest = min(histogram.buckets_per_octave for histogram in histograms)
    counts: dict[int, int] = {}
    for histogram in histograms:
        ratio, rest = divmod(histogram.buckets_per_octave, coarsest) if coarsest > 0 else (0, 1)
        if rest:
            raise ValueError(
                f"histograms of {coarsest} and {histogram.buckets_per_octave} buckets an octave do not add up"
            )
        for index, count in histogram.counts.items():
            # `i // ratio` is right across octaves, because an octave has a multiple of `ratio` buckets.
            counts[index // ratio] = counts.get(index // ratio, 0) + count
    return Histogram(buckets_per_octave=coarsest, counts=dict(sorted(counts.items())))


def total(histogram: Histogram) -> int:
    """How many samples it holds."""
    return sum(histogram.counts.values())


def percentile_ns(histogram: Histogram, ratio: float) -> float | None:
    """A percentile by nearest rank, as `percentiles.exact` defines it, from the buckets.

    Args:
        histogram: of durations.
        ratio: 0.99 for p99.

    Returns:
        Nanoseconds, at most 1/(2 × buckets_per_octave) of the exact percentile away from it;
        `None` for an empty histogram.

    Raises:
        ValueError: it has buckets that no duration can be in.
    """
    from podprobe.analysis.percentiles import rank

    samples = total(histogram)
    if not samples:
        return None
    wanted, seen = rank(samples, ratio), 0
    for index, count in sorted(histogram.counts.items()):
        seen += count
        if seen >= wanted:
            return middle_ns(index, histogram.buckets_per_octave)
    return None


def rows(histogram: Histogram, lines: int) -> Iterator[tuple[float, float, int]]:
    """The histogram in at most `lines` steps of equal ratio, for drawing: begin and end in nanoseconds, count.

    Begins with the first step that holds a sample and ends with the last one; those between may be empty.

    Raises:
        ValueError: it has buckets that no duration can be in.
    """
    taken = [index for index, count in sorted(histogram.counts.items()) if count]
    if not taken:
        return
    per_octave = histogram.buckets_per_octave
    bounds_ns(taken[0], per_octave), bounds_ns(taken[-1], per_octave)
    width = 1
    while taken[-1] // width - taken[0] // width >= lines:
        width *= 2
    steps: dict[int, int] = {}
    for index in taken:
        steps[index // width] = steps.get(index // width, 0) + histogram.counts[index]
    for step in range(taken[0] // width, taken[-1] // width + 1):
        last = min((step + 1) * width, _OCTAVES * per_octave) - 1
        yield bounds_ns(step * width, per_octave)[0], bounds_ns(last, per_octave)[1], steps.get(step, 0)
