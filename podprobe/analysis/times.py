"""Times as the snapshot writes them (RFC 3339, UTC), and what lies between them."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(seconds: float | None) -> str | None:
    """RFC 3339 in UTC; `None` for 0, which the kernel writes where something never happened, and for nonsense."""
    if not seconds:
        return None
    try:
        told = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None
    return told.isoformat(timespec="milliseconds" if seconds % 1 else "seconds").replace("+00:00", "Z")


def moment(text: str | None) -> datetime | None:
    """The time that the text tells; `None` where it tells none."""
    if not text:
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def epoch(text: str | None) -> float | None:
    """Seconds since the epoch of an RFC 3339 time; `None` where it is none."""
    parsed = moment(text)
    return parsed.timestamp() if parsed else None


def seconds_between(earlier: str | None, later: str | None) -> float | None:
    """Seconds from one time to another, negative where they are the other way round; `None` if one is unknown."""
    begin, end = moment(earlier), moment(later)
    if begin is None or end is None:
        return None
    try:
        return (end - begin).total_seconds()
    except OverflowError:  # an offset at the very edge of what a datetime can hold
        return None
