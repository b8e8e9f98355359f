"""Every field of an object of the model, named and with its unit: nothing known stays hidden for want of a column."""

from __future__ import annotations

from typing import Any

import msgspec

from podprobe.report import units
from podprobe.tui.drawing import Line, Span, said

_UNITS = ("bytes", "us", "ms", "ratio", "seconds")
_NOT_UNITS = {"bytes", "usage"}
_UNBOUNDED = 1 << 60


def rows(item: Any, skip: frozenset[str] = frozenset()) -> tuple[tuple[str, Line], ...]:
    """Names and values of all fields that are known, in the model's order."""
    if not isinstance(item, msgspec.Struct):
        return (("value", (said(str(item)),)),)
    shown: list[tuple[str, Line]] = []
    for name in item.__struct_fields__:
        if name in skip:
            continue
        value = getattr(item, name)
        if value is None or value in ((), {}):
            continue
        shown.append((label(name), value_line(name, value)))
    return tuple(shown)


def label(name: str) -> str:
    """A field's name as words, its unit left to the value."""
    words = name.split("_")
    if len(words) > 1 and words[-1] in _UNITS:
        words.pop()
    return " ".join(words)


def value_line(name: str, value: Any) -> Line:
    """A field's value with its unit."""
    if isinstance(value, bool):
        return (Span("yes" if value else "no"),)
    if isinstance(value, int | float):
        return (Span(_number(name, value)),)
    if isinstance(value, str):
        return (said(units.moment(value) if name.endswith("_at") else value, limit=2000),)
    if isinstance(value, msgspec.Struct):
        return (said(", ".join(f"{key} {_text(line)}" for key, line in rows(value)), limit=600),)
    if isinstance(value, dict):
        parts = [
            f"{key} {entry:,}" if isinstance(entry, int) else f"{key} {entry}" for key, entry in value.items()
        ]
        return (said(", ".join(parts), limit=600),)
    if isinstance(value, tuple):
        separator = "; " if any(isinstance(one, msgspec.Struct) for one in value) else ", "
        return (said(separator.join(_text(value_line(name, one)) for one in value[:12]), limit=1200),)
    return (said(str(value)),)


def _text(line: Line) -> str:
    return "".join(piece.text for piece in line)


def _number(name: str, value: float) -> str:
    unit = name.rpartition("_")[2]
    if unit == "bytes":
        return units.size(int(value)) if value < _UNBOUNDED else "unlimited"
    if unit == "us":
        return units.microseconds(value)
    if unit == "ms":
        return units.microseconds(value * 1000)
    if unit == "ratio":
        return units.ratio(value)
    if unit == "seconds":
        return f"{value:,.6g} s"
    if isinstance(value, int) and value >= _UNBOUNDED:
        return "unlimited"
    # Identifiers are not counts.
    return (
        str(value)
        if name
        in {
            "pid",
            "uid",
            "gid",
            "id",
            "port",
            "inode",
            "peer_inode",
            "parent",
            "target_port",
            "creator_pid",
            "last_send_pid",
            "last_receive_pid",
            "creator_uid",
            "node_port",
        }
        else f"{value:,}"
    )
