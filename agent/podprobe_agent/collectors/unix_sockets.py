"""Unix domain sockets of the network namespace, by unix_diag; from /proc/net/unix where there is none.

The kernel keeps unix sockets by network namespace, so one agent sees those of all containers, whatever mount
namespace their paths are in.
"""

from __future__ import annotations

import struct

from podprobe_agent import netlink
from podprobe_agent.collectors.sockets import SOCK_DIAG_BY_FAMILY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from podprobe_agent.collectors.context import Context

_AF_UNIX = 1
_REQUEST = struct.Struct("=BBHIII8x")
_ALL_STATES = 0xFFFFFFFF
_SHOW = 0x01 | 0x02 | 0x04 | 0x08 | 0x10 | 0x40  # name, vfs, peer, icons, rqlen, uid

_MESSAGE = struct.Struct("=BBBxI8x")
_NAME, _VFS, _PEER, _ICONS, _QUEUES, _SHUTDOWN, _UID = 0, 1, 2, 3, 4, 6, 7

KINDS = {1: "stream", 2: "datagram", 5: "seqpacket"}
_ESTABLISHED, _LISTEN = 1, 10
_SHUT_BOTH = 3
_MINOR_BITS = 20

_MOST = 50_000

_PROC = "/proc/net/unix"
_PROC_ACCEPTS = 0x10000
_PROC_CONNECTED = 3


def collect(context: Context, proc: str = _PROC) -> Iterator[dict[str, Any]]:
    """Every unix socket (`podprobe.agents.answers.UnixItem`), within bounds."""
    for number, item in enumerate(_sockets(context, proc)):
        if number >= _MOST:
            context.note("partial", f"more than {_MOST} unix sockets: the rest was left out")
            return
        yield item


def _sockets(context: Context, proc: str) -> Iterator[dict[str, Any]]:
    buffer = bytearray(netlink.BUFFER_BYTES)
    outcome = netlink.Outcome()
    body = _REQUEST.pack(_AF_UNIX, 0, 0, _ALL_STATES, 0, _SHOW)
    try:
        with netlink.connect(netlink.NETLINK_SOCK_DIAG) as sock:
            for messages in netlink.dump(sock, SOCK_DIAG_BY_FAMILY, body, buffer, outcome):
                for offset, length in messages:
                    item = parse(buffer, offset, length)
                    if item is not None:
                        yield item
                if context.expired:
                    context.note("partial", "the time was over while unix sockets were read")
                    return
    except OSError as error:
        yield from _from_proc(context, error, proc)
        return
    if outcome.lost or outcome.interrupted:
        context.note(
            "partial", "sockets came and went while the kernel listed unix sockets: some may be missing"
        )


def parse(buffer: bytes | bytearray, offset: int, length: int) -> dict[str, Any] | None:
    """A socket of one message (`struct unix_diag_msg` and its attributes), or `None` where it is none."""
    if length < netlink.HEADER_BYTES + _MESSAGE.size:
        return None
    family, type_number, state, inode = _MESSAGE.unpack_from(buffer, offset + netlink.HEADER_BYTES)
    kind = KINDS.get(type_number)
    # A connection that has not been accepted yet is a socket without an inode; its listener tells of its client.
    if family != _AF_UNIX or kind is None or not inode:
        return None
    item: dict[str, Any] = {"kind": kind, "inode": inode}
    shut = False
    listens = state == _LISTEN
    start = offset + netlink.HEADER_BYTES + _MESSAGE.size
    for attribute, at, size in netlink.attributes(buffer, start, offset + length):
        if attribute == _NAME:
            item["path"] = name(bytes(buffer[at : at + size]))
        elif attribute == _VFS and size >= 8:
            item["file_inode"], device = struct.unpack_from("=II", buffer, at)
            item["file_device"] = f"{device >> _MINOR_BITS}:{device & (1 << _MINOR_BITS) - 1}"
        elif attribute == _PEER and size >= 4:
            # 0: the peer is gone, or has not been accepted yet and so has no inode of its own.
            item["peer_inode"] = struct.unpack_from("=I", buffer, at)[0] or None
        elif attribute == _ICONS:
            item["pending"] = [one for one in struct.unpack_from(f"={size // 4}I", buffer, at) if one]
        elif attribute == _QUEUES and size >= 8:
            item["queue"], limit = struct.unpack_from("=II", buffer, at)
            if listens:
                item["queue_limit"] = limit
        elif attribute == _SHUTDOWN and size:
            shut = buffer[at] == _SHUT_BOTH
        elif attribute == _UID and size >= 4:
            (item["uid"],) = struct.unpack_from("=I", buffer, at)
    item["state"] = _state(listens, state == _ESTABLISHED, shut)
    return item


def _state(listens: bool, established: bool, shut: bool) -> str:
    if listens:
        return "listen"
    if shut:
        return "closed"
    return "established" if established else "unconnected"


def name(raw: bytes) -> str | None:
    """A socket's name as `ss` writes it: abstract ones with `@` for the NUL byte that they begin with."""
    if not raw:
        return None
    if raw[0]:
        raw = raw.partition(b"\0")[0]
    return raw.replace(b"\0", b"@").decode("utf-8", "replace")[:4096]


def _from_proc(context: Context, refusal: OSError, path: str) -> Iterator[dict[str, Any]]:
    try:
        file = open(path, encoding="utf-8", errors="replace")  # noqa: SIM115  # closed below
    except OSError as error:
        context.note("none", f"unix_diag: {refusal.strerror}; {path}: {error.strerror}")
        return
    context.note(
        "partial",
        f"the kernel refuses unix_diag ({refusal.strerror}): unix sockets come from {path}, without peers and queues",
    )
    with file:
        for line in file:
            item = parse_line(line)
            if item is not None:
                yield item


def parse_line(line: str) -> dict[str, Any] | None:
    """A socket of one line: ``Num RefCount Protocol Flags Type St Inode Path``."""
    fields = line.rstrip("\n").split(None, 7)
    try:
        flags, type_number, state, inode = (
            int(fields[3], 16),
            int(fields[4], 16),
            int(fields[5], 16),
            int(fields[6]),
        )
    except (ValueError, IndexError):
        return None
    if type_number not in KINDS or not inode:
        return None
    listens = bool(flags & _PROC_ACCEPTS)
    return {
        "kind": KINDS[type_number],
        "state": _state(listens, state == _PROC_CONNECTED, shut=False),
        "inode": inode,
        "path": fields[7][:4096] if len(fields) > 7 else None,
    }
