"""What part a container plays in its Pod, told by what it does and by well-known images and ports.

Behaviour comes from the connections of one look, so a role may be missing in a quiet Pod; an image's name is there
from the start. What neither tells stays `None`: most containers are simply the application.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from podprobe.analysis import endpoints

if TYPE_CHECKING:
    from podprobe.model import Container, Role, Snapshot

_IMAGES: tuple[tuple[Role, re.Pattern[str]], ...] = (
    (
        "mesh-proxy",
        re.compile(
            r"(^|/)(istio/)?proxyv2$|linkerd(2)?[/-](io/)?proxy$|consul-dataplane$|kuma-dp$|osm-sidecar$"
        ),
    ),
    ("metrics-exporter", re.compile(r"exporter$|(^|/)(jmx|prometheus)[-_]exporter|[-/]metrics-exporter$")),
    (
        "log-shipper",
        re.compile(r"(^|/)(fluent-?bit|fluentd|filebeat|promtail|vector|logstash|rsyslog|syslog-ng)(-\w+)*$"),
    ),
    ("cache", re.compile(r"(^|/)(redis|valkey|keydb|memcached|dragonfly|varnish)(-\w+)*$")),
    (
        "ambassador",
        re.compile(
            r"(^|/)(cloud-?sql-proxy|gce-proxy|pgbouncer|pgpool|twemproxy|mcrouter|proxysql|ambassador)(-\w+)*$"
        ),
    ),
    (
        "reverse-proxy",
        re.compile(
            r"(^|/)(nginx|haproxy|traefik|caddy|httpd|envoy|oauth2-proxy|kube-rbac-proxy|openresty)(-unprivileged|-light)?$"
        ),
    ),
)
_MESH_PORTS = (frozenset({15001, 15006}), frozenset({4140, 4143}))
"""Istio's sidecar intercepts at 15001 and 15006, linkerd's at 4140 and 4143."""
_CACHE_PORTS = frozenset({6379, 11211})


def with_roles(snapshot: Snapshot) -> Snapshot:
    """The snapshot with every container's role, where there is one to be told."""
    containers = tuple(replace(each, role=role_of(snapshot, each)) for each in snapshot.containers)
    return replace(snapshot, containers=containers)


def role_of(snapshot: Snapshot, container: Container) -> Role | None:
    """The role of one container: by its ports where they are telling, by its image, then by what it does."""
    ports = {
        listener.port
        for listener in snapshot.network.listeners
        if listener.container == container.name and listener.protocol == "tcp"
    }
    if any(mesh <= ports for mesh in _MESH_PORTS):
        return "mesh-proxy"
    if by_image := _by_image(container.image):
        return by_image
    if ports & _CACHE_PORTS:
        return "cache"
    return _by_behaviour(snapshot, container)


def _by_image(image: str | None) -> Role | None:
    # registry:port/path/name:tag@digest → path/name
    name = re.sub(r"(:[^/:]*)?(@.*)?$", "", image or "").lower()
    return next((role for role, pattern in _IMAGES if pattern.search(name)), None)


def _by_behaviour(snapshot: Snapshot, container: Container) -> Role | None:
    name = container.name
    flows = [flow for flow in snapshot.network.flows if flow.from_container != flow.to_container]
    inside = [flow for flow in flows if flow.scope != "external"]
    serves_siblings = {flow.from_container for flow in inside if flow.to_container == name} - {None}
    uses_siblings = {flow.to_container for flow in inside if flow.from_container == name} - {None}
    fronts = _takes_from_outside(snapshot)
    goes_out = any(flow.scope == "external" and flow.from_container == name for flow in flows)
    if name in fronts:
        if any(port.name and "metrics" in port.name for port in container.ports) and not serves_siblings:
            return "metrics-exporter"
        return "reverse-proxy" if uses_siblings else None
    if serves_siblings and goes_out and not serves_siblings & fronts and _only_on_loopback(snapshot, name):
        return "ambassador"
    if goes_out and not serves_siblings and not uses_siblings and _reads_a_siblings_volume(snapshot, name):
        return "log-shipper"
    return None


def _takes_from_outside(snapshot: Snapshot) -> set[str | None]:
    """Containers with a connection from outside, or that a Service or a declared port leads outside to."""
    found = {flow.to_container for flow in snapshot.network.flows if flow.scope == "external"}
    served = {port.target_port for service in snapshot.services for port in service.ports}
    for listener in snapshot.network.listeners:
        if not endpoints.is_loopback(listener.address) and (listener.declared_by or listener.port in served):
            found.add(listener.container)
    return found - {None}


def _only_on_loopback(snapshot: Snapshot, name: str) -> bool:
    own = [each for each in snapshot.network.listeners if each.container == name and each.protocol == "tcp"]
    return bool(own) and all(endpoints.is_loopback(each.address) for each in own)


def _reads_a_siblings_volume(snapshot: Snapshot, name: str) -> bool:
    for volume in snapshot.volumes:
        mine = [mount for mount in volume.mounts if mount.container == name]
        writers = [mount for mount in volume.mounts if mount.container != name and not mount.read_only]
        if mine and writers and all(mount.read_only for mount in mine):
            return volume.type not in {"configMap", "secret", "projected", "downwardAPI"}
    return False
