"""What several rules ask of a snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis import endpoints
from podprobe.analysis.endpoints import endpoint
from podprobe.analysis.times import seconds_between

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import Connection, Container, Flow, Listener, Snapshot


def household(snapshot: Snapshot) -> Iterator[tuple[int, Container]]:
    """The containers that are meant to live side by side, with their index: not init containers, not ephemeral ones."""
    for index, container in enumerate(snapshot.containers):
        if container.kind in {"app", "sidecar"}:
            yield index, container


def saw(snapshot: Snapshot, *areas: str) -> bool:
    """Nothing says that one of these areas could not be seen in the whole Pod."""
    return not any(
        seen.container is None and seen.level == "none" and seen.area in areas for seen in snapshot.visibility
    )


def saw_sockets(snapshot: Snapshot) -> bool:
    """The sockets of the Pod's network namespace were read: then a port without a listener has none.

    On the host's network the listeners are the node's, and a missing one says as much as elsewhere.
    """
    network = snapshot.network
    looked = network.interfaces or network.listeners or network.connections or network.counters.values
    return bool(looked) and saw(snapshot, "sockets", "network", "agent", "inet")


def settled(snapshot: Snapshot, container: Container, seconds: float) -> bool:
    """The container runs, and has run so long that it had time to open its ports."""
    if container.state != "running":
        return False
    age = seconds_between(container.started_at, snapshot.taken_at)
    return age is None or age >= seconds


def listening(snapshot: Snapshot, port: int | None, protocol: str = "tcp") -> list[tuple[int, Listener]]:
    """The listeners on a port, with their index."""
    return [
        (index, listener)
        for index, listener in enumerate(snapshot.network.listeners)
        if listener.port == port and listener.protocol == protocol
    ]


def loopback_only(listeners: list[tuple[int, Listener]]) -> bool:
    """There are listeners, and none can be reached from outside the Pod."""
    return bool(listeners) and all(endpoints.is_loopback(listener.address) for _, listener in listeners)


def bound(listener: Listener) -> str:
    """The listener's endpoint, and that it takes IPv6 only where that is so."""
    only = " (IPv6 only)" if listener.address == "::" and listener.v6_only else ""
    return f"{shown(listener)}{only}"


def shown(listener: Listener) -> str:
    """The listener's endpoint."""
    return endpoint(listener.address, listener.port)


def whose(container: str | None) -> str:
    """The container's name for a sentence."""
    return container or "a container that could not be told"


def parties(part: Flow | Connection) -> str:
    """`nginx → webapp`."""
    return f"{part.from_container or 'outside'} → {part.to_container or 'outside'}"


def inside(part: Flow | Connection) -> bool:
    """Both ends are in the Pod."""
    return part.scope in {"loopback", "pod"}


def ours(snapshot: Snapshot, *containers: str | None) -> bool:
    """It is the Pod's: on the host's network, only what one of its containers is known to have a part in is."""
    return not snapshot.target.host_network or any(containers)


def own_addresses(snapshot: Snapshot) -> frozenset[str]:
    """The Pod's addresses."""
    mine = {address.partition("/")[0] for each in snapshot.network.interfaces for address in each.addresses}
    return frozenset(mine | set(snapshot.target.ips))


def listener_for(snapshot: Snapshot, server: str, protocol: str = "tcp") -> list[tuple[int, Listener]]:
    """The listeners that answer at an endpoint of the Pod."""
    address, port = endpoints.split(server)
    return [
        (index, listener)
        for index, listener in listening(snapshot, port, protocol)
        if listener.address == address or endpoints.is_any(listener.address)
    ]
