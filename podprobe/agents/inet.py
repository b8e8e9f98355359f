"""IP sockets as the kernel told them to an agent, decoded on this side of the stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class InetSocket:
    """One IP socket. `None` is what the kernel did not tell.

    Addresses are text as `ipaddress` prints them; IPv4-mapped ones keep their `::ffff:1.2.3.4` form.
    """

    protocol: Literal["tcp", "udp"]
    state: str
    """`established`, `syn-sent`, `syn-recv`, `fin-wait-1`, `fin-wait-2`, `time-wait`, `close`, `close-wait`,
    `last-ack`, `listen`, `closing`."""
    local_address: str
    local_port: int
    remote_address: str
    remote_port: int
    uid: int | None
    """`None` for TIME_WAIT and for sockets that no process has: there the kernel's 0 means nothing."""
    inode: int | None
    """`None` where the kernel says 0: no process has the socket."""
    receive_queue: int
    """Bytes not yet read; of a listener, connections not yet accepted."""
    send_queue: int
    """Bytes not yet acknowledged; of a listener, the backlog."""
    interface: int
    cookie: int
    cgroup_id: int | None = None
    v6_only: bool | None = None
    drops: int | None = None
    """`SK_MEMINFO_DROPS`."""
    timer: str | None = None
    """`retransmit`, `keepalive`, `time-wait`, `zero-window-probe`."""
    timer_ms: int | None = None
    """Until the timer expires."""
    timer_retransmits: int | None = None
    """`idiag_retrans`: unanswered retransmissions or probes."""
    rtt_us: int | None = None
    rttvar_us: int | None = None
    min_rtt_us: int | None = None
    rto_us: int | None = None
    data_segments_out: int | None = None
    data_segments_in: int | None = None
    segments_out: int | None = None
    segments_in: int | None = None
    total_retransmits: int | None = None
    bytes_sent: int | None = None
    bytes_acked: int | None = None
    bytes_received: int | None = None
    bytes_retransmitted: int | None = None
    unacked: int | None = None
    lost: int | None = None
    retransmitted_now: int | None = None
    """`tcpi_retrans`: retransmitted and not yet acknowledged."""
    backoff: int | None = None
    probes: int | None = None
    congestion_window: int | None = None
    send_window: int | None = None
    """`tcpi_snd_wnd`, where the kernel has it (5.4)."""
    busy_us: int | None = None
    receive_window_limited_us: int | None = None
    send_buffer_limited_us: int | None = None
    last_data_sent_ms: int | None = None
    last_data_received_ms: int | None = None
    reordering_seen: int | None = None


def decode(rows: Iterable[bytes]) -> list[InetSocket]:
    """Decode the rows of `podprobe_agent.protocol.INET_ROW`, any number in each piece."""
    raise NotImplementedError
