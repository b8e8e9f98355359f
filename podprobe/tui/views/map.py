"""The map: containers as boxes, the channels between each two of them, and the ways in and out."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from podprobe.report import units
from podprobe.tui import keys
from podprobe.tui.drawing import Line, Span, blank, cut, fit, join, length, mark_of_health, said, spark
from podprobe.tui.drawing.marks import mark_of_container
from podprobe.tui.views import paths
from podprobe.tui.views.flows import loss_mark, loss_role, party
from podprobe.tui.views.outside import target_of, verdict

if TYPE_CHECKING:
    from podprobe.model import Channel, Container, Flow
    from podprobe.tui.state import State

_WORST_FIRST = {"broken": 0, "degraded": 1, "unknown": 2, "ok": 3}
_ROLE = {"broken": "critical", "degraded": "warning", "unknown": "dim", "ok": "wire"}
_FLOWS_OUTSIDE = 6
_PATHS = 8
_SPARK = 8


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
        lines += _outside(state, inner)
        if len(lines) <= height:
            break
    return [(Span(" "), *line) if line else line for line in lines] or [
        (Span(" nothing to draw yet", "dim"),)
    ]


_SHORT = {
    "posix-message-queue": "mqueue",
    "posix-shared-memory": "posix shm",
    "shared-memory": "shm",
    "message-queue": "queue",
    "semaphore": "sem",
    "pid-namespace": "pids",
}
"""Kinds of channel where every cell counts."""


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
    left, right = _box_text(state, a, most), _box_text(state, b, most)
    step = 2 if roomy else 1
    height = max(4, step * len(channels) + 2, len(left) + 2, len(right) + 2)
    box_left, box_right = _box(state, a, left, height), _box(state, b, right, height)
    between = width - length(box_left[0]) - length(box_right[0])
    middle: list[Line] = [fit((), between)]
    for channel in channels:
        middle += _wire(state, channel, a, between, roomy=roomy)
    middle += [fit((), between)] * (height - len(middle))
    return [(*one, *wire, *other) for one, wire, other in zip(box_left, middle, box_right, strict=True)]


def _box_text(state: State, name: str, most: int) -> list[Line]:
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


def _box(state: State, name: str, text: list[Line], height: int) -> list[Line]:
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


def _wire(state: State, channel: Channel, left: str, width: int, *, roomy: bool) -> list[Line]:
    target = keys.of_channel(channel)
    role = _ROLE[channel.health]
    outwards = channel.a == left
    solid = "━" if channel.kind in {"tcp", "udp", "unix"} else "╌"
    start, end = (
        "◀" if channel.directed and not outwards else solid,
        "▶" if channel.directed and outwards else solid,
    )
    trend = _trend(state, channel)
    room = width - (4 if roomy else 5) - (length(trend) + 1 if trend else 0)
    text = _label(state, channel, role, short=False)
    if length(text) > room:
        text = _label(state, channel, role, short=True)
    if length(text) > room and trend:
        # Words before pictures.
        room += length(trend) + 1
        trend = ()
    label = cut(text, room)
    if roomy:
        gap = width - 2 - length(label) - length(trend)
        line: Line = (Span(" "), *label, Span(" " * gap), *trend, Span(" "))
        wire: Line = (Span(start + solid * (width - 2) + end, role),)
        return [_aim(line, target), _aim(wire, target)]
    rest = width - 4 - length(label) - (length(trend) + 1 if trend else 0)
    one: Line = (
        Span(f"{start} ", role),
        *label,
        *((Span(" "), *trend) if trend else ()),
        Span(f" {solid * rest}{end}", role),
    )
    return [_aim(one, target)]


def _label(state: State, channel: Channel, role: str, *, short: bool) -> Line:
    via = channel.via
    if short and channel.kind in {"tcp", "udp"}:
        # Between containers of a Pod it can only be its loopback or its own address.
        via = _port(via)
    return (
        mark_of_health(channel.health),
        Span(f" {_SHORT.get(channel.kind, channel.kind) if short else channel.kind} "),
        said(via, "strong"),
        Span("  "),
        *_told(state, channel, "" if channel.health in {"ok", "unknown"} else role, short=short),
    )


def _told(state: State, channel: Channel, role: str, *, short: bool) -> Line:
    """How the channel does: in the analysis' words, or as short as possible."""
    p99 = _p99(state, channel)
    flow = _flow_of(state, channel)
    if not short or flow is None:
        tail = (Span("  p99 "), Span(p99)) if p99 else ()
        return said(channel.detail, role), *tail
    parts: list[Line] = []
    if flow.retransmit_ratio:
        parts.append((Span(f"retrans {units.ratio(flow.retransmit_ratio)}", role),))
    if flow.rtt_us is not None:
        parts.append((Span(f"rtt {units.microseconds(flow.rtt_us)}"),))
    if p99:
        parts.append((Span(f"p99 {p99}"),))
    parts.append((Span(f"{flow.connections:,} conn"),))
    return join(parts, Span("  "))


def _flow_of(state: State, channel: Channel) -> Flow | None:
    if channel.kind not in {"tcp", "udp"}:
        return None
    parties = (channel.via, channel.a, channel.b)
    return next(
        (
            one
            for one in state.snapshot.network.flows
            if (one.server, one.from_container, one.to_container) == parties
        ),
        None,
    )


def _aim(line: Line, target: keys.Key) -> Line:
    return tuple(piece._replace(target=target) for piece in line)


def _trend(state: State, channel: Channel) -> Line:
    """The last values of what tells most about a channel of this kind."""
    series: list[float | None] = []
    role = "plot"
    if channel.kind in {"tcp", "udp"}:
        flow = _flow_of(state, channel)
        if flow is not None:
            series = state.history.series(keys.of_flow(flow), "retransmits")
            role = loss_role(flow) if any(series[-_SPARK:]) else role
            if not any(series[-_SPARK:]):
                series = state.history.series(keys.of_flow(flow), "rtt")
    elif channel.kind == "volume":
        series = state.history.series(("volume", channel.via), "usage")
    elif channel.kind == "message-queue":
        queue = next((one for one in state.snapshot.ipc.message_queues if one.key == channel.via), None)
        series = state.history.series(keys.of_message_queue(queue), "bytes") if queue else []
    elif channel.kind == "posix-message-queue":
        series = state.history.series(("posix-message-queue", channel.via), "messages")
    # One value is no trend.
    if sum(value is not None for value in series) < 2:
        return ()
    return (Span(spark(series, _SPARK), role),)


def _p99(state: State, channel: Channel) -> str:
    for one in state.snapshot.latency:
        if (one.from_container, one.to_container, one.to) == (channel.a, channel.b, channel.via):
            return units.microseconds(one.p99_us) if one.p99_us is not None else ""
    return ""


def _lonely(state: State, joined: set[str], width: int) -> list[Line]:
    """Containers without any channel to another: side by side."""
    alone = [
        one
        for one in state.snapshot.containers
        if one.name not in joined and one.kind != "ephemeral" and state.shows(one.name) and not _done(one)
    ]
    lines: list[Line] = []
    while alone:
        row: list[Line] = [(), (), (), ()]
        while alone:
            text = _box_text(state, alone[0].name, 22)[:2]
            box = _box(state, alone[0].name, text, 4)
            if length(row[0]) + length(box[0]) + 1 > width and row[0]:
                break
            row = [(*line, *part, Span(" ")) for line, part in zip(row, box, strict=True)]
            alone.pop(0)
        lines += row
    if lines and not joined and len(state.snapshot.containers) > 1 and not state.declared:
        lines.append((Span("no channel between containers was seen", "dim"),))
    return lines


def _done(container: Container) -> bool:
    return container.kind == "init" and container.state == "terminated"


def _outside(state: State, width: int) -> list[Line]:
    lines: list[Line] = []
    followed = [one for one in state.snapshot.paths if paths.shows(state, one)]
    lines += [_aim(paths.line(one, width), keys.of_path(one)) for one in followed[:_PATHS]]
    if len(followed) > _PATHS:
        lines.append((Span(f"and {len(followed) - _PATHS} more paths through proxies: press 8", "dim"),))
    led = {name for one in followed[:_PATHS] for name in one.services}
    for service in state.snapshot.services:
        for port in service.ports:
            if f"{service.name}:{port.port}" in led:
                continue  # a path shows it, and where it goes on
            if state.focus is not None and port.container not in {None, state.focus}:
                continue
            line: Line = (
                Span("outside ─▶ ", "dim"),
                Span("Service "),
                said(service.name, "strong"),
                Span(f":{port.port}", "strong"),
                Span(" ─▶ ", "dim"),
                Span(":"),
                said(target_of(port)),
                Span(" "),
                *verdict(port),
            )
            lines.append(_aim(cut(line, width), keys.of_service(service, port)))
    flows = [
        one
        for one in state.snapshot.network.flows
        if one.scope == "external" and state.shows(one.from_container, one.to_container)
    ]
    flows.sort(key=lambda one: (loss_role(one) != "warning", -one.connections))
    lines += [_flow_line(one, width) for one in flows[:_FLOWS_OUTSIDE]]
    if len(flows) > _FLOWS_OUTSIDE:
        lines.append(
            (Span(f"and {len(flows) - _FLOWS_OUTSIDE} more flows with the outside: press 3", "dim"),)
        )
    return lines


def _flow_line(flow: Flow, width: int) -> Line:
    parts: list[Line] = [
        party(flow.from_container, flow.remote_address),
        (Span("─▶", "dim"),),
        (*party(flow.to_container, None), Span(" "), said(_port(flow.server), "strong"))
        if flow.to_container is not None
        else (said(flow.server, "strong"),),
        (Span(f" {flow.connections:,} connection{'' if flow.connections == 1 else 's'}"),),
    ]
    if flow.rtt_us is not None:
        parts.append((Span(f" rtt {units.microseconds(flow.rtt_us)}"),))
    if flow.retransmit_ratio:
        parts.append(
            (Span(f" {loss_mark(flow)}retrans {units.ratio(flow.retransmit_ratio)}", loss_role(flow)),)
        )
    odd = {name: count for name, count in flow.states.items() if name not in {"established", "time-wait"}}
    if odd:
        name, count = max(odd.items(), key=lambda item: item[1])
        parts.append((said(f" {count:,} in {name}"),))
    return _aim(cut(join(parts, Span(" ")), width), keys.of_flow(flow))


def _port(endpoint: str) -> str:
    return ":" + endpoint.rpartition(":")[2]
