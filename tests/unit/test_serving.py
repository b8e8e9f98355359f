"""Metrics and health over real HTTP."""

from __future__ import annotations

import http.client
import socket
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from podprobe.errors import UsageError
from podprobe.report.prometheus import Metrics
from podprobe.serving import Server, parse_address
from tests.support.samples import troubled_pod

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def server(metrics: Metrics) -> Iterator[Server]:
    with Server(("127.0.0.1", 0), metrics, stale_seconds=60) as server:
        yield server


def _get(server: Server, path: str, method: str = "GET", **headers: str) -> tuple[int, str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    found = answer.status, answer.headers["Content-Type"], answer.read().decode()
    connection.close()
    return found


def test_the_last_look_is_served(server: Server, metrics: Metrics) -> None:
    assert _get(server, "/metrics")[2] == ""
    metrics.add(troubled_pod())
    status, kind, text = _get(server, "/metrics?x=1")
    assert (status, kind.partition(";")[0]) == (200, "text/plain")
    names = {family.name for family in text_string_to_metric_families(text)}
    assert {"podprobe_up", "podprobe_findings", "podprobe_flow_rtt_seconds"} <= names


def test_openmetrics_where_it_is_asked_for(server: Server, metrics: Metrics) -> None:
    metrics.add(troubled_pod())
    _, kind, text = _get(server, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")


def test_health_follows_the_looks(server: Server) -> None:
    assert _get(server, "/healthz")[::2] == (503, "no look yet\n")
    server.looked()
    assert _get(server, "/healthz")[::2] == (200, "ok\n")
    server.looked("agent lost")
    assert _get(server, "/healthz")[0] == 200, "one failed look is no outage"


def test_health_ends_when_no_look_succeeds_any_more() -> None:
    with Server(("127.0.0.1", 0), Metrics(), stale_seconds=0) as server:
        server.looked()
        server.looked("agent lost")
        status, _, text = _get(server, "/healthz")
        assert status == 503
        assert "agent lost" in text


def test_other_paths_and_methods(server: Server) -> None:
    assert _get(server, "/")[0] == 404
    assert _get(server, "/healthz", "HEAD")[2] == ""
    assert _get(server, "/metrics", "POST")[0] == 501


def test_a_client_that_sends_rubbish_or_nothing_stops_nobody(server: Server) -> None:
    silent = socket.create_connection(("127.0.0.1", server.port))
    rude = socket.create_connection(("127.0.0.1", server.port))
    rude.sendall(b"\x00\xff\r\n\r\n")
    assert _get(server, "/healthz")[0] == 503
    silent.close()
    rude.close()


def test_a_taken_port_is_told(server: Server) -> None:
    with pytest.raises(UsageError, match="cannot listen"):
        Server(("127.0.0.1", server.port), Metrics(), stale_seconds=1)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (":9477", ("127.0.0.1", 9477)),
        ("0.0.0.0:1", ("0.0.0.0", 1)),
        ("[::1]:80", ("::1", 80)),
        ("localhost:0", ("localhost", 0)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "9477", ":", ":x", ":70000", "host"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError):
        parse_address(text)
