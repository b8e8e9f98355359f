"""Legs: what passes between two parties, or between one and the outside, to one listener."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis import bounds, endpoints, health
from podprobe.analysis.flows import open_connections
from podprobe.analysis.words import share
from podprobe.model import Leg

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from podprobe.model import Flow, Snapshot, UnixSocket


def legs(snapshot: Snapshot, thresholds: Mapping[str, float] | None = None) -> tuple[Leg, ...]:
    """Every leg that the snapshot's connections show. Those of one client to a peer that is not known are left out."""
    limits = {name: bounds.bound(name, thresholds or {}) for name in bounds.DEFAULTS}
    return (*_tcp(snapshot, limits), *_unix(snapshot))


def _tcp(snapshot: Snapshot, limits: Mapping[str, float]) -> Iterator[Leg]:
    grouped: dict[tuple[str | None, str | None, str, str | None], list[tuple[int, Flow]]] = {}
    for index, flow in enumerate(snapshot.network.flows):
        ends = flow.from_container, flow.to_container
        inside = flow.scope != "external"
        if flow.protocol != "tcp" or ends[0] == ends[1] or (inside and None in ends):
            continue
        grouped.setdefault((*ends, flow.server, flow.original), []).append((index, flow))
    for (client, server, to, original), places in grouped.items():
        flows = [flow for _, flow in places]
        sent, again = sum(flow.segments_out for flow in flows), sum(flow.retransmits for flow in flows)
        yield Leg(
            from_container=client,
            to_container=server,
            to=to,
            original=original,
            connections=sum(open_connections(flow) for flow in flows),
            rtt_us=_median(flows),
            min_rtt_us=min((flow.min_rtt_us for flow in flows if flow.min_rtt_us), default=None),
            max_rtt_us=max((flow.max_rtt_us for flow in flows if flow.max_rtt_us), default=None),
            segments_out=sent,
            retransmits=again,
            retransmit_ratio=share(again, sent),
            spurious_retransmits=sum(flow.spurious_retransmits for flow in flows),
            bytes_sent=sum(flow.bytes_sent for flow in flows),
            bytes_received=sum(flow.bytes_received for flow in flows),
            queued_bytes=sum(flow.send_queue_bytes + flow.receive_queue_bytes for flow in flows),
            connect_p50_us=connect_time(snapshot, client, server, to),
            health=health.of_flows(snapshot, flows, limits),
            evidence=tuple(f"/network/flows/{index}" for index, _ in places[:20]),
        )


def _median(flows: Sequence[Flow]) -> int | None:
    """Of the flows' round-trip times, each counted as often as it has connections."""
    known = sorted((flow.rtt_us, flow.connections) for flow in flows if flow.rtt_us is not None)
    total, counted = sum(connections for _, connections in known), 0
    for rtt, connections in known:
        counted += connections
        if 2 * counted >= total:
            return rtt
    return None


def connect_time(snapshot: Snapshot, client: str | None, server: str | None, to: str) -> float | None:
    """The median of podprobe's own connects to a listener of the Pod, from the client where it was probed from there.

    A listener on all addresses is probed on loopback: that has to do for who comes from outside.
    """
    if server is None:
        return None
    port = endpoints.split(to)[1]
    there = [
        each
        for each in snapshot.latency
        if each.p50_us is not None
        and (each.to == to or (each.to_container == server and port is not None and _port(each.to) == port))
    ]
    nearest = [each for each in there if each.from_container == client] or there
    return min((each.p50_us for each in nearest if each.p50_us is not None), default=None)


def _port(to: str) -> int | None:
    return endpoints.split(to)[1]


def _unix(snapshot: Snapshot) -> Iterator[Leg]:
    servers = {
        each.path: each.container for each in snapshot.network.unix if each.state == "listen" and each.path
    }
    grouped: dict[tuple[str, str, str], list[tuple[int, UnixSocket]]] = {}
    for index, each in enumerate(snapshot.network.unix):
        mine, other, path = each.container, each.peer_container, each.path
        if each.state != "established" or not path or not mine or not other or mine == other:
            continue
        server = servers.get(path)
        if server not in {mine, other}:
            continue
        client = other if server == mine else mine
        grouped.setdefault((client, server or "", path), []).append((index, each))
    for (client, server, path), sockets in grouped.items():
        yield Leg(
            kind="unix",
            from_container=client,
            to_container=server,
            to=path,
            connections=len({frozenset((each.inode, each.peer_inode)) for _, each in sockets}),
            queued_bytes=sum(each.queue or 0 for _, each in sockets),
            connect_p50_us=connect_time(snapshot, client, server, path),
            health=health.of_unix(snapshot, path),
            evidence=tuple(f"/network/unix/{index}" for index, _ in sockets[:20]),
        )


def processes(snapshot: Snapshot, leg: Leg, container: str) -> frozenset[int]:
    """The processes of a container that hold the leg's sockets, as far as their open files were seen."""
    places = {(leg.from_container, leg.to_container, leg.to, leg.original)}
    if leg.kind == "unix":
        held: Iterable[UnixSocket] = (
            each for each in snapshot.network.unix if each.path == leg.to and each.container == container
        )
        return frozenset(each.owner.process.pid for each in held if each.owner.process)
    found = set()
    for connection in snapshot.network.connections:
        if connection.container != container or connection.owner.process is None:
            continue
        to = connection.redirected_to or (
            connection.local if connection.role == "server" else connection.remote
        )
        meant = connection.remote if connection.redirected_to else connection.original
        if (connection.from_container, connection.to_container, to, meant) in places:
            found.add(connection.owner.process.pid)
    return frozenset(found)
