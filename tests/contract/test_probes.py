"""Active probes against real servers of this process."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from podprobe.agents.inet import decode
from podprobe.errors import AgentError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from podprobe.agents.answers import ProbeAnswer
    from podprobe.agents.client import Agent


def probe(agent: Agent, kind: str, to: str, count: int = 3, timeout: float = 2.0) -> ProbeAnswer:
    return agent.probe(kind, to, count=count, interval=0.001, timeout=timeout, root_pid=os.getpid())


def test_tcp_connects_are_counted_by_the_server(agent: Agent) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        answer = probe(agent, "tcp", f"127.0.0.1:{server.getsockname()[1]}", count=20)
        assert len(answer.samples_ns) == 20
        assert answer.errors == {}
        assert all(0 < sample < 2_000_000_000 for sample in answer.samples_ns)
        server.settimeout(2)
        for _ in range(20):
            connection, _ = server.accept()
            with connection:
                # What a server reads is the end of a file, and no reset.
                assert connection.recv(10) == b""
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_many_tcp_connects_leave_a_bounded_number_behind(agent: Agent) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as server:
        port = server.getsockname()[1]

        server.settimeout(0.05)
        over = threading.Event()

        def drain() -> None:
            while not over.is_set():
                with suppress(TimeoutError):
                    server.accept()[0].close()

        thread = threading.Thread(target=drain)
        thread.start()
        answer = probe(agent, "tcp", f"127.0.0.1:{port}", count=1100)
        over.set()
        thread.join()
        assert len(answer.samples_ns) + sum(answer.errors.values()) == 1100
        ours = [one for one in decode(agent.look(["inet"]).inet) if one.remote_port == port]
    waiting = Counter(one.state for one in ours)["time-wait"]
    assert 0 < waiting <= 1000


def test_a_closed_port_is_refused(agent: Agent) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert probe(agent, "tcp", f"127.0.0.1:{port}").errors == {"ECONNREFUSED": 3}


def test_a_full_backlog_times_out(agent: Agent) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        with socket.create_connection(server.getsockname()):
            answer = probe(agent, "tcp", f"127.0.0.1:{server.getsockname()[1]}", count=2, timeout=0.1)
    assert answer.errors == {"ETIMEDOUT": 2}


def test_ipv6_and_names(agent: Agent) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        assert len(probe(agent, "tcp", f"[::1]:{server.getsockname()[1]}").samples_ns) == 3
    with pytest.raises(AgentError, match="does not resolve"):
        probe(agent, "tcp", "no-such-name.invalid:80")
    with pytest.raises(AgentError, match="no HOST:PORT"):
        probe(agent, "tcp", "127.0.0.1")
    assert agent.alive


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_SEQPACKET])
def test_unix_sockets_by_path(agent: Agent, tmp_path: Path, kind: socket.SocketKind) -> None:
    directory = tmp_path / ("d" * 60) / ("e" * 60)
    directory.mkdir(parents=True)
    (tmp_path / "link").symlink_to(directory)
    with socket.socket(socket.AF_UNIX, kind) as server:
        here = os.open(directory, os.O_RDONLY)
        server.bind(f"/proc/self/fd/{here}/s")
        os.close(here)
        server.listen(10)
        assert len(probe(agent, "unix", str(directory / "s")).samples_ns) == 3
        assert len(probe(agent, "unix", str(tmp_path / "link" / "s")).samples_ns) == 3
    assert probe(agent, "unix", str(directory / "s")).errors == {"ECONNREFUSED": 3}
    with pytest.raises(AgentError, match="No such file"):
        probe(agent, "unix", str(directory / "absent"))


def test_unix_sockets_by_abstract_name(agent: Agent) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0podprobe-probe-test")
        server.listen(10)
        assert len(probe(agent, "unix", "@podprobe-probe-test").samples_ns) == 3
    assert probe(agent, "unix", "@podprobe-probe-test").errors == {"ECONNREFUSED": 3}


class Handler(BaseHTTPRequestHandler):
    seen: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.seen.append(f"{self.path} {self.headers['Host']} {self.headers['User-Agent']}")
        self.send_response(200 if self.path.startswith("/ok") else 503)
        self.end_headers()
        self.wfile.write(bytes(100_000))

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def web() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_http_with_its_status(agent: Agent) -> None:
    with web() as host:
        answer = probe(agent, "http", f"http://{host}/ok?x=1#fragment")
        assert (len(answer.samples_ns), answer.statuses, answer.errors) == (3, {"200": 3}, {})
        assert probe(agent, "http", f"http://{host}").statuses == {"503": 3}
        assert Handler.seen[0] == f"/ok?x=1 {host} podprobe"
        assert Handler.seen[3] == f"/ {host} podprobe"
        for url in (
            "https://127.0.0.1/",
            f"http://{host}/a b",
            f"http://{host}/\r\nX: y",
            "http://",
            "127.0.0.1:80",
        ):
            with pytest.raises(AgentError, match=r"http://|percent-encoded"):
                probe(agent, "http", url)


def test_http_over_a_unix_socket(agent: Agent, tmp_path: Path) -> None:
    path = tmp_path / "app 1.sock"

    def serve(server: socket.socket) -> None:
        for _ in range(3):
            with server.accept()[0] as connection:
                asked.append(connection.recv(4096))
                connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    asked: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        answer = probe(agent, "http", f"http+unix://{quote(str(path), safe='')}/live?x=1")
        thread.join(10)
    assert answer.statuses == {"204": 3}
    assert len(answer.samples_ns) == 3
    assert asked[0].startswith(b"GET /live?x=1 HTTP/1.1\r\nHost: localhost\r\n")


@pytest.mark.parametrize("host", ["app.sock", "%2", "%zz", "%2Frun%2F%00"])
def test_http_over_what_is_no_unix_socket(agent: Agent, host: str) -> None:
    with pytest.raises(AgentError, match=r"no path|percent-encoded"):
        probe(agent, "http", f"http+unix://{host}/")


def test_http_to_what_is_no_web_server(agent: Agent) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            for said in (b"SSH-2.0-OpenSSH_9.9\r\n", b""):
                connection, _ = server.accept()
                with connection:
                    connection.recv(1000)
                    connection.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        errors = probe(agent, "http", f"http://127.0.0.1:{server.getsockname()[1]}/", count=2).errors
        thread.join(5)
    assert errors == {"EPROTO": 1, "ECONNRESET": 1}


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("pieces", "then", "found"),
    [
        ([OK], "stall", "ETIMEDOUT"),
        ([bytes([one]) for one in OK], "stall", "ETIMEDOUT"),
        ([OK + b"Content-Length: 5\r\n\r\nab"], "stall", "ETIMEDOUT"),
        ([CHUNKED + b"5\r\nab"], "stall", "ETIMEDOUT"),
        ([CHUNKED + b"5;x=y\r\nabcde\r\n"], "stall", "ETIMEDOUT"),
        ([OK + b"\r\nno length"], "stall", "ETIMEDOUT"),
        ([OK], "close", "EBADMSG"),
        ([OK + b"Content-Length: 5\r\n\r\nab"], "close", "EBADMSG"),
        ([CHUNKED + b"5\r\nab"], "close", "EBADMSG"),
        ([CHUNKED + b"-5\r\nab"], "stall", "EPROTO"),
        ([OK + b"X: " + b"x" * 500_000], "stall", "EPROTO"),
        # The kubelet reads 10 KiB, and minds no more.
        ([OK + b"Content-Length: 99999\r\n\r\n" + bytes(10 << 10)], "stall", "200"),
        ([CHUNKED + b"ffff\r\n" + bytes(10 << 10)], "stall", "200"),
        ([OK + b"\r\n" + bytes(10 << 10)], "stall", "200"),
        # A server that does not close, though it is asked to.
        ([OK + b"content-length: 5\r\n\r\nabcde"], "stall", "200"),
        ([CHUNKED, b"5\r\nab", b"cde\r\n0\r\n", b"\r\n"], "stall", "200"),
        ([b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"], "stall", "304"),
        ([b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTT", b"P/1.1 404 No\r\n\r\n"], "close", "404"),
        ([b"HTTP/1.0 200 OK\n\nlines that end with LF alone"], "close", "200"),
    ],
)
def test_http_is_a_success_where_the_kubelet_takes_it_for_one(
    agent: Agent, pieces: list[bytes], then: str, found: str
) -> None:
    """One time-out for all: connection, headers, the first 10 KiB of the body."""
    over = threading.Event()

    def serve() -> None:
        with server.accept()[0] as connection, suppress(OSError):
            connection.recv(4096)
            for piece in pieces:
                connection.sendall(piece)
                over.wait(0.04)
            if then == "stall":
                over.wait(10)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        begun = time.monotonic()
        answer = probe(agent, "http", f"http://127.0.0.1:{server.getsockname()[1]}/", count=1, timeout=0.5)
        took = time.monotonic() - begun
        over.set()
        thread.join(10)
    assert {**answer.errors, **answer.statuses} == {found: 1}
    assert len(answer.samples_ns) == (1 if found.isdigit() else 0)
    assert took < 2


def test_udp_with_a_reply_with_none_and_closed(agent: Agent) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        to = f"127.0.0.1:{server.getsockname()[1]}"

        def echo() -> None:
            for _ in range(3):
                server.sendto(b"yes", server.recvfrom(100)[1])

        thread = threading.Thread(target=echo)
        thread.start()
        assert len(probe(agent, "udp", to).samples_ns) == 3
        thread.join(5)
        assert probe(agent, "udp", to, count=1, timeout=0.05).errors == {"ETIMEDOUT": 1}
    assert probe(agent, "udp", to, count=1).errors == {"ECONNREFUSED": 1}


def test_a_kind_that_there_is_not(agent: Agent) -> None:
    with pytest.raises(AgentError, match="no probe of kind 'icmp'"):
        probe(agent, "icmp", "127.0.0.1")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"\x00\x00\x06\x04\x00\x00\x00\x00\x00" + b"\x00\x03\x00\x00\x00\x64", None),
        (b"\x00\x00\x00\x04\x00\x00\x00\x00\x00", None),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "EPROTO"),
        (b"\x00\x00\x00\x04\x00\x00\x00\x00\x07", "EPROTO"),
        (b"\x00\x00", "ECONNRESET"),
    ],
)
def test_http2_is_told_by_its_first_frame(agent: Agent, answer: bytes, error: str | None) -> None:
    heard = []

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            heard.append(connection.recv(100))
            # In two pieces: a frame's header need not come at once.
            connection.sendall(answer[:1])
            connection.sendall(answer[1:])
            if error is None:
                heard.append(connection.recv(100))

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        found = probe(agent, "h2", f"127.0.0.1:{server.getsockname()[1]}", count=1)
        thread.join()
    assert heard[0].startswith(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert found.errors == ({error: 1} if error else {})
    assert len(found.samples_ns) == (0 if error else 1)
    if error is None:
        assert heard[1][3] == 7, "it leaves in order, by GOAWAY"


def test_http2_that_drips_is_over_in_time(agent: Agent) -> None:
    def serve() -> None:
        with server.accept()[0] as connection, suppress(OSError):
            for _ in range(8):
                connection.sendall(b"\0")
                time.sleep(0.2)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        begun = time.monotonic()
        found = probe(agent, "h2", f"127.0.0.1:{server.getsockname()[1]}", count=1, timeout=0.5)
        assert time.monotonic() - begun < 1.2
        thread.join()
    assert found.errors == {"ETIMEDOUT": 1}


def test_more_probes_than_an_agent_takes_at_once_wait_for_their_turn(agent: Agent) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        to = f"127.0.0.1:{server.getsockname()[1]}"
        with ThreadPoolExecutor(max_workers=30) as pool:
            answers = list(pool.map(lambda _: probe(agent, "tcp", to, count=3), range(30)))
    assert [len(answer.samples_ns) for answer in answers] == [3] * 30
