"""A region drawn as lines: the map, the details, the findings, the bars at the edges."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.strip import Strip

from podprobe.tui.drawing import Line, Target
from podprobe.tui.widgets.painter import Painter

if TYPE_CHECKING:
    from textual import events

Draw = Callable[[int, int], list[Line]]
"""Lines for a width and a height in cells."""


class Sheet(Painter, can_focus=True):
    """Lines, some of whose spans can be pointed at and chosen.

    Args:
        direct: one click chooses (a bar of buttons); otherwise the first click points and the second chooses.
        prefer: kind of target that the cursor stands on at first.
        id: as of every widget.
        classes: as of every widget.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", "up", show=False),
        Binding("down,j", "step(1)", "down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
        Binding("home,g", "edge(-1)", "first", show=False),
        Binding("end,G", "edge(1)", "last", show=False),
        Binding("enter", "choose", "details", show=False),
    ]

    def __init__(
        self,
        *,
        direct: bool = False,
        prefer: str | None = None,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._direct = direct
        self._prefer = prefer
        self._draw: Draw = lambda _width, _height: []
        self._lines: list[Line] = []
        self._targets: list[Target] = []
        self._pointed: Target | None = None
        self._moved = False
        """The user has moved the cursor; until then it stands on what is preferred, as soon as that is there."""
        if direct:
            self.can_focus = False

    def show(self, draw: Draw) -> None:
        """Draw anew, now and whenever the size changes."""
        self._draw = draw
        self._redraw()

    @property
    def pointed(self) -> Target | None:
        """What the cursor stands on."""
        return self._pointed

    @property
    def targets(self) -> list[Target]:
        """Everything that can be pointed at, in reading order."""
        return self._targets

    @property
    def text(self) -> str:
        """What is drawn, without its colours."""
        return "\n".join("".join(piece.text for piece in line) for line in self._lines)

    def point(self, target: Target | None) -> None:
        """Put the cursor on a target."""
        self._moved = True
        if target == self._pointed:
            return
        self._pointed = target
        self.refresh()
        self.post_message(self.Pointed(self, target))
        row = self._row_of(target)
        if row is not None:
            self.scroll_to_region(Region(0, row, 1, 1), animate=False, force=True)

    def places(self) -> Iterator[tuple[Target, int, int]]:
        """The targets in sight, each where it begins."""
        from rich.cells import cell_len

        seen: set[Target] = set()
        top = self.scroll_offset.y
        for y, line in enumerate(self._lines[top : top + self.scrollable_content_region.height]):
            x = self.gutter.left
            for piece in line:
                if piece.target is not None and piece.target not in seen:
                    seen.add(piece.target)
                    yield piece.target, x, y + self.gutter.top
                x += cell_len(piece.text)

    def on_resize(self) -> None:
        """Drawn anew."""
        self._redraw()

    def _redraw(self) -> None:
        width, height = self.room, self.scrollable_content_region.height
        if width <= 0:
            return
        self._lines = self._draw(width, height)
        targets: dict[Target, None] = {}
        for line in self._lines:
            for piece in line:
                if piece.target is not None:
                    targets[piece.target] = None
        before = self._targets
        self._targets = list(targets)
        if not self._direct and self._pointed not in targets:
            # What was pointed at is gone: stay where it was.
            place = before.index(self._pointed) if self._pointed in before else 0
            first = (one for one in self._targets if isinstance(one, tuple) and one[0] == self._prefer)
            other = self._targets[min(place, len(self._targets) - 1)] if self._targets else None
            self._pointed = next(first, other) if not before else other
            self.post_message(self.Pointed(self, self._pointed))
        elif not self._direct and not self._moved and self._prefer is not None:
            preferred = [one for one in self._targets if isinstance(one, tuple) and one[0] == self._prefer]
            if preferred and self._pointed != preferred[0]:
                self._pointed = preferred[0]
                self.post_message(self.Pointed(self, self._pointed))
        self.virtual_size = Size(width, len(self._lines))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Textual asks for each line in sight."""
        row = y + self.scroll_offset.y
        width = self.room
        if row >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        lit = None if self._direct else (lambda target: target == self._pointed)
        return self._strip(self._lines[row], width, lit=lit)

    def action_step(self, by: int) -> None:
        """Point at the next thing; scroll where there is none."""
        if not self._targets:
            self.scroll_relative(y=by, animate=False)
            return
        place = self._targets.index(self._pointed) if self._pointed in self._targets else 0
        following = place + by
        if 0 <= following < len(self._targets) and self._row_near(self._targets[following]):
            self.point(self._targets[following])
        else:
            self.scroll_relative(y=by, animate=False)

    def action_page(self, by: int) -> None:
        """Scroll by a page."""
        self.scroll_relative(y=by * max(1, self.scrollable_content_region.height - 1), animate=False)

    def action_edge(self, side: int) -> None:
        """To the first or the last thing."""
        if self._targets:
            self.point(self._targets[0 if side < 0 else -1])
        self.scroll_to(y=0 if side < 0 else self.max_scroll_y, animate=False)

    def action_choose(self) -> None:
        """Choose what is pointed at."""
        if self._pointed is not None:
            self.post_message(self.Chosen(self, self._pointed))

    def on_click(self, event: events.Click) -> None:
        """Point, or choose."""
        target = self._at(event.x, event.y)
        if target is None:
            return
        event.stop()
        if self._direct or target == self._pointed:
            self._pointed = target
            self.post_message(self.Chosen(self, target))
        else:
            self.point(target)

    def _at(self, x: int, y: int) -> Target | None:
        from rich.cells import cell_len

        offset = self.gutter
        row = y - offset.top + self.scroll_offset.y
        column = x - offset.left
        if not 0 <= row < len(self._lines):
            return None
        for piece in self._lines[row]:
            column -= cell_len(piece.text)
            if column < 0:
                return piece.target
        return None

    def _row_of(self, target: Target | None) -> int | None:
        return next(
            (row for row, line in enumerate(self._lines) if any(piece.target == target for piece in line)),
            None,
        )

    def _row_near(self, target: Target) -> bool:
        """Near enough that pointing at it does not jump over lines unread."""
        row = self._row_of(target)
        top, height = self.scroll_offset.y, self.scrollable_content_region.height
        return row is not None and top - 2 <= row <= top + height + 1
