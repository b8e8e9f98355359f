"""Raw IP and packet sockets: who else may read or forge packets here. From raw_diag and packet_diag, else /proc/net."""

from __future__ import annotations

import os
import socket
import struct
import sys

from podprobe_agent import netlink
from podprobe_agent.collectors import sockets, sockets_proc
from podprobe_agent.protocol import INET_ROW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from podprobe_agent.collectors.context import Context

_IPPROTO_RAW = 255
_AF_PACKET = 17
_REQUEST = struct.Struct("=BBHII8x")
_SHOW_INFO = 1
_MESSAGE = struct.Struct("=BBHI8x")
_INFO, _UID = 0, 5
_RAW_MESSAGE_BYTES = 72
_CGROUP_ID = 21
_RAW_FAMILIES = ((socket.AF_INET, "raw"), (socket.AF_INET6, "raw6"))


def collect(context: Context) -> Iterator[dict[str, Any]]:
    """Every raw and packet socket but the agent's own (`podprobe.agents.answers.PacketItem`)."""
    buffer = bytearray(netlink.BUFFER_BYTES)
    for family, table in _RAW_FAMILIES:
        yield from _raw(context, family, table, buffer)
    own = _own_inodes()
    for item in _packet(context, buffer):
        if item["inode"] not in own:
            yield item


def _raw(context: Context, family: int, table: str, buffer: bytearray) -> Iterator[dict[str, Any]]:
    try:
        with netlink.connect(netlink.NETLINK_SOCK_DIAG) as sock:
            body = sockets.request(family, _IPPROTO_RAW)
            for messages in netlink.dump(sock, sockets.SOCK_DIAG_BY_FAMILY, body, buffer, netlink.Outcome()):
                for offset, length in messages:
                    item = parse_raw(buffer, offset, length)
                    if item is not None:
                        yield item
    except OSError:
        # The file tells as much of a raw socket, but for its cgroup.
        for piece in sockets_proc.read(context, table, _IPPROTO_RAW, family):
            for row in INET_ROW.iter_unpack(piece):
                yield _raw_item(row[3], None)


def parse_raw(buffer: bytes | bytearray, offset: int, length: int) -> dict[str, Any] | None:
    """A raw socket of one message (`struct inet_diag_msg`), or `None` where it is none."""
    start = offset + netlink.HEADER_BYTES
    rest = start + _RAW_MESSAGE_BYTES
    if length < rest - offset:
        return None
    cgroup = None
    for attribute, at, size in netlink.attributes(buffer, rest, offset + length):
        if attribute == _CGROUP_ID and size >= 8:
            cgroup = int.from_bytes(buffer[at : at + 8], sys.byteorder) or None
    return _raw_item(bytes(buffer[start:rest]), cgroup)


def _raw_item(message: bytes, cgroup: int | None) -> dict[str, Any]:
    family = message[0]
    address = message[8:12] if family == socket.AF_INET else message[8:24]
    uid, inode = struct.unpack_from("=II", message, 64)
    return {
        "protocol": "raw",
        "address": socket.inet_ntop(socket.AF_INET if family == socket.AF_INET else socket.AF_INET6, address),
        # The kernel keeps a raw socket's IP protocol where others have their port.
        "number": struct.unpack_from("!H", message, 4)[0],
        "inode": inode,
        "uid": uid,
        "cgroup_id": cgroup,
    }


def _packet(context: Context, buffer: bytearray) -> Iterator[dict[str, Any]]:
    body = _REQUEST.pack(_AF_PACKET, 0, 0, 0, _SHOW_INFO)
    try:
        with netlink.connect(netlink.NETLINK_SOCK_DIAG) as sock:
            for messages in netlink.dump(sock, sockets.SOCK_DIAG_BY_FAMILY, body, buffer, netlink.Outcome()):
                for offset, length in messages:
                    item = parse(buffer, offset, length)
                    if item is not None:
                        yield item
    except OSError as error:
        yield from _from_proc(context, error)


def parse(buffer: bytes | bytearray, offset: int, length: int) -> dict[str, Any] | None:
    """A packet socket of one message (`struct packet_diag_msg`), or `None` where it is none."""
    start = offset + netlink.HEADER_BYTES
    if length < netlink.HEADER_BYTES + _MESSAGE.size:
        return None
    family, _, number, inode = _MESSAGE.unpack_from(buffer, start)
    if family != _AF_PACKET:
        return None
    index, uid = 0, None
    for attribute, at, size in netlink.attributes(buffer, start + _MESSAGE.size, offset + length):
        if attribute == _INFO and size >= 4:
            (index,) = struct.unpack_from("=I", buffer, at)
        elif attribute == _UID and size >= 4:
            (uid,) = struct.unpack_from("=I", buffer, at)
    return {"protocol": "packet", "address": _interface(index), "number": number, "inode": inode, "uid": uid}


def _from_proc(
    context: Context, refusal: OSError, path: str = "/proc/net/packet"
) -> Iterator[dict[str, Any]]:
    """From lines of ``sk RefCnt Type Proto Iface R Rmem User Inode``."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            lines = file.read(1 << 20).splitlines()[1:]
    except FileNotFoundError:
        return  # a kernel without packet sockets
    except OSError as error:
        context.note("none", f"packet_diag: {refusal.strerror}; {path}: {error.strerror}")
        return
    for line in lines:
        fields = line.split()
        try:
            yield {
                "protocol": "packet",
                "address": _interface(int(fields[4])),
                "number": int(fields[3], 16),
                "inode": int(fields[8]),
                "uid": int(fields[7]),
            }
        except (ValueError, IndexError):
            continue


def _interface(index: int) -> str:
    if not index:
        return "*"
    try:
        return socket.if_indextoname(index)
    except OSError:
        return f"interface {index}"


def _own_inodes() -> set[int]:
    inodes = set()
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            inodes.add(os.stat(f"/proc/self/fd/{descriptor}").st_ino)
        except OSError:
            continue
    return inodes
