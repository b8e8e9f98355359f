"""Every kind of capture file reads the same, and none of them can break the reader."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podprobe.model.capture import Capture
from podprobe.packets import source
from podprobe.packets.__main__ import analyse

DATA = Path(__file__).parents[2] / "data" / "packets"
ETHERNET_BYTES = 14


def records(name: str) -> list[tuple[int, bytes, int]]:
    """(microseconds, frame, length on the wire) of a recorded capture, by its format's definition."""
    raw = (DATA / f"{name}.pcap").read_bytes()
    found, offset = [], 24
    while offset < len(raw):
        seconds, micros, captured, wire = struct.unpack_from("<IIII", raw, offset)
        found.append((seconds * 1_000_000 + micros, raw[offset + 16 : offset + 16 + captured], wire))
        offset += 16 + captured
    return found


def pcap(
    name: str, link: int, header: bytes, order: str = "<", nano: bool = False, strip: int = ETHERNET_BYTES
) -> bytes:
    """The recorded capture again, as another kind of link, byte order or resolution."""
    out = [struct.pack(order + "IHHIIII", 0xA1B23C4D if nano else 0xA1B2C3D4, 2, 4, 0, 0, 262144, link)]
    for micros, frame, wire in records(name):
        changed = header + frame[strip:]
        seconds, rest = divmod(micros, 1_000_000)
        size = wire - strip + len(header)
        out += [
            struct.pack(order + "IIII", seconds, rest * 1000 if nano else rest, len(changed), size),
            changed,
        ]
    return b"".join(out)


def pcapng(name: str, order: str, *links: int) -> bytes:
    def block(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        return (
            struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)
        )

    out = [block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))]
    links = links or (1,)
    out += [block(1, struct.pack(order + "HHI", link, 0, 262144)) for link in links]
    for number, (micros, frame, wire) in enumerate(records(name)):
        head = struct.pack(
            order + "IIIII", number % len(links), micros >> 32, micros & 0xFFFFFFFF, len(frame), wire
        )
        out.append(block(6, head + frame + bytes(-len(frame) % 4)))
    return b"".join(out)


def flows(raw: bytes) -> Capture:
    """What a capture says, without the number of bytes, which links count differently."""
    return msgspec.structs.replace(analyse(io.BytesIO(raw)), bytes=0)


V6 = b"\x86\xdd"
KINDS = {
    "big endian": lambda: pcap("stalls", 1, b"", ">", strip=0),
    "nanoseconds": lambda: pcap("stalls", 1, b"", nano=True, strip=0),
    "nanoseconds, big endian": lambda: pcap("stalls", 1, b"", ">", nano=True, strip=0),
    "pcapng": lambda: pcapng("stalls", "<"),
    "pcapng, big endian": lambda: pcapng("stalls", ">"),
    "Ethernet with VLAN": lambda: pcap("stalls", 1, bytes(12) + b"\x81\x00\x00\x07" + V6),
    "Linux cooked": lambda: pcap("stalls", 113, struct.pack("!HHH8s", 0, 772, 6, b"") + V6),
    "Linux cooked v2": lambda: pcap("stalls", 276, V6 + struct.pack("!HIHBB8s", 0, 1, 772, 0, 6, b"")),
    "raw IP": lambda: pcap("stalls", 101, b""),
    "raw IP, BSD number": lambda: pcap("stalls", 12, b""),
    "raw IPv6": lambda: pcap("stalls", 229, b""),
    "BSD loopback": lambda: pcap("stalls", 0, struct.pack("<I", 30)),
    "BSD loopback, big endian": lambda: pcap("stalls", 0, struct.pack(">I", 30), ">"),
    "OpenBSD loopback": lambda: pcap("stalls", 108, struct.pack(">I", 24)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_and_link(kind: str) -> None:
    assert flows(KINDS[kind]()) == flows((DATA / "stalls.pcap").read_bytes())


def test_payload_that_was_not_captured_counts() -> None:
    """Headers are enough: lengths come from them."""
    whole = analyse(io.BytesIO((DATA / "bulk.pcap").read_bytes()))
    out = [(DATA / "bulk.pcap").read_bytes()[:24]]
    for micros, frame, wire in records("bulk"):
        out += [struct.pack("<IIII", *divmod(micros, 1_000_000), 86, wire), frame[:86].ljust(86, b"\0")]
    assert whole.totals.bytes > 4_000_000
    assert analyse(io.BytesIO(b"".join(out))).flows == whole.flows


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xd4\xc3",
        b"GET / HTTP/1.1\r\n\r\n" * 9,
        b"\xd4\xc3\xb2\xa1" + bytes(5),
        b"\x1f\x8b" + bytes(60),
    ],
)
def test_no_capture(raw: bytes) -> None:
    with pytest.raises(source.CaptureError, match="the capture is no capture"):
        analyse(io.BytesIO(raw))


def test_unknown_link() -> None:
    with pytest.raises(source.CaptureError, match="link type 127"):
        analyse(io.BytesIO(pcap("idles", 127, b"")))
    with pytest.raises(source.CaptureError, match="link type 127"):
        analyse(io.BytesIO(pcapng("idles", "<", 127)))


def test_packets_of_an_unknown_link_among_others_are_counted_apart() -> None:
    capture = analyse(io.BytesIO(pcapng("idles", "<", 1, 127)))
    assert (capture.packets, capture.unknown_links, capture.not_ip) == (22, 11, 0)


def test_cut_short_says_so_and_keeps_what_came_before() -> None:
    raw = (DATA / "idles.pcap").read_bytes()
    for cut in (1, 10, 40, 90):
        capture = analyse(io.BytesIO(raw[:-cut]))
        assert capture.cut_short is not None
        assert 18 <= capture.packets <= 21
    assert analyse(io.BytesIO(raw)).cut_short is None


def test_a_record_that_is_none() -> None:
    raw = (DATA / "idles.pcap").read_bytes() + struct.pack("<IIII", 0, 0, 2**32 - 1, 64) + b"rubbish"
    capture = analyse(io.BytesIO(raw))
    assert capture.packets == 22
    assert "packet 22" in str(capture.cut_short)


def test_other_packets_are_counted() -> None:
    frames = [
        bytes(12) + b"\x08\x06" + bytes(28),  # ARP
        bytes(12) + b"\x08\x00" + bytes.fromhex("4500001c000000004001000001020304") + bytes(12),  # ICMP
        bytes(12) + b"\x08\x00" + bytes.fromhex("4500001c000020004006000001020304") + bytes(12),  # a first fragment
        bytes(12) + b"\x08\x00" + bytes.fromhex("4500001c000000004006000001020304") + bytes(6),  # TCP, cut
        bytes(12) + b"\x08\x00" + bytes.fromhex("4500001f000000004011000001020304") + bytes(4)
        + struct.pack("!HHHH", 5353, 53, 11, 0) + b"abc",
    ]  # fmt: skip
    raw = (DATA / "idles.pcap").read_bytes()[:24]
    raw += b"".join(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame for frame in frames)
    capture = analyse(io.BytesIO(raw))
    counted = (
        capture.not_ip,
        capture.other_protocols,
        capture.fragments,
        capture.malformed,
        capture.flow_count,
    )
    assert counted == (1, 1, 1, 1, 1)
    assert capture.flows[0].protocol == "udp"
    assert capture.flows[0].from_client.bytes == 3


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(["idles", "resets"]), st.booleans(), st.data())
def test_corruption_never_breaks_the_reader(name: str, next_generation: bool, data: st.DataObject) -> None:
    raw = bytearray(pcapng(name, "<") if next_generation else (DATA / f"{name}.pcap").read_bytes())
    for _ in range(data.draw(st.integers(1, 12))):
        place = data.draw(st.integers(0, len(raw) - 1))
        match data.draw(st.integers(0, 2)):
            case 0:
                raw[place] = data.draw(st.integers(0, 255))
            case 1:
                del raw[place : place + data.draw(st.integers(1, 20))]
            case _:
                raw[place:place] = data.draw(st.binary(max_size=20))
    try:
        capture = analyse(io.BytesIO(bytes(raw)))
    except source.CaptureError:
        return
    assert msgspec.json.decode(msgspec.json.encode(capture), type=Capture) == capture


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([0, 1, 101, 113, 276]), st.lists(st.binary(max_size=120), max_size=8))
def test_rubbish_in_packets(link: int, frames: list[bytes]) -> None:
    raw = struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link)
    raw += b"".join(struct.pack("<IIII", 1, 2, len(frame), len(frame)) + frame for frame in frames)
    capture = analyse(io.BytesIO(raw))
    assert capture.packets == len(frames)


def test_as_a_process() -> None:
    """As the client runs it: JSON on stdout whatever happens, nothing on stderr."""

    def run(raw: bytes) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "podprobe.packets"], input=raw, capture_output=True, check=False
        )

    good = run((DATA / "resets.pcap").read_bytes())
    assert (good.returncode, good.stderr) == (0, b"")
    assert json.loads(good.stdout)["totals"]["resets"] == 4
    bad = run(b"no capture")
    assert (bad.returncode, bad.stderr) == (1, b"")
    assert set(json.loads(bad.stdout)) == {"error", "hint"}


def test_a_header_that_tells_of_frame_checksums() -> None:
    """The four bits above the kind of link are the checksum's length, the fifth says that they count."""
    import io
    import struct

    from podprobe.packets.__main__ import analyse

    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 0x24000001)
    assert analyse(io.BytesIO(header)).packets == 0


def test_no_packet_is_longer_than_what_was_on_the_wire() -> None:
    """Whatever its IP header claims: a capture that says so is corrupt, and counts no bytes that never were."""
    lying = bytearray(pcap("stalls", 1, b"", strip=0))
    at = 24
    while at < len(lying):
        (captured,) = struct.unpack_from("<I", lying, at + 8)
        struct.pack_into(">H", lying, at + 16 + ETHERNET_BYTES + 2, 60_000)
        at += 16 + captured
    honest = analyse(io.BytesIO(pcap("stalls", 1, b"", strip=0)))
    told = analyse(io.BytesIO(bytes(lying)))
    assert told.packets == honest.packets
    assert told.totals.bytes == honest.totals.bytes
