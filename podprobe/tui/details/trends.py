"""Which plots go with which kind of thing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from podprobe.report import units
from podprobe.tui.details.blocks import Bars, Block, Trend
from podprobe.tui.drawing.spark import histogram_columns

if TYPE_CHECKING:
    from podprobe.model import Histogram
    from podprobe.tui.details.objects import Found
    from podprobe.tui.state import State

Show = Callable[[float], str]


def _bytes(value: float) -> str:
    return units.size(int(value))


def _count(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or value >= 100 else f"{value:,.1f}"


def _rate(value: float) -> str:
    return f"{value:,.1f}/s"


def _bytes_rate(value: float) -> str:
    return f"{units.size(int(value))}/s"


def _cores(value: float) -> str:
    return f"{value:.2f} cores"


def _share(value: float) -> str:
    return units.ratio(round(value, 4))


_MEASURES: dict[str, tuple[tuple[str, str, Show], ...]] = {
    "container": (
        ("memory", "memory", _bytes),
        ("cpu", "CPU", _cores),
        ("throttled", "share of periods throttled", _share),
        ("zombies", "zombies", _count),
    ),
    "flow": (
        ("rtt", "median round-trip time", units.microseconds),
        ("retransmits", "share of segments sent again", _share),
        ("connections", "connections", _count),
        ("out", "bytes a second, client to server", _bytes_rate),
        ("in", "bytes a second, server to client", _bytes_rate),
        ("again", "segments sent again a second", _rate),
    ),
    "listener": (("backlog", "connections waiting to be accepted", _count),),
    "volume": (
        ("usage", "its own bytes", _bytes),
        ("bytes", "bytes used in its filesystem", _bytes),
        ("inodes", "inodes used in its filesystem", _count),
    ),
    "latency": (("p50", "p50", units.microseconds), ("p99", "p99", units.microseconds)),
    "message-queue": (("bytes", "bytes queued", _bytes),),
    "posix-message-queue": (("messages", "messages queued", _count),),
    "dev-shm": (("bytes", "bytes used", _bytes),),
    "counter": (("rate", "per second", _rate),),
}


def plots(found: Found, state: State) -> list[Block]:
    """The recent past of one thing."""
    seconds = state.history.seconds()
    blocks: list[Block] = []
    for measure, title, show in _MEASURES.get(str(found.key[0]), ()):
        values = state.history.series(found.key, measure)
        known = [value for value in values if value is not None]
        # A line that lies at zero all the time says nothing.
        if len(known) >= 2 and any(known):
            whole = seconds * len(values) / max(1, len(state.history)) if seconds else None
            blocks.append(Trend(title, values, show, whole, _top(found.item, measure)))
    return blocks


def _top(item: Any, measure: str) -> float | None:
    """What would be full, where that is near enough to be worth the room in the plot."""
    if measure == "backlog":
        limit: float | None = item.backlog_limit
        return limit
    if measure == "usage":
        size: float | None = item.size_limit_bytes
        return size
    if measure == "messages":
        most: float | None = item.max_messages
        return most
    return None


def histogram(latency_histogram: Histogram | None) -> list[Block]:
    """A latency's histogram as bars, on a logarithmic axis."""
    if latency_histogram is None or not latency_histogram.counts:
        return []
    columns = histogram_columns(latency_histogram, 14)
    low, high = min(latency_histogram.counts), max(latency_histogram.counts)
    step = max(1, -(-(high - low + 1) // 14))
    rows = tuple(
        (units.microseconds(_starts_us(low + index * step, latency_histogram.buckets_per_octave)), count)
        for index, count in enumerate(columns)
    )
    return [Bars("histogram (from … on)", rows)]


def _starts_us(bucket: int, per_octave: int) -> float:
    octave, step = divmod(bucket, max(1, per_octave))
    # Bounded: a file may claim any bucket, and 2 to the power of 10,000 is no duration.
    start = 2.0 ** min(63, max(0, octave))
    return start * (1 + step / max(1, per_octave)) / 1000
