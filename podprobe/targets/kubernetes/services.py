"""The Services that select a Pod, their ports followed into it, and whether it is among their ready endpoints.

Missing permission is a note, never a failure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from podprobe.model import Service, ServicePort, Visibility
from podprobe.targets.kubernetes import asks
from podprobe.targets.kubernetes.failures import ApiError
from podprobe.targets.kubernetes.objects import EndpointSliceList, ServiceList

if TYPE_CHECKING:
    from podprobe.targets.kubernetes.api import Api
    from podprobe.targets.kubernetes.objects import (
        ContainerPort,
        EndpointSlice,
        Pod,
        ServiceObject,
        ServicePortSpec,
    )

_PROTOCOLS: dict[str, Literal["tcp", "udp", "sctp"]] = {"TCP": "tcp", "UDP": "udp", "SCTP": "sctp"}


def services_of(api: Api, pod: Pod) -> tuple[tuple[Service, ...], tuple[Visibility, ...]]:
    """The Services of `pod`, and what of them could not be seen."""
    namespace = pod.metadata.namespace or "default"
    notes: list[Visibility] = []
    try:
        listed = api.recently(asks.list_services(namespace), ServiceList).items
    except ApiError as error:
        return (), (_note(error, "none", "its Services are not known", "list services"),)
    matching = [one for one in listed if selects(one, pod)]
    slices: tuple[EndpointSlice, ...] | None = ()
    if matching:
        try:
            slices = api.recently(asks.list_endpoint_slices(namespace), EndpointSliceList).items
        except ApiError as error:
            slices = None
            what = "whether it is a ready endpoint of its Services is not known"
            notes.append(_note(error, "partial", what, "list endpointslices.discovery.k8s.io"))
    return tuple(service_of(one, pod, slices) for one in matching), tuple(notes)


def selects(service: ServiceObject, pod: Pod) -> bool:
    """The Service's selector matches the Pod's labels. A Service without one selects nothing."""
    labels = pod.metadata.labels or {}
    selector = service.spec.selector
    return bool(selector) and all(labels.get(key) == value for key, value in (selector or {}).items())


def service_of(service: ServiceObject, pod: Pod, slices: tuple[EndpointSlice, ...] | None) -> Service:
    """The Service with its ports followed to the Pod's declared ones. `slices`: its endpoints, where they are known."""
    return Service(
        name=service.metadata.name,
        type=service.spec.type,
        cluster_ip=service.spec.cluster_ip,
        ports=tuple(_port(port, pod) for port in service.spec.ports or ()),
        # An ExternalName is an alias of a name in DNS: no endpoints are made of its selector.
        ready=None
        if slices is None or service.spec.type == "ExternalName"
        else _ready(service.metadata.name, pod, slices),
    )


def _port(port: ServicePortSpec, pod: Pod) -> ServicePort:
    target = port.target_port if port.target_port is not None else port.port
    number: int | None
    listener: Literal["unresolved", "unknown"]
    if isinstance(target, str) and not target.isdecimal():
        found = named_port(target, port.protocol, pod)
        number = found[1].container_port if found else None
        container = found[0] if found else None
        listener = "unknown" if found else "unresolved"
        name: str | None = target
    else:
        number, name, listener = int(target), None, "unknown"
        # A declaration is a hint; the listener itself is looked for once there are agents.
        container = next(
            (spec.name for spec in pod.spec.containers for one in spec.ports or ()
             if one.container_port == number and one.protocol == port.protocol), None,
        )  # fmt: skip
    return ServicePort(
        name=port.name,
        port=port.port,
        protocol=_PROTOCOLS.get(port.protocol, "tcp"),
        target_port=number,
        target_port_name=name,
        node_port=port.node_port or None,
        listener=listener,
        container=container,
    )


def named_port(name: str, protocol: str, pod: Pod) -> tuple[str, ContainerPort] | None:
    """The container port that a name means, and whose it is: the first of that name and protocol, sidecars included."""
    sidecars = (one for one in pod.spec.init_containers or () if one.restart_policy == "Always")
    for spec in (*pod.spec.containers, *sidecars):
        for port in spec.ports or ():
            if port.name == name and port.protocol == protocol:
                return spec.name, port
    return None


def _ready(service: str, pod: Pod, slices: tuple[EndpointSlice, ...]) -> bool:
    for piece in slices:
        if (piece.metadata.labels or {}).get("kubernetes.io/service-name") != service:
            continue
        for endpoint in piece.endpoints or ():
            reference = endpoint.target_ref
            if reference and reference.uid == pod.metadata.uid and endpoint.conditions.ready is not False:
                return True
    return False


def _note(error: ApiError, level: Literal["partial", "none"], what: str, grant: str) -> Visibility:
    return Visibility(
        area="services",
        container=None,
        level=level,
        reason=f"{what}: {error.message}",
        allow=f"permission to {grant}" if error.status == 403 else None,
    )
