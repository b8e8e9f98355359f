"""Services, followed to their end in the Pod."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.answering import family, pod_addresses
from podprobe.analysis.words import listed
from podprobe.findings import facts
from podprobe.findings.rule import Hit, Look, Threshold, rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from podprobe.model import Listener, Service, ServicePort, Snapshot


@rule(
    "SVC101",
    "critical",
    "warning",
    title="A Service sends to a port that does not answer",
    when="A Service that leads to the Pod sends to a port on which nobody listens though every container "
    "has run for {grace_seconds} s, or only on loopback, or not at the Pod's address of the Service's IP family. A "
    "warning where one of its two families is answered, and where a headless Service names a port that only its SRV "
    "records translate.",
    measured="Services whose selector matches the Pod's labels, or whose EndpointSlice names the Pod; `targetPort` (a "
    "name is looked up in the containers' ports) against the listeners (sock_diag), with their address and "
    "IPV6_V6ONLY, and the Pod's addresses. An ExternalName leads to no Pod and is left out.",
    why="Whoever connects to the Service is refused. A Service reaches the Pod by its address: a listener "
    "on 127.0.0.1 does not answer there, one on 0.0.0.0 does not answer IPv6. The name of a headless Service is "
    "the Pod's own address, and nothing turns its port into another.",
    remedy="Let the program listen on all addresses, correct `targetPort`, or remove the port from the "
    "Service.",
    thresholds={
        "grace_seconds": Threshold(
            10, "seconds that the containers have, from their start, to open their ports"
        )
    },
)
def dead_end(look: Look) -> Iterator[Hit]:
    """A Service port that ends nowhere."""
    if not facts.saw_sockets(look.snapshot):
        return
    young = any(
        not facts.settled(look.snapshot, container, look["grace_seconds"])
        for _, container in facts.household(look.snapshot)
    )
    for index, service in enumerate(look.snapshot.services):
        for place, port in enumerate(service.ports):
            if port.listener not in _DEAD or (port.listener in {"missing", "srv-only"} and young):
                continue
            there = (
                facts.listening(look.snapshot, port.target_port, port.protocol)
                if port.protocol != "sctp"
                else []
            )
            name = port.container or next((each.container for _, each in there if each.container), None)
            yield Hit(
                subject=f"Service {service.name} port {port.port}",
                evidence=[_reality(look.snapshot, service, port, name, [each for _, each in there])],
                remedy=_remedy(service.name, port, name),
                severity="warning" if _partly(look.snapshot, service, port) else "critical",
                pointers=[
                    f"/services/{index}/ports/{place}",
                    *(f"/network/listeners/{number}" for number, _ in there),
                ],
                containers=[name],
            )


_DEAD = frozenset({"missing", "loopback-only", "other-address", "srv-only"})


def _partly(snapshot: Snapshot, service: Service, port: ServicePort) -> bool:
    """Some clients are answered."""
    if port.listener == "srv-only":
        return True
    known = {family(one) for one in pod_addresses(snapshot)}
    return bool(port.unreached) and bool(known & set(service.ip_families) - set(port.unreached))


def _reality(
    snapshot: Snapshot, service: Service, port: ServicePort, container: str | None, there: Sequence[Listener]
) -> str:
    who = container or "a container"
    if port.listener == "srv-only":
        return (
            f"Service {service.name} is headless: its name is the Pod's own address, and there nobody listens on port "
            f"{port.port}. {who} listens on {port.target_port}, which only who looks up the Service's SRV record is "
            "told."
        )
    sends = f"Service {service.name} sends port {port.port} to port {port.target_port} of the Pod, where"
    if port.listener == "missing":
        return f"{sends} nobody listens."
    if port.listener == "loopback-only":
        return f"{sends} {who} listens on loopback only."
    at = listed(dict.fromkeys(facts.bound(one) for one in there)) or "another address"
    ours = [one for one in pod_addresses(snapshot) if not port.unreached or family(one) in port.unreached]
    if not ours:
        return f"{sends} {who} listens; but it sends by {listed(port.unreached)}, of which the Pod has no address."
    return f"{sends} {who} listens on {at}, which does not answer at the Pod's address {listed(ours)}."


def _remedy(service: str, port: ServicePort, container: str | None) -> str:
    drop = f"remove port {port.port} from Service {service}"
    if port.listener == "srv-only":
        return (
            f"Make port {port.port} of Service {service} the port that is really listened on, {port.target_port}, or "
            "let clients take the port from the SRV record."
        )
    if port.listener == "other-address":
        wanted = f"[::]:{port.target_port}, with IPV6_V6ONLY off," if "IPv6" in port.unreached else (
            f"0.0.0.0:{port.target_port} (or on [::] with IPV6_V6ONLY off)"
        )  # fmt: skip
        return (
            f"Let {container or 'the program'} listen on {wanted} or give Service {service} only the families "
            "(`ipFamilies`) that are answered."
        )
    if port.listener == "loopback-only":
        return (
            f"Let {container or 'the program'} listen on 0.0.0.0:{port.target_port} if outside is "
            f"meant to reach it; otherwise {drop}."
        )
    return (
        f"Correct `targetPort` of port {port.port} in Service {service}, start what should listen on "
        f"{port.target_port}, or {drop}."
    )


@rule(
    "SVC102",
    "warning",
    title="A Service names a port that the Pod does not have",
    when="A Service that selects the Pod has a `targetPort` with a name that no container declares, or only for "
    "another protocol.",
    measured="`targetPort` and `protocol` of the Services against the names under `ports` of the Pod's containers.",
    why="The Pod is left out of that port's endpoints: if no other Pod has the name, connections to the "
    "Service are refused.",
    remedy="Add the name to the container's port, or correct the Service.",
    manifest=True,
)
def unknown_name(look: Look) -> Iterator[Hit]:
    """A name that means nothing."""
    for index, service in enumerate(look.snapshot.services):
        for place, port in enumerate(service.ports):
            if port.target_port_name is None or port.target_port is not None:
                continue
            if service.type == "ExternalName":
                continue
            if said := _other_protocol(look.snapshot, service, port):
                evidence, remedy, who = said
                yield Hit(
                    subject=f"Service {service.name} port {port.port}",
                    evidence=[evidence],
                    remedy=remedy,
                    pointers=[f"/services/{index}/ports/{place}"],
                    containers=[who],
                )
                continue
            names = sorted(
                {each.name for container in look.snapshot.containers for each in container.ports if each.name}
            )
            has = f"declare {listed(names)}" if names else "name no port"
            yield Hit(
                subject=f"Service {service.name} port {port.port}",
                evidence=[
                    (
                        f"Service {service.name} sends port {port.port} to the port named "
                        f"{port.target_port_name!r}; the Pod's containers {has}."
                    )
                ],
                remedy=f"Add `name: {port.target_port_name}` to the port that is meant, or correct "
                f"`targetPort` of port {port.port} in Service {service.name}.",
                pointers=[f"/services/{index}/ports/{place}"],
            )


def _other_protocol(snapshot: Snapshot, service: Service, port: ServicePort) -> tuple[str, str, str] | None:
    """Evidence, remedy and container where the name is declared, but for another protocol than the Service's."""
    for container in snapshot.containers:
        for declared in container.ports:
            if declared.name == port.target_port_name and declared.protocol != port.protocol:
                theirs, ours = declared.protocol.upper(), port.protocol.upper()
                return (
                    (
                        f"Service {service.name} sends port {port.port} over {ours} to the port named "
                        f"{declared.name!r}, "
                        f"which {container.name} declares for {theirs}: a name is valid for its own protocol only."
                    ),
                    (
                        f"Write `protocol: {theirs}` for port {port.port} of Service {service.name}, or let "
                        f"{container.name} declare the port for {ours}."
                    ),
                    container.name,
                )
    return None
