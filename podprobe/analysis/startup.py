"""The order of starts, as a line on an axis of time, and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podprobe.model import Start

Piece = Literal["before", "start", "run", "after"]
_LEAST_SPAN_MS = 1_000
_UNTIL = {
    "ended": "ended",
    "startup-probe": "startup probe",
    "post-start-hook": "postStart hook",
    "running": "runs",
}


def lane(start: Start, starts: Sequence[Start], width: int) -> list[tuple[str, Piece]]:
    """One container's line: dots before its start, a mark there, a line while it ran or runs on.

    The axis goes from the first start of all to a little behind the last, or behind the end of the last init container.
    A container that restarted late would press all others together, so only those that did not restart stretch it.
    """
    if start.after_ms is None or width < 3:
        return []
    steady = [one for one in starts if not one.restarts]
    ends = [_bounded(one.after_ms) + _bounded(one.lasted_ms or 0) for one in steady or starts if one.after_ms]
    span = max(max(ends, default=0.0), _LEAST_SPAN_MS) * 1.1
    begin = min(int(_bounded(start.after_ms) / span * width), width - 1)
    end = width
    if start.lasted_ms is not None:
        lasted = _bounded(start.lasted_ms)
        end = min(max(begin + 1, int((_bounded(start.after_ms) + lasted) / span * width)), width)
    pieces: list[tuple[str, Piece]] = [
        ("·" * begin, "before"),
        ("┝", "start"),
        ("━" * (end - begin - 1), "run"),
        (" " * (width - end), "after"),
    ]
    return [(text, kind) for text, kind in pieces if text]


def waits(start: Start) -> str | None:
    """Whom it waited for: `migrate (ended), proxy (startup probe)`."""
    return ", ".join(f"{wait.container} ({_UNTIL[wait.until]})" for wait in start.waited_for) or None


def _bounded(milliseconds: int) -> float:
    """As a float that can be divided: an integer of a snapshot may be larger than any."""
    return float(max(0, min(milliseconds, 1 << 50)))
