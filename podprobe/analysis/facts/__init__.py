"""A snapshot as comparable facts: what must be the same for two looks, or two replicas, to be called the same.

A fact is about a subject of an area (`listener`, `tcp 0.0.0.0:80`). Subjects are told apart by what stays: protocol,
address and port, a container's name, a System V key, a mount path; never by a PID, an inode or a time.

Facts are of two kinds. Those that somebody chose, or that findings go by, are kept apart from noise: counters, times,
process ids, fill levels, everything that differs between two looks at a Pod that nobody touched.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from podprobe.analysis.facts.areas import AREAS
from podprobe.analysis.facts.subjects import passing_listener

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.analysis.facts.areas import Area
    from podprobe.model import Snapshot

__all__ = ["POD_IP", "Facts", "Subject", "facts", "passing_listener"]

POD_IP = "POD-IP"
"""Stands for the Pod's own address, which differs between replicas and after a restart."""

_TOKEN_VOLUME = re.compile(r"\b(kube-api-access)-[a-z0-9]{5}\b")
"""The API server adds a volume of its own to each Pod, and gives it a name by chance."""


@dataclass(frozen=True)
class Subject:
    """One thing that a snapshot speaks of."""

    area: str
    name: str


@dataclass(frozen=True)
class Facts:
    """What is known of each subject, field by field."""

    firm: dict[Subject, dict[str, Any]] = field(default_factory=dict)
    noise: dict[Subject, dict[str, Any]] = field(default_factory=dict)
    fleeting: frozenset[Subject] = frozenset()
    """Subjects that come and go by themselves: their being there or not is noise too."""


def facts(snapshot: Snapshot) -> Facts:
    """All facts of a snapshot."""
    found = Facts()
    fleeting: set[Subject] = set()
    for area in AREAS:
        seen: Counter[str] = Counter()
        for base, item in area.items(snapshot):
            seen[base] += 1
            # Two of one name (SO_REUSEPORT listeners) are told apart by their number alone.
            name = base if seen[base] == 1 else f"{base} #{seen[base]}"
            subject = Subject(area.name, _placeless(name, snapshot))
            firm, noise = _fields(item, area)
            found.firm[subject] = {key: _placed(value, snapshot) for key, value in firm.items()}
            found.noise[subject] = noise
            if area.fleeting(snapshot, item):
                fleeting.add(subject)
    return Facts(found.firm, found.noise, frozenset(fleeting))


def _fields(item: Any, area: Area) -> tuple[dict[str, Any], dict[str, Any]]:
    firm: dict[str, Any] = {}
    noise: dict[str, Any] = {}
    for path, value in _flat(msgspec.to_builtins(item, str_keys=True), ""):
        if _within(path, area.hidden):
            continue
        (firm if _within(path, area.firm) else noise)[path] = value
    return firm, noise


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Dictionaries spread out to dotted paths; lists stay whole."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else key)
    else:
        yield path, list(value) if isinstance(value, tuple) else value


def _within(path: str, prefixes: frozenset[str]) -> bool:
    return any(path == prefix or path.startswith(prefix + ".") for prefix in prefixes)


def _placeless(text: str, snapshot: Snapshot) -> str:
    """`text` without what names just this Pod: its addresses, and the random part of a token volume's name."""
    text = _TOKEN_VOLUME.sub(r"\1", text)
    for address in sorted(snapshot.target.ips, key=len, reverse=True):
        text = text.replace(address, POD_IP)
    return text


def _placed(value: Any, snapshot: Snapshot) -> Any:
    return _placeless(value, snapshot) if isinstance(value, str) else value
