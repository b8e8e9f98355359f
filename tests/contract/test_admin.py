"""What an agent asks of a proxy's administration port, and what it takes for an answer."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from podprobe.analysis.proxies.admin import admin
from podprobe.errors import AgentError
from podprobe_agent import http1

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.agents.client import Agent

DESCRIBED = {"version": "9" * 40 + "/1.40.0/Clean/RELEASE/BoringSSL", "state": "LIVE", "uptime_current_epoch": "61s",
             "command_line_options": {"config_yaml": "password: hunter2"}}  # fmt: skip


@contextmanager
def serving(answers: dict[str, bytes | int]) -> Iterator[tuple[str, list[str]]]:
    """A server on loopback that answers paths with bodies or statuses; yields its address and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append(f"{self.command} {self.path}")
            answer = answers.get(self.path.partition("?")[0], 404)
            status, body = (200, answer) if isinstance(answer, bytes) else (answer, b"")
            self.send_response(status)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for at in range(0, len(body), 1000):
                piece = body[at : at + 1000]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def test_three_reads_and_nothing_else_are_asked(agent: Agent) -> None:
    clusters = json.dumps({"cluster_statuses": [{"name": "x" * 3000}]}).encode()
    with serving(
        {"/server_info": json.dumps(DESCRIBED).encode(), "/clusters": clusters, "/stats": b"{}"}
    ) as (to, asked):
        pieces = agent.admin(to, timeout=5)
    assert [each.partition("?")[0] for each in asked] == ["GET /server_info", "GET /clusters", "GET /stats"]
    assert pieces["clusters"].text == clusters.decode(), "put together from its chunks"
    found = admin(to, pieces)
    assert (found.version, found.state, found.uptime_seconds, found.error) == ("1.40.0", "LIVE", 61, None)


def test_the_configuration_on_its_command_line_stays_in_the_pod(agent: Agent) -> None:
    with serving({"/server_info": json.dumps(DESCRIBED).encode()}) as (to, _):
        assert "hunter2" not in str(agent.admin(to, timeout=5))


@pytest.mark.parametrize("body", [b"<html>shop</html>", b"{}", b"[]", b"", b'{"version": 1, "state": "x"}'])
def test_who_is_no_envoy_is_asked_once(agent: Agent, body: bytes) -> None:
    with serving({"/server_info": body, "/clusters": b"{}"}) as (to, asked):
        pieces = agent.admin(to, timeout=5)
    assert len(asked) == 1
    assert pieces["server_info"].text is None
    assert pieces["server_info"].error
    assert admin(to, pieces).version is None


def test_an_answer_without_end_is_cut_off(agent: Agent) -> None:
    large = b"x" * (4 << 20)
    with serving({"/server_info": json.dumps(DESCRIBED).encode(), "/clusters": large, "/stats": b"{}"}) as (
        to,
        _,
    ):
        found = admin(to, agent.admin(to, timeout=5))
    assert found.version == "1.40.0"
    assert found.error is not None
    assert "clusters: its answer is larger than" in found.error


def test_chunks_of_a_byte_cost_the_pod_little() -> None:
    """It is walked through once: to copy the rest for every chunk took 12 s of the Pod's CPU."""
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nX\r\n" * 130_000 + b"0\r\n\r\n"
    ours, theirs = socket.socketpair()
    with ours, theirs:
        thread = threading.Thread(target=theirs.sendall, args=(answer,))
        thread.start()
        before = time.thread_time()
        found = http1.read(ours, time.monotonic() + 30, 768 << 10)
        thread.join()
    assert (found.status, found.body, found.whole) == ("200", b"X" * 130_000, True)
    assert time.thread_time() - before < 2


def test_a_refusal_and_a_silence_are_told(agent: Agent) -> None:
    with serving({"/server_info": 403}) as (to, _):
        assert "403" in (admin(to, agent.admin(to, timeout=5)).error or "")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        to = f"127.0.0.1:{silent.getsockname()[1]}"
        assert "time" in (admin(to, agent.admin(to, timeout=0.3)).error or "")
    assert "refused" in (admin(to, agent.admin(to, timeout=5)).error or "").lower()


@pytest.mark.parametrize(
    "to",
    [
        "10.0.0.1:15000",
        "example.com:80",
        "127.example.com:15000",
        "127.1:15000",
        "[::2]:80",
        "127.0.0.1:99999",
        "127.0.0.1",
        "0.0.0.0:15000",
    ],
)
def test_only_loopback_is_asked(agent: Agent, to: str) -> None:
    with pytest.raises(AgentError, match="no port on loopback"):
        agent.admin(to, timeout=1)
