"""A recording at a glance: how grave each of its snapshots is, and where the findings change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

from podprobe.decoding import decode

if TYPE_CHECKING:
    from collections.abc import Iterable

Grave = Literal["critical", "warning", "ok", "unreadable"]
_ORDER: tuple[Grave, ...] = ("critical", "warning", "ok", "unreadable")


class _Judged(msgspec.Struct):
    code: str
    severity: str
    subject: str


class _Glance(msgspec.Struct):
    """What has to be read of a snapshot for this; decoding skips the rest."""

    findings: list[_Judged] = msgspec.field(default_factory=list)


@dataclass(frozen=True)
class Survey:
    """Of a whole recording."""

    graves: tuple[Grave, ...]
    """By the worst finding of each snapshot; what is only worth knowing is `ok`."""
    changes: tuple[int, ...]
    """Snapshots whose critical findings and warnings differ from those of the one before."""

    def next_change(self, position: int, way: int) -> int | None:
        """The nearest one after a position, or before it where `way` is negative."""
        if way > 0:
            return next((one for one in self.changes if one > position), None)
        return next((one for one in reversed(self.changes) if one < position), None)

    def worst(self, first: int, last: int) -> Grave:
        """Of the snapshots from `first` to before `last`."""
        return min(self.graves[first:last], key=_ORDER.index, default="ok")


def survey(documents: Iterable[bytes]) -> Survey:
    """Look through the snapshots of a recording, one after the other; none of them is kept."""
    graves: list[Grave] = []
    changes: list[int] = []
    before: frozenset[tuple[str, str, str]] | None = None
    for number, document in enumerate(documents):
        try:
            findings = decode(document, _Glance).findings
        except msgspec.MsgspecError:
            graves.append("unreadable")
            continue
        told = [one for one in findings if one.severity in {"critical", "warning"}]
        severities = {one.severity for one in told}
        graves.append("critical" if "critical" in severities else "warning" if severities else "ok")
        now = frozenset((one.code, one.severity, one.subject) for one in told)
        if before is not None and now != before:
            changes.append(number)
        before = now
    return Survey(tuple(graves), tuple(changes))
