"""What was not wholly seen, each cause told once: one closed process hides its files, mappings and locks alike."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podprobe.analysis.words import listed
from podprobe.report.neutral import neutral
from podprobe.report.sections.base import Cell, Column, Marks, Section, section, text, words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from podprobe.model import Snapshot, Visibility

_CLOSED = re.compile(r"cannot read /proc/PID/([a-z/]+) of (.+): ([^:]+)", re.DOTALL)
"""A file of a process, whose it is, and what the system answered; as the agent words it."""


@dataclass(frozen=True)
class Unseen:
    """One cause, and the areas of which it hides something."""

    first: int
    """Index in the snapshot's `visibility`."""
    areas: tuple[str, ...]
    part: Visibility
    reason: str


def grouped(parts: Iterable[Visibility]) -> list[Unseen]:
    """In the order of the snapshot; what differs only in the area or in the file of the same processes is one."""
    groups: dict[tuple[str | None, ...], list[tuple[int, Visibility]]] = {}
    for index, part in enumerate(parts):
        if part.level != "full":
            closed = _CLOSED.fullmatch(part.reason)
            cause = f"processes {closed[2]}" if closed else part.reason
            groups.setdefault((part.container, part.level, cause, part.allow), []).append((index, part))
    return [_one(members) for members in groups.values()]


def _one(members: list[tuple[int, Visibility]]) -> Unseen:
    first, part = members[0]
    closed = [found for _, each in members if (found := _CLOSED.fullmatch(each.reason))]
    reason = part.reason
    if len(members) > 1 and closed:
        files = listed(dict.fromkeys(found[1] for found in closed))
        answers = ", ".join(dict.fromkeys(found[3] for found in closed))
        reason = f"cannot read {files} in /proc/PID of {closed[0][2]}: {answers}"
    return Unseen(first, tuple(dict.fromkeys(each.area for _, each in members)), part, reason)


def visibility(snapshot: Snapshot, marks: Marks) -> Section:
    """What was not wholly seen; nothing where all was."""
    rows = [
        marks.row(
            f"/visibility/{each.first}",
            words(each.areas, 40),
            text(each.part.container, 63) if each.part.container else Cell("whole Pod"),
            Cell(each.part.level, tone="warning" if each.part.level == "none" else "plain"),
            Cell(
                neutral(each.reason, 300) + (f" → {neutral(each.part.allow, 200)}" if each.part.allow else "")
            ),
        )
        for each in grouped(snapshot.visibility)
    ]
    columns = (Column("area"), Column("container"), Column("seen"), Column("why"))
    return section("visibility", "Not wholly seen", columns, rows)
