"""Proxies, the mesh that they are part of, and the ways that requests take through them."""

from __future__ import annotations

from typing import Literal

from podprobe.model.base import Model
from podprobe.model.judgement import Health

MeshName = Literal["istio", "istio-ambient", "linkerd", "consul", "kuma", "app-mesh"]
ProxyProgram = Literal[
    "envoy",
    "linkerd-proxy",
    "ztunnel",
    "nginx",
    "haproxy",
    "socat",
    "traefik",
    "caddy",
    "apache",
    "other",
]


class Upstream(Model, frozen=True, kw_only=True):
    """A cluster of Envoy's: hosts that it sends requests to."""

    name: str
    hosts: int
    healthy_hosts: int
    """Hosts that no health check, outlier detection or discovery calls unhealthy."""
    unhealthy: tuple[str, ...] = ()
    """The others, as `10.78.0.9:8080: failed active health check`; at most ten."""
    connections: int | None = None
    """Open now, to all its hosts."""
    connect_failures: int | None = None
    """Connections that failed or timed out, since Envoy's start (`upstream_cx_connect_fail`)."""
    requests: int | None = None
    """Since Envoy's start (`upstream_rq_total`)."""
    failed_requests: int | None = None
    """Answered with a status of 500 or above, reset or timed out, as its hosts count them (`rq_error`)."""
    active_requests: int | None = None
    pending_requests: int | None = None
    """Waiting for a connection now (`upstream_rq_pending_active`)."""
    pending_overflow: int | None = None
    """Refused since too many waited (`upstream_rq_pending_overflow`)."""
    request_p50_ms: float | None = None
    """From a request's end to the response's, as Envoy times it in whole milliseconds (`upstream_rq_time`)."""
    request_p99_ms: float | None = None


class ProxyAdmin(Model, frozen=True, kw_only=True):
    """What a proxy's administration port says of it."""

    address: str
    """`127.0.0.1:15000`."""
    version: str | None = None
    state: str | None = None
    """`LIVE`, `DRAINING`, `PRE_INITIALIZING`, `INITIALIZING`."""
    uptime_seconds: int | None = None
    upstreams: tuple[Upstream, ...] = ()
    upstream_count: int = 0
    """All of them, those left out of `upstreams` included."""
    downstream_p50_ms: float | None = None
    """From a request's arrival at the proxy to the end of its response (`downstream_rq_time`), all listeners."""
    downstream_p99_ms: float | None = None
    error: str | None = None
    """Why it said nothing, or not all."""


class Proxy(Model, frozen=True, kw_only=True):
    """A container that passes on what others send, told by its program."""

    container: str
    program: ProxyProgram
    process: str | None = None
    """The process that tells it."""
    mesh: MeshName | None = None
    """The mesh whose proxy it is."""
    admin: ProxyAdmin | None = None


class Interception(Model, frozen=True, kw_only=True):
    """How connections come to a mesh's proxy without the application's doing."""

    inbound_port: int | None = None
    """Where connections from outside are redirected to."""
    outbound_port: int | None = None
    """Where connections that the Pod opens are redirected to."""
    proxy_uid: int | None = None
    """Connections of this user are not redirected."""
    by: Literal["init-container", "cni", "unknown"] = "unknown"
    """What made the rules."""
    inbound_ports: str | None = None
    """Which ports are intercepted, as it was told: `*`, `80,8080`."""
    excluded_inbound_ports: tuple[str, ...] = ()
    excluded_outbound_ports: tuple[str, ...] = ()
    excluded_outbound_addresses: tuple[str, ...] = ()


class Bypass(Model, frozen=True, kw_only=True):
    """A flow of the Pod's with the outside that does not pass through the mesh's proxy."""

    direction: Literal["inbound", "outbound"]
    container: str | None
    endpoint: str
    """Inbound: the listener; outbound: whom it is connected to."""
    connections: int
    reason: str | None = None
    """Why, where it is known: a port that is excluded, the proxy's own user, a probe."""


class Mesh(Model, frozen=True, kw_only=True):
    """The service mesh that the Pod is part of."""

    name: MeshName
    container: str | None = None
    """Its proxy in the Pod; `None` where that is the node's (ambient)."""
    evidence: tuple[str, ...] = ()
    """What tells it, a sentence each."""
    interception: Interception = Interception()
    through_inbound: int = 0
    """Connections from outside that arrive at the proxy."""
    through_outbound: int = 0
    """Connections that the Pod's containers opened and that end at the proxy."""
    bypass: tuple[Bypass, ...] = ()


class Leg(Model, frozen=True, kw_only=True):
    """A stretch of a path: from one party to the listener of the next."""

    kind: Literal["tcp", "unix"] = "tcp"
    from_container: str | None
    """`None`: outside."""
    to_container: str | None
    """`None`: outside."""
    to: str
    """Where the connections end: `10.78.0.4:80`, `127.0.0.1:5000`, `/run/app.sock`."""
    original: str | None = None
    """Where they were meant to, where a redirection brings them to `to`."""
    connections: int = 0
    """Open at the look; 0 where a Service leads here and nobody is connected."""
    rtt_us: int | None = None
    """Median of the connections' smoothed round-trip times; acknowledgements that wait for data to go with make it
    longer than the way is."""
    min_rtt_us: int | None = None
    """The least round-trip time that one of them saw."""
    max_rtt_us: int | None = None
    segments_out: int = 0
    retransmits: int = 0
    retransmit_ratio: float | None = None
    spurious_retransmits: int = 0
    """Of `retransmits`, those that the peer says it had already (DSACK)."""
    bytes_sent: int = 0
    """Towards `to`."""
    bytes_received: int = 0
    queued_bytes: int = 0
    """Sent and not acknowledged, or received and not read, of both sides."""
    connect_p50_us: float | None = None
    """Of podprobe's own connects to the same listener, where there are such."""
    health: Health = "unknown"
    evidence: tuple[str, ...] = ()
    """JSON pointers into the snapshot."""


class Price(Model, frozen=True, kw_only=True):
    """What the proxies on a path cost, as far as the kernel tells without sending anything.

    Time that the proxy itself takes for a request is not in it; `podprobe latency` measures that.
    """

    round_trip_us: int | None = None
    """The least round-trip times of the TCP legs behind the first proxy, added up: what it adds to each request at
    the least, on connections that are open already."""
    cpu_cores: float | None = None
    """CPU time that its containers took per second since the look before, for all paths through them."""
    memory_bytes: int | None = None
    """Their working sets."""


class Path(Model, frozen=True, kw_only=True):
    """A way that requests take through one proxy or several, leg by leg."""

    proxies: tuple[str, ...]
    """Containers that pass the requests on, in order."""
    legs: tuple[Leg, ...]
    services: tuple[str, ...] = ()
    """Service ports that lead here, as `web:80`."""
    certain: bool = True
    """False where the proxy has several ways in and several out, and nothing tells which belong together."""
    price: Price = Price()
