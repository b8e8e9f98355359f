"""NetworkPolicies that select the Pod, and whom they let reach its listeners."""

from __future__ import annotations

from typing import Literal

from podprobe.model.base import Model


class PolicyPort(Model, frozen=True, kw_only=True):
    """What a rule says of ports."""

    protocol: Literal["tcp", "udp", "sctp"] = "tcp"
    port: int | None = None
    """`None` without a `name`: every port of the protocol. With one: none, as the Pod has no port of that name, or, in
    an egress rule, whatever the peer means by it."""
    end_port: int | None = None
    """The last of a range that begins with `port`."""
    name: str | None = None
    """A named port; `port` is what it is in this Pod."""


class PolicyRule(Model, frozen=True, kw_only=True):
    """One rule: these peers, at these ports."""

    ports: tuple[PolicyPort, ...] = ()
    """Empty: every port of every protocol."""
    peers: tuple[str, ...] = ()
    """In words: `Pods with app=web`, `addresses in 10.0.0.0/8`. Empty: anyone."""


class NetworkPolicy(Model, frozen=True, kw_only=True):
    """A NetworkPolicy that selects the Pod."""

    name: str
    types: tuple[Literal["ingress", "egress"], ...]
    """What it restricts. In that direction, only what some policy allows passes."""
    ingress: tuple[PolicyRule, ...] = ()
    """Who may connect to the Pod; empty, where it restricts ingress: nobody."""
    egress: tuple[PolicyRule, ...] = ()
    """Where the Pod may connect to; empty, where it restricts egress: nowhere."""


class Reach(Model, frozen=True, kw_only=True):
    """Who may connect to a port that is listened on, as all NetworkPolicies that select the Pod taken together say.

    The Pod itself and its own node (the kubelet's probes) are never kept out.
    """

    protocol: Literal["tcp", "udp"]
    port: int
    container: str | None = None
    allowed: Literal["all", "some", "none"]
    sources: tuple[str, ...] = ()
    """Where `some` may: who, in words."""
    policies: tuple[str, ...] = ()
    """The policies that let them; where none does, those that keep everybody out."""
