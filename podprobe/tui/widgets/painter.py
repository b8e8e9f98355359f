"""From lines of spans to strips of the terminal: the one place where a role becomes a colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from podprobe.tui.drawing import Line, Target, fit

if TYPE_CHECKING:
    from collections.abc import Callable

ROLES = (
    "critical",
    "warning",
    "info",
    "ok",
    "dim",
    "strong",
    "heading",
    "key",
    "container",
    "frame",
    "focus",
    "wire",
    "plot",
    "bar",
    "rest",
    "title",
    "tab",
    "tab-here",
    "live",
    "badge-critical",
    "badge-warning",
)
"""What a span can mean; `app.tcss` says how each looks."""


class Painter(ScrollView, inherit_bindings=False):
    """A widget made of lines, with a cursor that stands on a target rather than on a place."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"role--{role}" for role in ROLES),
        "role--cursor",
        "role--cursor-away",
        "role--header",
    }

    class Chosen(Message):
        """Something was chosen: its details are wanted."""

        def __init__(self, painter: Painter, target: Target) -> None:
            super().__init__()
            self.painter = painter
            self.target = target

        @property
        def control(self) -> Painter:
            """Where."""
            return self.painter

    class Pointed(Message):
        """The cursor came to stand on something else."""

        def __init__(self, painter: Painter, target: Target | None) -> None:
            super().__init__()
            self.painter = painter
            self.target = target

        @property
        def control(self) -> Painter:
            """Where."""
            return self.painter

    @property
    def pointed(self) -> Target | None:
        """What the cursor stands on."""
        raise NotImplementedError

    @property
    def room(self) -> int:
        """Cells of a line."""
        width: int = self.scrollable_content_region.width
        return width

    def _style(self, role: str) -> Style:
        return self.get_component_rich_style(f"role--{role}", partial=True) if role else Style.null()

    def _cursor_style(self) -> Style:
        return self._style("cursor" if self.has_focus else "cursor-away")

    def _strip(
        self, line: Line, width: int, *, lit: Callable[[Target], bool] | None = None, role: str = ""
    ) -> Strip:
        """Paint a line `width` cells wide.

        Args:
            line: what to paint.
            width: in cells.
            lit: whether the cursor is on a target.
            role: of the whole line, under the roles of its spans.
        """
        base = self.rich_style + self._style(role)
        cursor: Style | None = None
        segments: list[Segment] = []
        for text, span_role, target in fit(line, width):
            style = base + self._style(span_role) if span_role else base
            if lit is not None and target is not None and lit(target):
                cursor = cursor or self._cursor_style()
                style += cursor
            segments.append(Segment(text, style))
        return Strip(segments, width)
