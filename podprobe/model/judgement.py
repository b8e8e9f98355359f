"""What was measured and concluded: latency, channels, Services, findings."""

from __future__ import annotations

from typing import Literal

from podprobe.model.base import Model

Severity = Literal["critical", "warning", "info"]
Health = Literal["ok", "degraded", "broken", "unknown"]


class Histogram(Model, frozen=True, kw_only=True):
    """Counts in log-linear buckets. Two histograms of one `buckets_per_octave` add up bucket by bucket."""

    buckets_per_octave: int
    counts: dict[int, int]
    """Bucket number to count. Octave `i // buckets_per_octave` begins at 2 to that power, in nanoseconds; within an
    octave the buckets are of equal width."""


class Latency(Model, frozen=True, kw_only=True):
    """Active probes from one container to one endpoint."""

    from_container: str | None
    to_container: str | None
    to: str
    """`127.0.0.1:5000`, a unix socket's path, or a URL."""
    kind: Literal["tcp", "unix", "http", "udp"]
    count: int
    failures: int
    min_us: float | None = None
    p50_us: float | None = None
    p90_us: float | None = None
    p99_us: float | None = None
    max_us: float | None = None
    mean_us: float | None = None
    cpu_wait_us: float | None = None
    """How long the probes themselves waited for a CPU, all together (`/proc/thread-self/schedstat`)."""
    p90_less_cpu_wait_us: float | None = None
    """90th percentile of what the probes took besides waiting for a CPU themselves; of several rounds the worst."""
    max_less_cpu_wait_us: float | None = None
    """The longest that a probe took besides waiting for a CPU itself."""
    errors: dict[str, int] = {}
    """Failures by the errno's name (`ECONNREFUSED`), or by HTTP status."""
    histogram: Histogram | None = None


class Channel(Model, frozen=True, kw_only=True):
    """One way in which two containers touch, or one container and the outside."""

    kind: Literal[
        "tcp",
        "udp",
        "unix",
        "shared-memory",
        "semaphore",
        "message-queue",
        "posix-shared-memory",
        "posix-message-queue",
        "volume",
        "pid-namespace",
    ]
    a: str | None
    """The client, sender or writer where there is a direction; `None`: outside the Pod."""
    b: str | None
    directed: bool = False
    via: str
    """`127.0.0.1:5000`, `/run/app.sock`, `0x00001234`, the volume's name, …"""
    health: Health = "unknown"
    """By its own numbers and by the findings that it is part of: critical is `broken`, warning is `degraded`."""
    findings: tuple[str, ...] = ()
    """Codes of the findings, critical and warning, that it is part of: the gravest first."""
    detail: str = ""
    evidence: tuple[str, ...] = ()
    """JSON pointers into the snapshot."""
    last_open_at: str | None = None
    """When an earlier look saw it open, where only closed connections (TIME_WAIT) are left of it in this one."""


class ServicePort(Model, frozen=True, kw_only=True):
    """One port of a Service, followed to its end in the Pod."""

    name: str | None = None
    port: int
    protocol: Literal["tcp", "udp", "sctp"] = "tcp"
    target_port: int | None = None
    target_port_name: str | None = None
    node_port: int | None = None
    listener: Literal["ok", "loopback-only", "other-address", "srv-only", "missing", "unresolved", "unknown"]
    """`other-address`: who listens there does not answer at the Pod's address, or not at that of each family of the
    Service. `srv-only`: of a headless Service, whose name is the Pod's own address: at `port` nobody answers there,
    only at `target_port`, which none but who asks for SRV records is told."""
    container: str | None = None
    unreached: tuple[str, ...] = ()
    """With `other-address`, the families at whose address nobody answers."""
    ready: bool | None = None
    """The Pod is among the ready endpoints of this port; `None` where that is not known."""


class Service(Model, frozen=True, kw_only=True):
    """A Service that leads to the Pod: its selector matches, or, without one, an EndpointSlice names the Pod."""

    name: str
    type: str
    cluster_ip: str | None = None
    ports: tuple[ServicePort, ...] = ()
    ready: bool | None = None
    """The Pod is among its ready endpoints, of some port at least; `None` where that is not known, and of an alias."""
    ip_families: tuple[str, ...] = ()
    """`IPv4`, `IPv6`: by which it leads to the Pod; empty where the Service does not say."""
    cluster_ips: tuple[str, ...] = ()
    external_ips: tuple[str, ...] = ()
    """`spec.externalIPs`."""
    load_balancer: tuple[str, ...] = ()
    """Addresses or names that a load balancer has given it (`status.loadBalancer.ingress`)."""
    external_name: str | None = None
    """Of type ExternalName: the name in DNS that it is an alias of. Such a Service leads to no Pod, whatever its
    selector."""
    by_hand: bool = False
    """It has no selector; its EndpointSlice was made by somebody else than Kubernetes."""


class Finding(Model, frozen=True, kw_only=True):
    """Something wrong, or worth knowing, and what to do about it."""

    code: str
    severity: Severity
    title: str
    subject: str
    """What it is about, stable between looks: `webapp 127.0.0.1:5000`."""
    containers: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    """Facts, each a sentence with its numbers."""
    pointers: tuple[str, ...] = ()
    """JSON pointers into the snapshot, the places that the evidence comes from."""
    remedy: str
    docs: str


class Ignored(Model, frozen=True, kw_only=True):
    """A finding that the configuration accepts (`[[ignore]]`): it counts nowhere."""

    finding: Finding
    reason: str
    """As the configuration gives it."""
