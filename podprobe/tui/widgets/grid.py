"""A table that holds 10,000 rows without a stutter: only the lines in sight are ever written."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.strip import Strip

from podprobe.tui.drawing import Line, Target, fit
from podprobe.tui.widgets.painter import Painter
from podprobe.tui.widgets.row_lines import RowLines
from podprobe.tui.widgets.rows import Arrangement, Row
from podprobe.tui.widgets.sorting import Sorting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from textual import events

    from podprobe.tui.views.table import Section


class Grid(Painter, Sorting, can_focus=True):
    """Sections of rows. The cursor stays on the same thing from snapshot to snapshot, wherever that moves."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", "up", show=False),
        Binding("down,j", "step(1)", "down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
        Binding("home,g", "edge(-1)", "first row", show=False),
        Binding("end,G", "edge(1)", "last row", show=False),
        Binding("enter", "choose", "details", show=False),
        Binding("right,plus", "branch(True)", "open the row", show=False),
        Binding("left,minus", "branch(False)", "close the row", show=False),
        Binding("space", "fold", "open or close", show=False),
        Binding("s", "sort", "sort by the next column"),
        Binding("S", "reverse", "sort the other way", show=False),
    ]

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._sections: Sequence[Section] = ()
        self._arrangement = Arrangement()
        self._rows: list[Row] = []
        self._lines = RowLines(self._arrangement)
        self._cursor = 0
        self._pointed: Target | None = None
        self._moved = False
        """The user has moved the cursor; until then it stays at the top, whatever comes there."""

    # --- what it shows

    def show(self, sections: Sequence[Section], terms: tuple[str, ...] = ()) -> None:
        """Show these sections, rows that have all the terms only."""
        self._sections = sections
        self._arrangement.terms = terms
        self._rearrange()

    @property
    def pointed(self) -> Target | None:
        """What the cursor stands on."""
        return self._pointed

    @property
    def count(self) -> int:
        """Rows shown, headings left out."""
        return sum(row.kind == "item" for row in self._rows)

    @property
    def rows(self) -> Sequence[Row]:
        """All rows, in order."""
        return self._rows

    def on_resize(self) -> None:
        """Columns are fitted anew."""
        self._set_size()

    def point(self, target: Target) -> None:
        """Put the cursor on a row."""
        for index, row in enumerate(self._rows):
            if row.kind == "item" and self._target(row) == target:
                self._move(index)
                return

    def places(self) -> Iterator[tuple[Target, int, int]]:
        """The rows in sight."""
        top, left = self.scroll_offset.y, max(0, self.gutter.left - 1)
        for y, row in enumerate(self._rows[top : top + self.scrollable_content_region.height]):
            if row.kind == "item" and (y or not self._sticky(top)):
                yield self._target(row), left, y + self.gutter.top

    def _rearrange(self) -> None:
        self._rows = self._arrangement.arrange(self._sections)
        self._keep_cursor()
        self._lines.take(self._sections, self._rows)
        self._set_size()

    def _set_size(self) -> None:
        self.virtual_size = Size(self.room, len(self._rows))
        self.refresh()

    def _keep_cursor(self) -> None:
        rows = self._rows
        if not self._moved:
            self._cursor = 0
        elif self._pointed is not None:
            here = rows[self._cursor] if self._cursor < len(rows) else None
            if here is not None and here.kind == "item" and self._target(here) == self._pointed:
                return
            for index, row in enumerate(rows):
                if row.kind == "item" and self._target(row) == self._pointed:
                    # Keep it at the same height on the screen too.
                    self.scroll_relative(y=index - self._cursor, animate=False, force=True)
                    self._cursor = index
                    return
        self._cursor = self._nearest(self._cursor)
        self._note_pointed()

    def _note_pointed(self) -> None:
        row = self._rows[self._cursor] if self._cursor < len(self._rows) else None
        target = self._target(row) if row is not None and row.kind == "item" else None
        if target != self._pointed:
            self._pointed = target
            self.post_message(self.Pointed(self, target))

    def _nearest(self, index: int) -> int:
        """The item row at `index`, or the nearest below, or above."""
        candidate: int
        for candidate in (*range(index, len(self._rows)), *range(min(index, len(self._rows)) - 1, -1, -1)):
            if self._rows[candidate].kind == "item":
                return candidate
        return 0

    def _target(self, row: Row) -> Target:
        return self._sections[row.section].identity(row.item)

    # --- painting

    def render_line(self, y: int) -> Strip:
        """Textual asks for each line in sight."""
        index = y + self.scroll_offset.y
        width = self.room
        if y == 0 and index < len(self._rows) and self._sticky(index):
            return self._strip(self._lines.header(self._rows[index].section, width), width, role="header")
        if index >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        row = self._rows[index]
        if row.kind == "item":
            here = index == self._cursor
            line: Line = self._lines.cells(row, width)
            if here:
                line = tuple(piece._replace(target=True) for piece in fit(line, width))
            return self._strip(line, width, lit=(lambda _: True) if here else None)
        if row.kind == "columns":
            return self._strip(self._lines.header(row.section, width), width, role="header")
        if row.kind == "title":
            return self._strip(self._lines.title(row.section), width)
        return Strip.blank(width, self.rich_style)

    def _sticky(self, index: int) -> bool:
        """The column titles have scrolled out of sight, and a row of theirs is at the top."""
        row = self._rows[index]
        return index > 0 and row.kind == "item" and self._rows[index - 1].kind in {"item", "columns"}

    # --- keys

    def action_step(self, by: int) -> None:
        """To the next row."""
        index = self._cursor + by
        while 0 <= index < len(self._rows) and self._rows[index].kind != "item":
            index += by
        if 0 <= index < len(self._rows):
            self._move(index)
        else:
            self.scroll_relative(y=by * 3, animate=False)

    def action_page(self, by: int) -> None:
        """A page on."""
        step = max(1, self.scrollable_content_region.height - 2)
        self._move(self._nearest(min(max(0, self._cursor + by * step), max(0, len(self._rows) - 1))))

    def action_edge(self, side: int) -> None:
        """To the first or last row."""
        self._move(self._nearest(0 if side < 0 else max(0, len(self._rows) - 1)))
        self.scroll_to(y=0 if side < 0 else self.max_scroll_y, animate=False)

    def action_choose(self) -> None:
        """Choose the row."""
        if self._pointed is not None:
            self.post_message(self.Chosen(self, self._pointed))

    def action_fold(self) -> None:
        """Open or close the row."""
        row = self._rows[self._cursor] if self._cursor < len(self._rows) else None
        if row is None or row.kind != "item" or not row.branch:
            return
        self._arrangement.toggled ^= {self._target(row)}
        self._rearrange()

    def action_branch(self, open: bool) -> None:  # noqa: A002
        """Open the row, or close it, or go to the row above it in the tree."""
        row = self._rows[self._cursor] if self._cursor < len(self._rows) else None
        if row is None or row.kind != "item":
            return
        if row.branch == ("closed" if open else "open"):
            self.action_fold()
        elif not open and row.depth:
            index = self._cursor
            while index > 0 and self._rows[index].depth >= row.depth:
                index -= 1
            self._move(index)

    def _move(self, index: int) -> None:
        if not self._rows or self._rows[index].kind != "item":
            return
        self._cursor = index
        self._moved = True
        self._note_pointed()
        height = self.scrollable_content_region.height
        top = self.scroll_offset.y
        if index < top + 1:
            # One line more than the row: the column titles cover the first one. At the very top, the heading too.
            self.scroll_to(y=0 if index <= 2 else index - 1, animate=False, force=True)
        elif index >= top + height:
            self.scroll_to(y=index - height + 1, animate=False, force=True)
        self.refresh()

    # --- mouse

    def on_click(self, event: events.Click) -> None:
        """A row, its branch, or a column title."""
        y = event.y - self.gutter.top
        x = event.x - self.gutter.left
        index = y + self.scroll_offset.y
        if not 0 <= index < len(self._rows) or y < 0:
            return
        event.stop()
        row = self._rows[index]
        if row.kind == "columns" or (y == 0 and self._sticky(index)):
            self.sort_by_click(row.section, x)
        elif row.kind == "item":
            again = index == self._cursor
            self._move(index)
            if row.branch and x < 2 * row.depth + 2:
                self.action_fold()
            elif again:
                self.action_choose()
