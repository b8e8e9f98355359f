"""Tables drawn in columns for a terminal: dropped, shrunk and wrapped to its width."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from podprobe.report.sections.base import SEVERITY_SIGN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from podprobe.report.sections import Cell, Row, Section, Tone

GAP = 2
MARGIN = 3
"""The sign of the row's worst finding, and a gap."""
_NARROWEST = 8
STYLE: dict[Tone, str] = {
    "plain": "",
    "dim": "dim",
    "ok": "green",
    "info": "blue",
    "warning": "yellow",
    "critical": "bold red",
}


def lines(section: Section, rows: Sequence[Row], width: int | None) -> Iterator[Text]:
    """Draw rows of a section, its column titles first.

    Where they are wider than `width`, the columns of the highest ranks are left out, then texts wrap. A column that
    is left out and matters in trouble (`below`) appears under the rows that are in trouble.
    """
    widths = _natural(section, rows)
    shown = list(range(len(widths)))
    if width is not None:
        shown = _fitting(section, widths, width)
        widths = _shrunk(section, widths, shown, width)
    yield _line([_heading(section, index) for index in shown], Text(" "), section, shown, widths, 0)
    for row in rows:
        sign = Text(" ")
        if row.severity:
            sign = Text(SEVERITY_SIGN[row.severity], STYLE[row.severity])
        cells = [_wrapped(row.cells[index], widths[index]) for index in shown]
        for at in range(max(map(len, cells))):
            yield _line(cells, sign if at == 0 else Text(" "), section, shown, widths, at)
        if width is not None:
            yield from _below(section, row, shown, width)


def wrap(text: str, width: int | None) -> list[str]:
    """Lines of at most `width` columns, broken at spaces and, where a word is too long, inside it."""
    if width is None or cell_len(text) <= width:
        return [text]
    found: list[str] = []
    line = ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if cell_len(joined) <= width:
            line = joined
            continue
        if line:
            found.append(line)
        rest = word.rstrip(",") if cell_len(word) == width + 1 else word
        while cell_len(rest) > width:
            cut = _cut(rest, width)
            found.append(rest[:cut])
            rest = rest[cut:]
        line = rest
    return [*found, line] if line else found


def _cut(word: str, width: int) -> int:
    """How many characters of `word` fit; one at least."""
    taken = 0
    for index, character in enumerate(word):
        taken += cell_len(character)
        if taken > width:
            return max(index, 1)
    return len(word)


def _natural(section: Section, rows: Sequence[Row]) -> list[int]:
    return [
        max([cell_len(column.title), *(cell_len(row.cells[index].text) for row in rows)])
        for index, column in enumerate(section.columns)
    ]


def _fitting(section: Section, widths: Sequence[int], width: int) -> list[int]:
    shown = list(range(len(widths)))
    while _total(widths, shown) > width:
        last = max(shown, key=lambda index: section.columns[index].rank)
        if section.columns[last].rank == 0:
            break
        shown.remove(last)
    return shown


def _shrunk(section: Section, natural: Sequence[int], shown: list[int], width: int) -> list[int]:
    """Take from the widest text columns what is too much; where that is not enough, leave out columns at the end."""
    widths = list(natural)
    floor = [max(_NARROWEST, cell_len(column.title)) for column in section.columns]
    texts = [index for index in shown if not section.columns[index].right and natural[index] > floor[index]]
    while texts and (over := _total(widths, shown) - width) > 0:
        widest = max(texts, key=widths.__getitem__)
        second = max((widths[index] for index in texts if widths[index] < widths[widest]), default=0)
        widths[widest] = max(floor[widest], widths[widest] - min(over, max(1, widths[widest] - second)))
        if widths[widest] == floor[widest]:
            texts.remove(widest)
    if _total(widths, shown) > width and len(shown) > 1:
        shown.pop()
        return _shrunk(section, natural, shown, width)
    return widths


def _total(widths: Sequence[int], shown: Sequence[int]) -> int:
    return MARGIN + sum(widths[index] + GAP for index in shown) - GAP


def _heading(section: Section, index: int) -> list[Text]:
    return [Text(section.columns[index].title, "dim")]


def _wrapped(cell: Cell, width: int) -> list[Text]:
    return [Text(line, STYLE[cell.tone]) for line in wrap(cell.text, width)] or [Text()]


def _line(
    cells: Sequence[Sequence[Text]],
    sign: Text,
    section: Section,
    shown: Sequence[int],
    widths: Sequence[int],
    at: int,
) -> Text:
    line = Text(no_wrap=True)
    line.append_text(sign).append(" " * (MARGIN - 1))
    for position, index in enumerate(shown):
        piece = cells[position][at] if at < len(cells[position]) else Text()
        room = " " * (widths[index] - piece.cell_len)
        if section.columns[index].right:
            line.append(room).append_text(piece)
        else:
            line.append_text(piece).append(room)
        line.append(" " * GAP)
    line.rstrip()
    return line


def _below(section: Section, row: Row, shown: Sequence[int], width: int) -> Iterator[Text]:
    if not row.severity and all(cell.tone not in ("warning", "critical") for cell in row.cells):
        return
    for index, column in enumerate(section.columns):
        if column.below and index not in shown:
            for line in wrap(row.cells[index].text, width - MARGIN - GAP):
                yield Text(" " * (MARGIN + GAP), no_wrap=True).append(line, "dim")
