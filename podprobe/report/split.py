"""The split report as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from podprobe.model import json_text
from podprobe.report.layout import wrap
from podprobe.report.neutral import neutral
from podprobe.report.table import draw

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.analysis.crossings import Crossing, Fate
    from podprobe.analysis.split import Split

_FATE: dict[Fate, tuple[str, str]] = {
    "survives": ("● survives", "green"),
    "change": ("▲ needs a change", "yellow"),
    "unknown": ("? other end unknown", "yellow"),
    "bound": ("✖ bound to the Pod", "bold red"),
}
_VERDICT = {"possible": "green", "uncertain": "yellow", "after-changes": "yellow", "bound": "bold red"}


def as_json(split: Split) -> str:
    """One JSON document."""
    return json_text(split) + "\n"


def as_text(split: Split, *, color: bool = False, width: int | None = None) -> str:
    """For people: the verdict, then every channel that crosses the cut, the gravest first."""
    return draw(list(_lines(split, width)), color=color, width=width)


def _lines(split: Split, width: int | None) -> Iterator[Text]:
    yield Text.assemble(
        ("Split ", "dim"), neutral(split.pod), (" | ", "dim"), (neutral(split.container), "bold")
    )
    yield from _paragraph(split.summary, width, "", _VERDICT[split.verdict])
    for crossing in split.crossings:
        yield Text()
        yield from _crossing(crossing, width)
    if split.notes:
        yield Text()
        yield Text("Also", "dim")
        for note in split.notes:
            yield from _paragraph(note, width, "  ")


def _crossing(crossing: Crossing, width: int | None) -> Iterator[Text]:
    channel = crossing.channel
    sign, style = _FATE[crossing.fate]
    arrow = "→" if channel.directed else "↔"
    yield Text.assemble(
        (f"{sign:<19}", style),
        f" {neutral(channel.a or 'unknown')} {arrow} {neutral(channel.b or 'unknown')}  ",
        (channel.kind, "dim"),
        f" {neutral(channel.via)}",
        (f"  {neutral(channel.detail)}" if channel.detail else "", "dim"),
    )
    why = crossing.why[:1].upper() + crossing.why[1:]
    yield from _paragraph(f"{why}.", width, "    ", "dim")
    if crossing.todo:
        yield from _paragraph(crossing.todo, width, "    → ")


def _paragraph(text: str, width: int | None, indent: str, style: str = "") -> Iterator[Text]:
    room = None if width is None else max(20, width - len(indent))
    for number, line in enumerate(wrap(neutral(text, 600), room)):
        yield Text.assemble(indent if number == 0 else " " * len(indent), (line, style))
