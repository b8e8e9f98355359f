"""What every socket had counted at a look, kept until the next one.

A snapshot keeps the worst of many sockets, and not the same ones each time. What flows did between two looks is
reckoned before, from all of them: some 200 bytes of each stay with the session, and nothing is in the snapshot.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, TypeAlias

from podprobe.analysis.retransmits import grown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from podprobe.agents.inet import InetSocket
    from podprobe.model import Connection

MEASURED = (
    "segments_out", "retransmits", "spurious_retransmits", "bytes_sent", "bytes_received",
    "busy_us", "receive_window_limited_us", "send_buffer_limited_us",
)  # fmt: skip
"""Fields of a connection that grow with what it does."""
_OF = attrgetter(*MEASURED)
_PACKED = struct.Struct(f"{len(MEASURED)}Q")

Growth: TypeAlias = dict[int, tuple[int, ...]]
"""By how much the counters of `MEASURED` grew, by the `id` of a connection; those that did nothing are left out."""


@dataclass(frozen=True)
class Tally:
    """All TCP sockets at one look."""

    uid: str | None
    """Of the Pod."""
    taken_at: float
    """Seconds since the epoch."""
    retransmits: int | None
    """The namespace's own count (`Tcp.RetransSegs`)."""
    counters: Mapping[int, bytes]
    """By the socket's cookie, which no other socket ever has; those that never sent or received are left out."""

    def precedes(self, uid: str | None, taken_at: float) -> bool:
        """It is of the same Pod, and the clock has advanced."""
        return self.uid == uid and taken_at > self.taken_at

    def since(self, earlier: Tally | None) -> int | None:
        """Segments that the namespace has sent again since, or in all; `None` where it is not known, or another one."""
        now, then = self.retransmits, 0 if earlier is None else earlier.retransmits
        return now - then if now is not None and then is not None and now >= then else None


def count(
    sockets: Iterable[tuple[InetSocket, Connection]], earlier: Mapping[int, bytes] | None
) -> tuple[dict[int, bytes], Growth]:
    """The counters of sockets, and how much they grew since an earlier look.

    Args:
        sockets: each with the connection that is told of it.
        earlier: their counters then; `None`: growth is not asked for. One that is not there has counted from zero.
    """
    counters: dict[int, bytes] = {}
    growth: Growth = {}
    for socket, connection in sockets:
        if connection.protocol != "tcp" or connection.retransmits is None:
            continue
        now: tuple[int | None, ...] = _OF(connection)
        known = tuple(value or 0 for value in now) if None in now else now
        if not any(known):
            continue
        packed = counters[socket.cookie] = _PACKED.pack(*known)
        if earlier is None or (then := earlier.get(socket.cookie)) == packed:
            continue
        old = _PACKED.unpack(then) if then is not None else (0,) * len(MEASURED)
        growth[id(connection)] = tuple(map(grown, known, old))
    return counters, growth
