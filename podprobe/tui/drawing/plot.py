"""A series over time, several lines high, with its axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.tui.drawing.line import Line, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_STEPS = " ▁▂▃▄▅▆▇█"


def plot(
    values: Sequence[float | None],
    width: int,
    height: int,
    label: Callable[[float], str],
    role: str = "plot",
    top: float | None = None,
) -> list[Line]:
    """An area plot whose newest value is at the right. Values before the series began are left blank.

    Args:
        values: oldest first; `None` is a gap.
        width: of the whole, axis labels included.
        height: in lines, at least 1.
        label: writes a value for the axis.
        role: of the area.
        top: what the uppermost line stands for; the greatest value where absent.
    """
    known = [value for value in values if value is not None]
    if not known:
        return [(Span("no history yet", "dim"),)]
    # An axis that begins at zero tells sizes; so it does unless there are negative values, and there are none.
    reach = max(top or 0.0, *known) or 1.0
    marks = [label(reach), label(reach / 2), label(0.0)]
    gutter = max(len(mark) for mark in marks)
    columns = max(4, width - gutter - 2)
    recent = list(values[-columns:])
    eighths = [None if value is None else round(max(0.0, value) / reach * height * 8) for value in recent]
    lines: list[Line] = []
    for row in range(height):
        base = (height - 1 - row) * 8
        area = "".join(" " if level is None else _STEPS[min(8, max(0, level - base))] for level in eighths)
        mark = marks[0] if row == 0 else marks[1] if height > 3 and row == height // 2 else ""
        if row == height - 1 and height > 1:
            mark = marks[2]
            # A value that rounds to nothing was still measured: draw it as a dot of the lowest step.
            area = "".join("▁" if level == 0 else drawn for level, drawn in zip(eighths, area, strict=True))
        lines.append((Span(mark.rjust(gutter), "dim"), Span(" ┤", "rest"), Span(area.rjust(columns), role)))
    return lines
