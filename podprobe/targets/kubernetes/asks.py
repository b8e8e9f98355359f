"""What is asked of the API server: one value gives the path, the permission it takes, and the words of an error."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import quote


@dataclass(frozen=True)
class Ask:
    """One kind of request, as RBAC sees it."""

    verb: str
    """As RBAC names it: get, list, watch, create, patch, delete."""
    resource: str
    """With its subresource: `pods/exec`."""
    namespace: str | None = None
    """`None`: the whole cluster, or a resource that belongs to it."""
    name: str | None = None
    group: str = ""
    version: str = "v1"

    @property
    def path(self) -> str:
        """The URL's path."""
        parts = ["/apis/" + self.group if self.group else "/api", self.version]
        if self.namespace is not None:
            parts += ["namespaces", quote(self.namespace, safe="")]
        resource, _, subresource = self.resource.partition("/")
        parts.append(resource)
        if self.name is not None:
            parts.append(quote(self.name, safe=""))
            if subresource:
                parts.append(subresource)
        return "/".join(parts)

    @property
    def words(self) -> str:
        """For people: `get pods/mc1 in namespace default`."""
        return f"{self.verb} {self.subject} {self.where}"

    @property
    def subject(self) -> str:
        """What it is done to: `pod mc1`, `services`."""
        resource, _, subresource = self.resource.partition("/")
        of = f"{subresource} of " if subresource else ""
        return f"{of}{resource.removesuffix('s')} {self.name}" if self.name else f"{of}{resource}"

    @property
    def permission(self) -> str:
        """The permission as an error names it: `patch pods/ephemeralcontainers in namespace strict`."""
        group = f".{self.group}" if self.group else ""
        resource, slash, subresource = self.resource.partition("/")
        return f"{self.verb} {resource}{group}{slash}{subresource} {self.where}"

    @property
    def where(self) -> str:
        """`in namespace default`, or `in the whole cluster`."""
        return f"in namespace {self.namespace}" if self.namespace is not None else "in the whole cluster"

    def to(self, verb: str) -> Ask:
        """The same with another verb."""
        return replace(self, verb=verb)


def get_pod(namespace: str, name: str) -> Ask:
    """One Pod."""
    return Ask("get", "pods", namespace, name)


def list_pods(namespace: str | None) -> Ask:
    """The Pods of a namespace, or of all."""
    return Ask("list", "pods", namespace)


def patch_agents(namespace: str, name: str) -> Ask:
    """Add ephemeral containers to a Pod."""
    return Ask("patch", "pods/ephemeralcontainers", namespace, name)


def exec_in(namespace: str, name: str) -> Ask:
    """Run a process in a container. A WebSocket begins with a GET; from Kubernetes 1.35 on `create` is asked for."""
    return Ask("create", "pods/exec", namespace, name)


def list_services(namespace: str) -> Ask:
    """The Services of a namespace."""
    return Ask("list", "services", namespace)


def list_endpoint_slices(namespace: str) -> Ask:
    """The EndpointSlices of a namespace."""
    return Ask("list", "endpointslices", namespace, group="discovery.k8s.io")


def list_network_policies(namespace: str) -> Ask:
    """The NetworkPolicies of a namespace."""
    return Ask("list", "networkpolicies", namespace, group="networking.k8s.io")


def list_events(namespace: str) -> Ask:
    """The events of a namespace."""
    return Ask("list", "events", namespace)


def get_node(name: str) -> Ask:
    """One node."""
    return Ask("get", "nodes", None, name)


def get_namespace(name: str) -> Ask:
    """One namespace."""
    return Ask("get", "namespaces", None, name)
