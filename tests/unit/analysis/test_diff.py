"""What counts as a change, and what is noise."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from podprobe.analysis.diff import Change, diff, odd_ones
from podprobe.model import (
    Connection,
    Container,
    DeclaredPort,
    Finding,
    Interception,
    Listener,
    Lookup,
    Mesh,
    Probe,
    ProbeFailures,
    ProbeTrial,
    Proxy,
    ProxyAdmin,
    Snapshot,
    Upstream,
    Volume,
    VolumeMount,
)
from tests.support.hostile import poison
from tests.support.samples import healthy_pod, large_pod, lookup, resolver, troubled_pod

_with: Any = msgspec.structs.replace


def _listening(pod: Snapshot, *more: Listener) -> Snapshot:
    return _with(pod, network=_with(pod.network, listeners=(*pod.network.listeners, *more)))  # type: ignore[no-any-return]


def _lines(changes: tuple[Change, ...]) -> list[tuple[str, str, str, str | None]]:
    return [(change.kind, change.area, change.subject, change.field) for change in changes]


@pytest.mark.parametrize("make", [healthy_pod, troubled_pod, large_pod])
def test_the_same_is_the_same(make: Any) -> None:
    found = diff(make(), make())
    assert found.changes == found.noise == ()


def test_a_listener_appears_and_goes() -> None:
    pod = healthy_pod()
    more = _listening(pod, Listener(protocol="tcp", address="::", port=9090, container="webapp"))
    assert _lines(diff(pod, more).changes) == [("appeared", "listener", "tcp [::]:9090", None)]
    assert _lines(diff(more, pod).changes) == [("went", "listener", "tcp [::]:9090", None)]


def test_a_listener_changes_hands() -> None:
    pod = healthy_pod()
    first, *rest = pod.network.listeners
    moved = _with(pod, network=_with(pod.network, listeners=(_with(first, container="webapp"), *rest)))
    (change,) = diff(pod, moved).changes
    assert (change.area, change.field, change.before, change.after) == (
        "listener",
        "container",
        first.container,
        "webapp",
    )


def test_the_order_of_things_is_no_change() -> None:
    pod = troubled_pod()
    network = _with(pod.network, listeners=pod.network.listeners[::-1], flows=pod.network.flows[::-1])
    turned = _with(pod, network=network, containers=pod.containers[::-1], findings=pod.findings[::-1])
    found = diff(pod, turned)
    assert found.changes == found.noise == ()


def test_counters_times_and_pids_are_noise() -> None:
    pod = troubled_pod()
    later = _with(
        pod,
        taken_at="2027-01-01T00:00:00Z",
        network=_with(
            pod.network,
            counters=_with(pod.network.counters, values={"Tcp.OutSegs": 10**9}),
            connections=(
                Connection(local="127.0.0.1:1", remote="127.0.0.1:2", state="established", scope="loopback"),
            ),
            listeners=tuple(_with(found, inode=99, backlog=3) for found in pod.network.listeners),
        ),
        containers=tuple(
            _with(found, cgroup=_with(found.cgroup, cpu_seconds=99.0, memory_bytes=5, pids=77))
            for found in pod.containers
        ),
    )
    found = diff(pod, later)
    assert found.changes == ()
    assert {change.area for change in found.noise} == {"listener", "container", "counter"}


def test_a_restart_is_a_change() -> None:
    pod = healthy_pod()
    first, *rest = pod.containers
    again = _with(pod, containers=(_with(first, restarts=3, id="another", started_at="later"), *rest))
    (change,) = diff(pod, again).changes
    assert (change.subject, change.field, change.before, change.after) == (first.name, "restarts", 0, 3)


def test_a_finding_is_known_by_code_and_subject() -> None:
    pod = troubled_pod()
    worse = tuple(_with(found, evidence=("other numbers",)) for found in pod.findings)
    assert diff(pod, _with(pod, findings=worse)).changes == ()
    fixed = _with(pod, findings=pod.findings[1:])
    gone = pod.findings[0]
    assert _lines(diff(pod, fixed).changes) == [("went", "finding", f"{gone.code} {gone.subject}", None)]


def test_a_busy_node_is_noise() -> None:
    pod = troubled_pod()
    busy = _with(pod.findings[0], code="RES105", severity="info", subject="node a")
    found = diff(pod, _with(pod, findings=(*pod.findings, busy)))
    assert found.changes == ()
    assert ("appeared", "finding", "RES105 node a", None) in _lines(found.noise)


def test_the_pods_own_address_is_no_change() -> None:
    pod = _listening(healthy_pod(), Listener(protocol="tcp", address="10.244.1.17", port=8080))
    other = _listening(healthy_pod(), Listener(protocol="tcp", address="10.244.9.9", port=8080))
    other = _with(other, target=_with(other.target, ips=("10.244.9.9",), pod="other", uid="2", node="node-9"))
    assert diff(pod, other).changes == ()


def test_the_name_of_a_token_volume_is_no_change() -> None:
    def with_token(pod: Snapshot, name: str) -> Snapshot:
        mount = VolumeMount(
            container="nginx", path="/var/run/secrets/kubernetes.io/serviceaccount", read_only=True
        )
        return _with(pod, volumes=(*pod.volumes, Volume(name=name, type="projected", mounts=(mount,))))  # type: ignore[no-any-return]

    pod = healthy_pod()
    found = diff(with_token(pod, "kube-api-access-x7k2p"), with_token(pod, "kube-api-access-9zzq4"))
    assert found.changes == ()


@pytest.mark.parametrize(("port", "noise"), [(40000, True), (8125, False)])
def test_a_udp_clients_socket_is_noise(port: int, noise: bool) -> None:
    pod = healthy_pod()
    found = diff(pod, _listening(pod, Listener(protocol="udp", address="0.0.0.0", port=port)))
    assert (len(found.changes), len(found.noise)) == ((0, 1) if noise else (1, 0))


def test_a_debug_container_is_noise() -> None:
    pod = healthy_pod()
    watched = _with(pod, containers=(*pod.containers, Container(name="podprobe-x", kind="ephemeral")))
    assert diff(pod, watched).changes == ()


def test_two_sockets_on_one_port_are_two() -> None:
    pod = healthy_pod()
    twin = pod.network.listeners[0]
    (change,) = diff(pod, _listening(pod, twin)).changes
    assert change.kind == "appeared"
    assert change.subject.endswith(" #2")


def test_a_hostile_pod_can_be_compared() -> None:
    assert diff(poison(troubled_pod()), poison(troubled_pod())).changes == ()
    assert diff(troubled_pod(), poison(troubled_pod())).changes


def _replicas(*pods: Snapshot) -> dict[str, Snapshot]:
    return {
        f"web-{number}": _with(pod, target=_with(pod.target, pod=f"web-{number}", uid=str(number)))
        for number, pod in enumerate(pods)
    }


def test_replicas_alike_have_no_odd_one() -> None:
    assert odd_ones(_replicas(*[healthy_pod()] * 4)) == ()


def test_the_odd_one_out_and_in_what() -> None:
    pod = healthy_pod()
    first, *rest = pod.containers
    odd = _listening(pod, Listener(protocol="tcp", address="0.0.0.0", port=6060, container="webapp"))
    odd = _with(odd, containers=(_with(first, image="nginx:old"), *rest))
    found = odd_ones(_replicas(pod, pod, odd, pod))
    assert {oddity.replica for oddity in found} == {"web-2"}
    assert [
        (oddity.area, oddity.subject, oddity.field, oddity.here, oddity.elsewhere, oddity.siblings)
        for oddity in found
    ] == [
        ("listener", "tcp 0.0.0.0:6060", None, True, False, 3),
        ("container", first.name, "image", "nginx:old", first.image, 3),
    ]


def test_a_missing_thing_is_odd_too() -> None:
    pod = healthy_pod()
    without = _with(pod, network=_with(pod.network, listeners=pod.network.listeners[1:]))
    (oddity,) = odd_ones(_replicas(pod, without, pod))
    assert (oddity.replica, oddity.here, oddity.elsewhere) == ("web-1", False, True)


def test_without_a_majority_nobody_is_odd() -> None:
    pod, other = healthy_pod(), _listening(healthy_pod(), Listener(protocol="tcp", address="::", port=1))
    assert odd_ones(_replicas(pod, other)) == ()
    assert odd_ones(_replicas(pod, pod, other, other)) == ()


def test_the_oddest_comes_first() -> None:
    pod = healthy_pod()
    slightly = _listening(pod, Listener(protocol="tcp", address="::", port=1))
    very = _with(
        pod,
        findings=tuple(
            Finding(code=f"X{number}", severity="info", title="t", subject="s", remedy="r", docs="d")
            for number in range(3)
        ),
    )
    assert [found.replica for found in odd_ones(_replicas(slightly, pod, very, pod, pod))] == [
        "web-2"
    ] * 3 + ["web-0"]


def test_a_replicas_upstream_that_is_ill_and_a_mesh_that_leaves_out_more_are_no_noise() -> None:
    def pod(healthy: int, requests: int, excluded: tuple[str, ...]) -> Snapshot:
        upstream = Upstream(name="shop", hosts=2, healthy_hosts=healthy, requests=requests)
        admin = ProxyAdmin(address="127.0.0.1:15000", upstreams=(upstream,))
        return _with(  # type: ignore[no-any-return]
            healthy_pod(),
            proxies=(Proxy(container="istio-proxy", program="envoy", admin=admin),),
            mesh=Mesh(name="istio", interception=Interception(excluded_inbound_ports=excluded)),
        )

    found = diff(pod(2, 100, ()), pod(1, 900, ("9000",)))
    assert {(change.area, change.field) for change in found.changes} == {
        ("upstream", "healthy_hosts"),
        ("mesh", "interception.excluded_inbound_ports"),
    }
    assert ("upstream", "requests") in {(change.area, change.field) for change in found.noise}


def test_names_that_fail_are_a_change_and_their_times_are_not() -> None:
    pod = healthy_pod()
    own = lookup("web-0.peers", "own-name", "A", 1, 700, "10.244.1.17")

    def resolving(*lookups: Lookup, **settings: Any) -> Any:
        return _with(pod, dns=(resolver(lookups=lookups, **settings),))

    sibling = _with(own, name="web-1.peers", addresses=("10.244.1.18",), time_us=90_000)
    assert diff(resolving(own), resolving(sibling)).changes == (), "each replica has a name of its own"
    silent = _with(own, outcome="timeout", addresses=())
    assert ("changed", "lookup", "own name A", "outcome") in _lines(
        diff(resolving(own), resolving(silent)).changes
    )
    moved = diff(resolving(own), resolving(own, servers=("10.96.0.11",)))
    assert ("changed", "name resolution", "nginx", "servers") in _lines(moved.changes)


def test_how_a_probe_fares_is_no_part_of_what_was_declared() -> None:
    pod = healthy_pod()
    first, *others = pod.containers
    failing = _with(first.probes[0], failures=ProbeFailures(count=9, last_at="2026-03-01T03:00:00Z"))
    fares = _with(pod, containers=(_with(first, probes=(failing, *first.probes[1:])), *others))
    assert diff(pod, fares).changes == ()
    tried = _with(failing, tried=ProbeTrial(outcome="refused"))
    refused = _with(pod, containers=(_with(first, probes=(tried, *first.probes[1:])), *others))
    assert {change.area for change in diff(pod, refused).changes} == {"probe tried"}


def test_ports_and_probes_are_told_one_by_one_and_findings_before_all() -> None:
    pod = troubled_pod()
    first, *others = pod.containers
    probe = Probe(role="liveness", kind="http", port=8081, path="/live", timeout_seconds=1)
    port = DeclaredPort(port=9000, name="admin")
    before = _with(
        pod, containers=(_with(first, probes=(probe,), ports=()), *others), findings=pod.findings[1:]
    )
    slower = _with(probe, timeout_seconds=5)
    moved = _with(probe, port=8082)
    after = _with(pod, containers=(_with(first, probes=(slower,), ports=(port,)), *others))
    lost = pod.findings[0]
    assert _lines(diff(before, after).changes) == [
        ("appeared", "finding", f"{lost.code} {lost.subject}", None),
        ("appeared", "declared port", "nginx 9000/tcp", None),
        ("changed", "probe", "nginx liveness http :8081/live", "timeout_seconds"),
    ]
    after = _with(before, containers=(_with(first, probes=(moved,), ports=()), *others))
    assert _lines(diff(before, after).changes) == [
        ("went", "probe", "nginx liveness http :8081/live", None),
        ("appeared", "probe", "nginx liveness http :8082/live", None),
    ]
