"""What lookups came to, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from podprobe.model import Lookup, Outcome

_FATES: dict[Outcome, str] = {
    "ok": "found",
    "no-data": "no record of this type",
    "nxdomain": "no such name",
    "servfail": "SERVFAIL",
    "refused": "refused",
    "timeout": "no answer",
    "unreachable": "unreachable",
    "truncated": "cut short, and no TCP",
    "malformed": "not an answer",
    "error": "an error",
}
_HARMLESS = frozenset({"ok", "no-data", "nxdomain"})


def fate(lookup: Lookup) -> str:
    """The outcome in a few words."""
    return _FATES[lookup.outcome]


def is_trouble(lookup: Lookup) -> bool:
    """A program is told that resolving failed, or has waited for nothing. That a name does not exist is an answer."""
    return lookup.outcome not in _HARMLESS
