"""Unix sockets with their owners and both ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.owners import NOBODY, Possession
from podprobe.model import Owner, UnixSocket

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from podprobe.agents.answers import UnixItem
    from podprobe.analysis.owners import Owners

KEPT = 2_000
"""So many unix sockets a snapshot keeps at most: listeners first, then connections between containers."""


def unix_sockets(items: Sequence[UnixItem], whose: Owners) -> tuple[tuple[UnixSocket, ...], int]:
    """Every unix socket of the network namespace.

    Returns:
        The sockets, at most `KEPT`, and how many there are.
    """
    by_inode = {item.inode: item for item in items}
    # A connection that waits to be accepted has no owner yet: it is its listener's.
    waits_at = {pending: item for item in items for pending in item.pending}
    owned = {item.inode: _whose(item, waits_at, whose) for item in items}
    result = [_socket(item, by_inode, owned) for item in items]
    result.sort(key=_rank)
    return tuple(result[:KEPT]), len(result)


def _whose(item: UnixItem, waits_at: Mapping[int, UnixItem], whose: Owners) -> Possession:
    found = whose.of(item.inode, None, item.uid)
    listener = waits_at.get(item.inode)
    if found.container is None and listener is not None:
        accepting = whose.of(listener.inode, None, listener.uid)
        return Possession(accepting.container, Owner(by=accepting.owner.by))
    return found


def _socket(item: UnixItem, by_inode: Mapping[int, UnixItem], owned: Mapping[int, Possession]) -> UnixSocket:
    mine = owned[item.inode]
    peer = by_inode.get(item.peer_inode) if item.peer_inode else None
    other = owned[peer.inode] if peer else NOBODY
    return UnixSocket(
        kind=item.kind,
        state=item.state,
        # An accepted socket bears its listener's path; the client's is unnamed: both then say where they meet.
        path=item.path or (peer.path if peer else None),
        inode=item.inode,
        peer_inode=item.peer_inode,
        container=mine.container,
        owner=mine.owner,
        peer_container=other.container,
        queue=item.queue,
        queue_limit=item.queue_limit,
    )


def _rank(socket: UnixSocket) -> tuple[int, str, int]:
    crosses = socket.container != socket.peer_container and socket.peer_container is not None
    return (0 if socket.state == "listen" else 1 if crosses else 2, socket.path or "~", socket.inode)
