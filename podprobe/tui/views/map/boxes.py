"""Containers as boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.tui.drawing import Line, Span, cut, fit, length, said
from podprobe.tui.drawing.marks import mark_of_container

if TYPE_CHECKING:
    from podprobe.tui import keys
    from podprobe.tui.state import State


def box_text(state: State, name: str, most: int) -> list[Line]:
    """A container in its box: name, state, ports."""
    container = state.container(name)
    mark = mark_of_container(container) if container else Span("?", "dim")
    role = "strong" if state.focus != name else "focus"
    lines: list[Line] = [cut((mark, Span(" "), said(name, role)), most)]
    if container is not None and container.state != "running":
        lines.append(cut((said(container.state_reason or container.state, "warning"),), most))
    ports = sorted(
        {
            one.port
            for one in state.snapshot.network.listeners
            if one.container == name and one.protocol == "tcp"
        }
    )
    row = ""
    for port in ports[:8]:
        if len(row) + len(f" :{port}") > most and row:
            lines.append((Span(row, "dim"),))
            row = ""
        row += f" :{port}" if row else f":{port}"
    if row:
        lines.append((Span(row, "dim"),))
    return lines


def box(state: State, name: str, text: list[Line], height: int) -> list[Line]:
    """The box itself, each line of it leading to the container."""
    inner = max(length(line) for line in text)
    target = ("container", name)
    frame = "frame-focus" if state.focus == name else "frame"
    rows = [Span(f"┌{'─' * (inner + 2)}┐", frame, target)]
    lines: list[Line] = [(rows[0],)]
    for index in range(height - 2):
        content = fit(text[index], inner) if index < len(text) else fit((), inner)
        aimed = tuple(piece._replace(target=target) for piece in content)
        lines.append((Span("│ ", frame, target), *aimed, Span(" │", frame, target)))
    lines.append((Span(f"└{'─' * (inner + 2)}┘", frame, target),))
    return lines


def aim(line: Line, target: keys.Key) -> Line:
    """The whole line leads there."""
    return tuple(piece._replace(target=target) for piece in line)


def port_of(endpoint: str) -> str:
    """Of an endpoint: `:5000`."""
    return ":" + endpoint.rpartition(":")[2]
