"""What the details of something are made of, and how it is laid out in a given width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from rich.cells import cell_len

from podprobe.tui.drawing import Line, Span, Target, blank, cut, plot, words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MOST_LINKS = 200
"""Under one heading."""


@dataclass(frozen=True)
class Text:
    """A paragraph; already neutral."""

    text: str
    role: str = ""


@dataclass(frozen=True)
class Bullets:
    """Sentences, one bullet each; already neutral."""

    title: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """Names and values, names aligned."""

    title: str
    rows: tuple[tuple[str, Line], ...]


@dataclass(frozen=True)
class Trend:
    """A plot of what the recent looks said."""

    title: str
    values: Sequence[float | None]
    show: Callable[[float], str]
    seconds: float | None = None
    """What the whole plot spans."""
    top: float | None = None
    role: str = "plot"


@dataclass(frozen=True)
class Bars:
    """A histogram: one labelled bar per bucket."""

    title: str
    rows: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Links:
    """Other things to look at, each chosen with enter."""

    title: str
    rows: tuple[tuple[Line, Target], ...]


Block: TypeAlias = Text | Bullets | Facts | Trend | Bars | Links


@dataclass(frozen=True)
class Details:
    """All there is to say about one thing."""

    title: Line
    blocks: tuple[Block, ...]


def layout(details: Details, width: int) -> list[Line]:
    """The blocks as lines."""
    inner = max(20, width)
    lines: list[Line] = []
    short = False
    for block in details.blocks:
        drawn = _draw(block, inner)
        if drawn:
            # Steady trends stand together.
            if lines and not (len(drawn) == 1 and isinstance(block, Trend) and short):
                lines.append(blank())
            short = len(drawn) == 1 and isinstance(block, Trend)
            lines += drawn
    return lines


def _draw(block: Block, width: int) -> list[Line]:
    match block:
        case Text(text, role):
            return words(text, width, role)
        case Bullets(title, sentences):
            lines = _heading(title)
            for sentence in sentences:
                lines += words(sentence, width, indent="  ", first="· ")
            return lines if sentences else []
        case Facts(title, rows):
            gutter = max((cell_len(name) for name, _ in rows), default=0)
            lines = _heading(title) if title else []
            for name, value in rows:
                lines += _fact(name, value, gutter, width)
            return lines if rows else []
        case Trend():
            return _trend(block, width)
        case Bars(title, rows):
            return _bars(title, rows, width)
        case Links(title, links):
            lines = _heading(title)
            for line, target in links:
                shown = cut((Span("→ ", "key"), *line), width)
                lines.append(tuple(piece._replace(target=target) for piece in shown))
            return lines if links else []


def _fact(name: str, value: Line, gutter: int, width: int) -> list[Line]:
    lead = Span(name.ljust(gutter) + "  ", "dim")
    room = width - gutter - 2
    if len(value) == 1 and cell_len(value[0].text) > room:
        broken = words(value[0].text, room, value[0].role)
        pad = Span(" " * (gutter + 2))
        return [((lead if index == 0 else pad), *line) for index, line in enumerate(broken)]
    return [cut((lead, *value), width)]


def _heading(title: str) -> list[Line]:
    return [(Span(title, "heading"),)]


def _trend(block: Trend, width: int) -> list[Line]:
    known = [value for value in block.values if value is not None]
    if len(known) < 2:
        return []
    now = block.show(known[-1])
    if min(known) == max(known):
        # A flat line says in five lines what fits in one.
        steady: Line = (Span(block.title, "heading"), Span("   steady at ", "dim"), Span(now, "strong"))
        return [steady]
    span = f", last {_spoken(block.seconds)}" if block.seconds else ""
    title: Line = (Span(block.title, "heading"), Span(f"{span}   now ", "dim"), Span(now, "strong"))
    return [title, *plot(block.values, min(width, 110), 5, block.show, block.role, block.top)]


def _bars(title: str, rows: tuple[tuple[str, int], ...], width: int) -> list[Line]:
    top = max((count for _, count in rows), default=0)
    if not top:
        return []
    gutter = max(cell_len(label) for label, _ in rows)
    room = max(4, min(60, width - gutter - 12))
    lines = _heading(title)
    for label, count in rows:
        # A count of one must be seen, however long the longest bar is.
        filled = max(1, round(count / top * room)) if count else 0
        lines.append(
            (
                Span(label.rjust(gutter) + " ┤", "dim"),
                Span("█" * filled, "plot"),
                Span(f" {count:,}" if count else ""),
            )
        )
    return lines


def _spoken(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
