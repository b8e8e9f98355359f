"""Whom NetworkPolicies let reach the Pod: tables, and any policies against a reference that tries every rule."""

from __future__ import annotations

from random import Random
from typing import Any, Literal

import pytest
from msgspec.structs import replace

from podprobe.analysis.policies import described, judge, reach, verdict
from podprobe.model import Listener, NetworkPolicy, PolicyPort, PolicyRule, Reach
from tests.support import changes
from tests.support.samples import healthy_pod

WEB = PolicyRule(ports=(PolicyPort(port=80),))
FRIENDS = PolicyRule(peers=("Pods of this namespace with app=friend",))


def policy(*ingress: PolicyRule, name: str = "one", **more: Any) -> NetworkPolicy:
    return NetworkPolicy(name=name, **{"types": ("ingress",), "ingress": ingress, **more})


EGRESS = policy(name="out", types=("egress",))


@pytest.mark.parametrize(
    ("policies", "port", "allowed", "names"),
    [
        ((EGRESS,), 9000, "all", ()),
        ((policy(),), 80, "none", ("one",)),
        ((policy(WEB),), 80, "all", ("one",)),
        ((policy(WEB),), 9000, "none", ("one",)),
        ((policy(PolicyRule()),), 9000, "all", ("one",)),
        ((policy(FRIENDS),), 9000, "some", ("one",)),
        ((policy(name="deny"), policy(WEB, name="web")), 80, "all", ("web",)),
        ((policy(name="deny"), policy(WEB, name="web")), 81, "none", ("deny", "web")),
        ((policy(FRIENDS, name="few"), policy(WEB, name="web")), 80, "all", ("few", "web")),
        ((policy(FRIENDS, name="few"), EGRESS), 80, "some", ("few",)),
    ],
)
def test_policies_add_up(
    policies: tuple[NetworkPolicy, ...], port: int, allowed: str, names: tuple[str, ...]
) -> None:
    found = judge(policies, "tcp", port, "web")
    assert (found.allowed, found.policies, found.container) == (allowed, names, "web")
    assert bool(found.sources) == (allowed == "some")


@pytest.mark.parametrize(
    ("port", "open_at", "closed_at"),
    [
        (PolicyPort(port=80), [80], [79, 81]),
        (PolicyPort(port=80, end_port=82), [80, 81, 82], [79, 83]),
        (PolicyPort(), [1, 65535], []),
        (PolicyPort(port=8080, name="http"), [8080], [80]),
        (PolicyPort(port=None, name="nowhere"), [], [1, 80]),
        (PolicyPort(protocol="udp", port=80), [], [80]),
        (PolicyPort(protocol="udp"), [], [80]),
    ],
)
def test_ports(port: PolicyPort, open_at: list[int], closed_at: list[int]) -> None:
    policies = (policy(PolicyRule(ports=(port,))),)
    assert all(judge(policies, "tcp", number).allowed == "all" for number in open_at)
    assert all(judge(policies, "tcp", number).allowed == "none" for number in closed_at)


PEERS = ("a", "b", "c")


def _passes(policies: list[NetworkPolicy], peer: str, protocol: str, port: int) -> bool:
    """The rules of the API's documentation, one connection at a time."""
    isolating = [one for one in policies if "ingress" in one.types]
    if not isolating:
        return True
    for one in isolating:
        for rule in one.ingress:
            numbers: set[tuple[str, int]] = set()
            for ports in rule.ports:
                if ports.port is not None:
                    last = ports.end_port if ports.end_port is not None else ports.port
                    numbers |= {(ports.protocol, number) for number in range(ports.port, last + 1)}
                elif ports.name is None:
                    numbers |= {(ports.protocol, number) for number in range(12)}
            if (not rule.ports or (protocol, port) in numbers) and (not rule.peers or peer in rule.peers):
                return True
    return False


def _random_policy(random: Random, name: str) -> NetworkPolicy:
    def port() -> PolicyPort:
        first = random.choice([None, random.randrange(12)])
        return PolicyPort(
            protocol=random.choice(["tcp", "udp", "sctp"]),
            port=first,
            end_port=None if first is None or random.random() < 0.5 else first + random.randrange(4),
            name=random.choice([None, "http"]) if first is None else None,
        )

    def rule() -> PolicyRule:
        return PolicyRule(
            ports=tuple(port() for _ in range(random.randrange(3))),
            peers=tuple(random.sample(PEERS, random.randrange(3))),
        )

    types = random.choice([("ingress",), ("egress",), ("ingress", "egress")])
    return NetworkPolicy(name=name, types=types, ingress=tuple(rule() for _ in range(random.randrange(4))))


@pytest.mark.parametrize("seed", range(300))
def test_any_policies_against_the_reference(seed: int) -> None:
    random = Random(seed)
    policies = [_random_policy(random, f"p{number}") for number in range(random.randrange(1, 4))]
    protocols: tuple[Literal["tcp", "udp"], ...] = ("tcp", "udp")
    for protocol in protocols:
        for port in range(12):
            found = judge(policies, protocol, port)
            # A stranger is somebody whom no rule names.
            passing = {peer for peer in (*PEERS, "stranger") if _passes(policies, peer, protocol, port)}
            if "stranger" in passing:
                assert found.allowed == "all"
            elif passing:
                assert found.allowed == "some"
                assert set(found.sources) == passing
            else:
                assert found.allowed == "none"


def test_which_listeners_are_judged() -> None:
    listeners = (
        Listener(protocol="tcp", address="0.0.0.0", port=80, container="nginx"),
        Listener(protocol="tcp", address="::", port=80, container="nginx"),
        Listener(protocol="tcp", address="127.0.0.1", port=5000, container="webapp"),
        Listener(protocol="tcp", address="::ffff:127.0.0.1", port=5001, container="webapp"),
        Listener(protocol="tcp", address="10.0.0.7", port=9000, container="webapp"),
        Listener(protocol="udp", address="0.0.0.0", port=8125, container="webapp"),
        Listener(protocol="udp", address="0.0.0.0", port=45000, container="webapp"),
        Listener(protocol="packet", address="eth0", port=3),
    )
    pod = changes.network(listeners=listeners)
    assert reach(pod) == ()
    pod = replace(pod, network_policies=(policy(WEB),))
    assert [(one.protocol, one.port, one.container, one.allowed) for one in reach(pod)] == [
        ("tcp", 80, "nginx", "all"),
        ("tcp", 9000, "webapp", "none"),
        ("udp", 8125, "webapp", "none"),
    ]
    assert reach(replace(pod, target=replace(pod.target, host_network=True))) == ()


def test_words() -> None:
    some = PolicyRule(
        ports=(
            PolicyPort(port=9000, end_port=9010),
            PolicyPort(protocol="udp", port=8125),
            PolicyPort(port=8080, name="http"),
            PolicyPort(name="gone"),
            PolicyPort(protocol="sctp"),
        ),
        peers=("Pods of this namespace with app=a", "addresses in 10.0.0.0/8"),
    )
    assert described((WEB, some)) == (
        "anyone at 80; Pods of this namespace with app=a and addresses in 10.0.0.0/8 at 9000-9010, 8125/udp, "
        "http (8080), gone and every sctp port"
    )
    assert described(()) == "nobody"
    assert described((), "nowhere") == "nowhere"
    assert verdict(Reach(protocol="tcp", port=80, allowed="all")) == "anyone"
    assert verdict(Reach(protocol="tcp", port=80, allowed="none")) == "nobody"
    assert verdict(Reach(protocol="tcp", port=80, allowed="some", sources=("a", "b"))) == "a and b"


def test_without_policies_nothing_is_said() -> None:
    assert reach(healthy_pod()) == ()
