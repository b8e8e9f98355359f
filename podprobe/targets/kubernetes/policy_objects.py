"""NetworkPolicies as the API server sends them (networking.k8s.io/v1): what podprobe reads of them."""

from __future__ import annotations

from msgspec import field

from podprobe.targets.kubernetes.objects import Meta, Selector, Wire


class IpBlock(Wire, frozen=True):
    """A range of addresses, less some."""

    cidr: str
    except_: tuple[str, ...] | None = field(name="except", default=None)


class Peer(Wire, frozen=True):
    """Who is meant: Pods by labels, of this namespace or of others, or addresses."""

    pod_selector: Selector | None = None
    namespace_selector: Selector | None = None
    ip_block: IpBlock | None = None


class PortSpec(Wire, frozen=True):
    """A port by number or name, a range, or without either all of the protocol."""

    protocol: str = "TCP"
    port: int | str | None = None
    end_port: int | None = None


class IngressRule(Wire, frozen=True):
    """Who may come in, and where."""

    ports: tuple[PortSpec, ...] | None = None
    from_: tuple[Peer, ...] | None = field(name="from", default=None)


class EgressRule(Wire, frozen=True):
    """Where the Pod may connect to."""

    ports: tuple[PortSpec, ...] | None = None
    to: tuple[Peer, ...] | None = None


class PolicySpec(Wire, frozen=True):
    """`spec` of a NetworkPolicy. Without a `podSelector`, or with an empty one, it selects every Pod."""

    pod_selector: Selector | None = None
    policy_types: tuple[str, ...] | None = None
    ingress: tuple[IngressRule, ...] | None = None
    egress: tuple[EgressRule, ...] | None = None


class PolicyObject(Wire, frozen=True):
    """A NetworkPolicy."""

    metadata: Meta = Meta()
    spec: PolicySpec = PolicySpec()


class PolicyList(Wire, frozen=True):
    """NetworkPolicies."""

    items: tuple[PolicyObject, ...] = ()


class ApiGroup(Wire, frozen=True):
    """A group of resources that the API server knows."""

    name: str = ""


class ApiGroups(Wire, frozen=True):
    """What `/apis` says."""

    groups: tuple[ApiGroup, ...] = ()
