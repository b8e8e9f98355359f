"""How wide each column of a section is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from podprobe.tui.drawing import length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podprobe.tui.views.table import Column, Section

GAP = 2
_SAMPLE = 64
"""Rows measured: about those in sight. A longer cell further down is cut."""


class Widths:
    """Remembers how wide the cells of each column have been, so that columns do not jump from look to look."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], int] = {}

    def measure(self, section: Section, items: Sequence[Any], tree: int = 0) -> None:
        """Take in the cells of some rows.

        Args:
            section: whose.
            items: rows, of which the first are measured.
            tree: cells that the first column spends on the tree.
        """
        for index, column in enumerate(section.columns):
            key = (section.title, column.title)
            widest = self._seen.get(key, column.least)
            for item in items[:_SAMPLE]:
                widest = max(widest, length(column.cell(item)) + (tree if index == 0 else 0))
            self._seen[key] = min(widest, column.most)

    def fit(self, section: Section, width: int) -> list[tuple[Column, int]]:
        """The columns that have room, each with its width, in their order.

        Columns of rank 0 have all the room they want before another column is kept at all.
        """
        kept = list(section.columns)
        while len(kept) > 1 and sum(self._claim(section, one) + GAP for one in kept) - GAP > width:
            worst = max(one.rank for one in kept)
            if worst == 0:
                break
            kept.remove(next(one for one in reversed(kept) if one.rank == worst))
        wanted = [self._wanted(section, one) for one in kept]
        spare = width - sum(wanted) - GAP * (len(kept) - 1)
        # Too wide by so much: take it, a cell at a time, from the widest of those that matter least.
        while spare < 0:
            able = [index for index, one in enumerate(kept) if wanted[index] > self._least(one)]
            if not able:
                break
            rank = max(kept[index].rank for index in able)
            widest = max((index for index in able if kept[index].rank == rank), key=wanted.__getitem__)
            wanted[widest] -= 1
            spare += 1
        return list(zip(kept, wanted, strict=True))

    def _claim(self, section: Section, column: Column) -> int:
        return self._wanted(section, column) if column.rank == 0 else self._least(column)

    def _wanted(self, section: Section, column: Column) -> int:
        seen = self._seen.get((section.title, column.title), column.least)
        return max(seen, self._least(column))

    def _least(self, column: Column) -> int:
        return max(
            column.least, min(cell_len(column.title) + (1 if column.sort is not None else 0), column.most)
        )
