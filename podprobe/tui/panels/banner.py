"""Banners: why the picture is not what it should be, and what is being done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.report.neutral import neutral
from podprobe.tui.drawing import Line, Span, cut, said, words

if TYPE_CHECKING:
    from podprobe.tui.situation import Situation

_LINES = 4
"""Of an error at most; the whole of it is in the log that `v` shows."""


def draw(situation: Situation, width: int, now: float) -> list[Line]:
    """The error with its way out, then what happened to the Pod, then how far the agents have come."""
    lines: list[Line] = []
    inner = max(20, width - 2)
    error = situation.error
    if error is not None:
        retry = ""
        if situation.retry_at is not None:
            retry = f" — trying again in {max(0.0, situation.retry_at - now):.0f} s"
        lines += [
            (Span(" ✖ ", "critical"), *line[1:]) if index == 0 else (Span("   "), *line[1:])
            for index, line in enumerate(words(neutral(error.message, 600) + retry, inner - 3, "critical"))
        ]
        if error.hint:
            lines += [
                (Span("   "), *line) for line in words(neutral(error.hint, 300), inner - 3, "", "  ", "→ ")
            ]
        lines = lines[:_LINES]
    for notice in situation.notices:
        lines.append(
            cut(
                (
                    Span(f" {notice.mark} ", notice.role),
                    said(notice.text, notice.role),
                    Span("  (esc hides)", "dim"),
                ),
                width,
            )
        )
    return lines


def progress(situation: Situation, width: int) -> list[Line]:
    """How far the agents have come."""
    lines: list[Line] = []
    for container, step in situation.progress.items():
        where = f"{container}: " if container else ""
        count = f" {step.done}/{step.total}" if step.total else ""
        lines.append(cut((Span(" ◌ ", "warning"), said(f"{where}{step.message}{count}")), width))
    return lines
