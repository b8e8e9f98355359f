"""The target, its containers, and what could not be seen."""

from __future__ import annotations

from typing import Literal

from podprobe.model.base import Level, Model


class Tool(Model, frozen=True, kw_only=True):
    """What took the snapshot."""

    version: str
    name: str = "podprobe"


class Target(Model, frozen=True, kw_only=True):
    """What was looked at."""

    kind: Literal["pod", "local"]
    context: str | None = None
    namespace: str | None = None
    pod: str
    uid: str | None = None
    node: str | None = None
    ips: tuple[str, ...] = ()
    phase: str | None = None
    qos: str | None = None
    hostname: str | None = None
    subdomain: str | None = None
    started_at: str | None = None
    """RFC 3339."""
    host_network: bool = False
    host_ipc: bool = False
    shared_pid: bool = False
    service_account: str | None = None
    owner: str | None = None
    """The controlling owner reference, such as `ReplicaSet/web-7d9f`."""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    """Those by which service meshes are told what to do with the Pod; the others are not read."""


class Visibility(Model, frozen=True, kw_only=True):
    """Something that could not be seen, or not wholly."""

    area: str
    """Where: `sockets`, `files`, `maps`, `volumes`, `processes`, `cgroup`, `services`,
    `network_policies`, `agent`, …"""
    container: str | None
    """In which container; `None` for the whole Pod."""
    level: Level
    reason: str
    """Why, as the system answered."""
    allow: str | None = None
    """What would let podprobe see it."""


class LastExit(Model, frozen=True, kw_only=True):
    """How a container ended the last time."""

    reason: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    finished_at: str | None = None
    started_at: str | None = None
    message: str | None = None


class DeclaredPort(Model, frozen=True, kw_only=True):
    """A `containerPort`."""

    name: str | None = None
    port: int
    protocol: Literal["tcp", "udp", "sctp"] = "tcp"
    host_port: int | None = None


class ProbeTrial(Model, frozen=True, kw_only=True):
    """A probe tried once from inside the Pod, at the Pod's address (`--try-probes`)."""

    outcome: Literal["ok", "partial", "failed", "timeout", "refused", "unreachable", "not-tried"]
    """`failed`: there was an answer, and it is none that the kubelet would take for success. `partial`: there was an
    answer to part of what the kubelet asks (a redirect that was not followed, a connection without TLS), which does not
    tell what the whole would come to; `detail` says which part."""
    to: str | None = None
    """What was asked: `http://10.0.0.7:80/healthz`, `10.0.0.7:5432`."""
    time_us: int | None = None
    """To the first byte of the answer, or to the connection where that is all that is probed; with `timeout`, how long
    was waited."""
    status: int | None = None
    """Of an HTTP answer."""
    detail: str | None = None
    """Why it was not tried, or in what the trial differs from the kubelet's probe."""


class ProbeFailures(Model, frozen=True, kw_only=True):
    """What the cluster's events tell of a probe's failures. A cluster keeps events for an hour, by default."""

    count: int
    first_at: str | None = None
    last_at: str | None = None
    message: str | None = None
    """Of the last one, without what looks like a secret."""


class Probe(Model, frozen=True, kw_only=True):
    """A startup, readiness or liveness probe as declared, and how it fares."""

    role: Literal["startup", "readiness", "liveness"]
    kind: Literal["http", "tcp", "grpc", "exec"]
    port: int | None = None
    """Resolved number; `None` for exec, or where a named port does not exist."""
    port_name: str | None = None
    host: str | None = None
    path: str | None = None
    scheme: str | None = None
    initial_delay_seconds: int | None = None
    """After the container's start, before the first probe."""
    period_seconds: int | None = None
    timeout_seconds: int | None = None
    failure_threshold: int | None = None
    grpc_service: str | None = None
    http_headers: tuple[str, ...] = ()
    """Names of the headers that the kubelet adds; their values may be secrets, and are not read."""
    tried: ProbeTrial | None = None
    failures: ProbeFailures | None = None
    """`None` where the events could not be read; without failures, its `count` is 0."""


class Resources(Model, frozen=True, kw_only=True):
    """Requests and limits, in cores and bytes."""

    cpu_request: float | None = None
    cpu_limit: float | None = None
    memory_request_bytes: int | None = None
    memory_limit_bytes: int | None = None
    ephemeral_storage_limit_bytes: int | None = None


class User(Model, frozen=True, kw_only=True):
    """The identity of a container's first process."""

    uid: int
    gid: int | None = None
    groups: tuple[int, ...] = ()


class Process(Model, frozen=True, kw_only=True):
    """One process of a container."""

    pid: int
    """As the container's own PID namespace numbers it."""
    parent: int
    name: str
    state: str
    """One word of psutil's: `running`, `sleeping`, `disk-sleep`, `zombie`, `stopped`, …"""
    command: str | None = None
    """Command line; values that look like secrets are redacted at the agent."""
    uid: int | None = None
    threads: int | None = None
    open_files: int | None = None
    open_files_limit: int | None = None
    memory_bytes: int | None = None
    """Resident set size."""
    cpu_seconds: float | None = None
    started_at: str | None = None


class ZombieParent(Model, frozen=True, kw_only=True):
    """A process that does not reap its children."""

    pid: int
    name: str
    count: int


class Processes(Model, frozen=True, kw_only=True):
    """The processes of a container."""

    count: int
    zombies: int
    threads: int
    zombie_parents: tuple[ZombieParent, ...] = ()
    top: tuple[Process, ...] = ()
    """All where they are few, else the largest by CPU time and memory, and every parent of zombies."""


class Pressure(Model, frozen=True, kw_only=True):
    """PSI: the share of the last ten seconds in which some task stood still, 0 to 1."""

    cpu_some_ratio: float | None = None
    memory_some_ratio: float | None = None
    memory_full_ratio: float | None = None
    io_some_ratio: float | None = None
    io_full_ratio: float | None = None


class Cgroup(Model, frozen=True, kw_only=True):
    """The control group of a container."""

    version: Literal[1, 2]
    cpu_seconds: float | None = None
    cpu_limit: float | None = None
    """Quota over period, in cores."""
    cpu_periods: int | None = None
    cpu_throttled_periods: int | None = None
    cpu_throttled_ratio: float | None = None
    """Throttled periods over all periods: since the last look where there was one, else since the start."""
    memory_bytes: int | None = None
    memory_working_set_bytes: int | None = None
    """Memory less inactive file cache: what the kubelet and the OOM killer go by."""
    memory_shmem_bytes: int | None = None
    memory_limit_bytes: int | None = None
    memory_peak_bytes: int | None = None
    memory_high_events: int | None = None
    """How often it was slowed down for being above `memory.high` (`high` of memory.events; v2 alone)."""
    memory_max_events: int | None = None
    """How often its use was about to go over the limit (`max` of memory.events; v1: memory.failcnt)."""
    oom_events: int | None = None
    """How often no memory could be freed at the limit, so that a kill was due (`oom` of memory.events; v2 alone)."""
    oom_kills: int | None = None
    pids: int | None = None
    pids_limit: int | None = None
    pids_max_events: int | None = None
    """How many forks and new threads were refused for a limit, its own or, before Linux 6.11, one above it (`max` of
    pids.events)."""
    pressure: Pressure | None = None


Role = Literal["reverse-proxy", "ambassador", "log-shipper", "cache", "metrics-exporter", "mesh-proxy"]
"""A part that containers beside an application often play."""


class Wait(Model, frozen=True, kw_only=True):
    """A container that the kubelet had to wait for before it started another one."""

    container: str
    until: Literal["ended", "startup-probe", "post-start-hook", "running"]
    """`ended`: an init container, for its success. `startup-probe`: a sidecar, until that succeeded.
    `post-start-hook`: a container before it in the spec, until its `lifecycle.postStart` was done: the kubelet runs it
    before it starts the next one. `running`: a sidecar without either, which may not be ready by far."""


class Start(Model, frozen=True, kw_only=True):
    """When a container started, beside the others."""

    container: str
    kind: Literal["app", "sidecar", "init"]
    started_at: str | None = None
    """Its present run, or, where it has ended, its last. To the second, as the kubelet has it."""
    process_started_at: str | None = None
    """Its oldest process that an agent saw, where that is within 2 s of it: finer."""
    ended_at: str | None = None
    """Where it does not run now."""
    after_ms: int | None = None
    """From the first start of any container to this one's; negative never."""
    lasted_ms: int | None = None
    """Where it does not run now."""
    restarts: int = 0
    """More than 0: what is told is not its first start."""
    waited_for: tuple[Wait, ...] = ()
    """As the Pod's spec has it. Application containers do not wait for one another."""


class Container(Model, frozen=True, kw_only=True):
    """One container: what is declared, its state, and what runs in it."""

    name: str
    id: str | None = None
    kind: Literal["app", "sidecar", "init", "ephemeral"] = "app"
    role: Role | None = None
    """Told by what it does, its ports and its image; `None` where these tell none."""
    state: Literal["waiting", "running", "terminated", "unknown"] = "unknown"
    state_reason: str | None = None
    ready: bool | None = None
    started: bool | None = None
    restarts: int = 0
    started_at: str | None = None
    last_exit: LastExit | None = None
    image: str | None = None
    command: tuple[str, ...] = ()
    """Declared command and arguments, redacted."""
    user: User | None = None
    agent: bool = False
    """An agent looked at this container."""
    ports: tuple[DeclaredPort, ...] = ()
    probes: tuple[Probe, ...] = ()
    post_start_hook: bool = False
    """It declares `lifecycle.postStart`. What the hook does is not read."""
    resources: Resources = Resources()
    processes: Processes | None = None
    cgroup: Cgroup | None = None
