"""In what order the containers started, on one axis of time, and which waited for which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.startup import lane, waits
from podprobe.report import units
from podprobe.tui import keys
from podprobe.tui.drawing import Line, Span
from podprobe.tui.views.table import Column, Section, container_column, number_column, text_column

if TYPE_CHECKING:
    from podprobe.model import Start
    from podprobe.tui.state import State

_WIDTH = 20
_ROLES = {"before": "dim", "start": "strong", "run": "plot", "after": ""}


def sections(state: State) -> list[Section]:
    """The containers' starts; nothing of a Pod of one container, or where none has started."""
    starts = state.snapshot.starts
    if len(starts) < 2 or all(one.after_ms is None for one in starts):
        return []
    shown = [one for one in starts if state.shows(one.container)]

    def line(start: Start) -> Line:
        return tuple(Span(text, _ROLES[kind]) for text, kind in lane(start, starts, _WIDTH)) or (
            Span("never started", "dim"),
        )

    columns = (
        container_column("container", lambda one: one.container),
        Column("start", line, lambda one: one.after_ms, least=_WIDTH, most=_WIDTH),
        number_column("after", lambda one: one.after_ms, _time, least=7),
        text_column("waited for", waits, least=16, most=70),
        number_column("lasted", lambda one: one.lasted_ms, _lasted, least=7, rank=1),
        number_column("restarts", lambda one: one.restarts, least=8, rank=2),
    )
    return [
        Section(
            "Start order",
            columns,
            shown,
            keys.of_start,
            lambda one: f"start order {one.container} {one.kind} {waits(one)}",
        )
    ]


def _lasted(milliseconds: float) -> str:
    return units.microseconds(milliseconds * 1000)


def _time(milliseconds: float) -> str:
    if not milliseconds:
        return "first"
    return units.microseconds(milliseconds * 1000)
