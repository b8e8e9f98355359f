"""The rows of a grid: sections filtered, sorted and opened. No painting here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podprobe.tui.drawing import Target
    from podprobe.tui.views.table import Section


class Row(NamedTuple):
    """One line of the grid."""

    kind: Literal["title", "columns", "item", "blank"]
    section: int
    item: Any = None
    depth: int = 0
    branch: Literal["", "closed", "open"] = ""


@dataclass(frozen=True)
class Order:
    """How a section is sorted."""

    column: str
    descending: bool


@dataclass
class Arrangement:
    """What the user has done to the sections: it outlives every snapshot."""

    terms: tuple[str, ...] = ()
    """Words to find, in lower case; `!word` must not be there."""
    orders: dict[str, Order | None] = field(default_factory=dict)
    """By section title; `None`: the items' own order."""
    toggled: set[Target] = field(default_factory=set)
    """Rows that were opened, or closed where they are open by themselves."""

    def order(self, section: Section) -> Order | None:
        """How the section is sorted now."""
        if section.title in self.orders:
            return self.orders[section.title]
        if section.sorted_by is None:
            return None
        column = next((one for one in section.columns if one.title == section.sorted_by), None)
        return Order(section.sorted_by, column.descending) if column else None

    def arrange(self, sections: Sequence[Section]) -> list[Row]:
        """All rows, in order."""
        rows: list[Row] = []
        for number, section in enumerate(sections):
            body = self._body(number, section)
            if number:
                rows.append(Row("blank", number))
            rows.append(Row("title", number))
            if body:
                rows.append(Row("columns", number))
                rows += body
        return rows

    def _body(self, number: int, section: Section) -> list[Row]:
        order = self.order(section)
        column = next((one for one in section.columns if order and one.title == order.column), None)
        if section.children is None:
            items = (
                [item for item in section.items if self._matches(section, item)]
                if self.terms
                else section.items
            )
            return [Row("item", number, item) for item in sort(items, column, order)]
        rows: list[Row] = []
        self._grow(rows, number, section, section.items, 0)
        return rows

    def _grow(self, rows: list[Row], number: int, section: Section, items: Sequence[Any], depth: int) -> None:
        assert section.children is not None
        order = self.order(section)
        column = next((one for one in section.columns if order and one.title == order.column), None)
        # A hostile process table may claim any ancestry; nothing real is this deep.
        if depth > 30:
            return
        for item in sort(items, column, order):
            children = section.children(item)
            if not children and not self.terms:
                rows.append(Row("item", number, item, depth))
                continue
            found_below: Sequence[Any] = ()
            if self.terms:
                found_below = [child for child in children if self._finds(section, child, depth)]
                if not self._matches(section, item):
                    if not found_below:
                        continue
                    children = found_below
            is_open = (section.identity(item) in self.toggled) != (section.opened or bool(found_below))
            branch: Literal["", "closed", "open"] = "" if not children else "open" if is_open else "closed"
            rows.append(Row("item", number, item, depth, branch))
            if branch == "open":
                self._grow(rows, number, section, children, depth + 1)

    def _finds(self, section: Section, item: Any, depth: int) -> bool:
        if self._matches(section, item):
            return True
        if section.children is None or depth > 30:
            return False
        return any(self._finds(section, child, depth + 1) for child in section.children(item))

    def _matches(self, section: Section, item: Any) -> bool:
        text = section.text(item).lower()
        return all(
            (term[1:] not in text) if term[:1] == "!" and term[1:] else (term in text) for term in self.terms
        )


def sort(items: Sequence[Any], column: Any, order: Order | None) -> Sequence[Any]:
    """The items by a column; those without a value come last, whichever way."""
    if order is None or column is None or column.sort is None:
        return items
    known = [(value, item) for item in items if (value := column.sort(item)) is not None]
    unknown = [item for item in items if column.sort(item) is None] if len(known) < len(items) else []
    known.sort(key=lambda pair: pair[0], reverse=order.descending)
    return [item for _, item in known] + unknown


def terms(text: str) -> tuple[str, ...]:
    """What the user typed behind `/`, as words."""
    return tuple(text.lower().split())
