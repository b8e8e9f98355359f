"""Services, followed to their end in the Pod."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.words import listed
from podprobe.findings import facts
from podprobe.findings.rule import Hit, Look, Threshold, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import ServicePort


@rule(
    "SVC101",
    "critical",
    title="A Service sends to a port that does not answer",
    when="A Service that selects the Pod sends to a port on which nobody listens though every container "
    "has run for {grace_seconds} s, or only on loopback.",
    measured="Services whose selector matches the Pod's labels; `targetPort` (a name is looked up in the "
    "containers' ports) against the listeners (sock_diag).",
    why="Whoever connects to the Service is refused. A Service reaches the Pod by its address: a listener "
    "on 127.0.0.1 does not answer there.",
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
            if port.listener not in {"missing", "loopback-only"} or (port.listener == "missing" and young):
                continue
            there = (
                facts.listening(look.snapshot, port.target_port, port.protocol)
                if port.protocol != "sctp"
                else []
            )
            name = port.container or next((each.container for _, each in there if each.container), None)
            yield Hit(
                subject=f"Service {service.name} port {port.port}",
                evidence=[
                    (
                        f"Service {service.name} sends port {port.port} to port {port.target_port} of the "
                        f"Pod, where {_reality(port, name)}."
                    )
                ],
                remedy=_remedy(service.name, port, name),
                pointers=[
                    f"/services/{index}/ports/{place}",
                    *(f"/network/listeners/{number}" for number, _ in there),
                ],
                containers=[name],
            )


def _reality(port: ServicePort, container: str | None) -> str:
    if port.listener == "missing":
        return "nobody listens"
    return f"{container or 'a container'} listens on loopback only"


def _remedy(service: str, port: ServicePort, container: str | None) -> str:
    drop = f"remove port {port.port} from Service {service}"
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
    when="A Service that selects the Pod has a `targetPort` with a name that no container declares.",
    measured="`targetPort` of the Services against the names under `ports` of the Pod's containers.",
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
