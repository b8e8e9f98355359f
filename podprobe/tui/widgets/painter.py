"""From lines of spans to strips of the terminal: the one place where a role becomes a colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from podprobe.report.neutral import neutral
from podprobe.tui.drawing import Line, Target, fit
from podprobe.tui.widgets.roles import palette

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Painter(ScrollView, inherit_bindings=False):
    """A widget made of lines, with a cursor that stands on a target rather than on a place."""

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

    def places(self) -> Iterator[tuple[Target, int, int]]:
        """What can be pointed at and is in sight, with the cell that it begins in, from the widget's own corner."""
        raise NotImplementedError

    def point(self, target: Target) -> None:
        """Put the cursor there."""
        raise NotImplementedError

    @property
    def room(self) -> int:
        """Cells of a line."""
        width: int = self.scrollable_content_region.width
        return width

    def _style(self, role: str) -> Style:
        return palette(self.app)[role] if role else Style.null()

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
        looks = palette(self.app)
        base = self.rich_style + looks[role] if role else self.rich_style
        cursor: Style | None = None
        segments: list[Segment] = []
        # What comes from the Pod is neutral since it became a span. A terminal is worth a second look.
        clean = tuple(one if one.text.isprintable() else one._replace(text=neutral(one.text)) for one in line)
        for text, span_role, target in fit(clean, width):
            style = base + looks[span_role] if span_role else base
            if lit is not None and target is not None and lit(target):
                cursor = cursor or self._cursor_style()
                style += cursor
            segments.append(Segment(text, style))
        return Strip(segments, width)
