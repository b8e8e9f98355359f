"""Connections of the same parties to the same server port, taken together."""

from __future__ import annotations

from collections import Counter
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from podprobe.model import Flow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from podprobe.model import Connection, Scope

KEPT_WHOLE = 2_000
"""Up to so many sockets, a snapshot keeps each."""


class FlowKey(NamedTuple):
    """What connections of one flow have in common."""

    protocol: str
    scope: Scope
    from_container: str | None
    to_container: str | None
    server: str
    remote_address: str | None
    original: str | None = None


def flow_key(connection: Connection) -> FlowKey:
    """The flow that a socket belongs to."""
    redirected = connection.redirected_to
    server = connection.local if connection.role == "server" else redirected or connection.remote
    outside = connection.remote.rpartition(":")[0].strip("[]") if connection.scope == "external" else None
    return FlowKey(
        connection.protocol,
        connection.scope,
        connection.from_container,
        connection.to_container,
        server,
        outside,
        connection.remote if redirected else connection.original,
    )


def group(connections: Iterable[Connection]) -> dict[FlowKey, list[Connection]]:
    """The sockets of each flow."""
    grouped: dict[FlowKey, list[Connection]] = {}
    for connection in connections:
        grouped.setdefault(flow_key(connection), []).append(connection)
    return grouped


def flows(grouped: dict[FlowKey, list[Connection]]) -> tuple[Flow, ...]:
    """One line for each flow, the busiest first."""
    result = [_flow(key, sockets) for key, sockets in grouped.items()]
    return tuple(
        sorted(result, key=lambda f: (-f.connections, f.server, f.from_container or "", f.to_container or ""))
    )


def _flow(key: FlowKey, sockets: Sequence[Connection]) -> Flow:
    rtts = [s.rtt_us for s in sockets if s.rtt_us]
    minima = [s.min_rtt_us for s in sockets if s.min_rtt_us]
    segments = sum(s.segments_out or 0 for s in sockets)
    retransmits = sum(s.retransmits or 0 for s in sockets)
    clients = [s for s in sockets if s.role != "server"]
    servers = [s for s in sockets if s.role == "server"]
    # Both sockets of a connection are here while both live; one may outlive the other (TIME_WAIT).
    # Of a redirected connection, they agree on the client's end alone.
    pairs = {
        frozenset((s.local, s.remote)) if not key.original else s.remote if s.role == "server" else s.local
        for s in sockets
    }
    # What one side sent the other received; where only one side's socket is seen, its own counters tell both.
    teller, forward = (clients, True) if clients else (servers, False)
    sent = sum(s.bytes_sent or 0 for s in teller)
    received = sum(s.bytes_received or 0 for s in teller)
    return Flow(
        protocol="udp" if key.protocol == "udp" else "tcp",
        scope=key.scope,
        from_container=key.from_container,
        to_container=key.to_container,
        server=key.server,
        remote_address=key.remote_address,
        original=key.original,
        connections=len(pairs),
        states=dict(sorted(Counter(s.state for s in sockets).items())),
        close_wait_queued=sum(s.state == "close-wait" and s.inode is None for s in servers),
        rtt_us=round(median(rtts)) if rtts else None,
        max_rtt_us=max(rtts, default=None),
        min_rtt_us=min(minima, default=None),
        segments_out=segments,
        retransmits=retransmits,
        retransmit_ratio=retransmits / segments if segments else None,
        spurious_retransmits=sum(s.spurious_retransmits or 0 for s in sockets),
        bytes_sent=sent if forward else received,
        bytes_received=received if forward else sent,
        send_queue_bytes=sum(s.send_queue_bytes or 0 for s in sockets),
        receive_queue_bytes=sum(s.receive_queue_bytes or 0 for s in sockets),
    )


def open_connections(flow: Flow) -> int:
    """The flow's connections but for those that are a memory alone (TIME_WAIT, which one socket of the two keeps)."""
    return flow.connections - min(flow.connections, flow.states.get("time-wait", 0))


_WORST: tuple[Callable[[Connection], float], ...] = (
    lambda s: s.retransmits or 0,
    lambda s: s.retransmit_ratio or 0,
    lambda s: s.rtt_us or 0,
    lambda s: s.send_queue_bytes or 0,
    lambda s: s.receive_queue_bytes or 0,
    lambda s: s.backoff or 0,
    lambda s: s.state not in {"established", "time-wait"},
)


def reduce(
    grouped: dict[FlowKey, list[Connection]], keep: int = KEPT_WHOLE
) -> tuple[tuple[Connection, ...], int]:
    """At most about `keep` sockets: all where they are few, else the worst of every flow by every measure.

    Returns:
        The sockets that stay, and how many were left out.
    """
    total = sum(len(sockets) for sockets in grouped.values())
    if total <= keep:
        return tuple(s for sockets in grouped.values() for s in sockets), 0
    kept: list[Connection] = []
    for sockets in sorted(grouped.values(), key=len, reverse=True):
        chosen: dict[int, Connection] = {}
        for measure in _WORST:
            worst = max(sockets, key=measure)
            if measure(worst):
                chosen[id(worst)] = worst
        kept += chosen.values() or sockets[:1]
        if len(kept) >= keep:
            break
    return tuple(kept[:keep]), total - len(kept[:keep])
