"""Sparklines and bars: one line high."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.tui.drawing.line import Line, Span
from podprobe.tui.drawing.marks import role_of_share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podprobe.model import Histogram

_STEPS = "▁▂▃▄▅▆▇█"
_LEAST_REACH = 0.2
"""A sparkline's height stands for at least this share of its greatest value."""

_PARTS = " ▏▎▍▌▋▊▉"


def spark(values: Sequence[float | None], width: int, least: float = 0.0) -> str:
    """The last `width` values, the newest at the right. A gap is a blank.

    The lowest step is the smallest value, so that changes show; but what changes by little is drawn nearly flat, and
    what does not change lies at the bottom.

    Args:
        values: oldest first.
        width: in cells; shorter series are filled up from the left with blanks.
        least: what the whole height stands for at least: differences below it are noise.
    """
    recent = list(values[-width:])
    known = [value for value in recent if value is not None]
    if not known:
        return " " * width
    low, top = min(known), max(known)
    reach = max(top - low, _LEAST_REACH * abs(top), least)
    drawn = "".join(
        " " if value is None else _STEPS[round((value - low) / reach * 7)] if reach > 0 else _STEPS[0]
        for value in recent
    )
    return drawn.rjust(width)


def bar(share: float | None, width: int) -> Line:
    """How full something is, as a bar of exactly `width` cells."""
    if share is None:
        return (Span("·" * width, "dim"),)
    bounded = min(1.0, max(0.0, share))
    eighths = round(bounded * width * 8)
    if bounded > 0:
        eighths = max(1, eighths)
    whole, part = divmod(eighths, 8)
    filled = "█" * whole + (_PARTS[part] if part else "")
    return Span(filled, role_of_share(share) or "bar"), Span("░" * (width - len(filled)), "rest")


def histogram_spark(histogram: Histogram | None, width: int) -> str:
    """A histogram of durations on a logarithmic axis, squeezed into `width` cells. Any count at all is visible."""
    columns = histogram_columns(histogram, width)
    top = max(columns, default=0)
    if not top:
        return " " * width
    return "".join(" " if not count else _STEPS[max(0, round(count / top * 7))] for count in columns)


def histogram_columns(histogram: Histogram | None, width: int) -> list[int]:
    """Counts of a histogram in at most `width` equal steps of its logarithmic axis, from its first bucket on."""
    counts = {index: count for index, count in histogram.counts.items() if count > 0} if histogram else {}
    if not counts:
        return []
    low, high = min(counts), max(counts)
    step = max(1, -(-(high - low + 1) // width))
    columns = [0] * min(width, (high - low) // step + 1)
    for index, count in counts.items():
        columns[(index - low) // step] += count
    return columns
