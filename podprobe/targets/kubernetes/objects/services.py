"""Services and their endpoints."""

from __future__ import annotations

from msgspec import field

from podprobe.targets.kubernetes.objects.wire import Meta, Wire


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
    cluster_ips: tuple[str, ...] | None = field(name="clusterIPs", default=None)
    ip_families: tuple[str, ...] | None = None
    external_ips: tuple[str, ...] | None = field(name="externalIPs", default=None)
    external_name: str | None = None
    selector: dict[str, str] | None = None
    ports: tuple[ServicePortSpec, ...] | None = None


class LoadBalancerIngress(Wire, frozen=True):
    """An address or a name of a load balancer."""

    ip: str | None = None
    hostname: str | None = None


class LoadBalancerStatus(Wire, frozen=True):
    """What a load balancer has given."""

    ingress: tuple[LoadBalancerIngress, ...] | None = None


class ServiceStatus(Wire, frozen=True):
    """`status` of a Service."""

    load_balancer: LoadBalancerStatus | None = None


class ServiceObject(Wire, frozen=True):
    """A Service."""

    metadata: Meta = Meta()
    spec: ServiceSpec = ServiceSpec()
    status: ServiceStatus | None = None


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


class EndpointPort(Wire, frozen=True):
    """A port of all endpoints of a slice."""

    name: str | None = None
    protocol: str | None = None
    port: int | None = None


class EndpointSlice(Wire, frozen=True):
    """Part of a Service's endpoints."""

    metadata: Meta = Meta()
    endpoints: tuple[Endpoint, ...] | None = None
    ports: tuple[EndpointPort, ...] | None = None


class EndpointSliceList(Wire, frozen=True):
    """EndpointSlices."""

    items: tuple[EndpointSlice, ...] = ()
