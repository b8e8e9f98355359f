"""The details of anything: evidence, history, remedy, and where to go from there."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from podprobe.tui import details
from podprobe.tui.details import objects
from podprobe.tui.drawing import Line, Span, words
from podprobe.tui.screens.overlay import Overlay
from podprobe.tui.widgets.sheet import Sheet

if TYPE_CHECKING:
    from textual.signal import Signal
    from textual.widget import Widget

    from podprobe.tui import keys
    from podprobe.tui.drawing import Target
    from podprobe.tui.state import State


class DetailsScreen(Overlay):
    """Follows the snapshots while it is open.

    Args:
        target: what to describe.
        state: the present state.
        changed: published with every state after it.
    """

    title_text = "Details"
    keys: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("enter", "enter", "follow →"),
        ("escape", "esc", "back"),
        ("question_mark", "?", "help"),
    )

    def __init__(self, target: Target, state: State, changed: Signal[State]) -> None:
        super().__init__()
        self._path = [target]
        self._state = state
        self._changed = changed
        self._last: details.Details | None = None
        self._gone_since: str | None = None

    def body(self) -> Widget:
        """One sheet."""
        return Sheet(id="details")

    def on_mount(self) -> None:
        """Draw, and go on drawing."""
        super().on_mount()
        self._changed.subscribe(self, self._follow)
        self._paint()
        self.query_one("#details", Sheet).focus()

    def chosen(self, target: object) -> None:
        """Go where the link leads."""
        if isinstance(target, tuple):
            self._path.append(target)
            self._go()

    def action_back(self) -> None:
        """One link back, or out."""
        if len(self._path) > 1:
            self._path.pop()
            self._go()
        else:
            self.dismiss()

    def _go(self) -> None:
        self._last = self._gone_since = None
        self._paint()
        self.query_one("#details", Sheet).scroll_home(animate=False)

    def _follow(self, state: State) -> None:
        self._state = state
        self._paint()

    def _paint(self) -> None:
        described = details.describe(self._path[-1], self._state)
        if described is None:
            self._gone_since = self._gone_since or self._state.snapshot.taken_at
        else:
            self._last, self._gone_since = described, None
        self.query_one("#details", Sheet).show(self._draw)

    def _draw(self, width: int, _height: int) -> list[Line]:
        lines: list[Line] = []
        if len(self._path) > 1:
            lines.append((Span(f"← {len(self._path) - 1} back with esc", "dim"),))
        if self._gone_since is not None:
            kind = objects.title_of(cast("keys.Key", self._path[-1]))
            when = self._gone_since[11:19]
            lines += words(
                f"▲ this {kind} is gone since {when}; what follows is how it was", width, "warning"
            )
        if self._last is None:
            return lines
        return [*lines, self._last.title, (), *details.layout(self._last, width)]
