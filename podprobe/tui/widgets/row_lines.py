"""The rows of a grid as lines: headings, column titles, cells. No painting here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.tui.drawing import Line, Span, fit, said
from podprobe.tui.widgets.widths import GAP, Widths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podprobe.tui.views.table import Column, Section
    from podprobe.tui.widgets.rows import Arrangement, Row

_BRANCH = {"": "  ", "closed": "▸ ", "open": "▾ "}
_SAMPLE = 64


class RowLines:
    """Writes the lines of sections, each in as much room as there is.

    Args:
        arrangement: how the user has sorted and filtered them.
    """

    def __init__(self, arrangement: Arrangement) -> None:
        self._arrangement = arrangement
        self._widths = Widths()
        self._sections: Sequence[Section] = ()
        self._counts: list[int] = []
        self._columns: dict[int, list[tuple[Column, int]]] = {}
        self._room = 0

    def take(self, sections: Sequence[Section], rows: Sequence[Row]) -> None:
        """Write these from now on."""
        self._sections = sections
        self._columns.clear()
        self._counts = [0] * len(sections)
        samples: list[list[Row]] = [[] for _ in sections]
        depths = [0] * len(sections)
        for row in rows:
            if row.kind == "item":
                number = row.section
                self._counts[number] += 1
                if row.depth > depths[number]:
                    depths[number] = row.depth
                if self._counts[number] <= _SAMPLE:
                    samples[number].append(row)
        for section, sample, depth in zip(sections, samples, depths, strict=True):
            tree = 2 * min(depth, 8) + 2 if section.children else 0
            self._widths.measure(section, [row.item for row in sample], tree)

    def columns(self, number: int, room: int) -> list[tuple[Column, int]]:
        """The columns of a section that have room, with their widths."""
        if room != self._room:
            self._columns.clear()
            self._room = room
        if number not in self._columns:
            self._columns[number] = self._widths.fit(self._sections[number], room)
        return self._columns[number]

    def title(self, number: int) -> Line:
        """Name, number of rows, and what else there is to say of a section."""
        section = self._sections[number]
        total, shown = len(section.items), self._counts[number]
        line: list[Span] = [said(section.title, "heading")]
        if not shown:
            what = "nothing matches the filter" if total and self._arrangement.terms else section.empty
            return (*line, Span(f"  {what}", "dim"))
        if self._arrangement.terms and section.children is None:
            line.append(Span(f"  {shown:,} of {total:,}", "dim"))
        elif total > 1:
            line.append(Span(f"  {total:,}", "dim"))
        if section.note:
            line.append(Span(f"  {section.note}", "dim"))
        return tuple(line)

    def header(self, number: int, room: int) -> Line:
        """The titles of the columns, with an arrow at the one that sorts."""
        order = self._arrangement.order(self._sections[number])
        spans: list[Span] = []
        for column, width in self.columns(number, room):
            if spans:
                spans.append(Span(" " * GAP))
            arrow = ("↓" if order.descending else "↑") if order and order.column == column.title else ""
            title = f"{arrow}{column.title}" if column.right else f"{column.title}{arrow}"
            role = "strong" if arrow else ""
            spans += fit((Span(title, role),), width, "right" if column.right else "left")
        return tuple(spans)

    def cells(self, row: Row, room: int) -> Line:
        """One row."""
        spans: list[Span] = []
        tree = self._sections[row.section].children is not None
        for index, (column, width) in enumerate(self.columns(row.section, room)):
            if index:
                spans.append(Span(" " * GAP))
            cell = column.cell(row.item)
            if tree and index == 0:
                cell = (Span("  " * row.depth), Span(_BRANCH[row.branch], "key"), *cell)
            spans += fit(cell, width, "right" if column.right else "left")
        return tuple(spans)
