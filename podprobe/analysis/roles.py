"""What part a container plays in its Pod, told by what it does and by well-known images and ports.

Behaviour comes from the connections of one look, so a role may be missing in a quiet Pod; an image's name is there
from the start. What neither tells stays `None`: most containers are simply the application.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from podprobe.analysis import endpoints
from podprobe.analysis.proxies.programs import image_name, mesh_of

if TYPE_CHECKING:
    from podprobe.model import Container, Role, Snapshot

_IMAGES: tuple[tuple[Role, re.Pattern[str]], ...] = (
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
_PROCESSES: tuple[tuple[Role, re.Pattern[str]], ...] = (
    (
        "metrics-exporter",
        re.compile(r"[a-z]+[-_]exporter$|(nginx-prometheu|postgres_export|mysqld_exporter)$"),
    ),
    (
        "log-shipper",
        re.compile(r"(fluent-bit|fluentd|filebeat|promtail|vector|logstash|rsyslogd|syslog-ng)$"),
    ),
    ("cache", re.compile(r"(redis-server|valkey-server|keydb-server|memcached|dragonfly|varnishd)$")),
    ("ambassador", re.compile(r"(cloud[-_]sql[-_]proxy|pgbouncer|pgpool|nutcracker|mcrouter|proxysql)$")),
    ("reverse-proxy", re.compile(r"(nginx|haproxy|traefik|caddy|oauth2-proxy|kube-rbac-proxy|openresty)$")),
)
"""By the name of a process that listens or is the container's first, where the image is somebody's own."""
_DATABASE_PORTS = frozenset({1433, 1521, 3306, 5432, 5672, 6379, 9042, 9092, 9200, 11211, 27017})
"""Who uses a sibling at one of these is its client, not a proxy before it."""
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
    if mesh_of(snapshot, container):
        return "mesh-proxy"
    if by_image := _by_image(container.image):
        return by_image
    if ports & _CACHE_PORTS:
        return "cache"
    if by_process := _by_process(snapshot, container):
        return by_process
    return _by_behaviour(snapshot, container)


def _by_image(image: str | None) -> Role | None:
    name = image_name(image)
    return next((role for role, pattern in _IMAGES if pattern.search(name)), None)


def _by_process(snapshot: Snapshot, container: Container) -> Role | None:
    listening = [
        each.owner.process.name
        for each in snapshot.network.listeners
        if each.container == container.name and each.owner.process
    ]
    first = [each.name for each in container.processes.top if each.pid == 1] if container.processes else []
    for name in dict.fromkeys([*listening, *first]):
        for role, pattern in _PROCESSES:
            if pattern.match(name):
                return role
    return None


def _by_behaviour(snapshot: Snapshot, container: Container) -> Role | None:
    name = container.name
    flows = [flow for flow in snapshot.network.flows if flow.from_container != flow.to_container]
    inside = [flow for flow in flows if flow.scope != "external"]
    serves_siblings = {flow.from_container for flow in inside if flow.to_container == name} - {None}
    uses_siblings = {
        flow.to_container
        for flow in inside
        if flow.from_container == name and endpoints.split(flow.server)[1] not in _DATABASE_PORTS
    } - {None}
    uses_siblings |= {
        channel.b for channel in snapshot.channels if channel.kind == "unix" and channel.a == name
    }
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
