"""Flows of a capture get the names of the containers at their ends."""

from __future__ import annotations

import msgspec

from podprobe.analysis.captured import with_containers
from podprobe.model import Interface, Listener, Network
from podprobe.model.capture import Capture, CapturedFlow, Sent
from tests.support.samples import connection_pair, healthy_pod


def flow(client: str, server: str, protocol: str = "tcp") -> CapturedFlow:
    return CapturedFlow(
        protocol="udp" if protocol == "udp" else "tcp", client=client, server=server, started_us=0, duration_us=1,
        from_client=Sent(), from_server=Sent(),
    )  # fmt: skip


def named(*flows: CapturedFlow) -> list[tuple[str | None, str | None]]:
    snapshot = msgspec.structs.replace(
        healthy_pod(),
        network=Network(
            interfaces=(Interface(name="eth0", addresses=("10.244.1.17/24", "fd00::17/64")),),
            listeners=(
                Listener(protocol="tcp", address="0.0.0.0", port=80, container="nginx"),
                Listener(protocol="tcp", address="::", port=8080, container="envoy"),
                Listener(protocol="tcp", address="127.0.0.1", port=5000, container="webapp"),
                Listener(protocol="udp", address="127.0.0.1", port=53, container="dns"),
            ),
            connections=connection_pair("nginx", "webapp", 40000, "127.0.0.1:5000"),
        ),
    )
    capture = with_containers(Capture(flows=flows), snapshot)
    return [(found.from_container, found.to_container) for found in capture.flows]


def test_a_connection_that_lived() -> None:
    assert named(flow("127.0.0.1:40000", "127.0.0.1:5000")) == [("nginx", "webapp")]


def test_one_that_came_and_went_is_known_by_its_listener() -> None:
    assert named(flow("127.0.0.1:41111", "127.0.0.1:5000")) == [(None, "webapp")]
    assert named(flow("127.0.0.1:41111", "127.0.0.1:53", "udp")) == [(None, "dns")]
    assert named(flow("127.0.0.1:41111", "127.0.0.1:53")) == [(None, None)]


def test_wildcard_listeners_on_every_address_of_the_pod() -> None:
    assert named(flow("192.0.2.7:50000", "10.244.1.17:80")) == [(None, "nginx")]
    assert named(flow("192.0.2.7:50000", "10.244.1.17:8080")) == [(None, "envoy")]
    assert named(flow("[2001:db8::1]:50000", "[fd00::17]:8080")) == [(None, "envoy")]


def test_the_same_port_elsewhere_is_nobodys() -> None:
    assert named(flow("10.244.1.17:50000", "192.0.2.7:80")) == [(None, None)]
