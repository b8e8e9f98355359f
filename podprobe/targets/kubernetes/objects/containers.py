"""Containers as declared, and as their runtime reports them."""

from __future__ import annotations

from typing import Any

from msgspec import field

from podprobe.targets.kubernetes.objects.wire import Wire


class Capabilities(Wire, frozen=True, omit_defaults=True):
    """Capabilities by name, with or without `CAP_`, or `ALL`."""

    add: tuple[str, ...] | None = None
    drop: tuple[str, ...] | None = None


class SecurityContext(Wire, frozen=True, omit_defaults=True):
    """A container's; of a Pod's, the fields that both have. `None`: not said."""

    run_as_user: int | None = None
    run_as_group: int | None = None
    run_as_non_root: bool | None = None
    privileged: bool | None = None
    allow_privilege_escalation: bool | None = None
    read_only_root_filesystem: bool | None = None
    capabilities: Capabilities | None = None
    seccomp_profile: dict[str, Any] | None = None
    app_armor_profile: dict[str, Any] | None = None
    se_linux_options: dict[str, Any] | None = None
    proc_mount: str | None = None


class ContainerPort(Wire, frozen=True):
    """A declared port."""

    container_port: int
    name: str | None = None
    protocol: str = "TCP"
    host_port: int | None = None


class HttpHeader(Wire, frozen=True):
    """A header of a probe. Its value is left alone."""

    name: str


class HttpGet(Wire, frozen=True):
    """A probe over HTTP."""

    port: int | str
    path: str | None = None
    host: str | None = None
    scheme: str | None = None
    http_headers: tuple[HttpHeader, ...] | None = None


class TcpSocket(Wire, frozen=True):
    """A probe that connects."""

    port: int | str
    host: str | None = None


class Grpc(Wire, frozen=True):
    """A probe over gRPC."""

    port: int
    service: str | None = None


class ProbeSpec(Wire, frozen=True):
    """A probe."""

    http_get: HttpGet | None = None
    tcp_socket: TcpSocket | None = None
    grpc: Grpc | None = None
    exec: dict[str, Any] | None = None
    initial_delay_seconds: int | None = None
    period_seconds: int | None = None
    timeout_seconds: int | None = None
    failure_threshold: int | None = None


class ResourceSpec(Wire, frozen=True):
    """Requests and limits, as quantities."""

    requests: dict[str, str] | None = None
    limits: dict[str, str] | None = None


class VolumeMountSpec(Wire, frozen=True):
    """Where a container has a volume."""

    name: str
    mount_path: str
    read_only: bool = False
    sub_path: str | None = None
    sub_path_expr: str | None = None


class EnvVar(Wire, frozen=True):
    """A variable with its value; values from elsewhere are not read."""

    name: str
    value: str = ""


class Lifecycle(Wire, frozen=True):
    """What the kubelet does besides starting and ending a container."""

    post_start: dict[str, Any] | None = None


class ContainerSpec(Wire, frozen=True):
    """A container of any kind, as declared. Of its environment, only agents' own is ever looked at."""

    name: str
    image: str | None = None
    command: tuple[str, ...] | None = None
    args: tuple[str, ...] | None = None
    ports: tuple[ContainerPort, ...] | None = None
    resources: ResourceSpec | None = None
    volume_mounts: tuple[VolumeMountSpec, ...] | None = None
    startup_probe: ProbeSpec | None = None
    readiness_probe: ProbeSpec | None = None
    liveness_probe: ProbeSpec | None = None
    lifecycle: Lifecycle | None = None
    security_context: SecurityContext | None = None
    restart_policy: str | None = None
    target_container_name: str | None = None
    env: tuple[EnvVar, ...] | None = None


class Running(Wire, frozen=True):
    """State of a running container."""

    started_at: str | None = None


class Waiting(Wire, frozen=True):
    """State of a container that does not run yet."""

    reason: str | None = None
    message: str | None = None


class Terminated(Wire, frozen=True):
    """State of a container that has ended."""

    exit_code: int | None = None
    signal: int | None = None
    reason: str | None = None
    message: str | None = None
    started_at: str | None = None
    finished_at: str | None = None


class ContainerState(Wire, frozen=True):
    """One of the three."""

    running: Running | None = None
    waiting: Waiting | None = None
    terminated: Terminated | None = None


class LinuxUser(Wire, frozen=True):
    """The identity of a container's first process (Kubernetes 1.33 and later)."""

    uid: int
    gid: int = 0
    supplemental_groups: tuple[int, ...] | None = None


class ContainerUser(Wire, frozen=True):
    """`user` of a container's status."""

    linux: LinuxUser | None = None


class ContainerStatus(Wire, frozen=True):
    """What the runtime reports of a container."""

    name: str
    container_id: str | None = field(name="containerID", default=None)
    image: str | None = None
    image_id: str | None = field(name="imageID", default=None)
    ready: bool | None = None
    started: bool | None = None
    restart_count: int = 0
    state: ContainerState | None = None
    last_state: ContainerState | None = None
    user: ContainerUser | None = None
