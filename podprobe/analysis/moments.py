"""Times of a snapshot (RFC 3339) and what lies between them."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(text: str | None) -> datetime | None:
    """The time that the text tells; `None` where it tells none."""
    if not text:
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def seconds_between(earlier: str | None, later: str | None) -> float | None:
    """Seconds from one time to another, negative where they are the other way round; `None` if one is unknown."""
    begin, end = moment(earlier), moment(later)
    if begin is None or end is None:
        return None
    try:
        return (end - begin).total_seconds()
    except OverflowError:  # an offset at the very edge of what a datetime can hold
        return None
