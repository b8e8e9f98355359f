"""TCP and UDP sockets of the network namespace, by sock_diag; from /proc/net where a sandbox has no sock_diag.

No privilege is needed. The kernel's messages are passed on as they are (`protocol.ROWS_DIAG`): to take them apart
costs the client, not the Pod. All states are asked for, TIME_WAIT and half-open ones included.

A dump walks the kernel's hash tables while sockets come and go: one that moves meanwhile (from established to
TIME_WAIT) may be there twice or not at all, which `ss` has in common.
"""

from __future__ import annotations

import socket
import struct

from podprobe_agent import netlink
from podprobe_agent.output import Rows
from podprobe_agent.protocol import ROWS_DIAG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe_agent.collectors.context import Context

    Table = tuple[int, int, str]

SOCK_DIAG_BY_FAMILY = 20
TCPDIAG_GETSOCK = 18
"""The older request, for TCP alone, but for all families at once: one pass over the kernel's table instead of two."""

_INFO = 2
_SKMEMINFO = 7
_REQUEST = struct.Struct("=BBBBI48x")
_TCP_REQUEST = struct.Struct("=3xB48xI4x")
_EXTENSIONS = 1 << (_INFO - 1) | 1 << (_SKMEMINFO - 1)
_ALL_STATES = 0xFFFFFFFF

_MOST_SOCKETS = 150_000
"""Of a look, all tables together: 65 MiB. A Pod has some; a node, by way of a Pod on its network, may have more."""

found = 0
"""Sockets of the last look."""

TABLES = (
    (socket.AF_INET, socket.IPPROTO_TCP, "tcp"),
    (socket.AF_INET6, socket.IPPROTO_TCP, "tcp6"),
    (socket.AF_INET, socket.IPPROTO_UDP, "udp"),
    (socket.AF_INET6, socket.IPPROTO_UDP, "udp6"),
)


def request(family: int, protocol: int) -> bytes:
    """`struct inet_diag_req_v2` for all sockets of a family and protocol."""
    return _REQUEST.pack(family, protocol, _EXTENSIONS, 0, _ALL_STATES)


def tcp_request() -> bytes:
    """`struct inet_diag_req` for all TCP sockets, IPv4 and IPv6."""
    return _TCP_REQUEST.pack(_EXTENSIONS, _ALL_STATES)


def collect(context: Context) -> Iterator[Rows]:
    """Every TCP and UDP socket, one datagram of the kernel's at a time."""
    global found  # noqa: PLW0603 - for the next look
    count = 0
    for rows in _tables(context):
        count += rows.number
        if count > _MOST_SOCKETS:
            context.note("partial", f"more than {_MOST_SOCKETS} sockets: the rest was left out")
            break
        yield rows
    found = count


def _tables(context: Context) -> Iterator[Rows]:
    buffer = bytearray(netlink.BUFFER_BYTES)
    try:
        yield from _dump(context, socket.IPPROTO_TCP, "TCP", buffer, TCPDIAG_GETSOCK, tcp_request())
        tables: tuple[Table, ...] = TABLES[2:]
    except OSError:
        tables = TABLES  # the families one by one, each with its own way out
    for family, protocol, table in tables:
        if context.expired:
            context.note("partial", f"the time was over before the {table} sockets were read")
            return
        try:
            body = request(family, protocol)
            yield from _dump(context, protocol, table, buffer, SOCK_DIAG_BY_FAMILY, body)
        except OSError as error:
            from podprobe_agent.collectors import sockets_proc

            # ENOENT is how the kernel says that a family is not compiled in or its module does not load.
            yield from sockets_proc.collect(context, table, protocol, family, error)


def _dump(
    context: Context, protocol: int, table: str, buffer: bytearray, kind: int, body: bytes
) -> Iterator[Rows]:
    head = bytes((ROWS_DIAG, protocol))
    outcome = netlink.Outcome()
    with netlink.connect(netlink.NETLINK_SOCK_DIAG) as sock:
        for data, count in netlink.blocks(sock, kind, body, buffer, outcome):
            yield Rows(head, data, count)
            if context.expired:
                context.note("partial", f"the time was over while the {table} sockets were read")
                return
    if outcome.lost or outcome.interrupted:
        # Not asked again: what was read is on its way, and the next answer would be no better.
        context.note("partial", f"sockets came and went while the kernel listed {table}: some may be missing")
