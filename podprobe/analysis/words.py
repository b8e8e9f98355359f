"""Numbers as people read them, and what to call who has no name."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

OUTSIDE = "outside"
UNKNOWN = "unknown"
"""A container of this Pod, but which one is not known: a socket in TIME_WAIT has no owner."""

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def nobody(scope: object) -> str:
    """What to call a party of a connection that no container is known for; `scope` is a `podprobe.model.Scope`."""
    return OUTSIDE if scope == "external" else UNKNOWN


def share(part: float | None, whole: float | None) -> float | None:
    """`part` of `whole` as a ratio; `None` where either is unknown or the whole is nothing."""
    if part is None or whole is None or whole <= 0:
        return None
    try:
        ratio = part / whole
    except OverflowError:
        return None
    return ratio if math.isfinite(ratio) else None


def percent(ratio: float) -> str:
    """`4.8 %`; at most one decimal below ten, two below one, none above."""
    value = ratio * 100
    digits = 0 if abs(value) >= 10 else 1 if abs(value) >= 1 else 2
    text = f"{value:.{digits}f}"
    return f"{text.rstrip('0').removesuffix('.') if digits else text} %"


def size(count: float) -> str:
    """Bytes in binary units: `12 MiB`, `1.5 GiB`."""
    value = _bounded(count)
    unit = 0
    while abs(value) >= 1024 and unit < len(_UNITS) - 1:
        value /= 1024
        unit += 1
    digits = 1 if unit and abs(value) < 10 else 0
    text = f"{value:.{digits}f}".removesuffix(".0")
    return f"{text} {_UNITS[unit]}"


def micros(value: float) -> str:
    """A time given in microseconds: `48 µs`, `0.36 ms`, `1.2 s`."""
    value = _bounded(value)
    if abs(value) < 100:
        return f"{value:.0f} µs"
    if abs(value) < 1_000_000:
        return f"{value / 1000:.2f} ms" if abs(value) < 10_000 else f"{value / 1000:.0f} ms"
    return f"{value / 1_000_000:.1f} s"


def _bounded(value: float) -> float:
    """As a float that can be divided: an integer of a snapshot may be larger than any."""
    return float(max(-1e300, min(value, 1e300)))


def count(number: int, singular: str, plural: str = "") -> str:
    """`1 connection`, `3 connections`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def listed(words: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *rest, last = list(words) or [""]
    return f"{', '.join(rest)} and {last}" if rest else last
