"""Channels as lines between two boxes: what each is, how it does, and how it did lately."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.report import units
from podprobe.tui import keys
from podprobe.tui.drawing import Line, Span, cut, join, length, mark_of_health, said, spark
from podprobe.tui.views.flows import loss_role
from podprobe.tui.views.map.boxes import aim, port_of

if TYPE_CHECKING:
    from podprobe.model import Channel, Flow
    from podprobe.tui.state import State

_ROLE = {"broken": "critical", "degraded": "warning", "unknown": "dim", "ok": "wire"}
_SPARK = 8
_CODES = 2
"""Findings that a channel is shown with; the first say most."""


_SHORT = {
    "posix-message-queue": "mqueue",
    "posix-shared-memory": "posix shm",
    "shared-memory": "shm",
    "message-queue": "queue",
    "semaphore": "sem",
    "pid-namespace": "pids",
}
"""Kinds of channel where every cell counts."""


def wire(state: State, channel: Channel, left: str, width: int, *, roomy: bool) -> list[Line]:
    """A channel between two boxes: two lines where there is room, else one."""
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
        return [aim(line, target), aim(wire, target)]
    rest = width - 4 - length(label) - (length(trend) + 1 if trend else 0)
    one: Line = (
        Span(f"{start} ", role),
        *label,
        *((Span(" "), *trend) if trend else ()),
        Span(f" {solid * rest}{end}", role),
    )
    return [aim(one, target)]


def _label(state: State, channel: Channel, role: str, *, short: bool) -> Line:
    via = channel.via
    if short and channel.kind in {"tcp", "udp"}:
        # Between containers of a Pod it can only be its loopback or its own address.
        via = port_of(via)
    return (
        mark_of_health(channel.health),
        Span(f" {_SHORT.get(channel.kind, channel.kind) if short else channel.kind} "),
        said(via, "strong"),
        Span("  "),
        *_told(state, channel, "" if channel.health in {"ok", "unknown"} else role, short=short),
    )


def _told(state: State, channel: Channel, role: str, *, short: bool) -> Line:
    """How the channel does, what is wrong first: in the analysis' words, or as short as possible."""
    codes = (said(" ".join(channel.findings[:_CODES]), role), Span("  ")) if channel.findings else ()
    flow = _flow_of(state, channel)
    if not short or flow is None:
        return *codes, said(channel.detail, role)
    p99 = _p99(state, channel)
    parts: list[Line] = [codes[:1]]
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
