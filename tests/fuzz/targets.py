"""What is fuzzed: one function of any bytes for each parser, and inputs to begin with.

A function raises nothing but for what is really wrong: errors that the parser is to raise are caught here, and what
must hold of its result is asserted.
"""

from __future__ import annotations

import io
import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DATA = Path(__file__).parents[1] / "data"


class Target(NamedTuple):
    """Something to fuzz."""

    make: Callable[[], Callable[[bytes], object]]
    """Imports what is fuzzed, and returns the function that takes an input."""
    seeds: Callable[[], Iterator[bytes]]
    most_bytes: int = 4096
    """Of an input: longer ones cost time, and reach nothing that shorter ones do not."""


def _inet() -> Callable[[bytes], object]:
    from podprobe.agents import diag
    from podprobe.agents.inet import decode
    from podprobe_agent.protocol import INET_ROW

    def run(data: bytes) -> None:
        decode([data])
        try:
            count = diag.check(data)
        except diag.MalformedError:
            return
        messages = diag.Messages(6, data)
        rows = list(diag.rows(messages))
        assert len(rows) == count
        assert len(diag.packed(messages)) == count * INET_ROW.size
        assert len(decode([messages])) <= count

    return run


def _netlink() -> Callable[[bytes], object]:
    from podprobe_agent import netlink
    from podprobe_agent.collectors import interfaces, packet, unix_sockets

    class Socket:
        """Gives datagrams, each with its length before it in two bytes."""

        def __init__(self, data: bytes) -> None:
            self._data = data

        def sendall(self, _: bytes) -> None: ...

        def recv_into(self, buffer: bytearray, _size: int, _flags: int) -> int:
            if not self._data:
                raise TimeoutError
            size = int.from_bytes(self._data[:2], "little")
            datagram, self._data = self._data[2 : 2 + size], self._data[2 + size :]
            buffer[: len(datagram)] = datagram[: len(buffer)]
            return size if len(datagram) == size else len(datagram)

    parsers = (unix_sockets.parse, packet.parse, packet.parse_raw, interfaces.link, interfaces.address)

    def run(data: bytes) -> None:
        for read in (netlink.blocks, netlink.dump):
            buffer = bytearray(1 << 16)
            with suppress(netlink.NetlinkError, TimeoutError):
                for found in read(Socket(data), 20, b"", buffer, netlink.Outcome()):  # type: ignore[arg-type]
                    if isinstance(found, tuple):
                        assert len(found[0]) >= found[1] * netlink.HEADER_BYTES
                        continue
                    for offset, length in found:
                        for parse in parsers:
                            parse(buffer, offset, length)

    return run


def _procfs() -> Callable[[bytes], object]:
    """The first byte chooses the parser: each has inputs of its own."""
    from podprobe_agent import mountinfo, procfs, resolvconf
    from podprobe_agent.collectors import cgroup, counters, locks, maps, sockets_proc, sysv, unix_sockets

    content = b""
    procfs.read = procfs.read_once = lambda *_: content  # type: ignore[assignment]
    procfs.lines = lambda *_: iter(content.split(b"\n"))  # type: ignore[assignment]

    def text(data: bytes) -> str:
        return data.decode("utf-8", "replace")

    readers: tuple[Callable[[bytes], object], ...] = (
        lambda _: procfs.stat(1),
        lambda _: procfs.status_ids(1),
        lambda _: procfs.open_files_limit(1),
        lambda _: (procfs.cgroup_path(1), procfs.cgroup_lines(1)),
        lambda _: procfs.boot_time(),
        lambda _: (mountinfo.read(1), mountinfo.root_mount(1)),
        lambda data: [maps._item(1, line, {3: 0x1234}) for line in data.split(b"\n")],
        lambda data: [locks._parse(line) for line in data.split(b"\n")],
        lambda _: [list(sysv.rows(kind)) for kind in ("shm", "sem", "msg")],
        lambda data: (dict(counters.pairs(text(data))), dict(counters.singles(text(data)))),
        lambda data: [
            sockets_proc.parse(line, 6, family) for line in text(data).split("\n") for family in (2, 10)
        ],
        lambda data: [unix_sockets.parse_line(line) for line in text(data).split("\n")],
        lambda data: (cgroup._v1(lambda *_: data), cgroup._v2(lambda *_: data)),
        lambda data: procfs.unescape(data),
        resolvconf.parse,
    )

    def run(data: bytes) -> None:
        nonlocal content
        content = data[1:]
        # What collectors take for "it has gone", or for a line that is none.
        with suppress(OSError, ValueError, IndexError):
            readers[data[0] % len(readers) if data else 0](content)

    return run


def _frames() -> Callable[[bytes], object]:
    """The first byte says where the stream is cut into reads."""
    import msgspec

    from podprobe.agents import answers, gathering, reading
    from podprobe_agent import protocol

    hello = msgspec.json.Decoder(answers.Hello).decode

    def run(data: bytes) -> None:
        step = data[0] + 1 if data else 1
        decoder = protocol.FrameDecoder()
        with suppress(protocol.ProtocolError):
            for start in range(1, len(data), step):
                for frame in decoder.feed(data[start : start + step]):
                    with suppress(msgspec.DecodeError, UnicodeDecodeError):
                        _payload(frame)

    def _payload(frame: protocol.Frame) -> None:
        if frame.kind == protocol.HELLO:
            hello(frame.payload)
        elif frame.kind == protocol.END:
            gathering._decode_end(frame.payload)
        elif frame.kind == protocol.ERROR:
            reading._decode_error(frame.payload)
        elif frame.kind == protocol.PART:
            part = reading.decode_part(frame.payload)
            if part.items and part.area in gathering._decode_items:
                gathering._decode_items[part.area](part.items)
            elif part.value and part.area in gathering._decode_value:
                gathering._decode_value[part.area](part.value)

    return run


def _handshake() -> Callable[[bytes], object]:
    from podprobe.agents import bootstrap

    return bootstrap.parse


def _snapshot() -> Callable[[bytes], object]:
    from podprobe.errors import SnapshotError
    from podprobe.model import from_json, to_json

    def run(data: bytes) -> None:
        with suppress(SnapshotError):
            snapshot = from_json(data)
            # What could be read can be written, and is the same again.
            assert from_json(to_json(snapshot)) == snapshot

    return run


def _pcap() -> Callable[[bytes], object]:
    from podprobe.packets.__main__ import analyse
    from podprobe.packets.source import CaptureError

    def run(data: bytes) -> None:
        with suppress(CaptureError):
            analyse(io.BytesIO(data))

    return run


def _redact() -> Callable[[bytes], object]:
    from podprobe_agent.redact import Redactor

    redactor = Redactor()

    def run(data: bytes) -> None:
        arguments = [argument.decode("utf-8", "replace") for argument in data.split(b"\0")]
        assert len(redactor.arguments(arguments)) == len(arguments)
        redactor.text(arguments[0])

    return run


def _filter() -> Callable[[bytes], object]:
    from podprobe.agents.filters import code, grammar

    def run(data: bytes) -> None:
        with suppress(grammar.FilterSyntaxError):
            code.generate(grammar.parse(data.decode("utf-8", "replace")))

    return run


def _dns() -> Callable[[bytes], object]:
    import dns.message

    from podprobe.agents.dns import _parse

    query = dns.message.make_query("web.default.svc.cluster.local.", "A", id=1)

    def run(data: bytes) -> None:
        _parse(query, data)

    return run


# --- what to begin with ------------------------------------------------------------------------------------


def _files(*patterns: str, before: bytes = b"", most: int = 64 << 10) -> Iterator[bytes]:
    for pattern in patterns:
        for path in sorted(DATA.glob(pattern)):
            yield before + path.read_bytes()[:most]


def _datagrams(name: str) -> Iterator[bytes]:
    data = (DATA / "netlink" / name).read_bytes()
    while data:
        size = int.from_bytes(data[:4], "little")
        yield data[4 : 4 + size]
        data = data[4 + size :]


def _inet_seeds() -> Iterator[bytes]:
    for name in ("tcp", "tcp6", "udp"):
        for datagram in _datagrams(name):
            yield datagram
            yield datagram[: int.from_bytes(datagram[:4], "little")]


def _netlink_seeds() -> Iterator[bytes]:
    for name in ("tcp", "unix", "packet", "link", "address"):
        yield b"".join(len(datagram).to_bytes(2, "little") + datagram for datagram in _datagrams(name))


def _procfs_seeds() -> Iterator[bytes]:
    here = Path("/proc/self")
    own = ("stat", "status", "limits", "cgroup", "../stat", "mountinfo", "maps", "../locks", "../sysvipc/shm")
    for number, name in enumerate(own):
        with suppress(OSError):
            yield bytes([number]) + (here / name).read_bytes()[:4096]
    for number, pattern in ((9, "netlink/proc_snmp*"), (9, "netlink/proc_netstat"), (10, "netlink/proc_tcp*"),
                            (11, "netlink/proc_unix")):  # fmt: skip
        yield from _files(pattern, before=bytes([number]), most=4096)
    yield b"\x0cusage_usec 1\nnr_periods 2\ninactive_file 3\nsome avg10=1.53 avg60=0.00 total=9\n"
    yield b"\x0c50000 100000\n"
    yield b"\x0dda\\040ta\\134"
    yield b"\x0enameserver 10.0.0.1\nsearch a b\noptions ndots:5 timeout:2\n"


def _frames_seeds() -> Iterator[bytes]:
    from podprobe_agent import protocol

    part = json.dumps({"area": "unix", "items": [{"kind": "stream", "state": "listen", "inode": 7}]}).encode()
    value = json.dumps({"area": "cgroup", "value": {"version": 2, "pressure": {"cpu_some": 0.5}}}).encode()
    end = json.dumps({"visibility": [{"area": "fds", "level": "partial", "reason": "x"}]}).encode()
    frames = [
        protocol.encode(protocol.HELLO, 0, b'{"protocol": 2, "version": "1"}'),
        protocol.encode(protocol.PART, 1, part),
        protocol.encode(protocol.PART, 1, part * 20, compress=True),
        protocol.encode(protocol.PART, 1, value),
        protocol.encode(protocol.END, 1, end),
        protocol.encode(protocol.ERROR, 1, b'{"message": "no"}'),
        protocol.encode(protocol.BEAT, 0),
    ]
    for step in (0, 6, 255):
        yield bytes([step]) + b"".join(frames)
    for frame in frames:
        yield b"\xff" + frame


def _dns_seeds() -> Iterator[bytes]:
    import dns.message
    import dns.rrset

    query = dns.message.make_query("web.default.svc.cluster.local.", "A", id=1)
    answer = dns.message.make_response(query)
    answer.answer.append(dns.rrset.from_text(query.question[0].name, 5, "IN", "A", "10.0.0.1", "10.0.0.2"))
    yield answer.to_wire()
    yield dns.message.make_response(query).to_wire()


def _lines(*lines: bytes) -> Callable[[], Iterator[bytes]]:
    return lambda: iter(lines)


TARGETS = {
    "inet": Target(_inet, _inet_seeds),
    "netlink": Target(_netlink, _netlink_seeds),
    "procfs": Target(_procfs, _procfs_seeds),
    "frames": Target(_frames, _frames_seeds),
    "handshake": Target(
        _handshake, _lines(b"podprobe-bootstrap 2 x86_64 glibc 3.13 64 cpython-313/f30d0d0a\n")
    ),
    "snapshot": Target(_snapshot, lambda: _files("snapshots/*.json")),
    "pcap": Target(_pcap, lambda: _files("packets/*.pcap", most=300), most_bytes=300),
    "redact": Target(
        _redact,
        _lines(
            b"mysql\0-u\0root\0-pS3cret\0--password=x",
            b"sh\0-c\0TOKEN=abc curl https://a:b@c/",
            b"--key\0AKIA",
        ),
    ),
    "filter": Target(
        _filter, _lines(b"tcp port 5000 and not host 10.0.0.1", b"(udp or icmp6) and portrange 1-9")
    ),
    "dns": Target(_dns, _dns_seeds),
}
