"""Sockets of this very process, through the agent and the decoder: what the kernel says must be what we did."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podprobe.agents.inet import InetSocket, decode
from podprobe_agent.protocol import INET_ROW, ROW_V6ONLY, ROW_V6ONLY_KNOWN

if TYPE_CHECKING:
    from podprobe.agents.client import Agent


def find(agent: Agent, one: socket.socket) -> InetSocket:
    inode = os.fstat(one.fileno()).st_ino
    (found,) = [s for s in decode(agent.look(["inet"]).inet) if s.inode == inode]
    return found


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_connection_with_its_traffic(agent: Agent, family: socket.AddressFamily, address: str) -> None:
    with socket.create_server((address, 0), family=family, backlog=7) as server:
        listener = find(agent, server)
        assert (listener.state, listener.local_address, listener.remote_port) == ("listen", address, 0)
        assert (listener.local_port, listener.receive_queue, listener.send_queue) == (
            server.getsockname()[1],
            0,
            7,
        )
        assert listener.rtt_us is None
        with socket.create_connection((address, listener.local_port)) as client:
            assert find(agent, server).receive_queue == 1
            accepted, _ = server.accept()
            with accepted:
                client.sendall(bytes(12_345))
                accepted.sendall(bytes(17))
                assert len(client.recv(100)) == 17
                ours, theirs = find(agent, client), find(agent, accepted)
    assert (ours.state, ours.uid, ours.protocol) == ("established", os.getuid(), "tcp")
    assert (ours.local_port, ours.remote_port) == (theirs.remote_port, theirs.local_port)
    assert (ours.bytes_sent, ours.bytes_received, ours.send_queue) == (12_345, 17, 0)
    assert (theirs.bytes_received, theirs.receive_queue) == (12_345, 12_345)
    assert ours.rtt_us is not None
    assert 0 < ours.rtt_us < 1_000_000
    assert ours.total_retransmits == 0
    assert ours.data_segments_out is not None
    assert ours.data_segments_out >= 1
    assert ours.send_window is not None
    assert ours.send_window > 0
    assert ours.cookie != theirs.cookie


def test_v6_only_is_told_apart(agent: Agent) -> None:
    with socket.socket(socket.AF_INET6) as only, socket.socket(socket.AF_INET6) as both:
        for one, value in ((only, 1), (both, 0)):
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, value)
            one.bind(("::", 0))
            one.listen()
        assert find(agent, only).v6_only is True
        assert find(agent, both).v6_only is False


def test_a_mapped_address_keeps_its_form(agent: Agent) -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            accepted, _ = server.accept()
            with accepted:
                assert find(agent, accepted).local_address == "::ffff:127.0.0.1"


def test_a_udp_socket_with_its_drops(agent: Agent) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as receiver, socket.socket(type=socket.SOCK_DGRAM) as sender:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        receiver.bind(("127.0.0.1", 0))
        for _ in range(100):
            sender.sendto(bytes(1000), receiver.getsockname())
        seen = find(agent, receiver)
    assert (seen.protocol, seen.state, seen.local_address) == ("udp", "close", "127.0.0.1")
    assert seen.drops is not None
    assert 0 < seen.drops < 100
    assert seen.receive_queue > 0


def test_time_wait_has_no_owner(agent: Agent) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        client.close()
        accepted.recv(1)
        accepted.close()
        (waiting,) = [s for s in decode(agent.look(["inet"]).inet) if s.remote_port == port]
    assert (waiting.state, waiting.timer, waiting.inode, waiting.uid) == (
        "time-wait",
        "time-wait",
        None,
        None,
    )
    assert waiting.rtt_us is None


def row(told: int, info: bytes = b"\xff" * 232, state: int = 1, family: int = 2, flags: int = 0) -> bytes:
    message = bytes([family, state, 0, 0]) + b"\x1f\x90\x00\x50" + bytes(64)
    return INET_ROW.pack(6, told, flags, message, bytes(36), info, 0)


def test_what_the_kernel_did_not_fill_is_absent() -> None:
    (old,) = decode([row(104)])
    assert old.total_retransmits == 0xFFFFFFFF
    assert (old.bytes_acked, old.segments_out, old.busy_us, old.bytes_sent, old.send_window) == (None,) * 5
    (newer,) = decode([row(231)])
    assert newer.bytes_sent is not None
    assert newer.send_window is None
    assert [decode([row(told)])[0].dsack_dups for told in (216, 219, 220)] == [None, None, 0xFFFFFFFF]
    (bare,) = decode([row(0)])
    assert (bare.rtt_us, bare.rto_us, bare.local_port, bare.remote_port) == (None, None, 8080, 80)


def test_the_same_socket_twice_comes_once() -> None:
    first, second = bytearray(row(0)), bytearray(row(0, state=6))
    first[48:56] = second[48:56] = (77).to_bytes(8, "little")
    (only,) = decode([bytes(first), bytes(second)])
    assert (only.cookie, only.state) == (77, "time-wait")


def test_flags() -> None:
    assert [
        s.v6_only
        for s in decode([row(0, flags=f) for f in (0, ROW_V6ONLY_KNOWN, ROW_V6ONLY_KNOWN | ROW_V6ONLY)])
    ] == [
        None,
        False,
        True,
    ]


@given(st.lists(st.binary(max_size=1500), max_size=4), st.booleans())
def test_any_bytes_decode(pieces: list[bytes], plausible: bool) -> None:
    if plausible:
        pieces = [row(232, (piece + bytes(232))[:232]) + piece for piece in pieces]
    for one in decode(pieces):
        assert one.protocol in ("tcp", "udp")
        assert 0 <= one.local_port < 65536
