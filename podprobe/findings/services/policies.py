"""NetworkPolicies, and what they leave unreachable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.policies import NOBODY, described
from podprobe.analysis.words import count, listed
from podprobe.findings import facts
from podprobe.findings.rule import Hit, Look, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import NetworkPolicy, Reach, Snapshot

_UNSEEN = "Whether the cluster's network plugin enforces NetworkPolicies cannot be seen from the Pod."


@rule(
    "SVC103",
    "info",
    title="NetworkPolicies select the Pod",
    when="One or more NetworkPolicies select the Pod; the ports that none of them opens are named, and the Services "
    "that send there.",
    measured="NetworkPolicies of the Pod's namespace whose `podSelector` matches its labels, all taken together: who "
    "may come in is the union of their ingress rules. Against the listeners that are not on loopback "
    "(sock_diag), and the Services' target ports.",
    why="What no policy allows is dropped without an answer: a client waits until its own timeout, and nothing "
    "in the Pod shows it. The Pod itself and its node, and so the kubelet's probes, are never kept out: a Pod "
    "can be ready and unreachable. Whether the network plugin enforces policies cannot be seen from a Pod; "
    "`visibility` names other kinds of policies that the cluster has, which are not judged.",
    remedy="Where a closed port is meant to be reached, allow it with an ingress rule. Otherwise nothing.",
)
def restricted(look: Look) -> Iterator[Hit]:
    """Policies, and the ports that they close."""
    snapshot = look.snapshot
    policies = snapshot.network_policies
    if not policies:
        return
    closed = [(index, found) for index, found in enumerate(snapshot.reach) if found.allowed == "none"]
    services = list(_sending(snapshot, {(found.protocol, found.port) for _, found in closed}))
    yield Hit(
        subject="Pod",
        evidence=[
            *(_about(policy) for policy in policies),
            *(_closed(found) for _, found in closed),
            *(sentence for _, sentence in services),
            *_names(policies),
            *_not_judged(snapshot),
            _UNSEEN,
        ],
        remedy=_remedy(policies, closed),
        pointers=[
            *(f"/network_policies/{index}" for index in range(len(policies))),
            *(f"/reach/{index}" for index, _ in closed),
            *(pointer for pointer, _ in services),
        ],
        containers=[found.container for _, found in closed],
    )


def _about(policy: NetworkPolicy) -> str:
    parts = []
    if "ingress" in policy.types:
        parts.append(f"restricts ingress: {described(policy.ingress)}")
    if "egress" in policy.types:
        parts.append(f"restricts egress: {described(policy.egress, 'nowhere')}")
    return f"NetworkPolicy {policy.name} {', and '.join(parts) or 'restricts nothing'}."


def _closed(found: Reach) -> str:
    there = _port(found.protocol, found.port)
    return f"No policy lets anybody reach {there}, where {facts.whose(found.container)} listens."


def _port(protocol: str, port: int) -> str:
    return f":{port}" if protocol == "tcp" else f":{port}/{protocol}"


def _sending(snapshot: Snapshot, closed: set[tuple[str, int]]) -> Iterator[tuple[str, str]]:
    """Pointers to the Service ports that lead to closed ones, with a sentence about each."""
    for index, service in enumerate(snapshot.services):
        for place, port in enumerate(service.ports):
            if port.target_port is None or (port.protocol, port.target_port) not in closed:
                continue
            there = _port(port.protocol, port.target_port)
            said = f"Service {service.name} sends port {port.port} to {there}, which is closed to everybody."
            yield f"/services/{index}/ports/{place}", said


def _names(policies: tuple[NetworkPolicy, ...]) -> Iterator[str]:
    for policy in policies:
        ports = [port for each in policy.ingress for port in each.ports]
        for name in dict.fromkeys(port.name for port in ports if port.name and port.port is None):
            yield f"NetworkPolicy {policy.name} opens the port named {name!r}, which no container declares."


def _not_judged(snapshot: Snapshot) -> Iterator[str]:
    if snapshot.target.host_network:
        yield (
            "The Pod is on the host's network: it is up to the network plugin whether policies bear on it, and who may "
            "reach its ports is not judged."
        )


def _remedy(policies: tuple[NetworkPolicy, ...], closed: list[tuple[int, Reach]]) -> str:
    if not closed:
        return "Nothing, unless a peer cannot connect: then compare it with what the policies allow."
    ports = listed(dict.fromkeys(_port(found.protocol, found.port) for _, found in closed))
    names = [policy.name for policy in policies if "ingress" in policy.types]
    one = (
        f"NetworkPolicy {names[0]}"
        if len(names) == 1
        else f"one of {count(len(names), 'NetworkPolicy', 'NetworkPolicies')}"
    )
    return (
        f"If {ports} should be reached, add an ingress rule for it to {one}; if {NOBODY} should, do nothing."
    )
