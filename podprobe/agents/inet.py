"""IP sockets as the kernel told them to an agent, decoded on this side of the stream.

The rows hold the kernel's structs byte for byte (`linux/inet_diag.h`, `linux/tcp.h`), so in the byte order of the
agent's machine. Agents run on x86_64 and aarch64, which are little-endian; so is this decoder.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_ntop
from typing import TYPE_CHECKING, Literal

import msgspec

from podprobe.agents import diag
from podprobe_agent.protocol import INET_ROW, ROW_V6ONLY, ROW_V6ONLY_KNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable


class InetSocket(msgspec.Struct, frozen=True, gc=False):
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
    dsack_dups: int | None = None
    """`tcpi_dsack_dups`: segments that the peer says it got twice."""

    @property
    def backlog_limit(self) -> int | None:
        """Of a listener: the most that may wait; `None` where /proc/net stood in for sock_diag, which has it not."""
        return None if self.cookie == _NO_COOKIE else self.send_queue


_PROTOCOLS: dict[int, Literal["tcp", "udp"]] = {6: "tcp", 17: "udp"}
_STATES = {
    1: "established",
    2: "syn-sent",
    3: "syn-recv",
    4: "fin-wait-1",
    5: "fin-wait-2",
    6: "time-wait",
    7: "close",
    8: "close-wait",
    9: "last-ack",
    10: "listen",
    11: "closing",
    12: "syn-recv",  # TCP_NEW_SYN_RECV: a request that has no socket of its own yet
    13: "close",  # TCP_BOUND_INACTIVE
}
_TIMERS = {1: "retransmit", 2: "keepalive", 3: "time-wait", 4: "zero-window-probe"}

_NO_COOKIE = 0xFFFFFFFFFFFFFFFF
_NO_SAMPLE = 0xFFFFFFFF
"""`tcpi_min_rtt` before the first."""

# Lengths of tcp_info at which fields came to be: what a kernel did not fill must not be read as zero.
_BASE = 104  # up to tcpi_total_retrans: every kernel since 2.6
_BYTES = 136  # tcpi_bytes_acked, tcpi_bytes_received (4.1)
_SEGMENTS = 144  # tcpi_segs_out, tcpi_segs_in (4.2)
_DATA_SEGMENTS = 160  # tcpi_min_rtt, tcpi_data_segs_in, tcpi_data_segs_out (4.6)
_TIMES = 192  # tcpi_busy_time, tcpi_rwnd_limited, tcpi_sndbuf_limited (4.10)
_SENT = 216  # tcpi_bytes_sent, tcpi_bytes_retrans (4.19)
_DUPLICATES = 220  # tcpi_dsack_dups (4.19)
_REORDERING = 224  # tcpi_reord_seen (4.19)
_WINDOW = 232  # tcpi_snd_wnd (5.4)

_FORMAT = (
    # protocol, length of tcp_info, flags
    "<BBH"
    # inet_diag_msg: family, state, timer, retransmits, ports, addresses, interface, cookie, expires, queues, uid, inode
    "BBBB2s2s16s16sIQIIIII"
    # SK_MEMINFO: the receive buffer's size, drops
    "4xI24xI"
    # tcp_info: probes, backoff; the window scales (bit fields) and options are passed over
    "3xBB3x"
    # rto, unacked, lost, retrans
    "I12xI4xII4x"
    # last_data_sent, last_data_recv
    "I4xI4x"
    # rtt, rttvar, snd_cwnd, total_retrans
    "8xII4xI16xI"
    # bytes_acked, bytes_received, segs_out, segs_in
    "16xQQII"
    # min_rtt, data_segs_in, data_segs_out
    "4xIII"
    # busy_time, rwnd_limited, sndbuf_limited
    "8xQQQ"
    # bytes_sent, bytes_retrans, dsack_dups, reord_seen, snd_wnd
    "8xQQII4xI"
    # cgroup id
    "Q"
)
_ROW = struct.Struct(_FORMAT)
assert _ROW.size == INET_ROW.size


def decode(pieces: Iterable[bytes | diag.Messages]) -> list[InetSocket]:
    """Decode rows of `podprobe_agent.protocol.INET_ROW` and messages of sock_diag, any number in each piece.

    Rows that no kernel makes (unknown protocol, family or state) are passed over, and so is an incomplete row at
    the end of a piece. A socket that the kernel listed twice, because it moved while the kernel listed them, comes
    once, as it was later.
    """
    sockets: dict[int, InetSocket] = {}
    unknown = -1
    for piece in pieces:
        rows = diag.packed(piece) if isinstance(piece, diag.Messages) else piece
        for fields in _ROW.iter_unpack(memoryview(rows)[: len(rows) // _ROW.size * _ROW.size]):
            socket = _socket(*fields)
            if socket is None:
                continue
            key = socket.cookie
            if key in (0, _NO_COOKIE):
                key, unknown = unknown, unknown - 1
            sockets[key] = socket
    return list(sockets.values())


@lru_cache(maxsize=1 << 16)
def _address(family: int, packed: bytes) -> str:
    return inet_ntop(AF_INET, packed[:4]) if family == 2 else inet_ntop(AF_INET6, packed)


def _socket(
    protocol_number: int,
    told: int,
    flags: int,
    family: int,
    state_number: int,
    timer_number: int,
    timer_retransmits: int,
    local_port: bytes,
    remote_port: bytes,
    local: bytes,
    remote: bytes,
    interface: int,
    cookie: int,
    expires: int,
    receive_queue: int,
    send_queue: int,
    uid: int,
    inode: int,
    receive_buffer: int,
    drops: int,
    probes: int,
    backoff: int,
    rto: int,
    unacked: int,
    lost: int,
    retransmitted_now: int,
    last_sent: int,
    last_received: int,
    rtt: int,
    rttvar: int,
    window: int,
    total_retransmits: int,
    bytes_acked: int,
    bytes_received: int,
    segments_out: int,
    segments_in: int,
    min_rtt: int,
    data_in: int,
    data_out: int,
    busy: int,
    receive_limited: int,
    send_limited: int,
    bytes_sent: int,
    bytes_retransmitted: int,
    duplicates: int,
    reordering: int,
    send_window: int,
    cgroup: int,
) -> InetSocket | None:
    """One row's fields as a socket; `None` where they cannot be one."""
    protocol = _PROTOCOLS.get(protocol_number)
    state = _STATES.get(state_number)
    if protocol is None or state is None or family not in (2, 10):
        return None
    if state == "listen":
        # The kernel fills two fields of a listener's tcp_info, with its queue, which is known already.
        told = 0
    timer = _TIMERS.get(timer_number)
    base = told >= _BASE
    sampled = base and rtt != 0
    return InetSocket(
        protocol,
        state,
        _address(family, local),
        local_port[0] << 8 | local_port[1],
        _address(family, remote),
        remote_port[0] << 8 | remote_port[1],
        uid if inode else None,
        inode or None,
        receive_queue,
        send_queue,
        interface,
        cookie,
        cgroup or None,
        bool(flags & ROW_V6ONLY) if flags & ROW_V6ONLY_KNOWN else None,
        drops if receive_buffer else None,
        timer,
        expires if timer else None,
        timer_retransmits if timer else None,
        rtt if sampled else None,
        rttvar if sampled else None,
        min_rtt if told >= _DATA_SEGMENTS and min_rtt not in (0, _NO_SAMPLE) else None,
        rto if base else None,
        data_out if told >= _DATA_SEGMENTS else None,
        data_in if told >= _DATA_SEGMENTS else None,
        segments_out if told >= _SEGMENTS else None,
        segments_in if told >= _SEGMENTS else None,
        total_retransmits if base else None,
        bytes_sent if told >= _SENT else None,
        bytes_acked if told >= _BYTES else None,
        bytes_received if told >= _BYTES else None,
        bytes_retransmitted if told >= _SENT else None,
        unacked if base else None,
        lost if base else None,
        retransmitted_now if base else None,
        backoff if base else None,
        probes if base else None,
        window if base else None,
        send_window if told >= _WINDOW else None,
        busy if told >= _TIMES else None,
        receive_limited if told >= _TIMES else None,
        send_limited if told >= _TIMES else None,
        last_sent if base else None,
        last_received if base else None,
        reordering if told >= _REORDERING else None,
        duplicates if told >= _DUPLICATES else None,
    )
