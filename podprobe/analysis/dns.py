"""What lookups came to, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import Dns, Lookup, Outcome

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
    if lookup.spoiled_by:
        return f"found, but musl fails: {_FATES[lookup.spoiled_by]} for {other_type(lookup)}"
    return _FATES[lookup.outcome]


def other_type(lookup: Lookup) -> str:
    """The type of record that is asked for beside this one."""
    return "AAAA" if lookup.type == "A" else "A"


def is_trouble(lookup: Lookup) -> bool:
    """A program is told that resolving failed, or has waited for nothing. That a name does not exist is an answer."""
    return lookup.outcome not in _HARMLESS or lookup.spoiled_by is not None


def told(dns: Dns) -> Iterator[tuple[int, Lookup, str]]:
    """The lookups that are worth a line, with their place and the types that the line is about.

    Where a name has an address, that it has none of the other type is as in most clusters: the two share a line.
    """
    found = {(one.name, one.kind) for one in dns.lookups if one.outcome == "ok"}
    lacking = {
        (one.name, one.kind): one.type
        for one in dns.lookups
        if one.outcome == "no-data" and (one.name, one.kind) in found
    }
    for place, one in enumerate(dns.lookups):
        key = one.name, one.kind
        if one.outcome == "ok" and key in lacking:
            yield place, one, f"{one.type}, no {lacking[key]}"
        elif lacking.get(key) != one.type:
            yield place, one, one.type
