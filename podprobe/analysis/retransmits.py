"""Retransmits between two looks: per flow, and how many of the namespace's are accounted for.

A socket's counters die with it, the namespace's stay: `Tcp.RetransSegs` (/proc/net/snmp) counts what every socket of
the network namespace has sent again, those that came and went between two looks included. So the share that living
sockets explain says how much the per-flow numbers can be trusted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, TypeAlias

from podprobe.analysis.times import epoch

if TYPE_CHECKING:
    from collections.abc import Iterable

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


_Parties: TypeAlias = "tuple[Scope, str | None, str | None, str]"


def flow_rates(before: Snapshot, *later: Snapshot) -> tuple[FlowRate, ...]:
    """What each flow sent between two looks at the same Pod, the one with the most retransmits first.

    From the sockets that live at the later look: what they have sent since the earlier one, or since they were made.
    Empty where the clock did not advance. Where one of the two leaves sockets out, from what each look told of the time
    since the one before it (`Flow.activity`), which is of all sockets.

    Args:
        before: the first look.
        later: the looks after it, all of them, to the last.
    """
    after = later[-1]
    seconds = elapsed(before, after)
    if seconds is None:
        return ()
    left_out = before.network.connections_omitted or after.network.connections_omitted
    sums = _told(later) if left_out else _grown(before, after)
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


def _told(later: Iterable[Snapshot]) -> dict[_Parties, Counter[str]]:
    sums: dict[_Parties, Counter[str]] = {}
    for flow in (flow for snapshot in later for flow in snapshot.network.flows):
        did = flow.activity
        if did is None:
            continue
        moved = (did.bytes_sent_per_second + did.bytes_received_per_second) * did.seconds
        sums.setdefault((flow.scope, flow.from_container, flow.to_container, flow.server), Counter()).update(
            {
                "segments": did.segments,
                "retransmits": did.retransmits,
                "spurious_retransmits": did.spurious_retransmits,
                "bytes": round(moved) if isfinite(moved) else 0,  # a file may claim anything
                "busy_us": did.busy_us,
                "receive_window_limited_us": did.receive_window_limited_us,
                "send_buffer_limited_us": did.send_buffer_limited_us,
            }
        )
    return sums


def _grown(before: Snapshot, after: Snapshot) -> dict[_Parties, Counter[str]]:
    sums: dict[_Parties, Counter[str]] = {}
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
    return sums


def attribution(before: Snapshot, after: Snapshot) -> Attribution | None:
    """How much of the namespace's retransmits between two looks the living sockets explain.

    `None` where the counter was not seen in both, or fell: then it is another namespace. Where one of them leaves
    connections out (`connections_omitted`), `after` has to be the session's next look after `before`.
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
