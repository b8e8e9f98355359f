"""Pods."""

from __future__ import annotations

from typing import Any

from msgspec import field

from podprobe.targets.kubernetes.objects.containers import (  # msgspec reads annotations at run time
    ContainerSpec,
    ContainerStatus,
    SecurityContext,
)
from podprobe.targets.kubernetes.objects.wire import Condition, ListMeta, Meta, Wire


class PodOs(Wire, frozen=True):
    """The operating system a Pod asks for."""

    name: str = "linux"


class PodSecurityContext(SecurityContext, frozen=True, omit_defaults=True):
    """A Pod's: what its containers share."""

    supplemental_groups: tuple[int, ...] | None = None
    fs_group: int | None = None


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
    security_context: PodSecurityContext | None = None
    os: PodOs | None = None
    node_selector: dict[str, str] | None = None


class PodIp(Wire, frozen=True):
    """One address."""

    ip: str = ""


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


class PodList(Wire, frozen=True):
    """Pods."""

    items: tuple[Pod, ...] = ()
    metadata: ListMeta = ListMeta()


class PodEvent(Wire, frozen=True):
    """One line of a watch."""

    type: str
    object: Pod = Pod()
