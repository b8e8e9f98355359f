"""Histograms of latency as bars."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from typing import TYPE_CHECKING

from podprobe.analysis import histogram
from podprobe.report import units
from podprobe.report.neutral import neutral

if TYPE_CHECKING:
    from podprobe.model import Latency

_BARS = 60
_WIDTH = 480.0
_HEIGHT = 64.0


@dataclass(frozen=True)
class Bar:
    """One bar, in pixels, and what it stands for."""

    x: float
    y: float
    width: float
    height: float
    text: str


@dataclass(frozen=True)
class Bars:
    """A histogram over a logarithmic axis of time."""

    title: str
    width: float
    height: float
    bars: tuple[Bar, ...]
    low: str
    high: str
    marks: tuple[tuple[str, float, str], ...]
    """Percentiles: name, x, value."""


def bars(latency: Latency) -> Bars | None:
    """The histogram of one series of probes; `None` where it has none, or one that is no histogram."""
    found = latency.histogram
    if found is None or not found.counts:
        return None
    try:
        edges = {index: histogram.bounds_ns(index, found.buckets_per_octave) for index in found.counts}
    except ValueError:
        return None
    low = log2(max(1.0, min(start for start, _ in edges.values())))
    high = log2(max(end for _, end in edges.values()))
    # Half an octave at least, so that a few equal samples are not spread over the whole picture.
    span = max(high - low, 0.5)
    counts = [0] * _BARS
    for index, (start, end) in edges.items():
        place = (log2(max(1.0, (start + end) / 2)) - low) / span
        counts[min(_BARS - 1, max(0, int(place * _BARS)))] += max(0, found.counts[index])
    most = max(counts)
    if most == 0:
        return None
    step = _WIDTH / _BARS

    def bar(slot: int, count: int) -> Bar:
        height = max(1.5, _HEIGHT * count / most)
        middle = 2 ** (low + span * (slot + 0.5) / _BARS)
        text = f"{count} around {units.microseconds(middle / 1000)}"
        return Bar(slot * step, _HEIGHT - height, step - 1, height, text)

    def x(microseconds: float) -> float:
        place = (log2(max(1.0, microseconds * 1000)) - low) / span
        return _WIDTH * min(1.0, max(0.0, place))

    percentiles = (("p50", latency.p50_us), ("p99", latency.p99_us))
    ends = f"{latency.from_container or '?'} → {latency.to_container or '?'}"
    return Bars(
        title=neutral(f"{ends}  {latency.kind} {latency.to}", 160),
        width=_WIDTH,
        height=_HEIGHT,
        bars=tuple(bar(slot, count) for slot, count in enumerate(counts) if count),
        low=units.microseconds(2**low / 1000),
        high=units.microseconds(2 ** (low + span) / 1000),
        marks=tuple((name, x(value), units.microseconds(value)) for name, value in percentiles if value),
    )
