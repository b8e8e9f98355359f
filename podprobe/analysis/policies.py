"""Whom the NetworkPolicies that select the Pod let reach its ports.

Policies only ever allow: once one that restricts ingress selects the Pod, what none of them allows is closed. They do
not bear on loopback. That the cluster's network plugin enforces them is taken for granted; it cannot be seen from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from podprobe.analysis.endpoints import is_loopback
from podprobe.analysis.facts import passing_listener
from podprobe.analysis.words import listed
from podprobe.model import Reach

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from podprobe.model import NetworkPolicy, PolicyPort, PolicyRule, Snapshot

ANYONE = "anyone"
NOBODY = "nobody"
_Listened = tuple[Literal["tcp", "udp"], int, str | None]


def reach(snapshot: Snapshot) -> tuple[Reach, ...]:
    """A verdict for each port that is listened on, in the order of the listeners.

    None on the host's network, where it is up to the network plugin whether policies bear on a Pod, and none where no
    policy selects it.
    """
    policies = snapshot.network_policies
    if not policies or snapshot.target.host_network:
        return ()
    return tuple(judge(policies, *each) for each in dict.fromkeys(_listened(snapshot)))


def judge(
    policies: Sequence[NetworkPolicy],
    protocol: Literal["tcp", "udp"],
    port: int,
    container: str | None = None,
) -> Reach:
    """Who may connect to a port, as all `policies` taken together say."""
    closing = [policy for policy in policies if "ingress" in policy.types]
    opening = [
        (policy.name, rule)
        for policy in closing
        for rule in policy.ingress
        if _is_about(rule, protocol, port)
    ]
    allowed: Literal["all", "some", "none"] = "none"
    if not closing or any(not rule.peers for _, rule in opening):
        allowed = "all"
    elif opening:
        allowed = "some"
    sources = (peer for _, rule in opening for peer in rule.peers) if allowed == "some" else ()
    names = (name for name, _ in opening) if opening else (policy.name for policy in closing)
    return Reach(
        protocol=protocol,
        port=port,
        container=container,
        allowed=allowed,
        sources=tuple(dict.fromkeys(sources)),
        policies=tuple(dict.fromkeys(names)),
    )


def leaving(
    policies: Sequence[NetworkPolicy], protocol: Literal["tcp", "udp"], port: int
) -> tuple[Literal["all", "some", "none"], tuple[str, ...], tuple[str, ...]]:
    """Whether the Pod may connect to a port of others, as all `policies` taken together say.

    A rule with a named port counts as one that may be about it: what the name means is the peer's to say.

    Returns:
        The verdict, whom it may reach there where that is `some`, and the policies that say so; where it is `none`,
        those that restrict egress.
    """
    closing = [policy for policy in policies if "egress" in policy.types]
    opening = [
        (policy.name, rule)
        for policy in closing
        for rule in policy.egress
        if _is_about(rule, protocol, port)
        or any(each.name is not None and each.protocol == protocol for each in rule.ports)
    ]
    if not closing:
        return "all", (), ()
    names = tuple(dict.fromkeys(name for name, _ in opening) if opening else [one.name for one in closing])
    if any(not rule.peers for _, rule in opening):
        return "all", (), names
    return (
        ("some" if opening else "none"),
        tuple(dict.fromkeys(peer for _, rule in opening for peer in rule.peers)),
        names,
    )


def verdict(found: Reach) -> str:
    """Who may connect, in words."""
    if found.allowed == "some":
        return listed(found.sources)
    return ANYONE if found.allowed == "all" else NOBODY


def described(rules: Sequence[PolicyRule], nobody: str = NOBODY) -> str:
    """Rules in words: `anyone at 80; Pods of this namespace with app=web at 9000-9010 and 8125/udp`."""
    return "; ".join(f"{_peers(rule)}{_at(rule)}" for rule in rules) or nobody


def _peers(rule: PolicyRule) -> str:
    return listed(rule.peers) if rule.peers else ANYONE


def _at(rule: PolicyRule) -> str:
    return f" at {listed(port_words(port) for port in rule.ports)}" if rule.ports else ""


def port_words(port: PolicyPort) -> str:
    """`80`, `9000-9010`, `8125/udp`, `http (8080)`, `every tcp port`."""
    number = f"{port.port}-{port.end_port}" if port.end_port is not None else str(port.port)
    if port.name is not None:
        number = port.name if port.port is None else f"{port.name} ({port.port})"
    elif port.port is None:
        return f"every {port.protocol} port"
    return number if port.protocol == "tcp" else f"{number}/{port.protocol}"


def _is_about(rule: PolicyRule, protocol: str, port: int) -> bool:
    return not rule.ports or any(_has(each, protocol, port) for each in rule.ports)


def _has(ports: PolicyPort, protocol: str, port: int) -> bool:
    if ports.protocol != protocol:
        return False
    if ports.port is None:
        return ports.name is None
    last = ports.port if ports.end_port is None else ports.end_port
    return ports.port <= port <= last


def _listened(snapshot: Snapshot) -> Iterator[_Listened]:
    for each in snapshot.network.listeners:
        if (
            (each.protocol == "tcp" or each.protocol == "udp")
            and not is_loopback(each.address)
            and not passing_listener(snapshot, each)
        ):
            yield each.protocol, each.port, each.container
