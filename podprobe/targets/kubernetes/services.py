"""The Services that lead to a Pod, their ports followed into it, and whether it is among their ready endpoints.

Missing permission is a note, never a failure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from podprobe.model import Service, ServicePort, Visibility
from podprobe.targets.kubernetes import asks
from podprobe.targets.kubernetes.failures import ApiError
from podprobe.targets.kubernetes.objects import EndpointSliceList, ServiceList

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.targets.kubernetes.api import Api
    from podprobe.targets.kubernetes.objects import (
        ContainerPort,
        EndpointPort,
        EndpointSlice,
        Pod,
        ServiceObject,
        ServicePortSpec,
    )

    _Entry = tuple[bool, tuple[EndpointPort, ...]]
    """Of the Pod in a Service's EndpointSlice: whether it is ready, and the slice's ports."""

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
    by_hand = [one for one in listed if not one.spec.selector and one.spec.type != "ExternalName"]
    slices: tuple[EndpointSlice, ...] | None = ()
    if matching or by_hand:
        try:
            slices = api.recently(asks.list_endpoint_slices(namespace), EndpointSliceList).items
        except ApiError as error:
            slices = None
            what = "whether it is a ready endpoint of its Services, and of which without a selector, is not known"
            notes.append(_note(error, "partial", what, "list endpointslices.discovery.k8s.io"))
    leading = [one for one in by_hand if slices and any(_entries(one.metadata.name, pod, slices))]
    return tuple(service_of(one, pod, slices) for one in (*matching, *leading)), tuple(notes)


def selects(service: ServiceObject, pod: Pod) -> bool:
    """The Service's selector matches the Pod's labels. A Service without one selects nothing."""
    labels = pod.metadata.labels or {}
    selector = service.spec.selector
    return bool(selector) and all(labels.get(key) == value for key, value in (selector or {}).items())


def service_of(service: ServiceObject, pod: Pod, slices: tuple[EndpointSlice, ...] | None) -> Service:
    """The Service with its ports followed to the Pod's declared ones. `slices`: its endpoints, where they are known."""
    spec = service.spec
    # An ExternalName is an alias of a name in DNS: no endpoints are made of its selector.
    alias = spec.type == "ExternalName"
    entries = None if slices is None or alias else tuple(_entries(service.metadata.name, pod, slices))
    given = service.status.load_balancer if service.status else None
    ports = tuple(_port(port, pod, entries, by_hand=alias or not spec.selector) for port in spec.ports or ())
    return Service(
        name=service.metadata.name,
        type=spec.type,
        cluster_ip=spec.cluster_ip,
        cluster_ips=spec.cluster_ips or (),
        ip_families=() if alias else spec.ip_families or (),
        external_ips=spec.external_ips or (),
        load_balancer=tuple(
            each for one in (given.ingress if given else None) or () if (each := one.ip or one.hostname)
        ),
        external_name=spec.external_name if alias else None,
        by_hand=not spec.selector and not alias,
        ports=ports,
        ready=None
        if entries is None
        else any(port.ready for port in ports)
        if ports
        else any(ready for ready, _ in entries),
    )


def _port(
    port: ServicePortSpec, pod: Pod, entries: tuple[_Entry, ...] | None, *, by_hand: bool
) -> ServicePort:
    """The port, followed by what the Service says; where its selector does not count, by what its endpoints say."""
    found_at = [(ready, at) for ready, ports in entries or () if (at := _number(port, ports))]
    target = port.target_port if port.target_port is not None else port.port
    number: int | None
    name: str | None = None
    listener: Literal["unresolved", "unknown"]
    if by_hand:
        number, listener, container = (found_at[0][1] if found_at else None), "unknown", None
    elif isinstance(target, str) and not target.isdecimal():
        found = named_port(target, port.protocol, pod)
        number = found[1].container_port if found else None
        container = found[0] if found else None
        listener = "unknown" if found else "unresolved"
        name = target
    else:
        number, listener = int(target), "unknown"
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
        ready=None if entries is None else any(ready for ready, _ in found_at),
    )


def named_port(name: str, protocol: str, pod: Pod) -> tuple[str, ContainerPort] | None:
    """The container port that a name means, and whose it is: the first of that name and protocol, sidecars included."""
    sidecars = (one for one in pod.spec.init_containers or () if one.restart_policy == "Always")
    for spec in (*pod.spec.containers, *sidecars):
        for port in spec.ports or ():
            if port.name == name and port.protocol == protocol:
                return spec.name, port
    return None


def _entries(service: str, pod: Pod, slices: tuple[EndpointSlice, ...]) -> Iterator[_Entry]:
    """The endpoints of a Service that are the Pod: whether ready, and the ports of their slice."""
    for piece in slices:
        if (piece.metadata.labels or {}).get("kubernetes.io/service-name") != service:
            continue
        for endpoint in piece.endpoints or ():
            reference = endpoint.target_ref
            if reference is None or reference.kind not in {"", "Pod"}:
                continue
            # Who makes a slice by hand need not give the uid.
            same = reference.uid == pod.metadata.uid if reference.uid else reference.name == pod.metadata.name
            if same:
                yield endpoint.conditions.ready is not False, piece.ports or ()


def _number(port: ServicePortSpec, ports: tuple[EndpointPort, ...]) -> int | None:
    """The port of endpoints that a Service's port leads to: the one of the same name; `None`: they are none of its."""
    for one in ports:
        if (one.name or "") == (port.name or "") and (one.protocol or "TCP") == port.protocol:
            return one.port
    return None


def _note(error: ApiError, level: Literal["partial", "none"], what: str, grant: str) -> Visibility:
    return Visibility(
        area="services",
        container=None,
        level=level,
        reason=f"{what}: {error.message}",
        allow=f"permission to {grant}" if error.status == 403 else None,
    )
