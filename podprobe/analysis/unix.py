"""Unix sockets with their owners and both ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from podprobe.analysis.owners import NOBODY, Possession
from podprobe.model import UnixSocket

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from podprobe.agents.answers import UnixItem
    from podprobe.analysis.owners import Owners

KEPT = 2_000
"""So many unix sockets a snapshot keeps where not all are asked for: listeners first, then connections between
containers."""


@dataclass(frozen=True)
class _Listening:
    """Listeners by what leads a connection to them."""

    by_file: Mapping[tuple[str | None, str | None, int], UnixItem]
    """Path, device and inode: an accepted end has its listener's, and while there is one, no other file gets them."""
    by_client: Mapping[int, UnixItem]
    """The inode of a client that waits to be accepted."""


def unix_sockets(
    items: Sequence[UnixItem], whose: Owners, most: int | None = KEPT
) -> tuple[tuple[UnixSocket, ...], int]:
    """Every unix socket of the network namespace.

    Args:
        items: as the kernel lists them.
        whose: the owners.
        most: how many are kept; `None`: all.

    Returns:
        The sockets, and how many there are.
    """
    by_inode = {item.inode: item for item in items}
    listeners = [item for item in items if item.state == "listen"]
    listening = _Listening(
        {_file(item): item for item in listeners if item.file_inode},
        {client: item for item in listeners for client in item.pending},
    )
    owned = {item.inode: _whose(item, listening, whose) for item in items}
    result = [_socket(item, by_inode, listening, owned) for item in items]
    result.sort(key=_rank)
    return tuple(result[:most]), len(result)


def _file(item: UnixItem) -> tuple[str | None, str | None, int]:
    return item.path, item.file_device, item.file_inode or 0


def _whose(item: UnixItem, listening: _Listening, whose: Owners) -> Possession:
    found = whose.of(item.inode, None, item.uid)
    if found.container is None and item.file_inode and item.state != "listen":
        # A name without a file is no evidence: it may be another's by now, while what was accepted there lives on.
        listener = listening.by_file.get(_file(item))
        found = whose.of_accepted(_known(listener, whose), item.inode) if listener else found
    return found if found.container is not None else whose.of_closed(item.inode, item.uid)


def _known(listener: UnixItem, whose: Owners) -> Possession:
    found = whose.of(listener.inode, None, listener.uid)
    return found if found.container is not None else whose.of_closed(listener.inode, listener.uid)


def _socket(
    item: UnixItem,
    by_inode: Mapping[int, UnixItem],
    listening: _Listening,
    owned: Mapping[int, Possession],
) -> UnixSocket:
    mine = owned[item.inode]
    # The server's end of a connection that waits has no inode yet: its listener stands for it.
    peer = by_inode.get(item.peer_inode) if item.peer_inode else listening.by_client.get(item.inode)
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
