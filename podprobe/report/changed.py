"""Fields and values of a difference, in words for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from podprobe.decoding import decode
from podprobe.report import units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podprobe.analysis.diff import Change, Scalar


def field_words(field: str) -> str:
    """`last exit code` of `last_exit.exit_code`."""
    words = field.replace("_", " ").replace(".", " ").split()
    return " ".join(word for place, word in enumerate(words) if place == 0 or word != words[place - 1])


def value_words(field: str | None, value: Scalar) -> str:
    """One value; a list's elements one after the other."""
    elements = _elements(value)
    if elements is not None:
        return ", ".join(elements) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and field and field.endswith("bytes"):
        return units.size(value)
    return units.ABSENT if value is None else str(value)


def before_and_after(change: Change) -> tuple[str, str]:
    """Both values; of two lists, `- ELEMENT` of what went and `+ ELEMENT` of what came."""
    old, new = _elements(change.before), _elements(change.after)
    if old is None or new is None or sorted(old) == sorted(new):
        return value_words(change.field, change.before), value_words(change.field, change.after)
    return _marked("-", old, new), _marked("+", new, old)


def transition(change: Change) -> str:
    """Both values on one line: `7 → 8`, `- a.example, + b.example`."""
    before, after = before_and_after(change)
    if before.startswith("- ") or after.startswith("+ "):
        return ", ".join(filter(None, (before, after)))
    return f"{before} → {after}"


def _marked(mark: str, elements: Sequence[str], others: Sequence[str]) -> str:
    return ", ".join(f"{mark} {element}" for element in elements if element not in others)


def _elements(value: Scalar) -> list[str] | None:
    """A list comes as JSON."""
    if not isinstance(value, str) or not value.startswith("["):
        return None
    try:
        found = decode(value, list)
    except (msgspec.DecodeError, RecursionError):
        return None
    return [_element(one) for one in found]


def _element(one: Any) -> str:
    if isinstance(one, dict):
        return " ".join(f"{field_words(str(key))} {_element(value)}" for key, value in one.items() if value)
    if isinstance(one, list):
        return " ".join(map(_element, one))
    return str(one)
