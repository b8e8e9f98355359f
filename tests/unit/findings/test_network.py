"""Ports, reach and queues."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from podprobe.model import (
    Connection,
    DeclaredPort,
    LastExit,
    Listener,
    Probe,
    ProbeFailures,
    ProbeTrial,
    UnixSocket,
    Visibility,
)
from tests.support import changes
from tests.support.changes import codes, container, network, only
from tests.support.samples import POD_IP, flow, healthy_pod, outside_connection


def listener(port: int, address: str = "0.0.0.0", owner: str | None = "webapp", **more: object) -> Listener:
    return Listener(protocol="tcp", address=address, port=port, container=owner, inode=port, **more)  # type: ignore[arg-type]


def with_listeners(*more: Listener) -> tuple[Listener, ...]:
    return (*healthy_pod().network.listeners, *more)


# --- NET101


def test_two_containers_that_declare_one_port() -> None:
    pod = container(1, ports=(DeclaredPort(port=80),), restarts=4, state="waiting", state_reason="CrashLoopBackOff",
                    last_exit=LastExit(exit_code=98))  # fmt: skip
    found = only("NET101", pod)
    assert found.severity == "critical"
    assert found.subject == "tcp port 80"
    assert found.containers == ("nginx", "webapp")
    assert "nginx listens on it." in found.evidence
    assert "webapp has restarted 4 times, last with exit code 98 and is CrashLoopBackOff." in found.evidence
    assert found.remedy.startswith("Give webapp another port than 80")


def test_one_number_for_two_protocols_is_no_conflict() -> None:
    assert "NET101" not in codes(container(1, ports=(DeclaredPort(port=80, protocol="udp"),)))


def test_a_port_in_the_command_that_a_sibling_holds() -> None:
    pod = container(1, command=("gunicorn", "-b", "0.0.0.0:80"), restarts=2, state="waiting",
                    last_exit=LastExit(exit_code=1))  # fmt: skip
    found = only("NET101", pod)
    assert "webapp's command names 80 too." in found.evidence


def test_a_number_in_the_command_of_a_container_that_runs_is_nothing() -> None:
    assert "NET101" not in codes(container(1, command=("gunicorn", "-w", "80")))


# --- NET102, NET103, NET105


def test_a_declared_port_without_listener() -> None:
    found = only("NET102", container(1, ports=(DeclaredPort(port=9000),)))
    assert found.subject == "webapp tcp port 9000"
    assert "it listens on 5000" in found.evidence[0]


@pytest.mark.parametrize("started_at", ["2026-03-01T03:11:55Z", "2026-03-01T03:11:51Z"])
def test_a_young_container_may_still_open_its_port(started_at: str) -> None:
    assert "NET102" not in codes(container(1, ports=(DeclaredPort(port=9000),), started_at=started_at))


def test_a_port_of_a_container_that_does_not_run_is_not_missed() -> None:
    assert "NET102" not in codes(container(1, ports=(DeclaredPort(port=9000),), state="waiting"))


def test_without_sight_of_the_sockets_nothing_is_missing() -> None:
    pod = container(1, ports=(DeclaredPort(port=9000),))
    unseen = Visibility(
        area="sockets", container=None, level="none", reason="netlink: Operation not permitted"
    )
    assert "NET102" not in codes(replace(pod, visibility=(unseen,)))


def test_an_undeclared_listener() -> None:
    found = only("NET103", network(listeners=with_listeners(listener(9090, "::"))))
    assert (found.severity, found.subject) == ("info", "webapp tcp port 9090")
    assert "- containerPort: 9090" in found.remedy


def test_an_undeclared_listener_on_loopback_or_of_a_udp_client_is_nothing() -> None:
    client = Listener(protocol="udp", address="0.0.0.0", port=40_123, container="webapp")
    assert "NET103" not in codes(network(listeners=with_listeners(listener(9090, "127.0.0.1"), client)))


def test_the_nodes_listeners_are_not_the_pods() -> None:
    pod = network(changes.target(host_network=True), listeners=with_listeners(listener(22, owner=None)))
    assert codes(pod) == ["NET111"]


def probe(**fields: object) -> Probe:
    return Probe(role="liveness", kind="http", **fields)  # type: ignore[arg-type]


def test_a_probe_on_a_loopback_listener() -> None:
    found = only("NET105", container(1, probes=(probe(port=5000),)))
    assert found.severity == "critical"
    assert "listens only on 127.0.0.1:5000" in found.evidence[0]
    assert "/network/listeners/1" in found.pointers


@pytest.mark.parametrize(
    ("address", "v6_only", "fails"),
    [
        ("::", True, True),
        ("::", False, False),
        ("10.9.9.9", None, True),
        (POD_IP, None, False),
        ("0.0.0.0", None, False),
    ],
)
def test_a_probe_on_a_listener_that_is_not_at_the_pods_address(
    address: str, v6_only: bool | None, fails: bool
) -> None:
    pod = container(1, network(listeners=with_listeners(listener(7000, address, v6_only=v6_only))),
                    probes=(probe(port=7000),))  # fmt: skip
    assert ("NET105" in codes(pod)) is fails
    if fails:
        assert f"at the Pod's address {POD_IP}; webapp listens on" in only("NET105", pod).evidence[0]


def test_a_probe_on_nothing() -> None:
    found = only("NET105", container(1, probes=(probe(port=5001),)))
    assert "on which nothing listens; webapp listens on 5000" in found.evidence[0]


def test_how_a_probe_fares_is_told_beside() -> None:
    fares = probe(
        port=5001,
        failures=ProbeFailures(
            count=7, last_at="2026-03-01T03:11:00Z", message="Liveness probe failed: refused"
        ),
        tried=ProbeTrial(outcome="refused", to="http://10.244.1.17:5001/"),
    )
    found = only("NET105", container(1, probes=(fares,)))
    assert found.evidence[1:] == (
        "It has failed 7 times, the last at 2026-03-01T03:11:00Z: Liveness probe failed: refused.",
        "Tried from inside the Pod at http://10.244.1.17:5001/: refused.",
    )
    well = replace(fares, failures=ProbeFailures(count=0), tried=ProbeTrial(outcome="not-tried"))
    assert len(only("NET105", container(1, probes=(well,))).evidence) == 1


def test_a_probe_of_a_name_that_is_not_declared() -> None:
    found = only("NET105", container(1, probes=(probe(port_name="api"),)))
    assert "Add `name: api`" in found.remedy


def test_probes_that_can_succeed() -> None:
    probes = (probe(port=80), probe(port=5000, host="127.0.0.1"), Probe(role="startup", kind="exec"))
    assert "NET105" not in codes(container(1, probes=probes))


def test_a_probe_on_a_number_that_is_not_declared() -> None:
    pod = network(container(0, probes=(probe(port=9090),)), listeners=with_listeners(listener(9090)))
    assert only("NET112", pod).severity == "info"


# --- NET104


def inner(pod_flow: object = None) -> tuple[object, ...]:
    return (*healthy_pod().network.flows, pod_flow or flow("nginx", "webapp", "127.0.0.1:9000", 3))


def test_a_listener_on_all_addresses_that_only_the_pod_uses() -> None:
    pod = network(listeners=with_listeners(listener(9000)), flows=inner())
    found = only("NET104", pod)
    assert "3 connections to it, from nginx; none from outside the Pod." in found.evidence
    assert "127.0.0.1:9000" in found.remedy
    assert "NET103" not in codes(pod), "one piece of advice for one listener"


def test_one_connection_from_outside_suffices() -> None:
    outside = flow(None, "webapp", f"{POD_IP}:9000", 1, scope="external", remote="10.0.0.9")
    pod = network(listeners=with_listeners(listener(9000)), flows=(*inner(), outside))
    assert "NET104" not in codes(pod)
    quiet = network(listeners=with_listeners(listener(9000)), flows=inner())
    assert "NET104" not in codes(quiet, [pod]), "outside used it a moment ago"
    assert "NET104" in codes(quiet, [quiet])


def test_without_sight_of_the_services_nobody_can_say() -> None:
    pod = network(listeners=with_listeners(listener(9000)), flows=inner())
    unseen = Visibility(area="services", container=None, level="none", reason="forbidden")
    assert "NET104" not in codes(replace(pod, visibility=(unseen,)))


# --- NET106


@pytest.mark.parametrize(
    ("first", "address", "v6_only", "expected"),
    [
        ("::1", "127.0.0.1", None, True),
        ("::1", "0.0.0.0", None, True),
        ("::1", "::", False, False),
        ("::1", "::1", None, False),
        ("127.0.0.1", "127.0.0.1", None, False),
        ("127.0.0.1", "::", False, False),
        ("127.0.0.1", "::", True, True),
        ("127.0.0.1", "::1", None, True),
    ],
)
def test_localhost_and_the_listener(first: str, address: str, v6_only: bool | None, expected: bool) -> None:
    pod = container(0, command=("wget", "http://localhost:7000/"))
    pod = network(pod, localhost=(first,), listeners=with_listeners(listener(7000, address, v6_only=v6_only)))
    assert ("NET106" in codes(pod)) is expected


def test_nobody_says_localhost() -> None:
    assert "NET106" not in codes(network(localhost=("::1", "127.0.0.1")))


# --- NET107


def test_a_full_accept_queue() -> None:
    web, app = healthy_pod().network.listeners
    found = only("NET107", network(listeners=(web, replace(app, backlog=1_700))))
    assert found.subject == "webapp 127.0.0.1:5000"
    assert "1,700 connections at 127.0.0.1:5000 wait for webapp" in found.evidence[0]
    assert found.evidence[0].endswith("; its backlog is 2,048 (83 %).")
    full = only("NET107", network(listeners=(web, replace(app, backlog=5, backlog_limit=4))))
    assert full.evidence[0].endswith("the queue is full: its backlog is 4, and the kernel lets one more in.")


@pytest.mark.parametrize(("backlog", "limit"), [(0, 0), (1_600, 2_048), (None, None), (3, None)])
def test_room_in_the_accept_queue(backlog: int | None, limit: int | None) -> None:
    web, app = healthy_pod().network.listeners
    assert "NET107" not in codes(network(listeners=(web, replace(app, backlog=backlog, backlog_limit=limit))))


def test_drops_at_a_queue_that_is_empty_again() -> None:
    pod = healthy_pod()
    values = {**pod.network.counters.values, "TcpExt.ListenOverflows": 7}
    dropping = network(counters=replace(pod.network.counters, values=values))
    assert "7 connections dropped" in only("NET107", dropping, [pod]).evidence[0]
    assert "NET107" not in codes(dropping), "they may be of last week"
    assert "NET107" not in codes(dropping, [dropping])


# --- NET108, NET109, NET110


def close_waits(number: int) -> tuple[Connection, ...]:
    return tuple(
        outside_connection(
            f"{POD_IP}:{43_000 + each}", "10.96.7.8:9092", "webapp", role="client", state="close-wait"
        )
        for each in range(number)
    )


@pytest.mark.parametrize(("number", "expected"), [(15, False), (16, True)])
def test_connections_that_are_not_closed(number: int, expected: bool) -> None:
    pile = flow("webapp", None, "10.96.7.8:9092", number, scope="external", remote="10.96.7.8",
                states={"close-wait": number})  # fmt: skip
    pod = network(connections=close_waits(number), flows=(pile,))
    assert ("NET108" in codes(pod)) is expected


def test_the_side_that_does_not_close_is_named() -> None:
    server = replace(close_waits(1)[0], local="127.0.0.1:5000", role="server", scope="loopback", container="webapp",
                     from_container="nginx", to_container="webapp")  # fmt: skip
    pile = flow("nginx", "webapp", "127.0.0.1:5000", 30, states={"close-wait": 30, "fin-wait-2": 30})
    found = only("NET108", network(connections=(server,), flows=(pile,)))
    assert found.containers == ("webapp",)


@pytest.mark.parametrize(("number", "expected"), [(22_000, False), (23_000, True)])
def test_client_ports_run_out(number: int, expected: bool) -> None:
    flows = (
        flow(None, "webapp", "127.0.0.1:5000", number - 100, states={"time-wait": number - 100}),
        flow("nginx", "webapp", "127.0.0.1:5000", 100),
    )
    pod = network(flows=flows)
    assert ("NET109" in codes(pod)) is expected
    if expected:
        assert "22,900 of them are in TIME_WAIT" in only("NET109", pod).evidence[0]


def test_clients_from_outside_take_no_ports_of_the_pod() -> None:
    flows = (flow(None, "nginx", f"{POD_IP}:80", 60_000, scope="external", remote="10.0.0.9"),)
    assert "NET109" not in codes(network(flows=flows))


@pytest.mark.parametrize(("queue", "expected"), [(0, False), (127, False), (128, True), (129, True)])
def test_a_full_backlog_of_a_unix_socket(queue: int, expected: bool) -> None:
    socket = UnixSocket(kind="stream", state="listen", path="/run/app.sock", inode=1, container="webapp", queue=queue,
                        queue_limit=128)  # fmt: skip
    assert ("NET110" in codes(network(unix=(socket,)))) is expected


def test_the_hosts_network() -> None:
    assert only("NET111", changes.target(host_network=True)).severity == "info"
