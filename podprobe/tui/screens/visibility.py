"""What is not seen, why, and what would let it be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.report.neutral import neutral
from podprobe.report.sections.unseen import grouped
from podprobe.tui.drawing import Line, Span, blank, mark_of_level, said, words
from podprobe.tui.screens.overlay import Overlay
from podprobe.tui.widgets.sheet import Sheet

if TYPE_CHECKING:
    from textual.signal import Signal
    from textual.widget import Widget

    from podprobe.tui.state import State

_WORST_FIRST = {"none": 0, "partial": 1, "full": 2}


class VisibilityScreen(Overlay):
    """The visibility panel."""

    title_text = "What is not seen, and why"

    def __init__(self, state: State, changed: Signal[State]) -> None:
        super().__init__()
        self._state = state
        self._changed = changed

    def body(self) -> Widget:
        """One sheet."""
        return Sheet(id="visibility")

    def on_mount(self) -> None:
        """Draw, and go on drawing."""
        super().on_mount()
        self._changed.subscribe(self, self._follow)
        self._follow(self._state)
        self.query_one("#visibility", Sheet).focus()

    def _follow(self, state: State) -> None:
        self.query_one("#visibility", Sheet).show(lambda width, _: draw(state, width))


def draw(state: State, width: int) -> list[Line]:
    """The worst first; what is seen in full at the end, in a line."""
    everything = sorted(
        state.snapshot.visibility, key=lambda one: (_WORST_FIRST[one.level], one.container or "")
    )
    lines: list[Line] = []
    for each in grouped(everything):
        one = each.part
        where = (said(one.container, "container"),) if one.container else (Span("the whole Pod", "dim"),)
        word = {"none": "not seen", "partial": "seen in part"}[one.level]
        lines.append(
            (
                mark_of_level(one.level),
                Span(" "),
                said(", ".join(each.areas), "strong"),
                Span("  "),
                *where,
                Span(f"  {word}", "dim"),
            )
        )
        lines += words(neutral(each.reason, 800), width, indent="  ")
        if one.allow:
            lines += words(neutral(one.allow, 400), width, "key", indent="    ", first="  → ")
        lines.append(blank())
    if not lines:
        text = "everything podprobe looks for is seen"
        if state.declared:
            text = "nothing is seen yet: no agent has answered"
        lines.append((Span("● " if not state.declared else "◌ ", "ok"), Span(text)))
    agents = [one for one in state.snapshot.containers if one.agent]
    if agents:
        lines.append((Span("agents in  ", "dim"), said(", ".join(one.name for one in agents), "container")))
    omitted = state.snapshot.network.connections_omitted
    if omitted:
        lines += words(
            f"{omitted:,} connections are in their flows but not listed (--all-connections lists each)",
            width,
            "dim",
        )
    return lines
