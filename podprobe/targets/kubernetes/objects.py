"""The part of Kubernetes' objects that podprobe reads: validated, frozen, everything else ignored.

`kubernetes.client`'s own models would cost 0.4 s and 25 MiB to import.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import field

from podprobe.errors import TargetError

T = TypeVar("T")


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Part of an object as the API server sends it."""


class Status(Wire, frozen=True):
    """Why a request failed."""

    message: str = ""
    reason: str = ""
    code: int = 0


class OwnerReference(Wire, frozen=True):
    """Whom an object belongs to."""

    kind: str
    name: str
    uid: str = ""
    controller: bool = False


class Meta(Wire, frozen=True):
    """`metadata`."""

    name: str = ""
    namespace: str | None = None
    uid: str | None = None
    resource_version: str | None = None
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: tuple[OwnerReference, ...] | None = None


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


class HttpGet(Wire, frozen=True):
    """A probe over HTTP."""

    port: int | str
    path: str | None = None
    host: str | None = None
    scheme: str | None = None


class TcpSocket(Wire, frozen=True):
    """A probe that connects."""

    port: int | str
    host: str | None = None


class Grpc(Wire, frozen=True):
    """A probe over gRPC."""

    port: int


class ProbeSpec(Wire, frozen=True):
    """A probe."""

    http_get: HttpGet | None = None
    tcp_socket: TcpSocket | None = None
    grpc: Grpc | None = None
    exec: dict[str, Any] | None = None
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
    security_context: SecurityContext | None = None
    restart_policy: str | None = None
    target_container_name: str | None = None
    env: tuple[EnvVar, ...] | None = None


class PodOs(Wire, frozen=True):
    """The operating system a Pod asks for."""

    name: str = "linux"


class PodSpec(Wire, frozen=True):
    """`spec` of a Pod. Volumes stay as they are: their type is the name of the field that is set."""

    containers: tuple[ContainerSpec, ...] = ()
    init_containers: tuple[ContainerSpec, ...] | None = None
    ephemeral_containers: tuple[ContainerSpec, ...] | None = None
    volumes: tuple[dict[str, Any], ...] | None = None
    node_name: str | None = None
    host_network: bool = False
    host_ipc: bool = field(name="hostIPC", default=False)
    host_pid: bool = field(name="hostPID", default=False)
    host_users: bool | None = None
    share_process_namespace: bool | None = None
    hostname: str | None = None
    subdomain: str | None = None
    service_account_name: str | None = None
    security_context: SecurityContext | None = None
    os: PodOs | None = None
    node_selector: dict[str, str] | None = None


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


class PodIp(Wire, frozen=True):
    """One address."""

    ip: str = ""


class Condition(Wire, frozen=True):
    """A condition of a Pod or a node."""

    type: str
    status: str = "Unknown"
    reason: str | None = None
    message: str | None = None


class PodStatus(Wire, frozen=True):
    """`status` of a Pod."""

    phase: str | None = None
    reason: str | None = None
    message: str | None = None
    pod_ip: str | None = field(name="podIP", default=None)
    pod_ips: tuple[PodIp, ...] | None = field(name="podIPs", default=None)
    start_time: str | None = None
    qos_class: str | None = None
    conditions: tuple[Condition, ...] | None = None
    container_statuses: tuple[ContainerStatus, ...] | None = None
    init_container_statuses: tuple[ContainerStatus, ...] | None = None
    ephemeral_container_statuses: tuple[ContainerStatus, ...] | None = None


class Pod(Wire, frozen=True):
    """A Pod."""

    metadata: Meta = Meta()
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def shares_pid_namespace(self) -> bool:
        """All containers see all processes: the Pod's own choice, or the node's PID namespace."""
        return bool(self.spec.share_process_namespace) or self.spec.host_pid

    def specs(self) -> tuple[ContainerSpec, ...]:
        """Every container as declared: initial, application's, ephemeral."""
        spec = self.spec
        return (*(spec.init_containers or ()), *spec.containers, *(spec.ephemeral_containers or ()))

    def statuses(self) -> dict[str, ContainerStatus]:
        """What is reported, by container name, of every kind."""
        status = self.status
        kinds = (
            status.init_container_statuses,
            status.container_statuses,
            status.ephemeral_container_statuses,
        )
        return {one.name: one for kind in kinds for one in kind or ()}


class ListMeta(Wire, frozen=True):
    """`metadata` of a list."""

    resource_version: str | None = None
    continue_: str | None = field(name="continue", default=None)


class PodList(Wire, frozen=True):
    """Pods."""

    items: tuple[Pod, ...] = ()
    metadata: ListMeta = ListMeta()


class PodEvent(Wire, frozen=True):
    """One line of a watch."""

    type: str
    object: Pod = Pod()


class ServicePortSpec(Wire, frozen=True):
    """A port of a Service."""

    port: int
    name: str | None = None
    protocol: str = "TCP"
    target_port: int | str | None = None
    node_port: int | None = None


class ServiceSpec(Wire, frozen=True):
    """`spec` of a Service."""

    type: str = "ClusterIP"
    cluster_ip: str | None = field(name="clusterIP", default=None)
    selector: dict[str, str] | None = None
    ports: tuple[ServicePortSpec, ...] | None = None


class ServiceObject(Wire, frozen=True):
    """A Service."""

    metadata: Meta = Meta()
    spec: ServiceSpec = ServiceSpec()


class ServiceList(Wire, frozen=True):
    """Services."""

    items: tuple[ServiceObject, ...] = ()


class EndpointConditions(Wire, frozen=True):
    """`None` counts as ready."""

    ready: bool | None = None


class TargetReference(Wire, frozen=True):
    """What is behind an endpoint."""

    kind: str = ""
    name: str = ""
    uid: str | None = None


class Endpoint(Wire, frozen=True):
    """One endpoint of a slice."""

    addresses: tuple[str, ...] = ()
    conditions: EndpointConditions = EndpointConditions()
    target_ref: TargetReference | None = None


class EndpointSlice(Wire, frozen=True):
    """Part of a Service's endpoints."""

    metadata: Meta = Meta()
    endpoints: tuple[Endpoint, ...] | None = None


class EndpointSliceList(Wire, frozen=True):
    """EndpointSlices."""

    items: tuple[EndpointSlice, ...] = ()


class SelectorRequirement(Wire, frozen=True):
    """One requirement."""

    key: str
    operator: str
    values: tuple[str, ...] | None = None


class Selector(Wire, frozen=True):
    """Of a workload, as the API server has it."""

    match_labels: dict[str, str] | None = None
    match_expressions: tuple[SelectorRequirement, ...] | None = None


class WorkloadSpec(Wire, frozen=True):
    """`spec` of a Deployment, StatefulSet, DaemonSet or Job."""

    selector: Selector | None = None


class Workload(Wire, frozen=True):
    """What makes Pods."""

    metadata: Meta = Meta()
    spec: WorkloadSpec = WorkloadSpec()


class NodeInfo(Wire, frozen=True):
    """What a node runs."""

    kernel_version: str = ""
    container_runtime_version: str = ""
    kubelet_version: str = ""
    architecture: str = ""
    operating_system: str = ""
    os_image: str = ""


class NodeImage(Wire, frozen=True):
    """An image that a node holds."""

    names: tuple[str, ...] | None = None


class NodeStatus(Wire, frozen=True):
    """`status` of a node; it lists at most 50 images."""

    conditions: tuple[Condition, ...] | None = None
    node_info: NodeInfo = NodeInfo()
    images: tuple[NodeImage, ...] | None = None


class Node(Wire, frozen=True):
    """A node."""

    metadata: Meta = Meta()
    status: NodeStatus = NodeStatus()

    @property
    def ready(self) -> Condition | None:
        """Its Ready condition."""
        return next((one for one in self.status.conditions or () if one.type == "Ready"), None)


class Namespace(Wire, frozen=True):
    """A namespace; its labels say which Pod Security level it enforces."""

    metadata: Meta = Meta()


class EventObject(Wire, frozen=True):
    """An event."""

    type: str = ""
    reason: str = ""
    message: str = ""
    last_timestamp: str | None = None


class EventList(Wire, frozen=True):
    """Events."""

    items: tuple[EventObject, ...] = ()


class Version(Wire, frozen=True):
    """What `/version` says."""

    git_version: str = ""


class UserInfo(Wire, frozen=True):
    """Who is asking."""

    username: str = ""
    groups: tuple[str, ...] = ()


class WhoAmIStatus(Wire, frozen=True):
    """The answer to a SelfSubjectReview."""

    user_info: UserInfo = UserInfo()


class WhoAmI(Wire, frozen=True):
    """A SelfSubjectReview."""

    status: WhoAmIStatus = WhoAmIStatus()


class ReviewStatus(Wire, frozen=True):
    """The answer to a SelfSubjectAccessReview."""

    allowed: bool = False
    reason: str = ""


class AccessReview(Wire, frozen=True):
    """A SelfSubjectAccessReview."""

    status: ReviewStatus = ReviewStatus()


def read(body: bytes, kind: type[T], source: str) -> T:
    """Decode an answer.

    Raises:
        TargetError: it is not what it should be; a proxy or a portal answered, perhaps.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise TargetError(
            f"{source} answered something that is not a {kind.__name__}: {error}",
            "is this the address of a Kubernetes API server, and not of a proxy before it?",
        ) from None
