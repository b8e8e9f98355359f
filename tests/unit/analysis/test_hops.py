"""Who stands in front of whom, and whether requests went through."""

from __future__ import annotations

import msgspec

from podprobe.analysis.hops import Hop, hops, passed_through, price
from podprobe.model import Counters, Flow, Listener, Network, Snapshot
from tests.support.samples import connection_pair, healthy_pod
from tests.unit.analysis.proxies.recorded import judged, recorded

HOP = Hop("nginx", "webapp", "127.0.0.1:80", "127.0.0.1:5000")
LISTENERS = (
    Listener(protocol="tcp", address="0.0.0.0", port=80, container="nginx"),
    Listener(protocol="tcp", address="127.0.0.1", port=8081, container="nginx"),
    Listener(protocol="tcp", address="127.0.0.1", port=5000, container="webapp"),
)


def flow(client: str | None, server: str | None, to: str) -> Flow:
    return Flow(
        scope="loopback",
        from_container=client,
        to_container=server,
        server=to,
        connections=1,
        states={"established": 1},
    )


def pod(*flows: Flow) -> Snapshot:
    return msgspec.structs.replace(healthy_pod(), network=Network(listeners=LISTENERS, flows=flows))


def look(second: int, segments: int, opened: int) -> Snapshot:
    return msgspec.structs.replace(
        healthy_pod(),
        taken_at=f"2026-01-01T00:00:{second:02}Z",
        network=Network(
            connections=connection_pair("nginx", "webapp", 40000, "127.0.0.1:5000", segments=1000 + segments),
            counters=Counters(values={"Tcp.ActiveOpens": opened}),
        ),
    )


def test_a_proxy_listens_and_connects_to_a_sibling() -> None:
    assert hops(pod(flow("nginx", "webapp", "127.0.0.1:5000"))) == (HOP,)


def test_the_front_that_is_used_is_the_front() -> None:
    used = pod(flow("nginx", "webapp", "127.0.0.1:5000"), flow(None, "nginx", "127.0.0.1:8081"))
    assert hops(used)[0].front == "127.0.0.1:8081"


def test_no_hop_without_a_listener_of_its_own_or_a_sibling_behind() -> None:
    assert hops(pod(flow("cron", "webapp", "127.0.0.1:5000"))) == ()
    assert hops(pod(flow("nginx", "nginx", "127.0.0.1:8081"))) == ()
    assert hops(pod(flow("nginx", None, "192.0.2.1:443"))) == ()


def test_requests_seen_on_connections_that_are_kept() -> None:
    # 100 requests: 100 segments each way between nginx and webapp, and podprobe's own 200 connections.
    assert passed_through(look(0, 0, 0), look(1, 0, 0), look(3, 100, 200), HOP, 100) is True


def test_requests_seen_as_connections_that_came_and_went() -> None:
    assert passed_through(look(0, 0, 0), look(1, 0, 0), look(3, 0, 300), HOP, 100) is True


def test_a_proxy_that_answers_by_itself() -> None:
    assert passed_through(look(0, 0, 0), look(1, 0, 0), look(3, 10, 210), HOP, 100) is False


def test_the_pods_own_traffic_is_not_taken_for_the_requests() -> None:
    # 50 segments a second each way before; as many during the two seconds of the requests.
    assert passed_through(look(0, 0, 0), look(1, 50, 10), look(3, 150, 230), HOP, 100) is None


def test_a_price_has_an_interval() -> None:
    pairs = [(500.0 + number % 7, 200.0 + number % 5) for number in range(60)]
    found = price(HOP, pairs, True)
    assert found.pairs == 60
    median = found.differences[0]
    assert median.ratio == 0.5
    assert median.clear
    assert 295 <= median.low <= median.value <= median.high <= 306
    assert price(HOP, [], None).differences == ()


def test_paths_tell_fronts_that_are_used_and_unix_sockets_behind() -> None:
    found = {hop.proxy: (hop.front, hop.back) for hop in hops(judged(recorded("proxied")))}
    assert found == {
        "nginx": ("127.0.0.1:80", "/run/shared/app.sock"),
        "haproxy": ("127.0.0.1:8080", "127.0.0.1:5000"),
        "socat": ("127.0.0.1:9000", "127.0.0.1:5000"),
        "envoy": ("127.0.0.1:10000", "127.0.0.1:5000"),
    }
    assert Hop("nginx", "app", *found["nginx"]).urls("/x") == (
        "http://127.0.0.1:80/x",
        "http+unix://%2Frun%2Fshared%2Fapp.sock/x",
    )


def test_nobody_asks_a_meshs_proxy_in_place_of_the_application() -> None:
    assert all("istio-proxy" not in (hop.proxy, hop.application) for hop in hops(judged(recorded("meshed"))))


def test_behind_a_unix_socket_nothing_counts_requests() -> None:
    hop = Hop("nginx", "webapp", "127.0.0.1:80", "/run/app.sock")
    assert passed_through(look(0, 0, 0), look(1, 0, 0), look(3, 0, 0), hop, 100) is None
