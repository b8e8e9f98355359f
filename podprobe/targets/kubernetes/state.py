"""A Pod's JSON as the snapshot's own structs: everything that is known without an agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from podprobe.model import (
    Container,
    DeclaredPort,
    LastExit,
    Probe,
    ProbeFailures,
    Resources,
    Target,
    User,
    Volume,
    VolumeMount,
)
from podprobe.targets.base import PodState
from podprobe.targets.kubernetes.agents import is_agent
from podprobe.targets.kubernetes.quantity import amount, whole
from podprobe_agent.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import NetworkPolicy, Service, Visibility
    from podprobe.targets.kubernetes.events import Failures
    from podprobe.targets.kubernetes.objects import ContainerSpec, ContainerStatus, Pod, ProbeSpec, Terminated

_PROTOCOLS: dict[str, Literal["tcp", "udp", "sctp"]] = {"TCP": "tcp", "UDP": "udp", "SCTP": "sctp"}
_MESHES = ("istio.io", "linkerd.io", "kuma.io", "consul.hashicorp.com", "appmesh.k8s.aws")
_LONGEST_ANNOTATION = 512
_SOURCES = {
    "configMap": "name", "secret": "secretName", "persistentVolumeClaim": "claimName", "hostPath": "path",
    "nfs": "path", "csi": "driver", "image": "reference",
}  # fmt: skip


def pod_state(
    pod: Pod,
    *,
    context: str | None = None,
    services: tuple[Service, ...] = (),
    network_policies: tuple[NetworkPolicy, ...] = (),
    visibility: tuple[Visibility, ...] = (),
    probe_failures: Failures | None = None,
) -> PodState:
    """The declared state. podprobe's own agents are left out; other ephemeral containers are not."""
    return PodState(
        target=_target(pod, context),
        containers=tuple(_containers(pod, probe_failures)),
        volumes=tuple(_volumes(pod)),
        services=services,
        network_policies=network_policies,
        visibility=visibility,
        resource_version=pod.metadata.resource_version,
    )


def specs(pod: Pod) -> Iterator[tuple[ContainerSpec, Literal["app", "sidecar", "init", "ephemeral"]]]:
    """Every container but podprobe's agents, with its kind, application containers first."""
    for spec in pod.spec.containers:
        yield spec, "app"
    for spec in pod.spec.init_containers or ():
        yield spec, "sidecar" if spec.restart_policy == "Always" else "init"
    for spec in pod.spec.ephemeral_containers or ():
        if not is_agent(spec):
            yield spec, "ephemeral"


def running(pod: Pod) -> Iterator[ContainerSpec]:
    """The containers that run now and are no agents."""
    reported = pod.statuses()
    for spec, _ in specs(pod):
        status = reported.get(spec.name)
        if status and status.state and status.state.running:
            yield spec


def _target(pod: Pod, context: str | None) -> Target:
    meta, spec, status = pod.metadata, pod.spec, pod.status
    owner = next((one for one in meta.owner_references or () if one.controller), None)
    ips = tuple(one.ip for one in status.pod_ips or ()) or ((status.pod_ip,) if status.pod_ip else ())
    return Target(
        kind="pod",
        context=context,
        namespace=meta.namespace,
        pod=meta.name,
        uid=meta.uid,
        node=spec.node_name,
        ips=ips,
        phase=phase(pod),
        qos=status.qos_class,
        hostname=spec.hostname or meta.name,
        subdomain=spec.subdomain,
        started_at=status.start_time,
        host_network=spec.host_network,
        host_ipc=spec.host_ipc,
        shared_pid=pod.shares_pid_namespace,
        service_account=spec.service_account_name,
        owner=f"{owner.kind}/{owner.name}" if owner else None,
        labels=dict(meta.labels or {}),
        annotations=_annotations(meta.annotations or {}),
    )


def _annotations(every: dict[str, str]) -> dict[str, str]:
    """Those that say something of a mesh, long values cut. The others may hold anything, and stay where they are."""
    return {
        key: value[:_LONGEST_ANNOTATION]
        for key, value in sorted(every.items())
        if key.partition("/")[0].endswith(_MESHES)
    }


def phase(pod: Pod) -> str | None:
    """The phase as kubectl shows it: a Pod that is being deleted is Terminating."""
    return "Terminating" if pod.metadata.deletion_timestamp else pod.status.phase


def _containers(pod: Pod, failures: Failures | None) -> Iterator[Container]:
    reported = pod.statuses()
    pod_ports = [port for spec, _ in specs(pod) for port in spec.ports or ()]
    for spec, kind in specs(pod):
        status = reported.get(spec.name)
        # A probe's named port is one of the container's own.
        names = {port.name: port.container_port for port in (spec.ports or pod_ports) if port.name}
        state, reason = _state(status)
        current = status.state.running if status and status.state else None
        yield Container(
            name=spec.name,
            id=(status.container_id or "").partition("://")[2] or None if status else None,
            kind=kind,
            state=state,
            state_reason=reason,
            ready=status.ready if status else None,
            started=status.started if status else None,
            restarts=status.restart_count if status else 0,
            started_at=current.started_at if current else None,
            last_exit=_last_exit(status),
            image=spec.image,
            command=Redactor().arguments((*(spec.command or ()), *(spec.args or ()))),
            user=_user(status),
            ports=tuple(
                DeclaredPort(
                    name=port.name,
                    port=port.container_port,
                    protocol=_PROTOCOLS.get(port.protocol, "tcp"),
                    host_port=port.host_port,
                )
                for port in spec.ports or ()
            ),
            probes=tuple(_probes(spec, names, failures)),
            post_start_hook=spec.lifecycle is not None and spec.lifecycle.post_start is not None,
            resources=_resources(spec),
        )


def _state(
    status: ContainerStatus | None,
) -> tuple[Literal["waiting", "running", "terminated", "unknown"], str | None]:
    state = status.state if status else None
    if state is None:
        return "unknown", None
    if state.running:
        return "running", None
    if state.terminated:
        return "terminated", state.terminated.reason
    return "waiting", state.waiting.reason if state.waiting else None


def _last_exit(status: ContainerStatus | None) -> LastExit | None:
    ended: Terminated | None = None
    if status:
        now, before = status.state, status.last_state
        ended = (now.terminated if now else None) or (before.terminated if before else None)
    if ended is None:
        return None
    return LastExit(
        reason=ended.reason,
        exit_code=ended.exit_code,
        signal=ended.signal or None,
        finished_at=ended.finished_at,
        started_at=ended.started_at,
        message=ended.message,
    )


def _user(status: ContainerStatus | None) -> User | None:
    user = status.user.linux if status and status.user else None
    return User(uid=user.uid, gid=user.gid, groups=user.supplemental_groups or ()) if user else None


def _probes(spec: ContainerSpec, names: dict[str, int], failures: Failures | None) -> Iterator[Probe]:
    declared: tuple[tuple[Literal["startup", "readiness", "liveness"], ProbeSpec | None], ...] = (
        ("startup", spec.startup_probe),
        ("readiness", spec.readiness_probe),
        ("liveness", spec.liveness_probe),
    )
    for role, probe in declared:
        if probe is None:
            continue
        kind: Literal["http", "tcp", "grpc", "exec"] = "exec"
        port: int | str | None = None
        host = path = scheme = service = None
        headers: tuple[str, ...] = ()
        if http := probe.http_get:
            kind, port, host, path = "http", http.port, http.host, http.path or "/"
            scheme = (http.scheme or "HTTP").lower()
            headers = tuple(header.name for header in http.http_headers or ())
        elif tcp := probe.tcp_socket:
            kind, port, host = "tcp", tcp.port, tcp.host
        elif probe.grpc:
            kind, port, service = "grpc", probe.grpc.port, probe.grpc.service
        yield Probe(
            role=role,
            kind=kind,
            port=names.get(port) if isinstance(port, str) else port,
            port_name=port if isinstance(port, str) else None,
            host=host,
            path=path,
            scheme=scheme,
            # What the API server fills in; absent only in a manifest that it has not seen.
            initial_delay_seconds=probe.initial_delay_seconds,
            period_seconds=probe.period_seconds,
            timeout_seconds=probe.timeout_seconds,
            failure_threshold=probe.failure_threshold,
            grpc_service=service or None,
            http_headers=headers,
            failures=None if failures is None else failures.get((spec.name, role), ProbeFailures(count=0)),
        )


def _resources(spec: ContainerSpec) -> Resources:
    requests = (spec.resources.requests if spec.resources else None) or {}
    limits = (spec.resources.limits if spec.resources else None) or {}
    return Resources(
        cpu_request=amount(requests.get("cpu")),
        cpu_limit=amount(limits.get("cpu")),
        memory_request_bytes=whole(requests.get("memory")),
        memory_limit_bytes=whole(limits.get("memory")),
        ephemeral_storage_limit_bytes=whole(limits.get("ephemeral-storage")),
    )


def _volumes(pod: Pod) -> Iterator[Volume]:
    for volume in pod.spec.volumes or ():
        name = str(volume.get("name", ""))
        kind = next((key for key, value in volume.items() if key != "name" and value is not None), "unknown")
        details: dict[str, Any] = volume[kind] if isinstance(volume.get(kind), dict) else {}
        source = details.get(_SOURCES.get(kind, ""))
        yield Volume(
            name=name,
            type=kind,
            medium=(details.get("medium") or None) if kind == "emptyDir" else None,
            size_limit_bytes=whole(str(details["sizeLimit"])) if details.get("sizeLimit") else None,
            source=str(source) if source is not None else None,
            mounts=tuple(
                VolumeMount(
                    container=spec.name,
                    path=mount.mount_path,
                    read_only=mount.read_only,
                    sub_path=mount.sub_path or mount.sub_path_expr,
                )
                for spec, _ in specs(pod)
                for mount in spec.volume_mounts or ()
                if mount.name == name
            ),
        )
