"""Network interfaces with their addresses and counters, by rtnetlink."""

from __future__ import annotations

import socket
import struct

from podprobe_agent import netlink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from podprobe_agent.collectors.context import Context

_GETLINK, _GETADDR = 18, 22
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_LINK_NAME, _LINK_MTU, _LINK_STATS64 = 3, 4, 23
_ADDRESS_ADDRESS, _ADDRESS_LOCAL = 1, 2
_UP = 1
_STATS = struct.Struct("=8Q")
_STATS_NAMES = (
    "received_packets",
    "sent_packets",
    "received_bytes",
    "sent_bytes",
    "receive_errors",
    "send_errors",
    "receive_drops",
    "send_drops",
)
"""The first members of `struct rtnl_link_stats64`."""
_TRIES = 3


def collect(context: Context) -> Iterator[dict[str, Any]]:
    """Every interface (`podprobe.agents.answers.InterfaceItem`)."""
    try:
        links = dict(_dump(context, _GETLINK, _LINK.pack(0, 0, 0, 0, 0), link))
        for index, text in _dump(context, _GETADDR, _ADDRESS.pack(0, 0, 0, 0, 0), address):
            if index in links:
                links[index]["addresses"].append(text)
    except OSError as error:
        yield from _from_proc(context, error)
        return
    yield from links.values()


def _dump(context: Context, kind: int, body: bytes, parse: Any) -> list[tuple[int, Any]]:
    """All objects of a kind. They are few, so an answer that changed meanwhile is asked for again."""
    buffer = bytearray(netlink.BUFFER_BYTES)
    found: list[tuple[int, Any]] = []
    for _ in range(_TRIES):
        found = []
        outcome = netlink.Outcome()
        with netlink.connect(netlink.NETLINK_ROUTE) as sock:
            for messages in netlink.dump(sock, kind, body, buffer, outcome):
                parsed = (parse(buffer, offset, length) for offset, length in messages)
                found.extend(one for one in parsed if one is not None)
        if not (outcome.interrupted or outcome.lost):
            return found
    context.note("partial", "interfaces came and went while the kernel listed them: some may be missing")
    return found


def link(buffer: bytes | bytearray, offset: int, length: int) -> tuple[int, dict[str, Any]] | None:
    """Index and item of one message (`struct ifinfomsg`), or `None` where it is none."""
    start = offset + netlink.HEADER_BYTES
    if length < netlink.HEADER_BYTES + _LINK.size:
        return None
    _, _, index, flags, _ = _LINK.unpack_from(buffer, start)
    item: dict[str, Any] = {"name": f"interface {index}", "addresses": [], "up": bool(flags & _UP)}
    for attribute, at, size in netlink.attributes(buffer, start + _LINK.size, offset + length):
        if attribute == _LINK_NAME:
            item["name"] = bytes(buffer[at : at + size]).partition(b"\0")[0].decode("utf-8", "replace")
        elif attribute == _LINK_MTU and size >= 4:
            (item["mtu"],) = struct.unpack_from("=I", buffer, at)
        elif attribute == _LINK_STATS64 and size >= _STATS.size:
            item.update(zip(_STATS_NAMES, _STATS.unpack_from(buffer, at)))
    return index, item


def address(buffer: bytes | bytearray, offset: int, length: int) -> tuple[int, str] | None:
    """Interface index and address with prefix of one message (`struct ifaddrmsg`), or `None` where it is none."""
    start = offset + netlink.HEADER_BYTES
    if length < netlink.HEADER_BYTES + _ADDRESS.size:
        return None
    family, prefix, _, _, index = _ADDRESS.unpack_from(buffer, start)
    size_wanted = {socket.AF_INET: 4, socket.AF_INET6: 16}.get(family)
    found = b""
    for attribute, at, size in netlink.attributes(buffer, start + _ADDRESS.size, offset + length):
        # On a point-to-point link ADDRESS is the peer's, and LOCAL is ours; elsewhere they are the same.
        if size == size_wanted and (
            attribute == _ADDRESS_LOCAL or (attribute == _ADDRESS_ADDRESS and not found)
        ):
            found = bytes(buffer[at : at + size])
    return (index, f"{socket.inet_ntop(family, found)}/{prefix}") if found else None


def _from_proc(context: Context, refusal: OSError, path: str = "/proc/net/dev") -> Iterator[dict[str, Any]]:
    """Names and counters alone, from lines of ``name: bytes packets errs drop … (8) bytes packets errs drop …``."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            lines = file.read(1 << 20).splitlines()[2:]
    except OSError as error:
        context.note("none", f"rtnetlink: {refusal.strerror}; {path}: {error.strerror}")
        return
    context.note(
        "partial", f"the kernel refuses rtnetlink ({refusal.strerror}): interfaces without addresses"
    )
    for line in lines:
        name, _, rest = line.partition(":")
        try:
            numbers = [int(word) for word in rest.split()]
            bytes_in, packets_in, errors_in, drops_in = numbers[0:4]
            bytes_out, packets_out, errors_out, drops_out = numbers[8:12]
        except ValueError:
            continue
        values = (packets_in, packets_out, bytes_in, bytes_out, errors_in, errors_out, drops_in, drops_out)
        yield {"name": name.strip(), **dict(zip(_STATS_NAMES, values))}
