"""What flows and containers did since the look before, and how much of the Pod's retransmits they account for."""

from __future__ import annotations

from dataclasses import dataclass
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
from podprobe.analysis.tally import MEASURED, Growth
from podprobe.model import Activity, Retransmits, Traffic

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from podprobe.model import Connection, Flow, Network, Scope, Snapshot

_PLACE = {name: place for place, name in enumerate(MEASURED)}


@dataclass(frozen=True)
class Since:
    """What is known of the time since the look before."""

    growth: Growth
    seconds: float | None
    """`None`: there was none."""
    namespace: int | None
    """Segments that the network namespace sent again: since then, or at a first look in all; `None`: not known."""


def with_activity(snapshot: Snapshot, before: Snapshot | None) -> Snapshot:
    """The snapshot with what each flow and container did since an earlier look at the same Pod.

    By the connections that the two have; a session reckons with all sockets instead (`told`). Where the earlier
    snapshot left connections out, nothing is said of the time since: of one that is in the later alone, nobody knows
    how much of its life that was.

    At the first look, the shares are those of the sockets' and the namespace's whole lives.
    """
    network = snapshot.network
    if before is not None and (
        before.target.uid != snapshot.target.uid or before.network.connections_omitted
    ):
        before = None
    seconds = elapsed(before, snapshot) if before is not None else None
    growth: Growth = {}
    namespace = network.counters.values.get(RETRANSMITS)
    if before is not None and seconds is not None:
        earlier = by_socket(before)
        namespace = namespace_retransmits(before, snapshot)
        growth = {
            id(socket): _growth(socket, earlier.get(socket_of(socket)))
            for socket in network.connections
            if socket.protocol == "tcp"
        }
    since = Since(growth, seconds, namespace)
    return msgspec.structs.replace(snapshot, network=told(network, group(network.connections), since))


def told(network: Network, grouped: Mapping[FlowKey, Sequence[Connection]], since: Since) -> Network:
    """The network with what each flow and container did.

    Args:
        network: with its flows.
        grouped: the sockets of each, all that there are.
        since: the look before.
    """
    growth, seconds = since.growth, since.seconds
    flows = tuple(
        msgspec.structs.replace(flow, activity=_of_flow(grouped.get(_key(flow), ()), growth, seconds))
        if seconds is not None and flow.protocol == "tcp"
        else flow
        for flow in network.flows
    )
    every = (socket for sockets in grouped.values() for socket in sockets)
    return msgspec.structs.replace(
        network,
        flows=flows,
        traffic=tuple(_traffic(every, growth, seconds)),
        retransmits=_retransmits(network, since),
    )


def _growth(now: Connection, then: Connection | None) -> tuple[int, ...]:
    return tuple(grown(getattr(now, name), getattr(then, name, None)) for name in MEASURED)


def _key(flow: Flow) -> FlowKey:
    parties = flow.from_container, flow.to_container
    return FlowKey(flow.protocol, flow.scope, *parties, flow.server, flow.remote_address, flow.original)


def _of_flow(sockets: Sequence[Connection], growth: Growth, seconds: float | None) -> Activity | None:
    # What one side sent the other received; where only one side's socket is seen, its own counters tell both.
    clients = [one for one in sockets if one.role != "server"]
    tellers = clients or sockets
    sums = _sums(tellers, growth)
    sent, received = sums[_PLACE["bytes_sent"]], sums[_PLACE["bytes_received"]]
    whole = sums if len(tellers) == len(sockets) else _sums(sockets, growth)
    return _activity(whole, seconds, *((sent, received) if clients else (received, sent)))


def _sums(sockets: Iterable[Connection], growth: Growth) -> Sequence[int]:
    """How much each of `MEASURED` grew, over the sockets."""
    grew = [growth[id(one)] for one in sockets if id(one) in growth]
    return [sum(column) for column in zip(*grew, strict=True)] if grew else [0] * len(MEASURED)


def _activity(sums: Sequence[int], seconds: float | None, sent: int, received: int) -> Activity | None:
    if seconds is None:
        return None
    segments, retransmits = sums[_PLACE["segments_out"]], sums[_PLACE["retransmits"]]
    return Activity(
        seconds=seconds,
        bytes_sent_per_second=sent / seconds,
        bytes_received_per_second=received / seconds,
        segments=segments,
        retransmits=retransmits,
        retransmit_ratio=retransmits / segments if segments else None,
        spurious_retransmits=sums[_PLACE["spurious_retransmits"]],
        busy_us=sums[_PLACE["busy_us"]],
        receive_window_limited_us=sums[_PLACE["receive_window_limited_us"]],
        send_buffer_limited_us=sums[_PLACE["send_buffer_limited_us"]],
    )


def _traffic(connections: Iterable[Connection], growth: Growth, seconds: float | None) -> Iterable[Traffic]:
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
        sums = _sums(sockets, growth)
        yield Traffic(
            container=container,
            scope=scope,
            sockets=len(sockets),
            rtt_us=round(median(rtts)) if rtts else None,
            segments_out=segments,
            retransmits=retransmits,
            retransmit_ratio=retransmits / segments if segments else None,
            spurious_retransmits=sum(one.spurious_retransmits or 0 for one in sockets),
            activity=_activity(sums, seconds, sums[_PLACE["bytes_sent"]], sums[_PLACE["bytes_received"]]),
        )


def _retransmits(network: Network, since: Since) -> Retransmits | None:
    if since.namespace is None:
        return None
    if since.seconds is not None:
        attributed = sum(one[_PLACE["retransmits"]] for one in since.growth.values())
    else:
        attributed = sum(flow.retransmits for flow in network.flows)
    return Retransmits(
        seconds=since.seconds,
        namespace=since.namespace,
        attributed=attributed,
        ratio=min(1.0, attributed / since.namespace) if since.namespace else None,
    )
