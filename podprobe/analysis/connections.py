"""Connections with the owners of both their ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from podprobe.analysis.endpoints import endpoint, is_loopback, plain
from podprobe.analysis.listening import Listening, listens, was_there
from podprobe.analysis.owners import NOBODY
from podprobe.model import Connection

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from podprobe.agents.inet import InetSocket
    from podprobe.analysis.owners import Owners, Possession
    from podprobe.model import Scope

Role = Literal["client", "server", "unknown"]


def talking(sockets: Iterable[InetSocket]) -> list[InetSocket]:
    """Those of a connection: `connections` tells of each, in this order."""
    return [s for s in sockets if _talks(s)]


def _talks(s: InetSocket) -> bool:
    """It is an end of a connection: neither a listener, nor a TCP socket that is bound and does nothing yet."""
    return not listens(s) and not (s.state == "close" and s.remote_port == 0)


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
    listening = Listening.of(sockets, whose)
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
                other = there if there and was_there(there, s, taken_at) else NOBODY
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
    listening: Listening,
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


def _role(s: InetSocket, listening: Listening, inside: bool) -> Role:
    serves = listening.find(s.protocol, plain(s.local_address), s.local_port) is not None
    served = inside and listening.find(s.protocol, plain(s.remote_address), s.remote_port) is not None
    if serves != served:
        return "server" if serves else "client"
    if serves or inside:
        return "unknown"
    # Nobody here listens on its port (any more), so the connection was opened from here.
    return "client"


def _possession(
    s: InetSocket, role: Role, whose: Owners, listening: Listening, taken_at: float | None
) -> Possession:
    found = whose.of(s.inode, s.cgroup_id, s.uid)
    if found.container is None and role == "server":
        # In the backlog or in TIME_WAIT a socket has no inode; it came from its listener.
        listener = listening.find(s.protocol, plain(s.local_address), s.local_port)
        if listener is not None and was_there(listener, s, taken_at):
            return whose.of_accepted(listener, s.inode, s.cgroup_id)
    return found


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
