"""Retransmits between two looks: per flow, and how many of the namespace's are accounted for.

A socket's counters die with it, the namespace's stay: `Tcp.RetransSegs` (/proc/net/snmp) counts what every socket of
the network namespace has sent again, those that came and went between two looks included. So the share that living
sockets explain says how much the per-flow numbers can be trusted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podprobe.analysis.times import epoch

if TYPE_CHECKING:
    from podprobe.model import Connection, Scope, Snapshot

RETRANSMITS = "Tcp.RetransSegs"
_SUMMED = (
    ("segments", "segments_out"),
    ("retransmits", "retransmits"),
    ("spurious_retransmits", "spurious_retransmits"),
    ("bytes", "bytes_sent"),
    ("busy_us", "busy_us"),
    ("receive_window_limited_us", "receive_window_limited_us"),
    ("send_buffer_limited_us", "send_buffer_limited_us"),
)
"""What adds up over the sockets of a flow, and the field of a connection that it is in."""


@dataclass(frozen=True)
class FlowRate:
    """What the connections of one flow sent between two looks; both directions of a connection within the Pod."""

    scope: Scope
    from_container: str | None
    to_container: str | None
    server: str
    """The server's endpoint."""
    segments: int
    """Data segments, retransmissions included."""
    retransmits: int
    spurious_retransmits: int
    """Of `retransmits`, those that the peer says it had already (DSACK)."""
    bytes: int
    """Sent; where the peer is outside, received ones too."""
    busy_us: int
    """Time with data in flight, summed over the sockets, as the next two (`tcpi_busy_time`)."""
    receive_window_limited_us: int
    """Of it, waiting for a receiver that took no more (`tcpi_rwnd_limited`)."""
    send_buffer_limited_us: int
    """Of it, waiting for room in the sender's own buffer (`tcpi_sndbuf_limited`)."""
    seconds: float

    @property
    def retransmit_ratio(self) -> float | None:
        """Of the segments sent; `None` where there were none."""
        return self.retransmits / self.segments if self.segments else None


@dataclass(frozen=True)
class Attribution:
    """How many of the namespace's retransmits between two looks belong to sockets that are known."""

    namespace: int
    """By the namespace's own counter."""
    attributed: int
    """By the sockets alive at the later look."""

    @property
    def ratio(self) -> float | None:
        """Share explained; `None` where nothing was sent again."""
        return min(1.0, self.attributed / self.namespace) if self.namespace else None


def flow_rates(before: Snapshot, after: Snapshot) -> tuple[FlowRate, ...]:
    """What each flow sent between two looks at the same Pod, the one with the most retransmits first.

    From the sockets that live at the later look: what they have sent since the earlier one, or since they were made.
    Empty where the clock did not advance.
    """
    seconds = elapsed(before, after)
    if seconds is None:
        return ()
    sums: dict[tuple[Scope, str | None, str | None, str], Counter[str]] = {}
    earlier = by_socket(before)
    for connection in after.network.connections:
        if connection.protocol != "tcp" or connection.retransmits is None:
            continue
        server = connection.local if connection.role == "server" else connection.remote
        key = connection.scope, connection.from_container, connection.to_container, server
        then = earlier.get(socket_of(connection))
        growth = {
            name: grown(getattr(connection, field), getattr(then, field, None)) for name, field in _SUMMED
        }
        if connection.scope == "external":
            growth["bytes"] += grown(connection.bytes_received, then.bytes_received if then else None)
        sums.setdefault(key, Counter()).update(growth)
    rates = (
        FlowRate(
            *key,
            segments=total["segments"],
            retransmits=total["retransmits"],
            spurious_retransmits=total["spurious_retransmits"],
            bytes=total["bytes"],
            busy_us=total["busy_us"],
            receive_window_limited_us=total["receive_window_limited_us"],
            send_buffer_limited_us=total["send_buffer_limited_us"],
            seconds=seconds,
        )
        for key, total in sums.items()
    )
    return tuple(sorted(rates, key=lambda rate: (-rate.retransmits, -rate.segments, rate.server)))


def attribution(before: Snapshot, after: Snapshot) -> Attribution | None:
    """How much of the namespace's retransmits between two looks the living sockets explain.

    `None` where the counter was not seen in both, or fell: then it is another namespace. Where the later snapshot
    leaves connections out (`connections_omitted`) what is attributed is a lower bound.
    """
    namespace = namespace_retransmits(before, after)
    if namespace is None:
        return None
    return Attribution(namespace, sum(rate.retransmits for rate in flow_rates(before, after)))


def namespace_retransmits(before: Snapshot, after: Snapshot) -> int | None:
    """By the namespace's own counter; `None` where it was not seen in both, or fell."""
    now, then = (
        after.network.counters.values.get(RETRANSMITS),
        before.network.counters.values.get(RETRANSMITS),
    )
    return now - then if now is not None and then is not None and now >= then else None


def socket_of(connection: Connection) -> tuple[str, str, int | None]:
    """What tells a socket from others, through looks."""
    # An inode alone may be used again; with the same two endpoints as well it is the same socket.
    return connection.local, connection.remote, connection.inode


def by_socket(snapshot: Snapshot) -> dict[tuple[str, str, int | None], Connection]:
    """Every socket of a snapshot, by what tells it from others."""
    return {socket_of(connection): connection for connection in snapshot.network.connections}


def grown(now: int | None, then: int | None) -> int:
    """How much a counter grew. One that fell is a new socket's, which has counted from zero."""
    if now is None:
        return 0
    return now - then if then is not None and now >= then else now


def elapsed(before: Snapshot, after: Snapshot) -> float | None:
    """Seconds from one look to the next; `None` where the clock did not advance."""
    now, then = epoch(after.taken_at), epoch(before.taken_at)
    return now - then if now is not None and then is not None and now > then else None
