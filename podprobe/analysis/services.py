"""Services that select the Pod, each port followed to the listener it ends at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from podprobe.analysis.endpoints import is_loopback

if TYPE_CHECKING:
    from podprobe.model import Listener, Service, ServicePort, Snapshot

Reach = Literal["ok", "loopback-only", "missing", "unresolved", "unknown"]


def services(snapshot: Snapshot) -> tuple[Service, ...]:
    """The snapshot's Services with each port's end: who listens there, and whether it can be reached from outside.

    Nothing is said (`unknown`) of a Pod whose sockets were not looked at.
    """
    looked = any(container.agent for container in snapshot.containers)
    return tuple(
        msgspec.structs.replace(
            service, ports=tuple(_followed(port, snapshot, looked=looked) for port in service.ports)
        )
        for service in snapshot.services
    )


def _followed(port: ServicePort, snapshot: Snapshot, *, looked: bool) -> ServicePort:
    if port.target_port is None:
        return msgspec.structs.replace(port, listener="unresolved" if port.target_port_name else "unknown")
    if not looked or port.protocol == "sctp":
        return msgspec.structs.replace(port, listener="unknown")
    listener, container = reach(snapshot, port.protocol, port.target_port)
    return msgspec.structs.replace(port, listener=listener, container=container)


def reach(snapshot: Snapshot, protocol: str, port: int) -> tuple[Reach, str | None]:
    """Whether someone outside the Pod reaches a listener at this port of the Pod, and whose it is."""
    there = [item for item in snapshot.network.listeners if item.protocol == protocol and item.port == port]
    open_ones = [item for item in there if not _only_loopback(item)]
    if open_ones:
        return "ok", open_ones[0].container
    if there:
        return "loopback-only", there[0].container
    return "missing", None


def _only_loopback(listener: Listener) -> bool:
    return is_loopback(listener.address)
