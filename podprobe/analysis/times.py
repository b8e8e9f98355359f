"""Times as the snapshot writes them."""

from __future__ import annotations

from datetime import UTC, datetime

from podprobe.analysis.moments import moment


def rfc3339(seconds: float | None) -> str | None:
    """RFC 3339 in UTC; `None` for 0, which the kernel writes where something never happened, and for nonsense."""
    if not seconds:
        return None
    try:
        told = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None
    return told.isoformat(timespec="milliseconds" if seconds % 1 else "seconds").replace("+00:00", "Z")


def epoch(text: str | None) -> float | None:
    """Seconds since the epoch of an RFC 3339 time; `None` where it is none."""
    parsed = moment(text)
    return parsed.timestamp() if parsed else None
