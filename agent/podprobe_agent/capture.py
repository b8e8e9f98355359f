"""Packets of one interface as a pcap stream: filtered and cut short in the kernel, read from a shared ring.

The ring is TPACKET_V3 (linux/if_packet.h): the kernel fills blocks of many packets, and hands over whole blocks,
so that Python does one system call a block and not one a packet. The kernel counts what found no room.

On loopback every packet passes twice, as sent and as received; only the received ones are kept.
"""

from __future__ import annotations

import array
import errno
import fcntl
import mmap
import select
import socket
import struct
import time

from podprobe_agent import protocol
from podprobe_agent.errors import RefusedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from threading import Event
    from typing import Any

    from podprobe_agent.output import Output

    Program = Sequence[Sequence[int]]

_ETH_P_ALL = 3
_SOL_PACKET = 263
_PACKET_RX_RING, _PACKET_STATISTICS, _PACKET_VERSION = 5, 6, 10
_TPACKET_V3 = 2
_SO_ATTACH_FILTER = 26
_SIOCGIFHWADDR = 0x8927

_ETHERNET, _LOOPBACK = 1, 772  # ARPHRD_: both have an Ethernet header

_BLOCK_BYTES = 256 << 10
_BLOCKS = 16
"""4 MiB: half a second of 50,000 packets a second, cut to their headers."""
_RETIRE_MS = 50
"""The kernel hands a block over when it is full, or has waited this long."""
_RING = struct.Struct("=7I")
_FRAME_BYTES = 2048

_BLOCK = struct.Struct("=III")
"""Of `struct tpacket_hdr_v1`: status, number of packets, offset of the first. It begins 8 bytes into a block."""
_BLOCK_AT = 8
_PACKET = struct.Struct("=6IH")
"""Of `struct tpacket3_hdr`: next offset, seconds, nanoseconds, bytes kept, bytes in all, status, offset of the data."""
_TO_KERNEL, _TO_USER = struct.pack("=I", 0), 1

_PCAP_HEADER = struct.Struct("=IHHiIII")
_PCAP_PACKET = struct.Struct("=IIII")
_PCAP_NANOSECONDS = 0xA1B23C4D
_LINKTYPE_ETHERNET = 1

_INSTRUCTION = struct.Struct("=HBBI")
_MOST_INSTRUCTIONS = 4000
_RETURN_CONSTANT = 0x06
_NOT_OUTGOING = (
    (0x28, 0, 0, 0xFFFFF000 + 4),  # load SKF_AD_PKTTYPE
    (0x15, 0, 1, 4),  # PACKET_OUTGOING: go on, else skip one
    (_RETURN_CONSTANT, 0, 0, 0),
)
_NOTHING = ((_RETURN_CONSTANT, 0, 0, 0),)

_LEAST_SNAP, _MOST_SNAP = 64, 65535
_MOST_SECONDS = 3600.0
_TOLD_SECONDS = 1.0
"""From one word on how many packets there are to the next."""


def run(arguments: dict[str, Any], request: int, output: Output, cancelled: Event) -> None:
    """Answer ``{"verb": "capture", "interface": ..., "program": [...], "snap_bytes": ..., "seconds": ...}``.

    The answer is a pcap stream in DATA frames, each of whole packets; its END tells how many packets it holds
    (`packets`) and how many that the filter let through were lost (`dropped`). A PART of area `capture` tells the
    same every second meanwhile.

    Raises:
        RefusedError: no NET_RAW, no such interface, or none with an Ethernet header; a filter that is none.
    """
    started = time.monotonic()
    taken_at = time.time()
    snap = min(max(int(arguments["snap_bytes"]), _LEAST_SNAP), _MOST_SNAP)
    seconds = min(float(arguments["seconds"]), _MOST_SECONDS)
    packets = dropped = 0
    told_at = started
    with _open(arguments["interface"], arguments["program"], snap) as sock:
        output.send(
            protocol.DATA, request, _PCAP_HEADER.pack(_PCAP_NANOSECONDS, 2, 4, 0, 0, snap, _LINKTYPE_ETHERNET)
        )
        with mmap.mmap(sock.fileno(), _BLOCK_BYTES * _BLOCKS) as ring:
            for count, pcap in _blocks(sock, ring, started + seconds, cancelled):
                packets += count
                if count:
                    output.send(protocol.DATA, request, pcap)
                if time.monotonic() - told_at >= _TOLD_SECONDS:
                    told_at = time.monotonic()
                    dropped += _lost(sock)
                    so_far = {"packets": packets, "dropped": dropped}
                    output.send_json(protocol.PART, request, {"area": "capture", "value": so_far})
        dropped += _lost(sock)
    end = {
        "packets": packets,
        "dropped": dropped,
        "visibility": [],
        "duration_us": int((time.monotonic() - started) * 1e6),
        "taken_at": taken_at,
    }
    output.send_json(protocol.END, request, end)


def _open(interface: str, program: Program, snap: int) -> socket.socket:
    """A packet socket with its filter and ring, that receives nothing else than the filter lets through."""
    try:
        # Protocol 0: it receives nothing before it is bound, and so nothing past its filter.
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
    except PermissionError:
        raise RefusedError(
            "capturing packets needs the capability NET_RAW, which this container, and so its agent, does not have"
        ) from None
    try:
        _attach(sock, assemble(program, snap, one_way=_is_loopback(sock, interface)))
        sock.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V3)
        frames = _BLOCK_BYTES // _FRAME_BYTES * _BLOCKS
        ring = _RING.pack(_BLOCK_BYTES, _BLOCKS, _FRAME_BYTES, frames, _RETIRE_MS, 0, 0)
        sock.setsockopt(_SOL_PACKET, _PACKET_RX_RING, ring)
        sock.bind((interface, _ETH_P_ALL))
    except BaseException:
        sock.close()
        raise
    return sock


def _lost(sock: socket.socket) -> int:
    """Packets that found no room, of those that the filter let through, since this was last asked."""
    _, dropped = struct.unpack_from("=II", sock.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 12))
    return int(dropped)


def _is_loopback(sock: socket.socket, interface: str) -> bool:
    """Whether an interface is a loopback; if not, it has an Ethernet header too.

    Raises:
        RefusedError: it is another kind, or not there.
    """
    name = interface.encode("utf-8", "replace")
    try:
        answer = fcntl.ioctl(sock, _SIOCGIFHWADDR, struct.pack("=16s24x", name[:15]))
    except OSError as error:
        what = "there is none" if error.errno == errno.ENODEV else error.strerror
        raise RefusedError(f"interface {interface}: {what}") from None
    (kind,) = struct.unpack_from("=H", answer, 16)
    if kind not in (_ETHERNET, _LOOPBACK):
        raise RefusedError(f"interface {interface} has no Ethernet header (its type is {kind})")
    return bool(kind == _LOOPBACK)


def assemble(program: Program, snap: int, *, one_way: bool) -> bytes:
    """A filter as the kernel takes it (`struct sock_filter`), that keeps at most `snap` bytes of a packet.

    Raises:
        RefusedError: those are no instructions.
    """
    instructions = [tuple(one) for one in program] or [(_RETURN_CONSTANT, 0, 0, snap)]
    # Returning a number is how a filter says how many bytes to keep.
    cut = [
        (code, yes, no, min(k, snap) if code == _RETURN_CONSTANT else k) for code, yes, no, k in instructions
    ]
    if one_way:
        cut[:0] = _NOT_OUTGOING
    if len(cut) > _MOST_INSTRUCTIONS:
        raise RefusedError(f"a filter of {len(cut)} instructions is too long")
    try:
        return b"".join(_INSTRUCTION.pack(*one) for one in cut)
    except struct.error:
        raise RefusedError("the filter has an instruction that is none") from None


def _attach(sock: socket.socket, program: bytes) -> None:
    buffer = array.array("B", program)
    address, _ = buffer.buffer_info()
    fprog = struct.pack("@HP", len(program) // _INSTRUCTION.size, address)
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, fprog)
    except OSError as error:
        raise RefusedError(f"the kernel refuses the filter: {error.strerror}") from None


def _blocks(
    sock: socket.socket, ring: mmap.mmap, deadline: float, cancelled: Event
) -> Iterator[tuple[int, bytes]]:
    """Number of packets and pcap bytes of each block, 0 now and then where none comes.

    Ends when the time is over or nobody wants more.
    """
    ready = select.poll()
    ready.register(sock, select.POLLIN | select.POLLERR)
    at = 0
    ending = False
    while True:
        status, count, first = _BLOCK.unpack_from(ring, at + _BLOCK_AT)
        if status & _TO_USER:
            yield count, _pcap(ring, at + first, count)
            ring[at + _BLOCK_AT : at + _BLOCK_AT + 4] = _TO_KERNEL
            at = (at + _BLOCK_BYTES) % (_BLOCK_BYTES * _BLOCKS)
        elif ending:
            return
        if not ending and (cancelled.is_set() or time.monotonic() >= deadline):
            ending = True
            # Let nothing more in, and wait until the kernel has handed over the block it was filling.
            _attach(sock, assemble(_NOTHING, 0, one_way=False))
            time.sleep(3 * _RETIRE_MS / 1000)
        elif not status & _TO_USER and not ending:
            ready.poll(min(2 * _RETIRE_MS, max(0.0, deadline - time.monotonic()) * 1000 + 1))
            yield 0, b""


def _pcap(ring: mmap.mmap, at: int, count: int) -> bytes:
    pieces = []
    unpack, pack = _PACKET.unpack_from, _PCAP_PACKET.pack
    for _ in range(count):
        following, seconds, nanoseconds, kept, length, _, data = unpack(ring, at)
        pieces.append(pack(seconds, nanoseconds, kept, length))
        pieces.append(ring[at + data : at + data + kept])
        at += following
    return b"".join(pieces)
