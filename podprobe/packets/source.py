"""A capture file as a stream of segments. The only module that imports scapy."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from scapy.config import conf
from scapy.data import MTU
from scapy.error import Scapy_Exception
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.layers.l2 import CookedLinux, CookedLinuxV2, Dot1AD, Dot1Q, Ether
from scapy.utils import RawPcapReader

from podprobe.errors import LookError
from podprobe.packets.segment import Segment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scapy.packet import Packet

_EXTENSIONS = (IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting)

# Nothing above TCP and UDP is dissected: payloads are not podprobe's business, and cost most of the time.
conf.layers.filter(
    [Ether, CookedLinux, CookedLinuxV2, Dot1Q, Dot1AD, IP, IPv6, *_EXTENSIONS, IPv6ExtHdrFragment, TCP, UDP]
)

# scapy says on its log what it finds odd in a packet; a hostile capture would fill the terminal with it.
logging.getLogger("scapy").setLevel(logging.CRITICAL)

_TCP, _UDP = 6, 17
_UDP_HEADER_BYTES = 8
_TCP_HEADER_BYTES = 20
_FAMILY_BYTES = 4
_LINKS: dict[int, type[Packet]] = {1: Ether, 113: CookedLinux, 276: CookedLinuxV2}
_FRAMES = (Ether, CookedLinux, CookedLinuxV2, Dot1Q, Dot1AD)
_BARE_IP = frozenset({12, 14, 101, 228, 229})
"""DLT_RAW in its three spellings, IPv4, IPv6: a packet begins with its IP header."""
_LOOPBACK = frozenset({0, 108})
"""BSD loopback: four bytes of address family in whatever byte order; the IP header after them tells the same."""

_LINK_TYPE = 0x03FF_FFFF
"""The bits of a pcap header's link type that are one (`LT_LINKTYPE` of libpcap)."""

MAX_RECORD = 262_144
"""libpcap's own limit on a packet. A record that claims more is no record: what follows cannot be trusted."""


class CaptureError(LookError):
    """The input is no capture that can be read."""


@dataclass(slots=True)
class Counts:
    """What the reader saw."""

    packets: int = 0
    bytes: int = 0
    not_ip: int = 0
    other_protocols: int = 0
    fragments: int = 0
    unknown_links: int = 0
    malformed: int = 0
    cut_short: str | None = None


class _Input:
    """Counts what is read, and knows whether the last read came up short: scapy does not tell."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self.name = name
        self.short = False

    def read(self, size: int = -1) -> bytes:
        if size > MAX_RECORD:
            raise OverflowError(f"a block of {size} bytes was announced; {MAX_RECORD} are allowed")
        data = self._stream.read(size)
        self.short = 0 < len(data) < size
        return data

    def seek(self, _offset: int) -> None:
        """Where scapy meets a compressed file it goes back to the start, which a stream cannot."""
        raise OSError("it is compressed; unpack it first, with gunzip")

    def left_over(self) -> bool:
        """The last read came up short, or there is more that nobody wants to read."""
        return self.short or bool(self._stream.read(1))


class Source:
    """Reads pcap (either byte order, micro- or nanoseconds) and pcapng from a stream, packet by packet.

    Args:
        stream: of the capture's bytes; need not be seekable.
        name: what to call it in errors.

    Raises:
        CaptureError: it is no capture, or one of a kind of link that podprobe does not know (of pcapng, which names
            the links as it goes, at the end: where not one packet is of a kind that it knows).
    """

    def __init__(self, stream: BinaryIO, name: str = "the capture") -> None:
        self.counts = Counts()
        self._input = _Input(stream, name)
        try:
            # scapy takes an open stream as well as a name; its annotations know only the name.
            self._reader: Any = RawPcapReader(self._input)  # type: ignore[arg-type]
        except (Scapy_Exception, EOFError, OSError, OverflowError, ValueError) as error:
            raise CaptureError(
                f"{name} is no capture: {error}", "give a pcap or pcapng file, as tcpdump -w writes it"
            ) from None
        link = getattr(self._reader, "linktype", None)
        if link is not None:
            # The bits above tell of a checksum at the end of each frame (LT_FCS_LENGTH): no part of the kind of link.
            link = self._reader.linktype = link & _LINK_TYPE
        self._unknown: set[int] = set()
        if link is not None and not _known(link):
            raise self._unreadable(link)

    def __iter__(self) -> Iterator[tuple[int, Segment | None]]:
        """Every packet's time in nanoseconds since the epoch, and its segment where it is TCP or UDP."""
        while (record := self._record()) is not None:
            data, link, at_ns, wire_bytes = record
            self.counts.packets += 1
            self.counts.bytes += wire_bytes
            try:
                yield at_ns, self._segment(data, link, at_ns, wire_bytes)
            except Exception:  # noqa: BLE001  # scapy's dissectors raise whatever the bytes make them
                self.counts.malformed += 1
                yield at_ns, None
        if self.counts.unknown_links and self.counts.unknown_links == self.counts.packets:
            raise self._unreadable(*sorted(self._unknown))

    def _unreadable(self, *links: int) -> CaptureError:
        kinds = ", ".join(map(str, links))
        return CaptureError(
            f"{self._input.name} was captured on a kind of link that podprobe does not read (link type {kinds})",
            "capture on an Ethernet, loopback, raw IP or `any` interface",
        )

    def _record(self) -> tuple[bytes, int, int, int] | None:
        try:
            data, meta = self._reader._read_packet()  # noqa: SLF001  # the public one makes a Packet and a Decimal
        except EOFError as error:
            if error.args or self._input.left_over():
                self.counts.cut_short = (
                    str(error) or f"what follows packet {self.counts.packets} is incomplete"
                )
            return None
        except Exception as error:  # noqa: BLE001  # rubbish in a pcapng block raises anything
            self.counts.cut_short = f"what follows packet {self.counts.packets} is no capture: {error}"
            return None
        if hasattr(meta, "tsresol"):
            ticks = ((meta.tshigh or 0) << 32) | (meta.tslow or 0)
            return data, meta.linktype, ticks * 1_000_000_000 // max(1, meta.tsresol), meta.wirelen
        if meta.caplen > MAX_RECORD or meta.usec >= 1_000_000_000:
            self.counts.cut_short = f"what follows packet {self.counts.packets} is no packet"
            return None
        if len(data) < min(meta.caplen, MTU):
            self.counts.cut_short = f"what follows packet {self.counts.packets} is incomplete"
            return None
        return data, self._reader.linktype, _time_ns(meta, self._reader.nano), meta.wirelen

    def _segment(self, data: bytes, link: int, at_ns: int, wire_bytes: int) -> Segment | None:
        if not _known(link):
            self.counts.unknown_links += 1
            self._unknown.add(link)
            return None
        packet = _network_layer(data, link)
        if packet is None:
            self.counts.not_ip += 1
            return None
        wire_bytes -= len(data) - len(packet.original)
        # A length of 0 is a packet that the kernel has not cut into frames yet, larger than the field can say. None can
        # be longer than what was on the wire, whatever it claims.
        if isinstance(packet, IP):
            if packet.frag or packet.flags.MF:
                self.counts.fragments += 1
                return None
            length, transport, protocol = (
                min(packet.len or wire_bytes, wire_bytes) - packet.ihl * 4,
                packet.payload,
                packet.proto,
            )
        else:
            transport, protocol = packet.payload, packet.nh
            while isinstance(transport, _EXTENSIONS):
                transport, protocol = transport.payload, transport.nh
            if isinstance(transport, IPv6ExtHdrFragment):
                self.counts.fragments += 1
                return None
            length = min(packet.plen or wire_bytes - 40, wire_bytes - 40) - (
                len(packet.payload.original) - len(transport.original)
            )
        if not isinstance(transport, TCP | UDP):
            if protocol in (_TCP, _UDP):
                self.counts.malformed += 1
            else:
                self.counts.other_protocols += 1
            return None
        source, destination = (packet.src, transport.sport), (packet.dst, transport.dport)
        if isinstance(transport, UDP):
            return Segment(at_ns, "udp", source, destination, max(0, length - _UDP_HEADER_BYTES))
        return Segment(
            at_ns,
            "tcp",
            source,
            destination,
            max(0, length - transport.dataofs * 4),
            transport.seq,
            transport.ack,
            int(transport.flags),
            transport.window,
            max(0, transport.dataofs * 4 - _TCP_HEADER_BYTES),
            _mss(transport) if transport.flags.S else None,
            any(name == "SAckOK" for name, _ in transport.options) if transport.flags.S else False,
            _blocks(transport),
        )


def _mss(syn: TCP) -> int | None:
    return next((value for name, value in syn.options if name == "MSS" and isinstance(value, int)), None)


def _blocks(segment: TCP) -> tuple[tuple[int, int], ...]:
    """The blocks of a SACK option."""
    for name, value in segment.options:
        if name == "SAck" and isinstance(value, tuple):
            return tuple(zip(value[::2], value[1::2], strict=False))
    return ()


def _known(link: int) -> bool:
    return link in _LINKS or link in _BARE_IP or link in _LOOPBACK


def _time_ns(meta: Any, nano: bool) -> int:
    seconds: int = meta.sec
    fraction: int = meta.usec
    return seconds * 1_000_000_000 + fraction * (1 if nano else 1000)


def _network_layer(data: bytes, link: int) -> Packet | None:
    """The IP packet in a frame."""
    if link in _LOOPBACK:
        data = data[_FAMILY_BYTES:]
    elif link not in _BARE_IP:
        packet: Packet | None = _LINKS[link](data)
        while isinstance(packet, _FRAMES):
            packet = packet.payload
        return packet if isinstance(packet, IP | IPv6) else None
    version = data[0] >> 4
    return IP(data) if version == 4 else IPv6(data) if version == 6 else None
