"""The latency matrix for a terminal: percentiles, distributions on one axis, what a socket or a sidecar costs."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

from rich.text import Text

from podprobe.analysis import histogram
from podprobe.model.measured import HopPrice, MeasuredLatency, PriceDifference, TransportComparison
from podprobe.report import layout, units
from podprobe.report.layout import STYLE
from podprobe.report.neutral import neutral
from podprobe.report.sections.base import Cell, Column, Row, Section, text, time
from podprobe.report.table import draw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podprobe.analysis.hops import Price
    from podprobe.analysis.percentiles import Difference
    from podprobe.model import Latency

_BLOCKS = " ▁▂▃▄▅▆▇█"
_SLOTS = 24
_LINES = 16
_BAR = 40
_MUCH = 0.2
"""Share of waiting for a CPU from which it is told."""
_FEW = 3
"""Up to so many series are drawn large as well."""

_COLUMNS = (
    Column("from"),
    Column("to"),
    Column("endpoint"),
    Column("kind", 5),
    Column("p50", right=True),
    Column("p90", 2, right=True),
    Column("p99", right=True),
    Column("max", 1, right=True),
    Column("distribution", 3),
    Column("failed", 4, below=True),
)


def page(
    latencies: Sequence[Latency],
    pairs: Sequence[tuple[Latency, Latency]],
    prices: Sequence[Price],
    notes: Sequence[str],
    *,
    color: bool,
    width: int | None,
) -> str:
    """Everything that was measured.

    Args:
        latencies: the matrix.
        pairs: the same server from the same container, over TCP and over a unix socket.
        prices: of sidecars.
        notes: what was left out, and why.
        color: for a terminal that shows it.
        width: of the terminal; `None`: whatever the table takes.
    """
    axis = _axis(latencies)
    rows = tuple(_row(found, axis) for found in latencies)
    matrix = Section("latency", "Latency", _COLUMNS, rows)
    title = Text("Latency", "bold underline")
    if axis:
        low, high = (units.microseconds(2**edge / 1000) for edge in axis)
        title.append(f"  distributions from {low} to {high}, logarithmic", "dim not underline not bold")
    parts = [title, *layout.lines(matrix, rows, width)] if rows else []
    parts += _waited(latencies)
    if 0 < len(latencies) <= _FEW:
        for found in latencies:
            parts += _drawn(found)
    if pairs:
        parts += [Text(), Text("TCP and unix socket of the same server", "bold underline")]
        parts += [_compared(tcp, unix) for tcp, unix in pairs]
    if prices:
        parts += [Text(), Text("The sidecar's price", "bold underline")]
        for price in prices:
            parts += _priced(price)
    if notes:
        parts += [Text(), *(Text(f"· {neutral(note)}", STYLE["dim"]) for note in notes)]
    return draw(parts, color=color, width=width)


def document(
    latencies: Sequence[Latency],
    pairs: Sequence[tuple[Latency, Latency]],
    prices: Sequence[Price],
    notes: Sequence[str],
    *,
    interrupted: bool,
) -> MeasuredLatency:
    """The same as data."""
    return MeasuredLatency(
        latency=tuple(latencies),
        prices=tuple(_price_told(price) for price in prices),
        comparisons=tuple(
            TransportComparison(
                from_container=tcp.from_container,
                to_container=tcp.to_container,
                tcp=tcp.to,
                unix=unix.to,
                tcp_p50_us=tcp.p50_us,
                unix_p50_us=unix.p50_us,
            )
            for tcp, unix in pairs
        ),
        interrupted=interrupted,
        notes=tuple(notes),
    )


def _price_told(price: Price) -> HopPrice:
    hop = price.hop
    return HopPrice(
        proxy=hop.proxy,
        application=hop.application,
        front=hop.front,
        back=hop.back,
        pairs=price.pairs,
        passed=price.passed,
        differences=tuple(
            PriceDifference(ratio=one.ratio, value_us=one.value, low_us=one.low, high_us=one.high)
            for one in price.differences
        ),
    )


def _waited(latencies: Sequence[Latency]) -> list[Text]:
    """Where much of what was measured is the machine's want of CPU, that is said beside the numbers."""
    known = [
        (found.cpu_wait_us, found.mean_us * (found.count - found.failures), found.max_less_cpu_wait_us)
        for found in latencies
        if found.cpu_wait_us is not None
        and found.mean_us is not None
        and found.max_less_cpu_wait_us is not None
    ]
    waited, took = sum(each[0] for each in known), sum(each[1] for each in known)
    if not known or waited < _MUCH * took:
        return []
    slowest = units.microseconds(max(each[2] for each in known))
    words = (
        f"▲ {units.ratio(round(waited / took, 2))} of these times the probes themselves waited for a CPU: "
        f"the machine is busy. Besides that none took more than {slowest}."
    )
    return [Text(words, STYLE["warning"])]


def _row(found: Latency, axis: tuple[float, float] | None) -> Row:
    failed = Cell(units.ABSENT, 0, "dim")
    if found.failures:
        why = ", ".join(f"{neutral(name, 30)} {count}" for name, count in sorted(found.errors.items()))
        failed = Cell(f"{found.failures} of {found.count}: {why}", found.failures, "critical")
    return Row(
        (
            text(found.from_container, 63),
            text(found.to_container, 63),
            text(found.to, 80),
            text(found.kind),
            time(found.p50_us),
            time(found.p90_us),
            time(found.p99_us),
            time(found.max_us),
            Cell(_spark(found, axis)),
            failed,
        ),
        "critical" if found.failures else None,
    )


def _edges(found: Latency) -> tuple[float, float] | None:
    """Where a histogram's samples begin and end, as powers of two of nanoseconds."""
    if found.histogram is None or not found.histogram.counts:
        return None
    try:
        bounds = [
            histogram.bounds_ns(index, found.histogram.buckets_per_octave) for index in found.histogram.counts
        ]
    except ValueError:
        return None
    return log2(max(1.0, min(low for low, _ in bounds))), log2(max(high for _, high in bounds))


def _axis(latencies: Sequence[Latency]) -> tuple[float, float] | None:
    """One axis for all, so that distributions can be compared by eye."""
    edges = [edge for found in latencies if (edge := _edges(found))]
    if not edges:
        return None
    low = min(edge[0] for edge in edges)
    return low, max(*(edge[1] for edge in edges), low + 1)


def _spark(found: Latency, axis: tuple[float, float] | None) -> str:
    if axis is None or found.histogram is None or _edges(found) is None:
        return ""
    low, high = axis
    slots = [0] * _SLOTS
    for index, count in found.histogram.counts.items():
        start, end = histogram.bounds_ns(index, found.histogram.buckets_per_octave)
        place = (log2(max(1.0, (start + end) / 2)) - low) / (high - low)
        slots[min(_SLOTS - 1, max(0, int(place * _SLOTS)))] += max(0, count)
    most = max(slots)
    # A single slow probe in a thousand is what one looks for: whatever is there shows.
    return (
        "".join(_BLOCKS[max(1, round(count / most * 8)) if count else 0] for count in slots) if most else ""
    )


def _drawn(found: Latency) -> list[Text]:
    """One series as a histogram, a line for each step."""
    if found.histogram is None or _edges(found) is None:
        return []
    rows = list(histogram.rows(found.histogram, _LINES))
    most = max(count for _, _, count in rows)
    words = (
        f"{found.from_container or 'Pod'} → {found.to}  {units.number(found.count - found.failures)} samples"
    )
    parts = [Text(), Text(neutral(words, 160), "bold")]
    for low, _, count in rows:
        eighths = max(1, round(count / most * _BAR * 8)) if count else 0
        bar = "█" * (eighths // 8) + ("▏▎▍▌▋▊▉"[eighths % 8 - 1] if eighths % 8 else "")
        parts.append(
            Text(f"  {units.microseconds(low / 1000):>8} │{bar:<{_BAR}} {count or ''}".rstrip(), no_wrap=True)
        )
    return parts


def _compared(tcp: Latency, unix: Latency) -> Text:
    line = Text(f"   {neutral(tcp.from_container or 'Pod', 63)} → {neutral(tcp.to_container or '?', 63)}  ")
    line.append(f"{neutral(tcp.to, 60)} {units.microseconds(tcp.p50_us)}   {neutral(unix.to, 60)} ")
    line.append(f"{units.microseconds(unix.p50_us)}")
    if tcp.p50_us and unix.p50_us:
        gain = 1 - unix.p50_us / tcp.p50_us
        word = "less" if gain >= 0 else "more"
        line.append(f"   the unix socket takes {units.ratio(round(abs(gain), 2))} {word} to connect", "bold")
    return line


def _priced(price: Price) -> list[Text]:
    hop = price.hop
    line = Text(
        f"   {neutral(hop.proxy, 63)} {neutral(hop.front, 60)} in front of "
        f"{neutral(hop.application, 63)} {neutral(hop.back, 60)}  {price.pairs} pairs of HTTP requests"
    )
    parts = [line]
    parts += [
        Text(f"     p{found.ratio * 100:g}  {_interval(found)}", "bold" if found.clear else "")
        for found in price.differences
    ]
    if not price.differences:
        parts.append(Text("     too few answers to tell"))
    if price.passed is False:
        words = "     ▲ the proxy answered by itself: this is no price. Name a path that it passes on, with --path"
        parts.append(Text(words, STYLE["warning"]))
    elif price.passed is None:
        parts.append(Text("     · whether the proxy passed the requests on could not be seen", STYLE["dim"]))
    return parts


def _interval(difference: Difference) -> str:
    low, high = _signed(difference.low), _signed(difference.high)
    words = f"{_signed(difference.value)} in the hop, between {low} and {high} (95 %)"
    return words if difference.clear else f"no difference that stands out ({low} to {high}, 95 %)"


def _signed(value: float) -> str:
    return f"{'-' if value < 0 else '+'}{units.microseconds(abs(value))}"
