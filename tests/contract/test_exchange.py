"""Messages that an agent carries to name servers: real sockets, and what it refuses to carry."""

from __future__ import annotations

import base64
import os
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from podprobe.agents.answers import DnsValue
from podprobe.errors import AgentError
from podprobe_agent import exchange, resolvconf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from podprobe.agents.client import Agent

QUESTION = b"\x12\x34" + b"question.."
OTHER = b"\x43\x21" + b"question.."


@contextmanager
def udp(answer: Callable[[bytes], list[bytes]]) -> Iterator[tuple[int, list[bytes]]]:
    """A server that says what `answer` makes of each datagram; its port, and what it was sent."""
    heard: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                data, peer = server.recvfrom(1024)
                if not data:
                    return
                heard.append(data)
                for reply in answer(data):
                    server.sendto(reply, peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1], heard
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", server.getsockname())
            thread.join()


def carry(
    port: int,
    payloads: Sequence[bytes] = (QUESTION,),
    sends: Sequence[tuple[float, int]] = ((0.0, 0),),
    seconds: float = 1.0,
    servers: Sequence[str] = ("127.0.0.1",),
    how: Any = exchange.over_udp,
) -> dict[str, Any]:
    return dict(how(servers, payloads, sends, seconds, threading.Event(), port))


def test_each_payload_gets_its_own_reply() -> None:
    with udp(lambda data: [data[:2] + b"answer"]) as (port, heard):
        value = carry(port, (QUESTION, OTHER))
    assert sorted(heard) == sorted((QUESTION, OTHER))
    assert value["sent"] == [1, 1]
    told = {reply["payload"]: base64.b64decode(reply["data"]) for reply in value["replies"]}
    assert told == {0: QUESTION[:2] + b"answer", 1: OTHER[:2] + b"answer"}
    assert all(0 < reply["time_us"] < 1_000_000 for reply in value["replies"])


def test_a_reply_to_something_else_is_not_waited_with() -> None:
    with udp(lambda data: [b"xx stray", data[:2] + b"answer"]) as (port, _):
        value = carry(port)
    assert len(value["replies"]) == 1


def test_silence_is_sent_to_again_and_a_late_answer_counts() -> None:
    def late(data: bytes) -> list[bytes]:
        time.sleep(0.15)
        return [data[:2] + b"answer"]

    with udp(late) as (port, heard):
        value = carry(port, sends=((0.0, 0), (0.05, 0), (5.0, 0)))
    assert value["sent"] == [2]
    assert len(heard) == 2
    assert len(value["replies"]) == 1
    assert value["replies"][0]["time_us"] >= 150_000


def test_a_silent_server_takes_no_longer_than_was_said() -> None:
    with udp(lambda _: []) as (port, _):
        began = time.monotonic()
        value = carry(port, seconds=0.2)
        assert time.monotonic() - began >= 0.2
    assert value == {"replies": [], "errors": {}, "sent": [1]}


def test_a_closed_port_is_told_at_once_and_the_next_server_is_not_waited_for() -> None:
    with udp(lambda data: [data[:2] + b"answer"]) as (port, _):
        # Nothing listens at 127.0.0.2, but the kernel says so only on a socket of its own.
        value = carry(port, sends=((0.0, 0), (4.0, 1)), servers=("127.0.0.2", "127.0.0.1"), seconds=5.0)
    assert value["errors"] == {"127.0.0.2": "ECONNREFUSED"}
    assert value["replies"][0]["server"] == 1
    assert value["replies"][0]["time_us"] < 3_000_000


def test_over_a_connection_messages_are_framed() -> None:
    whole = b"\x12\x34" + b"y" * 3000
    heard = []

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            heard.append(connection.recv(1024))
            framed = len(whole).to_bytes(2, "big") + whole
            connection.sendall(framed[:1])
            connection.sendall(framed[1:])

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        value = carry(server.getsockname()[1], how=exchange.over_tcp)
        thread.join()
    assert heard == [len(QUESTION).to_bytes(2, "big") + QUESTION]
    assert base64.b64decode(value["replies"][0]["data"]) == whole


def test_a_connection_that_ends_early_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: server.accept()[0].close())
        thread.start()
        value = carry(server.getsockname()[1], how=exchange.over_tcp)
        thread.join()
    assert value["replies"] == []
    assert value["errors"] == {"127.0.0.1": "ECONNRESET"}


def test_only_name_servers_of_resolv_conf_are_sent_to(agent: Agent) -> None:
    settings = resolvconf.read_own()
    assert "192.0.2.53" not in settings.servers
    with pytest.raises(AgentError, match="no name server of the container's resolv"):
        agent.exchange(["192.0.2.53"], [QUESTION], [(0.0, 0)], seconds=0.1, root_pid=os.getpid())


@pytest.mark.parametrize(
    ("payloads", "sends", "reason"),
    [
        ([], [(0.0, 0)], "too many, or none"),
        ([QUESTION], [], "too many, or none"),
        ([bytes([n]) + QUESTION for n in range(5)], [(0.0, 0)], "too many, or none"),
        ([QUESTION], [(0.0, 0)] * 25, "too many, or none"),
        ([b"short"], [(0.0, 0)], "12 to 512 bytes"),
        ([QUESTION * 50], [(0.0, 0)], "12 to 512 bytes"),
        ([QUESTION, QUESTION], [(0.0, 0)], "begin with the same two bytes"),
        ([QUESTION], [(0.0, 1)], "none of those named"),
        ([QUESTION], [(0.0, -1)], "none of those named"),
    ],
)
def test_what_is_too_much_is_refused(
    agent: Agent, payloads: list[bytes], sends: list[tuple[float, int]], reason: str
) -> None:
    with pytest.raises(AgentError, match=reason):
        agent.exchange([], payloads, sends, seconds=0.1, root_pid=os.getpid())


def test_the_settings_are_those_of_the_containers_files(agent: Agent) -> None:
    value = agent.look(["dns"], root_pid=os.getpid()).values["dns"]
    assert isinstance(value, DnsValue)
    assert list(value.servers) == resolvconf.read_own().servers
    assert list(value.search) == resolvconf.read_own().search
    assert value.library in ("glibc", "musl")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", ([], [], [])),
        (b"# nameserver 192.0.2.1\n; nameserver 192.0.2.1\n", ([], [], [])),
        (b"nameserver 10.0.0.1\nnameserver fe80::1%eth0\n", (["10.0.0.1", "fe80::1%eth0"], [], [])),
        (b"nameserver dns.example\nnameserver 10.0.0.1%eth0\nnameserver\n", ([], [], [])),
        (b"domain a.example\nsearch b.example c.example\n", ([], ["b.example", "c.example"], [])),
        (b"search b.example\ndomain a.example\n", ([], ["a.example"], [])),
        (b"options ndots:5\noptions rotate  timeout:1\n", ([], [], ["ndots:5", "rotate", "timeout:1"])),
        (b"search \xff\x00evil\n", ([], ["�\x00evil"], [])),
        (b"search " + b"x" * 9000, ([], ["x" * 255], [])),
    ],
)
def test_resolv_conf_is_read_as_the_libraries_do(text: bytes, expected: tuple[list[str], ...]) -> None:
    assert tuple(resolvconf.parse(text)) == expected


def test_a_resolv_conf_that_is_no_file_is_refused(tmp_path: Path) -> None:
    from podprobe_agent import inroot

    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="not a regular file"):
        inroot.read_file(os.getpid(), os.fsencode(tmp_path / "fifo"), 100)
    (tmp_path / "link").symlink_to("/etc/hostname")
    assert inroot.read_file(os.getpid(), os.fsencode(tmp_path / "link"), 100)
