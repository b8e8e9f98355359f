"""A table as data: sections of rows, columns that know how to write, sort and search them. No widgets here.

A row is the model's own object; its cells are written only when they come into sight, so that a table of 10,000
rows costs what its visible part costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from podprobe.report import units
from podprobe.tui.drawing import Line, Span, said

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from podprobe.tui.drawing import Target

SortKey: TypeAlias = Any
"""Anything that can be compared with the keys of the same column; `None` sorts last."""


@dataclass(frozen=True)
class Column:
    """One column."""

    title: str
    cell: Callable[[Any], Line]
    sort: Callable[[Any], SortKey] | None = None
    right: bool = False
    least: int = 3
    """Cells it keeps when room is scarce."""
    most: int = 40
    """Cells it takes when there is plenty."""
    rank: int = 0
    """Columns of the highest rank go first when the terminal is too narrow; rank 0 stays."""
    descending: bool = False
    """Sorts with the greatest first when first chosen."""


@dataclass(frozen=True)
class Section:
    """A heading with the rows under it."""

    title: str
    columns: tuple[Column, ...]
    items: Sequence[Any]
    identity: Callable[[Any], Target]
    text: Callable[[Any], str]
    """What `/` searches, in any case."""
    children: Callable[[Any], Sequence[Any]] | None = None
    """Rows under a row, shown when it is opened."""
    opened: bool = False
    """Rows with children are open from the start."""
    note: str = ""
    """Beside the title."""
    empty: str = "none"
    """Instead of rows where there are none."""
    sorted_by: str | None = None
    """Title of the column that sorts at first; the items' own order where absent."""


def text_column(
    title: str,
    value: Callable[[Any], str | None],
    *,
    least: int = 6,
    most: int = 40,
    rank: int = 0,
    role: str = "",
) -> Column:
    """A column of text out of the Pod."""
    return Column(title, lambda item: (said(value(item), role),), value, least=least, most=most, rank=rank)


def number_column(
    title: str,
    value: Callable[[Any], float | None],
    show: Callable[[Any], str] = units.number,
    *,
    role: Callable[[Any], str] | None = None,
    least: int = 5,
    rank: int = 0,
) -> Column:
    """A column of numbers, aligned at the right, sorted with the greatest first."""

    def cell(item: Any) -> Line:
        number = value(item)
        if number is None:
            return (Span(units.ABSENT, "dim"),)
        return (Span(show(number), role(item) if role else "dim" if number == 0 else ""),)

    return Column(title, cell, value, right=True, least=least, most=16, rank=rank, descending=True)


def container_column(
    title: str, value: Callable[[Any], str | None], *, rank: int = 0, least: int = 6
) -> Column:
    """A column with a container's name; a click on it would choose the row all the same."""
    return Column(
        title,
        lambda item: (said(value(item), "container"),),
        lambda item: value(item) or "\U0010ffff",
        least=least,
        most=24,
        rank=rank,
    )
