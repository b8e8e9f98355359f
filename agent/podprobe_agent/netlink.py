"""Netlink dumps: ask the kernel for all objects of a kind, and walk its answer. Nothing but the standard library.

A dump answers with datagrams of up to 32 KiB, each a chain of messages (`struct nlmsghdr`, 16 bytes), and ends
with `NLMSG_DONE`. Lengths come from the kernel, but are checked all the same: the same code reads recordings.
"""

from __future__ import annotations

import os
import socket
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Messages = list[tuple[int, int]]

NETLINK_ROUTE = 0
NETLINK_SOCK_DIAG = 4

_HEADER = struct.Struct("=IHHII")
HEADER_BYTES = _HEADER.size
_ATTRIBUTE = struct.Struct("=HH")
_ATTRIBUTE_TYPE = 0x3FFF  # the two highest bits say "nested" and "network byte order"

_REQUEST_DUMP = 0x001 | 0x300
_ERROR = 2
_DONE = 3
_OVERRUN = 4
_DUMP_INTERRUPTED = 0x10

BUFFER_BYTES = 64 << 10
"""Twice the largest datagram that a dump has (netlink_dump() caps them at 32 KiB)."""
_RECEIVE_BUFFER_BYTES = 4 << 20
_ANSWER_SECONDS = 5.0
_MOST_ERRNO = 4095


class NetlinkError(OSError):
    """The kernel refused a dump, or answered what is no netlink."""


class Outcome:
    """How a dump went; filled while it is read."""

    __slots__ = ("done", "interrupted", "lost")

    def __init__(self) -> None:
        self.done = False
        self.interrupted = False
        """Objects came and went meanwhile (`NLM_F_DUMP_INTR`): some may be missing, or there twice."""
        self.lost = False
        """The receive buffer overran (`ENOBUFS`): messages are missing."""


def connect(protocol: int) -> socket.socket:
    """A netlink socket. Needs no privilege.

    Raises:
        OSError: the kernel, a seccomp profile or a sandbox has no such sockets.
    """
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
    # A dump waits for its reader, so this is a margin and not a need; net.core.rmem_max bounds it.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
    sock.settimeout(_ANSWER_SECONDS)
    return sock


def blocks(
    sock: socket.socket, kind: int, body: bytes, buffer: bytearray, outcome: Outcome
) -> Iterator[tuple[bytes, int]]:
    """Ask for a dump and yield its messages as they are, a datagram's at a time, with their number.

    Control messages are heeded and left out. Arguments and errors are those of `dump`.
    """
    view = memoryview(buffer)
    for received in _receive(sock, kind, body, buffer, outcome):
        count = _alike(view, received)
        if count:
            yield bytes(view[:received]), count
            continue
        messages = split(buffer, received, outcome)
        if messages:
            yield (
                b"".join([view[offset : offset + (length + 3 & ~3)] for offset, length in messages]),
                len(messages),
            )


def _alike(view: memoryview, received: int) -> int:
    """The number of messages in a datagram where all are of one length and kind, and none is a control message.

    So are most of a dump's: this looks at all of them in one call, which a walk from one to the next cannot.
    """
    if received < HEADER_BYTES:
        return 0
    length, kind, flags, _, _ = _HEADER.unpack_from(view)
    if (
        length < HEADER_BYTES
        or length % 4
        or received % length
        or kind <= _OVERRUN
        or flags & _DUMP_INTERRUPTED
    ):
        return 0
    heads = struct.Struct(f"=IHH{length - 8}x").iter_unpack(view[:received])
    return received // length if set(heads) == {(length, kind, flags)} else 0


def dump(
    sock: socket.socket, kind: int, body: bytes, buffer: bytearray, outcome: Outcome
) -> Iterator[Messages]:
    """Ask for a dump and yield, datagram by datagram, where in `buffer` its messages are.

    Args:
        sock: from `connect`; one dump at a time.
        kind: message type of the request; answers of other types than this are yielded too.
        body: what follows the header.
        buffer: at least `BUFFER_BYTES`; overwritten with each datagram.
        outcome: filled along the way.

    Raises:
        NetlinkError: the kernel refused, with its errno.
        OSError: it did not answer.
    """
    for received in _receive(sock, kind, body, buffer, outcome):
        messages = split(buffer, received, outcome)
        if messages:
            yield messages


def _receive(
    sock: socket.socket, kind: int, body: bytes, buffer: bytearray, outcome: Outcome
) -> Iterator[int]:
    """Send the request, and yield how much of the buffer each datagram takes until the outcome says that it is done."""
    length = HEADER_BYTES + len(body)
    sock.sendall(_HEADER.pack(length, kind, _REQUEST_DUMP, 1, 0) + body)
    while not outcome.done:
        try:
            # MSG_TRUNC: the length the datagram had, were it longer than the buffer.
            received = sock.recv_into(buffer, 0, socket.MSG_TRUNC)
        except OSError as error:
            if error.errno != 105:  # ENOBUFS; the dump goes on
                raise
            outcome.lost = True
            continue
        if received > len(buffer):
            outcome.lost = True
            received = len(buffer)
        yield received


def split(buffer: bytes | bytearray, end: int, outcome: Outcome) -> Messages:
    """Offsets and lengths (headers included) of the messages in the first `end` bytes; control messages are heeded.

    Raises:
        NetlinkError: an error message of the kernel's, or a chain that cannot be.
    """
    messages = []
    offset = 0
    unpack = _HEADER.unpack_from
    while end - offset >= HEADER_BYTES:
        length, kind, flags, _, _ = unpack(buffer, offset)
        if length < HEADER_BYTES:
            raise NetlinkError(71, f"netlink message of {length} bytes")
        if offset + length > end:
            # Cut off: what was before it is still good.
            outcome.lost = True
            break
        if flags & _DUMP_INTERRUPTED:
            outcome.interrupted = True
        if kind > _OVERRUN:
            messages.append((offset, length))
        elif kind == _DONE:
            outcome.done = True
            _check(buffer, offset, length)
            break
        elif kind == _ERROR:
            outcome.done = True
            _check(buffer, offset, length)
        elif kind == _OVERRUN:
            outcome.lost = True
        offset += (length + 3) & ~3
    return messages


def _check(buffer: bytes | bytearray, offset: int, length: int) -> None:
    """Raise the errno that an error or the end of a dump carries, if any."""
    if length < HEADER_BYTES + 4:
        return
    number = -int.from_bytes(
        buffer[offset + HEADER_BYTES : offset + HEADER_BYTES + 4], sys.byteorder, signed=True
    )
    if number > _MOST_ERRNO:
        raise NetlinkError(71, f"netlink error {-number}")
    if number > 0:
        raise NetlinkError(number, os.strerror(number))


def attributes(buffer: bytes | bytearray, offset: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Type, start and length of the payload of each attribute (`struct nlattr`) between two offsets.

    Ends quietly where the chain is cut off.
    """
    while end - offset >= 4:
        length, kind = _ATTRIBUTE.unpack_from(buffer, offset)
        if length < 4 or offset + length > end:
            return
        yield kind & _ATTRIBUTE_TYPE, offset + 4, length - 4
        offset += (length + 3) & ~3
