"""Parsers of what the kernel answers, on recordings of known contents and on anything else."""

from __future__ import annotations

import json
import socket
import struct
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podprobe.agents import diag
from podprobe.agents.inet import InetSocket, decode
from podprobe_agent import netlink
from podprobe_agent.collectors import counters, interfaces, packet, sockets, sockets_proc, unix_sockets
from podprobe_agent.collectors.context import Context
from podprobe_agent.output import Rows
from podprobe_agent.protocol import INET_ROW

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = Path(__file__).parents[2] / "data" / "netlink"
KNOWN = json.loads((DATA / "known.json").read_text())
FAMILIES = {"tcp": (2, 6), "tcp6": (10, 6), "udp": (2, 17), "udp6": (10, 17)}


def datagrams(name: str) -> Iterator[bytes]:
    data = (DATA / name).read_bytes()
    while data:
        size = int.from_bytes(data[:4], "little")
        yield data[4 : 4 + size]
        data = data[4 + size :]


def messages(name: str) -> Iterator[tuple[bytes, int, int]]:
    outcome = netlink.Outcome()
    for datagram in datagrams(name):
        for offset, length in netlink.split(datagram, len(datagram), outcome):
            yield datagram, offset, length
    assert outcome.done
    assert not outcome.lost
    assert not outcome.interrupted


def recorded(name: str) -> list[InetSocket]:
    """As whole datagrams, and message by message: both have to say the same."""
    protocol = FAMILIES[name][1]
    one_by_one = [
        diag.Messages(protocol, data[offset : offset + length]) for data, offset, length in messages(name)
    ]
    together = diag.Messages(protocol, b"".join(one.data for one in one_by_one))
    assert diag.check(together.data) == len(one_by_one)
    found = decode(one_by_one)
    assert decode([together]) == found
    return found


def by_inode(found: list[InetSocket]) -> dict[str, InetSocket]:
    names = {inode: name for name, inode in KNOWN.items()}
    return {names[one.inode]: one for one in found if one.inode in names}


def test_tcp() -> None:
    found = by_inode(recorded("tcp"))
    assert set(found) == {"listener", "client", "accepted", "waiting", "mapped", "middle"}
    listener = found["listener"]
    assert (listener.state, listener.local_address, listener.local_port) == ("listen", "127.0.0.1", 5000)
    assert (listener.receive_queue, listener.backlog_limit) == (0, 7)
    client, accepted = found["client"], found["accepted"]
    assert (client.bytes_sent, client.data_segments_out, client.total_retransmits) == (1000, 1, 0)
    assert (accepted.bytes_received, accepted.receive_queue) == (1000, 1000)
    assert (client.local_port, accepted.local_port) == (accepted.remote_port, 5000)
    assert client.rtt_us is not None
    assert client.rtt_us < 100_000
    assert client.send_window is not None
    assert client.cgroup_id == accepted.cgroup_id == listener.cgroup_id == 1
    (waiting,) = [one for one in recorded("tcp") if one.state == "time-wait"]
    assert (waiting.remote_port, waiting.inode, waiting.uid, waiting.timer) == (5000, None, None, "time-wait")
    assert waiting.timer_ms is not None
    assert 50_000 < waiting.timer_ms <= 60_000


def test_tcp6() -> None:
    found = by_inode(recorded("tcp6"))
    assert (found["only"].v6_only, found["only"].local_address) == (True, "::1")
    assert (found["both"].v6_only, found["both"].local_address) == (False, "::")
    assert found["both"].receive_queue == 1


def test_udp() -> None:
    found = by_inode(recorded("udp"))["datagram"]
    assert (found.protocol, found.state, found.local_port, found.drops) == ("udp", "close", 5353, 0)
    assert found.rtt_us is None
    assert recorded("udp6") == []


@pytest.mark.parametrize("table", ["tcp", "tcp6", "udp"])
def test_proc_net_says_the_same(table: str) -> None:
    """The fallback agrees with sock_diag in all that it knows."""
    family, protocol = FAMILIES[table]
    pieces = list(sockets_proc.read(Context(), table, protocol, family, path=f"{DATA}/proc_"))
    common = (
        "protocol",
        "state",
        "local_address",
        "local_port",
        "remote_address",
        "remote_port",
        "uid",
        "inode",
    )

    def keys(found: list[InetSocket]) -> list[tuple[object, ...]]:
        return sorted((tuple(getattr(one, name) for name in common) for one in found), key=repr)

    assert keys(decode(pieces)) == keys(recorded(table))
    assert all(one.backlog_limit is None for one in decode(pieces))
    assert all(one.rtt_us is None and one.cgroup_id is None for one in decode(pieces))


def test_unix() -> None:
    found = {item["inode"]: item for one in messages("unix") if (item := unix_sockets.parse(*one))}
    server, left = found[KNOWN["server"]], found[KNOWN["left"]]
    assert (server["state"], server["path"], server["queue"], server["queue_limit"]) == (
        "listen",
        "@recorded",
        1,
        5,
    )
    assert server["pending"] == [KNOWN["left"]]
    assert (left["state"], left.get("path"), left["peer_inode"]) == ("established", None, None)
    assert set(found) == {KNOWN["server"], KNOWN["left"]}


def test_unix_from_proc() -> None:
    lines = (DATA / "proc_unix").read_text().splitlines()
    found = {item["inode"]: item for line in lines if (item := unix_sockets.parse_line(line))}
    assert set(found) == {KNOWN["server"], KNOWN["left"]}
    server = found[KNOWN["server"]]
    assert (server["kind"], server["state"], server["path"]) == ("stream", "listen", "@recorded")
    assert found[KNOWN["left"]]["state"] == "established"


def test_packet() -> None:
    (found,) = [item for one in messages("packet") if (item := packet.parse(*one))]
    assert (found["protocol"], found["number"], found["address"], found["inode"], found["uid"]) == (
        "packet",
        0x0806,
        "*",
        KNOWN["ethernet"],
        0,
    )


def test_raw_from_proc() -> None:
    (piece,) = sockets_proc.read(Context(), "raw", 255, socket.AF_INET, path=f"{DATA}/proc_")
    (found,) = (packet._raw_item(row[3], None) for row in INET_ROW.iter_unpack(piece))
    assert (found["protocol"], found["number"], found["inode"]) == ("raw", 1, KNOWN["raw"])


def test_links_and_addresses() -> None:
    links = dict(found for one in messages("link") if (found := interfaces.link(*one)))
    assert links[1]["name"] == "lo"
    assert links[1]["mtu"] == 65536
    assert links[1]["up"] is True
    # The traffic of the recording itself: as much received as sent.
    assert links[1]["received_bytes"] == links[1]["sent_bytes"] > 1000
    addresses = [found for one in messages("address") if (found := interfaces.address(*one))]
    assert (1, "127.0.0.1/8") in addresses
    assert (1, "::1/128") in addresses


def test_counters() -> None:
    values = dict(counters.pairs((DATA / "proc_snmp").read_text()))
    values.update(counters.pairs((DATA / "proc_netstat").read_text()))
    values.update(counters.singles((DATA / "proc_snmp6").read_text()))
    assert values["Tcp.ActiveOpens"] == 4
    assert values["Tcp.MaxConn"] == -1
    assert values["TcpExt.ListenOverflows"] == 0
    assert "Ip6.InReceives" in values
    assert "Udp6.InDatagrams" in values
    assert "Icmp6.InMsgs" in values


def test_an_error_of_the_kernels_is_raised() -> None:
    refused = struct.pack("=IHHIIi", 36, 2, 0, 1, 0, -2) + bytes(16)
    with pytest.raises(netlink.NetlinkError) as caught:
        netlink.split(refused, len(refused), netlink.Outcome())
    assert (caught.value.errno, caught.value.strerror) == (2, "No such file or directory")


@pytest.mark.parametrize("number", [-4096, -(1 << 31)])
def test_an_error_that_is_none_is_raised_as_one(number: int) -> None:
    """What the fuzzer found: such a number does not fit what strerror() takes."""
    refused = struct.pack("=IHHIIi", 20, 2, 0, 1, 0, number)
    with pytest.raises(netlink.NetlinkError, match=f"netlink error {number}"):
        netlink.split(refused, len(refused), netlink.Outcome())


def test_interruptions_and_losses_are_told() -> None:
    outcome = netlink.Outcome()
    interrupted = struct.pack("=IHHII", 16, 20, 0x12, 1, 0)
    assert netlink.split(interrupted, 16, outcome) == [(0, 16)]
    assert outcome.interrupted
    cut = struct.pack("=IHHII", 400, 20, 2, 1, 0)
    assert netlink.split(interrupted + cut, 32, outcome) == [(0, 16)]
    assert outcome.lost
    overrun = netlink.Outcome()
    assert netlink.split(struct.pack("=IHHII", 16, 4, 2, 1, 0), 16, overrun) == []
    assert overrun.lost
    with pytest.raises(netlink.NetlinkError, match="3 bytes"):
        netlink.split(struct.pack("=IHHII", 3, 20, 2, 1, 0), 16, outcome)


def test_messages_of_one_length_but_other_attributes_are_told_apart() -> None:
    """The layout learnt from one message must not be used for another that only looks alike."""

    def attribute(kind: int, content: bytes) -> bytes:
        return struct.pack("=HH", 4 + len(content), kind) + content

    body = bytes([2, 1, 0, 0]) + bytes(68)
    shapes = [
        attribute(21, (77).to_bytes(8, "little")) + attribute(15, bytes(4)),
        attribute(15, bytes(4)) + attribute(21, (88).to_bytes(8, "little")),
        attribute(99, bytes(8)) + attribute(15, bytes(4)),
    ]
    data = b"".join(
        struct.pack("=IHHII", 88 + len(shape), 20, 2, 1, 0) + body + shape for shape in shapes * 3
    )
    assert [row[6] for row in diag.rows(diag.Messages(6, data))] == [77, 88, 0] * 3


def test_a_datagram_of_one_kind_is_passed_on_whole_and_any_other_without_its_control_messages() -> None:
    one = struct.pack("=IHHII", 24, 20, 2, 1, 0) + b"sockets!"
    other = struct.pack("=IHHII", 28, 20, 2, 1, 0) + b"more sockets"
    done = struct.pack("=IHHIIi", 20, 3, 2, 1, 0, 0)

    class Socket:
        def __init__(self, *datagrams: bytes) -> None:
            self.datagrams = list(datagrams)

        def sendall(self, _: bytes) -> None: ...

        def recv_into(self, buffer: bytearray, _: int, __: int) -> int:
            datagram = self.datagrams.pop(0)
            buffer[: len(datagram)] = datagram
            return len(datagram)

    outcome = netlink.Outcome()
    sock = Socket(one * 3, one + other, one * 2 + done)
    found = list(netlink.blocks(sock, 20, b"", bytearray(200), outcome))  # type: ignore[arg-type]
    assert found == [(one * 3, 3), (one + other, 2), (one * 2, 2)]
    assert outcome.done
    assert not outcome.interrupted
    interrupted = struct.pack("=IHHII", 24, 20, 0x12, 1, 0) + b"sockets!"
    again = netlink.Outcome()
    assert list(netlink.blocks(Socket(interrupted, done), 20, b"", bytearray(200), again)) == [
        (interrupted, 1)
    ]  # type: ignore[arg-type]
    assert again.interrupted


real = st.sampled_from(
    [next(datagrams(name)) for name in ("tcp", "tcp6", "udp", "unix", "packet", "link", "address")]
)
anything = st.one_of(
    st.binary(max_size=400),
    st.builds(
        lambda data, at, junk: data[: at % len(data)] + junk + data[at % len(data) + len(junk) :],
        real,
        st.integers(0, 1 << 16),
        st.binary(min_size=1, max_size=8),
    ),
    st.builds(lambda data, cut: data[: cut % len(data)], real, st.integers(0, 1 << 16)),
)


@given(anything)
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    found: list[tuple[int, int]] = []

    def everything() -> None:
        found.extend(netlink.split(data, len(data), netlink.Outcome()))
        with suppress(diag.MalformedError):
            decode([diag.Messages(6, b"".join(data[offset : offset + length] for offset, length in found))])
        for offset, length in found:
            for parse in (
                unix_sockets.parse,
                packet.parse,
                packet.parse_raw,
                interfaces.link,
                interfaces.address,
            ):
                parse(data, offset, length)

    with suppress(netlink.NetlinkError):
        everything()
    with suppress(diag.MalformedError):
        count = diag.check(data)
        assert len(list(diag.rows(diag.Messages(6, data)))) == count
        assert len(decode([diag.Messages(6, data)])) <= count
    assert all(0 <= offset <= offset + length <= len(data) for offset, length in found)


@given(st.text(max_size=200))
def test_any_line_is_parsed_or_passed_over(line: str) -> None:
    sockets_proc.parse(line, 6, 2)
    unix_sockets.parse_line(line)
    dict(counters.pairs(line))
    dict(counters.singles(line))


def test_a_nodes_worth_of_sockets_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "_MOST_SOCKETS", 10)
    monkeypatch.setattr(sockets, "_tables", lambda _: iter([Rows(b"", b"", 4)] * 9))
    context = Context()
    context.area = "inet"
    assert len(list(sockets.collect(context))) == 2
    assert [(note["level"], note["reason"][:20]) for note in context.notes] == [
        ("partial", "more than 10 sockets")
    ]
