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
