"""TCP and UDP sockets of the network namespace, by sock_diag; from /proc/net where a sandbox has no sock_diag.

No privilege is needed. The kernel's structs are copied into rows (`protocol.INET_ROW`) and not decoded: that
costs the client, not the Pod. All states are asked for, TIME_WAIT and half-open ones included.

A dump walks the kernel's hash tables while sockets come and go: one that moves meanwhile (from established to
TIME_WAIT) may be there twice or not at all, which `ss` has in common.
"""

from __future__ import annotations

import operator
import socket
import struct
from typing import TYPE_CHECKING

from podprobe_agent import netlink
from podprobe_agent.protocol import INET_ROW, ROW_V6ONLY, ROW_V6ONLY_KNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Callable

    from podprobe_agent.collectors.context import Context
    from podprobe_agent.netlink import Messages

    Table = tuple[int, int, str]
    Take = Callable[[tuple[Any, ...]], Any]

SOCK_DIAG_BY_FAMILY = 20
TCPDIAG_GETSOCK = 18
"""The older request, for TCP alone, but for all families at once: one pass over the kernel's table instead of two."""

# Attributes of an answer (linux/inet_diag.h).
_INFO = 2
_SKMEMINFO = 7
_SKV6ONLY = 11
_CGROUP_ID = 21

_WANTED = {_SKMEMINFO: ("s", 36, 36), _INFO: ("s", 8, 232), _CGROUP_ID: ("Q", 8, 8)}
"""What a row keeps, in its order: format, and the least and the most bytes of it."""
_MESSAGE_BYTES = 72
_LEAST_BYTES = netlink.HEADER_BYTES + _MESSAGE_BYTES
_MOST_LAYOUTS = 16

_REQUEST = struct.Struct("=BBBBI48x")
_TCP_REQUEST = struct.Struct("=3xB48xI4x")
_EXTENSIONS = 1 << (_INFO - 1) | 1 << (_SKMEMINFO - 1)
_ALL_STATES = 0xFFFFFFFF

_MOST_ROWS = 150_000
"""Of a look, all tables together: 50 MiB. A Pod has some; a node, by way of a Pod on its network, may have more."""

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


def collect(context: Context) -> Iterator[bytes]:
    """Rows of every TCP and UDP socket, one datagram of the kernel's at a time."""
    left = _MOST_ROWS
    for piece in _tables(context):
        left -= len(piece) // INET_ROW.size
        if left < 0:
            context.note("partial", f"more than {_MOST_ROWS} sockets: the rest was left out")
            return
        yield piece


def _tables(context: Context) -> Iterator[bytes]:
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
) -> Iterator[bytes]:
    rows = Rows(protocol)
    outcome = netlink.Outcome()
    with netlink.connect(netlink.NETLINK_SOCK_DIAG) as sock:
        for messages in netlink.dump(sock, kind, body, buffer, outcome):
            yield rows.make(buffer, messages)
            if context.expired:
                context.note("partial", f"the time was over while the {table} sockets were read")
                return
    if outcome.lost or outcome.interrupted:
        # Not asked again: what was read is on its way, and the next answer would be no better.
        context.note("partial", f"sockets came and went while the kernel listed {table}: some may be missing")


class Rows:
    """Makes rows of a table's messages.

    The messages of a table are of a few kinds: the same attributes in the same order. So one of each kind is
    walked (`_Layout`), and for all others of its length one unpack fetches the attributes' headers, which must
    be the same, and their contents.
    """

    def __init__(self, protocol: int) -> None:
        self._protocol = protocol
        self._layouts: dict[int, list[_Layout]] = {}

    def make(self, buffer: bytes | bytearray, messages: Messages) -> bytes:
        """The rows of messages at (offset, length) in `buffer`; messages that are no sockets are left out."""
        rows = []
        known = self._layouts
        for offset, length in messages:
            for layout in known.get(length, ()):
                fields = layout.unpack(buffer, offset)
                if layout.headers(fields) == layout.expected:
                    rows.append(layout.pack(*layout.prefix, *layout.contents(fields)))
                    break
            else:
                if length >= _LEAST_BYTES:
                    rows.append(self._learn(buffer, offset, length))
        return b"".join(rows)

    def _learn(self, buffer: bytes | bytearray, offset: int, length: int) -> bytes:
        layout = _Layout(self._protocol, buffer, offset, length)
        layouts = self._layouts.setdefault(length, [])
        layouts.append(layout)
        if len(layouts) > _MOST_LAYOUTS:
            del layouts[0]
        return layout.pack(*layout.prefix, *layout.contents(layout.unpack(buffer, offset)))


class _Layout:
    """Where messages of one kind have their attributes, and how to put them in a row."""

    __slots__ = ("contents", "expected", "headers", "pack", "prefix", "unpack")

    def __init__(self, protocol: int, buffer: bytes | bytearray, offset: int, length: int) -> None:
        # Read: the message, then of each attribute its header (as one number) and, where wanted, its contents.
        form = [f"={netlink.HEADER_BYTES}x{_MESSAGE_BYTES}s"]
        headers: list[int] = []
        found: dict[int, int] = {}
        count = 1
        flags = info_bytes = 0
        for kind, start, size in netlink.attributes(buffer, offset + _LEAST_BYTES, offset + length):
            headers.append(count)
            count += 1
            padded = min((size + 3) & ~3, offset + length - start)
            if kind == _SKV6ONLY and size:
                # One byte: of a kind with the header, so that the other value is another layout.
                flags = ROW_V6ONLY_KNOWN | (ROW_V6ONLY if buffer[start] else 0)
                form.append(f"IB{padded - 1}x")
                headers.append(count)
                count += 1
            elif kind in _WANTED and kind not in found and size >= _WANTED[kind][1]:
                code, _, most = _WANTED[kind]
                taken = min(size, most)
                form.append(f"I{'Q' if code == 'Q' else f'{taken}s'}{padded - taken}x")
                found[kind] = count
                count += 1
                if kind == _INFO:
                    info_bytes = taken
            else:
                form.append(f"I{padded}x")
        self.unpack = struct.Struct("".join(form)).unpack_from
        self.headers = _take(headers)
        self.expected = self.headers(self.unpack(buffer, offset))
        # Written: `INET_ROW`, with zeros where the kernel told nothing.
        self.prefix = (protocol, info_bytes, flags)
        columns = [f"{most}{'s' if kind in found else 'x'}" for kind, (_, _, most) in _WANTED.items()]
        columns[-1] = "Q" if _CGROUP_ID in found else "8x"
        self.pack = struct.Struct(f"<BBH{_MESSAGE_BYTES}s" + "".join(columns)).pack
        self.contents = _take([0] + [found[kind] for kind in _WANTED if kind in found])


def _take(indices: list[int]) -> Take:
    """A function that picks these fields of a tuple, as a tuple."""
    if len(indices) > 1:
        return operator.itemgetter(*indices)
    return operator.itemgetter(slice(indices[0], indices[0] + 1) if indices else slice(0))
