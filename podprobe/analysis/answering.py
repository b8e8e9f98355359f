"""Which listeners answer at which address of the Pod: a port is no endpoint by itself.

A Service leads to the Pod's address of its own family, the kubelet's probes to the first of the Pod's addresses.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from podprobe.analysis.endpoints import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from podprobe.model import Listener, Snapshot

Family = Literal["IPv4", "IPv6"]


def family(address: str) -> Family:
    """Of an address."""
    return "IPv6" if ":" in address else "IPv4"


def pod_addresses(snapshot: Snapshot) -> tuple[str, ...]:
    """Where the Pod is reached from outside: as the cluster says, else by its interfaces; empty where neither tells."""
    if snapshot.target.ips:
        return snapshot.target.ips
    every = (one.partition("/")[0] for each in snapshot.network.interfaces for one in each.addresses)
    return tuple(one for one in every if not is_loopback(one) and not one.lower().startswith("fe80:"))


def answers(listener: Listener, address: str) -> bool:
    """The listener takes what is sent to this address of the Pod.

    Where the kernel did not tell whether a listener on `::` takes IPv4 too, it is taken to do so, as by default.
    """
    if listener.address == "*":
        return True
    if listener.address == "0.0.0.0":  # noqa: S104  # compared with, not bound to
        return family(address) == "IPv4"
    if listener.address == "::":
        return family(address) == "IPv6" or not listener.v6_only
    return _same(listener.address, address)


def answered(listeners: Iterable[Listener], addresses: Sequence[str]) -> Listener | None:
    """The first listener that answers at one of the addresses; where none are known, one that is not on loopback."""
    for listener in listeners:
        if any(answers(listener, one) for one in addresses) or (
            not addresses and not is_loopback(listener.address)
        ):
            return listener
    return None


@lru_cache(maxsize=4096)
def _same(one: str, other: str) -> bool:
    try:
        return _plain(one) == _plain(other)
    except ValueError:
        return one == other


def _plain(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    parsed = ipaddress.ip_address(text.partition("%")[0])
    return getattr(parsed, "ipv4_mapped", None) or parsed
