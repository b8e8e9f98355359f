"""Services that lead to the Pod, each port followed to the listener it ends at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from podprobe.analysis.answering import answered, family, pod_addresses
from podprobe.analysis.endpoints import is_loopback

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podprobe.model import Service, ServicePort, Snapshot

Reach = Literal["ok", "loopback-only", "other-address", "missing", "unresolved", "unknown"]


def services(snapshot: Snapshot) -> tuple[Service, ...]:
    """The snapshot's Services with each port's end: who listens there, and whether it can be reached from outside.

    Nothing is said (`unknown`) of a Pod whose sockets were not looked at, and of an alias, which leads to no Pod.
    """
    looked = any(container.agent for container in snapshot.containers)
    return tuple(
        msgspec.structs.replace(
            service, ports=tuple(_followed(service, port, snapshot, looked=looked) for port in service.ports)
        )
        for service in snapshot.services
    )


def _followed(service: Service, port: ServicePort, snapshot: Snapshot, *, looked: bool) -> ServicePort:
    replace = msgspec.structs.replace
    if service.type == "ExternalName":
        return replace(port, listener="unknown")
    if port.target_port is None:
        return replace(port, listener="unresolved" if port.target_port_name else "unknown")
    if not looked or port.protocol == "sctp":
        return replace(port, listener="unknown")
    families = service.ip_families
    listener, container, unreached = reach(snapshot, port.protocol, port.target_port, families)
    if service.cluster_ip == "None" and port.port != port.target_port:
        # The name is the Pod's own address: only who asks for SRV records is told another port than the Service's.
        straight, whose, lacking = reach(snapshot, port.protocol, port.port, families)
        if straight == "ok":
            return replace(port, listener="ok", container=whose, unreached=lacking)
        if listener == "ok":
            return replace(port, listener="srv-only", container=container, unreached=unreached)
    return replace(port, listener=listener, container=container, unreached=unreached)


def reach(
    snapshot: Snapshot, protocol: str, port: int, families: Sequence[str] = ()
) -> tuple[Reach, str | None, tuple[str, ...]]:
    """Whether someone outside the Pod reaches a listener at this port of the Pod.

    Args:
        snapshot: with the listeners and the Pod's addresses.
        protocol: `tcp`, `udp`.
        port: of the Pod.
        families: by which it is reached; empty: any that the Pod has.

    Returns:
        The verdict, whose the listener is, and the families at whose address none answers though one does at another.
    """
    there = [item for item in snapshot.network.listeners if item.protocol == protocol and item.port == port]
    if not there:
        return "missing", None, ()
    addresses = pod_addresses(snapshot)
    wanted = dict.fromkeys(one for one in families if one in {family(each) for each in addresses})
    if families and addresses and not wanted:
        return "other-address", there[0].container, tuple(families)
    if not wanted:
        found = answered(there, addresses)
        unreached: tuple[str, ...] = ()
    else:
        by_family = {
            one: answered(there, [each for each in addresses if family(each) == one]) for one in wanted
        }
        found = next((one for one in by_family.values() if one), None)
        unreached = tuple(one for one, listener in by_family.items() if listener is None)
    if found is not None:
        return ("other-address" if unreached else "ok"), found.container, unreached
    if all(is_loopback(one.address) for one in there):
        return "loopback-only", there[0].container, ()
    return "other-address", there[0].container, tuple(wanted)
