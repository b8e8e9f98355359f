"""A line is a tuple of spans; a span is text, what it means, and what a click on it chooses.

Text that comes out of the Pod enters a span through `said`, which neutralises it. Nothing is ever read as markup.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple, TypeAlias

from rich.cells import cell_len, set_cell_size

from podprobe.report.neutral import neutral

Target: TypeAlias = Hashable
"""Identifies what is drawn, the same from one snapshot to the next: `("finding", "TCP101", "webapp …")`."""


class Span(NamedTuple):
    """A piece of a line."""

    text: str
    role: str = ""
    """What it means, not how it looks: one of `podprobe.tui.widgets.roles.ROLES`; the theme decides the rest."""
    target: Target | None = None


Line: TypeAlias = tuple[Span, ...]


def span(text: str, role: str = "", target: Target | None = None) -> Span:
    """Text of podprobe's own."""
    return Span(text, role, target)


def said(text: str | None, role: str = "", target: Target | None = None, limit: int = 300) -> Span:
    """Text out of the Pod, with whatever could move a cursor or mislead an eye made visible. Absent is `–`."""
    return Span("–", "dim", target) if text is None else Span(neutral(text, limit), role, target)


def blank() -> Line:
    """An empty line."""
    return ()


def length(line: Line) -> int:
    """Width in terminal cells."""
    return sum(cell_len(piece.text) for piece in line)


def cut(line: Line, width: int) -> Line:
    """The line, no wider than `width` cells; `…` marks what was cut off."""
    if length(line) <= width:
        return line
    if width <= 0:
        return ()
    kept: list[Span] = []
    room = width - 1
    for piece in line:
        size = cell_len(piece.text)
        if size > room:
            kept.append(piece._replace(text=set_cell_size(piece.text, room) + "…"))
            break
        kept.append(piece)
        room -= size
    return tuple(kept)


def fit(line: Line, width: int, align: str = "left") -> Line:
    """The line, exactly `width` cells wide."""
    shown = cut(line, width)
    spare = width - length(shown)
    if spare <= 0:
        return shown
    pad = Span(" " * spare)
    return (pad, *shown) if align == "right" else (*shown, pad)


def join(parts: list[Line], between: Span) -> Line:
    """The parts as one line, with `between` between them; empty parts are left out."""
    joined: list[Span] = []
    for part in parts:
        if part:
            if joined:
                joined.append(between)
            joined.extend(part)
    return tuple(joined)


def words(text: str, width: int, role: str = "", indent: str = "", first: str | None = None) -> list[Line]:
    """A sentence as lines of at most `width` cells, broken between words where that is possible.

    Args:
        text: already neutral.
        width: of the whole line, indent included.
        role: of the text.
        indent: before every line but the first.
        first: before the first line; `indent` where absent.
    """
    lines: list[Line] = []
    lead = indent if first is None else first
    room = max(8, width - cell_len(lead))
    current = ""
    for word in text.split(" "):
        piece = word
        while cell_len(piece) > room:
            if current:
                lines.append((Span(lead), Span(current, role)))
                current, lead = "", indent
            head = set_cell_size(piece, room).rstrip(" ")
            lines.append((Span(lead), Span(head, role)))
            piece, lead = piece[len(head) :], indent
        longer = f"{current} {piece}" if current else piece
        if cell_len(longer) > room:
            lines.append((Span(lead), Span(current, role)))
            current, lead = piece, indent
        else:
            current = longer
    if current or not lines:
        lines.append((Span(lead), Span(current, role)))
    return lines
