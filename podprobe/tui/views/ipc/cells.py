"""What the tables of IPC objects have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podprobe.report import units
from podprobe.tui.drawing import Line, Span, said, spark
from podprobe.tui.views.table import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podprobe.model import Attachment, SemaphoreWaiter
    from podprobe.tui.state import State


def users(attached: Sequence[Attachment | SemaphoreWaiter]) -> Line:
    """Who has it: `nginx worker 7, webapp app 12`."""
    spans: list[Span] = []
    for one in attached[:4]:
        if spans:
            spans.append(Span(", ", "dim"))
        spans += [said(one.container, "container"), said(f" {one.process}"), Span(f" {one.pid}", "dim")]
    if len(attached) > 4:
        spans.append(Span(f" and {len(attached) - 4} more", "dim"))
    return tuple(spans) or (Span("nobody seen", "dim"),)


def users_column(title: str, value: Any) -> Column:
    """A column that names them."""
    return Column(title, lambda one: users(value(one)), None, least=12, most=60, rank=1)


def searchable(*parts: object) -> str:
    """What a filter finds a row by."""
    return " ".join(str(part) for part in parts)


def names(attached: Sequence[Attachment | SemaphoreWaiter]) -> str:
    """Containers and processes, for a filter."""
    return " ".join(f"{one.container} {one.process}" for one in attached)


def trend(state: State, key: Any, measure: str) -> Line:
    """How full it was lately."""
    return (Span(spark(state.history.series(key, measure), 12), "plot"),)


def clock(moment: str | None) -> str | None:
    """The time of a moment."""
    return None if moment is None else units.moment(moment)[11:19]
