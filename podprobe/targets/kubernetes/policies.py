"""The NetworkPolicies that select a Pod, with their peers in words and their ports as this Pod has them.

Missing permission is a note, never a failure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from podprobe.model import NetworkPolicy, PolicyPort, PolicyRule, Visibility
from podprobe.targets.kubernetes import asks, labels
from podprobe.targets.kubernetes.failures import ApiError
from podprobe.targets.kubernetes.policy_objects import ApiGroups, PolicyList
from podprobe.targets.kubernetes.services import named_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import Level
    from podprobe.targets.kubernetes.api import Api
    from podprobe.targets.kubernetes.objects import Pod
    from podprobe.targets.kubernetes.policy_objects import Peer, PolicyObject, PortSpec

_PROTOCOLS: dict[str, Literal["tcp", "udp", "sctp"]] = {"TCP": "tcp", "UDP": "udp", "SCTP": "sctp"}
_DIRECTIONS: tuple[Literal["ingress", "egress"], ...] = ("ingress", "egress")
_NAMESPACE_NAME = "kubernetes.io/metadata.name"
_OTHERS = {
    "cilium.io": "Cilium's",
    "crd.antrea.io": "Antrea's",
    "crd.projectcalico.org": "Calico's",
    "policy.networking.k8s.io": "cluster-wide (policy.networking.k8s.io)",
    "projectcalico.org": "Calico's",
}
"""API groups of other kinds of policies, which add to NetworkPolicies or overrule them."""


def policies_of(api: Api, pod: Pod) -> tuple[tuple[NetworkPolicy, ...], tuple[Visibility, ...]]:
    """The NetworkPolicies that select `pod`, by name, and what could not be seen or judged of them."""
    try:
        listed = api.recently(
            asks.list_network_policies(pod.metadata.namespace or "default"), PolicyList
        ).items
    except ApiError as error:
        allow = "permission to list networkpolicies.networking.k8s.io" if error.status == 403 else None
        return (), (_note("none", f"its NetworkPolicies are not known: {error.message}", allow),)
    mine = pod.metadata.labels or {}
    selecting, notes = [], []
    for one in sorted(listed, key=lambda policy: policy.metadata.name):
        selects = labels.matches(one.spec.pod_selector, mine)
        if selects:
            selecting.append(policy_of(one, pod))
        elif selects is None:
            name = one.metadata.name
            notes.append(
                _note("partial", f"NetworkPolicy {name} selects Pods in a way that podprobe does not know")
            )
    if selecting:
        notes += _limits(api, pod)
    return tuple(selecting), tuple(notes)


def policy_of(policy: PolicyObject, pod: Pod) -> NetworkPolicy:
    """The policy as it bears on `pod`, without rules for a direction that it does not restrict: they mean nothing."""
    spec = policy.spec
    # Without `policyTypes`: ingress always, egress where there are rules for it.
    named = spec.policy_types or (("Ingress", "Egress") if spec.egress else ("Ingress",))
    types = tuple(kind for kind in _DIRECTIONS if kind.capitalize() in named)
    comes_in = (spec.ingress or ()) if "ingress" in types else ()
    goes_out = (spec.egress or ()) if "egress" in types else ()
    return NetworkPolicy(
        name=policy.metadata.name,
        types=types,
        ingress=tuple(_rule(one.ports, one.from_, pod) for one in comes_in),
        # A name means a port of the peer there, and not of this Pod.
        egress=tuple(_rule(one.ports, one.to, None) for one in goes_out),
    )


def _rule(ports: tuple[PortSpec, ...] | None, peers: tuple[Peer, ...] | None, pod: Pod | None) -> PolicyRule:
    return PolicyRule(
        ports=tuple(_port(port, pod) for port in ports or ()),
        peers=tuple(dict.fromkeys(_who(peer) for peer in peers or ())),
    )


def _port(port: PortSpec, pod: Pod | None) -> PolicyPort:
    protocol = _PROTOCOLS.get(port.protocol, "tcp")
    if isinstance(port.port, str):
        found = named_port(port.port, port.protocol, pod) if pod else None
        return PolicyPort(protocol=protocol, port=found[1].container_port if found else None, name=port.port)
    return PolicyPort(protocol=protocol, port=port.port, end_port=port.end_port)


def _who(peer: Peer) -> str:
    """A peer in words."""
    if block := peer.ip_block:
        less = f" except {', '.join(block.except_)}" if block.except_ else ""
        return f"addresses in {block.cidr}{less}"
    if peer.pod_selector is None and peer.namespace_selector is None:
        return "peers of a kind that podprobe does not know"
    which = labels.words(peer.pod_selector) if peer.pod_selector else ""
    pods = "Pods" if which else "every Pod"
    return f"{pods} of {_where(peer)}{f' with {which}' if which else ''}"


def _where(peer: Peer) -> str:
    spaces = peer.namespace_selector
    if spaces is None:
        return "this namespace"
    exact = spaces.match_labels or {}
    if list(exact) == [_NAMESPACE_NAME] and not spaces.match_expressions:
        return f"namespace {exact[_NAMESPACE_NAME]}"
    which = labels.words(spaces)
    return f"namespaces labelled {which}" if which else "every namespace"


def _limits(api: Api, pod: Pod) -> Iterator[Visibility]:
    """What may make the verdicts on a Pod that policies select wrong."""
    if pod.spec.host_network:
        yield _note(
            "partial",
            "it is up to the network plugin whether NetworkPolicies bear on a Pod on the host's network: who may reach "
            "its ports is not judged",
        )
    try:
        known = {group.name for group in api.raw("/apis", ApiGroups).groups}
    except ApiError as error:
        yield _note(
            "partial", f"whether the cluster has other kinds of policies is not known: {error.message}"
        )
        return
    if others := dict.fromkeys(_OTHERS[name] for name in sorted(_OTHERS) if name in known):
        yield _note(
            "partial",
            f"the cluster has other kinds of policies, too, and what they allow or deny is not judged: "
            f"{', '.join(others)}",
        )


def _note(level: Level, reason: str, allow: str | None = None) -> Visibility:
    return Visibility(area="network_policies", container=None, level=level, reason=reason, allow=allow)
