"""What flows and containers did since the look before, and how much of the Pod's retransmits they account for."""

from __future__ import annotations

from collections import Counter
from statistics import median
from typing import TYPE_CHECKING

import msgspec

from podprobe.analysis.flows import FlowKey, group
from podprobe.analysis.retransmits import (
    RETRANSMITS,
    by_socket,
    elapsed,
    grown,
    namespace_retransmits,
    socket_of,
)
from podprobe.model import Activity, Retransmits, Traffic

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from podprobe.model import Connection, Flow, Scope, Snapshot

_MEASURED = (
    "segments_out", "retransmits", "spurious_retransmits", "bytes_sent", "bytes_received",
    "busy_us", "receive_window_limited_us", "send_buffer_limited_us",
)  # fmt: skip


def with_activity(snapshot: Snapshot, before: Snapshot | None) -> Snapshot:
    """The snapshot with what each flow and container did since an earlier look at the same Pod.

    At the first look, the shares are those of the sockets' and the namespace's whole lives.
    """
    network = snapshot.network
    if before is not None and before.target.uid != snapshot.target.uid:
        before = None
    seconds = elapsed(before, snapshot) if before is not None else None
    growth: dict[int, Counter[str]] = {}
    if before is not None and seconds is not None:
        earlier = by_socket(before)
        growth = {
            id(socket): _growth(socket, earlier.get(socket_of(socket)))
            for socket in network.connections
            if socket.protocol == "tcp"
        }
    grouped = group(network.connections)
    flows = tuple(
        msgspec.structs.replace(flow, activity=_of_flow(grouped.get(_key(flow), ()), growth, seconds))
        if seconds is not None and flow.protocol == "tcp"
        else flow
        for flow in network.flows
    )
    network = msgspec.structs.replace(
        network,
        flows=flows,
        traffic=tuple(_traffic(network.connections, growth, seconds)),
        retransmits=_retransmits(snapshot, before, growth, seconds),
    )
    return msgspec.structs.replace(snapshot, network=network)


def _growth(now: Connection, then: Connection | None) -> Counter[str]:
    return Counter({name: grown(getattr(now, name), getattr(then, name, None)) for name in _MEASURED})


def _key(flow: Flow) -> FlowKey:
    parties = flow.from_container, flow.to_container
    return FlowKey(flow.protocol, flow.scope, *parties, flow.server, flow.remote_address, flow.original)


def _of_flow(
    sockets: Sequence[Connection], growth: dict[int, Counter[str]], seconds: float | None
) -> Activity | None:
    # What one side sent the other received; where only one side's socket is seen, its own counters tell both.
    clients = [one for one in sockets if one.role != "server"]
    tellers = clients or sockets
    sent, received = _sum(tellers, growth, "bytes_sent"), _sum(tellers, growth, "bytes_received")
    return _activity(sockets, growth, seconds, *((sent, received) if clients else (received, sent)))


def _sum(sockets: Iterable[Connection], growth: dict[int, Counter[str]], name: str) -> int:
    return sum(growth[id(one)][name] for one in sockets if id(one) in growth)


def _activity(
    sockets: Sequence[Connection], growth: dict[int, Counter[str]], seconds: float | None, sent: int, received: int
) -> Activity | None:  # fmt: skip
    if seconds is None:
        return None
    segments, retransmits = (_sum(sockets, growth, name) for name in ("segments_out", "retransmits"))
    return Activity(
        seconds=seconds,
        bytes_sent_per_second=sent / seconds,
        bytes_received_per_second=received / seconds,
        segments=segments,
        retransmits=retransmits,
        retransmit_ratio=retransmits / segments if segments else None,
        spurious_retransmits=_sum(sockets, growth, "spurious_retransmits"),
        busy_us=_sum(sockets, growth, "busy_us"),
        receive_window_limited_us=_sum(sockets, growth, "receive_window_limited_us"),
        send_buffer_limited_us=_sum(sockets, growth, "send_buffer_limited_us"),
    )


def _traffic(
    connections: Iterable[Connection], growth: dict[int, Counter[str]], seconds: float | None
) -> Iterable[Traffic]:
    """Each container's own sockets; loopback, the Pod's address and outside apart."""
    owned: dict[tuple[str | None, Scope], list[Connection]] = {}
    for one in connections:
        # A memory of a connection (TIME_WAIT) is nobody's any more, and has no counters.
        if one.protocol == "tcp" and one.state != "time-wait":
            owned.setdefault((one.container, one.scope), []).append(one)
    for (container, scope), sockets in sorted(
        owned.items(), key=lambda item: (item[0][0] or "\U0010ffff", item[0][1])
    ):
        segments, retransmits = (
            sum(getattr(one, name) or 0 for one in sockets) for name in ("segments_out", "retransmits")
        )
        rtts = [one.rtt_us for one in sockets if one.rtt_us]
        yield Traffic(
            container=container,
            scope=scope,
            sockets=len(sockets),
            rtt_us=round(median(rtts)) if rtts else None,
            segments_out=segments,
            retransmits=retransmits,
            retransmit_ratio=retransmits / segments if segments else None,
            spurious_retransmits=sum(one.spurious_retransmits or 0 for one in sockets),
            activity=_activity(
                sockets,
                growth,
                seconds,
                _sum(sockets, growth, "bytes_sent"),
                _sum(sockets, growth, "bytes_received"),
            ),
        )


def _retransmits(
    snapshot: Snapshot, before: Snapshot | None, growth: dict[int, Counter[str]], seconds: float | None
) -> Retransmits | None:
    if before is not None and seconds is not None:
        total = namespace_retransmits(before, snapshot)
        attributed = sum(one["retransmits"] for one in growth.values())
    else:
        total = snapshot.network.counters.values.get(RETRANSMITS)
        # The flows have all sockets, those that the list of connections leaves out included.
        attributed = sum(flow.retransmits for flow in snapshot.network.flows)
    if total is None:
        return None
    return Retransmits(
        seconds=seconds,
        namespace=total,
        attributed=attributed,
        ratio=min(1.0, attributed / total) if total else None,
    )
