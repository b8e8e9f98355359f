"""The map: containers as boxes, the channels between each two of them, and the ways in and out."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from podprobe.tui.drawing import Line, Span, blank, fit, length
from podprobe.tui.views.map.boxes import box, box_text
from podprobe.tui.views.map.outside import outside
from podprobe.tui.views.map.wires import wire

if TYPE_CHECKING:
    from podprobe.model import Channel, Container
    from podprobe.tui.state import State

_WORST_FIRST = {"broken": 0, "degraded": 1, "unknown": 2, "ok": 3}


def draw(state: State, width: int, height: int) -> list[Line]:
    """The map in `width` cells. It is drawn roomily where that fits in `height`, else one line per channel."""
    pairs = _pairs(state)
    inner = max(38, width - 2)
    lines: list[Line] = []
    for roomy, spaced in ((True, True), (False, True), (False, False)):
        lines = []
        for (a, b), channels in pairs:
            lines += _block(state, a, b, channels, inner, roomy=roomy)
            if spaced:
                lines.append(blank())
        lines += _lonely(state, {name for pair, _ in pairs for name in pair}, inner)
        lines += outside(state, inner)
        if len(lines) <= height:
            break
    return [(Span(" "), *line) if line else line for line in lines] or [
        (Span(" nothing to draw yet", "dim"),)
    ]


def _pairs(state: State) -> list[tuple[tuple[str, str], list[Channel]]]:
    """Channels by the two containers they join, the worst pair first."""
    grouped: defaultdict[tuple[str, str], list[Channel]] = defaultdict(list)
    order = {one.name: index for index, one in enumerate(state.snapshot.containers)}
    for channel in state.snapshot.channels:
        if (
            channel.a is None
            or channel.b is None
            or channel.a == channel.b
            or not state.shows(channel.a, channel.b)
        ):
            continue
        # The container that the Pod names first stands at the left.
        a, b = sorted((channel.a, channel.b), key=lambda name: (order.get(name, len(order)), name))
        grouped[a, b].append(channel)
    for channels in grouped.values():
        channels.sort(key=lambda one: (_WORST_FIRST[one.health], one.kind, one.via))
    return sorted(grouped.items(), key=lambda item: (_WORST_FIRST[item[1][0].health], -len(item[1]), item[0]))


def _block(state: State, a: str, b: str, channels: list[Channel], width: int, *, roomy: bool) -> list[Line]:
    most = max(8, min(22, width // 5))
    left, right = box_text(state, a, most), box_text(state, b, most)
    step = 2 if roomy else 1
    height = max(4, step * len(channels) + 2, len(left) + 2, len(right) + 2)
    box_left, box_right = box(state, a, left, height), box(state, b, right, height)
    between = width - length(box_left[0]) - length(box_right[0])
    middle: list[Line] = [fit((), between)]
    for channel in channels:
        middle += wire(state, channel, a, between, roomy=roomy)
    middle += [fit((), between)] * (height - len(middle))
    return [(*one, *wire, *other) for one, wire, other in zip(box_left, middle, box_right, strict=True)]


def _lonely(state: State, joined: set[str], width: int) -> list[Line]:
    """Containers without any channel to another: side by side."""
    alone = [
        one
        for one in state.snapshot.containers
        if one.name not in joined and one.kind != "ephemeral" and state.shows(one.name) and not _done(one)
    ]
    alone.sort(key=lambda one: one.state == "running")
    lines: list[Line] = []
    while alone:
        row: list[Line] = [(), (), (), ()]
        while alone:
            text = box_text(state, alone[0].name, 22)[:2]
            drawn = box(state, alone[0].name, text, 4)
            if length(row[0]) + length(drawn[0]) + 1 > width and row[0]:
                break
            row = [(*line, *part, Span(" ")) for line, part in zip(row, drawn, strict=True)]
            alone.pop(0)
        lines += row
    if lines and not joined and len(state.snapshot.containers) > 1 and not state.declared:
        lines.append((Span("no channel between containers was seen", "dim"),))
    return lines


def _done(container: Container) -> bool:
    return container.kind == "init" and container.state == "terminated"
