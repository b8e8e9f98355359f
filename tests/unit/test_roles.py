"""What part a container plays."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from podprobe.analysis.roles import role_of, with_roles
from podprobe.model import Channel, Listener, Owner, ProcessRef, Snapshot, Volume, VolumeMount
from tests.support.changes import container, network
from tests.support.samples import flow, healthy_pod


def roles(pod: Snapshot) -> list[str | None]:
    return [each.role for each in with_roles(pod).containers]


@pytest.mark.parametrize(
    ("image", "role"),
    [
        ("nginx", "reverse-proxy"),
        ("registry.example.com:5000/library/nginx:1.29@sha256:abc", "reverse-proxy"),
        ("nginxinc/nginx-unprivileged:1", "reverse-proxy"),
        ("docker.io/istio/proxyv2:1.29.0", "mesh-proxy"),
        ("cr.l5d.io/linkerd/proxy:edge", "mesh-proxy"),
        ("redis:8-alpine", "cache"),
        ("bitnami/redis-cluster:8", "cache"),
        ("prom/statsd-exporter", "metrics-exporter"),
        ("nginx/nginx-prometheus-exporter:1", "metrics-exporter"),
        ("fluent/fluent-bit:4", "log-shipper"),
        ("grafana/promtail:3", "log-shipper"),
        ("gcr.io/cloud-sql-connectors/cloud-sql-proxy:2", "ambassador"),
        ("example.com/nginx/shop", None),
        ("example.com/myredisapp", None),
        ("python:3-slim", None),
        ("", None),
        (None, None),
    ],
)
def test_by_image(image: str | None, role: str | None) -> None:
    pod = network(container(1, image=image), flows=())
    assert role_of(pod, pod.containers[1]) == role


def silent(pod: Snapshot) -> Snapshot:
    """With images and processes that tell nothing."""
    owner = Owner(by="fd", process=ProcessRef(pid=1, name="server"))
    network = replace(
        pod.network, listeners=tuple(replace(each, owner=owner) for each in pod.network.listeners)
    )
    containers = (replace(each, image="example.com/x", processes=None) for each in pod.containers)
    return replace(pod, containers=tuple(containers), network=network)


def test_who_takes_from_outside_and_hands_on_is_a_reverse_proxy() -> None:
    assert roles(silent(healthy_pod())) == ["reverse-proxy", None]


def test_an_application_with_a_database_is_no_ambassador() -> None:
    out = flow("webapp", None, "10.0.0.9:5432", 1, scope="external", remote="10.0.0.9")
    pod = silent(network(flows=(*healthy_pod().network.flows, out)))
    assert roles(pod) == ["reverse-proxy", None]


def test_who_serves_a_sibling_on_loopback_and_goes_out_is_an_ambassador() -> None:
    out = flow("webapp", None, "10.0.0.9:5432", 1, scope="external", remote="10.0.0.9")
    pod = silent(network(flows=(healthy_pod().network.flows[0], out)))
    web, app = pod.network.listeners
    pod = network(pod, listeners=(replace(web, declared_by=None, port=9999), app))
    assert roles(pod) == [None, "ambassador"]


def test_who_reads_a_siblings_volume_and_only_goes_out_is_a_log_shipper() -> None:
    out = flow("nginx", None, "10.0.0.9:24224", 1, scope="external", remote="10.0.0.9")
    logs = Volume(
        name="logs",
        type="emptyDir",
        mounts=(
            VolumeMount(container="webapp", path="/logs"),
            VolumeMount(container="nginx", path="/logs", read_only=True),
        ),
    )
    pod = silent(replace(network(flows=(out,), listeners=()), volumes=(logs,)))
    assert roles(pod) == ["log-shipper", None]
    assert roles(replace(pod, volumes=())) == [None, None]


@pytest.mark.parametrize(
    ("ports", "role"),
    [((15001, 15006), "mesh-proxy"), ((4140, 4143), "mesh-proxy"), ((15001,), None), ((6379,), "cache")],
)
def test_by_port(ports: tuple[int, ...], role: str | None) -> None:
    listeners = tuple(
        Listener(protocol="tcp", address="127.0.0.1", port=port, container="webapp") for port in ports
    )
    assert roles(silent(network(listeners=listeners, flows=())))[1] == role


@pytest.mark.parametrize(
    ("process", "role"),
    [
        ("nginx", "reverse-proxy"),
        ("haproxy", "reverse-proxy"),
        ("redis-server", "cache"),
        ("fluent-bit", "log-shipper"),
        ("redis_exporter", "metrics-exporter"),
        ("nginx-prometheu", "metrics-exporter"),  # as the kernel cuts it
        ("pgbouncer", "ambassador"),
        ("python3", None),
    ],
)
def test_by_the_process_that_listens_in_an_image_of_ones_own(process: str, role: str | None) -> None:
    pod = silent(network(flows=()))
    owner = Owner(by="fd", process=ProcessRef(pid=7, name=process))
    web, app = pod.network.listeners
    assert roles(network(pod, listeners=(web, replace(app, owner=owner)))) == [None, role]


def test_an_application_that_uses_a_database_beside_it_is_no_proxy() -> None:
    pod = silent(healthy_pod())
    web = next(each for each in pod.network.flows if each.from_container is None)
    assert roles(network(pod, flows=(web, flow("nginx", "webapp", "127.0.0.1:8080", 1)))) == [
        "reverse-proxy",
        None,
    ]
    assert roles(network(pod, flows=(web, flow("nginx", "webapp", "127.0.0.1:5432", 1)))) == [None, None]


def test_who_hands_on_over_a_unix_socket_is_a_reverse_proxy() -> None:
    pod = silent(healthy_pod())
    web = next(each for each in pod.network.flows if each.from_container is None)
    way = Channel(kind="unix", a="nginx", b="webapp", directed=True, via="/run/app.sock")
    assert roles(replace(network(pod, flows=(web,)), channels=(way,))) == ["reverse-proxy", None]
