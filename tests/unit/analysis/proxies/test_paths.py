"""Paths through proxies, from snapshots of real ones."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from podprobe.model import Cgroup, Container, Listener, Owner, ProcessRef, Snapshot
from tests.support.samples import connection_pair, flow, healthy_pod
from tests.unit.analysis.proxies.recorded import judged, recorded, words

POD = "10.78.0.131"


def test_each_proxy_is_passed_on_the_way_from_a_service_to_the_application() -> None:
    found = judged(recorded("proxied")).paths
    assert {path.services: words(path) for path in found} == {
        ("web:81",): f"outside → nginx {POD}:80 → app /run/shared/app.sock",
        ("web:8081",): f"outside → haproxy {POD}:8080 → app 127.0.0.1:5000",
        ("web:9001",): f"outside → socat {POD}:9000 → app 127.0.0.1:5000",
        ("web:10001",): f"outside → envoy {POD}:10000 → app 127.0.0.1:5000",
    }
    assert all(path.certain and len(path.proxies) == 1 for path in found)


def test_each_leg_has_its_own_numbers() -> None:
    snapshot = judged(recorded("proxied"))
    (path,) = (each for each in snapshot.paths if each.proxies == ("haproxy",))
    flows = {(each.from_container, each.to_container): each for each in snapshot.network.flows}
    for leg, ends in zip(path.legs, ((None, "haproxy"), ("haproxy", "app")), strict=True):
        flow = flows[ends]
        assert (leg.rtt_us, leg.min_rtt_us, leg.segments_out) == (
            flow.rtt_us,
            flow.min_rtt_us,
            flow.segments_out,
        )
        assert leg.connections == 1
        assert leg.connect_p50_us is not None
    assert path.price.round_trip_us == path.legs[1].min_rtt_us
    cgroups = {each.name: each.cgroup for each in snapshot.containers}
    assert path.price.memory_bytes == cgroups["haproxy"].memory_working_set_bytes  # type: ignore[union-attr]
    assert path.price.cpu_cores is None, "one look tells no rate"


def test_what_a_proxy_takes_of_the_cpu_is_told_by_two_looks() -> None:
    before = recorded("proxied")
    group = next(each.cgroup for each in before.containers if each.name == "haproxy")
    assert group is not None
    later = [
        replace(each, cgroup=replace(group, cpu_seconds=(group.cpu_seconds or 0) + 0.5))
        if each.name == "haproxy"
        else each
        for each in before.containers
    ]
    year, rest = before.taken_at[:4], before.taken_at[4:]
    after = replace(before, containers=tuple(later), taken_at=f"{int(year) + 1}{rest}")
    (path,) = (each for each in judged(after, before).paths if each.proxies == ("haproxy",))
    assert path.price.cpu_cores == pytest.approx(0.5 / (365 * 86400))


def test_a_service_to_a_proxy_nobody_is_connected_to_has_a_path_all_the_same() -> None:
    pod = recorded("proxied")
    flows = tuple(each for each in pod.network.flows if each.to_container != "haproxy")
    found = judged(replace(pod, network=replace(pod.network, flows=flows))).paths
    (path,) = (each for each in found if each.proxies == ("haproxy",))
    assert words(path) == f"outside → haproxy {POD}:8080 → app 127.0.0.1:5000"
    assert [leg.connections for leg in path.legs] == [0, 1]


def test_without_a_proxy_there_is_no_path() -> None:
    pod = recorded("proxied")
    names = {"nginx", "haproxy", "socat", "envoy"}
    plain = Owner(by="fd", process=ProcessRef(pid=1, name="python3"))
    network = replace(
        pod.network,
        listeners=tuple(replace(each, owner=plain) for each in pod.network.listeners),
        flows=tuple(each for each in pod.network.flows if each.from_container not in names),
        unix=(),
    )
    assert judged(replace(pod, network=network)).paths == ()


def test_a_request_of_the_pods_own_is_redirected_to_the_mesh_and_leaves_from_there() -> None:
    incoming, outgoing = judged(recorded("meshed")).paths
    assert incoming.services == ("meshed:80",)
    assert words(incoming) == "outside → istio-proxy 10.78.0.132:15006 → app 10.78.0.132:8080"
    assert words(outgoing) == "caller → istio-proxy 127.0.0.1:15001 → outside 10.78.0.128:7777"
    assert outgoing.legs[0].original == outgoing.legs[1].to
    assert incoming.certain
    assert outgoing.certain


def _two_fronts(pids: tuple[int, int, int, int]) -> Snapshot:
    """nginx with two ways in and two ways out; processes that hold the sockets of each, in that order."""
    pod = healthy_pod()
    ends: list[tuple[str | None, str, str]] = [
        (None, "nginx", "10.244.1.7:80"),
        (None, "nginx", "10.244.1.7:81"),
        ("nginx", "webapp", "127.0.0.1:5000"),
        ("nginx", "webapp", "127.0.0.1:5001"),
    ]
    sockets: list[Any] = []
    for number, ((client, server, to), pid) in enumerate(zip(ends, pids, strict=True)):
        pair = connection_pair(client or "x", server, 42_000 + number, to, inode=60_000 + 10 * number)
        mine = pair[0] if client == "nginx" else pair[1]
        owner = Owner(by="fd", process=ProcessRef(pid=pid, name="nginx"))
        sockets.append(
            replace(mine, from_container=client, to_container=server, container="nginx", owner=owner)
        )
    flows = tuple(
        flow(client, server, to, 1, scope="loopback" if client else "external") for client, server, to in ends
    )
    return replace(pod, network=replace(pod.network, connections=tuple(sockets), flows=flows))


def test_a_process_for_each_connection_tells_which_way_in_goes_on_where() -> None:
    found = judged(_two_fronts((7, 8, 7, 8))).paths
    assert sorted((path.legs[0].to, path.legs[1].to, path.certain) for path in found) == [
        ("10.244.1.7:80", "127.0.0.1:5000", True),
        ("10.244.1.7:81", "127.0.0.1:5001", True),
    ]


def test_one_process_for_all_leaves_it_open() -> None:
    found = judged(_two_fronts((7, 7, 7, 7))).paths
    assert len(found) == 4
    assert not any(path.certain for path in found)


def test_proxies_in_a_row_are_one_path() -> None:
    pod = healthy_pod()
    app, web = "127.0.0.1:5000", f"{pod.target.ips[0]}:80"
    relay = Listener(
        protocol="tcp", address="127.0.0.1", port=7000, container="relay",
        owner=Owner(by="fd", process=ProcessRef(pid=1, name="socat")),
    )  # fmt: skip
    snapshot = replace(
        pod,
        containers=(*pod.containers, Container(name="relay", state="running", cgroup=Cgroup(version=2))),
        network=replace(
            pod.network,
            listeners=(*pod.network.listeners, relay),
            flows=(
                flow(None, "nginx", web, 1, scope="external", remote="10.244.2.9"),
                flow("nginx", "relay", "127.0.0.1:7000", 1),
                flow("relay", "webapp", app, 1),
            ),
        ),
    )
    (path,) = judged(snapshot).paths
    assert words(path) == f"outside → nginx {web} → relay 127.0.0.1:7000 → webapp {app}"
    assert path.proxies == ("nginx", "relay")
    assert path.price.round_trip_us == sum(leg.min_rtt_us or 0 for leg in path.legs[1:])


def test_proxies_that_ask_each_other_end() -> None:
    pod = healthy_pod()
    flows = (
        flow("nginx", "webapp", "127.0.0.1:5000", 1),
        flow("webapp", "nginx", "127.0.0.1:80", 1),
        flow(None, "nginx", "10.244.1.7:80", 1, scope="external", remote="10.244.2.9"),
    )
    proxies = tuple(replace(each, image="nginx") for each in pod.containers)
    found = judged(replace(pod, containers=proxies, network=replace(pod.network, flows=flows))).paths
    assert [words(path) for path in found] == ["outside → nginx 10.244.1.7:80 → webapp 127.0.0.1:5000"]
