"""Sockets that wait, with their owners."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.endpoints import endpoint, reached_at
from podprobe.analysis.listening import listens
from podprobe.model import Listener

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from podprobe.agents.answers import PacketItem
    from podprobe.agents.inet import InetSocket
    from podprobe.analysis.owners import Owners
    from podprobe.model import Container


def listeners(
    sockets: Iterable[InetSocket],
    packets: Iterable[PacketItem],
    whose: Owners,
    containers: Sequence[Container],
    probes: Mapping[str, int] | None = None,
) -> tuple[Listener, ...]:
    """Every socket that waits: TCP listeners, unconnected bound UDP sockets, raw and packet sockets.

    Args:
        sockets: all of the namespace.
        packets: raw and packet sockets.
        whose: the owners.
        containers: with the ports that they declare.
        probes: podprobe's own that wait to be accepted, by endpoint.
    """
    declared: dict[tuple[str, int], list[str]] = {}
    for container in containers:
        for port in container.ports:
            declared.setdefault((port.protocol, port.port), []).append(container.name)
    waiting = probes or {}
    result = []
    for s in sockets:
        if not listens(s):
            continue
        found = whose.of_listener(s.protocol, s.local_port, s.inode, s.cgroup_id, s.uid)
        own = waiting.get(endpoint(reached_at(s.local_address, s.v6_only), s.local_port), 0)
        names = declared.get((s.protocol, s.local_port), [])
        result.append(
            Listener(
                protocol=s.protocol,
                address=s.local_address,
                port=s.local_port,
                container=found.container,
                owner=found.owner,
                inode=s.inode,
                uid=s.uid,
                v6_only=s.v6_only,
                backlog=s.receive_queue if s.protocol == "tcp" else None,
                backlog_limit=s.backlog_limit if s.protocol == "tcp" else None,
                own_probes=min(own, s.receive_queue) if s.protocol == "tcp" else 0,
                drops=s.drops if s.protocol == "udp" else None,
                declared_by=found.container if found.container in names else (names[0] if names else None),
            )
        )
    for p in packets:
        found = whose.of(p.inode, p.cgroup_id, p.uid)
        result.append(
            Listener(
                protocol=p.protocol, address=p.address, port=p.number, container=found.container, owner=found.owner,
                inode=p.inode, uid=p.uid,
            )
        )  # fmt: skip
    return tuple(sorted(result, key=lambda item: (item.protocol, item.port, item.address, item.inode or 0)))
