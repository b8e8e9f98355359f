"""Captures of this machine's loopback, with a filter for this test's own packets."""

from __future__ import annotations

import io
import os
import signal
import socket
import struct
import time
from typing import TYPE_CHECKING

import pytest

from podprobe.agents.process import ProcessStream
from podprobe.errors import AgentError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.agents.captures import Capture
    from podprobe.agents.client import Agent

Program = list[tuple[int, int, int, int]]


def udp_port(port: int) -> Program:
    """What `tcpdump -d 'ip and udp dst port N'` makes for Ethernet, options in IPv4 headers left aside."""
    return [
        (0x28, 0, 0, 12),  # ether type
        (0x15, 0, 5, 0x0800),
        (0x30, 0, 0, 23),  # protocol
        (0x15, 0, 3, 17),
        (0x28, 0, 0, 36),  # destination port
        (0x15, 0, 1, port),
        (0x06, 0, 0, 262144),
        (0x06, 0, 0, 0),
    ]


@pytest.fixture
def able(agent: Agent) -> Agent:
    if not agent.hello.capture:
        pytest.skip("needs the capability NET_RAW")
    return agent


def packets(pcap: bytes) -> Iterator[tuple[float, int, bytes]]:
    """Time, length on the wire and bytes kept, of a pcap file with nanoseconds."""
    stream = io.BytesIO(pcap)
    assert struct.unpack("<IHHiIII", stream.read(24))[0::6] == (0xA1B23C4D, 1)
    while head := stream.read(16):
        seconds, nanoseconds, kept, length = struct.unpack("<IIII", head)
        yield seconds + nanoseconds / 1e9, length, stream.read(kept)


def send(count: int, receiver: socket.socket, size: int = 300) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        for number in range(count):
            sender.sendto(number.to_bytes(4, "big") + bytes(size - 4), receiver.getsockname())


def begun(capture: Capture) -> bytes:
    """The pcap header: from here on every packet is seen."""
    return next(capture)


def test_every_packet_once_in_order_and_cut_short(able: Agent) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        program = udp_port(receiver.getsockname()[1])
        with able.capture("lo", program, snap_bytes=64, seconds=30) as capture:
            pcap = begun(capture)
            before = time.time()
            send(500, receiver)
            capture.stop()
            pcap += b"".join(capture)
    seen = list(packets(pcap))
    assert (capture.packets, capture.dropped) == (500, 0)
    assert [int.from_bytes(data[42:46], "big") for _, _, data in seen] == list(range(500))
    assert {(length, len(data)) for _, length, data in seen} == {(14 + 20 + 8 + 300, 64)}
    assert all(before - 1 < at < time.time() + 1 for at, _, _ in seen)


def test_what_found_no_room_is_counted(able: Agent) -> None:
    """The agent is stopped while more arrives than its ring holds: what it kept and what it lost add up."""
    stream = able._wire._stream
    assert isinstance(stream, ProcessStream)
    with socket.socket(type=socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        with able.capture("lo", udp_port(receiver.getsockname()[1]), snap_bytes=1500, seconds=30) as capture:
            begun(capture)
            os.kill(stream.pid, signal.SIGSTOP)
            try:
                send(12_000, receiver, size=1000)
            finally:
                os.kill(stream.pid, signal.SIGCONT)
            capture.stop()
            for _ in capture:
                pass
    assert capture.packets is not None
    assert capture.dropped is not None
    assert capture.dropped > 0
    assert capture.packets > 0
    assert capture.packets + capture.dropped == 12_000


def test_it_tells_the_numbers_meanwhile(able: Agent) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        with able.capture("lo", udp_port(receiver.getsockname()[1]), snap_bytes=64, seconds=30) as capture:
            begun(capture)
            assert capture.packets is None
            deadline = time.monotonic() + 10
            while capture.packets is None and time.monotonic() < deadline:
                send(50, receiver)
                next(capture)
            assert capture.packets is not None
            assert capture.packets > 0
            assert capture.dropped == 0


def test_it_ends_by_itself(able: Agent) -> None:
    with able.capture("lo", [(6, 0, 0, 0)], snap_bytes=96, seconds=0.1) as capture:
        assert len(b"".join(capture)) == 24
    assert (capture.packets, capture.dropped) == (0, 0)


def test_leaving_early_ends_it(able: Agent) -> None:
    for _ in range(10):  # more than may be under way at once
        with able.capture("lo", [(6, 0, 0, 0)], snap_bytes=96, seconds=600) as capture:
            begun(capture)
        deadline = time.monotonic() + 5
        while able._wire._exchanges and time.monotonic() < deadline:
            time.sleep(0.02)
    assert able.look(["counters"]).end is not None


def test_no_such_interface_and_no_such_filter(able: Agent) -> None:
    with pytest.raises(AgentError, match="interface nope0: there is none"):
        next(able.capture("nope0", [], snap_bytes=96, seconds=1))
    for program in ([(1, 2, 3, 4)], [(6, 0, 0, -1)], [(0x15, 9, 9, 9), (6, 0, 0, 0)]):
        with pytest.raises(AgentError, match="filter"):
            next(able.capture("lo", program, snap_bytes=96, seconds=1))
