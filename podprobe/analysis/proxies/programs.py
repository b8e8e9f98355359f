"""Which containers are proxies, told by the programs in them; and whose mesh they belong to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from podprobe.model import Proxy

if TYPE_CHECKING:
    from podprobe.model import Container, MeshName, ProxyProgram, Snapshot

_PROGRAMS: dict[str, ProxyProgram] = {
    "envoy": "envoy",
    "linkerd2-proxy": "linkerd-proxy",
    "ztunnel": "ztunnel",
    "nginx": "nginx",
    "openresty": "nginx",
    "haproxy": "haproxy",
    "socat": "socat",
    "traefik": "traefik",
    "caddy": "caddy",
    "httpd": "apache",
    "apache2": "apache",
    **dict.fromkeys(
        (
            "pgbouncer",
            "pgpool",
            "proxysql",
            "nutcracker",
            "mcrouter",
            "cloud-sql-proxy",
            "cloud_sql_proxy",
            "oauth2-proxy",
            "kube-rbac-proxy",
            "stunnel",
            "stunnel4",
            "ghostunnel",
            "tinyproxy",
        ),
        "other",
    ),
}
_LENGTH = 15
"""The kernel cuts a process's name (`comm`) after so many characters."""

_IMAGES: tuple[tuple[MeshName, re.Pattern[str]], ...] = (
    ("istio", re.compile(r"(^|/)(istio/)?proxyv2(-\w+)*$")),
    ("linkerd", re.compile(r"(^|/)linkerd(2)?[/-](io/)?proxy$")),
    ("consul", re.compile(r"(^|/)consul-dataplane$|(^|/)consul-envoy$")),
    ("kuma", re.compile(r"(^|/)(kuma|kong-mesh)-(dp|sidecar)$")),
    ("app-mesh", re.compile(r"(^|/)aws-appmesh-envoy$")),
)
_NAMES: dict[str, MeshName] = {
    "istio-proxy": "istio",
    "linkerd-proxy": "linkerd",
    "consul-dataplane": "consul",
    "envoy-sidecar": "consul",
    "kuma-sidecar": "kuma",
}
_PROCESSES: dict[str, MeshName] = {
    "pilot-agent": "istio",
    "linkerd2-proxy": "linkerd",
    "consul-dataplane": "consul",
    "kuma-dp": "kuma",
}
_PORTS: tuple[tuple[MeshName, frozenset[int]], ...] = (
    ("istio", frozenset({15001, 15006})),
    ("linkerd", frozenset({4140, 4143})),
)
MESH_TITLES: dict[MeshName, str] = {
    "istio": "Istio",
    "istio-ambient": "Istio's ambient mode",
    "linkerd": "Linkerd",
    "consul": "Consul",
    "kuma": "Kuma",
    "app-mesh": "AWS App Mesh",
}


def proxies(snapshot: Snapshot) -> tuple[Proxy, ...]:
    """The containers in which a proxy's program runs, in the Pod's order."""
    found = []
    for container in snapshot.containers:
        if container.kind in {"init", "ephemeral"} and container.state != "running":
            continue
        process, program = _program(snapshot, container)
        mesh = mesh_of(snapshot, container)
        if program is None and mesh is None:
            continue
        found.append(
            Proxy(
                container=container.name,
                program=program or ("linkerd-proxy" if mesh and mesh[0] == "linkerd" else "envoy"),
                process=process,
                mesh=mesh[0] if mesh else None,
            )
        )
    return tuple(found)


def process_names(snapshot: Snapshot, container: Container) -> dict[str, None]:
    """The names of the processes that are known of a container, those that listen first."""
    listening = [
        each.owner.process.name
        for each in snapshot.network.listeners
        if each.container == container.name and each.owner.process
    ]
    running = [each.name for each in container.processes.top] if container.processes else []
    return dict.fromkeys([*listening, *running])


def named(process: str, wanted: str) -> bool:
    """The process is called that, as far as its name goes."""
    return process == wanted or (len(process) == _LENGTH and wanted.startswith(process))


def _program(snapshot: Snapshot, container: Container) -> tuple[str | None, ProxyProgram | None]:
    for process in process_names(snapshot, container):
        for wanted, program in _PROGRAMS.items():
            if named(process, wanted):
                return process, program
    return None, None


def image_name(image: str | None) -> str:
    """`registry:port/path/name:tag@digest` without tag and digest, in lower case."""
    return re.sub(r"(:[^/:]*)?(@.*)?$", "", image or "").lower()


def mesh_of(snapshot: Snapshot, container: Container) -> tuple[MeshName, str] | None:
    """The mesh whose proxy the container is, and the sentence that tells why; `None` where it is none's.

    By image, process, container name and Envoy or linkerd in it, or the ports that only a mesh's proxy has.
    """
    if container.kind == "init":
        return None
    name = container.name
    image = image_name(container.image)
    for mesh, pattern in _IMAGES:
        if pattern.search(image):
            return mesh, f"{name} runs {MESH_TITLES[mesh]}'s proxy image ({container.image})."
    for process in process_names(snapshot, container):
        for wanted, mesh in _PROCESSES.items():
            if named(process, wanted):
                return mesh, f"{process} runs in {name}."
    ports = {
        each.port
        for each in snapshot.network.listeners
        if each.container == container.name and each.protocol == "tcp"
    }
    for mesh, telling in _PORTS:
        if telling <= ports:
            both = " and ".join(str(port) for port in sorted(telling))
            return (
                mesh,
                f"{name} listens on {both}, where {MESH_TITLES[mesh]}'s proxy takes what is redirected.",
            )
    if (known := _NAMES.get(name)) and _program(snapshot, container)[1] in {"envoy", "linkerd-proxy"}:
        return (
            known,
            f"{name} is what {MESH_TITLES[known]} calls its proxy's container, and Envoy runs in it.",
        )
    return None
