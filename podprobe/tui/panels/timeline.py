"""The timeline of a recording: one line to see where it was bad, and to click on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.tui.drawing import Line, Span, fit, length

if TYPE_CHECKING:
    from podprobe.tui.situation import Situation
    from podprobe.tui.sources.survey import Grave

_ROLES: dict[Grave, tuple[str, str]] = {
    "critical": ("█", "critical"),
    "warning": ("▄", "warning"),
    "ok": ("▁", "ok"),
    "unreadable": ("?", "dim"),
}
_UNKNOWN = ("▁", "dim")
"""Before the recording has been looked through."""
_WIDEST = 4
"""Cells of one snapshot, where there are few."""


def draw(situation: Situation, width: int) -> list[Line]:
    """One line: cells as high, and in the colour, of the worst snapshot that each stands for."""
    timeline, known = situation.timeline, situation.survey
    if timeline is None or not situation.moving:
        return []
    head: Line = (
        Span(" ▶ " if timeline.playing else " ⏸ ", "live", ("key", "p")),
        Span(f"{timeline.position + 1:,}/{timeline.length:,} "),
    )
    changes = len(known.changes) if known is not None else None
    tail: Line = () if changes is None else (Span(f" {changes} change{'' if changes == 1 else 's'}", "dim"),)
    cells = max(1, min(_WIDEST * timeline.length, width - length(head) - length(tail) - 1))
    bar: list[Span] = []
    stands = False
    for cell in range(cells):
        first = cell * timeline.length // cells
        last = max(first + 1, (cell + 1) * timeline.length // cells)
        mark, role = _UNKNOWN if known is None else _ROLES[known.worst(first, last)]
        if first <= timeline.position < last and not stands:
            mark, role = "●", "focus"
            stands = True
        bar.append(Span(mark, role, ("seek", first)))
    return [fit((*head, *bar, *tail), width)]
