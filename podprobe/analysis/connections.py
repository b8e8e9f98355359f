"""IP sockets with their owners: listeners, and connections with both ends joined."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import msgspec

from podprobe.analysis.endpoints import is_loopback
from podprobe.analysis.owners import NOBODY
from podprobe.model import Connection, Listener

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from podprobe.agents.answers import PacketItem
    from podprobe.agents.inet import InetSocket
    from podprobe.analysis.owners import Owners, Possession
    from podprobe.model import Container, Scope

Role = Literal["client", "server", "unknown"]
_TIME_WAIT_SECONDS = 60.0
"""TCP_TIMEWAIT_LEN: how long the kernel keeps a closed connection, from when both sides have closed."""
_ROUNDING_SECONDS = 2.0
"""When a process was started comes in whole seconds, counted from a start of the machine in whole seconds."""
_WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104  # compared with, not bound to


def endpoint(address: str, port: int) -> str:
    """`127.0.0.1:80`, `[::1]:80`."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


@lru_cache(maxsize=65536)
def plain(address: str) -> str:
    """The address without IPv4 mapping: what a dual-stack socket calls ::ffff:1.2.3.4 its peer calls 1.2.3.4."""
    return address[7:] if address.startswith("::ffff:") and "." in address else address


def reached_at(address: str, v6_only: bool | None) -> str:
    """Where to connect to reach a listener from inside the Pod."""
    if address == "0.0.0.0":  # noqa: S104  # compared with, not bound to
        return "127.0.0.1"
    if address == "::":
        # A dual-stack listener takes IPv4 too, and the Pod may have no IPv6 loopback.
        return "::1" if v6_only else "127.0.0.1"
    return plain(address)


@dataclass(frozen=True)
class _Listening:
    """Where the namespace listens, to tell servers from clients."""

    wildcard: Mapping[tuple[str, int], Possession]
    exact: Mapping[tuple[str, str, int], Possession]

    def find(self, protocol: str, address: str, port: int) -> Possession | None:
        """The owner of the listener that takes connections at this address, if there is one."""
        return self.exact.get((protocol, address, port)) or self.wildcard.get((protocol, port))


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
        if not _listens(s):
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


def talking(sockets: Iterable[InetSocket]) -> list[InetSocket]:
    """Those of a connection: `connections` tells of each, in this order."""
    return [s for s in sockets if _talks(s)]


def _listens(s: InetSocket) -> bool:
    return s.state == "listen" if s.protocol == "tcp" else s.remote_port == 0


def _talks(s: InetSocket) -> bool:
    """It is an end of a connection: neither a listener, nor a TCP socket that is bound and does nothing yet."""
    return not _listens(s) and not (s.state == "close" and s.remote_port == 0)


def connections(
    sockets: Sequence[InetSocket],
    whose: Owners,
    own_addresses: frozenset[str],
    taken_at: float | None = None,
) -> list[Connection]:
    """Every socket of a connection, with its owner, its peer's, its role and its scope.

    Args:
        sockets: all of the namespace.
        whose: the owners.
        own_addresses: addresses of the Pod's interfaces.
        taken_at: when the kernel listed the sockets, or a little before, seconds since the epoch. Without it nobody
            is named for what is in TIME_WAIT.
    """
    listening = _listening(sockets, whose)
    talkers = talking(sockets)
    ends = {(s.protocol, *_key(s)): s for s in talkers}
    redirected = _redirected(talkers, ends, listening, own_addresses)
    result = []
    for s in talkers:
        local, remote = plain(s.local_address), plain(s.remote_address)
        bent = redirected.get(id(s))
        peer = bent or ends.get((s.protocol, remote, s.remote_port, local, s.local_port))
        inside = peer is not None or is_loopback(local) or is_loopback(remote) or remote in own_addresses
        role = _role(s, listening, inside) if bent is None else _bent_role(s, bent)
        mine = _possession(s, role, whose, listening, taken_at)
        other = NOBODY
        if inside:
            other_role: Role = "server" if role == "client" else "client"
            if peer is not None:
                other = _possession(peer, other_role, whose, listening, taken_at)
            elif other_role == "server":
                # The peer's socket is gone or belongs to the kernel; who listens there is known all the same.
                there = listening.find(s.protocol, remote, s.remote_port)
                other = there if there and _was_there(there, s, taken_at) else NOBODY
        if bent is None:
            # By both ends, so that both sockets of one connection say the same.
            both = is_loopback(local) and is_loopback(remote)
            scope: Scope = "loopback" if both else "pod" if inside else "external"
            result.append(_connection(s, mine, other, role, scope))
        else:
            result.append(_bent(_connection(s, mine, other, role, "pod"), bent))
    return result


def _redirected(
    talking: Sequence[InetSocket],
    ends: Mapping[tuple[Literal["tcp", "udp"], str, int, str, int], InetSocket],
    listening: _Listening,
    own_addresses: frozenset[str],
) -> dict[int, InetSocket]:
    """By the `id` of a socket, its peer, of connections that a rule of this network namespace redirects.

    The client's socket shows where it meant to go, the server's shows who came: they have the client's own address and
    port in common, and neither has a peer that mirrors it. Where several do, which belong together is left open.
    """
    clients: dict[tuple[str, str, int], list[InetSocket]] = {}
    servers: dict[tuple[str, str, int], list[InetSocket]] = {}
    for s in talking:
        local, port, remote, remote_port = _key(s)
        if s.protocol != "tcp" or (s.protocol, remote, remote_port, local, port) in ends:
            continue
        if listening.find(s.protocol, local, port) is not None:
            if remote in own_addresses or is_loopback(remote):
                servers.setdefault((s.protocol, remote, remote_port), []).append(s)
        elif remote not in own_addresses:
            clients.setdefault((s.protocol, local, port), []).append(s)
    found: dict[int, InetSocket] = {}
    for place, arrived in servers.items():
        opened = clients.get(place, [])
        if len(arrived) == len(opened) == 1:
            found[id(opened[0])], found[id(arrived[0])] = arrived[0], opened[0]
    return found


def _bent_role(s: InetSocket, peer: InetSocket) -> Role:
    return "client" if _key(s)[:2] == _key(peer)[2:] else "server"


def _bent(connection: Connection, peer: InetSocket) -> Connection:
    if connection.role == "client":
        there = endpoint(plain(peer.local_address), peer.local_port)
        return msgspec.structs.replace(connection, redirected_to=there)
    meant = endpoint(plain(peer.remote_address), peer.remote_port)
    return msgspec.structs.replace(connection, original=meant)


def _key(s: InetSocket) -> tuple[str, int, str, int]:
    return plain(s.local_address), s.local_port, plain(s.remote_address), s.remote_port


def _listening(sockets: Iterable[InetSocket], whose: Owners) -> _Listening:
    wildcard: dict[tuple[str, int], Possession] = {}
    exact: dict[tuple[str, str, int], Possession] = {}
    for s in sockets:
        if not _listens(s):
            continue
        found = whose.of_listener(s.protocol, s.local_port, s.inode, s.cgroup_id, s.uid)
        address = plain(s.local_address)
        if address in _WILDCARDS:
            place = s.protocol, s.local_port
            wildcard[place] = _either(wildcard.get(place), found)
        else:
            spot = s.protocol, address, s.local_port
            exact[spot] = _either(exact.get(spot), found)
    return _Listening(wildcard, exact)


def _either(one: Possession | None, other: Possession) -> Possession:
    """Of two listeners at one place (SO_REUSEPORT, or one each for IPv4 and IPv6): of different containers, neither."""
    if one is None:
        return other
    if one.container != other.container:
        return NOBODY
    return one if one.since is None or (other.since is not None and one.since > other.since) else other


def _role(s: InetSocket, listening: _Listening, inside: bool) -> Role:
    serves = listening.find(s.protocol, plain(s.local_address), s.local_port) is not None
    served = inside and listening.find(s.protocol, plain(s.remote_address), s.remote_port) is not None
    if serves != served:
        return "server" if serves else "client"
    if serves or inside:
        return "unknown"
    # Nobody here listens on its port (any more), so the connection was opened from here.
    return "client"


def _possession(
    s: InetSocket, role: Role, whose: Owners, listening: _Listening, taken_at: float | None
) -> Possession:
    found = whose.of(s.inode, s.cgroup_id, s.uid)
    if found.container is None and role == "server":
        # In the backlog or in TIME_WAIT a socket has no inode; it came from its listener.
        listener = listening.find(s.protocol, plain(s.local_address), s.local_port)
        if listener is not None and _was_there(listener, s, taken_at):
            return whose.of_accepted(listener, s.inode, s.cgroup_id)
    return found


def _was_there(listener: Possession, s: InetSocket, taken_at: float | None) -> bool:
    """Who listens now did so, as far as can be told, when a connection that is in TIME_WAIT was closed."""
    if s.state != "time-wait":
        return True
    if taken_at is None or s.timer_ms is None or listener.since is None:
        return False
    closed_at = taken_at - _TIME_WAIT_SECONDS + s.timer_ms / 1000
    return listener.since + _ROUNDING_SECONDS <= closed_at


def _connection(s: InetSocket, mine: Possession, other: Possession, role: Role, scope: Scope) -> Connection:
    opened, accepted = (other, mine) if role == "server" else (mine, other)
    known = role != "unknown"
    return Connection(
        protocol=s.protocol,
        local=endpoint(plain(s.local_address), s.local_port),
        remote=endpoint(plain(s.remote_address), s.remote_port),
        state=s.state,
        scope=scope,
        role=role,
        container=mine.container,
        owner=mine.owner,
        from_container=opened.container if known else None,
        to_container=accepted.container if known else None,
        inode=s.inode,
        rtt_us=s.rtt_us,
        rttvar_us=s.rttvar_us,
        min_rtt_us=s.min_rtt_us,
        segments_out=s.data_segments_out,
        retransmits=s.total_retransmits,
        retransmit_ratio=s.total_retransmits / s.data_segments_out
        if s.total_retransmits is not None and s.data_segments_out
        else None,
        spurious_retransmits=min(s.dsack_dups, s.total_retransmits)
        if s.dsack_dups is not None and s.total_retransmits is not None
        else None,
        bytes_sent=s.bytes_sent,
        bytes_received=s.bytes_received,
        bytes_retransmitted=s.bytes_retransmitted,
        send_queue_bytes=s.send_queue,
        receive_queue_bytes=s.receive_queue,
        unacked=s.unacked,
        backoff=s.backoff,
        rto_us=s.rto_us,
        congestion_window=s.congestion_window,
        send_window_bytes=s.send_window,
        busy_us=s.busy_us,
        receive_window_limited_us=s.receive_window_limited_us,
        send_buffer_limited_us=s.send_buffer_limited_us,
        last_send_ms=s.last_data_sent_ms,
        last_receive_ms=s.last_data_received_ms,
        timer=s.timer,
    )
