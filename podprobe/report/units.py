"""Numbers as people read them. Absent is `–`, and zero is zero."""

from __future__ import annotations

from datetime import UTC, datetime

ABSENT = "–"
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def size(count: int | None) -> str:
    """Bytes with a binary unit and three digits: `12 MiB`, `1.5 GiB`."""
    if count is None:
        return ABSENT
    value = float(count)
    for unit in _BINARY:
        if abs(value) < 1023.5 or unit == _BINARY[-1]:
            break
        value /= 1024
    return f"{_digits(value) if unit != 'B' else int(value)} {unit}"


def microseconds(value: float | None) -> str:
    """A duration given in microseconds: `17 µs`, `0.36 ms`, `1.2 s`."""
    if value is None:
        return ABSENT
    if value < 99.95:
        return f"{_digits(value)} µs"
    if value < 999_500:
        return f"{_digits(value / 1000)} ms"
    return f"{_digits(value / 1_000_000)} s"


def least_ratio(share: float | None) -> str:
    """A share that may be more, as per cent: `≥ 60 %`."""
    said = ratio(share)
    return said if share is None else f"≥ {'0 %' if said.startswith('<') else said.removeprefix('> ')}"


def ratio(value: float | None) -> str:
    """A share of one as per cent; never rounded to 0 or 100 where it is neither."""
    if value is None:
        return ABSENT
    percent = value * 100
    if 0 < percent < 0.01:
        return "< 0.01 %"
    if 99.95 <= percent < 100:
        return "> 99.9 %"
    if percent == int(percent):
        return f"{int(percent)} %"
    return f"{percent:.2f} %" if percent < 1 else f"{percent:.1f} %"


def number(value: float | None) -> str:
    """A count with thousands separated: `18,000`."""
    return ABSENT if value is None else f"{value:,}"


def used(part: int | None, whole: int | None) -> str:
    """How full: `12 MiB of 64 MiB, 19 %`; only the part where there is no whole."""
    if part is None or not whole:
        return size(part)
    return f"{size(part)} of {size(whole)}, {ratio(part / whole)}"


def moment(timestamp: str | None) -> str:
    """An RFC 3339 time to the second, in UTC: `2026-01-01 12:00:00Z`; as it stands where it is no time."""
    if timestamp is None:
        return ABSENT
    try:
        found = datetime.fromisoformat(timestamp)
        return f"{found.astimezone(UTC) if found.tzinfo else found:%Y-%m-%d %H:%M:%S}Z"
    except (ValueError, OverflowError):
        return timestamp


def _digits(value: float) -> str:
    """Three digits that count, without trailing zeros after a point."""
    if value >= 99.95 or value == int(value):
        return f"{value:.0f}"
    text = f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"
    return text.rstrip("0").rstrip(".")
