"""Sorting: the part of a grid that puts a section's rows in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.tui.widgets.rows import Order
from podprobe.tui.widgets.widths import GAP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podprobe.tui.views.table import Column, Section
    from podprobe.tui.widgets.row_lines import RowLines
    from podprobe.tui.widgets.rows import Arrangement, Row


class Sorting:
    """Mixed into the grid. Every section has an order of its own."""

    _sections: Sequence[Section]
    _arrangement: Arrangement
    _rows: list[Row]
    _lines: RowLines
    _cursor: int

    def action_sort(self) -> None:
        """Sort the section of the cursor by its next column, and after the last one not at all."""
        section = self._section_here()
        if section is None:
            return
        number = self._sections.index(section)
        able = [column for column, _ in self._lines.columns(number, self.room) if column.sort is not None]
        order = self._arrangement.order(section)
        names = [column.title for column in able]
        place = names.index(order.column) + 1 if order and order.column in names else 0
        self._sort_by(section, able[place] if place < len(able) else None)

    def action_reverse(self) -> None:
        """The other way round."""
        section = self._section_here()
        order = self._arrangement.order(section) if section else None
        if section is not None and order is not None:
            self._set_order(section, Order(order.column, not order.descending))

    def _section_here(self) -> Section | None:
        return self._sections[self._rows[self._cursor].section] if self._cursor < len(self._rows) else None

    def _sort_by(self, section: Section, column: Column | None) -> None:
        self._set_order(section, Order(column.title, column.descending) if column else None)

    def _set_order(self, section: Section, order: Order | None) -> None:
        self._arrangement.orders[section.title] = order
        self._rearrange()

    def sort_by_click(self, number: int, x: int) -> None:
        """By the column whose title stands there; again: the other way."""
        section = self._sections[number]
        for column, width in self._lines.columns(number, self.room):
            if x < width + GAP:
                order = self._arrangement.order(section)
                if order is not None and order.column == column.title:
                    self._set_order(section, Order(column.title, not order.descending))
                elif column.sort is not None:
                    self._sort_by(section, column)
                return
            x -= width + GAP

    @property
    def room(self) -> int:
        """Cells of a line."""
        raise NotImplementedError

    def _rearrange(self) -> None:
        """Put the rows in order anew."""
        raise NotImplementedError
